//! Removing trees, read-only folders in them too, and what dead machines left behind.

use super::folder::{Folder, beside, is_beside, is_hidden};
use super::processes;
use std::fs::TryLockError;
use std::fs::{self, DirEntry, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

/// How old a half-made or half-removed folder must be before somebody else clears it away.
const ABANDONED: Duration = Duration::from_secs(60);
/// How long a machine's lock is asked for; those who only look hold it for a moment.
const LOCK: Duration = Duration::from_secs(2);

/// Removes a folder and all in it. Links are removed, never followed. A folder that is not there is no error.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    for last in [false, true] {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.exists() => return Ok(()),
            // Read-only folders, or a file that appeared in between.
            Err(error) if last => return Err(error),
            Err(_) => open_up(path),
            Ok(()) => return Ok(()),
        }
    }
    Ok(())
}

/// Lets the owner into every folder below.
fn open_up(path: &Path) {
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    if !metadata.is_dir() {
        return;
    }
    if metadata.mode() & 0o700 != 0o700 {
        let _ = fs::set_permissions(path, Permissions::from_mode(0o700));
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

/// Removes a machine's folder, by whoever holds its lock: the large part first, then under another name, so that the
/// machine is there with its record or not at all.
pub(super) fn remove_machine(folder: &Folder) -> io::Result<()> {
    remove_tree(&folder.root())?;
    let gone = beside(folder.path(), "gone");
    match fs::rename(folder.path(), &gone) {
        Ok(()) => remove_tree(&gone),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Ends what is left of a machine whose supervisor died: its processes, then its folder. Only a folder with a record
/// of ours is touched. Gives whether it is gone; somebody else may be at it.
pub(super) fn reap(folder: &Folder) -> io::Result<bool> {
    let deadline = Instant::now() + LOCK;
    let _lock = loop {
        if folder.record()?.is_none() {
            return Ok(!folder.exists());
        }
        match folder.take_over() {
            Ok(Some(lock)) => break lock,
            Ok(None) if Instant::now() > deadline => return Ok(false),
            Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error),
        }
    };
    // Between the look and the lock its last owner may have removed it, and another of that name been made.
    if folder.record()?.is_none() {
        return Ok(!folder.exists());
    }
    tracing::warn!(machine = %folder.path().display(), "removing what a dead machine left behind");
    let _ = folder.ask_to_end();
    processes::end_all(&|| processes::marked(folder.path()), &|| ());
    remove_machine(folder)?;
    Ok(true)
}

/// Clears away what was being made or removed when its maker died; of all in a folder what is old enough. What cannot be
/// cleared is told to the log.
pub(super) fn sweep(parent: &Path, lock: &str) {
    let old = |entry: &DirEntry| {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > ABANDONED))
    };
    if let Err(error) = clear(parent, lock, old) {
        tracing::warn!(folder = %parent.display(), %error, "could not clear away an abandoned folder");
    }
}

/// The same of one machine, however young: by who launches or ends it and so has to leave nothing. Another who launches
/// the same one at this moment may lose what it has not locked yet, and must be ready to begin anew.
pub(super) fn sweep_of(path: &Path, lock: &str) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    clear(parent, lock, |entry| is_beside(&entry.file_name(), name))
}

/// Removes the hidden folders that are chosen and whose lock nobody holds: all that can be, then the first error.
fn clear(parent: &Path, lock: &str, chosen: impl Fn(&DirEntry) -> bool) -> io::Result<()> {
    let mut cleared = Ok(());
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let hidden = is_hidden(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !hidden || !chosen(&entry) {
            continue;
        }
        let lock = fs::File::open(path.join(lock)).ok();
        if lock.as_ref().is_some_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock))) {
            continue;
        }
        cleared = cleared.and(remove_tree(&path));
    }
    cleared
}
