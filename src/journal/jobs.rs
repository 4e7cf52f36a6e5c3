//! Reading jobs.

use super::{Error, Journal, Result};
use crate::domain::money::Usd;
use crate::domain::{CleanupVerdict, JobId, JobState, Operation, Timestamp, WorkVerdict};
use rusqlite::{OptionalExtension, Row};
use serde::de::DeserializeOwned;

/// What the journal knows of a job without its events.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// Its id.
    pub id: JobId,
    /// What was asked.
    pub operation: Operation,
    /// When.
    pub created: Timestamp,
    /// How far it is, as far as its last event tells: its process may have died since.
    pub state: JobState,
    /// The process that began it last; none once it is detached or ended. It may have died since.
    pub driver: Option<u32>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The work's verdict, once ended.
    pub work: Option<WorkVerdict>,
    /// The clean-up's verdict, once ended.
    pub cleanup: Option<CleanupVerdict>,
    /// The cap that it was stopped for.
    pub capped: Option<Usd>,
}

const COLUMNS: &str = "id, operation, created, state, driver, ended, work, cleanup, capped";

/// A row as SQLite gives it; making sense of it comes after, so that one strange row spoils no list.
struct Raw {
    id: String,
    operation: String,
    created: String,
    state: String,
    driver: Option<u32>,
    ended: Option<String>,
    work: Option<String>,
    cleanup: Option<String>,
    capped: Option<String>,
}

impl Raw {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            operation: row.get(1)?,
            created: row.get(2)?,
            state: row.get(3)?,
            driver: row.get(4)?,
            ended: row.get(5)?,
            work: row.get(6)?,
            cleanup: row.get(7)?,
            capped: row.get(8)?,
        })
    }

    fn read(self) -> Result<JobRecord> {
        let Self { id, .. } = &self;
        let time = |what, text: &str| text.parse().map_err(|error: jiff::Error| unreadable(id, what, error));
        Ok(JobRecord {
            operation: json(id, "operation", &self.operation)?,
            created: time("time of creation", &self.created)?,
            state: serde_json::from_value(self.state.as_str().into())
                .map_err(|error| unreadable(id, "state", error))?,
            driver: self.driver,
            ended: self.ended.as_deref().map(|text| time("time of ending", text)).transpose()?,
            work: self.work.as_deref().map(|text| json(id, "verdict", text)).transpose()?,
            cleanup: self.cleanup.as_deref().map(|text| json(id, "verdict", text)).transpose()?,
            capped: self.capped.as_deref().and_then(|text| text.parse().ok()),
            id: JobId::new(id.as_str()).map_err(|error| unreadable(id, "id", error))?,
        })
    }
}

fn json<T: DeserializeOwned>(job: &str, what: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(job, what, error))
}

fn unreadable(job: &str, what: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Unreadable { job: job.to_owned(), what, source: Box::new(source) }
}

impl Journal {
    /// The newest jobs, newest first. Ones that a newer version wrote and this one does not understand are left out
    /// and logged.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn jobs(&self, limit: u32) -> Result<Vec<JobRecord>> {
        self.list(&format!("SELECT {COLUMNS} FROM jobs ORDER BY rowid DESC LIMIT ?1"), limit)
    }

    /// All jobs that are not over, newest first, with the same exception.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unfinished(&self) -> Result<Vec<JobRecord>> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE state <> 'ended' ORDER BY rowid DESC LIMIT ?1");
        self.list(&sql, u32::MAX)
    }

    fn list(&self, sql: &str, limit: u32) -> Result<Vec<JobRecord>> {
        let rows = self.read(|db| {
            db.prepare_cached(sql)?.query_map([limit], Raw::from_row)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let readable = |raw: Raw| {
            raw.read().inspect_err(|error| tracing::warn!(error = %crate::diag::chain(error), "left out a job")).ok()
        };
        Ok(rows.into_iter().filter_map(readable).collect())
    }

    /// One job; none when there is no such.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when a newer version wrote it and this one does not understand it.
    pub fn job(&self, id: &JobId) -> Result<Option<JobRecord>> {
        let row = self.read(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1"))?
                .query_row([id.as_str()], Raw::from_row)
                .optional()
        })?;
        row.map(Raw::read).transpose()
    }
}
