//! The SSH client: [`SshConnector`] makes [`SshShell`]s, which implement [`remote::Shell`](crate::remote::Shell).
//! `dial` brings a byte stream, `handshake` makes it a connection that has checked the host's key and let us in,
//! `shell` keeps and renews connections, `exec` and `sftp` work on their channels.

mod connector;
mod dial;
mod error;
mod exec;
mod handshake;
mod hostkey;
mod proxy;
mod sftp;
mod shell;

pub use connector::SshConnector;
pub use exec::{SshExec, Stdin};
pub use handshake::offered_host_key;
pub use shell::SshShell;
