//! Copying whole folders, with many files under way at once, so that the latency of one file's requests hides behind the
//! others'.

use super::session::{PIECE, Sftp};
use super::transfer::{full_or, get_file, granted, put_file};
use super::wire::{Attrs, Code, Entry, FileKind, open};
use crate::remote::{Error, ErrorKind, PutOptions, Result, Transfer};
use crate::ssh::client::error::local;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Files and folders under way at once.
const UNDER_WAY: usize = 32;

/// Bytes done and known of, for whoever watches.
struct Tally<'a> {
    done: AtomicU64,
    known: AtomicU64,
    progress: Transfer<'a>,
}

impl<'a> Tally<'a> {
    fn new(progress: Transfer<'a>) -> Self {
        Self { done: AtomicU64::new(0), known: AtomicU64::new(0), progress }
    }

    fn known(&self, bytes: u64) {
        self.known.fetch_add(bytes, Ordering::Relaxed);
    }

    fn done(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        (self.progress)(done, self.known.load(Ordering::Relaxed).max(done));
    }
}

/// Something of a machine's folder to be copied here.
enum Task {
    Folder { from: Vec<u8>, to: PathBuf },
    File { from: Vec<u8>, to: PathBuf, attrs: Attrs },
    Link { from: Vec<u8>, to: PathBuf },
}

/// What came of it.
enum Done {
    Listed { tasks: Vec<Task>, folder: PathBuf, mode: Option<u32> },
    Copied,
}

/// A name that stays in its folder.
fn is_safe(name: &[u8]) -> bool {
    !name.is_empty() && name != b"." && name != b".." && !name.contains(&b'/') && !name.contains(&0)
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = folder.to_vec();
    if !path.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// See [`Shell::get_tree`](crate::remote::Shell::get_tree). Existing files are replaced, others left alone.
pub(crate) async fn get(sftp: &Sftp, from: &str, to: &Path, progress: Transfer<'_>) -> Result<u64> {
    let tally = Tally::new(progress);
    let mut waiting = VecDeque::from([Task::Folder { from: from.as_bytes().to_vec(), to: to.to_owned() }]);
    let mut under_way: FuturesUnordered<BoxFuture<'_, Result<Done>>> = FuturesUnordered::new();
    let mut files = 0;
    // A folder that its owner may not write to gets its mode once it is full.
    let mut modes = Vec::new();
    loop {
        while under_way.len() < UNDER_WAY
            && let Some(task) = waiting.pop_front()
        {
            under_way.push(match task {
                Task::Folder { from, to } => Box::pin(list(sftp, from, to)),
                Task::File { from, to, attrs } => Box::pin(fetch(sftp, from, to, attrs, &tally)),
                Task::Link { from, to } => Box::pin(fetch_link(sftp, from, to)),
            });
        }
        match under_way.next().await {
            None => break,
            Some(Err(error)) => return Err(error),
            Some(Ok(Done::Copied)) => files += 1,
            Some(Ok(Done::Listed { tasks, folder, mode })) => {
                for task in tasks {
                    match task {
                        // Folders first, so that there is always enough to do.
                        Task::Folder { .. } => waiting.push_front(task),
                        Task::File { attrs, .. } => {
                            tally.known(attrs.size.unwrap_or(0));
                            waiting.push_back(task);
                        }
                        Task::Link { .. } => waiting.push_back(task),
                    }
                }
                if let Some(mode) = mode {
                    modes.push((folder, mode));
                }
            }
        }
    }
    blocking(move || {
        for (folder, mode) in modes.into_iter().rev() {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode))
                .map_err(|error| local("set the mode of", &folder, error))?;
        }
        Ok(())
    })
    .await?;
    Ok(files)
}

async fn list(sftp: &Sftp, from: Vec<u8>, to: PathBuf) -> Result<Done> {
    let made = to.clone();
    let making = blocking(move || match fs::create_dir_all(&made) {
        Err(error) => Err(local("make", &made, error)),
        Ok(()) => Ok(()),
    });
    let (made, handle, attrs) = futures::join!(making, sftp.open_folder(&from), sftp.stat(&from));
    made?;
    let handle = granted(handle?, "list", &from)?;
    let mode = attrs?.ok().and_then(|attrs| attrs.mode).map(|mode| mode & 0o777);
    let mut tasks = Vec::new();
    loop {
        let entries = granted(sftp.read_folder(&handle).await?, "list", &from)?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            if let Some(task) = plan(sftp, &from, &to, entry).await? {
                tasks.push(task);
            }
        }
    }
    sftp.close_quietly(&handle).await;
    Ok(Done::Listed { tasks, folder: to, mode })
}

async fn plan(sftp: &Sftp, from: &[u8], to: &Path, entry: Entry) -> Result<Option<Task>> {
    if entry.name == b"."[..] || entry.name == b".."[..] {
        return Ok(None);
    }
    let path = join(from, &entry.name);
    if !is_safe(&entry.name) {
        let shown = String::from_utf8_lossy(&entry.name).escape_debug().to_string();
        return Err(Error::new(
            ErrorKind::Protocol,
            format!("the machine lists a file named `{shown}`, which leads astray"),
        ));
    }
    let target = to.join(OsStr::from_bytes(&entry.name));
    let attrs =
        if entry.attrs.mode.is_some() { entry.attrs } else { granted(sftp.lstat(&path).await?, "look at", &path)? };
    Ok(match attrs.kind() {
        FileKind::Folder => Some(Task::Folder { from: path, to: target }),
        FileKind::Link => Some(Task::Link { from: path, to: target }),
        FileKind::File => Some(Task::File { from: path, to: target, attrs }),
        FileKind::Other => {
            tracing::warn!(path = %String::from_utf8_lossy(&path), "not copied: neither file, folder nor link");
            None
        }
    })
}

async fn fetch(sftp: &Sftp, from: Vec<u8>, to: PathBuf, attrs: Attrs, tally: &Tally<'_>) -> Result<Done> {
    let size = attrs.size.unwrap_or(u64::MAX);
    if size >= PIECE as u64 {
        let last = AtomicU64::new(0);
        let progress = |done: u64, _: u64| tally.done(done.saturating_sub(last.swap(done, Ordering::Relaxed)));
        get_file(sftp, &from, &to, &progress).await?;
        return Ok(Done::Copied);
    }
    let handle = granted(sftp.open_file(&from, open::READ, &Attrs::default()).await?, "read", &from)?;
    let mut bytes = granted(sftp.read(&handle, 0, PIECE).await?, "read", &from)?;
    if bytes.len() as u64 != size {
        // It changed since it was listed, or came in parts.
        let mut all = bytes.to_vec();
        while !bytes.is_empty() {
            bytes = granted(sftp.read(&handle, all.len() as u64, PIECE).await?, "read", &from)?;
            all.extend_from_slice(&bytes);
        }
        bytes = all.into();
    }
    sftp.close_quietly(&handle).await;
    let length = bytes.len() as u64;
    let mode = attrs.mode.unwrap_or(0o644) & 0o777;
    blocking(move || write_new(&to, &bytes, mode).map_err(|error| local("write", &to, error))).await?;
    tally.done(length);
    Ok(Done::Copied)
}

/// Writes a small file in place of whatever has its name; never through a link.
fn write_new(to: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let create = || fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(to);
    let mut file = match create() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(to)?;
            create()?
        }
        other => other?,
    };
    file.write_all(bytes)?;
    // The umask may have taken bits away.
    if file.metadata()?.mode() & 0o777 != mode {
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

async fn fetch_link(sftp: &Sftp, from: Vec<u8>, to: PathBuf) -> Result<Done> {
    let target = granted(sftp.read_link(&from).await?, "read the link", &from)?;
    blocking(move || {
        let target = Path::new(OsStr::from_bytes(&target));
        match std::os::unix::fs::symlink(target, &to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&to).and_then(|()| std::os::unix::fs::symlink(target, &to))
            }
            other => other,
        }
        .map_err(|error| local("make the link", &to, error))
    })
    .await?;
    Ok(Done::Copied)
}

/// What a local folder holds, folders before what is in them.
#[derive(Default)]
struct Local {
    folders: Vec<(PathBuf, Vec<u8>, u32)>,
    files: Vec<(PathBuf, Vec<u8>, fs::Metadata)>,
    links: Vec<(PathBuf, Vec<u8>, PathBuf)>,
}

fn walk(from: &Path, to: &[u8]) -> Result<Local> {
    let mut all = Local::default();
    let mode = fs::metadata(from).map_err(|error| local("look at", from, error))?.mode();
    all.folders.push((from.to_owned(), to.to_vec(), mode));
    let mut next = 0;
    while let Some((folder, there, _)) = all.folders.get(next).cloned() {
        next += 1;
        for entry in fs::read_dir(&folder).map_err(|error| local("list", &folder, error))? {
            let entry = entry.map_err(|error| local("list", &folder, error))?;
            let path = entry.path();
            let target = join(&there, entry.file_name().as_bytes());
            let metadata = entry.metadata().map_err(|error| local("look at", &path, error))?;
            if metadata.is_dir() {
                all.folders.push((path, target, metadata.mode()));
            } else if metadata.is_symlink() {
                let link = fs::read_link(&path).map_err(|error| local("read the link", &path, error))?;
                all.links.push((path, target, link));
            } else if metadata.is_file() {
                all.files.push((path, target, metadata));
            } else {
                tracing::warn!(path = %path.display(), "not copied: neither file, folder nor link");
            }
        }
    }
    Ok(all)
}

/// See [`Shell::put_tree`](crate::remote::Shell::put_tree). Existing files are replaced, others left alone.
pub(crate) async fn put(sftp: &Sftp, from: &Path, to: &str, progress: Transfer<'_>) -> Result<u64> {
    let (root, there) = (from.to_owned(), to.as_bytes().to_vec());
    let Local { folders, files, links } = blocking(move || walk(&root, &there)).await?;
    let tally = Tally::new(progress);
    tally.known(files.iter().map(|(_, _, metadata)| metadata.len()).sum());
    // Breadth first: a folder's parent was asked for before it, and a server answers in order of asking.
    run_all(folders.iter().map(|(_, path, _)| boxed(make_folder(sftp, path))).collect()).await?;
    let count = (files.len() + links.len()) as u64;
    let mut sending = Vec::with_capacity(files.len() + links.len());
    for (path, target, metadata) in files {
        sending.push(boxed(send_file(sftp, path, target, metadata, &tally)));
    }
    for (_, target, link) in links {
        sending.push(boxed(send_link(sftp, target, link)));
    }
    run_all(sending).await?;
    // Modes last: a folder may be closed to its own writer.
    run_all(folders.iter().rev().map(|(_, path, mode)| boxed(set_mode(sftp, path, *mode))).collect()).await?;
    Ok(count)
}

fn boxed<'a>(work: impl Future<Output = Result<()>> + Send + 'a) -> BoxFuture<'a, Result<()>> {
    Box::pin(work)
}

/// Runs all, in their order, some at once; stops at the first error.
async fn run_all(all: Vec<BoxFuture<'_, Result<()>>>) -> Result<()> {
    let mut running = futures::stream::iter(all).buffer_unordered(UNDER_WAY);
    while let Some(done) = running.next().await {
        done?;
    }
    Ok(())
}

async fn set_mode(sftp: &Sftp, path: &[u8], mode: u32) -> Result<()> {
    granted(sftp.set_mode_of(path, mode & 0o7777).await?, "set the mode of", path)
}

async fn make_folder(sftp: &Sftp, path: &[u8]) -> Result<()> {
    let refusal = match sftp.make_folder(path, 0o700).await? {
        Ok(()) => return Ok(()),
        Err(refusal) => refusal,
    };
    match sftp.stat(path).await? {
        Ok(attrs) if attrs.kind() == FileKind::Folder => Ok(()),
        _ => Err(refusal.error("make", path)),
    }
}

async fn send_file(sftp: &Sftp, from: PathBuf, to: Vec<u8>, metadata: fs::Metadata, tally: &Tally<'_>) -> Result<()> {
    let mode = metadata.mode() & 0o777;
    if metadata.len() >= PIECE as u64 {
        let last = AtomicU64::new(0);
        let progress = |done: u64, _: u64| tally.done(done.saturating_sub(last.swap(done, Ordering::Relaxed)));
        put_file(sftp, &from, &to, PutOptions { mode, resume: true }, &progress).await?;
        return Ok(());
    }
    let bytes = blocking(move || fs::read(&from).map_err(|error| local("read", &from, error))).await?;
    let flags = open::WRITE | open::CREATE | open::EXCLUSIVE;
    let mut opened = sftp.open_file(&to, flags, &Attrs::mode(mode)).await?;
    if matches!(&opened, Err(refusal) if refusal.code == Code::Failure) {
        // Most likely it exists; what cannot be removed shows in the next answer.
        let _ = sftp.remove(&to).await?;
        opened = sftp.open_file(&to, flags, &Attrs::mode(mode)).await?;
    }
    let handle = match opened {
        Ok(handle) => handle,
        Err(refusal) => return Err(full_or(sftp, &to, refusal.error("write", &to)).await),
    };
    let writing = async {
        for (index, piece) in bytes.chunks(PIECE).enumerate() {
            granted(sftp.write(&handle, (index * PIECE) as u64, piece).await?, "write", &to)?;
        }
        Ok(())
    };
    let (written, set) = futures::join!(writing, sftp.set_mode(&handle, mode));
    let closed = sftp.close(&handle).await;
    if let Err(error) = written {
        return Err(full_or(sftp, &to, error).await);
    }
    granted(set?, "set the mode of", &to)?;
    granted(closed?, "write", &to)?;
    tally.done(bytes.len() as u64);
    Ok(())
}

async fn send_link(sftp: &Sftp, link: Vec<u8>, target: PathBuf) -> Result<()> {
    let target = target.as_os_str().as_bytes();
    if sftp.make_link(target, &link).await?.is_ok() {
        return Ok(());
    }
    let _ = sftp.remove(&link).await?;
    granted(sftp.make_link(target, &link).await?, "make the link", &link)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new(ErrorKind::Local, "work on local files broke off").caused_by(error))?
}

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn names_that_lead_astray_are_refused() {
        for name in [&b"a"[..], b"..a", b"a b", b"\xff\xfe", b"..."] {
            assert!(is_safe(name), "{name:?}");
        }
        for name in [&b""[..], b".", b"..", b"a/b", b"/", b"../x", b"a\0b"] {
            assert!(!is_safe(name), "{name:?}");
        }
    }
}
