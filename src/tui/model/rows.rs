//! The rows of each list, sorted and filtered, as plain values: update and view both go by them.

use super::Model;
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
