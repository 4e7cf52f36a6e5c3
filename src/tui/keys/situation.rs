//! Where a person is and what is true there, as a snapshot: the keymap's rules are judged on it and on nothing else.

use std::collections::BTreeSet;

/// A place that has keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Everywhere.
    Anywhere,
    /// Any list: panes, tests, failures.
    List,
    /// Any text: output, a diff, a description.
    Text,
    /// The dashboard's panes.
    Panes,
    /// The pane of machines.
    Machines,
    /// The pane of images.
    Images,
    /// The pane of jobs.
    Jobs,
    /// The pane of hga's own log.
    Log,
    /// The pane of everything.
    Resources,
    /// The pane of what it costs.
    Costs,
    /// A job's screen.
    Job,
    /// Its tests.
    Tests,
    /// Its failures.
    Failures,
    /// Its output.
    Output,
    /// Its summary.
    Summary,
    /// A line being typed: filter or search.
    Line,
    /// A form.
    Form,
    /// A dialog with buttons: a plan to confirm, the question when quitting.
    Dialog,
    /// The command palette.
    Palette,
    /// A text over the screen: help, a description.
    Page,
    /// Help.
    Help,
}

impl Scope {
    /// All of them, in the order help shows them.
    pub const ALL: [Self; 21] = [
        Self::Anywhere,
        Self::Panes,
        Self::Machines,
        Self::Images,
        Self::Jobs,
        Self::Log,
        Self::Resources,
        Self::Costs,
        Self::Job,
        Self::Tests,
        Self::Failures,
        Self::Output,
        Self::Summary,
        Self::List,
        Self::Text,
        Self::Line,
        Self::Form,
        Self::Dialog,
        Self::Palette,
        Self::Page,
        Self::Help,
    ];

    /// Its heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Anywhere => "Everywhere",
            Self::List => "Any list",
            Self::Text => "Any text",
            Self::Panes => "Dashboard",
            Self::Machines => "Machines",
            Self::Images => "Images",
            Self::Jobs => "Jobs",
            Self::Log => "Log",
            Self::Resources => "Resources",
            Self::Costs => "Costs",
            Self::Job => "A job",
            Self::Tests => "A job's tests",
            Self::Failures => "A job's failures",
            Self::Output => "A job's output",
            Self::Summary => "A job's summary",
            Self::Line => "Filter and search",
            Self::Form => "Forms",
            Self::Dialog => "Dialogs",
            Self::Palette => "Command palette",
            Self::Page => "Help and details",
            Self::Help => "Help",
        }
    }
}

/// Something a key may need to be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fact {
    /// A machine is selected, or the job shown has one.
    Machine,
    /// That machine is ours to end.
    MachineOurs,
    /// That machine can be logged in to.
    MachineAnswers,
    /// An image is selected.
    Image,
    /// A job is selected or shown.
    Job,
    /// That job is not over.
    JobLive,
    /// That job is not over and no process drives it.
    JobLeft,
    /// A row of the list is selected.
    Row,
    /// The job shown has failures.
    Failures,
    /// There is a pattern that is searched for.
    Pattern,
    /// The list shown is filtered.
    Filtered,
    /// What is selected among the costs is there, and can be ended or removed.
    There,
}

impl Fact {
    /// What is said when it is not so.
    #[must_use]
    pub fn missing(self) -> &'static str {
        match self {
            Self::Machine => "no machine here",
            Self::MachineOurs => "that machine is a listed host: it is not ours to end",
            Self::MachineAnswers => "that machine does not answer now",
            Self::Image => "no image is selected",
            Self::Job => "no job here",
            Self::JobLive => "that job is over",
            Self::JobLeft => "that job is over, or a process drives it already",
            Self::Row => "nothing is selected",
            Self::Failures => "no test has failed",
            Self::Pattern => "search first, with `/`",
            Self::Filtered => "the list is not filtered",
            Self::There => "nothing is selected that can be ended or removed",
        }
    }
}

/// Where a person is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// The places whose keys hold, the innermost first.
    pub scopes: Vec<Scope>,
    /// Whether characters go into a text field.
    pub typing: bool,
    /// What is true.
    pub facts: BTreeSet<Fact>,
}
