//! All that knows Mercurial: repositories on this computer, getting a revision to a machine, the command line of
//! `run-tests.py`, what a test run says while it runs (result hook, or its text), and Mercurial from PyPI.

mod bootstrap;
mod command;
mod decoder;
mod error;
mod names;
mod process;
mod pypi;
mod quick;
mod repo;
mod server;
mod sync;
mod text;
mod tools;

pub use bootstrap::{
    LINUX_BOOTSTRAP, LINUX_CLEAN, LOCAL_BOOTSTRAP, bootstrap_environment, bootstrap_inputs, linux_environment,
    linux_inputs,
};
pub use command::{HOOK_MODULE, HOOK_SOURCE, PassThrough, TestCommand, hook_folder, run_tests};
pub use decoder::EventDecoder;
pub use error::{Error, ErrorKind};
pub use names::check_names;
pub use pypi::{Source, Step, fetch_source, tools_hg};
pub use quick::{demo_flags, demo_python, demo_tests, smoke_tests, tests_failed, tests_run};
pub use repo::{HgCommand, Repository, Revision, check_folder, find_hg};
pub use sync::{Remote, apply_diff, push, repository_url, send_bundle, update};
pub use text::{RunSummary, TextDecoder};
pub use tools::{hg_version, python_version};

/// What calls of this room give back.
pub type Result<T> = std::result::Result<T, Error>;
