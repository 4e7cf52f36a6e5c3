//! The phases of a job, in the order they come.

use serde::{Deserialize, Serialize};

/// One stretch of a job, timed by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Looking at everything anew before any of it is touched.
    Check,
    /// Getting the source to test (the demo downloads it).
    Source,
    /// Finding the image, or making it.
    Image,
    /// Asking the provider for a machine.
    Launch,
    /// Waiting until it answers and lets us in.
    Ready,
    /// Making the work folder and its filesystem.
    Prepare,
    /// Bringing the revision to the machine.
    Sync,
    /// The tests themselves.
    Test,
    /// Fetching the results.
    Collect,
    /// Ending the machine: the clean-up.
    End,
}

impl Phase {
    /// All phases in order.
    pub const ALL: [Self; 10] = [
        Self::Check,
        Self::Source,
        Self::Image,
        Self::Launch,
        Self::Ready,
        Self::Prepare,
        Self::Sync,
        Self::Test,
        Self::Collect,
        Self::End,
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Source => "source",
            Self::Image => "image",
            Self::Launch => "launch",
            Self::Ready => "ready",
            Self::Prepare => "prepare",
            Self::Sync => "sync",
            Self::Test => "test",
            Self::Collect => "collect",
            Self::End => "end",
        }
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
