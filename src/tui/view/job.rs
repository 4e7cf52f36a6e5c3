//! A job's screen.

use super::{home, output, states};
use crate::domain::words;
use crate::store::{JobView, Store, failures};
use crate::tui::action::Action;
use crate::tui::model::{Hit, JobScreen, JobTab, Model, Painted, TestKey};
use crate::tui::theme::Theme;
use crate::tui::widget::{Cell, Column, Table, put};
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};

const TESTS: &[Column] = &[
    Column { title: "TEST", min: 20, grows: true, align: Alignment::Left, rank: 0 },
    Column { title: "OUTCOME", min: 11, grows: false, align: Alignment::Left, rank: 0 },
    Column { title: "TIME", min: 8, grows: false, align: Alignment::Right, rank: 1 },
];

/// Draws it.
pub(super) fn draw(
    model: &Model,
    store: &Store,
    screen: &JobScreen,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) {
    let Some(job) = store.job(&screen.id) else {
        let said = screen.error.as_deref().unwrap_or("Reading the job's history.");
        return home::empty(&[said], theme, area, buffer);
    };
    let verb = job.operation.as_ref().map_or("", crate::domain::Operation::verb);
    let driven = model.ours.contains(&job.id) || model.summary(&job.id).is_none_or(|row| row.driven);
    let (mark, word, style) = states::job(job.state, driven, job.work.as_ref(), job.cleanup.as_ref(), theme);
    let mut column = put(buffer, area, 0, 0, &format!(" {} {verb}  ", job.id), theme.title);
    column += put(buffer, area, column, 0, &format!("{mark} {word}"), style);
    let _ = column;
    let counts = &job.tests.counts;
    let line = format!(" {} of {} tests, {} failed", counts.done(), counts.total.max(counts.done()), counts.failed);
    put(buffer, area, 0, 1, &line, theme.dim);
    let mut column = 1;
    for (place, tab) in JobTab::ALL.iter().enumerate() {
        let style = if *tab == screen.tab { theme.accent } else { theme.dim };
        let start = column;
        column += put(buffer, area, column, 2, &format!("{} {}", place + 1, tab.title()), style);
        let number = u8::try_from(place + 1).unwrap_or(1);
        painted.hits.push((Rect::new(area.x + start, area.y + 2, column - start, 1), Hit::Do(Action::Tab(number))));
        column += 2;
    }
    let body = Rect { y: area.y + 3, height: area.height.saturating_sub(3), ..area }.intersection(area);
    match screen.tab {
        JobTab::Tests => tests(model, job, screen, theme, body, buffer, painted),
        JobTab::Failures => {
            for (row, test) in failures(job).iter().enumerate() {
                put(buffer, body, 1, u16::try_from(row).unwrap_or(u16::MAX), &test.name, theme.bad);
            }
        }
        JobTab::Output => output::draw(screen, theme, body, buffer, painted),
        JobTab::Summary => {}
    }
}

fn tests(
    model: &Model,
    job: &JobView,
    screen: &JobScreen,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) {
    let cells = |place: usize| {
        let cells = match &screen.test_rows[place] {
            TestKey::Running(name) => {
                let since = job.tests.running.iter().find(|test| test.name == *name).map(|test| test.since);
                let seconds = since.map_or(0.0, |since| model.now.duration_since(since).as_secs_f64());
                vec![name.as_str().into(), Cell::new("▶ running", theme.info), words::seconds(seconds).into()]
            }
            TestKey::Ended(index) => {
                let test = &job.tests.ended[*index];
                let (mark, word, style) = states::outcome(test.outcome, theme);
                vec![
                    test.name.as_str().into(),
                    Cell::new(format!("{mark} {word}"), style),
                    test.seconds.map_or(String::new(), words::seconds).into(),
                ]
            }
        };
        (cells, false)
    };
    let table = Table {
        columns: TESTS,
        rows: screen.test_rows.len(),
        selected: Some(screen.tests.index),
        offset: screen.tests.offset,
        order: None,
        cells: &cells,
    };
    let laid = table.draw(area, buffer, theme);
    painted.offset = laid.offset;
    painted.height = laid.height;
    painted.hits.extend(laid.rows.into_iter().map(|(rect, place)| (rect, Hit::Row(place))));
}
