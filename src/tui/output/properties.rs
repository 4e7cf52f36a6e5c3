//! Index, windows and search against what a plain split and a plain find give.

use super::hits::{Hits, Seek, Sought};
use super::index::Index;
use super::needle::Needle;
use super::scan::{Bytes, Scan};
use proptest::prelude::*;
use std::io;

struct Memory(Vec<u8>);

impl Bytes for Memory {
    fn read(&self, at: u64, to: &mut [u8]) -> io::Result<usize> {
        let rest = self.0.get(usize::try_from(at).unwrap()..).unwrap_or_default();
        let got = rest.len().min(to.len());
        to[..got].copy_from_slice(&rest[..got]);
        Ok(got)
    }
}

/// Text with short and with very long lines, in pieces as they may come.
fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece = prop_oneof![
        6 => prop::collection::vec(prop::sample::select(b"ab \n".to_vec()), 0..40),
        2 => Just(b"\n".to_vec()),
        1 => (1_usize..200_000).prop_map(|long| vec![b'x'; long]),
    ];
    prop::collection::vec(piece, 0..12)
}

/// Where lines begin, and how long each is.
fn split(bytes: &[u8]) -> Vec<(u64, u64)> {
    let mut at = 0;
    let mut lines: Vec<(u64, u64)> = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let feed = u64::from(line.last() == Some(&b'\n'));
        lines.push((at, line.len() as u64 - feed));
        at += line.len() as u64;
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn windows_are_what_a_split_gives(
        pieces in pieces(),
        places in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, 0_usize..6), 1..6),
        known in 0_usize..13,
    ) {
        let bytes = pieces.concat();
        let mut index = Index::default();
        // the index may not have come to the end yet
        for piece in pieces.iter().take(known) {
            index.grow(piece);
        }
        let seen: Vec<u8> = pieces.iter().take(known).flatten().copied().collect();
        prop_assert_eq!(index.bytes(), seen.len() as u64);
        prop_assert_eq!(index.lines(), split(&seen).len() as u64);
        let lines = split(&bytes);
        let memory = Memory(bytes.clone());
        for (place, before, after) in places {
            let offset = place.index(bytes.len() + 1) as u64;
            let mut scan = Scan::new(&memory, &index, bytes.len() as u64);
            let window = scan.around(offset, before, after).unwrap();
            if lines.is_empty() {
                prop_assert!(window.lines.is_empty() && window.to_end);
                continue;
            }
            let here = lines.iter().rposition(|(at, _)| *at <= offset).unwrap();
            let first = here.saturating_sub(before);
            let last = (here + after).min(lines.len() - 1);
            let got: Vec<(u64, u64)> = window.lines.iter().map(|line| (line.at, line.bytes)).collect();
            prop_assert_eq!(&got, &lines[first..=last]);
            prop_assert_eq!(window.to_end, last + 1 == lines.len());
            let known = lines[first].0 <= index.bytes();
            prop_assert_eq!(window.number, known.then_some(first as u64));
            for line in &window.lines {
                prop_assert!(line.text.len() < 9000);
                if line.bytes < 8192 {
                    let from = usize::try_from(line.at).unwrap();
                    let raw = &bytes[from..from + usize::try_from(line.bytes).unwrap()];
                    prop_assert_eq!(line.text.as_bytes(), raw);
                }
            }
        }
    }

    #[test]
    fn search_is_what_a_plain_find_gives(
        pieces in pieces(),
        pattern in prop::sample::select(vec!["a", "ab", "aa", "b a", "xx", "xa", "AB", "absent"]),
        from in any::<prop::sample::Index>(),
        forward in any::<bool>(),
        counted in 0_u64..600_000,
    ) {
        let bytes = pieces.concat();
        let size = bytes.len() as u64;
        let needle = Needle::new(pattern).unwrap();
        let plain: Vec<u64> = if bytes.len() < pattern.len() { Vec::new() } else {
            (0..=bytes.len() - pattern.len()).filter(|at| bytes[*at..].starts_with(pattern.as_bytes()))
                .map(|at| at as u64).collect()
        };
        let memory = Memory(bytes);
        let mut hits = Hits::new(needle);
        hits.count(&memory, size / 2, counted).unwrap();
        hits.count(&memory, size, counted).unwrap();
        let from = from.index(usize::try_from(size).unwrap() + 2) as u64;
        let wanted = if forward {
            plain.iter().find(|at| **at >= from).map(|at| (*at, false))
                .or_else(|| plain.first().map(|at| (*at, true)))
        } else {
            plain.iter().rfind(|at| **at < from).map(|at| (*at, false))
                .or_else(|| plain.last().map(|at| (*at, true)))
        };
        let mut seek = Seek::new(from, forward);
        let found = loop {
            match hits.seek(&mut seek, &memory, size, 1).unwrap() {
                Sought::More => {}
                Sought::None => break None,
                Sought::Found(at, wrapped) => break Some((at, wrapped)),
            }
        };
        prop_assert_eq!(found, wanted);
        while !hits.is_complete(size) {
            hits.count(&memory, size, 100_000).unwrap();
        }
        prop_assert_eq!(hits.total(), plain.len() as u64);
        for (place, at) in plain.iter().enumerate().step_by(plain.len() / 5 + 1) {
            prop_assert_eq!(hits.ordinal(&memory, *at).unwrap(), Some(place as u64 + 1));
        }
        let ticks = hits.ticks();
        prop_assert!(ticks.len() <= 512 && ticks.is_sorted());
        prop_assert_eq!(ticks.is_empty(), plain.is_empty());
    }
}

#[test]
fn the_index_of_a_gigabyte_is_small() {
    let mut index = Index::default();
    let piece = vec![b'\n'; 1 << 20];
    for _ in 0..64 {
        index.grow(&piece);
    }
    assert_eq!(index.lines(), 64 << 20);
    // eight bytes for each 64 KiB
    assert_eq!(index.before(1023), Some(1023 << 16));
    assert_eq!(index.before(1024), Some(64 << 20));
    assert_eq!(index.before(1025), None);
}
