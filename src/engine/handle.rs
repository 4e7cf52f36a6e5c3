//! The engine and the handles to its jobs.

use super::context::Shared;
use super::dispatcher::{self, Entry};
use super::signal;
use super::{EngineOptions, Failure, JobContext, Sink, body};
use crate::domain::{CancelLevel, CleanupVerdict, JobId, WorkVerdict};
use crate::event::EventKind;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, watch};

/// How a job left this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// It is over.
    Ended {
        /// The work's verdict.
        work: WorkVerdict,
        /// The clean-up's verdict.
        cleanup: CleanupVerdict,
    },
    /// It was let go of; whatever runs on its machine runs on.
    Detached,
}

/// A job of this process. Dropping it changes nothing.
#[derive(Clone)]
pub struct JobHandle {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Entry>,
    outcome: watch::Receiver<Option<JobOutcome>>,
}

impl JobHandle {
    /// Which job.
    #[must_use]
    pub fn job(&self) -> &JobId {
        &self.shared.job
    }

    /// Says of it, from outside of its body, what happens. Nothing is said of a job that is over.
    pub async fn tell(&self, kind: EventKind) {
        let context = JobContext { shared: Arc::clone(&self.shared), queue: self.queue.clone() };
        context.post(kind).await;
    }

    /// Tells it to stop, or cuts it short. Levels only rise. Without effect once its work is over: its finalisers
    /// keep their deadline.
    pub fn cancel(&self, level: CancelLevel) {
        signal::raise(&self.shared.signal, level);
    }

    /// How firmly it was told to stop, so far.
    #[must_use]
    pub fn level(&self) -> CancelLevel {
        self.shared.signal.borrow().level
    }

    /// Lets go of it: its work is dropped where it stands and nothing is cleaned up. Without effect once it was told
    /// to stop or its work is over.
    pub fn detach(&self) {
        self.shared.signal.send_modify(|signal| signal.detached = true);
    }

    /// Waits until it is over or let go of, its last event written down. Cancel-safe.
    pub async fn done(&self) -> JobOutcome {
        let mut outcome = self.outcome.clone();
        let done = outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
        // the job's task is gone without an outcome only when the whole runtime goes: that lets go of it
        done.unwrap_or(JobOutcome::Detached)
    }
}

/// Runs jobs. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    options: EngineOptions,
    queue: mpsc::Sender<Entry>,
    jobs: Mutex<HashMap<JobId, JobHandle>>,
}

impl Inner {
    fn jobs(&self) -> MutexGuard<'_, HashMap<JobId, JobHandle>> {
        // nothing panics while it holds it
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Starts the dispatcher. Must be called within a tokio runtime.
    #[must_use]
    pub fn start(sink: impl Sink, options: EngineOptions) -> Self {
        let (queue, entries) = mpsc::channel(options.queue.max(1));
        tokio::spawn(dispatcher::dispatch(Arc::new(sink), entries));
        Self { inner: Arc::new(Inner { options, queue, jobs: Mutex::default() }) }
    }

    /// Begins a job as a task of its own; it can be told to stop before it has run at all. Of a job that is under way
    /// already the handle is given back and `body` dropped.
    pub fn run<B, F>(&self, job: JobId, body: B) -> JobHandle
    where
        B: FnOnce(JobContext) -> F + Send + 'static,
        F: Future<Output = Result<WorkVerdict, Failure>> + Send + 'static,
    {
        let mut jobs = self.inner.jobs();
        if let Some(known) = jobs.get(&job) {
            return known.clone();
        }
        let shared = Arc::new(Shared::new(job.clone(), self.inner.options));
        let (done, outcome) = watch::channel(None);
        let handle = JobHandle { shared: shared.clone(), queue: self.inner.queue.clone(), outcome };
        jobs.insert(job.clone(), handle.clone());
        drop(jobs);
        let context = JobContext { shared, queue: self.inner.queue.clone() };
        let inner = self.inner.clone();
        tokio::spawn(async move {
            let work = context.clone();
            let outcome = body::drive(context, Box::pin(async move { body(work).await })).await;
            inner.jobs().remove(&job);
            done.send_replace(Some(outcome));
        });
        handle
    }

    /// The handle of a job that is under way in this process.
    #[must_use]
    pub fn job(&self, job: &JobId) -> Option<JobHandle> {
        self.inner.jobs().get(job).cloned()
    }

    /// The jobs that are under way in this process.
    #[must_use]
    pub fn jobs(&self) -> Vec<JobHandle> {
        self.inner.jobs().values().cloned().collect()
    }

    /// Waits until no job is under way.
    pub async fn wait(&self) {
        while let Some(handle) = self.jobs().first() {
            handle.done().await;
        }
    }

    /// Lets go of every job and waits until their last events are written. Those that were told to stop, or are
    /// cleaning up, end first.
    pub async fn shutdown(&self) {
        for handle in self.jobs() {
            handle.detach();
        }
        self.wait().await;
    }
}
