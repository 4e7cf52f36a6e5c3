//! What is asked of the reader of a job's output, and what it answers.

use crate::domain::JobId;

/// What is asked. Line numbers count from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputRequest {
    /// Begin to read a job's output; whatever was read before is closed. From then on the end is reported as it grows.
    Open(JobId),
    /// Stop reading.
    Close,
    /// The lines from `first` on, `rows` of them.
    Lines {
        /// The first line wanted.
        first: u64,
        /// How many.
        rows: usize,
    },
    /// The last `rows` lines, now and each time the file has grown.
    Follow {
        /// How many.
        rows: usize,
    },
}

/// Some lines, fit for a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// The number of the first one.
    pub first: u64,
    /// The lines, control characters made visible, long ones cut.
    pub lines: Vec<String>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputAnswer {
    /// Whose output.
    pub job: JobId,
    /// How many lines there are so far.
    pub lines: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Lines that were asked for, or that came while following.
    pub window: Option<Window>,
}
