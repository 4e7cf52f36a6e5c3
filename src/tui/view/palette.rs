//! The command palette.

use super::modal::{Boxed, cells};
use crate::store::Store;
use crate::tui::model::{Hit, Model, Painted, Palette, command_rows};
use crate::tui::theme::Theme;
use crate::tui::widget::{put, put_right, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws it.
pub(super) fn draw(
    model: &Model,
    store: &Store,
    palette: &Palette,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) {
    let rows = command_rows(model, store, palette);
    let boxed =
        Boxed { title: "Commands", style: theme.accent, columns: 90, rows: 20.min(area.height.saturating_sub(2)) };
    let inside = boxed.draw(theme, area, buffer, painted);
    let at = put(buffer, inside, 0, 0, ":", theme.key);
    let cursor = at + put(buffer, inside, at, 0, &crate::domain::escape_line(palette.input.value()), theme.title);
    put(buffer, inside, cursor, 0, "▏", theme.accent);
    let list = Rect { y: inside.y + inside.height.min(1), height: inside.height.saturating_sub(1), ..inside };
    painted.height = usize::from(list.height);
    if rows.is_empty() {
        put(buffer, list, 2, 0, "no command is called that; Esc closes", theme.dim);
        return;
    }
    let index = palette.index.min(rows.len() - 1);
    // the longest name has room
    let names = rows.iter().map(|command| width(command.row.name)).max().unwrap_or(0);
    let names = cells(names + 4).max(21);
    let first = (index + 1).saturating_sub(painted.height.max(1));
    for (line, (place, command)) in rows.iter().enumerate().skip(first).take(painted.height).enumerate() {
        let line = cells(line);
        let chosen = place == index;
        let style = if command.unmet.is_some() { theme.dim } else { theme.base };
        put(buffer, list, 0, line, if chosen { "▶" } else { " " }, theme.accent);
        put(buffer, list, 2, line, command.row.name, style);
        let said = match command.unmet {
            Some(fact) => format!("not now: {}", fact.missing()),
            None => command.row.doc.to_owned(),
        };
        let doc = Rect { x: list.x + names.min(list.width), width: list.width.saturating_sub(names + 8), ..list };
        put(buffer, doc, 0, line, &said, theme.dim);
        let keys = if command.row.keys.is_empty() { String::new() } else { command.row.shown() };
        put_right(buffer, list, line, &keys, theme.key);
        let rect = Rect::new(list.x, list.y + line, list.width, 1);
        if chosen {
            buffer.set_style(rect, theme.selected);
        }
        painted.hits.push((rect, Hit::Item(place)));
    }
}
