//! The provider itself: regions side by side, one that cannot be asked named and not hiding the rest.

use super::client::Clients;
use super::connector::AwsConnector;
use super::inventory::{self, Held};
use super::poll::Poll;
use super::{doctor, remove, setup};
use crate::cloud::{Cloud, Error, ErrorKind, ImageRequest, LaunchRequest, Listing, Removed, Result, Unseen};
use crate::domain::{
    CheckItem, Image, ImageName, Lease, Machine, MachineId, MachineState, ProviderKind, Region, Resource,
    ResourceKind, ResourceRef, Timestamp,
};
use crate::remote::Connector;
use async_trait::async_trait;
use futures::future::{join_all, try_join_all};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Which regions are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Regions {
    /// These.
    These(Vec<Region>),
    /// All that the account may use.
    All,
}

/// What the provider needs to know; all else comes from the standard chain.
#[derive(Debug, Clone)]
pub struct AwsOptions {
    /// Whose things are mine.
    pub owner: String,
    /// Where to look.
    pub regions: Regions,
    /// The user's home folder, where `.aws` is looked for.
    pub home: Option<std::path::PathBuf>,
}

/// What one region answered about machines.
type Machines = (Vec<Machine>, Option<String>);

/// Machines on EC2.
#[derive(Debug)]
pub struct AwsCloud {
    options: AwsOptions,
    /// Whether there is an account to ask.
    there: bool,
    clients: Arc<Clients>,
    machines: Mutex<BTreeMap<Region, Arc<Poll<Machines>>>>,
    images: Mutex<BTreeMap<Region, Arc<Poll<Vec<Resource>>>>>,
    all_regions: Poll<Vec<Region>>,
}

fn poll<T>(polls: &Mutex<BTreeMap<Region, Arc<Poll<T>>>>, region: &Region) -> Arc<Poll<T>> {
    let mut polls = polls.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(polls.entry(region.clone()).or_default())
}

fn not_yet(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("provider `aws` cannot {what} yet"))
        .hint("`--provider local` does it on this computer")
}

impl AwsCloud {
    /// A provider with these options; asks nobody yet.
    #[must_use]
    pub fn new(options: AwsOptions) -> Self {
        let there = setup::is_there(|name| std::env::var(name).ok(), options.home.as_deref().map(Path::new));
        Self {
            options,
            there,
            clients: Arc::default(),
            machines: Mutex::default(),
            images: Mutex::default(),
            all_regions: Poll::default(),
        }
    }

    /// Shells for managed machines by Systems Manager, all others by `inner`.
    #[must_use]
    pub fn connector(&self, inner: Arc<dyn Connector>) -> AwsConnector {
        AwsConnector::new(inner, Arc::clone(&self.clients))
    }

    /// The regions to look at.
    async fn regions(&self) -> Result<Vec<Region>> {
        match &self.options.regions {
            Regions::These(regions) => Ok(regions.clone()),
            Regions::All => {
                let usual = Region::usual();
                let ask = inventory::regions(&self.clients, &usual);
                Ok(self.all_regions.look(ask, |_| false).await?.as_ref().clone())
            }
        }
    }

    /// Asks these regions, or all, at once; nothing is asked where there is no account.
    async fn everywhere<T, F>(&self, these: Option<&[Region]>, ask: impl Fn(Region) -> F) -> Listing<T>
    where
        F: Future<Output = Result<(Vec<T>, Option<String>)>>,
    {
        let mut all = Listing::default();
        if !self.there {
            return all;
        }
        let regions = match these {
            Some(these) => Ok(these.to_vec()),
            None => self.regions().await,
        };
        let regions = match regions {
            Ok(regions) => regions,
            Err(error) => {
                all.unseen.push(Unseen { region: None, error });
                return all;
            }
        };
        let answers = join_all(regions.into_iter().map(|region| {
            let answer = ask(region.clone());
            async move { (region, answer.await) }
        }))
        .await;
        for (region, answer) in answers {
            match answer {
                Ok((items, account)) => {
                    all.items.extend(items);
                    all.account = all.account.or(account);
                }
                Err(error) => all.unseen.push(Unseen { region: Some(region), error }),
            }
        }
        all
    }
}

impl AwsCloud {
    /// The account, asked for where nothing that was seen tells it and a plan is checked: in another account all of it would
    /// look as if it had gone.
    async fn account_of(&self, seen: Option<String>, checking: Option<&[Region]>) -> Option<String> {
        if seen.is_some() || checking.is_none() || !self.there {
            return seen;
        }
        let answer = self.clients.identity().await.get_caller_identity().send().await;
        answer.ok().and_then(|identity| identity.account)
    }

    /// Notes which machines use profiles in regions that were not looked at: profiles hold in all regions.
    async fn used_elsewhere(&self, looked_at: &[Region], identities: &mut [Resource]) -> Result<()> {
        let profiles =
            identities.iter_mut().filter(|one| one.at.kind == ResourceKind::Profile && one.claim.is_tools());
        let mut profiles: Vec<&mut Resource> = profiles.collect();
        if profiles.is_empty() {
            return Ok(());
        }
        let ask = match (looked_at.first(), &self.options.regions) {
            (Some(region), _) => region.clone(),
            (None, Regions::These(regions)) => regions.first().cloned().unwrap_or_else(Region::usual),
            (None, Regions::All) => Region::usual(),
        };
        let elsewhere = inventory::regions(&self.clients, &ask).await?;
        let elsewhere = elsewhere.iter().filter(|region| !looked_at.contains(region));
        let names: Vec<String> = profiles.iter().map(|profile| profile.at.id.clone()).collect();
        let asked = elsewhere.map(|region| inventory::profile_users(&self.clients, region, &names));
        for (name, user) in try_join_all(asked).await?.into_iter().flatten() {
            let used = profiles.iter_mut().find(|profile| profile.at.id == name);
            if let Some(profile) = used {
                profile.used_by.push(user);
            }
        }
        Ok(())
    }
}

fn is_changing(machines: &Machines) -> bool {
    let moving = |machine: &Machine| {
        let ours = machine.cloud.as_ref().is_none_or(|cloud| cloud.claim.is_tools());
        ours && matches!(machine.state, MachineState::Pending | MachineState::ShuttingDown | MachineState::Stopping)
    };
    machines.0.iter().any(moving)
}

/// An image as the port has it.
fn image(resource: Resource) -> Option<Image> {
    // names may hold spaces and slashes, ids never do
    let name = resource.name.and_then(|name| ImageName::new(name).ok());
    let name = name.or_else(|| ImageName::new(resource.at.id.clone()).ok())?;
    Some(Image {
        name,
        provider: ProviderKind::Aws,
        fingerprint: resource.fingerprint,
        inputs: BTreeMap::new(),
        created: resource.created.unwrap_or(Timestamp::UNIX_EPOCH),
        bytes: resource.bytes.unwrap_or(0),
        id: Some(resource.at.id),
        region: resource.at.region,
        claim: Some(resource.claim),
    })
}

#[async_trait]
impl Cloud for AwsCloud {
    fn provider(&self) -> ProviderKind {
        ProviderKind::Aws
    }

    fn missing(&self) -> Option<String> {
        (!self.there).then(|| setup::HOW.to_owned())
    }

    async fn doctor(&self) -> Vec<CheckItem> {
        if self.there { doctor::points(&self.options).await } else { vec![doctor::not_set_up()] }
    }

    fn forget(&self) {
        let polls = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        polls.values().for_each(|poll| poll.forget());
        let polls = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        polls.values().for_each(|poll| poll.forget());
    }

    async fn machines(&self) -> Listing<Machine> {
        let seen = self.everywhere(None, async |region| {
            let ask = inventory::machines(&self.clients, &self.options.owner, &region);
            let seen = poll(&self.machines, &region).look(ask, is_changing).await?;
            Ok((vec![Arc::clone(&seen)], seen.1.clone()))
        });
        let seen = seen.await;
        let items = seen.items.iter().flat_map(|machines| machines.0.iter().cloned()).collect();
        Listing { items, unseen: seen.unseen, account: seen.account }
    }

    async fn machine(&self, id: &MachineId) -> Result<Option<Machine>> {
        if !id.as_str().starts_with("i-") {
            return Ok(None);
        }
        let listing = self.machines().await;
        let found = listing.items.into_iter().find(|machine| machine.id == *id);
        match (found, listing.unseen.into_iter().next()) {
            (None, Some(unseen)) => Err(unseen.error),
            (found, _) => Ok(found),
        }
    }

    async fn launch(&self, _: &LaunchRequest) -> Result<Machine> {
        Err(not_yet("launch machines"))
    }

    async fn renew(&self, id: &MachineId, _: Lease) -> Result<()> {
        Err(not_yet(&format!("move the lease of `{id}`")))
    }

    async fn terminate(&self, id: &MachineId) -> Result<()> {
        // a machine is ended by a plan, in which its region and its owner stand
        Err(Error::new(ErrorKind::Unsupported, format!("could not end `{id}` without a plan")))
    }

    async fn images(&self) -> Listing<Image> {
        let seen = self.everywhere(None, async |region| {
            let ask = inventory::images(&self.clients, &self.options.owner, &region);
            Ok((vec![poll(&self.images, &region).look(ask, |_| false).await?], None))
        });
        let seen = seen.await;
        let items = seen.items.iter().flat_map(|images| images.iter().cloned()).filter_map(image).collect();
        Listing { items, unseen: seen.unseen, account: seen.account }
    }

    async fn create_image(&self, _: &ImageRequest) -> Result<Image> {
        Err(not_yet("make images"))
    }

    async fn remove_image(&self, name: &ImageName) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, format!("could not remove image `{name}` without a plan")))
    }

    async fn resources(&self, kinds: &[ResourceKind], regions: Option<&[Region]>) -> Listing<Resource> {
        let owner = &self.options.owner;
        if kinds == [ResourceKind::Machine] {
            let seen =
                self.everywhere(regions, async |region| inventory::machines(&self.clients, owner, &region).await);
            let mut seen = seen.await.map(|machine| machine.resource());
            seen.account = self.account_of(seen.account, regions).await;
            return seen;
        }
        if kinds == [ResourceKind::Machine, ResourceKind::Volume] {
            let ask = async |region: Region| inventory::machines_and_volumes(&self.clients, owner, &region).await;
            let mut seen = self.everywhere(regions, ask).await;
            seen.account = self.account_of(seen.account, regions).await;
            return seen;
        }
        let held = self.everywhere(regions, async |region| {
            let held = inventory::region(&self.clients, owner, &region).await?;
            let account = held.account.clone();
            Ok((vec![held], account))
        });
        let Listing { items, mut unseen, account } = held.await;
        let mut used: BTreeMap<String, Vec<ResourceRef>> = BTreeMap::new();
        let mut all = Vec::new();
        for Held { resources, profiles, .. } in items {
            all.extend(resources.into_iter().filter(|resource| kinds.contains(&resource.at.kind)));
            for (name, users) in profiles {
                used.entry(name).or_default().extend(users);
            }
        }
        if self.there && kinds.iter().any(|kind| matches!(kind, ResourceKind::Profile | ResourceKind::Role)) {
            match inventory::identities(&self.clients, owner, &used).await {
                Ok(mut identities) => {
                    // before a profile is removed, all the world is asked who uses it
                    let asked = match regions {
                        Some(regions) => {
                            let seen =
                                |region: &&Region| !unseen.iter().any(|one| one.region.as_ref() == Some(*region));
                            let seen: Vec<Region> = regions.iter().filter(seen).cloned().collect();
                            self.used_elsewhere(&seen, &mut identities).await
                        }
                        None => Ok(()),
                    };
                    unseen.extend(asked.err().map(|error| Unseen { region: None, error }));
                    all.extend(identities.into_iter().filter(|one| kinds.contains(&one.at.kind)));
                }
                Err(error) => unseen.push(Unseen { region: None, error }),
            }
        }
        Listing { items: all, unseen, account: self.account_of(account, regions).await }
    }

    async fn remove(&self, things: &[ResourceRef]) -> Vec<Result<Removed>> {
        let outcomes = remove::remove(&self.clients, things).await;
        self.forget();
        outcomes
    }
}
