//! What it costs: now, today, this month and by its end; a bar for each day of the month; and what costs, thing by thing or told
//! apart by something else.

use super::frame::wrapped;
use super::home::{Shape, Source, columns, empty, list};
use crate::domain::money::{Grouping, Outlook, Usd, known as known_amount};
use crate::domain::{ProviderKind, escape_line};
use crate::tui::action::Action;
use crate::tui::model::{
    COST_COLUMNS, CostState, GROUP_COLUMNS, GROUPINGS, Hit, Model, Painted, Row as _, cost_rows, costs_count,
    group_rows, grouping_word,
};
use crate::tui::theme::Theme;
use crate::tui::widget::{Cell, DayBars, Gauge, Part, put, put_right, width};
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::HorizontalAlignment::{Left, Right};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A list of fewer rows than this gets the chart's room.
const LIST: u16 = 9;
/// Columns of a bar that shows a share.
const SHARE: u64 = 10;
/// A machine that ends itself within so many seconds is worth a look.
const SOON: u64 = 600;
/// So many alarms are told above the list.
const ALARMS: usize = 2;

/// Draws what stands above the list, the month's chart among it; gives what is left for the list.
pub(super) fn head(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) -> Rect {
    let Some(outlook) = &model.money.outlook else { return area };
    let mut rest = area;
    let take = |rest: &mut Rect, rows: u16| {
        let rows = rows.min(rest.height);
        let at = Rect { height: rows, ..*rest };
        *rest = Rect { y: rest.y + rows, height: rest.height - rows, ..*rest };
        at
    };
    if area.height < 5 {
        return area;
    }
    let lines = figures(model, outlook, usize::from(area.width.saturating_sub(1)), theme);
    // where there is no room for all, what is spent now matters most
    let most = usize::from(area.height / 4).max(1);
    for line in lines.iter().take(most) {
        let row = take(&mut rest, 1);
        let mut column = 1;
        for figure in line {
            column += figure.draw(theme, row, column, buffer) + 3;
        }
    }
    if area.height >= 9 {
        let row = take(&mut rest, 1);
        put(buffer, row, 1, 0, &known(model, outlook, usize::from(area.width.saturating_sub(2))), theme.dim);
    }
    let alarms = if area.height >= 9 { ALARMS } else { 1 };
    // what costs something first
    let mut told: Vec<_> = model.alarms.iter().collect();
    told.sort_by_key(|alarm| alarm.thing.provider != ProviderKind::Aws);
    for (place, alarm) in told.into_iter().take(alarms).enumerate() {
        let more = model.alarms.len() - alarms.min(model.alarms.len());
        let more = if place + 1 == alarms && more > 0 { format!("and {more} more; ") } else { String::new() };
        let text = escape_line(&format!("! {more}{}", model.alarm_words(alarm)));
        let lines = if area.height >= 18 { 2 } else { 1 };
        for line in wrapped(&text, usize::from(area.width.saturating_sub(2)).max(1), lines) {
            let row = take(&mut rest, 1);
            put(buffer, row, 1, 0, &line, theme.bad);
        }
    }
    let spare = rest.height.saturating_sub(LIST + 1);
    let bars = match spare {
        0..4 => 0,
        4..12 => 3,
        12..24 => spare / 3,
        _ => 10,
    };
    // a month in which nothing was spent has nothing to draw
    if bars > 0 && rest.width >= 40 && outlook.days.iter().any(|usd| !usd.is_zero()) {
        let chart = take(&mut rest, bars + 2);
        days(model, outlook, theme, Rect { y: chart.y + u16::from(bars > 3), ..chart }, buffer);
        if bars > 3 {
            take(&mut rest, 1);
        }
    }
    if rest.height >= 4 {
        let row = take(&mut rest, 1);
        told_apart(model, theme, row, buffer, painted);
    }
    rest
}

/// A number of the head.
struct Figure {
    name: &'static str,
    amount: String,
    style: Style,
    /// What stands after it: of less weight.
    after: String,
    /// How much of a cap it is, in percent.
    of_cap: Option<(u64, Style)>,
}

impl Figure {
    const GAUGE: u16 = 8;

    fn width(&self) -> usize {
        let gauge = if self.of_cap.is_some() { usize::from(Self::GAUGE) + 1 } else { 0 };
        let name = if self.name.is_empty() { 0 } else { width(self.name) + 1 };
        name + width(&self.amount) + width(&self.after) + gauge
    }

    fn draw(&self, theme: &Theme, row: Rect, at: u16, buffer: &mut Buffer) -> u16 {
        let mut column = at;
        if !self.name.is_empty() {
            column += put(buffer, row, column, 0, self.name, theme.dim) + 1;
        }
        column += put(buffer, row, column, 0, &self.amount, self.style);
        column += put(buffer, row, column, 0, &self.after, theme.dim);
        if let Some((percent, style)) = self.of_cap {
            column += 1;
            let bar = Rect { x: row.x + column, width: Self::GAUGE, ..row }.intersection(row);
            let part = Part { amount: percent.min(100), sign: "█", style };
            Gauge { parts: &[part], whole: 100, rest: theme.faint }.draw(bar, buffer);
            column += Self::GAUGE;
        }
        column - at
    }
}

/// The numbers of the head, as many in a line as fit.
fn figures(model: &Model, outlook: &Outlook, room: usize, theme: &Theme) -> Vec<Vec<Figure>> {
    let plain = |name, usd: Usd| Figure {
        name,
        amount: known_amount(usd, outlook.unknown > 0),
        style: theme.title,
        after: String::new(),
        of_cap: None,
    };
    let on_top = |count: usize| if count > 0 { format!(" + {count} of unknown price") } else { String::new() };
    let alarmed = model.spends_unwatched();
    let now = Figure {
        amount: format!("{}/h", outlook.burn.hourly),
        style: if alarmed { theme.bad } else { theme.title },
        after: on_top(outlook.burn.unknown),
        ..plain("now", Usd::ZERO)
    };
    let mut today = plain("today", outlook.today);
    if let Some(cap) = model.setup.budget.day {
        let percent = outlook.today.percent_of(cap).unwrap_or(100);
        let style = match percent {
            100.. => theme.bad,
            80.. => theme.warn,
            _ => theme.good,
        };
        today.style = if percent >= 80 { style } else { theme.title };
        today.after = format!(" of {cap} a day");
        today.of_cap = Some((percent, style));
    }
    // what the whole month has of it beyond what runs now
    let more = outlook.unknown.saturating_sub(outlook.burn.unknown);
    let month = Figure {
        after: if more > 0 { format!(" + {} of unknown price", outlook.unknown) } else { String::new() },
        ..plain("month to date", outlook.month)
    };
    let forecast = plain("forecast", outlook.forecast);
    let figures = [now, today, month, forecast];
    let wide = |figures: &[Figure]| figures.iter().map(|figure| figure.width() + 3).sum::<usize>();
    // all in one line, or what is now and what the month comes to, or one by one
    let each = if wide(&figures) <= room + 3 {
        4
    } else if wide(&figures[..2]).max(wide(&figures[2..])) <= room + 3 {
        2
    } else {
        1
    };
    let mut lines: Vec<Vec<Figure>> = Vec::new();
    for figure in figures {
        match lines.last_mut().filter(|line| line.len() < each) {
            Some(line) => line.push(figure),
            None => lines.push(vec![figure]),
        }
    }
    lines
}

/// How that is known: prices, caps, and by which clock a day and a month begin.
fn known(model: &Model, outlook: &Outlook, room: usize) -> String {
    let known = &model.money.known;
    let prices = match known.as_str() {
        "" if outlook.unknown > 0 => "no price is known".to_owned(),
        "" => "nothing is charged for".to_owned(),
        known => known.to_owned(),
    };
    let cap = model.setup.budget.job.map_or_else(String::new, |cap| format!(" · {cap} a job at most"));
    let whole = format!("{prices}{cap} · days and months are UTC");
    let shorter = format!("{prices} · UTC");
    if width(&whole) <= room { whole } else { shorter }
}

/// The month: a bar for each day.
fn days(model: &Model, outlook: &Outlook, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let date = model.now.to_zoned(TimeZone::UTC).date();
    let month = date.strftime("%b").to_string();
    let amounts: Vec<f64> = outlook.days.iter().map(|usd| usd.approximately()).collect();
    let most = outlook.days.iter().copied().max().unwrap_or(Usd::ZERO);
    let chart = DayBars {
        days: &amounts,
        length: u16::try_from(date.days_in_month()).unwrap_or(31),
        most: &most.to_string(),
        name: &month,
        past: theme.info,
        today: theme.accent.remove_modifier(ratatui::style::Modifier::UNDERLINED),
        axis: theme.dim,
        none: theme.faint,
    };
    chart.draw(Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }, buffer);
}

/// What the month can be told apart by, and what it is.
fn told_apart(model: &Model, theme: &Theme, row: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    buffer.set_style(row.intersection(buffer.area), theme.raised);
    let now = model.money.by();
    let key = "b ";
    let all: usize = GROUPINGS.iter().map(|by| width(grouping_word(*by)) + 2).sum();
    let mut column = 1;
    let start = column;
    column += put(buffer, row, column, 0, key, theme.key);
    column += put(buffer, row, column, 0, "by ", theme.dim);
    if usize::from(row.width) > all + usize::from(column) {
        for by in GROUPINGS {
            let style = if by == now { theme.accent } else { theme.dim };
            column += put(buffer, row, column + 1, 0, grouping_word(by), style) + 2;
        }
    } else {
        let place = GROUPINGS.iter().position(|by| *by == now).unwrap_or(0);
        column += put(buffer, row, column, 0, grouping_word(now), theme.accent) + 1;
        column += put(buffer, row, column, 0, &format!("({} of {})", place + 1, GROUPINGS.len()), theme.dim);
    }
    let rect = Rect::new(row.x + start, row.y, column.saturating_sub(start), 1).intersection(row);
    painted.hits.push((rect, Hit::Do(Action::TellApart(1))));
    if now != Grouping::Thing {
        let rest = Rect { x: row.x + column.min(row.width), width: row.width.saturating_sub(column), ..row };
        if rest.width > 12 {
            put_right(buffer, rest, 0, "this month ", theme.dim);
        }
    }
}

/// Draws the list.
pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let error = model.money.error.as_deref().map(escape_line);
    if model.money.told.is_none() {
        let lines = match error {
            Some(error) => vec!["What it costs could not be told.".to_owned(), error],
            None => vec!["Asking what it costs…".to_owned()],
        };
        return empty(&lines, theme, area, buffer);
    }
    let all = costs_count(model);
    let source = Source {
        noun: grouping_word(model.money.by()).trim_end_matches('s'),
        all,
        here: true,
        error: model.money.error.clone(),
        at: None,
        asking: Vec::new(),
        late: Vec::new(),
        next: Vec::new(),
        places: Vec::new(),
        foot: Vec::new(),
    };
    if all == 0 && error.is_none() {
        let lines = [
            "Nothing costs anything now.",
            "Nor has anything this month. What is launched in a cloud is counted here from its first second on; this \
             computer and listed hosts cost nothing.",
        ];
        return empty(&lines, theme, area, buffer);
    }
    if model.money.by() == Grouping::Thing {
        things(model, &source, theme, area, buffer, painted);
    } else {
        groups(model, &source, theme, area, buffer, painted);
    }
}

fn things(model: &Model, source: &Source, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let rows = cost_rows(model);
    let wide = |column: usize, least: usize, most: usize| {
        let widest = rows.iter().map(|row| width(&row.text(column))).max().unwrap_or(0);
        u16::try_from(widest.clamp(least, most)).unwrap_or(0)
    };
    // what no row has takes no room
    let any = |column: usize, least: usize, most: usize| {
        if rows.iter().all(|row| row.text(column).is_empty()) { 0 } else { wide(column, least, most) }
    };
    let shapes: [Shape; 14] = [
        (wide(0, 10, 21), true, Left, 0),
        (9, false, Left, 1),
        (wide(2, 7, 11), false, Right, 0),
        (wide(3, 6, 12), false, Right, 0),
        (wide(4, 6, 12), false, Right, 3),
        (any(5, 8, 10), false, Right, 2),
        (any(6, 7, 9), false, Right, 5),
        (any(7, 8, 12), false, Left, 4),
        (any(8, 4, 16), false, Left, 6),
        (any(9, 10, 28), false, Left, 8),
        (any(10, 5, 14), false, Left, 9),
        (any(11, 8, 10), false, Left, 7),
        (any(12, 5, 12), false, Left, 10),
        (8, false, Right, 11),
    ];
    let cells = |place: usize| {
        let row = &rows[place];
        let (mark, style) = match row.state() {
            _ if row.outlives || row.is_unbound() => ("!", theme.bad),
            CostState::Running => ("●", theme.good),
            CostState::Stopped => ("■", theme.warn),
            CostState::Stored => ("◆", theme.info),
            CostState::Ended => ("○", theme.dim),
        };
        let over = row.state() == CostState::Ended;
        let base = if over { theme.dim } else { Style::new() };
        let cells = (0..COST_COLUMNS.len())
            .map(|column| {
                let text = row.text(column);
                match column {
                    1 => Cell::new(format!("{mark} {text}"), style),
                    2 | 3 | 4 | 6 if text.contains("unknown") || text.starts_with("≥") => {
                        Cell::new(text, theme.warn)
                    }
                    2 if !over => Cell::new(text, theme.title),
                    5 if row.is_unbound() => Cell::new(text, theme.bad),
                    5 if row.ends_within(SOON) => Cell::new(text, theme.warn),
                    7 if row.is_unused() => Cell::new(text, theme.warn),
                    11 if row.outlives => Cell::new(text, theme.bad),
                    8..=10 | 12 | 13 => Cell::new(text, theme.dim),
                    _ => Cell::new(text, base),
                }
            })
            .collect();
        (cells, false)
    };
    let columns = columns(&COST_COLUMNS, &shapes);
    list(model, source, &model.home.costs, &columns, rows.len(), &cells, theme, area, buffer, painted);
}

fn groups(model: &Model, source: &Source, theme: &Theme, area: Rect, buffer: &mut Buffer, painted: &mut Painted) {
    let rows = group_rows(model);
    let mut titles = GROUP_COLUMNS;
    titles[0] = model.money.by().head("WHAT");
    let any = |column: usize, least: usize, most: usize| {
        let widest = rows.iter().map(|row| width(&row.text(column))).max().unwrap_or(0);
        if widest == 0 { 0 } else { u16::try_from(widest.clamp(least, most)).unwrap_or(0) }
    };
    let shapes: [Shape; 9] = [
        (any(0, 10, 24), true, Left, 0),
        (any(1, 7, 12), false, Right, 0),
        (15, false, Left, 2),
        (any(3, 7, 9), false, Right, 3),
        (any(4, 7, 9), false, Right, 6),
        (any(5, 7, 9), false, Right, 5),
        (any(6, 8, 10), false, Right, 4),
        (any(7, 7, 8), false, Right, 1),
        (6, false, Right, 7),
    ];
    let cells = |place: usize| {
        let row = &rows[place];
        let cells = (0..GROUP_COLUMNS.len())
            .map(|column| match column {
                1 if row.sum.unknown > 0 => Cell::new(row.text(1), theme.warn),
                1 => Cell::new(row.text(1), theme.title),
                2 => Cell::new(share(row.percent()), theme.info),
                4 | 5 | 6 | 8 => Cell::new(row.text(column), theme.dim),
                _ => row.text(column).into(),
            })
            .collect();
        (cells, false)
    };
    let columns = columns(&titles, &shapes);
    list(model, source, &model.home.cost_groups, &columns, rows.len(), &cells, theme, area, buffer, painted);
}

/// A share as a bar and a percentage.
fn share(percent: u64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let cells = usize::try_from(SHARE).unwrap_or(0);
    let eighths = usize::try_from(percent.min(100)).unwrap_or(0) * cells * 8 / 100;
    let (full, part) = (eighths / 8, PARTS[eighths % 8]);
    let empty = cells - full - usize::from(!part.is_empty());
    format!("{}{part}{} {percent:>3}%", "█".repeat(full), "░".repeat(empty))
}

/// What is spent, as every screen's head shows it: the rate alone where the room is narrow.
pub(super) fn in_short(model: &Model, theme: &Theme) -> Option<(String, String, Style)> {
    let outlook = model.money.outlook.as_ref().filter(|_| model.money.is_worth_telling())?;
    let mark = if model.spends_unwatched() { "! " } else { "" };
    let style = if mark.is_empty() { theme.info } else { theme.bad };
    let unknown = if outlook.burn.unknown > 0 { "+?" } else { "" };
    let today = format!("today {}", outlook.today);
    if outlook.burn.hourly.is_zero() && outlook.burn.unknown == 0 {
        // what is over today
        return Some((today.clone(), today, theme.dim));
    }
    let rate = format!("{mark}{}{unknown}/h", outlook.burn.hourly);
    Some((format!("{rate} · {today}"), rate, style))
}
