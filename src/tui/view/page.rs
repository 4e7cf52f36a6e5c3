//! Texts over the screen: pages, and help in one column or two.

use super::modal::{Boxed, cells};
use crate::tui::model::{Help, Page, Painted};
use crate::tui::theme::Theme;
use crate::tui::widget::{put, put_right, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// A page.
pub(super) fn draw(page: &Page, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let rows = cells(page.lines.len()).saturating_add(2);
    let inside =
        Boxed { title: &page.title, style: theme.accent, columns: 100, rows }.draw(theme, area, buffer, painted);
    painted.last_top = page.lines.len().saturating_sub(painted.height);
    let top = page.top.min(painted.last_top);
    for (row, (line, heading)) in page.lines.iter().skip(top).take(painted.height).enumerate() {
        let style = if *heading { theme.accent } else { theme.base };
        put(buffer, inside, 0, cells(row), line, style);
    }
}

/// A line of help.
enum Line<'a> {
    Heading(&'static str),
    Key(String, &'static str),
    Text(&'a str),
    Gap,
}

/// The keys that hold: two columns where there is room for them.
pub(super) fn help(help: &Help, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let mut lines = Vec::new();
    for (scope, rows) in help.shown() {
        if !lines.is_empty() {
            lines.push(Line::Gap);
        }
        lines.push(Line::Heading(scope.title()));
        lines.extend(rows.iter().map(|row| {
            let keys = row.keys.iter().take(2).filter_map(|key| key.parse::<crate::tui::keys::Chord>().ok());
            Line::Key(keys.map(|chord| chord.to_string()).collect::<Vec<_>>().join(" "), row.doc)
        }));
    }
    if lines.is_empty() {
        lines.push(Line::Text("nothing matches"));
    }
    let two = area.width >= 120;
    let half = if two { lines.len().div_ceil(2) } else { lines.len() };
    let foot = if help.filter.value().is_empty() { help.foot.as_slice() } else { &[] };
    let total = half + if foot.is_empty() { 0 } else { foot.len() + 1 };
    let columns = if two { 180 } else { 100 };
    let bar = 1;
    let rows = cells(total + bar).saturating_add(2);
    let boxed = Boxed { title: "Keys that hold here", style: theme.accent, columns, rows };
    let inside = boxed.draw(theme, area, buffer, painted);
    let text = Rect { height: inside.height.saturating_sub(cells(bar)), ..inside };
    painted.height = usize::from(text.height);
    painted.last_top = total.saturating_sub(painted.height);
    let top = help.top.min(painted.last_top);
    let middle = inside.width / 2;
    let parts = [
        (Rect { width: if two { middle.saturating_sub(1) } else { text.width }, ..text }, 0..half.min(lines.len())),
        (Rect { x: text.x + middle, width: text.width - middle, ..text }, half.min(lines.len())..lines.len()),
    ];
    for (place, range) in parts {
        for (row, line) in lines[range].iter().skip(top).take(painted.height).enumerate() {
            draw_line(line, theme, place, cells(row), buffer);
        }
    }
    for (at, line) in foot.iter().enumerate() {
        let at = half + 1 + at;
        if at >= top && at - top < painted.height {
            put(buffer, text, 0, cells(at - top), line, theme.dim);
        }
    }
    let Some(row) = inside.height.checked_sub(1) else { return };
    if help.typing || !help.filter.value().is_empty() {
        let at = put(buffer, inside, 0, row, "/", theme.key);
        let taken = put(buffer, inside, at, row, &crate::domain::escape_line(help.filter.value()), theme.title);
        if help.typing {
            put(buffer, inside, at + taken, row, "▏", theme.accent);
        }
    } else {
        put(buffer, inside, 0, row, "/ finds, Esc closes", theme.dim);
    }
    if painted.last_top > 0 {
        let shown = format!("{}-{} of {total}", top + 1, (top + painted.height).min(total));
        put_right(buffer, inside, row, &shown, theme.dim);
    }
}

fn draw_line(line: &Line<'_>, theme: &Theme, place: Rect, row: u16, buffer: &mut Buffer) {
    match line {
        Line::Heading(title) => {
            put(buffer, place, 0, row, title, theme.accent);
        }
        Line::Key(keys, doc) => {
            put(buffer, place, 1, row, keys, theme.key);
            let column = cells(width(keys) + 2).max(12);
            put(buffer, place, column, row, doc, theme.base);
        }
        Line::Text(text) => {
            put(buffer, place, 0, row, text, theme.dim);
        }
        Line::Gap => {}
    }
}
