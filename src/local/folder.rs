//! A machine's folder: what is where, who may say what, and how one sees that it lives.
//!
//! | name | what | written by |
//! |---|---|---|
//! | `machine.json` | what it is, and where it answers | the launcher, then its server, whole by rename |
//! | `lease` | when it ends itself, RFC 3339 | the launcher, then whoever renews it, whole by rename |
//! | `end` | its presence asks the machine to end, or says that it does | anybody |
//! | `alive` | locked by the launcher, then by the supervisor, for as long as it lives | |
//! | `authorized_key`, `host_key`, `log` | as they are called | launcher, server, both processes |
//! | `root/` | the machine's own root | the machine |

use crate::domain::{ImageName, JobId, Layout, Lease, MachineId, Timestamp};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::TryLockError;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Names of folders that are being made or removed start so; no id does.
pub(super) const HIDDEN: &str = ".";

/// The file whose lock tells that a machine lives, or is being made or removed.
pub(super) const ALIVE: &str = "alive";

/// What `machine.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: MachineId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<ImageName>,
    pub(super) job: JobId,
    pub(super) launched: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answers: Option<Answers>,
}

/// Where a machine answers, and the key it proves itself with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answers {
    pub(super) port: u16,
    pub(super) host_key: String,
}

/// A machine's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub(super) fn of(machines: &Path, id: &MachineId) -> Self {
        Self(machines.join(id.as_str()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    pub(super) fn hgdev(&self) -> PathBuf {
        self.0.join("root/hgdev")
    }

    pub(super) fn home(&self) -> PathBuf {
        self.0.join("root/home")
    }

    pub(super) fn tmp(&self) -> PathBuf {
        self.0.join("root/tmp")
    }

    pub(super) fn layout(&self) -> Layout {
        let text = |name: &str| self.root().join(name).to_string_lossy().into_owned();
        Layout { hgdev: text("hgdev"), hgwork: text("hgwork") }
    }

    /// Whether it is a folder of its own, not a link to another one.
    pub(super) fn exists(&self) -> bool {
        fs::symlink_metadata(&self.0).is_ok_and(|metadata| metadata.is_dir())
    }

    /// The record; `None` when there is none or it is of another machine.
    pub(super) fn record(&self) -> io::Result<Option<Record>> {
        if !self.exists() {
            return Ok(None);
        }
        match fs::read(self.file("machine.json")) {
            Ok(bytes) => Ok(serde_json::from_slice::<Record>(&bytes).ok().filter(|record| {
                self.0.file_name().is_some_and(|name| name == record.id.as_str() || is_hidden(name))
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write_record(&self, record: &Record) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(record).map_err(io::Error::other)?;
        write_whole(&self.file("machine.json"), &json)
    }

    pub(super) fn lease(&self) -> io::Result<Lease> {
        let text = fs::read_to_string(self.file("lease"))?;
        text.trim().parse().map(Lease::until).map_err(io::Error::other)
    }

    pub(super) fn write_lease(&self, lease: Lease) -> io::Result<()> {
        write_whole(&self.file("lease"), lease.ends().to_string().as_bytes())
    }

    pub(super) fn ask_to_end(&self) -> io::Result<()> {
        match File::options().write(true).create_new(true).mode(0o600).open(self.file("end")) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) fn is_asked_to_end(&self) -> bool {
        self.file("end").exists()
    }

    /// Whether somebody holds the machine's lock: its launcher, its supervisor, or who removes what a dead one left.
    pub(super) fn is_alive(&self) -> bool {
        File::open(self.file(ALIVE)).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The machine's lock, where nobody holds it; `None` else.
    pub(super) fn take_over(&self) -> io::Result<Option<File>> {
        let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(self.file(ALIVE))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

pub(super) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(HIDDEN.as_bytes())
}

/// A name beside `path` that nobody else uses; for what is being made or removed.
pub(super) fn beside(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{HIDDEN}{what}-{name}-{:016x}", rand::random::<u64>()))
}

/// Whether a name was made by [`beside`] for a thing of this name.
pub(super) fn is_beside(made: &OsStr, name: &OsStr) -> bool {
    let (Some(made), Some(name)) = (made.to_str(), name.to_str()) else { return false };
    made.strip_prefix(HIDDEN)
        .and_then(|rest| rest.split_once('-'))
        .and_then(|(_, rest)| rest.rsplit_once('-'))
        .is_some_and(|(of, random)| of == name && random.len() == 16)
}

/// Writes a file that others see whole or not at all, readable by its owner alone.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = beside(path, "part");
    let written = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Makes a folder, and those above it, for its owner alone.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_machine_is_none() {
        let machines = tempfile::tempdir().unwrap();
        let id = MachineId::new("m-abc").unwrap();
        let folder = Folder::of(machines.path(), &id);
        make_private(folder.path()).unwrap();
        let record = Record {
            id,
            image: None,
            job: JobId::random(),
            launched: Timestamp::UNIX_EPOCH,
            answers: Some(Answers { port: 1, host_key: "k".into() }),
        };
        folder.write_record(&record).unwrap();
        assert_eq!(folder.record().unwrap(), Some(record));
        let moved = Folder::of(machines.path(), &MachineId::new("m-other").unwrap());
        fs::rename(folder.path(), moved.path()).unwrap();
        assert_eq!(moved.record().unwrap(), None);
        std::os::unix::fs::symlink(moved.path(), folder.path()).unwrap();
        assert_eq!(folder.record().unwrap(), None, "a link is no machine");
    }

    #[test]
    fn what_is_made_beside_a_thing_is_known_by_its_name() {
        let named = |made: &Path, name: &str| is_beside(made.file_name().unwrap(), OsStr::new(name));
        let made = beside(Path::new("/machines/m-abc-1"), "new");
        assert!(named(&made, "m-abc-1"));
        for other in ["m-abc", "abc-1", "m-abc-12", "new-m-abc-1", ""] {
            assert!(!named(&made, other), "{other}");
        }
        for no in ["m-abc-1", ".new-m-abc-1", ".m-abc-1", ".new-m-abc-1-12"] {
            assert!(!named(Path::new(no), "m-abc-1"), "{no}");
        }
    }

    #[test]
    fn the_lock_is_the_proof_of_life() {
        let machines = tempfile::tempdir().unwrap();
        let folder = Folder::at(machines.path());
        assert!(!folder.is_alive());
        let lock = folder.take_over().unwrap().unwrap();
        assert!(folder.is_alive());
        assert!(folder.take_over().unwrap().is_none());
        drop(lock);
        assert!(!folder.is_alive());
    }
}
