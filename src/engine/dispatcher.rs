//! The one task that writes events: takes what all jobs have queued, records it in one go, then answers those who wait.

use super::Failure;
use super::context::Shared;
use crate::event::{Draft, EventKind};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, oneshot};

/// Where events are written down.
pub trait Sink: Send + Sync + 'static {
    /// Writes all of them down, in order, or none. When it comes back with success they must outlive the process.
    fn record(&self, batch: Vec<Draft>) -> BoxFuture<'_, Result<(), Failure>>;
}

/// How many entries are taken at a time.
const BATCH: usize = 256;

/// Events of one job that belong together.
pub(super) struct Entry {
    pub(super) job: Arc<Shared>,
    pub(super) drafts: Vec<Draft>,
    pub(super) ack: Option<oneshot::Sender<Result<(), Failure>>>,
}

impl Entry {
    fn is_last(&self) -> bool {
        self.drafts.iter().any(|draft| matches!(draft.kind, EventKind::Ended { .. } | EventKind::Detached))
    }

    fn answer(self, result: Result<(), Failure>) {
        match &result {
            Ok(()) if self.is_last() => self.job.closed.store(true, Ordering::Release),
            Err(failure @ Failure::Error { .. }) => {
                self.job.signal.send_if_modified(|signal| {
                    let first = signal.broken.is_none();
                    signal.broken.get_or_insert_with(|| failure.clone());
                    first
                });
            }
            Ok(()) | Err(Failure::Interrupted) => {}
        }
        if let Some(ack) = self.ack {
            // who asked may be gone
            let _ = ack.send(result);
        }
    }
}

/// Runs until every sender is gone.
pub(super) async fn dispatch(sink: Arc<dyn Sink>, mut queue: mpsc::Receiver<Entry>) {
    let mut taken = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut taken, BATCH).await > 0 {
        // nothing of a job comes after its last event, not even within a batch
        let mut entries: Vec<Entry> = Vec::with_capacity(taken.len());
        for entry in taken.drain(..) {
            let over = entry.job.closed.load(Ordering::Acquire)
                || entries.iter().any(|earlier| earlier.is_last() && Arc::ptr_eq(&earlier.job, &entry.job));
            if over { entry.answer(Err(Failure::Interrupted)) } else { entries.push(entry) }
        }
        let batch: Vec<Draft> = entries.iter().flat_map(|entry| entry.drafts.iter().cloned()).collect();
        if batch.is_empty() {
            answer_all(entries, &Ok(()));
            continue;
        }
        match sink.record(batch).await {
            Ok(()) => answer_all(entries, &Ok(())),
            Err(failure) if entries.len() == 1 => answer_all(entries, &Err(failure)),
            Err(_) => {
                // one by one, so that what cannot be written of one job does not take others with it
                for entry in entries {
                    let result = sink.record(entry.drafts.clone()).await;
                    entry.answer(result);
                }
            }
        }
    }
}

fn answer_all(entries: Vec<Entry>, result: &Result<(), Failure>) {
    for entry in entries {
        entry.answer(result.clone());
    }
}
