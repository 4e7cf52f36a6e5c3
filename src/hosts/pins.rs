//! Host keys that a person has confirmed: one file a host, named after it, holding OpenSSH public key lines.

use crate::config::{self, BadHostKey, host_key_line, write_private};
use crate::diag::{Hint, Hinted};
use crate::domain::{MachineId, escape_line};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why a host key could not be pinned, or what is pinned could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// The line is no host key.
    #[error("`{line}` is no host key")]
    Line {
        /// The line, control characters made visible.
        line: String,
        /// What is wrong with it.
        #[source]
        source: BadHostKey,
    },
    /// The file could not be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line of the file is no host key; nothing in it is believed then.
    #[error("`{}`, line {number}: no host key", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        source: BadHostKey,
    },
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] config::Error),
}

impl Hinted for PinError {
    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Damaged { path, .. } => {
                vec![Hint::new(format!("remove `{}` to confirm the host key anew", path.display()))]
            }
            Self::Write(error) => error.hints(),
            Self::Line { .. } | Self::Read { .. } => Vec::new(),
        }
    }
}

/// The pinned keys of a host below `folder`, each `type base64`; empty when none is pinned. Empty lines and those that
/// begin with `#` are passed over.
///
/// # Errors
/// `Read`, and `Damaged` rather than a part of the pins.
pub fn pinned(folder: &Path, host: &MachineId) -> Result<Vec<String>, PinError> {
    let path = folder.join(host.as_str());
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(PinError::Read { path, source }),
    };
    String::from_utf8_lossy(&text)
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(index, line)| {
            host_key_line(line).map_err(|source| PinError::Damaged { path: path.clone(), number: index + 1, source })
        })
        .collect()
}

/// Adds a host key to a host's pins; pinning it again changes nothing.
///
/// # Errors
/// `Line`, `Read`, `Damaged`, `Write`.
pub fn pin(folder: &Path, host: &MachineId, line: &str) -> Result<(), PinError> {
    let line = host_key_line(line).map_err(|source| PinError::Line { line: escape_line(line), source })?;
    let mut lines = pinned(folder, host)?;
    if !lines.contains(&line) {
        lines.push(line);
        let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        write_private(&folder.join(host.as_str()), text.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJsWri7taHCrWsyHNfTr0Svxuog6uuDMT0RlHJmGGe82";

    fn host() -> MachineId {
        MachineId::new("build1").unwrap()
    }

    #[test]
    fn pins_are_added_once_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        assert!(pinned(folder.path(), &host()).unwrap().is_empty());
        pin(folder.path(), &host(), &format!("{KEY} root@build1\n")).unwrap();
        pin(folder.path(), &host(), KEY).unwrap();
        assert_eq!(pinned(folder.path(), &host()).unwrap(), [KEY]);
        assert_eq!(fs::read_to_string(folder.path().join("build1")).unwrap(), format!("{KEY}\n"));
    }

    #[test]
    fn a_bad_line_is_not_pinned_and_a_damaged_file_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        for bad in ["", "ssh-ed25519", "ssh-ed25519 AAAA", "*", &format!("{KEY}\n{KEY}"), &format!("host {KEY}")] {
            assert!(matches!(pin(folder.path(), &host(), bad), Err(PinError::Line { .. })), "{bad:?}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let file = folder.path().join("build1");
        fs::write(&file, format!("# mine\n\n{KEY}\n\x1b[2J\n")).unwrap();
        let error = pinned(folder.path(), &host()).unwrap_err();
        assert_eq!(error.to_string(), format!("`{}`, line 4: no host key", file.display()));
        assert!(pin(folder.path(), &host(), KEY).is_err());
    }
}
