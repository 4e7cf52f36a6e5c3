//! Pure words and rules: no IO, no async, nothing of any other room. Every word here has the one meaning the
//! glossary in `lib.rs` gives it.

mod check;
mod command;
mod ids;
mod image;
mod job;
mod lease;
mod machine;
mod operation;
mod output;
mod phase;
mod plan;
mod test;
mod test_word;
pub mod words;

pub use check::{CheckItem, CheckOutcome};
pub use ids::{BadId, ImageName, JobId, MachineId, RunId};
pub use image::{Fingerprint, Image, ImageState};
pub use job::{CancelLevel, CleanupVerdict, JobState, Remaining, WorkVerdict};
pub use lease::Lease;
pub use machine::{Endpoint, HostKeys, Layout, Machine, MachineState, ProviderKind};
pub use operation::{
    BootstrapSpec, DirtyTree, Filesystem, KeepMachine, LaunchSpec, Operation, RunTestsSpec, TestSource,
};
pub use output::{escape_controls, escape_line};
pub use phase::Phase;
pub use plan::{Plan, PlanItem, Skipped, Working, users_of};
pub use test::{TestCounts, TestEvent, TestOutcome, TestResult};
pub use test_word::{TestWord, file as test_file, is_pattern as test_is_pattern, relative as test_relative};

/// A moment in time (UTC, nanoseconds), printed and stored in RFC 3339.
pub type Timestamp = jiff::Timestamp;
