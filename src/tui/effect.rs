//! What `update` asks of the world. Plain data; `perform.rs` and `run.rs` do it.

use super::action::LogMove;
use super::output::OutputRequest;
use crate::domain::{CancelLevel, JobId, MachineId, Operation, TestSource};
use crate::session::{LeaseMove, PlanRequest};

/// How the program is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Nothing of ours runs.
    Quietly,
    /// Jobs are let go of; what runs on their machines runs on.
    LettingGo,
}

/// What `update` asks of the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Begin an operation; answered by `Submitted`.
    Submit(Box<Operation>),
    /// Tell a job to stop; answered by `Stopped`.
    Cancel(JobId, CancelLevel),
    /// Take a job up; answered by `Attached`.
    Attach(JobId),
    /// Read a job's history; answered by `Loaded`.
    Load(JobId),
    /// Count these jobs' tests; answered by `Counts`.
    Count(Vec<JobId>),
    /// How long tests took before; answered by `Durations`.
    Durations,
    /// Ask for the ledger and for prices; answered by `Money`.
    Money,
    /// Ask for jobs.
    Jobs,
    /// Which providers are asked; answered by `Providers`.
    Providers,
    /// What was asked a moment ago is asked anew, and nobody waits for what is still asked.
    Forget,
    /// Ask each provider for machines; each one's answer comes by itself.
    Machines,
    /// Ask each provider for images.
    Images,
    /// Ask each provider for everything.
    Resources,
    /// Make a plan; answered by `Planned`.
    Plan(PlanRequest),
    /// Move these machines' leases; answered by `Extended`.
    Extend(Vec<(MachineId, LeaseMove)>),
    /// Something of a job's output; answered by `Output`.
    Output(OutputRequest),
    /// Names of tests of a source at a revision; answered by `TestNames`.
    TestNames(TestSource, String),
    /// A shell on a machine, in place of the dashboard; answered by `ShellEnded`.
    Shell(MachineId),
    /// Put text on the clipboard.
    Copy(String),
    /// Move in the log.
    Log(LogMove),
    /// Suspend the process.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Leave the program.
    Leave(Leave),
}
