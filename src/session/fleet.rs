//! Machines and images of every provider, and shells on machines.

use super::{Error, ErrorKind, Result, Session};
use crate::cloud::{Cloud, Listing};
use crate::diag::{Hinted, chain};
use crate::domain::{
    CheckItem, Distro, Endpoint, Image, Machine, MachineId, Operation, ProviderKind, Region, Resource, ResourceKind,
    Working,
};
use crate::remote::Shell;
use futures::future::join_all;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

pub(super) fn told<E: Hinted + 'static>(kind: ErrorKind, error: &E) -> Error {
    let mut told = Error::new(kind, chain(error));
    told.hints = error.hints();
    told
}

fn endpoint_of(machine: &Machine) -> Result<&Endpoint> {
    machine.endpoint.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::Remote, format!("machine `{}` is {} and has no address", machine.id, machine.state))
    })
}

pub(super) fn cloud_error(error: &crate::cloud::Error) -> Error {
    let kind = match error.kind {
        crate::cloud::ErrorKind::NotFound | crate::cloud::ErrorKind::Unsupported => ErrorKind::Usage,
        _ => ErrorKind::Remote,
    };
    told(kind, error)
}

/// A provider, or a region of it, that could not be asked.
#[derive(Debug)]
pub struct Trouble {
    /// Which provider.
    pub provider: ProviderKind,
    /// Which region, where it is one.
    pub region: Option<Region>,
    /// Why.
    pub error: Error,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.region {
            Some(region) => write!(f, "{} {region}: {}", self.provider, self.error),
            None => write!(f, "{}: {}", self.provider, self.error),
        }
    }
}

/// What the providers hold, and which of them could not be asked: that hides nothing of the others.
#[derive(Debug)]
pub struct Listed<T> {
    /// What there is.
    pub items: Vec<T>,
    /// What could not be seen.
    pub troubles: Vec<Trouble>,
    /// In which account of a cloud, where that is known.
    pub account: Option<String>,
    /// The regions that were looked at with success.
    pub looked_at: Vec<Region>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { items: Vec::new(), troubles: Vec::new(), account: None, looked_at: Vec::new() }
    }
}

pub(super) fn listed<T>(listings: Vec<(ProviderKind, Listing<T>)>) -> Listed<T> {
    let mut all = Listed::default();
    for (provider, listing) in listings {
        all.items.extend(listing.items);
        all.account = all.account.or(listing.account);
        all.looked_at.extend(listing.looked_at);
        let troubles = listing.unseen.into_iter();
        all.troubles.extend(troubles.map(|unseen| Trouble {
            provider,
            region: unseen.region,
            error: cloud_error(&unseen.error),
        }));
    }
    all
}

/// The names of an image's inputs that are not what they would be today; none for a current image.
#[must_use]
pub fn changed_inputs(image: &Image) -> Vec<String> {
    static HERE: LazyLock<BTreeMap<String, String>> = LazyLock::new(crate::mercurial::bootstrap_inputs);
    // what was not recorded is not known to have changed, unless the fingerprint says so
    let mut today = match Distro::of_image(image.name.as_str()) {
        Some(distro) if image.provider == ProviderKind::Aws => crate::mercurial::linux_inputs(distro),
        _ => HERE.clone(),
    };
    // the repository is the image's own
    if let Some(repository) = image.inputs.get("repository") {
        today.insert("repository".to_owned(), repository.clone());
    }
    image.changed(&today)
}

impl Session {
    pub(super) fn clouds(&self, provider: Option<ProviderKind>) -> impl Iterator<Item = &Arc<dyn Cloud>> {
        self.parts.clouds.values().filter(move |cloud| provider.is_none_or(|kind| cloud.provider() == kind))
    }

    /// Machines of every provider, or of one, those of strangers in a cloud too.
    pub async fn machines(&self, provider: Option<ProviderKind>) -> Listed<Machine> {
        let listings = self.clouds(provider).map(async |cloud| (cloud.provider(), cloud.machines().await));
        let listed = listed(join_all(listings).await);
        self.note_machines(&listed);
        listed
    }

    /// The providers that are not set up, each with what a person can do about it.
    #[must_use]
    pub fn missing(&self) -> Vec<(ProviderKind, String)> {
        self.clouds(None).filter_map(|cloud| Some((cloud.provider(), cloud.missing()?))).collect()
    }

    /// The providers there are.
    #[must_use]
    pub fn providers(&self) -> Vec<ProviderKind> {
        self.parts.clouds.keys().copied().collect()
    }

    /// Asks anew at the next call what was asked a moment ago.
    pub fn forget(&self) {
        self.clouds(None).for_each(|cloud| cloud.forget());
    }

    /// One machine, by id, whoever provides it.
    ///
    /// # Errors
    /// `Usage` when there is none, with the ids there are as a hint.
    pub async fn machine(&self, id: &MachineId) -> Result<Machine> {
        for cloud in self.clouds(None) {
            if let Some(machine) = cloud.machine(id).await.map_err(|error| cloud_error(&error))? {
                return Ok(machine);
            }
        }
        // a cloud's machines have ids of their own; nobody waits for one to be told that a name is mistyped
        let known = if id.as_str().starts_with("i-") {
            self.machines(None).await.items
        } else {
            let near = [ProviderKind::Local, ProviderKind::Hosts].map(|kind| self.machines(Some(kind)));
            join_all(near).await.into_iter().flat_map(|listed| listed.items).collect()
        };
        let known: Vec<_> = known
            .iter()
            .filter(|machine| machine.is_ephemeral() && machine.state.is_alive())
            .map(|machine| format!("`{}`", machine.id))
            .collect();
        let hint = if known.is_empty() {
            "`hga machines list` shows those there are, `hga machines launch` makes one".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        Err(Error::new(ErrorKind::Usage, format!("there is no machine `{id}`")).hint(hint))
    }

    /// A shell on a machine, fit for terminals; connects with the first call.
    ///
    /// # Errors
    /// `Usage` when there is no such machine, `Remote` when it has no address yet.
    pub async fn shell(&self, id: &MachineId) -> Result<Arc<dyn Shell>> {
        let machine = self.machine(id).await?;
        Ok(self.parts.connector.shell(&endpoint_of(&machine)?.live()))
    }

    /// What commands go through.
    pub(super) fn shell_of(&self, machine: &Machine) -> Result<Arc<dyn Shell>> {
        Ok(self.parts.connector.shell(endpoint_of(machine)?))
    }

    /// Walks the remote machine interface point by point.
    ///
    /// # Errors
    /// `Usage` when there is no such machine; what it lacks is no error but an item.
    pub async fn check(&self, id: &MachineId) -> Result<Vec<CheckItem>> {
        let machine = self.machine(id).await?;
        let shell = self.parts.connector.shell(endpoint_of(&machine)?);
        Ok((self.parts.check)(shell, machine).await)
    }

    /// The host key that a machine shows now, as one OpenSSH line and its SHA-256 fingerprint, for a person to
    /// confirm.
    ///
    /// # Errors
    /// `Usage` when there is no such machine; `Remote` when it does not answer.
    pub async fn host_key(&self, id: &MachineId) -> Result<(String, String)> {
        let machine = self.machine(id).await?;
        let endpoint = machine
            .endpoint
            .ok_or_else(|| Error::new(ErrorKind::Remote, format!("machine `{id}` has no address")))?;
        self.parts.connector.offered_host_key(&endpoint).await.map_err(|error| told(ErrorKind::Remote, &error))
    }

    /// Pins a host key that a person has confirmed.
    ///
    /// # Errors
    /// `Usage` when there is no such host; `State` when it cannot be written.
    #[expect(clippy::unused_async, reason = "one file is written now, a service may be asked one day")]
    pub async fn pin_host_key(&self, id: &MachineId, line: &str) -> Result<()> {
        (self.parts.pin)(id, line).map_err(|error| cloud_error(&error))
    }

    /// Images of every provider, or of one.
    pub async fn images(&self, provider: Option<ProviderKind>) -> Listed<Image> {
        let listings = self.clouds(provider).map(async |cloud| (cloud.provider(), cloud.images().await));
        let listed = listed(join_all(listings).await);
        self.note_images(&listed);
        listed
    }

    /// Everything of these kinds that the providers hold, asked anew, strangers' things too.
    pub async fn resources(&self, provider: Option<ProviderKind>, kinds: &[ResourceKind]) -> Listed<Resource> {
        let listings =
            self.clouds(provider).map(async |cloud| (cloud.provider(), cloud.resources(kinds, None).await));
        let listed = listed(join_all(listings).await);
        self.note_stored(kinds, &listed);
        listed
    }

    /// The same of some providers.
    pub(super) async fn of_providers(&self, of: &[ProviderKind], kinds: &[ResourceKind]) -> Listed<Resource> {
        let clouds = self.clouds(None).filter(|cloud| of.contains(&cloud.provider()));
        listed(join_all(clouds.map(async |cloud| (cloud.provider(), cloud.resources(kinds, None).await))).await)
    }

    /// The same of some regions of a provider.
    pub(super) async fn resources_in(
        &self,
        provider: ProviderKind,
        kinds: &[ResourceKind],
        regions: &[Region],
    ) -> Listed<Resource> {
        let clouds = self.clouds(Some(provider));
        listed(join_all(clouds.map(async |cloud| (provider, cloud.resources(kinds, Some(regions)).await))).await)
    }

    /// What is under way on which machine, as far as this state directory's jobs tell. `machines` are those there are.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn working(&self, machines: &[Resource]) -> Result<Vec<Working>> {
        let mut working = Vec::new();
        for job in self.unfinished().await? {
            let (provider, id) = (job.operation.provider(), &job.id);
            if matches!(job.operation, Operation::Terminate { .. } | Operation::Apply { .. }) {
                continue;
            }
            let named = match &job.operation {
                Operation::RunTests(spec) => spec.machine.clone(),
                _ => None,
            };
            let machine = named.unwrap_or_else(|| MachineId::for_job(id));
            working.push(Working { job: id.clone(), provider, machine });
            let launched = machines.iter().filter(|machine| machine.job.as_ref() == Some(id));
            working.extend(launched.filter_map(|machine| {
                let machine_id = MachineId::new(machine.at.id.clone()).ok()?;
                Some(Working { job: id.clone(), provider: machine.at.provider, machine: machine_id })
            }));
        }
        Ok(working)
    }
}
