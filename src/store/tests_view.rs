//! The tests of a job: counts, what runs, what has ended, and the diffs of failures, all of it bounded.

use super::job::sane;
use crate::domain::{TestCounts, TestEvent, TestOutcome, TestResult, Timestamp};

/// Lines kept of one diff.
const DIFF_LINES: usize = 200;
/// Bytes kept of one diff.
const DIFF_BYTES: usize = 64 << 10;
/// Bytes kept of all diffs of a job.
const DIFFS_BYTES: usize = 16 << 20;
/// Results kept one by one; beyond that they are only counted.
const RESULTS: usize = 100_000;
/// Running tests kept; run-tests.py never has so many.
const RUNNING: usize = 4096;
/// Characters kept of a reason.
const REASON: usize = 2000;

/// A test under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningTest {
    /// Which of the job's runs of tests it is; it keeps the number when it ends, and no other has it.
    pub serial: u64,
    /// Its name; one that is run several times may be here several times.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
    /// How long the output was when it began, in bytes.
    pub output: u64,
}

/// How much of a diff is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffKept {
    /// All of it.
    Whole,
    /// Its beginning; it had so many lines in all.
    Cut {
        /// Lines of the whole diff.
        lines: usize,
    },
}

/// The diff of a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffView {
    /// Its text, or the beginning of it.
    pub text: String,
    /// Whether that is all.
    pub kept: DiffKept,
}

impl DiffView {
    /// The beginning of a diff that is worth showing; none for an empty one.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let (head, whole) = head(text);
        let kept = if whole { DiffKept::Whole } else { DiffKept::Cut { lines: text.lines().count() } };
        (!head.is_empty()).then(|| Self { text: head.to_owned(), kept })
    }
}

/// A test that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedTest {
    /// The number it had while it ran, or one of its own when its beginning was not seen.
    pub serial: u64,
    /// Its name.
    pub name: String,
    /// How it ended.
    pub outcome: TestOutcome,
    /// Wall seconds, where known.
    pub seconds: Option<f64>,
    /// Why, where told.
    pub reason: Option<String>,
    /// Its diff, where there is one and room was left for it.
    pub diff: Option<DiffView>,
    /// How long the output was when it began, in bytes, where that was seen.
    pub began: Option<u64>,
    /// How long the output was when its end was told: what it printed on ending stands about there.
    pub output: u64,
    /// How long the output was when the test event before that came: what it printed on ending does not begin before.
    pub output_before: u64,
}

/// All tests of a job.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TestsView {
    /// How many ended how; `total` is what the runner planned.
    pub counts: TestCounts,
    /// How many run at a time, where known.
    pub parallel: Option<u32>,
    /// Those under way, in the order they began.
    pub running: Vec<RunningTest>,
    /// Those that ended, in that order.
    pub ended: Vec<EndedTest>,
    /// How many ended tests were counted but not kept.
    pub dropped: u64,
    /// Rises with everything that changes here: whoever made something of the tests sees by it whether it still holds.
    pub version: u64,
    diff_bytes: usize,
    /// How many runs of tests have been told apart.
    serials: u64,
    /// How long the output was when the last event came.
    output: u64,
}

impl TestsView {
    pub(super) fn apply(&mut self, event: &TestEvent, at: Timestamp, output: u64) {
        self.version = self.version.wrapping_add(1);
        match event {
            TestEvent::Planned { total, parallel } => {
                self.counts.total = *total;
                self.parallel = parallel.or(self.parallel);
            }
            TestEvent::Started { name } => {
                if self.running.len() < RUNNING {
                    let serial = self.serial();
                    self.running.push(RunningTest { serial, name: name.clone(), since: at, output });
                }
            }
            TestEvent::Ended(result) => self.end(result, output),
        }
        self.output = self.output.max(output);
    }

    fn serial(&mut self) -> u64 {
        self.serials = self.serials.wrapping_add(1);
        self.serials
    }

    fn end(&mut self, result: &TestResult, output: u64) {
        let place = self.running.iter().position(|running| running.name == result.name);
        let ran = place.map(|place| self.running.remove(place));
        self.counts.add(result.outcome);
        if self.ended.len() >= RESULTS {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let diff = result.diff.as_deref().and_then(|text| self.keep(text));
        let serial = ran.as_ref().map_or_else(|| self.serial(), |ran| ran.serial);
        self.ended.push(EndedTest {
            serial,
            name: result.name.clone(),
            outcome: result.outcome,
            seconds: result.seconds.map(sane),
            reason: result.reason.as_ref().map(|reason| reason.chars().take(REASON).collect()),
            diff,
            began: ran.map(|ran| ran.output),
            output,
            output_before: self.output,
        });
    }

    /// Nothing runs once the runner is over.
    pub(super) fn end_of_run(&mut self) {
        if !self.running.is_empty() {
            self.version = self.version.wrapping_add(1);
            self.running.clear();
        }
    }

    fn keep(&mut self, text: &str) -> Option<DiffView> {
        let diff = DiffView::of(text)?;
        let room = DIFFS_BYTES.saturating_sub(self.diff_bytes);
        if diff.text.len() > room {
            return None;
        }
        self.diff_bytes += diff.text.len();
        Some(diff)
    }
}

/// The beginning of a diff that is worth keeping, and whether that is all of it.
fn head(text: &str) -> (&str, bool) {
    let mut end = text.match_indices('\n').nth(DIFF_LINES - 1).map_or(text.len(), |(at, _)| at + 1);
    if end > DIFF_BYTES {
        end = DIFF_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
    }
    (&text[..end], end == text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn result(name: &str, diff: Option<String>) -> TestResult {
        TestResult { name: name.into(), outcome: TestOutcome::Failed, seconds: Some(1.0), reason: None, diff }
    }

    #[test]
    fn diffs_are_cut_one_by_one_and_in_all() {
        let mut tests = TestsView::default();
        tests.end(&result("short", Some("-a\n+b\n".into())), 0);
        tests.end(&result("lines", Some("+x\n".repeat(1000))), 0);
        tests.end(&result("wide", Some("é".repeat(1 << 20))), 0);
        assert_eq!(tests.ended[0].diff.as_ref().unwrap().kept, DiffKept::Whole);
        let cut = tests.ended[1].diff.as_ref().unwrap();
        assert_eq!((cut.text.lines().count(), cut.kept), (200, DiffKept::Cut { lines: 1000 }));
        assert!(tests.ended[2].diff.as_ref().unwrap().text.len() <= DIFF_BYTES);
        for _ in 0..10_000 {
            tests.end(&result("many", Some("x".repeat(1 << 16))), 0);
        }
        let kept: usize = tests.ended.iter().filter_map(|test| test.diff.as_ref()).map(|diff| diff.text.len()).sum();
        assert!(kept <= DIFFS_BYTES && kept > DIFFS_BYTES / 2, "{kept}");
        assert_eq!(tests.counts.failed, 10_003);
    }

    #[test]
    fn runs_of_one_test_are_told_apart_and_know_their_place_in_the_output() {
        let at = Timestamp::UNIX_EPOCH;
        let mut tests = TestsView::default();
        let started = |name: &str| TestEvent::Started { name: name.into() };
        tests.apply(&started("a.t"), at, 10);
        tests.apply(&started("a.t"), at, 20);
        let serials: Vec<u64> = tests.running.iter().map(|test| test.serial).collect();
        assert_ne!(serials[0], serials[1]);
        let before = tests.version;
        tests.apply(&TestEvent::Ended(result("a.t", None)), at, 50);
        assert_ne!(tests.version, before);
        let ended = &tests.ended[0];
        assert_eq!((ended.serial, ended.began, ended.output_before, ended.output), (serials[0], Some(10), 20, 50));
        tests.apply(&TestEvent::Ended(result("never-began.t", None)), at, 60);
        assert_eq!((tests.ended[1].began, tests.ended[1].output_before), (None, 50));
        assert!(!serials.contains(&tests.ended[1].serial));
        let before = tests.version;
        tests.end_of_run();
        assert_ne!(tests.version, before);
        let before = tests.version;
        tests.end_of_run();
        assert_eq!(tests.version, before);
    }

    proptest! {
        #[test]
        fn the_head_is_a_beginning_within_bounds(text in "(\\PC|\n){0,400}") {
            let (head, whole) = head(&text);
            prop_assert!(text.starts_with(head));
            prop_assert_eq!(whole, head.len() == text.len());
            prop_assert!(head.lines().count() <= DIFF_LINES);
        }
    }
}
