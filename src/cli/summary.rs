//! The last word on a job: counts, failures with their diffs, the slowest tests, where the time went, what became of
//! the machine, where the results are, both verdicts and the exit code.

use super::lines::{cut, diff, word};
use super::paint::{Paint, Tone};
use super::{exit, words};
use crate::domain::money::{JobCost, Usd};
use crate::domain::{CleanupVerdict, Region, Timestamp, WorkVerdict, escape_line};
use crate::event::Level;
use crate::session::JobFiles;
use crate::store::{DiffKept, EndedTest, JobView, failures, phase_table, slowest};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// How many of the slowest tests are told.
const SLOWEST: usize = 10;
/// How many skipped tests are told one by one.
const SKIPPED: usize = 20;

/// The summary for people.
pub(super) fn text(
    job: &JobView,
    files: &JobFiles,
    code: i32,
    now: Timestamp,
    paint: Paint,
    cost: Option<&JobCost>,
) -> String {
    let mut text = String::from("\n");
    if job.tests.counts.total > 0 || job.tests.counts.done() > 0 {
        tests(&mut text, job, files, now, paint);
    }
    times(&mut text, job, now, paint, cost);
    ends(&mut text, job, files, code, paint, cost);
    text
}

fn heading(text: &mut String, paint: Paint, heading: &str) {
    let _ = writeln!(text, "{}", paint.tone(Tone::Strong, heading));
}

fn tests(text: &mut String, job: &JobView, files: &JobFiles, now: Timestamp, paint: Paint) {
    let failed = failures(job);
    if !failed.is_empty() {
        heading(text, paint, "Failures");
        for test in failed {
            let (name, tone) = word(test.outcome);
            let _ = write!(text, "  {} {}", paint.tone(tone, name), cut(&escape_line(&test.name)));
            if let Some(reason) = &test.reason {
                let _ = write!(text, "  ({})", cut(&escape_line(reason)));
            }
            text.push('\n');
            if let Some(kept) = &test.diff {
                text.push_str(&diff(kept, paint, "    "));
            }
            if test.diff.as_ref().is_none_or(|kept| kept.kept != DiffKept::Whole) {
                let _ = writeln!(text, "    see {}", files.results.display());
            }
        }
        text.push('\n');
    }
    let skipped: Vec<&EndedTest> =
        job.tests.ended.iter().filter(|test| test.outcome == crate::domain::TestOutcome::Skipped).collect();
    if !skipped.is_empty() {
        heading(text, paint, "Skipped");
        for test in skipped.iter().take(SKIPPED) {
            let why =
                test.reason.as_deref().map_or(String::new(), |reason| format!("  ({})", cut(&escape_line(reason))));
            let _ = writeln!(text, "  {}{why}", cut(&escape_line(&test.name)));
        }
        if skipped.len() > SKIPPED {
            let _ = writeln!(text, "  and {} more", skipped.len() - SKIPPED);
        }
        text.push('\n');
    }
    let slow = slowest(job, SLOWEST);
    if slow.len() > 1 {
        heading(text, paint, "Slowest");
        for test in slow {
            let took = test.seconds.map_or(String::new(), words::seconds);
            let _ = writeln!(text, "  {took:>8}  {}", cut(&escape_line(&test.name)));
        }
        text.push('\n');
    }
    let counts = job.tests.counts;
    let mut parts = vec![paint.tone(Tone::Good, &format!("{} passed", counts.passed))];
    let failed = format!("{} failed", counts.failed);
    parts.push(if counts.failed > 0 { paint.tone(Tone::Bad, &failed) } else { failed });
    parts.push(format!("{} skipped", counts.skipped));
    if counts.ignored > 0 {
        parts.push(format!("{} ignored", counts.ignored));
    }
    if counts.total > counts.done() {
        parts.push(format!("{} not run", counts.total - counts.done()));
    }
    let table = phase_table(job, now);
    let took = table.rows.iter().find(|row| row.phase == crate::domain::Phase::Test);
    let took = took.map_or(String::new(), |row| format!(" in {}", words::seconds(row.seconds)));
    let all = words::count(u64::from(counts.total.max(counts.done())), "test");
    let _ = writeln!(text, "{all}{took}: {}\n", parts.join(", "));
}

fn times(text: &mut String, job: &JobView, now: Timestamp, paint: Paint, cost: Option<&JobCost>) {
    let table = phase_table(job, now);
    if table.rows.is_empty() {
        return;
    }
    heading(text, paint, if cost.is_some() { "Time and money" } else { "Time" });
    let money = |usd: Option<Usd>| match (cost, usd.filter(|usd| !usd.is_zero())) {
        (None, _) => String::new(),
        (Some(_), usd) => format!("  {:>7}", usd.map_or(String::new(), |usd| usd.to_string())),
    };
    for row in &table.rows {
        let failed = if row.ok == Some(false) { "  failed" } else { "" };
        let usd = money(cost.and_then(|cost| cost.phase(row.phase)));
        let line =
            format!("  {:<8} {:>9}  {:>3.0} %{usd}{failed}", row.phase, words::seconds(row.seconds), row.percent);
        let _ = writeln!(text, "{}", line.trim_end());
        for step in job.steps_of(row.phase) {
            let step = format!("    {:>9}  {}", words::seconds(step.seconds), cut(&escape_line(&step.step)));
            let _ = writeln!(text, "{}", paint.tone(Tone::Dim, &step));
        }
    }
    if let Some(between) = cost.map(|cost| cost.between).filter(|between| !between.is_zero()) {
        let _ = writeln!(text, "  {:<8} {:>9}  {:>5}{}", "between", "", "", money(Some(between)));
    }
    let _ = write!(text, "  {:<8} {:>9}", "total", words::seconds(table.total));
    if let Some(cost) = cost {
        let _ = write!(text, "  {:>5}  {:>7}", "", cost.words());
    }
    if let Some(overhead) = table.overhead_percent {
        let _ = write!(text, "  setup overhead {overhead:.1} %");
    }
    text.push_str("\n\n");
}

fn ends(text: &mut String, job: &JobView, files: &JobFiles, code: i32, paint: Paint, cost: Option<&JobCost>) {
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<10} {value}");
    };
    if let Some(machine) = &job.machine {
        let kept = matches!(job.cleanup, Some(CleanupVerdict::Kept { .. }));
        let fate = match () {
            () if machine.ended => "has ended".to_owned(),
            () if kept => {
                let there = match &machine.region {
                    Some(region) if *region != Region::usual() => format!(" --aws-region {region}"),
                    _ => String::new(),
                };
                format!(
                    "is kept until its lease runs out: `hga ssh {}`, `hga machines terminate {}{there}`",
                    machine.id, machine.id
                )
            }
            () if machine.provider == crate::domain::ProviderKind::Hosts => "is a listed host and stays".to_owned(),
            () if job.ended.is_none() && job.is_under_way() => "works on".to_owned(),
            () if job.ended.is_none() => "waits for the job to be taken up, or for its lease to run out".to_owned(),
            () => "may still be there: `hga machines list`".to_owned(),
        };
        let what: Vec<String> =
            machine.instance_type.iter().cloned().chain(machine.region.iter().map(ToString::to_string)).collect();
        let what = if what.is_empty() { String::new() } else { format!(" ({})", escape_line(&what.join(", "))) };
        row("Machine", &format!("{}{what} {fate}", machine.id));
    }
    if let Some(cost) = cost {
        let known: Vec<&str> = cost.sources.iter().map(String::as_str).collect();
        let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
        let runs = job.machine.as_ref().is_some_and(|machine| !machine.ended);
        let so_far = if runs { " so far" } else { "" };
        row("Cost", &format!("{}{so_far}{known}", cost.words()));
    }
    if files.results.is_dir() {
        row("Results", &files.results.display().to_string());
    }
    if files.output.is_file() {
        row("Output", &files.output.display().to_string());
    }
    let warned = job.notes.iter().rev().find(|note| note.level == Level::Warning);
    if job.tests.counts.done() == 0
        && matches!(job.work, Some(WorkVerdict::TestsFailed { .. }))
        && let Some(warned) = warned
    {
        row("Why", &cut(&escape_line(&warned.text)));
    }
    let work = match &job.work {
        None if job.is_under_way() => "goes on".to_owned(),
        None => "stands still until the job is taken up".to_owned(),
        Some(WorkVerdict::Done) => paint.tone(Tone::Good, "done"),
        Some(WorkVerdict::Nothing) => paint.tone(Tone::Good, "nothing to do"),
        Some(WorkVerdict::TestsFailed { status }) => {
            let what = if job.tests.counts.done() == 0 { "no test was run" } else { "tests failed" };
            format!("{}, run-tests.py ended with {status}", paint.tone(Tone::Bad, what))
        }
        Some(WorkVerdict::Error { message, .. }) => {
            format!("{}: {}", paint.tone(Tone::Bad, "error"), cut(&escape_line(message)))
        }
        Some(WorkVerdict::MachineLost { message }) => {
            format!("{}: {}", paint.tone(Tone::Bad, "machine lost"), cut(&escape_line(message)))
        }
        Some(WorkVerdict::Cancelled) => match job.capped {
            Some(cap) => format!("{}, {cap}", paint.tone(Tone::Warn, "stopped by its cap")),
            None => paint.tone(Tone::Warn, "stopped"),
        },
    };
    row("Work", &work);
    match &job.cleanup {
        None => {}
        Some(CleanupVerdict::Clean) => row("Clean-up", "nothing is left behind"),
        Some(CleanupVerdict::Kept { .. }) => row("Clean-up", "the machine was kept, as asked"),
        Some(CleanupVerdict::Remains { items }) => {
            for item in items {
                let remains = paint.tone(Tone::Bad, "REMAINS");
                row("Clean-up", &format!("{remains} {}: {}", escape_line(&item.what), escape_line(&item.why)));
            }
        }
    }
    row("Job", &format!("{}, exit code {code} ({})", job.id, exit::meaning(code)));
}

/// The summary for programs, one line.
pub(super) fn json(job: &JobView, files: &JobFiles, code: i32, now: Timestamp, cost: Option<&JobCost>) -> String {
    let table = phase_table(job, now);
    let phases: Vec<Value> = table
        .rows
        .iter()
        .map(|row| json!({"phase": row.phase, "seconds": row.seconds, "percent": row.percent, "ok": row.ok}))
        .collect();
    let steps: Vec<Value> = job
        .steps
        .iter()
        .map(|step| json!({"phase": step.phase, "step": step.step, "seconds": step.seconds}))
        .collect();
    let failures: Vec<Value> = failures(job)
        .iter()
        .map(|test| {
            let cut = test.diff.as_ref().is_some_and(|kept| kept.kept != DiffKept::Whole);
            json!({
                "name": test.name, "outcome": test.outcome, "seconds": test.seconds, "reason": test.reason,
                "diff": test.diff.as_ref().map(|kept| &kept.text), "diff_cut": cut,
            })
        })
        .collect();
    let slowest: Vec<Value> =
        slowest(job, SLOWEST).iter().map(|test| json!({"name": test.name, "seconds": test.seconds})).collect();
    let mut summary = json!({
        "event": "summary",
        "job": job.id,
        "operation": job.operation.as_ref().map(crate::domain::Operation::verb),
        "state": job.state,
        "counts": job.tests.counts,
        "failures": failures,
        "slowest": slowest,
        "phases": phases,
        "steps": steps,
        "seconds": table.total,
        "setup_overhead_percent": table.overhead_percent,
        "machine": job.machine.as_ref().map(|machine| {
            json!({
                "id": machine.id, "provider": machine.provider, "address": machine.address, "ended": machine.ended,
                "instance_type": machine.instance_type, "region": machine.region,
            })
        }),
        "capped": job.capped,
        "cost": cost,
        "results": files.results,
        "output": files.output,
        "exit_code": code,
    });
    for verdict in [serde_json::to_value(&job.work), serde_json::to_value(&job.cleanup)].into_iter().flatten() {
        if let (Value::Object(summary), Value::Object(verdict)) = (&mut summary, verdict) {
            summary.extend(verdict);
        }
    }
    format!("{summary}\n")
}
