//! The journal: one SQLite file that holds jobs, their events, durations of tests and requests between processes.
//! Several processes write and read it at once. The only home of `rusqlite`.
//!
//! Calls block, most for well under a millisecond; one that meets another process's write waits for it, at most
//! [`LOCK_WAIT`]. From async code go through [`Journal::run`].

mod append;
mod error;
mod history;
mod jobs;
mod ledger;
#[cfg(test)]
mod ledger_test;
mod open;
mod prune;
mod read;
mod schema;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use history::Timing;
pub use jobs::JobRecord;
pub use open::{Journal, LOCK_WAIT};
pub use prune::Keep;

/// What calls of the journal give back.
pub type Result<T> = std::result::Result<T, Error>;
