//! Drawing that knows ratatui and the theme and nothing of ours: tables, gauges, text cut to a width.

mod scrollbar;
mod table;
mod text;

pub use scrollbar::Scrollbar;
pub use table::{Cell, Column, Table, Tables};
pub use text::{cut, put, put_right, width};
