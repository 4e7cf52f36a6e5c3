//! Brings what happens: histories of jobs that are not over, then every new event as it comes, whichever process made it,
//! and now and then the lists of jobs and machines, for not everything that changes them is an event.

use super::effect::Effect;
use super::msg::Msg;
use super::perform::Performer;
use crate::domain::JobId;
use crate::event::{Event, EventKind};
use crate::session::{Events, Result, Session};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// So many jobs are listed.
pub(super) const JOBS: u32 = 1000;
/// Events in one message at most.
const BATCH: usize = 512;
/// How long after a failure to read it is tried again.
const AGAIN: Duration = Duration::from_secs(2);
/// How often the lists are asked for.
const LISTS: Duration = Duration::from_secs(3);

/// Starts it. A slow reader slows it down; dropping the receiver ends it.
pub(super) fn start(session: Arc<Session>, performer: Arc<Performer>) -> mpsc::Receiver<Msg> {
    let (sender, receiver) = mpsc::channel(64);
    let asks = Arc::clone(&session);
    let closed = sender.clone();
    tokio::spawn(async move {
        let mut seen = None;
        while !closed.is_closed() {
            tokio::time::sleep(LISTS).await;
            look_at_lists(&asks, &mut seen, &performer).await;
        }
    });
    tokio::spawn(async move {
        // what cannot be read now may be a moment later; what was told is not forgotten
        let mut after = None;
        while let Err(error) = tell_events(&session, &mut after, &sender).await {
            if sender.send(Msg::Told(Err(error))).await.is_err() {
                return;
            }
            tokio::time::sleep(AGAIN).await;
        }
    });
    receiver
}

/// Machines each time, for their leases run out by themselves; all jobs only when one has got or lost its driver, which
/// is no event either, or when they could not be read.
async fn look_at_lists(session: &Session, seen: &mut Option<Vec<(JobId, bool)>>, performer: &Performer) {
    let driven = session.unfinished().await;
    let driven = driven.ok().map(|jobs| jobs.into_iter().map(|job| (job.id, job.driven)).collect());
    if driven.is_none() || driven != *seen {
        performer.perform(Effect::Jobs);
    }
    *seen = driven;
    performer.perform(Effect::Machines);
    // what the last look at the machines told is entered by now
    performer.perform(Effect::Money);
}

/// Tells events for as long as they can be read; `after` is the number of the last one told.
async fn tell_events(session: &Session, after: &mut Option<u64>, to: &mpsc::Sender<Msg>) -> Result<()> {
    let from = if let Some(after) = *after {
        after
    } else {
        // first where to read on from, then the histories: what comes in between is told twice, which the store knows
        let last = session.last_event().await?;
        for job in session.unfinished().await? {
            let mut history = session.history(&job.id).await?;
            while !history.is_empty() {
                let rest = history.split_off(history.len().min(BATCH));
                if to.send(Msg::Events(history)).await.is_err() {
                    return Ok(());
                }
                history = rest;
            }
        }
        *after.insert(last)
    };
    let mut events = session.events(None, from);
    loop {
        let batch = batch(&mut events).await?;
        batch.iter().for_each(log);
        *after = batch.last().map(|event| event.seq).or(*after);
        if to.send(Msg::Events(batch)).await.is_err() {
            return Ok(());
        }
    }
}

/// Says in the log what jobs do, in broad steps.
fn log(event: &Event) {
    let job = &event.job;
    match &event.kind {
        EventKind::Submitted { operation } => tracing::info!("{job}: {} was asked for", operation.verb()),
        EventKind::PhaseStarted { phase } => tracing::info!("{job}: {phase}"),
        EventKind::MachineReady { machine, address, .. } => tracing::info!("{job}: {machine} answers at {address}"),
        EventKind::MachineEnded { machine, .. } => tracing::info!("{job}: {machine} has ended"),
        EventKind::Removing { things } => tracing::info!("{job}: {} things are to go", things.len()),
        EventKind::Removed { things } => tracing::info!("{job}: {} things are gone", things.len()),
        EventKind::Left { thing, why } => tracing::warn!("{job}: {thing} is left: {why}"),
        EventKind::LinkLost { reason } => tracing::warn!("{job}: the connection is lost: {reason}"),
        EventKind::LinkRestored { .. } => tracing::info!("{job}: connected again"),
        EventKind::Ended { .. } => tracing::info!("{job}: over"),
        _ => {}
    }
}

/// The next events: waits for one, takes all that have been read.
async fn batch(events: &mut Events) -> Result<Vec<Event>> {
    let mut batch = vec![events.next().await?];
    while batch.len() < BATCH {
        match events.ready() {
            Some(event) => batch.push(event),
            None => break,
        }
    }
    Ok(batch)
}
