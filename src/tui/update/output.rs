//! A job's output: following, scrolling, searching.

use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::model::Model;
use crate::tui::output::{OutputAnswer, OutputRequest};

/// What is asked for when the output's place or size changes.
pub(super) fn shown(model: &Model) -> Vec<Effect> {
    let rows = usize::from(model.size.1);
    let Some(screen) = &model.job else { return Vec::new() };
    let request = if screen.output.follow {
        OutputRequest::Follow { rows }
    } else {
        OutputRequest::Lines { first: screen.output.top, rows }
    };
    vec![Effect::Output(request)]
}

/// The terminal has another size.
pub(super) fn resized(model: &Model) -> Vec<Effect> {
    shown(model)
}

/// Shows the output from the line on that this byte is in.
pub(super) fn go_to_byte(model: &mut Model, _offset: u64) -> Vec<Effect> {
    if let Some(screen) = &mut model.job {
        screen.output.follow = false;
    }
    shown(model)
}

/// Takes an answer of the reader in.
pub(super) fn answered(model: &mut Model, answer: OutputAnswer) -> Vec<Effect> {
    let Some(screen) = model.job.as_mut().filter(|screen| screen.id == answer.job) else { return Vec::new() };
    screen.output.lines = answer.lines;
    screen.output.bytes = answer.bytes;
    if let Some(window) = answer.window {
        screen.output.window = window;
    }
    Vec::new()
}

/// Takes the pattern to search for, as it is typed.
pub(super) fn search(model: &mut Model, pattern: String) -> Vec<Effect> {
    if let Some(screen) = &mut model.job {
        screen.output.pattern = pattern;
    }
    Vec::new()
}

/// Does what a person means on the output.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let page = model.painted.height.max(1) as u64;
    let Some(screen) = &mut model.job else { return Vec::new() };
    let pane = &mut screen.output;
    let last = pane.lines.saturating_sub(page);
    let top = if pane.follow { last } else { pane.top };
    let to = match action {
        Action::Up => top.saturating_sub(1),
        Action::Down => top + 1,
        Action::PageUp => top.saturating_sub(page),
        Action::PageDown => top + page,
        Action::HalfUp => top.saturating_sub(page / 2),
        Action::HalfDown => top + page / 2,
        Action::Top => 0,
        Action::Bottom => {
            pane.follow = true;
            return shown(model);
        }
        Action::Follow => {
            pane.follow = !pane.follow;
            pane.top = top;
            return shown(model);
        }
        Action::Wrap => {
            pane.wrap = !pane.wrap;
            return Vec::new();
        }
        _ => return Vec::new(),
    };
    pane.follow = false;
    pane.top = to.min(last);
    shown(model)
}
