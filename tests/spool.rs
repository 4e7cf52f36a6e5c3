//! The spool on this computer: real processes, real signals, cut connections.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

#[path = "support/local_shell.rs"]
mod local_shell;

use async_trait::async_trait;
use hgautomation::domain::RunId;
use hgautomation::remote::spool::{Ended, Offsets, RunSpec, RunState, Signalled, Sink, Spool, Started, quote};
use hgautomation::remote::{ErrorKind, Result, Signal};
use local_shell::LocalShell;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

#[derive(Default)]
struct Taken {
    output: Vec<u8>,
    events: Vec<u8>,
    first: Option<Instant>,
    pause: bool,
}

#[async_trait]
impl Sink for Taken {
    async fn output(&mut self, bytes: &[u8]) -> Result<()> {
        self.first.get_or_insert_with(Instant::now);
        self.output.extend_from_slice(bytes);
        if self.pause {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn events(&mut self, bytes: &[u8]) -> Result<()> {
        self.events.extend_from_slice(bytes);
        Ok(())
    }
}

struct Place {
    _root: tempfile::TempDir,
    folder: String,
}

fn place() -> Place {
    let root = tempfile::tempdir().unwrap();
    // spaces, both quotes, a dollar: everything below must work in it
    let folder = root.path().join("hg work/it's \"$HOME\" spool").to_str().unwrap().to_owned();
    Place { _root: root, folder }
}

fn spec(name: &str, line: &str) -> RunSpec {
    RunSpec { run: RunId::new(name).unwrap(), line: line.to_owned(), cwd: "/".into(), env: Vec::new() }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(300), future).await.expect("hangs") })
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !holds().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn whole(spool: &Spool<'_>, spec: &RunSpec) -> (Ended, Taken) {
    assert_eq!(spool.start(spec).await.unwrap(), Started::New);
    let mut taken = Taken::default();
    let end = spool.follow(&spec.run, &mut Offsets::default(), &mut taken).await.unwrap();
    (end, taken)
}

fn pid_of(folder: &str, run: &RunId) -> i32 {
    let text = std::fs::read_to_string(Path::new(folder).join(run.as_str()).join("pid")).unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Stops a run once it has been heard.
struct Stopper<'a>(&'a Path, Vec<u8>);
#[async_trait]
impl Sink for Stopper<'_> {
    async fn output(&mut self, bytes: &[u8]) -> Result<()> {
        self.1.extend_from_slice(bytes);
        std::fs::write(self.0.join("stop"), "").unwrap();
        Ok(())
    }
    async fn events(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_run_is_followed_to_its_status() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        let line = "printf 'a\\377\\0b'; echo err >&2; printf '{}\\n' >>\"$HGA_EVENTS\"; printf end; exit 3";
        let (end, taken) = whole(&spool, &spec("one", line)).await;
        assert_eq!(end, Ended::Status(3));
        assert_eq!(taken.output, b"a\xff\0berr\nend");
        assert_eq!(taken.events, b"{}\n");
        assert_eq!(spool.status(&RunId::new("one").unwrap()).await.unwrap(), RunState::Ended(Ended::Status(3)));
        let mut files: Vec<_> = std::fs::read_dir(format!("{}/one", place.folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files, ["command", "events", "output", "pid", "status"]);
    });
}

#[test]
fn every_kind_of_end_has_its_status() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        for (name, line, status) in [
            ("zero", "true", 0),
            ("missing", "/no/such/program", 127),
            ("syntax", "if then", 2),
            ("term", "kill -TERM $$", 143),
            ("killed", "kill -KILL $$", 137),
            ("high", "exit 200", 200),
            ("child", "sh -c 'kill -SEGV $$'; exit $?", 139),
            ("group", "kill -TERM 0", 143),
        ] {
            assert_eq!(whole(&spool, &spec(name, line)).await.0, Ended::Status(status), "{name}");
        }
        let nowhere = RunSpec { cwd: "/no such folder".into(), ..spec("nowhere", "echo ran") };
        let (end, taken) = whole(&spool, &nowhere).await;
        assert_eq!(end, Ended::Status(126));
        assert!(!String::from_utf8(taken.output).unwrap().contains("ran"));
        let all = spool.list().await.unwrap();
        assert_eq!(all.len(), 9);
        assert!(all.contains(&(RunId::new("high").unwrap(), RunState::Ended(Ended::Status(200)))));
    });
}

#[test]
fn a_run_has_no_input_its_own_session_and_default_signals() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        let python = "import signal, os, sys; print(repr(sys.stdin.read()), os.getsid(0) == os.getsid(os.getppid()), \
                      signal.getsignal(signal.SIGINT) is signal.default_int_handler, \
                      signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)";
        let (_, taken) = whole(&spool, &spec("py", &format!("python3 -c {}", quote(python)))).await;
        assert_eq!(String::from_utf8(taken.output).unwrap(), "'' True True True\n");
        let here = nix::unistd::getsid(None).unwrap().as_raw();
        assert_ne!(pid_of(&place.folder, &RunId::new("py").unwrap()), here);
    });
}

#[test]
fn any_environment_and_folder_arrives_whole() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        let cwd = format!("{}/wei'rd \n $x `y` é", place.folder);
        std::fs::create_dir_all(&cwd).unwrap();
        let value = "a\nb\t'q' \"d\" $HOME `id` \\ \u{1b}[31m é * \n";
        let mut spec = spec("env", "printf %s \"$WEIRD\"; printf '|%s|' \"$EMPTY\"; pwd -P");
        spec.cwd = cwd.clone();
        spec.env = vec![("WEIRD".into(), value.into()), ("EMPTY".into(), String::new())];
        let (_, taken) = whole(&spool, &spec).await;
        let real = std::fs::canonicalize(&cwd).unwrap();
        assert_eq!(String::from_utf8(taken.output).unwrap(), format!("{value}||{}\n", real.display()));
        for bad in ["", "A B", "1A", "A=", "A;touch x"] {
            spec.env = vec![(bad.into(), "x".into())];
            assert_eq!(spool.start(&spec).await.unwrap_err().kind, ErrorKind::Local, "{bad}");
        }
    });
}

#[test]
fn twenty_starts_at_once_start_it_once() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        let spec = spec("same", "echo ran; sleep 0.3");
        let starts = (0..20).map(|_| spool.start(&spec));
        let all = futures::future::try_join_all(starts).await.unwrap();
        assert_eq!(all.iter().filter(|started| **started == Started::New).count(), 1);
        let mut taken = Taken::default();
        spool.follow(&spec.run, &mut Offsets::default(), &mut taken).await.unwrap();
        assert_eq!(taken.output, b"ran\n");
        assert_eq!(spool.start(&spec).await.unwrap(), Started::Already);
    });
}

#[test]
fn a_start_that_was_cut_anywhere_is_done_by_the_next() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        let dir = PathBuf::from(&place.folder).join("half");
        // only the folder; then its command; then a supervisor's leftovers: what each crash point leaves
        std::fs::create_dir_all(&dir).unwrap();
        assert_eq!(spool.status(&RunId::new("half").unwrap()).await.unwrap(), RunState::Absent);
        std::fs::write(dir.join("command.hga-0"), "echo wr").unwrap();
        std::fs::write(dir.join("status.hga-0"), "running\n").unwrap();
        std::fs::write(dir.join("pid.hga-0"), "1 ").unwrap();
        std::fs::write(dir.join("output"), "").unwrap();
        let mut offsets = Offsets::default();
        let run = RunId::new("half").unwrap();
        let missing = spool.follow(&run, &mut offsets, &mut Taken::default()).await.unwrap_err();
        assert_eq!(missing.kind, ErrorKind::NotFound);
        assert_eq!(spool.signal(&run, Signal::Term).await.unwrap_err().kind, ErrorKind::NotFound);
        let (end, taken) = whole(&spool, &spec("half", "echo right")).await;
        assert_eq!((end, taken.output.as_slice()), (Ended::Status(0), b"right\n".as_slice()));
    });
}

#[test]
fn start_scripts_killed_at_random_moments_never_run_it_twice() {
    run(async {
        let place = place();
        let shell = LocalShell::new();
        let spool = Spool::new(&shell, &place.folder);
        for round in 0..40_u64 {
            let mark = format!("{}-mark-{round}", place.folder.replace([' ', '\'', '"', '$'], "_"));
            std::fs::create_dir_all(Path::new(&mark).parent().unwrap()).unwrap();
            let spec = spec(&format!("r{round}"), &format!("echo ran >>{}", quote(&mark)));
            // dropping the future kills nothing on the machine but closes its input and output, as a lost link does
            let _ = tokio::time::timeout(Duration::from_micros(300 * round), spool.start(&spec)).await;
            spool.start(&spec).await.unwrap();
            spool.follow(&spec.run, &mut Offsets::default(), &mut Taken::default()).await.unwrap();
            assert_eq!(std::fs::read_to_string(&mark).unwrap(), "ran\n", "round {round}");
        }
    });
}

#[test]
fn what_is_said_arrives_at_once() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        let spec = spec(
            "live",
            "while [ ! -e go ]; do sleep 0.01; done; echo now; while [ ! -e stop ]; do sleep 0.01; done",
        );
        let spec = RunSpec { cwd: place.folder.clone(), ..spec };
        std::fs::create_dir_all(&place.folder).unwrap();
        spool.start(&spec).await.unwrap();
        std::fs::write(Path::new(&place.folder).join("go"), "").unwrap();
        let mut sink = Stopper(Path::new(&place.folder), Vec::new());
        // the run ends only after its output has been seen: a reader that waits for the end would hang here
        let end = spool.follow(&spec.run, &mut Offsets::default(), &mut sink).await.unwrap();
        assert_eq!((end, sink.1.as_slice()), (Ended::Status(0), b"now\n".as_slice()));
    });
}

#[test]
fn a_child_that_keeps_the_output_open_does_not_hold_the_follower() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        let line =
            "setsid sh -c 'echo $$ >child; exec sleep 600' & while [ ! -s child ]; do sleep 0.01; done; echo done";
        std::fs::create_dir_all(&place.folder).unwrap();
        let (end, taken) = whole(&spool, &RunSpec { cwd: place.folder.clone(), ..spec("daemon", line) }).await;
        assert_eq!((end, taken.output.as_slice()), (Ended::Status(0), b"done\n".as_slice()));
        let child = std::fs::read_to_string(Path::new(&place.folder).join("child")).unwrap();
        let child = nix::unistd::Pid::from_raw(child.trim().parse().unwrap());
        // it still has the output open, and fails to be killed when it has gone
        nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL).unwrap();
    });
}

#[test]
fn a_killed_supervisor_is_told_apart_from_an_end() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        let spec = spec("gone", "echo begun; exec sleep 600");
        spool.start(&spec).await.unwrap();
        let output = PathBuf::from(&place.folder).join("gone/output");
        until("begun", async || std::fs::read(&output).unwrap() == b"begun\n").await;
        assert_eq!(spool.status(&spec.run).await.unwrap(), RunState::Running);
        let pid = pid_of(&place.folder, &spec.run);
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
        let mut taken = Taken::default();
        let end = spool.follow(&spec.run, &mut Offsets::default(), &mut taken).await.unwrap();
        assert_eq!((end, taken.output.as_slice()), (Ended::Vanished, b"begun\n".as_slice()));
        // it is not started a second time, and what it left running can still be killed
        assert_eq!(spool.start(&spec).await.unwrap(), Started::Already);
        assert_eq!(spool.signal(&spec.run, Signal::Kill).await.unwrap(), Signalled::Sent);
        assert_eq!(spool.signal(&spec.run, Signal::Kill).await.unwrap(), Signalled::Gone);
    });
}

#[test]
fn a_pid_of_an_earlier_boot_is_dead_even_if_its_number_lives() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        let spec = spec("boot", "echo before");
        whole(&spool, &spec).await;
        let dir = PathBuf::from(&place.folder).join("boot");
        std::fs::remove_file(dir.join("status")).unwrap();
        std::fs::write(dir.join("pid"), format!("{} 1 other-boot n\n", std::process::id())).unwrap();
        assert_eq!(spool.status(&spec.run).await.unwrap(), RunState::Ended(Ended::Vanished));
        assert_eq!(spool.signal(&spec.run, Signal::Kill).await.unwrap(), Signalled::Gone);
    });
}

#[test]
fn signals_reach_the_whole_session() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        // a child in a process group of its own is reached too
        let tree = spec(
            "tree",
            "python3 -c 'import os,time; os.setpgid(0,0); print(1,flush=True); time.sleep(600)' & wait $!; exit $?",
        );
        spool.start(&tree).await.unwrap();
        let output = PathBuf::from(&place.folder).join("tree/output");
        until("begun", async || !std::fs::read(&output).unwrap().is_empty()).await;
        assert_eq!(spool.signal(&tree.run, Signal::Term).await.unwrap(), Signalled::Sent);
        let end = spool.follow(&tree.run, &mut Offsets::default(), &mut Taken::default()).await.unwrap();
        assert_eq!(end, Ended::Status(143));

        let deaf = spec("deaf", "trap '' TERM INT; echo deaf; while :; do sleep 0.05; done");
        spool.start(&deaf).await.unwrap();
        let output = PathBuf::from(&place.folder).join("deaf/output");
        until("deaf", async || !std::fs::read(&output).unwrap().is_empty()).await;
        spool.signal(&deaf.run, Signal::Term).await.unwrap();
        assert_eq!(spool.status(&deaf.run).await.unwrap(), RunState::Running);
        assert_eq!(spool.signal(&deaf.run, Signal::Kill).await.unwrap(), Signalled::Sent);
        let end = spool.follow(&deaf.run, &mut Offsets::default(), &mut Taken::default()).await.unwrap();
        assert_eq!(end, Ended::Status(137));

        let python = spec("int", "exec python3 -c 'import time; print(1,flush=True); time.sleep(600)'");
        spool.start(&python).await.unwrap();
        let output = PathBuf::from(&place.folder).join("int/output");
        until("begun", async || !std::fs::read(&output).unwrap().is_empty()).await;
        spool.signal(&python.run, Signal::Int).await.unwrap();
        let mut taken = Taken::default();
        spool.follow(&python.run, &mut Offsets::default(), &mut taken).await.unwrap();
        assert!(String::from_utf8_lossy(&taken.output).contains("KeyboardInterrupt"));
        assert_eq!(spool.signal(&python.run, Signal::Int).await.unwrap(), Signalled::Gone);
    });
}

#[test]
fn talkative_start_up_files_do_no_harm() {
    run(async {
        let place = place();
        let shell = LocalShell::with_prefix("echo welcome; echo 'bash: warning: setlocale' >&2; ");
        let spool = Spool::new(&shell, &place.folder);
        let (end, taken) = whole(&spool, &spec("noise", "echo x; echo '{}' >>\"$HGA_EVENTS\"")).await;
        assert_eq!(end, Ended::Status(0));
        assert_eq!((taken.output.as_slice(), taken.events.as_slice()), (b"x\n".as_slice(), b"{}\n".as_slice()));
    });
}

#[test]
fn a_spool_shorter_than_what_was_read_is_an_error() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        let spec = spec("short", "echo x");
        whole(&spool, &spec).await;
        let mut offsets = Offsets { output: 3, events: 0 };
        let error = spool.follow(&spec.run, &mut offsets, &mut Taken::default()).await.unwrap_err();
        assert_eq!((error.kind, offsets.output), (ErrorKind::Protocol, 3));
    });
}

#[test]
fn a_following_that_was_dropped_leaves_no_process() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        let spec = spec("idle", "sleep 600");
        spool.start(&spec).await.unwrap();
        let readers = |folder: &str| {
            std::fs::read_dir("/proc")
                .unwrap()
                .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
                .filter(|line| line.starts_with(b"tail\0") && String::from_utf8_lossy(line).contains(folder))
                .count()
        };
        let (mut offsets, mut taken) = (Offsets::default(), Taken::default());
        {
            let following = spool.follow(&spec.run, &mut offsets, &mut taken);
            tokio::pin!(following);
            until("two readers", async || {
                let _ = tokio::time::timeout(Duration::from_millis(20), &mut following).await;
                readers(&place.folder) == 2
            })
            .await;
        }
        until("no reader", async || readers(&place.folder) == 0).await;
        // nor a helper of theirs
        let helpers = |folder: &str| {
            std::fs::read_dir("/proc")
                .unwrap()
                .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
                .filter(|line| {
                    let line = String::from_utf8_lossy(line);
                    line.contains("hga-spool") && line.contains(folder)
                })
                .count()
        };
        until("no helper", async || helpers(&place.folder) == 0).await;
        spool.signal(&spec.run, Signal::Kill).await.unwrap();
    });
}

/// The heart of it: whatever is cut wherever, both files arrive byte for byte.
#[test]
fn any_sequence_of_cuts_gives_equal_bytes() {
    use proptest::prelude::*;
    let place = place();
    let shell = LocalShell::new();
    let script = "import os, random, sys\nrandom.seed(5)\nev = os.open(os.environ['HGA_EVENTS'], os.O_WRONLY|os.O_APPEND)\n\
                  for i in range(400):\n  os.write(1, random.randbytes(random.randrange(3000)))\n  os.write(ev, b'{\"n\":%d}\\n' % i)\n\
                  os.write(1, b'\\xff no newline')\n";
    let line = format!("exec python3 -c {}", quote(script));
    let counter = std::cell::Cell::new(0);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let cuts = proptest::collection::vec(1_i64..150_000, 0..12);
    runner
        .run(&cuts, |cuts| {
            counter.set(counter.get() + 1);
            let spec = spec(&format!("cut{}", counter.get()), &line);
            run(async {
                let spool = Spool::new(&shell, &place.folder);
                let mut cuts = cuts.into_iter();
                spool.start(&spec).await.unwrap();
                let (mut offsets, mut taken) = (Offsets::default(), Taken { pause: true, ..Taken::default() });
                let end = loop {
                    match cuts.next() {
                        Some(cut) => shell.cut_after(cut),
                        None => shell.heal(),
                    }
                    match spool.follow(&spec.run, &mut offsets, &mut taken).await {
                        Ok(end) => break end,
                        Err(error) => assert_eq!(error.kind, ErrorKind::Lost, "{error}"),
                    }
                };
                shell.heal();
                assert_eq!(end, Ended::Status(0));
                let dir = PathBuf::from(&place.folder).join(spec.run.as_str());
                assert_eq!(taken.output.len() as u64, offsets.output);
                assert!(taken.output == std::fs::read(dir.join("output")).unwrap());
                assert!(taken.events == std::fs::read(dir.join("events")).unwrap());
                assert_eq!(taken.events.split(|b| *b == b'\n').count(), 401);
            });
            Ok(())
        })
        .unwrap();
}

#[derive(Default)]
struct Counting {
    bytes: u64,
    largest: usize,
}

#[async_trait]
impl Sink for Counting {
    async fn output(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.largest = self.largest.max(bytes.len());
        Ok(())
    }
    async fn events(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

#[test]
fn half_a_gigabyte_passes_in_small_pieces() {
    run(async {
        let (place, shell) = (place(), LocalShell::new());
        let spool = Spool::new(&shell, &place.folder);
        let size = 500_u64 << 20;
        let spec = spec("big", &format!("head -c {size} /dev/zero"));
        let begun = Instant::now();
        spool.start(&spec).await.unwrap();
        let mut sink = Counting::default();
        let end = spool.follow(&spec.run, &mut Offsets::default(), &mut sink).await.unwrap();
        println!("followed 500 MiB (one line) in {:.2} s", begun.elapsed().as_secs_f64());
        assert_eq!((end, sink.bytes), (Ended::Status(0), size));
        assert!(sink.largest <= 1 << 20, "{}", sink.largest);
        let again = Instant::now();
        let mut sink = Counting::default();
        spool.follow(&spec.run, &mut Offsets::default(), &mut sink).await.unwrap();
        println!("drained them again in {:.2} s", again.elapsed().as_secs_f64());
        assert_eq!(sink.bytes, size);
    });
}

/// Needs root and a mount: a filesystem that the run itself fills.
#[test]
fn a_full_disk_gives_no_false_status() {
    let root = tempfile::tempdir().unwrap();
    let mount = |args: &[&str]| Command::new("mount").args(args).arg(root.path()).status();
    if !mount(&["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).is_ok_and(|status| status.success()) {
        let message = "a_full_disk_gives_no_false_status needs root and mount(8)";
        // an ordinary user cannot mount; everybody else must
        assert!(std::env::var_os("CI").is_none() || !nix::unistd::geteuid().is_root(), "{message}");
        println!("SKIPPED: {message}");
        return;
    }
    run(async {
        let shell = LocalShell::new();
        let folder = root.path().join("spool").to_str().unwrap().to_owned();
        let spool = Spool::new(&shell, &folder);
        let (end, taken) = whole(&spool, &spec("fill", "head -c 5000000 /dev/zero; exit 7")).await;
        assert_eq!(end, Ended::Status(7));
        assert!(taken.output.len() > 500_000);
        let error = spool.start(&spec("next", "echo never")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::DiskFull, "{error}");
        assert_eq!(spool.status(&RunId::new("next").unwrap()).await.unwrap(), RunState::Absent);
        std::fs::write(format!("{folder}/fill/output"), "").unwrap();
        let (end, taken) = whole(&spool, &spec("next", "echo at last")).await;
        assert_eq!((end, taken.output.as_slice()), (Ended::Status(0), b"at last\n".as_slice()));
    });
    assert!(Command::new("umount").arg(root.path()).status().unwrap().success());
}
