//! The panes: which one, the line above its list, and the panel with what is known of the selected row.

use super::{images, jobs, log, machines, resources, spending};
use crate::domain::{Timestamp, escape_line, words};
use crate::store::Store;
use crate::tui::model::{Fleet, Hit, Laid, List, Model, Painted, Pane, PlaceError, Placed, details, laid};
use crate::tui::theme::Theme;
use crate::tui::widget::{Cell, Column, Table, put, put_right};
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};

/// From so many columns on there is room for a panel below a list,
const BELOW_FROM: u16 = 120;
/// and from so many on for one beside it.
const BESIDE_FROM: u16 = 160;

/// A provider that is asked every few seconds and has not answered for so many is late.
const LATE: i64 = 20;

/// The shape of a column: columns it takes, whether it grows, where its text stands, and its rank.
pub(super) type Shape = (u16, bool, Alignment, u8);

/// Draws the pane shown.
pub(super) fn draw(
    model: &Model,
    store: &Store,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) {
    match model.home.pane {
        Pane::Machines => {
            let body = with_panel(model, store, theme, area, buffer, !model.machines.value.is_empty());
            machines::draw(model, store, theme, body, buffer, painted);
        }
        Pane::Images => {
            let body = with_panel(model, store, theme, area, buffer, !model.images.value.is_empty());
            images::draw(model, theme, body, buffer, painted);
        }
        Pane::Jobs => {
            let body = with_panel(model, store, theme, area, buffer, !model.jobs.value.is_empty());
            jobs::draw(model, store, theme, body, buffer, painted);
        }
        Pane::Resources => {
            let body = with_panel(model, store, theme, area, buffer, !model.resources.value.is_empty());
            resources::draw(model, theme, body, buffer, painted);
        }
        Pane::Costs => {
            let rest = spending::head(model, theme, area, buffer, painted);
            let any = model.home.costs.selected.is_some() || model.home.cost_groups.selected.is_some();
            let body = with_panel(model, store, theme, rest, buffer, any && model.money.told.is_some());
            spending::draw(model, theme, body, buffer, painted);
        }
        Pane::Log => log::draw(model, theme, area, buffer, painted),
    }
}

/// Draws what is known of the selected row where there is room for it; gives what is left for the list.
fn with_panel(model: &Model, store: &Store, theme: &Theme, area: Rect, buffer: &mut Buffer, any: bool) -> Rect {
    if !any || area.width < BELOW_FROM || area.height < 12 {
        return area;
    }
    let (list, panel) = if area.width >= BESIDE_FROM {
        let wide = (area.width * 2 / 5).min(90);
        let list = Rect { width: area.width - wide - 2, ..area };
        let rule = Rect { x: list.right() + 1, width: 1, ..area };
        for row in 0..rule.height {
            put(buffer, rule, 0, row, "│", theme.faint);
        }
        (list, Rect { x: rule.right() + 1, width: wide - 1, ..area })
    } else if area.height >= 24 {
        let high = (area.height * 2 / 5).min(14);
        let list = Rect { height: area.height - high, ..area };
        let rule = Rect { y: list.bottom(), height: 1, ..area };
        put(buffer, rule, 0, 0, &"─".repeat(usize::from(rule.width)), theme.faint);
        (list, Rect { x: area.x + 2, y: rule.bottom(), width: area.width - 2, height: high - 1 })
    } else {
        return area;
    };
    let Some((title, details)) = details(model, store) else { return list };
    put(buffer, panel, 0, 0, &title, theme.title);
    let lines = laid(&details, usize::from(panel.width));
    let body = Rect { y: panel.y + 1, height: panel.height.saturating_sub(1), ..panel };
    let shown = usize::from(body.height);
    for (row, line) in lines.iter().take(shown).enumerate() {
        let row = u16::try_from(row).unwrap_or(u16::MAX);
        if lines.len() > shown && row + 1 == body.height {
            put(buffer, body, 0, row, "… d shows all", theme.dim);
        } else {
            detail(line, theme, row, body, buffer);
        }
    }
    list
}

fn detail(line: &Laid, theme: &Theme, row: u16, area: Rect, buffer: &mut Buffer) {
    let text = line.text();
    put(buffer, area, 0, row, &text, if line.heading { theme.accent } else { theme.base });
    if !line.heading {
        put(buffer, area, 0, row, &line.name, theme.dim);
    }
}

/// The columns of a table from their heads and shapes.
pub(super) fn columns(titles: &[&'static str], shapes: &[Shape]) -> Vec<Column> {
    titles
        .iter()
        .zip(shapes)
        .map(|(title, (min, grows, align, rank))| Column {
            title,
            min: *min,
            grows: *grows,
            align: *align,
            rank: *rank,
        })
        .collect()
}

/// What a list is of and where it comes from.
pub(super) struct Source {
    /// What one of them is called.
    pub(super) noun: &'static str,
    /// How many there are.
    pub(super) all: usize,
    /// Whether anything is known.
    pub(super) here: bool,
    /// Why the whole list could not be had anew.
    pub(super) error: Option<String>,
    /// When it was last told.
    pub(super) at: Option<Timestamp>,
    /// Who has not answered yet.
    pub(super) asking: Vec<&'static str>,
    /// Who has answered, but not for a while, though it was asked: with how long ago that was.
    pub(super) late: Vec<String>,
    /// What to do when there is none.
    pub(super) next: Vec<String>,
    /// The places that could not be asked: in a line each, and whole, with what can be done.
    pub(super) places: Vec<(String, Vec<String>)>,
    /// What is said below the list besides.
    pub(super) foot: Vec<String>,
}

impl Source {
    /// A list that providers tell each for itself.
    pub(super) fn fleet<T: Placed>(model: &Model, fleet: &Fleet<T>, noun: &'static str, next: &str) -> Self {
        let place = |error: &PlaceError| {
            let age = error.as_of.map(|at| words::age(at, model.now)).filter(|age| age != "now");
            let age = age.map_or_else(String::new, |age| format!(", as of {age}"));
            let line = escape_line(&format!("! {}{age}: {}", error.place(), error.text));
            let mut whole = vec![escape_line(&format!("! {}: {}", error.place(), error.text))];
            whole.extend(error.hints.iter().map(|hint| escape_line(&format!("  hint: {hint}"))));
            (line, whole)
        };
        Self {
            noun,
            all: fleet.value.len(),
            here: fleet.here(),
            error: None,
            at: None,
            asking: model.providers.iter().filter(|one| !fleet.answered(**one)).map(|one| one.as_str()).collect(),
            late: Vec::new(),
            next: vec![next.to_owned()],
            places: fleet.errors().map(place).collect(),
            foot: Vec::new(),
        }
    }

    /// The same of a list that is asked for all the time: says who has not answered for a while.
    pub(super) fn with_late<T: Placed>(mut self, model: &Model, fleet: &Fleet<T>) -> Self {
        // places that failed say so themselves
        let fails = |provider| fleet.errors().any(|error| error.provider == provider);
        let asked = model.providers.iter().filter(|provider| !fails(**provider));
        self.late = asked
            .filter_map(|provider| {
                let at = fleet.at(*provider)?;
                let old = model.now.duration_since(at).as_secs() >= LATE;
                old.then(|| format!("{provider} as of {}, asking…", words::age(at, model.now)))
            })
            .collect();
        self
    }

    /// The same, that says how providers are added which are not set up.
    pub(super) fn with_missing(mut self, model: &Model) -> Self {
        self.foot.extend(model.missing.iter().map(|(_, how)| escape_line(how)));
        self
    }
}

/// Draws a list with the line above it, or what an empty one says.
#[expect(clippy::too_many_arguments, reason = "a list, its state and where it goes")]
pub(super) fn list<K>(
    model: &Model,
    source: &Source,
    list: &List<K>,
    columns: &[Column],
    rows: usize,
    cells: &dyn Fn(usize) -> (Vec<Cell>, bool),
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) {
    let all = source.all;
    let error = source.error.as_deref().map(escape_line);
    let noun = source.noun;
    let whole = source.places.iter().flat_map(|(_, whole)| whole.clone());
    if !source.here {
        let mut lines: Vec<String> = error.into_iter().chain(whole).collect();
        let title = if lines.is_empty() || !source.asking.is_empty() {
            format!("Asking for {noun}s…")
        } else {
            format!("The {noun}s could not be told.")
        };
        lines.insert(0, title);
        return empty(&lines, theme, area, buffer);
    }
    let top = above(model, source, rows, all, list, error.as_deref(), theme, area, buffer);
    let body = Rect { y: area.y + top, height: area.height - top, ..area };
    if all == 0 {
        let mut lines = vec![match source.asking.as_slice() {
            [] => format!("No {noun}s."),
            asking => format!("No {noun}s so far: asking {}…", asking.join(", ")),
        }];
        lines.extend(source.next.iter().cloned().chain(whole).chain(source.foot.iter().cloned()));
        return empty(&lines, theme, body, buffer);
    }
    let taken = below(source, theme, body, buffer);
    let body = Rect { height: body.height - taken, ..body };
    if rows == 0 {
        let lines = [format!("0 of {all} shown"), "Esc drops the filter.".to_owned()];
        return empty(&lines, theme, body, buffer);
    }
    let order = list.order.column.map(|column| (column, list.order.descending));
    let table = Table { columns, rows, selected: Some(list.index), offset: list.offset, order, cells };
    let laid = table.draw(body, buffer, theme);
    painted.offset = laid.offset;
    painted.height = laid.height;
    painted.hits.extend(laid.rows.into_iter().map(|(rect, place)| (rect, Hit::Row(place))));
    painted.hits.extend(laid.heads.into_iter().map(|(rect, place)| (rect, Hit::Head(place))));
}

/// The line above a list: how many there are, what is filtered for, what is marked, how old it is when it could not be
/// asked anew. Gives the rows it took: always one where there is room, so that the list does not move.
#[expect(clippy::too_many_arguments, reason = "a list, its state and where it goes")]
fn above<K>(
    model: &Model,
    source: &Source,
    rows: usize,
    all: usize,
    list: &List<K>,
    error: Option<&str>,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) -> u16 {
    let filtered = !list.filter.trim().is_empty();
    if area.height < 3 || (area.height < 9 && !filtered && error.is_none() && list.marks.is_empty()) {
        return 0;
    }
    let mut column = 2;
    if filtered {
        let text = format!("{rows} of {all} shown: /{}", escape_line(list.filter.trim()));
        column += put(buffer, area, column, 0, &text, theme.warn) + 2;
    } else if all > 0 {
        column += put(buffer, area, column, 0, &words::count(all as u64, source.noun), theme.dim) + 2;
    }
    if !list.marks.is_empty() {
        column += put(buffer, area, column, 0, &format!("● {} marked", list.marks.len()), theme.mark) + 2;
    }
    if !source.asking.is_empty() && source.all > 0 {
        column += put(buffer, area, column, 0, &format!("asking {}…", source.asking.join(", ")), theme.info) + 2;
    }
    for late in &source.late {
        column += put(buffer, area, column, 0, late, theme.warn) + 2;
    }
    if let Some(error) = error {
        let age = source.at.map_or_else(String::new, |at| format!(" (as of {})", words::age(at, model.now)));
        put(buffer, area, column, 0, &format!("✗ not asked anew{age}: {error}"), theme.bad);
    } else if filtered {
        let rest = Rect { x: area.x + column.min(area.width), width: area.width.saturating_sub(column), ..area };
        if rest.width > 22 {
            put_right(buffer, rest, 0, "Esc drops the filter ", theme.dim);
        }
    }
    1
}

/// The lines below a list: places that could not be asked, and how to add those that are not set up. Gives the rows
/// they took: few, for the list matters more.
fn below(source: &Source, theme: &Theme, area: Rect, buffer: &mut Buffer) -> u16 {
    let most = usize::from(area.height / 4).min(4);
    let failed: Vec<&String> = source.places.iter().map(|(line, _)| line).collect();
    let mut lines: Vec<(String, ratatui::style::Style)> = if failed.len() > most && most > 0 {
        let more = format!("! {} more could not be asked", failed.len() + 1 - most);
        failed[..most - 1].iter().map(|line| (*line).clone()).chain([more]).map(|line| (line, theme.warn)).collect()
    } else {
        failed.into_iter().map(|line| (line.clone(), theme.warn)).collect()
    };
    lines.extend(source.foot.iter().map(|line| (line.clone(), theme.dim)));
    lines.truncate(most);
    let taken = u16::try_from(lines.len()).unwrap_or(0);
    for (row, (line, style)) in (area.height - taken..).zip(&lines) {
        put(buffer, area, 2, row, line, *style);
    }
    taken
}

/// What an empty pane says.
pub(super) fn empty<S: AsRef<str>>(lines: &[S], theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut row = u16::from(area.height > 2);
    for (place, line) in lines.iter().enumerate() {
        let style = if place == 0 { theme.title } else { theme.dim };
        let room = usize::from(area.width.saturating_sub(3)).max(1);
        for part in super::frame::wrapped(line.as_ref(), room, 4) {
            put(buffer, area, 2, row, &part, style);
            row = row.saturating_add(1);
        }
    }
}
