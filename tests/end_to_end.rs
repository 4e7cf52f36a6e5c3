//! The whole program as a person uses it: real Mercurial, real machines on this computer, killed clients, lost
//! machines, bad input. Linux only, as the machines are.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test says what it lacks and stops where it fails")]

#[path = "support/hg.rs"]
mod hg;
#[path = "support/state.rs"]
mod support;

use nix::sys::signal::Signal;
use serde_json::json;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::{Client, LIMIT, State, active, configure, ended, eventually, names, processes, running, state};

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(name, outcome)| ((*name).to_owned(), (*outcome).to_owned())).collect()
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn skip(why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true") || is_root(), "not tested: {why}");
    eprintln!("NOT TESTED: {why}");
}

#[test]
fn a_passing_run_is_told_alike_live_and_afterwards() {
    let (_active, state) = (active(), state());
    let results = tempfile::tempdir().unwrap();
    let flags = ["--json", "--results", results.path().to_str().unwrap()];
    let ran = state.run(&flags, &["test-pass.t", "tests/test-also*.t", "test-skip.t"]).wait();
    assert_eq!(ran.code, 0, "{ran:?}");
    let (events, summary) = (ran.json(), ran.summary());
    let wanted = [("test-also-pass.t", "passed"), ("test-pass.t", "passed"), ("test-skip.t", "skipped")];
    assert_eq!(ended(&events), pairs(&wanted));
    assert_eq!(summary["counts"], json!({"total": 3, "passed": 2, "failed": 0, "skipped": 1, "ignored": 0}));
    assert_eq!(
        (&summary["work"], &summary["cleanup"], &summary["exit_code"]),
        (&json!("done"), &json!("clean"), &json!(0))
    );
    let job = summary["job"].as_str().unwrap();
    assert_eq!(summary["machine"]["id"], json!(job.replacen("j-", "m-", 1)));
    let folder = state.path.join("jobs").join(job);
    for kept in [folder.join("results"), results.path().to_owned()] {
        assert!(fs::read_to_string(kept.join("report.json")).unwrap().contains("test-pass.t"));
        assert!(kept.join(".testtimes").is_file());
    }
    let output = String::from_utf8(state.output(job)).unwrap();
    assert!(output.contains("# Ran 2 tests, 1 skipped, 0 failed."), "{output}");
    assert_eq!(fs::read_to_string(results.path().join("output.txt")).unwrap(), output);

    assert_eq!(state.hga(&["jobs", "output", job]).out, output);
    assert_eq!(state.hga(&["jobs", "show", job, "--json"]).summary(), summary);
    let listed = state.hga(&["jobs", "list", "--json", "-n", "100"]).json();
    let listed = listed.iter().find(|one| one["id"] == job).unwrap();
    assert_eq!((&listed["state"], &listed["work"]), (&json!("ended"), &json!("done")));
    let again = state.hga(&["jobs", "attach", job, "--json"]);
    assert_eq!((again.code, ended(&again.json())), (0, ended(&events)));
    let shown = state.hga(&["jobs", "show", job]);
    assert!(shown.out.contains("3 tests in ") && shown.out.contains("nothing is left behind"), "{shown:?}");
    state.assert_nothing_of(job);
}

#[test]
fn a_failing_run_shows_its_diff_and_keeps_the_machine_if_asked() {
    let (_active, state) = (active(), state());
    let ran = state.run(&["--keep-on-failure"], &["test-fail.t", "test-pass.t"]).wait();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("    -  wanted\n    +  seen\n"), "{ran:?}");
    assert!(ran.out.contains("2 tests in ") && ran.out.contains("1 passed, 1 failed, 0 skipped"), "{ran:?}");
    let listed = state.hga(&["jobs", "list", "--json", "-n", "100"]).json();
    let kept: Vec<_> = listed.iter().filter(|job| job["cleanup"] == "kept").collect();
    let job = kept.first().unwrap()["id"].as_str().unwrap();
    let machine = &kept[0]["machine"];
    let machine = machine.as_str().unwrap();
    assert!(ran.out.contains(&format!("{machine} is kept until its lease runs out")), "{ran:?}");
    let folder = state.path.join("jobs").join(job).join("results");
    assert!(fs::read_to_string(folder.join("test-fail.t.err")).unwrap().contains("seen"));

    // its lease can be moved, and it is told when it ends then
    let moved = state.hga(&["machines", "extend", machine, "--lease", "3h", "--json"]);
    assert_eq!(moved.code, 0, "{moved:?}");
    let until = moved.json()[0]["lease"].clone();
    let shown = state.hga(&["machines", "show", machine, "--json"]).json();
    assert_eq!((&shown[0]["lease"], &shown[0]["transport"]), (&until, &json!("ssh")));
    assert!(state.hga(&["machines", "extend", machine, "--by", "1h"]).out.contains(" ends itself in 4h 00m, at "));
    assert_eq!(state.hga(&["machines", "extend", machine, "--by", "7d"]).code, 2);

    let mut ssh = state.command(&["ssh", machine, "--", "cat; echo problem >&2; exit 7"]);
    let mut ssh = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    ssh.stdin.take().unwrap().write_all(b"some\0input\xff").unwrap();
    let said = ssh.wait_with_output().unwrap();
    assert_eq!(said.status.code(), Some(7));
    assert_eq!((&said.stdout[..], &said.stderr[..]), (&b"some\0input\xff"[..], &b"problem\n"[..]));

    let machines = state.hga(&["machines", "list", "--json"]).json();
    let listed = machines.iter().find(|one| one["id"] == machine).unwrap();
    assert_eq!((&listed["state"], &listed["job"]), (&json!("running"), &json!(job)));
    let refused = state.hga(&["machines", "terminate", machine]);
    assert_eq!(refused.code, 2, "it asked nobody: {refused:?}");
    assert!(state.machine(job).exists());
    let terminated = state.hga(&["machines", "terminate", "--yes", machine]);
    assert_eq!(terminated.code, 0, "{terminated:?}");
    state.assert_nothing_of(job);
}

#[test]
fn a_killed_client_loses_and_doubles_nothing() {
    let (_active, state) = (active(), state());
    // the last one fails, so that the machine stays and both sides can be compared
    let tests = ["test-child.t", "test-wild.py", "test-wait.t", "test-also-pass.t", "test-fail.t"];
    let mut client = state.run(&["--json", "--keep-on-failure"], &tests);
    let job = client.job();
    client.until_test("test-wild.py");
    client.kill();
    let mut client = Client::of(state.command(&["jobs", "attach", &job, "--json"]));
    client.until_test("test-wait.t");
    client.kill();
    state.open_gate(&job);
    let done = state.hga(&["jobs", "attach", &job, "--json"]);
    assert_eq!(done.code, 1, "{}", done.err);
    let wanted = [
        ("test-also-pass.t", "passed"),
        ("test-child.t", "passed"),
        ("test-fail.t", "failed"),
        ("test-wait.t", "passed"),
        ("test-wild.py", "failed"),
    ];
    assert_eq!(ended(&done.json()), pairs(&wanted));
    assert_eq!(done.summary()["counts"]["total"], 5);
    let (here, there) = (state.output(&job), state.spool(&job));
    assert!(here.len() > 10_000_000 && here == there, "{} bytes here, {} there", here.len(), there.len());
    let machine = job.replacen("j-", "m-", 1);
    assert_eq!(state.hga(&["machines", "terminate", "--yes", &machine]).code, 0);
    state.assert_nothing_of(&job);
}

#[test]
fn a_client_killed_in_an_early_phase_is_taken_up_again() {
    let (_active, state) = (active(), state());
    for phase in ["launch", "sync"] {
        let mut client = state.run(&["--json"], &["test-pass.t"]);
        let job = client.job();
        client.until_phase(phase);
        client.kill();
        let done = state.hga(&["jobs", "attach", &job, "--json"]);
        assert_eq!(done.code, 0, "killed in {phase}: {done:?}");
        assert_eq!(ended(&done.json()), pairs(&[("test-pass.t", "passed")]));
        state.assert_nothing_of(&job);
    }
}

#[test]
fn a_machine_whose_client_is_gone_ends_itself() {
    let (_active, state) = (active(), state());
    let mut client = state.run(&["--json", "--lease", "30s"], &["test-child.t", "test-wait.t"]);
    let job = client.job();
    client.until_test("test-wait.t");
    let machine = state.machine(&job);
    let child = |all: &[(i32, String)]| all.iter().any(|(_, line)| line.contains("sleep 86399"));
    assert!(child(&processes(&machine)));
    client.kill();
    eventually("the machine ends itself", LIMIT, || !machine.exists() && processes(&machine).is_empty());
    let done = state.hga(&["jobs", "attach", &job, "--json"]);
    assert_eq!(done.code, 105, "{done:?}");
    assert_eq!((&done.summary()["work"], &done.summary()["cleanup"]), (&json!("machine-lost"), &json!("clean")));
    state.assert_nothing_of(&job);
}

#[test]
fn ctrl_c_lets_go_once_and_stops_twice() {
    let (_active, state) = (active(), state());
    let mut client = state.run(&["--json"], &["test-wait.t"]);
    let job = client.job();
    client.until_test("test-wait.t");
    client.signal(Signal::SIGINT);
    let left = client.wait();
    assert_eq!(left.code, 102, "{left:?}");
    assert!(left.err.contains(&format!("hga jobs attach {job}")), "{left:?}");
    assert!(state.machine(&job).exists() && !processes(&state.machine(&job)).is_empty());
    // taken up again, let go of by SIGTERM, taken up once more and stopped
    let mut client = Client::of(state.command(&["jobs", "attach", &job, "--json"]));
    client.until("resumption", |event| event["event"] == "link.restored" || event["resumed"] == true);
    client.until("ready again", |event| event["event"] == "phase.started" && event["phase"] == "test");
    client.signal(Signal::SIGTERM);
    let left = client.wait();
    assert_eq!(left.code, 102, "{left:?}");
    assert!(state.machine(&job).exists());
    let client = Client::of(state.command(&["jobs", "attach", &job]));
    eventually("attached", LIMIT, || client.err().matches("taken up again").count() == 2);
    client.interrupt_twice();
    let stopped = client.wait();
    assert_eq!(stopped.code, 103, "{stopped:?}");
    state.assert_nothing_of(&job);
}

#[test]
fn a_job_is_cancelled_from_elsewhere_driven_or_not() {
    let (_active, state) = (active(), state());
    let mut client = state.run(&["--json"], &["test-wait.t"]);
    let job = client.job();
    client.until_test("test-wait.t");
    assert_eq!(state.hga(&["jobs", "cancel", &job]).code, 2, "it asked nobody");
    let cancelled = state.hga(&["jobs", "cancel", "--yes", &job]);
    assert_eq!(cancelled.code, 0, "{cancelled:?}");
    assert_eq!(client.wait().code, 103);
    state.assert_nothing_of(&job);

    let mut client = state.run(&["--json"], &["test-child.t", "test-wait.t"]);
    let job = client.job();
    client.until_test("test-wait.t");
    client.kill();
    let cancelled = state.hga(&["jobs", "cancel", "--yes", &job]);
    assert_eq!(cancelled.code, 0, "{cancelled:?}");
    assert_eq!(state.hga(&["jobs", "attach", &job]).code, 103);
    state.assert_nothing_of(&job);
}

#[test]
fn two_clients_see_the_same() {
    let (_active, state) = (active(), state());
    let mut first = state.run(&["--json"], &["test-pass.t", "test-wait.t", "test-fail.t"]);
    let job = first.job();
    first.until_test("test-wait.t");
    let mut second = Client::of(state.command(&["jobs", "attach", &job, "--json"]));
    second.until_test("test-wait.t");
    state.open_gate(&job);
    let (first, second) = (first.wait(), second.wait());
    assert_eq!((first.code, second.code), (1, 1));
    assert_eq!(ended(&first.json()), ended(&second.json()));
    assert_eq!(ended(&first.json()).len(), 3);
    assert_eq!(first.summary(), second.summary());
    state.assert_nothing_of(&job);
}

#[test]
fn a_machine_that_dies_is_noticed_at_once() {
    const LEASE: Duration = Duration::from_secs(600);
    let (_active, state) = (active(), state());
    let mut client = state.run(&["--json", "--lease", "10m"], &["test-child.t", "test-wait.t"]);
    let job = client.job();
    client.until_test("test-wait.t");
    let hosts = processes(&state.machine(&job)).into_iter().filter(|(_, line)| line.contains("local-machine"));
    let hosts: Vec<_> = hosts.collect();
    assert!(hosts.len() >= 2, "{hosts:?}");
    for (pid, _) in &hosts {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(*pid), Signal::SIGKILL);
    }
    let since = Instant::now();
    let lost = client.wait();
    assert_eq!(lost.code, 105, "{lost:?}");
    assert!(since.elapsed() < LEASE / 5, "by its death, not by its lease: {:?}", since.elapsed());
    state.assert_nothing_of(&job);
}

#[test]
fn wild_output_never_reaches_the_terminal_raw() {
    let (_active, state) = (active(), state());
    let ran = state.run(&["--output"], &["test-wild.py"]).wait();
    assert_eq!(ran.code, 1, "{}", ran.err);
    let job =
        ran.err.split_whitespace().find(|word| word.starts_with("j-")).unwrap().trim_end_matches(':').to_owned();
    let raw = ran.raw;
    let stray = raw.iter().find(|byte| matches!(**byte, 0..=8 | 0xb..=0x1f | 0x7f));
    assert_eq!(stray, None);
    let text = std::str::from_utf8(&raw).unwrap();
    assert!(!text.contains('\u{9b}') && text.contains("red"));
    let kept = state.output(&job);
    let holds = |bytes: &[u8]| kept.windows(bytes.len()).any(|window| window == bytes);
    assert!(holds(b"\x1b[31mred") && holds(&[b'x'; 10_000]), "the job's file keeps every byte");
    let show = state.hga(&["jobs", "show", &job]);
    assert!(!show.out.contains('\u{1b}') && show.out.len() < 200_000, "{} bytes", show.out.len());
    state.assert_nothing_of(&job);
}

#[test]
fn what_cannot_work_is_told_before_anything_is_launched() {
    let (_active, state) = (active(), state());
    let none = tempfile::tempdir().unwrap();
    let git = tempfile::tempdir().unwrap();
    fs::create_dir(git.path().join(".git")).unwrap();
    let (none, git) = (none.path().to_str().unwrap(), git.path().to_str().unwrap());
    let table: &[(&[&str], &[&str], &[&str])] = &[
        (&["--source", none], &["test-pass.t"], &["is no Mercurial repository"]),
        (&["--source", "/nonexistent"], &["test-pass.t"], &["is no folder"]),
        (&["--source", git], &["test-pass.t"], &["is no Mercurial repository", "Git repository"]),
        (&["--rev", "nonsense"], &["test-pass.t"], &["no revision `nonsense`"]),
        (&["--rev", "null"], &["test-pass.t"], &["empty revision"]),
        (&[], &["test-pas.t"], &["no test `test-pas.t`", "did you mean `test-pass.t`"]),
        (&[], &["test-nothing*.t"], &["called like `test-nothing*.t`"]),
        (&["--filesystem", "tmpfs"], &["test-pass.t"], &["`--filesystem tmpfs` needs a machine that allows `sudo`"]),
        (&["--machine", "m-abc234"], &["test-pass.t"], &["m-abc234"]),
    ];
    for (flags, tests, says) in table {
        let mut args = vec!["run-tests-linux", "--json"];
        if !flags.contains(&"--source") {
            args.extend(["--source", state.repo.to_str().unwrap()]);
        }
        args.extend(*flags);
        args.push("--");
        args.extend(*tests);
        let ran = state.hga(&args);
        assert!(matches!(ran.code, 2 | 100), "{flags:?} {tests:?}: {ran:?}");
        for word in *says {
            let told = ran.out.contains(word) || ran.err.contains(word);
            assert!(told, "{flags:?} {tests:?}: `{word}` is not in {ran:?}");
        }
        assert!(!ran.out.contains("machine.launching"), "{flags:?}: {ran:?}");
    }
}

#[test]
fn a_runner_that_never_began_says_why() {
    let (_active, state) = (active(), state());
    let ran = state.run(&[], &["--no-such-flag", "test-pass.t"]).wait();
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.contains("no test was run, run-tests.py ended with 2"), "{ran:?}");
    assert!(ran.out.contains("unrecognized arguments: --no-such-flag"), "{ran:?}");
}

#[test]
fn uncommitted_changes_run_only_when_asked_for() {
    let (_active, state) = (active(), state());
    let repo = tempfile::tempdir().unwrap();
    let (clone, path) = (repo.path().join("clone"), repo.path().join("clone"));
    let cloned = hg::command().args(["clone", "-q"]).arg(&state.repo).arg(&clone).output().unwrap();
    assert!(cloned.status.success(), "{cloned:?}");
    fs::write(path.join("tests/test-pass.t"), "  $ echo changed\n  hi\n").unwrap();
    let path = path.to_str().unwrap();
    let run = |dirty: &[&str]| {
        let mut args = vec!["run-tests-linux", "--source", path, "--python-version", "bootstrap"];
        args.extend(dirty);
        args.extend(["--", "-j1", "--with-hg=../../../hgdev/venv-bootstrap/bin/hg", "test-pass.t"]);
        state.hga(&args)
    };
    let clean = run(&[]);
    assert_eq!(clean.code, 0, "{clean:?}");
    let dirty = run(&["--dirty"]);
    assert_eq!(dirty.code, 1, "{dirty:?}");
    assert!(dirty.out.contains("+  changed"), "{dirty:?}");
}

#[test]
fn a_state_directory_that_cannot_be_used_is_refused() {
    let _active = active();
    let newer = tempfile::tempdir().unwrap();
    fs::write(newer.path().join("VERSION"), "hga state layout 99\n").unwrap();
    let ran = Client::of(State::command_at(newer.path(), &["jobs", "list"])).wait();
    assert_eq!(ran.code, 100, "{ran:?}");
    assert!(ran.err.contains("newer"), "{ran:?}");
    assert_eq!(names(newer.path()), ["VERSION"]);
    if is_root() {
        skip("a read-only state directory: root may write everywhere");
        return;
    }
    let closed = tempfile::tempdir().unwrap();
    fs::set_permissions(closed.path(), std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
    let ran = Client::of(State::command_at(closed.path(), &["jobs", "list"])).wait();
    assert_eq!(ran.code, 100, "{ran:?}");
    assert!(ran.err.contains("cannot be written to") || ran.err.contains("read-only"), "{ran:?}");
}

/// A small file system of memory, gone with this.
struct Small(tempfile::TempDir);

impl Small {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        mount.is_ok_and(|status| status.success()).then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let (_active, state) = (active(), state());
    let Some(small) = Small::mount("12m") else {
        skip("a full disk: tmpfs cannot be mounted here");
        return;
    };
    let path = small.path().join("state");
    fs::create_dir(&path).unwrap();
    configure(&path);
    let args = ["run-tests-linux", "--source", state.repo.to_str().unwrap(), "--", "test-pass.t"];
    let ran = Client::of(State::command_at(&path, &args)).wait();
    assert_eq!(ran.code, 100, "{ran:?}");
    assert!(ran.err.to_lowercase().contains("no space left"), "{ran:?}");
    assert_eq!(names(&path.join("machines")), Vec::<String>::new());
    assert_eq!(processes(&path), []);
}

/// Begun last by its name; waits for the others.
#[test]
fn zz_nothing_is_left() {
    let state = state();
    // one that is just begun may not have announced itself yet
    let quiet = std::cell::Cell::new(Instant::now());
    eventually("the other tests end", Duration::from_secs(1200), || {
        if running() > 0 {
            quiet.set(Instant::now());
        }
        quiet.get().elapsed() > Duration::from_secs(2)
    });
    assert_eq!(names(&state.path.join("machines")), Vec::<String>::new());
    assert_eq!(processes(&state.path), []);
}
