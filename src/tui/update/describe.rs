//! Opens a page with all that is known of what is selected or shown.

use crate::store::Store;
use crate::tui::effect::Effect;
use crate::tui::model::{Modal, Model, Page, details, laid};

/// All that is known of what is selected.
pub(super) fn describe(model: &mut Model, store: &Store) -> Vec<Effect> {
    let Some((title, details)) = details(model, store) else { return Vec::new() };
    // a page is 100 columns wide at most, and has a frame
    let width = usize::from(model.size.0.min(100)).saturating_sub(2);
    let lines = laid(&details, width).iter().map(|line| (line.text(), line.heading)).collect();
    model.modals.push(Modal::Page(Page { title, lines, top: 0 }));
    Vec::new()
}
