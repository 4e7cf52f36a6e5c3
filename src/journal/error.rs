//! Why the journal cannot be used, and what its reader can do.

use crate::diag::{Hint, Hinted};
use crate::domain::JobId;
use rusqlite::ErrorCode;
use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with the journal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A newer program wrote the file.
    #[error("`{}` was written by a newer hga (format {found}, this one knows {known})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// The file or its folder cannot be written.
    #[error("`{}` cannot be written: it or its directory is read-only", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What was answered.
        #[source]
        source: Option<rusqlite::Error>,
    },
    /// The file could not be made or reached.
    #[error("could not open `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What was answered.
        #[source]
        source: io::Error,
    },
    /// Another process held the file for too long.
    #[error("`{}` is locked by another process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// What was answered.
        #[source]
        source: rusqlite::Error,
    },
    /// The file is no journal, or a damaged one.
    #[error("`{}` is damaged or is no journal", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was answered.
        #[source]
        source: rusqlite::Error,
    },
    /// There is no room left.
    #[error("no space left to write `{}`", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What was answered.
        #[source]
        source: rusqlite::Error,
    },
    /// A job of this id is there already.
    #[error("job `{job}` exists already")]
    Exists {
        /// Which.
        job: JobId,
    },
    /// There is no such job.
    #[error("there is no job `{job}`")]
    UnknownJob {
        /// Which, or several joined with commas where it is one of them.
        job: String,
    },
    /// A row holds what this program does not understand.
    #[error("job `{job}` cannot be read: its {what} is unknown to this version")]
    Unreadable {
        /// Which job.
        job: String,
        /// Which column.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A value could not be turned into JSON.
    #[error("could not write an event down")]
    Encode(#[source] serde_json::Error),
    /// Anything else SQLite says.
    #[error("could not use `{}`", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What was answered.
        #[source]
        source: rusqlite::Error,
    },
    /// The thread that did the work is gone.
    #[error("the journal's worker went away")]
    Worker,
}

impl Error {
    /// Sorts what SQLite says into what a person can act on.
    pub(super) fn from_sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path, source: Some(source) },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
                Self::Locked { path, source }
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt { path, source },
            Some(ErrorCode::DiskFull) => Self::Full { path, source },
            _ => Self::Sqlite { path, source },
        }
    }
}

impl Hinted for Error {
    fn hints(&self) -> Vec<Hint> {
        let hint = match self {
            Self::Newer { .. } => "upgrade hga, or choose another state directory with `--state-path`".to_owned(),
            Self::ReadOnly { path, .. } => format!(
                "make `{}` and its files writable, or choose another state directory with `--state-path`",
                path.parent().unwrap_or(path).display()
            ),
            Self::Open { .. } => "choose another state directory with `--state-path`".to_owned(),
            Self::Locked { .. } => "see whether another hga hangs, end it, and try again".to_owned(),
            Self::Corrupt { path, .. } => format!(
                "move it aside (`mv {0} {0}.damaged`) to begin with an empty history; machines end by their leases",
                path.display()
            ),
            Self::Full { .. } => "free some space and try again".to_owned(),
            Self::UnknownJob { .. } => "`hga jobs list` names the jobs there are".to_owned(),
            Self::Unreadable { .. } => "upgrade hga".to_owned(),
            Self::Exists { .. } | Self::Encode(_) | Self::Sqlite { .. } | Self::Worker => return Vec::new(),
        };
        vec![Hint(hint)]
    }
}
