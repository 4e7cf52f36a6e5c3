//! Jobs under way: cancellation, finalisers, two verdicts, and events written down before they are acted on. Knows
//! nothing of journal, terminals, providers or what a job does.
//!
//! One dispatcher task a process writes every job's events through a [`Sink`], in order, many at a time. Each job is
//! a task of its own, and `body.rs` holds the truth table of how it ends.

mod body;
mod context;
pub mod deadline;
mod dispatcher;
mod failure;
mod finaliser;
mod handle;
mod options;
pub mod retry;
mod signal;
#[cfg(test)]
mod tests;

pub use context::JobContext;
pub use dispatcher::Sink;
pub use failure::Failure;
pub use finaliser::FinaliserId;
pub use handle::{Engine, JobHandle, JobOutcome};
pub use options::EngineOptions;
