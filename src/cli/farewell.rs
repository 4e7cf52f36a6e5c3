//! What is said once the dashboard has been left: the summary of the job it was opened for, and the jobs that go on.

use super::args::Global;
use super::error::{self, Outcome};
use super::printer::Printer;
use super::{exit, summary};
use crate::domain::{JobId, Timestamp};
use crate::session::JobFiles;
use crate::store::JobView;

/// Says it; gives the exit code: that of the job the dashboard was opened for, [`exit::DETACHED`] where that goes on.
#[must_use]
pub fn farewell(global: &Global, begun: Option<&(JobView, JobFiles)>, going_on: &[JobId]) -> i32 {
    let mut printer = Printer::of_process(global);
    let outcome = say(&mut printer, begun, going_on);
    error::settle(outcome, &mut printer)
}

fn say(printer: &mut Printer, begun: Option<&(JobView, JobFiles)>, going_on: &[JobId]) -> Outcome {
    let mut code = exit::OK;
    if let Some((job, files)) = begun {
        code = match (&job.work, &job.cleanup) {
            (Some(work), Some(cleanup)) => exit::of(work, cleanup),
            _ => exit::DETACHED,
        };
        if code != exit::DETACHED {
            let paint = printer.out_paint();
            printer.out(&summary::text(job, files, code, Timestamp::now(), paint))?;
        }
    }
    for job in going_on {
        printer.err(&format!(
            "job {job} goes on\nhint: `hga jobs attach {job}`, or `a` in the dashboard, takes it up again\n"
        ))?;
    }
    Ok(code)
}
