//! A job's output: following, scrolling, searching. What the reader is asked for follows from where the pane is, see
//! [`keep_up`].

use super::{arrive, say};
use crate::store::{JobView, Store};
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::model::{JobTab, LineFor, Model, Tone};
use crate::tui::output::{OutputAnswer, OutputPane, OutputRequest};

/// Columns that a step to the side goes.
const SIDE: isize = 8;

/// Columns and rows that the text has, as the last frame laid it out.
fn room(model: &Model) -> (usize, usize) {
    (model.painted.width, model.painted.height.max(1))
}

/// What is asked for when the output is shown or its place or size changes.
pub(super) fn shown(model: &Model) -> Vec<Effect> {
    let rows = usize::from(model.size.1).max(1);
    let screen = model.job.as_ref().filter(|screen| screen.tab == JobTab::Output);
    screen.and_then(|screen| screen.output.wanted(rows)).map(Effect::Output).into_iter().collect()
}

/// The terminal has another size.
pub(super) fn resized(model: &Model) -> Vec<Effect> {
    shown(model)
}

/// Asks the reader for what the pane needs now, after each message: lines while it is shown and nothing while it is not.
pub(super) fn keep_up(model: &mut Model, store: &Store) -> Vec<Effect> {
    let Some(screen) = &model.job else { return Vec::new() };
    let live = !arrive::is_over(model, store, &screen.id);
    let asks = shown(model);
    let typing = model.line.as_ref().is_some_and(|line| line.for_what == LineFor::Search);
    let Some(screen) = &mut model.job else { return Vec::new() };
    let pane = &mut screen.output;
    if !typing {
        pane.origin = None;
    }
    if let Some(job) = store.job(&screen.id)
        && pane.failures.len() as u64 != u64::from(job.tests.counts.failed)
    {
        pane.failures = places_of_failures(job);
    }
    let mut effects = Vec::new();
    if std::mem::replace(&mut pane.live, live) != live {
        effects.push(Effect::Output(OutputRequest::Live(live)));
    }
    if screen.tab != JobTab::Output {
        effects.extend(pane.asked.take().map(|_| Effect::Output(OutputRequest::Rest)));
    }
    for ask in asks {
        if let Effect::Output(request) = &ask {
            pane.asked = Some(request.clone());
        }
        effects.push(ask);
    }
    effects
}

/// Where the output stood when each failure was told.
fn places_of_failures(job: &JobView) -> Vec<u64> {
    crate::store::failures(job).iter().map(|test| test.output.saturating_sub(1)).collect()
}

/// Takes an answer of the reader in.
pub(super) fn answered(model: &mut Model, mut answer: OutputAnswer) -> Vec<Effect> {
    let room = room(model);
    let Some(screen) = model.job.as_mut().filter(|screen| screen.id == answer.job) else { return Vec::new() };
    let pane = &mut screen.output;
    let another = pane.take(&mut answer, room);
    let mut effects = Vec::new();
    let mut said = another.then_some("the output file was replaced or cut: this is what it holds now");
    let search = answer.search.filter(|search| search.pattern == pane.pattern);
    if let Some(search) = search {
        let found = search.found;
        let settled = pane.search.awaited && search.serial == pane.search.serial && !search.seeking;
        pane.search.answer = search;
        if settled {
            pane.search.awaited = false;
            let still = std::mem::take(&mut pane.search.still);
            match (found, pane.origin) {
                _ if still => {}
                (Some(found), _) => {
                    pane.search.hit = Some(found.at);
                    if found.wrapped {
                        said = Some("the search went round the end of the output");
                    }
                    if pane.shows(found.at, room) {
                        pane.pause(room);
                    } else {
                        pane.go(found.at, room);
                    }
                }
                (None, Some(origin)) => pane.come_back(origin),
                (None, None) => {}
            }
            let owed = std::mem::take(&mut pane.search.owed);
            if owed != 0 && found.is_some() {
                pane.search.owed = owed - owed.signum();
                effects.push(hit(pane, owed > 0, room));
            }
        }
    }
    if let Some(said) = said {
        say(model, Tone::Info, said);
    }
    effects
}

/// Takes the pattern to search for, as it is typed. What held before it was typed brings back where one was.
pub(super) fn search(model: &mut Model, pattern: String) -> Vec<Effect> {
    let room = room(model);
    let dropped = model.line.as_ref().is_some_and(|line| line.before == pattern);
    let Some(screen) = &mut model.job else { return Vec::new() };
    let pane = &mut screen.output;
    let here = pane.here();
    let origin = *pane.origin.get_or_insert(here);
    if dropped || pattern.is_empty() {
        pane.come_back(origin);
    }
    pane.pattern.clone_from(&pattern);
    pane.search.serial = pane.search.serial.wrapping_add(1);
    pane.search.still = dropped;
    pane.search.awaited = !pattern.is_empty();
    pane.search.owed = 0;
    if pattern.is_empty() {
        pane.search.hit = None;
    }
    let from = origin.from(pane, room);
    vec![Effect::Output(OutputRequest::Search { pattern, from, serial: pane.search.serial })]
}

/// Asks for the hit after, or before, the one that is on the screen, or the screen's beginning.
fn hit(pane: &mut OutputPane, forward: bool, room: (usize, usize)) -> Effect {
    pane.search.serial = pane.search.serial.wrapping_add(1);
    (pane.search.awaited, pane.search.still) = (true, false);
    let top = pane.span(room).0;
    // a hit that is being gone to is as good as on the screen
    let at = pane.search.hit.filter(|at| pane.going.is_some() || pane.shows(*at, room));
    let from = at.map_or(top, |at| at + u64::from(forward));
    Effect::Output(OutputRequest::Hit { from, forward, serial: pane.search.serial })
}

/// Shows the line that holds a byte of the output; the output's tab has to be the one shown.
pub(super) fn go_to_byte(model: &mut Model, offset: u64) -> Vec<Effect> {
    let room = room(model);
    if let Some(screen) = &mut model.job {
        screen.output.go(offset, room);
    }
    // the lines are asked for once the message is done with
    Vec::new()
}

/// Does what a person means on the output.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let room = room(model);
    let page = isize::try_from(room.1).unwrap_or(1);
    let Some(screen) = &mut model.job else { return Vec::new() };
    let pane = &mut screen.output;
    let by = match action {
        Action::Up => -1,
        Action::Down => 1,
        // a row of the page before stays, to read on from
        Action::PageUp => -(page - 1).max(1),
        Action::PageDown => (page - 1).max(1),
        Action::HalfUp => -(page / 2).max(1),
        Action::HalfDown => (page / 2).max(1),
        Action::Top => {
            pane.left = 0;
            pane.go(0, room);
            return Vec::new();
        }
        Action::Bottom => {
            pane.follow();
            return Vec::new();
        }
        Action::Follow => {
            if pane.follow {
                pane.pause(room);
            } else {
                pane.follow();
            }
            return Vec::new();
        }
        Action::Wrap => {
            pane.wrap = !pane.wrap;
            pane.row = 0;
            return Vec::new();
        }
        Action::Left | Action::Right => {
            if pane.wrap {
                say(model, Tone::Info, "lines are wrapped: `w` cuts them, then left and right scroll");
            } else {
                pane.sidle(if action == Action::Left { -SIDE } else { SIDE }, room);
            }
            return Vec::new();
        }
        Action::NextHit | Action::PreviousHit => {
            let forward = action == Action::NextHit;
            if pane.search.awaited {
                pane.search.owed += if forward { 1 } else { -1 };
                return Vec::new();
            }
            return vec![hit(pane, forward, room)];
        }
        Action::Copy => {
            let rows = pane.visible(room);
            let hit = pane.search.hit.filter(|at| pane.shows(*at, room));
            let line = match hit {
                Some(at) => pane.window.lines.iter().rfind(|line| line.at <= at),
                None => rows.first().map(|row| &pane.window.lines[row.line]),
            };
            let text = line.map(|line| line.text.clone());
            if text.is_some() {
                say(model, Tone::Info, "the line is on the clipboard");
            }
            return text.map(Effect::Copy).into_iter().collect();
        }
        _ => return Vec::new(),
    };
    // moving down at the end is no reason to stop following
    if pane.follow && by > 0 {
        return Vec::new();
    }
    pane.pause(room);
    pane.going = None;
    pane.step(by, room);
    Vec::new()
}

#[cfg(test)]
mod tests;
