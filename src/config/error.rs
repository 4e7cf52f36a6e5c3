//! What can be wrong with the state directory or the configuration file.

use crate::diag::{Hint, Hinted};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// One mistake in the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, the key in it.
    pub message: String,
    /// What may stand there instead.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

/// An error of the state directory or the configuration file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a flag nor the environment names the state directory, and there is no home to put it in.
    #[error("there is no home directory to keep the state in")]
    NoHome,
    /// Something on the way to it or in it is no directory.
    #[error("`{}` is not a directory", path.display())]
    NotADirectory {
        /// What it is.
        path: PathBuf,
    },
    /// It belongs to somebody else.
    #[error("`{}` belongs to user id {owner}, not to you (user id {user})", path.display())]
    NotOurs {
        /// Which folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who asks.
        user: u32,
    },
    /// It holds things that no state directory holds, so its mode is not ours to change.
    #[error("`{}` is no state directory: it holds `{found}`", path.display())]
    NotState {
        /// Which folder.
        path: PathBuf,
        /// One thing found there, control characters made visible.
        found: String,
    },
    /// Nothing can be written there.
    #[error("`{}` cannot be written to", path.display())]
    ReadOnly {
        /// Which folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A newer version of the program has laid it out.
    #[error("the state directory `{}` has layout {found}, this version knows layouts up to {known}", path.display())]
    Newer {
        /// Which folder.
        path: PathBuf,
        /// Its layout.
        found: u64,
        /// Ours.
        known: u64,
    },
    /// The marker of the layout holds something else.
    #[error("`{}` does not say which layout the state directory has", path.display())]
    BadMarker {
        /// The marker's file.
        path: PathBuf,
    },
    /// A file or folder could not be read, made or changed.
    #[error("could not {action} `{}`", path.display())]
    Io {
        /// What was tried, a verb: `read`, `make`, `write`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The configuration file has mistakes.
    #[error("`{}`, {first}", file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The first mistake in it.
        first: Problem,
        /// The others, in the order of the file.
        rest: Vec<Problem>,
    },
}

impl Hinted for Error {
    fn hints(&self) -> Vec<Hint> {
        let elsewhere = "choose another place with `--state-path DIR` or `HGA_STATE_PATH`";
        match self {
            Self::NoHome => vec![Hint::new("set `HOME`, or name a directory with `--state-path DIR`")],
            Self::NotADirectory { path } => {
                vec![Hint::new(format!("move `{}` out of the way", path.display())), Hint::new(elsewhere)]
            }
            Self::NotOurs { path, owner, .. } => vec![
                Hint::new(format!(
                    "run as user id {owner}, or take it over with `chown -R $(id -u) {}`",
                    path.display()
                )),
                Hint::new(elsewhere),
            ],
            Self::NotState { .. } => vec![Hint::new("name a new or empty directory with `--state-path DIR`")],
            Self::ReadOnly { .. } => vec![Hint::new(elsewhere)],
            Self::Newer { .. } => {
                vec![Hint::new("use the newer `hga` that made it"), Hint::new(elsewhere)]
            }
            Self::BadMarker { path } => vec![Hint::new(format!(
                "remove `{}` if this is the state directory of this version of `hga`",
                path.display()
            ))],
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                vec![Hint::new("free some space"), Hint::new(elsewhere)]
            }
            Self::Io { .. } => Vec::new(),
            Self::Invalid { first, rest, .. } => {
                let own = first.hint.iter().map(Hint::new);
                let others = rest.iter().map(|problem| match &problem.hint {
                    Some(hint) => Hint::new(format!("also wrong: {problem} ({hint})")),
                    None => Hint::new(format!("also wrong: {problem}")),
                });
                own.chain(others).collect()
            }
        }
    }
}
