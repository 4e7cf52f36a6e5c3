//! The machines.

use super::home::{Shape, Source, columns, list};
use super::states;
use crate::domain::ProviderKind;
use crate::store::Store;
use crate::tui::model::{MACHINE_COLUMNS, MachineRow, Model, Painted, Row as _, machine_rows};
use crate::tui::theme::Theme;
use crate::tui::widget::{Cell, width};
use ratatui::buffer::Buffer;
use ratatui::layout::HorizontalAlignment::{Left, Right};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A lease with less than this left is worth a look.
const SOON: u64 = 600;

/// The columns where all machines are of this computer or listed.
const SHAPES: [Shape; 14] = [
    (10, false, Left, 0),
    (8, false, Left, 5),
    (13, false, Left, 0),
    (8, false, Right, 4),
    (8, false, Right, 1),
    (0, false, Right, 0),
    (0, false, Right, 0),
    (0, false, Left, 0),
    (0, false, Left, 0),
    (0, false, Left, 0),
    (8, false, Left, 2),
    (11, true, Left, 3),
    (16, true, Left, 6),
    (22, true, Left, 7),
];

/// The columns: machines of a cloud are told apart by place, type, name and owner.
fn shapes(rows: &[MachineRow<'_>]) -> [Shape; 14] {
    if rows.iter().all(|row| row.machine.provider != ProviderKind::Aws) {
        return SHAPES;
    }
    let wide = |column: usize, least: usize, most: usize| {
        let widest = rows.iter().map(|row| width(&row.text(column))).max().unwrap_or(0);
        u16::try_from(widest.clamp(least, most)).unwrap_or(0)
    };
    // the predecessor's machines have none, and then how old they are matters more
    let leases = rows.iter().any(|row| row.machine.lease.is_some() || row.is_unbound());
    let lease = wide(4, 8, 10);
    let others = rows.iter().any(MachineRow::is_others);
    [
        (wide(0, 10, 19), false, Left, 0),
        (wide(1, 5, 14), false, Left, 6),
        (wide(2, 7, 11) + 2, false, Left, 0),
        (8, false, Right, 8),
        (if leases { lease } else { 0 }, false, Right, 1),
        (wide(5, 5, 8), false, Right, 2),
        (wide(6, 6, 9), false, Right, 5),
        (wide(7, 4, 13), false, Left, 7),
        (10, true, Left, 3),
        (wide(9, 5, 12), false, Left, if others { 4 } else { 11 }),
        (8, false, Left, 9),
        (11, true, Left, 10),
        (wide(12, 15, 22), false, Left, 12),
        (22, true, Left, 13),
    ]
}

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
        let (mark, style) = match (row.old, row.is_unbound() || row.outlives) {
            (true, _) => states::old(theme),
            (false, true) => ("!", theme.bad),
            (false, false) => (mark, style),
        };
        let lease = match row.machine.lease {
            _ if row.is_unbound() => theme.bad,
            Some(lease) if row.machine.state.is_alive() && lease.left(model.now).as_secs() < SOON => theme.warn,
            _ => Style::new(),
        };
        let cells = (0..MACHINE_COLUMNS.len())
            .map(|column| match column {
                2 => Cell::new(format!("{mark} {word}"), style),
                _ if row.is_others() => Cell::new(row.text(column), theme.dim),
                4 => Cell::new(row.text(column), lease),
                5 | 6 if row.text(column) == "unknown" => Cell::new(row.text(column), theme.warn),
                5 | 10 if row.outlives => Cell::new(row.text(column), theme.bad),
                1 | 3 | 13 => Cell::new(row.text(column), theme.dim),
                _ => row.text(column).into(),
            })
            .collect();
        let marked = model.home.machines.marks.contains(&(row.machine.provider, row.machine.id.clone()));
        (cells, marked)
    };
    let next = "r runs tests on a new one, n launches one.";
    let source =
        Source::fleet(model, &model.machines, "machine", next).with_missing(model).with_late(model, &model.machines);
    let columns = columns(&MACHINE_COLUMNS, &shapes(&rows));
    list(model, &source, &model.home.machines, &columns, rows.len(), &cells, theme, area, buffer, painted);
}
