//! Pure words and rules: no IO, no async, nothing of any other room. Every word here has the one meaning the
//! glossary in `lib.rs` gives it.

mod check;
mod cidr;
mod command;
mod distro;
mod ids;
mod image;
mod job;
mod lease;
mod machine;
pub mod money;
mod operation;
pub mod ours;
mod output;
mod phase;
mod plan;
mod resource;
pub mod tag;
mod test;
mod test_word;
mod wish;
pub mod words;

pub use check::{CheckItem, CheckOutcome};
pub use cidr::{cidr, is_everybody};
pub use distro::{Distro, UnknownDistro};
pub use ids::{BadId, ImageName, JobId, MachineId, RunId};
pub use image::{Fingerprint, Image, ImageState};
pub use job::{CancelLevel, CleanupVerdict, JobState, Remaining, WorkVerdict};
pub use lease::Lease;
pub use machine::{CloudFacts, Endpoint, HostKeys, Layout, Machine, MachineState, Managed, Metered, ProviderKind};
pub use operation::{
    BootstrapSpec, DirtyTree, Filesystem, KeepMachine, LaunchSpec, OnError, Operation, RunTestsSpec, TestSource,
};
pub use output::{escape_controls, escape_line, escape_short};
pub use phase::Phase;
pub use plan::{Checked, Owners, Plan, PlanItem, PlanVerb, SavedPlan, Skipped, Working, users_of};
pub use resource::{Claim, Region, Resource, ResourceKind, ResourceRef};
pub use tag::{Keep, Tags};
pub use test::{TestCounts, TestEvent, TestOutcome, TestResult};
pub use test_word::{TestWord, file as test_file, is_pattern as test_is_pattern, relative as test_relative};
pub use wish::{CloudWish, Transport, is_instance_type};

/// A moment in time (UTC, nanoseconds), printed and stored in RFC 3339.
pub type Timestamp = jiff::Timestamp;
