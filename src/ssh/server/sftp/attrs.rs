//! Attributes of files: as clients send them, as they are applied, as they are shown.

use super::wire::{Refusal, Reply, Request};
use nix::sys::stat::{Mode, UtimensatFlags};
use nix::sys::time::TimeSpec;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const SIZE: u32 = 1;
const OWNER: u32 = 2;
const PERMISSIONS: u32 = 4;
const TIMES: u32 = 8;
const EXTENDED: u32 = 0x8000_0000;

/// What a client wants set.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) size: Option<u64>,
    pub(super) owner: Option<(u32, u32)>,
    pub(super) mode: Option<u32>,
    /// Access and modification, seconds since 1970.
    pub(super) times: Option<(u32, u32)>,
}

impl Wanted {
    pub(super) fn read(request: &mut Request<'_>) -> Result<Self, Refusal> {
        let flags = request.u32()?;
        let has = |flag| flags & flag != 0;
        let size = has(SIZE).then(|| request.u64()).transpose()?;
        let owner = if has(OWNER) { Some((request.u32()?, request.u32()?)) } else { None };
        let mode = has(PERMISSIONS).then(|| request.u32()).transpose()?.map(|mode| mode & 0o7777);
        let times = if has(TIMES) { Some((request.u32()?, request.u32()?)) } else { None };
        if has(EXTENDED) {
            for _ in 0..request.u32()? {
                request.bytes()?;
                request.bytes()?;
            }
        }
        Ok(Self { size, owner, mode, times })
    }

    /// The mode for something new.
    pub(super) fn mode_or(&self, usual: u32) -> Mode {
        Mode::from_bits_truncate(self.mode.unwrap_or(usual))
    }

    fn times(times: (u32, u32)) -> (TimeSpec, TimeSpec) {
        (TimeSpec::new(times.0.into(), 0), TimeSpec::new(times.1.into(), 0))
    }

    pub(super) fn apply_to_path(&self, path: &Path) -> Result<(), Refusal> {
        use nix::fcntl::AT_FDCWD;
        if let Some(size) = self.size {
            nix::unistd::truncate(path, i64::try_from(size).unwrap_or(i64::MAX))?;
        }
        if let Some(mode) = self.mode {
            let mode = Mode::from_bits_truncate(mode);
            nix::sys::stat::fchmodat(AT_FDCWD, path, mode, nix::sys::stat::FchmodatFlags::FollowSymlink)?;
        }
        if let Some(times) = self.times {
            let (access, change) = Self::times(times);
            nix::sys::stat::utimensat(AT_FDCWD, path, &access, &change, UtimensatFlags::FollowSymlink)?;
        }
        if let Some((user, group)) = self.owner {
            nix::unistd::chown(path, Some(user.into()), Some(group.into()))?;
        }
        Ok(())
    }

    /// On a link itself, as far as links have attributes.
    pub(super) fn apply_to_link(&self, path: &Path) -> Result<(), Refusal> {
        if let Some(times) = self.times {
            let (access, change) = Self::times(times);
            let flags = UtimensatFlags::NoFollowSymlink;
            nix::sys::stat::utimensat(nix::fcntl::AT_FDCWD, path, &access, &change, flags)?;
        }
        if let Some((user, group)) = self.owner {
            std::os::unix::fs::lchown(path, Some(user), Some(group))?;
        }
        Ok(())
    }

    pub(super) fn apply_to_file(&self, file: &File) -> Result<(), Refusal> {
        if let Some(size) = self.size {
            file.set_len(size)?;
        }
        if let Some(mode) = self.mode {
            nix::sys::stat::fchmod(file, Mode::from_bits_truncate(mode))?;
        }
        if let Some(times) = self.times {
            let (access, change) = Self::times(times);
            nix::sys::stat::futimens(file, &access, &change)?;
        }
        if let Some((user, group)) = self.owner {
            std::os::unix::fs::fchown(file, Some(user), Some(group))?;
        }
        Ok(())
    }
}

fn seconds(time: i64) -> u32 {
    u32::try_from(time.max(0)).unwrap_or(u32::MAX)
}

/// Appends the attributes of a file.
pub(super) fn write(reply: Reply, metadata: &Metadata) -> Reply {
    reply
        .u32(SIZE | OWNER | PERMISSIONS | TIMES)
        .u64(metadata.size())
        .u32(metadata.uid())
        .u32(metadata.gid())
        .u32(metadata.mode())
        .u32(seconds(metadata.atime()))
        .u32(seconds(metadata.mtime()))
}

/// No attributes at all.
pub(super) fn write_none(reply: Reply) -> Reply {
    reply.u32(0)
}

/// A line as `ls -ln` prints it; numbers for owners, since names would need a look-up a file.
pub(super) fn long_name(name: &[u8], metadata: &Metadata) -> Vec<u8> {
    let when = jiff::Timestamp::new(metadata.mtime(), 0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let when = when.to_zoned(jiff::tz::TimeZone::system());
    let recent = (jiff::Timestamp::now().as_second() - metadata.mtime()).abs() < 15_552_000;
    let when = when.strftime(if recent { "%b %e %H:%M" } else { "%b %e  %Y" }).to_string();
    let mut line = format!(
        "{} {:3} {:<8} {:<8} {:8} {when} ",
        permissions(metadata.mode()),
        metadata.nlink(),
        metadata.uid(),
        metadata.gid(),
        metadata.size(),
    )
    .into_bytes();
    line.extend_from_slice(name);
    line
}

fn permissions(mode: u32) -> String {
    let kind = match mode & 0o170_000 {
        0o040_000 => 'd',
        0o120_000 => 'l',
        0o020_000 => 'c',
        0o060_000 => 'b',
        0o010_000 => 'p',
        0o140_000 => 's',
        _ => '-',
    };
    let mut text = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_read_as_ls_prints_them() {
        for (mode, text) in [
            (0o100_644, "-rw-r--r--"),
            (0o040_755, "drwxr-xr-x"),
            (0o120_777, "lrwxrwxrwx"),
            (0o104_755, "-rwsr-xr-x"),
            (0o041_777, "drwxrwxrwt"),
            (0o102_644, "-rw-r-Sr--"),
        ] {
            assert_eq!(permissions(mode), text);
        }
    }
}
