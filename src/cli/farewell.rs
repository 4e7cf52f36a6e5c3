//! What is said once the dashboard has been left: the summary of the job it was opened for, how its other jobs
//! ended meanwhile, and which jobs and machines go on.

use super::args::Global;
use super::error::{self, Outcome};
use super::printer::Printer;
use super::{exit, summary, words};
use crate::domain::{CleanupVerdict, JobId, Machine, Timestamp, escape_controls};
use crate::session::JobFiles;
use crate::store::JobView;

/// What is left when the dashboard has been left.
#[derive(Debug, Clone, Copy)]
pub struct Farewell<'a> {
    /// The job that the dashboard was opened for, as far as it got, and where its files are.
    pub begun: Option<&'a (JobView, JobFiles)>,
    /// Other jobs of the dashboard that have ended since.
    pub ended: &'a [JobView],
    /// Jobs that were let go of and go on.
    pub going_on: &'a [JobId],
    /// Machines of ours that live on.
    pub machines: &'a [Machine],
}

/// Says it; gives the exit code: that of the job the dashboard was opened for, [`exit::DETACHED`] where that goes on,
/// [`exit::REMAINS`] where any left something behind.
#[must_use]
pub fn farewell(global: &Global, left: Farewell<'_>) -> i32 {
    let mut printer = Printer::of_process(global);
    let outcome = say(&mut printer, left);
    error::settle(outcome, &mut printer)
}

fn say(printer: &mut Printer, left: Farewell<'_>) -> Outcome {
    let Farewell { begun, ended, going_on, machines } = left;
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
    for machine in machines {
        let left = machine.lease.map(|lease| words::span(lease.left(Timestamp::now())));
        let ends = left.map_or_else(String::new, |left| format!(" and ends itself in {left}"));
        let id = &machine.id;
        printer.err(&format!(
            "machine {id} ({}) lives on{ends}; `hga machines terminate {id}` ends it now\n",
            machine.provider
        ))?;
    }
    Ok(code)
}
