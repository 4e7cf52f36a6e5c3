//! One test and what became of it, whichever way we learned it (result hook or text).

use serde::{Deserialize, Serialize};

/// How one test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestOutcome {
    /// As expected.
    Passed,
    /// Its output changed, or its exit code.
    Failed,
    /// The runner itself failed on it.
    Error,
    /// It ran past its limit.
    TimedOut,
    /// It could not run here; the reason says why.
    Skipped,
    /// Not asked for.
    Ignored,
}

impl TestOutcome {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::TimedOut => "timedout",
            Self::Skipped => "skipped",
            Self::Ignored => "ignored",
        }
    }

    /// The outcome of that word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Passed, Self::Failed, Self::Error, Self::TimedOut, Self::Skipped, Self::Ignored]
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }

    /// Whether it makes the run a failed one.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Error | Self::TimedOut)
    }
}

/// How one test ended, with what a person needs to understand it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// Its name, with the case if it has one: `test-x.t#case-a`.
    pub name: String,
    /// How it ended.
    pub outcome: TestOutcome,
    /// Wall time in seconds; none where it never ran or the text alone told us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Why it was skipped, failed or ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The unified diff of a failure, bytes that are no UTF-8 replaced; cut at 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// What a run of tests tells while it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "test", rename_all = "kebab-case")]
pub enum TestEvent {
    /// The runner has counted its tests.
    Planned {
        /// How many there are.
        total: u32,
        /// How many at a time, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parallel: Option<u32>,
    },
    /// One test has begun.
    Started {
        /// Its name.
        name: String,
    },
    /// One test is over.
    Ended(TestResult),
}

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCounts {
    /// How many the runner planned, zero while unknown.
    pub total: u32,
    /// Passed.
    pub passed: u32,
    /// Failed, in error or timed out.
    pub failed: u32,
    /// Skipped.
    pub skipped: u32,
    /// Ignored.
    pub ignored: u32,
}

impl TestCounts {
    /// Counts one more result.
    pub fn add(&mut self, outcome: TestOutcome) {
        let slot = match outcome {
            TestOutcome::Passed => &mut self.passed,
            TestOutcome::Failed | TestOutcome::Error | TestOutcome::TimedOut => &mut self.failed,
            TestOutcome::Skipped => &mut self.skipped,
            TestOutcome::Ignored => &mut self.ignored,
        };
        *slot = slot.saturating_add(1);
    }

    /// How many have ended.
    #[must_use]
    pub fn done(&self) -> u32 {
        self.passed.saturating_add(self.failed).saturating_add(self.skipped).saturating_add(self.ignored)
    }
}
