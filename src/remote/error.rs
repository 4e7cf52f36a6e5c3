//! What can go wrong between us and a machine.

use crate::diag::{Hint, Hinted};
use std::error::Error as StdError;

/// What kind of trouble it is; decides about retrying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Nothing answers there (yet).
    Unreachable,
    /// It answers with another host key than the pinned one, or none is pinned.
    HostKey,
    /// It does not let us in.
    Auth,
    /// The connection broke after it stood.
    Lost,
    /// A time limit passed.
    Timeout,
    /// A file or folder is not there.
    NotFound,
    /// Access is refused: to a file or folder of the machine, or by a service that leads to it.
    Denied,
    /// No space is left, there or here.
    DiskFull,
    /// A file or folder on this computer could not be read or written.
    Local,
    /// A command on the machine ended with a status that means failure.
    Command,
    /// The machine answered something that makes no sense.
    Protocol,
}

/// An error of a machine, with what its reader can do.
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

    /// Whether trying again later, with nothing changed, may work.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::Unreachable | ErrorKind::Lost | ErrorKind::Timeout)
    }
}

impl Hinted for Error {
    fn hints(&self) -> Vec<Hint> {
        self.hints.clone()
    }
}
