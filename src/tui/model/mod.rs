//! What the dashboard knows beyond the store: where a person is, what is selected, open, typed and marked. A state enum
//! holds its own data, so that what cannot be together is not.

mod alarms;
mod commands;
mod complete;
mod describe;
mod facts;
mod field;
mod filter;
mod fleet;
mod form;
mod form_costs;
mod home;
mod job;
mod line;
mod list;
mod modal;
mod money;
mod notice;
mod painted;
mod rows;
mod spending;
mod standing;
mod summary;
mod tests;

pub use commands::{CommandRow, command_rows};
pub use complete::{proposals, replaced, taken, type_at, type_proposals, word_at};
pub use describe::{Detail, Laid, details, laid, wrapped};
pub use field::{Field, FieldId, FieldValue, Place, Stock};
pub use filter::Filter;
pub use fleet::{Fleet, PlaceError, Placed};
pub use form::{Form, FormKind};
pub use form_costs::{FormCosts, TypeChoice, TypeRow, TypeTable};
pub use home::{Answered, Home, Pane, TARGETS_FROM};
pub use job::{JobScreen, JobTab, MadeFrom};
pub use line::{Line, LineFor};
pub use list::{List, Order};
pub use modal::{Dialog, DialogKind, Help, LineTone, Modal, Page, Palette};
pub use money::{CostItem, Money, MoneyTold};
pub use notice::{Notice, Tone};
pub use painted::{Hit, Painted};
pub use rows::{
    Freshness, IMAGE_COLUMNS, ImageRow, JOB_COLUMNS, JobRow, MACHINE_COLUMNS, MachineRow, RESOURCE_COLUMNS,
    ResourceRow, Row, SortKey, image_key, image_rows, job_row, job_rows, machine_rows, resource_rows, what,
};
pub use spending::{
    COST_COLUMNS, CostRow, CostState, GROUP_COLUMNS, GROUPINGS, GroupRow, cost_rows, costs_count, group_rows,
    grouping_word,
};
pub use standing::{Standing, machine_word};
pub use summary::{Ink, SummaryLine, summary};
pub use tests::{
    TestKey, TestRow, failure_keys, is_slow, running_for, test_facts, test_keys, test_now, test_row, whole,
};

use super::theme::ThemeName;
use crate::domain::money::{Alarm, Budget, UsualTypes};
use crate::domain::{
    Image, JobId, Machine, MachineId, Operation, ProviderKind, Resource, RunTestsSpec, TestCounts, Timestamp,
    Transport,
};
use crate::session::JobSummary;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

/// What the composition root gives: defaults of forms and what is shown of the program itself.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The provider when none is named.
    pub provider: ProviderKind,
    /// The lease when none is named.
    pub lease: Duration,
    /// The Python when none is named.
    pub python: String,
    /// How an EC2 machine is reached when nothing is said.
    pub transport: Transport,
    /// The types of EC2 machines when none is named.
    pub types: UsualTypes,
    /// What may be spent.
    pub budget: Budget,
    /// The folder hga was called in.
    pub current_dir: PathBuf,
    /// The state directory, for messages.
    pub state_dir: PathBuf,
    /// What the demo does.
    pub demo: Operation,
    /// The theme to begin with.
    pub theme: ThemeName,
    /// The time zone of clocks.
    pub zone: jiff::tz::TimeZone,
}

/// An answer that may not have come yet, or may have failed while an older one still holds.
#[derive(Debug, Clone)]
pub struct Known<T> {
    /// The last good answer.
    pub value: T,
    /// Whether any has come.
    pub here: bool,
    /// Why the newest could not be had.
    pub error: Option<String>,
}

impl<T: Default> Default for Known<T> {
    fn default() -> Self {
        Self { value: T::default(), here: false, error: None }
    }
}

/// What the dashboard knows.
#[derive(Debug)]
pub struct Model {
    /// What the composition root gave.
    pub setup: Setup,
    /// The time, as the last tick told.
    pub now: Timestamp,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Whether the terminal has the focus.
    pub focused: bool,
    /// The theme in use.
    pub theme: ThemeName,
    /// The panes.
    pub home: Home,
    /// The job whose screen is open.
    pub job: Option<Box<JobScreen>>,
    /// The jobs whose screens were opened last, the newest first: their histories stay in the store.
    pub opened: VecDeque<JobId>,
    /// What lies over the screen, the uppermost last.
    pub modals: Vec<Modal>,
    /// The line being typed below a list or text.
    pub line: Option<Line>,
    /// The last thing worth saying.
    pub notice: Option<Notice>,
    /// Jobs, newest first.
    pub jobs: Known<Vec<JobSummary>>,
    /// Machines of the tool, for whichever owner; those of strangers are not shown.
    pub machines: Fleet<Machine>,
    /// Images, the tool's as well.
    pub images: Fleet<Image>,
    /// Everything that the tool made, and what looks like it.
    pub resources: Fleet<Resource>,
    /// The providers that are asked.
    pub providers: Vec<ProviderKind>,
    /// The providers that are not set up, each with what a person can do about it.
    pub missing: Vec<(ProviderKind, String)>,
    /// Test counts of jobs that the store does not hold.
    pub counts: BTreeMap<JobId, TestCounts>,
    /// Jobs whose counts were asked for.
    pub counts_asked: BTreeSet<JobId>,
    /// What things cost and have cost.
    pub money: Money,
    /// Machines that outlive their job, as of the last tick.
    pub alarms: Vec<Alarm>,
    /// The idle machines that were told, and when.
    pub idle_told: BTreeMap<(ProviderKind, MachineId), Timestamp>,
    /// How long tests took before, in seconds.
    pub durations: BTreeMap<String, f64>,
    /// Jobs that were asked for, or asked to be taken up, and have not been answered.
    pub asked: usize,
    /// The jobs this process drives.
    pub ours: BTreeSet<JobId>,
    /// The jobs that are waited for, to leave as soon as none of ours is left.
    pub leaving: Option<Vec<JobId>>,
    /// So many operations were submitted whose job's screen is not opened.
    pub aside: usize,
    /// What was asked for last time tests were run.
    pub last_run: Option<RunTestsSpec>,
    /// What the last frame laid out.
    pub painted: Painted,
    /// What log widgets remember.
    pub log: LogState,
}

/// The log widget's own state, shared with it.
#[derive(Clone, Default)]
pub struct LogState(pub std::sync::Arc<tui_logger::TuiWidgetState>);

impl std::fmt::Debug for LogState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogState")
    }
}

impl Model {
    /// A dashboard that knows nothing yet.
    #[must_use]
    pub fn new(setup: Setup, now: Timestamp, size: (u16, u16)) -> Self {
        Self {
            theme: setup.theme,
            setup,
            now,
            size,
            focused: true,
            home: Home::default(),
            job: None,
            opened: VecDeque::new(),
            modals: Vec::new(),
            line: None,
            notice: None,
            jobs: Known::default(),
            machines: Fleet::default(),
            images: Fleet::default(),
            resources: Fleet::default(),
            providers: Vec::new(),
            missing: Vec::new(),
            counts: BTreeMap::new(),
            counts_asked: BTreeSet::new(),
            money: Money::default(),
            alarms: Vec::new(),
            idle_told: BTreeMap::new(),
            durations: BTreeMap::new(),
            asked: 0,
            ours: BTreeSet::new(),
            leaving: None,
            aside: 0,
            last_run: None,
            painted: Painted::default(),
            log: LogState::default(),
        }
    }

    /// A job in the list of jobs.
    #[must_use]
    pub fn summary(&self, job: &JobId) -> Option<&JobSummary> {
        self.jobs.value.iter().find(|summary| summary.id == *job)
    }
}
