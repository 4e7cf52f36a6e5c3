//! Events as lines for people: pure, event in, lines out. What machines and tests say is escaped here, always.

use super::paint::{Paint, Tone};
use super::words;
use crate::domain::{CancelLevel, TestEvent, TestOutcome, TestResult, escape_controls, escape_line};
use crate::event::{Event, EventKind, Level};
use crate::store::{DiffKept, DiffView};
use std::fmt::Write as _;

/// Bytes shown of one line.
pub(super) const LINE: usize = 4096;

/// Where a text goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// The result, for stdout; whole lines.
    Out(String),
    /// Talk, for stderr; whole lines.
    Err(String),
    /// Nothing.
    Nothing,
}

/// How lines are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Colour on stdout.
    pub out: Paint,
    /// Colour on stderr.
    pub err: Paint,
    /// A moving line shows what is under way, so that beginnings need no line of their own.
    pub moving: bool,
}

/// An event as text.
pub(super) fn said(event: &Event, style: Style) -> Said {
    let talk = |text: String| Said::Err(format!("{text}\n"));
    let warning = |text: &str| talk(format!("{} {}", style.err.tone(Tone::Warn, "warning:"), escape_line(text)));
    match &event.kind {
        EventKind::Submitted { operation } => talk(format!("job {}: {}", event.job, operation.verb())),
        EventKind::Started { pid, resumed: true } => talk(format!("taken up again by process {pid}")),
        EventKind::PhaseStarted { phase } if !style.moving => talk(format!("{phase} ...")),
        EventKind::PhaseEnded { phase, seconds, ok } => {
            let took = words::seconds(*seconds);
            let word =
                if *ok { style.err.tone(Tone::Dim, "done in") } else { style.err.tone(Tone::Bad, "failed after") };
            talk(format!("{phase} {word} {took}"))
        }
        EventKind::Note { level: Level::Info, text } => {
            talk(format!("{} {}", style.err.tone(Tone::Dim, "note:"), escape_line(text)))
        }
        EventKind::Note { level: Level::Warning, text } => warning(text),
        EventKind::Cancelling { level: CancelLevel::Kill } => talk("cutting the work short; cleaning up".into()),
        EventKind::Cancelling { .. } => talk("stopping the work; cleaning up".into()),
        EventKind::Launching { machine, provider } => talk(format!("launching machine {machine} ({provider})")),
        EventKind::Launched { asked, machine, instance_type, region, .. } if asked != machine => {
            let kind = instance_type.as_deref().map_or(String::new(), |kind| format!(", {}", escape_line(kind)));
            let place = region.as_ref().map_or(String::new(), |region| format!(" in {region}"));
            talk(format!("machine {asked} is {machine}{kind}{place}"))
        }
        EventKind::Step { step, seconds } => {
            talk(format!("{} {}", style.err.tone(Tone::Dim, &escape_line(step)), words::seconds(*seconds)))
        }
        EventKind::MachineReady { machine, provider, address } => {
            talk(format!("machine {machine} ({provider}) answers at {}", escape_line(address)))
        }
        EventKind::Removed { things } => {
            talk(things.iter().map(|thing| format!("ended {thing}")).collect::<Vec<_>>().join("\n"))
        }
        EventKind::Left { thing, why } => warning(&format!("{thing} is still there: {why}")),
        EventKind::NearCap { spent, cap } => warning(&format!("this job has cost {spent} so far, its cap is {cap}")),
        EventKind::Capped { spent, cap } => {
            warning(&format!("this job has cost {spent}, its cap is {cap}: it is stopped, its results are collected"))
        }
        EventKind::MachineEnded { machine, .. } => talk(format!("machine {machine} has ended")),
        EventKind::SourceResolved { node, summary } => {
            let short: String = node.chars().take(12).collect();
            talk(format!("testing {}: {}", escape_line(&short), escape_line(summary)))
        }
        EventKind::RunStarted { command, .. } => {
            talk(format!("{} {}", style.err.tone(Tone::Dim, "$"), short(&escape_line(command))))
        }
        EventKind::LinkLost { reason } => {
            warning(&format!("connection lost ({reason}); reading goes on from there when it is back"))
        }
        EventKind::LinkRestored { seconds } => talk(format!("connection is back after {}", words::seconds(*seconds))),
        EventKind::Test { test: TestEvent::Planned { total, parallel }, .. } => {
            let lanes = parallel.map_or(String::new(), |parallel| format!(", {parallel} at a time"));
            talk(format!("running {}{lanes}", words::count(u64::from(*total), "test")))
        }
        EventKind::Test { test: TestEvent::Ended(result), .. } => Said::Out(test(result, style.out)),
        EventKind::Started { .. }
        | EventKind::PhaseStarted { .. }
        | EventKind::Progress { .. }
        | EventKind::Detached
        | EventKind::Ended { .. }
        | EventKind::Launched { .. }
        | EventKind::ImageMade { .. }
        | EventKind::MachineEnding { .. }
        | EventKind::Removing { .. }
        | EventKind::RunEnded { .. }
        | EventKind::Test { test: TestEvent::Started { .. }, .. }
        | EventKind::EventsRead { .. } => Said::Nothing,
    }
}

/// The word for an outcome, as wide as the widest of the usual ones.
pub(super) fn word(outcome: TestOutcome) -> (&'static str, Tone) {
    match outcome {
        TestOutcome::Passed => ("PASS", Tone::Good),
        TestOutcome::Failed => ("FAIL", Tone::Bad),
        TestOutcome::Error => ("ERROR", Tone::Bad),
        TestOutcome::TimedOut => ("TIMEOUT", Tone::Bad),
        TestOutcome::Skipped => ("SKIP", Tone::Warn),
        TestOutcome::Ignored => ("IGNORE", Tone::Dim),
    }
}

/// A test that has ended: one line, and the diff of a failure below it.
fn test(result: &TestResult, paint: Paint) -> String {
    let (name, tone) = word(result.outcome);
    let took = result.seconds.map_or(String::new(), words::seconds);
    let mut text =
        format!("{} {took:>8}  {}", paint.tone(tone, &format!("{name:<7}")), cut(&escape_line(&result.name)));
    if let Some(reason) = result.reason.as_deref().filter(|reason| !reason.is_empty()) {
        let _ = write!(text, "  ({})", cut(&escape_line(reason)));
    }
    text.push('\n');
    if let Some(cut) = result.diff.as_deref().and_then(DiffView::of) {
        text.push_str(&diff(&cut, paint, ""));
    }
    text
}

/// A diff, escaped, coloured line by line, each line at most [`LINE`] bytes; says so when it is not all there.
pub(super) fn diff(diff: &DiffView, paint: Paint, indent: &str) -> String {
    let mut text = String::new();
    let body = diff.text.strip_suffix('\n').unwrap_or(&diff.text);
    for line in body.split('\n') {
        let tone = match line.as_bytes().first() {
            _ if line.starts_with("+++") || line.starts_with("---") => Some(Tone::Strong),
            Some(b'+') => Some(Tone::Good),
            Some(b'-') => Some(Tone::Bad),
            Some(b'@') => Some(Tone::Place),
            _ => None,
        };
        let line = cut(&escape_controls(line));
        let line = tone.map_or(line.clone(), |tone| paint.tone(tone, &line));
        let _ = writeln!(text, "{indent}{line}");
    }
    if let DiffKept::Cut { lines } = diff.kept {
        let note = format!("... cut here; the whole diff has {}", words::count(lines as u64, "line"));
        let _ = writeln!(text, "{indent}{}", paint.tone(Tone::Dim, &note));
    }
    text
}

/// The start of a command line, whole words, enough to recognise it; JSON has all of it.
fn short(command: &str) -> String {
    const ENOUGH: usize = 160;
    if command.len() <= ENOUGH {
        return command.to_owned();
    }
    let mut kept = String::new();
    for word in command.split(' ') {
        if kept.len() + word.len() > ENOUGH {
            break;
        }
        kept.push_str(word);
        kept.push(' ');
    }
    format!("{kept}... ({} words more)", command.split(' ').count() - kept.split_whitespace().count())
}

/// A line cut to [`LINE`] bytes, with a note of how long it was.
pub(super) fn cut(line: &str) -> String {
    if line.len() <= LINE {
        return line.to_owned();
    }
    let mut end = LINE;
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    format!("{} ... ({} in this line)", &line[..end], words::bytes(line.len() as u64))
}
