//! SFTP on a channel of its own, which a shell keeps open: `wire` is the format, `session` matches replies with
//! requests, `transfer` copies one file, `tree` whole folders with many files under way at once.

mod session;
pub(crate) mod transfer;
pub(crate) mod tree;
mod wire;

pub(crate) use session::Sftp;
