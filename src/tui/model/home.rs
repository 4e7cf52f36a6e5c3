//! The dashboard's panes.

use super::list::List;
use crate::domain::{JobId, MachineId, ProviderKind, ResourceRef, Timestamp};
use crate::tui::action::SortBy;

/// A pane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pane {
    /// Machines.
    #[default]
    Machines,
    /// Images.
    Images,
    /// Jobs.
    Jobs,
    /// hga's own log.
    Log,
    /// Everything that the tool made, and what looks like it.
    Resources,
    /// What it costs, and has cost.
    Costs,
}

impl Pane {
    /// All of them, in the order of their number keys.
    pub const ALL: [Self; 6] = [Self::Machines, Self::Images, Self::Jobs, Self::Log, Self::Resources, Self::Costs];

    /// Its title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Machines => "Machines",
            Self::Images => "Images",
            Self::Jobs => "Jobs",
            Self::Log => "Log",
            Self::Resources => "Resources",
            Self::Costs => "Costs",
        }
    }
}

impl Pane {
    /// The column that a word for sorting means here.
    #[must_use]
    pub fn column(self, by: SortBy) -> Option<usize> {
        match (self, by) {
            (Self::Machines | Self::Images | Self::Jobs | Self::Costs, SortBy::Name) => Some(0),
            (Self::Machines | Self::Images, SortBy::State) => Some(2),
            (Self::Jobs | Self::Costs, SortBy::State) | (Self::Resources, SortBy::Name) => Some(1),
            (Self::Machines | Self::Images, SortBy::Age) => Some(3),
            (Self::Jobs, SortBy::Age) => Some(10),
            (Self::Costs, SortBy::Age) => Some(13),
            (Self::Machines, SortBy::Time) | (Self::Resources, SortBy::State) | (Self::Costs, SortBy::Cost) => {
                Some(4)
            }
            (Self::Resources, SortBy::Age)
            | (Self::Costs, SortBy::Time)
            | (Self::Machines | Self::Images, SortBy::Cost) => Some(5),
            (Self::Jobs, SortBy::Time) => Some(6),
            (Self::Jobs | Self::Resources, SortBy::Cost) => Some(7),
            _ => None,
        }
    }
}

/// From so many columns on, the log shows the list of its targets without being asked.
pub const TARGETS_FROM: u16 = 100;

/// When each list was last told; an older list that still holds says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answered {
    /// The jobs.
    pub jobs: Option<Timestamp>,
}

impl Home {
    /// Whether the log shows its targets in a window of so many columns.
    #[must_use]
    pub fn shows_targets(&self, columns: u16) -> bool {
        self.targets.unwrap_or(columns >= TARGETS_FROM)
    }
}

/// The panes' states.
#[derive(Debug, Default)]
pub struct Home {
    /// The one shown.
    pub pane: Pane,
    /// Machines, by whose and which.
    pub machines: List<(ProviderKind, MachineId)>,
    /// Images, by whose and which: the id where that is not the name.
    pub images: List<(ProviderKind, String)>,
    /// Jobs.
    pub jobs: List<JobId>,
    /// Everything.
    pub resources: List<ResourceRef>,
    /// What costs, thing by thing.
    pub costs: List<ResourceRef>,
    /// The month told apart by something else.
    pub cost_groups: List<String>,
    /// When everything was asked for last.
    pub resources_asked: Option<Timestamp>,
    /// When each list was last told.
    pub answered: Answered,
    /// Whether the log shows its targets, where a person has said so.
    pub targets: Option<bool>,
}
