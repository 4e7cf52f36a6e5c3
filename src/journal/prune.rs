//! Forgetting old jobs.

use super::{Error, Journal, Result};
use crate::domain::{JobId, Timestamp};
use rusqlite::params;
use std::time::Duration;

/// Which jobs are kept: those that meet both rules. A job that is not ended is kept whatever its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// So many of the newest.
    pub jobs: u32,
    /// Those that ended no longer ago than this.
    pub age: Duration,
}

impl Journal {
    /// Forgets jobs with their events and durations, and says which, so that their folders can go too.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn prune(&self, keep: Keep, now: Timestamp) -> Result<Vec<JobId>> {
        let oldest = jiff::SignedDuration::try_from(keep.age).ok().and_then(|age| now.checked_sub(age).ok());
        // times are compared as times: their text has a fraction of any length
        self.write(|db| {
            let sort = |error| self.sort(error);
            let ended = db
                .prepare("SELECT id, ended FROM jobs WHERE state = 'ended' ORDER BY rowid DESC")
                .and_then(|mut query| {
                    query
                        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?)))?
                        .collect::<rusqlite::Result<Vec<_>>>()
                })
                .map_err(sort)?;
            let mut gone = Vec::new();
            for (place, (id, ended)) in ended.into_iter().enumerate() {
                let ended = ended.and_then(|at| at.parse::<Timestamp>().ok());
                let too_many = place >= keep.jobs as usize;
                let too_old = matches!((ended, oldest), (Some(ended), Some(oldest)) if ended < oldest);
                if !(too_many || too_old) {
                    continue;
                }
                db.execute("DELETE FROM jobs WHERE id = ?1", params![id]).map_err(sort)?;
                gone.push(JobId::new(id.as_str()).map_err(|error| Error::Unreadable {
                    job: id,
                    what: "id",
                    source: Box::new(error),
                })?);
            }
            Ok(gone)
        })
    }
}
