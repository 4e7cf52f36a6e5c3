//! A job's summary. Long lines go on in the next row, for paths and command lines are there to be copied.

use super::super::states;
use crate::tui::model::{JobScreen, Painted, SummaryLine};
use crate::tui::theme::Theme;
use crate::tui::widget::{put, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

/// How far the rest of a long line is moved in.
const INDENT: u16 = 4;

/// Draws it.
pub(super) fn draw(screen: &JobScreen, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    painted.height = usize::from(area.height);
    painted.width = usize::from(area.width);
    let rows: Vec<Vec<(u16, Style, String)>> =
        screen.summary.iter().flat_map(|line| wrapped(line, area.width, theme)).collect();
    painted.last_top = rows.len().saturating_sub(painted.height);
    let top = screen.summary_top.min(painted.last_top);
    for (row, pieces) in (0..area.height).zip(rows.iter().skip(top)) {
        for (column, style, text) in pieces {
            put(buffer, area, *column, row, text, *style);
        }
    }
}

/// A line as rows of pieces, each with its column.
fn wrapped(line: &SummaryLine, room: u16, theme: &Theme) -> Vec<Vec<(u16, Style, String)>> {
    let mut rows = vec![Vec::new()];
    let mut column: u16 = 1;
    for (ink, text) in &line.0 {
        let style = states::ink(*ink, theme);
        let mut piece = String::new();
        let mut begin = column;
        for grapheme in text.graphemes(true) {
            let wide = u16::try_from(width(grapheme)).unwrap_or(1);
            // where not even the indent fits, lines are cut
            if column + wide > room && room > 2 * INDENT {
                rows.last_mut().unwrap_or(&mut Vec::new()).push((begin, style, std::mem::take(&mut piece)));
                rows.push(Vec::new());
                column = INDENT;
                begin = column;
            }
            piece.push_str(grapheme);
            column = column.saturating_add(wide);
        }
        rows.last_mut().unwrap_or(&mut Vec::new()).push((begin, style, piece));
    }
    rows
}
