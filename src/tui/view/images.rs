//! The images.

use super::home::{Shape, Source, columns, list};
use super::states;
use crate::tui::model::{Freshness, IMAGE_COLUMNS, Model, Painted, Row as _, image_key, image_rows};
use crate::tui::theme::Theme;
use crate::tui::widget::{Cell, width};
use ratatui::buffer::Buffer;
use ratatui::layout::HorizontalAlignment::{Left, Right};
use ratatui::layout::Rect;

/// Draws them.
pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let rows = image_rows(model);
    let wide = |column: usize, least: usize, most: usize| {
        let widest = rows.iter().map(|row| width(&row.text(column))).max().unwrap_or(0);
        u16::try_from(widest.clamp(least, most)).unwrap_or(0)
    };
    // the ids of a cloud's images; those of this computer are their names
    let ids = if rows.iter().any(|row| row.image.id.is_some()) { wide(7, 12, 21) } else { 0 };
    let monthly = if rows.iter().all(|row| row.monthly.is_none()) { 0 } else { wide(5, 6, 9) };
    let shapes: [Shape; 8] = [
        (20, true, Left, 0),
        (wide(1, 8, 14), false, Left, 5),
        (wide(2, 7, 14) + 2, false, Left, 1),
        (8, false, Right, 2),
        (10, false, Right, 4),
        (monthly, false, Right, 3),
        (11, false, Left, 6),
        (ids, false, Left, 7),
    ];
    let cells = |place: usize| {
        let row = &rows[place];
        let (mark, style) = match row.freshness() {
            _ if row.old => states::old(theme),
            Freshness::Current => ("●", theme.good),
            Freshness::Stale => ("◌", theme.warn),
            Freshness::Unknown => ("·", theme.dim),
        };
        let cells = (0..IMAGE_COLUMNS.len())
            .map(|column| match column {
                2 => Cell::new(format!("{mark} {}", row.text(column)), style),
                _ if row.is_others() => Cell::new(row.text(column), theme.dim),
                1 | 3 | 7 => Cell::new(row.text(column), theme.dim),
                _ => row.text(column).into(),
            })
            .collect();
        (cells, model.home.images.marks.contains(&image_key(row.image)))
    };
    let next = "b makes the development image; the first test run makes it too.";
    let source = Source::fleet(model, &model.images, "image", next);
    let columns = columns(&IMAGE_COLUMNS, &shapes);
    list(model, &source, &model.home.images, &columns, rows.len(), &cells, theme, area, buffer, painted);
}
