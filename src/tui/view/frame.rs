//! What every screen has: the head with its tabs, the line for notices, the footer with the keys that hold.

use crate::domain::{JobState, Timestamp};
use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::keys::{Chord, Row, Situation, TABLE};
use crate::tui::model::{Hit, LineFor, Model, Painted, Pane, Standing, Tone};
use crate::tui::theme::Theme;
use crate::tui::widget::{cut, put, put_right, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

/// From so many columns on, tabs have whole titles.
const WHOLE_TITLES: u16 = 64;
/// From so many on, the program's name stands before them.
const WITH_NAME: u16 = 100;
/// So many columns titles take with a space for each count, short ones and whole ones.
const NARROW: usize = 43;
const WHOLE: usize = 62;
/// So many columns are kept free for what runs, where counts would take them; and so many for what that costs.
const SAID: usize = 12;
const COSTS: usize = 12;

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
    let whole = bar.width >= WHOLE_TITLES;
    let mut column = put(buffer, bar, 0, 0, if bar.width >= WITH_NAME { " hga  " } else { " " }, theme.title);
    let counted = |pane: &Pane| match pane {
        Pane::Machines if model.machines.here() => model.machines.value.len().to_string(),
        Pane::Images if model.images.here() => model.images.value.len().to_string(),
        Pane::Jobs if model.jobs.here => model.jobs.value.len().to_string(),
        _ => String::new(),
    };
    // where the room is narrow, which panes there are matters more than how much they hold
    let counts: usize = Pane::ALL.iter().map(|pane| width(&counted(pane))).sum();
    let room = usize::from(bar.width);
    let costs = if model.money.is_worth_telling() { COSTS } else { 0 };
    let counts = room >= if whole { WHOLE + SAID + costs } else { NARROW } + counts;
    for (place, pane) in Pane::ALL.iter().enumerate() {
        let title = match pane {
            _ if whole => pane.title(),
            Pane::Machines => "Mach",
            Pane::Images => "Imgs",
            Pane::Jobs => "Jobs",
            Pane::Log => "Log",
            Pane::Resources => "Res",
            Pane::Costs => "Cost",
        };
        let count = if counts { counted(pane) } else { String::new() };
        let start = column;
        let (number, name) =
            if *pane == model.home.pane { (theme.accent, theme.accent) } else { (theme.key, theme.dim) };
        column += put(buffer, bar, column, 0, &(place + 1).to_string(), number);
        column += put(buffer, bar, column, 0, &format!(" {title}"), name);
        if !count.is_empty() {
            column += put(buffer, bar, column, 0, &format!(" {count}"), theme.dim);
        }
        let tab = u8::try_from(place + 1).unwrap_or(1);
        painted.hits.push((Rect::new(bar.x + start, bar.y, column - start, 1), Hit::Do(Action::Tab(tab))));
        column += if whole { 2 } else { 1 };
    }
    let mut rest = Rect { x: bar.x + column.min(bar.width), width: bar.width.saturating_sub(column), ..bar };
    let clock = model.now.to_zoned(model.setup.zone.clone()).strftime("%H:%M ").to_string();
    let mut room = usize::from(rest.width);
    let mut shown = summary(model, theme, bar.width >= WITH_NAME);
    if shown.iter().map(|(text, _)| width(text)).sum::<usize>() + width(&clock) > room {
        // the marks mean the same everywhere
        shown = summary(model, theme, false);
        for (text, _) in &mut shown {
            *text = text.split(' ').take(2).collect::<Vec<_>>().join(" ") + "  ";
        }
        if let Some((_, rate, style)) = super::spending::in_short(model, theme) {
            shown.insert(0, (format!("{rate}  "), style));
        }
    } else if let Some((whole, rate, style)) = super::spending::in_short(model, theme) {
        let taken = shown.iter().map(|(text, _)| width(text)).sum::<usize>() + width(&clock);
        let fits = |text: &str| taken + width(text) + 2 <= room;
        let text = if fits(&whole) { whole } else { rate };
        shown.insert(0, (format!("{text}  "), style));
    }
    shown.push((clock, theme.dim));
    shown.retain(|(text, _)| {
        let fits = width(text) <= room;
        room -= if fits { width(text) } else { 0 };
        fits
    });
    for (text, style) in shown.iter().rev() {
        put_right(buffer, rest, 0, text, *style);
        rest.width -= u16::try_from(width(text)).unwrap_or(0);
    }
}

/// What runs, what was left behind and what failed today, the most important first.
fn summary(model: &Model, theme: &Theme, wide: bool) -> Vec<(String, Style)> {
    let midnight = model
        .now
        .to_zoned(model.setup.zone.clone())
        .start_of_day()
        .map_or(Timestamp::MIN, |midnight| midnight.timestamp());
    let (mut running, mut left, mut failed, mut remains) = (0, 0, 0, 0);
    for job in &model.jobs.value {
        let stands = Standing::of(job.state, job.driven, job.work.as_ref(), job.cleanup.as_ref());
        left += usize::from(stands == Standing::Left);
        running += usize::from(job.state != JobState::Ended && stands != Standing::Left);
        remains += usize::from(stands == Standing::Remains);
        failed += usize::from(
            stands != Standing::Remains && stands.is_bad() && job.ended.is_some_and(|ended| ended >= midnight),
        );
    }
    let mut all = Vec::new();
    for (count, text, style) in [
        (running, "▶ {} running  ", theme.info),
        (remains, "! {} left things behind  ", theme.bad),
        (left, "◌ {} left  ", theme.warn),
        (failed, if wide { "✗ {} failed today  " } else { "✗ {} failed  " }, theme.bad),
    ] {
        if count > 0 {
            all.push((text.replace("{}", &count.to_string()), style));
        }
    }
    all
}

/// The line being typed, or the notice; gives the rows it took.
fn says(model: &Model, theme: &Theme, area: Rect, foot: u16, buffer: &mut Buffer) -> u16 {
    let last = |rows: u16| Rect {
        y: area.y + area.height.saturating_sub(rows + foot),
        height: rows.min(area.height),
        ..area
    };
    if let Some(line) = &model.line {
        let row = last(1);
        let mark = match line.for_what {
            LineFor::Filter => "filter /",
            LineFor::Search => "search /",
        };
        let at = put(buffer, row, 0, 0, mark, theme.key);
        let room = usize::from(row.width.saturating_sub(at + 1)).max(1);
        let (value, cursor) = (line.input.value(), line.input.visual_cursor());
        // what does not fit goes at the left, so that the cursor stays in sight
        let skip = line.input.visual_scroll(room);
        let mut passed = 0;
        let shown: String = value
            .graphemes(true)
            .skip_while(|piece| {
                let hidden = passed < skip;
                passed += width(piece);
                hidden
            })
            .map(|piece| if piece.chars().any(char::is_control) { " " } else { piece })
            .collect();
        put(buffer, row, at, 0, &shown, theme.title);
        let place = at + u16::try_from(cursor.saturating_sub(skip)).unwrap_or(0);
        if place < row.width && row.height > 0 {
            let cell = Rect { x: row.x + place, y: row.y, width: 1, height: 1 };
            buffer.set_style(
                cell.intersection(buffer.area),
                Style::new().add_modifier(ratatui::style::Modifier::REVERSED),
            );
        }
        return 1;
    }
    let Some(notice) = &model.notice else { return 0 };
    let (mark, style) = match notice.tone {
        Tone::Info => ("", theme.info),
        Tone::Error => ("✗ error: ", theme.bad),
    };
    let most = if area.height >= 10 { 2 } else { 1 };
    let lines = wrapped(&format!("{mark}{}", notice.text), usize::from(area.width.saturating_sub(2)).max(1), most);
    let rows = u16::try_from(lines.len()).unwrap_or(1);
    for (row, line) in lines.iter().enumerate() {
        put(buffer, last(rows), 1, u16::try_from(row).unwrap_or(0), line, style);
    }
    rows
}

/// A text in so many lines of so many columns at most, broken at spaces where there are any; ends in `…` where there
/// is more of it.
pub(super) fn wrapped(text: &str, room: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && lines.len() < most {
        if width(rest) <= room || lines.len() + 1 == most {
            lines.push(cut(rest, room));
            break;
        }
        let mut used = 0;
        let mut fits = 0;
        for (at, piece) in rest.grapheme_indices(true) {
            used += width(piece);
            if used > room {
                break;
            }
            fits = at + piece.len();
        }
        if fits == 0 {
            // one that is wider than a line
            fits = rest.graphemes(true).next().map_or(rest.len(), str::len);
        }
        let space = if rest[fits..].starts_with(' ') { Some(fits) } else { rest[..fits].rfind(' ') };
        let at = space.filter(|at| *at > 0).unwrap_or(fits);
        lines.push(cut(rest[..at].trim_end(), room));
        rest = rest[at..].trim_start();
    }
    lines
}

/// The keys that hold, as many as fit, the innermost place first; help and how to leave always, last.
fn footer(situation: &Situation, theme: &Theme, bar: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    buffer.set_style(bar, theme.raised);
    let rows = situation.scopes.iter().flat_map(|scope| TABLE.iter().filter(move |row| row.scope == *scope));
    let held: Vec<(&Row, String)> = rows
        .filter(|row| !row.short.is_empty() && row.unmet(situation).is_none())
        .filter_map(|row| Some((row, shown(row, situation.typing)?)))
        .collect();
    let leave = held.iter().position(|(row, _)| matches!(row.action, Action::Quit | Action::Back));
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for (place, (row, key)) in held.iter().enumerate() {
        if Some(place) == leave || row.action == Action::Help {
            last.push((*row, key.as_str()));
        } else {
            first.push((*row, key.as_str()));
        }
    }
    last.sort_by_key(|(row, _)| row.action != Action::Help);
    let wide = |(row, key): &(&Row, &str)| u16::try_from(width(key) + 3 + width(row.short)).unwrap_or(u16::MAX);
    let mut room = bar.width.saturating_sub(1).saturating_sub(last.iter().map(wide).sum());
    first.retain(|item| {
        let fits = wide(item) <= room;
        if fits {
            room -= wide(item);
        }
        fits
    });
    let mut column = 1;
    for (row, key) in first.into_iter().chain(last) {
        let start = column;
        column += put(buffer, bar, column, 0, key, theme.key);
        column += 1;
        column += put(buffer, bar, column, 0, row.short, theme.dim);
        let rect = Rect::new(bar.x + start, bar.y, column - start, 1).intersection(bar);
        painted.hits.push((rect, Hit::Do(row.action)));
        column += 2;
    }
}

/// The key of a row as the footer names it: while a person types, one that types nothing.
fn shown(row: &Row, typing: bool) -> Option<String> {
    let chords = row.keys.iter().filter_map(|key| key.parse::<Chord>().ok());
    chords.into_iter().find(|chord| !typing || chord.typed().is_none()).map(|chord| chord.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_takes_two_lines_at_most() {
        assert_eq!(wrapped("one two three", 20, 2), ["one two three"]);
        assert_eq!(wrapped("one two three", 8, 2), ["one two", "three"]);
        assert_eq!(wrapped("one two three four five", 8, 2), ["one two", "three f…"]);
        assert_eq!(wrapped("onetwothree four", 6, 2), ["onetwo", "three…"]);
        assert_eq!(wrapped("", 6, 2), Vec::<String>::new());
        for room in 1..9 {
            for most in 0..4 {
                let lines = wrapped("日本語 and more 日本語日本語", room, most);
                assert!(lines.len() <= most && lines.iter().all(|line| width(line) <= room), "{room}: {lines:?}");
            }
        }
    }
}
