//! The tests of a job as rows: which there are, in which order, what is known of each. Made anew only when the tests, the
//! order or the filter changed; see [`JobScreen::made`](super::JobScreen).

use super::filter::Filter;
use super::list::{List, Order};
use crate::domain::{TestOutcome, Timestamp, escape_line, words};
use crate::store::{EndedTest, JobView, RunningTest};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// How long a test may run before it is called slow when nothing tells how long it usually takes, in seconds.
const SLOW: f64 = 60.0;
/// How many times its usual time a test may take before it is called slow,
const SLOW_TIMES: f64 = 3.0;
/// but never before that many seconds: the clock has whole seconds only.
const SLOW_LEAST: f64 = 2.0;

/// A row of a job's tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TestKey {
    /// One that runs, by its serial number: a name may run several times at once.
    Running(u64),
    /// One that has ended, by its place among them.
    Ended(usize),
}

/// The heads of the tests' columns; sorting and filtering go by them.
pub(super) const TEST_COLUMNS: [&str; 5] = ["TEST", "OUTCOME", "TIME", "USUAL", "WHY"];

/// What a row shows.
#[derive(Debug, Clone, Copy)]
pub enum TestRow<'a> {
    /// One that runs.
    Running(&'a RunningTest),
    /// One that has ended.
    Ended(&'a EndedTest),
}

impl<'a> TestRow<'a> {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self {
            Self::Running(test) => &test.name,
            Self::Ended(test) => &test.name,
        }
    }

    /// The word for how it stands.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running(_) => "running",
            Self::Ended(test) => test.outcome.as_str(),
        }
    }

    /// Why it ended so.
    #[must_use]
    pub fn why(self) -> &'a str {
        match self {
            Self::Running(_) => "",
            Self::Ended(test) => test.reason.as_deref().unwrap_or(""),
        }
    }

    /// A cell as filters see it; times are told by sorting.
    fn cell(self, column: usize) -> Cow<'a, str> {
        match column {
            0 => self.name().into(),
            1 => self.word().into(),
            4 => self.why().into(),
            _ => "".into(),
        }
    }

    /// Where in the output to look for it, in bytes: where it began while it runs, about where it ended afterwards.
    #[must_use]
    pub fn output(self) -> u64 {
        match self {
            Self::Running(test) => test.output,
            Self::Ended(test) => test.output_before,
        }
    }

    /// Running ones first, then what wants to be looked at.
    fn rank(self) -> u8 {
        match self {
            Self::Running(_) => 0,
            Self::Ended(test) => match test.outcome {
                TestOutcome::Failed => 1,
                TestOutcome::Error => 2,
                TestOutcome::TimedOut => 3,
                TestOutcome::Skipped => 4,
                TestOutcome::Passed => 5,
                TestOutcome::Ignored => 6,
            },
        }
    }

    /// The shorter time first; those that run are longer than any that ended, the one that began first the longest.
    fn by_time(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Running(a), Self::Running(b)) => b.since.cmp(&a.since),
            (Self::Running(_), Self::Ended(_)) => Ordering::Greater,
            (Self::Ended(_), Self::Running(_)) => Ordering::Less,
            (Self::Ended(a), Self::Ended(b)) => a.seconds.unwrap_or(-1.0).total_cmp(&b.seconds.unwrap_or(-1.0)),
        }
    }
}

/// What a key stands for; none when it is gone.
#[must_use]
pub fn test_row(job: &JobView, key: TestKey) -> Option<TestRow<'_>> {
    match key {
        TestKey::Running(serial) => job.tests.running.iter().find(|test| test.serial == serial).map(TestRow::Running),
        TestKey::Ended(place) => job.tests.ended.get(place).map(TestRow::Ended),
    }
}

/// The key that a test has now: one that ran may have ended since.
#[must_use]
pub fn test_now(job: &JobView, key: TestKey) -> TestKey {
    match key {
        TestKey::Running(serial) if test_row(job, key).is_none() => {
            job.tests.ended.iter().rposition(|test| test.serial == serial).map_or(key, TestKey::Ended)
        }
        _ => key,
    }
}

/// Whether a test that has run for so many seconds is slow.
#[must_use]
pub fn is_slow(seconds: f64, usual: Option<f64>) -> bool {
    seconds > usual.map_or(SLOW, |usual| (SLOW_TIMES * usual).max(SLOW_LEAST))
}

/// How long a test has run.
#[must_use]
pub fn running_for(test: &RunningTest, now: Timestamp) -> f64 {
    now.duration_since(test.since).as_secs_f64().max(0.0)
}

/// The tests of a job to show: running ones first, then failures, then the rest as they ended; or as sorted.
#[must_use]
pub fn test_keys(list: &List<TestKey>, job: &JobView, durations: &BTreeMap<String, f64>) -> Vec<TestKey> {
    let running = job.tests.running.iter().map(|test| TestKey::Running(test.serial));
    let (failed, rest): (Vec<usize>, Vec<usize>) =
        (0..job.tests.ended.len()).partition(|place| job.tests.ended[*place].outcome.is_failure());
    let keys = running.chain(failed.into_iter().chain(rest).map(TestKey::Ended)).collect();
    arranged(keys, &list.filter, list.order, job, durations)
}

/// The failures of a job to show, by their place among the ended tests, in the order they ended or as sorted.
#[must_use]
pub fn failure_keys(list: &List<usize>, job: &JobView, durations: &BTreeMap<String, f64>) -> Vec<usize> {
    let keys = (0..job.tests.ended.len())
        .filter(|place| job.tests.ended[*place].outcome.is_failure())
        .map(TestKey::Ended)
        .collect();
    let place = |key| match key {
        TestKey::Ended(place) => Some(place),
        TestKey::Running(_) => None,
    };
    arranged(keys, &list.filter, list.order, job, durations).into_iter().filter_map(place).collect()
}

fn arranged(
    keys: Vec<TestKey>,
    filter: &str,
    order: Order,
    job: &JobView,
    durations: &BTreeMap<String, f64>,
) -> Vec<TestKey> {
    let filter = Filter::of(filter, &TEST_COLUMNS);
    let mut rows: Vec<(TestKey, TestRow<'_>)> =
        keys.into_iter().filter_map(|key| Some((key, test_row(job, key)?))).collect();
    if !filter.is_empty() {
        rows.retain(|(_, row)| filter.takes(TEST_COLUMNS.len(), &|column| row.cell(column)));
    }
    if let Some(column) = order.column {
        let usual = |row: TestRow<'_>| durations.get(row.name()).copied().unwrap_or(-1.0);
        // stable: rows that are the same in this column keep the list's own order
        rows.sort_by(|(_, a), (_, b)| {
            let order_of = match column {
                1 => a.rank().cmp(&b.rank()),
                2 => a.by_time(*b),
                3 => usual(*a).total_cmp(&usual(*b)),
                4 => a.why().cmp(b.why()),
                _ => a.name().cmp(b.name()),
            };
            if order.descending { order_of.reverse() } else { order_of }
        });
    }
    rows.into_iter().map(|(key, _)| key).collect()
}

/// What is known of a test, line by line, fit for a terminal.
#[must_use]
pub fn test_facts(row: TestRow<'_>, durations: &BTreeMap<String, f64>, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    let usual = durations.get(row.name()).copied();
    match row {
        TestRow::Running(test) => {
            let seconds = running_for(test, now);
            let slow = if is_slow(seconds, usual) { ", slow" } else { "" };
            lines.push(format!("running for {}{slow}", whole(seconds)));
        }
        TestRow::Ended(test) => {
            let took = test.seconds.map_or(String::new(), |seconds| format!(" in {}", words::seconds(seconds)));
            lines.push(format!("{}{took}", test.outcome.as_str()));
        }
    }
    lines.extend(usual.map(|usual| format!("usually {}", words::seconds(usual))));
    lines.extend((!row.why().is_empty()).then(|| format!("why: {}", escape_line(row.why()))));
    lines
}

/// Seconds without a part: what runs is looked at about once a second.
#[must_use]
pub fn whole(seconds: f64) -> String {
    words::span(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod cases {
    use super::*;
    use crate::tui::fixtures::{ended, job, started};
    use TestOutcome::{Failed, Passed, Skipped};

    fn names(filter: &str, order: Order, job: &JobView) -> String {
        let list = List { filter: filter.to_owned(), order, ..List::default() };
        let durations = BTreeMap::from([("a.t".to_owned(), 5.0)]);
        let keys = test_keys(&list, job, &durations);
        let names: Vec<&str> = keys.into_iter().map(|key| test_row(job, key).unwrap().name()).collect();
        names.join(" ")
    }

    fn by(column: usize, descending: bool) -> Order {
        Order { column: Some(column), descending }
    }

    #[test]
    fn tests_are_sorted_and_filtered() {
        let job = job(vec![
            (0, started("late.t")),
            (1, started("z.t")),
            (2, ended("b.t", Passed, 1.0, None)),
            (3, ended("a.t", Failed, 9.0, Some("output changed"))),
            (4, ended("C.t", Skipped, 0.1, Some("missing feature: xdiff"))),
        ]);
        let table = [
            ("", Order::default(), "late.t z.t a.t b.t C.t"),
            ("", by(0, false), "C.t a.t b.t late.t z.t"),
            ("", by(1, false), "late.t z.t a.t C.t b.t"),
            ("", by(2, true), "late.t z.t a.t b.t C.t"),
            ("", by(2, false), "C.t b.t a.t z.t late.t"),
            ("", by(3, true), "a.t late.t z.t b.t C.t"),
            ("", by(4, true), "a.t C.t late.t z.t b.t"),
            ("a.t", Order::default(), "a.t"),
            ("outcome:failed", Order::default(), "a.t"),
            ("!outcome:passed !running", Order::default(), "a.t C.t"),
            ("XDIFF", Order::default(), "C.t"),
            ("why:feature c", Order::default(), "C.t"),
            ("! why: :", Order::default(), "C.t"),
            ("nothing-like-that", Order::default(), ""),
        ];
        for (filter, order, expected) in table {
            assert_eq!(names(filter, order, &job), expected, "{filter:?} {order:?}");
        }
    }

    #[test]
    fn a_key_follows_its_own_run_of_a_test() {
        let mut kinds = vec![(0, started("a.t")), (0, started("a.t"))];
        let before = job(kinds.clone());
        let keys = test_keys(&List::default(), &before, &BTreeMap::new());
        kinds.push((5, ended("a.t", Passed, 5.0, None)));
        let after = job(kinds);
        assert_eq!(test_now(&after, keys[0]), TestKey::Ended(0));
        assert_eq!(test_now(&after, keys[1]), keys[1]);
    }

    #[test]
    fn slow_is_three_times_the_usual() {
        for (seconds, usual, slow) in [
            (59.0, None, false),
            (61.0, None, true),
            (24.0, Some(8.0), false),
            (25.0, Some(8.0), true),
            (1.0, Some(0.1), false),
            (250.0, Some(100.0), false),
        ] {
            assert_eq!(is_slow(seconds, usual), slow, "{seconds} {usual:?}");
        }
    }
}
