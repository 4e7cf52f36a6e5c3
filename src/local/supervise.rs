//! The supervisor: one thread, next to no memory, and nothing a client could upset. It starts the server, waits for
//! whatever ends the machine, and then leaves nothing of it.

use super::folder::Folder;
use super::processes::{self, MARK};
use super::remove::remove_machine;
use crate::domain::Timestamp;
use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often it looks; an idle machine costs some fifty microseconds of CPU a second.
const STEP: Duration = Duration::from_millis(25);
/// How long removing the folder is tried.
const REMOVAL: Duration = Duration::from_secs(30);

/// The supervisor's main function (`hga local-machine supervise DIR`). The launcher has made the folder and hands its
/// lock over as standard input, so that there is no moment without one. Gives the exit status.
pub fn supervise(dir: &Path) -> i32 {
    super::serve::log_to_stderr();
    let folder = Folder::at(dir);
    let Ok(Some(record)) = folder.record() else {
        tracing::error!(folder = %dir.display(), "this is no machine");
        return 2;
    };
    let outcome = live(&folder, record.id.as_str());
    let _ = folder.ask_to_end();
    processes::end_all(&processes::below_us, &reap_all);
    processes::end_all(&|| processes::marked(folder.path()), &reap_all);
    match outcome.and(remove(&folder)) {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(%error, "the machine did not end well");
            1
        }
    }
}

/// Returns when the machine has to end.
fn live(folder: &Folder, id: &str) -> io::Result<()> {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_child_subreaper(true)?;
    let server = start_server(folder, id)?;
    let mut lease = folder.lease()?;
    loop {
        while let Some(ended) = ended_child() {
            if ended == server {
                tracing::warn!("the server ended");
                return Ok(());
            }
        }
        if folder.is_asked_to_end() || !folder.file("machine.json").exists() {
            return Ok(());
        }
        // One that cannot be read is being replaced, or its disk is in trouble; the last one known stands.
        lease = folder.lease().unwrap_or(lease);
        if lease.is_over(Timestamp::now()) {
            tracing::info!("the lease ran out");
            return Ok(());
        }
        std::thread::sleep(STEP);
    }
}

fn start_server(folder: &Folder, id: &str) -> io::Result<Pid> {
    let shell = if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" };
    let child = Command::new(std::env::current_exe()?)
        .args(["local-machine".into(), "serve".into(), OsString::from(folder.path())])
        .env("HOME", folder.home())
        .env("TMPDIR", folder.tmp())
        .env("USER", "hg")
        .env("LOGNAME", "hg")
        .env("SHELL", shell)
        .env("HGA_MACHINE", id)
        .env(MARK, folder.path())
        .current_dir(folder.home())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    i32::try_from(child.id()).map(Pid::from_raw).map_err(io::Error::other)
}

/// A child, own or adopted, that has ended.
fn ended_child() -> Option<Pid> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(status) => return status.pid(),
            Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

fn reap_all() {
    while ended_child().is_some() {}
}

fn remove(folder: &Folder) -> io::Result<()> {
    let deadline = Instant::now() + REMOVAL;
    loop {
        match remove_machine(folder) {
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => std::thread::sleep(STEP),
            Ok(()) => return Ok(()),
        }
    }
}
