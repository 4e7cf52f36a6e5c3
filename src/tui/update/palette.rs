//! The command palette: every command that can be done here, by name.

use super::{command, line};
use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::model::{Modal, Model, Palette};

/// Opens it.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    if !matches!(model.modals.last(), Some(Modal::Palette(_))) {
        model.modals.push(Modal::Palette(Palette::default()));
    }
    Vec::new()
}

/// Does what a person means in it.
pub(super) fn act(model: &mut Model, store: &Store, action: Action) -> Vec<Effect> {
    let Some(Modal::Palette(palette)) = model.modals.last_mut() else { return Vec::new() };
    match action {
        Action::Back => {
            model.modals.pop();
        }
        Action::Open => {
            model.modals.pop();
            return command(model, store, Action::Refresh);
        }
        Action::Edit(chord) => line::edit(&mut palette.input, chord),
        _ => {}
    }
    Vec::new()
}
