//! Jobs from their first to their last event, in paused time.

use super::retry::{Schedule, retry};
use super::{Engine, EngineOptions, Failure, JobContext, JobHandle, JobOutcome, Sink, deadline};
use crate::domain::{CancelLevel, CleanupVerdict, JobId, MachineId, Phase, ProviderKind, Remaining, WorkVerdict};
use crate::event::{Draft, EventKind, Unit};
use futures::future::BoxFuture;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

/// Whether a record fails, by its number from 1 and what is in it.
type Fails = dyn Fn(usize, &[Draft]) -> bool + Send + Sync;

/// A sink that keeps what it is given; some records fail, and each may have to wait for a permit.
#[derive(Clone, Default)]
struct Book {
    drafts: Arc<Mutex<Vec<Draft>>>,
    calls: Arc<AtomicUsize>,
    fails: Option<Arc<Fails>>,
    gate: Option<Arc<Semaphore>>,
}

impl Book {
    fn failing(fails: impl Fn(usize, &[Draft]) -> bool + Send + Sync + 'static) -> Self {
        Self { fails: Some(Arc::new(fails)), ..Self::default() }
    }

    fn kinds(&self, id: &JobId) -> Vec<EventKind> {
        let drafts = self.drafts.lock().unwrap();
        drafts.iter().filter(|draft| draft.job == *id).map(|draft| draft.kind.clone()).collect()
    }

    /// The events of a job in words.
    fn words(&self, id: &JobId) -> Vec<String> {
        let word = |kind: EventKind| match kind {
            EventKind::Note { text, .. } => text,
            EventKind::PhaseStarted { phase } => format!("+{phase}"),
            EventKind::PhaseEnded { phase, ok, .. } => format!("-{phase} {}", if ok { "ok" } else { "bad" }),
            EventKind::Cancelling { level } => format!("{level:?}"),
            EventKind::Detached => "Detached".into(),
            EventKind::Ended { .. } => "Ended".into(),
            EventKind::Progress { done, .. } => format!("{done}"),
            other => format!("{other:?}"),
        };
        self.kinds(id).into_iter().map(word).collect()
    }
}

impl Sink for Book {
    fn record(&self, batch: Vec<Draft>) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            if let Some(gate) = &self.gate {
                gate.acquire().await.unwrap().forget();
            }
            let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            if self.fails.as_ref().is_some_and(|fails| fails(call, &batch)) {
                return Err(Failure::new("disk full").hint("free some space"));
            }
            self.drafts.lock().unwrap().extend(batch);
            Ok(())
        })
    }
}

fn poisoned(batch: &[Draft]) -> bool {
    batch.iter().any(|draft| draft.kind == EventKind::info("poison"))
}

fn id(name: &str) -> JobId {
    JobId::new(name).unwrap()
}

fn start(book: &Book) -> Engine {
    Engine::start(book.clone(), EngineOptions::default())
}

fn ended(work: WorkVerdict, cleanup: CleanupVerdict) -> JobOutcome {
    JobOutcome::Ended { work, cleanup }
}

fn error(message: &str) -> WorkVerdict {
    WorkVerdict::Error { message: message.into(), hints: Vec::new() }
}

fn arm(context: &JobContext, what: &str, how: Finaliser) {
    let (inner, word) = (context.clone(), format!("end {what}"));
    context.finaliser(what, move || {
        Box::pin(async move {
            inner.note(word).await.map_err(|failure| failure.to_string())?;
            match how {
                Finaliser::Works => Ok(()),
                Finaliser::Fails => Err("busy".to_owned()),
                Finaliser::Panics => panic!("boom"),
                Finaliser::Hangs => std::future::pending().await,
            }
        })
    });
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Body {
    Verdict,
    Fails,
    Interrupted,
    Panics,
    Hangs,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    Nothing,
    Stop,
    Kill,
    StopThenKill,
    Detach,
    StopThenDetach,
    /// An event of its could not be written, later ones can.
    Broken,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Finaliser {
    Works,
    Fails,
    Panics,
    Hangs,
}

/// One row: what is done, and all that is to be seen of it.
async fn row(body: Body, told: Told, middle: Option<Finaliser>, keep: bool) {
    let case = format!("{body:?} {told:?} {middle:?} {keep}");
    let book = Book::failing(|_, batch| poisoned(batch));
    let engine = start(&book);
    let job = id("j-one");
    let ready = Arc::new(Notify::new());
    let working = ready.clone();
    let handle = engine.run(job.clone(), move |context| async move {
        if let Some(how) = middle {
            arm(&context, "a", Finaliser::Works);
            arm(&context, "b", how);
            arm(&context, "c", Finaliser::Works);
        }
        if keep {
            context.keep(MachineId::new("m-one").unwrap(), ProviderKind::Local);
        }
        let inner = context.clone();
        let work = async move {
            if told == Told::Broken {
                inner.note("poison").await.unwrap_err();
            }
            working.notify_one();
            if told != Told::Nothing {
                inner.stopped().await;
            }
            match body {
                Body::Verdict => Ok(WorkVerdict::TestsFailed { status: 1 }),
                Body::Fails => Err(Failure::new("own")),
                Body::Interrupted => Err(Failure::Interrupted),
                Body::Panics => panic!("boom"),
                Body::Hangs => std::future::pending().await,
            }
        };
        context.phase(Phase::Test, work).await
    });
    ready.notified().await;
    let begun = Instant::now();
    match told {
        Told::Nothing | Told::Broken => {}
        Told::Stop => handle.cancel(CancelLevel::Stop),
        Told::Kill => handle.cancel(CancelLevel::Kill),
        Told::StopThenKill => {
            handle.cancel(CancelLevel::Stop);
            handle.cancel(CancelLevel::Kill);
            handle.cancel(CancelLevel::Stop);
        }
        Told::Detach => handle.detach(),
        Told::StopThenDetach => {
            handle.cancel(CancelLevel::Stop);
            handle.detach();
        }
    }
    let outcome = handle.done().await;
    let took = begun.elapsed();
    let words = book.words(&job);
    let kinds = book.kinds(&job);

    if told == Told::Detach {
        assert_eq!(outcome, JobOutcome::Detached, "{case}");
        assert_eq!(words, ["+test", "Detached"], "{case}");
        assert_eq!(took, Duration::ZERO, "{case}");
        return;
    }
    let dropped_at_once = matches!(told, Told::Kill | Told::StopThenKill);
    let disk =
        WorkVerdict::Error { message: "disk full".into(), hints: vec![crate::diag::Hint::new("free some space")] };
    let cancelled = matches!(told, Told::Stop | Told::StopThenDetach);
    let work = match body {
        _ if dropped_at_once => WorkVerdict::Cancelled,
        Body::Panics => error("internal error: panicked: boom"),
        Body::Verdict if told == Told::Broken => disk,
        Body::Verdict => WorkVerdict::TestsFailed { status: 1 },
        _ if cancelled => WorkVerdict::Cancelled,
        Body::Fails => error("own"),
        _ if told == Told::Broken => disk,
        _ => error("internal error: the work was interrupted without having been told to stop"),
    };
    let why = match middle {
        Some(Finaliser::Fails) => Some("busy"),
        Some(Finaliser::Panics) => Some("internal error: panicked: boom"),
        Some(Finaliser::Hangs) => Some("not done within 60s"),
        Some(Finaliser::Works) | None => None,
    };
    let cleanup = match why {
        Some(why) => CleanupVerdict::Remains { items: vec![Remaining { what: "b".into(), why: why.into() }] },
        None if keep => {
            CleanupVerdict::Kept { machine: MachineId::new("m-one").unwrap(), provider: ProviderKind::Local }
        }
        None => CleanupVerdict::Clean,
    };
    assert_eq!(outcome, ended(work.clone(), cleanup.clone()), "{case}");
    assert_eq!(kinds.last(), Some(&EventKind::Ended { work, cleanup }), "{case}");

    let mut expected = vec!["+test".to_owned()];
    if dropped_at_once {
        expected.push("Kill".into());
    } else if cancelled {
        expected.push("Stop".into());
    }
    let ok = body == Body::Verdict && !dropped_at_once;
    expected.push(if ok { "-test ok".into() } else { "-test bad".into() });
    if cancelled && body == Body::Fails {
        expected.push("while stopping: own".into());
    }
    if middle.is_some() {
        expected.extend(["+end", "end c", "end b"].map(String::from));
        expected.extend(why.map(|why| format!("could not clean up b: {why}")));
        expected.push("end a".into());
        expected.push(if why.is_some() { "-end bad".into() } else { "-end ok".into() });
    }
    expected.push("Ended".into());
    assert_eq!(words, expected, "{case}");

    let mut time = Duration::ZERO;
    if body == Body::Hangs && !dropped_at_once {
        time += Duration::from_secs(30);
    }
    if middle == Some(Finaliser::Hangs) {
        time += Duration::from_secs(60);
    }
    // timers have a grain of a millisecond
    assert!(took >= time && took < time + Duration::from_millis(10), "{case}: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn every_row_of_the_truth_table() {
    for body in [Body::Verdict, Body::Fails, Body::Interrupted, Body::Panics, Body::Hangs] {
        for told in [
            Told::Nothing,
            Told::Stop,
            Told::Kill,
            Told::StopThenKill,
            Told::Detach,
            Told::StopThenDetach,
            Told::Broken,
        ] {
            if (body, told) == (Body::Hangs, Told::Nothing) {
                continue;
            }
            for middle in [
                None,
                Some(Finaliser::Works),
                Some(Finaliser::Fails),
                Some(Finaliser::Panics),
                Some(Finaliser::Hangs),
            ] {
                for keep in [false, true] {
                    row(body, told, middle, keep).await;
                }
            }
        }
    }
}

fn idle(engine: &Engine, name: &str) -> JobHandle {
    engine.run(id(name), |context| async move {
        arm(&context, "a", Finaliser::Works);
        context.until_stopped(std::future::pending::<()>()).await?;
        Ok(WorkVerdict::Done)
    })
}

#[tokio::test(start_paused = true)]
async fn an_intent_is_written_before_the_act() {
    let gate = Arc::new(Semaphore::new(0));
    let book = Book { gate: Some(gate.clone()), ..Book::default() };
    let engine = start(&book);
    let acted = Arc::new(AtomicBool::new(false));
    let act = acted.clone();
    let intent = EventKind::Launching { machine: MachineId::new("m-one").unwrap(), provider: ProviderKind::Local };
    let emitted = intent.clone();
    let handle = engine.run(id("j-one"), move |context| async move {
        context.emit(emitted).await?;
        act.store(true, Ordering::SeqCst);
        Ok(WorkVerdict::Done)
    });
    // in paused time this comes back only once nothing else can move
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!acted.load(Ordering::SeqCst));
    gate.add_permits(1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(acted.load(Ordering::SeqCst));
    assert_eq!(book.kinds(&id("j-one")), [intent]);
    assert!(tokio::time::timeout(Duration::from_secs(1), handle.done()).await.is_err(), "not before its last event");
    gate.add_permits(1);
    assert_eq!(handle.done().await, ended(WorkVerdict::Done, CleanupVerdict::Clean));
}

#[tokio::test(start_paused = true)]
async fn whichever_record_fails_the_job_ends_and_its_finalisers_run() {
    for for_good in [false, true] {
        for n in 1..=12 {
            let book = Book::failing(move |call, _| if for_good { call >= n } else { call == n });
            let engine = start(&book);
            let job = id("j-one");
            let ran = Arc::new(AtomicUsize::new(0));
            let count = ran.clone();
            let handle = engine.run(job.clone(), move |context| async move {
                for what in ["one thing", "another"] {
                    let count = count.clone();
                    context.finaliser(what, move || {
                        count.fetch_add(1, Ordering::SeqCst);
                        Box::pin(async { Ok(()) })
                    });
                }
                let inner = context.clone();
                context
                    .phase(Phase::Test, async move {
                        inner.note("one").await?;
                        inner.emit_all(vec![EventKind::info("two"), EventKind::info("three")]).await
                    })
                    .await?;
                Ok(WorkVerdict::Done)
            });
            let JobOutcome::Ended { work, cleanup } = handle.done().await else { panic!("{n}") };
            // the body's four records come first
            let failed = matches!(&work, WorkVerdict::Error { message, .. } if message == "disk full");
            assert_eq!(failed, n <= 4, "{n} {for_good}: {work:?}");
            assert_eq!(cleanup, CleanupVerdict::Clean);
            assert_eq!(ran.load(Ordering::SeqCst), 2);
            let words = book.words(&job);
            assert_eq!(words.iter().filter(|word| *word == "Ended").count(), usize::from(!for_good || n > 7), "{n}");
            assert!(words.iter().take(words.len().saturating_sub(1)).all(|word| word != "Ended"), "{words:?}");
            assert_eq!(words.contains(&"two".into()), words.contains(&"three".into()), "both or neither");
            assert!(engine.jobs().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_of_one_job_does_not_harm_another() {
    let gate = Arc::new(Semaphore::new(0));
    let book = Book { gate: Some(gate.clone()), ..Book::failing(|_, batch| poisoned(batch)) };
    let engine = start(&book);
    let say = |name: &str, text: &'static str| {
        engine.run(id(name), move |context| async move { context.note(text).await.map(|()| WorkVerdict::Done) })
    };
    let handles = [say("j-one", "first"), say("j-two", "poison"), say("j-three", "third")];
    // all are queued by now, two of them behind the one that waits
    tokio::time::sleep(Duration::from_secs(1)).await;
    gate.add_permits(100);
    let mut works = Vec::new();
    for handle in handles {
        let JobOutcome::Ended { work, .. } = handle.done().await else { panic!() };
        works.push(matches!(work, WorkVerdict::Done));
    }
    assert_eq!(works, [true, false, true]);
    assert_eq!(book.words(&id("j-three")), ["third", "Ended"]);
}

#[tokio::test(start_paused = true)]
async fn events_keep_their_order_and_nothing_comes_after_the_last() {
    let book = Book::default();
    let engine = start(&book);
    let late = Arc::new(Mutex::new(None));
    let kept = late.clone();
    let handle = engine.run(id("j-one"), move |context| async move {
        for n in 0..1000 {
            if n % 10 == 0 {
                context.emit_all(vec![EventKind::info(format!("{n}")), EventKind::info("b")]).await?;
            } else {
                context.note(format!("{n}")).await?;
            }
        }
        *kept.lock().unwrap() = Some(context.clone());
        // a task that goes on talking
        tokio::spawn(async move { while context.note("stray").await.is_ok() {} });
        tokio::task::yield_now().await;
        Ok(WorkVerdict::Done)
    });
    handle.done().await;
    let words = book.words(&id("j-one"));
    let numbers: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
    assert!(words.windows(2).all(|pair| !pair[0].ends_with('0') || pair[1] == "b"), "a batch stays together");
    assert_eq!(words.iter().position(|word| word == "Ended"), Some(words.len() - 1));
    let late = late.lock().unwrap().take().unwrap();
    assert_eq!(late.note("late").await, Err(Failure::Interrupted));
    late.progress(Phase::Test, 1, 1, Unit::Steps);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(book.words(&id("j-one")).len(), words.len());
}

#[tokio::test(start_paused = true)]
async fn cancel_counts_before_the_first_poll_and_rises_step_by_step() {
    let book = Book::default();
    let engine = start(&book);
    let handle = idle(&engine, "j-early");
    handle.cancel(CancelLevel::Kill);
    assert_eq!(handle.done().await, ended(WorkVerdict::Cancelled, CleanupVerdict::Clean));
    assert_eq!(book.words(&id("j-early")), ["Kill", "Ended"]);

    // one that does not heed the stop is killed later
    let handle = engine.run(id("j-deaf"), |context| async move {
        arm(&context, "a", Finaliser::Works);
        std::future::pending().await
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    handle.cancel(CancelLevel::Stop);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(book.words(&id("j-deaf")), ["Stop"]);
    handle.cancel(CancelLevel::Kill);
    let begun = Instant::now();
    assert_eq!(handle.done().await, ended(WorkVerdict::Cancelled, CleanupVerdict::Clean));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(book.words(&id("j-deaf")), ["Stop", "Kill", "+end", "end a", "-end ok", "Ended"]);
}

#[tokio::test(start_paused = true)]
async fn detach_and_cancel_count_for_nothing_during_clean_up() {
    let book = Book::default();
    let engine = start(&book);
    let handle = engine.run(id("j-one"), |context| async move {
        context.finaliser("slow", || {
            Box::pin(async {
                tokio::time::sleep(Duration::from_secs(20)).await;
                Ok(())
            })
        });
        Ok(WorkVerdict::Done)
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    handle.detach();
    handle.cancel(CancelLevel::Kill);
    assert_eq!(handle.done().await, ended(WorkVerdict::Done, CleanupVerdict::Clean));
    assert_eq!(book.words(&id("j-one")), ["+end", "-end ok", "Ended"]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_lets_go_of_all_but_those_told_to_stop() {
    let book = Book::default();
    let engine = start(&book);
    let (one, two) = (idle(&engine, "j-one"), idle(&engine, "j-two"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    two.cancel(CancelLevel::Stop);
    engine.shutdown().await;
    assert_eq!(one.done().await, JobOutcome::Detached);
    assert_eq!(two.done().await, ended(WorkVerdict::Cancelled, CleanupVerdict::Clean));
    assert_eq!(book.words(&id("j-one")), ["Detached"]);
    assert!(engine.jobs().is_empty() && engine.job(&id("j-one")).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_job_runs_once_at_a_time_and_can_be_taken_up_again() {
    let book = Book::default();
    let engine = start(&book);
    let first = idle(&engine, "j-one");
    let again = engine.run(id("j-one"), |_| async { panic!("not run") });
    tokio::time::sleep(Duration::from_secs(1)).await;
    again.detach();
    assert_eq!(first.done().await, JobOutcome::Detached);
    let next = engine.run(id("j-one"), |_| async { Ok(WorkVerdict::Done) });
    assert_eq!(next.done().await, ended(WorkVerdict::Done, CleanupVerdict::Clean));
    assert_eq!(book.words(&id("j-one")), ["Detached", "Ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_disarmed_finaliser_does_not_run_and_one_can_arm_another() {
    let book = Book::default();
    let engine = start(&book);
    let handle = engine.run(id("j-one"), |context| async move {
        let one = context.finaliser("one", || Box::pin(async { Err("must not run".to_owned()) }));
        assert!(context.disarm(one) && !context.disarm(one));
        let inner = context.clone();
        context.finaliser("two", move || {
            arm(&inner, "three", Finaliser::Fails);
            Box::pin(async { Ok(()) })
        });
        Ok(WorkVerdict::Done)
    });
    let items = vec![Remaining { what: "three".into(), why: "busy".into() }];
    assert_eq!(handle.done().await, ended(WorkVerdict::Done, CleanupVerdict::Remains { items }));
}

#[tokio::test(start_paused = true)]
async fn phases_are_timed_and_progress_is_thinned() {
    let book = Book::default();
    let engine = start(&book);
    let handle = engine.run(id("j-one"), |context| async move {
        let inner = context.clone();
        let work = async move {
            for done in 1..=100 {
                inner.progress(Phase::Sync, done, 100, Unit::Files);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        };
        context.phase(Phase::Sync, work).await?;
        Ok(WorkVerdict::Done)
    });
    handle.done().await;
    let kinds = book.kinds(&id("j-one"));
    let told: Vec<u64> = kinds
        .iter()
        .filter_map(|kind| if let EventKind::Progress { done, .. } = kind { Some(*done) } else { None })
        .collect();
    assert_eq!((told.first(), told.last()), (Some(&1), Some(&100)));
    assert!((9..=12).contains(&told.len()), "{told:?}");
    let seconds = kinds.iter().find_map(|kind| match kind {
        EventKind::PhaseEnded { phase: Phase::Sync, seconds, ok: true } => Some(*seconds),
        _ => None,
    });
    assert!((2.0..2.2).contains(&seconds.unwrap()), "{seconds:?}");
}

/// On several threads, at whatever moment the word comes: the promises that hold for every job.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_threads_meet_each_job_has_one_last_event_and_keeps_its_promise() {
    let book = Book::default();
    let engine = start(&book);
    let jobs = (0..300_u32).map(|n| {
        let job = id(&format!("j-{n}"));
        let begun = Arc::new(Notify::new());
        let told = begun.clone();
        let handle = engine.run(job.clone(), move |context| async move {
            arm(&context, "a", Finaliser::Works);
            told.notify_one();
            let inner = context.clone();
            let work = async move {
                for _ in 0..n % 17 {
                    inner.note("working").await?;
                }
                if n % 3 == 0 { Ok(()) } else { inner.until_stopped(std::future::pending()).await }
            };
            context.phase(Phase::Test, work).await.map(|()| WorkVerdict::Done)
        });
        tokio::spawn(async move {
            begun.notified().await;
            for _ in 0..n % 13 {
                tokio::task::yield_now().await;
            }
            match n % 4 {
                0 => handle.detach(),
                1 => handle.cancel(CancelLevel::Stop),
                2 => handle.cancel(CancelLevel::Kill),
                _ => {
                    handle.detach();
                    handle.cancel(CancelLevel::Stop);
                }
            }
            (job, n, handle.done().await)
        })
    });
    for job in jobs.collect::<Vec<_>>() {
        let (job, n, outcome) = job.await.unwrap();
        let words = book.words(&job);
        let cleaned = words.iter().any(|word| word == "end a");
        let last = words.iter().filter(|word| matches!(word.as_str(), "Ended" | "Detached")).count();
        assert_eq!(last, 1, "{words:?}");
        match &outcome {
            JobOutcome::Detached => {
                assert!(!cleaned && words.last().unwrap() == "Detached", "{n} {words:?}");
                assert!(!words.contains(&"+end".into()), "{words:?}");
            }
            JobOutcome::Ended { work, cleanup } => {
                assert!(cleaned && words.last().unwrap() == "Ended", "{n} {words:?}");
                assert_eq!(cleanup, &CleanupVerdict::Clean);
                assert!(*work == WorkVerdict::Cancelled || n % 3 == 0, "{n} {work:?}");
                let count = |word: &str| words.iter().filter(|known| known.starts_with(word)).count();
                assert_eq!(count("+test"), count("-test"), "{words:?}");
            }
        }
        assert!(n % 4 != 0 || n % 3 == 0 || outcome == JobOutcome::Detached, "{n} {outcome:?}");
        assert!(!matches!(n % 4, 1 | 2) || outcome != JobOutcome::Detached, "{n} {outcome:?}");
    }
}

#[test]
fn pauses_double_up_to_the_cap_and_end_in_time() {
    let seconds = Duration::from_secs;
    let schedule = Schedule { first: seconds(1), cap: seconds(20), max_elapsed: seconds(100) };
    for (failed, ceiling) in [(1, 1), (2, 2), (3, 4), (5, 16), (6, 20), (7, 20), (33, 20), (u32::MAX, 20)] {
        assert_eq!(schedule.ceiling(failed), seconds(ceiling), "{failed}");
    }
    for (failed, elapsed, random, pause) in [
        (1, 0, 0.0, Some(0)),
        (1, 0, 1.0, Some(1)),
        (4, 0, 0.5, Some(4)),
        (9, 80, 1.0, Some(20)),
        (9, 81, 1.0, None),
        (9, 100, 0.0, Some(0)),
        (9, 101, 0.0, None),
    ] {
        assert_eq!(
            schedule.pause(failed, seconds(elapsed), random),
            pause.map(seconds),
            "{failed} {elapsed} {random}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn retrying_ends_with_success_a_final_error_or_the_schedule() {
    let schedule = Schedule::default();
    let result = retry(&schedule, |_: &u32| true, |n| async move { if n < 4 { Err(n) } else { Ok(n) } }).await;
    assert_eq!(result, Ok(4));
    let result = retry(&schedule, |n| *n < 3, |n| async move { Err::<(), _>(n) }).await;
    assert_eq!(result, Err(3));
    let begun = Instant::now();
    let result = retry(&schedule, |_| true, |n| async move { Err::<(), _>(n) }).await;
    assert!(result.unwrap_err() > 15);
    let took = begun.elapsed();
    assert!(took <= schedule.max_elapsed + Duration::from_millis(100) && took > schedule.max_elapsed / 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_drops_what_is_late() {
    let limit = Duration::from_secs(5);
    assert_eq!(deadline::within(limit, "waiting", async { 1 }).await, Ok(1));
    let late = deadline::within(limit, "waiting for the machine", std::future::pending::<()>()).await.unwrap_err();
    assert_eq!(Failure::from(late), Failure::new("waiting for the machine took longer than 5s"));
}
