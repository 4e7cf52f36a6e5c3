//! What each request does to the file system.

use super::attrs::{self, Wanted};
use super::wire::{self, Code, Refusal, Reply, Request};
use nix::fcntl::OFlag;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, ReadDir};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

/// Bytes in one read or write, what OpenSSH tells its clients too.
const MAX_DATA: u32 = (256 << 10) - 1024;
/// Files and folders open at a time.
const MAX_HANDLES: usize = 1000;
/// Names in one answer about a folder.
const NAMES: usize = 128;

const EXTENSIONS: [(&str, &str); 8] = [
    ("posix-rename@openssh.com", "1"),
    ("statvfs@openssh.com", "2"),
    ("fstatvfs@openssh.com", "2"),
    ("hardlink@openssh.com", "1"),
    ("fsync@openssh.com", "1"),
    ("lsetstat@openssh.com", "1"),
    ("limits@openssh.com", "1"),
    ("expand-path@openssh.com", "1"),
];

enum Handle {
    File { file: File, append: bool },
    Folder { path: PathBuf, entries: ReadDir },
}

/// One client's view: where relative names start, and what it has open.
pub(super) struct Files {
    home: PathBuf,
    handles: HashMap<u32, Handle>,
    next: u32,
}

type Answer = Result<Reply, Refusal>;

impl Files {
    pub(super) fn new(home: &Path) -> Self {
        Self { home: home.to_owned(), handles: HashMap::new(), next: 0 }
    }

    /// The reply to one packet, ready to send. Fails only where no reply is possible.
    pub(super) fn reply(&mut self, packet: &[u8]) -> io::Result<Vec<u8>> {
        let Some((&kind, rest)) = packet.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an empty packet"));
        };
        if kind == wire::INIT {
            let version = Reply::bare(wire::VERSION).u32(3);
            let names = EXTENSIONS.iter();
            return Ok(names.fold(version, |r, (name, n)| r.bytes(name.as_bytes()).bytes(n.as_bytes())).finish());
        }
        let mut request = Request(rest);
        let id = request.u32().map_err(|refusal| io::Error::new(io::ErrorKind::InvalidData, refusal.text))?;
        let answer = self.answer(kind, id, &mut request);
        Ok(answer.unwrap_or_else(|refusal| Reply::status(id, &refusal)).finish())
    }

    fn answer(&mut self, kind: u8, id: u32, request: &mut Request<'_>) -> Answer {
        match kind {
            wire::READ => self.read(id, request),
            wire::WRITE => self.write(id, request),
            wire::OPEN => self.open(id, request),
            wire::CLOSE => {
                let handle = handle_number(request)?;
                self.handles.remove(&handle).ok_or_else(no_handle)?;
                Ok(Reply::ok(id))
            }
            wire::STAT => {
                let metadata = fs::metadata(self.path(request)?)?;
                Ok(attrs::write(Reply::new(wire::ATTRS, id), &metadata))
            }
            wire::LSTAT => {
                let metadata = fs::symlink_metadata(self.path(request)?)?;
                Ok(attrs::write(Reply::new(wire::ATTRS, id), &metadata))
            }
            wire::FSTAT => {
                let metadata = match self.handle(request)? {
                    Handle::File { file, .. } => file.metadata()?,
                    Handle::Folder { path, .. } => fs::metadata(path)?,
                };
                Ok(attrs::write(Reply::new(wire::ATTRS, id), &metadata))
            }
            wire::SETSTAT => {
                let path = self.path(request)?;
                Wanted::read(request)?.apply_to_path(&path)?;
                Ok(Reply::ok(id))
            }
            wire::FSETSTAT => {
                match self.handle(request)? {
                    Handle::File { file, .. } => Wanted::read(request)?.apply_to_file(file)?,
                    Handle::Folder { path, .. } => Wanted::read(request)?.apply_to_path(path)?,
                }
                Ok(Reply::ok(id))
            }
            wire::OPENDIR => {
                let path = self.path(request)?;
                let entries = fs::read_dir(&path)?;
                self.keep(id, Handle::Folder { path, entries })
            }
            wire::READDIR => self.names(id, request),
            wire::REMOVE => {
                let path = self.path(request)?;
                if fs::symlink_metadata(&path)?.is_dir() {
                    return Err(Refusal::new(Code::Failure, "Is a directory"));
                }
                fs::remove_file(path)?;
                Ok(Reply::ok(id))
            }
            wire::MKDIR => {
                let path = self.path(request)?;
                nix::unistd::mkdir(&path, Wanted::read(request)?.mode_or(0o777))?;
                Ok(Reply::ok(id))
            }
            wire::RMDIR => {
                fs::remove_dir(self.path(request)?)?;
                Ok(Reply::ok(id))
            }
            wire::REALPATH => {
                let path = self.path(request)?;
                Ok(one_name(id, real_path(&path)?.as_os_str()))
            }
            wire::RENAME => {
                let (from, to) = (self.path(request)?, self.path(request)?);
                rename_new(&from, &to)?;
                Ok(Reply::ok(id))
            }
            wire::READLINK => {
                let target = fs::read_link(self.path(request)?)?;
                Ok(one_name(id, target.as_os_str()))
            }
            wire::SYMLINK => {
                // OpenSSH's order, target first; the draft's is the other one and nobody follows it.
                let target = request.name()?;
                let link = self.path(request)?;
                std::os::unix::fs::symlink(target, link)?;
                Ok(Reply::ok(id))
            }
            wire::EXTENDED => self.extended(id, request),
            _ => Err(Refusal::new(Code::Unsupported, "Operation unsupported")),
        }
    }

    fn extended(&mut self, id: u32, request: &mut Request<'_>) -> Answer {
        match request.bytes()? {
            b"posix-rename@openssh.com" => {
                let (from, to) = (self.path(request)?, self.path(request)?);
                fs::rename(from, to)?;
                Ok(Reply::ok(id))
            }
            b"hardlink@openssh.com" => {
                let (from, to) = (self.path(request)?, self.path(request)?);
                fs::hard_link(from, to)?;
                Ok(Reply::ok(id))
            }
            b"fsync@openssh.com" => match self.handle(request)? {
                Handle::File { file, .. } => {
                    file.sync_all()?;
                    Ok(Reply::ok(id))
                }
                Handle::Folder { .. } => Err(no_handle()),
            },
            b"lsetstat@openssh.com" => {
                let path = self.path(request)?;
                Wanted::read(request)?.apply_to_link(&path)?;
                Ok(Reply::ok(id))
            }
            b"limits@openssh.com" => Ok(Reply::new(wire::EXTENDED_REPLY, id)
                .u64(256 << 10)
                .u64(u64::from(MAX_DATA))
                .u64(u64::from(MAX_DATA))
                .u64(MAX_HANDLES as u64)),
            b"expand-path@openssh.com" => {
                let name = request.name()?;
                let path = match name.as_bytes() {
                    b"~" => self.home.clone(),
                    [b'~', b'/', rest @ ..] => self.home.join(OsStr::from_bytes(rest)),
                    _ => self.home.join(name),
                };
                Ok(one_name(id, real_path(&path)?.as_os_str()))
            }
            b"statvfs@openssh.com" => Ok(space(id, &nix::sys::statvfs::statvfs(&self.path(request)?)?)),
            b"fstatvfs@openssh.com" => match self.handle(request)? {
                Handle::File { file, .. } => Ok(space(id, &nix::sys::statvfs::fstatvfs(file)?)),
                Handle::Folder { path, .. } => Ok(space(id, &nix::sys::statvfs::statvfs(path)?)),
            },
            _ => Err(Refusal::new(Code::Unsupported, "Operation unsupported")),
        }
    }

    fn open(&mut self, id: u32, request: &mut Request<'_>) -> Answer {
        let path = self.path(request)?;
        let wanted = request.u32()?;
        let has = |flag| wanted & flag != 0;
        let mut flags = OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        flags |= match (has(1), has(2)) {
            (true, true) => OFlag::O_RDWR,
            (false, true) => OFlag::O_WRONLY,
            _ => OFlag::O_RDONLY,
        };
        for (bit, flag) in [(4, OFlag::O_APPEND), (8, OFlag::O_CREAT), (16, OFlag::O_TRUNC), (32, OFlag::O_EXCL)] {
            flags.set(flag, has(bit));
        }
        let mode = Wanted::read(request)?.mode_or(0o666);
        let file = File::from(nix::fcntl::open(&path, flags, mode)?);
        self.keep(id, Handle::File { file, append: has(4) })
    }

    fn read(&mut self, id: u32, request: &mut Request<'_>) -> Answer {
        let Handle::File { file, .. } = self.handle(request)? else { return Err(no_handle()) };
        let (offset, room) = (request.u64()?, request.u32()?.min(MAX_DATA) as usize);
        Reply::data(id, room, |buffer| {
            let mut count = 0;
            while count < buffer.len() {
                match file.read_at(&mut buffer[count..], offset + count as u64) {
                    Ok(0) => break,
                    Ok(more) => count += more,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) if count > 0 => break,
                    Err(error) => return Err(error.into()),
                }
            }
            if count == 0 && !buffer.is_empty() {
                return Err(Refusal::new(Code::Eof, "End of file"));
            }
            Ok(count)
        })
    }

    fn write(&mut self, id: u32, request: &mut Request<'_>) -> Answer {
        let Handle::File { file, append } = self.handle(request)? else { return Err(no_handle()) };
        let (offset, data) = (request.u64()?, request.bytes()?);
        if *append {
            io::Write::write_all(&mut &*file, data)?;
        } else {
            file.write_all_at(data, offset)?;
        }
        Ok(Reply::ok(id))
    }

    fn names(&mut self, id: u32, request: &mut Request<'_>) -> Answer {
        let Handle::Folder { entries, .. } = self.handle(request)? else { return Err(no_handle()) };
        let mut found = Vec::with_capacity(NAMES);
        for entry in entries.take(NAMES) {
            let entry = entry?;
            // One that went away in between is no longer a name of this folder.
            if let Ok(metadata) = entry.metadata() {
                found.push((entry.file_name(), metadata));
            } else {
                tracing::trace!("a file went away while its folder was listed");
            }
        }
        if found.is_empty() {
            return Err(Refusal::new(Code::Eof, "End of file"));
        }
        let count = u32::try_from(found.len()).unwrap_or(0);
        Ok(found.iter().fold(Reply::new(wire::NAME, id).u32(count), |reply, (name, metadata)| {
            let long = attrs::long_name(name.as_bytes(), metadata);
            attrs::write(reply.bytes(name.as_bytes()).bytes(&long), metadata)
        }))
    }

    fn keep(&mut self, id: u32, handle: Handle) -> Answer {
        if self.handles.len() >= MAX_HANDLES {
            return Err(Refusal::new(Code::Failure, "Too many open files"));
        }
        while self.handles.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.handles.insert(number, handle);
        Ok(Reply::new(wire::HANDLE, id).bytes(&number.to_be_bytes()))
    }

    fn handle(&mut self, request: &mut Request<'_>) -> Result<&mut Handle, Refusal> {
        let number = handle_number(request)?;
        self.handles.get_mut(&number).ok_or_else(no_handle)
    }

    fn path(&self, request: &mut Request<'_>) -> Result<PathBuf, Refusal> {
        Ok(self.home.join(request.name()?))
    }
}

fn no_handle() -> Refusal {
    Refusal::new(Code::Failure, "Invalid handle")
}

fn handle_number(request: &mut Request<'_>) -> Result<u32, Refusal> {
    let bytes: [u8; 4] = request.bytes()?.try_into().map_err(|_| no_handle())?;
    Ok(u32::from_be_bytes(bytes))
}

fn one_name(id: u32, name: &OsStr) -> Reply {
    let reply = Reply::new(wire::NAME, id).u32(1).bytes(name.as_bytes()).bytes(name.as_bytes());
    attrs::write_none(reply)
}

/// A rename that never replaces anything, as version 3 has it.
fn rename_new(from: &Path, to: &Path) -> Result<(), Refusal> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use nix::errno::Errno;
        use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
        match renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE) {
            Err(Errno::EINVAL | Errno::ENOSYS) => {}
            done => return Ok(done?),
        }
    }
    if fs::symlink_metadata(to).is_ok() {
        return Err(Refusal::new(Code::Failure, "File exists"));
    }
    Ok(fs::rename(from, to)?)
}

/// The absolute path with links resolved; its last part need not exist.
fn real_path(path: &Path) -> Result<PathBuf, Refusal> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return Ok(found?),
    }
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    let (Some(parent), Some(name)) = (plain.parent(), plain.file_name()) else { return Ok(plain) };
    Ok(parent.canonicalize()?.join(name))
}

fn space(id: u32, of: &nix::sys::statvfs::Statvfs) -> Reply {
    Reply::new(wire::EXTENDED_REPLY, id)
        .u64(of.block_size())
        .u64(of.fragment_size())
        .u64(of.blocks())
        .u64(of.blocks_free())
        .u64(of.blocks_available())
        .u64(of.files())
        .u64(of.files_free())
        .u64(of.files_available())
        .u64(of.filesystem_id())
        .u64(u64::from(of.flags().contains(nix::sys::statvfs::FsFlags::ST_RDONLY)))
        .u64(of.name_max())
}
