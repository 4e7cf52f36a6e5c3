//! Finding and ending processes of a machine: those below its supervisor, and those that carry its mark. Linux only;
//! elsewhere none are found.

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};
use std::path::Path;
use std::time::{Duration, Instant};

/// The variable that marks every process of a machine, with its folder as the value.
pub(super) const MARK: &str = "HGA_MACHINE_FOLDER";
/// How long processes have between being asked and being killed.
const GRACE: Duration = Duration::from_millis(500);
/// How long killed processes may take to go; one stuck in the kernel may never.
const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(5);

/// Every process that has not ended, with its parent.
fn all() -> Vec<(Pid, Pid)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read(entry.path().join("stat")).ok()?;
            // proc_pid_stat(5): `pid (name) state ppid …`; the name may hold anything, so from the last parenthesis.
            let end = stat.iter().rposition(|byte| *byte == b')')?;
            let rest = String::from_utf8_lossy(&stat[end + 1..]).into_owned();
            let mut words = rest.split_ascii_whitespace();
            let state = words.next()?;
            let parent: i32 = words.next()?.parse().ok()?;
            (!matches!(state, "Z" | "X")).then_some((Pid::from_raw(pid), Pid::from_raw(parent)))
        })
        .collect()
}

/// Children of this process, their children and so on.
pub(super) fn below_us() -> Vec<Pid> {
    let all = all();
    let mut found = vec![getpid()];
    let mut done = 0;
    while let Some(parent) = found.get(done).copied() {
        done += 1;
        let children = all.iter().filter(|(pid, of)| *of == parent && !found.contains(pid)).map(|(pid, _)| *pid);
        let children: Vec<Pid> = children.collect();
        found.extend(children);
    }
    found.split_off(1)
}

/// Processes that were started with the mark of that folder, ourselves left out.
pub(super) fn marked(folder: &Path) -> Vec<Pid> {
    let mut wanted = MARK.as_bytes().to_vec();
    wanted.push(b'=');
    wanted.extend_from_slice(folder.as_os_str().as_encoded_bytes());
    let carries = |pid: Pid| {
        std::fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|variable| variable == wanted))
    };
    let us = getpid();
    all().into_iter().map(|(pid, _)| pid).filter(|pid| *pid != us && carries(*pid)).collect()
}

fn send(pids: &[Pid], signal: Signal) {
    for pid in pids {
        let _ = kill(*pid, signal);
    }
}

/// Asks all of them to end, kills what is left after the grace time, and goes on until none is found. `reap` is called
/// between looks. Gives whether all are gone.
pub(super) fn end_all(find: &dyn Fn() -> Vec<Pid>, reap: &dyn Fn()) -> bool {
    let asked = Instant::now();
    let first = find();
    send(&first, Signal::SIGTERM);
    send(&first, Signal::SIGCONT);
    loop {
        reap();
        let left = find();
        if left.is_empty() {
            return true;
        }
        if asked.elapsed() > GRACE {
            send(&left, Signal::SIGKILL);
        }
        if asked.elapsed() > GRACE + PATIENCE {
            tracing::error!(?left, "processes of a machine cannot be killed");
            return false;
        }
        std::thread::sleep(STEP);
    }
}
