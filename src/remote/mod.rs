//! The port to a machine: run a command, move files. What speaks SSH or SSM implements [`Shell`]; everything
//! that happens on a machine goes through it. The spool client, which reads detached runs by byte offset, lives here
//! too, since it needs nothing but a `Shell`.

mod backoff;
mod error;
pub mod lease;
mod shell;
pub mod spool;

pub use backoff::Backoff;
pub use error::{Error, ErrorKind};
pub use shell::{
    Captured, Chunk, Command, Connector, Exec, ExecStream, ExitStatus, PtySize, PutOptions, Shell, Signal, Transfer,
};

/// What calls on a machine give back.
pub type Result<T> = std::result::Result<T, Error>;
