//! Provider `hosts`: an inventory of SSH machines from the configuration, which are used and never launched or ended,
//! their pinned host keys, and the check of what one of them lacks.

mod check;
mod inventory;
mod pins;
mod report;

pub use check::walk;
pub use inventory::HostsCloud;
pub use pins::{PinError, pin, pinned};
