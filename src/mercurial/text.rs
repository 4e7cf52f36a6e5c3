//! What `run-tests.py` prints, read as events, for revisions without the result hook.
//!
//! The text names only tests whose output changed; the others are a character each. Their results carry an empty name,
//! and [`RunSummary`] holds the names that the end of the text gives. Everything is decided byte by byte from what came
//! before, so chunks may be cut anywhere. Inside a diff every line begins with one of ` +-@\`, so nothing a test prints
//! can be taken for the runner's own words.

use super::decoder::bare;
use crate::domain::{TestEvent, TestOutcome};
use std::collections::BTreeMap;

/// So much of a line is kept.
const LINE_LIMIT: usize = 64 << 10;
/// So much of a diff is kept.
const DIFF_LIMIT: usize = 1 << 20;
const CUT: &str = "\n[cut here: the rest is in the test's .err file]\n";

/// What the last lines say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunSummary {
    /// How many tests ran.
    pub ran: u32,
    /// How many were skipped or ignored.
    pub skipped: u32,
    /// How many failed, timed out or ended in error.
    pub failed: u32,
    /// The seed of Python's hashes, told when something failed.
    pub hash_seed: Option<String>,
    /// Names of skipped tests with the reason.
    pub skips: Vec<(String, String)>,
    /// Names of failed tests with the reason.
    pub failures: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    Testing,
    Over,
}

/// Turns the text, cut anywhere, into events.
#[derive(Debug)]
pub struct TextDecoder {
    stage: Stage,
    line: Vec<u8>,
    /// The line so far is nothing but progress characters; those not yet certain are at its end.
    progress: bool,
    uncertain: usize,
    diff: Option<String>,
    diffs: BTreeMap<String, String>,
    changed: Option<String>,
    counted: bool,
    summary: RunSummary,
}

impl Default for TextDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl TextDecoder {
    /// A decoder for the output from its first byte.
    #[must_use]
    pub fn new() -> Self {
        Self {
            stage: Stage::Before,
            line: Vec::new(),
            progress: true,
            uncertain: 0,
            diff: None,
            diffs: BTreeMap::new(),
            changed: None,
            counted: false,
            summary: RunSummary::default(),
        }
    }

    /// Takes in more bytes and gives what they tell.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<TestEvent> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            if self.stage != Stage::Testing || !self.progress {
                // no single character counts here, so the line is taken in one piece
                let Some(end) = memchr::memchr(b'\n', rest) else {
                    self.progress = false;
                    self.keep(rest);
                    break;
                };
                let (line, after) = (&rest[..end], &rest[end + 1..]);
                rest = after;
                if self.line.is_empty() {
                    if self.may_matter(line) {
                        self.whole_line(&String::from_utf8_lossy(&line[..line.len().min(LINE_LIMIT)]), &mut events);
                    }
                } else {
                    self.keep(line);
                    let line = std::mem::take(&mut self.line);
                    self.whole_line(&String::from_utf8_lossy(&line), &mut events);
                }
                self.progress = true;
                continue;
            }
            rest = after;
            if *first == b'\n' {
                self.settle(&mut events);
                let line = std::mem::take(&mut self.line);
                if !line.iter().any(|b| b".!siEt".contains(b)) {
                    self.whole_line(&String::from_utf8_lossy(&line), &mut events);
                }
                continue;
            }
            self.keep(std::slice::from_ref(first));
            self.character(*first, &mut events);
        }
        events
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_LIMIT.saturating_sub(self.line.len()).min(bytes.len());
        self.line.extend_from_slice(&bytes[..room]);
    }

    /// A quick look that passes over nearly all lines outside the tests, which may be very many.
    fn may_matter(&self, line: &[u8]) -> bool {
        match self.stage {
            Stage::Before => line.trim_ascii_start().starts_with(b"running ") || !line.is_ascii(),
            Stage::Testing => true,
            Stage::Over => line.starts_with(b"python hash seed: "),
        }
    }

    /// What the end of the text told; none before `# Ran …` has come.
    #[must_use]
    pub fn summary(&self) -> Option<&RunSummary> {
        self.counted.then_some(&self.summary)
    }

    fn character(&mut self, byte: u8, events: &mut Vec<TestEvent>) {
        match byte {
            b'.' | b'!' => {
                self.uncertain += 1;
                self.settle(events);
            }
            // words may begin with these: certain only with what follows
            b's' | b'i' | b'E' | b't' => self.uncertain += 1,
            // the counter after 75 tests, ` [75]`
            b' ' | b'[' | b']' | b'0'..=b'9' if self.line.len() > 1 => self.settle(events),
            _ => {
                self.uncertain = 0;
                self.progress = false;
            }
        }
    }

    /// Gives the characters held back.
    fn settle(&mut self, events: &mut Vec<TestEvent>) {
        if !self.progress || self.uncertain == 0 {
            return;
        }
        let from = self.line.len().saturating_sub(self.uncertain + 1);
        let pending: Vec<u8> = self.line[from..].iter().copied().filter(|b| b".!siEt".contains(b)).collect();
        let from = pending.len().saturating_sub(self.uncertain);
        self.uncertain = 0;
        for byte in &pending[from..] {
            let mut result = match byte {
                b'.' => bare(String::new(), TestOutcome::Passed),
                b's' => bare(String::new(), TestOutcome::Skipped),
                b'i' => bare(String::new(), TestOutcome::Ignored),
                b'E' => bare(String::new(), TestOutcome::Error),
                b't' => bare(String::new(), TestOutcome::TimedOut),
                _ => bare(self.changed.take().unwrap_or_default(), TestOutcome::Failed),
            };
            if result.outcome == TestOutcome::Failed && !result.name.is_empty() {
                result.reason = Some("output changed".to_owned());
                result.diff = self.diffs.remove(&result.name);
            }
            events.push(TestEvent::Ended(result));
        }
    }

    fn whole_line(&mut self, line: &str, events: &mut Vec<TestEvent>) {
        match self.stage {
            Stage::Before => {
                if let Some((total, jobs)) = running(line) {
                    self.stage = Stage::Testing;
                    events.push(TestEvent::Planned { total, parallel: Some(jobs) });
                }
            }
            Stage::Testing => self.while_testing(line),
            Stage::Over => {
                if let Some(seed) = line.strip_prefix("python hash seed: ") {
                    self.summary.hash_seed = Some(seed.trim().to_owned());
                }
            }
        }
    }

    fn while_testing(&mut self, line: &str) {
        if let Some(diff) = &mut self.diff {
            if line.starts_with([' ', '+', '-', '@', '\\']) {
                if diff.len() + line.len() < DIFF_LIMIT {
                    diff.push_str(line);
                    diff.push('\n');
                } else if !diff.ends_with(CUT) {
                    diff.push_str(CUT);
                }
                return;
            }
            self.end_diff();
        }
        if line.starts_with("--- ") {
            self.diff = Some(format!("{line}\n"));
        } else if let Some(name) = line.strip_prefix("ERROR: ").and_then(|rest| rest.strip_suffix(" output changed"))
        {
            self.changed = Some(name.to_owned());
        } else if let Some((name, why)) = listed(line, "Skipped ") {
            self.summary.skips.push((name, why));
        } else if let Some((name, why)) = listed(line, "Failed ").or_else(|| listed(line, "ERROR: ")) {
            self.summary.failures.push((name, why));
        } else if let Some([ran, skipped, failed, errors]) = ran(line) {
            self.summary.ran = ran;
            self.summary.skipped = skipped;
            self.summary.failed = failed.saturating_add(errors);
            self.counted = true;
            self.stage = Stage::Over;
        }
    }

    fn end_diff(&mut self) {
        let Some(diff) = self.diff.take() else { return };
        // `+++ FOLDER/NAME.err` says whose it is
        let path = diff.lines().nth(1).and_then(|line| line.strip_prefix("+++ ")).unwrap_or_default();
        if let Some(name) = path.rsplit(['/', '\\']).next().and_then(|file| file.strip_suffix(".err")) {
            self.diffs.insert(name.to_owned(), diff);
        }
    }
}

fn running(line: &str) -> Option<(u32, u32)> {
    let rest = line.trim().strip_prefix("running ")?.strip_suffix(" parallel processes")?;
    let (total, jobs) = rest.split_once(" tests using ")?;
    Some((total.parse().ok()?, jobs.parse().ok()?))
}

fn listed(line: &str, word: &str) -> Option<(String, String)> {
    let (name, why) = line.strip_prefix(word)?.split_once(": ")?;
    Some((name.to_owned(), why.to_owned()))
}

/// `# Ran N tests, S skipped, F failed[, E errors].`
fn ran(line: &str) -> Option<[u32; 4]> {
    let rest = line.strip_prefix("# Ran ")?.strip_suffix('.')?;
    let mut numbers = [0; 4];
    for (slot, part) in numbers.iter_mut().zip(rest.split(", ")) {
        *slot = part.split(' ').next()?.parse().ok()?;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        let mut text =
            b"installed Mercurial in 16.86 seconds \nrunning 90 tests using 2 parallel processes \n".to_vec();
        text.extend_from_slice(&[b'.'; 75]);
        text.extend_from_slice(b"   [75]\n.s");
        text.extend_from_slice(b"\n--- /w/tests/test-a.t\n+++ /w/tests/test-a.t.err\n@@ -1,2 +1,2 @@\n   $ x\n-  # Ran 1 tests, 0 skipped, 0 failed.\n+  ERROR: test-b.t output changed\n+  \xff....!!\n\\ No newline at end of file\n");
        text.extend_from_slice(b"\nERROR: test-a.t output changed\n!Etissh: locale: warning\n..\n");
        text.extend_from_slice(
            b"Skipped test-s.t: missing feature: svn\nFailed test-a.t: output changed\nERROR: test-e.t: boom\n",
        );
        text.extend_from_slice(b"# Ran 81 tests, 2 skipped, 2 failed, 1 errors.\npython hash seed: 42\n..\n");
        text
    }

    #[test]
    fn a_whole_run_is_read() {
        let mut decoder = TextDecoder::new();
        let events = decoder.feed(&sample());
        assert_eq!(events[0], TestEvent::Planned { total: 90, parallel: Some(2) });
        let count = |wanted| {
            events
                .iter()
                .filter(|event| matches!(event, TestEvent::Ended(result) if result.outcome == wanted))
                .count()
        };
        assert_eq!(count(TestOutcome::Passed), 78);
        assert_eq!((count(TestOutcome::Failed), count(TestOutcome::Skipped)), (1, 1));
        let failed = events
            .iter()
            .find_map(|event| match event {
                TestEvent::Ended(result) if result.outcome == TestOutcome::Failed => Some(result),
                _ => None,
            })
            .unwrap();
        assert_eq!(failed.name, "test-a.t");
        assert!(failed.diff.as_ref().unwrap().ends_with("+  \u{fffd}....!!\n\\ No newline at end of file\n"));
        let summary = decoder.summary().unwrap();
        assert_eq!((summary.ran, summary.skipped, summary.failed), (81, 2, 3));
        assert_eq!(summary.hash_seed.as_deref(), Some("42"));
        assert_eq!(summary.failures.len(), 2);
    }

    #[test]
    fn endless_lines_and_diffs_stay_small() {
        let mut decoder = TextDecoder::new();
        decoder.feed(b"running 1 tests using 1 parallel processes\n\n--- /x/a.t\n+++ /x/a.t.err\n");
        for _ in 0..200 {
            decoder.feed(&vec![b'+'; 1 << 16]);
            decoder.feed(b"\n");
        }
        assert!(decoder.diff.as_ref().unwrap().len() <= DIFF_LIMIT + CUT.len());
        assert!(decoder.feed(b"\nERROR: a.t output changed\n!").len() == 1);
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference(cuts in proptest::collection::vec(1..60_usize, 0..200)) {
            let text = sample();
            let mut one = TextDecoder::new();
            let whole = one.feed(&text);
            let mut other = TextDecoder::new();
            let (mut events, mut rest) = (Vec::new(), text.as_slice());
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                events.extend(other.feed(now));
                rest = later;
            }
            events.extend(other.feed(rest));
            prop_assert_eq!(events, whole);
            prop_assert_eq!(one.summary(), other.summary());
        }
    }
}
