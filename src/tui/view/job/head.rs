//! The head of a job's screen: what it is and how it stands, its phases, how far it is, its tabs.

use super::super::states;
use crate::domain::money::known;
use crate::domain::{DirtyTree, JobState, Operation, Phase, Timestamp, escape_line, words};
use crate::event::Unit;
use crate::store::{JobView, LinkState};
use crate::tui::action::Action;
use crate::tui::model::{Hit, JobScreen, JobTab, Model, Painted, whole};
use crate::tui::theme::Theme;
use crate::tui::widget::{Gauge, Part, cut, put, put_right, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws it; gives the room below it.
pub(super) fn draw(
    model: &Model,
    job: &JobView,
    screen: &JobScreen,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) -> Rect {
    let rows = area.height;
    let mut next = 0;
    let mut row = |wanted: bool| {
        let taken = wanted && next < rows;
        let at = Rect { y: area.y + next, height: u16::from(taken), ..area };
        next += u16::from(taken);
        at
    };
    title(model, job, theme, row(true), buffer);
    let lost = matches!(job.link, LinkState::Lost { .. }) && job.ended.is_none();
    if lost {
        link(model, job, theme, row(rows >= 5), buffer);
    }
    if rows >= 15 && !(lost && rows < 20) {
        source(job, theme, row(true), buffer);
    }
    let mut cells = phases(model, job, theme);
    if fits_in_one(&with_costs(&cells, screen)) <= area.width {
        cells = with_costs(&cells, screen);
    }
    let tall = rows >= 16 && fits_in_one(&cells) > area.width && fits_in_two(&cells) <= area.width;
    let strip = row(rows >= 8);
    let below = row(tall);
    phase_strip(&cells, theme, strip, below, buffer);
    if let Some(phase) = job.phase.filter(|phase| rows >= 10 && job.steps_of(*phase).next().is_some()) {
        steps(model, job, phase, theme, row(true), buffer);
    }
    progress(model, job, screen, theme, row(rows >= 6), buffer);
    tabs(model, job, screen, theme, row(rows >= 3), buffer, painted);
    Rect { y: area.y + next, height: rows - next, ..area }
}

fn title(model: &Model, job: &JobView, theme: &Theme, row: Rect, buffer: &mut Buffer) {
    let driven = model.ours.contains(&job.id) || model.summary(&job.id).is_none_or(|row| row.driven);
    let (mark, word, style) =
        states::job(job.operation.as_ref(), job.state, driven, job.work.as_ref(), job.cleanup.as_ref(), theme);
    let machine = job.machine.as_ref().map_or(String::new(), |machine| {
        let fate = match (machine.ended, machine.ending) {
            (true, _) => ", ended",
            (_, true) => ", ending",
            _ => "",
        };
        let what = match (&machine.instance_type, &machine.region) {
            (Some(kind), Some(region)) => format!("{kind}, {region}"),
            (Some(one), None) => one.clone(),
            (None, Some(region)) => region.to_string(),
            (None, None) => machine.provider.to_string(),
        };
        escape_line(&format!("{} ({what}{fate})", machine.id))
    });
    let elapsed = job.ended.unwrap_or(model.now).duration_since(job.created).as_secs_f64().max(0.0);
    let right = format!("{} ", whole(elapsed));
    let cost = model.money.job(&job.id).map(|(usd, unknown)| format!("{}  ", known(usd, unknown)));
    let cost = cost.unwrap_or_default();
    let taken = width(&right) + width(&cost);
    let room = row.width.saturating_sub(u16::try_from(taken + 1).unwrap_or(row.width));
    let left = Rect { width: room, ..row };
    let mut column = put(buffer, left, 0, 0, &format!(" {}  ", job.id), theme.title);
    column += put(buffer, left, column, 0, &format!("{mark} {word}  "), style);
    // what was asked gives way to the machine, for that is needed more
    let place = u16::try_from(width(&machine) + 2).unwrap_or(u16::MAX);
    let room = left.width.saturating_sub(column);
    if let Some(operation) = &job.operation
        && room > place.saturating_add(12)
    {
        let text = cut(&escape_line(&asked(operation)), usize::from(room - place));
        column += put(buffer, left, column, 0, &text, theme.base) + 2;
    }
    put(buffer, left, column, 0, &machine, theme.dim);
    put_right(buffer, row, 0, &right, theme.dim);
    if !cost.is_empty() {
        let end = u16::try_from(width(&right)).unwrap_or(row.width);
        let over = model.alarms.iter().any(|alarm| alarm.job == job.id);
        let style = if over { theme.bad } else { theme.title };
        put_right(buffer, Rect { width: row.width.saturating_sub(end), ..row }, 0, &cost, style);
    }
}

/// What was asked, in a few words.
fn asked(operation: &Operation) -> String {
    match operation {
        Operation::RunTests(spec) => {
            let names: Vec<&str> = spec
                .test_args
                .iter()
                .filter(|word| word.starts_with("test-") && !word.starts_with("--"))
                .map(String::as_str)
                .collect();
            let what = match names.as_slice() {
                [] => "all tests".to_owned(),
                [name] => (*name).to_owned(),
                names => format!("{} tests", names.len()),
            };
            // `.` says nothing that the revision below does not
            if spec.rev == "." { what } else { format!("{what} of {}", spec.rev) }
        }
        Operation::BootstrapLinux(spec) if spec.rebuild => "make the image anew".to_owned(),
        Operation::BootstrapLinux(_) => "make the image".to_owned(),
        Operation::Launch(_) => "launch a machine".to_owned(),
        Operation::Terminate { machines, .. } => format!("end {}", words::count(machines.len() as u64, "machine")),
        Operation::Apply { plan, .. } => {
            format!("{} {}", if plan.verb.only_ends() { "end" } else { "remove" }, plan.count())
        }
    }
}

fn link(model: &Model, job: &JobView, theme: &Theme, row: Rect, buffer: &mut Buffer) {
    if let LinkState::Lost { since, reason } = &job.link {
        let ago = words::age(*since, model.now);
        let column = put(buffer, row, 0, 0, &format!(" ! connection lost {ago}, reconnecting"), theme.warn);
        put(buffer, row, column, 0, &format!(": {}", escape_line(reason)), theme.dim);
    }
}

fn source(job: &JobView, theme: &Theme, row: Rect, buffer: &mut Buffer) {
    let Some(source) = &job.source else { return };
    let node: String = source.node.chars().take(12).collect();
    let mut column = put(buffer, row, 0, 0, &format!(" revision {}", escape_line(&node)), theme.dim);
    if matches!(&job.operation, Some(Operation::RunTests(spec)) if spec.dirty == DirtyTree::Include) {
        column += put(buffer, row, column, 0, " + uncommitted changes", theme.warn);
    }
    put(buffer, row, column + 2, 0, &escape_line(&source.summary), theme.base);
}

/// The same with what each phase has cost, for a wide screen.
fn with_costs(cells: &[PhaseCell], screen: &JobScreen) -> Vec<PhaseCell> {
    let with = |cell: &PhaseCell| {
        let cost =
            screen.phase_costs.iter().find(|(phase, _)| phase.is_some_and(|phase| phase.as_str() == cell.name));
        let cost = cost.filter(|_| !cell.time.is_empty()).map_or_else(String::new, |(_, usd)| format!(" {usd}"));
        PhaseCell { time: format!("{}{cost}", cell.time), ..cell.clone() }
    };
    cells.iter().map(with).collect()
}

/// A phase as the strip shows it.
#[derive(Clone)]
struct PhaseCell {
    mark: &'static str,
    name: &'static str,
    time: String,
    style: Style,
    current: bool,
}

impl PhaseCell {
    fn columns(&self) -> u16 {
        u16::try_from(2 + self.name.len()).unwrap_or(u16::MAX)
    }

    fn times(&self) -> u16 {
        u16::try_from(width(&self.time)).unwrap_or(u16::MAX)
    }
}

/// The phases that have been, and those to come as far as the operation tells.
fn phases(model: &Model, job: &JobView, theme: &Theme) -> Vec<PhaseCell> {
    let now = job.ended.unwrap_or(model.now);
    let mut seen: Vec<_> = job.phases.iter().collect();
    seen.sort_by_key(|view| view.phase);
    let last = seen.last().map(|view| view.phase);
    let mut cells: Vec<PhaseCell> = seen
        .into_iter()
        .map(|view| {
            let (mark, style) = match (view.running_since, view.ok) {
                (Some(_), _) => ("▶", theme.info),
                (None, Some(true)) => ("✓", theme.good),
                (None, Some(false)) => ("✗", theme.bad),
                (None, None) => ("◌", theme.warn),
            };
            let mut time = brief(view.seconds_at(now));
            if view.attempts > 1 {
                time = format!("{time} ×{}", view.attempts);
            }
            PhaseCell { mark, name: view.phase.as_str(), time, style, current: view.running_since.is_some() }
        })
        .collect();
    let coming: &[Phase] = match (&job.operation, job.state) {
        (_, JobState::Ended) | (None, _) => &[],
        (_, JobState::Cancelling) | (Some(Operation::Terminate { .. }), _) => &[Phase::End],
        (Some(Operation::Apply { .. }), _) => &[Phase::Check, Phase::End],
        (Some(Operation::RunTests(_)), _) => &Phase::ALL[1..],
        (Some(Operation::BootstrapLinux(_)), _) => &[Phase::Source, Phase::Image],
        (Some(Operation::Launch(_)), _) => &[Phase::Launch, Phase::Ready],
    };
    cells.extend(coming.iter().filter(|phase| last.is_none_or(|last| **phase > last)).map(|phase| PhaseCell {
        mark: "·",
        name: phase.as_str(),
        time: String::new(),
        style: theme.dim,
        current: false,
    }));
    cells
}

/// Seconds in few characters: `0.8s`, `12s`, `3m 20s`.
fn brief(seconds: f64) -> String {
    if seconds < 9.95 { format!("{:.1}s", seconds.max(0.0)) } else { whole(seconds) }
}

fn fits_in_one(cells: &[PhaseCell]) -> u16 {
    cells
        .iter()
        .map(|cell| cell.columns() + cell.times() + u16::from(cell.times() > 0) + 2)
        .fold(0, u16::saturating_add)
}

fn fits_in_two(cells: &[PhaseCell]) -> u16 {
    cells.iter().map(|cell| cell.columns().max(cell.times() + 2) + 1).fold(0, u16::saturating_add)
}

/// The phases: in one row, in two with the times below, or as marks with the one under way.
fn phase_strip(cells: &[PhaseCell], theme: &Theme, row: Rect, below: Rect, buffer: &mut Buffer) {
    let mut column = 1;
    if fits_in_one(cells) <= row.width {
        for cell in cells {
            column += put(buffer, row, column, 0, &format!("{} {}", cell.mark, cell.name), cell.style);
            if !cell.time.is_empty() {
                column += put(buffer, row, column, 0, &format!(" {}", cell.time), theme.dim);
            }
            column += 2;
        }
    } else if below.height > 0 {
        for cell in cells {
            put(buffer, row, column, 0, &format!("{} {}", cell.mark, cell.name), cell.style);
            put(buffer, below, column + 2, 0, &cell.time, theme.dim);
            column += cell.columns().max(cell.times() + 2) + 1;
        }
    } else {
        for cell in cells {
            column += put(buffer, row, column, 0, cell.mark, cell.style);
        }
        let shown = cells.iter().position(|cell| cell.current);
        let shown = shown.or_else(|| cells.iter().rposition(|cell| !cell.time.is_empty()));
        if let Some((place, cell)) = shown.and_then(|place| Some((place, cells.get(place)?))) {
            column += put(buffer, row, column + 1, 0, cell.name, cell.style) + 2;
            let text = format!("{} ({} of {})", cell.time, place + 1, cells.len());
            put(buffer, row, column, 0, &text, theme.dim);
        }
    }
}

/// The steps of the phase under way, each with its time, and how long the next one has been waited for. Where not all
/// fit, the last ones.
fn steps(model: &Model, job: &JobView, phase: Phase, theme: &Theme, row: Rect, buffer: &mut Buffer) {
    let began = job.phases.iter().find(|view| view.phase == phase).and_then(|view| view.running_since);
    // those of an attempt that was broken off say nothing of this one
    let now: Vec<_> = job.steps_of(phase).filter(|step| began.is_none_or(|began| step.at >= began)).collect();
    let since = now.last().map(|step| step.at).or(began).unwrap_or(model.now);
    let waits = format!("▶ {}", brief(model.now.duration_since(since).as_secs_f64()));
    let cells: Vec<(String, String)> =
        now.iter().map(|step| (escape_line(&step.step), brief(step.seconds))).collect();
    let wide = |(step, time): &(String, String)| width(step) + width(time) + 5;
    let room = usize::from(row.width).saturating_sub(width(&waits) + 4);
    let mut taken = 0;
    let fit = cells.iter().rev().take_while(|cell| {
        taken += wide(cell);
        taken <= room
    });
    let first = cells.len() - fit.count();
    let mut column = if first > 0 { 1 + put(buffer, row, 1, 0, "… ", theme.dim) } else { 1 };
    for (step, time) in &cells[first..] {
        column += put(buffer, row, column, 0, "✓ ", theme.good);
        column += put(buffer, row, column, 0, step, theme.base) + 1;
        column += put(buffer, row, column, 0, time, theme.dim) + 2;
    }
    put(buffer, row, column, 0, &waits, theme.info);
}

fn progress(model: &Model, job: &JobView, screen: &JobScreen, theme: &Theme, row: Rect, buffer: &mut Buffer) {
    let counts = &job.tests.counts;
    let tested = counts.total > 0 || counts.done() > 0;
    let removes = matches!(job.operation, Some(Operation::Apply { .. }));
    let bar = Rect { x: row.x + row.width.min(1), width: (row.width / 3).min(48), ..row };
    let after = bar.width + 3;
    match job.progress {
        Some(progress) if !(tested && progress.phase == Phase::Test) && (removes || progress.phase != Phase::End) => {
            let part = Part { amount: progress.done.min(progress.total), sign: "█", style: theme.info };
            Gauge { parts: &[part], whole: progress.total, rest: theme.faint }.draw(bar, buffer);
            let show = |count: u64| match progress.unit {
                Unit::Bytes => words::bytes(count),
                Unit::Files | Unit::Steps => count.to_string(),
            };
            let what = match progress.unit {
                Unit::Bytes => "",
                Unit::Files => " files",
                Unit::Steps if removes => " things",
                Unit::Steps => " steps",
            };
            let text = if progress.total > 0 {
                format!("{}: {} of {}{what}", progress.phase, show(progress.done), show(progress.total))
            } else {
                format!("{}: {}{what} so far", progress.phase, show(progress.done))
            };
            put(buffer, row, if progress.total > 0 { after } else { 1 }, 0, &text, theme.base);
        }
        _ if tested => {
            let parts = [
                Part { amount: u64::from(counts.passed), sign: "█", style: theme.good },
                Part { amount: u64::from(counts.failed), sign: "▓", style: theme.bad },
                Part {
                    amount: u64::from(counts.skipped) + u64::from(counts.ignored), sign: "▒", style: theme.warn
                },
            ];
            let whole = u64::from(counts.total.max(counts.done()));
            Gauge { parts: &parts, whole, rest: theme.faint }.draw(bar, buffer);
            let mut column = after;
            column += put(buffer, row, column, 0, &format!("{}/{whole}", counts.done()), theme.title) + 2;
            let bad = if counts.failed > 0 { theme.bad } else { theme.dim };
            column += put(buffer, row, column, 0, &format!("{} failed", counts.failed), bad) + 2;
            if counts.skipped > 0 {
                column += put(buffer, row, column, 0, &format!("{} skipped", counts.skipped), theme.warn) + 2;
            }
            if let Some((_, Some(left))) = screen.eta
                && job.phase == Some(Phase::Test)
                && u64::from(counts.done()) < whole
            {
                put(buffer, row, column, 0, &left_words(left), theme.dim);
            }
        }
        _ => {
            let note = job.notes.back().map_or(String::new(), |note| escape_line(&note.text));
            let text = match (job.phase, job.ended) {
                (_, Some(_)) => note,
                (Some(Phase::End), _) if removes => with_note("ending and removing", &note, job, model.now),
                (Some(phase), _) => with_note(doing(phase), &note, job, model.now),
                (None, None) => job.state.as_str().to_owned(),
            };
            put(buffer, row, 1, 0, &text, theme.dim);
        }
    }
}

fn left_words(left: std::time::Duration) -> String {
    if left.as_secs() == 0 { "almost done".to_owned() } else { format!("~{} left", words::span(left)) }
}

/// What a phase does, with the last note of it.
fn with_note(doing: &str, note: &str, job: &JobView, now: Timestamp) -> String {
    let began = job.phases.iter().filter_map(|view| view.running_since).max().unwrap_or(now);
    let fresh = job.notes.back().is_some_and(|last| last.at >= began) && !note.is_empty();
    if fresh { format!("{doing}: {note}") } else { doing.to_owned() }
}

fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Check => "looking at everything anew",
        Phase::Source => "finding the source",
        Phase::Image => "finding the image, or making it",
        Phase::Launch => "asking for a machine",
        Phase::Ready => "waiting until the machine answers",
        Phase::Prepare => "preparing the work folder",
        Phase::Sync => "bringing the revision to the machine",
        Phase::Test => "starting the tests",
        Phase::Collect => "fetching the results",
        Phase::End => "ending the machine",
    }
}

fn tabs(
    model: &Model,
    job: &JobView,
    screen: &JobScreen,
    theme: &Theme,
    row: Rect,
    buffer: &mut Buffer,
    painted: &mut Painted,
) {
    buffer.set_style(row.intersection(buffer.area), theme.raised);
    let counts = &job.tests.counts;
    let mut column = 1;
    for (place, tab) in JobTab::ALL.iter().enumerate() {
        let count = match tab {
            JobTab::Tests => job.tests.ended.len() + job.tests.running.len(),
            JobTab::Failures => usize::try_from(counts.failed).unwrap_or(usize::MAX),
            JobTab::Output | JobTab::Summary => 0,
        };
        let count = if count > 0 && row.width >= 60 { format!(" {count}") } else { String::new() };
        let style = match tab {
            tab if *tab == screen.tab => theme.accent,
            JobTab::Failures if counts.failed > 0 => theme.bad,
            _ => theme.dim,
        };
        let start = column;
        let text = format!("{} {}{count}", place + 1, tab.title());
        column += put(buffer, row, column, 0, &text, style);
        let number = u8::try_from(place + 1).unwrap_or(1);
        if column > start {
            painted.hits.push((Rect::new(row.x + start, row.y, column - start, 1), Hit::Do(Action::Tab(number))));
        }
        column += if row.width >= 60 { 2 } else { 1 };
    }
    let filter = match screen.tab {
        JobTab::Tests => screen.tests.filter.as_str(),
        JobTab::Failures => screen.failures.filter.as_str(),
        JobTab::Output | JobTab::Summary => "",
    };
    let rest = Rect { x: row.x + column.min(row.width), width: row.width.saturating_sub(column), ..row };
    if filter.is_empty()
        && let Some((whole, rate, style)) = super::super::spending::in_short(model, theme)
    {
        let fits = |text: &&String| width(text) + 3 <= usize::from(rest.width);
        if let Some(text) = [whole, rate].iter().find(fits) {
            put_right(buffer, rest, 0, &format!("{text} "), style);
        }
    }
    let (shown, all, filter) = match screen.tab {
        JobTab::Tests => {
            let all = job.tests.ended.len() + job.tests.running.len();
            (screen.test_rows.len(), all, &screen.tests.filter)
        }
        JobTab::Failures => {
            (screen.failure_rows.len(), usize::try_from(counts.failed).unwrap_or(0), &screen.failures.filter)
        }
        JobTab::Output | JobTab::Summary => return,
    };
    if !filter.is_empty() && column + 4 < row.width {
        let right = Rect { x: row.x + column, width: row.width - column, ..row };
        put_right(buffer, right, 0, &format!("{shown} of {all}  /{} ", escape_line(filter)), theme.warn);
    }
}
