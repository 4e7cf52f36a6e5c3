//! One file per verb: what a job does, phase by phase, written against the ports alone. A verb never knows which
//! provider or transport it works on, and can be run again from its start after a crash: every step first looks
//! whether it has been done.

mod apply;
mod bake;
mod collect;
mod launch;
mod prepare;
mod ready;
mod run_tests;
mod source;
mod stream;
mod sync;
mod terminate;
mod world;

pub use apply::apply;
pub use bake::bootstrap_linux;
pub use launch::{end_launched, launch};
pub use run_tests::run_tests;
pub use terminate::terminate;
pub use world::{Check, JobFolders, LeaseMoved, Prior, PriorMachine, Purse, World};
