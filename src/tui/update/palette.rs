//! The command palette: every command that holds here, by name.

use super::{act as mean, line, say};
use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::model::{Modal, Model, Palette, Tone, command_rows};

/// Opens it.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    if !matches!(model.modals.last(), Some(Modal::Palette(_))) {
        model.modals.push(Modal::Palette(Palette::default()));
    }
    Vec::new()
}

/// Does what a person means in it.
pub(super) fn act(model: &mut Model, store: &Store, action: Action) -> Vec<Effect> {
    let Some(Modal::Palette(palette)) = model.modals.last() else { return Vec::new() };
    let rows = command_rows(model, store, palette);
    let last = rows.len().saturating_sub(1);
    let Some(Modal::Palette(palette)) = model.modals.last_mut() else { return Vec::new() };
    let page = model.painted.height.max(1);
    match action {
        Action::Back => {
            model.modals.pop();
        }
        Action::Up => palette.index = palette.index.min(last).saturating_sub(1),
        Action::Down => palette.index = (palette.index + 1).min(last),
        Action::PageUp => palette.index = palette.index.min(last).saturating_sub(page),
        Action::PageDown => palette.index = (palette.index + page).min(last),
        Action::Edit(chord) => {
            line::edit(&mut palette.input, chord);
            palette.index = 0;
        }
        Action::Open => {
            let Some(chosen) = rows.get(palette.index.min(last)).copied() else { return Vec::new() };
            if let Some(fact) = chosen.unmet {
                say(model, Tone::Info, &format!("{}: {}", chosen.row.name, fact.missing()));
                return Vec::new();
            }
            model.modals.pop();
            return mean(model, store, chosen.row.action);
        }
        _ => {}
    }
    Vec::new()
}

/// A click on a line: does it.
pub(super) fn click(model: &mut Model, store: &Store, item: usize) -> Vec<Effect> {
    if let Some(Modal::Palette(palette)) = model.modals.last_mut() {
        palette.index = item;
    }
    act(model, store, Action::Open)
}

/// Pasted text, as one edit.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if let Some(Modal::Palette(palette)) = model.modals.last_mut() {
        line::insert(&mut palette.input, text);
        palette.index = 0;
    }
    Vec::new()
}
