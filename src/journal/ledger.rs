//! The ledger's table: entries that are only ever added, and outlive the jobs they tell of. What events tell of money is
//! entered in their own transaction.

use super::{Error, Journal, Result};
use crate::domain::money::{Labels, LedgerEntry};
use crate::domain::{Operation, ProviderKind, ResourceKind, ResourceRef};
use crate::event::{Draft, EventKind};
use rusqlite::{OptionalExtension as _, Transaction, params};

impl Journal {
    /// Adds entries, all or none.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn enter(&self, entries: &[LedgerEntry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        self.write(|db| entries.iter().try_for_each(|entry| self.enter_one(db, entry)))
    }

    /// The entries after the one of that number (0 for all), each with its own, in the order they were made. One that a
    /// newer version wrote and this one does not understand is left out and logged.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries(&self, after: i64) -> Result<Vec<(i64, LedgerEntry)>> {
        let rows = self.read(|db| {
            db.prepare_cached("SELECT id, entry FROM ledger WHERE id > ?1 ORDER BY id")?
                .query_map([after], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let read = |(id, text): (i64, String)| match serde_json::from_str(&text) {
            Ok(entry) => Some((id, entry)),
            Err(error) => {
                tracing::warn!(id, "left out a line of the ledger: {error}");
                None
            }
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    fn enter_one(&self, db: &Transaction<'_>, entry: &LedgerEntry) -> Result<()> {
        let json = serde_json::to_string(entry).map_err(Error::Encode)?;
        db.prepare_cached("INSERT INTO ledger (entry) VALUES (?1)")
            .and_then(|mut insert| insert.execute(params![json]))
            .map(|_| ())
            .map_err(|error| self.sort(error))
    }

    /// Enters what an event tells of money.
    pub(super) fn enter_event(&self, db: &Transaction<'_>, draft: &Draft) -> Result<()> {
        let at = draft.at;
        let thing = |kind, provider, region, id: &str| ResourceRef { kind, provider, region, id: id.to_owned() };
        match &draft.kind {
            EventKind::Launched { machine, provider, region, bill: Some(bill), owner, lease, .. } => {
                let labels = self.labels(db, draft, owner.clone())?;
                let thing = thing(ResourceKind::Machine, *provider, region.clone(), machine.as_str());
                let bill = bill.as_ref().clone();
                self.enter_one(db, &LedgerEntry::Opened { thing, at, bill, labels, lease: *lease })
            }
            EventKind::ImageMade { image, bill, owner } => {
                let labels = self.labels(db, draft, owner.clone())?;
                let (thing, bill) = (image.clone(), bill.as_ref().clone());
                self.enter_one(db, &LedgerEntry::Opened { thing, at, bill, labels, lease: None })
            }
            // when one ended that had ended before, the next look bounds
            EventKind::MachineEnded { machine, provider, already: false } => {
                let thing = thing(ResourceKind::Machine, *provider, None, machine.as_str());
                self.enter_one(db, &LedgerEntry::Ended { thing, at, bound: false })
            }
            EventKind::Removed { things } => {
                let charged = things.iter().filter(|thing| {
                    use ResourceKind::{Image, Machine, Snapshot, Volume};
                    matches!(thing.kind, Machine | Image | Snapshot | Volume)
                });
                let ended = |thing: &ResourceRef| LedgerEntry::Ended { thing: thing.clone(), at, bound: false };
                charged.map(ended).try_for_each(|entry| self.enter_one(db, &entry))
            }
            EventKind::PhaseStarted { phase } if self.costs(db, draft)? => {
                self.enter_one(db, &LedgerEntry::PhaseBegan { job: draft.job.clone(), phase: *phase, at })
            }
            EventKind::PhaseEnded { phase, ok, .. } if self.costs(db, draft)? => {
                self.enter_one(db, &LedgerEntry::PhaseEnded { job: draft.job.clone(), phase: *phase, at, ok: *ok })
            }
            _ => Ok(()),
        }
    }

    fn operation(&self, db: &Transaction<'_>, draft: &Draft) -> Result<Option<Operation>> {
        let text = db
            .prepare_cached("SELECT operation FROM jobs WHERE id = ?1")
            .and_then(|mut query| query.query_row([draft.job.as_str()], |row| row.get::<_, String>(0)).optional())
            .map_err(|error| self.sort(error))?;
        // what a newer version asked for costs all the same
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    fn labels(&self, db: &Transaction<'_>, draft: &Draft, owner: Option<String>) -> Result<Labels> {
        let operation = self.operation(db, draft)?;
        Ok(Labels {
            owner,
            account: None,
            job: Some(draft.job.clone()),
            operation: operation.as_ref().map(|operation| operation.verb().to_owned()),
            about: operation.as_ref().and_then(Operation::about),
        })
    }

    /// Whether a job's machines cost anything.
    fn costs(&self, db: &Transaction<'_>, draft: &Draft) -> Result<bool> {
        let operation = self.operation(db, draft)?;
        Ok(operation.is_some_and(|operation| operation.provider() == ProviderKind::Aws && operation.wish().is_some()))
    }
}
