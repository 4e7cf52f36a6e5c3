//! hga's own log: its lines, and the targets they come from with the levels that are shown and recorded.

use crate::domain::escape_line;
use crate::tui::model::{Model, Painted};
use crate::tui::theme::Theme;
use crate::tui::widget::{put, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget as _};
use tui_logger::{ExtLogRecord, LogFormatter, TuiLoggerTargetWidget, TuiLoggerWidget};
use unicode_segmentation::UnicodeSegmentation as _;

/// Columns that the list of targets takes at most.
const TARGETS: u16 = 40;

/// A line of the log: time, level, where from, what.
struct Lines {
    theme: Theme,
}

impl LogFormatter for Lines {
    fn min_width(&self) -> u16 {
        4
    }

    fn format(&self, room: usize, record: &ExtLogRecord) -> Vec<Line<'_>> {
        let (word, style) = match record.level.as_str() {
            "ERROR" => ("error", self.theme.bad),
            "WARN" => ("warn ", self.theme.warn),
            "INFO" => ("info ", self.theme.info),
            "DEBUG" => ("debug", self.theme.dim),
            _ => ("trace", self.theme.dim),
        };
        let time = record.timestamp.strftime("%H:%M:%S").to_string();
        let from = record.target().strip_prefix("hgautomation::").unwrap_or_else(|| record.target());
        let text = format!("{}: {}", escape_line(from), escape_line(record.msg().trim()));
        // on a narrow screen the level alone stands before the text
        let mut heads = vec![(word.to_owned(), style)];
        if room >= 50 {
            heads.insert(0, (time, self.theme.dim));
        }
        let indent: usize = heads.iter().map(|(head, _)| width(head) + 1).sum();
        let mut lines = Vec::new();
        for part in pieces(&text, room.saturating_sub(indent).max(1)) {
            let mut spans: Vec<Span<'_>> = Vec::new();
            if lines.is_empty() {
                spans.extend(heads.iter().map(|(head, style)| Span::styled(format!("{head} "), *style)));
            } else {
                spans.push(Span::raw(" ".repeat(indent)));
            }
            spans.push(Span::styled(part, if word == "error" { style } else { Style::new() }));
            lines.push(Line::from(spans));
        }
        lines
    }
}

/// A text cut into pieces of so many columns; one at least.
fn pieces(text: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for piece in text.graphemes(true) {
        let wide = width(piece);
        if used + wide > room && used > 0 {
            pieces.push(String::new());
            used = 0;
        }
        if let Some(last) = pieces.last_mut() {
            last.push_str(piece);
        }
        used += wide;
    }
    pieces
}

/// Draws it.
pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    painted.height = usize::from(area.height);
    if area.width < 8 || area.height < 3 {
        return;
    }
    let mut lines = area;
    if model.home.shows_targets(model.size.0) && area.width >= 24 {
        let wide = TARGETS.min(area.width * 2 / 5);
        put(buffer, Rect { width: wide, ..area }, 1, 0, "TARGETS", theme.dim);
        let targets = Rect { x: area.x + 1, y: area.y + 1, width: wide - 1, height: area.height - 1 };
        TuiLoggerTargetWidget::default()
            .style(theme.base)
            .highlight_style(theme.base.patch(theme.selected))
            .style_show(theme.base.patch(theme.accent))
            .style_hide(theme.base.patch(theme.dim))
            .style_off(theme.base.patch(theme.faint))
            .state(&model.log.0)
            .render(targets, buffer);
        lines = Rect { x: area.x + wide + 1, width: area.width - wide - 1, ..area };
        // long names run on below what is drawn over them here
        let rest = Rect { x: area.x + wide, width: area.width - wide, ..area };
        Clear.render(rest, buffer);
        buffer.set_style(rest, theme.base);
        for row in 0..area.height {
            put(buffer, rest, 0, row, "│", theme.faint);
        }
    }
    put(buffer, lines, 1, 0, "hga's own log, the newest last", theme.dim);
    let body = Rect { x: lines.x + 1, y: lines.y + 1, width: lines.width - 1, height: lines.height - 1 };
    TuiLoggerWidget::default()
        .style(theme.base)
        .formatter(Box::new(Lines { theme: *theme }))
        .state(&model.log.0)
        .render(body, buffer);
    let blank = body.positions().all(|at| buffer.cell(at).is_none_or(|cell| cell.symbol() == " "));
    if blank {
        put(buffer, body, 0, 1, "Nothing to show. `hga -v` logs more.", theme.dim);
    }
}
