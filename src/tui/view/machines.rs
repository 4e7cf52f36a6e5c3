//! The machines.

use super::home::{Shape, Source, columns, list};
use super::states;
use crate::store::Store;
use crate::tui::model::{MACHINE_COLUMNS, Model, Painted, Row as _, machine_rows};
use crate::tui::theme::Theme;
use crate::tui::widget::Cell;
use ratatui::buffer::Buffer;
use ratatui::layout::HorizontalAlignment::{Left, Right};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A lease with less than this left is worth a look.
const SOON: u64 = 600;

const SHAPES: [Shape; 9] = [
    (10, false, Left, 0),
    (8, false, Left, 5),
    (13, false, Left, 0),
    (8, false, Right, 4),
    (8, false, Right, 1),
    (8, false, Left, 2),
    (11, true, Left, 3),
    (16, true, Left, 6),
    (22, true, Left, 7),
];

/// Draws them.
pub(super) fn draw(
    model: &Model,
    store: &Store,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) {
    let rows = machine_rows(model, store);
    let cells = |place: usize| {
        let row = &rows[place];
        let (mark, word, style) = states::machine(row.machine.state, theme);
        let lease = match row.machine.lease {
            Some(lease) if row.machine.state.is_alive() && lease.left(model.now).as_secs() < SOON => theme.warn,
            _ => Style::new(),
        };
        let cells = (0..MACHINE_COLUMNS.len())
            .map(|column| match column {
                2 => Cell::new(format!("{mark} {word}"), style),
                4 => Cell::new(row.text(column), lease),
                1 | 3 | 8 => Cell::new(row.text(column), theme.dim),
                _ => row.text(column).into(),
            })
            .collect();
        let marked = model.home.machines.marks.contains(&(row.machine.provider, row.machine.id.clone()));
        (cells, marked)
    };
    let source = Source {
        known: &model.machines,
        at: model.home.answered.machines,
        noun: "machine",
        next: &["r runs tests on a new one, n launches one."],
    };
    let columns = columns(&MACHINE_COLUMNS, &SHAPES);
    list(model, &source, &model.home.machines, &columns, rows.len(), &cells, theme, area, buffer, painted);
}
