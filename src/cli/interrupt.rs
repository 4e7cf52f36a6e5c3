//! What Ctrl-C and signals mean while a job is followed, as a pure table: once detaches after a moment, twice stops,
//! three times cuts short; a signal to end detaches at once.

use crate::domain::{CancelLevel, Operation};

/// What came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Press {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM or SIGHUP.
    Hangup,
    /// The moment in which a second Ctrl-C means "stop" is over.
    Moment,
}

/// Where we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stance {
    /// Another process drives the job.
    Watching,
    /// This process drives it.
    Driving,
    /// This process removes things: no machine works on when it is let go of, so a press stops it at once.
    Removing,
    /// Ctrl-C was pressed once, the moment runs.
    Wavering,
    /// It is being let go of.
    Detaching,
    /// It was told to stop.
    Stopping,
    /// It was told to cut the work short.
    Killing,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Nothing,
    /// Stop watching.
    Leave,
    /// Say what will happen and let the moment begin.
    Announce,
    /// Let go of the job.
    Detach,
    /// Tell the job to stop.
    Cancel(CancelLevel),
}

impl Stance {
    /// Where a process stands that drives this.
    pub(super) fn driving(operation: &Operation) -> Self {
        if matches!(operation, Operation::Apply { .. }) { Self::Removing } else { Self::Driving }
    }

    /// What a press means here, and where we are afterwards.
    pub(super) fn on(self, press: Press) -> (Self, Step) {
        match (self, press) {
            (Self::Watching, Press::Interrupt | Press::Hangup) => (self, Step::Leave),
            (Self::Driving, Press::Interrupt) => (Self::Wavering, Step::Announce),
            (Self::Removing, Press::Interrupt | Press::Hangup) | (Self::Wavering, Press::Interrupt) => {
                (Self::Stopping, Step::Cancel(CancelLevel::Stop))
            }
            (Self::Wavering, Press::Moment) | (Self::Driving | Self::Wavering, Press::Hangup) => {
                (Self::Detaching, Step::Detach)
            }
            (Self::Stopping, Press::Interrupt) => (Self::Killing, Step::Cancel(CancelLevel::Kill)),
            _ => (self, Step::Nothing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Press::{Hangup, Interrupt, Moment};
    use Stance::{Detaching, Driving, Killing, Removing, Stopping, Watching, Wavering};

    #[test]
    fn every_press_in_every_stance() {
        let stop = Step::Cancel(CancelLevel::Stop);
        let kill = Step::Cancel(CancelLevel::Kill);
        let table = [
            (Watching, Interrupt, Watching, Step::Leave),
            (Watching, Hangup, Watching, Step::Leave),
            (Watching, Moment, Watching, Step::Nothing),
            (Driving, Interrupt, Wavering, Step::Announce),
            (Driving, Hangup, Detaching, Step::Detach),
            (Driving, Moment, Driving, Step::Nothing),
            (Removing, Interrupt, Stopping, stop),
            (Removing, Hangup, Stopping, stop),
            (Removing, Moment, Removing, Step::Nothing),
            (Wavering, Interrupt, Stopping, stop),
            (Wavering, Hangup, Detaching, Step::Detach),
            (Wavering, Moment, Detaching, Step::Detach),
            (Detaching, Interrupt, Detaching, Step::Nothing),
            (Detaching, Hangup, Detaching, Step::Nothing),
            (Detaching, Moment, Detaching, Step::Nothing),
            (Stopping, Interrupt, Killing, kill),
            // the finalisers are what ends the machine: they are not cut off by a signal
            (Stopping, Hangup, Stopping, Step::Nothing),
            (Stopping, Moment, Stopping, Step::Nothing),
            (Killing, Interrupt, Killing, Step::Nothing),
            (Killing, Hangup, Killing, Step::Nothing),
            (Killing, Moment, Killing, Step::Nothing),
        ];
        for (stance, press, after, step) in table {
            assert_eq!(stance.on(press), (after, step), "{stance:?} {press:?}");
        }
    }
}
