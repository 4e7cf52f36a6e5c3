//! `hga` runs Mercurial's tests on throw-away machines, streams what happens and leaves nothing behind.

pub mod cli;
pub mod cloud;
pub mod config;
pub mod diag;
pub mod domain;
pub mod engine;
pub mod event;
pub mod hosts;
pub mod journal;
pub mod local;
pub mod mercurial;
pub mod ops;
pub mod remote;
pub mod session;
pub mod ssh;
pub mod store;
pub mod wire;
