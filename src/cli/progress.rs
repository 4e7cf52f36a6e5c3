//! The line that moves: phase, tests done, failures, what runs, for how long.

use super::words;
use crate::domain::{Timestamp, escape_line};
use crate::event::Unit;
use crate::store::{JobView, LinkState, eta};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::time::Duration;

/// The moving line on standard error.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A line, not shown yet.
    pub(super) fn on_stderr() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            // no braille: screen readers and some fonts stumble over it
            bar.set_style(style.tick_chars("|/-\\ "));
        }
        Self { bar }
    }

    /// Shows how far the job is.
    pub(super) fn show(&self, job: &JobView, now: Timestamp) {
        self.bar.set_message(line(job, now));
        self.bar.tick();
    }

    /// Takes it away while something else is written.
    pub(super) fn suspend<T>(&self, act: impl FnOnce() -> T) -> T {
        self.bar.suspend(act)
    }

    /// Takes it away for good.
    pub(super) fn clear(self) {
        self.bar.finish_and_clear();
    }
}

/// The line itself; what does not fit is cut at its end, so the most telling comes first.
fn line(job: &JobView, now: Timestamp) -> String {
    let mut parts = vec![job.phase.map_or_else(|| job.state.as_str().to_owned(), |phase| phase.to_string())];
    let tests = &job.tests;
    if tests.counts.total > 0 && job.ended.is_none() && tests.counts.done() + count(tests.running.len()) > 0 {
        parts.push(bar(tests.counts.done(), tests.counts.total));
        parts.push(format!("{}/{} tests", tests.counts.done(), tests.counts.total));
        if tests.counts.failed > 0 {
            parts.push(format!("{} failed", tests.counts.failed));
        }
    } else if let Some(progress) = job.progress {
        let done = match progress.unit {
            Unit::Bytes if progress.total > 0 => {
                format!("{} of {}", words::bytes(progress.done), words::bytes(progress.total))
            }
            Unit::Bytes => words::bytes(progress.done),
            Unit::Files | Unit::Steps if progress.total > 0 => format!("{}/{}", progress.done, progress.total),
            Unit::Files | Unit::Steps => progress.done.to_string(),
        };
        parts.push(done);
    }
    parts.push(words::span(elapsed(job.created, now)));
    if let Some(left) = eta(job, &BTreeMap::new(), now).filter(|left| left.as_secs() > 0 && !tests.running.is_empty())
    {
        parts.push(format!("about {} left", words::span(left)));
    }
    if let LinkState::Lost { since, .. } = &job.link {
        parts.push(format!("no connection for {}", words::span(elapsed(*since, now))));
    }
    if !tests.running.is_empty() {
        let names: Vec<String> = tests
            .running
            .iter()
            .take(8)
            .map(|test| format!("{} {}", escape_line(&test.name), words::span(elapsed(test.since, now))))
            .collect();
        parts.push(names.join(", "));
    }
    parts.join("  ")
}

fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn bar(done: u32, total: u32) -> String {
    const WIDTH: u64 = 20;
    let full = (u64::from(done.min(total)) * WIDTH / u64::from(total.max(1))).min(WIDTH);
    (0..WIDTH).map(|place| if place < full { '█' } else { '░' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::snapshots::{at, failing_run, fold};

    #[test]
    fn the_line_tells_what_runs() {
        let events = failing_run();
        let until = events.iter().position(|event| matches!(&event.kind,
            crate::event::EventKind::Test { test: crate::domain::TestEvent::Ended(result), .. } if result.outcome.is_failure()));
        let job = fold(&events[..=until.unwrap()]);
        insta::assert_snapshot!(line(&job, at(20)), @"test  ██████████░░░░░░░░░░  2/4 tests  1 failed  20s  test-long.t#case-a 14s");
    }
}
