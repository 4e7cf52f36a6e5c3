//! A table: a head, rows from an offset on that keeps the selected one in sight, columns that go when there is no room.

use super::text::{cut, width};
use crate::tui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its head.
    pub title: &'static str,
    /// So many columns of the terminal at least; a column of none is not shown.
    pub min: u16,
    /// It takes what is left over, shared with others that do.
    pub grows: bool,
    /// Where its text stands.
    pub align: Alignment,
    /// Columns with a higher number go first when there is no room; 0 never goes.
    pub rank: u8,
}

/// A cell.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// Its text.
    pub text: String,
    /// Its style, over the table's.
    pub style: Style,
}

impl Cell {
    /// A text with a style.
    #[must_use]
    pub fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, style: Style::new() }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// A table to draw. Only the cells of rows in sight are asked for.
pub struct Table<'a> {
    /// The columns.
    pub columns: &'a [Column],
    /// How many rows there are.
    pub rows: usize,
    /// The selected one.
    pub selected: Option<usize>,
    /// The first one shown by the last frame.
    pub offset: usize,
    /// The column it is sorted by, and whether from the largest.
    pub order: Option<(usize, bool)>,
    /// Gives a row's cells, and whether it is marked.
    pub cells: &'a dyn Fn(usize) -> (Vec<Cell>, bool),
}

/// What a table laid out.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// The first row shown.
    pub offset: usize,
    /// How many rows fit.
    pub height: usize,
    /// Where rows are, with their places.
    pub rows: Vec<(Rect, usize)>,
    /// Where heads are, with their columns' places.
    pub heads: Vec<(Rect, usize)>,
}

impl Table<'_> {
    /// Draws it.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) -> Tables {
        let mut laid = Tables { height: usize::from(area.height.saturating_sub(1)), ..Tables::default() };
        if area.is_empty() {
            return laid;
        }
        let widths = self.widths(area.width.saturating_sub(2));
        laid.offset = self.first(laid.height);
        let mut x = area.x + 2;
        for (place, (column, width)) in self.columns.iter().zip(&widths).enumerate() {
            let Some(width) = *width else { continue };
            let arrow = match self.order {
                Some((by, descending)) if by == place => {
                    if descending {
                        "▾"
                    } else {
                        "▴"
                    }
                }
                _ => "",
            };
            let rect = Rect::new(x, area.y, width, 1);
            let style = if arrow.is_empty() { theme.dim } else { theme.accent };
            text(buffer, rect, &head(column.title, arrow, usize::from(width)), column.align, style);
            laid.heads.push((rect, place));
            x += width + 1;
        }
        for (line, row) in (laid.offset..self.rows).take(laid.height).enumerate() {
            let y = area.y + 1 + u16::try_from(line).unwrap_or(0);
            let rect = Rect::new(area.x, y, area.width, 1);
            let (cells, marked) = (self.cells)(row);
            let chosen = self.selected == Some(row);
            let bar = match (chosen, marked) {
                (true, true) => "▶●",
                (true, false) => "▶ ",
                (false, true) => " ●",
                (false, false) => "  ",
            };
            let bar = cut(bar, usize::from(area.width));
            buffer.set_string(area.x, y, bar, if marked { theme.mark } else { theme.accent });
            let mut x = area.x + 2;
            for ((column, width), cell) in self.columns.iter().zip(&widths).zip(&cells) {
                let Some(width) = *width else { continue };
                text(buffer, Rect::new(x, y, width, 1), &cell.text, column.align, cell.style);
                x += width + 1;
            }
            if chosen {
                buffer.set_style(rect, theme.selected);
            }
            laid.rows.push((rect, row));
        }
        laid
    }

    /// The first row to show: as before, unless the selected one would be out of sight.
    fn first(&self, height: usize) -> usize {
        let offset = self.offset.min(self.rows.saturating_sub(height));
        match self.selected {
            Some(selected) if selected < offset => selected,
            Some(selected) if height > 0 && selected >= offset + height => selected + 1 - height,
            _ => offset,
        }
    }

    /// The width of each column; none for one that has no room.
    fn widths(&self, room: u16) -> Vec<Option<u16>> {
        let mut widths: Vec<Option<u16>> =
            self.columns.iter().map(|column| Some(column.min).filter(|min| *min > 0)).collect();
        let taken = |widths: &[Option<u16>]| -> u16 {
            let shown = widths.iter().flatten().count();
            widths.iter().flatten().sum::<u16>() + u16::try_from(shown.saturating_sub(1)).unwrap_or(0)
        };
        while taken(&widths) > room {
            let last = self
                .columns
                .iter()
                .enumerate()
                .filter(|(place, column)| widths[*place].is_some() && column.rank > 0)
                .max_by_key(|(_, column)| column.rank);
            match last {
                Some((place, _)) => widths[place] = None,
                None => break,
            }
        }
        let growing: Vec<usize> =
            (0..widths.len()).filter(|place| widths[*place].is_some() && self.columns[*place].grows).collect();
        let mut spare = room.saturating_sub(taken(&widths));
        for (done, place) in growing.iter().enumerate() {
            let share = spare / u16::try_from(growing.len() - done).unwrap_or(1);
            widths[*place] = widths[*place].map(|width| width + share);
            spare -= share;
        }
        let mut left = room;
        for width in widths.iter_mut().flatten() {
            *width = (*width).min(left);
            left = left.saturating_sub(*width + 1);
        }
        widths
    }
}

/// A head with its arrow, which is there even when the title has to give way.
fn head(title: &str, arrow: &str, room: usize) -> String {
    let title: String = title.chars().take(room.saturating_sub(width(arrow))).collect();
    format!("{title}{arrow}")
}

fn text(buffer: &mut Buffer, rect: Rect, content: &str, align: Alignment, style: Style) {
    let shown = cut(content, usize::from(rect.width));
    let spare = rect.width.saturating_sub(u16::try_from(width(&shown)).unwrap_or(0));
    let shift = match align {
        Alignment::Left => 0,
        Alignment::Center => spare / 2,
        Alignment::Right => spare,
    };
    buffer.set_string(rect.x + shift, rect.y, &shown, style);
}
