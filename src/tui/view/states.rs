//! States and verdicts as a mark, a word and a style: never a colour alone.

use crate::domain::{CleanupVerdict, JobState, MachineState, TestOutcome, WorkVerdict};
use crate::tui::model::Ink;
use crate::tui::theme::Theme;
use ratatui::style::Style;

/// A machine's state.
pub(super) fn machine(state: MachineState, theme: &Theme) -> (&'static str, &'static str, Style) {
    match state {
        MachineState::Pending => ("◌", "pending", theme.warn),
        MachineState::Running => ("●", "running", theme.good),
        MachineState::ShuttingDown => ("◍", "ending", theme.warn),
        MachineState::Terminated => ("○", "ended", theme.dim),
        MachineState::Unreachable => ("✗", "unreachable", theme.bad),
    }
}

/// How a job stands: its state while it goes on, its verdict afterwards.
pub(super) fn job(
    state: JobState,
    driven: bool,
    work: Option<&WorkVerdict>,
    cleanup: Option<&CleanupVerdict>,
    theme: &Theme,
) -> (&'static str, &'static str, Style) {
    if let Some(CleanupVerdict::Remains { .. }) = cleanup {
        return ("!", "left things behind", theme.bad);
    }
    match (state, work) {
        (JobState::Ended, Some(WorkVerdict::Done)) => ("✓", "passed", theme.good),
        (JobState::Ended, Some(WorkVerdict::TestsFailed { .. })) => ("✗", "failed", theme.bad),
        (JobState::Ended, Some(WorkVerdict::Error { .. })) => ("✗", "error", theme.bad),
        (JobState::Ended, Some(WorkVerdict::MachineLost { .. })) => ("✗", "machine lost", theme.bad),
        (JobState::Ended, Some(WorkVerdict::Cancelled)) => ("■", "cancelled", theme.warn),
        (JobState::Ended, None) => ("○", "ended", theme.dim),
        (JobState::Cancelling, _) => ("◍", "stopping", theme.warn),
        (_, _) if !driven => ("◌", "left", theme.warn),
        (JobState::Queued, _) => ("◌", "queued", theme.info),
        (JobState::Detached, _) => ("◌", "detached", theme.warn),
        (JobState::Running, _) => ("▶", "running", theme.info),
    }
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
