//! The failures of a job as they come, and the diff of the selected one.

use super::super::{home, states};
use super::tests::{Shape, table};
use super::{WIDE, halves};
use crate::domain::{escape_line, words};
use crate::store::{DiffKept, EndedTest, JobView};
use crate::tui::model::{Ink, JobScreen, Model, Painted, TestRow, running_for, whole};
use crate::tui::theme::Theme;
use crate::tui::widget::{put, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

/// How many running tests are told when nothing has failed.
const RUNNING: usize = 6;

/// How a line of a diff is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meant {
    /// As a line of a summary.
    Said(Ink),
    /// A line of the diff.
    Diff,
}

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
    if screen.failure_rows.is_empty() {
        painted.height = usize::from(area.height);
        return none(model, job, screen, theme, area, buffer);
    }
    let rows = u16::try_from(screen.failure_rows.len()).unwrap_or(u16::MAX);
    let (list, text_area) = if screen.reading {
        (Rect { height: 0, ..area }, area)
    } else if area.width >= WIDE {
        halves(area, area.width * 2 / 5, theme, buffer)
    } else {
        let most = (area.height / 3).max(3).min(area.height);
        let upper = rows.saturating_add(1).min(most);
        let line = Rect { y: area.y + upper, height: u16::from(area.height > upper), ..area };
        put(buffer, line, 0, 0, &"─".repeat(usize::from(area.width)), theme.faint);
        let used = upper + line.height;
        (Rect { height: upper, ..area }, Rect { y: area.y + used, height: area.height - used, ..area })
    };
    let row = |place: usize| {
        screen.failure_rows.get(place).and_then(|place| job.tests.ended.get(*place)).map(TestRow::Ended)
    };
    let marked = |place: usize| screen.failure_rows.get(place).is_some_and(|key| screen.failures.marks.contains(key));
    let shape = Shape {
        rows: screen.failure_rows.len(),
        selected: screen.failures.index,
        offset: screen.failures.offset,
        order: screen.failures.order.column.map(|column| (column, screen.failures.order.descending)),
        row: &row,
        marked: &marked,
    };
    if screen.reading {
        painted.offset = screen.failures.offset;
    } else {
        table(model, &shape, theme, list, buffer, painted);
    }
    painted.height = usize::from(text_area.height);
    painted.width = usize::from(text_area.width);
    let Some(test) = screen.failures.selected.and_then(|place| job.tests.ended.get(place)) else { return };
    let lines = lines(model, job, test);
    painted.last_top = lines.len().saturating_sub(painted.height);
    text(&lines, screen.diff_top.min(painted.last_top), screen.diff_left, theme, text_area, buffer);
}

/// What stands where failures would be.
fn none(model: &Model, job: &JobView, screen: &JobScreen, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut lines = Vec::new();
    if !screen.failures.filter.is_empty() && job.tests.counts.failed > 0 {
        lines.push(format!("No failure matches `{}`.", escape_line(&screen.failures.filter)));
        lines.push("`/` changes the filter.".to_owned());
    } else if job.ended.is_some() {
        lines.push("No test failed.".to_owned());
    } else {
        lines.push("No test has failed so far.".to_owned());
        for test in job.tests.running.iter().take(RUNNING) {
            let usual = model.durations.get(&test.name);
            let usual = usual.map_or(String::new(), |usual| format!(", usually {}", words::seconds(*usual)));
            let name = escape_line(&test.name);
            lines.push(format!("▶ {name} runs for {}{usual}", whole(running_for(test, model.now))));
        }
        if job.tests.running.len() > RUNNING {
            lines.push(format!("and {} more run", job.tests.running.len() - RUNNING));
        }
        if let (true, Some(phase)) = (job.tests.running.is_empty(), job.phase) {
            lines.push(format!("▶ {phase}"));
        }
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    home::empty(&lines, theme, area, buffer);
}

/// What there is to read of a failure.
pub(super) fn lines<'a>(
    model: &Model,
    job: &JobView,
    test: &'a EndedTest,
) -> Vec<(Meant, std::borrow::Cow<'a, str>)> {
    let said = |ink, text: String| (Meant::Said(ink), text.into());
    let took = test.seconds.map_or(String::new(), |seconds| format!(" in {}", words::seconds(seconds)));
    let usual = model.durations.get(&test.name);
    let usual = usual.map_or(String::new(), |usual| format!(", usually {}", words::seconds(*usual)));
    let mut lines = vec![
        said(Ink::Title, test.name.clone()),
        said(Ink::Bad, format!("✗ {}{took}{usual}", test.outcome.as_str())),
    ];
    lines.extend(test.reason.as_ref().map(|reason| said(Ink::Plain, format!("why: {reason}"))));
    lines.push(said(Ink::Plain, String::new()));
    let err = model.setup.state_dir.join("jobs").join(job.id.as_str()).join("results");
    let err = err.join(format!("{}.err", test.name));
    let collected = [
        said(Ink::Dim, "hint: what the test printed, once the results are fetched:".to_owned()),
        said(Ink::Dim, format!("  {}", err.display())),
    ];
    let output = said(Ink::Dim, format!("hint: `l` goes to it in the output, `hga jobs output {}`", job.id));
    let Some(diff) = &test.diff else {
        lines.push(said(Ink::Dim, "no diff is here".to_owned()));
        lines.push(output);
        lines.extend(collected);
        return lines;
    };
    lines.extend(diff.text.lines().map(|line| (Meant::Diff, line.into())));
    if let DiffKept::Cut { lines: all } = diff.kept {
        lines.push(said(Ink::Plain, String::new()));
        let shown = diff.text.lines().count();
        lines.push(said(Ink::Warn, format!("… cut here: {shown} of {all} lines are shown")));
        lines.push(output);
        lines.extend(collected);
    }
    lines
}

/// Draws such lines from one on.
pub(super) fn text(
    lines: &[(Meant, std::borrow::Cow<'_, str>)],
    top: usize,
    left: usize,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    for (row, (meant, line)) in (0..area.height).zip(lines.iter().skip(top)) {
        let style = match meant {
            Meant::Said(ink) => states::ink(*ink, theme),
            Meant::Diff => diff(line, theme),
        };
        // what is out of sight need not be made safe
        let line: String = line.chars().take(left + usize::from(area.width) + 1).collect();
        let line = escape_line(&line);
        put(buffer, area, 0, row, from(&line, left), style);
    }
}

/// The style of a line of a diff; its first sign says the same.
fn diff(line: &str, theme: &Theme) -> Style {
    match line {
        line if line.starts_with("+++") || line.starts_with("---") => theme.title,
        line if line.starts_with("@@") => theme.info,
        line if line.starts_with('+') => theme.good,
        line if line.starts_with('-') => theme.bad,
        _ => theme.base,
    }
}

/// A text from a column on.
fn from(text: &str, left: usize) -> &str {
    let mut used = 0;
    for (at, piece) in text.grapheme_indices(true) {
        if used >= left {
            return &text[at..];
        }
        used += width(piece);
    }
    ""
}
