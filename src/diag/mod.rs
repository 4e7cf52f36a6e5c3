//! What an error owes its reader: hints as data, the chain of causes in one line, and no secrets.

mod chain;
mod redact;
pub(crate) mod suggest;

pub use chain::{Hint, Hinted, chain, hints};
pub use redact::{Secret, redact};
