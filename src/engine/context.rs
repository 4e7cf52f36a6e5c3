//! What a body holds: its job's id, a way to say what happens, and to learn that it should stop.

use super::dispatcher::Entry;
use super::finaliser::{Finaliser, Finalisers};
use super::signal::{self, Signal};
use super::{EngineOptions, Failure, FinaliserId};
use crate::domain::{CancelLevel, JobId, MachineId, Phase, ProviderKind, Remaining, Timestamp, escape_line};
use crate::event::{Draft, EventKind, Level, Unit};
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// What the job's task, its handle, its context and the dispatcher have in common.
pub(super) struct Shared {
    pub(super) job: JobId,
    pub(super) options: EngineOptions,
    pub(super) signal: watch::Sender<Signal>,
    /// Its last event is written down.
    pub(super) closed: AtomicBool,
    finalisers: Mutex<Finalisers>,
    kept: Mutex<Option<(MachineId, ProviderKind)>>,
    remaining: Mutex<Vec<Remaining>>,
    phases: Mutex<Vec<(Phase, Instant)>>,
    progress: Mutex<HashMap<Phase, Instant>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // nothing below panics while it holds one
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(job: JobId, options: EngineOptions) -> Self {
        Self {
            job,
            options,
            signal: watch::Sender::new(Signal::default()),
            closed: AtomicBool::new(false),
            finalisers: Mutex::default(),
            kept: Mutex::default(),
            remaining: Mutex::default(),
            phases: Mutex::default(),
            progress: Mutex::default(),
        }
    }

    pub(super) fn pop_finaliser(&self) -> Option<Finaliser> {
        lock(&self.finalisers).pop()
    }

    pub(super) fn has_finalisers(&self) -> bool {
        !lock(&self.finalisers).is_empty()
    }

    pub(super) fn forget_finalisers(&self) {
        lock(&self.finalisers).clear();
    }

    pub(super) fn kept(&self) -> Option<(MachineId, ProviderKind)> {
        lock(&self.kept).clone()
    }

    pub(super) fn take_remaining(&self) -> Vec<Remaining> {
        std::mem::take(&mut lock(&self.remaining))
    }

    /// The phases that began and did not end, the innermost first.
    pub(super) fn take_open_phases(&self) -> Vec<(Phase, Instant)> {
        lock(&self.phases).drain(..).rev().collect()
    }
}

/// A body's side of its job. Clones are the same job's.
#[derive(Clone)]
pub struct JobContext {
    pub(super) shared: Arc<Shared>,
    pub(super) queue: mpsc::Sender<Entry>,
}

impl JobContext {
    /// The job.
    #[must_use]
    pub fn job(&self) -> &JobId {
        &self.shared.job
    }

    fn draft(&self, kind: EventKind) -> Draft {
        Draft { job: self.shared.job.clone(), at: Timestamp::now(), kind }
    }

    /// Says what happens. When it comes back with success, the event survives the end of this process: so an intent
    /// is emitted before the act.
    ///
    /// # Errors
    /// When it could not be written down: the body should stop its work, and is told so by [`Self::stopped`] too.
    /// [`Failure::Interrupted`] after the job's last event.
    pub async fn emit(&self, kind: EventKind) -> Result<(), Failure> {
        self.emit_all(vec![kind]).await
    }

    /// The same for several that belong together: all are written down, or none.
    ///
    /// # Errors
    /// As [`Self::emit`].
    pub async fn emit_all(&self, kinds: Vec<EventKind>) -> Result<(), Failure> {
        if kinds.is_empty() {
            return Ok(());
        }
        self.send(kinds, || {}).await
    }

    /// Does `queued` at the moment from which the events will be written, whether this is still waited for or not.
    async fn send(&self, kinds: Vec<EventKind>, queued: impl FnOnce()) -> Result<(), Failure> {
        let gone = || Failure::new("the writer of events has ended");
        let drafts = kinds.into_iter().map(|kind| self.draft(kind)).collect();
        let (ack, answer) = oneshot::channel();
        let place = self.queue.reserve().await.map_err(|_| gone())?;
        queued();
        place.send(Entry { job: self.shared.clone(), drafts, ack: Some(ack) });
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Queues an event that nothing waits for; once this has come back it will be written.
    pub(super) async fn post(&self, kind: EventKind) {
        let entry = Entry { job: self.shared.clone(), drafts: vec![self.draft(kind)], ack: None };
        if self.queue.send(entry).await.is_err() {
            tracing::error!(job = %self.shared.job, "the writer of events has ended");
        }
    }

    /// Says something worth knowing, one line.
    ///
    /// # Errors
    /// As [`Self::emit`].
    pub async fn note(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.say(Level::Info, text.as_ref()).await
    }

    /// Says something worth a look, one line.
    ///
    /// # Errors
    /// As [`Self::emit`].
    pub async fn warn(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.say(Level::Warning, text.as_ref()).await
    }

    async fn say(&self, level: Level, text: &str) -> Result<(), Failure> {
        self.emit(EventKind::Note { level, text: escape_line(text) }).await
    }

    /// Runs `work` as a phase: its beginning and its end, with seconds and success, are events. A phase that is cut
    /// short ends without success; one of a job that is let go of does not end.
    ///
    /// # Errors
    /// What `work` gives back, or that an event could not be written.
    pub async fn phase<T>(&self, phase: Phase, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let start = Instant::now();
        let shared = &self.shared;
        let close = || {
            let mut phases = lock(&shared.phases);
            if let Some(place) = phases.iter().rposition(|open| *open == (phase, start)) {
                phases.remove(place);
            }
        };
        let open = || lock(&shared.phases).push((phase, start));
        self.send(vec![EventKind::PhaseStarted { phase }], open).await.inspect_err(|_| close())?;
        let result = work.await;
        if result.is_err() && shared.signal.borrow().detaches() {
            return result;
        }
        let seconds = start.elapsed().as_secs_f64();
        let told = self.send(vec![EventKind::PhaseEnded { phase, seconds, ok: result.is_ok() }], close).await;
        let value = result?;
        told.map(|()| value)
    }

    /// Says how far something is; `total` is zero when unknown. Neither waits nor fails: too many in a row are left
    /// out, but for the one where `done` has reached `total`, and all are when the writer cannot follow.
    pub fn progress(&self, phase: Phase, done: u64, total: u64, unit: Unit) {
        let now = Instant::now();
        {
            let mut seen = lock(&self.shared.progress);
            let due = seen.get(&phase).is_none_or(|last| now - *last >= self.shared.options.progress_interval);
            if !due && (total == 0 || done < total) {
                return;
            }
            seen.insert(phase, now);
        }
        let drafts = vec![self.draft(EventKind::Progress { phase, done, total, unit })];
        let entry = Entry { job: self.shared.clone(), drafts, ack: None };
        if self.queue.try_send(entry).is_err() {
            tracing::trace!(job = %self.shared.job, "left out a progress event");
        }
    }

    /// How firmly the job was told to stop, so far.
    #[must_use]
    pub fn level(&self) -> CancelLevel {
        self.shared.signal.borrow().level
    }

    /// Waits until the body should end its work: told to stop or to be killed, let go of, or its events can no
    /// longer be written.
    pub async fn stopped(&self) {
        signal::until(&self.shared.signal, Signal::stops).await;
    }

    /// Waits until the job is to be cut short. Its body is dropped then, so this is for finalisers and for tasks
    /// of its own.
    pub async fn killed(&self) {
        signal::until(&self.shared.signal, |signal| signal.level == CancelLevel::Kill).await;
    }

    /// Does `work` unless the body should end ([`Self::stopped`]), which drops it.
    ///
    /// # Errors
    /// [`Failure::Interrupted`], or why events can no longer be written.
    pub async fn until_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            signal = signal::until(&self.shared.signal, Signal::stops) => match signal.broken {
                Some(failure) if signal.level == CancelLevel::None && !signal.detached => Err(failure),
                _ => Err(Failure::Interrupted),
            },
            value = work => Ok(value),
        }
    }

    /// Adds something to be done when the job is over, whichever way it ends, before the clean-up of what was added
    /// earlier. `what` names what should be gone afterwards (`machine m-abc234 (local)`); the error of `act` says
    /// why it is not. `act` may emit events; it has the engine's deadline. It is not done when the job is let go of.
    /// One for the same thing takes the place of an earlier one.
    pub fn finaliser(
        &self,
        what: impl Into<String>,
        act: impl FnOnce() -> BoxFuture<'static, Result<(), String>> + Send + 'static,
    ) -> FinaliserId {
        lock(&self.shared.finalisers).arm(what.into(), Box::new(act))
    }

    /// Takes a finaliser back; false when it has run or was taken back already.
    pub fn disarm(&self, id: FinaliserId) -> bool {
        lock(&self.shared.finalisers).disarm(id)
    }

    /// Says that something that should be gone is still there: the clean-up's verdict is then `remains`.
    pub fn remains(&self, what: impl Into<String>, why: impl Into<String>) {
        let (what, why) = (what.into(), crate::diag::redact(&why.into()));
        lock(&self.shared.remaining).push(Remaining { what, why });
    }

    /// Says that this machine stays on purpose: the clean-up's verdict is then `kept` instead of `clean`. The
    /// finaliser that would end it has to be disarmed too.
    pub fn keep(&self, machine: MachineId, provider: ProviderKind) {
        *lock(&self.shared.kept) = Some((machine, provider));
    }
}
