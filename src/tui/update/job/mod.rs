//! A job's screen: its tabs, and what a person means on its tests, failures and summary. Its output has a file of its own.

mod opening;
mod rows;

#[cfg(test)]
mod tests;

pub(super) use rows::settle;

use super::{arrive, home, output, say, scrolled, turned};
use crate::domain::{CleanupVerdict, JobId, JobState, Operation, WorkVerdict};
use crate::store::{JobView, Store};
use crate::tui::action::{Action, SortBy};
use crate::tui::effect::Effect;
use crate::tui::model::{Hit, JobScreen, JobTab, List, Model, Order, Tone};
use crate::tui::output::OutputRequest;

/// How many jobs that are over stay in the store after their screens are left.
const KEPT: usize = 8;
/// The columns of tests and failures.
const COLUMNS: usize = 5;

/// Opens a job's screen at a tab.
pub(super) fn open(model: &mut Model, store: &Store, id: JobId, tab: JobTab) -> Vec<Effect> {
    model.modals.clear();
    model.line = None;
    let mut effects = vec![Effect::Output(OutputRequest::Open(id.clone()))];
    let known = store.job(&id).filter(|job| job.is_whole());
    let missed_its_end =
        arrive::is_over(model, store, &id) || model.summary(&id).is_some_and(|row| row.state == JobState::Ended);
    let here = known.is_some_and(|job| job.state == JobState::Ended || !missed_its_end);
    if !here {
        effects.push(Effect::Load(id.clone()));
    }
    model.opened.retain(|other| *other != id);
    model.opened.push_front(id.clone());
    model.opened.truncate(KEPT);
    let asked = model.operation_of(store, &id);
    // where there are no tests, the summary tells most
    let testless = asked.is_some_and(|operation| !matches!(operation, Operation::RunTests(_)));
    let tab = if testless && tab == JobTab::Tests { JobTab::Summary } else { tab };
    let mut screen = JobScreen::new(id, tab);
    screen.loaded = here;
    model.job = Some(Box::new(screen));
    effects.extend(output::shown(model));
    effects
}

/// Goes back to the panes.
pub(super) fn close(model: &mut Model, store: &Store) -> Vec<Effect> {
    match model.job.take() {
        Some(screen) => {
            if !model.home.jobs.filter.is_empty() && !home::job_keys(model, store).contains(&screen.id) {
                model.home.jobs.filter.clear();
            }
            model.home.jobs.selected = Some(screen.id);
            vec![Effect::Output(OutputRequest::Close)]
        }
        None => Vec::new(),
    }
}

/// The jobs whose histories need not be in the store any longer: they are over, not shown, and not among the last ones
/// opened. Opening one reads its history again.
pub(super) fn forgotten(model: &Model, store: &Store) -> Vec<JobId> {
    let shown = model.job.as_ref().map(|screen| &screen.id);
    let over = store.jobs().into_iter().filter(|job| job.state == JobState::Ended);
    over.map(|job| &job.id).filter(|id| shown != Some(*id) && !model.opened.contains(id)).cloned().collect()
}

/// Says how a job ended whose screen is open.
pub(super) fn ended(model: &mut Model, store: &Store, id: &JobId) {
    let Some(job) = store.job(id).filter(|_| model.job.as_ref().is_some_and(|screen| screen.id == *id)) else {
        return;
    };
    let (tone, text) = verdict(job);
    say(model, tone, &text);
}

fn verdict(job: &JobView) -> (Tone, String) {
    let counts = job.tests.counts;
    let (mut tone, mut text) = match &job.work {
        Some(WorkVerdict::Done) if counts.done() > 0 => {
            (Tone::Info, format!("✓ over: {} tests passed", counts.passed))
        }
        Some(WorkVerdict::Done) => (Tone::Info, "✓ over: done".to_owned()),
        Some(WorkVerdict::Nothing) => (Tone::Info, "✓ over: there was nothing to do".to_owned()),
        Some(WorkVerdict::TestsFailed { .. }) if counts.failed > 0 => {
            (Tone::Error, format!("over: {} of {} tests failed; `e` shows them", counts.failed, counts.done()))
        }
        Some(WorkVerdict::TestsFailed { status }) => {
            (Tone::Error, format!("over: run-tests.py ended with {status}; `4` tells more"))
        }
        Some(WorkVerdict::Error { message, .. }) => (Tone::Error, format!("over: {message}")),
        Some(WorkVerdict::MachineLost { message }) => (Tone::Error, format!("over: machine lost: {message}")),
        Some(WorkVerdict::Cancelled) => match job.capped {
            Some(cap) => (Tone::Error, format!("■ over: stopped by its cap, {cap}")),
            None => (Tone::Info, "■ over: stopped".to_owned()),
        },
        None => (Tone::Info, "over".to_owned()),
    };
    match &job.cleanup {
        Some(CleanupVerdict::Remains { items }) => {
            tone = Tone::Error;
            let what: Vec<&str> = items.iter().map(|item| item.what.as_str()).collect();
            text = format!("{text}; LEFT BEHIND: {}", what.join(", "));
        }
        Some(CleanupVerdict::Kept { machine, .. }) => text = format!("{text}; machine {machine} is kept"),
        Some(CleanupVerdict::Clean) | None => {}
    }
    (tone, text)
}

/// Does what a person means on a job's screen.
pub(super) fn act(model: &mut Model, store: &Store, action: Action) -> Vec<Effect> {
    settle(model, store);
    let (height, last_top) = (model.painted.height.max(1), model.painted.last_top);
    let Some(screen) = &mut model.job else { return Vec::new() };
    let tab = screen.tab;
    match action {
        Action::Back if tab == JobTab::Failures && screen.reading => screen.reading = false,
        Action::Back => return close(model, store),
        Action::NextFailure => return opening::failure(model, store, 1),
        Action::PreviousFailure => return opening::failure(model, store, -1),
        Action::Next | Action::Previous => {
            screen.tab = turned(&JobTab::ALL, tab, action == Action::Next);
        }
        Action::Tab(number) => {
            if let Some(tab) = JobTab::ALL.get(usize::from(number).saturating_sub(1)) {
                screen.tab = *tab;
            }
        }
        action => match tab {
            JobTab::Tests => return tests(model, store, action, height),
            JobTab::Failures => return failures(model, store, action, height, last_top),
            JobTab::Output => return output::act(model, action),
            JobTab::Summary => {
                screen.summary_top = scrolled(screen.summary_top, height, last_top, action);
            }
        },
    }
    Vec::new()
}

fn tests(model: &mut Model, store: &Store, action: Action, page: usize) -> Vec<Effect> {
    let Some(screen) = &mut model.job else { return Vec::new() };
    match action {
        Action::Open => opening::open(model, store),
        Action::GoToOutput => opening::output_of_test(model, store),
        Action::Sort(by) => {
            sort(&mut screen.tests, by);
            Vec::new()
        }
        action => {
            let name = |key: &_| {
                let row = store.job(&screen.id).and_then(|job| crate::tui::model::test_row(job, *key));
                row.map_or(String::new(), |row| row.name().to_owned())
            };
            home::list(&mut screen.tests, &screen.test_rows, page, action, name)
        }
    }
}

fn failures(model: &mut Model, store: &Store, action: Action, page: usize, last_top: usize) -> Vec<Effect> {
    let Some(screen) = &mut model.job else { return Vec::new() };
    match action {
        Action::Open => screen.reading = screen.failures.selected.is_some(),
        Action::GoToOutput => return opening::output_of_failure(model, store),
        Action::Sort(by) => sort(&mut screen.failures, by),
        Action::PageUp | Action::PageDown | Action::HalfUp | Action::HalfDown => {
            screen.diff_top = scrolled(screen.diff_top, page, last_top, action);
        }
        Action::Up | Action::Down | Action::Top | Action::Bottom if screen.reading => {
            screen.diff_top = scrolled(screen.diff_top, page, last_top, action);
        }
        Action::Left => screen.diff_left = screen.diff_left.saturating_sub(8),
        Action::Right => screen.diff_left = (screen.diff_left + 8).min(10_000),
        action => {
            let name = |place: &usize| {
                let test = store.job(&screen.id).and_then(|job| job.tests.ended.get(*place));
                test.map_or(String::new(), |test| test.name.clone())
            };
            return home::list(&mut screen.failures, &screen.failure_rows, page, action, name);
        }
    }
    Vec::new()
}

/// Sorts a list of tests: by a column, the other way round when it is sorted by that already.
fn sort<K>(list: &mut List<K>, by: SortBy) {
    let column = match by {
        SortBy::Name => 0,
        SortBy::State => 1,
        SortBy::Time => 2,
        // tests have no age and no price: they stand in the order they came
        SortBy::Age | SortBy::Cost => {
            list.order = Order::default();
            return;
        }
        SortBy::Flip => {
            list.order.descending = !list.order.descending;
            return;
        }
        SortBy::Step(by) => {
            // beyond either end lies the list's own order
            let place = list.order.column.map_or(0, |column| column + 1);
            let around = COLUMNS + 1;
            let to = (place + around).saturating_add_signed(isize::from(by)) % around;
            list.order = to.checked_sub(1).map_or_else(Order::default, in_order);
            return;
        }
    };
    by_column(list, column);
}

fn by_column<K>(list: &mut List<K>, column: usize) {
    if list.order.column == Some(column) {
        list.order.descending = !list.order.descending;
    } else {
        list.order = in_order(column);
    }
}

/// The order a column begins with: times from the longest.
fn in_order(column: usize) -> Order {
    Order { column: Some(column), descending: matches!(column, 2 | 3) }
}

/// Takes a click on a row or a head in.
pub(super) fn click(model: &mut Model, store: &Store, hit: Hit) -> Vec<Effect> {
    settle(model, store);
    let Some(screen) = &mut model.job else { return Vec::new() };
    match (hit, screen.tab) {
        (Hit::Row(place), JobTab::Tests) => {
            let again = screen.tests.index == place;
            screen.tests.select(&screen.test_rows, place);
            if again {
                return opening::open(model, store);
            }
        }
        (Hit::Row(place), JobTab::Failures) => screen.failures.select(&screen.failure_rows, place),
        (Hit::Head(column), JobTab::Tests) => by_column(&mut screen.tests, column),
        (Hit::Head(column), JobTab::Failures) => by_column(&mut screen.failures, column),
        _ => {}
    }
    Vec::new()
}

/// Takes back which row the frame showed first.
pub(super) fn fed_back(screen: &mut JobScreen, offset: usize) {
    match screen.tab {
        JobTab::Tests => screen.tests.offset = offset,
        JobTab::Failures => screen.failures.offset = offset,
        JobTab::Output | JobTab::Summary => {}
    }
}
