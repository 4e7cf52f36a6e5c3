//! The dashboard as a person drives it: the real program in a real pseudo-terminal, on real machines of this computer.
//! Every wait is for something to be seen. Linux only, as the machines are.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "support/hg.rs"]
mod hg;
#[path = "support/state.rs"]
mod support;
#[path = "support/terminal.rs"]
mod terminal;

use nix::sys::signal::Signal;
use pty_process::blocking::Command;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use support::{Client, State, eventually, processes, state};
use terminal::{LIMIT, Terminal};

/// A state directory of one's own, and the computer: times are measured here.
struct Desk {
    state: State,
    _alone: MutexGuard<'static, ()>,
}

impl Desk {
    fn new(name: &str) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { state: state().twin(name), _alone: alone }
    }

    /// `hga` with these words, on this state directory.
    fn command(&self, words: &[&str]) -> Command {
        plain(env!("CARGO_BIN_EXE_hga"))
            .args(words)
            .env("HGA_STATE_PATH", &self.state.path)
            .current_dir(&self.state.repo)
    }

    /// The dashboard, once its panes are there.
    #[track_caller]
    fn open(&self) -> Terminal {
        let mut terminal = Terminal::start(self.command(&[]), 80, 24);
        terminal.wait_for("3 Jobs");
        terminal
    }

    /// A run of tests by another process, once it has a job.
    #[track_caller]
    fn run(&self, flags: &[&str], tests: &[&str]) -> (Client, String) {
        let mut client = self.state.run(&[&["--json"], flags].concat(), tests);
        let job = client.job();
        (client, job)
    }

    /// Jobs as the command line lists them.
    fn jobs(&self) -> Vec<serde_json::Value> {
        self.state.hga(&["jobs", "list", "--json", "-n", "100"]).json()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.state.hga(&["machines", "terminate", "--all", "--yes"]);
    }
}

/// A program with nothing of this process's terminal about it.
fn plain(program: &str) -> Command {
    let mut command = Command::new(program).env("TERM", "xterm-256color").env("COLORTERM", "truecolor");
    for name in ["NO_COLOR", "COLORFGBG", "TMUX"] {
        command = command.env_remove(name);
    }
    command.env("HGRCPATH", "").env("TZ", "UTC").env("SHELL", "/bin/sh").env("PS1", "$ ")
}

/// Marks the button that ends a machine. What it is about may change once more, and then the safe one is marked again, as a
/// person sees.
#[track_caller]
fn mark_end(terminal: &mut Terminal) {
    let start = Instant::now();
    while !terminal.text().contains("▶ End it ◀") {
        assert!(start.elapsed() < LIMIT, "the button is not to be had\n{}", terminal.text());
        terminal.send("<tab>");
        terminal.settle();
    }
}

/// Leaves a dashboard of which no job is, from its panes.
#[track_caller]
fn leave(mut terminal: Terminal) {
    terminal.send("q");
    assert!(terminal.end().success());
    assert!(terminal.is_set_back(), "{}", terminal.text());
}

#[test]
fn a_run_of_another_process_is_seen_at_once_and_to_its_end() {
    let desk = Desk::new("watched");
    let mut seen = desk.open();
    seen.press("3", "No jobs");
    let (client, job) = desk.run(&["--keep-on-failure"], &["test-wait.t", "test-fail.t", "test-pass.t"]);
    seen.wait_for(&job);
    let begun = client.events().iter().any(|event| event["event"] == "phase.started" && event["phase"] == "test");
    assert!(!begun, "it was shown after its machine was made ready");

    // its tests come by themselves, those of later as well as those of before it was opened
    seen.press("<enter>", "1 Tests");
    seen.until("the running test", LIMIT, |screen| Terminal::row_with(screen, &["test-wait.t", "running"]));
    desk.state.open_gate(&job);
    seen.until("a failure", LIMIT, |screen| Terminal::row_with(screen, &["test-fail.t", "failed"]));
    seen.until("a pass", LIMIT, |screen| Terminal::row_with(screen, &["test-pass.t", "passed"]));
    // everything it printed, from the first byte
    seen.press("3", "Failed test-fail.t");
    let done = client.wait();
    assert_eq!(done.code, 1, "{done:?}");

    // the machine was kept: to it from its job, a shell on it, and back to the same place
    seen.press("m", "ENDS IN");
    let machine = job.replacen("j-", "m-", 1);
    seen.wait_for(&machine);
    seen.send("s");
    seen.wait_for_main_screen();
    assert!(!seen.text().contains("ENDS IN"));
    seen.press("echo on-$((40+2))\r", "on-42");
    seen.press("exit\r", "back from machine");
    assert!(seen.screen().alternate_screen() && seen.is_raw());
    seen.wait_for("ENDS IN");
    // what ends the machine asks first, and does nothing when asked so
    // (Ctrl-D right after a shell was meant for the shell)
    seen.press("<delete>", "Cancel");
    seen.send("<esc>");
    seen.wait_without("Cancel");
    assert!(desk.state.machine(&job).exists());
    seen.press("<delete>", "▶ Cancel ◀");
    mark_end(&mut seen);
    seen.send("<enter>");
    seen.wait_without("End it");
    eventually("the machine is ended", LIMIT, || !desk.state.machine(&job).exists());
    // the job that ended it is over, so nothing is asked
    eventually("its job is over", LIMIT, || desk.jobs().iter().all(|job| job["state"] == "ended"));
    seen.until("the end is told", LIMIT, |screen| !screen.contains("running"));
    seen.send("q");
    seen.until("the panes", LIMIT, |screen| screen.contains("3 Jobs"));
    leave(seen);
    desk.state.assert_nothing_of(&job);
}

#[test]
fn a_run_is_started_watched_read_and_ended_by_keys() {
    let desk = Desk::new("by-keys");
    let mut terminal = desk.open();
    // the form proposes the folder it was called in; tests, flags and the Python are typed, the machine is kept
    terminal.press("r", "Run tests");
    terminal.wait_for("Source");
    terminal.press("test-wait.t test-fail.t test-pass.t", "test-pass.t");
    terminal.send("<tab><ctrl-u>-j1 --with-hg=../../../hgdev/venv-bootstrap/bin/hg");
    terminal.send("<tab><tab><tab><ctrl-u>bootstrap<tab><space>");
    terminal.send("<enter>");
    terminal.wait_for("1 Tests");
    let job = desk.jobs()[0]["id"].as_str().unwrap().to_owned();
    terminal.wait_for(&job);
    terminal.until("the running test", LIMIT, |screen| Terminal::row_with(screen, &["test-wait.t", "running"]));
    desk.state.open_gate(&job);
    terminal.until("a failure", LIMIT, |screen| Terminal::row_with(screen, &["test-fail.t", "failed"]));
    terminal.until("a pass", LIMIT, |screen| Terminal::row_with(screen, &["test-pass.t", "passed"]));
    // its end has been told: a machine that a job works on is not ended by a mere Enter
    terminal.until("the verdict", LIMIT, |screen| Terminal::row_with(screen, &[&job, "✗ failed"]));
    eventually("it is over", LIMIT, || desk.jobs().iter().all(|job| job["state"] == "ended"));
    terminal.wait_for("is kept");
    // why it failed
    terminal.press("2", "test-fail.t");
    terminal.press("<enter>", "wanted");
    terminal.wait_for("seen");
    // where it shows in the output
    terminal.press("3", "# Ran");
    terminal.press("/changed<enter>", "output changed");
    // a shell on its machine, and back to the same place
    terminal.send("s");
    terminal.wait_for_main_screen();
    assert!(!terminal.text().contains("output changed"));
    terminal.press("echo on-$((40+2))\r", "on-42");
    terminal.press("exit\r", "output changed");
    assert!(terminal.screen().alternate_screen() && terminal.is_raw());
    // its machine is ended
    terminal.press("m", "ENDS IN");
    terminal.press("<delete>", "▶ Cancel ◀");
    mark_end(&mut terminal);
    terminal.send("<enter>");
    terminal.wait_without("End it");
    eventually("the machine is ended", LIMIT, || !desk.state.machine(&job).exists());
    eventually("its job is over", LIMIT, || desk.jobs().iter().all(|job| job["state"] == "ended"));
    terminal.until("the end is told", LIMIT, |screen| !screen.contains("1 running"));
    leave(terminal);
    desk.state.assert_nothing_of(&job);
}

#[test]
fn leaving_asks_what_becomes_of_the_jobs_it_drives() {
    let desk = Desk::new("leaving");
    let (mut client, job) = desk.run(&[], &["test-wait.t"]);
    client.until_test("test-wait.t");
    client.kill();
    let mut terminal = desk.open();
    terminal.press("3", &job);
    terminal.send("g");
    terminal.press("a", "is driven from here");
    // the answer to begin with is to stay
    terminal.press("q", "Stay");
    terminal.send("<enter>");
    terminal.wait_without("Stay");
    terminal.press("q", "Stay");
    terminal.send("<tab>");
    terminal.send("<enter>");
    assert!(terminal.end().success());
    assert!(terminal.is_set_back(), "{}", terminal.text());
    assert!(terminal.text().contains(&format!("hga jobs attach {job}")), "{}", terminal.text());
    let of = || desk.jobs().into_iter().find(|one| one["id"] == job.as_str()).unwrap();
    assert_ne!(of()["state"], "ended");
    assert!(!processes(&desk.state.machine(&job)).is_empty());
    // back once more, and everything is ended
    let mut terminal = desk.open();
    terminal.press("3", &job);
    terminal.send("g");
    terminal.press("a", "is driven from here");
    terminal.press("q", "Stay");
    terminal.send("<tab>");
    terminal.send("<tab>");
    terminal.send("<enter>");
    assert!(terminal.end().success());
    assert_eq!((&of()["state"], &of()["work"]), (&"ended".into(), &"cancelled".into()));
    desk.state.assert_nothing_of(&job);
}

#[test]
fn signals_set_the_terminal_back_and_leave_the_job_running() {
    let desk = Desk::new("signals");
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let (mut client, job) = desk.run(&[], &["test-wait.t"]);
        client.until_test("test-wait.t");
        client.kill();
        let mut terminal = desk.open();
        terminal.press("3", &job);
        terminal.press("g<enter>", "1 Tests");
        // the dashboard drives it from now on
        terminal.press("a", "is driven from here");
        assert!(terminal.is_raw() && terminal.screen().alternate_screen());
        terminal.signal(signal);
        terminal.end();
        assert!(terminal.is_set_back(), "{signal}: {}", terminal.text());
        assert!(desk.state.machine(&job).exists());
        assert!(!processes(&desk.state.machine(&job)).is_empty());
        desk.state.open_gate(&job);
        let done = desk.state.hga(&["jobs", "attach", &job]);
        assert_eq!(done.code, 0, "{signal}: {done:?}");
    }
}

#[test]
fn a_terminal_that_is_gone_lets_the_job_go() {
    let desk = Desk::new("gone");
    let (mut client, job) = desk.run(&[], &["test-wait.t"]);
    client.until_test("test-wait.t");
    client.kill();
    // a terminal of its own, whose other end goes with the process that holds it
    let spawn = "import pty, sys; pty.spawn(sys.argv[1:])";
    let sized = "stty cols 80 rows 24; exec \"$0\"";
    let holder = plain("python3").args(["-c", spawn, "sh", "-c", sized, env!("CARGO_BIN_EXE_hga")]);
    let holder = holder.env("HGA_STATE_PATH", &desk.state.path).current_dir(&desk.state.repo);
    let mut terminal = Terminal::start(holder, 80, 24);
    terminal.wait_for("3 Jobs");
    terminal.press("3", &job);
    terminal.press("g<enter>", "1 Tests");
    terminal.press("a", "is driven from here");
    terminal.signal(Signal::SIGKILL);
    eventually("it is let go of", LIMIT, || desk.jobs()[0]["state"] == "detached");
    desk.state.open_gate(&job);
    let done = desk.state.hga(&["jobs", "attach", &job]);
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn the_terminal_may_shrink_and_grow_and_its_program_be_stopped() {
    let desk = Desk::new("shrunk");
    let shell = plain("/bin/bash").args(["--norc", "--noprofile", "-i"]).env("HGA_STATE_PATH", &desk.state.path);
    let mut terminal = Terminal::start(shell, 80, 24);
    terminal.wait_for("$");
    terminal.press(&format!("{}\r", env!("CARGO_BIN_EXE_hga")), "3 Jobs");
    terminal.press("2", "IMAGE");
    for (columns, rows) in [(10, 3), (1, 1), (200, 50), (10, 3)] {
        terminal.resize(columns, rows);
        // a key is taken at every size
        terminal.send("?");
        terminal.send("<enter>");
    }
    terminal.resize(80, 24);
    terminal.until("everything again", LIMIT, |screen| screen.contains("3 Jobs") && screen.contains("IMAGE"));
    // stopped as any program, and back at the same place
    terminal.press("<ctrl-z>", "Stopped");
    assert!(terminal.is_set_back() || !terminal.screen().alternate_screen(), "{}", terminal.text());
    terminal.press("echo here-$((40+2))\r", "here-42");
    terminal.resize(100, 30);
    terminal.press("fg\r", "3 Jobs");
    terminal.wait_for("IMAGE");
    assert!(terminal.screen().alternate_screen() && terminal.is_raw());
    // keys arrive, each once
    terminal.press("1", "No machines");
    terminal.press("q", "$");
    terminal.wait_for("here-42");
    terminal.press("echo left-$?\r", "left-0");
    terminal.send("exit\r");
    terminal.end();
}

#[test]
fn keys_work_while_another_process_locks_the_journal() {
    let desk = Desk::new("locked");
    let mut terminal = desk.open();
    let slowest = |terminal: &mut Terminal| {
        let keys = [("2", "IMAGE"), ("3", "No jobs"), ("?", "Any list"), ("<esc>", "No jobs"), ("1", "No machines")];
        let presses = keys.iter().cycle().take(20).map(|(key, text)| {
            let pressed = Instant::now();
            terminal.press(key, text);
            pressed.elapsed()
        });
        presses.max().unwrap()
    };
    let free = slowest(&mut terminal);
    let lock = rusqlite::Connection::open(desk.state.path.join("journal.sqlite")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let locked = slowest(&mut terminal);
    // whoever waits for the lock gives up after ten seconds
    let most = (Duration::from_secs(1) + 5 * free).min(Duration::from_secs(9));
    assert!(locked < most, "a key took {locked:?}, without the lock {free:?}");
    // something that has to write waits for it and the keys do not
    let job = "test-pass.t";
    let waits = desk.state.run(&["--json"], &["test-pass.t"]);
    while began.elapsed() < Duration::from_secs(3) {
        terminal.press("2", "IMAGE");
        terminal.press("1", "No machines");
    }
    lock.execute_batch("ROLLBACK").unwrap();
    terminal.press("3", job);
    let done = waits.wait();
    assert_eq!(done.code, 0, "{done:?}");
    terminal.until("its end", LIMIT, |screen| Terminal::row_with(screen, &[job, "passed"]));
    leave(terminal);
}

#[test]
fn a_machine_may_vanish_while_it_is_selected() {
    let desk = Desk::new("vanished");
    let mut terminal = desk.open();
    let (mut client, job) = desk.run(&[], &["test-wait.t"]);
    let machine = job.replacen("j-", "m-", 1);
    client.until_test("test-wait.t");
    terminal.press("1", &machine);
    terminal.wait_for("running");
    terminal.send("<ctrl-d>");
    terminal.wait_for("Cancel");
    // its supervisor and all of its processes, at once
    for (pid, _) in processes(&desk.state.machine(&job)) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL);
    }
    let _ = fs::remove_dir_all(desk.state.machine(&job));
    let done = client.wait();
    assert_eq!(done.code, 105, "{done:?}");
    terminal.send("<esc>");
    terminal.wait_for("No machines");
    for key in ["<ctrl-d>", "s", "d", "<enter>", "o"] {
        terminal.send(key);
    }
    terminal.press("3", "machine lost");
    leave(terminal);
}

#[test]
fn without_a_terminal_it_says_what_it_lacks() {
    let desk = Desk::new("nowhere");
    let ran = desk.state.hga(&[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("needs a terminal") && ran.err.contains("hint: "), "{ran:?}");
    // half a terminal is none
    let half = std::process::Command::new(env!("CARGO_BIN_EXE_hga"))
        .env("HGA_STATE_PATH", &desk.state.path)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(half.status.code(), Some(2));
}
