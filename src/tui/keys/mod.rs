//! Keys: what can be pressed ([`Chord`]), what it means where ([`TABLE`]), and the rule that picks one row for a chord in
//! a [`Situation`]. Help, footer, palette and the README's table are made from [`TABLE`] alone.

mod chord;
mod keymap;
mod situation;
mod table;

pub use chord::{Chord, Code};
pub use keymap::{Resolved, resolve};
pub use situation::{Fact, Scope, Situation};
pub use table::{Row, TABLE, row};
