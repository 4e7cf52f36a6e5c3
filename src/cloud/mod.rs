//! The port to whoever provides machines and images, in our own words. Each provider implements [`Cloud`].

use crate::diag::{Hint, Hinted};
use crate::domain::money::{Item, Platform, PriceTag};
use crate::domain::{
    CheckItem, CloudWish, Fingerprint, Image, ImageName, JobId, Lease, Machine, MachineId, ProviderKind, Region,
    Resource, ResourceKind, ResourceRef,
};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::Arc;

/// What kind of trouble a provider had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// There is no such machine or image.
    NotFound,
    /// The provider cannot do this at all (a listed host cannot be launched).
    Unsupported,
    /// Something in the way: it exists already, it is in use.
    Conflict,
    /// Something else uses it; it can go once that has gone.
    InUse,
    /// No space, no capacity.
    Capacity,
    /// Who we are is not known there, or not any more.
    Credentials,
    /// We may not do this.
    Denied,
    /// Too many calls; later it may be done.
    Throttled,
    /// No answer: the network, the region, the service.
    Unreachable,
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

/// A place that could not be asked, while others could.
#[derive(Debug)]
pub struct Unseen {
    /// Which region; none for what has none (IAM), and for a provider without regions.
    pub region: Option<Region>,
    /// Why.
    pub error: Error,
}

/// What all the places of a provider hold, those that could not be asked named: "not known" is not "none".
#[derive(Debug)]
pub struct Listing<T> {
    /// What there is.
    pub items: Vec<T>,
    /// What could not be seen.
    pub unseen: Vec<Unseen>,
    /// In which account, where that is known.
    pub account: Option<String>,
    /// The regions that were looked at with success: what is not listed there is not there.
    pub looked_at: Vec<Region>,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { items: Vec::new(), unseen: Vec::new(), account: None, looked_at: Vec::new() }
    }
}

impl<T> Listing<T> {
    /// All of it, or the first reason why it is not all.
    ///
    /// # Errors
    /// When a place could not be asked.
    pub fn whole(self) -> Result<Vec<T>> {
        self.unseen.into_iter().next().map_or(Ok(self.items), |unseen| Err(unseen.error))
    }

    /// The same of other things, each made of one of these.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Listing<U> {
        Listing {
            items: self.items.into_iter().map(make).collect(),
            unseen: self.unseen,
            account: self.account,
            looked_at: self.looked_at,
        }
    }
}

impl<T> From<Result<Vec<T>>> for Listing<T> {
    fn from(result: Result<Vec<T>>) -> Self {
        match result {
            Ok(items) => Self { items, ..Self::default() },
            Err(error) => Self { unseen: vec![Unseen { region: None, error }], ..Self::default() },
        }
    }
}

/// Which prices are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceAsk {
    /// Where.
    pub regions: Vec<Region>,
    /// Of which types of machines.
    pub types: Vec<String>,
    /// What they run.
    pub platforms: Vec<Platform>,
    /// Whether the Spot market is asked too.
    pub spot: bool,
}

impl PriceAsk {
    /// What two ask for, in all regions of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        fn add<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
            for one in more {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        add(&mut self.regions, other.regions);
        add(&mut self.types, other.types);
        add(&mut self.platforms, other.platforms);
        self.spot |= other.spot;
        self
    }
}

/// What asking for prices came to.
#[derive(Debug, Default)]
pub struct Priced {
    /// The prices, and the places that could not be asked.
    pub listing: Listing<PriceTag>,
    /// What was answered with something that is no price.
    pub garbled: Vec<(Item, Unseen)>,
}

/// How far a removal got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Gone,
    /// It is going by itself, and costs nothing any more.
    Going,
}

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
    /// The verb it is launched for, which its name tells where it has one.
    pub purpose: String,
    /// Whether a disk of its own is needed for the work folder, where the machine's type has none to spare.
    pub spare_disk: bool,
    /// Whether an image is made on it.
    pub for_image: bool,
    /// What a cloud's machine shall be.
    pub wish: CloudWish,
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

    /// The region in which machines are launched and images made; none where there are no regions.
    fn home(&self) -> Option<Region> {
        None
    }

    /// Whether the machines it launches allow `sudo`; asked before anything is launched.
    fn grants_sudo(&self) -> bool {
        true
    }

    /// Whose the things are that it launches and makes; none where nobody is named.
    fn owner(&self) -> Option<String> {
        None
    }

    /// What the provider's own price list says. A price it does not have is left out; what could not be asked is named,
    /// with the region it was asked for.
    async fn prices(&self, ask: &PriceAsk) -> Priced {
        let _ = ask;
        Priced::default()
    }

    /// What a person can do to set the provider up, when it is not; nothing of it is asked then.
    fn missing(&self) -> Option<String> {
        None
    }

    /// Looks point by point whether the provider can be used, and for what else a person may want to know of it. Always
    /// comes back, within seconds.
    async fn doctor(&self) -> Vec<CheckItem> {
        Vec::new()
    }

    /// The provider as it looks at one region and launches there; none where it does so already, or knows no regions.
    fn in_region(&self, region: &Region) -> Option<Arc<dyn Cloud>> {
        let _ = region;
        None
    }

    /// What was asked a moment ago is asked anew at the next call.
    fn forget(&self) {}

    /// All machines, those that ended a moment ago too where that is known. May be a few seconds old where asking is
    /// metered.
    async fn machines(&self) -> Listing<Machine>;

    /// One machine, by its id or by that of the [`LaunchRequest`] it came from; `None` when it is gone without a trace.
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

    /// Moves a machine's lease. Never shortens it below `now`. A cloud only notes it where people look: the machine itself
    /// is told by the room `remote`, module `lease`.
    ///
    /// # Errors
    /// `NotFound` when the machine is gone, `Unsupported` for listed hosts.
    async fn renew(&self, id: &MachineId, lease: Lease) -> Result<()>;

    /// Why a machine is not ready, as far as the provider can tell: for a person who waits too long.
    async fn why_not_ready(&self, id: &MachineId) -> Option<String> {
        let _ = id;
        None
    }

    /// Notes the host keys that a machine shows from now on, the newest first.
    ///
    /// # Errors
    /// When the provider cannot note them; `NotFound` when the machine is gone.
    async fn pin_host_keys(&self, id: &MachineId, keys: &[String]) -> Result<()> {
        let _ = keys;
        Err(Error::new(ErrorKind::Unsupported, format!("the host key of `{id}` cannot be noted")))
    }

    /// Lets this computer connect to the machine from where it is now: its address may have changed since the launch.
    ///
    /// # Errors
    /// When the provider cannot be asked.
    async fn let_in(&self, id: &MachineId) -> Result<()> {
        let _ = id;
        Ok(())
    }

    /// The machine as it can be reached through the provider's own service, when its SSH port does not answer; noted for
    /// whoever looks at it later. `None` while, or when, it cannot.
    ///
    /// # Errors
    /// When the provider cannot be asked.
    async fn reach_otherwise(&self, id: &MachineId) -> Result<Option<Machine>> {
        let _ = id;
        Ok(None)
    }

    /// Ends a machine and waits until it, its processes and its folder are gone, or, in a cloud, until it costs nothing any
    /// more. Ending one that is gone is no error. The id may be that of a [`LaunchRequest`] whose answer never came.
    ///
    /// # Errors
    /// `Unsupported` for listed hosts; anything that keeps it alive.
    async fn terminate(&self, id: &MachineId) -> Result<()>;

    /// All images of ours.
    async fn images(&self) -> Listing<Image>;

    /// Everything of these kinds, in the shape that plans are made from, asked anew. Where `regions` are named, only what
    /// is in one of them or in none.
    async fn resources(&self, kinds: &[ResourceKind], regions: Option<&[Region]>) -> Listing<Resource> {
        let _ = regions;
        let mut all = Listing::default();
        if kinds.contains(&ResourceKind::Machine) {
            all = self.machines().await.map(|machine| machine.resource());
        }
        if kinds.contains(&ResourceKind::Image) {
            let images = self.images().await.map(|image| image.resource());
            all.items.extend(images.items);
            all.unseen.extend(images.unseen);
        }
        all
    }

    /// Ends or removes things of one kind and one place, in as few calls as can be. What is gone already counts as
    /// removed. Each thing's outcome is told, in the order asked; one that fails does not keep the others.
    ///
    /// Error kinds of a thing: `InUse` when it can go later, `Conflict` when it is protected, `Unsupported`.
    async fn remove(&self, things: &[ResourceRef]) -> Vec<Result<Removed>> {
        let mut outcomes = Vec::new();
        for thing in things {
            let none = || Error::new(ErrorKind::NotFound, format!("there is no {thing}"));
            let outcome = match thing.kind {
                ResourceKind::Machine => match MachineId::new(thing.id.clone()) {
                    Ok(id) => self.terminate(&id).await,
                    Err(_) => Err(none()),
                },
                ResourceKind::Image => match ImageName::new(thing.id.clone()) {
                    Ok(name) => self.remove_image(&name).await,
                    Err(_) => Err(none()),
                },
                _ => Err(Error::new(ErrorKind::Unsupported, format!("{thing} cannot be removed"))),
            };
            outcomes.push(match outcome {
                Err(error) if error.kind == ErrorKind::NotFound => Ok(Removed::Gone),
                outcome => outcome.map(|()| Removed::Gone),
            });
        }
        outcomes
    }

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
