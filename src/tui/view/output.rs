//! A job's output.

use crate::tui::model::{JobScreen, Painted};
use crate::tui::theme::Theme;
use crate::tui::widget::put;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws it.
pub(super) fn draw(screen: &JobScreen, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    painted.height = usize::from(area.height);
    painted.width = usize::from(area.width);
    let lines = &screen.output.window.lines;
    let skip = if screen.output.follow { lines.len().saturating_sub(painted.height) } else { 0 };
    for (row, line) in lines.iter().skip(skip).take(painted.height).enumerate() {
        put(buffer, area, 0, u16::try_from(row).unwrap_or(u16::MAX), line, theme.base);
    }
}
