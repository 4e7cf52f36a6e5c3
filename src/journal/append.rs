//! Writing: new jobs, their events and what follows from those in the other tables, each call one transaction.

use super::{Error, Journal, Result};
use crate::domain::{CancelLevel, JobId, JobState, Operation, TestEvent, Timestamp};
use crate::event::{Draft, EventKind};
use rusqlite::{Transaction, params};

impl Journal {
    /// Writes a new job down with its first event, `job.submitted`. Gives back that event's number.
    ///
    /// # Errors
    /// [`Error::Exists`] when the id is taken.
    pub fn create_job(&self, job: &JobId, operation: &Operation, at: Timestamp) -> Result<u64> {
        let json = serde_json::to_string(operation).map_err(Error::Encode)?;
        self.write(|db| {
            let made = db
                .execute(
                    "INSERT INTO jobs (id, operation, created, state) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                    params![job.as_str(), json, at.to_string(), JobState::Queued.as_str()],
                )
                .map_err(|error| self.sort(error))?;
            if made == 0 {
                return Err(Error::Exists { job: job.clone() });
            }
            let kind = EventKind::Submitted { operation: operation.clone() };
            self.append_one(db, &Draft { job: job.clone(), at, kind })
        })
    }

    /// Writes events down, all or none, and gives back their numbers in the same order. When it has come back they
    /// survive the end of this process. Jobs and durations follow in the same transaction.
    ///
    /// # Errors
    /// [`Error::UnknownJob`] when one of the jobs was never created.
    pub fn append(&self, drafts: &[Draft]) -> Result<Vec<u64>> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        self.write(|db| drafts.iter().map(|draft| self.append_one(db, draft)).collect())
    }

    fn append_one(&self, db: &Transaction<'_>, draft: &Draft) -> Result<u64> {
        let job = draft.job.as_str();
        let at = draft.at.to_string();
        let json = serde_json::to_string(&draft.kind).map_err(Error::Encode)?;
        let sort = |error: rusqlite::Error| match error.sqlite_error() {
            Some(known) if known.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
                Error::UnknownJob { job: job.to_owned() }
            }
            _ => self.sort(error),
        };
        let seq = db
            .prepare_cached("INSERT INTO events (job, at, kind) VALUES (?1, ?2, ?3)")
            .and_then(|mut insert| insert.insert(params![job, at, json]))
            .map_err(sort)?;
        match &draft.kind {
            EventKind::Started { pid, .. } => db
                .execute(
                    "UPDATE jobs SET state = ?2, driver = ?3 WHERE id = ?1 AND state <> 'ended'",
                    params![job, JobState::Running.as_str(), pid],
                )
                .map_err(sort)?,
            EventKind::Cancelling { level } if *level > CancelLevel::None => {
                self.set_state(db, job, JobState::Cancelling)?
            }
            EventKind::Detached => self.set_state(db, job, JobState::Detached)?,
            EventKind::Ended { work, cleanup } => db
                .execute(
                    "UPDATE jobs SET state = ?2, work = ?3, cleanup = ?4, ended = ?5, driver = NULL WHERE id = ?1",
                    params![
                        job,
                        JobState::Ended.as_str(),
                        serde_json::to_string(work).map_err(Error::Encode)?,
                        serde_json::to_string(cleanup).map_err(Error::Encode)?,
                        at
                    ],
                )
                .map_err(sort)?,
            EventKind::Capped { cap, .. } => {
                db.execute("UPDATE jobs SET capped = ?2 WHERE id = ?1", params![job, cap.exact()]).map_err(sort)?
            }
            EventKind::Test { test: TestEvent::Ended(result), .. } => db
                .prepare_cached("INSERT INTO tests (job, name, outcome, seconds, at) VALUES (?1, ?2, ?3, ?4, ?5)")
                .and_then(|mut insert| {
                    let seconds = result.seconds.filter(|seconds| seconds.is_finite());
                    insert.execute(params![job, result.name, result.outcome.as_str(), seconds, at])
                })
                .map_err(sort)?,
            _ => 0,
        };
        self.enter_event(db, draft)?;
        Ok(seq.unsigned_abs())
    }

    fn set_state(&self, db: &Transaction<'_>, job: &str, state: JobState) -> Result<usize> {
        let driver = if state == JobState::Detached { ", driver = NULL" } else { "" };
        let sql = format!("UPDATE jobs SET state = ?2{driver} WHERE id = ?1 AND state <> 'ended'");
        db.execute(&sql, params![job, state.as_str()]).map_err(|error| self.sort(error))
    }

    /// Asks whichever process drives the job to stop it. Levels only rise; asking again for less changes nothing.
    ///
    /// # Errors
    /// [`Error::UnknownJob`].
    pub fn request_cancel(&self, job: &JobId, level: CancelLevel) -> Result<()> {
        let number = match level {
            CancelLevel::None => return Ok(()),
            CancelLevel::Stop => 1,
            CancelLevel::Kill => 2,
        };
        self.write(|db| {
            db.execute(
                "INSERT INTO requests (job, level, at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (job) DO UPDATE SET level = excluded.level, at = excluded.at
                 WHERE excluded.level > level",
                params![job.as_str(), number, Timestamp::now().to_string()],
            )
            .map(|_| ())
            .map_err(|error| match error.sqlite_error() {
                Some(known) if known.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
                    Error::UnknownJob { job: job.to_string() }
                }
                _ => self.sort(error),
            })
        })
    }
}
