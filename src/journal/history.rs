//! How long tests took before.

use super::{Journal, Result};
use crate::domain::{JobId, TestCounts, TestOutcome};
use rusqlite::params;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long one test took in its last runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// The middle one; of an even number, the lower of the two.
    pub median: Duration,
    /// The newest one.
    pub last: Duration,
    /// How many were looked at.
    pub runs: u32,
}

impl Journal {
    /// How long tests took, by name, over the last `runs` times each was timed: the named ones, or all. Tests that
    /// were never timed are not in it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn durations(&self, names: Option<&[&str]>, runs: u32) -> Result<BTreeMap<String, Timing>> {
        self.read(|db| {
            let names: Vec<String> = if let Some(names) = names {
                names.iter().map(|&name| name.to_owned()).collect()
            } else {
                db.prepare_cached("SELECT DISTINCT name FROM tests WHERE seconds IS NOT NULL")?
                    .query_map([], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?
            };
            let mut query = db.prepare_cached(
                "SELECT seconds FROM tests WHERE name = ?1 AND seconds IS NOT NULL ORDER BY id DESC LIMIT ?2",
            )?;
            let mut found = BTreeMap::new();
            for name in names {
                let times = query
                    .query_map(params![name, runs], |row| row.get::<_, f64>(0))?
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                if let Some(timing) = timing(&times) {
                    found.insert(name, timing);
                }
            }
            Ok(found)
        })
    }
}

impl Journal {
    /// How many tests of these jobs ended how; `total` is what ended. A job without tests is not in it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn counts(&self, jobs: &[JobId]) -> Result<BTreeMap<JobId, TestCounts>> {
        self.read(|db| {
            let mut query =
                db.prepare_cached("SELECT outcome, count(*) FROM tests WHERE job = ?1 GROUP BY outcome")?;
            let mut found = BTreeMap::new();
            for job in jobs {
                let mut counts = TestCounts::default();
                let mut rows = query.query([job.as_str()])?;
                while let Some(row) = rows.next()? {
                    let (word, count) = (row.get::<_, String>(0)?, row.get::<_, u32>(1)?);
                    // a word of a newer version counts as an end of some kind, so that the sum is right
                    let slot = match TestOutcome::of_word(&word) {
                        Some(TestOutcome::Passed) => &mut counts.passed,
                        Some(TestOutcome::Skipped) => &mut counts.skipped,
                        Some(TestOutcome::Failed | TestOutcome::Error | TestOutcome::TimedOut) => &mut counts.failed,
                        Some(TestOutcome::Ignored) | None => &mut counts.ignored,
                    };
                    *slot = slot.saturating_add(count);
                }
                counts.total = counts.done();
                if counts.total > 0 {
                    found.insert(job.clone(), counts);
                }
            }
            Ok(found)
        })
    }
}

/// `seconds` has the newest first.
fn timing(seconds: &[f64]) -> Option<Timing> {
    let times: Vec<_> = seconds.iter().filter_map(|&time| Duration::try_from_secs_f64(time).ok()).collect();
    let last = *times.first()?;
    let mut sorted = times;
    sorted.sort_unstable();
    let median = *sorted.get((sorted.len() - 1) / 2)?;
    Some(Timing { median, last, runs: u32::try_from(sorted.len()).unwrap_or(u32::MAX) })
}
