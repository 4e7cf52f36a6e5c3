//! Drawing that knows ratatui and the theme and nothing of ours: tables, gauges, scroll bars, text cut to a width.

mod days;
mod gauge;
mod scrollbar;
mod table;
mod text;

pub use days::DayBars;
pub use gauge::{Gauge, Part};
pub use scrollbar::Scrollbar;
pub use table::{Cell, Column, Table, Tables};
pub use text::{cut, put, put_right, width};
