//! What everything over the screen shares: the box it stands in, text broken into lines.

use crate::tui::model::Painted;
use crate::tui::theme::Theme;
use crate::tui::widget::{cut, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Block, Clear, Widget as _};

/// A box to be drawn.
pub(super) struct Boxed<'a> {
    /// Its title.
    pub title: &'a str,
    /// The style of title and frame.
    pub style: Style,
    /// So many columns with its frame, at most.
    pub columns: u16,
    /// So many rows with its frame, at most.
    pub rows: u16,
}

impl Boxed<'_> {
    /// Draws it in the middle, as much of it as fits; gives its inside.
    pub(super) fn draw(&self, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) -> Rect {
        let (columns, rows) = (self.columns.min(area.width), self.rows.min(area.height));
        let place = Rect::new(area.x + (area.width - columns) / 2, area.y + (area.height - rows) / 2, columns, rows);
        Clear.render(place, buffer);
        buffer.set_style(place, theme.base);
        let title = cut(self.title, usize::from(columns.saturating_sub(4)));
        let block = Block::bordered().border_style(self.style).title(format!(" {title} ")).title_style(self.style);
        let inside = block.inner(place);
        block.render(place, buffer);
        painted.hits.clear();
        painted.height = usize::from(inside.height);
        painted.width = usize::from(inside.width);
        painted.last_top = 0;
        inside
    }
}

/// A text in lines of a width, broken between words where it can be; lines after the first are indented as it is.
pub(super) fn wrapped(text: &str, room: usize) -> Vec<String> {
    let indent = text.len() - text.trim_start().len();
    let indent = " ".repeat(indent.min(room / 2));
    let mut lines = Vec::new();
    let mut line = indent.clone();
    for word in text.split_whitespace() {
        let mut word = word.to_owned();
        let gap = usize::from(line.len() > indent.len());
        if gap > 0 && width(&line) + gap + width(&word) > room {
            lines.push(std::mem::replace(&mut line, indent.clone()));
        } else if gap > 0 {
            line.push(' ');
        }
        // a word that is wider than a line is broken anywhere
        while width(&line) + width(&word) > room && room > indent.len() {
            let fits = word
                .char_indices()
                .map(|(byte, c)| byte + c.len_utf8())
                .take_while(|end| width(&line) + width(&word[..*end]) <= room)
                .last()
                .unwrap_or_else(|| word.chars().next().map_or(0, char::len_utf8));
            let rest = word.split_off(fits);
            line.push_str(&word);
            lines.push(std::mem::replace(&mut line, indent.clone()));
            word = rest;
        }
        line.push_str(&word);
    }
    if line.len() > indent.len() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// A number of rows or columns as the terminal counts.
pub(super) fn cells(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_nothing_is_lost() {
        assert_eq!(wrapped("  ab cd ef", 7), ["  ab cd", "  ef"]);
        assert_eq!(wrapped("abcdefgh i", 4), ["abcd", "efgh", "i"]);
        assert_eq!(wrapped("", 4), [""]);
        for room in 0..12 {
            for text in ["  a é日本語 bcdefghijk", "日本", "x"] {
                let kept: String = wrapped(text, room).concat().split_whitespace().collect();
                assert_eq!(kept, text.split_whitespace().collect::<String>(), "{room}");
            }
        }
    }
}
