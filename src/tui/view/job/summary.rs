//! A job's summary.

use super::super::states;
use crate::tui::model::{JobScreen, Painted};
use crate::tui::theme::Theme;
use crate::tui::widget::put;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws it.
pub(super) fn draw(screen: &JobScreen, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    painted.height = usize::from(area.height);
    painted.width = usize::from(area.width);
    painted.last_top = screen.summary.len().saturating_sub(painted.height);
    let top = screen.summary_top.min(painted.last_top);
    for (row, line) in (0..area.height).zip(screen.summary.iter().skip(top)) {
        let mut column = 1;
        for (ink, text) in &line.0 {
            column += put(buffer, area, column, row, text, states::ink(*ink, theme));
        }
    }
}
