//! Drawing that knows ratatui and the theme and nothing of ours: tables, gauges, text cut to a width.

mod gauge;
mod table;
mod text;

pub use gauge::{Gauge, Part};
pub use table::{Cell, Column, Table, Tables};
pub use text::{cut, put, put_right, width};
