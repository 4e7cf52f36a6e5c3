//! A clock that the test drives: it stands still until it is moved, for every process that is given its environment. By
//! `libfaketime`, which answers in the place of the C library's clocks; what counts how long something takes
//! (`CLOCK_MONOTONIC`) is left as it is, so that timeouts, and waiting for each other, go on as ever.

use std::fs;
use std::path::{Path, PathBuf};

/// Where distributions put it: Debian below the folder of its architecture.
const FOLDERS: [&str; 4] = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib"];

/// The clock, and what lets processes live by it.
pub(crate) struct Clock {
    library: PathBuf,
    file: PathBuf,
    now: jiff::Timestamp,
}

impl Clock {
    /// A clock in a folder, at that moment; none where there is no `libfaketime`, which CI does not let pass.
    pub(crate) fn start(folder: &Path, now: &str) -> Option<Self> {
        let Some(library) = library() else {
            let why = "a driven clock needs libfaketime (Debian: libfaketime)";
            assert!(std::env::var("CI").as_deref() != Ok("true"), "not tested: {why}");
            eprintln!("NOT TESTED: {why}");
            return None;
        };
        let mut clock = Self { library, file: folder.join("clock"), now: jiff::Timestamp::UNIX_EPOCH };
        clock.set(now);
        Some(clock)
    }

    /// What it shows.
    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.now
    }

    /// Moves it on to a moment of UTC, `2026-10-17 09:00:00`; gives by how many seconds.
    pub(crate) fn set(&mut self, now: &str) -> i64 {
        let then: jiff::Timestamp = format!("{now}Z").parse().unwrap();
        let seconds = then.duration_since(self.now).as_secs();
        assert!(seconds >= 0, "time does not go back to {now}");
        // who reads it at the same time reads the one or the other
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{now}\n")).unwrap();
        fs::rename(new, &self.file).unwrap();
        self.now = then;
        seconds
    }

    /// The environment of a process that lives by it.
    pub(crate) fn env(&self) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        vec![
            ("LD_PRELOAD", text(&self.library)),
            ("FAKETIME_TIMESTAMP_FILE", text(&self.file)),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
            ("TZ", "UTC".to_owned()),
        ]
    }
}

fn library() -> Option<PathBuf> {
    let below = |folder: &str| {
        let inner = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        std::iter::once(PathBuf::from(folder)).chain(inner).collect::<Vec<_>>()
    };
    let all = FOLDERS.iter().flat_map(|folder| below(folder)).map(|folder| folder.join("faketime/libfaketime.so.1"));
    all.into_iter().find(|path| path.exists())
}
