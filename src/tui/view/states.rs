//! States and verdicts as a mark, a word and a style: never a colour alone.

use crate::domain::{CleanupVerdict, JobState, MachineState, Operation, TestOutcome, WorkVerdict};
use crate::tui::model::{Ink, Standing, machine_word};
use crate::tui::theme::Theme;
use ratatui::style::Style;

/// A machine's state.
pub(super) fn machine(state: MachineState, theme: &Theme) -> (&'static str, &'static str, Style) {
    let (mark, style) = match state {
        MachineState::Pending => ("◌", theme.warn),
        MachineState::Running => ("●", theme.good),
        MachineState::Stopping | MachineState::ShuttingDown => ("◍", theme.warn),
        MachineState::Stopped => ("■", theme.warn),
        MachineState::Terminated => ("○", theme.dim),
        MachineState::Unreachable => ("✗", theme.bad),
    };
    (mark, machine_word(state), style)
}

/// The mark of what could not be looked at anew.
pub(super) fn old(theme: &Theme) -> (&'static str, Style) {
    ("?", theme.dim)
}

/// The state of anything, in its provider's word.
pub(super) fn resource(state: &str, theme: &Theme) -> (&'static str, Style) {
    match state {
        "running" | "available" | "completed" | "in-use" => ("●", theme.good),
        "pending" | "creating" => ("◌", theme.warn),
        "stopping" | "shutting-down" | "deleting" => ("◍", theme.warn),
        "stopped" => ("■", theme.warn),
        "terminated" | "deleted" => ("○", theme.dim),
        "failed" | "error" | "unreachable" => ("✗", theme.bad),
        _ => ("·", theme.dim),
    }
}

/// How a job stands: its state while it goes on, its verdict afterwards.
pub(super) fn job(
    operation: Option<&Operation>,
    state: JobState,
    driven: bool,
    work: Option<&WorkVerdict>,
    cleanup: Option<&CleanupVerdict>,
    theme: &Theme,
) -> (&'static str, &'static str, Style) {
    let stands = match (Standing::of(state, driven, work, cleanup), operation) {
        (Standing::Passed, Some(operation)) if !matches!(operation, Operation::RunTests(_)) => Standing::Done,
        (stands, _) => stands,
    };
    standing(stands, theme)
}

/// The same, once that is known.
pub(super) fn standing(standing: Standing, theme: &Theme) -> (&'static str, &'static str, Style) {
    let (mark, style) = match standing {
        Standing::Remains => ("!", theme.bad),
        Standing::Running => ("▶", theme.info),
        Standing::Stopping => ("◍", theme.warn),
        Standing::Left | Standing::Detached => ("◌", theme.warn),
        Standing::Queued => ("◌", theme.info),
        Standing::Failed | Standing::Error | Standing::MachineLost => ("✗", theme.bad),
        Standing::Cancelled => ("■", theme.warn),
        Standing::Over => ("○", theme.dim),
        Standing::Done | Standing::Passed => ("✓", theme.good),
    };
    (mark, standing.word(), style)
}

/// A test's outcome.
pub(super) fn outcome(outcome: TestOutcome, theme: &Theme) -> (&'static str, &'static str, Style) {
    match outcome {
        TestOutcome::Passed => ("✓", "passed", theme.good),
        TestOutcome::Failed => ("✗", "failed", theme.bad),
        TestOutcome::Error => ("✗", "error", theme.bad),
        TestOutcome::TimedOut => ("✗", "timed out", theme.bad),
        TestOutcome::Skipped => ("-", "skipped", theme.warn),
        TestOutcome::Ignored => ("·", "ignored", theme.dim),
    }
}

/// How a piece of a line is meant.
pub(super) fn ink(ink: Ink, theme: &Theme) -> Style {
    match ink {
        Ink::Plain => theme.base,
        Ink::Title => theme.title,
        Ink::Dim => theme.dim,
        Ink::Good => theme.good,
        Ink::Bad => theme.bad,
        Ink::Warn => theme.warn,
    }
}
