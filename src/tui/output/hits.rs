//! The hits of a pattern: how many begin in each block, and the way to the next one. Everything goes in slices, so that
//! nothing else waits for a whole file.

use super::index::BLOCK;
use super::needle::Needle;
use super::scan::Bytes;
use std::io;
use std::ops::Range;

/// Bytes searched at once; whole blocks.
const PIECE: u64 = 16 * BLOCK;
/// Places kept one by one; of more hits, one place for each of so many parts of the file is told.
const PLACES: usize = 256;

/// A search through the first bytes of a file.
#[derive(Debug)]
pub(super) struct Hits {
    /// What for.
    pub(super) needle: Needle,
    counts: Vec<u32>,
    /// Hits that begin before this are counted.
    counted: u64,
    total: u64,
    places: Vec<u64>,
    buffer: Vec<u8>,
}

/// A hit that is being looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seek {
    from: u64,
    forward: bool,
    /// How far it has come.
    at: u64,
    wrapped: bool,
}

impl Seek {
    pub(super) fn new(from: u64, forward: bool) -> Self {
        Self { from, forward, at: from, wrapped: false }
    }
}

/// How far it has come after a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// Here it is; whether the end of the file was passed.
    Found(u64, bool),
    /// There is none.
    None,
    /// Not there yet.
    More,
}

impl Hits {
    pub(super) fn new(needle: Needle) -> Self {
        Self { needle, counts: Vec::new(), counted: 0, total: 0, places: Vec::new(), buffer: Vec::new() }
    }

    /// Hits counted so far.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Hits can begin before this.
    fn limit(&self, size: u64) -> u64 {
        (size + 1).saturating_sub(self.needle.len() as u64)
    }

    /// Whether all are counted.
    pub(super) fn is_complete(&self, size: u64) -> bool {
        self.counted >= self.limit(size)
    }

    /// Counts on, about `slice` bytes.
    pub(super) fn count(&mut self, bytes: &dyn Bytes, size: u64, slice: u64) -> io::Result<()> {
        let end = self.limit(size).min(self.counted + slice);
        while self.counted < end {
            let to = end.min((self.counted / PIECE + 1) * PIECE);
            let from = self.counted;
            let (mut counts, mut places) = (std::mem::take(&mut self.counts), std::mem::take(&mut self.places));
            let mut total = 0;
            let read = self.each(bytes, from..to, |at| {
                let block = usize::try_from(at / BLOCK).unwrap_or(usize::MAX);
                if counts.len() <= block {
                    counts.resize(block + 1, 0);
                }
                counts[block] += 1;
                total += 1;
                if places.len() <= PLACES {
                    places.push(at);
                }
                true
            });
            (self.counts, self.places) = (counts, places);
            self.total += total;
            self.counted = to;
            read?;
        }
        Ok(())
    }

    /// Calls for each hit that begins in a range, until told to stop.
    fn each(&mut self, bytes: &dyn Bytes, range: Range<u64>, mut hit: impl FnMut(u64) -> bool) -> io::Result<()> {
        let length = usize::try_from(range.end - range.start).unwrap_or(0) + self.needle.len() - 1;
        self.buffer.resize(length, 0);
        let got = bytes.read(range.start, &mut self.buffer)?;
        let mut from = 0;
        while let Some(at) = self.needle.find(&self.buffer[..got], from) {
            if range.start + at as u64 >= range.end || !hit(range.start + at as u64) {
                break;
            }
            from = at + 1;
        }
        Ok(())
    }

    /// Which hit it is that begins at this byte, from 1; none while it is not counted.
    pub(super) fn ordinal(&mut self, bytes: &dyn Bytes, at: u64) -> io::Result<Option<u64>> {
        if at >= self.counted {
            return Ok(None);
        }
        let block = at / BLOCK;
        let before = self.counts.iter().take(usize::try_from(block).unwrap_or(usize::MAX));
        let mut ordinal: u64 = before.map(|count| u64::from(*count)).sum();
        self.each(bytes, block * BLOCK..at + 1, |_| {
            ordinal += 1;
            true
        })?;
        Ok(Some(ordinal))
    }

    /// Whether no hit begins in a range of one piece, as far as that is known.
    fn is_bare(&self, range: &Range<u64>) -> bool {
        let block = |at: u64| usize::try_from(at / BLOCK).unwrap_or(usize::MAX);
        range.end <= self.counted
            && (block(range.start)..=block(range.end - 1)).all(|block| self.counts.get(block).is_none_or(|n| *n == 0))
    }

    /// Looks on for a hit, about `slice` bytes.
    pub(super) fn seek(&mut self, seek: &mut Seek, bytes: &dyn Bytes, size: u64, slice: u64) -> io::Result<Sought> {
        let limit = self.limit(size);
        let from = seek.from.min(limit);
        seek.at = seek.at.min(limit);
        let mut read = 0;
        while read < slice {
            let bound = match (seek.forward, seek.wrapped) {
                (true, false) => limit,
                (false, false) => 0,
                (_, true) => from,
            };
            if seek.at == bound {
                if seek.wrapped {
                    return Ok(Sought::None);
                }
                seek.wrapped = true;
                seek.at = if seek.forward { 0 } else { limit };
                continue;
            }
            let range = if seek.forward {
                seek.at..((seek.at / PIECE + 1) * PIECE).min(bound)
            } else {
                ((seek.at - 1) / PIECE * PIECE).max(bound)..seek.at
            };
            seek.at = if seek.forward { range.end } else { range.start };
            if self.is_bare(&range) {
                continue;
            }
            read += range.end - range.start;
            let (forward, mut found) = (seek.forward, None);
            self.each(bytes, range, |at| {
                found = Some(at);
                !forward
            })?;
            if let Some(at) = found {
                return Ok(Sought::Found(at, seek.wrapped));
            }
        }
        Ok(Sought::More)
    }

    /// Places of hits: all of them, or one for each part of the file that has any.
    pub(super) fn ticks(&self) -> Vec<u64> {
        if self.places.len() <= PLACES {
            return self.places.clone();
        }
        let each = self.counts.len().div_ceil(PLACES).max(1);
        let blocks = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let mut ticks: Vec<(usize, u64)> = blocks.map(|(block, _)| (block / each, block as u64 * BLOCK)).collect();
        ticks.dedup_by_key(|(part, _)| *part);
        ticks.into_iter().map(|(_, at)| at).collect()
    }
}
