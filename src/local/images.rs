//! Images: folders `<images>/<name>/` with `image.json`, `hgdev/` and `lock`. Who copies from an image holds its lock
//! shared; who replaces or removes it, alone. A new one is made beside and swapped in by renames.

use super::copy::{CopyError, copy_tree};
use super::folder::{beside, is_hidden, make_private, write_whole};
use super::remove::{remove_tree, sweep};
use crate::domain::{Image, ImageName};
use std::fs::TryLockError;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file of an image that its users lock.
const LOCK: &str = "lock";

/// Where images are kept.
#[derive(Debug, Clone)]
pub(super) struct Images(PathBuf);

/// An image held so that it neither changes nor goes; dropping it lets go.
pub(super) struct Held {
    path: PathBuf,
    _lock: File,
}

impl Held {
    pub(super) fn hgdev(&self) -> PathBuf {
        self.path.join("hgdev")
    }
}

/// How an image is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    Shared,
    Alone,
    AloneNow,
}

impl Images {
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    fn folder(&self, name: &ImageName) -> PathBuf {
        self.0.join(name.as_str())
    }

    /// Holds an image for copying from it; `None` when there is none of that name.
    pub(super) fn hold(&self, name: &ImageName) -> io::Result<Option<Held>> {
        self.lock(name, Hold::Shared)
    }

    /// The lock counts only when the locked file is still the one of that name: the image may have been swapped while
    /// we waited. `WouldBlock` when it must be had now and cannot.
    fn lock(&self, name: &ImageName, hold: Hold) -> io::Result<Option<Held>> {
        let path = self.folder(name);
        loop {
            let lock = match File::open(path.join(LOCK)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                opened => opened?,
            };
            match hold {
                Hold::Shared => lock.lock_shared()?,
                Hold::Alone => lock.lock()?,
                Hold::AloneNow => match lock.try_lock() {
                    Ok(()) => {}
                    Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
                    Err(TryLockError::Error(error)) => return Err(error),
                },
            }
            let (ours, theirs) = (lock.metadata()?, fs::metadata(path.join(LOCK)));
            if theirs.is_ok_and(|theirs| (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino())) {
                return Ok(Some(Held { path, _lock: lock }));
            }
        }
    }

    pub(super) fn list(&self) -> io::Result<Vec<Image>> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        sweep(&self.0, LOCK);
        let mut images = Vec::new();
        for entry in entries {
            let entry = entry?;
            if is_hidden(&entry.file_name()) {
                continue;
            }
            let read = fs::read(entry.path().join("image.json"));
            match read.map_err(serde_json::Error::io).and_then(|json| serde_json::from_slice::<Image>(&json)) {
                Ok(image) if entry.file_name() == image.name.as_str() => images.push(image),
                Ok(_) => tracing::warn!(path = %entry.path().display(), "an image under another's name"),
                Err(error) => tracing::warn!(path = %entry.path().display(), %error, "this is no image"),
            }
        }
        images.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(images)
    }

    /// Copies `hgdev` into a new image and puts it in the place of an old one of that name, which waits until nobody
    /// copies from it. Sets the image's size.
    pub(super) fn create(
        &self,
        mut image: Image,
        hgdev: &Path,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Image, CopyError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CopyError { path, source }
        };
        make_private(&self.0).map_err(failed(&self.0))?;
        sweep(&self.0, LOCK);
        let place = self.folder(&image.name);
        let new = beside(&place, "new");
        let made = (|| {
            make_private(&new).map_err(failed(&new))?;
            let lock = File::options().write(true).create_new(true).mode(0o600).open(new.join(LOCK));
            let lock = lock.map_err(failed(&new))?;
            lock.lock().map_err(failed(&new))?;
            image.bytes = copy_tree(hgdev, &new.join("hgdev"), stop)?;
            let json = serde_json::to_vec_pretty(&image).map_err(|error| failed(&new)(error.into()))?;
            write_whole(&new.join("image.json"), &json).map_err(failed(&new))?;
            self.swap_in(&image.name, &new).map_err(failed(&place))?;
            Ok(())
        })();
        if made.is_err() {
            let _ = remove_tree(&new);
        }
        made.map(|()| image)
    }

    fn swap_in(&self, name: &ImageName, new: &Path) -> io::Result<()> {
        let place = self.folder(name);
        loop {
            let held = self.lock(name, Hold::Alone)?;
            let old = beside(&place, "old");
            if held.is_some() {
                exchange(new, &place, &old)?;
                if let Err(error) = remove_tree(&old) {
                    tracing::warn!(path = %old.display(), %error, "could not remove the image that was replaced");
                }
                return Ok(());
            }
            match fs::rename(new, &place) {
                // Another one was put there between our look and now.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && place.join(LOCK).exists() => {}
                // Something without a lock is no image of ours; it must not stand in the way for ever.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    fs::rename(&place, &old)?;
                    let _ = remove_tree(&old);
                }
                renamed => return renamed,
            }
        }
    }

    /// Removes an image; `None` when there was none. `WouldBlock` while somebody copies from it.
    pub(super) fn remove(&self, name: &ImageName) -> io::Result<Option<()>> {
        let Some(_held) = self.lock(name, Hold::AloneNow)? else { return Ok(None) };
        let gone = beside(&self.folder(name), "old");
        fs::rename(self.folder(name), &gone)?;
        remove_tree(&gone)?;
        Ok(Some(()))
    }
}

/// Puts `new` at `place` and what was there at `old`, without a moment in which nothing is there where the system can.
fn exchange(new: &Path, place: &Path, old: &Path) -> io::Result<()> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use nix::errno::Errno;
        use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
        match renameat2(AT_FDCWD, new, AT_FDCWD, place, RenameFlags::RENAME_EXCHANGE) {
            Ok(()) => return fs::rename(new, old),
            Err(Errno::EINVAL | Errno::ENOSYS) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    fs::rename(place, old)?;
    fs::rename(new, place).inspect_err(|_| drop(fs::rename(old, place)))
}
