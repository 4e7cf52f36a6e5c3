//! An SSH server with SFTP for one user with one key: what a local machine answers with. It listens where it is told
//! and knows nothing of machines, leases or images. Each session channel runs a command, a shell or SFTP; every
//! command is the leader of a session of its own, so that a signal reaches all it started and nothing else.

mod connection;
mod error;
mod inbox;
mod listen;
mod process;
mod sftp;

pub use error::{Error, Result};
pub use listen::{HostKey, ServerConfig, serve};
