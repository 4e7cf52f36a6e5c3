//! A job's life and its two verdicts: the work's and the clean-up's.

use super::{MachineId, ProviderKind};
use crate::diag::Hint;
use serde::{Deserialize, Serialize};

/// What became of the work. `None` while it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "kebab-case")]
pub enum WorkVerdict {
    /// It did what was asked; tests, if any, passed.
    Done,
    /// There was nothing to do: all that should go was gone.
    Nothing,
    /// The tests ran and some failed; the runner's own exit status is kept.
    TestsFailed {
        /// `run-tests.py`'s exit status.
        status: i32,
    },
    /// It could not be done.
    Error {
        /// What went wrong, the chain of causes joined with `: `.
        message: String,
        /// What the reader can do about it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hints: Vec<Hint>,
    },
    /// The machine went away before the work was over (its lease ran out, it was ended, it broke).
    MachineLost {
        /// What is known of it.
        message: String,
    },
    /// A person ended it.
    Cancelled,
}

/// Something that should be gone and is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remaining {
    /// What it is, for example `machine m-abc234 (local)`.
    pub what: String,
    /// Why it is still there.
    pub why: String,
}

/// What became of the clean-up. `None` while it has not been tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cleanup", rename_all = "kebab-case")]
pub enum CleanupVerdict {
    /// Nothing is left.
    Clean,
    /// The machine was kept because that was asked for; its lease still ends it.
    Kept {
        /// Which machine.
        machine: MachineId,
        /// Whose machine it is.
        provider: ProviderKind,
    },
    /// Some things could not be removed.
    Remains {
        /// What and why.
        items: Vec<Remaining>,
    },
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Written down, not begun.
    Queued,
    /// Under way.
    Running,
    /// Told to stop; its finalisers run.
    Cancelling,
    /// Its client let go of it on purpose; the machine works on.
    Detached,
    /// Over.
    Ended,
}

impl JobState {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Detached => "detached",
            Self::Ended => "ended",
        }
    }
}

/// How firmly a job is told to stop. Only ever rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CancelLevel {
    /// Go on.
    #[default]
    None,
    /// Stop the work (ask the runner to end), then run the finalisers.
    Stop,
    /// Cut the work short at once; the finalisers still get their deadline.
    Kill,
}
