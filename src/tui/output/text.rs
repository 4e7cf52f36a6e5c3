//! A line's bytes as text for a terminal, and text in rows of a width.
//!
//! Bytes that are not UTF-8 show as `\xNN`, control characters as their pictures, tabs as spaces up to the next eighth
//! column. A carriage return does what it does on a terminal: what follows it lies over what was before, so that a
//! progress bar shows as it stood at the end.

use crate::domain::{escape_line, words};
use std::fmt::Write as _;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Columns from tab stop to tab stop.
const TAB: usize = 8;
/// Pieces between carriage returns that are laid over one another, counted from the last.
const PIECES: usize = 16;

/// The text of a line that has `whole` bytes, of which these are the first.
pub(super) fn fit(bytes: &[u8], whole: u64) -> String {
    let cut = (bytes.len() as u64) < whole;
    let mut text = String::with_capacity(bytes.len() + 32);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // writing to a String cannot fail
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    if text.contains('\r') {
        text = overwritten(&text);
    }
    if text.contains(char::is_control) || !text.is_ascii() {
        text = expanded(&text);
    }
    if cut {
        // writing to a String cannot fail
        let _ = write!(text, "… ({} in this line)", words::bytes(whole));
    }
    text
}

/// What is seen at the end, where each carriage return began the line anew.
fn overwritten(text: &str) -> String {
    let pieces: Vec<&str> = text.split('\r').filter(|piece| !piece.is_empty()).collect();
    let last = &pieces[pieces.len().saturating_sub(PIECES)..];
    last.iter().fold(String::new(), |below, piece| over(&below, piece))
}

fn over(below: &str, piece: &str) -> String {
    let taken = piece.width();
    let mut text = piece.to_owned();
    let mut column = 0;
    for (at, letter) in below.grapheme_indices(true) {
        if column >= taken {
            // a wide letter whose first half is covered is gone
            text.extend(std::iter::repeat_n(' ', column - taken));
            text.push_str(&below[at..]);
            break;
        }
        column += letter.width();
    }
    text
}

fn expanded(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + TAB);
    let mut column = 0;
    for (place, piece) in text.split('\t').enumerate() {
        if place > 0 {
            let pad = TAB - column % TAB;
            shown.extend(std::iter::repeat_n(' ', pad));
            column += pad;
        }
        let piece = escape_line(piece);
        column += piece.width();
        shown.push_str(&piece);
    }
    shown
}

/// The rows that a text takes at a width, as ranges of its bytes; at least one.
pub(super) fn rows(text: &str, wide: usize) -> Vec<Range<usize>> {
    if wide == 0 || text.len() <= wide {
        return std::iter::once(0..text.len()).collect();
    }
    if text.is_ascii() {
        return (0..text.len()).step_by(wide).map(|at| at..(at + wide).min(text.len())).collect();
    }
    let (mut rows, mut begin, mut used) = (Vec::new(), 0, 0);
    for (at, letter) in text.grapheme_indices(true) {
        let letter = letter.width();
        if used + letter > wide && at > begin {
            rows.push(begin..at);
            (begin, used) = (at, 0);
        }
        used += letter;
    }
    rows.push(begin..text.len());
    rows
}

/// The part of a text from a column on, at most so many columns, as a range of its bytes.
pub(super) fn columns(text: &str, left: usize, wide: usize) -> Range<usize> {
    if text.is_ascii() {
        let from = left.min(text.len());
        return from..(from.saturating_add(wide)).min(text.len());
    }
    let (mut column, mut from) = (0, None);
    for (at, letter) in text.grapheme_indices(true) {
        if column >= left {
            let begin = *from.get_or_insert((at, column));
            if column + letter.width() > begin.1 + wide {
                return begin.0..at;
            }
        }
        column += letter.width();
    }
    from.map_or(text.len(), |(at, _)| at)..text.len()
}

/// A count with its thousands apart: `1,234,567`.
#[must_use]
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(bytes: &[u8]) -> String {
        fit(bytes, bytes.len() as u64)
    }

    #[test]
    fn any_bytes_become_a_line_a_terminal_can_show() {
        let table: [(&[u8], &str); 12] = [
            (b"plain", "plain"),
            (b"", ""),
            (b"crlf\r", "crlf"),
            (b" 10%\r 20%\r100%", "100%"),
            (b"abcdef\rXY", "XYcdef"),
            ("ä世b\rXY".as_bytes(), "XY b"),
            (b"a\tb\t\tc", "a       b               c"),
            (b"\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
            (b"nul\0", "nul␀"),
            (b"bad \xff\xfe end", "bad \\xff\\xfe end"),
            ("e\u{301}x\ty".as_bytes(), "e\u{301}x      y"),
            ("\u{202e}back".as_bytes(), "\\u{202e}back"),
        ];
        for (bytes, text) in table {
            assert_eq!(whole(bytes), text);
        }
        assert_eq!(fit(b"xxxx", 10 << 20), "xxxx… (10.0 MiB in this line)");
    }

    #[test]
    fn rows_and_columns_go_by_width() {
        assert_eq!(rows("", 5).len(), 1);
        assert_eq!(rows("abcdefg", 3), [0..3, 3..6, 6..7]);
        assert_eq!(rows("世界世", 5), [0..6, 6..9]);
        assert_eq!(rows("世界", 1), [0..3, 3..6]);
        assert_eq!(columns("abcdef", 2, 3), 2..5);
        assert_eq!(columns("a世b界c", 1, 3), 1..5);
        assert_eq!(columns("世", 9, 3), 3..3);
    }

    #[test]
    fn counts_are_grouped() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(count), text);
        }
    }

    proptest! {
        #[test]
        fn rows_are_the_text_and_fit(text in "\\PC{0,60}", wide in 2_usize..20) {
            let rows = rows(&text, wide);
            prop_assert_eq!(rows.iter().map(|row| &text[row.clone()]).collect::<String>(), text.clone());
            for row in &rows {
                let row = &text[row.clone()];
                prop_assert!(row.width() <= wide || row.graphemes(true).count() == 1, "{:?}", row);
            }
            let part = &text[columns(&text, 3, wide)];
            prop_assert!(part.width() <= wide || part.is_empty());
        }

        #[test]
        fn nothing_that_moves_the_cursor_gets_through(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!whole(&bytes).contains(char::is_control));
        }
    }
}
