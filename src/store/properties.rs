//! What must hold of the fold for any events in any order, and tables of what single events do.

use super::*;
use crate::domain::{
    CancelLevel, CleanupVerdict, JobState, MachineId, Phase, ProviderKind, RunId, TestEvent, TestOutcome, TestResult,
    Timestamp, WorkVerdict,
};
use crate::event::{EventKind, Level, Unit};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

fn job_id() -> JobId {
    JobId::new("j-abc234").unwrap()
}

fn fold(kinds: Vec<(i64, EventKind)>) -> JobView {
    let mut store = Store::new();
    for (seq, (second, kind)) in (1..).zip(kinds) {
        store.apply(&Event { seq, at: at(second), job: job_id(), kind });
    }
    store.job(&job_id()).unwrap().clone()
}

fn ended(name: &str, outcome: TestOutcome, seconds: f64) -> EventKind {
    let result = TestResult { name: name.into(), outcome, seconds: Some(seconds), reason: None, diff: None };
    EventKind::Test { test: TestEvent::Ended(result), output: 0 }
}

#[test]
fn attempts_of_a_phase_add_up() {
    let start = |phase| EventKind::PhaseStarted { phase };
    let job = fold(vec![
        (0, EventKind::Started { pid: 1, resumed: false }),
        (0, start(Phase::Launch)),
        (10, EventKind::PhaseEnded { phase: Phase::Launch, seconds: 10.0, ok: true }),
        (10, start(Phase::Test)),
        (20, EventKind::EventsRead { offset: 7 }),
        // the client died; a day later another takes the job up: the broken attempt counts to what was last heard
        (86_420, EventKind::Started { pid: 2, resumed: true }),
        (86_420, start(Phase::Test)),
        (86_440, EventKind::PhaseEnded { phase: Phase::Test, seconds: 20.0, ok: true }),
    ]);
    let table = phase_table(&job, at(90_000));
    assert!((table.total - 40.0).abs() < 1e-9, "{table:?}");
    assert_eq!(table.overhead_percent, Some(25.0));
    assert_eq!((job.phases[1].attempts, job.resumes, job.pid), (2, 1, Some(2)));
}

#[test]
fn running_tests_and_the_slowest_are_known() {
    let started = |name: &str| EventKind::Test { test: TestEvent::Started { name: name.into() }, output: 3 };
    let planned = EventKind::Test { test: TestEvent::Planned { total: 4, parallel: Some(2) }, output: 0 };
    let job = fold(vec![
        (0, planned),
        (0, started("a")),
        (0, started("b")),
        (4, ended("a", TestOutcome::Passed, 4.0)),
        (4, started("c")),
        (5, ended("b", TestOutcome::Failed, 5.0)),
    ]);
    assert_eq!(job.tests.running.iter().map(|test| test.name.as_str()).collect::<Vec<_>>(), ["c"]);
    assert_eq!(slowest(&job, 1)[0].name, "b");
    assert_eq!(failures(&job).len(), 1);
    // two are left at 4.5 s each, one second of which has passed, two at a time
    assert_eq!(eta(&job, &BTreeMap::new(), at(5)).unwrap().as_millis(), 4000);
    let known = BTreeMap::from([("c".to_owned(), 101.0), ("a".to_owned(), 1.0)]);
    assert_eq!(eta(&job, &known, at(5)).unwrap().as_millis(), 100_500);
    assert_eq!(eta(&fold(vec![(0, EventKind::Detached)]), &known, at(5)), None);
}

#[test]
fn what_comes_twice_counts_once() {
    let event = Event { seq: 5, at: at(0), job: job_id(), kind: ended("a", TestOutcome::Passed, 1.0) };
    let mut store = Store::new();
    store.apply(&event);
    store.apply(&event);
    store.apply(&Event { seq: 4, ..event });
    assert_eq!(store.job(&job_id()).unwrap().tests.counts.passed, 1);
    assert_eq!(store.last_seq(), 5);
}

#[test]
fn an_end_is_an_end_until_the_job_is_taken_up_again() {
    let over = EventKind::Ended { work: WorkVerdict::Cancelled, cleanup: CleanupVerdict::Clean };
    let job = fold(vec![(0, over.clone()), (1, EventKind::Detached)]);
    assert_eq!(job.state, JobState::Ended);
    let job = fold(vec![(0, over), (1, EventKind::Started { pid: 3, resumed: true })]);
    assert_eq!((job.state, job.work), (JobState::Running, None));
}

#[test]
fn notes_are_bounded() {
    let job = fold((0..1000).map(|n| (n, EventKind::info(format!("note {n}")))).collect());
    assert_eq!((job.notes.len(), job.notes_dropped), (200, 800));
    assert_eq!(job.notes.back().unwrap().text, "note 999");
}

fn kinds() -> impl Strategy<Value = EventKind> {
    let phase = prop::sample::select(Phase::ALL.to_vec());
    let name = prop::sample::select(vec!["a.t", "b.t", "c.t#x"]);
    let outcome = prop::sample::select(vec![
        TestOutcome::Passed,
        TestOutcome::Failed,
        TestOutcome::Error,
        TestOutcome::TimedOut,
        TestOutcome::Skipped,
        TestOutcome::Ignored,
    ]);
    let machine = || MachineId::new("m-abc234").unwrap();
    let run = || RunId::new("j-abc234-test").unwrap();
    let fixed = prop::sample::select(vec![
        EventKind::Started { pid: 1, resumed: true },
        EventKind::Detached,
        EventKind::Cancelling { level: CancelLevel::Stop },
        EventKind::Ended { work: WorkVerdict::Done, cleanup: CleanupVerdict::Clean },
        EventKind::Launching { machine: machine(), provider: ProviderKind::Local },
        EventKind::MachineReady { machine: machine(), provider: ProviderKind::Local, address: "x".into() },
        EventKind::MachineEnding { machine: machine(), provider: ProviderKind::Local },
        EventKind::MachineEnded { machine: machine(), provider: ProviderKind::Local, already: false },
        EventKind::RunStarted { run: run(), command: "x".into() },
        EventKind::RunEnded { run: run(), status: 1 },
        EventKind::SourceResolved { node: "0".into(), summary: "s".into() },
        EventKind::LinkLost { reason: "r".into() },
        EventKind::LinkRestored { seconds: f64::NAN },
        EventKind::Note { level: Level::Warning, text: "n".into() },
        EventKind::Progress { phase: Phase::Sync, done: 9, total: 0, unit: Unit::Bytes },
        EventKind::EventsRead { offset: 1 },
    ]);
    let seconds = prop::num::f64::ANY;
    prop_oneof![
        4 => fixed,
        2 => phase.clone().prop_map(|phase| EventKind::PhaseStarted { phase }),
        2 => (phase, seconds, any::<bool>())
            .prop_map(|(phase, seconds, ok)| EventKind::PhaseEnded { phase, seconds, ok }),
        3 => name.clone().prop_map(|name| EventKind::Test {
            test: TestEvent::Started { name: name.into() }, output: 1 }),
        4 => (name, outcome, prop::num::f64::ANY).prop_map(|(name, outcome, seconds)| ended(name, outcome, seconds)),
        1 => any::<u32>().prop_map(|total| EventKind::Test {
            test: TestEvent::Planned { total, parallel: None }, output: 1 }),
    ]
}

proptest! {
    #[test]
    fn any_events_in_any_order_fold(events in prop::collection::vec((0_u64..60, -5_i64..500, kinds()), 0..80)) {
        let events: Vec<Event> = events
            .into_iter()
            .map(|(seq, second, kind)| Event { seq, at: at(second), job: job_id(), kind })
            .collect();
        let (mut once, mut again) = (Store::new(), Store::new());
        for event in &events {
            once.apply(event);
            if let Some(job) = once.job(&job_id()) {
                prop_assert_eq!(job.tests.counts.done() as usize, job.tests.ended.len());
                prop_assert_eq!(failures(job).len(), job.tests.counts.failed as usize);
                let table = phase_table(job, at(1000));
                prop_assert!(table.total >= 0.0);
                let _ = eta(job, &BTreeMap::new(), at(1000));
                prop_assert!(slowest(job, 3).len() <= 3);
            }
        }
        for event in &events {
            again.apply(event);
        }
        // compared as text, since a total may have overflowed to a value that does not equal itself
        prop_assert_eq!(format!("{once:?}"), format!("{again:?}"));
        // every event again changes nothing: their numbers are behind
        let last = events.iter().map(|event| event.seq).max().unwrap_or(0);
        let before = format!("{once:?}");
        for event in events.iter().filter(|event| event.seq < last) {
            once.apply(event);
        }
        prop_assert_eq!(before, format!("{once:?}"));
    }
}
