//! SFTP version 3 (draft-ietf-secsh-filexfer-02) as bytes: requests, replies, attributes. Pure. Of our own, since
//! russh-sftp's client keeps names and handles as text: a name that is not UTF-8 is lost in it, and so is each of
//! OpenSSH's handles from the 128th on.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Packet types of requests.
pub(crate) mod kind {
    pub(crate) const INIT: u8 = 1;
    pub(crate) const OPEN: u8 = 3;
    pub(crate) const CLOSE: u8 = 4;
    pub(crate) const READ: u8 = 5;
    pub(crate) const WRITE: u8 = 6;
    pub(crate) const LSTAT: u8 = 7;
    pub(crate) const FSTAT: u8 = 8;
    pub(crate) const SETSTAT: u8 = 9;
    pub(crate) const FSETSTAT: u8 = 10;
    pub(crate) const OPENDIR: u8 = 11;
    pub(crate) const READDIR: u8 = 12;
    pub(crate) const REMOVE: u8 = 13;
    pub(crate) const MKDIR: u8 = 14;
    pub(crate) const STAT: u8 = 17;
    pub(crate) const RENAME: u8 = 18;
    pub(crate) const READLINK: u8 = 19;
    pub(crate) const SYMLINK: u8 = 20;
    pub(crate) const EXTENDED: u8 = 200;
}

/// Flags of `OPEN`.
pub(crate) mod open {
    pub(crate) const READ: u32 = 1;
    pub(crate) const WRITE: u32 = 2;
    pub(crate) const CREATE: u32 = 8;
    pub(crate) const TRUNCATE: u32 = 16;
    pub(crate) const EXCLUSIVE: u32 = 32;
}

/// What a machine says of a file; what it does not say is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Attrs {
    pub(crate) size: Option<u64>,
    /// File type and permission bits, as in `st_mode`.
    pub(crate) mode: Option<u32>,
    pub(crate) mtime: Option<u32>,
}

/// What kind of thing a mode names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Folder,
    File,
    Link,
    Other,
}

impl Attrs {
    /// Only permission bits.
    pub(crate) fn mode(mode: u32) -> Self {
        Self { mode: Some(mode & 0o7777), ..Self::default() }
    }

    pub(crate) fn kind(&self) -> FileKind {
        match self.mode.map(|mode| mode & 0o170_000) {
            Some(0o040_000) => FileKind::Folder,
            Some(0o120_000) => FileKind::Link,
            Some(0o100_000) => FileKind::File,
            _ => FileKind::Other,
        }
    }
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Bytes,
    pub(crate) attrs: Attrs,
}

/// Status codes we tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Ok,
    Eof,
    NoSuchFile,
    Denied,
    Unsupported,
    Failure,
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Version { extensions: Vec<(Bytes, Bytes)> },
    Status { code: Code, text: String },
    Handle(Bytes),
    Data(Bytes),
    Names(Vec<Entry>),
    Attrs(Attrs),
    Extended(Bytes),
}

/// A request being put together.
#[derive(Debug)]
pub(crate) struct Request(BytesMut);

impl Request {
    /// Room for the length, the type, and the id.
    pub(crate) fn new(kind: u8, id: u32) -> Self {
        let mut bytes = BytesMut::with_capacity(64);
        bytes.put_u32(0);
        bytes.put_u8(kind);
        bytes.put_u32(id);
        Self(bytes)
    }

    pub(crate) fn number(mut self, number: u32) -> Self {
        self.0.put_u32(number);
        self
    }

    pub(crate) fn long(mut self, number: u64) -> Self {
        self.0.put_u64(number);
        self
    }

    pub(crate) fn string(mut self, bytes: &[u8]) -> Self {
        self.0.reserve(bytes.len() + 4);
        self.0.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.0.put_slice(bytes);
        self
    }

    /// Only what can be set without side effects: size is never sent.
    pub(crate) fn attrs(mut self, attrs: &Attrs) -> Self {
        self.0.put_u32(if attrs.mode.is_some() { 4 } else { 0 });
        if let Some(mode) = attrs.mode {
            self.0.put_u32(mode);
        }
        self
    }

    pub(crate) fn finish(mut self) -> Bytes {
        let length = u32::try_from(self.0.len() - 4).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0.freeze()
    }
}

/// A packet that makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Garbled;

fn number(bytes: &mut Bytes) -> Result<u32, Garbled> {
    bytes.try_get_u32().map_err(|_| Garbled)
}

fn long(bytes: &mut Bytes) -> Result<u64, Garbled> {
    bytes.try_get_u64().map_err(|_| Garbled)
}

fn string(bytes: &mut Bytes) -> Result<Bytes, Garbled> {
    let length = number(bytes)? as usize;
    if length > bytes.len() { Err(Garbled) } else { Ok(bytes.split_to(length)) }
}

fn attrs(bytes: &mut Bytes) -> Result<Attrs, Garbled> {
    let flags = number(bytes)?;
    let mut attrs = Attrs::default();
    if flags & 1 != 0 {
        attrs.size = Some(long(bytes)?);
    }
    if flags & 2 != 0 {
        long(bytes)?;
    }
    if flags & 4 != 0 {
        attrs.mode = Some(number(bytes)?);
    }
    if flags & 8 != 0 {
        number(bytes)?;
        attrs.mtime = Some(number(bytes)?);
    }
    if flags & 0x8000_0000 != 0 {
        for _ in 0..number(bytes)? {
            string(bytes)?;
            string(bytes)?;
        }
    }
    Ok(attrs)
}

/// Reads a packet without its length: the id it answers (0 for the version), and what it says.
pub(crate) fn reply(mut bytes: Bytes) -> Result<(u32, Reply), Garbled> {
    let bytes = &mut bytes;
    let kind = bytes.try_get_u8().map_err(|_| Garbled)?;
    let id = number(bytes)?;
    let reply = match kind {
        2 => {
            let mut extensions = Vec::new();
            while bytes.has_remaining() {
                extensions.push((string(bytes)?, string(bytes)?));
            }
            return Ok((0, Reply::Version { extensions }));
        }
        101 => {
            let code = match number(bytes)? {
                0 => Code::Ok,
                1 => Code::Eof,
                2 => Code::NoSuchFile,
                3 => Code::Denied,
                8 => Code::Unsupported,
                _ => Code::Failure,
            };
            // Early servers leave the text out.
            let text = string(bytes).unwrap_or_default();
            Reply::Status { code, text: String::from_utf8_lossy(&text).into_owned() }
        }
        102 => Reply::Handle(string(bytes)?),
        103 => Reply::Data(string(bytes)?),
        104 => {
            let count = number(bytes)?;
            let mut entries = Vec::new();
            for _ in 0..count {
                let name = string(bytes)?;
                string(bytes)?;
                entries.push(Entry { name, attrs: attrs(bytes)? });
            }
            Reply::Names(entries)
        }
        105 => Reply::Attrs(attrs(bytes)?),
        201 => Reply::Extended(bytes.split_off(0)),
        _ => return Err(Garbled),
    };
    Ok((id, reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_laid_out_as_the_draft_says() {
        let open = Request::new(kind::OPEN, 7).string(b"/a").number(open::READ).attrs(&Attrs::mode(0o644)).finish();
        let expected = [0, 0, 0, 23, 3, 0, 0, 0, 7, 0, 0, 0, 2, b'/', b'a', 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 1, 0o244];
        assert_eq!(&open[..], &expected);
    }

    #[test]
    fn replies_keep_bytes_that_are_no_text() {
        let mut packet = vec![104, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, b'x', 0, 0, 0, 0];
        packet.extend([0, 0, 0, 0x0d, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0x81, 0xa4, 0, 0, 0, 1, 0, 0, 0, 2]);
        let (id, read) = reply(packet.clone().into()).unwrap();
        assert_eq!(id, 9);
        let Reply::Names(entries) = read else { panic!("{read:?}") };
        assert_eq!(&entries[0].name[..], b"\xffx");
        assert_eq!(entries[0].attrs, Attrs { size: Some(5), mode: Some(0o100_644), mtime: Some(2) });
        assert_eq!(entries[0].attrs.kind(), FileKind::File);
        for cut in 0..packet.len() {
            assert_eq!(reply(packet[..cut].to_vec().into()), Err(Garbled), "{cut}");
        }
        let (_, handle) = reply(vec![102, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0x80].into()).unwrap();
        assert_eq!(handle, Reply::Handle(Bytes::from_static(&[0, 0, 0, 0x80])));
    }
}
