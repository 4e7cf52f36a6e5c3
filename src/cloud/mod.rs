//! The port to whoever provides machines and images, in our own words. Each provider implements [`Cloud`].

use crate::diag::{Hint, Hinted};
use crate::domain::{Fingerprint, Image, ImageName, JobId, Lease, Machine, MachineId, ProviderKind};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::error::Error as StdError;

/// What kind of trouble a provider had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// There is no such machine or image.
    NotFound,
    /// The provider cannot do this at all (a listed host cannot be launched).
    Unsupported,
    /// Something in the way: it exists already, it is in use.
    Conflict,
    /// No space, no capacity.
    Capacity,
    /// Anything else.
    Other,
}

/// An error of a provider, with what its reader can do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind.
    pub kind: ErrorKind,
    /// A lower-case fragment without a full stop.
    pub message: String,
    /// What the reader can do.
    pub hints: Vec<Hint>,
    /// What lies below.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with neither hint nor cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), source: None }
    }

    /// The same with a hint more.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(Hint::new(hint));
        self
    }

    /// The same with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl Hinted for Error {
    fn hints(&self) -> Vec<Hint> {
        self.hints.clone()
    }
}

/// What providers' calls give back.
pub type Result<T> = std::result::Result<T, Error>;

/// A machine to launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchRequest {
    /// The id it shall have where the provider lets us choose, the client token elsewhere: asking twice with the same
    /// gives the same machine, never a second one.
    pub machine: MachineId,
    /// For which job.
    pub job: JobId,
    /// From which image; none gives a bare machine with empty folders, to make an image on.
    pub image: Option<ImageName>,
    /// When it ends itself.
    pub lease: Lease,
}

/// An image to make out of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRequest {
    /// The machine, prepared; it is ended by the caller afterwards, not here.
    pub machine: MachineId,
    /// What the image shall be called; replaces one of that name, which stays whole until then.
    pub name: ImageName,
    /// What it was made from.
    pub inputs: BTreeMap<String, String>,
    /// The fingerprint of `inputs`.
    pub fingerprint: Fingerprint,
}

/// Where machines come from.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// Which provider it is.
    fn provider(&self) -> ProviderKind;

    /// Whether the machines it launches allow `sudo`; asked before anything is launched.
    fn grants_sudo(&self) -> bool {
        true
    }

    /// All machines of ours, those that ended a moment ago too where that is known.
    ///
    /// # Errors
    /// When the provider cannot be asked.
    async fn machines(&self) -> Result<Vec<Machine>>;

    /// One machine; `None` when it is gone without a trace.
    ///
    /// # Errors
    /// When the provider cannot be asked.
    async fn machine(&self, id: &MachineId) -> Result<Option<Machine>>;

    /// Launches a machine, or finds the one an earlier call with the same id launched. Comes back as soon as the
    /// machine exists (pending); its endpoint may not be known yet.
    ///
    /// # Errors
    /// `NotFound` for an unknown image, `Unsupported` for listed hosts, `Capacity`.
    async fn launch(&self, request: &LaunchRequest) -> Result<Machine>;

    /// Moves a machine's lease. Never shortens it below `now`.
    ///
    /// # Errors
    /// `NotFound` when the machine is gone, `Unsupported` for listed hosts.
    async fn renew(&self, id: &MachineId, lease: Lease) -> Result<()>;

    /// Ends a machine and waits until it, its processes and its folder are gone. Ending one that is gone is no error.
    ///
    /// # Errors
    /// `Unsupported` for listed hosts; anything that keeps it alive.
    async fn terminate(&self, id: &MachineId) -> Result<()>;

    /// All images of ours.
    ///
    /// # Errors
    /// When the provider cannot be asked.
    async fn images(&self) -> Result<Vec<Image>>;

    /// Makes an image of a machine's development folder.
    ///
    /// # Errors
    /// `NotFound` when the machine is gone, `Unsupported` for listed hosts, `Capacity`.
    async fn create_image(&self, request: &ImageRequest) -> Result<Image>;

    /// Removes an image.
    ///
    /// # Errors
    /// `NotFound`, `Unsupported`.
    async fn remove_image(&self, name: &ImageName) -> Result<()>;
}
