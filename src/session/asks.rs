//! Small questions that front ends ask: where the journal is, how tests ended and how long they took, what tests there
//! are.

use super::{Error, ErrorKind, Result, Session, journal_error};
use crate::diag::{Hinted, chain};
use crate::domain::{JobId, TestCounts, TestSource};
use crate::journal::Journal;
use crate::mercurial;
use std::collections::BTreeMap;

/// So many of a test's last runs tell how long it takes.
const RUNS: u32 = 5;

fn mercurial_error(error: &mercurial::Error) -> Error {
    let mut told = Error::new(ErrorKind::Other, chain(error));
    told.hints = error.hints();
    told
}

impl Session {
    /// The number of the newest event there is, of any job; 0 when there is none.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn last_event(&self) -> Result<u64> {
        self.journal.run(Journal::last_seq).await.map_err(|error| journal_error(&error))
    }

    /// How many tests of these jobs ended how, as the journal has them; `total` is what ended. A job without tests is
    /// not in it.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn counts(&self, jobs: &[JobId]) -> Result<BTreeMap<JobId, TestCounts>> {
        let jobs = jobs.to_vec();
        self.journal.run(move |journal| journal.counts(&jobs)).await.map_err(|error| journal_error(&error))
    }

    /// How long tests took before: the middle one of the last few runs of each, in seconds by name.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn durations(&self) -> Result<BTreeMap<String, f64>> {
        let timings =
            self.journal.run(|journal| journal.durations(None, RUNS)).await.map_err(|error| journal_error(&error))?;
        Ok(timings.into_iter().map(|(name, timing)| (name, timing.median.as_secs_f64())).collect())
    }

    /// The names of a source's tests at a revision, sorted. Of the distribution on PyPI, those of the newest one here;
    /// none when none has been fetched yet.
    ///
    /// # Errors
    /// When the folder is no Mercurial source, or has no such revision.
    pub async fn test_names(&self, source: &TestSource, rev: &str) -> Result<Vec<String>> {
        let folder = match source {
            TestSource::Directory(folder) => folder.clone(),
            TestSource::Pypi => match newest(&self.parts.paths.sources()) {
                Some(folder) => folder,
                None => return Ok(Vec::new()),
            },
        };
        mercurial::check_folder(&folder).map_err(|error| mercurial_error(&error))?;
        let path = std::env::var_os("PATH");
        let hg = match mercurial::find_hg(self.parts.hg.as_deref(), path.as_deref(), None) {
            Ok(hg) => hg,
            Err(error) if self.parts.hg.is_some() => return Err(mercurial_error(&error)),
            // fetched by the first job that needed it; nothing is fetched for a question
            Err(_) => mercurial::tools_hg(&self.parts.paths.tools(), &|_: &str, _, _| {})
                .await
                .map_err(|error| mercurial_error(&error))?,
        };
        let repo = mercurial::Repository::open(hg, &folder).await.map_err(|error| mercurial_error(&error))?;
        let tests = repo.tests(rev).await.map_err(|error| mercurial_error(&error))?;
        Ok(tests.into_iter().collect())
    }
}

/// The folder in `parent` that was changed last.
fn newest(parent: &std::path::Path) -> Option<std::path::PathBuf> {
    std::fs::read_dir(parent)
        .ok()?
        .filter_map(std::result::Result::ok)
        .filter(|entry| entry.path().join("tests").is_dir())
        .max_by_key(|entry| entry.metadata().and_then(|metadata| metadata.modified()).ok())
        .map(|entry| entry.path())
}
