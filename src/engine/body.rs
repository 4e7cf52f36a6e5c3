//! From a body's first poll to the job's last event.
//!
//! How the body left, what the job was told by then, and what follows. The first row that fits counts. `Stop` and
//! `Kill` differ only in when the body is dropped: after its grace, or at once.
//!
//! | body                | told                    | work verdict           | finalisers | last event |
//! |---------------------|-------------------------|------------------------|------------|------------|
//! | dropped or failed ¹ | detach, no cancel       | –                      | not run    | `Detached` |
//! | panicked            | anything                | `Error` (internal)     | run        | `Ended`    |
//! | gave a verdict      | events not writable     | `Error` (why not)      | run        | `Ended`    |
//! | gave a verdict      | anything else           | that verdict           | run        | `Ended`    |
//! | dropped or failed   | cancel                  | `Cancelled` ²          | run        | `Ended`    |
//! | failed with `Error` | anything else           | `Error` (its own)      | run        | `Ended`    |
//! | dropped, `Interrupted` | events not writable  | `Error` (why not)      | run        | `Ended`    |
//! | `Interrupted`       | nothing                 | `Error` (internal)     | run        | `Ended`    |
//!
//! ¹ Its failure may be a consequence of being let go of, and to end the machine then would break the promise. A
//!   failure of its own comes again when the job is taken up.
//! ² With an `Error` of its own told as a warning: most often it is a consequence of the stop.
//!
//! Detach counts for nothing once the job was told to stop: who cancels wants the machine gone.
//!
//! | finalisers                              | kept set | clean-up verdict                       |
//! |-----------------------------------------|----------|----------------------------------------|
//! | none, or all did what they are for      | no       | `Clean`                                |
//! | none, or all did what they are for      | yes      | `Kept`                                 |
//! | some failed, panicked or ran out of time| any      | `Remains`, those in the order they ran |
//!
//! What the body itself said remains ([`JobContext::remains`]) comes before those of the finalisers, and makes it `Remains`.
//!
//! Events at the end, in order: `PhaseEnded` without success for phases the body left open, the warning of ², then,
//! if there are finalisers, `PhaseStarted End`, theirs, a warning for each that failed, `PhaseEnded End`; then `Ended`.

use super::context::JobContext;
use super::signal::{self, Signal};
use super::{Failure, JobOutcome};
use crate::domain::{CancelLevel, CleanupVerdict, Phase, Remaining, WorkVerdict};
use crate::event::EventKind;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::time::Instant;

/// What a body is.
pub(super) type Body = BoxFuture<'static, Result<WorkVerdict, Failure>>;

/// How a body left.
#[derive(Debug)]
enum Left {
    /// It came to its own end.
    Returned(Result<WorkVerdict, Failure>),
    /// With this message.
    Panicked(String),
    /// It was told to end and had not by then.
    Dropped,
}

/// The table above without its footnotes: what becomes of the work; none when the job is let go of. A second value
/// is a failure that the verdict does not tell.
fn verdict(left: Left, told: &Signal) -> Option<(WorkVerdict, Option<String>)> {
    let error = |failure: Failure| match failure {
        Failure::Error { message, hints } => WorkVerdict::Error { message, hints },
        Failure::Interrupted => internal("the work was interrupted without having been told to stop"),
    };
    let cancelled = told.level > CancelLevel::None;
    Some(match left {
        Left::Dropped | Left::Returned(Err(_)) if told.detaches() => return None,
        Left::Panicked(message) => (internal(&message), None),
        Left::Returned(Ok(verdict)) => (told.broken.clone().map_or(verdict, error), None),
        Left::Returned(Err(Failure::Error { message, .. })) if cancelled => (WorkVerdict::Cancelled, Some(message)),
        Left::Dropped | Left::Returned(Err(_)) if cancelled => (WorkVerdict::Cancelled, None),
        Left::Returned(Err(failure @ Failure::Error { .. })) => (error(failure), None),
        Left::Dropped | Left::Returned(Err(Failure::Interrupted)) => {
            (error(told.broken.clone().unwrap_or(Failure::Interrupted)), None)
        }
    })
}

fn internal(message: &str) -> WorkVerdict {
    WorkVerdict::Error { message: format!("internal error: {message}"), hints: Vec::new() }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.as_deref().unwrap_or("without a message"))
}

/// Runs a job to its last event.
pub(super) async fn drive(context: JobContext, body: Body) -> JobOutcome {
    let (left, told) = work(&context, body).await;
    let Some((mut work, aside)) = verdict(left, &told) else {
        context.shared.forget_finalisers();
        finish(&context, EventKind::Detached).await;
        return JobOutcome::Detached;
    };
    if let Some(message) = aside {
        tell(&context, EventKind::warning(crate::diag::redact(&format!("while stopping: {message}")))).await;
    }
    let cleanup = clean_up(&context).await;
    if let WorkVerdict::Error { message, .. } = &mut work {
        *message = crate::diag::redact(message);
    }
    finish(&context, EventKind::Ended { work: work.clone(), cleanup: cleanup.clone() }).await;
    JobOutcome::Ended { work, cleanup }
}

/// Polls the body until it leaves or must go, and announces each rise of the level meanwhile. The signal is the one
/// by which the job is judged: what it is told later changes nothing.
async fn work(context: &JobContext, body: Body) -> (Left, Signal) {
    let shared = &context.shared;
    let mut announced = CancelLevel::None;
    let mut body = Box::pin(AssertUnwindSafe(body).catch_unwind());
    let grace = async {
        signal::until(&shared.signal, Signal::stops).await;
        tokio::time::sleep(shared.options.stop_grace).await;
    };
    let mut left = tokio::select! {
        biased;
        _ = signal::until(&shared.signal, Signal::drops) => Left::Dropped,
        () = grace => Left::Dropped,
        () = announce(context, &mut announced) => Left::Dropped,
        returned = &mut body => match returned {
            Ok(result) => Left::Returned(result),
            Err(panic) => Left::Panicked(panic_message(panic.as_ref())),
        },
    };
    let told = shared.signal.borrow().clone();
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(body))) {
        left = Left::Panicked(panic_message(panic.as_ref()));
    }
    if !matches!(left, Left::Dropped | Left::Returned(Err(_))) || !told.detaches() {
        if told.level > announced {
            tell(context, EventKind::Cancelling { level: told.level }).await;
        }
        for (phase, start) in shared.take_open_phases() {
            let seconds = start.elapsed().as_secs_f64();
            tell(context, EventKind::PhaseEnded { phase, seconds, ok: false }).await;
        }
    }
    (left, told)
}

/// Emits `Cancelling` for each level the job reaches; never comes back.
async fn announce(context: &JobContext, announced: &mut CancelLevel) {
    loop {
        let known = *announced;
        let level = signal::until(&context.shared.signal, move |signal| signal.level > known).await.level;
        // not `tell`: dropped while it waits for the answer, this could not know that it need not be said again
        context.post(EventKind::Cancelling { level }).await;
        *announced = level;
    }
}

/// Runs the finalisers, the newest first.
async fn clean_up(context: &JobContext) -> CleanupVerdict {
    let shared = &context.shared;
    let mut items = shared.take_remaining();
    if shared.has_finalisers() {
        let phase = Phase::End;
        tell(context, EventKind::PhaseStarted { phase }).await;
        let (start, before) = (Instant::now(), items.len());
        let limit = shared.options.finaliser_deadline;
        while let Some(finaliser) = shared.pop_finaliser() {
            let act = AssertUnwindSafe(async move { (finaliser.act)().await }).catch_unwind();
            let why = match tokio::time::timeout(limit, act).await {
                Ok(Ok(Ok(()))) => continue,
                Ok(Ok(Err(why))) => crate::diag::redact(&why),
                Ok(Err(panic)) => format!("internal error: {}", panic_message(panic.as_ref())),
                Err(_) => format!("not done within {limit:?}"),
            };
            let what = finaliser.what;
            tell(context, EventKind::warning(format!("could not clean up {what}: {why}"))).await;
            items.push(Remaining { what, why });
        }
        let seconds = start.elapsed().as_secs_f64();
        tell(context, EventKind::PhaseEnded { phase, seconds, ok: items.len() == before }).await;
    }
    match shared.kept() {
        _ if !items.is_empty() => CleanupVerdict::Remains { items },
        Some((machine, provider)) => CleanupVerdict::Kept { machine, provider },
        None => CleanupVerdict::Clean,
    }
}

/// Emits an event that nothing depends on.
async fn tell(context: &JobContext, kind: EventKind) {
    if let Err(failure) = context.emit(kind).await {
        tracing::error!(job = %context.job(), %failure, "an event was lost");
    }
}

/// How often, and how far apart, the last event is tried: clean-up may just have made room for it.
const LAST_TRIES: u32 = 4;
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Emits the last event.
async fn finish(context: &JobContext, kind: EventKind) {
    for attempt in 1..=LAST_TRIES {
        match context.emit(kind.clone()).await {
            Ok(()) => return,
            Err(failure) => {
                tracing::error!(job = %context.job(), %failure, attempt, "the last event was not written");
            }
        }
        if attempt < LAST_TRIES {
            tokio::time::sleep(LAST_PAUSE).await;
        }
    }
    context.shared.closed.store(true, std::sync::atomic::Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table once more, by what was asked of it and not by how it is coded: every cell.
    #[test]
    fn every_cell_of_the_table() {
        let disk = Failure::new("disk");
        let own = Failure::new("own");
        for level in [CancelLevel::None, CancelLevel::Stop, CancelLevel::Kill] {
            for detached in [false, true] {
                for broken in [None, Some(disk.clone())] {
                    let told = Signal { level, detached, broken: broken.clone() };
                    let cancelled = level > CancelLevel::None;
                    let lets_go = detached && !cancelled;
                    let cell = |left| verdict(left, &told);
                    let error = |message: &str| WorkVerdict::Error { message: message.into(), hints: Vec::new() };

                    let panicked = cell(Left::Panicked("panicked: x".into()));
                    assert_eq!(panicked, Some((error("internal error: panicked: x"), None)), "{told:?}");

                    let done = cell(Left::Returned(Ok(WorkVerdict::TestsFailed { status: 1 })));
                    let expected =
                        if broken.is_some() { error("disk") } else { WorkVerdict::TestsFailed { status: 1 } };
                    assert_eq!(done, Some((expected, None)), "{told:?}");

                    let failed = cell(Left::Returned(Err(own.clone())));
                    let expected = match (lets_go, cancelled) {
                        (true, _) => None,
                        (_, true) => Some((WorkVerdict::Cancelled, Some("own".to_owned()))),
                        _ => Some((error("own"), None)),
                    };
                    assert_eq!(failed, expected, "{told:?}");

                    let interrupted = cell(Left::Returned(Err(Failure::Interrupted)));
                    let expected = match (lets_go, cancelled, &broken) {
                        (true, ..) => None,
                        (_, true, _) => Some((WorkVerdict::Cancelled, None)),
                        (.., Some(_)) => Some((error("disk"), None)),
                        _ => Some((internal("the work was interrupted without having been told to stop"), None)),
                    };
                    assert_eq!(interrupted, expected, "{told:?}");
                    assert_eq!(cell(Left::Dropped), expected, "{told:?}");
                }
            }
        }
    }
}
