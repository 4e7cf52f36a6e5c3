//! The only home of russh: the client side of machines, its keys, and the stand-in for `ssh` that Mercurial calls.

pub mod client;
pub mod keys;
pub mod transport;

pub use client::{SshConnector, SshShell, offered_host_key};
