//! A job's whole output as lines: an index that grows with the file, windows of lines out of it, search. The file may be
//! larger than memory; what is kept is bounded. A place in it is a byte offset, so that it stays the same line however
//! much is known of the file by then.

mod file;
mod hits;
mod index;
mod layout;
mod needle;
mod pane;
mod protocol;
mod reader;
mod scan;
mod text;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod reader_tests;

pub use layout::VisualRow;
pub use needle::Needle;
pub use pane::{Going, Origin, OutputPane, Paused, SearchView};
pub use protocol::{FileState, Found, OutputAnswer, OutputLine, OutputRequest, SearchAnswer, Window};
pub use reader::Reader;
