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
const SHAPES: [Shape; 12] = [
    (10, false, Left, 0),
    (8, false, Left, 5),
    (13, false, Left, 0),
    (8, false, Right, 4),
    (8, false, Right, 1),
    (0, false, Left, 0),
    (0, false, Left, 0),
    (0, false, Left, 0),
    (8, false, Left, 2),
    (11, true, Left, 3),
    (16, true, Left, 6),
    (22, true, Left, 7),
];

/// The columns: machines of a cloud are told apart by place, type, name and owner.
fn shapes(rows: &[MachineRow<'_>]) -> [Shape; 12] {
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
        (wide(1, 5, 14), false, Left, 4),
        (wide(2, 7, 11) + 2, false, Left, 0),
        (8, false, Right, 6),
        (if leases { lease } else { 0 }, false, Right, 1),
        (wide(5, 4, 13), false, Left, 5),
        (10, true, Left, 2),
        (wide(7, 5, 12), false, Left, if others { 3 } else { 9 }),
        (8, false, Left, 7),
        (11, true, Left, 8),
        (wide(10, 15, 22), false, Left, 10),
        (22, true, Left, 11),
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
        let (mark, style) = match (row.old, row.is_unbound()) {
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
                1 | 3 | 11 => Cell::new(row.text(column), theme.dim),
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
