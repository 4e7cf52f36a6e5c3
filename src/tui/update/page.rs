//! Texts over the screen: help, descriptions, diffs.

use crate::store::Store;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::keys::TABLE;
use crate::tui::model::{Modal, Model, Page};

/// The keys that hold where a person is, the innermost place first.
pub(super) fn help(model: &mut Model, store: &Store) -> Vec<Effect> {
    let situation = model.situation(store);
    let mut lines = Vec::new();
    for scope in situation.scopes {
        lines.push((scope.title().to_owned(), true));
        for row in TABLE.iter().filter(|row| row.scope == scope && !row.keys.is_empty()) {
            lines.push((format!("  {:<8} {}", row.shown(), row.doc), false));
        }
    }
    model.modals.push(Modal::Page(Page { title: "Keys".to_owned(), lines, top: 0 }));
    Vec::new()
}

/// Does what a person means on a page.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let (height, last) = (model.painted.height.max(1), model.painted.last_top);
    let Some(Modal::Page(page)) = model.modals.last_mut() else { return Vec::new() };
    page.top = match action {
        Action::Back | Action::Open => {
            model.modals.pop();
            return Vec::new();
        }
        Action::Up => page.top.saturating_sub(1),
        Action::Down => page.top + 1,
        Action::PageUp => page.top.saturating_sub(height),
        Action::PageDown => page.top + height,
        Action::HalfUp => page.top.saturating_sub(height / 2),
        Action::HalfDown => page.top + height / 2,
        Action::Top => 0,
        Action::Bottom => last,
        _ => return Vec::new(),
    }
    .min(last);
    Vec::new()
}
