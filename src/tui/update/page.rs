//! Texts over the screen: help, descriptions, diffs.

use super::{line, scrolled};
use crate::domain::escape_line;
use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::keys::TABLE;
use crate::tui::model::{Help, Modal, Model};
use tui_input::Input;

/// The keys that hold where a person is, the innermost place first.
pub(super) fn help(model: &mut Model, store: &Store) -> Vec<Effect> {
    if matches!(model.modals.last(), Some(Modal::Help(_))) {
        return Vec::new();
    }
    let situation = model.situation(store);
    let sections = situation
        .scopes
        .iter()
        .map(|scope| (*scope, TABLE.iter().filter(|row| row.scope == *scope && !row.keys.is_empty()).collect()))
        .collect();
    let state = model.setup.state_dir.display();
    let foot = [
        format!("hga {}: runs Mercurial's tests on throw-away machines", env!("CARGO_PKG_VERSION")),
        format!("state directory {state}"),
        format!("log {state}/logs, a file a day; shown in pane 4"),
        "most of this can be typed in a shell too: `hga --help`".to_owned(),
    ];
    let foot = foot.iter().map(|line| escape_line(line)).collect();
    let help = Help { sections, foot, filter: Input::default(), typing: false, top: 0 };
    model.modals.push(Modal::Help(help));
    Vec::new()
}

/// Does what a person means in help.
pub(super) fn act_help(model: &mut Model, action: Action) -> Vec<Effect> {
    let (height, last) = (model.painted.height.max(1), model.painted.last_top);
    let Some(Modal::Help(help)) = model.modals.last_mut() else { return Vec::new() };
    match action {
        Action::Edit(chord) if help.typing => {
            line::edit(&mut help.filter, chord);
            help.top = 0;
        }
        Action::Open if help.typing => help.typing = false,
        Action::Back if help.typing => {
            help.typing = false;
            help.filter.reset();
        }
        Action::Search | Action::Filter => help.typing = true,
        Action::Back | Action::Open => {
            model.modals.pop();
        }
        action => {
            help.top = scrolled(help.top, height, last, action);
        }
    }
    Vec::new()
}

/// Pasted text, as one edit.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if let Some(Modal::Help(help)) = model.modals.last_mut()
        && help.typing
    {
        line::insert(&mut help.filter, text);
        help.top = 0;
    }
    Vec::new()
}

/// Does what a person means on a page.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let (height, last) = (model.painted.height.max(1), model.painted.last_top);
    let Some(Modal::Page(page)) = model.modals.last_mut() else { return Vec::new() };
    match action {
        Action::Back | Action::Open => {
            model.modals.pop();
        }
        action => {
            page.top = scrolled(page.top, height, last, action);
        }
    }
    Vec::new()
}
