//! What a session is made of. The composition root picks the parts; the session knows none of them by name.

use crate::cloud::Cloud;
use crate::config::{Retention, StatePaths};
use crate::domain::money::{Budget, UsualTypes};
use crate::domain::{MachineId, ProviderKind};
use crate::remote::Connector;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use crate::ops::Check;

/// Remembers a host key that a person confirmed.
pub type Pin = Box<dyn Fn(&MachineId, &str) -> Result<(), crate::cloud::Error> + Send + Sync>;

/// What a session needs to know to tell what things cost.
#[derive(Debug, Clone, Default)]
pub struct MoneyParts {
    /// The limits.
    pub budget: Budget,
    /// The types of a cloud's machines where none is wished for.
    pub types: UsualTypes,
}

/// What a session is made of.
pub struct Parts {
    /// The state directory.
    pub paths: StatePaths,
    /// Providers by kind.
    pub clouds: BTreeMap<ProviderKind, Arc<dyn Cloud>>,
    /// Makes shells.
    pub connector: Arc<dyn Connector>,
    /// The client's `hg`, when the configuration names one.
    pub hg: Option<String>,
    /// How many images of one kind are kept.
    pub keep_images: usize,
    /// How long a cloud's machine may take from its launch to the first login.
    pub ready_timeout: Duration,
    /// What may be spent, and what machines are launched where nothing is said.
    pub money: MoneyParts,
    /// What is kept of jobs that are over.
    pub retention: Retention,
    /// Walks the interface.
    pub check: Check,
    /// Remembers host keys.
    pub pin: Pin,
}
