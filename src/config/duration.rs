//! Durations as people write them: `90s`, `45m`, `2h`, `1d`, `1h30m`.

use std::time::Duration;

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration")]
pub struct BadDuration {
    /// What was given, control characters made visible.
    pub text: String,
}

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads whole numbers with their units, the larger unit first, each unit once: `2h`, `1h30m`.
///
/// # Errors
/// [`BadDuration`] for anything else, a number without a unit too, and for more seconds than 64 bits hold.
pub fn parse_duration(text: &str) -> Result<Duration, BadDuration> {
    read(text.trim()).map(Duration::from_secs).ok_or_else(|| BadDuration { text: crate::domain::escape_line(text) })
}

fn read(mut text: &str) -> Option<u64> {
    let mut seconds = 0_u64;
    let mut units = UNITS.as_slice();
    if text.is_empty() {
        return None;
    }
    while !text.is_empty() {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = text.get(..digits)?.parse().ok()?;
        let unit = text.get(digits..)?.chars().next()?;
        let place = units.iter().position(|(name, _)| *name == unit)?;
        seconds = seconds.checked_add(number.checked_mul(units[place].1)?)?;
        units = &units[place + 1..];
        text = text.get(digits + 1..)?;
    }
    Some(seconds)
}

/// Writes a duration so that [`parse_duration`] reads it back; parts of a second are dropped.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut left = duration.as_secs();
    let mut text = String::new();
    for (name, size) in UNITS {
        if left >= size {
            text.push_str(&(left / size).to_string());
            text.push(name);
            left %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_people_do() {
        for (text, seconds) in [
            ("90s", 90),
            ("45m", 2_700),
            ("2h", 7_200),
            ("1d", 86_400),
            (" 1h30m ", 5_400),
            ("1d1s", 86_401),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for (seconds, text) in [(0, "0s"), (90, "1m30s"), (7_200, "2h"), (86_401, "1d1s"), (3_600, "1h")] {
            assert_eq!(format_duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            " ",
            "2",
            "h",
            "2 h",
            "-2h",
            "+2h",
            "1.5h",
            "2h2h",
            "30m1h",
            "2H",
            "2w",
            "1h30",
            "2h é",
            "٣h",
            "99999999999999999999s",
            "999999999999999999d",
        ] {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
        assert_eq!(parse_duration("\x1b[2h").unwrap_err().to_string(), "`␛[2h` is not a duration");
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds: u64) {
            let duration = Duration::from_secs(seconds);
            proptest::prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = parse_duration(&text);
        }
    }
}
