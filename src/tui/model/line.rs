//! A line being typed below a list or a text: a filter or a search pattern.

use tui_input::Input;

/// What the line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFor {
    /// The filter of the list shown.
    Filter,
    /// The pattern to search the text shown for.
    Search,
}

/// The line.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it is for.
    pub for_what: LineFor,
    /// What is typed.
    pub input: Input,
    /// What held before, to go back to.
    pub before: String,
}
