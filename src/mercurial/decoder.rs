//! Decoder of the events file that `assets/test_events.py` writes. Each line stands by itself, so reading may resume
//! at the end of any whole line.

use crate::domain::{TestEvent, TestOutcome, TestResult};
use serde::Deserialize;

/// A line longer than this is no line of ours: a diff is cut at 1 MiB, and JSON makes at most six bytes of one.
const LINE_LIMIT: usize = 16 << 20;

/// Turns bytes, cut anywhere, into events.
#[derive(Debug, Default)]
pub struct EventDecoder {
    offset: u64,
    partial: Vec<u8>,
    dropped: u64,
    garbage: u64,
    trouble: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line {
    Planned { total: u32, jobs: Option<u32> },
    Started { name: String },
    Ended(TestResult),
    Trouble { text: String },
}

impl EventDecoder {
    /// A decoder for what follows byte `offset` of the file, the end of a whole line (or zero).
    #[must_use]
    pub fn new(offset: u64) -> Self {
        Self { offset, ..Self::default() }
    }

    /// Takes in more bytes and gives what they tell.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Vec<TestEvent> {
        let mut events = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(end + 1);
            self.keep(line);
            let line = std::mem::take(&mut self.partial);
            self.offset += line.len() as u64 + self.dropped;
            match serde_json::from_slice(&line) {
                _ if self.dropped > 0 => self.garbage += 1,
                Ok(Line::Planned { total, jobs }) => events.push(TestEvent::Planned { total, parallel: jobs }),
                Ok(Line::Started { name }) => events.push(TestEvent::Started { name }),
                Ok(Line::Ended(result)) => events.push(TestEvent::Ended(result)),
                Ok(Line::Trouble { text }) => self.trouble = Some(text),
                Err(_) => self.garbage += 1,
            }
            self.dropped = 0;
            bytes = rest;
        }
        self.keep(bytes);
        events
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_LIMIT.saturating_sub(self.partial.len()).min(bytes.len());
        self.partial.extend_from_slice(&bytes[..room]);
        self.dropped += (bytes.len() - room) as u64;
    }

    /// The offset from which reading must resume: all events of the bytes before it have been given, none after it.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many whole lines were nothing of ours.
    #[must_use]
    pub fn garbage(&self) -> u64 {
        self.garbage
    }

    /// What the hook said about trouble of its own, if it did.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

/// A result with nothing but name and outcome.
pub(super) fn bare(name: String, outcome: TestOutcome) -> TestResult {
    TestResult { name, outcome, seconds: None, reason: None, diff: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &[u8] = b"{\"event\":\"planned\",\"total\":2,\"jobs\":2}\n\xff\xfe garbage\n{\"event\":\"started\",\"name\":\"test-a.t#x\"}\n\n{\"event\":\"new-in-a-later-version\"}\n{\"event\":\"ended\",\"name\":\"test-a.t#x\",\"outcome\":\"failed\",\"seconds\":1.5,\"reason\":\"output changed\",\"diff\":\"-a\\n+b\\n\"}\n{\"event\":\"trouble\",\"text\":\"t\"}\n{\"event\":\"ended\",\"na";

    #[test]
    fn lines_become_events_and_the_rest_is_counted() {
        let mut decoder = EventDecoder::new(0);
        let events = decoder.feed(FILE);
        assert_eq!(events.len(), 3);
        assert_eq!(events[0], TestEvent::Planned { total: 2, parallel: Some(2) });
        let TestEvent::Ended(result) = &events[2] else { panic!() };
        assert_eq!((result.outcome, result.seconds), (TestOutcome::Failed, Some(1.5)));
        assert_eq!(result.diff.as_deref(), Some("-a\n+b\n"));
        assert_eq!((decoder.garbage(), decoder.trouble()), (3, Some("t")));
        assert_eq!(usize::try_from(decoder.offset()).unwrap(), FILE.iter().rposition(|b| *b == b'\n').unwrap() + 1);
    }

    #[test]
    fn a_line_without_end_does_not_fill_memory() {
        let mut decoder = EventDecoder::new(0);
        for _ in 0..40 {
            assert!(decoder.feed(&vec![b'x'; 1 << 20]).is_empty());
        }
        assert!(decoder.partial.len() <= LINE_LIMIT);
        assert_eq!(decoder.feed(b"\n{\"event\":\"started\",\"name\":\"a\"}\n").len(), 1);
        assert_eq!(decoder.offset(), (40 << 20) + 32);
    }

    proptest! {
        #[test]
        fn cutting_and_resuming_anywhere_gives_each_event_once(cuts in proptest::collection::vec((0..FILE.len(), any::<bool>()), 0..20)) {
            let whole = EventDecoder::new(0).feed(FILE);
            let mut decoder = EventDecoder::new(0);
            let mut events = Vec::new();
            let mut at = 0;
            let mut cuts = cuts;
            cuts.sort_unstable();
            for (cut, restart) in cuts {
                if cut > at {
                    events.extend(decoder.feed(&FILE[at..cut]));
                    at = cut;
                }
                if restart {
                    at = usize::try_from(decoder.offset()).unwrap();
                    decoder = EventDecoder::new(at as u64);
                }
            }
            events.extend(decoder.feed(&FILE[at..]));
            prop_assert_eq!(events, whole);
        }
    }
}
