//! What a person sees of a job's output.

use super::protocol::Window;
use crate::domain::JobId;

/// What a person sees of a job's output.
#[derive(Debug)]
pub struct OutputPane {
    /// Whose output.
    pub job: JobId,
    /// How many lines there are so far.
    pub lines: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The lines at hand.
    pub window: Window,
    /// Whether the end is followed.
    pub follow: bool,
    /// The first line shown when not following.
    pub top: u64,
    /// The first column shown.
    pub left: usize,
    /// Whether long lines are wrapped.
    pub wrap: bool,
    /// What is searched for; empty for nothing.
    pub pattern: String,
}

impl OutputPane {
    /// Nothing is known yet; the end is followed.
    #[must_use]
    pub fn new(job: JobId) -> Self {
        Self {
            job,
            lines: 0,
            bytes: 0,
            window: Window::default(),
            follow: true,
            top: 0,
            left: 0,
            wrap: false,
            pattern: String::new(),
        }
    }

    /// Whether there is a pattern.
    #[must_use]
    pub fn searching(&self) -> bool {
        !self.pattern.is_empty()
    }
}
