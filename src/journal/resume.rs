//! What a process needs to know to take a job up where its last one left it.

use super::{Journal, Result};
use crate::domain::{JobId, MachineId, ProviderKind, RunId};
use crate::event::{Event, EventKind};

/// Where a job stands, folded from its events without those of single tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether a process ever began it.
    pub started: bool,
    /// The machine it last launched or used and that was not seen to end. It may be one that was only about to be
    /// launched.
    pub machine: Option<(MachineId, ProviderKind)>,
    /// The revision to test, once resolved.
    pub node: Option<String>,
    /// Its runs, in the order they were started.
    pub runs: Vec<RunProgress>,
    /// Whether it is over.
    pub ended: bool,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunProgress {
    /// Which.
    pub run: RunId,
    /// Its events file has been journalled up to this byte.
    pub read: u64,
    /// Its exit status, once seen.
    pub status: Option<i32>,
}

impl Standing {
    /// Takes one more event into account.
    pub fn apply(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Started { .. } => self.started = true,
            EventKind::Launching { machine, provider } | EventKind::MachineReady { machine, provider, .. } => {
                self.machine = Some((machine.clone(), *provider));
            }
            EventKind::MachineEnded { machine, .. } => {
                self.machine.take_if(|(known, _)| known == machine);
            }
            EventKind::SourceResolved { node, .. } => self.node = Some(node.clone()),
            // said again when it is taken up after a crash: what was read stays read
            EventKind::RunStarted { run, .. } if !self.runs.iter().any(|known| known.run == *run) => {
                self.runs.push(RunProgress { run: run.clone(), read: 0, status: None });
            }
            EventKind::RunEnded { run, status } => {
                for known in self.runs.iter_mut().filter(|known| known.run == *run) {
                    known.status = Some(*status);
                }
            }
            EventKind::EventsRead { offset } => {
                if let Some(last) = self.runs.last_mut() {
                    last.read = *offset;
                }
            }
            EventKind::Ended { .. } => self.ended = true,
            _ => {}
        }
    }
}

impl Journal {
    /// Where a job stands.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn standing(&self, job: &JobId) -> Result<Standing> {
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT seq, job, at, kind FROM events WHERE job = ?1
                 AND kind NOT LIKE '{\"event\":\"test\"%' AND kind NOT LIKE '{\"event\":\"job.progress\"%' ORDER BY seq",
            )?;
            let mut rows = query.query([job.as_str()])?;
            let mut standing = Standing::default();
            while let Some(row) = rows.next()? {
                standing.apply(&super::read::event(row)?);
            }
            Ok(standing)
        })
    }
}
