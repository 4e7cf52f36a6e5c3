//! What is said once the dashboard has been left: the summary of the job it was opened for, how its other jobs
//! ended meanwhile, and which go on.

use super::args::Global;
use super::error::{self, Outcome};
use super::printer::Printer;
use super::{exit, summary};
use crate::domain::{CleanupVerdict, JobId, Timestamp, escape_controls};
use crate::session::JobFiles;
use crate::store::JobView;

/// Says it; gives the exit code: that of the job the dashboard was opened for, [`exit::DETACHED`] where that goes on,
/// [`exit::REMAINS`] where any left something behind.
#[must_use]
pub fn farewell(global: &Global, begun: Option<&(JobView, JobFiles)>, ended: &[JobView], going_on: &[JobId]) -> i32 {
    let mut printer = Printer::of_process(global);
    let outcome = say(&mut printer, begun, ended, going_on);
    error::settle(outcome, &mut printer)
}

fn say(printer: &mut Printer, begun: Option<&(JobView, JobFiles)>, ended: &[JobView], going_on: &[JobId]) -> Outcome {
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
    for job in ended {
        let (Some(work), Some(cleanup)) = (&job.work, &job.cleanup) else { continue };
        let verdict = exit::of(work, cleanup);
        printer.err(&format!("job {} is over: {}\n", job.id, exit::meaning(verdict)))?;
        if let CleanupVerdict::Remains { items } = cleanup {
            for item in items {
                let line = format!("remains: {}: {}\n", item.what, item.why);
                printer.err(&escape_controls(&line))?;
            }
            code = exit::REMAINS;
        }
    }
    for job in going_on {
        printer.err(&format!(
            "job {job} goes on\nhint: `hga jobs attach {job}`, or `a` in the dashboard, takes it up again\n"
        ))?;
    }
    Ok(code)
}
