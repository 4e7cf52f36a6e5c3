//! What a look at a provider tells that the ledger does not know yet: machines that others launched, that were stopped or
//! started, that have ended by themselves, and those that are gone.

use super::PriceBook;
use super::ledger::{Bill, Labels, Ledger, LedgerEntry, Run};
use crate::domain::{
    Claim, Machine, MachineState, ProviderKind, Region, Resource, ResourceKind, ResourceRef, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What was launched so short a time ago may not be listed yet.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// A lease that was moved by less is not entered anew.
const MOVED: Duration = Duration::from_secs(60);
const GIB: u64 = 1 << 30;

/// Whose a thing of the tool's is, as its claim tells; `me` is who looks.
fn labels(claim: &Claim, me: Option<&str>) -> Labels {
    let owner = match claim {
        Claim::Ours { .. } => me.map(str::to_owned),
        Claim::OtherOwner { owner, .. } => Some(owner.clone()),
        Claim::Foreign { .. } => None,
    };
    Labels { owner, ..Labels::default() }
}

/// What a list of a cloud's machines tells. `looked_at` are the regions that were looked at with success: what is not listed
/// there is gone.
#[must_use]
pub fn observe_machines(
    ledger: &Ledger,
    book: &PriceBook,
    machines: &[Machine],
    looked_at: &[Region],
    me: Option<&str>,
    now: Timestamp,
) -> Vec<LedgerEntry> {
    let mut entries = Vec::new();
    let mut seen = BTreeSet::new();
    for machine in machines {
        let Some(cloud) = machine.cloud.as_deref().filter(|cloud| cloud.claim.is_tools()) else { continue };
        let thing = machine.resource().at;
        seen.insert(thing.id.clone());
        let run = ledger.run(&thing);
        let changed = cloud.metered.changed.filter(|at| *at <= now);
        let launched = machine.launched.unwrap_or(now).min(now);
        let labels = Labels { job: machine.job.clone(), ..labels(&cloud.claim, me) };
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
                Some(run) if is_poorer(run, machine) => entries.push(open(launched)),
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
                    let at = changed.unwrap_or(now).max(started);
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
                    None => (gone(ledger, run, now), true),
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
    let missing = |run: &&Run| {
        run.thing.kind == ResourceKind::Machine
            && run.thing.provider == ProviderKind::Aws
            && run.is_open()
            && run.thing.region.as_ref().is_some_and(|region| looked_at.contains(region))
            && !seen.contains(&run.thing.id)
            && age(run.opened(), now) > FRESH
    };
    entries.extend(ledger.runs().filter(missing).map(|run| LedgerEntry::Ended {
        thing: run.thing.clone(),
        at: gone(ledger, Some(run), now),
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
    me: Option<&str>,
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
        if !thing.claim.is_tools() || !alone {
            continue;
        }
        seen.insert(thing.at.id.clone());
        // of one that is still being made no size is known
        let (Some(region), Some(bytes)) = (&thing.at.region, thing.bytes) else { continue };
        let gb = bytes.div_ceil(GIB);
        let bill = if thing.at.kind == ResourceKind::Volume {
            Bill::of_volume(book, region, gb)
        } else {
            Bill::of_snapshots(book, region, gb)
        };
        if ledger.run(&thing.at).is_none_or(|run| run.bound) {
            entries.push(LedgerEntry::Opened {
                thing: thing.at.clone(),
                at: thing.created.unwrap_or(now).min(now),
                bill,
                labels: Labels { job: thing.job.clone(), ..labels(&thing.claim, me) },
                lease: None,
            });
        }
    }
    entries.extend(disks(ledger, book, things));
    let missing = |run: &&Run| {
        matches!(run.thing.kind, ResourceKind::Image | ResourceKind::Snapshot | ResourceKind::Volume)
            && run.thing.provider == ProviderKind::Aws
            && run.is_open()
            && run.thing.region.as_ref().is_some_and(|region| looked_at.contains(region))
            && !seen.contains(&run.thing.id)
            && age(run.opened(), now) > FRESH
    };
    entries.extend(ledger.runs().filter(missing).map(|run| LedgerEntry::Ended {
        thing: run.thing.clone(),
        at: now,
        bound: true,
    }));
    entries
}

/// The volumes of machines whose disks the ledger does not know: EC2 tells their sizes of the volumes alone.
fn disks(ledger: &Ledger, book: &PriceBook, things: &[Resource]) -> Vec<LedgerEntry> {
    let mut sizes: BTreeMap<&ResourceRef, u64> = BTreeMap::new();
    for thing in things.iter().filter(|thing| thing.at.kind == ResourceKind::Volume) {
        if let (Some(machine), Some(bytes)) = (&thing.ends_with, thing.bytes) {
            *sizes.entry(machine).or_default() += bytes.div_ceil(GIB);
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

fn age(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// When a machine that is not there any more ended at the latest: it ends itself with its lease, which its job renewed as
/// long as that is known to have been at work.
fn gone(ledger: &Ledger, run: Option<&Run>, now: Timestamp) -> Timestamp {
    let Some((run, lease)) = run.and_then(|run| Some((run, run.lease?.max(run.opened())))) else { return now };
    let sign = run.labels.job.as_ref().and_then(|job| ledger.last_sign(job));
    let renewed = sign.and_then(|sign| sign.checked_add(lease.duration_since(run.opened())).ok());
    renewed.map_or(lease, |renewed| renewed.max(lease)).min(now)
}

fn moved(run: &Run, lease: Option<Timestamp>) -> Option<Timestamp> {
    let lease = lease?;
    let known = run.lease.is_some_and(|known| {
        lease.duration_since(known).abs() < jiff::SignedDuration::try_from(MOVED).unwrap_or_default()
    });
    (!known).then_some(lease)
}

/// Whether a machine tells something that is charged for, or whose it is, that the ledger does not have of it.
fn is_poorer(run: &Run, machine: &Machine) -> bool {
    let charges = &run.bill.charges;
    let has = |what| charges.iter().any(|charge| charge.what == what);
    let metered = machine.cloud.as_ref().map(|cloud| &cloud.metered);
    let address = metered.is_some_and(|metered| metered.addresses > 0) && !has(super::ChargeKind::Address);
    let disk = metered.is_some_and(|metered| metered.disk_gb.is_some()) && !has(super::ChargeKind::Disk);
    let job = run.labels.job.is_none() && machine.job.is_some();
    address || disk || job
}

#[cfg(test)]
#[path = "observe_test.rs"]
mod tests;
