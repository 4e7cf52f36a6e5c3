//! What is said once the dashboard has been left: the summary of the job it was opened for, how its other jobs
//! ended meanwhile, and which jobs and machines go on.

use super::args::Global;
use super::error::{self, Outcome};
use super::printer::Printer;
use super::{exit, summary, words};
use crate::domain::money::{JobCost, Ledger, PriceBook, Run, left_running};
use crate::domain::{CleanupVerdict, JobId, Lease, Machine, Timestamp, escape_controls};
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
    /// What has run, and until when.
    pub ledger: &'a Ledger,
    /// What that costs.
    pub prices: &'a PriceBook,
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
    let Farewell { begun, ended, going_on, machines, ledger, prices } = left;
    let now = Timestamp::now();
    let mut code = exit::OK;
    if let Some((job, files)) = begun {
        code = match (&job.work, &job.cleanup) {
            (Some(work), Some(cleanup)) => exit::of(work, cleanup),
            _ => exit::DETACHED,
        };
        if code != exit::DETACHED {
            let paint = printer.out_paint();
            let cost = JobCost::of(ledger, prices, &job.id, now);
            printer.out(&summary::text(job, files, code, now, paint, cost.as_ref()))?;
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
        let (id, ends) = (&machine.id, machine.lease.map(Lease::ends));
        let run = Run::of_machine(ledger, prices, machine, now);
        let lives = if run.is_free(prices) {
            let left = machine.lease.map(|lease| words::span(lease.left(now)));
            left.map_or_else(|| "lives on".to_owned(), |left| format!("lives on and ends itself in {left}"))
        } else {
            format!("is left running: {}", left_running(run.hourly(prices, now), ends, now))
        };
        let provider = machine.provider;
        printer.err(&format!("machine {id} ({provider}) {lives}; `hga machines terminate {id}` ends it now\n"))?;
    }
    Ok(code)
}
