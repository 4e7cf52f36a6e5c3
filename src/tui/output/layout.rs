//! Which rows of which lines are on the screen. Pure; update moves by it and view draws by it.

use super::pane::OutputPane;
use super::text;
use std::ops::Range;
use unicode_width::UnicodeWidthStr as _;

/// A row on the screen: a line of the window, and the part of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisualRow {
    /// The line's place in the window.
    pub line: usize,
    /// The bytes of its text.
    pub part: Range<usize>,
}

/// Columns and rows that text has.
pub(super) type Room = (usize, usize);

/// A line of the window, and a row of that line.
type Place = (usize, usize);

impl OutputPane {
    fn rows_of(&self, line: usize, wide: usize) -> Vec<Range<usize>> {
        let text = self.window.lines.get(line).map_or("", |line| line.text.as_str());
        if self.wrap {
            text::rows(text, wide)
        } else {
            let part = text::columns(text, self.left, wide);
            std::iter::once(part).collect()
        }
    }

    fn height_of(&self, line: usize, wide: usize) -> usize {
        if self.wrap { self.rows_of(line, wide).len() } else { 1 }
    }

    /// Where the screen begins, as things are.
    fn place(&self, room: Room) -> Place {
        if self.follow {
            return self.last_place(room);
        }
        let line = self.window.lines.partition_point(|line| line.at <= self.top).saturating_sub(1);
        (line, self.row.min(self.height_of(line, room.0).saturating_sub(1)))
    }

    /// Where a screen begins that ends with the window.
    fn last_place(&self, (wide, high): Room) -> Place {
        let mut left = high.max(1);
        for line in (0..self.window.lines.len()).rev() {
            let rows = self.height_of(line, wide);
            if rows >= left {
                return (line, rows - left);
            }
            left -= rows;
        }
        (0, 0)
    }

    /// The line a screen begins with that ends with the window.
    pub(super) fn last_line(&self, room: Room) -> usize {
        self.last_place(room).0
    }

    /// The rows on the screen.
    #[must_use]
    pub fn visible(&self, room: Room) -> Vec<VisualRow> {
        let (first, row) = self.place(room);
        let lines = first..self.window.lines.len();
        let rows =
            lines.flat_map(|line| self.rows_of(line, room.0).into_iter().map(move |part| VisualRow { line, part }));
        rows.skip(row).take(room.1).collect()
    }

    fn put(&mut self, (line, row): Place) {
        if let Some(line) = self.window.lines.get(line) {
            (self.top, self.row) = (line.at, row);
        }
    }

    /// Stays where the screen is, instead of following.
    pub(in crate::tui) fn pause(&mut self, room: Room) {
        if self.follow {
            let place = self.place(room);
            self.put(place);
            self.stop();
        }
    }

    /// Goes so many rows down, or up; what lies beyond the lines at hand is owed until those come.
    pub(in crate::tui) fn step(&mut self, by: isize, room: Room) {
        let (mut line, mut row) = self.place(room);
        let last = self.last_place(room);
        let mut left = by.saturating_add(std::mem::take(&mut self.owed));
        while left > 0 && (line, row) < last {
            row += 1;
            if row >= self.height_of(line, room.0) {
                (line, row) = (line + 1, 0);
            }
            left -= 1;
        }
        while left < 0 && (line, row) > (0, 0) {
            if row == 0 {
                line -= 1;
                row = self.height_of(line, room.0);
            }
            row -= 1;
            left += 1;
        }
        self.put((line, row));
        let more_above = self.window.lines.first().is_some_and(|line| line.at > 0);
        if left > 0 && !self.window.to_end || left < 0 && more_above {
            self.owed = left;
        }
    }

    /// Scrolls so many columns to a side, as far as the lines on the screen go.
    pub(in crate::tui) fn sidle(&mut self, by: isize, room: Room) {
        let lines: Vec<usize> = self.visible(room).iter().map(|row| row.line).collect();
        let widest = lines.iter().map(|line| self.window.lines[*line].text.width()).max().unwrap_or(0);
        let most = if by > 0 { self.left.max(widest.saturating_sub(room.0 / 2)) } else { self.left };
        self.left = self.left.saturating_add_signed(by).min(most);
    }

    /// Whether a byte is on the screen.
    #[must_use]
    pub fn shows(&self, at: u64, room: Room) -> bool {
        let Some((line, inside)) = self.find(at) else { return false };
        self.visible(room).iter().any(|row| {
            row.line == line && (row.part.contains(&inside) || !self.wrap && self.left == 0 && inside == row.part.end)
        })
    }

    /// The line of the window that holds a byte, and about where in its text that is.
    fn find(&self, at: u64) -> Option<(usize, usize)> {
        let line = self.window.lines.partition_point(|line| line.at <= at).checked_sub(1)?;
        let found = &self.window.lines[line];
        let last = line + 1 == self.window.lines.len();
        if at > found.at + found.bytes && !(last && self.window.to_end) {
            return None;
        }
        let mut inside = usize::try_from(at - found.at).unwrap_or(usize::MAX).min(found.text.len());
        while !found.text.is_char_boundary(inside) {
            inside -= 1;
        }
        Some((line, inside))
    }

    /// Arrives where it is going to, if the lines there are at hand: a third of the screen from the top.
    pub(in crate::tui) fn arrive(&mut self, room: Room) {
        let Some((line, inside)) = self.going.and_then(|going| self.find(going.to)) else { return };
        self.going = None;
        self.owed = 0;
        if !self.wrap {
            let column = self.window.lines[line].text[..inside].width();
            if column < self.left || column + 8 > self.left + room.0 {
                self.left = if column + 16 < room.0 { 0 } else { column.saturating_sub(room.0 / 3) };
            }
        }
        let row = self.rows_of(line, room.0).iter().rposition(|part| part.start <= inside).unwrap_or(0);
        self.put((line, row));
        let third = isize::try_from(room.1 / 3).unwrap_or(0);
        self.step(-third, room);
        self.owed = 0;
        let place = self.place(room).min(self.last_place(room));
        if self.window.to_end {
            self.put(place);
        }
    }
}
