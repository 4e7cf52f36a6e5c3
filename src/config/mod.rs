//! The configuration file, typed, and the paths of the state directory.
