//! What wakes the loop: keys, events of jobs, answers to effects, the clock. Plain data: it can be logged, compared and
//! replayed.

use super::keys::Chord;
use super::output::OutputAnswer;
use crate::domain::{
    Image, JobId, Lease, Machine, MachineId, ProviderKind, Resource, TestCounts, TestSource, Timestamp,
};
use crate::event::Event;
use crate::session::{Attachment, Error, JobSummary, Listed, MoneyTold, PlanRequest, Proposal};
use crate::store::JobView;
use std::collections::BTreeMap;

/// What a mouse did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mouse {
    /// A click.
    Click,
    /// The wheel, up.
    ScrollUp,
    /// The wheel, down.
    ScrollDown,
}

/// What wakes the loop.
#[derive(Debug)]
pub enum Msg {
    /// A key.
    Key(Chord),
    /// Pasted text.
    Paste(String),
    /// The mouse, with column and row.
    Mouse(Mouse, u16, u16),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// The terminal got or lost the focus.
    Focus(bool),
    /// The time, about once a second.
    Tick(Timestamp),
    /// Events of jobs, in order. They have been folded into the store already.
    Events(Vec<Event>),
    /// The jobs there are.
    Jobs(Result<Vec<JobSummary>, Error>),
    /// The providers that are asked, and those that are not set up, each with what a person can do about it.
    Providers(Vec<ProviderKind>, Vec<(ProviderKind, String)>),
    /// The machines that a provider has.
    Machines(ProviderKind, Listed<Machine>),
    /// The images that a provider has.
    Images(ProviderKind, Listed<Image>),
    /// Everything that a provider has.
    Resources(ProviderKind, Listed<Resource>),
    /// The plan that was asked for.
    Planned(PlanRequest, Result<Proposal, Error>),
    /// A job's whole history, folded, for the store; `Loaded` comes of it.
    History(Box<JobView>),
    /// A job's history is in the store, or why it could not be read.
    Loaded(JobId, Result<(), Error>),
    /// How many of some jobs' tests ended how.
    Counts(BTreeMap<JobId, TestCounts>),
    /// What things cost and have cost.
    Money(Result<Box<MoneyTold>, Error>),
    /// How long tests took before, in seconds by name.
    Durations(BTreeMap<String, f64>),
    /// Names of tests that a source has at a revision.
    TestNames(TestSource, String, Result<Vec<String>, Error>),
    /// What was asked of a job's output.
    Output(OutputAnswer),
    /// An operation was submitted.
    Submitted(Result<JobId, Error>),
    /// A job was attached to.
    Attached(JobId, Result<Attachment, Error>),
    /// A job was told to stop; whether this process drives it, for it may have taken it up for its clean-up.
    Stopped(JobId, Result<bool, Error>),
    /// What has become of the leases that were moved.
    Extended(Vec<(MachineId, Result<Lease, Error>)>),
    /// Something else that was asked for could not be done, or has been: a line to show.
    Told(Result<String, Error>),
    /// The shell on a machine is over.
    ShellEnded(MachineId, Result<i32, String>),
    /// A signal asked the process to leave.
    Hangup,
}
