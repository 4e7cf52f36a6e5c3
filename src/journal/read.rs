//! Reading events and requests.

use super::{Journal, Result};
use crate::domain::{CancelLevel, JobId, Timestamp};
use crate::event::{Event, EventKind};
use rusqlite::{OptionalExtension, Row, params};

/// A page of events is cut once it holds so many bytes of JSON, so that pages of long diffs stay small in memory.
const PAGE_BYTES: usize = 8 << 20;

impl Journal {
    /// Events with a number above `after`, in order, of one job or of all. A page may be shorter than `limit`; only
    /// an empty one means that there is nothing more. What a newer version wrote and this one does not know comes
    /// as a warning note in its place.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn events(&self, job: Option<&JobId>, after: u64, limit: u32) -> Result<Vec<Event>> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.read(|db| {
            let mut query = db.prepare_cached(if job.is_some() {
                "SELECT seq, job, at, kind FROM events WHERE seq > ?1 AND job = ?3 ORDER BY seq LIMIT ?2"
            } else {
                "SELECT seq, job, at, kind FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2"
            })?;
            let mut rows = match job {
                Some(job) => query.query(params![after, limit, job.as_str()])?,
                None => query.query(params![after, limit])?,
            };
            let mut page = Vec::new();
            let mut bytes = 0;
            while bytes < PAGE_BYTES {
                let Some(row) = rows.next()? else { break };
                bytes += row.get_ref(3)?.as_str().map_or(0, str::len);
                page.push(event(row)?);
            }
            Ok(page)
        })
    }

    /// The number of the newest event; 0 when there was none ever.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_seq(&self) -> Result<u64> {
        self.read(|db| {
            db.query_row("SELECT seq FROM sqlite_sequence WHERE name = 'events'", [], |row| row.get::<_, i64>(0))
                .optional()
                .map(|seq| seq.map_or(0, i64::unsigned_abs))
        })
    }

    /// How firmly the job was asked to stop, by any process, ever.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn cancel_requested(&self, job: &JobId) -> Result<CancelLevel> {
        self.read(|db| {
            db.prepare_cached("SELECT level FROM requests WHERE job = ?1")?
                .query_row([job.as_str()], |row| row.get::<_, i64>(0))
                .optional()
                .map(|level| match level {
                    None => CancelLevel::None,
                    Some(1) => CancelLevel::Stop,
                    Some(_) => CancelLevel::Kill,
                })
        })
    }
}

pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let seq = row.get::<_, i64>(0)?.unsigned_abs();
    let at = row.get_ref(2)?.as_str().ok().and_then(|at| at.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH);
    let job = row.get::<_, String>(1)?;
    let job = JobId::new(job)
        .map_err(|bad| rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(bad)))?;
    let json = row.get_ref(3)?.as_str().unwrap_or_default();
    let kind = serde_json::from_str(json).unwrap_or_else(|error| {
        #[derive(serde::Deserialize)]
        struct Named {
            event: String,
        }
        let name = serde_json::from_str::<Named>(json).map_or_else(|_| "?".to_owned(), |named| named.event);
        tracing::debug!(seq, %job, name, %error, "an event that this version does not know");
        EventKind::warning(format!("event `{name}` was written by another version of hga and is not shown"))
    });
    Ok(Event { seq, at, job, kind })
}
