//! Everything that costs money or is left behind, of every provider.

use super::home::{Shape, Source, columns, list};
use super::states;
use crate::domain::Claim;
use crate::tui::model::{Model, Painted, RESOURCE_COLUMNS, Row as _, resource_rows};
use crate::tui::theme::Theme;
use crate::tui::widget::{Cell, width};
use ratatui::buffer::Buffer;
use ratatui::layout::HorizontalAlignment::{Left, Right};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws them.
pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let rows = resource_rows(model);
    let wide = |column: usize, least: usize, most: usize| {
        let widest = rows.iter().map(|row| width(&row.text(column))).max().unwrap_or(0);
        u16::try_from(widest.clamp(least, most)).unwrap_or(0)
    };
    let others = rows.iter().any(|row| !matches!(row.resource.claim, Claim::Ours { .. }));
    let monthly = if rows.iter().all(|row| row.monthly.is_none()) { 0 } else { wide(7, 6, 9) };
    let shapes: [Shape; 10] = [
        (wide(0, 4, 8), false, Left, 0),
        (wide(1, 10, 23), false, Left, 0),
        (12, true, Left, 3),
        (wide(3, 5, 14), false, Left, 2),
        (wide(4, 7, 11) + 2, false, Left, 1),
        (8, false, Right, 6),
        (9, false, Right, 7),
        (monthly, false, Right, 5),
        (wide(8, 5, 12), false, Left, if others { 4 } else { 8 }),
        (20, true, Left, 9),
    ];
    let cells = |place: usize| {
        let row = &rows[place];
        let ours = matches!(row.resource.claim, Claim::Ours { .. });
        let base = if ours { Style::new() } else { theme.dim };
        let (mark, style) = match row.resource.state.as_deref() {
            _ if row.old => states::old(theme),
            None => (" ", theme.dim),
            Some(state) => states::resource(state, theme),
        };
        let cells = (0..RESOURCE_COLUMNS.len())
            .map(|column| match column {
                4 => Cell::new(format!("{mark} {}", row.text(column)), style),
                3 | 5 | 9 => Cell::new(row.text(column), theme.dim),
                _ => Cell::new(row.text(column), base),
            })
            .collect();
        (cells, model.home.resources.marks.contains(&row.resource.at))
    };
    let next = "Machines, images and whatever else hga or its predecessor leaves shows here.";
    let source = Source::fleet(model, &model.resources, "resource", next).with_missing(model);
    let columns = columns(&RESOURCE_COLUMNS, &shapes);
    list(model, &source, &model.home.resources, &columns, rows.len(), &cells, theme, area, buffer, painted);
}
