//! Which process drives a job: the one that holds the lock on `jobs/<id>/lock`. The lock goes with the process, however
//! it ends.

use super::{Error, ErrorKind, Result};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

/// Holds a job for this process.
#[derive(Debug)]
pub(super) struct Claim(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File);

fn open(folder: &Path) -> Result<File> {
    File::options().create(true).truncate(false).write(true).open(folder.join("lock")).map_err(|error| {
        Error::new(ErrorKind::State, format!("could not open `{}`", folder.join("lock").display())).caused_by(error)
    })
}

/// Claims a job, or `None` when another process has it. A process that merely looks holds its shared lock for a
/// moment, so a refusal is tried again shortly.
pub(super) async fn claim(folder: &Path) -> Result<Option<Claim>> {
    for attempt in 0..5 {
        let file = open(folder)?;
        if file.try_lock().is_ok() {
            return Ok(Some(Claim(file)));
        }
        if attempt < 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(None)
}

/// Whether any process drives it now.
pub(super) fn is_driven(folder: &Path) -> bool {
    let Ok(file) = File::open(folder.join("lock")) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}
