//! The spool's words.

use crate::domain::RunId;
use crate::remote::Result;
use async_trait::async_trait;

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSpec {
    /// Its name: a second start with the same name finds the first.
    pub run: RunId,
    /// A line (or lines) for `/bin/sh`.
    pub line: String,
    /// The folder it is run in, absolute.
    pub cwd: String,
    /// Environment beside the login shell's; `HGA_EVENTS` is added. Names must be shell identifiers.
    pub env: Vec<(String, String)>,
}

/// Whether a start was the one that started the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// This one.
    New,
    /// An earlier one; the run may be over by now.
    Already,
}

/// How far the two streams of a run have been taken in, in bytes from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offsets {
    /// Of `output`.
    pub output: u64,
    /// Of `events`.
    pub events: u64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this status, 128 + n where signal n ended it.
    Status(i32),
    /// Its processes are gone and no status was written: the machine was started anew, or somebody killed the run's
    /// supervisor.
    Vanished,
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It was never started; a start that was cut half-way counts as none.
    Absent,
    /// It runs.
    Running,
    /// It is over.
    Ended(Ended),
}

/// Whether there was anybody to signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signalled {
    /// Processes of the run were sent it.
    Sent,
    /// The run is over.
    Gone,
}

/// Who takes what a run says. Calls are awaited, so a slow sink slows the machine instead of filling memory.
///
/// An offset advances when the call for its bytes has given `Ok`. Where the future of `follow` is dropped inside a
/// call, only the sink can know what became of those bytes; give it the last word on offsets then.
#[async_trait]
pub trait Sink: Send {
    /// The next bytes of the output.
    ///
    /// # Errors
    /// Ends the following with this error; the bytes count as not taken.
    async fn output(&mut self, bytes: &[u8]) -> Result<()>;

    /// The next bytes of the events; lines may be cut anywhere.
    ///
    /// # Errors
    /// As [`output`](Self::output).
    async fn events(&mut self, bytes: &[u8]) -> Result<()>;
}
