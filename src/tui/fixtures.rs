//! Jobs for tests of model, update and view: made of events, as real ones are.

use super::app::App;
use super::effect::Effect;
use super::keys::Chord;
use super::model::{MoneyTold, Setup};
use super::msg::Msg;
use super::theme::ThemeName;
use crate::domain::money::{Bill, Labels, Ledger, LedgerEntry, Platform, PriceBook};
use crate::domain::{
    Claim, CloudFacts, CloudWish, DirtyTree, Filesystem, ImageName, JobId, KeepMachine, Layout, Machine, MachineId,
    MachineState, Operation, Phase, ProviderKind, Region, ResourceKind, ResourceRef, RunTestsSpec, TestEvent,
    TestOutcome, TestResult, TestSource, Timestamp,
};
use crate::event::{Event, EventKind};
use crate::session::{Error, Listed, Trouble};
use crate::store::{JobView, Store};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::sync::Arc;
use std::time::Duration;

/// So many seconds after the beginning.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

/// The job.
pub(super) fn id() -> JobId {
    JobId::new("j-abc234").unwrap()
}

/// A test began; the output was 10 bytes a second long.
pub(super) fn started(name: &str) -> EventKind {
    EventKind::Test { test: TestEvent::Started { name: name.into() }, output: 100 }
}

/// A test ended.
pub(super) fn ended(name: &str, outcome: TestOutcome, seconds: f64, reason: Option<&str>) -> EventKind {
    failed(name, outcome, seconds, reason, None)
}

/// A test ended, with a diff.
pub(super) fn failed(
    name: &str,
    outcome: TestOutcome,
    seconds: f64,
    reason: Option<&str>,
    diff: Option<&str>,
) -> EventKind {
    let result = TestResult {
        name: name.into(),
        outcome,
        seconds: Some(seconds),
        reason: reason.map(str::to_owned),
        diff: diff.map(str::to_owned),
    };
    EventKind::Test { test: TestEvent::Ended(result), output: 200 }
}

/// The tests are counted.
pub(super) fn planned(total: u32) -> EventKind {
    EventKind::Test { test: TestEvent::Planned { total, parallel: Some(2) }, output: 0 }
}

/// A run of tests is asked for.
pub(super) fn submitted() -> EventKind {
    EventKind::Submitted { operation: Operation::RunTests(spec()) }
}

/// What is asked for.
pub(super) fn spec() -> RunTestsSpec {
    RunTestsSpec {
        build_image: false,
        wish: CloudWish::default(),
        provider: ProviderKind::Local,
        machine: None,
        image: None,
        source: TestSource::Directory("/home/a person/hg".into()),
        rev: "tip".into(),
        dirty: DirtyTree::Ignore,
        filesystem: Filesystem::Default,
        python: "system3".into(),
        test_args: vec!["-j2".into(), "test-a.t".into()],
        keep: KeepMachine::Never,
        lease: Duration::from_secs(7200),
        results: None,
    }
}

/// Events of the job, at these seconds.
pub(super) fn events(kinds: Vec<(i64, EventKind)>) -> Vec<Event> {
    (1..).zip(kinds).map(|(seq, (second, kind))| Event { seq, at: at(second), job: id(), kind }).collect()
}

/// The job that these events make.
pub(super) fn job(kinds: Vec<(i64, EventKind)>) -> JobView {
    let mut store = Store::new();
    for event in events(kinds) {
        store.apply(&event);
    }
    store.job(&id()).unwrap().clone()
}

/// A dashboard with the job's screen open, `now` being this second.
pub(super) fn opened(now: i64, kinds: Vec<(i64, EventKind)>) -> App {
    let setup = Setup {
        provider: ProviderKind::Local,
        lease: Duration::from_secs(7200),
        python: "system3".into(),
        transport: crate::domain::Transport::default(),
        types: crate::domain::money::UsualTypes {
            machines: vec!["c5.9xlarge".into(), "c5.4xlarge".into()],
            images: vec!["t3.2xlarge".into()],
        },
        budget: crate::domain::money::Budget::default(),
        current_dir: "/".into(),
        state_dir: "/state".into(),
        demo: Operation::RunTests(RunTestsSpec { source: TestSource::Pypi, ..spec() }),
        theme: ThemeName::Dark,
        zone: jiff::tz::TimeZone::UTC,
    };
    let (mut app, _) = App::new(setup, at(now), (80, 24));
    app.handle(Msg::Events(events(kinds.clone())));
    let asked = app.handle(Msg::Submitted(Ok(id())));
    if asked.contains(&Effect::Load(id())) && !kinds.is_empty() {
        app.handle(Msg::History(Box::new(job(kinds))));
    }
    app.handle(Msg::Tick(at(now)));
    app
}

/// What a provider tells when all of it can be asked.
pub(super) fn listed<T>(items: Vec<T>) -> Listed<T> {
    Listed { items, ..Listed::default() }
}

/// What it tells when nothing can be.
pub(super) fn silent<T>(provider: ProviderKind, error: Error) -> Listed<T> {
    Listed { troubles: vec![Trouble { provider, region: None, error }], ..Listed::default() }
}

/// A machine on EC2: its id, where, its name, and whose it is.
pub(super) fn on_aws(id: &str, region: &str, name: &str, claim: Claim) -> Machine {
    Machine {
        id: MachineId::new(id).unwrap(),
        provider: ProviderKind::Aws,
        state: MachineState::Running,
        image: ImageName::new("hg-linux-dev-debian10").ok(),
        launched: Some("2025-12-31T22:00:00Z".parse().unwrap()),
        lease: None,
        job: None,
        endpoint: None,
        layout: Layout::interface(),
        sudo: true,
        cloud: Some(Box::new(CloudFacts {
            region: Region::new(region).unwrap(),
            zone: Some(format!("{region}b")),
            instance_type: "c5.9xlarge".to_owned(),
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            image_id: Some("ami-0123456789abcdef0".to_owned()),
            address: Some("203.0.113.9".to_owned()),
            claim,
            keep: None,
            reason: None,
            metered: crate::domain::Metered::default(),
        })),
    }
}

/// Ours, by a name.
pub(super) fn ours() -> Claim {
    Claim::Ours { why: "its Name `hg-temp-linux` begins with `hg-`".to_owned() }
}

/// Ben's.
pub(super) fn bens() -> Claim {
    Claim::OtherOwner { owner: "ben".to_owned(), why: "tagged hg-owner=ben".to_owned() }
}

/// A stranger's.
pub(super) fn foreign() -> Claim {
    Claim::Foreign { why: None }
}

/// A machine or image on EC2 in us-west-2.
pub(super) fn in_oregon(kind: ResourceKind, id: &str) -> ResourceRef {
    ResourceRef { kind, provider: ProviderKind::Aws, region: Region::new("us-west-2").ok(), id: id.to_owned() }
}

/// That a machine of this type runs in us-west-2 since then, for a job.
pub(super) fn launched(id: &str, instance_type: &str, at: Timestamp, job: Option<&str>) -> LedgerEntry {
    let region = Region::new("us-west-2").unwrap();
    LedgerEntry::Opened {
        thing: in_oregon(ResourceKind::Machine, id),
        at,
        bill: Bill::of_machine(PriceBook::bundled(), &region, instance_type, Platform::Linux, false, (Some(30), 1)),
        labels: Labels {
            account: None,
            owner: Some("ann".to_owned()),
            job: job.and_then(|job| JobId::new(job).ok()),
            operation: job.map(|_| "run-tests".to_owned()),
            about: None,
        },
        lease: None,
    }
}

/// That a machine has ended.
pub(super) fn gone(id: &str, at: Timestamp) -> LedgerEntry {
    LedgerEntry::Ended { thing: in_oregon(ResourceKind::Machine, id), at, bound: false }
}

/// What the session tells of money: a c5.9xlarge that has run for 40 minutes and ends itself in 41, launched for the job
/// `j-under2`; a t3.2xlarge that ran from 90 to 60 minutes ago for `j-fail22`; an image of 30 GB that is 40 days old; a
/// t3.micro, whose price is not known, that has run for two hours.
pub(super) fn money_entries(now: Timestamp) -> Vec<LedgerEntry> {
    let ago = |minutes: i64| now - jiff::SignedDuration::from_mins(minutes);
    let (dear, over, small) = ("i-0aaaaaaaaaaaaaaaa", "i-09999999999999999", "i-0bbbbbbbbbbbbbbbb");
    let job = JobId::new("j-under2").unwrap();
    let mut entries = vec![
        LedgerEntry::Opened {
            thing: in_oregon(ResourceKind::Image, "ami-0123456789abcdef0"),
            at: ago(40 * 24 * 60),
            bill: Bill::of_snapshots(PriceBook::bundled(), &Region::new("us-west-2").unwrap(), 30),
            labels: Labels { owner: Some("ann".to_owned()), ..Labels::default() },
            lease: None,
        },
        launched(small, "t3.micro", ago(120), None),
        launched(over, "t3.2xlarge", ago(90), Some("j-fail22")),
        gone(over, ago(60)),
        launched(dear, "c5.9xlarge", ago(40), Some(job.as_str())),
        LedgerEntry::Lease { thing: in_oregon(ResourceKind::Machine, dear), ends: ago(-41) },
    ];
    for (phase, began, ended) in [
        (Phase::Launch, 40, Some(39)),
        (Phase::Ready, 39, Some(37)),
        (Phase::Prepare, 37, Some(36)),
        (Phase::Sync, 36, Some(32)),
        (Phase::Test, 32, None),
    ] {
        entries.push(LedgerEntry::PhaseBegan { job: job.clone(), phase, at: ago(began) });
        entries.extend(ended.map(|ended| LedgerEntry::PhaseEnded {
            job: job.clone(),
            phase,
            at: ago(ended),
            ok: true,
        }));
    }
    entries
}

/// What the session tells when these are entered.
pub(super) fn money_of(entries: &[LedgerEntry]) -> MoneyTold {
    let mut ledger = Ledger::default();
    for entry in entries {
        ledger.apply(entry);
    }
    let home = Region::new("us-west-2").ok();
    MoneyTold { ledger: Arc::new(ledger), book: Arc::clone(PriceBook::bundled()), home }
}

/// What the session tells of money, see [`money_entries`].
pub(super) fn money(now: Timestamp) -> MoneyTold {
    money_of(&money_entries(now))
}

/// A frame as text, a line for each row.
pub(super) fn shown(app: &mut App, columns: u16, rows: u16) -> String {
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    app.draw(area, &mut buffer);
    let mut text = String::new();
    for y in 0..rows {
        let line: String = (0..columns).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Presses keys, a frame after each; gives what the last one asked for.
pub(super) fn press(app: &mut App, keys: &[&str]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys {
        effects = app.handle(Msg::Key(key.parse::<Chord>().unwrap()));
        shown(app, 80, 24);
    }
    effects
}

/// Entries of the ledger as the session would make them.
pub(super) mod spent {
    use crate::domain::money::{Bill, Labels, Ledger, LedgerEntry, Platform, PriceBook};
    use crate::domain::{JobId, Operation, Phase, ProviderKind, Region, ResourceKind, ResourceRef, Timestamp};
    use crate::tui::model::MoneyTold;
    use crate::tui::msg::Msg;
    use std::sync::Arc;

    /// That a machine of a type has run in us-west-2 for so many minutes.
    pub(in crate::tui) fn runs(
        id: &str,
        instance_type: &str,
        minutes: i64,
        now: Timestamp,
        labels: Labels,
    ) -> LedgerEntry {
        let region = Region::new("us-west-2").unwrap();
        let (book, sizes) = (PriceBook::bundled(), (Some(64), 1));
        LedgerEntry::Opened {
            thing: thing(ResourceKind::Machine, id),
            at: now - jiff::SignedDuration::from_mins(minutes),
            bill: Bill::of_machine(book, &region, instance_type, Platform::Linux, false, sizes),
            labels,
            lease: None,
        }
    }

    /// That an image of so many GB is stored in us-west-2.
    pub(in crate::tui) fn stored(id: &str, gb: u64, now: Timestamp) -> LedgerEntry {
        LedgerEntry::Opened {
            thing: thing(ResourceKind::Image, id),
            at: now - jiff::SignedDuration::from_hours(40 * 24),
            bill: Bill::of_snapshots(PriceBook::bundled(), &Region::new("us-west-2").unwrap(), gb),
            labels: Labels::default(),
            lease: None,
        }
    }

    fn thing(kind: ResourceKind, id: &str) -> ResourceRef {
        ResourceRef { kind, provider: ProviderKind::Aws, region: Region::new("us-west-2").ok(), id: id.to_owned() }
    }

    /// That an operation was done so many times on a c5.9xlarge, today: each took 31 minutes, 27 of them for its tests.
    pub(in crate::tui) fn done_before(operation: &Operation, times: u32, now: Timestamp) -> Vec<LedgerEntry> {
        let mut entries = Vec::new();
        for time in 1..=times {
            let job = JobId::new(format!("j-past{time}")).unwrap();
            let labels = Labels {
                account: None,
                owner: None,
                job: Some(job.clone()),
                operation: Some(operation.verb().to_owned()),
                about: operation.about(),
            };
            let id = format!("i-0{time:016}");
            let at = |minutes: i64| now - jiff::SignedDuration::from_mins(60 * i64::from(time) - minutes);
            entries.push(runs(&id, "c5.9xlarge", 60 * i64::from(time), now, labels));
            entries.push(LedgerEntry::PhaseBegan { job: job.clone(), phase: Phase::Test, at: at(3) });
            entries.push(LedgerEntry::PhaseEnded { job, phase: Phase::Test, at: at(30), ok: true });
            entries.push(LedgerEntry::Ended { thing: thing(ResourceKind::Machine, &id), at: at(31), bound: false });
        }
        entries
    }

    /// What the session tells when this is entered.
    pub(in crate::tui) fn told(entries: &[LedgerEntry]) -> Msg {
        let mut ledger = Ledger::default();
        for entry in entries {
            ledger.apply(entry);
        }
        let (ledger, book) = (Arc::new(ledger), Arc::clone(PriceBook::bundled()));
        Msg::Money(Ok(Box::new(MoneyTold { ledger, book, home: Region::new("us-west-2").ok() })))
    }
}
