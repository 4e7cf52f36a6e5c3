//! The real program on a real state directory: made once for a test binary, with a small repository of Mercurial's test
//! runner and tests of our own, and the image baked. What a test starts is ended with it.

#![allow(dead_code, reason = "each test file uses its part")]

use super::hg;
use serde_json::Value;
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take before it counts as hanging; the computer may be busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(20);

/// Tests of our own, beside the runner.
const TESTS: &[(&str, &str)] = &[
    ("test-pass.t", "  $ echo hi\n  hi\n"),
    ("test-also-pass.t", "  $ echo ho\n  ho\n"),
    ("test-fail.t", "  $ echo seen\n  wanted\n"),
    ("test-skip.t", "#require false\n\n  $ echo never\n"),
    // waits until somebody makes the file `gate` beside the tests, or the machine ends
    ("test-wait.t", "  $ while [ ! -e \"$TESTDIR/gate\" ]; do sleep 0.05; done\n"),
    ("test-child.t", "  $ setsid sleep 86399 >/dev/null 2>&1 </dev/null &\n"),
    ("test-wild.py", WILD),
];
/// Bytes that are no UTF-8 and escapes that a terminal would obey, in a diff; and, past the runner, which would take
/// minutes to compare it, a line of 10 MB.
const WILD: &str = r"import os, sys
wild = b'\xff\xfe \x1b[31mred\x1b]0;title\x07 \xc2\x9b2J\n'
pid = os.getppid()
while b'run-tests.py' not in open('/proc/%d/cmdline' % pid, 'rb').read().split(b'\0'):
    pid = int(open('/proc/%d/stat' % pid).read().rsplit(')', 1)[1].split()[1])
with open('/proc/%d/fd/1' % pid, 'ab') as out:
    out.write(wild + b'x' * 10_000_000 + b'\n')
sys.stdout.buffer.write(wild)
";

/// The state directory all tests of a binary share.
pub(crate) struct State {
    /// Holds everything.
    pub(crate) root: PathBuf,
    /// `--state-path`.
    pub(crate) path: PathBuf,
    /// The repository.
    pub(crate) repo: PathBuf,
    _lock: File,
}

static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// Counts a test as running; dropped at its end.
pub(crate) struct Active;

impl Drop for Active {
    fn drop(&mut self) {
        ACTIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Announces a test.
pub(crate) fn active() -> Active {
    ACTIVE.fetch_add(1, Ordering::SeqCst);
    Active
}

/// How many announced tests run.
pub(crate) fn running() -> usize {
    ACTIVE.load(Ordering::SeqCst)
}

/// The shared state directory; made by whoever asks first.
pub(crate) fn state() -> &'static State {
    static STATE: OnceLock<State> = OnceLock::new();
    STATE.get_or_init(|| {
        let real = hg::real_hg();
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("end-to-end");
        fs::create_dir_all(&root).unwrap();
        let lock = File::create(root.join("lock")).unwrap();
        lock.lock().unwrap();
        for old in ["state", "repo"] {
            if root.join(old).exists() {
                fs::remove_dir_all(root.join(old)).unwrap();
            }
        }
        let state = State { path: root.join("state"), repo: root.join("repo"), root, _lock: lock };
        fs::create_dir(&state.path).unwrap();
        configure(&state.path);
        make_repo(&real, &state.repo);
        let baked = state.hga(&["bootstrap-linux-dev", "--source", state.repo.to_str().unwrap()]);
        assert_eq!(baked.code, 0, "{baked:?}");
        state
    })
}

/// Writes a state directory's configuration: our `hg`, and a lease that ends forgotten machines soon.
pub(crate) fn configure(path: &Path) {
    // nobody's account is asked by tests
    let config =
        format!("hg = \"{}\"\n[defaults]\nlease = \"5m\"\n[aws]\nenabled = false\n", hg::real_hg().hg.display());
    fs::write(path.join("config.toml"), config).unwrap();
}

/// Makes the repository of tests of our own.
pub(crate) fn make_repo(real: &hg::RealHg, repo: &Path) {
    let tests = repo.join("tests");
    fs::create_dir_all(&tests).unwrap();
    for entry in fs::read_dir(real.source.join("tests")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_file() && !name.starts_with("test-") {
            fs::copy(entry.path(), tests.join(name)).unwrap();
        }
    }
    for (name, text) in TESTS {
        // the runner takes the largest first, a `.py` as a tenth of its size
        let size = match *name {
            "test-child.t" => 4000,
            "test-wild.py" => 30_000,
            "test-wait.t" => 2000,
            _ => 0,
        };
        let filling = "# this makes it larger\n".repeat(size / 23);
        fs::write(tests.join(name), format!("{filling}{text}")).unwrap();
    }
    for args in [&["init"][..], &["addremove", "-q"], &["commit", "-qm", "tests of tests"]] {
        let done = hg::command().current_dir(repo).args(args).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

/// What a run of the program left.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    /// Standard output as it was written.
    pub(crate) raw: Vec<u8>,
}

impl std::fmt::Debug for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = |text: &str| text.chars().skip(text.chars().count().saturating_sub(8000)).collect::<String>();
        write!(f, "exit code {}\n--- out\n{}\n--- err\n{}", self.code, end(&self.out), end(&self.err))
    }
}

impl Ran {
    /// Standard output, each line of which has to be JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        lines(&self.out)
    }

    /// The summary, which has to be the last line.
    pub(crate) fn summary(&self) -> Value {
        let last = self.json().pop().unwrap_or_default();
        assert_eq!(last["event"], "summary", "{self:?}");
        last
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"))).collect()
}

/// How often each test ended, of those that did.
pub(crate) fn ended(events: &[Value]) -> Vec<(String, String)> {
    let of = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    let over = events.iter().filter(|event| event["event"] == "test" && event["test"] == "ended");
    let mut all: Vec<_> = over.map(|event| (of(event, "name"), of(event, "outcome"))).collect();
    all.sort();
    all
}

impl State {
    /// A state directory of one's own, with the image and without the others' jobs.
    pub(crate) fn twin(&self, name: &str) -> Self {
        let root = self.root.join(name);
        if root.exists() {
            fs::remove_dir_all(&root).unwrap();
        }
        fs::create_dir(&root).unwrap();
        let path = root.join("state");
        let copied = Command::new("cp").arg("-a").args([&self.path, &path]).status().unwrap();
        assert!(copied.success());
        for file in ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"] {
            let _ = fs::remove_file(path.join(file));
        }
        for folder in ["jobs", "machines"] {
            let _ = fs::remove_dir_all(path.join(folder));
        }
        let lock = File::create(root.join("lock")).unwrap();
        Self { path, repo: self.repo.clone(), root, _lock: lock }
    }

    /// The program, on a state directory.
    pub(crate) fn command_at(path: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hga"));
        command.args(args).env("HGA_STATE_PATH", path).env("HGRCPATH", "").env("NO_COLOR", "1");
        command.stdin(Stdio::null());
        command
    }

    /// The program, on the shared state directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        Self::command_at(&self.path, args)
    }

    /// Runs the program to its end.
    pub(crate) fn hga(&self, args: &[&str]) -> Ran {
        Client::of(self.command(args)).wait()
    }

    /// Starts a run of tests. `flags` are ours, `tests` go to the runner.
    pub(crate) fn run(&self, flags: &[&str], tests: &[&str]) -> Client {
        let mut args = vec!["run-tests-linux", "--source", self.repo.to_str().unwrap()];
        args.extend(["--python-version", "bootstrap"]);
        args.extend(flags);
        args.extend(["--", "-j1", "--with-hg=../../../hgdev/venv-bootstrap/bin/hg"]);
        args.extend(tests);
        Client::of(self.command(&args))
    }

    /// The folder of a job's machine.
    pub(crate) fn machine(&self, job: &str) -> PathBuf {
        self.path.join("machines").join(job.replacen("j-", "m-", 1))
    }

    /// Opens the gate that `test-wait.t` waits at.
    pub(crate) fn open_gate(&self, job: &str) {
        fs::write(self.machine(job).join("root/hgwork/src/tests/gate"), "").unwrap();
    }

    /// What the machine holds of a job's output.
    pub(crate) fn spool(&self, job: &str) -> Vec<u8> {
        fs::read(self.machine(job).join(format!("root/hgwork/spool/{job}-test/output"))).unwrap()
    }

    /// What the client's side holds of a job's output.
    pub(crate) fn output(&self, job: &str) -> Vec<u8> {
        fs::read(self.path.join("jobs").join(job).join("output")).unwrap()
    }

    /// Asserts that a job has left neither a machine's folder nor a process.
    pub(crate) fn assert_nothing_of(&self, job: &str) {
        let machine = self.machine(job);
        let left: Vec<_> = names(&self.path.join("machines"))
            .into_iter()
            .filter(|name| name.contains(job.trim_start_matches("j-")))
            .collect();
        assert_eq!(left, Vec::<String>::new());
        assert_eq!(processes(&machine), Vec::<(i32, String)>::new());
    }
}

/// Names in a folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Processes that name a path in their command line or environment, with the command line.
pub(crate) fn processes(path: &Path) -> Vec<(i32, String)> {
    let wanted = path.to_str().unwrap().as_bytes();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
        let line = read("cmdline");
        let names = |bytes: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
        // an ended process that nobody has waited for yet has no command line any more
        if !line.is_empty() && (names(&line) || names(&read("environ"))) {
            found.push((pid, String::from_utf8_lossy(&line).replace('\0', " ")));
        }
    }
    found
}

/// A process of the program with its streams in files; killed with it when a test fails.
pub(crate) struct Client {
    child: Child,
    streams: tempfile::TempDir,
}

impl Client {
    /// Starts a command, in a process group of its own.
    pub(crate) fn of(mut command: Command) -> Self {
        let streams = tempfile::tempdir().unwrap();
        let file = |name: &str| File::create(streams.path().join(name)).unwrap();
        let child = command.stdout(file("out")).stderr(file("err")).process_group(0).spawn().unwrap();
        Self { child, streams }
    }

    fn said(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.streams.path().join(name)).unwrap()).into_owned()
    }

    /// Standard output so far, as it was written.
    pub(crate) fn raw_out(&self) -> Vec<u8> {
        fs::read(self.streams.path().join("out")).unwrap()
    }

    /// Standard error so far.
    pub(crate) fn err(&self) -> String {
        self.said("err")
    }

    /// Events so far, of a client started with `--json`.
    pub(crate) fn events(&self) -> Vec<Value> {
        let out = self.said("out");
        lines(out.rsplit_once('\n').map_or("", |(whole, _)| whole))
    }

    /// Waits until an event is such, and gives it.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let over = self.child.try_wait().unwrap().is_some();
            if let Some(event) = self.events().into_iter().find(&is) {
                return event;
            }
            assert!(!over && Instant::now() < deadline, "no {what}: {}\n{}", self.said("out"), self.err());
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until it has a job, and gives its id.
    #[track_caller]
    pub(crate) fn job(&mut self) -> String {
        self.until("job", |event| event["event"] == "job.submitted")["job"].as_str().unwrap().to_owned()
    }

    /// Waits until a phase begins.
    #[track_caller]
    pub(crate) fn until_phase(&mut self, phase: &str) {
        self.until(phase, |event| event["event"] == "phase.started" && event["phase"] == phase);
    }

    /// Waits until a test begins.
    #[track_caller]
    pub(crate) fn until_test(&mut self, name: &str) {
        self.until(name, |event| event["test"] == "started" && event["name"] == name);
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Presses Ctrl-C, and again once the first is seen to be heard: of two signals that wait, one is delivered.
    #[track_caller]
    pub(crate) fn interrupt_twice(&self) {
        use nix::sys::signal::Signal::SIGINT;
        self.signal(SIGINT);
        eventually("the first Ctrl-C is heard", LIMIT, || self.err().contains("press Ctrl-C again to stop"));
        self.signal(SIGINT);
    }

    /// Kills it without a word.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ran {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let code = status.code().unwrap_or_else(|| -status.signal().unwrap_or_default());
                return Ran { code, out: self.said("out"), err: self.err(), raw: self.raw_out() };
            }
            assert!(Instant::now() < deadline, "it hangs: {}\n{}", self.said("out"), self.err());
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn eventually(what: &str, limit: Duration, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(PAUSE);
    }
}
