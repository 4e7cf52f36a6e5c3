//! Driving jobs: submit, take up again, cancel, let go.

use super::driven::{Claim, claim};
use super::guard::Told;
use super::{Attachment, Error, ErrorKind, Result, Session, journal_error, route};
use crate::diag::{Hinted, chain};
use crate::domain::{CancelLevel, JobId, JobState, Operation, Phase, Timestamp};
use crate::engine::JobHandle;
use crate::event::{Event, EventKind};
use crate::journal::Journal;
use crate::ops::{self, JobFolders, Prior, PriorMachine, World};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often requests of other processes are looked for.
const LOOK: Duration = Duration::from_millis(150);
/// How many events are read at a time.
const PAGE: u32 = 4096;

/// A job that this process drives.
pub(super) struct Driven {
    handle: JobHandle,
    /// Taken up to be cleaned up after. To cut that short would leave its machines, and there is no work to cut.
    only_clean_up: bool,
    /// Held as long as the job is driven.
    _claim: Claim,
}

impl Driven {
    fn cancel(&self, level: CancelLevel) {
        self.handle.cancel(if self.only_clean_up { level.min(CancelLevel::Stop) } else { level });
    }
}

type DrivenJobs = Arc<Mutex<HashMap<JobId, Driven>>>;

fn lock(jobs: &Mutex<HashMap<JobId, Driven>>) -> MutexGuard<'_, HashMap<JobId, Driven>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// Writes the job down and begins it in this process. Comes back at once; what happens is told by events.
    ///
    /// # Errors
    /// When the journal or the job's folder cannot be written. `Usage` when it would launch machines though the day's cap is
    /// used up: then nothing is written down.
    pub async fn submit(&self, operation: Operation) -> Result<JobId> {
        self.must_be_there(operation.provider())?;
        let home = self.parts.clouds.get(&operation.provider()).and_then(|cloud| cloud.home());
        let operation = operation.at_home(home);
        self.caps_allow(&operation).await?;
        let (journal, paths, retention) = (self.journal.clone(), self.parts.paths.clone(), self.parts.retention);
        tokio::task::spawn_blocking(move || super::tidy::tidy(&journal, &paths, retention));
        let job = JobId::random();
        self.make_folders(&job)?;
        let claim = claim(&self.files(&job).folder)
            .await?
            .ok_or_else(|| Error::new(ErrorKind::Other, format!("job `{job}` is already being driven")))?;
        let (id, asked) = (job.clone(), operation.clone());
        self.journal
            .run(move |journal| journal.create_job(&id, &asked, Timestamp::now()))
            .await
            .map_err(|error| journal_error(&error))?;
        self.drive(job.clone(), operation, (Prior::default(), Told::default()), claim, CancelLevel::None);
        Ok(job)
    }

    /// Takes a job up where its last process left it, unless one drives it or it is over.
    ///
    /// # Errors
    /// `Usage` for an unknown job.
    pub async fn attach(&self, job: &JobId) -> Result<Attachment> {
        if self.known(job).await?.state == JobState::Ended {
            return Ok(Attachment::Ended);
        }
        if lock(&self.driven).contains_key(job) {
            return Ok(Attachment::Driving);
        }
        let Some(claim) = claim(&self.files(job).folder).await? else {
            return Ok(Attachment::Watching);
        };
        // whoever held the claim a moment ago may have ended it since
        let row = self.known(job).await?;
        if row.state == JobState::Ended {
            return Ok(Attachment::Ended);
        }
        let id = job.clone();
        let level = self
            .journal
            .run(move |journal| journal.cancel_requested(&id))
            .await
            .map_err(|error| journal_error(&error))?;
        self.take_up(job, row.operation, claim, level).await?;
        Ok(Attachment::Driving)
    }

    /// Tells a job to stop. One driven by another process is told through the journal; one that nobody drives is
    /// taken up here for its clean-up only.
    ///
    /// # Errors
    /// `Usage` for an unknown job.
    pub async fn cancel(&self, job: &JobId, level: CancelLevel) -> Result<()> {
        let row = self.known(job).await?;
        if row.state == JobState::Ended || level == CancelLevel::None {
            return Ok(());
        }
        if let Some(driven) = lock(&self.driven).get(job) {
            driven.cancel(level);
            return Ok(());
        }
        let id = job.clone();
        self.journal
            .run(move |journal| journal.request_cancel(&id, level))
            .await
            .map_err(|error| journal_error(&error))?;
        loop {
            let claim = claim(&self.files(job).folder).await?;
            let row = self.known(job).await?;
            match (claim, row.state) {
                (_, JobState::Ended) => return Ok(()),
                (Some(claim), _) => return self.take_up(job, row.operation, claim, level).await,
                // its last driver has written its last word and is about to leave
                (None, JobState::Detached) => tokio::time::sleep(LOOK).await,
                // somebody drives it, and reads requests
                (None, _) => return Ok(()),
            }
        }
    }

    /// Whether this process drives a job.
    #[must_use]
    pub fn drives(&self, job: &JobId) -> bool {
        lock(&self.driven).contains_key(job)
    }

    /// Lets go of a job this process drives, without ending anything on its machine; `job.detached` is its last event.
    ///
    /// # Errors
    /// `Usage` when this process does not drive it.
    pub async fn detach(&self, job: &JobId) -> Result<()> {
        let done = {
            let jobs = lock(&self.driven);
            let driven = jobs
                .get(job)
                .ok_or_else(|| Error::new(ErrorKind::Usage, format!("job `{job}` is not driven by this process")))?;
            driven.handle.detach();
            driven.handle.clone()
        };
        done.done().await;
        Ok(())
    }

    /// Ends the session: detaches what it still drives and waits until everything is written.
    pub async fn shutdown(&self) {
        self.engine.shutdown().await;
        self.money.entered().await;
        self.watcher.abort();
    }

    fn make_folders(&self, job: &JobId) -> Result<()> {
        self.parts.paths.job(job).prepare().map_err(|error| {
            let mut told = Error::new(ErrorKind::State, chain(&error));
            told.hints = error.hints();
            told
        })
    }

    fn world(&self, job: &JobId) -> World {
        let job = self.parts.paths.job(job);
        World {
            clouds: self.parts.clouds.clone(),
            connector: Arc::clone(&self.parts.connector),
            check: Arc::clone(&self.parts.check),
            hg: self.parts.hg.clone(),
            sources: self.parts.paths.sources(),
            tools: self.parts.paths.tools(),
            keep_images: self.parts.keep_images,
            prices: self.prices(),
            purse: None,
            lease_moved: self.lease_moved(),
            ready_timeout: self.parts.ready_timeout,
            folders: JobFolders {
                output: job.output,
                image_log: job.folder.join("image.log"),
                results: job.results,
                scratch: job.scratch,
            },
            shells: Arc::default(),
        }
    }

    async fn take_up(&self, job: &JobId, operation: Operation, claim: Claim, level: CancelLevel) -> Result<()> {
        self.make_folders(job)?;
        let events = history(&self.journal, job).await?;
        let mut prior = recall(&events);
        prior.only_clean_up = level >= CancelLevel::Stop;
        self.drive(job.clone(), operation, (prior, Told::of(&events)), claim, level);
        Ok(())
    }

    fn drive(
        &self,
        job: JobId,
        operation: Operation,
        (prior, told): (Prior, Told),
        claim: Claim,
        level: CancelLevel,
    ) {
        let mut world = self.world(&job);
        let first = prior.resumed.then(|| self.first_look(&job));
        world.purse = self.purse_of(&job, &operation, first.clone());
        // it goes on where it was begun, wherever this process looks
        let region = operation.wish().and_then(|wish| wish.region.as_ref());
        let there = world.clouds.get(&operation.provider()).zip(region);
        if let Some(cloud) = there.and_then(|(cloud, region)| cloud.in_region(region)) {
            world.clouds.insert(cloud.provider(), cloud);
        }
        let (resumed, only_clean_up) = (prior.resumed, prior.only_clean_up);
        let asked = operation.clone();
        let handle = self.engine.run(job.clone(), move |ctx| async move {
            // before anything that can fail or be cut short
            ops::end_launched(&ctx, &world, &prior)?;
            ctx.emit(EventKind::Started { pid: std::process::id(), resumed }).await?;
            if prior.only_clean_up {
                // the word that the job was told to stop comes just after its start
                ctx.stopped().await;
            }
            route::route(ctx, world, prior, operation).await
        });
        let driven = Driven { handle: handle.clone(), only_clean_up, _claim: claim };
        driven.cancel(level);
        lock(&self.driven).insert(job.clone(), driven);
        // one that is taken up for its clean-up ends what costs anyhow
        if !only_clean_up {
            self.keep_cap(&handle, &asked, told, first);
        }
        let driven = Arc::clone(&self.driven);
        tokio::spawn(async move {
            handle.done().await;
            lock(&driven).remove(&job);
        });
    }
}

/// All events of a job.
pub(super) async fn history(journal: &Journal, job: &JobId) -> Result<Vec<Event>> {
    let mut all: Vec<Event> = Vec::new();
    loop {
        let after = all.last().map_or(0, |event| event.seq);
        let id = job.clone();
        let page = journal
            .run(move |journal| journal.events(Some(&id), after, PAGE))
            .await
            .map_err(|error| journal_error(&error))?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// What earlier processes of a job have told.
fn recall(events: &[Event]) -> Prior {
    let mut prior = Prior { resumed: true, ..Prior::default() };
    for event in events {
        match &event.kind {
            EventKind::Launching { machine, provider } => {
                prior.machine = Some((*provider, machine.clone()));
                if !prior.launched.iter().any(|known| known.provider == *provider && known.asked == *machine) {
                    let (asked, id) = (machine.clone(), machine.clone());
                    prior.launched.push(PriorMachine { provider: *provider, asked, id });
                }
            }
            EventKind::Launched { asked, machine, provider, .. } => {
                prior
                    .launched
                    .retain(|known| known.provider != *provider || (known.asked != *asked && known.id != *machine));
                let (asked, id) = (asked.clone(), machine.clone());
                prior.launched.push(PriorMachine { provider: *provider, asked, id });
                prior.machine = Some((*provider, machine.clone()));
            }
            EventKind::MachineReady { machine, provider, .. } => {
                prior.machine = Some((*provider, machine.clone()));
            }
            EventKind::MachineEnded { machine, provider, .. } => {
                prior
                    .launched
                    .retain(|known| known.provider != *provider || (known.asked != *machine && known.id != *machine));
                prior.machine.take_if(|known| *known == (*provider, machine.clone()));
            }
            EventKind::RunStarted { run, .. } => prior.run = Some(run.clone()),
            EventKind::EventsRead { offset } => prior.events_read = *offset,
            EventKind::Test { .. } => prior.tests_told += 1,
            EventKind::RunEnded { status, .. } => prior.run_ended = Some(*status),
            EventKind::PhaseEnded { phase: Phase::Collect, ok: true, .. } => prior.collected = true,
            _ => {}
        }
    }
    prior
}

/// Passes on what other processes ask of the jobs driven here, for as long as the session lives.
pub(super) async fn watch_requests(journal: Journal, jobs: DrivenJobs) {
    loop {
        tokio::time::sleep(LOOK).await;
        let ids: Vec<JobId> = lock(&jobs).keys().cloned().collect();
        for id in ids {
            let asked = id.clone();
            match journal.run(move |journal| journal.cancel_requested(&asked)).await {
                Ok(CancelLevel::None) => {}
                Ok(level) => {
                    if let Some(driven) = lock(&jobs).get(&id) {
                        driven.cancel(level);
                    }
                }
                Err(error) => tracing::warn!(job = %id, "could not read requests: {}", chain(&error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MachineId, ProviderKind};

    #[test]
    fn a_machine_keeps_the_id_it_was_asked_for_with_until_it_is_seen_to_end() {
        let job = JobId::random();
        let id = |text: &str| MachineId::new(text).unwrap();
        let provider = ProviderKind::Aws;
        let told = |kinds: Vec<EventKind>| {
            let events = kinds.into_iter().zip(1..);
            let events = events.map(|(kind, seq)| Event { seq, job: job.clone(), at: Timestamp::now(), kind });
            recall(&events.collect::<Vec<_>>()).launched
        };
        let launching = EventKind::Launching { machine: id("m-abc234"), provider };
        let (instance_type, region) = (None, None);
        let launched = EventKind::Launched {
            asked: id("m-abc234"),
            machine: id("i-0abc"),
            provider,
            instance_type,
            region,
            bill: None,
            owner: None,
            lease: None,
        };
        let known = |own: &str| vec![PriorMachine { provider, asked: id("m-abc234"), id: id(own) }];
        assert_eq!(told(vec![launching.clone()]), known("m-abc234"));
        let both = vec![launching.clone(), launched.clone()];
        assert_eq!(told(both.clone()), known("i-0abc"));
        // taken up again, it is asked for again
        assert_eq!(told([both.clone(), both.clone()].concat()), known("i-0abc"));
        for ended in ["i-0abc", "m-abc234"] {
            let ended = EventKind::MachineEnded { machine: id(ended), provider, already: false };
            assert_eq!(told([both.clone(), vec![ended]].concat()), []);
        }
    }
}
