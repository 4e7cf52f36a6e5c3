//! The tests of a job: those that run first, with what is usual for them; beside them, where there is room, what is known of
//! the selected one.

use super::super::{home, states};
use super::{WIDE, failures, halves};
use crate::domain::{escape_line, words};
use crate::store::JobView;
use crate::tui::model::{Hit, JobScreen, Model, Painted, TestRow, is_slow, running_for, test_facts, test_row, whole};
use crate::tui::theme::Theme;
use crate::tui::widget::{Cell, Column, Table, put};
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};

/// Columns for a test's name before anything but its outcome and time gets any: most names are no longer.
const NAME: u16 = 36;

/// The columns of tests and of failures.
const COLUMNS: [Column; 5] = [
    Column { title: "TEST", min: 16, grows: true, align: Alignment::Left, rank: 0 },
    Column { title: "OUTCOME", min: 11, grows: false, align: Alignment::Left, rank: 0 },
    Column { title: "TIME", min: 8, grows: false, align: Alignment::Right, rank: 1 },
    Column { title: "USUAL", min: 8, grows: false, align: Alignment::Right, rank: 3 },
    Column { title: "WHY", min: 16, grows: true, align: Alignment::Left, rank: 2 },
];

/// Draws them.
pub(super) fn draw(
    model: &Model,
    job: &JobView,
    screen: &JobScreen,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) {
    if screen.test_rows.is_empty() {
        painted.height = usize::from(area.height);
        let filter = format!("No test matches `{}`.", escape_line(&screen.tests.filter));
        let lines: &[&str] = match () {
            () if !screen.tests.filter.is_empty() => {
                &[&filter, "`/` changes the filter, then Esc drops what is typed."]
            }
            () if !screen.loaded && job.ended.is_some() => &["Reading the job's history."],
            () if job.ended.is_some() => &["No test was run.", "`4` tells what happened."],
            () => &["No test runs yet.", "They show here as soon as they start; `3` shows the output."],
        };
        return home::empty(lines, theme, area, buffer);
    }
    let selected = screen.tests.selected.and_then(|key| test_row(job, key));
    let list = if area.width >= WIDE {
        let (left, right) = halves(area, area.width * 3 / 5, theme, buffer);
        if let Some(row) = selected {
            details(model, job, row, theme, right, buffer);
        }
        left
    } else {
        area
    };
    let row = |place: usize| screen.test_rows.get(place).and_then(|key| test_row(job, *key));
    let marked = |place: usize| screen.test_rows.get(place).is_some_and(|key| screen.tests.marks.contains(key));
    let order = screen.tests.order.column.map(|column| (column, screen.tests.order.descending));
    let shape = Shape {
        rows: screen.test_rows.len(),
        selected: screen.tests.index,
        offset: screen.tests.offset,
        order,
        row: &row,
        marked: &marked,
    };
    table(model, &shape, theme, list, buffer, painted);
}

/// The columns in so much room. The name gives way only to the outcome and the time.
fn columns(room: u16) -> [Column; COLUMNS.len()] {
    let mut columns = COLUMNS;
    let beside = 2 + columns[1].min + 1 + columns[2].min + 1;
    columns[0].min = room.saturating_sub(beside).clamp(columns[0].min, NAME);
    columns
}

/// A list of tests.
pub(super) struct Shape<'a> {
    /// How many.
    pub(super) rows: usize,
    /// The selected one.
    pub(super) selected: usize,
    /// The first one shown before.
    pub(super) offset: usize,
    /// How it is sorted.
    pub(super) order: Option<(usize, bool)>,
    /// Gives the test in a row.
    pub(super) row: &'a dyn Fn(usize) -> Option<TestRow<'a>>,
    /// Whether a row is marked.
    pub(super) marked: &'a dyn Fn(usize) -> bool,
}

/// Draws a list of tests.
pub(super) fn table(
    model: &Model,
    shape: &Shape<'_>,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) {
    let cells = |place: usize| {
        let cells = (shape.row)(place).map_or_else(Vec::new, |row| cells(model, row, theme));
        (cells, (shape.marked)(place))
    };
    let table = Table {
        columns: &columns(area.width),
        rows: shape.rows,
        selected: Some(shape.selected),
        offset: shape.offset,
        order: shape.order,
        cells: &cells,
    };
    let laid = table.draw(area, buffer, theme);
    painted.offset = laid.offset;
    painted.height = laid.height;
    painted.hits.extend(laid.rows.into_iter().map(|(rect, place)| (rect, Hit::Row(place))));
    painted.hits.extend(laid.heads.into_iter().map(|(rect, place)| (rect, Hit::Head(place))));
}

fn cells(model: &Model, row: TestRow<'_>, theme: &Theme) -> Vec<Cell> {
    let usual = model.durations.get(row.name()).copied();
    let (outcome, time) = match row {
        TestRow::Running(test) => {
            let seconds = running_for(test, model.now);
            let outcome = if is_slow(seconds, usual) {
                Cell::new("! slow", theme.warn)
            } else {
                Cell::new("▶ running", theme.info)
            };
            (outcome, whole(seconds))
        }
        TestRow::Ended(test) => {
            let (mark, word, style) = states::outcome(test.outcome, theme);
            (Cell::new(format!("{mark} {word}"), style), test.seconds.map_or(String::new(), words::seconds))
        }
    };
    vec![
        escape_line(row.name()).into(),
        outcome,
        time.into(),
        Cell::new(usual.map_or(String::new(), words::seconds), theme.dim),
        Cell::new(escape_line(row.why()), theme.dim),
    ]
}

/// What is known of a test.
fn details(model: &Model, job: &JobView, row: TestRow<'_>, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if let TestRow::Ended(test) = row
        && test.outcome.is_failure()
    {
        let lines = failures::lines(model, job, test);
        failures::text(&lines, 0, 0, theme, area, buffer);
        return;
    }
    put(buffer, area, 0, 0, &escape_line(row.name()), theme.title);
    let facts = test_facts(row, &model.durations, model.now);
    for (line, fact) in (1..).zip(&facts) {
        put(buffer, area, 0, line, fact, theme.base);
    }
    let hint = match row {
        TestRow::Running(_) => "Enter shows what was printed since it began.",
        TestRow::Ended(_) => "l goes to its place in the output.",
    };
    let below = u16::try_from(facts.len()).unwrap_or(u16::MAX).saturating_add(2);
    put(buffer, area, 0, below, hint, theme.dim);
}
