//! Values as words for people, and lengths of time back from words: lengths, ages, sizes, counts. Every front end shows
//! them the same way.

use super::{Lease, Timestamp};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The longest lease that can be asked for.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// Reads how long a lease is: numbers with a unit each (`s`, `m`, `h`, `d`), largest first or not, added up.
pub fn length(text: &str) -> Result<Duration, String> {
    length_within(text, Lease::SHORTEST..=LONGEST)
}

/// Reads by how much a lease is moved, which may be less than a whole one.
pub fn step(text: &str) -> Result<Duration, String> {
    length_within(text, Duration::from_secs(1)..=LONGEST)
}

/// The same within other bounds.
pub fn length_within(text: &str, bounds: RangeInclusive<Duration>) -> Result<Duration, String> {
    let bad = || "write a number with its unit, such as 90s, 30m, 2h, 1d or 1h30m".to_owned();
    let mut total = Duration::ZERO;
    let mut digits = String::new();
    for c in text.trim().chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(bad()),
        };
        let count: u64 = digits.parse().map_err(|_| bad())?;
        let part = count.checked_mul(unit).map(Duration::from_secs).ok_or_else(bad)?;
        total = total.checked_add(part).ok_or_else(bad)?;
        digits.clear();
    }
    if !digits.is_empty() || text.trim().is_empty() {
        return Err(bad());
    }
    if !bounds.contains(&total) {
        return Err(format!("must be at least {} and at most {}", exact(*bounds.start()), exact(*bounds.end())));
    }
    Ok(total)
}

/// A length of time in whole seconds as [`length`] reads it back: `90s`, `45m`, `1h30m`, `1d`.
#[must_use]
pub fn exact(length: Duration) -> String {
    let mut left = length.as_secs();
    let mut text = String::new();
    for (seconds, unit) in [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')] {
        if left >= seconds {
            text.push_str(&(left / seconds).to_string());
            text.push(unit);
            left %= seconds;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A length of time with its two largest units: `45s`, `3m 20s`, `2h 05m`, `4d 03h`.
#[must_use]
pub fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Seconds as a table shows them: `0.52s`, `12.3s`, `3m 20s`.
#[must_use]
pub fn seconds(value: f64) -> String {
    match value {
        v if !v.is_finite() => "?".to_owned(),
        v if v < 9.995 => format!("{v:.2}s"),
        v if v < 99.95 => format!("{v:.1}s"),
        v => span(Duration::try_from_secs_f64(v).unwrap_or(Duration::MAX)),
    }
}

/// How long ago something was: `now`, `45s ago`, `3m ago`, `2h ago`, `4d ago`.
#[must_use]
pub fn age(at: Timestamp, now: Timestamp) -> String {
    match now.duration_since(at).as_secs() {
        ..=0 => "now".to_owned(),
        s @ 1..60 => format!("{s}s ago"),
        s @ 60..3600 => format!("{}m ago", s / 60),
        s @ 3600..86_400 => format!("{}h ago", s / 3600),
        s => format!("{}d ago", s / 86_400),
    }
}

/// A number of bytes: `512 B`, `12.3 KiB`, `1.5 GiB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// One thing or several: `1 test`, `2 tests`.
#[must_use]
pub fn count(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// The time of day here, `HH:MM`.
#[must_use]
pub fn clock(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_need_units_and_have_bounds() {
        let good = [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400), ("1h30m", 5400), (" 7d ", 604_800)];
        for (text, seconds) in good {
            assert_eq!(length(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", " ", "2", "h", "2 h", "-2h", "2h30", "2x", "0s", "8d", "1.5h", "99999999999999999999h", "é"]
        {
            assert!(length(text).is_err(), "{text:?}");
        }
        assert!(length("18446744073709551615d").is_err());
        // as in the configuration
        assert_eq!(length("9s").unwrap_err(), "must be at least 10s and at most 7d");
        assert_eq!((step("9s"), step("0s").is_err()), (Ok(Duration::from_secs(9)), true));
        for text in ["10s", "45m", "2h", "1h30m", "1d", "1d1h1m1s"] {
            assert_eq!(exact(length(text).unwrap()), text);
        }
    }

    #[test]
    fn times_read_well() {
        let spans =
            [(0, "0s"), (59, "59s"), (60, "1m 00s"), (3599, "59m 59s"), (7500, "2h 05m"), (356_400, "4d 03h")];
        for (value, text) in spans {
            assert_eq!(span(Duration::from_secs(value)), text);
        }
        for (value, text) in [(0.516, "0.52s"), (9.999, "10.0s"), (99.96, "1m 39s"), (200.0, "3m 20s")] {
            assert_eq!(seconds(value), text);
        }
        assert_eq!(seconds(f64::NAN), "?");
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        for (later, text) in
            [(-5, "now"), (0, "now"), (59, "59s ago"), (200, "3m ago"), (7300, "2h ago"), (90_000, "1d ago")]
        {
            assert_eq!(age(at, at + jiff::SignedDuration::from_secs(later)), text);
        }
    }

    #[test]
    fn sizes_read_well() {
        for (value, text) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_048_575, "1.0 MiB"), (u64::MAX, "16384.0 PiB")]
        {
            assert_eq!(bytes(value), text);
        }
        assert_eq!((count(1, "test"), count(0, "test")), ("1 test".into(), "0 tests".into()));
    }
}
