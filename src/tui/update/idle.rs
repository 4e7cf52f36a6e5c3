//! Machines that cost while nobody works on them: said now and then, where it covers nothing else.

use super::{dialog, say};
use crate::domain::money::say as words;
use crate::domain::{Claim, JobState, Machine, MachineId, MachineState, ProviderKind, Timestamp};
use crate::store::Store;
use crate::tui::model::{Model, Tone};

/// A machine is idle once no job has worked on it for so many seconds.
const IDLE: i64 = 5 * 60;
/// A machine is told again after so many seconds.
const AGAIN: i64 = 15 * 60;

/// Says which machine of ours is idle: one at a time, while nothing is open, typed or said.
pub(super) fn tell(model: &mut Model, store: &Store) {
    if model.notice.is_some() || !model.modals.is_empty() || model.line.is_some() {
        return;
    }
    // what works where is not known: nothing is told rather than something wrong
    if !model.jobs.here || model.jobs.error.is_some() {
        return;
    }
    let now = model.now;
    let told = |machine: &Machine| {
        let at = model.idle_told.get(&(machine.provider, machine.id.clone()));
        at.is_some_and(|at| now.duration_since(*at).as_secs() < AGAIN)
    };
    let busy = dialog::working(model, store);
    let idle = model.machines.value.iter().find(|machine| {
        costs(machine)
            && !told(machine)
            && !busy.iter().any(|work| work.machine == machine.id && work.provider == machine.provider)
            && since(model, store, machine).is_some_and(|since| now.duration_since(since).as_secs() >= IDLE)
    });
    let Some(machine) = idle else { return };
    let key: (ProviderKind, MachineId) = (machine.provider, machine.id.clone());
    let hourly = model.money.hourly(machine, now);
    let goes_on = words::goes_on(hourly, machine.lease.map(|lease| lease.left(now)));
    let text = format!("machine {} is idle: {goes_on} (`^d` on it ends it)", machine.id);
    model.idle_told.insert(key, now);
    say(model, Tone::Info, &text);
}

/// Whether it is ours, runs and costs, and nobody said that it shall stay.
fn costs(machine: &Machine) -> bool {
    machine.state == MachineState::Running
        && machine
            .cloud
            .as_deref()
            .is_some_and(|cloud| matches!(cloud.claim, Claim::Ours { .. }) && cloud.keep.is_none())
}

/// Since when no job works on it: the end of the last one that did, or its launch; none where neither is known.
fn since(model: &Model, store: &Store, machine: &Machine) -> Option<Timestamp> {
    let worked = |summary: &&crate::session::JobSummary| {
        summary.state == JobState::Ended
            && (machine.job.as_ref() == Some(&summary.id)
                || model
                    .machine_told(store, &summary.id)
                    .is_some_and(|(provider, id)| (provider, &id) == (machine.provider, &machine.id)))
    };
    let ends = model.jobs.value.iter().filter(worked).filter_map(|summary| summary.ended);
    ends.chain(machine.launched).max()
}
