//! What a frame laid out: where things are, so that clicks find them and pages have a height. The next frame begins
//! from it.

use crate::tui::action::Action;
use ratatui::layout::Rect;

/// What a click hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// A row of the list shown, by its place.
    Row(usize),
    /// A column's head, by its place.
    Head(usize),
    /// A button of the dialog, or a field of the form.
    Item(usize),
    /// Something that stands for an action: a tab, a key of the footer.
    Do(Action),
}

/// What a frame laid out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Painted {
    /// The first row shown of the list.
    pub offset: usize,
    /// How many rows fit, of the list or text that has the keys.
    pub height: usize,
    /// How many columns the text has that has the keys.
    pub width: usize,
    /// How far the text that has the keys can be scrolled.
    pub last_top: usize,
    /// What clicks hit; the last that fits counts.
    pub hits: Vec<(Rect, Hit)>,
}
