//! Reading requests and writing replies, byte by byte as the draft lays them out.

use nix::errno::Errno;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;

pub(super) const INIT: u8 = 1;
pub(super) const VERSION: u8 = 2;
pub(super) const OPEN: u8 = 3;
pub(super) const CLOSE: u8 = 4;
pub(super) const READ: u8 = 5;
pub(super) const WRITE: u8 = 6;
pub(super) const LSTAT: u8 = 7;
pub(super) const FSTAT: u8 = 8;
pub(super) const SETSTAT: u8 = 9;
pub(super) const FSETSTAT: u8 = 10;
pub(super) const OPENDIR: u8 = 11;
pub(super) const READDIR: u8 = 12;
pub(super) const REMOVE: u8 = 13;
pub(super) const MKDIR: u8 = 14;
pub(super) const RMDIR: u8 = 15;
pub(super) const REALPATH: u8 = 16;
pub(super) const STAT: u8 = 17;
pub(super) const RENAME: u8 = 18;
pub(super) const READLINK: u8 = 19;
pub(super) const SYMLINK: u8 = 20;
pub(super) const EXTENDED: u8 = 200;
pub(super) const STATUS: u8 = 101;
pub(super) const HANDLE: u8 = 102;
pub(super) const DATA: u8 = 103;
pub(super) const NAME: u8 = 104;
pub(super) const ATTRS: u8 = 105;
pub(super) const EXTENDED_REPLY: u8 = 201;

/// Status codes of version 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Ok = 0,
    Eof = 1,
    NoSuchFile = 2,
    PermissionDenied = 3,
    Failure = 4,
    BadMessage = 5,
    Unsupported = 8,
}

/// Why a request fails, in the client's terms.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) text: String,
}

impl Refusal {
    pub(super) fn new(code: Code, text: &str) -> Self {
        Self { code, text: text.to_owned() }
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        let code = match errno {
            Errno::ENOENT | Errno::ENOTDIR | Errno::EBADF | Errno::ELOOP => Code::NoSuchFile,
            Errno::EPERM | Errno::EACCES | Errno::EROFS => Code::PermissionDenied,
            Errno::ENAMETOOLONG | Errno::EINVAL => Code::BadMessage,
            Errno::ENOSYS | Errno::EOPNOTSUPP => Code::Unsupported,
            _ => Code::Failure,
        };
        Self::new(code, errno.desc())
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(raw) => Errno::from_raw(raw).into(),
            None => Self::new(Code::Failure, &error.to_string()),
        }
    }
}

/// What is left of a request.
pub(super) struct Request<'a>(pub(super) &'a [u8]);

impl<'a> Request<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Refusal> {
        let (head, rest) = self
            .0
            .split_at_checked(count)
            .ok_or_else(|| Refusal::new(Code::BadMessage, "the request is cut short"))?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Refusal> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Refusal> {
        Ok(u64::from(self.u32()?) << 32 | u64::from(self.u32()?))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Refusal> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    pub(super) fn name(&mut self) -> Result<&'a OsStr, Refusal> {
        let bytes = self.bytes()?;
        if bytes.contains(&0) {
            return Err(Refusal::new(Code::BadMessage, "a name holds a null byte"));
        }
        Ok(OsStr::from_bytes(bytes))
    }
}

/// A reply; its length is filled in at the end.
pub(super) struct Reply(Vec<u8>);

impl Reply {
    pub(super) fn new(kind: u8, id: u32) -> Self {
        Self(Vec::with_capacity(256)).byte(0, 4).byte(kind, 1).u32(id)
    }

    /// Without a request id, as the version packet alone is.
    pub(super) fn bare(kind: u8) -> Self {
        Self(Vec::with_capacity(512)).byte(0, 4).byte(kind, 1)
    }

    fn byte(mut self, byte: u8, times: usize) -> Self {
        self.0.resize(self.0.len() + times, byte);
        self
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(super) fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn status(id: u32, refusal: &Refusal) -> Self {
        Self::new(STATUS, id).u32(refusal.code as u32).bytes(refusal.text.as_bytes()).bytes(b"en")
    }

    pub(super) fn ok(id: u32) -> Self {
        Self::status(id, &Refusal::new(Code::Ok, "Success"))
    }

    /// A data reply that `fill` writes at most `room` bytes into, straight where they are sent from.
    pub(super) fn data(
        id: u32,
        room: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, Refusal>,
    ) -> Result<Self, Refusal> {
        let mut reply = Self(Vec::with_capacity(room + 13)).byte(0, 4).byte(DATA, 1).u32(id).u32(0).byte(0, room);
        let count = fill(&mut reply.0[13..])?;
        reply.0.truncate(13 + count);
        reply.0[9..13].copy_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
        Ok(reply)
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len() - 4).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0
    }
}
