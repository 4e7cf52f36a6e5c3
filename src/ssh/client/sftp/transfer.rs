//! Copying one file, whole or going on from what an earlier try left.

use super::session::{Answer, PIECE, Sftp, no_sense};
use super::wire::{Attrs, open};
use crate::remote::{Error, ErrorKind, PutOptions, Result, Transfer};
use crate::ssh::client::error::local;
use bytes::Bytes;
use futures::stream::{FuturesOrdered, StreamExt};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// Pieces under way for one file: 2 MiB, as the channel's window.
const UNDER_WAY: usize = 64;
/// Bytes gathered before a local file is written.
const GATHERED: usize = 512 << 10;

/// Turns a refusal into an error about a path.
pub(super) fn granted<T>(answer: Answer<T>, what: &str, path: &[u8]) -> Result<T> {
    answer.map_err(|refusal| refusal.error(what, path))
}

/// The temporary name beside a file; it carries what the source looked like, so that another source's leftovers are never
/// gone on with.
fn temporary(name: &[u8], size: u64, mtime: i64) -> Vec<u8> {
    let (folder, base) = match name.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => name.split_at(slash + 1),
        None => (&[][..], name),
    };
    // A name may have 255 bytes.
    let base = &base[..base.len().min(200)];
    [folder, b".", base, format!(".{size:x}-{mtime:x}.part").as_bytes()].concat()
}

fn temporary_here(to: &Path, size: u64, mtime: i64) -> PathBuf {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(OsStr::from_bytes(&temporary(to.as_os_str().as_bytes(), size, mtime)))
}

/// See [`Shell::get`](crate::remote::Shell::get).
pub(crate) async fn get(sftp: &Sftp, from: &str, to: &Path, progress: Transfer<'_>) -> Result<u64> {
    get_file(sftp, from.as_bytes(), to, progress).await
}

/// Copies a file here: into a temporary name, then a rename.
pub(super) async fn get_file(sftp: &Sftp, from: &[u8], to: &Path, progress: Transfer<'_>) -> Result<u64> {
    let handle = granted(sftp.open_file(from, open::READ, &Attrs::default()).await?, "read", from)?;
    let copied = get_open(sftp, &handle, from, to, progress).await;
    sftp.close_quietly(&handle).await;
    copied
}

async fn get_open(sftp: &Sftp, handle: &Bytes, from: &[u8], to: &Path, progress: Transfer<'_>) -> Result<u64> {
    let attrs = granted(sftp.fstat(handle).await?, "look at", from)?;
    let size = attrs.size.unwrap_or(0);
    let part = temporary_here(to, size, attrs.mtime.unwrap_or(0).into());
    let mut file = tokio::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(&part)
        .await
        .map_err(|error| local("write", &part, error))?;
    let mut done = file.metadata().await.map_err(|error| local("look at", &part, error))?.len();
    if done > size {
        file.set_len(0).await.map_err(|error| local("write", &part, error))?;
        done = 0;
    }
    file.seek(std::io::SeekFrom::Start(done)).await.map_err(|error| local("write", &part, error))?;
    let mut file = tokio::io::BufWriter::with_capacity(GATHERED, file);
    let copied = pull(sftp, handle, from, done, size, progress, (&mut file, &part)).await;
    // What arrived is kept, for the next try to go on from.
    let flushed = file.flush().await.map_err(|error| local("write", &part, error));
    let total = copied?;
    flushed?;
    let mode = attrs.mode.unwrap_or(0o644) & 0o777;
    let target = to.to_owned();
    tokio::task::spawn_blocking(move || {
        fs::set_permissions(&part, fs::Permissions::from_mode(mode))
            .and_then(|()| fs::rename(&part, &target))
            .map_err(|error| local("write", &target, error))
    })
    .await
    .map_err(|error| Error::new(ErrorKind::Local, "writing a file broke off").caused_by(error))??;
    Ok(total)
}

/// Reads an open file from `start` to its end, which need not be at `size`, in order; gives its size.
async fn pull(
    sftp: &Sftp,
    handle: &Bytes,
    from: &[u8],
    start: u64,
    size: u64,
    progress: Transfer<'_>,
    (file, part): (&mut tokio::io::BufWriter<tokio::fs::File>, &Path),
) -> Result<u64> {
    let mut asked = start;
    let mut done = start;
    let mut under_way = FuturesOrdered::new();
    let mut at_end = false;
    progress(done, size);
    loop {
        // One piece past the known size finds the end, or what was added meanwhile.
        while !at_end && under_way.len() < UNDER_WAY && (asked <= size || under_way.is_empty()) {
            let offset = asked;
            under_way.push_back(async move { (offset, sftp.read(handle, offset, PIECE).await) });
            asked += PIECE as u64;
        }
        let Some((offset, answer)) = under_way.next().await else { return Ok(done) };
        if at_end {
            continue;
        }
        let mut bytes = granted(answer?, "read", from)?;
        let mut filled = 0;
        loop {
            if bytes.is_empty() {
                at_end = true;
                break;
            }
            file.write_all(&bytes).await.map_err(|error| local("write", part, error))?;
            filled += bytes.len();
            done += bytes.len() as u64;
            progress(done, size.max(done));
            if filled >= PIECE {
                break;
            }
            // A server may give less than was asked for.
            bytes = granted(sftp.read(handle, offset + filled as u64, PIECE - filled).await?, "read", from)?;
        }
    }
}

/// See [`Shell::put`](crate::remote::Shell::put).
pub(crate) async fn put(
    sftp: &Sftp,
    from: &Path,
    to: &str,
    options: PutOptions,
    progress: Transfer<'_>,
) -> Result<()> {
    put_file(sftp, from, to.as_bytes(), options, progress).await.map(|_| ())
}

/// Copies a file to the machine: into a temporary name, then a rename. Gives its size.
pub(super) async fn put_file(
    sftp: &Sftp,
    from: &Path,
    to: &[u8],
    options: PutOptions,
    progress: Transfer<'_>,
) -> Result<u64> {
    let mut file = tokio::fs::File::open(from).await.map_err(|error| local("read", from, error))?;
    let metadata = file.metadata().await.map_err(|error| local("look at", from, error))?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::Local, format!("`{}` is no file", from.display())));
    }
    let size = metadata.len();
    let part = temporary(to, size, metadata.mtime());
    let flags = open::WRITE | open::CREATE | if options.resume { 0 } else { open::TRUNCATE };
    let handle = granted(sftp.open_file(&part, flags, &Attrs::mode(0o600)).await?, "write", to)?;
    let copied = async {
        let mut start = 0;
        if options.resume {
            let there = granted(sftp.fstat(&handle).await?, "look at", &part)?.size.unwrap_or(0);
            // The last pieces may have holes between them, were they written out of order; too much begins anew.
            start = if there > size { 0 } else { there.saturating_sub((UNDER_WAY * PIECE) as u64) };
        }
        file.seek(std::io::SeekFrom::Start(start)).await.map_err(|error| local("read", from, error))?;
        let total = push(sftp, &handle, &part, &mut file, from, start, size, progress).await?;
        granted(sftp.set_mode(&handle, options.mode).await?, "set the mode of", &part)?;
        granted(sftp.close(&handle).await?, "write", &part)?;
        Ok(total)
    }
    .await;
    let total = match copied {
        Ok(total) => total,
        Err(error) => {
            sftp.close_quietly(&handle).await;
            return Err(full_or(sftp, &part, error).await);
        }
    };
    granted(sftp.rename(&part, to).await?, "write", to)?;
    Ok(total)
}

/// Replaces an error that says nothing by `DiskFull` when that is what it was.
pub(super) async fn full_or(sftp: &Sftp, path: &[u8], error: Error) -> Error {
    if error.kind == ErrorKind::Protocol && sftp.is_full(path).await {
        let path = String::from_utf8_lossy(path);
        return Error::new(ErrorKind::DiskFull, format!("could not write `{path}`: no space is left on the machine"))
            .hint("make room on the machine, or launch one with a larger disk");
    }
    error
}

#[expect(clippy::too_many_arguments, reason = "two files, each with handle and name, and where they stand")]
async fn push(
    sftp: &Sftp,
    handle: &Bytes,
    to: &[u8],
    file: &mut tokio::fs::File,
    from: &Path,
    start: u64,
    size: u64,
    progress: Transfer<'_>,
) -> Result<u64> {
    let mut asked = start;
    let mut done = start;
    let mut under_way = FuturesOrdered::new();
    let mut at_end = false;
    progress(done, size);
    loop {
        while !at_end && under_way.len() < UNDER_WAY {
            let mut piece = vec![0; PIECE];
            let mut filled = 0;
            while filled < PIECE {
                match file.read(&mut piece[filled..]).await.map_err(|error| local("read", from, error))? {
                    0 => break,
                    read => filled += read,
                }
            }
            piece.truncate(filled);
            at_end = filled < PIECE;
            if filled > 0 {
                let offset = asked;
                asked += filled as u64;
                under_way.push_back(async move {
                    let written = sftp.write(handle, offset, &piece).await;
                    (piece.len() as u64, written)
                });
            }
        }
        let Some((length, answer)) = under_way.next().await else { break };
        granted(answer?, "write", to)?;
        done += length;
        progress(done, size.max(done));
    }
    if done < size {
        return Err(Error::new(ErrorKind::Local, format!("`{}` became shorter while it was read", from.display())));
    }
    if done != asked {
        return Err(no_sense());
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::temporary;

    #[test]
    fn temporary_names_stay_beside_and_short() {
        assert_eq!(temporary(b"/a/b.txt", 16, 255), b"/a/.b.txt.10-ff.part");
        assert_eq!(temporary(b"b", 0, 0), b".b.0-0.part");
        let long = [&b"/x/"[..], &[b'n'; 255]].concat();
        assert!(temporary(&long, u64::MAX, i64::MAX).len() <= 255 + 3);
    }
}
