//! Making untrusted text safe for a terminal: control characters become visible and nothing is lost.

use std::fmt::Write as _;

/// Makes every control character visible but keeps line feeds and tabs: `ESC` becomes `␛`, other C0 controls their
/// Unicode pictures, C1 controls and bidirectional overrides `\u{…}`.
#[must_use]
pub fn escape_controls(text: &str) -> String {
    escape(text, true)
}

/// The same for one line: line feeds and tabs are made visible too.
#[must_use]
pub fn escape_line(text: &str) -> String {
    escape(text, false)
}

/// The same of what others wrote and a message quotes: cut where it is long.
#[must_use]
pub fn escape_short(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut rest = text.chars();
    let short: String = rest.by_ref().take(LONGEST).collect();
    let more = if rest.next().is_some() { "…" } else { "" };
    escape_line(&short) + more
}

fn escape(text: &str, keep_layout: bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' if keep_layout => safe.push(c),
            '\u{7f}' => safe.push('␡'),
            '\0'..='\u{1f}' => safe.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                // writing to a String cannot fail
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_survives() {
        assert_eq!(escape_controls("a\x1b[31mb\n\tc\r"), "a␛[31mb\n\tc␍");
        assert_eq!(escape_line("a\nb\u{9b}31m\u{202e}"), "a␊b\\u{9b}31m\\u{202e}");
        assert_eq!(escape_line("\0\x7f"), "␀␡");
    }
}
