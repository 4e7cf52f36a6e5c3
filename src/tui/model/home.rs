//! The dashboard's panes.

use super::list::List;
use crate::domain::{ImageName, JobId, MachineId, ProviderKind};

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
}

impl Pane {
    /// All of them, in the order of their number keys.
    pub const ALL: [Self; 4] = [Self::Machines, Self::Images, Self::Jobs, Self::Log];

    /// Its title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Machines => "Machines",
            Self::Images => "Images",
            Self::Jobs => "Jobs",
            Self::Log => "Log",
        }
    }
}

/// The panes' states.
#[derive(Debug, Default)]
pub struct Home {
    /// The one shown.
    pub pane: Pane,
    /// Machines, by whose and which.
    pub machines: List<(ProviderKind, MachineId)>,
    /// Images, by whose and which.
    pub images: List<(ProviderKind, ImageName)>,
    /// Jobs.
    pub jobs: List<JobId>,
}
