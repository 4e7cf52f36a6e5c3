//! What can keep the server from answering at all. Trouble of one connection ends that connection and is logged.

use std::io;
use std::path::PathBuf;

/// Why the server could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key that may come in is no public key in OpenSSH's one-line form.
    #[error("the authorized key is no OpenSSH public key")]
    AuthorizedKey(#[source] russh::keys::ssh_key::Error),
    /// The host key could not be made or encoded.
    #[error("could not make a host key")]
    HostKey(#[source] russh::keys::ssh_key::Error),
    /// A file could not be written.
    #[error("could not write `{}`", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The listening socket broke.
    #[error("could not accept connections")]
    Accept(#[source] io::Error),
}

/// What calls of the server give back.
pub type Result<T> = std::result::Result<T, Error>;
