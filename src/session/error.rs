//! What a front end can be told went wrong.

use crate::diag::{Hint, Hinted};
use std::error::Error as StdError;

/// What kind of trouble; the command line's exit status follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// What was asked makes no sense: an unknown job, machine, image, a source that is no repository.
    Usage,
    /// The state directory or journal cannot be used.
    State,
    /// A machine or provider could not be worked with.
    Remote,
    /// Something else.
    Other,
}

/// An error of the session, with what its reader can do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind.
    pub kind: ErrorKind,
    /// A lower-case fragment without a full stop.
    pub message: String,
    /// What the reader can do.
    pub hints: Vec<Hint>,
    /// What lies below.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with neither hint nor cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), source: None }
    }

    /// The same once more, its causes said in its message: what lies below cannot be told twice.
    #[must_use]
    pub fn told_again(&self) -> Self {
        Self { kind: self.kind, message: crate::diag::chain(self), hints: self.hints.clone(), source: None }
    }

    /// The same with a hint more.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(Hint::new(hint));
        self
    }

    /// The same with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl Hinted for Error {
    fn hints(&self) -> Vec<Hint> {
        self.hints.clone()
    }
}
