//! A job's output: its lines, a scrollbar with places of failures and hits, and a line that says where one is.

use crate::domain::escape_line;
use crate::tui::model::{JobScreen, Painted};
use crate::tui::output::{FileState, Needle, OutputPane};
use crate::tui::theme::Theme;
use crate::tui::widget::{Scrollbar, put, put_right, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use std::ops::Range;

/// Draws it.
pub(super) fn draw(screen: &JobScreen, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let pane = &screen.output;
    let bar = u16::from(area.width >= 20);
    let said = u16::from(area.height >= 3);
    let text = Rect { width: area.width - bar, height: area.height - said, ..area };
    let room = (usize::from(text.width), usize::from(text.height));
    (painted.width, painted.height) = room;
    if said > 0 {
        status(pane, room, theme, Rect { y: area.y + text.height, height: 1, ..area }, buffer);
    }
    if pane.window.lines.is_empty() {
        put(buffer, text, 1, 0, nothing(pane), theme.dim);
        return;
    }
    let needle = Needle::new(&pane.pattern);
    for (row, shown) in pane.visible(room).into_iter().enumerate() {
        let line = &pane.window.lines[shown.line];
        let row = u16::try_from(row).unwrap_or(u16::MAX);
        let hits = needle.as_ref().map_or_else(Vec::new, |needle| hits(needle, &line.text, &shown.part));
        let here = pane.search.hit.and_then(|at| at.checked_sub(line.at)).and_then(|at| usize::try_from(at).ok());
        paint(&line.text, &shown.part, &hits, here, row, theme, text, buffer);
    }
    if bar > 0 {
        let (from, to) = pane.span(room);
        let track = Rect { x: area.x + text.width, width: 1, ..text };
        let ticks: &[u64] = if pane.searching() { &pane.search.answer.ticks } else { &[] };
        Scrollbar { total: pane.bytes, from, to }.draw(
            &[(ticks, "•", theme.warn), (&pane.failures, "✗", theme.bad)],
            track,
            buffer,
            theme,
        );
    }
}

/// What is said where there is nothing to show.
fn nothing(pane: &OutputPane) -> &'static str {
    match (&pane.state, pane.live) {
        (None, _) => "Reading the output.",
        (Some(FileState::Unreadable(_)), _) => "The output cannot be read.",
        (Some(_), true) => "Nothing has been printed yet.",
        (Some(_), false) => "The job has printed nothing.",
    }
}

/// The hits that show in a part of a line; a little around it is looked at too, for those that begin before.
fn hits(needle: &Needle, text: &str, part: &Range<usize>) -> Vec<Range<usize>> {
    let from = part.start.saturating_sub(needle.len());
    let to = (part.end + needle.len()).min(text.len());
    let places = needle.find_all(&text.as_bytes()[from..to]);
    let mut found: Vec<Range<usize>> = Vec::new();
    for at in places.map(|at| at + from) {
        match found.last_mut() {
            // hits that overlap are shown as one
            Some(last) if at < last.end => last.end = at + needle.len(),
            _ => found.push(at..at + needle.len()),
        }
    }
    found
}

/// A row's text, piece by piece; the hit one is at is bold and underlined.
#[expect(clippy::too_many_arguments, reason = "a row, what is marked in it, and where it goes")]
fn paint(
    text: &str,
    part: &Range<usize>,
    hits: &[Range<usize>],
    here: Option<usize>,
    row: u16,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    let mut column = 0;
    let mut at = part.start;
    let mut piece = |from: usize, to: usize, style: Style, column: &mut u16| {
        if let Some(piece) = text.get(from..to).filter(|piece| !piece.is_empty()) {
            *column += put(buffer, area, *column, row, piece, style);
        }
    };
    for hit in hits {
        let (from, to) = (hit.start.clamp(at, part.end), hit.end.clamp(at, part.end));
        let style = if here.is_some_and(|here| hit.contains(&here)) {
            theme.hit.add_modifier(Modifier::BOLD | Modifier::UNDERLINED | Modifier::REVERSED)
        } else {
            theme.hit
        };
        piece(at, from, theme.base, &mut column);
        piece(from, to, style, &mut column);
        at = to;
    }
    piece(at, part.end, theme.base, &mut column);
}

/// Whether the end is followed, where one is, what is searched for.
fn status(pane: &OutputPane, room: (usize, usize), theme: &Theme, bar: Rect, buffer: &mut Buffer) {
    let news = pane.news();
    let (mark, style) = if !pane.follow {
        ("‖ PAUSED", theme.warn)
    } else if pane.live {
        ("▶ FOLLOW", theme.good)
    } else {
        ("■ END", theme.dim)
    };
    let mut column = 1 + put(buffer, bar, 1, 0, mark, style) + 1;
    if !news.is_empty() {
        column += put(buffer, bar, column, 0, &news, theme.info) + 1;
    }
    let trouble = match &pane.state {
        Some(FileState::Unreadable(why)) => format!("cannot read the output: {}", escape_line(why)),
        Some(FileState::Missing) if pane.bytes > 0 => "the file is gone: this was read of it".to_owned(),
        _ => String::new(),
    };
    if !trouble.is_empty() {
        column += put(buffer, bar, column + 1, 0, &trouble, theme.bad) + 2;
    }
    let wrap = if pane.wrap {
        "  wrap".to_owned()
    } else if pane.left > 0 {
        format!("  column {}", pane.left + 1)
    } else {
        String::new()
    };
    let place = match pane.position(room) {
        lines if lines.is_empty() => String::new(),
        lines => format!("{lines}  {}%{wrap} ", pane.percent(room)),
    };
    let free = usize::from(bar.width.saturating_sub(column));
    // on a narrow terminal the percentage is enough
    let short = format!("{}% ", pane.percent(room));
    let place = if width(&place) < free { place } else { short };
    let taken = if width(&place) < free { put_right(buffer, bar, 0, &place, theme.dim) } else { 0 };
    if pane.searching() {
        let text = format!("/{}  {}", escape_line(&pane.pattern), pane.hits());
        let left = Rect { width: bar.width.saturating_sub(taken + 1), ..bar };
        put(buffer, left, column + 1, 0, &text, theme.key);
    }
}
