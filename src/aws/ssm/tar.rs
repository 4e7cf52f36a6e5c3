//! Folders as a stream of bytes, in the old form that GNU tar reads and writes with `--format=gnu`: files, folders and
//! symbolic links. What comes from a machine is not trusted: no name leads out of the target, none through a link.

use super::files::local;
use crate::remote::{Error, ErrorKind, Result};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

const BLOCK: usize = 512;
/// Longest name that is taken in.
const NAME: u64 = 64 << 10;

fn garbled(what: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("the machine's tar sends {what}"))
}

/// A number of a header: octal digits, or base 256 where they do not do.
fn number(field: &[u8]) -> Option<u64> {
    if field.first() == Some(&0x80) {
        let (head, tail) = field.split_at(field.len() - 8);
        return head[1..].iter().all(|byte| *byte == 0).then(|| tail.iter().fold(0, |n, b| (n << 8) | u64::from(*b)));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

fn put_number(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    let text = format!("{value:0digits$o}");
    if text.len() == digits {
        field[..digits].copy_from_slice(text.as_bytes());
    } else {
        field.fill(0);
        field[0] = 0x80;
        let start = field.len() - 8;
        field[start..].copy_from_slice(&value.to_be_bytes());
    }
}

fn checksum(header: &[u8; BLOCK]) -> u64 {
    let blank = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) };
    header.iter().enumerate().map(blank).sum()
}

fn until_nul(field: &[u8]) -> &[u8] {
    &field[..field.iter().position(|byte| *byte == 0).unwrap_or(field.len())]
}

/// Unpacks a stream below a folder. Existing files are replaced, others left alone. `wrote` gets how much of a file was
/// written. Gives the number of files and links.
///
/// # Errors
/// `Protocol` for a stream that is none, or leads astray; `Lost` where it is cut; those of the local disk.
pub(super) fn unpack(from: &mut impl Read, to: &Path, wrote: &mut dyn FnMut(u64)) -> Result<u64> {
    fs::create_dir_all(to).map_err(|error| local("make", to, error))?;
    let (mut count, mut modes) = (0, Vec::new());
    let (mut name, mut link): (Option<Vec<u8>>, Option<Vec<u8>>) = (None, None);
    loop {
        let mut header = [0; BLOCK];
        take(from, &mut header)?;
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        if number(&header[148..156]) != Some(checksum(&header)) {
            return Err(garbled("something else than a tar stream"));
        }
        let size = number(&header[124..136]).ok_or_else(|| garbled("a file without a size"))?;
        let mode = u32::try_from(number(&header[100..108]).unwrap_or(0o644) & 0o777).unwrap_or(0o644);
        let kind = header[156];
        if matches!(kind, b'L' | b'K') {
            if size > NAME {
                return Err(garbled("a name without an end"));
            }
            let mut text = vec![0; usize::try_from(size.next_multiple_of(BLOCK as u64)).unwrap_or(0)];
            take(from, &mut text)?;
            let text = until_nul(&text).to_vec();
            if kind == b'L' {
                name = Some(text);
            } else {
                link = Some(text);
            }
            continue;
        }
        let named = name.take().unwrap_or_else(|| until_nul(&header[..100]).to_vec());
        let linked = link.take().unwrap_or_else(|| until_nul(&header[157..257]).to_vec());
        let target = place(to, &named)?;
        match kind {
            b'5' => {
                if target != to {
                    make_folder(&target)?;
                }
                modes.push((target, mode));
            }
            b'0' | 0 | b'7' if target != to => {
                write_file(from, &target, mode, size, wrote)?;
                count += 1;
                continue;
            }
            b'2' if target != to => {
                clear(&target)?;
                std::os::unix::fs::symlink(OsStr::from_bytes(&linked), &target)
                    .map_err(|error| local("make the link", &target, error))?;
                count += 1;
            }
            _ => tracing::warn!(path = %target.display(), "not copied: neither file, folder nor link"),
        }
        skip(from, size.next_multiple_of(BLOCK as u64))?;
    }
    // to the end, so that whoever sends is not cut off
    io::copy(from, &mut io::sink()).map_err(|error| cut(&error))?;
    // a folder that its owner may not write to gets its mode once it is full
    for (folder, mode) in modes.into_iter().rev() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode))
            .map_err(|error| local("set the mode of", &folder, error))?;
    }
    Ok(count)
}

fn cut(error: &io::Error) -> Error {
    Error::new(ErrorKind::Lost, format!("the machine's tar was cut short: {error}"))
}

fn take(from: &mut impl Read, buffer: &mut [u8]) -> Result<()> {
    from.read_exact(buffer).map_err(|error| cut(&error))
}

fn skip(from: &mut impl Read, bytes: u64) -> Result<()> {
    let skipped = io::copy(&mut from.take(bytes), &mut io::sink()).map_err(|error| cut(&error))?;
    if skipped == bytes { Ok(()) } else { Err(cut(&io::ErrorKind::UnexpectedEof.into())) }
}

/// Where a name lies; its folders are made, and are none of them links.
fn place(to: &Path, name: &[u8]) -> Result<PathBuf> {
    let astray = || {
        let shown = String::from_utf8_lossy(name).escape_debug().to_string();
        garbled(&format!("a file named `{shown}`, which leads astray"))
    };
    let mut target = to.to_owned();
    let mut parts = Path::new(OsStr::from_bytes(name)).components().peekable();
    while let Some(part) = parts.next() {
        match part {
            Component::CurDir => continue,
            Component::Normal(word) => target.push(word),
            _ => return Err(astray()),
        }
        if parts.peek().is_some() {
            match fs::symlink_metadata(&target) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => return Err(astray()),
                Err(_) => make_folder(&target)?,
            }
        }
    }
    Ok(target)
}

fn make_folder(folder: &Path) -> Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir()) {
                return Ok(());
            }
            clear(folder)?;
            fs::create_dir(folder)
        }
        other => other,
    }
    .map_err(|error| local("make", folder, error))
}

/// Takes away what is in the way, folders excepted.
fn clear(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(local("replace", path, error)),
        _ => Ok(()),
    }
}

fn write_file(from: &mut impl Read, to: &Path, mode: u32, size: u64, wrote: &mut dyn FnMut(u64)) -> Result<()> {
    clear(to)?;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(|error| local("write", to, error))?;
    let mut buffer = [0; 8 << 10];
    let mut left = size;
    while left > 0 {
        let next = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        take(from, &mut buffer[..next])?;
        file.write_all(&buffer[..next]).map_err(|error| local("write", to, error))?;
        left -= next as u64;
        wrote(next as u64);
    }
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(|error| local("set the mode of", to, error))?;
    skip(from, size.next_multiple_of(BLOCK as u64) - size)
}

/// A folder to be packed, as it was when it was looked at.
pub(super) struct Packing {
    entries: Vec<(PathBuf, Vec<u8>, fs::Metadata)>,
    /// Bytes of all files.
    pub(super) bytes: u64,
}

impl Packing {
    /// Looks through a folder.
    ///
    /// # Errors
    /// `Local`.
    pub(super) fn of(from: &Path) -> Result<Self> {
        let metadata = fs::metadata(from).map_err(|error| local("look at", from, error))?;
        let mut all = Self { entries: vec![(from.to_owned(), b".".to_vec(), metadata)], bytes: 0 };
        let mut next = 0;
        while let Some((folder, name, metadata)) = all.entries.get(next).cloned() {
            next += 1;
            if !metadata.is_dir() {
                continue;
            }
            for entry in fs::read_dir(&folder).map_err(|error| local("list", &folder, error))? {
                let entry = entry.map_err(|error| local("list", &folder, error))?;
                let metadata = entry.metadata().map_err(|error| local("look at", &entry.path(), error))?;
                if metadata.is_file() {
                    all.bytes += metadata.len();
                } else if !metadata.is_dir() && !metadata.is_symlink() {
                    tracing::warn!(path = %entry.path().display(), "not copied: neither file, folder nor link");
                    continue;
                }
                all.entries.push((entry.path(), [&name, &b"/"[..], entry.file_name().as_bytes()].concat(), metadata));
            }
        }
        Ok(all)
    }

    /// Writes it all; `read` gets how much of a file was read. Gives the number of files and links.
    ///
    /// # Errors
    /// Those of the local disk, and of the writer as `Lost`.
    pub(super) fn write(&self, to: &mut impl Write, read: &mut dyn FnMut(u64)) -> Result<u64> {
        let mut count = 0;
        // a folder that may not be written to must be full before its mode is known: once more, at the end
        let folders = self.entries.iter().filter(|(.., metadata)| metadata.is_dir()).rev();
        for (path, name, metadata) in &self.entries {
            if metadata.is_dir() {
                header(to, b'5', name, b"", 0o700 | metadata.mode(), 0)?;
            } else if metadata.is_symlink() {
                let target = fs::read_link(path).map_err(|error| local("read the link", path, error))?;
                header(to, b'2', name, target.as_os_str().as_bytes(), 0o777, 0)?;
                count += 1;
            } else {
                header(to, b'0', name, b"", metadata.mode(), metadata.len())?;
                copy_file(path, metadata.len(), to, read)?;
                count += 1;
            }
        }
        for (_, name, metadata) in folders {
            header(to, b'5', name, b"", metadata.mode(), 0)?;
        }
        to.write_all(&[0; 2 * BLOCK]).and_then(|()| to.flush()).map_err(|error| no_taker(&error))?;
        Ok(count)
    }
}

fn no_taker(error: &io::Error) -> Error {
    Error::new(ErrorKind::Lost, format!("the machine's tar takes no more: {error}"))
}

fn copy_file(path: &Path, size: u64, to: &mut impl Write, read: &mut dyn FnMut(u64)) -> Result<()> {
    let mut file = fs::File::open(path).map_err(|error| local("read", path, error))?;
    let mut buffer = [0; 8 << 10];
    let mut left = size.next_multiple_of(BLOCK as u64);
    let mut bytes = size;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let wanted = usize::try_from(bytes).unwrap_or(usize::MAX).min(most);
        let got = if wanted == 0 {
            0
        } else {
            file.read(&mut buffer[..wanted]).map_err(|error| local("read", path, error))?
        };
        // one that has become shorter is filled up, as tar does
        let filled = if got == 0 { most } else { got };
        if got == 0 {
            buffer[..filled].fill(0);
        }
        to.write_all(&buffer[..filled]).map_err(|error| no_taker(&error))?;
        left -= filled as u64;
        bytes = bytes.saturating_sub(filled as u64);
        read(got as u64);
    }
    Ok(())
}

fn header(to: &mut impl Write, kind: u8, name: &[u8], link: &[u8], mode: u32, size: u64) -> Result<()> {
    for (kind, text) in [(b'L', name), (b'K', link)] {
        if text.len() > 100 {
            block(to, kind, b"././@LongLink", b"", 0o644, text.len() as u64 + 1)?;
            let mut padded = text.to_vec();
            padded.resize((text.len() + 1).next_multiple_of(BLOCK), 0);
            to.write_all(&padded).map_err(|error| no_taker(&error))?;
        }
    }
    block(to, kind, name, link, mode, size)
}

fn block(to: &mut impl Write, kind: u8, name: &[u8], link: &[u8], mode: u32, size: u64) -> Result<()> {
    let mut header = [0; BLOCK];
    let (name, link) = (&name[..name.len().min(100)], &link[..link.len().min(100)]);
    header[..name.len()].copy_from_slice(name);
    header[157..157 + link.len()].copy_from_slice(link);
    put_number(&mut header[100..108], u64::from(mode & 0o777));
    put_number(&mut header[108..116], 0);
    put_number(&mut header[116..124], 0);
    put_number(&mut header[124..136], size);
    put_number(&mut header[136..148], 0);
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar  \0");
    let sum = checksum(&header);
    put_number(&mut header[148..155], sum);
    header[155] = b' ';
    to.write_all(&header).map_err(|error| no_taker(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(folder: &Path) -> Vec<(String, String)> {
        let all = Packing::of(folder).unwrap();
        let mut all: Vec<_> = all
            .entries
            .iter()
            .map(|(path, name, metadata)| {
                let what = if metadata.is_symlink() {
                    format!("-> {}", fs::read_link(path).unwrap().display())
                } else if metadata.is_dir() {
                    format!("{:o}", metadata.mode())
                } else {
                    format!("{:o} {}", metadata.mode(), fs::read(path).unwrap().len())
                };
                (String::from_utf8_lossy(name).into_owned(), what)
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn folders_go_both_ways_through_gnu_tar() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to, back) = (folder.path().join("from"), folder.path().join("to"), folder.path().join("back"));
        let deep = from.join("a".repeat(90)).join("b".repeat(90));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), "x".repeat(700)).unwrap();
        fs::write(from.join(OsStr::from_bytes(b"\xff name")), "").unwrap();
        fs::write(from.join("run"), "#!").unwrap();
        fs::set_permissions(from.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("/nowhere/".repeat(20), from.join("long link")).unwrap();
        fs::create_dir(from.join("closed")).unwrap();
        fs::write(from.join("closed/in"), "in").unwrap();
        fs::set_permissions(from.join("closed"), fs::Permissions::from_mode(0o555)).unwrap();
        let mut stream = Vec::new();
        let (mut read, mut wrote) = (0, 0);
        let all = Packing::of(&from).unwrap();
        assert_eq!(all.write(&mut stream, &mut |bytes| read += bytes).unwrap(), 5);
        assert_eq!((read, all.bytes), (704, 704));
        fs::create_dir(&to).unwrap();
        let file = folder.path().join("tar");
        fs::write(&file, &stream).unwrap();
        let tar = |args: &[&str], folder: &Path| {
            let out = std::process::Command::new("tar").args(args).current_dir(folder).output().unwrap();
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            out.stdout
        };
        tar(&["-xpf", file.to_str().unwrap()], &to);
        assert_eq!(listing(&to), listing(&from));
        let stream = tar(&["--format=gnu", "-cf", "-", "."], &to);
        assert_eq!(unpack(&mut stream.as_slice(), &back, &mut |bytes| wrote += bytes).unwrap(), 5);
        assert_eq!((listing(&back), wrote), (listing(&from), 704));
        // once more, in place of what is there
        fs::set_permissions(back.join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(unpack(&mut stream.as_slice(), &back, &mut |_| ()).unwrap(), 5);
        assert_eq!(listing(&back), listing(&from));
        let short = unpack(&mut &stream[..1500], &back, &mut |_| ()).unwrap_err();
        assert_eq!(short.kind, ErrorKind::Lost);
    }

    #[test]
    fn no_name_leads_out_and_none_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).unwrap();
        let end = [0; 2 * BLOCK];
        for (index, name) in ["../x", "/x", "a/../../x", "link/x", ""].into_iter().enumerate() {
            let mut stream = Vec::new();
            header(&mut stream, b'2', b"link", outside.to_str().unwrap().as_bytes(), 0o777, 0).unwrap();
            header(&mut stream, b'0', name.as_bytes(), b"", 0o644, 0).unwrap();
            stream.extend_from_slice(&end);
            let to = folder.path().join(format!("to{index}/in"));
            let done = unpack(&mut stream.as_slice(), &to, &mut |_| ());
            if name.is_empty() {
                assert_eq!(done.unwrap(), 1);
            } else {
                assert_eq!(done.unwrap_err().kind, ErrorKind::Protocol, "{name}");
            }
            assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{name}");
        }
        // a link is replaced, not written through
        let to = folder.path().join("to");
        fs::create_dir(&to).unwrap();
        std::os::unix::fs::symlink(outside.join("x"), to.join("x")).unwrap();
        let mut stream = Vec::new();
        header(&mut stream, b'0', b"./x", b"", 0o644, 0).unwrap();
        stream.extend_from_slice(&end);
        unpack(&mut stream.as_slice(), &to, &mut |_| ()).unwrap();
        assert!(fs::symlink_metadata(to.join("x")).unwrap().is_file());
        assert!(!outside.join("x").exists());
    }

    #[test]
    fn numbers_beyond_the_octal_digits_are_carried() {
        for value in [0, 0o644, 8 << 30, (8 << 30) - 1, u64::MAX] {
            let mut field = [0; 12];
            put_number(&mut field, value);
            assert_eq!(number(&field), Some(value));
        }
    }
}
