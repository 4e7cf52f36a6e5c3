//! The real program in a pseudo-terminal, over a journal of 1,000 jobs: how long from its start to its first frame and to
//! the list of jobs in it (goal: below 50 ms), beside `hga --help`; and what it uses of a core while nothing happens
//! (goal: below 0.5 %).
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench's output is its result")]

use hgautomation::domain::{
    CleanupVerdict, CloudWish, JobId, Operation, Phase, ProviderKind, RunTestsSpec, TestEvent, TestOutcome,
    TestResult, TestSource, Timestamp, WorkVerdict,
};
use hgautomation::event::EventKind;
use hgautomation::journal::Journal;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const JOBS: usize = 1000;
const ROUNDS: usize = 20;
const IDLE: Duration = Duration::from_secs(20);

fn fill(state: &Path) {
    let journal = Journal::open(state.join("journal.sqlite")).unwrap();
    let operation = Operation::RunTests(RunTestsSpec {
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
    });
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap());
    for number in 0..JOBS {
        let name = format!("j-job{}{}{}", letter(number / 676), letter(number / 26), letter(number));
        let job = JobId::new(name).unwrap();
        journal.create_job(&job, &operation, Timestamp::now()).unwrap();
        let test = |n: usize| {
            let outcome = if n == 3 { TestOutcome::Failed } else { TestOutcome::Passed };
            let name = format!("test-{n}.t");
            EventKind::Test {
                test: TestEvent::Ended(TestResult { name, outcome, seconds: Some(1.5), reason: None, diff: None }),
                output: 100,
            }
        };
        let begin = [EventKind::Started { pid: 1, resumed: false }, EventKind::PhaseStarted { phase: Phase::Test }];
        let end = [
            EventKind::PhaseEnded { phase: Phase::Test, seconds: 30.0, ok: true },
            EventKind::Ended { work: WorkVerdict::TestsFailed { status: 1 }, cleanup: CleanupVerdict::Clean },
        ];
        let kinds = begin.into_iter().chain((0..20).map(test)).chain(end);
        let draft = |kind| hgautomation::event::Draft { job: job.clone(), at: Timestamp::now(), kind };
        journal.append(&kinds.map(draft).collect::<Vec<_>>()).unwrap();
    }
}

struct Hga {
    child: Child,
    pty: std::sync::Arc<pty_process::blocking::Pty>,
    screens: mpsc::Receiver<(Instant, Vec<u8>)>,
    screen: vt100::Parser,
    started: Instant,
}

impl Hga {
    fn start(state: &Path) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(50, 200)).unwrap();
        let started = Instant::now();
        let child = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_hga"))
            .env("HGA_STATE_PATH", state)
            .env("TERM", "xterm-256color")
            .env("COLORTERM", "truecolor")
            .spawn(pts)
            .unwrap();
        let pty = std::sync::Arc::new(pty);
        let (sender, screens) = mpsc::channel();
        let from = std::sync::Arc::clone(&pty);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(got @ 1..) = (&*from).read(&mut buffer) {
                if sender.send((Instant::now(), buffer[..got].to_vec())).is_err() {
                    break;
                }
            }
        });
        Self { child, pty, screens, screen: vt100::Parser::new(50, 200, 0), started }
    }

    /// Milliseconds from the start until the screen shows one of these.
    fn until(&mut self, texts: &[&str]) -> f64 {
        loop {
            let (at, bytes) = self.screens.recv_timeout(Duration::from_secs(20)).unwrap();
            self.screen.process(&bytes);
            let shown = self.screen.screen().contents();
            if texts.iter().any(|text| shown.contains(text)) {
                return (at - self.started).as_secs_f64() * 1000.0;
            }
        }
    }

    /// Seconds of a core used so far.
    fn used(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        let each = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).unwrap().unwrap();
        ticks / each as f64
    }

    fn end(mut self) {
        (&*self.pty).write_all(b"q").unwrap();
        self.child.wait().unwrap();
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn main() {
    let state = tempfile::tempdir().unwrap();
    fill(state.path());
    // the first start makes what is missing
    let mut first = Hga::start(state.path());
    first.until(&["1000", "1,000"]);
    first.end();
    let (mut frames, mut lists, mut help) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut hga = Hga::start(state.path());
        frames.push(hga.until(&["hga"]));
        lists.push(hga.until(&["1000", "1,000"]));
        hga.end();
        let started = Instant::now();
        Command::new(env!("CARGO_BIN_EXE_hga")).arg("--help").stdout(Stdio::null()).status().unwrap();
        help.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    let (frame, list, help) = (median(frames), median(lists), median(help));
    println!(
        "start over {JOBS} jobs: first frame {frame:.1} ms, with its lists {list:.1} ms (goal 50), \
         hga --help {help:.1} ms, ratio {:.1}",
        frame / help
    );
    let mut hga = Hga::start(state.path());
    hga.until(&["1000", "1,000"]);
    let (before, began) = (hga.used(), Instant::now());
    std::thread::sleep(IDLE);
    let used = (hga.used() - before) / began.elapsed().as_secs_f64();
    println!("idle: {:.2} % of a core (goal 0.5)", used * 100.0);
    hga.end();
}
