//! The output file as it stands: opened, grown, cut, replaced, gone.

use super::index::Index;
use super::protocol::FileState;
use super::scan::Bytes;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;

impl Bytes for File {
    fn read(&self, at: u64, to: &mut [u8]) -> io::Result<usize> {
        let mut got = 0;
        while got < to.len() {
            match self.read_at(&mut to[got..], at + got as u64) {
                Ok(0) => break,
                Ok(read) => got += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(got)
    }
}

/// The file, with its index.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    opened: Option<(File, (u64, u64))>,
    /// Its bytes when it was last looked at.
    pub(super) size: u64,
    /// Its index.
    pub(super) index: Index,
    /// Rises when what was read before means nothing any more.
    pub(super) generation: u32,
    /// Whether it can be read.
    pub(super) state: FileState,
}

impl Tail {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, opened: None, size: 0, index: Index::default(), generation: 0, state: FileState::Missing }
    }

    /// The open file.
    pub(super) fn file(&self) -> Option<&File> {
        self.opened.as_ref().map(|(file, _)| file)
    }

    /// Looks at the file; tells whether anything is different.
    pub(super) fn look(&mut self) -> bool {
        let before = (self.size, self.generation, self.state.clone());
        self.state = match self.see() {
            Ok(()) => FileState::Here,
            // what was open is read on, if only what is there
            Err(error) if error.kind() == io::ErrorKind::NotFound => FileState::Missing,
            Err(error) => FileState::Unreadable(error.to_string()),
        };
        before != (self.size, self.generation, self.state.clone())
    }

    fn see(&mut self) -> io::Result<()> {
        let mut metadata = std::fs::metadata(&self.path)?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let identity = (metadata.dev(), metadata.ino());
        if self.opened.as_ref().is_none_or(|(_, known)| *known != identity) {
            let file = File::open(&self.path)?;
            metadata = file.metadata()?;
            let again = self.opened.replace((file, (metadata.dev(), metadata.ino()))).is_some();
            self.anew(again);
        } else if metadata.len() < self.size {
            self.anew(true);
        }
        self.size = metadata.len();
        Ok(())
    }

    fn anew(&mut self, again: bool) {
        self.index = Index::default();
        self.size = 0;
        self.generation = self.generation.wrapping_add(u32::from(again));
    }

    /// Reads on for the index, about `slice` bytes through the buffer; gives whether all is in it.
    pub(super) fn grow(&mut self, slice: u64, buffer: &mut [u8]) -> io::Result<bool> {
        let Some((file, _)) = &self.opened else { return Ok(true) };
        let end = self.size.min(self.index.bytes() + slice);
        while self.index.bytes() < end {
            let room = usize::try_from(end - self.index.bytes()).unwrap_or(usize::MAX).min(buffer.len());
            let got = Bytes::read(file, self.index.bytes(), &mut buffer[..room])?;
            if got == 0 {
                // cut since it was looked at: the next look sees it
                return Ok(true);
            }
            self.index.grow(&buffer[..got]);
        }
        Ok(self.index.bytes() >= self.size)
    }
}
