//! Files and folders over commands: bytes go as their input and come as their output.

use super::shell::SsmShell;
use super::tar;
use crate::domain::escape_line;
use crate::remote::spool::quote;
use crate::remote::{Chunk, Error, ErrorKind, Exec, PutOptions, Result, Shell, Transfer};
use bytes::Bytes;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::sync::mpsc;

/// Bytes that are handed over at once.
const PIECE: usize = 128 << 10;

/// A file or folder of this computer that could not be worked on.
pub(super) fn local(what: &str, path: &Path, error: io::Error) -> Error {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let kind = if full { ErrorKind::DiskFull } else { ErrorKind::Local };
    let whole = Error::new(kind, format!("could not {what} `{}` here", path.display())).caused_by(error);
    if full { whole.hint("make room on this computer's disk and try again") } else { whole }
}

/// What a command that failed said, as an error.
fn refused(what: &str, path: &str, said: &[u8]) -> Error {
    let said = String::from_utf8_lossy(said);
    let kind = if said.contains("No space left") || said.contains("quota exceeded") {
        ErrorKind::DiskFull
    } else if said.contains("ermission denied") || said.contains("Read-only file system") {
        ErrorKind::Denied
    } else if ["No such file", "Not a directory", "nonexistent"].iter().any(|word| said.contains(word)) {
        ErrorKind::NotFound
    } else {
        ErrorKind::Command
    };
    let said: String = said.trim().chars().take(300).collect();
    let error = Error::new(kind, format!("could not {what} `{path}` on the machine: {}", escape_line(&said)));
    if kind == ErrorKind::DiskFull {
        error.hint("make room on the machine, or launch one with a larger disk")
    } else {
        error
    }
}

fn text(path: &str) -> Result<()> {
    if path.contains('\0') { Err(Error::new(ErrorKind::Local, "a path cannot hold a NUL character")) } else { Ok(()) }
}

/// The last thing a command says: whether it did it, and what it complained of.
async fn end(exec: &mut Exec) -> Result<(i32, Vec<u8>)> {
    let mut said = Vec::new();
    while let Some(chunk) = exec.next().await? {
        if let Chunk::Stderr(bytes) = chunk
            && said.len() < 4096
        {
            said.extend_from_slice(&bytes);
        }
    }
    Ok((exec.exit().map_or(255, |status| status.code()), said))
}

/// The temporary name beside a file; it carries what the source looked like, so that another source's leftovers are never
/// gone on with.
fn temporary(name: &[u8], size: u64, mtime: i64) -> Vec<u8> {
    let at = name.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let (folder, base) = name.split_at(at);
    let base = &base[..base.len().min(200)];
    [folder, b".", base, format!(".{size:x}-{mtime:x}.part").as_bytes()].concat()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new(ErrorKind::Local, "work on local files broke off").caused_by(error))?
}

/// See [`Shell::put`].
pub(super) async fn put(
    shell: &SsmShell,
    from: &Path,
    to: &str,
    options: PutOptions,
    progress: Transfer<'_>,
) -> Result<()> {
    text(to)?;
    let mut file = tokio::fs::File::open(from).await.map_err(|error| local("read", from, error))?;
    let metadata = file.metadata().await.map_err(|error| local("look at", from, error))?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::Local, format!("`{}` is no file", from.display())));
    }
    let size = metadata.len();
    let part = temporary(to.as_bytes(), size, metadata.mtime());
    let part = quote(&String::from_utf8_lossy(&part));
    let mut start = 0;
    if options.resume {
        let there = shell.capture(&format!("wc -c <{part} 2>/dev/null || echo 0"), Bytes::new()).await?;
        // a login shell may have greeted before it
        let there =
            String::from_utf8_lossy(&there.stdout).lines().next_back().and_then(|line| line.trim().parse().ok());
        start = there.filter(|there| *there <= size).unwrap_or(0);
    }
    let clear = if start == 0 { format!(": >{part} && ") } else { String::new() };
    let mut exec = shell.plain(format!(
        "umask 077; {clear}cat >>{part} && {{ [ \"$(wc -c <{part})\" = {size} ] || {{ echo it came incomplete >&2; exit 1; }}; }} \
         && chmod {:o} {part} && mv -fT {part} {}",
        options.mode & 0o7777,
        quote(to)
    ))?;
    file.seek(io::SeekFrom::Start(start)).await.map_err(|error| local("read", from, error))?;
    let mut done = start;
    progress(done, size);
    loop {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await.map_err(|error| local("read", from, error))?;
        piece.truncate(read);
        // one that takes no more has ended, and says why
        if read == 0 || exec.write(piece.into()).await.is_err() {
            break;
        }
        done += read as u64;
        progress(done, size.max(done));
    }
    exec.close_stdin().await?;
    match end(&mut exec).await? {
        (0, _) => Ok(()),
        (_, said) => Err(refused("write", to, &said)),
    }
}

/// See [`Shell::get`].
pub(super) async fn get(shell: &SsmShell, from: &str, to: &Path, progress: Transfer<'_>) -> Result<u64> {
    text(from)?;
    let target = to.to_owned();
    let (left, had) = blocking(move || Ok(leftover(&target).unwrap_or_default())).await?;
    let mut exec = shell.plain(format!(
        "f={}; exec <\"$f\" || exit; set -- $(stat -L -c '%s %Y %a' -- \"$f\"); at=0; \
         [ \"$1 $2\" = '{left}' ] && at={had}; echo \"$1 $2 $3 $at\"; exec tail -c \"+$((at + 1))\"",
        quote(from)
    ))?;
    exec.close_stdin().await?;
    let (mut opening, mut complaint) = (Vec::new(), Vec::new());
    let mut file = None;
    while let Some(chunk) = exec.next().await? {
        let mut bytes = match chunk {
            Chunk::Stdout(bytes) => bytes,
            Chunk::Stderr(bytes) => {
                complaint.extend_from_slice(&bytes[..bytes.len().min(4096)]);
                continue;
            }
        };
        if file.is_none() {
            opening.extend_from_slice(&bytes);
            let Some(end) = opening.iter().position(|byte| *byte == b'\n') else { continue };
            let incoming = Incoming::open(to, &opening[..end]).await?;
            bytes = Bytes::copy_from_slice(&opening[end + 1..]);
            file = Some(incoming);
        }
        if let Some(incoming) = &mut file {
            incoming.take(&bytes).await?;
            progress(incoming.done, incoming.size.max(incoming.done));
        }
    }
    let code = exec.exit().map_or(255, |status| status.code());
    match file {
        Some(incoming) if code == 0 => incoming.finish().await,
        _ => Err(refused("read", from, &complaint)),
    }
}

/// What an earlier try left of a file: `SIZE MTIME` of its source, and how much there is.
fn leftover(to: &Path) -> Option<(String, u64)> {
    let start = [b".", to.file_name()?.as_bytes(), b"."].concat();
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let name = entry.file_name();
        let marks = name.as_bytes().strip_prefix(start.as_slice())?.strip_suffix(b".part")?;
        let (size, mtime) = std::str::from_utf8(marks).ok()?.split_once('-')?;
        let (size, mtime) = (u64::from_str_radix(size, 16).ok()?, i64::from_str_radix(mtime, 16).ok()?);
        let had = entry.metadata().ok().filter(fs::Metadata::is_file)?.len();
        (had <= size).then(|| (format!("{size} {mtime}"), had))
    })
}

/// A file on its way here.
struct Incoming {
    file: tokio::fs::File,
    part: PathBuf,
    to: PathBuf,
    size: u64,
    mode: u32,
    done: u64,
}

impl Incoming {
    /// Reads `SIZE MTIME MODE START`.
    async fn open(to: &Path, opening: &[u8]) -> Result<Self> {
        let said = String::from_utf8_lossy(opening);
        let words: Vec<&str> = said.split(' ').collect();
        let read = || {
            let [size, mtime, mode, at] = words.as_slice() else { return None };
            Some((size.parse().ok()?, mtime.parse().ok()?, u32::from_str_radix(mode, 8).ok()?, at.parse().ok()?))
        };
        let (size, mtime, mode, at): (u64, i64, u32, u64) = read().ok_or_else(|| {
            Error::new(ErrorKind::Protocol, format!("the machine says of a file `{}`", escape_line(&said)))
        })?;
        let part = PathBuf::from(OsStr::from_bytes(&temporary(to.as_os_str().as_bytes(), size, mtime)));
        let failed = |error| local("write", &part, error);
        let mut file = tokio::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(&part)
            .await
            .map_err(failed)?;
        file.set_len(at).await.map_err(failed)?;
        file.seek(io::SeekFrom::Start(at)).await.map_err(failed)?;
        Ok(Self { file, part: part.clone(), to: to.to_owned(), size, mode: mode & 0o777, done: at })
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let written = async {
            self.file.write_all(bytes).await?;
            // what arrived is kept, for the next try to go on from
            self.file.flush().await
        };
        written.await.map_err(|error| local("write", &self.part, error))?;
        self.done += bytes.len() as u64;
        Ok(())
    }

    async fn finish(self) -> Result<u64> {
        let Self { part, to, mode, done, size, .. } = self;
        if done < size {
            return Err(Error::new(ErrorKind::Lost, format!("`{}` came incomplete", to.display())));
        }
        blocking(move || {
            fs::set_permissions(&part, fs::Permissions::from_mode(mode))
                .and_then(|()| fs::rename(&part, &to))
                .map_err(|error| local("write", &to, error))
        })
        .await?;
        Ok(done)
    }
}

/// Bytes that a command says, for a thread.
struct Incomings {
    queue: mpsc::Receiver<Bytes>,
    rest: Bytes,
}

impl Read for Incomings {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.queue.blocking_recv() {
                Some(bytes) => self.rest = bytes,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

/// Bytes for a command's input, from a thread.
struct Outgoings(mpsc::Sender<Bytes>);

impl Write for Outgoings {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Bytes::copy_from_slice(bytes));
        sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// See [`Shell::get_tree`].
pub(super) async fn get_tree(shell: &SsmShell, from: &str, to: &Path, progress: Transfer<'_>) -> Result<u64> {
    text(from)?;
    let mut exec = shell.plain(format!("exec tar --format=gnu --hard-dereference -cf - -C {} .", quote(from)))?;
    exec.close_stdin().await?;
    let (sender, queue) = mpsc::channel(8);
    let wrote = Arc::new(AtomicU64::new(0));
    let (target, tally) = (to.to_owned(), Arc::clone(&wrote));
    let unpacking = tokio::task::spawn_blocking(move || {
        let mut from = Incomings { queue, rest: Bytes::new() };
        tar::unpack(&mut from, &target, &mut |bytes| {
            tally.fetch_add(bytes, Ordering::Relaxed);
        })
    });
    let mut complaint = Vec::new();
    let mut ended = Ok(());
    loop {
        match exec.next().await {
            Ok(Some(Chunk::Stdout(bytes))) => {
                // who takes no more says why
                if sender.send(bytes).await.is_err() {
                    break;
                }
                let done = wrote.load(Ordering::Relaxed);
                progress(done, done);
            }
            Ok(Some(Chunk::Stderr(bytes))) => complaint.extend_from_slice(&bytes[..bytes.len().min(4096)]),
            Ok(None) => break,
            Err(error) => {
                ended = Err(error);
                break;
            }
        }
    }
    drop(sender);
    let unpacked = unpacking
        .await
        .map_err(|error| Error::new(ErrorKind::Local, "work on local files broke off").caused_by(error))?;
    ended?;
    // 1: something changed while it was read
    match exec.exit().map(|status| status.code()) {
        Some(0 | 1) | None => {
            let done = wrote.load(Ordering::Relaxed);
            progress(done, done);
            unpacked
        }
        Some(_) => Err(refused("read", from, &complaint)),
    }
}

/// See [`Shell::put_tree`].
pub(super) async fn put_tree(shell: &SsmShell, from: &Path, to: &str, progress: Transfer<'_>) -> Result<u64> {
    text(to)?;
    let root = from.to_owned();
    let packing = blocking(move || tar::Packing::of(&root)).await?;
    let all = packing.bytes;
    let to_word = quote(to);
    let mut exec = shell.plain(format!("mkdir -p {to_word} && exec tar -xpf - --no-same-owner -C {to_word}"))?;
    let (sender, mut queue) = mpsc::channel(8);
    let read = Arc::new(AtomicU64::new(0));
    let tally = Arc::clone(&read);
    let packed = tokio::task::spawn_blocking(move || {
        let mut out = io::BufWriter::with_capacity(PIECE, Outgoings(sender));
        packing.write(&mut out, &mut |bytes| {
            tally.fetch_add(bytes, Ordering::Relaxed);
        })
    });
    while let Some(bytes) = queue.recv().await {
        if exec.write(bytes).await.is_err() {
            break;
        }
        progress(read.load(Ordering::Relaxed), all);
    }
    drop(queue);
    let packed = packed
        .await
        .map_err(|error| Error::new(ErrorKind::Local, "work on local files broke off").caused_by(error))?;
    if let Err(error) = &packed
        && error.kind != ErrorKind::Lost
    {
        return packed;
    }
    exec.close_stdin().await?;
    match end(&mut exec).await? {
        (0, _) => packed,
        (_, said) => Err(refused("write", to, &said)),
    }
}
