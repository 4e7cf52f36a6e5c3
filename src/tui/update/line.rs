//! The line being typed for a filter or a search.

use super::{dialog, form, page, palette};
use crate::domain::money::Grouping;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::keys::{Chord, Code};
use crate::tui::model::{Line, LineFor, List, Modal, Model, Pane};
use tui_input::{Input, InputRequest};

/// The filter of the list shown.
fn filter(model: &mut Model) -> Option<&mut String> {
    use crate::tui::model::JobTab;
    match &mut model.job {
        Some(screen) => match screen.tab {
            JobTab::Tests => Some(&mut screen.tests.filter),
            JobTab::Failures => Some(&mut screen.failures.filter),
            JobTab::Output | JobTab::Summary => None,
        },
        None => match model.home.pane {
            Pane::Machines => Some(&mut model.home.machines.filter),
            Pane::Images => Some(&mut model.home.images.filter),
            Pane::Jobs => Some(&mut model.home.jobs.filter),
            Pane::Log => None,
            Pane::Resources => Some(&mut model.home.resources.filter),
            Pane::Costs if model.money.by() == Grouping::Thing => Some(&mut model.home.costs.filter),
            Pane::Costs => Some(&mut model.home.cost_groups.filter),
        },
    }
}

/// Keeps what is selected to go back to it, or goes back to what was kept.
fn hold(model: &mut Model, back: bool) {
    fn turn<K: Clone>(list: &mut List<K>, back: bool) {
        if !back {
            list.held.clone_from(&list.selected);
        } else if let Some(key) = list.held.take() {
            list.selected = Some(key);
        }
    }
    match (&model.job, model.home.pane) {
        (None, Pane::Machines) => turn(&mut model.home.machines, back),
        (None, Pane::Images) => turn(&mut model.home.images, back),
        (None, Pane::Jobs) => turn(&mut model.home.jobs, back),
        (None, Pane::Resources) => turn(&mut model.home.resources, back),
        (None, Pane::Costs) if model.money.by() == Grouping::Thing => turn(&mut model.home.costs, back),
        (None, Pane::Costs) => turn(&mut model.home.cost_groups, back),
        _ => {}
    }
}

/// Drops the filter of the list shown. What is selected stays selected.
pub(super) fn drop_filter(model: &mut Model) -> Vec<Effect> {
    if let Some(filter) = filter(model) {
        filter.clear();
    }
    Vec::new()
}

/// Begins to type a filter or a pattern.
pub(super) fn open(model: &mut Model, action: Action) -> Vec<Effect> {
    let (for_what, before) = if action == Action::Search {
        (LineFor::Search, model.job.as_ref().map(|screen| screen.output.pattern.clone()).unwrap_or_default())
    } else {
        hold(model, false);
        (LineFor::Filter, filter(model).cloned().unwrap_or_default())
    };
    // a search begins anew, a filter is changed
    let input = if for_what == LineFor::Search { Input::default() } else { Input::new(before.clone()) };
    model.line = Some(Line { for_what, input, before });
    Vec::new()
}

/// Does what a person means while typing.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(line) = &mut model.line else { return Vec::new() };
    match action {
        Action::Edit(chord) => {
            edit(&mut line.input, chord);
            let text = line.input.value().to_owned();
            take(model, text)
        }
        Action::Open => {
            model.line = None;
            Vec::new()
        }
        Action::Back => {
            let before = line.before.clone();
            let filters = line.for_what == LineFor::Filter;
            let effects = take(model, before);
            if filters {
                hold(model, true);
            }
            model.line = None;
            effects
        }
        _ => Vec::new(),
    }
}

/// What is typed holds at once.
fn take(model: &mut Model, text: String) -> Vec<Effect> {
    match model.line.as_ref().map(|line| line.for_what) {
        Some(LineFor::Filter) => {
            if let Some(filter) = filter(model) {
                *filter = text;
            }
        }
        Some(LineFor::Search) => return super::output::search(model, text),
        None => {}
    }
    Vec::new()
}

/// Pasted text goes where characters go, as one edit; its line breaks become spaces.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let text: String = text.trim_end().chars().take(4096).map(|c| if c.is_control() { ' ' } else { c }).collect();
    match model.modals.last() {
        Some(Modal::Palette(_)) => palette::paste(model, &text),
        Some(Modal::Form(_)) => form::paste(model, &text),
        Some(Modal::Dialog(_)) => dialog::paste(model, &text),
        Some(Modal::Help(_)) => page::paste(model, &text),
        Some(Modal::Page(_)) => Vec::new(),
        None => {
            let Some(line) = &mut model.line else { return Vec::new() };
            insert(&mut line.input, &text);
            let text = line.input.value().to_owned();
            take(model, text)
        }
    }
}

/// Puts a text in at the cursor.
pub(super) fn insert(input: &mut Input, text: &str) {
    let before: String = input.value().chars().take(input.cursor()).collect();
    let after: String = input.value().chars().skip(input.cursor()).collect();
    let cursor = input.cursor() + text.chars().count();
    *input = Input::new(before + text + &after).with_cursor(cursor);
}

/// Edits a line as shells do.
pub(super) fn edit(input: &mut Input, chord: Chord) {
    let word = chord.ctrl || chord.alt;
    let request = match (chord.code, word) {
        (Code::Char('a'), true) | (Code::Home, _) => InputRequest::GoToStart,
        (Code::Char('e'), true) | (Code::End, _) => InputRequest::GoToEnd,
        (Code::Char('u'), true) => InputRequest::DeleteLine,
        (Code::Char('k'), true) => InputRequest::DeleteTillEnd,
        (Code::Char('w') | Code::Backspace, true) => InputRequest::DeletePrevWord,
        (Code::Char('h'), true) | (Code::Backspace, false) => InputRequest::DeletePrevChar,
        (Code::Char('b'), true) | (Code::Left, false) => InputRequest::GoToPrevChar,
        (Code::Char('f'), true) | (Code::Right, false) => InputRequest::GoToNextChar,
        (Code::Left, true) => InputRequest::GoToPrevWord,
        (Code::Right, true) => InputRequest::GoToNextWord,
        (Code::Delete, _) => InputRequest::DeleteNextChar,
        (Code::Char(c), false) => InputRequest::InsertChar(c),
        _ => return,
    };
    input.handle(request);
}
