//! A job's summary as lines: verdicts, counts, failures, slowest tests, skip reasons, times, notes, where its files are and
//! how to run it again. While the job goes on: what is known so far.

use super::tests::{running_for, whole};
use super::{JobScreen, Model};
use crate::domain::{CleanupVerdict, Operation, TestOutcome, WorkVerdict, escape_line, words};
use crate::event::Level;
use crate::store::{EndedTest, JobView, failures, phase_table, slowest};
use std::collections::BTreeMap;

/// How many of the slowest tests are told.
const SLOWEST: usize = 10;
/// How many failures are told by name.
const FAILURES: usize = 50;
/// How many reasons of skipped tests are told.
const REASONS: usize = 20;
/// How many things of a plan are told one by one.
const REMOVED: usize = 200;
/// How many notes are told, the last ones.
const NOTES: usize = 40;

/// How a piece of a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// As it is.
    Plain,
    /// A heading.
    Title,
    /// Of less weight.
    Dim,
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// Worth a look.
    Warn,
}

/// A line: pieces one after the other, free of control characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SummaryLine(pub Vec<(Ink, String)>);

impl SummaryLine {
    fn of(ink: Ink, text: impl Into<String>) -> Self {
        Self(vec![(ink, text.into())])
    }

    fn and(mut self, ink: Ink, text: impl Into<String>) -> Self {
        self.0.push((ink, text.into()));
        self
    }
}

/// The summary of the job shown.
#[must_use]
pub fn summary(model: &Model, screen: &JobScreen, job: &JobView) -> Vec<SummaryLine> {
    let mut lines = Vec::new();
    verdicts(&mut lines, job);
    removed(&mut lines, job);
    counts(&mut lines, model, screen, job);
    failed(&mut lines, job);
    slow(&mut lines, model, job);
    skipped(&mut lines, job);
    times(&mut lines, model, screen, job);
    notes(&mut lines, model, job);
    files(&mut lines, model, job);
    lines
}

fn heading(lines: &mut Vec<SummaryLine>, text: &str) {
    if !lines.is_empty() {
        lines.push(SummaryLine::default());
    }
    lines.push(SummaryLine::of(Ink::Title, text));
}

fn verdicts(lines: &mut Vec<SummaryLine>, job: &JobView) {
    heading(lines, "Verdicts");
    let (ink, text, hints) = match &job.work {
        None => {
            let so_far = match job.phase {
                Some(phase) => format!("▶ goes on: {phase}"),
                None => format!("▶ goes on: {}", job.state.as_str()),
            };
            (Ink::Plain, so_far, Vec::new())
        }
        Some(WorkVerdict::Done) => (Ink::Good, "✓ done".to_owned(), Vec::new()),
        Some(WorkVerdict::Nothing) => (Ink::Good, "✓ nothing to do".to_owned(), Vec::new()),
        Some(WorkVerdict::TestsFailed { status }) => {
            let what = if job.tests.counts.done() == 0 { "no test was run" } else { "tests failed" };
            (Ink::Bad, format!("✗ {what}, run-tests.py ended with {status}"), Vec::new())
        }
        Some(WorkVerdict::Error { message, hints }) => {
            let hints = hints.iter().map(ToString::to_string).collect();
            (Ink::Bad, format!("✗ error: {}", escape_line(message)), hints)
        }
        Some(WorkVerdict::MachineLost { message }) => {
            (Ink::Bad, format!("✗ machine lost: {}", escape_line(message)), Vec::new())
        }
        Some(WorkVerdict::Cancelled) => {
            let why = job.capped.map_or(String::new(), |cap| format!(" by its cap, {cap}"));
            (Ink::Warn, format!("■ stopped{why}"), Vec::new())
        }
    };
    lines.push(SummaryLine::of(Ink::Dim, "  work      ").and(ink, text));
    for hint in hints {
        lines.push(SummaryLine::of(Ink::Dim, format!("            hint: {}", escape_line(&hint))));
    }
    let row = |ink, text: String| SummaryLine::of(Ink::Dim, "  clean-up  ").and(ink, text);
    match &job.cleanup {
        None => lines.push(row(Ink::Plain, "· comes at the end".to_owned())),
        Some(CleanupVerdict::Clean) => lines.push(row(Ink::Good, "✓ nothing is left behind".to_owned())),
        Some(CleanupVerdict::Kept { machine, .. }) => {
            lines.push(row(Ink::Warn, format!("! machine {machine} was kept, as asked, until its lease runs out")));
            let hint = format!("            hint: `hga ssh {machine}`, `hga machines terminate {machine}`");
            lines.push(SummaryLine::of(Ink::Dim, hint));
        }
        Some(CleanupVerdict::Remains { items }) => {
            for item in items {
                let text = format!("! REMAINS {}: {}", escape_line(&item.what), escape_line(&item.why));
                lines.push(row(Ink::Bad, text));
            }
            let hint = match &job.operation {
                Some(Operation::Apply { .. }) => {
                    "`hga resources list` shows what is there, `hga resources remove` removes it"
                }
                _ => "`hga machines list` shows what is there, `hga machines terminate` ends it",
            };
            let hint = format!("            hint: {hint}");
            lines.push(SummaryLine::of(Ink::Dim, hint));
        }
    }
}

/// What a plan ended and removed, what of it is left and why, what is still to come.
fn removed(lines: &mut Vec<SummaryLine>, job: &JobView) {
    let Some(Operation::Apply { plan, .. }) = &job.operation else { return };
    let removal = &job.removal;
    heading(lines, "Ended and removed");
    let mut line = SummaryLine::of(Ink::Plain, format!("  {} of {}", removal.removed, plan.items.len()));
    if removal.left_count > 0 {
        line = line.and(Ink::Bad, format!("  ! {} left", removal.left_count));
    }
    if let Some(account) = plan.account.as_ref().filter(|_| plan.items.iter().any(|item| item.at.region.is_some())) {
        line = line.and(Ink::Dim, format!("  account {}", escape_line(account)));
    }
    lines.push(line);
    // what needs a look first
    for (thing, why) in &removal.left {
        let line = SummaryLine::of(Ink::Bad, format!("  ! {}", escape_line(&thing.to_string())));
        lines.push(line.and(Ink::Plain, format!("  {}", escape_line(why))));
    }
    let rest = plan.items.iter().filter(|item| !removal.left.iter().any(|(thing, _)| *thing == item.at));
    for item in rest.take(REMOVED) {
        let (ink, mark, word) = match (removal.gone.contains(&item.at), job.ended.is_some()) {
            (true, _) => (Ink::Good, "✓", ""),
            (false, true) => (Ink::Dim, "·", "  was gone already, or the job ended before it"),
            (false, false) => (Ink::Dim, "·", ""),
        };
        let place = item.at.region.as_ref().map_or(item.at.provider.as_str(), crate::domain::Region::as_str);
        let line = SummaryLine::of(ink, format!("  {mark} {}", escape_line(&item.called())));
        lines.push(line.and(Ink::Dim, format!("  {place}{word}")));
    }
    if plan.items.len() > REMOVED {
        lines.push(SummaryLine::of(Ink::Dim, format!("  and {} more", plan.items.len() - REMOVED)));
    }
}

fn counts(lines: &mut Vec<SummaryLine>, model: &Model, screen: &JobScreen, job: &JobView) {
    let counts = job.tests.counts;
    if counts.total == 0 && counts.done() == 0 {
        return;
    }
    heading(lines, "Tests");
    let mut line = SummaryLine::of(Ink::Plain, format!("  {} of {}", counts.done(), counts.total.max(counts.done())))
        .and(Ink::Good, format!("  ✓ {} passed", counts.passed));
    let bad = if counts.failed > 0 { Ink::Bad } else { Ink::Plain };
    line = line.and(bad, format!("  ✗ {} failed", counts.failed));
    line = line.and(Ink::Warn, format!("  - {} skipped", counts.skipped));
    if counts.ignored > 0 {
        line = line.and(Ink::Dim, format!("  · {} ignored", counts.ignored));
    }
    if job.ended.is_some() && counts.total > counts.done() {
        line = line.and(Ink::Warn, format!("  {} not run", counts.total - counts.done()));
    }
    lines.push(line);
    if job.tests.dropped > 0 {
        let text = format!("  {} more were counted, but are not shown one by one", job.tests.dropped);
        lines.push(SummaryLine::of(Ink::Warn, text));
    }
    let mut running: Vec<_> = job.tests.running.iter().collect();
    running.sort_by_key(|test| test.since);
    for test in running.into_iter().take(SLOWEST) {
        let seconds = running_for(test, model.now);
        let text = format!("  ▶ {} for {}", escape_line(&test.name), whole(seconds));
        lines.push(SummaryLine::of(Ink::Plain, text));
    }
    if let Some((_, Some(left))) = screen.eta
        && !left.is_zero()
        && job.ended.is_none()
    {
        lines.push(SummaryLine::of(Ink::Dim, format!("  about {} left", words::span(left))));
    }
}

fn failed(lines: &mut Vec<SummaryLine>, job: &JobView) {
    let failed = failures(job);
    if failed.is_empty() {
        return;
    }
    heading(lines, "Failures");
    for test in failed.iter().take(FAILURES) {
        let mut line = SummaryLine::of(Ink::Bad, format!("  ✗ {}", escape_line(&test.name)));
        if let Some(reason) = &test.reason {
            line = line.and(Ink::Dim, format!("  {}", escape_line(reason)));
        }
        lines.push(line);
    }
    if failed.len() > FAILURES {
        lines.push(SummaryLine::of(Ink::Dim, format!("  and {} more", failed.len() - FAILURES)));
    }
}

fn slow(lines: &mut Vec<SummaryLine>, model: &Model, job: &JobView) {
    let slow = slowest(job, SLOWEST);
    if slow.len() < 2 {
        return;
    }
    heading(lines, "Slowest");
    for test in slow {
        let took = test.seconds.map_or(String::new(), words::seconds);
        let mut line = SummaryLine::of(Ink::Plain, format!("  {took:>8}  {}", escape_line(&test.name)));
        if let Some(usual) = model.durations.get(&test.name) {
            line = line.and(Ink::Dim, format!("  usually {}", words::seconds(*usual)));
        }
        lines.push(line);
    }
}

fn skipped(lines: &mut Vec<SummaryLine>, job: &JobView) {
    let mut reasons: BTreeMap<&str, (usize, &EndedTest)> = BTreeMap::new();
    for test in job.tests.ended.iter().filter(|test| test.outcome == TestOutcome::Skipped) {
        reasons.entry(test.reason.as_deref().unwrap_or("no reason told")).or_insert((0, test)).0 += 1;
    }
    if reasons.is_empty() {
        return;
    }
    heading(lines, "Skipped");
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    for (reason, (count, test)) in reasons.iter().take(REASONS) {
        let line = SummaryLine::of(Ink::Plain, format!("  {count:>8}  {}", escape_line(reason)));
        lines.push(if *count == 1 { line.and(Ink::Dim, format!("  {}", escape_line(&test.name))) } else { line });
    }
    if reasons.len() > REASONS {
        lines.push(SummaryLine::of(Ink::Dim, format!("  and {} more reasons", reasons.len() - REASONS)));
    }
}

fn times(lines: &mut Vec<SummaryLine>, model: &Model, screen: &JobScreen, job: &JobView) {
    let table = phase_table(job, job.ended.unwrap_or(model.now));
    if table.rows.is_empty() {
        return;
    }
    heading(lines, "Time");
    for row in &table.rows {
        let text = format!("  {:<8} {:>9}  {:>3.0} %", row.phase, words::seconds(row.seconds), row.percent);
        let cost = screen.phase_costs.iter().find(|(phase, _)| *phase == Some(row.phase));
        let line = SummaryLine::of(Ink::Plain, text);
        let line = match cost {
            Some((_, usd)) => line.and(Ink::Plain, format!("  {:>8}", usd.to_string())),
            None if screen.phase_costs.is_empty() => line,
            None => line.and(Ink::Plain, format!("  {:>8}", "")),
        };
        let attempts = job.phases.iter().find(|view| view.phase == row.phase).map_or(1, |view| view.attempts);
        let line = if attempts > 1 { line.and(Ink::Dim, format!("  {attempts} attempts")) } else { line };
        lines.push(if row.ok == Some(false) { line.and(Ink::Bad, "  ✗ failed") } else { line });
        for step in job.steps_of(row.phase) {
            let text = format!("    {:>9}  {}", words::seconds(step.seconds), escape_line(&step.step));
            lines.push(SummaryLine::of(Ink::Dim, text));
        }
    }
    if let Some((_, usd)) = screen.phase_costs.iter().find(|(phase, _)| phase.is_none()) {
        lines.push(SummaryLine::of(Ink::Dim, format!("  {:<8} {:>16}  {:>8}", "between", "", usd.to_string())));
    }
    let mut line = SummaryLine::of(Ink::Plain, format!("  {:<8} {:>9}", "total", words::seconds(table.total)));
    if let Some((usd, unknown)) = model.money.job(&job.id) {
        line = line.and(Ink::Plain, format!("         {:>8}", usd.to_string()));
        if unknown {
            line = line.and(Ink::Warn, "  and something of unknown price");
        }
    }
    lines.push(match table.overhead_percent {
        Some(overhead) => line.and(Ink::Dim, format!("  overhead {overhead:.1} %: all but the tests")),
        None => line,
    });
}

fn notes(lines: &mut Vec<SummaryLine>, model: &Model, job: &JobView) {
    if job.notes.is_empty() {
        return;
    }
    heading(lines, "Notes");
    let shown = job.notes.len().min(NOTES);
    let earlier = job.notes_dropped + (job.notes.len() - shown) as u64;
    if earlier > 0 {
        lines.push(SummaryLine::of(Ink::Dim, format!("  {earlier} earlier ones are not shown")));
    }
    for note in job.notes.iter().skip(job.notes.len() - shown) {
        let clock = note.at.to_zoned(model.setup.zone.clone()).strftime("%H:%M:%S");
        let line = SummaryLine::of(Ink::Dim, format!("  {clock}  "));
        let text = escape_line(&note.text);
        lines.push(match note.level {
            Level::Info => line.and(Ink::Plain, text),
            Level::Warning => line.and(Ink::Warn, format!("! {text}")),
        });
    }
    if job.links_lost > 0 {
        let times = words::count(u64::from(job.links_lost), "time");
        lines.push(SummaryLine::of(Ink::Warn, format!("  ! the connection was lost {times}")));
    }
}

fn files(lines: &mut Vec<SummaryLine>, model: &Model, job: &JobView) {
    heading(lines, "Files");
    let folder = model.setup.state_dir.join("jobs").join(job.id.as_str());
    for name in ["output", "results"] {
        let path = escape_line(&folder.join(name).display().to_string());
        lines.push(SummaryLine::of(Ink::Dim, format!("  {name:<8}  ")).and(Ink::Plain, path));
    }
    if let Some(node) = job.source.as_ref().map(|source| source.node.chars().take(12).collect::<String>()) {
        lines.push(SummaryLine::of(Ink::Dim, "  revision  ").and(Ink::Plain, escape_line(&node)));
    }
    if let Some(operation) = &job.operation {
        heading(lines, "Again");
        lines.push(SummaryLine::of(Ink::Plain, format!("  {}", escape_line(&model.command_line(operation)))));
    }
}
