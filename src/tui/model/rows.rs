//! The rows of each list, sorted and filtered, as plain values: update and view both go by them.

use super::{JobScreen, Model};
use crate::domain::{Image, JobState, Machine};
use crate::session::JobSummary;
use crate::store::{JobView, Store};

/// A row of the machines.
#[derive(Debug, Clone, Copy)]
pub struct MachineRow<'a> {
    /// The machine.
    pub machine: &'a Machine,
}

/// A row of the images.
#[derive(Debug, Clone, Copy)]
pub struct ImageRow<'a> {
    /// The image.
    pub image: &'a Image,
}

/// A row of the jobs.
#[derive(Debug, Clone, Copy)]
pub struct JobRow<'a> {
    /// What the journal says of it.
    pub summary: &'a JobSummary,
    /// What its events say, where they are here.
    pub view: Option<&'a JobView>,
}

/// A row of a job's tests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TestKey {
    /// One that runs, by name.
    Running(String),
    /// One that has ended, by its place among them.
    Ended(usize),
}

/// The machines to show.
#[must_use]
pub fn machine_rows(model: &Model) -> Vec<MachineRow<'_>> {
    model.machines.value.iter().map(|machine| MachineRow { machine }).collect()
}

/// The images to show.
#[must_use]
pub fn image_rows(model: &Model) -> Vec<ImageRow<'_>> {
    model.images.value.iter().map(|image| ImageRow { image }).collect()
}

/// The jobs to show, those under way first.
#[must_use]
pub fn job_rows<'a>(model: &'a Model, store: &'a Store) -> Vec<JobRow<'a>> {
    let mut rows: Vec<JobRow<'a>> =
        model.jobs.value.iter().map(|summary| JobRow { summary, view: store.job(&summary.id) }).collect();
    rows.sort_by_key(|row| row.summary.state == JobState::Ended);
    rows
}

/// The tests of a job to show: running ones first, then failures, then the rest as they ended.
#[must_use]
pub fn test_keys(_screen: &JobScreen, job: &JobView) -> Vec<TestKey> {
    let running = job.tests.running.iter().map(|test| TestKey::Running(test.name.clone()));
    let (failed, rest): (Vec<usize>, Vec<usize>) =
        (0..job.tests.ended.len()).partition(|index| job.tests.ended[*index].outcome.is_failure());
    running.chain(failed.into_iter().chain(rest).map(TestKey::Ended)).collect()
}
