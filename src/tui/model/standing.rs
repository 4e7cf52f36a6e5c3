//! How machines and jobs stand, in one word each: lists, filters and descriptions say the same.

use crate::domain::{CleanupVerdict, JobState, MachineState, WorkVerdict};

/// A machine's state as a word for people.
#[must_use]
pub fn machine_word(state: MachineState) -> &'static str {
    match state {
        MachineState::Pending => "pending",
        MachineState::Running => "running",
        MachineState::Stopping => "stopping",
        MachineState::Stopped => "stopped",
        MachineState::ShuttingDown => "ending",
        MachineState::Terminated => "ended",
        MachineState::Unreachable => "unreachable",
    }
}

/// How a job stands: its state while it goes on, its verdict afterwards. In the order of what needs a look first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is over and something is still there that should be gone.
    Remains,
    /// Under way.
    Running,
    /// Told to stop.
    Stopping,
    /// Not over, and no process drives it.
    Left,
    /// Let go of on purpose.
    Detached,
    /// Not begun.
    Queued,
    /// Tests failed.
    Failed,
    /// It could not be done.
    Error,
    /// Its machine went away.
    MachineLost,
    /// A person ended it.
    Cancelled,
    /// Over, nothing more is known.
    Over,
    /// Done, and it was no run of tests.
    Done,
    /// Tests passed.
    Passed,
}

impl Standing {
    /// How a job stands.
    #[must_use]
    pub fn of(state: JobState, driven: bool, work: Option<&WorkVerdict>, cleanup: Option<&CleanupVerdict>) -> Self {
        if let Some(CleanupVerdict::Remains { .. }) = cleanup {
            return Self::Remains;
        }
        match (state, work) {
            (JobState::Ended, Some(WorkVerdict::Done | WorkVerdict::Nothing)) => Self::Passed,
            (JobState::Ended, Some(WorkVerdict::TestsFailed { .. })) => Self::Failed,
            (JobState::Ended, Some(WorkVerdict::Error { .. })) => Self::Error,
            (JobState::Ended, Some(WorkVerdict::MachineLost { .. })) => Self::MachineLost,
            (JobState::Ended, Some(WorkVerdict::Cancelled)) => Self::Cancelled,
            (JobState::Ended, None) => Self::Over,
            (JobState::Cancelling, _) => Self::Stopping,
            (_, _) if !driven => Self::Left,
            (JobState::Queued, _) => Self::Queued,
            (JobState::Detached, _) => Self::Detached,
            (JobState::Running, _) => Self::Running,
        }
    }

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Remains => "left things behind",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Left => "left",
            Self::Detached => "detached",
            Self::Queued => "queued",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::MachineLost => "machine lost",
            Self::Cancelled => "cancelled",
            Self::Over => "ended",
            Self::Done => "done",
            Self::Passed => "passed",
        }
    }

    /// Whether it went wrong.
    #[must_use]
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Remains | Self::Failed | Self::Error | Self::MachineLost)
    }
}
