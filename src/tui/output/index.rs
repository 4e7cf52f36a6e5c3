//! Which line is where: the line feeds before each 64 KiB of the file. A gigabyte takes 128 KiB, whatever its lines are
//! like; finding a place reads one block.

/// Bytes of a block.
pub(super) const BLOCK: u64 = 64 << 10;

/// The index of the first `bytes` bytes.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Line feeds before each block that has been begun.
    before: Vec<u64>,
    feeds: u64,
    bytes: u64,
    ended: bool,
}

impl Index {
    /// How many bytes are in it.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many lines those bytes have; a last one without a line feed counts.
    pub(super) fn lines(&self) -> u64 {
        self.feeds + u64::from(self.bytes > 0 && !self.ended)
    }

    /// Takes the next bytes in.
    pub(super) fn grow(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let inside = self.bytes % BLOCK;
            if inside == 0 {
                self.before.push(self.feeds);
            }
            let room = usize::try_from(BLOCK - inside).unwrap_or(usize::MAX);
            let (now, rest) = piece.split_at(room.min(piece.len()));
            self.feeds += memchr::memchr_iter(b'\n', now).count() as u64;
            self.bytes += now.len() as u64;
            self.ended = now.last() == Some(&b'\n');
            piece = rest;
        }
    }

    /// The line feeds before a block, once everything before it is in here.
    pub(super) fn before(&self, block: u64) -> Option<u64> {
        if block * BLOCK == self.bytes {
            return Some(self.feeds);
        }
        self.before.get(usize::try_from(block).ok()?).copied()
    }

    /// Whether a block is known to hold no line feed.
    pub(super) fn is_plain(&self, block: u64) -> bool {
        let whole = (block + 1) * BLOCK <= self.bytes;
        whole && self.before(block) == self.before(block + 1)
    }
}
