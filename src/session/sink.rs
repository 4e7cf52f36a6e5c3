//! The engine's sink: events go to the journal, then readers are woken.

use crate::engine::{Failure, Sink};
use crate::event::Draft;
use crate::journal::Journal;
use futures::future::BoxFuture;
use tokio::sync::watch;

/// Records events in the journal.
pub(super) struct JournalSink {
    pub(super) journal: Journal,
    pub(super) written: watch::Sender<u64>,
}

impl Sink for JournalSink {
    fn record(&self, batch: Vec<Draft>) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let seqs = self
                .journal
                .run(move |journal| journal.append(&batch))
                .await
                .map_err(|error| Failure::from_error(&error))?;
            if let Some(last) = seqs.last() {
                self.written.send_replace(*last);
            }
            Ok(())
        })
    }
}
