//! The images.

use super::home::{Shape, Source, columns, list};
use crate::tui::model::{IMAGE_COLUMNS, Model, Painted, Row as _, image_rows};
use crate::tui::theme::Theme;
use crate::tui::widget::Cell;
use ratatui::buffer::Buffer;
use ratatui::layout::HorizontalAlignment::{Left, Right};
use ratatui::layout::Rect;

const SHAPES: [Shape; 6] = [
    (20, true, Left, 0),
    (8, false, Left, 4),
    (9, false, Left, 1),
    (8, false, Right, 2),
    (10, false, Right, 3),
    (11, false, Left, 5),
];

/// Draws them.
pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let rows = image_rows(model);
    let cells = |place: usize| {
        let row = &rows[place];
        let (mark, style) = if row.changed.is_empty() { ("●", theme.good) } else { ("◌", theme.warn) };
        let cells = (0..IMAGE_COLUMNS.len())
            .map(|column| match column {
                2 => Cell::new(format!("{mark} {}", row.text(column)), style),
                1 | 3 => Cell::new(row.text(column), theme.dim),
                _ => row.text(column).into(),
            })
            .collect();
        (cells, model.home.images.marks.contains(&(row.image.provider, row.image.name.clone())))
    };
    let source = Source {
        known: &model.images,
        at: model.home.answered.images,
        noun: "image",
        next: &["b makes the development image; the first test run makes it too."],
    };
    let columns = columns(&IMAGE_COLUMNS, &SHAPES);
    list(model, &source, &model.home.images, &columns, rows.len(), &cells, theme, area, buffer, painted);
}
