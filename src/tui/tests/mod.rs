//! What the dashboard promises as a whole: every row of the key table does what it says, every screen at every size,
//! random keys, and the terminal given back. All of it goes in through messages alone and is looked at as a person would.

mod fixture;
mod guard;
mod random;
mod readme;
mod sizes;
mod snapshots;
mod triples;
