//! The jobs.

use super::home::{Shape, Source, columns, list};
use super::states;
use crate::store::Store;
use crate::tui::model::{JOB_COLUMNS, JobRow, Model, Painted, Row as _, job_rows};
use crate::tui::theme::Theme;
use crate::tui::widget::{Cell, width};
use ratatui::buffer::Buffer;
use ratatui::layout::HorizontalAlignment::{Left, Right};
use ratatui::layout::Rect;

/// Columns that the bar of progress takes, without the percentage.
const BAR: u64 = 10;

const SHAPES: [Shape; 11] = [
    (8, false, Left, 0),
    (14, false, Left, 0),
    (7, false, Left, 4),
    (9, false, Right, 3),
    (15, false, Left, 8),
    (6, false, Right, 2),
    (7, false, Right, 5),
    (0, false, Right, 4),
    (10, true, Left, 1),
    (9, false, Left, 7),
    (7, false, Right, 6),
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
    let rows = job_rows(model, store);
    let cells = |place: usize| {
        let row = &rows[place];
        let (mark, word, style) = states::standing(row.standing(), theme);
        let cells = (0..JOB_COLUMNS.len())
            .map(|column| match column {
                1 => Cell::new(format!("{mark} {word}"), style),
                2 => Cell::new(row.text(column), theme.info),
                4 => Cell::new(bar(row), theme.info),
                5 if row.counts.is_some_and(|counts| counts.failed > 0) => Cell::new(row.text(column), theme.bad),
                7 if row.cost.is_some_and(|(_, unknown)| unknown) => Cell::new(row.text(column), theme.warn),
                9 | 10 => Cell::new(row.text(column), theme.dim),
                _ => row.text(column).into(),
            })
            .collect();
        (cells, model.home.jobs.marks.contains(&row.summary.id))
    };
    let source = Source {
        noun: "job",
        all: model.jobs.value.len(),
        here: model.jobs.here,
        error: model.jobs.error.clone(),
        at: model.home.answered.jobs,
        asking: Vec::new(),
        late: Vec::new(),
        next: vec!["r runs tests; `:` and then `demo` tries Mercurial's own quick tests.".to_owned()],
        places: Vec::new(),
        foot: Vec::new(),
    };
    let mut shapes = SHAPES;
    // where nothing costs there is no column
    let widest = rows.iter().filter(|row| row.cost.is_some()).map(|row| width(&row.text(7))).max();
    shapes[7].0 = widest.map_or(0, |widest| u16::try_from(widest.clamp(6, 10)).unwrap_or(0));
    let columns = columns(&JOB_COLUMNS, &shapes);
    list(model, &source, &model.home.jobs, &columns, rows.len(), &cells, theme, area, buffer, painted);
}

/// How far it is, as a bar and a percentage.
fn bar(row: &JobRow<'_>) -> String {
    let Some((done, total)) = row.progress() else { return String::new() };
    let full = usize::try_from(done * BAR / total.max(1)).unwrap_or(0);
    let empty = usize::try_from(BAR).unwrap_or(0).saturating_sub(full);
    format!("{}{} {:>3}%", "█".repeat(full), "░".repeat(empty), done * 100 / total.max(1))
}
