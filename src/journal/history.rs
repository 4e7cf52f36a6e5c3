//! How long tests took before.

use super::{Journal, Result};
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

/// `seconds` has the newest first.
fn timing(seconds: &[f64]) -> Option<Timing> {
    let times: Vec<_> = seconds.iter().filter_map(|&time| Duration::try_from_secs_f64(time).ok()).collect();
    let last = *times.first()?;
    let mut sorted = times;
    sorted.sort_unstable();
    let median = *sorted.get((sorted.len() - 1) / 2)?;
    Some(Timing { median, last, runs: u32::try_from(sorted.len()).unwrap_or(u32::MAX) })
}
