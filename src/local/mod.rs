//! Provider `local`: machines on this computer.
