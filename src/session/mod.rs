//! The one handle a front end holds: submit, attach, cancel, watch, list. Whatever a front end shows comes from
//! here as domain words and events; whatever it does goes through here.

mod asks;
mod doctor;
mod drive;
mod driven;
mod error;
mod events;
mod fleet;
mod guard;
mod leases;
mod money;
mod parts;
mod plans;
mod route;
mod sink;
mod tidy;
mod types;

pub use crate::cloud::PriceAsk;
pub use crate::remote::{Chunk, Command, Exec, ExitStatus, PtySize, Shell, Signal};
pub use error::{Error, ErrorKind};
pub use events::Events;
pub use fleet::{Listed, Trouble, changed_inputs};
pub use leases::{LeaseMove, lease_refused};
pub use money::{MoneyTold, PricesTold, Refreshed, Settled};
pub use parts::{Check, MoneyParts, Parts, Pin};
pub use plans::{PlanRequest, Proposal};
pub use types::{Attachment, JobFiles, JobSummary};

pub use crate::domain::{CheckItem, CheckOutcome};

use crate::diag::{Hinted, chain};
use crate::domain::{JobId, JobState};
use crate::engine::{Engine, EngineOptions};
use crate::event::Event;
use crate::journal::Journal;
use driven::is_driven;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// What calls of the session give back.
pub type Result<T> = std::result::Result<T, Error>;

/// The one handle to jobs, machines and images of a state directory. Several processes may each hold one.
pub struct Session {
    parts: Parts,
    journal: Journal,
    engine: Engine,
    written: watch::Receiver<u64>,
    driven: Arc<Mutex<HashMap<JobId, drive::Driven>>>,
    watcher: tokio::task::JoinHandle<()>,
    /// Held while a lease is moved: where it ends next depends on where it ends now.
    leases: tokio::sync::Mutex<()>,
    money: Arc<money::Money>,
}

fn journal_error(error: &crate::journal::Error) -> Error {
    let mut told = Error::new(ErrorKind::State, chain(error));
    told.hints = error.hints();
    told
}

impl Session {
    /// Opens the journal of the state directory and starts the engine.
    ///
    /// # Errors
    /// `State` when the journal cannot be opened.
    pub fn open(parts: Parts) -> Result<Self> {
        let journal = Journal::open(parts.paths.journal()).map_err(|error| journal_error(&error))?;
        let (sender, written) = watch::channel(0);
        let engine =
            Engine::start(sink::JournalSink { journal: journal.clone(), written: sender }, EngineOptions::default());
        let driven = Arc::new(Mutex::new(HashMap::new()));
        let watcher = tokio::spawn(drive::watch_requests(journal.clone(), Arc::clone(&driven)));
        let money = Arc::new(money::Money::open(journal.clone(), parts.paths.prices()));
        Ok(Self { parts, journal, engine, written, driven, watcher, leases: tokio::sync::Mutex::default(), money })
    }

    /// All events after `after` (0 for all there are), then new ones as they come, of `job` alone or of all.
    #[must_use]
    pub fn events(&self, job: Option<&JobId>, after: u64) -> Events {
        Events::new(self.journal.clone(), job.cloned(), after, self.written.clone())
    }

    /// All events a job has had so far.
    ///
    /// # Errors
    /// `Usage` for an unknown job.
    pub async fn history(&self, job: &JobId) -> Result<Vec<Event>> {
        self.known(job).await?;
        drive::history(&self.journal, job).await
    }

    /// The newest jobs, newest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn jobs(&self, limit: u32) -> Result<Vec<JobSummary>> {
        let rows = self.journal.run(move |journal| journal.jobs(limit)).await;
        Ok(rows.map_err(|error| journal_error(&error))?.into_iter().map(|row| self.summary(row)).collect())
    }

    /// The jobs that are not over, newest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn unfinished(&self) -> Result<Vec<JobSummary>> {
        let rows = self.journal.run(Journal::unfinished).await;
        Ok(rows.map_err(|error| journal_error(&error))?.into_iter().map(|row| self.summary(row)).collect())
    }

    fn summary(&self, row: crate::journal::JobRecord) -> JobSummary {
        JobSummary {
            driven: row.state != JobState::Ended && is_driven(&self.files(&row.id).folder),
            id: row.id,
            operation: row.operation,
            created: row.created,
            state: row.state,
            ended: row.ended,
            work: row.work,
            cleanup: row.cleanup,
            capped: row.capped,
        }
    }

    /// Where a job keeps its files.
    #[must_use]
    pub fn files(&self, job: &JobId) -> JobFiles {
        let paths = self.parts.paths.job(job);
        JobFiles { folder: paths.folder, output: paths.output, results: paths.results }
    }

    async fn known(&self, job: &JobId) -> Result<crate::journal::JobRecord> {
        let id = job.clone();
        let found = self.journal.run(move |journal| journal.job(&id)).await.map_err(|error| journal_error(&error))?;
        found.ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("there is no job `{job}`"))
                .hint("`hga jobs list` shows the jobs there are")
        })
    }
}
