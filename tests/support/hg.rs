//! The real Mercurial for tests: a virtual environment and the source distribution, made once below the target folder.
//! Where PyPI cannot be reached the tests that need it fail, with pip's own words.

#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Version the tests are written against.
pub(crate) const VERSION: &str = "7.2.4";

/// Where things are.
pub(crate) struct RealHg {
    /// The `hg` of a virtual environment.
    pub(crate) hg: PathBuf,
    /// Its interpreter.
    pub(crate) python: PathBuf,
    /// The extracted source distribution; not to be written to.
    pub(crate) source: PathBuf,
}

/// Makes them when missing; only one process does, others wait.
pub(crate) fn real_hg() -> RealHg {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mercurial-{VERSION}"));
    std::fs::create_dir_all(&cache).unwrap();
    let lock = std::fs::File::create(cache.join("lock")).unwrap();
    lock.lock().unwrap();
    let done = cache.join("done");
    if !done.exists() {
        let script = format!(
            "set -e; rm -rf venv sdist mercurial-*; python3 -m venv venv; venv/bin/pip -q install mercurial=={VERSION}; \
             venv/bin/pip -q download --no-deps --no-binary :all: -d sdist mercurial=={VERSION}; \
             tar xzf sdist/*.tar.gz; rm -r sdist"
        );
        let made = Command::new("sh").args(["-c", &script]).current_dir(&cache).output().unwrap();
        assert!(
            made.status.success(),
            "Mercurial {VERSION} is needed (python3 with venv, and PyPI): {}",
            String::from_utf8_lossy(&made.stderr)
        );
        std::fs::write(&done, "").unwrap();
    }
    RealHg {
        hg: cache.join("venv/bin/hg"),
        python: cache.join("venv/bin/python"),
        source: cache.join(format!("mercurial-{VERSION}")),
    }
}

/// A command of it that reads no configuration but its own defaults.
pub(crate) fn command() -> Command {
    let mut command = Command::new(real_hg().hg);
    command.env("HGPLAIN", "1").env("HGRCPATH", "").env("HGUSER", "test");
    command
}
