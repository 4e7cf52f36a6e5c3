//! A plan: what ending machines or removing other things would do, to what and why, before any of it is done. Pure; made
//! anew whenever what it was made from changes, and checked item by item against the world before it is carried out.

use super::money::{Ledger, PriceBook, Saving};
use super::{
    Claim, Image, JobId, Machine, MachineId, MachineState, Operation, ProviderKind, Region, Resource, ResourceKind,
    ResourceRef, Timestamp, words,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A job that is under way on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Working {
    /// Which job.
    pub job: JobId,
    /// Whose machine.
    pub provider: ProviderKind,
    /// Which machine.
    pub machine: MachineId,
}

impl Working {
    /// Whether it is on this machine.
    #[must_use]
    pub fn is_on(&self, machine: &Machine) -> bool {
        self.machine == machine.id && self.provider == machine.provider
    }
}

/// What a plan was asked for with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanVerb {
    /// These machines.
    #[default]
    Terminate,
    /// All machines of ours on EC2.
    TerminateEc2,
    /// Everything of ours on EC2 and IAM.
    Purge,
    /// These images, with their snapshots.
    RemoveImages,
    /// These things, of any kind.
    Remove,
}

impl PlanVerb {
    /// The verb, as typed on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terminate => "machines terminate",
            Self::TerminateEc2 => "terminate-ec2-instances",
            Self::Purge => "purge-ec2-resources",
            Self::RemoveImages => "images remove",
            Self::Remove => "resources remove",
        }
    }

    /// Whether it ends machines and touches nothing else.
    #[must_use]
    pub fn only_ends(self) -> bool {
        matches!(self, Self::Terminate | Self::TerminateEc2)
    }

    /// What is typed to confirm it, before the number of things.
    fn word(self) -> &'static str {
        match self {
            Self::Terminate | Self::TerminateEc2 => "terminate",
            Self::Purge => "purge",
            Self::RemoveImages | Self::Remove => "remove",
        }
    }
}

/// Whose things a plan may touch, besides those that nobody is named as the owner of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owners {
    /// Mine.
    #[default]
    Mine,
    /// Mine and those of these others.
    Also(BTreeSet<String>),
    /// Everybody's.
    All,
}

impl Owners {
    fn include(&self, owner: &str) -> bool {
        match self {
            Self::Mine => false,
            Self::Also(owners) => owners.contains(owner),
            Self::All => true,
        }
    }
}

/// A thing that would be ended or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanItem {
    /// Which.
    #[serde(flatten)]
    pub at: ResourceRef,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why it is ours to end, or its owner's.
    pub why: String,
    /// Whose it is where that is somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When it was made, for a machine when it was last started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// A few words of what else there is to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The jobs under way there, which would lose it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobId>,
    /// What its end saves; none where nothing is charged for it, or where nobody has reckoned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saving: Option<Saving>,
}

impl PlanItem {
    /// Whose it is, for people: `ours`, `ben's`.
    #[must_use]
    pub fn whose(&self) -> String {
        self.owner.as_ref().map_or_else(|| "ours".to_owned(), |owner| format!("{owner}'s"))
    }

    /// What it is called: its name where it has one, and its id.
    #[must_use]
    pub fn called(&self) -> String {
        called(&self.at, self.name.as_deref())
    }
}

fn called(at: &ResourceRef, name: Option<&str>) -> String {
    let id = &at.id;
    match name {
        Some(name) if name != id => format!("{} {id} `{name}`", at.kind),
        _ => format!("{} {id}", at.kind),
    }
}

/// Something that was chosen and would be left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// What it is called.
    pub name: String,
    /// Why.
    pub why: String,
}

/// What would be done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What was asked for.
    pub verb: PlanVerb,
    /// The account that the things are in; none for those of this computer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whose things it may touch.
    #[serde(default)]
    pub owners: Owners,
    /// What would be ended, in the order in which that can be done.
    pub items: Vec<PlanItem>,
    /// What would not.
    #[serde(default)]
    pub skipped: Vec<Skipped>,
    /// How many more things were looked at that have nothing to do with us.
    #[serde(default)]
    pub foreign: usize,
    /// Why it is not known which jobs run there, when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// A plan as a file holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPlan {
    /// The version of this form.
    #[serde(rename = "hga-plan")]
    version: u32,
    /// When it was made.
    pub made: Timestamp,
    /// The plan.
    #[serde(flatten)]
    pub plan: Plan,
}

impl SavedPlan {
    const VERSION: u32 = 1;

    /// A plan to save.
    #[must_use]
    pub fn new(plan: Plan, made: Timestamp) -> Self {
        Self { version: Self::VERSION, made, plan }
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong with it, a fragment.
    pub fn read(text: &str) -> Result<Self, String> {
        let json: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match json.get("hga-plan").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(Self::VERSION) => {}
            Some(version) => return Err(format!("it is of version {version}, which this hga does not know")),
            None => return Err("it has no `hga-plan`".to_owned()),
        }
        serde_json::from_value(json).map_err(|error| error.to_string())
    }
}

/// A plan's items, looked at anew just before the act.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// As they were: to be done.
    pub go: Vec<PlanItem>,
    /// Gone, or going by themselves: nothing is left to do.
    pub gone: Vec<PlanItem>,
    /// Not as they were planned, or not to be seen: left alone, with the reason.
    pub refused: Vec<(PlanItem, String)>,
}

/// What is weighed against what.
struct Scales<'a> {
    owners: &'a Owners,
    now: Timestamp,
    /// What goes, so far.
    going: BTreeSet<&'a ResourceRef>,
    /// Whatever ends with a machine.
    parts: Vec<&'a Resource>,
}

impl<'a> Scales<'a> {
    /// `there` is all there is: what is over uses nothing any more, and what ends with a machine speaks for it.
    fn new(owners: &'a Owners, now: Timestamp, there: &'a [Resource]) -> Self {
        let going = there.iter().filter(|one| one.is_over()).map(|one| &one.at).collect();
        let parts = there.iter().filter(|one| one.ends_with.is_some()).collect();
        Self { owners, now, going, parts }
    }

    /// Why a thing stays; none when it goes. Whatever uses others has to be weighed before them.
    fn stays(&mut self, resource: &'a Resource) -> Option<String> {
        let why = self.reason(resource);
        if why.is_none() || resource.is_over() {
            self.going.insert(&resource.at);
        }
        why
    }

    fn reason(&self, resource: &Resource) -> Option<String> {
        match &resource.claim {
            Claim::Ours { .. } => {}
            Claim::OtherOwner { owner, .. } if self.owners.include(owner) => {}
            Claim::OtherOwner { owner, why } => return Some(format!("it is `{owner}`'s: {why}")),
            Claim::Foreign { why: Some(why) } if resource.at.provider == ProviderKind::Hosts => {
                return Some(why.clone());
            }
            Claim::Foreign { why: Some(why) } => return Some(format!("not provably ours: {why}")),
            Claim::Foreign { why: None } => return Some("not ours".to_owned()),
        }
        if let Some(why) = resource.keep.as_ref().and_then(|keep| keep.forbids(self.now)) {
            return Some(why);
        }
        let mut parts = self.parts.iter().filter(|part| part.ends_with.as_ref() == Some(&resource.at));
        let kept = parts.find_map(|part| Some((part, self.must_stay(part)?)));
        if let Some((part, why)) = kept {
            return Some(format!("its {} {} would go with it: {why}", part.at.kind, part.at.id));
        }
        if resource.is_over() {
            let over = resource.state.as_deref() == Some("terminated");
            return Some(if over { "it has ended" } else { "it is ending already" }.to_owned());
        }
        // who launched a machine from an image has a copy of it
        if matches!(resource.at.kind, ResourceKind::Machine | ResourceKind::Image) {
            return None;
        }
        let user = resource.used_by.iter().find(|user| !self.going.contains(user))?;
        Some(format!("{} {} uses it and stays", user.kind, user.id))
    }
}

impl Scales<'_> {
    /// Why a thing has to stay whatever it is a part of: a person said so, or it is somebody else's.
    fn must_stay(&self, part: &Resource) -> Option<String> {
        if let Some(why) = part.keep.as_ref().and_then(|keep| keep.forbids(self.now)) {
            return Some(why);
        }
        match &part.claim {
            Claim::OtherOwner { owner, why } if !self.owners.include(owner) => {
                Some(format!("it is `{owner}`'s: {why}"))
            }
            _ => None,
        }
    }
}

/// What would be done with one thing.
fn item(resource: &Resource, working: &[Working]) -> PlanItem {
    let works_there = |work: &&Working| {
        resource.at.kind == ResourceKind::Machine
            && work.provider == resource.at.provider
            && work.machine.as_str() == resource.at.id
    };
    PlanItem {
        at: resource.at.clone(),
        name: resource.name.clone(),
        state: resource.state.clone(),
        why: resource.claim.why().to_owned(),
        owner: match &resource.claim {
            Claim::OtherOwner { owner, .. } => Some(owner.clone()),
            Claim::Ours { .. } | Claim::Foreign { .. } => None,
        },
        created: resource.created,
        detail: resource.detail.clone(),
        jobs: working.iter().filter(works_there).map(|work| work.job.clone()).collect(),
        saving: None,
    }
}

impl Plan {
    /// What would be done with the chosen ones of these things; all of them when `chosen` says yes to all. `resources`
    /// holds all that is there, so that what is in use can be told from what is not.
    #[must_use]
    pub fn of(
        verb: PlanVerb,
        owners: &Owners,
        resources: &[Resource],
        chosen: impl Fn(&Resource) -> bool,
        working: &[Working],
        now: Timestamp,
    ) -> Self {
        let mut plan = Self { verb, owners: owners.clone(), ..Self::default() };
        let sweeping = matches!(verb, PlanVerb::TerminateEc2 | PlanVerb::Purge);
        let mut scales = Scales::new(owners, now, resources);
        let mut ordered: Vec<&Resource> = resources.iter().filter(|resource| chosen(resource)).collect();
        ordered.sort_by(|a, b| a.at.cmp(&b.at));
        for resource in ordered {
            if resource.ends_with.as_ref().is_some_and(|whole| scales.going.contains(whole)) {
                continue;
            }
            match scales.stays(resource) {
                None => plan.items.push(item(resource, working)),
                // of a whole account's things only those are named that somebody may wonder about
                Some(_) if sweeping && resource.is_over() => {}
                Some(_) if sweeping && resource.claim == (Claim::Foreign { why: None }) => plan.foreign += 1,
                Some(why) => {
                    plan.skipped.push(Skipped { name: called(&resource.at, resource.name.as_deref()), why });
                }
            }
        }
        plan
    }

    /// The same with what each item's end saves. `there` is all that is there.
    #[must_use]
    pub fn priced(mut self, there: &[Resource], ledger: &Ledger, book: &PriceBook, now: Timestamp) -> Self {
        for item in &mut self.items {
            let found = there.iter().find(|found| found.at == item.at);
            item.saving = found.and_then(|found| Saving::of(found, there, ledger, book, now));
        }
        self
    }

    /// What all of it saves; none where nothing is charged for any of it.
    #[must_use]
    pub fn saving(&self) -> Option<Saving> {
        self.items.iter().filter_map(|item| item.saving).reduce(Saving::and)
    }

    /// What ending the chosen machines would do.
    #[must_use]
    pub fn terminate(
        chosen: &[(ProviderKind, MachineId)],
        machines: &[Machine],
        working: &[Working],
        now: Timestamp,
    ) -> Self {
        let there: Vec<Resource> = machines
            .iter()
            .filter(|machine| chosen.iter().any(|(kind, id)| *kind == machine.provider && *id == machine.id))
            .map(Machine::resource)
            .collect();
        let mut plan = Self::of(PlanVerb::Terminate, &Owners::Mine, &there, |_| true, working, now);
        for (provider, id) in chosen {
            if !there.iter().any(|known| known.at.provider == *provider && known.at.id == id.as_str()) {
                plan.skipped.push(Skipped { name: format!("machine {id}"), why: "it is gone".to_owned() });
            }
        }
        plan
    }

    /// Its items as they are now. `there` is all that the places of the items hold now, `failed` the places that could
    /// not be asked (none for what has no region), each with the reason.
    #[must_use]
    pub fn check(
        &self,
        there: &[Resource],
        failed: &[(Option<Region>, String)],
        working: &[Working],
        now: Timestamp,
    ) -> Checked {
        let known: BTreeMap<&ResourceRef, &Resource> = there.iter().map(|known| (&known.at, known)).collect();
        let mut scales = Scales::new(&self.owners, now, there);
        let mut checked = Checked::default();
        for planned in &self.items {
            if let Some((_, why)) = failed.iter().find(|(region, _)| *region == planned.at.region) {
                checked.refused.push((planned.clone(), format!("it could not be looked at again: {why}")));
                continue;
            }
            let Some(found) = known.get(&planned.at).copied() else {
                checked.gone.push(planned.clone());
                continue;
            };
            if found.is_over() {
                scales.stays(found);
                checked.gone.push(planned.clone());
            } else if lost_its_image(planned, found, &known) && scales.must_stay(found).is_none() {
                checked.go.push(planned.clone());
            } else if let Some(why) = changed(planned, &item(found, working)).or_else(|| scales.stays(found)) {
                checked.refused.push((planned.clone(), why));
            } else {
                checked.go.push(planned.clone());
            }
        }
        checked
    }

    /// What is said where the credentials are not known to be those of its account.
    #[must_use]
    pub fn of_another_account(&self, account: Option<&str>) -> String {
        let planned = self.account.as_deref().unwrap_or("of nobody");
        match account {
            Some(account) => format!("the plan is for account {planned}, these credentials are of {account}"),
            None => {
                format!("the plan is for account {planned}, and it could not be told whose these credentials are")
            }
        }
    }

    /// What has to be typed before it is done: nothing for a single thing that is idle.
    #[must_use]
    pub fn demand(&self) -> Option<String> {
        match self.items.as_slice() {
            [] => None,
            [item] if item.jobs.is_empty() && self.unknown.is_none() => None,
            [item] => Some(item.at.id.clone()),
            items => Some(format!("{} {}", self.verb.word(), items.len())),
        }
    }

    /// How many there are of each kind: `3 machines, 1 image`.
    #[must_use]
    pub fn count(&self) -> String {
        let of = |kind| self.items.iter().filter(|item| item.at.kind == kind).count() as u64;
        let counts = ResourceKind::ALL.map(|kind| (kind, of(kind)));
        let told = counts.iter().filter(|(_, count)| *count > 0).map(|(kind, n)| words::count(*n, kind.as_str()));
        told.collect::<Vec<_>>().join(", ")
    }

    /// The operations that do it: one for each provider.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let providers: BTreeSet<ProviderKind> = self.items.iter().map(|item| item.at.provider).collect();
        let one = |provider| {
            let items = self.items.iter().filter(|item| item.at.provider == provider).cloned();
            let account = self.account.clone().filter(|_| provider == ProviderKind::Aws);
            let plan = Self { items: items.collect(), account, ..self.clone() };
            if provider != ProviderKind::Local || self.verb != PlanVerb::Terminate {
                return Operation::Apply { plan: Box::new(plan), wait: false };
            }
            let machines = plan.items.iter().filter_map(|item| MachineId::new(item.at.id.clone()).ok()).collect();
            Operation::Terminate { provider, machines }
        };
        providers.into_iter().map(one).collect()
    }
}

/// Whether a snapshot is as it was planned but for its image, which is gone: an earlier try of the same plan got so far. It
/// says itself what it was made for.
fn lost_its_image(planned: &PlanItem, found: &Resource, known: &BTreeMap<&ResourceRef, &Resource>) -> bool {
    let made_for = |text: &str| text.split_whitespace().find(|word| word.starts_with("ami-")).map(str::to_owned);
    let gone = |image: &String| planned.why.contains(image.as_str()) && !known.keys().any(|at| at.id == *image);
    planned.at.kind == ResourceKind::Snapshot
        && (&planned.name, planned.created, &planned.detail) == (&found.name, found.created, &found.detail)
        && found.used_by.is_empty()
        && found.detail.as_deref().and_then(made_for).is_some_and(|image| gone(&image))
}

/// What about a thing is not as it was planned, in words.
fn changed(planned: &PlanItem, found: &PlanItem) -> Option<String> {
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "not known".to_owned());
    if planned.name != found.name {
        return Some(format!("it was named `{}`, now `{}`", said(&planned.name), said(&found.name)));
    }
    if planned.why != found.why || planned.owner != found.owner {
        let now = if found.why.is_empty() {
            "it is not any more".to_owned()
        } else {
            format!("now by this: {}", found.why)
        };
        return Some(format!("it was ours by this: {}; {now}", planned.why));
    }
    if planned.created != found.created {
        return Some("it was made or started anew since".to_owned());
    }
    if let Some(job) = found.jobs.iter().find(|job| !planned.jobs.contains(job)) {
        return Some(format!("job {job} has begun to work there"));
    }
    let states = (planned.state.as_deref(), found.state.as_deref());
    let same = states.0 == states.1
        || matches!(
            states,
            // what comes by itself
            (Some("pending"), Some("running" | "available" | "completed"))
                | (Some("stopping"), Some("stopped"))
                | (Some("creating" | "in-use"), Some("available"))
        );
    (!same).then(|| format!("it was {}, now {}", said(&planned.state), said(&found.state)))
}

/// The machines that were launched from an image and have not ended.
#[must_use]
pub fn users_of<'a>(image: &Image, machines: &'a [Machine]) -> Vec<&'a Machine> {
    machines
        .iter()
        .filter(|machine| machine.provider == image.provider)
        .filter(|machine| match (&image.id, &machine.cloud) {
            (Some(id), Some(cloud)) => cloud.image_id.as_ref() == Some(id),
            _ => machine.image.as_ref() == Some(&image.name),
        })
        .filter(|machine| machine.state != MachineState::Terminated)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Layout;

    fn machine(id: &str, provider: ProviderKind, state: MachineState) -> Machine {
        Machine {
            id: MachineId::new(id).unwrap(),
            provider,
            state,
            image: None,
            launched: None,
            lease: None,
            job: None,
            endpoint: None,
            layout: Layout::interface(),
            sudo: false,
            cloud: None,
        }
    }

    fn now() -> Timestamp {
        "2026-06-01T12:00:00Z".parse().unwrap()
    }

    fn key(id: &str, provider: ProviderKind) -> (ProviderKind, MachineId) {
        (provider, MachineId::new(id).unwrap())
    }

    #[test]
    fn only_what_is_ours_and_stands_is_ended() {
        use MachineState as S;
        use ProviderKind as P;
        let table = [
            (P::Local, S::Running, None),
            (P::Local, S::Pending, None),
            (P::Local, S::ShuttingDown, Some("it is ending already")),
            (P::Local, S::Terminated, Some("it has ended")),
            (P::Hosts, S::Running, Some("a listed host: not ours to end")),
            (P::Hosts, S::Unreachable, Some("a listed host: not ours to end")),
        ];
        for (provider, state, skipped) in table {
            let plan =
                Plan::terminate(&[key("m-abc234", provider)], &[machine("m-abc234", provider, state)], &[], now());
            assert_eq!(plan.items.is_empty(), skipped.is_some(), "{provider} {state}");
            assert_eq!(plan.skipped.first().map(|skipped| skipped.why.as_str()), skipped, "{provider} {state}");
        }
        // the same name at another provider is another machine
        let plan = Plan::terminate(&[key("box", P::Local)], &[machine("box", P::Hosts, S::Running)], &[], now());
        assert_eq!((plan.items.len(), plan.skipped[0].why.as_str()), (0, "it is gone"));
        assert!(plan.operations().is_empty());
    }

    #[test]
    fn what_matters_has_to_be_typed() {
        use ProviderKind::Local;
        let machines: Vec<Machine> =
            ["m-aaa", "m-bbb", "m-ccc"].map(|id| machine(id, Local, MachineState::Running)).into();
        let busy = Working { job: JobId::new("j-bbb").unwrap(), provider: Local, machine: machines[1].id.clone() };
        let table: [(&[&str], Option<&str>); 4] = [
            (&["m-aaa"], None),
            (&["m-bbb"], Some("m-bbb")),
            (&["m-aaa", "m-bbb"], Some("terminate 2")),
            (&["m-aaa", "gone"], None),
        ];
        for (ids, demand) in table {
            let chosen: Vec<_> = ids.iter().map(|id| key(id, Local)).collect();
            let plan = Plan::terminate(&chosen, &machines, std::slice::from_ref(&busy), now());
            assert_eq!(plan.demand().as_deref(), demand, "{ids:?}");
            assert_eq!(plan.operations().len(), 1, "{ids:?}");
        }
        let plan = Plan::terminate(&[key("m-aaa", Local)], &machines, &[], now());
        let plan = Plan { unknown: Some("locked".to_owned()), ..plan };
        assert_eq!(plan.demand().as_deref(), Some("m-aaa"));
    }

    fn resource(kind: ResourceKind, id: &str, claim: Claim) -> Resource {
        Resource {
            at: ResourceRef { kind, provider: ProviderKind::Aws, region: Some(Region::usual()), id: id.to_owned() },
            name: None,
            state: (kind == ResourceKind::Machine).then(|| "running".to_owned()),
            claim,
            created: Some(now()),
            bytes: None,
            keep: None,
            job: None,
            detail: None,
            fingerprint: None,
            ends_with: None,
            metered: None,
            used_by: Vec::new(),
        }
    }

    fn ours() -> Claim {
        Claim::Ours { why: "tagged".to_owned() }
    }

    fn bens() -> Claim {
        Claim::OtherOwner { owner: "ben".to_owned(), why: "tagged hg-owner=ben".to_owned() }
    }

    fn purge(owners: &Owners, there: &[Resource]) -> Plan {
        Plan::of(PlanVerb::Purge, owners, there, |_| true, &[], now())
    }

    fn ids(plan: &Plan) -> Vec<&str> {
        plan.items.iter().map(|item| item.at.id.as_str()).collect()
    }

    #[test]
    fn a_sweep_takes_what_is_ours_in_the_order_in_which_it_can_go() {
        use ResourceKind as K;
        let (a, b) = (resource(K::Machine, "i-a", ours()), resource(K::Machine, "i-b", bens()));
        let group = Resource { used_by: vec![a.at.clone()], ..resource(K::Group, "sg-1", ours()) };
        let shared = Resource { used_by: vec![a.at.clone(), b.at.clone()], ..resource(K::Group, "sg-2", ours()) };
        let image = Resource { used_by: vec![b.at.clone()], ..resource(K::Image, "ami-1", ours()) };
        let snapshot = Resource { used_by: vec![image.at.clone()], ..resource(K::Snapshot, "snap-1", ours()) };
        let with = |at: &ResourceRef| Resource {
            ends_with: Some(at.clone()),
            used_by: vec![at.clone()],
            ..resource(K::Volume, "vol-1", ours())
        };
        let disks =
            [with(&a.at), Resource { at: ResourceRef { id: "vol-2".into(), ..with(&b.at).at }, ..with(&b.at) }];
        let keep = Some(super::super::Keep::Unclear("soon".to_owned()));
        let kept = Resource { keep, ..resource(K::Machine, "i-k", ours()) };
        let over = Resource { state: Some("terminated".to_owned()), ..resource(K::Machine, "i-o", ours()) };
        let alike = resource(K::Machine, "i-x", Claim::Foreign { why: Some("`HG-x`".to_owned()) });
        let foreign = resource(K::Machine, "i-f", Claim::Foreign { why: None });
        let [goes_with_a, stays_with_b] = disks;
        let there = [goes_with_a, stays_with_b, group, shared, snapshot, image, a, b, kept, over, alike, foreign];
        let plan = purge(&Owners::Mine, &there);
        assert_eq!(ids(&plan), ["i-a", "ami-1", "snap-1", "sg-1"]);
        let skipped: Vec<String> =
            plan.skipped.iter().map(|skipped| format!("{}: {}", skipped.name, skipped.why)).collect();
        assert_eq!(
            skipped,
            [
                "machine i-b: it is `ben`'s: tagged hg-owner=ben",
                "machine i-k: kept by its tag `hg-keep-until`, whose value `soon` is no date",
                "machine i-x: not provably ours: `HG-x`",
                "volume vol-2: machine i-b uses it and stays",
                "group sg-2: machine i-b uses it and stays",
            ]
        );
        assert_eq!(plan.foreign, 1);
        assert_eq!(plan.demand().as_deref(), Some("purge 4"));
        assert_eq!(plan.count(), "1 machine, 1 image, 1 snapshot, 1 group");
        // on explicit request another owner's too; a kept thing never
        for owners in [Owners::All, Owners::Also(["ben".to_owned()].into())] {
            assert_eq!(ids(&purge(&owners, &there)), ["i-a", "i-b", "ami-1", "snap-1", "sg-1", "sg-2"]);
        }
        assert_eq!(ids(&purge(&Owners::Also(["eve".to_owned()].into()), &there)).len(), 4);
    }

    #[test]
    fn each_item_says_what_its_end_saves_and_nothing_is_counted_twice() {
        use super::super::money::{Ledger, PriceBook};
        use ResourceKind as K;
        let gib = 1u64 << 30;
        let metered = super::super::Metered { addresses: 1, ..Default::default() };
        let on_ec2 = |id: &str, kind: &str, state: &str| Resource {
            detail: Some(kind.to_owned()),
            metered: Some(metered.clone()),
            state: Some(state.to_owned()),
            ..resource(K::Machine, id, ours())
        };
        let (runs, stands) = (on_ec2("i-1", "c5.9xlarge", "running"), on_ec2("i-2", "c5.9xlarge", "stopped"));
        let odd = on_ec2("i-3", "zz9.plural", "running");
        let disk = |id: &str, of: &Resource| Resource {
            bytes: Some(20 * gib),
            ends_with: Some(of.at.clone()),
            ..resource(K::Volume, id, ours())
        };
        let disks = [disk("vol-1", &runs), disk("vol-2", &stands)];
        let lone = Resource { bytes: Some(5 * gib), ..resource(K::Volume, "vol-3", ours()) };
        let image = Resource { bytes: Some(12 * gib), ..resource(K::Image, "ami-1", ours()) };
        let of_image = Resource {
            bytes: Some(12 * gib),
            used_by: vec![image.at.clone()],
            ..resource(K::Snapshot, "snap-1", ours())
        };
        let [first, second] = disks;
        let there = [runs, stands, odd, first, second, lone, image, of_image, resource(K::Group, "sg-1", ours())];
        let plan = purge(&Owners::Mine, &there).priced(&there, &Ledger::default(), PriceBook::bundled(), now());
        let said: Vec<(&str, String)> = plan
            .items
            .iter()
            .map(|item| (item.at.id.as_str(), item.saving.map_or_else(|| "-".to_owned(), |saving| saving.words())))
            .collect();
        // a machine takes its address and its volume along; 20 GB are $1.60 a month
        let expected = [
            ("i-1", "ends $1.54/h"),
            ("i-2", "saves $1.60 a month"),
            ("i-3", "its price is unknown"),
            ("ami-1", "saves ≤ $0.60 a month"),
            ("snap-1", "-"),
            ("vol-3", "saves $0.40 a month"),
            ("sg-1", "-"),
        ];
        assert_eq!(said.iter().map(|(id, said)| (*id, said.as_str())).collect::<Vec<_>>(), expected);
        let all = plan.saving().unwrap().words();
        assert_eq!(all, "ends $1.54/h, saves ≤ $2.60 a month, 1 price is unknown and comes on top");
        let local = Plan::terminate(
            &[key("m-abc234", ProviderKind::Local)],
            &[machine("m-abc234", ProviderKind::Local, MachineState::Running)],
            &[],
            now(),
        );
        assert_eq!(local.saving(), None);
    }

    #[test]
    fn what_changed_since_is_left_alone() {
        use ResourceKind as K;
        let before = resource(K::Machine, "i-a", ours());
        let state = |state: &str| Resource { state: Some(state.to_owned()), ..before.clone() };
        let later = Some(now() + jiff::SignedDuration::from_secs(1));
        let keep = Some(super::super::Keep::Unclear(String::new()));
        let table: [(&str, Option<Resource>, Result<bool, &str>); 12] = [
            ("the same", Some(before.clone()), Ok(true)),
            ("gone", None, Ok(false)),
            ("ending", Some(state("shutting-down")), Ok(false)),
            ("ended", Some(state("terminated")), Ok(false)),
            ("stopped", Some(state("stopped")), Err("it was running, now stopped")),
            ("started anew", Some(Resource { created: later, ..before.clone() }), Err("anew")),
            ("named", Some(Resource { name: Some("db".into()), ..before.clone() }), Err("now `db`")),
            (
                "another owner's",
                Some(Resource { claim: bens(), ..before.clone() }),
                Err("now by this: tagged hg-owner=ben"),
            ),
            (
                "foreign",
                Some(Resource { claim: Claim::Foreign { why: None }, ..before.clone() }),
                Err("it is not any more"),
            ),
            (
                "by another reason",
                Some(Resource { claim: Claim::Ours { why: "x".into() }, ..before.clone() }),
                Err("ours by"),
            ),
            ("kept", Some(Resource { keep, ..before.clone() }), Err("kept")),
            (
                "elsewhere",
                Some(Resource { at: ResourceRef { region: None, ..before.at.clone() }, ..before.clone() }),
                Ok(false),
            ),
        ];
        let plan = purge(&Owners::Mine, std::slice::from_ref(&before));
        for (what, found, expected) in table {
            let there: Vec<Resource> = found.into_iter().collect();
            let checked = plan.check(&there, &[], &[], now());
            match expected {
                Ok(go) => {
                    assert_eq!((checked.go.len(), checked.gone.len()), (usize::from(go), usize::from(!go)), "{what}");
                }
                Err(why) => assert!(checked.refused[0].1.contains(why), "{what}: {:?}", checked.refused),
            }
            assert_eq!(checked.go.len() + checked.gone.len() + checked.refused.len(), 1, "{what}");
        }
        // pending to running comes by itself; the other way round does not
        let young = purge(&Owners::Mine, &[state("pending")]);
        assert_eq!(young.check(std::slice::from_ref(&before), &[], &[], now()).go.len(), 1);
        // a place that does not answer: nothing is known, so nothing is done
        let failed = [(Some(Region::usual()), "no answer".to_owned())];
        let checked = plan.check(&[], &failed, &[], now());
        assert_eq!((checked.go.len(), checked.gone.len(), checked.refused.len()), (0, 0, 1));
        let job = JobId::new("j-abc234").unwrap();
        let work = Working { job, provider: ProviderKind::Aws, machine: MachineId::new("i-a").unwrap() };
        let checked = plan.check(std::slice::from_ref(&before), &[], &[work], now());
        assert!(checked.refused[0].1.contains("j-abc234"));
    }

    #[test]
    fn a_saved_plan_comes_back_and_nothing_else_does() {
        let plan = purge(&Owners::All, &[resource(ResourceKind::Machine, "i-a", ours())]);
        let saved = SavedPlan::new(Plan { account: Some("123456789012".to_owned()), ..plan }, now());
        let text = serde_json::to_string_pretty(&saved).unwrap();
        assert_eq!(SavedPlan::read(&text), Ok(saved.clone()));
        // as one that an older version saved it says nothing of money
        assert!(!text.contains("saving"), "{text}");
        let mut dear = saved;
        let saving = Saving { hourly: "1.53".parse().unwrap(), ..Saving::default() };
        dear.plan.items[0].saving = Some(saving);
        assert_eq!(SavedPlan::read(&serde_json::to_string(&dear).unwrap()), Ok(dear));
        for (text, why) in [
            ("", "EOF"),
            ("[]", "no `hga-plan`"),
            ("{\"items\":[]}", "no `hga-plan`"),
            (&text.replace("\"hga-plan\": 1", "\"hga-plan\": 2"), "version 2"),
            (&text.replace("us-west-2", "US WEST"), "no region"),
            (&text.replace("\"machine\"", "\"moon\""), "moon"),
        ] {
            let told = SavedPlan::read(text).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }
}
