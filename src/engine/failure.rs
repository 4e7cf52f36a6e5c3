//! Why a body did not do its work.

use crate::diag::{Hint, Hinted};
use std::error::Error as StdError;

/// Why a body, or a step of it, came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It could not be done.
    #[error("{message}")]
    Error {
        /// What went wrong, the chain of causes joined with `: `.
        message: String,
        /// What the reader can do.
        hints: Vec<Hint>,
    },
    /// The job was told to stop, or let go of. A body passes it on.
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    /// A failure with this message and no hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Error { message: message.into(), hints: Vec::new() }
    }

    /// Takes over an error's text, causes and hints.
    pub fn from_error<E: Hinted + 'static>(error: &E) -> Self {
        Self::Error { message: crate::diag::chain(error), hints: crate::diag::hints(error) }
    }

    /// Takes over the text and causes of an error that has no hints.
    pub fn from_plain(error: &(dyn StdError + 'static)) -> Self {
        Self::new(crate::diag::chain(error))
    }

    /// The same with a hint more.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Error { hints, .. } = &mut self {
            hints.push(Hint::new(hint));
        }
        self
    }

    /// The same with what was being done put before it: `{what}: {message}`.
    #[must_use]
    pub fn context(mut self, what: impl std::fmt::Display) -> Self {
        if let Self::Error { message, .. } = &mut self {
            *message = format!("{what}: {message}");
        }
        self
    }
}
