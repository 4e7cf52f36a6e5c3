//! Making the state directory, and refusing one that is not ours to use. It is looked at before anything in it is
//! touched, so that naming a wrong directory changes nothing there.

use super::{Error, Result, StatePaths, write_private};
use std::fs::{self, DirBuilder, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The layout this version makes. Raise it when an older version could no longer use what is there.
const LAYOUT: u64 = 1;
const MARKER: &str = "hga state layout ";

/// What a directory may hold and still be taken over when it carries no marker: our own names and the predecessor's.
const KNOWN: [&str; 13] = [
    "VERSION",
    "config.toml",
    "default-password",
    "host-keys",
    "images",
    "jobs",
    "journal.sqlite",
    "keys",
    "logs",
    "machines",
    "sources",
    "tools",
    ".DS_Store",
];

impl StatePaths {
    /// Makes the state directory and its folders (mode 0700; wider ones are tightened) and makes sure that it can be
    /// written to. May be called by several processes at once.
    ///
    /// # Errors
    /// `NotADirectory`, `NotOurs`, `NotState` (it holds other things), `ReadOnly`, `Newer`, `BadMarker`, `Io`.
    pub fn prepare(&self) -> Result<()> {
        let root = self.root();
        let found = inspect(root)?;
        if found.is_some() {
            self.check_marker()?.map_or_else(|| only_known_names(root), |()| Ok(()))?;
        }
        make(root, found)?;
        probe(root)?;
        for folder in self.folders() {
            let found = inspect(&folder)?;
            make(&folder, found)?;
        }
        if !self.version().exists() {
            write_private(&self.version(), format!("{MARKER}{LAYOUT}\n").as_bytes())?;
        }
        Ok(())
    }

    /// Whether the marker is there; an error if it is one of another kind.
    fn check_marker(&self) -> Result<Option<()>> {
        let path = self.version();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Io { action: "read", path, source }),
        };
        let first = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned();
        match first.strip_prefix(MARKER).and_then(|number| number.trim().parse::<u64>().ok()) {
            Some(found) if found > LAYOUT => Err(Error::Newer { path: self.root().to_owned(), found, known: LAYOUT }),
            Some(_) => Ok(Some(())),
            None => Err(Error::BadMarker { path }),
        }
    }
}

impl super::JobPaths {
    /// Makes the job's folders, private.
    ///
    /// # Errors
    /// As [`StatePaths::prepare`].
    pub fn prepare(&self) -> Result<()> {
        for path in [&self.folder, &self.results, &self.scratch] {
            make(path, inspect(path)?)?;
        }
        Ok(())
    }
}

/// What stands there, if anything does; an error if it is no directory of ours.
fn inspect(path: &Path) -> Result<Option<Metadata>> {
    match fs::metadata(path) {
        Ok(found) if !found.is_dir() => Err(Error::NotADirectory { path: path.to_owned() }),
        Ok(found) => {
            let user = nix::unistd::geteuid().as_raw();
            if found.uid() != user {
                return Err(Error::NotOurs { path: path.to_owned(), owner: found.uid(), user });
            }
            Ok(Some(found))
        }
        // A link that leads nowhere is not ours to follow.
        Err(error) if error.kind() == ErrorKind::NotFound && path.is_symlink() => {
            Err(Error::NotADirectory { path: path.to_owned() })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused(path, "look at", error)),
    }
}

/// The folder with mode 0700, made if it is not there.
fn make(path: &Path, found: Option<Metadata>) -> Result<()> {
    let mode = found.map(|found| found.mode() & 0o7777);
    if mode.is_none() {
        match DirBuilder::new().recursive(true).mode(0o700).create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(refused(path, "make", error)),
        }
    }
    // A new one lacks bits under an odd umask; an old one may have too many.
    if mode.is_none_or(|mode| mode & 0o077 != 0) {
        if let Some(mode) = mode {
            tracing::info!(path = %path.display(), mode = format!("{mode:o}"), "tightening a folder to mode 700");
        }
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(|error| refused(path, "tighten", error))?;
    }
    Ok(())
}

/// Writes and removes a file.
fn probe(folder: &Path) -> Result<()> {
    let path = folder.join(format!(".probe-{}-{:08x}", std::process::id(), rand::random::<u32>()));
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(_) => fs::remove_file(&path).map_err(|error| refused(folder, "write to", error)),
        Err(source) if source.kind() == ErrorKind::StorageFull => {
            Err(Error::Io { action: "write to", path: folder.to_owned(), source })
        }
        Err(source) => Err(Error::ReadOnly { path: folder.to_owned(), source }),
    }
}

fn refused(path: &Path, action: &'static str, source: io::Error) -> Error {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::NotADirectory => Error::NotADirectory { path: first_file(&path) },
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Error::ReadOnly { path, source },
        _ => Error::Io { action, path, source },
    }
}

/// The nearest thing on the way to `path` that exists and is no directory.
fn first_file(path: &Path) -> std::path::PathBuf {
    path.ancestors().find(|above| above.exists() && !above.is_dir()).unwrap_or(path).to_owned()
}

fn only_known_names(folder: &Path) -> Result<()> {
    let unreadable = |source| Error::Io { action: "read", path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_string_lossy();
        let ours = KNOWN.contains(&&*name) || name.starts_with(".probe-") || name.starts_with(".VERSION.");
        if !ours && !name.starts_with("journal.sqlite-") {
            return Err(Error::NotState { path: folder.to_owned(), found: crate::domain::escape_line(&name) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Hinted;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn at(path: &Path) -> StatePaths {
        StatePaths::at(path).unwrap()
    }

    #[test]
    fn everything_is_private_and_preparing_twice_changes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let paths = at(&home.path().join("deep/state"));
        paths.prepare().unwrap();
        for folder in paths.folders().iter().map(std::path::PathBuf::as_path).chain([paths.root()]) {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
        assert_eq!(mode(&paths.version()), 0o600);
        assert_eq!(fs::read_to_string(paths.version()).unwrap(), "hga state layout 1\n");
        let before = fs::metadata(paths.version()).unwrap().ino();
        paths.prepare().unwrap();
        assert_eq!(fs::metadata(paths.version()).unwrap().ino(), before);
        let mut names: Vec<_> = fs::read_dir(paths.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["VERSION", "host-keys", "images", "jobs", "keys", "logs", "machines", "sources", "tools"]);
    }

    #[test]
    fn the_predecessors_directory_is_taken_over_and_tightened() {
        let home = tempfile::tempdir().unwrap();
        let paths = at(&home.path().join("state"));
        fs::create_dir_all(paths.keys()).unwrap();
        fs::write(paths.private_key(), "key").unwrap();
        fs::write(paths.root().join("default-password"), "secret").unwrap();
        for folder in [paths.root().to_owned(), paths.keys()] {
            fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
        }
        paths.prepare().unwrap();
        assert_eq!((mode(paths.root()), mode(&paths.keys())), (0o700, 0o700));
        assert_eq!(fs::read(paths.private_key()).unwrap(), b"key");
    }

    #[test]
    fn a_directory_with_other_things_is_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
        fs::write(home.path().join("letter\x1b[2J"), "").unwrap();
        let error = at(home.path()).prepare().unwrap_err();
        let shown = home.path().display();
        assert_eq!(error.to_string(), format!("`{shown}` is no state directory: it holds `letter␛[2J`"));
        assert_eq!(mode(home.path()), 0o755);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_newer_layout_is_refused_before_anything_is_touched() {
        let home = tempfile::tempdir().unwrap();
        let paths = at(home.path());
        fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
        fs::write(paths.version(), "hga state layout 2\nmore to come\n").unwrap();
        let error = paths.prepare().unwrap_err();
        let shown = home.path().display();
        assert_eq!(
            error.to_string(),
            format!("the state directory `{shown}` has layout 2, this version knows layouts up to 1")
        );
        assert_eq!(error.hints()[0].0, "use the newer `hga` that made it");
        assert_eq!(mode(home.path()), 0o755);
        fs::write(paths.version(), b"\xff\xfe").unwrap();
        assert!(matches!(paths.prepare(), Err(Error::BadMarker { .. })));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        let text = format!("`{}` is not a directory", file.display());
        assert_eq!(at(&file).prepare().unwrap_err().to_string(), text);
        assert_eq!(at(&file.join("below/it")).prepare().unwrap_err().to_string(), text);
        let paths = at(&home.path().join("state"));
        fs::create_dir(paths.root()).unwrap();
        fs::write(paths.jobs(), "").unwrap();
        assert!(matches!(paths.prepare(), Err(Error::NotADirectory { path }) if path == paths.jobs()));
        let dangling = home.path().join("dangling");
        std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
        assert!(matches!(at(&dangling).prepare(), Err(Error::NotADirectory { .. })));
    }

    #[test]
    fn somebody_elses_directory_is_refused() {
        // Root can give a folder away; anybody else finds one of root's.
        let home = tempfile::tempdir().unwrap();
        let (path, owner) = if nix::unistd::geteuid().is_root() {
            let path = home.path().join("state");
            fs::create_dir(&path).unwrap();
            std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
            (path, 65_534)
        } else {
            ("/usr".into(), 0)
        };
        let user = nix::unistd::geteuid().as_raw();
        let error = at(&path).prepare().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`{}` belongs to user id {owner}, not to you (user id {user})", path.display())
        );
    }

    #[test]
    fn one_that_cannot_be_written_to_is_told_apart() {
        // Nobody, not even root, can make a file in this folder of the kernel's, and it is always one's own.
        let own = Path::new("/proc/self/task");
        if cfg!(target_os = "linux") {
            let error = probe(own).unwrap_err();
            assert_eq!(error.to_string(), "`/proc/self/task` cannot be written to");
        }
        let read_only = refused(own, "make", io::Error::from(ErrorKind::ReadOnlyFilesystem));
        assert!(matches!(read_only, Error::ReadOnly { .. }));
        if !nix::unistd::geteuid().is_root() {
            let home = tempfile::tempdir().unwrap();
            fs::set_permissions(home.path(), Permissions::from_mode(0o500)).unwrap();
            assert!(matches!(at(home.path()).prepare(), Err(Error::ReadOnly { .. })));
            assert!(matches!(at(&home.path().join("state")).prepare(), Err(Error::ReadOnly { .. })));
        }
    }

    #[test]
    fn many_may_prepare_at_once() {
        let home = tempfile::tempdir().unwrap();
        let paths = at(&home.path().join("state"));
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(|| paths.prepare())).collect();
            for one in all {
                one.join().unwrap().unwrap();
            }
        });
        assert_eq!(mode(paths.root()), 0o700);
    }
}
