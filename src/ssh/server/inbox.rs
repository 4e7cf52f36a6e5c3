//! What a client sends to one channel, until the command reads it.
//!
//! russh grants window as data arrives, and while one channel's reader lets it wait, no other channel of the
//! connection moves, nor does the window of that channel's own output: a command like `cat` would then stand still for
//! ever. So data is always taken at once: the first few MiB stay in memory, the rest goes to a nameless file.

use bytes::Bytes;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What is kept in memory for one channel.
const IN_MEMORY: usize = 4 << 20;
/// How much is read back from the file at a time.
const PIECE: usize = 256 << 10;

/// A queue of bytes with one reader.
pub(super) struct Inbox {
    state: Mutex<State>,
    arrived: Notify,
    scratch: PathBuf,
}

#[derive(Default)]
struct State {
    memory: VecDeque<Bytes>,
    held: usize,
    overflow: Option<Overflow>,
    ended: bool,
    unwanted: bool,
}

/// What a look into the queue yields.
enum Taken {
    Piece(Bytes),
    /// Not now.
    Nothing,
    End,
}

struct Overflow {
    file: File,
    read: u64,
    written: u64,
}

impl Inbox {
    pub(super) fn new(scratch: &Path) -> Self {
        Self { state: Mutex::default(), arrived: Notify::new(), scratch: scratch.to_owned() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes data; fails only when it neither fits in memory nor on the disk.
    pub(super) fn push(&self, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.unwanted || state.ended || data.is_empty() {
            return Ok(());
        }
        if state.overflow.is_none() && state.held + data.len() <= IN_MEMORY {
            state.held += data.len();
            state.memory.push_back(Bytes::copy_from_slice(data));
        } else {
            if state.overflow.is_none() {
                state.overflow = Some(Overflow { file: nameless(&self.scratch)?, read: 0, written: 0 });
            }
            if let Some(overflow) = &mut state.overflow {
                overflow.file.write_all_at(data, overflow.written)?;
                overflow.written += data.len() as u64;
            }
        }
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// No more will come.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.arrived.notify_one();
    }

    /// Nobody reads any more: what is here and what comes is dropped.
    pub(super) fn discard(&self) {
        let mut state = self.state();
        *state = State { unwanted: true, ended: state.ended, ..State::default() };
    }

    /// The next piece, or `None` at the end. Cancel-safe.
    pub(super) async fn next(&self) -> io::Result<Option<Bytes>> {
        loop {
            let arrived = self.arrived.notified();
            match self.take()? {
                Taken::Piece(bytes) => return Ok(Some(bytes)),
                Taken::End => return Ok(None),
                Taken::Nothing => arrived.await,
            }
        }
    }

    fn take(&self) -> io::Result<Taken> {
        let mut state = self.state();
        if let Some(bytes) = state.memory.pop_front() {
            state.held -= bytes.len();
            return Ok(Taken::Piece(bytes));
        }
        if let Some(overflow) = &mut state.overflow {
            let left = usize::try_from(overflow.written - overflow.read).unwrap_or(PIECE);
            let mut piece = vec![0; left.min(PIECE)];
            overflow.file.read_exact_at(&mut piece, overflow.read)?;
            overflow.read += piece.len() as u64;
            if overflow.read == overflow.written {
                state.overflow = None;
            }
            return Ok(Taken::Piece(piece.into()));
        }
        Ok(if state.ended || state.unwanted { Taken::End } else { Taken::Nothing })
    }
}

fn nameless(folder: &Path) -> io::Result<File> {
    let path = folder.join(format!(".input-{:016x}", rand::random::<u64>()));
    let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_in_memory_keeps_its_order_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::new(folder.path());
        let mut sent = Vec::new();
        let mut seen = Vec::new();
        for round in 0..400_u32 {
            let data: Vec<u8> = (0..32_768_u32).map(|at| (at.wrapping_mul(31) ^ round).to_le_bytes()[0]).collect();
            inbox.push(&data).unwrap();
            sent.extend_from_slice(&data);
            if round % 3 == 0 {
                seen.extend_from_slice(&inbox.next().await.unwrap().unwrap());
            }
        }
        assert!(inbox.state().overflow.is_some(), "12 MB must not stay in memory");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        inbox.end();
        while let Some(bytes) = inbox.next().await.unwrap() {
            seen.extend_from_slice(&bytes);
        }
        assert!(sent == seen);
    }

    #[tokio::test]
    async fn nothing_is_kept_for_a_reader_that_left() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::new(folder.path());
        inbox.push(b"a").unwrap();
        inbox.discard();
        inbox.push(b"b").unwrap();
        assert!(inbox.next().await.unwrap().is_none());
    }
}
