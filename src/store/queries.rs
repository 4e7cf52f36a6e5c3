//! Questions that more than one front end asks of a job.

use super::job::{JobView, between};
use super::tests_view::EndedTest;
use crate::domain::{Phase, Timestamp};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// The `n` slowest tests, slowest first; tests without a time are left out.
#[must_use]
pub fn slowest(job: &JobView, n: usize) -> Vec<&EndedTest> {
    let mut timed: Vec<&EndedTest> = job.tests.ended.iter().filter(|test| test.seconds.is_some()).collect();
    let key = |test: &EndedTest| test.seconds.unwrap_or(0.0);
    let slower = |a: &&EndedTest, b: &&EndedTest| key(b).total_cmp(&key(a)).then_with(|| a.name.cmp(&b.name));
    // of ten thousand only a handful is wanted
    if n < timed.len() {
        timed.select_nth_unstable_by(n, slower);
        timed.truncate(n);
    }
    timed.sort_by(slower);
    timed
}

/// The tests that failed, in the order they ended.
#[must_use]
pub fn failures(job: &JobView) -> Vec<&EndedTest> {
    job.tests.ended.iter().filter(|test| test.outcome.is_failure()).collect()
}

/// One line of the phase table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhaseRow {
    /// Which.
    pub phase: Phase,
    /// Seconds spent in it, all attempts together.
    pub seconds: f64,
    /// Its part of the whole, in percent.
    pub percent: f64,
    /// Whether it did what it was for; none while it runs or when it was broken off.
    pub ok: Option<bool>,
}

/// Where a job's time went.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseTable {
    /// The phases, in their order.
    pub rows: Vec<PhaseRow>,
    /// Seconds of all phases together.
    pub total: f64,
    /// Time not spent in the tests, in percent of the whole; none for a job without tests.
    pub overhead_percent: Option<f64>,
}

/// Where a job's time went, up to `now` for what is under way.
#[must_use]
pub fn phase_table(job: &JobView, now: Timestamp) -> PhaseTable {
    let total: f64 = job.phases.iter().map(|phase| phase.seconds_at(now)).sum();
    let percent = |seconds: f64| if total > 0.0 { 100.0 * seconds / total } else { 0.0 };
    let mut rows: Vec<PhaseRow> = job
        .phases
        .iter()
        .map(|phase| {
            let seconds = phase.seconds_at(now);
            PhaseRow { phase: phase.phase, seconds, percent: percent(seconds), ok: phase.ok }
        })
        .collect();
    rows.sort_by_key(|row| row.phase);
    let overhead_percent =
        rows.iter().find(|row| row.phase == Phase::Test).map(|test| percent((total - test.seconds).max(0.0)));
    PhaseTable { rows, total, overhead_percent }
}

/// How long the tests will still take, from what each took in earlier runs (seconds by name) and, for the rest, from
/// this run's mean. None while nothing is known to reckon with.
#[must_use]
pub fn eta(job: &JobView, durations: &BTreeMap<String, f64>, now: Timestamp) -> Option<Duration> {
    let tests = &job.tests;
    if tests.counts.total == 0 {
        return None;
    }
    let left = f64::from(tests.counts.total.saturating_sub(tests.counts.done()));
    let seen: HashSet<&str> = tests.ended.iter().map(|test| test.name.as_str()).collect();
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value.max(0.0)));
        (count > 0.0).then_some(sum / count)
    };
    let ours = mean(&mut tests.ended.iter().filter_map(|test| test.seconds));
    let expected =
        mean(&mut durations.iter().filter(|(name, _)| !seen.contains(name.as_str())).map(|(_, seconds)| *seconds));
    let each = expected.or(ours)?;
    let lanes = tests.parallel.map_or(1.0, |parallel| f64::from(parallel.max(1)));
    // what runs longer than expected takes nothing from those that have not begun
    let still: Vec<f64> = tests
        .running
        .iter()
        .map(|test| (durations.get(&test.name).copied().unwrap_or(each) - between(test.since, now)).max(0.0))
        .collect();
    let waiting = (left - still.len() as f64).max(0.0);
    let by_work = (waiting * each + still.iter().sum::<f64>()) / lanes;
    let by_longest = still.iter().copied().fold(0.0, f64::max);
    Duration::try_from_secs_f64(by_work.max(by_longest)).ok()
}
