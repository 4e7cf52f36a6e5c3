//! Spool
