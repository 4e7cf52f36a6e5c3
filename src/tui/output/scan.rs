//! Lines out of bytes: where a line begins and ends, windows of lines. Reads a block at a time and keeps one; blocks that
//! the index knows to lie inside one long line are not read.

use super::index::{BLOCK, Index};
use super::protocol::{OutputLine, Window};
use super::text;
use std::io;

/// Bytes of a line that are shown.
const SHOWN: u64 = 8 << 10;
/// Bytes of the lines before and after the one asked for, as far as they are shown; the window ends where they are full.
const ROOM: u64 = 1 << 20;
/// Bytes read to find where a line begins or ends while the index does not know; beyond, the line counts as cut there.
const FAR: u64 = 32 << 20;

/// Bytes that can be read from any place.
pub(super) trait Bytes {
    /// Reads from a place on until the buffer is full or the bytes are at their end; gives how many there were.
    fn read(&self, at: u64, to: &mut [u8]) -> io::Result<usize>;
}

/// Reads lines out of the first `size` bytes.
pub(super) struct Scan<'a> {
    bytes: &'a dyn Bytes,
    index: &'a Index,
    size: u64,
    block: Option<u64>,
    held: Vec<u8>,
    far: u64,
}

impl<'a> Scan<'a> {
    pub(super) fn new(bytes: &'a dyn Bytes, index: &'a Index, size: u64) -> Self {
        Self { bytes, index, size, block: None, held: Vec::new(), far: 0 }
    }

    /// A block's bytes.
    fn block(&mut self, block: u64) -> io::Result<&[u8]> {
        if self.block != Some(block) {
            let room = BLOCK.min(self.size.saturating_sub(block * BLOCK));
            self.held.resize(usize::try_from(room).unwrap_or(0), 0);
            self.block = None;
            let got = self.bytes.read(block * BLOCK, &mut self.held)?;
            self.held.truncate(got);
            self.block = Some(block);
            self.far += BLOCK;
        }
        Ok(&self.held)
    }

    /// Line feeds before a byte; none while the index does not reach it.
    pub(super) fn number(&mut self, at: u64) -> io::Result<Option<u64>> {
        if at > self.index.bytes() {
            return Ok(None);
        }
        let block = at / BLOCK;
        let Some(before) = self.index.before(block) else { return Ok(None) };
        let inside = inside(at);
        let held = if inside == 0 { &[][..] } else { self.block(block)? };
        let here = memchr::memchr_iter(b'\n', &held[..inside.min(held.len())]).count();
        Ok(Some(before + here as u64))
    }

    /// Where the line begins that holds the byte.
    pub(super) fn start(&mut self, at: u64) -> io::Result<u64> {
        let mut end = at.min(self.size);
        let limit = self.far + FAR;
        while end > 0 && self.far < limit {
            let block = (end - 1) / BLOCK;
            if !self.index.is_plain(block) {
                let upto = usize::try_from(end - block * BLOCK).unwrap_or(usize::MAX);
                let held = self.block(block)?;
                if let Some(feed) = memchr::memrchr(b'\n', &held[..upto.min(held.len())]) {
                    return Ok(block * BLOCK + feed as u64 + 1);
                }
            }
            end = block * BLOCK;
        }
        Ok(end)
    }

    /// Where the line ends that holds the byte, and whether a line feed or the end of the bytes ends it there.
    fn end(&mut self, at: u64) -> io::Result<(u64, bool)> {
        let mut from = at;
        let limit = self.far + FAR;
        while from < self.size {
            if self.far >= limit {
                return Ok((from, false));
            }
            let block = from / BLOCK;
            if !self.index.is_plain(block) {
                let held = self.block(block)?;
                let skip = inside(from).min(held.len());
                if let Some(feed) = memchr::memchr(b'\n', &held[skip..]) {
                    return Ok((from + feed as u64, true));
                }
            }
            from = (block + 1) * BLOCK;
        }
        Ok((self.size, true))
    }

    fn take(&mut self, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let mut taken = Vec::with_capacity(usize::try_from(to - from).unwrap_or(0));
        let mut at = from;
        while at < to {
            let block = at / BLOCK;
            let next = ((block + 1) * BLOCK).min(to);
            let held = self.block(block)?;
            let first = inside(at).min(held.len());
            let last = usize::try_from(next - block * BLOCK).unwrap_or(usize::MAX).min(held.len());
            taken.extend_from_slice(&held[first..last]);
            at = next;
        }
        Ok(taken)
    }

    /// The line that holds the byte (the last one, when the bytes end before), with lines around it.
    pub(super) fn around(&mut self, offset: u64, before: usize, after: usize) -> io::Result<Window> {
        if self.size == 0 {
            return Ok(Window { number: Some(0), lines: Vec::new(), to_end: true });
        }
        let here = self.start(offset.min(self.size - 1))?;
        let mut first = here;
        let mut room = 0;
        for _ in 0..before {
            if first == 0 || room > ROOM {
                break;
            }
            let start = self.start(first - 1)?;
            room += (first - start).min(SHOWN);
            first = start;
        }
        let (mut lines, mut left, mut room) = (Vec::new(), after, 0);
        let (mut at, mut known) = (first, true);
        while at < self.size && known {
            if at > here {
                if left == 0 || room > ROOM {
                    break;
                }
                left -= 1;
            }
            let (end, found) = self.end(at)?;
            let kept = self.take(at, end.min(at + SHOWN))?;
            if at > here {
                room += kept.len() as u64;
            }
            lines.push(OutputLine { at, bytes: end - at, text: text::fit(&kept, end - at) });
            known = found;
            at = end + 1;
        }
        Ok(Window { number: self.number(first)?, lines, to_end: at >= self.size && known })
    }

    /// The last lines.
    pub(super) fn last(&mut self, rows: usize) -> io::Result<Window> {
        self.around(self.size, rows.saturating_sub(1), 0)
    }
}

/// A byte's place in its block.
fn inside(at: u64) -> usize {
    usize::try_from(at % BLOCK).unwrap_or(0)
}
