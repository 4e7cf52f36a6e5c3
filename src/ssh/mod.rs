//! The only home of russh: the client side of machines with its keys and the stand-in for `ssh` that Mercurial calls,
//! and the server of local machines.

pub mod client;
pub mod keys;
pub mod server;
pub mod transport;

pub use client::{SshConnector, SshShell, offered_host_key};
