//! Text of a certain width, cut where it does not fit.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

/// How many columns a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, or its beginning with a `…` where it is wider than `room` columns.
#[must_use]
pub fn cut(text: &str, room: usize) -> String {
    use unicode_segmentation::UnicodeSegmentation as _;
    if text.width() <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for piece in text.graphemes(true) {
        used += piece.width();
        if used + 1 > room {
            break;
        }
        kept.push_str(piece);
    }
    if room > 0 {
        kept.push('…');
    }
    kept
}

/// Puts a text at the left of a row of an area, cut to what is left of it; gives the columns it took.
pub fn put(buffer: &mut Buffer, area: Rect, column: u16, row: u16, text: &str, style: Style) -> u16 {
    if row >= area.height || column >= area.width {
        return 0;
    }
    let text = cut(text, usize::from(area.width - column));
    buffer.set_string(area.x + column, area.y + row, &text, style);
    u16::try_from(text.width()).unwrap_or(0)
}

/// Puts a text at the right end of a row of an area.
pub fn put_right(buffer: &mut Buffer, area: Rect, row: u16, text: &str, style: Style) -> u16 {
    let text = cut(text, usize::from(area.width));
    let taken = u16::try_from(text.width()).unwrap_or(area.width);
    put(buffer, area, area.width.saturating_sub(taken), row, &text, style)
}
