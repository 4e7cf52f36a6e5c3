//! The real Mercurial for tests: a virtual environment and the source distribution, made once below `target/`.

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

/// Makes them when missing. `None`, said loudly, where they cannot be had; with `CI` set that is a failure.
pub(crate) fn real_hg() -> Option<RealHg> {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mercurial-{VERSION}"));
    std::fs::create_dir_all(&cache).unwrap();
    let lock = std::fs::File::create(cache.join("lock")).unwrap();
    fs4::FileExt::lock(&lock).unwrap();
    let done = cache.join("done");
    if !done.exists() {
        let script = format!(
            "set -e; rm -rf venv sdist mercurial-*; python3 -m venv venv; venv/bin/pip -q install mercurial=={VERSION}; \
             python3 -m pip -q download --no-deps --no-binary :all: -d sdist mercurial=={VERSION}; \
             tar xzf sdist/*.tar.gz; rm -r sdist"
        );
        let made = Command::new("sh").args(["-c", &script]).current_dir(&cache).status();
        if !made.is_ok_and(|status| status.success()) {
            assert!(std::env::var_os("CI").is_none(), "the real Mercurial could not be had");
            println!("SKIPPED: needs python3, venv, pip and PyPI");
            return None;
        }
        std::fs::write(&done, "").unwrap();
    }
    Some(RealHg {
        hg: cache.join("venv/bin/hg"),
        python: cache.join("venv/bin/python"),
        source: cache.join(format!("mercurial-{VERSION}")),
    })
}
