//! What a look at a provider tells that the ledger does not know yet: machines that others launched, that were stopped or
//! started, that have ended by themselves, and those that are gone.

use super::PriceBook;
use super::ledger::{Bill, Labels, Ledger, LedgerEntry, Run, gb};
use crate::domain::{
    Claim, Machine, MachineState, ProviderKind, Region, Resource, ResourceKind, ResourceRef, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What was launched so short a time ago may not be listed yet.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// A lease that was moved by less is not entered anew.
const MOVED: Duration = Duration::from_secs(60);
/// A snapshot that was made so close to an image is taken to be of it.
const MADE_WITH_IMAGE: Duration = Duration::from_secs(60 * 60);
/// A volume that was made so close to a machine's launch is taken to be of it.
const MADE_WITH_MACHINE: Duration = Duration::from_secs(5 * 60);

/// Who looks, and where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looker<'a> {
    /// Whose things are ours.
    pub owner: Option<&'a str>,
    /// In which account; none where that is not known.
    pub account: Option<&'a str>,
}

/// Whose a thing of the tool's is, as its claim tells.
fn labels(claim: &Claim, who: Looker<'_>) -> Labels {
    let owner = match claim {
        Claim::Ours { .. } => who.owner.map(str::to_owned),
        Claim::OtherOwner { owner, .. } => Some(owner.clone()),
        Claim::Foreign { .. } => None,
    };
    Labels { owner, account: who.account.map(str::to_owned), ..Labels::default() }
}

/// What a list of a cloud's machines tells. `looked_at` are the regions that were looked at with success: what is not listed
/// there is gone.
#[must_use]
pub fn observe_machines(
    ledger: &Ledger,
    book: &PriceBook,
    machines: &[Machine],
    looked_at: &[Region],
    who: Looker<'_>,
    now: Timestamp,
) -> Vec<LedgerEntry> {
    let mut entries = Vec::new();
    let mut seen = BTreeSet::new();
    for machine in machines {
        let Some(cloud) = machine.cloud.as_deref() else { continue };
        let thing = machine.resource().at;
        // one whose tags were taken away is there all the same
        seen.insert(thing.id.clone());
        if !cloud.claim.is_tools() {
            continue;
        }
        let run = ledger.run(&thing);
        let changed = cloud.metered.changed.filter(|at| *at <= now);
        let launched = machine.launched.unwrap_or(now).min(now);
        let labels = Labels { job: machine.job.clone(), ..labels(&cloud.claim, who) };
        let lease = machine.lease.map(crate::domain::Lease::ends);
        let open = |at| LedgerEntry::Opened {
            thing: thing.clone(),
            at,
            bill: Bill::of(book, machine),
            labels: labels.clone(),
            lease,
        };
        match machine.state {
            MachineState::Pending | MachineState::Running => match run {
                None => entries.push(open(launched)),
                // it was thought to be gone
                Some(run) if run.bound => entries.push(open(launched)),
                // it was ended a moment ago, and the list does not know yet
                Some(run) if !run.is_open() => {}
                // started again: it is launched anew, as EC2 says
                Some(run) if !run.is_running() => {
                    // one that is launched no later than it was stopped is a list that does not know yet
                    if run.stretches.last().and_then(|last| last.to).is_none_or(|stopped| launched > stopped) {
                        entries.push(open(launched));
                    }
                }
                Some(run) if is_poorer(run, machine, who) => entries.push(open(launched)),
                Some(run) => {
                    entries.extend(moved(run, lease).map(|ends| LedgerEntry::Lease { thing: thing.clone(), ends }));
                }
            },
            MachineState::Stopping | MachineState::Stopped => {
                let thought_gone = run.is_some_and(|run| run.bound);
                if run.is_none() || thought_gone {
                    entries.push(open(launched));
                }
                if run.is_none_or(Run::is_running) || thought_gone {
                    let started =
                        run.and_then(|run| run.stretches.last()).map_or(launched, |last| last.from.max(launched));
                    // two clocks: it was not stopped before it was started
                    let at =
                        changed.unwrap_or(now).max(started.checked_add(Duration::from_nanos(1)).unwrap_or(started));
                    entries.push(LedgerEntry::Stopped { thing: thing.clone(), at });
                }
            }
            MachineState::ShuttingDown | MachineState::Terminated => {
                let over = run.is_some_and(|run| !run.is_open() && !run.bound);
                if over {
                    continue;
                }
                let (at, bound) = match changed {
                    Some(at) => (at, false),
                    None => (gone(run, now), true),
                };
                // one that was thought to be gone before that was there until then
                if run.is_none_or(|run| !bound && run.ended.is_some_and(|ended| ended < at)) {
                    entries.push(open(launched));
                }
                // bounded once is enough
                if !(bound && run.is_some_and(|run| run.bound)) {
                    entries.push(LedgerEntry::Ended { thing: thing.clone(), at, bound });
                }
            }
            MachineState::Unreachable => {}
        }
    }
    let missed = missing(ledger, &[ResourceKind::Machine], looked_at, &seen, who, now);
    entries.extend(missed.map(|run| LedgerEntry::Ended {
        thing: run.thing.clone(),
        at: gone(Some(run), now),
        bound: true,
    }));
    entries
}

/// What a list of everything tells of images, of snapshots that belong to none and of volumes: those that end with a machine
/// are charged as the machine's. Without any region in `looked_at` only what is there is told, not what is gone.
#[must_use]
pub fn observe_stored(
    ledger: &Ledger,
    book: &PriceBook,
    things: &[Resource],
    looked_at: &[Region],
    who: Looker<'_>,
    now: Timestamp,
) -> Vec<LedgerEntry> {
    let mut entries = Vec::new();
    let mut seen = BTreeSet::new();
    for thing in things {
        // what is stored for an image is charged as the image's, and a volume of a machine as the machine's
        let alone = match thing.at.kind {
            ResourceKind::Image => true,
            ResourceKind::Snapshot => thing.used_by.is_empty(),
            ResourceKind::Volume => thing.ends_with.is_none(),
            _ => false,
        };
        // one whose tags were taken away is there all the same
        seen.insert(thing.at.id.clone());
        // what is going is charged for no more, and what is being made not yet
        let passing =
            matches!(thing.state.as_deref(), Some("deleting" | "deleted" | "creating" | "pending" | "error"));
        if !thing.claim.is_tools() || !alone || (passing && thing.at.kind != ResourceKind::Image) {
            continue;
        }
        // of one that is still being made no size is known
        let (Some(region), Some(bytes)) = (&thing.at.region, thing.bytes) else { continue };
        let size = gb(bytes);
        let bill = if thing.at.kind == ResourceKind::Volume {
            Bill::of_volume(book, region, size)
        } else {
            Bill::of_snapshots(book, region, size)
        };
        if ledger.run(&thing.at).is_none_or(|run| run.bound) {
            entries.push(LedgerEntry::Opened {
                thing: thing.at.clone(),
                at: alone_since(ledger, thing, now),
                bill,
                labels: Labels { job: thing.job.clone(), ..labels(&thing.claim, who) },
                lease: None,
            });
        }
    }
    entries.extend(disks(ledger, book, things));
    let kinds = [ResourceKind::Image, ResourceKind::Snapshot, ResourceKind::Volume];
    let missed = missing(ledger, &kinds, looked_at, &seen, who, now);
    entries.extend(missed.map(|run| LedgerEntry::Ended { thing: run.thing.clone(), at: now, bound: true }));
    entries
}

/// Since when a thing is charged by itself: since it was made; but what was made with an image or a machine has been charged as
/// that one's until it ended, or until now.
fn alone_since(ledger: &Ledger, thing: &Resource, now: Timestamp) -> Timestamp {
    let made = thing.created.unwrap_or(now).min(now);
    let (whole, within) = match thing.at.kind {
        ResourceKind::Snapshot => (ResourceKind::Image, MADE_WITH_IMAGE),
        ResourceKind::Volume => (ResourceKind::Machine, MADE_WITH_MACHINE),
        _ => return made,
    };
    let of_same = ledger.runs().filter(|run| {
        run.thing.kind == whole
            && run.thing.region == thing.at.region
            && run.opened().duration_since(made).unsigned_abs() <= within
    });
    of_same.map(|run| run.ended.unwrap_or(now).clamp(made, now)).max().unwrap_or(made)
}

/// The volumes of machines whose disks the ledger does not know: EC2 tells their sizes of the volumes alone.
fn disks(ledger: &Ledger, book: &PriceBook, things: &[Resource]) -> Vec<LedgerEntry> {
    let mut sizes: BTreeMap<&ResourceRef, u64> = BTreeMap::new();
    for thing in things.iter().filter(|thing| thing.at.kind == ResourceKind::Volume) {
        if let (Some(machine), Some(bytes)) = (&thing.ends_with, thing.bytes) {
            *sizes.entry(machine).or_default() += gb(bytes);
        }
    }
    let told = |(machine, gb): (&ResourceRef, u64)| {
        let run = ledger.run(machine).filter(|run| run.is_open())?;
        let known = run.bill.charges.iter().any(|charge| charge.what == super::ChargeKind::Disk);
        let region = machine.region.as_ref().filter(|_| !known)?;
        Some(LedgerEntry::Opened {
            thing: machine.clone(),
            at: run.opened(),
            bill: Bill::of_volume(book, region, gb),
            labels: Labels::default(),
            lease: None,
        })
    };
    sizes.into_iter().filter_map(told).collect()
}

/// What the ledger has of these kinds as there and would have been seen if it were.
fn missing<'a>(
    ledger: &'a Ledger,
    kinds: &[ResourceKind],
    looked_at: &[Region],
    seen: &BTreeSet<String>,
    who: Looker<'_>,
    now: Timestamp,
) -> impl Iterator<Item = &'a Run> {
    ledger.runs().filter(move |run| {
        kinds.contains(&run.thing.kind)
            && run.thing.provider == ProviderKind::Aws
            && run.is_open()
            && run.thing.region.as_ref().is_some_and(|region| looked_at.contains(region))
            && !seen.contains(&run.thing.id)
            && is_in(run, who, now)
            && age(run.opened(), now) > FRESH
    })
}

fn age(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// When a machine that is not there any more ended at the latest: it ends itself with its lease, of which each move is
/// entered.
fn gone(run: Option<&Run>, now: Timestamp) -> Timestamp {
    run.and_then(|run| Some(run.lease?.max(run.opened()))).map_or(now, |lease| lease.min(now))
}

/// Whether a thing would have been seen if it were there: it is in the account that was looked at. A list of nothing does not
/// say whose it is; then only what must have ended by itself is missed.
fn is_in(run: &Run, who: Looker<'_>, now: Timestamp) -> bool {
    match (run.labels.account.as_deref(), who.account) {
        (None, _) => true,
        (Some(of_run), Some(looked_at)) => of_run == looked_at,
        (Some(_), None) => run.lease.is_some_and(|lease| lease < now),
    }
}

fn moved(run: &Run, lease: Option<Timestamp>) -> Option<Timestamp> {
    let lease = lease?;
    let known = run.lease.is_some_and(|known| {
        lease.duration_since(known).abs() < jiff::SignedDuration::try_from(MOVED).unwrap_or_default()
    });
    (!known).then_some(lease)
}

/// Whether a machine tells something that is charged for, or whose it is, that the ledger does not have of it.
fn is_poorer(run: &Run, machine: &Machine, who: Looker<'_>) -> bool {
    let charges = &run.bill.charges;
    let has = |what| charges.iter().any(|charge| charge.what == what);
    let metered = machine.cloud.as_ref().map(|cloud| &cloud.metered);
    let address = metered.is_some_and(|metered| metered.addresses > 0) && !has(super::ChargeKind::Address);
    let disk = metered.is_some_and(|metered| metered.disk_gb.is_some()) && !has(super::ChargeKind::Disk);
    let job = run.labels.job.is_none() && machine.job.is_some();
    let account = run.labels.account.is_none() && who.account.is_some();
    address || disk || job || account
}

#[cfg(test)]
#[path = "observe_test.rs"]
mod tests;
