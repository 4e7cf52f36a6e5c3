//! What every screen has: the head with its tabs, the line for notices, the footer with the keys that hold.

use crate::domain::JobState;
use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::keys::{Situation, TABLE};
use crate::tui::model::{Hit, LineFor, Model, Painted, Pane, Tone};
use crate::tui::theme::Theme;
use crate::tui::widget::{cut, put, put_right, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Draws it; gives the room between head and footer.
pub(super) fn draw(
    model: &Model,
    store: &Store,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) -> Rect {
    let rows = area.height;
    let head = u16::from(rows >= 4);
    let foot = u16::from(rows >= 6);
    if head > 0 {
        let bar = Rect { height: 1, ..area };
        buffer.set_style(bar, theme.raised);
        if model.job.is_none() {
            tabs(model, theme, bar, buffer, painted);
        }
    }
    let said = says(model, theme, area, foot, buffer);
    if foot > 0 {
        footer(&model.situation(store), theme, Rect { y: area.y + rows - 1, height: 1, ..area }, buffer, painted);
    }
    // a job's screen has a head of its own
    let top = if model.job.is_some() { 0 } else { head };
    Rect { y: area.y + top, height: rows.saturating_sub(top + foot + said), ..area }
}

fn tabs(model: &Model, theme: &Theme, bar: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let mut column = put(buffer, bar, 0, 0, " hga ", theme.title) + 1;
    let running = model.jobs.value.iter().filter(|job| job.state != JobState::Ended).count();
    for (place, pane) in Pane::ALL.iter().enumerate() {
        let count = match pane {
            Pane::Machines => model.machines.value.len().to_string(),
            Pane::Images => model.images.value.len().to_string(),
            Pane::Jobs if running > 0 => format!("{running} running"),
            Pane::Jobs => model.jobs.value.len().to_string(),
            Pane::Log => String::new(),
        };
        let text = format!("{} {} {count}", place + 1, pane.title());
        let style = if *pane == model.home.pane { theme.accent } else { theme.dim };
        let start = column;
        column += put(buffer, bar, column, 0, text.trim_end(), style);
        let number = u8::try_from(place + 1).unwrap_or(1);
        painted.hits.push((Rect::new(bar.x + start, bar.y, column - start, 1), Hit::Do(Action::Tab(number))));
        column += 2;
    }
    let clock = model.now.to_zoned(model.setup.zone.clone()).strftime("%H:%M").to_string();
    if column + 7 < bar.width {
        put_right(buffer, bar, 0, &format!("{clock} "), theme.dim);
    }
}

/// The line being typed, or the notice; gives the rows it took.
fn says(model: &Model, theme: &Theme, area: Rect, foot: u16, buffer: &mut Buffer) -> u16 {
    let row = Rect { y: area.y + area.height.saturating_sub(1 + foot), height: 1, ..area };
    if let Some(line) = &model.line {
        let mark = match line.for_what {
            LineFor::Filter => "filter /",
            LineFor::Search => "search /",
        };
        let at = put(buffer, row, 0, 0, mark, theme.key);
        let taken = put(buffer, row, at, 0, line.input.value(), theme.title);
        put(buffer, row, at + taken, 0, "▏", theme.accent);
        return 1;
    }
    let Some(notice) = &model.notice else { return 0 };
    let (mark, style) = match notice.tone {
        Tone::Info => ("", theme.info),
        Tone::Error => ("error: ", theme.bad),
    };
    put(buffer, row, 1, 0, &format!("{mark}{}", notice.text), style);
    1
}

/// The keys that hold, as many as fit, the innermost place first; help and quit always.
fn footer(situation: &Situation, theme: &Theme, bar: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    buffer.set_style(bar, theme.raised);
    let mut column = 1;
    let rows = situation.scopes.iter().flat_map(|scope| TABLE.iter().filter(move |row| row.scope == *scope));
    for row in rows.filter(|row| !row.short.is_empty() && row.unmet(situation).is_none()) {
        let (key, text) = (row.shown(), cut(row.short, 20));
        let wide = u16::try_from(width(&key) + 1 + width(&text)).unwrap_or(u16::MAX);
        if column + wide > bar.width {
            continue;
        }
        let start = column;
        column += put(buffer, bar, column, 0, &key, theme.key) + 1;
        column += put(buffer, bar, column, 0, &text, theme.dim);
        painted.hits.push((Rect::new(bar.x + start, bar.y, column - start, 1), Hit::Do(row.action)));
        column += 2;
    }
}
