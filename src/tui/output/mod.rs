//! A job's whole output as lines: an index that grows with the file, windows of lines out of it, search. The file may be
//! larger than memory; what is kept is bounded.

mod pane;
mod protocol;
mod reader;

pub use pane::OutputPane;
pub use protocol::{OutputAnswer, OutputRequest, Window};
pub use reader::Reader;
