//! A job's screen.

use super::list::List;
use super::rows::TestKey;
use crate::domain::JobId;
use crate::tui::output::OutputPane;

/// A tab of a job's screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum JobTab {
    /// All its tests.
    #[default]
    Tests,
    /// The failures, each with its diff.
    Failures,
    /// Everything its run printed.
    Output,
    /// Verdicts, phases, slowest tests, notes.
    Summary,
}

impl JobTab {
    /// All of them, in the order of their number keys.
    pub const ALL: [Self; 4] = [Self::Tests, Self::Failures, Self::Output, Self::Summary];

    /// Its title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Tests => "Tests",
            Self::Failures => "Failures",
            Self::Output => "Output",
            Self::Summary => "Summary",
        }
    }
}

/// A job's screen.
#[derive(Debug)]
pub struct JobScreen {
    /// Which job.
    pub id: JobId,
    /// The tab shown.
    pub tab: JobTab,
    /// Whether all of its history is in the store.
    pub loaded: bool,
    /// Why the history could not be read.
    pub error: Option<String>,
    /// The tests.
    pub tests: List<TestKey>,
    /// The rows of the tests, sorted and filtered; made anew by [`test_keys`](super::test_keys) before each frame
    /// that needs it.
    pub test_rows: Vec<TestKey>,
    /// The failures, by their place among the ended tests.
    pub failures: List<usize>,
    /// The first line shown of the selected failure's diff.
    pub diff_top: usize,
    /// The output.
    pub output: OutputPane,
    /// The first line shown of the summary.
    pub summary_top: usize,
}

impl JobScreen {
    /// The screen of a job, nothing known yet.
    #[must_use]
    pub fn new(id: JobId, tab: JobTab) -> Self {
        Self {
            output: OutputPane::new(id.clone()),
            id,
            tab,
            loaded: false,
            error: None,
            tests: List::default(),
            test_rows: Vec::new(),
            failures: List::default(),
            diff_top: 0,
            summary_top: 0,
        }
    }
}
