//! Reading a job's growing `output` file by offset, in bounded pieces, and making lines of them that can be shown.

use super::lines::LINE;
use super::words;
use crate::domain::escape_controls;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

/// Bytes read at a time.
const READ: usize = 64 << 10;

/// Some bytes of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where they begin.
    pub offset: u64,
    /// The bytes; they end with a line or at a character's boundary where that is possible.
    pub bytes: Vec<u8>,
}

/// A reader of the file.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    file: Option<File>,
    offset: u64,
    held: Vec<u8>,
}

impl Tail {
    /// A reader from this byte on; the file may not be there yet.
    pub(super) fn new(path: PathBuf, offset: u64) -> Self {
        Self { path, file: None, offset, held: Vec::new() }
    }

    /// The next bytes, whole lines as far as they are not longer than a piece; nothing when there are no more now.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece>> {
        if self.file.is_none() {
            match File::open(&self.path) {
                Ok(mut file) => {
                    file.seek(SeekFrom::Start(self.offset))?;
                    self.file = Some(file);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let Some(file) = self.file.as_mut() else { return Ok(None) };
        let want = READ.saturating_sub(self.held.len()) as u64;
        file.take(want).read_to_end(&mut self.held)?;
        let end = match self.held.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => last + 1,
            None if self.held.len() >= READ => whole_characters(&self.held),
            None => 0,
        };
        Ok((end > 0).then(|| self.give(end)))
    }

    /// What is left of a last line without its end.
    pub(super) fn rest(&mut self) -> Option<Piece> {
        (!self.held.is_empty()).then(|| self.give(self.held.len()))
    }

    fn give(&mut self, end: usize) -> Piece {
        let rest = self.held.split_off(end);
        let piece = Piece { offset: self.offset, bytes: std::mem::replace(&mut self.held, rest) };
        self.offset += piece.bytes.len() as u64;
        piece
    }
}

/// How many of the bytes do not cut a character in two.
fn whole_characters(bytes: &[u8]) -> usize {
    if std::str::from_utf8(&bytes[bytes.len().saturating_sub(4)..]).is_ok() {
        return bytes.len();
    }
    // the last character begins at most three bytes before the end
    match bytes.iter().rev().take(3).position(|byte| byte & 0xc0 != 0x80) {
        Some(back) if bytes[bytes.len() - 1 - back] >= 0xc0 => bytes.len() - 1 - back,
        _ => bytes.len(),
    }
}

/// Makes lines for people of pieces: escaped, each cut to [`LINE`] bytes, with a note of how long it was.
#[derive(Debug, Default)]
pub(super) struct Display {
    head: Vec<u8>,
    length: u64,
}

impl Display {
    /// The lines that end in these bytes.
    pub(super) fn lines(&mut self, bytes: &[u8]) -> String {
        let mut text = String::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (part, ended) = part.strip_suffix(b"\n").map_or((part, false), |part| (part, true));
            let room = LINE.saturating_sub(self.head.len()).min(part.len());
            self.head.extend_from_slice(&part[..room]);
            self.length += part.len() as u64;
            if ended {
                text.push_str(&self.end());
            }
        }
        text
    }

    /// A last line that has no end.
    pub(super) fn rest(&mut self) -> String {
        if self.length == 0 { String::new() } else { self.end() }
    }

    fn end(&mut self) -> String {
        let head = std::mem::take(&mut self.head);
        let length = std::mem::take(&mut self.length);
        if length <= head.len() as u64 {
            // a carriage return before a line's end is how some tools end lines, not something to see
            let line = head.strip_suffix(b"\r").unwrap_or(&head);
            return format!("{}\n", escape_controls(&String::from_utf8_lossy(line)));
        }
        let whole = String::from_utf8_lossy(&head[..whole_characters(&head)]).into_owned();
        format!("{} ... ({} in this line)\n", escape_controls(&whole), words::bytes(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn shown(tail: &mut Tail) -> (Vec<u8>, String, usize) {
        let (mut all, mut text, mut widest) = (Vec::new(), String::new(), 0);
        let mut display = Display::default();
        let mut take = |piece: Piece| {
            assert_eq!(piece.offset, all.len() as u64);
            widest = widest.max(piece.bytes.len());
            text.push_str(&display.lines(&piece.bytes));
            all.extend_from_slice(&piece.bytes);
        };
        while let Some(piece) = tail.next().unwrap() {
            take(piece);
        }
        if let Some(piece) = tail.rest() {
            take(piece);
        }
        text.push_str(&display.rest());
        (all, text, widest)
    }

    #[test]
    fn every_byte_comes_once_and_long_lines_are_cut_for_the_eye() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        let mut bytes = b"first\r\n\x1b[31mred\x1b[0m \xff\xfe\n".to_vec();
        bytes.extend_from_slice("é".repeat(5 << 20).as_bytes());
        bytes.extend_from_slice(b"\nlast without end");
        std::fs::write(&path, &bytes).unwrap();
        let (all, text, widest) = shown(&mut Tail::new(path, 0));
        assert!(all == bytes);
        assert!(widest <= READ, "{widest}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "first");
        assert_eq!(lines[1], "␛[31mred␛[0m \u{fffd}\u{fffd}");
        assert!(lines[2].ends_with("é ... (10.0 MiB in this line)") && lines[2].len() < LINE + 40);
        assert_eq!(lines[3..], ["last without end"]);
    }

    #[test]
    fn a_file_that_grows_is_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        let mut tail = Tail::new(path.clone(), 0);
        assert_eq!(tail.next().unwrap(), None);
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(tail.next().unwrap().unwrap().bytes, b"one\n");
        assert_eq!(tail.next().unwrap(), None);
        file.write_all(b"o\n").unwrap();
        assert_eq!(tail.next().unwrap(), Some(Piece { offset: 4, bytes: b"two\n".to_vec() }));
        assert_eq!((tail.next().unwrap(), tail.rest()), (None, None));
    }
}
