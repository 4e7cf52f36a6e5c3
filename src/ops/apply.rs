//! Carrying a plan out: everything is looked at anew, what is as it was planned goes, in the order in which that can be done,
//! and what could not go is named. Ending is told when it costs nothing any more; whoever wants to wait for more says so.

use super::world::World;
use crate::cloud::{Cloud, Error, ErrorKind, Listing, Removed};
use crate::diag::chain;
use crate::domain::{
    CancelLevel, Checked, Phase, Plan, PlanItem, ProviderKind, Region, Resource, ResourceKind, ResourceRef,
    Timestamp, WorkVerdict, words,
};
use crate::engine::retry::Schedule;
use crate::engine::{Failure, FinaliserId, JobContext};
use crate::event::{EventKind, Unit};
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long something may be in use after the last machine that was going has gone: what used it lets go a moment later.
const IN_USE: Schedule =
    Schedule { first: Duration::from_millis(400), cap: Duration::from_secs(5), max_elapsed: Duration::from_secs(20) };
/// How long machines that are going are waited for by what they use: a large one may take twenty minutes.
const GOING: Duration = Duration::from_secs(30 * 60);
/// How long calls that were throttled or not answered are tried again, beyond the provider's own tries.
const AGAIN: Schedule = Schedule {
    first: Duration::from_millis(500),
    cap: Duration::from_secs(10),
    max_elapsed: Duration::from_secs(120),
};
/// How often it is looked whether machines are gone.
const LOOK: Schedule = Schedule {
    first: Duration::from_millis(250),
    cap: Duration::from_secs(5),
    max_elapsed: Duration::from_secs(30 * 60),
};

/// So many machines of a place are ended at a time: a few calls.
const MACHINES: usize = 500;
/// So many other things: each is a call of its own, and a job that is told to stop should not go on for long.
const OTHERS: usize = 16;

/// What is done together: one kind in one place.
type Batch = (ResourceKind, Option<Region>, Vec<ResourceRef>);

/// Carries a plan out.
///
/// # Errors
/// When events cannot be written, or the job is told to stop. What could not be removed is no error but remains.
pub async fn apply(ctx: JobContext, world: World, plan: Plan, wait: bool) -> Result<WorkVerdict, Failure> {
    let provider = plan.items.first().map_or(ProviderKind::Aws, |item| item.at.provider);
    let cloud = world.cloud(provider)?;
    let mut work = Work::new(&ctx, &*cloud, &plan.items);
    let unseen = work.name_what_is_cut_off();
    let checked = ctx.until_stopped(ctx.phase(Phase::Check, check(&ctx, &*cloud, &plan))).await??;
    work.total = checked.go.len() as u64;
    work.outstanding().retain(|thing| checked.gone.iter().all(|item| item.at != *thing));
    for (item, why) in &checked.refused {
        work.left(&item.at, why).await?;
    }
    if checked.go.is_empty() {
        ctx.disarm(unseen);
        if checked.refused.is_empty() {
            ctx.note("nothing to do: all of it is gone already").await?;
        }
        return Ok(WorkVerdict::Nothing);
    }
    let done = ctx.phase(Phase::End, work.all(&checked.go, wait)).await;
    if work.outstanding().is_empty() {
        ctx.disarm(unseen);
    }
    done.map(|()| WorkVerdict::Done)
}

/// Carries a plan out as a part of something else, which has a phase of its own under way.
pub(super) async fn remove(ctx: &JobContext, cloud: &dyn Cloud, plan: &Plan) -> Result<(), Failure> {
    let mut work = Work::new(ctx, cloud, &plan.items);
    let unseen = work.name_what_is_cut_off();
    let checked = check(ctx, cloud, plan).await?;
    work.outstanding().retain(|thing| checked.gone.iter().all(|item| item.at != *thing));
    for (item, why) in &checked.refused {
        work.left(&item.at, why).await?;
    }
    work.total = checked.go.len() as u64;
    let done = work.all(&checked.go, false).await;
    if work.outstanding().is_empty() {
        ctx.disarm(unseen);
    }
    done
}

/// Everything anew, and what has become of each item.
async fn check(ctx: &JobContext, cloud: &dyn Cloud, plan: &Plan) -> Result<Checked, Failure> {
    if let Some(how) = cloud.missing() {
        // nothing is asked then, and what was not looked at is not gone
        let provider = cloud.provider();
        return Err(Failure::new(format!("provider `{provider}` is not set up here")).hint(how));
    }
    let regions = regions(plan.items.iter().map(|item| item.at.region.as_ref()));
    let kinds: BTreeSet<ResourceKind> = plan.items.iter().map(|item| item.at.kind).collect();
    let only_machines = kinds.iter().all(|kind| *kind == ResourceKind::Machine);
    let kinds: &[ResourceKind] =
        if only_machines { &[ResourceKind::Machine, ResourceKind::Volume] } else { &ResourceKind::ALL };
    let there = cloud.resources(kinds, Some(&regions)).await;
    let told = there.account.is_some() || there.unseen.is_empty();
    if plan.account.is_some() && there.account != plan.account && told {
        return Err(Failure::new(plan.of_another_account(there.account.as_deref()))
            .hint("`AWS_PROFILE` picks the account; or make the plan anew"));
    }
    let failed: Vec<(Option<Region>, String)> =
        there.unseen.iter().map(|unseen| (unseen.region.clone(), chain(&unseen.error))).collect();
    let checked = plan.check(&there.items, &failed, &[], Timestamp::now());
    if !checked.gone.is_empty() {
        ctx.note(format!("{} of {} gone already", checked.gone.len(), plan.items.len())).await?;
    }
    Ok(checked)
}

/// The regions among these places, each once.
fn regions<'a>(places: impl Iterator<Item = Option<&'a Region>>) -> Vec<Region> {
    let regions: BTreeSet<Region> = places.flatten().cloned().collect();
    regions.into_iter().collect()
}

/// The items of a plan, kind by kind, so many of each place at a time.
fn rounds(items: &[PlanItem]) -> Vec<Vec<Batch>> {
    let mut places: BTreeMap<ResourceKind, BTreeMap<Option<Region>, Vec<ResourceRef>>> = BTreeMap::new();
    for item in items {
        places.entry(item.at.kind).or_default().entry(item.at.region.clone()).or_default().push(item.at.clone());
    }
    let mut rounds = Vec::new();
    for (kind, places) in places {
        let size = if kind == ResourceKind::Machine { MACHINES } else { OTHERS };
        let first = rounds.len();
        for (region, things) in places {
            for (place, chunk) in things.chunks(size).enumerate() {
                if rounds.len() == first + place {
                    rounds.push(Vec::new());
                }
                rounds[first + place].push((kind, region.clone(), chunk.to_vec()));
            }
        }
    }
    rounds
}

/// The work under way.
struct Work<'a> {
    ctx: &'a JobContext,
    cloud: &'a dyn Cloud,
    total: u64,
    done: u64,
    /// What has neither gone nor been told to be left.
    outstanding: Arc<Mutex<BTreeSet<ResourceRef>>>,
}

impl<'a> Work<'a> {
    fn new(ctx: &'a JobContext, cloud: &'a dyn Cloud, items: &[PlanItem]) -> Self {
        let outstanding = items.iter().map(|item| item.at.clone()).collect();
        Self { ctx, cloud, total: items.len() as u64, done: 0, outstanding: Arc::new(Mutex::new(outstanding)) }
    }

    fn outstanding(&self) -> MutexGuard<'_, BTreeSet<ResourceRef>> {
        self.outstanding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// However the job is cut short, what it had not seen to go is named.
    fn name_what_is_cut_off(&self) -> FinaliserId {
        let outstanding = Arc::clone(&self.outstanding);
        self.ctx.finaliser("what the plan names", move || {
            Box::pin(async move {
                let outstanding = outstanding.lock().unwrap_or_else(PoisonError::into_inner);
                let names: Vec<String> = outstanding.iter().map(ToString::to_string).collect();
                if names.is_empty() {
                    return Ok(());
                }
                Err(format!("the job was cut short before this was seen to go: {}", names.join(", ")))
            })
        })
    }

    /// Kind by kind: what uses others goes first. A job that is told to stop does so between two rounds, and names the rest.
    async fn all(&mut self, items: &[PlanItem], wait: bool) -> Result<(), Failure> {
        let mut left: VecDeque<Vec<Batch>> = rounds(items).into();
        let mut going = Vec::new();
        while let Some(round) = left.pop_front() {
            let done = if self.ctx.level() == CancelLevel::None {
                self.round(round, &mut going).await
            } else {
                left.push_front(round);
                Err(Failure::Interrupted)
            };
            if let Err(failure) = done {
                for (_, _, things) in left.into_iter().flatten() {
                    for thing in &things {
                        self.left(thing, "the job was stopped before it").await?;
                    }
                }
                return Err(failure);
            }
        }
        if wait && !going.is_empty() { self.gone(going).await } else { Ok(()) }
    }

    /// Removes things of one kind, all places side by side; what is in use is tried again until what uses it has gone.
    async fn round(&mut self, mut batches: Vec<Batch>, going: &mut Vec<ResourceRef>) -> Result<(), Failure> {
        let start = Instant::now();
        let mut rest = start;
        let mut tries = 0_u32;
        loop {
            tries += 1;
            let things = |batches: &[Batch]| batches.iter().flat_map(|batch| batch.2.clone()).collect::<Vec<_>>();
            if tries == 1 {
                self.ctx.emit(EventKind::Removing { things: things(&batches) }).await?;
            }
            let outcomes = join_all(batches.iter().map(|(_, _, things)| self.cloud.remove(things))).await;
            let mut removed = Vec::new();
            let mut again: Vec<(Batch, Vec<Error>)> = Vec::new();
            for ((kind, region, things), outcomes) in batches.into_iter().zip(outcomes) {
                let mut retry = Vec::new();
                let mut errors = Vec::new();
                for (thing, outcome) in things.into_iter().zip(outcomes) {
                    match outcome {
                        Ok(how) => {
                            if how == Removed::Going {
                                going.push(thing.clone());
                            }
                            removed.push(thing);
                        }
                        Err(error) if pause(error.kind, tries, rest.elapsed(), 0.0).is_some() => {
                            retry.push(thing);
                            errors.push(error);
                        }
                        Err(error) => self.left(&thing, &told(&error)).await?,
                    }
                }
                if !retry.is_empty() {
                    again.push(((kind, region, retry), errors));
                }
            }
            if !removed.is_empty() {
                self.done += removed.len() as u64;
                self.outstanding().retain(|thing| !removed.contains(thing));
                self.ctx.emit(EventKind::Removed { things: removed }).await?;
                self.ctx.progress(Phase::End, self.done, self.total, Unit::Steps);
            }
            let Some(error) = again.iter().flat_map(|(_, errors)| errors).next() else { return Ok(()) };
            if tries == 1 {
                let count = again.iter().map(|(batch, _)| batch.2.len() as u64).sum();
                let what = words::count(count, "thing");
                self.ctx.note(format!("{what} to be tried again: {}", chain(error))).await?;
            }
            let pause = again.iter().flat_map(|(_, errors)| errors);
            let pause = pause.filter_map(|error| pause_of(error, tries, rest.elapsed())).min();
            let in_use = again.iter().flat_map(|(_, errors)| errors).any(|error| error.kind == ErrorKind::InUse);
            let waited = self.ctx.until_stopped(async {
                tokio::time::sleep(pause.unwrap_or(AGAIN.first)).await;
                // what a machine uses stays in use for as long as it takes to go
                if in_use && start.elapsed() < GOING && self.some_are_going(&again).await {
                    rest = Instant::now();
                }
            });
            if let Err(failure) = waited.await {
                for ((_, _, things), errors) in again {
                    for (thing, error) in things.iter().zip(&errors) {
                        self.left(thing, &format!("the job was stopped while trying again: {}", told(error))).await?;
                    }
                }
                return Err(failure);
            }
            batches = again.into_iter().map(|(batch, _)| batch).collect();
        }
    }

    /// Whether machines are going where these things are, so that they may be in use for a while yet.
    async fn some_are_going(&self, things: &[(Batch, Vec<Error>)]) -> bool {
        let regions = regions(things.iter().map(|((_, region, _), _)| region.as_ref()));
        let there = self.cloud.resources(&[ResourceKind::Machine], Some(&regions)).await;
        there
            .items
            .iter()
            .any(|machine| machine.state.as_deref() == Some("shutting-down") && machine.claim.is_tools())
    }

    /// Waits until machines that are going have gone.
    async fn gone(&self, mut going: Vec<ResourceRef>) -> Result<(), Failure> {
        let regions = regions(going.iter().map(|thing| thing.region.as_ref()));
        let start = Instant::now();
        self.ctx.note(format!("waiting until {} gone", are(going.len()))).await?;
        for tries in 1_u32.. {
            let there: Listing<Resource> =
                self.ctx.until_stopped(self.cloud.resources(&[ResourceKind::Machine], Some(&regions))).await?;
            let refused = there
                .unseen
                .iter()
                .find(|unseen| matches!(unseen.error.kind, ErrorKind::Credentials | ErrorKind::Denied));
            if let Some(refused) = refused {
                let why =
                    format!("it is ending; whether it has ended could not be looked at: {}", told(&refused.error));
                for thing in going.iter().filter(|thing| thing.region == refused.region) {
                    self.left(thing, &why).await?;
                }
                going.retain(|thing| thing.region != refused.region);
            }
            going.retain(|thing| {
                let unseen = there.unseen.iter().any(|unseen| unseen.region == thing.region);
                let found = there.items.iter().find(|found| found.at == *thing);
                unseen || found.is_some_and(|found| found.state.as_deref() != Some("terminated"))
            });
            if going.is_empty() {
                break;
            }
            // half of the longest pause at least: there is no crowd to be spread out
            let pause = LOOK.pause(tries, start.elapsed(), 1.0);
            let Some(pause) = pause else {
                for thing in &going {
                    self.left(
                        thing,
                        "it is ending, but was not seen to end within half an hour; it costs nothing any more",
                    )
                    .await?;
                }
                break;
            };
            self.ctx.until_stopped(tokio::time::sleep(pause)).await?;
        }
        Ok(())
    }

    async fn left(&self, thing: &ResourceRef, why: &str) -> Result<(), Failure> {
        self.outstanding().remove(thing);
        self.ctx.remains(thing.to_string(), why);
        self.ctx.emit(EventKind::Left { thing: thing.clone(), why: crate::diag::redact(why) }).await
    }
}

fn are(count: usize) -> String {
    if count == 1 { "1 machine is".to_owned() } else { format!("{count} machines are") }
}

/// An error with the first thing that can be done about it.
fn told(error: &Error) -> String {
    match error.hints.first() {
        Some(hint) => format!("{} ({hint})", chain(error)),
        None => chain(error),
    }
}

/// After which pause something is tried again; none when it is not.
fn pause(kind: ErrorKind, tries: u32, elapsed: Duration, random: f64) -> Option<Duration> {
    match kind {
        ErrorKind::InUse => IN_USE.pause(tries, elapsed, random),
        ErrorKind::Throttled | ErrorKind::Unreachable => AGAIN.pause(tries, elapsed, random),
        _ => None,
    }
}

fn pause_of(error: &Error, tries: u32, elapsed: Duration) -> Option<Duration> {
    pause(error.kind, tries, elapsed, 0.5 + rand::random::<f64>() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_go_one_after_the_other_and_places_side_by_side() {
        let item = |kind, region: &str, n: usize| PlanItem {
            at: ResourceRef {
                kind,
                provider: ProviderKind::Aws,
                region: Region::new(region).ok(),
                id: format!("{region}-{n}"),
            },
            name: None,
            state: None,
            why: String::new(),
            owner: None,
            created: None,
            detail: None,
            jobs: Vec::new(),
            saving: None,
        };
        let mut items: Vec<PlanItem> = (0..20).map(|n| item(ResourceKind::Volume, "eu-west-1", n)).collect();
        items.push(item(ResourceKind::Volume, "us-west-2", 0));
        items.push(item(ResourceKind::Machine, "us-west-2", 1));
        let told: Vec<Vec<(ResourceKind, usize)>> = rounds(&items)
            .into_iter()
            .map(|round| round.into_iter().map(|(kind, _, things)| (kind, things.len())).collect())
            .collect();
        let (machine, volume) = (ResourceKind::Machine, ResourceKind::Volume);
        assert_eq!(told, [vec![(machine, 1)], vec![(volume, 16), (volume, 1)], vec![(volume, 4)]]);
        assert!(rounds(&[]).is_empty());
    }

    #[test]
    fn what_may_pass_is_tried_again_and_nothing_else() {
        let (soon, late) = (Duration::from_secs(1), Duration::from_secs(3600));
        for (kind, again) in [
            (ErrorKind::InUse, true),
            (ErrorKind::Throttled, true),
            (ErrorKind::Unreachable, true),
            (ErrorKind::Credentials, false),
            (ErrorKind::Denied, false),
            (ErrorKind::Conflict, false),
            (ErrorKind::Other, false),
        ] {
            assert_eq!(pause(kind, 1, soon, 1.0).is_some(), again, "{kind:?}");
            assert_eq!(pause(kind, 9, late, 1.0), None, "{kind:?}");
        }
    }
}
