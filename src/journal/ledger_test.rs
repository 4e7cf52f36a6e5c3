//! The ledger's table: what events enter by themselves, and that it outlives jobs, processes and older files.

use super::{Journal, Keep};
use crate::domain::money::{Bill, Ledger, LedgerEntry, Platform, PriceBook};
use crate::domain::{
    CleanupVerdict, CloudWish, JobId, LaunchSpec, MachineId, Operation, Phase, ProviderKind, Region, ResourceKind,
    ResourceRef, Timestamp, WorkVerdict,
};
use crate::event::{Draft, EventKind};
use std::time::Duration;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).unwrap()
}

fn open(folder: &tempfile::TempDir) -> Journal {
    Journal::open(folder.path().join("journal.sqlite")).unwrap()
}

fn launch(provider: ProviderKind) -> Operation {
    Operation::Launch(LaunchSpec {
        provider,
        image: None,
        lease: Duration::from_secs(3600),
        wish: CloudWish::default(),
    })
}

fn oregon() -> Region {
    Region::new("us-west-2").unwrap()
}

fn launched(id: &str) -> EventKind {
    let bill = Bill::of_machine(PriceBook::bundled(), &oregon(), "c5.9xlarge", Platform::Linux, false, (Some(20), 1));
    EventKind::Launched {
        asked: MachineId::new("m-a").unwrap(),
        machine: MachineId::new(id).unwrap(),
        provider: ProviderKind::Aws,
        instance_type: Some("c5.9xlarge".to_owned()),
        region: Some(oregon()),
        bill: Some(Box::new(bill)),
        owner: Some("anna".to_owned()),
        lease: Some(at(3600)),
    }
}

fn ended(id: &str) -> EventKind {
    EventKind::MachineEnded { machine: MachineId::new(id).unwrap(), provider: ProviderKind::Aws, already: false }
}

fn tell(journal: &Journal, job: &JobId, kinds: Vec<(i64, EventKind)>) {
    let drafts: Vec<Draft> =
        kinds.into_iter().map(|(second, kind)| Draft { job: job.clone(), at: at(second), kind }).collect();
    journal.append(&drafts).unwrap();
}

fn ledger(journal: &Journal) -> Ledger {
    let mut ledger = Ledger::default();
    for (_, entry) in journal.entries(0).unwrap() {
        ledger.apply(&entry);
    }
    ledger
}

#[test]
fn what_events_tell_of_money_is_entered_with_them_and_outlives_their_job() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let job = JobId::new("j-one").unwrap();
    journal.create_job(&job, &launch(ProviderKind::Aws), at(0)).unwrap();
    tell(
        &journal,
        &job,
        vec![
            (1, EventKind::PhaseStarted { phase: Phase::Launch }),
            (2, launched("i-0a")),
            (3, EventKind::PhaseEnded { phase: Phase::Launch, seconds: 2.0, ok: true }),
            // taken up again it is told again
            (4, launched("i-0a")),
            (1802, ended("i-0a")),
            (1803, EventKind::Ended { work: WorkVerdict::Done, cleanup: CleanupVerdict::Clean }),
        ],
    );
    let before = ledger(&journal);
    assert_eq!(journal.prune(Keep { jobs: 0, age: Duration::ZERO }, at(9000)).unwrap(), std::slice::from_ref(&job));
    assert!(journal.events(None, 0, 10).unwrap().is_empty());
    drop(journal);
    let after = ledger(&open(&folder));
    assert_eq!(after, before);
    let runs: Vec<_> = after.runs().collect();
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!((run.opened(), run.ended, run.bound, run.lease), (at(2), Some(at(1802)), false, Some(at(3600))));
    assert_eq!(run.thing.region, Some(oregon()));
    let labels = (run.labels.owner.as_deref(), run.labels.job.as_ref(), run.labels.operation.as_deref());
    assert_eq!(labels, (Some("anna"), Some(&job), Some("machines launch")));
    // 1800 s of $1.53 and of $0.005, and of 20 GB for $0.08 and a month of 2,678,400 s
    let cents: f64 = 100.0 * (1.535 / 2.0 + 20.0 * 0.08 * 1800.0 / 2_678_400.0);
    let total = run.total(PriceBook::bundled(), at(9000)).approximately() * 100.0;
    assert!((total - cents).abs() < 1e-6, "{total} {cents}");
    assert_eq!(after.phase_seconds(&job, Phase::Launch), Some(2));
}

#[test]
fn what_costs_nothing_enters_no_phases_and_a_removal_ends_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let (here, there) = (JobId::new("j-here").unwrap(), JobId::new("j-there").unwrap());
    journal.create_job(&here, &launch(ProviderKind::Local), at(0)).unwrap();
    journal.create_job(&there, &launch(ProviderKind::Aws), at(0)).unwrap();
    tell(&journal, &here, vec![(1, EventKind::PhaseStarted { phase: Phase::Launch })]);
    assert!(journal.entries(0).unwrap().is_empty());
    let thing =
        |kind, id: &str| ResourceRef { kind, provider: ProviderKind::Aws, region: Some(oregon()), id: id.to_owned() };
    let image = thing(ResourceKind::Image, "ami-0a");
    let bill = Box::new(Bill::of_snapshots(PriceBook::bundled(), &oregon(), 30));
    tell(
        &journal,
        &there,
        vec![
            (1, EventKind::ImageMade { image: image.clone(), bill, owner: None }),
            (2, launched("i-0a")),
            (3, EventKind::Removed { things: vec![image.clone(), thing(ResourceKind::Group, "sg-0a")] }),
        ],
    );
    let known = ledger(&journal);
    assert_eq!(known.run(&image).map(|run| run.ended), Some(Some(at(3))));
    assert_eq!(known.runs().count(), 2);
    assert!(known.run(&thing(ResourceKind::Machine, "i-0a")).is_some_and(crate::domain::money::Run::is_running));
}

#[test]
fn one_that_had_ended_already_is_not_said_to_end_now() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let job = JobId::new("j-one").unwrap();
    journal.create_job(&job, &launch(ProviderKind::Aws), at(0)).unwrap();
    let EventKind::MachineEnded { machine, provider, .. } = ended("i-0a") else { panic!() };
    tell(
        &journal,
        &job,
        vec![(2, launched("i-0a")), (90_000, EventKind::MachineEnded { machine, provider, already: true })],
    );
    assert!(ledger(&journal).runs().all(crate::domain::money::Run::is_open));
}

#[test]
fn entries_come_once_each_and_one_of_a_newer_version_keeps_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let entry =
        |second| LedgerEntry::PhaseBegan { job: JobId::new("j-x").unwrap(), phase: Phase::Test, at: at(second) };
    journal.enter(&[entry(1), entry(2)]).unwrap();
    let first = journal.entries(0).unwrap();
    assert_eq!(first.iter().map(|(_, entry)| entry.clone()).collect::<Vec<_>>(), [entry(1), entry(2)]);
    let raw = rusqlite::Connection::open(journal.path()).unwrap();
    raw.execute(r#"INSERT INTO ledger (entry) VALUES ('{"entry":"refunded"}')"#, []).unwrap();
    journal.enter(&[entry(3)]).unwrap();
    let rest = journal.entries(first[1].0).unwrap();
    assert_eq!(rest.iter().map(|(_, entry)| entry.clone()).collect::<Vec<_>>(), [entry(3)]);
}

#[test]
fn a_file_without_a_ledger_gets_one_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    journal.create_job(&JobId::new("j-old").unwrap(), &launch(ProviderKind::Aws), at(0)).unwrap();
    let path = journal.path().to_owned();
    drop(journal);
    // as the first version wrote it
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch("DROP TABLE ledger; ALTER TABLE jobs DROP COLUMN capped; PRAGMA user_version = 1").unwrap();
    drop(raw);
    let journal = open(&folder);
    assert_eq!(journal.jobs(9).unwrap().len(), 1);
    assert!(journal.entries(0).unwrap().is_empty());
    tell(&journal, &JobId::new("j-old").unwrap(), vec![(1, launched("i-0a"))]);
    assert_eq!(ledger(&journal).runs().count(), 1);
}
