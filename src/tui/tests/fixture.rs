//! A dashboard with jobs, machines and images of every kind, told to it by messages, at a time that stands still.

use crate::domain::money::{Budget, Labels, Ledger, PriceBook, Usd};
use crate::domain::{
    CancelLevel, Claim, CleanupVerdict, CloudFacts, CloudWish, DirtyTree, Endpoint, Filesystem, Fingerprint,
    HostKeys, Image, ImageName, JobId, JobState, KeepMachine, LaunchSpec, Layout, Lease, Machine, MachineId,
    MachineState, Operation, Phase, Plan, PlanVerb, ProviderKind, Region, Remaining, Resource, ResourceKind,
    ResourceRef, RunId, RunTestsSpec, TestCounts, TestEvent, TestOutcome, TestResult, TestSource, Timestamp,
    WorkVerdict,
};
use crate::event::{Event, EventKind};
use crate::session::{Attachment, Error, ErrorKind, JobSummary, Listed, PlanRequest, Proposal, Trouble};
use crate::store::Store;
use crate::tui::App;
use crate::tui::effect::Effect;
use crate::tui::fixtures::{
    bens, foreign, gone, launched, listed, money, money_entries, money_of, on_aws, ours, spent,
};
use crate::tui::keys::Chord;
use crate::tui::model::Setup;
use crate::tui::msg::Msg;
use crate::tui::output::{OutputAnswer, Reader};
use crate::tui::theme::ThemeName;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The job that runs and whose tests are watched.
pub(super) const UNDER_WAY: &str = "j-under2";
/// One whose tests failed; its machine is gone.
pub(super) const FAILED: &str = "j-fail22";
/// One that nobody drives.
pub(super) const LEFT: &str = "j-left22";
/// One that carries a plan out.
pub(super) const REMOVES: &str = "j-remov2";
/// The machine of the job under way.
pub(super) const MACHINE: &str = "m-under2";

/// When it is: noon, UTC.
pub(super) fn now() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    now() - jiff::SignedDuration::from_secs(seconds)
}

pub(super) fn id(text: &str) -> JobId {
    JobId::new(text).unwrap()
}

pub(super) fn setup(theme: ThemeName) -> Setup {
    Setup {
        provider: ProviderKind::Local,
        lease: Duration::from_secs(4 * 3600),
        python: "system3".to_owned(),
        transport: crate::domain::Transport::default(),
        types: crate::domain::money::UsualTypes {
            machines: vec!["c5.9xlarge".into(), "c5.4xlarge".into()],
            images: vec!["t3.2xlarge".into()],
        },
        budget: Budget::default(),
        current_dir: "/home/hg/mercurial".into(),
        state_dir: "/home/hg/.hgautomation".into(),
        demo: Operation::RunTests(spec(&["test-demo.t"])),
        theme,
        zone: jiff::tz::TimeZone::UTC,
    }
}

fn spec(tests: &[&str]) -> RunTestsSpec {
    RunTestsSpec {
        build_image: false,
        wish: CloudWish::default(),
        provider: ProviderKind::Local,
        machine: None,
        image: None,
        source: TestSource::Directory("/home/hg/mercurial".into()),
        rev: ".".to_owned(),
        dirty: DirtyTree::Ignore,
        filesystem: Filesystem::Default,
        python: "system3".to_owned(),
        test_args: ["-j2"].iter().chain(tests).map(|word| (*word).to_owned()).collect(),
        keep: KeepMachine::Never,
        lease: Duration::from_secs(4 * 3600),
        results: None,
    }
}

/// A job as it is told: what the list says, and its events.
struct Told {
    summary: JobSummary,
    events: Vec<Event>,
}

/// Writes a job's events, one a second or so.
struct Script {
    told: Told,
    at: Timestamp,
    seq: u64,
}

impl Script {
    fn new(job: &str, seq: u64, begun: i64, operation: Operation) -> Self {
        let summary = JobSummary {
            id: id(job),
            operation: operation.clone(),
            created: ago(begun),
            state: JobState::Running,
            driven: true,
            ended: None,
            work: None,
            capped: None,
            cleanup: None,
        };
        let script = Self { told: Told { summary, events: Vec::new() }, at: ago(begun), seq };
        script.then(0, EventKind::Submitted { operation }).then(0, EventKind::Started { pid: 4711, resumed: false })
    }

    fn tests(job: &str, seq: u64, begun: i64, tests: &[&str]) -> Self {
        Self::new(job, seq, begun, Operation::RunTests(spec(tests)))
    }

    /// What happened, so many seconds after what happened before.
    fn then(mut self, seconds: i64, kind: EventKind) -> Self {
        self.at += jiff::SignedDuration::from_secs(seconds);
        self.seq += 1;
        self.told.events.push(Event { seq: self.seq, at: self.at, job: self.told.summary.id.clone(), kind });
        self
    }

    fn phase(self, phase: Phase, seconds: i64) -> Self {
        self.then(0, EventKind::PhaseStarted { phase })
            .then(seconds, EventKind::PhaseEnded { phase, seconds: seconds as f64, ok: true })
    }

    fn with_tests(self, total: u32) -> Self {
        let job = self.told.summary.id.clone();
        let (machine, provider) = (MachineId::for_job(&job), ProviderKind::Local);
        self.phase(Phase::Source, 1)
            .phase(Phase::Image, 0)
            .then(0, EventKind::Launching { machine: machine.clone(), provider })
            .phase(Phase::Launch, 1)
            .then(0, EventKind::MachineReady { machine, provider, address: "127.0.0.1:40001".to_owned() })
            .phase(Phase::Ready, 0)
            .phase(Phase::Prepare, 2)
            .then(
                0,
                EventKind::SourceResolved {
                    node: "0123456789abcdef0123456789abcdef01234567".to_owned(),
                    summary: "merge: keep both names when one side copies".to_owned(),
                },
            )
            .phase(Phase::Sync, 3)
            .then(0, EventKind::PhaseStarted { phase: Phase::Test })
            .then(
                0,
                EventKind::RunStarted {
                    run: RunId::for_job(&job, "test"),
                    command: "python3 run-tests.py -j2 test-*.t".to_owned(),
                },
            )
            .test(0, TestEvent::Planned { total, parallel: Some(2) }, 0)
    }

    fn test(self, seconds: i64, test: TestEvent, output: u64) -> Self {
        self.then(seconds, EventKind::Test { test, output })
    }

    fn began(self, seconds: i64, name: &str) -> Self {
        self.test(seconds, TestEvent::Started { name: name.to_owned() }, 40)
    }

    fn over(self, seconds: i64, name: &str, outcome: TestOutcome, why: Option<&str>) -> Self {
        let diff = outcome
            .is_failure()
            .then(|| DIFF.replace("NAME", name) + &" and more of it, this line a wide one\n".repeat(40));
        let result = TestResult {
            name: name.to_owned(),
            outcome,
            seconds: Some(1.5 * (name.len() % 7) as f64),
            reason: why.map(str::to_owned),
            diff,
        };
        self.test(seconds, TestEvent::Ended(result), 80)
    }

    fn ended(mut self, seconds: i64, work: WorkVerdict, cleanup: CleanupVerdict) -> Told {
        self.told.summary.work = Some(work.clone());
        self.told.summary.cleanup = Some(cleanup.clone());
        self.told.summary.state = JobState::Ended;
        self.told.summary.driven = false;
        let mut told = self.then(seconds, EventKind::Ended { work, cleanup }).told;
        told.summary.ended = told.events.last().map(|event| event.at);
        told
    }

    fn still(mut self, state: JobState, driven: bool) -> Told {
        self.told.summary.state = state;
        self.told.summary.driven = driven;
        self.told
    }
}

const DIFF: &str = "--- /hgwork/src/tests/NAME\n+++ /hgwork/src/tests/NAME.err\n@@ -12,7 +12,7 @@\n   $ hg init repo\n   \
                    $ cd repo\n   $ hg status --copies\n-  A wanted\n+  A seen \x1b[31mred\x1b]0;title\x07 \u{9b}2J\n   \
                    $ hg log -T '{rev}\\n'\n   0\n";

/// What a run printed: enough for several pages, with a failure, escapes and a long line.
pub(super) fn output() -> String {
    use std::fmt::Write as _;
    let mut text = "running 40 tests using 2 parallel processes\n".to_owned();
    for line in 0..150 {
        let _ = writeln!(text, "line {line} of what the tests said");
    }
    text.push_str("--- /hgwork/src/tests/test-copy.t\n+++ /hgwork/src/tests/test-copy.t.err\n-  wanted\n+  seen\n");
    text.push_str("ERROR: test-copy.t output changed\n\x1b[31mred\x1b[0m \u{9b}2J tab\there\n");
    let _ = writeln!(text, "{}", "long ".repeat(200));
    text.push_str("the last line\n");
    text
}

/// A purge under way: some of it is gone, one thing could not go.
fn removes() -> Told {
    let request = PlanRequest {
        verb: PlanVerb::Purge,
        owners: crate::domain::Owners::Mine,
        provider: Some(ProviderKind::Aws),
        chosen: None,
    };
    let plan = proposal(&request).plan;
    let things: Vec<ResourceRef> = plan.items.iter().map(|item| item.at.clone()).collect();
    let progress = |done| EventKind::Progress {
        phase: Phase::End,
        done,
        total: things.len() as u64,
        unit: crate::event::Unit::Steps,
    };
    Script::new(REMOVES, 7500, 30, Operation::Apply { plan: Box::new(plan), wait: false })
        .phase(Phase::Check, 2)
        .then(0, EventKind::PhaseStarted { phase: Phase::End })
        .then(1, EventKind::Removing { things: things[..2].to_vec() })
        .then(1, EventKind::Removed { things: things[..2].to_vec() })
        .then(0, progress(2))
        .then(1, EventKind::Removing { things: things[2..3].to_vec() })
        .then(
            2,
            EventKind::Left {
                thing: things[2].clone(),
                why: "could not deregister it: it is in use by a launch template (remove that first)".to_owned(),
            },
        )
        .still(JobState::Running, true)
}

fn jobs() -> Vec<Told> {
    let clean = || CleanupVerdict::Clean;
    let failed = || WorkVerdict::TestsFailed { status: 1 };
    let launch = Operation::Launch(LaunchSpec {
        wish: CloudWish::default(),
        provider: ProviderKind::Local,
        image: None,
        lease: Duration::from_secs(3600),
    });
    vec![
        Script::tests(UNDER_WAY, 9000, 95, &["test-*.t"])
            .with_tests(40)
            .began(0, "test-add.t")
            .began(0, "test-copy.t")
            .over(5, "test-add.t", TestOutcome::Passed, None)
            .began(0, "test-convert-svn-sink.t")
            .over(1, "test-convert-svn-sink.t", TestOutcome::Skipped, Some("missing feature: subversion"))
            .began(0, "test-merge1.t")
            .over(6, "test-copy.t", TestOutcome::Failed, Some("output changed"))
            .began(0, "test-rebase-interruptions.t")
            .over(20, "test-merge1.t", TestOutcome::TimedOut, Some("timed out"))
            .then(0, EventKind::warning("the machine answered late"))
            .began(1, "test-wait \x1b]0;x\x07\u{202e}é漢字.t")
            .still(JobState::Running, true),
        Script::tests(LEFT, 8000, 400, &["test-left.t"])
            .with_tests(3)
            .began(0, "test-left.t")
            .still(JobState::Running, false),
        removes(),
        Script::tests("j-detach", 7000, 500, &[])
            .with_tests(900)
            .then(3, EventKind::LinkLost { reason: "the connection was reset".to_owned() })
            .then(9, EventKind::Detached)
            .still(JobState::Detached, false),
        Script::tests("j-stop22", 6500, 60, &["test-stop.t"])
            .with_tests(2)
            .began(0, "test-stop.t")
            .then(9, EventKind::Cancelling { level: CancelLevel::Stop })
            .still(JobState::Cancelling, true),
        Script::tests(FAILED, 6000, 3600, &["test-copy.t", "test-add.t"])
            .with_tests(2)
            .began(0, "test-add.t")
            .over(2, "test-add.t", TestOutcome::Passed, None)
            .began(0, "test-copy.t")
            .over(4, "test-copy.t", TestOutcome::Failed, Some("output changed"))
            .phase(Phase::Collect, 1)
            .phase(Phase::End, 1)
            .ended(0, failed(), clean()),
        Script::tests("j-pass22", 5000, 7200, &["test-add.t"])
            .with_tests(1)
            .began(0, "test-add.t")
            .over(2, "test-add.t", TestOutcome::Passed, None)
            .ended(1, WorkVerdict::Done, clean()),
        Script::tests("j-cancel", 4000, 9000, &[])
            .with_tests(900)
            .then(2, EventKind::Cancelling { level: CancelLevel::Stop })
            .ended(4, WorkVerdict::Cancelled, clean()),
        Script::tests("j-remain", 3000, 90_000, &["test-add.t"]).with_tests(1).ended(
            70,
            WorkVerdict::MachineLost { message: "no answer for 60 s".to_owned() },
            CleanupVerdict::Remains {
                items: vec![Remaining {
                    what: "machine m-remain (local)".to_owned(),
                    why: "its folder is busy: /home/hg/.hgautomation/machines/m-remain".to_owned(),
                }],
            },
        ),
        Script::new("j-keep22", 2000, 4000, launch).ended(
            9,
            WorkVerdict::Done,
            CleanupVerdict::Kept { machine: MachineId::new("m-keep22").unwrap(), provider: ProviderKind::Local },
        ),
        Script::tests("j-error2", 1000, 200_000, &[]).ended(
            1,
            WorkVerdict::Error {
                message: "`/home/hg/mercurial` is no Mercurial repository".to_owned(),
                hints: vec![crate::diag::Hint::new("name one with `--source`")],
            },
            clean(),
        ),
    ]
}

fn machine(
    name: &str,
    provider: ProviderKind,
    state: MachineState,
    lease: Option<i64>,
    job: Option<&str>,
) -> Machine {
    let answers = state == MachineState::Running;
    Machine {
        id: MachineId::new(name).unwrap(),
        provider,
        state,
        image: (provider == ProviderKind::Local).then(|| ImageName::new("linux-dev").unwrap()),
        launched: (provider == ProviderKind::Local).then(|| ago(93)),
        lease: lease.map(|seconds| Lease::until(ago(-seconds))),
        job: job.map(id),
        endpoint: answers.then(|| Endpoint {
            host: "127.0.0.1".to_owned(),
            port: 40001,
            user: "hg".to_owned(),
            key: "/home/hg/.hgautomation/keys/keypair-automation".into(),
            host_keys: HostKeys::Unknown,
            proxy_command: None,
            managed: None,
        }),
        layout: Layout::interface(),
        sudo: true,
        cloud: None,
    }
}

pub(super) fn machines() -> Vec<Machine> {
    use MachineState as S;
    use ProviderKind::{Hosts, Local};
    vec![
        machine(MACHINE, Local, S::Running, Some(3 * 3600), Some(UNDER_WAY)),
        machine("m-left22", Local, S::Running, Some(90), Some(LEFT)),
        machine("m-stop22", Local, S::ShuttingDown, Some(1800), Some("j-stop22")),
        machine("m-begin2", Local, S::Pending, Some(7000), None),
        machine("build1.example.org", Hosts, S::Running, None, None),
        machine("build2", Hosts, S::Unreachable, None, None),
    ]
}

pub(super) fn images() -> Vec<Image> {
    let inputs = |what: &str| BTreeMap::from([("mercurial".to_owned(), what.to_owned())]);
    let image = |name: &str, days: i64, inputs: BTreeMap<String, String>| Image {
        name: ImageName::new(name).unwrap(),
        provider: ProviderKind::Local,
        fingerprint: Some(Fingerprint::of(&inputs)),
        inputs,
        created: ago(days * 86_400),
        bytes: 122 << 20,
        id: None,
        region: None,
        claim: None,
    };
    vec![image("linux-dev", 1, inputs("7.2.4")), image("linux-dev-old", 40, inputs("6.9"))]
}

pub(super) fn summaries() -> Vec<JobSummary> {
    jobs().into_iter().map(|told| told.summary).collect()
}

/// What providers tell of these machines, each of its own.
pub(super) fn told(machines: &[Machine]) -> Vec<Msg> {
    let of = |provider| machines.iter().filter(|machine| machine.provider == provider).cloned().collect();
    let mut all = vec![ProviderKind::Local, ProviderKind::Hosts];
    if machines.iter().any(|machine| machine.provider == ProviderKind::Aws) {
        all.push(ProviderKind::Aws);
    }
    all.into_iter().map(|provider| Msg::Machines(provider, listed(of(provider)))).collect()
}

/// Machines on EC2: ours in all states, another owner's, a stranger's.
pub(super) fn aws_machines() -> Vec<Machine> {
    use MachineState as S;
    let with = |id: &str, region: &str, name: &str, claim, state, change: fn(&mut CloudFacts)| {
        let mut machine = on_aws(id, region, name, claim);
        machine.state = state;
        change(machine.cloud.as_mut().unwrap());
        machine
    };
    vec![
        with("i-0aaaaaaaaaaaaaaaa", "us-west-2", "hg-temp-windows", ours(), S::Running, |_| {}),
        with("i-0bbbbbbbbbbbbbbbb", "us-west-2", "", ours(), S::Running, |cloud| {
            cloud.instance_type = "t3.micro".to_owned();
            cloud.claim = Claim::Ours { why: "key pair `hg-automation`, and no Name tag".to_owned() };
        }),
        with("i-0cccccccccccccccc", "us-east-1", "hg-linux \u{1b}[2J", ours(), S::Stopped, |cloud| {
            cloud.reason = Some("User initiated (2025-12-31 22:10:00 GMT)".to_owned());
            cloud.keep = Some(crate::domain::Keep::Unclear("next week".to_owned()));
        }),
        with("i-0dddddddddddddddd", "us-west-2", "hg-try", ours(), S::ShuttingDown, |_| {}),
        with("i-0eeeeeeeeeeeeeeee", "us-west-2", "hg-bens-box", bens(), S::Running, |_| {}),
        with("i-0ffffffffffffffff", "us-west-2", "db-prod", foreign(), S::Running, |_| {}),
    ]
}

/// Images on EC2: of the predecessor and another owner's.
pub(super) fn aws_images() -> Vec<Image> {
    let image = |name: &str, id: &str, claim| Image {
        name: ImageName::new(name).unwrap(),
        provider: ProviderKind::Aws,
        fingerprint: Some(Fingerprint::recorded("0123456789abcdef")),
        inputs: BTreeMap::new(),
        created: ago(40 * 86_400),
        bytes: 8 << 30,
        id: Some(id.to_owned()),
        region: Region::new("us-west-2").ok(),
        claim: Some(claim),
    };
    let named = Claim::Ours { why: "named `hg-linux-dev-debian10`, as the predecessor does".to_owned() };
    vec![
        image("hg-linux-dev-debian10", "ami-0123456789abcdef0", named),
        image("hg-windows-dev", "ami-0bbbbbbbbbbbbbbbb", bens()),
    ]
}

/// Everything on AWS.
pub(super) fn resources() -> Vec<Resource> {
    use ResourceKind as K;
    let region = Region::new("us-west-2").ok();
    let thing = |kind, id: &str, name: Option<&str>, claim: Claim, region: Option<Region>| Resource {
        at: ResourceRef { kind, provider: ProviderKind::Aws, region, id: id.to_owned() },
        name: name.map(str::to_owned),
        state: None,
        claim,
        created: None,
        bytes: None,
        keep: None,
        job: None,
        detail: None,
        fingerprint: None,
        ends_with: None,
        metered: None,
        used_by: Vec::new(),
    };
    let part = || Claim::Ours { why: "part of image ami-0123456789abcdef0, which is ours".to_owned() };
    let named = |name: &str| Claim::Ours { why: format!("named `{name}`, as the predecessor does") };
    let mut all: Vec<Resource> = aws_machines().iter().map(Machine::resource).collect();
    all.extend(aws_images().iter().map(Image::resource));
    all.push(Resource {
        state: Some("completed".to_owned()),
        created: Some(ago(40 * 86_400)),
        bytes: Some(8 << 30),
        used_by: vec![aws_images()[0].resource().at],
        ..thing(K::Snapshot, "snap-0123456789abcdef0", None, part(), region.clone())
    });
    all.push(Resource {
        state: Some("available".to_owned()),
        created: Some(ago(7200)),
        bytes: Some(64 << 30),
        ..thing(K::Volume, "vol-0123456789abcdef0", Some("hg-disk"), ours(), region.clone())
    });
    let group =
        thing(K::Group, "sg-0123456789abcdef0", Some("hg-linux-dev-1"), named("hg-linux-dev-1"), region.clone());
    all.push(Resource { detail: Some("opens port 22 to the world".to_owned()), ..group });
    let web = Claim::Foreign { why: Some("`hg-web` is like our names, but none that we give".to_owned()) };
    all.push(thing(K::Group, "sg-0fffffffffffffff0", Some("hg-web"), web, region.clone()));
    all.push(thing(K::KeyPair, "hg-automation", None, named("hg-automation"), region));
    all.push(thing(K::Profile, "hg-ephemeral-ec2-1", None, named("hg-ephemeral-ec2-1"), None));
    all.push(thing(K::Role, "hg-ephemeral-ec2-role-1", None, named("hg-ephemeral-ec2-role-1"), None));
    all
}

/// A place that does not answer.
pub(super) fn unseen<T>(items: Vec<T>, region: &str) -> Listed<T> {
    let error = Error::new(ErrorKind::Remote, "could not reach EC2: no answer within 30 s")
        .hint("`aws sts get-caller-identity` shows whether AWS can be reached from here");
    let trouble = Trouble { provider: ProviderKind::Aws, region: Region::new(region).ok(), error };
    Listed { troubles: vec![trouble], account: Some("123456789012".to_owned()), ..listed(items) }
}

/// The plan that the session makes of what there is on AWS.
pub(super) fn proposal(request: &PlanRequest) -> Proposal {
    let here = images().iter().map(Image::resource).chain(machines().iter().map(Machine::resource)).collect();
    let mut resources = [resources(), here].concat();
    resources.retain(|one| request.provider.is_none_or(|provider| provider == one.at.provider));
    let chosen = |one: &Resource| request.chosen.as_ref().is_none_or(|ids| ids.contains(&one.at.id));
    let chosen = |one: &Resource| {
        chosen(one) && (request.verb != PlanVerb::TerminateEc2 || one.at.kind == ResourceKind::Machine)
    };
    let mut plan = Plan::of(request.verb, &request.owners, &resources, chosen, &[], now());
    plan.account = Some("123456789012".to_owned());
    let plan = plan.priced(&resources, &Ledger::default(), PriceBook::bundled(), now());
    let troubles = unseen::<Machine>(Vec::new(), "eu-west-1").troubles;
    Proposal { plan, troubles: if request.chosen.is_some() { Vec::new() } else { troubles } }
}

/// All events of a job.
pub(super) fn history(job: &JobId) -> Vec<Event> {
    jobs().into_iter().find(|told| told.summary.id == *job).map(|told| told.events).unwrap_or_default()
}

pub(super) fn error() -> Error {
    Error::new(ErrorKind::State, "the journal is busy: another process \x1b[2Jwrites").hint("try again")
}

/// A dashboard without a terminal, and a world that answers it.
pub(super) struct Desk {
    pub(super) app: App,
    /// What was asked for since it was last emptied.
    pub(super) asked: Vec<Effect>,
    reader: Reader,
    answers: Receiver<OutputAnswer>,
    _folder: tempfile::TempDir,
}

impl Desk {
    /// One that has heard nothing yet.
    pub(super) fn silent(columns: u16, rows: u16, theme: ThemeName) -> Self {
        let (app, asked) = App::new(setup(theme), now(), (columns, rows));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("output");
        std::fs::write(&file, output()).unwrap();
        let (sender, answers) = channel();
        let reader = Reader::start(
            move |_| file.clone(),
            move |answer| {
                let _ = sender.send(answer);
            },
        );
        let mut desk = Self { app, asked, reader, answers, _folder: folder };
        desk.text();
        desk
    }

    /// One with nothing in it.
    pub(super) fn empty(columns: u16, rows: u16, theme: ThemeName) -> Self {
        let mut desk = Self::silent(columns, rows, theme);
        desk.tell(Msg::Jobs(Ok(Vec::new())));
        desk.tell(Msg::Machines(ProviderKind::Local, listed(Vec::new())));
        desk.tell(Msg::Images(ProviderKind::Local, listed(Vec::new())));
        desk
    }

    /// One with everything in it; the job under way is driven by it, and its panes are shown.
    pub(super) fn full(columns: u16, rows: u16, theme: ThemeName) -> Self {
        let mut desk = Self::silent(columns, rows, theme);
        desk.tell(Msg::Jobs(Ok(summaries())));
        for msg in told(&machines()) {
            desk.tell(msg);
        }
        desk.tell(Msg::Images(ProviderKind::Local, listed(images())));
        let names = ["test-wait.t", "test-rebase-interruptions.t", "test-merge1.t"];
        desk.tell(Msg::Durations(names.iter().map(|name| ((*name).to_owned(), 31.0)).collect()));
        for told in jobs().into_iter().filter(|told| told.summary.state != JobState::Ended) {
            desk.tell(Msg::Events(told.events));
        }
        desk.tell(Msg::Submitted(Ok(id(UNDER_WAY))));
        desk.keys("<esc>1");
        desk.asked.clear();
        desk
    }

    /// One with AWS besides: a region that cannot be asked any more, and a job that removed things.
    pub(super) fn cloud(columns: u16, rows: u16, theme: ThemeName) -> Self {
        let mut desk = Self::full(columns, rows, theme);
        desk.tell(Msg::Providers(vec![ProviderKind::Local, ProviderKind::Hosts, ProviderKind::Aws], Vec::new()));
        desk.tell(Msg::Images(ProviderKind::Hosts, listed(Vec::new())));
        let account = |items| Listed { account: Some("123456789012".to_owned()), ..listed(items) };
        desk.tell(Msg::Machines(ProviderKind::Aws, account(aws_machines())));
        desk.tell(Msg::Tick(now() + jiff::SignedDuration::from_secs(190)));
        for msg in told(&machines()) {
            desk.tell(msg);
        }
        let seen = aws_machines().into_iter().filter(|one| one.resource().at.region == Region::new("us-west-2").ok());
        desk.tell(Msg::Machines(ProviderKind::Aws, unseen(seen.collect(), "us-east-1")));
        desk.tell(Msg::Images(ProviderKind::Aws, listed(aws_images())));
        let here = |provider| machines().into_iter().filter(move |one| one.provider == provider);
        let images = images().iter().map(Image::resource).collect::<Vec<_>>();
        let local = here(ProviderKind::Local).map(|one| one.resource()).chain(images).collect();
        desk.tell(Msg::Resources(ProviderKind::Local, listed(local)));
        let hosts = here(ProviderKind::Hosts).map(|one| one.resource()).collect();
        desk.tell(Msg::Resources(ProviderKind::Hosts, listed(hosts)));
        desk
    }

    /// The same with what it costs, on the first day of a month; caps on a job and on a day.
    pub(super) fn charged(columns: u16, rows: u16, theme: ThemeName) -> Self {
        let mut desk = Self::cloud(columns, rows, theme);
        desk.app.model.setup.budget =
            Budget { job: Some(Usd::cents(500)), day: Some(Usd::cents(200)), alarm_after: Duration::from_secs(300) };
        desk.tell(Msg::Money(Ok(Box::new(money(desk.app.model.now)))));
        desk
    }

    /// The same on the 17th of the month, with machines that ran on the days before.
    pub(super) fn month(columns: u16, rows: u16, theme: ThemeName) -> Self {
        let mut desk = Self::charged(columns, rows, theme);
        let now: Timestamp = "2026-01-17T15:00:00Z".parse().unwrap();
        let mut entries = money_entries(now);
        for (day, hours, of) in [
            (2, 5, "c5.9xlarge"),
            (3, 3, "c5.4xlarge"),
            (5, 9, "c5.9xlarge"),
            (6, 12, "c5.9xlarge"),
            (7, 2, "t3.2xlarge"),
            (9, 6, "c5.4xlarge"),
            (12, 4, "c5.9xlarge"),
            (13, 1, "c5.9xlarge"),
            (16, 7, "c5.9xlarge"),
        ] {
            let name = format!("i-0ee{day:014}");
            let at: Timestamp = format!("2026-01-{day:02}T08:00:00Z").parse().unwrap();
            entries.push(launched(&name, of, at, Some(&format!("j-day{day:03}"))));
            entries.push(gone(&name, at + jiff::SignedDuration::from_hours(hours)));
        }
        desk.tell(Msg::Tick(now));
        desk.tell(Msg::Money(Ok(Box::new(money_of(&entries)))));
        desk
    }

    /// The same with a ledger: machines that cost, one of them with a job and a lease; a cap on a job and on a day, of which
    /// little is left; and such tests as forms begin with have run three times.
    pub(super) fn spending(columns: u16, rows: u16, theme: ThemeName) -> Self {
        let mut desk = Self::cloud(columns, rows, theme);
        let usd = |text: &str| text.parse().ok();
        desk.app.model.setup.budget = Budget { job: usd("5"), day: usd("8"), ..Budget::default() };
        let at = desk.app.model.now;
        let mut machines = aws_machines();
        machines[0].lease = Some(Lease::until(at + jiff::SignedDuration::from_mins(41)));
        machines[0].job = Some(id("j-spend2"));
        desk.tell(Msg::Machines(ProviderKind::Aws, listed(machines)));
        let operation = Operation::RunTests(RunTestsSpec { provider: ProviderKind::Aws, ..spec(&["test-*.t"]) });
        let labels = Labels { job: Some(id("j-spend2")), ..Labels::default() };
        let mut entries = spent::done_before(&operation, 3, at);
        entries.push(spent::runs("i-0aaaaaaaaaaaaaaaa", "c5.9xlarge", 40, at, labels));
        entries.push(spent::runs("i-0bbbbbbbbbbbbbbbb", "t3.micro", 200, at, Labels::default()));
        entries.push(spent::stored("ami-0123456789abcdef0", 8, at));
        desk.tell(spent::told(&entries));
        let told = Script::new("j-spend2", 9700, 0, operation).with_tests(40).still(JobState::Running, true);
        let mut jobs = summaries();
        jobs.insert(0, told.summary);
        desk.tell(Msg::Jobs(Ok(jobs)));
        desk.app.model.ours = [id("j-spend2")].into_iter().collect();
        desk
    }

    /// The same with the screen of a job whose machine is on its way up.
    pub(super) fn climbing(columns: u16, rows: u16, theme: ThemeName) -> Self {
        let mut desk = Self::full(columns, rows, theme);
        let asked = MachineId::new("m-climb2").unwrap();
        let machine = MachineId::new("i-0123456789abcdef0").unwrap();
        let provider = ProviderKind::Aws;
        let step = |step: &str, seconds| EventKind::Step { step: step.to_owned(), seconds };
        let region = Region::new("us-west-2").ok();
        let spec = RunTestsSpec { provider, ..spec(&["test-add.t"]) };
        let told = Script::new("j-climb2", 9500, 60, Operation::RunTests(spec))
            .phase(Phase::Source, 1)
            .phase(Phase::Image, 1)
            .then(0, EventKind::PhaseStarted { phase: Phase::Launch })
            .then(0, EventKind::Launching { machine: asked.clone(), provider })
            .then(
                2,
                EventKind::Launched {
                    asked,
                    machine,
                    provider,
                    instance_type: Some("c5.9xlarge".to_owned()),
                    region,
                    bill: None,
                    owner: None,
                    lease: None,
                },
            )
            .then(0, EventKind::PhaseEnded { phase: Phase::Launch, seconds: 2.1, ok: true })
            .then(0, EventKind::PhaseStarted { phase: Phase::Ready })
            .then(9, step("running", 9.3))
            .then(0, step("address", 0.4))
            .then(18, step("answers", 17.8))
            .then(1, step("login", 1.2))
            .still(JobState::Running, true);
        desk.tell(Msg::Events(told.events));
        desk.tell(Msg::Submitted(Ok(id("j-climb2"))));
        desk
    }

    /// Takes a message in, does what it asks for and draws, as the loop does.
    pub(super) fn tell(&mut self, msg: Msg) {
        let effects = self.app.handle(msg);
        self.text();
        for effect in effects {
            self.asked.push(effect.clone());
            if let Some(answer) = self.answer(effect) {
                self.tell(answer);
            }
        }
    }

    /// What the session answers when all goes well.
    pub(super) fn answer(&self, effect: Effect) -> Option<Msg> {
        Some(match effect {
            Effect::Load(job) => {
                let mut store = Store::new();
                for event in history(&job) {
                    store.apply(&event);
                }
                match store.job(&job) {
                    Some(view) => Msg::History(Box::new(view.clone())),
                    None => Msg::Loaded(job, Err(error())),
                }
            }
            Effect::Resources => Msg::Resources(ProviderKind::Aws, listed(resources())),
            Effect::Plan(request) => {
                let proposal = proposal(&request);
                Msg::Planned(request, Ok(proposal))
            }
            Effect::Count(jobs) => Msg::Counts(jobs.into_iter().map(|job| (job, counts())).collect()),
            Effect::TestNames(source, rev) => {
                let names = ["test-add.t", "test-copy.t", "test-copy2.t", "test-merge1.t"];
                Msg::TestNames(source, rev, Ok(names.map(str::to_owned).to_vec()))
            }
            Effect::Attach(job) => Msg::Attached(job, Ok(Attachment::Driving)),
            Effect::Output(request) => {
                self.reader.ask(request);
                return None;
            }
            _ => return None,
        })
    }

    /// What the reader of the output has to say by now.
    pub(super) fn read(&mut self) {
        while let Ok(answer) = self.answers.try_recv() {
            self.tell(Msg::Output(answer));
        }
    }

    /// Takes in what the reader says until the screen is another than this, or nothing more comes.
    pub(super) fn settle(&mut self, before: &str) {
        while self.text() == before {
            match self.answers.recv_timeout(Duration::from_millis(500)) {
                Ok(answer) => self.tell(Msg::Output(answer)),
                Err(_) => return,
            }
        }
    }

    /// Takes in what the reader says until it has nothing more to say; at once where it was not asked.
    pub(super) fn quiet(&mut self) {
        if self.app.model.job.is_some() {
            while let Ok(answer) = self.answers.recv_timeout(Duration::from_millis(150)) {
                self.tell(Msg::Output(answer));
            }
        }
    }

    /// Waits until the reader's answers have brought a text to the screen.
    #[track_caller]
    pub(super) fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.text().contains(text) {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(answer) = self.answers.recv_timeout(left) else { panic!("no `{text}`:\n{}", self.text()) };
            self.tell(Msg::Output(answer));
        }
    }

    /// Presses keys: characters, and names of [`Chord`]s in angle brackets.
    #[track_caller]
    pub(super) fn keys(&mut self, keys: &str) {
        for chord in chords(keys) {
            self.tell(Msg::Key(chord));
        }
    }

    /// Goes to a job in the list of jobs.
    #[track_caller]
    pub(super) fn choose_job(&mut self, job: &str) {
        self.keys("3<home>");
        for _ in 0..20 {
            if self.app.model.job_here() == Some(&id(job)) {
                return;
            }
            self.keys("j");
        }
        panic!("no job {job}:\n{}", self.text());
    }

    /// Goes to a machine in the list of machines.
    #[track_caller]
    pub(super) fn choose_machine(&mut self, machine: &str) {
        self.keys("1<home>");
        for _ in 0..20 {
            if self.app.model.machine_selected().is_some_and(|here| here.id.as_str() == machine) {
                return;
            }
            self.keys("j");
        }
        panic!("no machine {machine}:\n{}", self.text());
    }

    /// Another size.
    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        self.tell(Msg::Resize(columns, rows));
    }

    /// A frame.
    pub(super) fn frame(&mut self) -> Buffer {
        let (columns, rows) = self.app.model.size;
        let area = Rect::new(0, 0, columns, rows);
        let mut buffer = Buffer::empty(area);
        self.app.draw(area, &mut buffer);
        buffer
    }

    /// A frame's text, a line a row, without what is blank at the right.
    pub(super) fn text(&mut self) -> String {
        text(&self.frame())
    }
}

fn counts() -> TestCounts {
    TestCounts { total: 3, passed: 1, failed: 1, skipped: 1, ignored: 0 }
}

/// Keys of a text: characters, and names of [`Chord`]s in angle brackets.
#[track_caller]
pub(super) fn chords(keys: &str) -> Vec<Chord> {
    let mut found = Vec::new();
    let mut rest = keys;
    while let Some(c) = rest.chars().next() {
        if let Some((name, after)) = rest.strip_prefix('<').and_then(|after| after.split_once('>')) {
            found.push(name.parse().unwrap());
            rest = after;
        } else {
            found.push(Chord::char(c));
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

/// A buffer's text, a line a row, without what is blank at the right.
pub(super) fn text(buffer: &Buffer) -> String {
    use unicode_width::UnicodeWidthStr as _;
    let mut lines = String::new();
    for row in 0..buffer.area.height {
        let mut line = String::new();
        let mut column = 0;
        while column < buffer.area.width {
            let symbol = buffer[(column, row)].symbol();
            line.push_str(symbol);
            column += u16::try_from(symbol.width()).unwrap_or(1).max(1);
        }
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}
