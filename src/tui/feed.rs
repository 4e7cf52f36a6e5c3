//! Brings what happens: histories of jobs that are not over, then every new event as it comes, whichever process made it,
//! and now and then the lists of jobs and machines, for not everything that changes them is an event.

use super::msg::Msg;
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
pub(super) fn start(session: Arc<Session>) -> mpsc::Receiver<Msg> {
    let (sender, receiver) = mpsc::channel(64);
    let (lists, events) = (sender.clone(), sender);
    let asks = Arc::clone(&session);
    tokio::spawn(async move {
        let mut seen = Vec::new();
        while tell_lists(&asks, &mut seen, &lists).await {}
    });
    tokio::spawn(async move {
        // what cannot be read now may be a moment later; all is told again then, which the store knows
        while let Err(error) = tell_events(&session, &events).await {
            if events.send(Msg::Told(Err(error))).await.is_err() {
                return;
            }
            tokio::time::sleep(AGAIN).await;
        }
    });
    receiver
}

/// Machines each time, for their leases run out by themselves; all jobs only when one has got or lost its driver, which
/// is no event either.
async fn tell_lists(session: &Session, seen: &mut Vec<(JobId, bool)>, to: &mpsc::Sender<Msg>) -> bool {
    tokio::time::sleep(LISTS).await;
    let driven = session.unfinished().await.map(|jobs| jobs.into_iter().map(|job| (job.id, job.driven)).collect());
    if driven.as_ref().is_ok_and(|driven| driven != seen) {
        *seen = driven.unwrap_or_default();
        if to.send(Msg::Jobs(session.jobs(JOBS).await)).await.is_err() {
            return false;
        }
    }
    to.send(Msg::Machines(session.machines(None).await)).await.is_ok()
}

async fn tell_events(session: &Session, to: &mpsc::Sender<Msg>) -> Result<()> {
    // first where to read on from, then the histories: what comes in between is told twice, which the store knows
    let after = session.last_event().await?;
    for job in session.unfinished().await? {
        let history = session.history(&job.id).await?;
        if to.send(Msg::Events(history)).await.is_err() {
            return Ok(());
        }
    }
    let mut events = session.events(None, after);
    loop {
        let batch = batch(&mut events).await?;
        batch.iter().for_each(log);
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
