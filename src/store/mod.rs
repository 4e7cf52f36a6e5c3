//! The read model: events folded into what a front end shows. [`Store::apply`] is a pure fold: the same events give
//! the same store, whatever comes twice or too late is left out, and nothing here reads a clock, a file or a network.
//! Memory is bounded: notes are few, diffs are cut, and output is not kept at all.

mod job;
mod queries;
mod tests_view;

#[cfg(test)]
mod properties;

pub use job::{
    JobView, LinkState, MachineView, NoteView, PhaseView, ProgressView, RemovalView, RunView, SourceView, StepView,
};
pub use queries::{PhaseRow, PhaseTable, eta, failures, phase_table, slowest};
pub use tests_view::{DiffKept, DiffView, EndedTest, RunningTest, TestsView};

use crate::domain::JobId;
use crate::event::Event;
use std::collections::BTreeMap;

/// All jobs that events have told of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Store {
    jobs: BTreeMap<JobId, JobView>,
    last_seq: u64,
}

impl Store {
    /// A store that knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Folds one event in. An event whose number its job has passed already is left out.
    pub fn apply(&mut self, event: &Event) {
        self.last_seq = self.last_seq.max(event.seq);
        if let Some(job) = self.jobs.get_mut(&event.job) {
            job.apply(event);
        } else {
            let mut job = JobView::new(event.job.clone(), event.at);
            job.apply(event);
            self.jobs.insert(event.job.clone(), job);
        }
    }

    /// Takes a job in that was folded elsewhere from its whole history, unless more is known of it here already.
    pub fn put(&mut self, job: JobView) {
        self.last_seq = self.last_seq.max(job.last_seq().unwrap_or(0));
        match self.jobs.get(&job.id) {
            Some(known) if known.is_whole() && known.last_seq() >= job.last_seq() => {}
            _ => {
                self.jobs.insert(job.id.clone(), job);
            }
        }
    }

    /// Gives a job away.
    pub fn take(&mut self, id: &JobId) -> Option<JobView> {
        self.jobs.remove(id)
    }

    /// Forgets a job; a later event of it begins it anew.
    pub fn forget(&mut self, id: &JobId) {
        self.jobs.remove(id);
    }

    /// One job.
    #[must_use]
    pub fn job(&self, id: &JobId) -> Option<&JobView> {
        self.jobs.get(id)
    }

    /// All jobs, newest first.
    #[must_use]
    pub fn jobs(&self) -> Vec<&JobView> {
        let mut jobs: Vec<&JobView> = self.jobs.values().collect();
        jobs.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
        jobs
    }

    /// The highest number of an event seen, zero for none: where to read on from.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }
}
