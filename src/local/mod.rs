//! Provider `local`: machines on this computer. A machine is a detached process of this same binary, the supervisor,
//! with an SSH server as its child and a folder as its root. The supervisor ends the machine, every process of it and
//! its folder when it is told to, when the lease runs out or when the server dies, client or no client.

mod cloud;
mod copy;
mod folder;
mod images;
mod processes;
mod remove;
mod serve;
mod supervise;

pub use cloud::{LocalCloud, LocalConfig, PublicKey};
pub use serve::serve;
pub use supervise::supervise;
