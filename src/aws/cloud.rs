//! The provider itself: regions side by side, one that cannot be asked named and not hiding the rest.

use super::client::Clients;
use super::connector::AwsConnector;
use super::convert::Me;
use super::inventory::{self, Held, Made};
use super::launch::{self, LaunchOptions};
use super::machines::{self, Launch, Launches};
use super::poll::Poll;
use super::{bake, doctor, prices, remove, setup, ssm};
use crate::cloud::{
    Cloud, Error, ErrorKind, ImageRequest, LaunchRequest, Listing, PriceAsk, Priced, Removed, Result, Unseen,
};
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
    /// What launches need to know.
    pub launch: LaunchOptions,
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
    images: Mutex<BTreeMap<Region, Arc<Poll<Vec<Made>>>>>,
    all_regions: Poll<Vec<Region>>,
    launches: Launches,
}

fn poll<T>(polls: &Mutex<BTreeMap<Region, Arc<Poll<T>>>>, region: &Region) -> Arc<Poll<T>> {
    let mut polls = polls.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(polls.entry(region.clone()).or_default())
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
            launches: Launches::default(),
        }
    }

    /// Shells for managed machines by Systems Manager, all others by `inner`.
    #[must_use]
    pub fn connector(&self, inner: Arc<dyn Connector>) -> AwsConnector {
        AwsConnector::new(inner, Arc::clone(&self.clients))
    }

    fn me(&self) -> Me<'_> {
        Me { owner: &self.options.owner, key: &self.options.launch.key }
    }

    /// Where machines are launched: the first region that is looked at.
    fn home_region(&self) -> Region {
        match &self.options.regions {
            Regions::These(regions) => regions.first().cloned().unwrap_or_else(Region::usual),
            Regions::All => Region::usual(),
        }
    }

    /// The regions in which a machine of that id may be: where it was seen last, else all that are looked at.
    async fn regions_of(&self, id: &MachineId) -> Result<Vec<Region>> {
        if machines::is_instance(id) {
            let polls: Vec<_> = {
                let polls = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
                polls.iter().map(|(region, poll)| (region.clone(), Arc::clone(poll))).collect()
            };
            for (region, poll) in polls {
                let known = poll.last().await;
                if known.is_some_and(|known| known.0.iter().any(|machine| machine.id == *id)) {
                    return Ok(vec![region]);
                }
            }
        }
        self.regions().await
    }

    /// The machine of that id, and its region.
    async fn find(&self, id: &MachineId) -> Result<Option<(Machine, Region)>> {
        if !self.there {
            return Ok(None);
        }
        let regions = self.regions_of(id).await?;
        let mut found = machines::find(&self.clients, &self.launches, self.me(), &regions, id).await?;
        if found.is_none() && machines::is_instance(id) {
            // hga names machines by their ids alone, wherever it has launched them
            found = self.find_elsewhere(&regions, id).await.unwrap_or_else(|error| {
                // where it should be it was looked for
                tracing::debug!(machine = %id, "not looked for everywhere: {}", crate::diag::chain(&error));
                None
            });
        }
        Ok(found.and_then(|machine| {
            let region = machine.cloud.as_ref()?.region.clone();
            Some((machine, region))
        }))
    }

    async fn find_elsewhere(&self, looked_at: &[Region], id: &MachineId) -> Result<Option<Machine>> {
        let elsewhere = self.other_regions(looked_at).await?;
        machines::find(&self.clients, &self.launches, self.me(), &elsewhere, id).await
    }

    /// The account's regions but these.
    async fn other_regions(&self, looked_at: &[Region]) -> Result<Vec<Region>> {
        let ask = looked_at.first().cloned().unwrap_or_else(|| self.home_region());
        let mut all = inventory::regions(&self.clients, &ask).await?;
        all.retain(|region| !looked_at.contains(region));
        Ok(all)
    }

    async fn must_find(&self, id: &MachineId) -> Result<(Machine, Region)> {
        self.find(id).await?.ok_or_else(|| machines::gone(id))
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
                    all.looked_at.push(region);
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

    /// Ends a machine in the account's other regions. One where we may do nothing holds none of ours.
    async fn end_elsewhere(&self, looked_at: &[Region], id: &MachineId) -> Result<()> {
        let elsewhere = self.other_regions(looked_at).await?;
        let ends = elsewhere.iter().map(async |region| {
            let region = std::slice::from_ref(region);
            machines::end_in(&self.clients, &self.launches, self.me(), region, id).await
        });
        let unseen = join_all(ends).await.into_iter().filter_map(std::result::Result::err);
        unseen.filter(|error| error.kind != ErrorKind::Denied).map(Err).next().unwrap_or(Ok(()))
    }

    /// Notes which machines use profiles in regions that were not looked at: profiles hold in all regions.
    async fn used_elsewhere(&self, looked_at: &[Region], identities: &mut [Resource]) -> Result<()> {
        let profiles =
            identities.iter_mut().filter(|one| one.at.kind == ResourceKind::Profile && one.claim.is_tools());
        let mut profiles: Vec<&mut Resource> = profiles.collect();
        if profiles.is_empty() {
            return Ok(());
        }
        let elsewhere = self.other_regions(looked_at).await?;
        let names: Vec<String> = profiles.iter().map(|profile| profile.at.id.clone()).collect();
        let asked = elsewhere.iter().map(|region| inventory::profile_users(&self.clients, region, &names));
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
fn image((resource, inputs): Made) -> Option<Image> {
    // names may hold spaces and slashes, ids never do
    let name = resource.name.and_then(|name| ImageName::new(name).ok());
    let name = name.or_else(|| ImageName::new(resource.at.id.clone()).ok())?;
    Some(Image {
        name,
        provider: ProviderKind::Aws,
        fingerprint: resource.fingerprint,
        inputs,
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

    fn home(&self) -> Option<Region> {
        Some(self.home_region())
    }

    fn owner(&self) -> Option<String> {
        Some(self.options.owner.clone())
    }

    async fn prices(&self, ask: &PriceAsk) -> Priced {
        if !self.there {
            return Priced::default();
        }
        prices::prices(&self.clients, &self.home_region(), ask).await
    }

    fn missing(&self) -> Option<String> {
        (!self.there).then(|| setup::HOW.to_owned())
    }

    async fn doctor(&self) -> Vec<CheckItem> {
        if self.there { doctor::points(&self.options).await } else { vec![doctor::not_set_up()] }
    }

    fn in_region(&self, region: &Region) -> Option<Arc<dyn Cloud>> {
        if self.home_region() == *region {
            return None;
        }
        let options = AwsOptions { regions: Regions::These(vec![region.clone()]), ..self.options.clone() };
        Some(Arc::new(Self { clients: Arc::clone(&self.clients), ..Self::new(options) }))
    }

    fn forget(&self) {
        let polls = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        polls.values().for_each(|poll| poll.forget());
        let polls = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        polls.values().for_each(|poll| poll.forget());
    }

    async fn machines(&self) -> Listing<Machine> {
        let seen = self.everywhere(None, async |region| {
            let ask = inventory::machines(&self.clients, self.me(), &region);
            let seen = poll(&self.machines, &region).look(ask, is_changing).await?;
            Ok((vec![Arc::clone(&seen)], seen.1.clone()))
        });
        let seen = seen.await;
        let items = seen.items.iter().flat_map(|machines| machines.0.iter().cloned()).collect();
        Listing { items, unseen: seen.unseen, account: seen.account, looked_at: seen.looked_at }
    }

    async fn machine(&self, id: &MachineId) -> Result<Option<Machine>> {
        // no other id is anybody's here, and nobody waits for AWS to be told that a name is mistyped
        if !machines::is_instance(id) && !id.as_str().starts_with("m-") {
            return Ok(None);
        }
        Ok(self.find(id).await?.map(|(machine, _)| machine))
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<Machine> {
        if !self.there {
            return Err(
                Error::new(ErrorKind::Credentials, "there is no AWS account to launch machines in").hint(setup::HOW)
            );
        }
        let asked = &request.machine;
        // one that an earlier process of the job launched
        if let Some((machine, _)) = self.find(asked).await?
            && machine.state.is_alive()
        {
            self.launches.note(asked, Launch::Done(Box::new(machine.clone())));
            return Ok(machine);
        }
        let region = self.home_region();
        self.launches.note(asked, Launch::Asked);
        let launched =
            launch::launch(&self.clients, &self.options.launch, &self.options.owner, &region, request).await;
        self.forget();
        let mut machine = match launched {
            Ok(machine) => machine,
            Err(refused) if refused.twin => {
                let shown = machines::shown_at_last(&self.clients, self.me(), &region, asked).await?;
                shown.ok_or(refused.error)?
            }
            Err(refused) => {
                if refused.surely {
                    self.launches.note(asked, Launch::Refused);
                }
                return Err(refused.error);
            }
        };
        machine.image.clone_from(&request.image);
        self.launches.note(asked, Launch::Done(Box::new(machine.clone())));
        Ok(machine)
    }

    async fn renew(&self, id: &MachineId, lease: Lease) -> Result<()> {
        let (_, region) = self.must_find(id).await?;
        let lease = lease.max(Lease::until(Timestamp::now()));
        machines::note_lease(&self.clients, &region, id, lease).await?;
        self.forget();
        Ok(())
    }

    async fn terminate(&self, id: &MachineId) -> Result<()> {
        if !self.there {
            return Ok(());
        }
        let regions = self.regions_of(id).await?;
        let ended = machines::end(&self.clients, &self.launches, self.me(), &regions, id).await;
        self.forget();
        // a process that launched it may have been told of other regions than this one
        if !ended? && self.launches.of(id).is_none() {
            self.end_elsewhere(&regions, id).await?;
        }
        Ok(())
    }

    async fn why_not_ready(&self, id: &MachineId) -> Option<String> {
        let (machine, region) = self.find(id).await.ok()??;
        machines::why_not_ready(&self.clients, &region, &machine.id).await
    }

    async fn pin_host_keys(&self, id: &MachineId, keys: &[String]) -> Result<()> {
        // where a machine of this process is need not be asked
        let known = self.launches.region_of(id).filter(|_| machines::is_instance(id));
        let region = match known {
            Some(region) => region,
            None => self.must_find(id).await?.1,
        };
        machines::note_host_keys(&self.clients, &region, id, keys).await
    }

    async fn reach_otherwise(&self, id: &MachineId) -> Result<Option<Machine>> {
        let (machine, region) = self.must_find(id).await?;
        if !ssm::is_online(&self.clients, &region, machine.id.as_str()).await? {
            return Ok(None);
        }
        machines::note_ssm(&self.clients, &region, &machine.id).await?;
        self.forget();
        Ok(self.find(id).await?.map(|(machine, _)| machine))
    }

    async fn let_in(&self, id: &MachineId) -> Result<()> {
        let (machine, region) = self.must_find(id).await?;
        if let Some(instance) = machines::instance(&self.clients, &region, &machine.id).await? {
            launch::let_in(&self.clients, &self.options.launch, &self.options.owner, &region, &instance).await?;
        }
        Ok(())
    }

    async fn images(&self) -> Listing<Image> {
        let seen = self.everywhere(None, async |region| {
            let ask = inventory::images(&self.clients, self.me(), &region);
            Ok((vec![poll(&self.images, &region).look(ask, |_| false).await?], None))
        });
        let seen = seen.await;
        let items = seen.items.iter().flat_map(|images| images.iter().cloned()).filter_map(image).collect();
        Listing { items, unseen: seen.unseen, account: seen.account, looked_at: seen.looked_at }
    }

    async fn create_image(&self, request: &ImageRequest) -> Result<Image> {
        let (machine, region) = self.must_find(&request.machine).await?;
        let made = bake::create(&self.clients, self.me(), &region, &machine.id, request).await;
        self.forget();
        image((made?, request.inputs.clone()))
            .ok_or_else(|| Error::new(ErrorKind::Other, "the new image has no name"))
    }

    async fn remove_image(&self, name: &ImageName) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, format!("could not remove image `{name}` without a plan")))
    }

    async fn resources(&self, kinds: &[ResourceKind], regions: Option<&[Region]>) -> Listing<Resource> {
        let me = self.me();
        if kinds == [ResourceKind::Machine] {
            let seen = self.everywhere(regions, async |region| inventory::machines(&self.clients, me, &region).await);
            let mut seen = seen.await.map(|machine| machine.resource());
            seen.account = self.account_of(seen.account, regions).await;
            return seen;
        }
        if kinds == [ResourceKind::Machine, ResourceKind::Volume] {
            let ask = async |region: Region| inventory::machines_and_volumes(&self.clients, me, &region).await;
            let mut seen = self.everywhere(regions, ask).await;
            seen.account = self.account_of(seen.account, regions).await;
            return seen;
        }
        let held = self.everywhere(regions, async |region| {
            let held = inventory::region(&self.clients, me, &region).await?;
            let account = held.account.clone();
            Ok((vec![held], account))
        });
        let Listing { items, mut unseen, account, looked_at } = held.await;
        let mut used: BTreeMap<String, Vec<ResourceRef>> = BTreeMap::new();
        let mut all = Vec::new();
        for Held { resources, profiles, .. } in items {
            all.extend(resources.into_iter().filter(|resource| kinds.contains(&resource.at.kind)));
            for (name, users) in profiles {
                used.entry(name).or_default().extend(users);
            }
        }
        if self.there && kinds.iter().any(|kind| matches!(kind, ResourceKind::Profile | ResourceKind::Role)) {
            match inventory::identities(&self.clients, me, &used).await {
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
        Listing { items: all, unseen, account: self.account_of(account, regions).await, looked_at }
    }

    async fn remove(&self, things: &[ResourceRef]) -> Vec<Result<Removed>> {
        let outcomes = remove::remove(&self.clients, things).await;
        self.forget();
        outcomes
    }
}
