//! The journal against real files, threads and processes.

use super::{Error, Journal, Keep};
use crate::diag::{Hinted, chain};
use crate::domain::{
    CancelLevel, CleanupVerdict, JobId, JobState, MachineId, Operation, ProviderKind, TestEvent, TestOutcome,
    TestResult, Timestamp, WorkVerdict,
};
use crate::event::{Draft, Event, EventKind, Level};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal.sqlite")
    }

    fn open(&self) -> Journal {
        Journal::open(self.path()).unwrap()
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).unwrap()
}

fn operation() -> Operation {
    Operation::Terminate { provider: ProviderKind::Local, machines: vec![MachineId::new("m-abc234").unwrap()] }
}

fn job(name: &str) -> JobId {
    JobId::new(name).unwrap()
}

fn usd(text: &str) -> crate::domain::money::Usd {
    text.parse().unwrap()
}

fn draft(id: &JobId, kind: EventKind) -> Draft {
    Draft { job: id.clone(), at: at(1), kind }
}

fn test_ended(name: &str, seconds: Option<f64>, diff: Option<String>) -> EventKind {
    let outcome = if diff.is_some() { TestOutcome::Failed } else { TestOutcome::Passed };
    let result = TestResult { name: name.to_owned(), outcome, seconds, reason: None, diff };
    EventKind::Test { test: TestEvent::Ended(result), output: 0 }
}

fn ended() -> EventKind {
    EventKind::Ended { work: WorkVerdict::TestsFailed { status: 1 }, cleanup: CleanupVerdict::Clean }
}

fn all(journal: &Journal, id: Option<&JobId>) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let page = journal.events(id, events.last().map_or(0, |event| event.seq), 1000).unwrap();
        if page.is_empty() {
            return events;
        }
        events.extend(page);
    }
}

#[test]
fn a_job_begins_with_what_was_asked_and_an_id_is_taken_once() {
    let place = Place::new();
    let journal = place.open();
    assert_eq!(journal.last_seq().unwrap(), 0);
    let id = job("j-one");
    let seq = journal.create_job(&id, &operation(), at(0)).unwrap();
    assert_eq!(journal.last_seq().unwrap(), seq);
    let submitted = EventKind::Submitted { operation: operation() };
    assert_eq!(all(&journal, None), [Event { seq, at: at(0), job: id.clone(), kind: submitted }]);

    assert!(matches!(journal.create_job(&id, &operation(), at(5)), Err(Error::Exists { job }) if job == id));
    assert_eq!(all(&journal, None).len(), 1);
    let record = journal.job(&id).unwrap().unwrap();
    assert_eq!((record.state, record.created, record.operation), (JobState::Queued, at(0), operation()));
    assert_eq!(journal.job(&job("j-other")).unwrap(), None);

    #[cfg(unix)]
    for file in ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(place.folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn the_row_of_a_job_follows_its_events() {
    let place = Place::new();
    let journal = place.open();
    let id = job("j-one");
    journal.create_job(&id, &operation(), at(0)).unwrap();
    let started = EventKind::Started { pid: 42, resumed: false };
    for (kind, state, driver) in [
        (started.clone(), JobState::Running, Some(42)),
        (EventKind::Detached, JobState::Detached, None),
        (EventKind::Started { pid: 43, resumed: true }, JobState::Running, Some(43)),
        (EventKind::Cancelling { level: CancelLevel::Stop }, JobState::Cancelling, Some(43)),
        (EventKind::info("words"), JobState::Cancelling, Some(43)),
        (EventKind::NearCap { spent: usd("4"), cap: usd("5") }, JobState::Cancelling, Some(43)),
        (EventKind::Capped { spent: usd("5"), cap: usd("5") }, JobState::Cancelling, Some(43)),
        (ended(), JobState::Ended, None),
        (started, JobState::Ended, None),
    ] {
        assert_eq!(journal.unfinished().unwrap().len(), usize::from(state != JobState::Ended || kind == ended()));
        journal.append(&[draft(&id, kind.clone())]).unwrap();
        let record = journal.job(&id).unwrap().unwrap();
        assert_eq!((record.state, record.driver), (state, driver), "{kind:?}");
        let over = matches!(kind, EventKind::Capped { .. }) || record.work.is_some();
        assert_eq!(record.capped, over.then(|| usd("5")), "{kind:?}");
    }
    let record = journal.jobs(10).unwrap().remove(0);
    assert_eq!(record.work, Some(WorkVerdict::TestsFailed { status: 1 }));
    assert_eq!((record.cleanup, record.ended), (Some(CleanupVerdict::Clean), Some(at(1))));
    assert_eq!(journal.unfinished().unwrap(), []);
}

#[test]
fn events_come_in_order_by_page_and_by_job() {
    let place = Place::new();
    let journal = place.open();
    let (one, two) = (job("j-one"), job("j-two"));
    journal.create_job(&one, &operation(), at(0)).unwrap();
    journal.create_job(&two, &operation(), at(0)).unwrap();
    let batch: Vec<_> =
        (0..10).map(|n| draft(if n % 2 == 0 { &one } else { &two }, EventKind::info(n.to_string()))).collect();
    let numbers = journal.append(&batch).unwrap();
    let first = numbers[0];
    assert_eq!(numbers, (first..first + 10).collect::<Vec<_>>());
    let page = journal.events(Some(&two), numbers[3], 2).unwrap();
    let expected: Vec<_> = [5, 7].map(|n: usize| batch[n].clone().numbered(numbers[n])).into();
    assert_eq!(page, expected);
    assert_eq!(journal.events(None, numbers[9], 5).unwrap(), []);
    assert_eq!(journal.events(None, u64::MAX, 5).unwrap(), []);
}

#[test]
fn all_of_a_batch_or_none() {
    let place = Place::new();
    let journal = place.open();
    let id = job("j-one");
    journal.create_job(&id, &operation(), at(0)).unwrap();
    let batch = [draft(&id, ended()), draft(&job("j-none"), EventKind::info("x"))];
    let error = journal.append(&batch).unwrap_err();
    assert!(matches!(&error, Error::UnknownJob { job } if job == "j-none"), "{error}");
    assert_eq!(all(&journal, None).len(), 1);
    assert_eq!(journal.job(&id).unwrap().unwrap().state, JobState::Queued);
    assert!(matches!(
        journal.request_cancel(&job("j-none"), CancelLevel::Stop),
        Err(Error::UnknownJob { job }) if job == "j-none"
    ));
}

#[test]
fn any_text_comes_back_and_pages_of_long_diffs_stay_small() {
    let place = Place::new();
    let journal = place.open();
    let id = job("j-one");
    journal.create_job(&id, &operation(), at(0)).unwrap();
    let diff = "+\u{1b}[31m\0 \u{202e}\"\\\u{fffd}'; DROP TABLE events; --\n".repeat(30_000);
    assert!(diff.len() > 1 << 20);
    let batch: Vec<_> = (0..20).map(|n| draft(&id, test_ended(&format!("t{n}"), None, Some(diff.clone())))).collect();
    journal.append(&batch).unwrap();
    let page = journal.events(None, 1, 1000).unwrap();
    assert!((1..20).contains(&page.len()), "{}", page.len());
    let kinds: Vec<_> = all(&journal, Some(&id)).into_iter().skip(1).map(|event| event.kind).collect();
    assert!(kinds.iter().eq(batch.iter().map(|draft| &draft.kind)), "a diff was changed");
}

#[test]
fn what_this_version_does_not_know_stays_visible() {
    let place = Place::new();
    let journal = place.open();
    let id = job("j-one");
    journal.create_job(&id, &operation(), at(0)).unwrap();
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    let insert = "INSERT INTO events (job, at, kind) VALUES ('j-one', ?1, ?2)";
    raw.execute(insert, ["2026-01-01T00:00:00Z", r#"{"event":"cost.spent","usd":"1.20"}"#]).unwrap();
    raw.execute(insert, ["not a time", "{"]).unwrap();
    journal.append(&[draft(&id, EventKind::info("after"))]).unwrap();
    let events = all(&journal, None);
    assert_eq!(events.len(), 4);
    let EventKind::Note { level: Level::Warning, text } = &events[1].kind else { panic!("{:?}", events[1]) };
    assert!(text.contains("`cost.spent`"), "{text}");
    assert!(matches!(&events[2].kind, EventKind::Note { level: Level::Warning, .. }));
    assert_eq!(events[3].kind, EventKind::info("after"));

    raw.execute(
        "INSERT INTO jobs (id, operation, created, state)
         VALUES ('j-new', '{\"operation\":\"publish\"}', '2026-01-01T00:00:00Z', 'queued')",
        [],
    )
    .unwrap();
    assert_eq!(journal.jobs(10).unwrap().iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), ["j-one"]);
    let error = journal.job(&job("j-new")).unwrap_err();
    assert!(matches!(error, Error::Unreadable { what: "operation", .. }), "{error}");
}

#[test]
fn durations_are_those_of_the_last_runs() {
    let place = Place::new();
    let journal = place.open();
    let id = job("j-one");
    journal.create_job(&id, &operation(), at(0)).unwrap();
    for seconds in [100.0, 1.0, 4.0, 2.0, 3.0] {
        journal.append(&[draft(&id, test_ended("test-a.t", Some(seconds), None))]).unwrap();
    }
    let others = [("test-b.t", Some(0.5)), ("test-never.t", None), ("test-odd.t", Some(f64::NAN))];
    journal.append(&others.map(|(name, seconds)| draft(&id, test_ended(name, seconds, None)))).unwrap();
    let found = journal.durations(None, 4).unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["test-a.t", "test-b.t"]);
    let seconds = Duration::from_secs;
    let timing = found["test-a.t"];
    assert_eq!((timing.median, timing.last, timing.runs), (seconds(2), seconds(3), 4));
    let found = journal.durations(Some(&["test-a.t", "test-x.t"]), 5).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found["test-a.t"].median, found["test-a.t"].runs), (seconds(3), 5));
}

#[test]
fn a_request_to_stop_only_rises_and_is_seen_by_other_handles() {
    let place = Place::new();
    let (asking, driving) = (place.open(), place.open());
    let id = job("j-one");
    asking.create_job(&id, &operation(), at(0)).unwrap();
    assert_eq!(driving.cancel_requested(&id).unwrap(), CancelLevel::None);
    for (asked, expected) in [
        (CancelLevel::None, CancelLevel::None),
        (CancelLevel::Stop, CancelLevel::Stop),
        (CancelLevel::Kill, CancelLevel::Kill),
        (CancelLevel::Stop, CancelLevel::Kill),
    ] {
        asking.request_cancel(&id, asked).unwrap();
        assert_eq!(driving.cancel_requested(&id).unwrap(), expected);
    }
}

#[test]
fn the_data_version_moves_with_every_write_and_only_then() {
    let place = Place::new();
    let (one, two) = (place.open(), place.open());
    let first = one.data_version().unwrap();
    assert_eq!(one.clone().data_version().unwrap(), first);
    two.create_job(&job("j-one"), &operation(), at(0)).unwrap();
    let second = one.data_version().unwrap();
    assert_ne!(second, first);
    assert_eq!(all(&one, None).len(), 1);
    assert_eq!(one.data_version().unwrap(), second);
    one.append(&[draft(&job("j-one"), ended())]).unwrap();
    assert_ne!(one.data_version().unwrap(), second);
}

#[test]
fn pruning_takes_what_is_over_and_old_or_too_many() {
    let place = Place::new();
    let journal = place.open();
    for n in 0..6 {
        let id = job(&format!("j-{n}"));
        journal.create_job(&id, &operation(), at(n)).unwrap();
        journal.append(&[draft(&id, test_ended("t", Some(1.0), None))]).unwrap();
        if n != 1 {
            journal.append(&[Draft { job: id, at: at(n * 100), kind: ended() }]).unwrap();
        }
    }
    let last = journal.last_seq().unwrap();
    let keep = Keep { jobs: 10, age: Duration::from_secs(600) };
    assert_eq!(journal.prune(keep, at(700)).unwrap(), [job("j-0")]);
    assert_eq!(journal.prune(keep, at(700)).unwrap(), []);
    let keep = Keep { jobs: 2, ..keep };
    assert_eq!(journal.prune(keep, at(700)).unwrap(), [job("j-3"), job("j-2")]);
    let keep = Keep { jobs: 0, age: Duration::ZERO };
    assert_eq!(journal.prune(keep, at(10_000)).unwrap().len(), 2);
    let left: BTreeSet<_> = all(&journal, None).into_iter().map(|event| event.job).collect();
    assert_eq!(left, BTreeSet::from([job("j-1")]), "never one that is not over");
    assert_eq!(journal.durations(None, 10).unwrap()["t"].runs, 1);
    assert_eq!(journal.last_seq().unwrap(), last);
    assert!(journal.create_job(&job("j-next"), &operation(), at(0)).unwrap() > last, "numbers never come again");
}

#[test]
fn many_threads_with_handles_of_their_own_open_and_write_at_once() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let place = &place;
            scope.spawn(move || {
                let journal = place.open();
                let id = job(&format!("j-{worker}"));
                journal.create_job(&id, &operation(), at(0)).unwrap();
                for n in 0..50 {
                    let pair = [format!("{n} a"), format!("{n} b")].map(|text| draft(&id, EventKind::info(text)));
                    let numbers = journal.append(&pair).unwrap();
                    assert_eq!(numbers[1], numbers[0] + 1, "a batch is together");
                }
            });
        }
        // a reader that follows by number misses nothing, though many write: what is committed later has a higher one
        let place = &place;
        scope.spawn(move || {
            let journal = place.open();
            let (mut seen, mut last) = (0, 0);
            let give_up = std::time::Instant::now() + Duration::from_secs(300);
            while seen < 8 * 101 {
                assert!(std::time::Instant::now() < give_up, "only {seen} events came");
                for event in journal.events(None, last, 7).unwrap() {
                    assert_eq!(event.seq, last + 1);
                    last = event.seq;
                    seen += 1;
                }
            }
        });
    });
}

const CHILD: &str = "HGA_TEST_JOURNAL";

/// Not a test of its own: writes and tells what was written until it is killed.
#[test]
#[ignore = "runs as a child process of another test"]
fn child_that_writes() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let journal = Journal::open(path).unwrap();
    let id = job(&format!("j-{}", std::process::id()));
    journal.create_job(&id, &operation(), at(0)).unwrap();
    for n in 0_u64.. {
        let batch = [test_ended("t", Some(1.0), None), EventKind::EventsRead { offset: n }];
        let numbers = journal.append(&batch.map(|kind| draft(&id, kind))).unwrap();
        println!("wrote {}", numbers[1]);
    }
}

#[test]
fn what_was_written_outlives_processes_killed_while_they_write() {
    let place = Place::new();
    let mut children: Vec<_> = (0..2)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "journal::tests::child_that_writes", "--ignored", "--nocapture"])
                .env(CHILD, place.path())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut told = BTreeSet::new();
    for child in &mut children {
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let numbers = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("wrote ")?.parse::<u64>().ok());
        told.extend(numbers.take(100));
        child.kill().unwrap();
    }
    for mut child in children {
        child.wait().unwrap();
    }
    assert_eq!(told.len(), 200);
    let journal = place.open();
    let events = all(&journal, None);
    let there: BTreeSet<_> = events.iter().map(|event| event.seq).collect();
    assert!(told.is_subset(&there));
    let ended = events.iter().filter(|event| matches!(event.kind, EventKind::Test { .. })).count();
    let read = events.iter().filter(|event| matches!(event.kind, EventKind::EventsRead { .. })).count();
    assert_eq!(ended, read, "both of a batch or neither");
    let timed = journal.durations(None, u32::MAX).unwrap()["t"].runs;
    assert_eq!(usize::try_from(timed).unwrap(), ended);
}

fn hint_of(error: &Error) -> String {
    error.hints().first().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn a_newer_file_is_refused_and_not_touched() {
    let place = Place::new();
    drop(place.open());
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    let before = std::fs::read(place.path()).unwrap();
    let error = Journal::open(place.path()).unwrap_err();
    assert!(matches!(error, Error::Newer { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("written by a newer hga"));
    assert!(hint_of(&error).contains("upgrade"));
    assert!(std::fs::read(place.path()).unwrap() == before);
}

#[test]
fn a_damaged_file_is_named_with_the_way_out() {
    let place = Place::new();
    std::fs::write(place.path(), b"this is no database, but long enough to have a header".repeat(100)).unwrap();
    let error = Journal::open(place.path()).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{}", chain(&error));
    assert!(hint_of(&error).contains("move it aside"), "{}", hint_of(&error));
}

#[test]
fn a_folder_that_is_missing_or_in_the_way_is_named() {
    let place = Place::new();
    for path in [place.folder.path().join("none/journal.sqlite"), place.folder.path().to_owned()] {
        let error = Journal::open(&path).unwrap_err();
        assert!(matches!(error, Error::Open { .. }), "{}", chain(&error));
    }
}

#[test]
fn a_file_that_another_process_holds_is_named_locked() {
    let place = Place::new();
    drop(place.open());
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    let journal = Journal::open_waiting(&place.path(), Duration::from_millis(50)).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = journal.create_job(&job("j-one"), &operation(), at(0)).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{}", chain(&error));
    assert_eq!(journal.jobs(1).unwrap(), [], "reading goes on");
    raw.execute_batch("ROLLBACK").unwrap();
    journal.create_job(&job("j-one"), &operation(), at(0)).unwrap();
}

#[test]
fn a_full_disk_loses_nothing_that_was_written() {
    let place = Place::new();
    let journal = place.open();
    let id = job("j-one");
    journal.create_job(&id, &operation(), at(0)).unwrap();
    journal.limit_pages(32);
    let big = draft(&id, test_ended("t", None, Some("x".repeat(1 << 20))));
    let error = journal.append(&[draft(&id, ended()), big.clone()]).unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{}", chain(&error));
    assert!(hint_of(&error).contains("free some space"));
    assert_eq!(journal.job(&id).unwrap().unwrap().state, JobState::Queued);
    journal.limit_pages(1 << 20);
    journal.append(&[draft(&id, ended()), big]).unwrap();
    assert_eq!(all(&journal, None).len(), 3);
}

/// Does `work` as a user who does not own what the tests make. Root passes every permission check, so it takes
/// another user's place for files, in this thread alone.
#[cfg(target_os = "linux")]
fn without_privilege<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let unprivileged = scope.spawn(|| {
            if nix::unistd::geteuid().is_root() {
                nix::unistd::setfsuid(nix::unistd::Uid::from_raw(65534));
            }
            work()
        });
        unprivileged.join().unwrap()
    })
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_read_only_is_named_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let refused = |path: PathBuf| {
        let error = without_privilege(|| Journal::open(&path)).unwrap_err();
        assert!(matches!(error, Error::ReadOnly { .. }), "{}", chain(&error));
        assert!(hint_of(&error).contains("--state-path"));
    };
    // an empty folder
    let place = Place::new();
    mode(place.folder.path(), 0o555);
    refused(place.path());
    mode(place.folder.path(), 0o755);

    // a folder with a file that could itself be written
    drop(place.open());
    mode(&place.path(), 0o666);
    mode(place.folder.path(), 0o555);
    refused(place.path());
    mode(place.folder.path(), 0o777);

    // a file that cannot
    mode(&place.path(), 0o444);
    refused(place.path());
}

#[tokio::test]
async fn it_can_be_used_without_blocking_a_runtime() {
    let place = Place::new();
    let journal = place.open();
    let id = job("j-one");
    let asked = id.clone();
    journal.run(move |journal| journal.create_job(&asked, &operation(), at(0))).await.unwrap();
    let error = journal.run(move |journal| journal.create_job(&id, &operation(), at(0))).await.unwrap_err();
    assert!(matches!(error, Error::Exists { .. }));
}
