//! A job's screen.

use super::list::{List, Order};
use super::summary::SummaryLine;
use super::tests::TestKey;
use crate::domain::money::Usd;
use crate::domain::{JobId, Phase, Timestamp};
use crate::tui::output::OutputPane;
use std::time::Duration;

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

/// What the rows of a job's tests were made from: while it is the same, they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFrom {
    /// The state of the tests, see [`TestsView`](crate::store::TestsView).
    pub version: u64,
    /// Whether they are known from the first on.
    pub whole: bool,
    /// Filter and order of the tests.
    pub tests: (String, Order),
    /// Filter and order of the failures.
    pub failures: (String, Order),
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
    /// The rows of the tests, sorted and filtered.
    pub test_rows: Vec<TestKey>,
    /// The failures, by their place among the ended tests.
    pub failures: List<usize>,
    /// The rows of the failures, sorted and filtered.
    pub failure_rows: Vec<usize>,
    /// What both were made from; none for not at all, or not any more.
    pub made: Option<MadeFrom>,
    /// How often they were made.
    pub times_made: u64,
    /// Whether the selected failure's diff has all the room.
    pub reading: bool,
    /// The failure whose diff was shown last.
    pub diff_of: Option<usize>,
    /// The first line shown of the selected failure's diff.
    pub diff_top: usize,
    /// The first column shown of it.
    pub diff_left: usize,
    /// The failure gone to in the output.
    pub failure_in_output: Option<usize>,
    /// How long the tests will still take, and when that was reckoned.
    pub eta: Option<(Timestamp, Option<Duration>)>,
    /// What each phase has cost, none of one whose job had no machine that costs.
    pub phase_costs: Vec<(Option<Phase>, Usd)>,
    /// When that was reckoned.
    pub costs_at: Option<Timestamp>,
    /// The output.
    pub output: OutputPane,
    /// The first line shown of the summary.
    pub summary_top: usize,
    /// The summary.
    pub summary: Vec<SummaryLine>,
    /// The last event and the moment that the summary was made from.
    pub summary_of: Option<(Option<u64>, Timestamp)>,
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
            failure_rows: Vec::new(),
            made: None,
            times_made: 0,
            reading: false,
            diff_of: None,
            diff_top: 0,
            diff_left: 0,
            failure_in_output: None,
            eta: None,
            phase_costs: Vec::new(),
            costs_at: None,
            summary_top: 0,
            summary: Vec::new(),
            summary_of: None,
        }
    }
}
