//! What a message changes and what it asks of the world: `(&mut Model, &Store, Msg) -> Vec<Effect>`. No IO, no clock.
//! A file for each screen and each thing over it.

mod arrive;
mod costs;
mod describe;
mod dialog;
mod form;
mod home;
mod idle;
mod job;
mod lease;
mod line;
mod mouse;
mod open;
mod output;
mod page;
mod palette;
#[cfg(test)]
mod testing;

use super::action::{Action, LogMove};
use super::effect::Effect;
use super::keys::{Resolved, resolve};
use super::model::{Modal, Model, Notice, Pane, Tone};
use super::msg::Msg;
use crate::domain::{JobId, PlanVerb, escape_line};
use crate::store::Store;

/// How long a notice stays, in seconds.
const NOTICE: i64 = 12;

/// What is asked for to begin with.
pub(super) fn begin() -> Vec<Effect> {
    vec![Effect::Providers, Effect::Jobs, Effect::Machines, Effect::Images, Effect::Durations, Effect::Money]
}

/// Takes a message in.
pub(super) fn update(model: &mut Model, store: &Store, msg: Msg) -> Vec<Effect> {
    let shown = (model.job.is_some(), model.home.pane);
    let mut effects = take(model, store, msg);
    if shown != (model.job.is_some(), model.home.pane) {
        // only what is shown is kept in line before each frame
        settle(model, store);
    }
    form::price(model);
    effects.extend(output::keep_up(model, store));
    effects.extend(home::wanted(model, store));
    effects.extend(home::watched(model));
    // a stop may take a job up, for its clean-up
    let asks = |effect: &&Effect| matches!(effect, Effect::Submit(_) | Effect::Attach(_) | Effect::Cancel(..));
    model.asked += effects.iter().filter(asks).count();
    effects
}

fn take(model: &mut Model, store: &Store, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(chord) => match resolve(chord, &model.situation(store)) {
            Resolved::Act(row) => act(model, store, row.action),
            Resolved::Refused(row, fact) => {
                say(model, Tone::Info, &format!("{}: {}", row.name, fact.missing()));
                Vec::new()
            }
            Resolved::Text(chord) => act(model, store, Action::Edit(chord)),
            Resolved::Nothing => Vec::new(),
        },
        Msg::Paste(text) => line::paste(model, &text),
        Msg::Mouse(mouse, column, row) => mouse::update(model, store, mouse, column, row),
        Msg::Resize(columns, rows) => {
            model.size = (columns, rows);
            output::resized(model)
        }
        Msg::Focus(focused) => {
            model.focused = focused;
            Vec::new()
        }
        Msg::Tick(now) => {
            model.now = now;
            model.money.tick(now);
            model.look_for_alarms();
            if model.notice.as_ref().is_some_and(|notice| now.duration_since(notice.at).as_secs() >= NOTICE) {
                model.notice = None;
            }
            idle::tell(model, store);
            Vec::new()
        }
        msg => arrive::update(model, store, msg),
    }
}

/// Does what a person means.
fn act(model: &mut Model, store: &Store, action: Action) -> Vec<Effect> {
    if !matches!(action, Action::Edit(_)) && model.modals.is_empty() {
        model.notice = None;
    }
    match action {
        Action::Interrupt => {
            say(model, Tone::Info, "Ctrl-C stops nothing here: `q` leaves hga, `X` stops a job");
            return Vec::new();
        }
        Action::Suspend => return vec![Effect::Suspend],
        Action::Refresh => {
            model.counts_asked.clear();
            let mut effects = [vec![Effect::Redraw, Effect::Forget], begin()].concat();
            if model.home.resources_asked.is_some() {
                model.home.resources_asked = Some(model.now);
                effects.push(Effect::Resources);
            }
            return effects;
        }
        Action::Theme => {
            model.theme = model.theme.next();
            let text = format!("theme: {}", model.theme.as_str());
            say(model, Tone::Info, &text);
            return Vec::new();
        }
        Action::Help => return page::help(model, store),
        Action::Palette => return palette::open(model),
        Action::Log(LogMove::Targets) => {
            model.home.targets = Some(!model.home.shows_targets(model.size.0));
            return Vec::new();
        }
        Action::Log(to) => return vec![Effect::Log(to)],
        _ => {}
    }
    match model.modals.last() {
        Some(Modal::Page(_)) => page::act(model, action),
        Some(Modal::Help(_)) => page::act_help(model, action),
        Some(Modal::Palette(_)) => palette::act(model, store, action),
        Some(Modal::Form(_)) => form::act(model, store, action),
        Some(Modal::Dialog(_)) => dialog::act(model, store, action),
        None if model.line.is_some() => line::act(model, action),
        None => command(model, store, action),
    }
}

/// Does what a person means on the screens themselves; the palette's commands come here too.
fn command(model: &mut Model, store: &Store, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit => dialog::quit(model, store),
        Action::RunTests => open::run_tests(model, store),
        Action::Rerun => open::rerun(model, store),
        Action::Demo => {
            let demo = model.setup.demo.clone();
            vec![Effect::Submit(Box::new(demo))]
        }
        Action::Launch => open::launch(model),
        Action::Bootstrap => dialog::bootstrap(model, store),
        Action::Terminate => dialog::terminate(model, store),
        Action::RemoveImage => dialog::remove_images(model, store),
        Action::Remove if model.home.pane == Pane::Costs => costs::remove(model, store),
        Action::Remove => dialog::remove(model, store),
        Action::Purge => dialog::sweep(model, store, PlanVerb::Purge),
        Action::TerminateEc2 => dialog::sweep(model, store, PlanVerb::TerminateEc2),
        Action::StopJob => dialog::stop_job(model, store),
        Action::Attach => dialog::attach(model, store),
        Action::Lease(later) => lease::shift(model, store, later),
        Action::Shell => {
            model.machine_here(store).map(|machine| machine.id.clone()).map(Effect::Shell).into_iter().collect()
        }
        Action::GoToMachine => {
            if let Some(key) = model.machine_here(store).map(|machine| (machine.provider, machine.id.clone())) {
                let close = job::close(model, store);
                model.home.pane = Pane::Machines;
                model.home.machines.go_to(key);
                return close;
            }
            Vec::new()
        }
        Action::Describe => describe::describe(model, store),
        Action::Filter | Action::Search => line::open(model, action),
        Action::DropFilter => line::drop_filter(model),
        Action::Back if model.job.is_none() => {
            say(model, Tone::Info, "`q` leaves hga");
            Vec::new()
        }
        _ if model.job.is_some() => job::act(model, store, action),
        _ => home::act(model, store, action),
    }
}

/// A click on a field, button or line of what lies uppermost.
fn item(model: &mut Model, store: &Store, item: usize) -> Vec<Effect> {
    match model.modals.last() {
        Some(Modal::Form(_)) => form::click(model, store, item),
        Some(Modal::Dialog(_)) => dialog::click(model, store, item),
        Some(Modal::Palette(_)) => palette::click(model, store, item),
        Some(Modal::Page(_) | Modal::Help(_)) | None => Vec::new(),
    }
}

/// The first line shown of a text after an action, `last` at most; as it was after one that does not scroll.
fn scrolled(top: usize, height: usize, last: usize, action: Action) -> usize {
    let to = match action {
        Action::Up => top.saturating_sub(1),
        Action::Down => top + 1,
        Action::PageUp => top.saturating_sub(height),
        Action::PageDown => top + height,
        Action::HalfUp => top.saturating_sub(height / 2),
        Action::HalfDown => top + height / 2,
        Action::Top => 0,
        Action::Bottom => last,
        _ => top,
    };
    to.min(last)
}

/// The pane or tab after this one, or before it, round and round.
fn turned<T: Copy + PartialEq>(all: &[T], now: T, forward: bool) -> T {
    let place = all.iter().position(|other| *other == now).unwrap_or(0);
    let by = if forward { 1 } else { all.len() - 1 };
    all[(place + by) % all.len()]
}

/// Says something above the footer.
fn say(model: &mut Model, tone: Tone, text: &str) {
    model.notice = Some(Notice { text: escape_line(text), tone, at: model.now });
}

/// The jobs whose histories need not be kept any longer.
pub(super) fn forgotten(model: &Model, store: &Store) -> Vec<JobId> {
    job::forgotten(model, store)
}

/// Brings lists in line with what there is, before a frame.
pub(super) fn settle(model: &mut Model, store: &Store) {
    home::settle(model, store);
    job::settle(model, store);
}

/// Takes back what the frame laid out.
pub(super) fn fed_back(model: &mut Model) {
    let offset = model.painted.offset;
    if let Some(screen) = &mut model.job {
        job::fed_back(screen, offset);
    } else {
        home::fed_back(model, offset);
    }
}
