//! Plain answers of the session.

use crate::domain::money::{Fate, Usd};
use crate::domain::{CleanupVerdict, JobId, JobState, Operation, Timestamp, WorkVerdict};
use serde::Serialize;
use std::path::PathBuf;

/// What attaching to a job led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    /// This process drives it now.
    Driving,
    /// Another process drives it; its events can be watched.
    Watching,
    /// It is over; its events can be read.
    Ended,
}

/// A job in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobSummary {
    /// Its id.
    pub id: JobId,
    /// What was asked.
    pub operation: Operation,
    /// When.
    pub created: Timestamp,
    /// How far it is.
    pub state: JobState,
    /// Whether a process drives it now; a job that is not over and has none can be attached to or cancelled.
    pub driven: bool,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The work's verdict.
    #[serde(flatten)]
    pub work: Option<WorkVerdict>,
    /// The clean-up's verdict.
    #[serde(flatten)]
    pub cleanup: Option<CleanupVerdict>,
    /// The cap that it was stopped for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capped: Option<Usd>,
}

impl JobSummary {
    /// How it stands, as far as its machine goes.
    #[must_use]
    pub fn fate(&self) -> Fate {
        match (self.state, self.ended) {
            // whichever verb it was: what a launch was broken off for was not kept
            (JobState::Ended, Some(at)) => {
                Fate::Ended { at, kept: matches!(self.cleanup, Some(CleanupVerdict::Kept { .. })) }
            }
            _ if self.driven => Fate::Driven,
            _ => Fate::Alone,
        }
    }
}

/// Where a job keeps its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFiles {
    /// Its folder.
    pub folder: PathBuf,
    /// Every byte its run printed.
    pub output: PathBuf,
    /// What was collected: `report.json`, xunit, `.testtimes`, `*.err`.
    pub results: PathBuf,
}
