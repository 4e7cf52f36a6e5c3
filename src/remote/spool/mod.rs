//! Detached runs on a machine, read by byte offset: nothing lost, nothing doubled.
//!
//! A run lives in its folder of the machine's spool and has its own process session, so neither a cut connection nor
//! a dead client ends it. Starting is idempotent by [`RunId`](crate::domain::RunId); following goes on from the offsets
//! the client has. The machine's side is `assets/spool.sh`, sent with each use.

mod client;
mod quote;
mod types;

pub use client::Spool;
pub use quote::{quote, words};
pub use types::{Ended, Offsets, RunSpec, RunState, Signalled, Sink, Started};
