//! Brings what happens: histories of jobs that are not over, then every new event as it comes, whichever process made it,
//! and now and then the lists of jobs and machines, for not everything that changes them is an event.

use super::msg::Msg;
use crate::domain::JobState;
use crate::event::{Event, EventKind};
use crate::session::{Events, Result, Session};
use futures::FutureExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Events in one message at most.
const BATCH: usize = 512;
/// How often the lists are asked for.
const LISTS: Duration = Duration::from_secs(3);

/// Starts it. A slow reader slows it down; dropping the receiver ends it.
pub(super) fn start(session: Arc<Session>) -> mpsc::Receiver<Msg> {
    let (sender, receiver) = mpsc::channel(64);
    let (lists, events) = (sender.clone(), sender);
    let asks = Arc::clone(&session);
    tokio::spawn(async move { while tell_lists(&asks, &lists).await {} });
    tokio::spawn(async move {
        if let Err(error) = tell_events(&session, &events).await {
            // nobody listens any more once the dashboard is left
            let _ = events.send(Msg::Told(Err(error))).await;
        }
    });
    receiver
}

async fn tell_lists(session: &Session, to: &mpsc::Sender<Msg>) -> bool {
    tokio::time::sleep(LISTS).await;
    to.send(Msg::Jobs(session.jobs(1000).await)).await.is_ok()
        && to.send(Msg::Machines(session.machines(None).await)).await.is_ok()
}

async fn tell_events(session: &Session, to: &mpsc::Sender<Msg>) -> Result<()> {
    // first where to read on from, then the histories: what comes in between is told twice, which the store knows
    let after = session.last_event().await?;
    for job in session.jobs(1000).await?.into_iter().filter(|job| job.state != JobState::Ended) {
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

/// The next events: waits for one, takes all that are there.
async fn batch(events: &mut Events) -> Result<Vec<Event>> {
    let mut batch = vec![events.next().await?];
    while batch.len() < BATCH {
        match events.next().now_or_never() {
            Some(event) => batch.push(event?),
            None => break,
        }
    }
    Ok(batch)
}
