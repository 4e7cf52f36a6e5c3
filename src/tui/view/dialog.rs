//! Dialogs: what will happen, what has to be typed, the buttons. What does not fit is scrolled; the buttons always show.

use super::modal::{Boxed, cells, wrapped};
use crate::tui::model::{Dialog, Hit, LineTone, Painted};
use crate::tui::theme::Theme;
use crate::tui::widget::{put, put_right, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws it.
pub(super) fn draw(dialog: &Dialog, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let room = usize::from(area.width.min(78).saturating_sub(4));
    let lines: Vec<(LineTone, String)> = dialog
        .lines
        .iter()
        .flat_map(|(tone, text)| wrapped(text, room).into_iter().map(|line| (*tone, line)))
        .collect();
    let typed = u16::from(dialog.demand.is_some());
    // the buttons, on as many rows as they need
    let mut places = Vec::new();
    let (mut column, mut row) = (0, 0);
    for button in &dialog.buttons {
        let wide = cells(width(button) + 4);
        if column > 0 && usize::from(column + wide) > room {
            column = 0;
            row += 1;
        }
        places.push((column, row));
        column += wide + 2;
    }
    let below = typed + row + 1;
    let style = if dialog.danger { theme.danger } else { theme.accent };
    let rows = cells(lines.len()).saturating_add(below + 3);
    let boxed = Boxed { title: &dialog.title, style, columns: cells(room + 4), rows };
    let inside = boxed.draw(theme, area, buffer, painted);
    let inside = Rect { x: inside.x + 1.min(inside.width), width: inside.width.saturating_sub(2), ..inside };
    let gap = u16::from(inside.height > below + 1);
    let text = Rect { height: inside.height.saturating_sub(below + gap), ..inside };
    painted.height = usize::from(text.height);
    painted.last_top = lines.len().saturating_sub(painted.height);
    let top = dialog.top.min(painted.last_top);
    for (row, (tone, line)) in lines.iter().skip(top).take(painted.height).enumerate() {
        let style = match tone {
            LineTone::What => theme.title,
            LineTone::Plain => theme.base,
            LineTone::Less => theme.dim,
            LineTone::Warning => theme.warn,
        };
        put(buffer, text, 0, cells(row), line, style);
    }
    let first = inside.height.saturating_sub(below);
    if painted.last_top > 0 {
        let more = lines.len() - (top + painted.height).min(lines.len());
        let said = if more > 0 { format!("{more} more: PgDn") } else { "PgUp".to_owned() };
        put_right(buffer, inside, first.saturating_sub(gap), &said, theme.info);
    }
    if dialog.demand.is_some() {
        let at = put(buffer, inside, 0, first, "> ", theme.key);
        let taken = put(buffer, inside, at, first, &crate::domain::escape_line(dialog.input.value()), theme.title);
        let end = at + taken + put(buffer, inside, at + taken, first, "▏", theme.accent);
        // what has to be typed stands at the end of the text, which may be out of sight
        if let Some(demand) = dialog.demand.as_ref().filter(|_| dialog.input.value().is_empty()) {
            put(buffer, inside, end, first, &format!(" {demand}"), theme.faint);
        }
    }
    for (place, (button, (column, row))) in dialog.buttons.iter().zip(places).enumerate() {
        let marked = place == dialog.focus;
        let style = match (marked, place > 0 && dialog.danger) {
            (true, _) => theme.selected,
            (false, true) if dialog.may_press_now() => theme.danger,
            (false, true) => theme.dim,
            (false, false) => theme.base,
        };
        let text = if marked { format!("▶ {button} ◀") } else { format!("[ {button} ]") };
        let row = first + typed + row;
        let taken = put(buffer, inside, column, row, &text, style);
        if taken > 0 {
            painted.hits.push((Rect::new(inside.x + column, inside.y + row, taken, 1), Hit::Item(place)));
        }
    }
}
