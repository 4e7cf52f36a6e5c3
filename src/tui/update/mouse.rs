//! The mouse: a click is what lies under it, the wheel moves the list or text.

use super::{act, command, item};
use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::model::{Hit, Model};
use crate::tui::msg::Mouse;
use ratatui::layout::Position;

/// Takes the mouse in.
pub(super) fn update(model: &mut Model, store: &Store, mouse: Mouse, column: u16, row: u16) -> Vec<Effect> {
    match mouse {
        Mouse::ScrollUp => act(model, store, Action::Up),
        Mouse::ScrollDown => act(model, store, Action::Down),
        Mouse::Click => {
            let at = Position::new(column, row);
            let hit = model.painted.hits.iter().rev().find(|(area, _)| area.contains(at)).map(|(_, hit)| *hit);
            match hit {
                Some(Hit::Do(action)) if model.modals.is_empty() => command(model, store, action),
                Some(Hit::Item(place)) => item(model, store, place),
                _ => Vec::new(),
            }
        }
    }
}
