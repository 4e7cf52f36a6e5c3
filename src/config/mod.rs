//! The configuration file, typed, and the paths of the state directory. The file is read and never written; every
//! mistake in it is told with line, column, key and what may stand there. The state path is the only thing that an
//! environment variable overrides.

mod check;
mod check_aws;
mod duration;
mod error;
mod host_key;
mod paths;
mod prepare;
mod private;
mod raw;
mod show;
mod values;

pub use check::{LEASE_MAX, LEASE_MIN};
pub use duration::{BadDuration, format_duration, parse_duration};
pub use error::{Error, Problem};
pub use host_key::{BadHostKey, host_key_fingerprint, host_key_line};
pub use paths::home;
pub use paths::{JobPaths, STATE_PATH_VARIABLE, StatePaths};
pub use private::write_private;
pub use values::{
    Aws, Config, Costs, Dashboard, Defaults, Host, Ingress, Local, Log, LogLevel, Retention, SsmAgent, ThemeChoice,
    sample,
};

/// What calls of this room give back.
pub type Result<T> = std::result::Result<T, Error>;
