//! Copying a tree of files: sharing blocks where the file system can, in parallel, with modes and times as they were.
//! Times matter: Python's compiled files and Mercurial's dirstate are only good while they fit.

use std::fs::{self, File, FileTimes, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Threads at most; a disk gains nothing from more.
const THREADS: usize = 8;

/// Where copying failed, and why.
#[derive(Debug, thiserror::Error)]
#[error("could not copy `{}`", path.display())]
pub(super) struct CopyError {
    pub(super) path: PathBuf,
    #[source]
    pub(super) source: io::Error,
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let path = path.to_owned();
    move |source| CopyError { path, source }
}

struct Item {
    from: PathBuf,
    to: PathBuf,
    metadata: Metadata,
}

/// Copies folder `from` to `to`, which must not exist; gives the bytes of all files. Sockets, pipes and devices are
/// left out. Stops with `Interrupted` soon after `stop` says so.
pub(super) fn copy_tree(from: &Path, to: &Path, stop: &(dyn Fn() -> bool + Sync)) -> Result<u64, CopyError> {
    let mut folders = Vec::new();
    let mut files = Vec::new();
    let mut open = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = open.pop() {
        let metadata = fs::symlink_metadata(&from).map_err(at(&from))?;
        fs::DirBuilder::new().mode(0o700).create(&to).map_err(at(&to))?;
        for entry in fs::read_dir(&from).map_err(at(&from))? {
            let entry = entry.map_err(at(&from))?;
            let (path, target) = (entry.path(), to.join(entry.file_name()));
            let metadata = entry.metadata().map_err(at(&path))?;
            if metadata.is_dir() {
                open.push((path, target));
            } else if metadata.is_symlink() {
                let link = fs::read_link(&path).map_err(at(&path))?;
                std::os::unix::fs::symlink(link, &target).map_err(at(&target))?;
            } else if metadata.is_file() {
                files.push(Item { from: path, to: target, metadata });
            }
        }
        folders.push(Item { from, to, metadata });
    }
    copy_files(&files, stop)?;
    // Innermost first, and after their files: a folder may be read-only, and filling it changes its time.
    for folder in folders.iter().rev() {
        let handle = File::open(&folder.to).map_err(at(&folder.to))?;
        finish(&handle, &folder.metadata).map_err(at(&folder.to))?;
    }
    Ok(files.iter().map(|file| file.metadata.size()).sum())
}

fn copy_files(files: &[Item], stop: &(dyn Fn() -> bool + Sync)) -> Result<(), CopyError> {
    let next = AtomicUsize::new(0);
    let shares_blocks = AtomicBool::new(true);
    let failed: Mutex<Option<CopyError>> = Mutex::new(None);
    let work = || {
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = files.get(position) else { return };
            let copied = if position.is_multiple_of(64) && stop() {
                Err(io::ErrorKind::Interrupted.into())
            } else {
                copy_file(item, &shares_blocks)
            };
            if let Err(error) = copied {
                next.store(files.len(), Ordering::Relaxed);
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(at(&item.from)(error));
                return;
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(THREADS);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

fn copy_file(item: &Item, shares_blocks: &AtomicBool) -> io::Result<()> {
    let mut from = File::open(&item.from)?;
    let mut to = File::options().write(true).create_new(true).mode(0o600).open(&item.to)?;
    let shared = shares_blocks.load(Ordering::Relaxed) && {
        let shared = reflink_copy::reflink_file(&from, &to).is_ok();
        if !shared {
            // The file system cannot; asking again for each file would cost a call each.
            shares_blocks.store(false, Ordering::Relaxed);
        }
        shared
    };
    if !shared {
        io::copy(&mut from, &mut to)?;
    }
    finish(&to, &item.metadata)
}

fn finish(file: &File, metadata: &Metadata) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(metadata.mode() & 0o7777))?;
    file.set_times(FileTimes::new().set_modified(metadata.modified()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_times_links_and_contents_survive() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir_all(from.join("deep/locked")).unwrap();
        fs::write(from.join("deep/locked/file"), vec![7; 300_000]).unwrap();
        fs::set_permissions(from.join("deep/locked/file"), Permissions::from_mode(0o751)).unwrap();
        std::os::unix::fs::symlink("nowhere", from.join("link")).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_000_000);
        let set = |path: &Path| File::open(path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
        set(&from.join("deep/locked/file"));
        set(&from.join("deep/locked"));
        fs::set_permissions(from.join("deep/locked"), Permissions::from_mode(0o555)).unwrap();

        let to = folder.path().join("to");
        assert_eq!(copy_tree(&from, &to, &|| false).unwrap(), 300_000);
        let file = fs::metadata(to.join("deep/locked/file")).unwrap();
        assert_eq!((file.mode() & 0o7777, file.modified().unwrap()), (0o751, time));
        let locked = fs::metadata(to.join("deep/locked")).unwrap();
        assert_eq!((locked.mode() & 0o7777, locked.modified().unwrap()), (0o555, time));
        assert_eq!(fs::read(to.join("deep/locked/file")).unwrap(), vec![7; 300_000]);
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("nowhere"));

        let stopped = copy_tree(&from, &folder.path().join("third"), &|| true).unwrap_err();
        assert_eq!(stopped.source.kind(), io::ErrorKind::Interrupted);
        super::super::remove::remove_tree(&from).unwrap();
        super::super::remove::remove_tree(&to).unwrap();
        assert!(!from.exists() && !to.exists());
    }
}
