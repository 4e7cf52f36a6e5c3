//! A Mercurial of a known version, in a virtual environment below the target folder, made once.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that is installed.
pub(crate) const VERSION: &str = "7.2.4";

/// Folder for what tests keep between runs.
pub(crate) fn cache() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Its `hg`; fails loudly when it cannot be had.
pub(crate) fn hg() -> PathBuf {
    let venv = cache().join(format!("mercurial-{VERSION}"));
    let hg = venv.join("bin/hg");
    // Only one process makes it, others wait.
    let lock = std::fs::File::create(cache().join("mercurial.lock")).unwrap();
    let _lock = nix::fcntl::Flock::lock(lock, nix::fcntl::FlockArg::LockExclusive).unwrap();
    let ready = venv.join("ready");
    if !ready.exists() {
        let _ = std::fs::remove_dir_all(&venv);
        run(Command::new("python3").arg("-m").arg("venv").arg(&venv));
        run(Command::new(venv.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .arg(format!("mercurial=={VERSION}")));
        std::fs::write(ready, "").unwrap();
    }
    hg
}

/// A command of it that reads no configuration but its own defaults.
pub(crate) fn command() -> Command {
    let mut command = Command::new(hg());
    command.env("HGPLAIN", "1").env("HGRCPATH", "").env("HGUSER", "test");
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "Mercurial {VERSION} is needed (python3 with venv, and PyPI): {command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
