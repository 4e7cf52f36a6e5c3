//! A job's screen: a head that says how it stands, its tabs, and below them the one that is open.

#[cfg(test)]
mod drawn;
mod failures;
mod head;
mod summary;
mod tests;

use super::{home, output};
use crate::domain::escape_line;
use crate::store::Store;
use crate::tui::model::{JobScreen, JobTab, Model, Painted};
use crate::tui::theme::Theme;
use crate::tui::widget::put;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// So wide that a list and what belongs to its selected row stand side by side.
const WIDE: u16 = 120;

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
    let job = store.job(&screen.id);
    let Some(job) = job.filter(|job| screen.error.is_none() || job.is_whole()) else {
        put(buffer, area, 0, 0, &format!(" {}", screen.id), theme.title);
        let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }.intersection(area);
        return match &screen.error {
            Some(error) => {
                let why = escape_line(error);
                let lines =
                    ["The history of this job cannot be read here.", &why, "", "Esc goes back to the dashboard."];
                home::empty(&lines, theme, below, buffer);
            }
            None => home::empty(&["Reading the job's history."], theme, below, buffer),
        };
    };
    let body = head::draw(model, job, screen, theme, area, buffer, painted);
    match screen.tab {
        JobTab::Tests => tests::draw(model, job, screen, theme, body, buffer, painted),
        JobTab::Failures => failures::draw(model, job, screen, theme, body, buffer, painted),
        JobTab::Output => output::draw(screen, theme, body, buffer, painted),
        JobTab::Summary => summary::draw(screen, theme, body, buffer, painted),
    }
}

/// An area's left and right part with a line between them.
fn halves(area: Rect, left: u16, theme: &Theme, buffer: &mut Buffer) -> (Rect, Rect) {
    let left = left.min(area.width);
    for row in 0..area.height {
        put(buffer, area, left, row, "│", theme.faint);
    }
    let right = Rect { x: area.x + left, width: area.width - left, ..area };
    let shift = right.width.min(2);
    (Rect { width: left, ..area }, Rect { x: right.x + shift, width: right.width - shift, ..right })
}
