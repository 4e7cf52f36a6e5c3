//! What can go wrong with Mercurial.

use crate::diag::{Hint, Hinted};
use std::error::Error as StdError;

/// What kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A program that is needed is not there (hg, python3, pip, tar).
    MissingTool,
    /// The source is no Mercurial repository.
    NoRepository,
    /// The revision does not name exactly one changeset.
    Revision,
    /// `hg` ended with an error.
    Hg,
    /// The machine's side of it failed.
    Remote,
    /// Nothing could be downloaded.
    Network,
    /// A file or folder of this computer could not be read or written.
    Local,
    /// What was asked for makes no sense.
    Input,
}

/// An error of this room, with what its reader can do.
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
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), source: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(Hint::new(hint));
        self
    }

    pub(super) fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl From<crate::remote::Error> for Error {
    fn from(error: crate::remote::Error) -> Self {
        let hints = error.hints.clone();
        Self { kind: ErrorKind::Remote, message: error.message.clone(), hints, source: Some(Box::new(error)) }
    }
}

impl Hinted for Error {
    fn hints(&self) -> Vec<Hint> {
        self.hints.clone()
    }
}
