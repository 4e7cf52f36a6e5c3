//! Reading events as they come, whichever process made them: the journal is read on, woken at once by this process's
//! own writes and by a look at SQLite's change counter for those of others.

use super::{Error, ErrorKind, Result};
use crate::domain::JobId;
use crate::event::Event;
use crate::journal::Journal;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::watch;

/// How often another process's writes are looked for.
const LOOK: Duration = Duration::from_millis(100);
/// How many events are read at a time.
const PAGE: u32 = 512;

/// All events of the state directory after a certain one, in order, whichever process made them; goes on for ever.
pub struct Events {
    journal: Journal,
    job: Option<JobId>,
    after: u64,
    queue: VecDeque<Event>,
    /// The journal's version when it had nothing more.
    version: Option<u64>,
    written: watch::Receiver<u64>,
}

impl Events {
    pub(super) fn new(journal: Journal, job: Option<JobId>, after: u64, written: watch::Receiver<u64>) -> Self {
        Self { journal, job, after, queue: VecDeque::new(), version: None, written }
    }

    /// The next event if it has been read already; asks nothing.
    pub fn ready(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }

    /// The next event; waits for it. Cancel-safe.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn next(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Ok(event);
            }
            self.written.borrow_and_update();
            let (job, after, seen) = (self.job.clone(), self.after, self.version);
            let (version, page) = self
                .journal
                .run(move |journal| {
                    // looked at first: what is written after it is found by the next look
                    let version = journal.data_version()?;
                    let page =
                        if seen == Some(version) { Vec::new() } else { journal.events(job.as_ref(), after, PAGE)? };
                    Ok((version, page))
                })
                .await
                .map_err(|error| super::journal_error(&error))?;
            // a page may be cut short: only an empty one says that all has been read
            self.version = page.is_empty().then_some(version);
            if let Some(last) = page.last() {
                self.after = last.seq;
                self.queue.extend(page);
                continue;
            }
            tokio::select! {
                woken = self.written.changed() => {
                    if woken.is_err() {
                        return Err(Error::new(ErrorKind::Other, "the session is over"));
                    }
                }
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}
