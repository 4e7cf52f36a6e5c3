//! The read model: events folded into what a front end shows.
