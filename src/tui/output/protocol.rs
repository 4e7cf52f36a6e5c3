//! What is asked of the reader of a job's output, and what it answers. Places are byte offsets; a place inside a line
//! stands for that line.

use crate::domain::JobId;

/// What is asked. Of several requests for lines, or several searches, the newest is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputRequest {
    /// Begin with a job's output; whatever was read before is closed. Nothing is read until lines are asked for.
    Open(JobId),
    /// Stop reading.
    Close,
    /// Whether the file may still grow: one that does not is not looked at again once it is read.
    Live(bool),
    /// Nothing is shown now: look at nothing until lines are asked for again.
    Rest,
    /// The line that holds a byte, with lines before and after it.
    LinesAtByte {
        /// The byte.
        offset: u64,
        /// How many lines before that line.
        before: usize,
        /// How many after it.
        after: usize,
    },
    /// The last `rows` lines, now and each time the file has grown.
    Follow {
        /// How many.
        rows: usize,
    },
    /// Search for a pattern: the first hit that begins at a byte or after it, and the count of all. An empty one drops
    /// the search.
    Search {
        /// The pattern, see [`Needle`](super::Needle).
        pattern: String,
        /// From where on.
        from: u64,
        /// Comes back in answers from then on, so that those to earlier requests are known.
        serial: u32,
    },
    /// The next hit of the pattern that is searched for.
    Hit {
        /// Forward: the first that begins at this byte or after it. Backward: the last that begins before it.
        from: u64,
        /// Which way.
        forward: bool,
        /// As in a search.
        serial: u32,
    },
}

/// A line, fit for a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutputLine {
    /// Where it begins.
    pub at: u64,
    /// How many bytes it has, its line feed not counted.
    pub bytes: u64,
    /// Its text: control characters made visible, tabs expanded, cut where it is too long for the eye.
    pub text: String,
}

/// Some lines in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// The number of the first one, from 0; none while the index has not come so far.
    pub number: Option<u64>,
    /// The lines.
    pub lines: Vec<OutputLine>,
    /// Whether the last one is the last of the file.
    pub to_end: bool,
}

/// Whether the file can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FileState {
    /// It can.
    #[default]
    Here,
    /// There is none (any more); what was read of it still holds.
    Missing,
    /// It cannot, and why.
    Unreadable(String),
}

/// A hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Where it begins.
    pub at: u64,
    /// Whether the end, or the beginning, of the file was passed on the way.
    pub wrapped: bool,
}

/// How far a search is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchAnswer {
    /// The pattern.
    pub pattern: String,
    /// The newest request that this takes into account.
    pub serial: u32,
    /// The hit that was asked for, when this is the answer to that.
    pub found: Option<Found>,
    /// Whether a hit is still being looked for.
    pub seeking: bool,
    /// Which of the hits that one is, from 1, where that is known.
    pub ordinal: Option<u64>,
    /// Hits so far.
    pub total: u64,
    /// Whether that is all of them.
    pub complete: bool,
    /// Places of hits, a few hundred at most, spread as the hits are.
    pub ticks: Vec<u64>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputAnswer {
    /// Whose output.
    pub job: JobId,
    /// How many lines there are, as far as they are counted.
    pub lines: u64,
    /// How many bytes there are.
    pub bytes: u64,
    /// How many bytes have been counted through.
    pub indexed: u64,
    /// Whether the file can be read.
    pub state: FileState,
    /// Rises when the file was replaced or cut, and places in it mean nothing any more.
    pub generation: u32,
    /// Lines that were asked for, or that came while following.
    pub window: Option<Window>,
    /// What a search has found.
    pub search: Option<SearchAnswer>,
}
