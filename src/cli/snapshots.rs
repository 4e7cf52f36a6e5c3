//! What people and programs get to see, held fast: help texts at 80 columns, runs as plain lines, JSON and summaries.

use super::args::Cli;
use super::follow::{Follower, Hand, Leaving, Until, Watch};
use super::interrupt::{Press, Stance};
use super::printer::{Printer, Streams};
use crate::domain::money::{JobCost, PhaseCost, Usd};
use crate::domain::{
    CancelLevel, CleanupVerdict, CloudWish, DirtyTree, Filesystem, JobId, KeepMachine, MachineId, Operation, Phase,
    ProviderKind, RunId, RunTestsSpec, TestEvent, TestOutcome, TestResult, TestSource, Timestamp, WorkVerdict,
};
use crate::event::{Event, EventKind};
use crate::session::{JobFiles, Result};
use crate::store::{JobView, Store};
use clap::CommandFactory as _;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

fn job_id() -> JobId {
    JobId::new("j-abc234").unwrap()
}

pub(super) fn fold(events: &[Event]) -> JobView {
    let mut store = Store::new();
    for event in events {
        store.apply(event);
    }
    store.job(&job_id()).unwrap().clone()
}

fn test(test: TestEvent) -> EventKind {
    EventKind::Test { test, output: 0 }
}

fn result(name: &str, outcome: TestOutcome, seconds: f64) -> TestResult {
    TestResult { name: name.into(), outcome, seconds: Some(seconds), reason: None, diff: None }
}

fn stamp(kinds: Vec<(i64, EventKind)>) -> Vec<Event> {
    (1..).zip(kinds).map(|(seq, (second, kind))| Event { seq, at: at(second), job: job_id(), kind }).collect()
}

/// A run with a failure, a skip, escapes in every text a machine can send, and a lost connection.
pub(super) fn failing_run() -> Vec<Event> {
    let machine = || MachineId::new("m-abc234").unwrap();
    let provider = ProviderKind::Local;
    let run = RunId::new("j-abc234-test").unwrap();
    let start = |phase| EventKind::PhaseStarted { phase };
    let end = |phase, seconds| EventKind::PhaseEnded { phase, seconds, ok: true };
    let begin = |name: &str| test(TestEvent::Started { name: name.into() });
    let mut failed = result("test-evil\x1b[2J.t", TestOutcome::Failed, 1.25);
    failed.reason = Some("output changed\r".into());
    failed.diff = Some("--- a\n+++ b\n@@ -1,2 +1,2 @@\n same\n-old \x1b[31mred\x07\n+new\ttab\r\n".into());
    let mut long = result("test-long.t#case-a", TestOutcome::TimedOut, 180.0);
    long.diff = Some(format!("+{}\n{}", "x".repeat(10 << 20), "+y\n".repeat(300)));
    let mut skipped = result("test-docker.t", TestOutcome::Skipped, 0.0);
    skipped.seconds = None;
    skipped.reason = Some("missing feature: docker".into());
    stamp(vec![
        (
            0,
            EventKind::Submitted {
                operation: Operation::RunTests(RunTestsSpec {
                    build_image: false,
                    wish: CloudWish::default(),
                    provider,
                    machine: None,
                    image: None,
                    source: TestSource::Directory("/src/hg".into()),
                    rev: ".".into(),
                    dirty: DirtyTree::Ignore,
                    filesystem: Filesystem::Default,
                    python: "system3".into(),
                    test_args: vec!["-j2".into()],
                    keep: KeepMachine::Never,
                    lease: Duration::from_secs(7200),
                    results: None,
                }),
            },
        ),
        (0, EventKind::Started { pid: 7, resumed: false }),
        (0, start(Phase::Launch)),
        (0, EventKind::Launching { machine: machine(), provider }),
        (2, end(Phase::Launch, 2.0)),
        (2, EventKind::MachineReady { machine: machine(), provider, address: "127.0.0.1:2222".into() }),
        (2, start(Phase::Sync)),
        (
            2,
            EventKind::SourceResolved {
                node: "0123456789abcdef0123456789abcdef01234567".into(),
                summary: "fix \x1b]0;it".into(),
            },
        ),
        (4, end(Phase::Sync, 2.0)),
        (4, start(Phase::Test)),
        (4, EventKind::RunStarted { run: run.clone(), command: "python3 run-tests.py -j2".into() }),
        (5, test(TestEvent::Planned { total: 4, parallel: Some(2) })),
        (5, begin("test-add.t")),
        (5, begin("test-evil\x1b[2J.t")),
        (6, test(TestEvent::Ended(result("test-add.t", TestOutcome::Passed, 0.517)))),
        (6, begin("test-long.t#case-a")),
        (7, test(TestEvent::Ended(failed))),
        (8, EventKind::LinkLost { reason: "reset by \x1b peer".into() }),
        (11, EventKind::LinkRestored { seconds: 3.2 }),
        (12, EventKind::warning("the machine has\x1b little space")),
        (13, test(TestEvent::Ended(skipped))),
        (186, test(TestEvent::Ended(long))),
        (186, EventKind::EventsRead { offset: 512 }),
        (187, EventKind::RunEnded { run, status: 1 }),
        (187, end(Phase::Test, 183.0)),
        (187, start(Phase::End)),
        (187, EventKind::MachineEnding { machine: machine(), provider }),
        (188, EventKind::MachineEnded { machine: machine(), provider, already: false }),
        (188, end(Phase::End, 1.0)),
        (188, EventKind::Ended { work: WorkVerdict::TestsFailed { status: 1 }, cleanup: CleanupVerdict::Clean }),
    ])
}

/// Where a printer of the tests writes.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader that has left.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

/// A session's stand-in: plays events, then waits; writes down what it is told.
struct Script {
    events: VecDeque<Event>,
    done: Arc<Mutex<Vec<String>>>,
    /// What a detach or cancel leads to.
    after: Vec<Event>,
    leaving: Leaving,
    cost: Option<JobCost>,
}

impl Hand for Script {
    async fn next(&mut self) -> Result<Event> {
        match self.events.pop_front() {
            Some(event) => Ok(event),
            None => std::future::pending().await,
        }
    }

    async fn detach(&mut self) -> Result<()> {
        self.done.lock().unwrap().push("detach".into());
        self.events = self.after.drain(..).collect();
        Ok(())
    }

    async fn cancel(&mut self, level: CancelLevel) -> Result<()> {
        self.done.lock().unwrap().push(format!("cancel {level:?}"));
        if level == CancelLevel::Kill {
            self.events = self.after.drain(..).collect();
        }
        Ok(())
    }

    async fn leaving(&mut self, _provider: ProviderKind, _machine: &MachineId) -> Leaving {
        self.leaving.clone()
    }

    async fn cost(&mut self) -> Option<JobCost> {
        self.cost.clone()
    }
}

struct Seen {
    code: i32,
    out: String,
    err: String,
    done: Vec<String>,
}

struct Play {
    args: &'static str,
    events: Vec<Event>,
    after: Vec<Event>,
    stance: Stance,
    until: Until,
    presses: Vec<Press>,
    folder: PathBuf,
    output: bool,
    gone: bool,
    leaving: Leaving,
    cost: Option<JobCost>,
}

impl Play {
    fn of(args: &'static str, events: Vec<Event>) -> Self {
        Self {
            args,
            events,
            after: vec![],
            stance: Stance::Driving,
            until: Until::Ended,
            presses: vec![],
            folder: "/nowhere".into(),
            output: false,
            gone: false,
            leaving: Leaving::default(),
            cost: None,
        }
    }

    async fn run(self) -> Seen {
        let cli = super::parse::read(shlex::split(self.args).unwrap().into_iter().map(Into::into).collect()).unwrap();
        let (out, err) = (Paper::default(), Paper::default());
        let streams = Streams { out_terminal: false, err_terminal: false, no_color: false, dumb: false };
        let to: Box<dyn Write + Send> = if self.gone { Box::new(Gone) } else { Box::new(out.clone()) };
        let mut printer = Printer::new(&cli.global, streams, to, Box::new(err.clone()));
        let done = Arc::new(Mutex::new(Vec::new()));
        let hand = Script {
            events: self.events.into(),
            done: Arc::clone(&done),
            after: self.after,
            leaving: self.leaving,
            cost: self.cost,
        };
        let files = JobFiles {
            folder: self.folder.clone(),
            output: self.folder.join("output"),
            results: self.folder.join("results"),
        };
        let watch =
            Watch { job: job_id(), stance: self.stance, until: self.until, files, output: self.output, history: 0 };
        let (sender, receiver) = mpsc::channel(8);
        let follower = Follower::new(hand, &mut printer, watch).run(receiver);
        let press = async {
            for press in self.presses {
                // after the events so far have been read
                tokio::time::sleep(Duration::from_secs(1)).await;
                sender.send(press).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        let code = tokio::select! {
            code = follower => code.unwrap(),
            () = press => unreachable!(),
        };
        let done = done.lock().unwrap().clone();
        Seen { code, out: out.text(), err: err.text(), done }
    }
}

/// Nothing but line feeds and tabs may control a terminal.
fn is_clean(text: &str) -> bool {
    text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t')
}

/// Text with its long runs of one letter shortened, so that a snapshot can be read.
fn short(text: &str) -> String {
    text.replace(&"x".repeat(4000), "<4000 x>").replace(&"+y\n".repeat(50), "").replace(&"    +y\n".repeat(50), "")
}

#[tokio::test(start_paused = true)]
async fn a_failing_run_in_plain_lines() {
    let seen = Play::of("hga run-tests-linux", failing_run()).run().await;
    assert_eq!(seen.code, 1);
    assert!(is_clean(&seen.out) && is_clean(&seen.err));
    insta::assert_snapshot!("plain_stdout", short(&seen.out));
    insta::assert_snapshot!("plain_stderr", short(&seen.err));
}

#[tokio::test(start_paused = true)]
async fn colour_adds_nothing_but_colour() {
    let plain = Play::of("hga run-tests-linux", failing_run()).run().await;
    let mut coloured = Play::of("hga --color always run-tests-linux", failing_run()).run().await.out;
    assert!(coloured.contains("\x1b[31mFAIL   \x1b[0m"));
    for code in ["32", "31", "33", "2", "1", "36", "0"] {
        coloured = coloured.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(coloured, plain.out);
}

#[tokio::test(start_paused = true)]
async fn a_failing_run_in_json() {
    let events = failing_run();
    let seen = Play::of("hga --json run-tests-linux", events.clone()).run().await;
    let lines: Vec<serde_json::Value> = seen.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), events.len() + 1);
    for (line, event) in seen.out.lines().zip(&events) {
        assert_eq!(serde_json::from_str::<Event>(line).unwrap(), *event);
    }
    let mut summary = lines.last().unwrap().clone();
    summary["failures"][1]["diff"] = "(long)".into();
    insta::assert_snapshot!("json_summary", serde_json::to_string_pretty(&summary).unwrap());
    assert_eq!(seen.code, 1);
    assert!(is_clean(&seen.out));
}

fn job_folder(output: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("output"), output).unwrap();
    folder
}

async fn with_output(args: &'static str, folder: &Path) -> Seen {
    Play { folder: folder.into(), output: true, ..Play::of(args, failing_run()) }.run().await
}

#[tokio::test(start_paused = true)]
async fn output_is_streamed_whole_in_json_and_safe_in_plain() {
    let mut bytes = b"..\x1b[2J\xff!\n".to_vec();
    bytes.extend(std::iter::repeat_n(b'z', 10 << 20));
    let folder = job_folder(&bytes);
    let seen = with_output("hga run-tests-linux", folder.path()).await;
    assert!(is_clean(&seen.out));
    assert!(seen.out.contains("..␛[2J\u{fffd}!\n") && seen.out.contains("z ... (10.0 MiB in this line)\n"));

    let seen = with_output("hga --json run-tests-linux", folder.path()).await;
    let mut whole = String::new();
    for line in seen.out.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        if value["event"] == "output" {
            whole.push_str(value["text"].as_str().unwrap());
        }
    }
    assert_eq!(whole, String::from_utf8_lossy(&bytes));
}

fn under_way() -> Vec<Event> {
    failing_run().into_iter().take(14).collect()
}

fn last(kind: EventKind) -> Vec<Event> {
    vec![Event { seq: 99, at: at(99), job: job_id(), kind }]
}

#[tokio::test(start_paused = true)]
async fn one_interrupt_detaches_after_a_moment() {
    let play = Play {
        after: last(EventKind::Detached),
        presses: vec![Press::Interrupt],
        ..Play::of("hga run-tests-linux", under_way())
    };
    let began = tokio::time::Instant::now();
    let seen = play.run().await;
    assert_eq!((seen.code, seen.done), (102, vec!["detach".to_owned()]));
    assert!(began.elapsed() >= Duration::from_secs(4), "one second until the press, three to think");
    assert!(seen.err.contains("detaching in 3 s: the run goes on"), "{}", seen.err);
    assert!(seen.err.contains("hga jobs attach j-abc234") && seen.err.contains("hga jobs cancel j-abc234"));
}

#[tokio::test(start_paused = true)]
async fn whoever_lets_go_of_a_machine_that_costs_is_told_what() {
    let money = "$1.53/h; ends itself in 41m 00s, at most $1.05 from now";
    let leaving = Leaving { ends: Some(at(2460)), money: Some(money.to_owned()) };
    let play = Play {
        after: last(EventKind::Detached),
        presses: vec![Press::Interrupt],
        leaving,
        ..Play::of("hga run-tests-linux", under_way())
    };
    let err = play.run().await.err;
    assert!(err.contains(&format!("unless attached\nleft running: {money}\npress Ctrl-C again")), "{err}");
    assert!(err.contains(&format!("goes on\nits machine is left running: {money}\nhint:")), "{err}");
}

#[tokio::test(start_paused = true)]
async fn what_a_job_cost_is_told_by_phase_and_in_sum() {
    let usd = |text: &str| text.parse::<Usd>().unwrap();
    let phase = |phase, text| PhaseCost { phase, usd: usd(text) };
    let cost = JobCost {
        total: usd("0.0812"),
        phases: vec![phase(Phase::Test, "0.0777"), phase(Phase::Sync, "0.001")],
        between: usd("0.0025"),
        unknown: 0,
        sources: ["list price of 2026-11-24".to_owned()].into(),
    };
    let seen = Play { cost: Some(cost.clone()), ..Play::of("hga run-tests-linux", failing_run()) }.run().await;
    let (_, rest) = seen.out.split_once("Time and money\n").unwrap();
    insta::assert_snapshot!(rest.lines().take(6).collect::<Vec<_>>().join("\n"), @r"
      launch       2.00s    1 %
      sync         2.00s    1 %   <$0.01
      test        3m 03s   97 %    $0.08
      end          1.00s    1 %
      between                     <$0.01
      total       3m 08s           $0.08  setup overhead 2.7 %
    ");
    assert!(rest.contains("\nCost       $0.08 (list price of 2026-11-24)\n"), "{rest}");
    let seen = Play { cost: Some(cost), ..Play::of("hga --json run-tests-linux", failing_run()) }.run().await;
    let summary: serde_json::Value = serde_json::from_str(seen.out.lines().last().unwrap()).unwrap();
    assert_eq!(summary["cost"]["total"], "0.0812");
    assert_eq!(summary["cost"]["phases"][0], serde_json::json!({"phase": "test", "usd": "0.0777"}));
}

#[tokio::test(start_paused = true)]
async fn two_interrupts_stop_and_three_cut_short() {
    let over = EventKind::Ended { work: WorkVerdict::Cancelled, cleanup: CleanupVerdict::Clean };
    let play = Play {
        after: last(over),
        presses: vec![Press::Interrupt; 3],
        ..Play::of("hga run-tests-linux", under_way())
    };
    let seen = play.run().await;
    assert_eq!((seen.code, seen.done), (103, vec!["cancel Stop".to_owned(), "cancel Kill".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_hangup_detaches_at_once_even_if_the_last_event_never_comes() {
    let play = Play { presses: vec![Press::Hangup], ..Play::of("hga run-tests-linux", under_way()) };
    let seen = play.run().await;
    assert_eq!((seen.code, seen.done), (102, vec!["detach".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_only_leaves() {
    let play = Play {
        stance: Stance::Watching,
        presses: vec![Press::Interrupt],
        ..Play::of("hga run-tests-linux", under_way())
    };
    let seen = play.run().await;
    assert_eq!((seen.code, seen.done), (102, Vec::<String>::new()));
}

#[tokio::test(start_paused = true)]
async fn asked_to_detach_it_prints_the_id_alone_on_stdout() {
    let play = Play {
        until: Until::UnderWay,
        after: last(EventKind::Detached),
        ..Play::of("hga run-tests-linux --detach", under_way())
    };
    let seen = play.run().await;
    assert_eq!((seen.code, seen.out.as_str(), seen.done), (0, "j-abc234\n", vec!["detach".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_left_is_left_quietly() {
    let play = Play { gone: true, ..Play::of("hga run-tests-linux", failing_run()) };
    let seen = play.run().await;
    assert_eq!((seen.code, seen.done), (102, vec!["detach".to_owned()]));
    assert!(!seen.err.contains("error"));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_told_with_its_hints() {
    let work = WorkVerdict::Error {
        message: "no repository in `/x\x1b`".into(),
        hints: vec![crate::diag::Hint::new("give its folder with `--source`")],
    };
    let mut events = under_way();
    events.truncate(4);
    events.extend(last(EventKind::Ended { work, cleanup: CleanupVerdict::Clean }));
    let seen = Play::of("hga run-tests-linux", events).run().await;
    assert_eq!(seen.code, 100);
    assert!(
        seen.err.ends_with("error: no repository in `/x␛`\n\nhint: give its folder with `--source`\n"),
        "{}",
        seen.err
    );
}

#[test]
fn help_of_every_command_at_80_columns() {
    fn pages(command: &mut clap::Command, name: &str, all: &mut String) {
        let help = command.clone().bin_name(name).term_width(80).render_help().to_string();
        writeln!(all, "===== {name} --help\n{help}").unwrap();
        let subs: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        for sub in subs.iter().filter(|sub| *sub != "help") {
            let inner = command.find_subcommand_mut(sub).unwrap();
            pages(inner, &format!("{name} {sub}"), all);
        }
    }
    let mut command = Cli::command();
    command.build();
    let mut all = String::new();
    pages(&mut command, "hga", &mut all);
    all.push_str("===== hga help exit-codes\n");
    all.push_str(&super::help::exit_codes());
    assert!(all.lines().all(|line| line.chars().count() <= 80));
    // a line of ours that clap had to break would begin in the first column, in small letters or not at all
    for text in super::help::ALL {
        assert!(text.lines().all(|line| line.chars().count() <= 79), "{text}");
    }
    insta::assert_snapshot!("help", all);
}
