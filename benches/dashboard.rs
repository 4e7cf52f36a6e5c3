//! A job's screen with 1 GB of output and 10,000 tests, at 200×50, in a process of its own.
//!
//! - Frames: 2,000 over all tabs with keys in between: time to handle a key, take the reader's answers in and draw (goal:
//!   p99 below 5 ms), beside drawing an empty dashboard.
//! - Key to frame while 50,000 lines a second are appended and tests go on, in a loop with the floor between frames that
//!   the program has (goal: p99 below 16 ms).
//! - The peak of resident memory (goal: below 100 MB).
//! - A ledger of 2,000 machines, apart: a second of it, and frames of the jobs and of the costs.
//! - How long until the end of the output shows and until all of it is indexed and searched, beside reading it.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench's output is its result")]

use hgautomation::domain::money::{Bill, Labels, Ledger, LedgerEntry, Platform, PriceBook};
use hgautomation::domain::{
    CloudWish, JobId, JobState, Operation, ProviderKind, Region, ResourceKind, ResourceRef, RunTestsSpec, TestEvent,
    TestOutcome, TestResult, TestSource, Timestamp,
};
use hgautomation::event::{Event, EventKind};
use hgautomation::session::{JobSummary, MoneyTold};
use hgautomation::tui::effect::Effect;
use hgautomation::tui::msg::Msg;
use hgautomation::tui::output::Reader;
use hgautomation::tui::theme::ThemeName;
use hgautomation::tui::{App, Setup};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const SIZE: u64 = 1_000_000_000;
const TESTS: u64 = 10_000;
/// Machines in the ledger of what costs.
const MACHINES: i64 = 2000;
/// Jobs in the list behind the screen.
const JOBS: u32 = 1000;
const FRAMES: usize = 2000;
const AREA: Rect = Rect { x: 0, y: 0, width: 200, height: 50 };
/// As in the program's own loop.
const FLOOR: Duration = Duration::from_millis(12);
const LIVE: Duration = Duration::from_secs(10);
const FIXTURE: &str = "HGA_BENCH_OUTPUT";

fn job() -> JobId {
    JobId::new("j-abc234").unwrap()
}

fn operation() -> Operation {
    Operation::RunTests(RunTestsSpec {
        build_image: false,
        wish: CloudWish::default(),
        provider: ProviderKind::Local,
        machine: None,
        image: None,
        source: TestSource::Pypi,
        rev: "tip".into(),
        dirty: hgautomation::domain::DirtyTree::Ignore,
        filesystem: hgautomation::domain::Filesystem::default(),
        python: "system3".into(),
        test_args: Vec::new(),
        keep: hgautomation::domain::KeepMachine::Never,
        lease: Duration::from_secs(3600),
        results: None,
    })
}

fn app() -> App {
    let setup = Setup {
        provider: ProviderKind::Local,
        lease: Duration::from_secs(3600),
        python: "system3".into(),
        transport: hgautomation::domain::Transport::default(),
        types: hgautomation::domain::money::UsualTypes {
            machines: vec!["c5.9xlarge".into(), "c5.4xlarge".into()],
            images: vec!["t3.2xlarge".into()],
        },
        budget: hgautomation::domain::money::Budget::default(),
        current_dir: "/".into(),
        state_dir: "/".into(),
        demo: operation(),
        theme: ThemeName::Dark,
        zone: jiff::tz::TimeZone::UTC,
    };
    let mut app = App::new(setup, Timestamp::now(), (AREA.width, AREA.height)).0;
    let job = |number: u32| JobSummary {
        id: JobId::new(format!("j-bench{number}")).unwrap(),
        operation: operation(),
        created: Timestamp::now(),
        state: JobState::Ended,
        driven: false,
        ended: Some(Timestamp::now()),
        work: None,
        capped: None,
        cleanup: None,
    };
    app.handle(Msg::Jobs(Ok((0..JOBS).map(job).collect())));
    app
}

/// The events of a test from its start to its end.
fn test(number: u64) -> [EventKind; 2] {
    let name = format!("test-number-{number}.t");
    let failed = number.is_multiple_of(30);
    let diff = "--- expected\n+++ got\n@@ -1,3 +1,3 @@\n   $ hg commit\n-  before\n+  after\n".repeat(20);
    let result = TestResult {
        name: name.clone(),
        outcome: if failed { TestOutcome::Failed } else { TestOutcome::Passed },
        seconds: Some(f64::from(u32::try_from(number % 700).unwrap()) / 10.0),
        reason: None,
        diff: failed.then_some(diff),
    };
    let output = number * (SIZE / TESTS);
    [
        EventKind::Test { test: TestEvent::Started { name }, output },
        EventKind::Test { test: TestEvent::Ended(result), output },
    ]
}

struct Events(u64);

impl Events {
    fn of(&mut self, kinds: impl IntoIterator<Item = EventKind>) -> Msg {
        let event = |kind| {
            self.0 += 1;
            Event { seq: self.0, at: Timestamp::now(), job: job(), kind }
        };
        Msg::Events(kinds.into_iter().map(event).collect())
    }
}

/// The dashboard with the real reader behind it.
struct Desk {
    app: App,
    reader: Reader,
    answers: mpsc::Receiver<Msg>,
    sender: mpsc::Sender<Msg>,
    buffer: Buffer,
}

impl Desk {
    fn new(path: PathBuf) -> Self {
        let (sender, answers) = mpsc::channel();
        let sink = sender.clone();
        let reader = Reader::start(
            move |_| path.clone(),
            move |answer| {
                // nobody listens any more at the end
                let _ = sink.send(Msg::Output(answer));
            },
        );
        Self { app: app(), reader, answers, sender, buffer: Buffer::empty(AREA) }
    }

    fn handle(&mut self, msg: Msg) {
        for effect in self.app.handle(msg) {
            if let Effect::Output(request) = effect {
                self.reader.ask(request);
            }
        }
    }

    fn draw(&mut self) {
        self.buffer.reset();
        self.app.draw(AREA, &mut self.buffer);
    }

    fn until(&mut self, mut so: impl FnMut(&App) -> bool) -> f64 {
        let started = Instant::now();
        while !so(&self.app) {
            let msg = self.answers.recv_timeout(Duration::from_secs(60)).unwrap();
            self.handle(msg);
            self.draw();
        }
        started.elapsed().as_secs_f64()
    }
}

/// Keys for each tab; the number goes there.
const KEYS: [&str; 4] = [
    "1 j j pagedown j k G k g j",
    "2 j j pagedown j G k g",
    "3 pageup k k pageup g pagedown j j w j w right left G space ctrl-u n n N G",
    "4 j pagedown g",
];

fn keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().cycle().flat_map(|keys| keys.split(' '))
}

fn told(what: &str, goal: &str, mut all: Vec<Duration>) {
    all.sort();
    let at = |percent: usize| all[(all.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    println!(
        "{what}: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms ({goal}; {} times)",
        at(50),
        at(99),
        at(100),
        all.len()
    );
}

fn measure(path: &Path) {
    let mut desk = Desk::new(path.to_path_buf());
    let mut empty = Vec::new();
    for _ in 0..FRAMES {
        let started = Instant::now();
        desk.draw();
        empty.push(started.elapsed());
    }
    told("empty frame", "baseline", empty);
    let mut events = Events(0);
    let begin = [
        EventKind::Submitted { operation: operation() },
        EventKind::Started { pid: 1, resumed: false },
        EventKind::Test {
            test: TestEvent::Planned { total: u32::try_from(TESTS).unwrap() + 1000, parallel: Some(8) },
            output: 0,
        },
    ];
    let tests = (0..TESTS).flat_map(test);
    let history = events.of(begin.into_iter().chain(tests));
    desk.handle(history);
    desk.handle(Msg::Submitted(Ok(job())));
    desk.handle(Msg::Key("3".parse().unwrap()));
    let pane = |app: &App| -> (bool, bool) {
        let output = &app.model.job.as_ref().unwrap().output;
        (!output.window.lines.is_empty(), output.bytes > 0 && output.is_indexed())
    };
    let seen = desk.until(|app| pane(app).0);
    let indexed = seen + desk.until(|app| pane(app).1);
    let started = Instant::now();
    let mut buffer = vec![0; 256 << 10];
    let mut file = File::open(path).unwrap();
    while file.read(&mut buffer).unwrap() > 0 {}
    let plain = started.elapsed().as_secs_f64();
    drop(buffer);
    for key in ["/", "f", "a", "i", "l", "e", "d", "!", "enter"] {
        desk.handle(Msg::Key(key.parse().unwrap()));
    }
    let searched = desk.until(|app| {
        let output = &app.model.job.as_ref().unwrap().output;
        output.search.answer.complete && output.search.answer.pattern == output.pattern
    });
    println!(
        "1 GB of output: its end shows after {seen:.3} s, indexed after {indexed:.2} s, searched in {searched:.2} s; \
         read takes {plain:.2} s (ratios {:.2}, {:.2})",
        indexed / plain,
        searched / plain
    );

    let mut frames = Vec::new();
    for key in keys().take(FRAMES) {
        let started = Instant::now();
        desk.handle(Msg::Key(key.parse().unwrap()));
        while let Ok(msg) = desk.answers.try_recv() {
            desk.handle(msg);
        }
        desk.draw();
        frames.push(started.elapsed());
    }
    told("frame", "goal p99 5 ms", frames);
    live(&mut desk, path, events);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    println!("resident: {} MB at its peak (goal 100 MB)", peak / 1000);
    costs();
}

/// A month of a busy group: what a second takes, and frames of what it costs, with keys in between.
fn costs() {
    let now = Timestamp::now();
    let region = Region::new("us-west-2").unwrap();
    let book = PriceBook::bundled();
    let mut ledger = Ledger::default();
    for number in 0..MACHINES {
        let thing = ResourceRef {
            kind: ResourceKind::Machine,
            provider: ProviderKind::Aws,
            region: Some(region.clone()),
            id: format!("i-{number:017x}"),
        };
        let at = now - jiff::SignedDuration::from_mins(number);
        ledger.apply(&LedgerEntry::Opened {
            thing: thing.clone(),
            at,
            bill: Bill::of_machine(book, &region, "c5.9xlarge", Platform::Linux, false, (Some(64), 1)),
            labels: Labels { job: JobId::new(format!("j-bench{}", number % 1000)).ok(), ..Labels::default() },
            lease: None,
        });
        if number > 5 {
            let at = at + jiff::SignedDuration::from_mins(31).min(now.duration_since(at));
            ledger.apply(&LedgerEntry::Ended { thing, at, bound: false });
        }
    }
    let told_money = MoneyTold { ledger: Arc::new(ledger), book: Arc::clone(book), home: Some(region) };
    let mut app = app();
    app.handle(Msg::Money(Ok(Box::new(told_money))));
    let mut buffer = Buffer::empty(AREA);
    let mut ticks = Vec::new();
    for second in 0..100 {
        let started = Instant::now();
        app.handle(Msg::Tick(now + jiff::SignedDuration::from_secs(second)));
        ticks.push(started.elapsed());
    }
    told("a second of a ledger", "no goal", ticks);
    for (name, keys) in [("frame of the jobs", "3 j j k G"), ("frame of the costs", "6 j j k G b j b B B")] {
        let mut frames = Vec::new();
        for key in keys.split(' ').cycle().take(300) {
            let started = Instant::now();
            app.handle(Msg::Key(key.parse().unwrap()));
            buffer.reset();
            app.draw(AREA, &mut buffer);
            frames.push(started.elapsed());
        }
        told(name, "goal p99 16 ms", frames);
    }
}

/// Keys while lines and events come, in a loop like the program's.
fn live(desk: &mut Desk, path: &Path, mut events: Events) {
    let until = Instant::now() + LIVE;
    let (path, feed) = (path.to_path_buf(), desk.sender.clone());
    let writer = std::thread::spawn(move || {
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        let mut number = TESTS;
        let started = Instant::now();
        let mut written = 0_u64;
        while Instant::now() < until {
            let due = u64::try_from(started.elapsed().as_micros()).unwrap() / 20;
            let lines: String = (written..due)
                .map(|line| format!("line {line} of what tests print, a second\n"))
                .collect::<Vec<_>>()
                .concat();
            file.write_all(lines.as_bytes()).unwrap();
            written = due;
            feed.send(events.of(test(number))).unwrap();
            number += 1;
            std::thread::sleep(Duration::from_millis(10));
        }
        written
    });
    let (sender, typed) = mpsc::channel();
    let typist = std::thread::spawn(move || {
        for key in keys() {
            if Instant::now() > until {
                break;
            }
            sender.send((Instant::now(), key)).unwrap();
            std::thread::sleep(Duration::from_millis(23));
        }
    });
    let (mut drawn, mut dirty) = (Instant::now(), false);
    let (mut pressed, mut took): (Vec<Instant>, Vec<Duration>) = (Vec::new(), Vec::new());
    while Instant::now() < until {
        if dirty && drawn.elapsed() >= FLOOR {
            desk.draw();
            (drawn, dirty) = (Instant::now(), false);
            took.extend(pressed.drain(..).map(|pressed| pressed.elapsed()));
        }
        if let Ok((at, key)) = typed.try_recv() {
            pressed.push(at);
            desk.handle(Msg::Key(key.parse().unwrap()));
            dirty = true;
        } else if let Ok(msg) = desk.answers.recv_timeout(Duration::from_micros(500)) {
            desk.handle(msg);
            dirty = true;
        }
    }
    let written = writer.join().unwrap();
    typist.join().unwrap();
    println!("{:.0} lines a second were appended", written as f64 / LIVE.as_secs_f64());
    told("key to frame", "goal p99 16 ms", took);
}

fn main() {
    if let Some(path) = std::env::var_os(FIXTURE) {
        return measure(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("output");
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&path).unwrap());
    let (mut written, mut line) = (0_u64, 0_u64);
    while written < SIZE {
        let text = if line.is_multiple_of(9973) {
            format!("ERROR: test-number-{line}.t output changed: Failed!\n")
        } else {
            format!("{line:09} running tests and what each of them has to say about it, {}\n", line % 977)
        };
        file.write_all(text.as_bytes()).unwrap();
        written += text.len() as u64;
        line += 1;
    }
    file.flush().unwrap();
    drop(file);
    // in a process of its own, so that making the file does not count
    let status = Command::new(std::env::current_exe().unwrap()).env(FIXTURE, &path).status().unwrap();
    assert!(status.success());
}
