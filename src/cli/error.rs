//! What a command that failed says, and the code it leaves with.

use super::args::Global;
use super::exit;
use super::paint::Tone;
use super::printer::Printer;
use crate::diag::{Hint, Hinted, chain, hints};
use crate::domain::escape_controls;
use crate::session;
use std::fmt::Write as _;
use std::io;

/// Why a command ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// With an error for a person to read.
    Error {
        /// The code to leave with.
        code: i32,
        /// What went wrong, one line.
        message: String,
        /// What to do.
        hints: Vec<Hint>,
    },
    /// Standard output or error has no reader any more.
    NoReader(io::Error),
}

/// What commands give back: the exit code.
pub(super) type Outcome = Result<i32, Stop>;

impl Stop {
    /// A usage error.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Error { code: exit::USAGE, message: message.into(), hints: Vec::new() }
    }

    /// Any other error of ours.
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self::Error { code: exit::ERROR, message: message.into(), hints: Vec::new() }
    }

    /// The same with a hint more.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Error { hints, .. } = &mut self {
            hints.push(Hint::new(hint));
        }
        self
    }
}

impl From<session::Error> for Stop {
    fn from(error: session::Error) -> Self {
        let code = if error.kind == session::ErrorKind::Usage { exit::USAGE } else { exit::ERROR };
        Self::Error { code, message: chain(&error), hints: hints(&error) }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::NoReader(error)
    }
}

/// Says what there is to say of an outcome; gives the code to leave with.
pub(super) fn settle(outcome: Outcome, printer: &mut Printer) -> i32 {
    match outcome {
        Ok(code) => code,
        Err(Stop::NoReader(error)) if error.kind() == io::ErrorKind::BrokenPipe => exit::OK,
        Err(Stop::NoReader(error)) => {
            let stop = Stop::error(format!("could not write: {error}"));
            settle(Err(stop), printer)
        }
        Err(Stop::Error { code, message, hints }) => {
            // nobody is left to tell when this fails too
            let _ = print(printer, code, &message, &hints);
            code
        }
    }
}

/// Prints an error, a blank line and its hints to stderr; with `--json` an error object to stdout as well.
pub(super) fn print(printer: &mut Printer, code: i32, message: &str, hints: &[Hint]) -> io::Result<()> {
    if printer.is_json() {
        let object = serde_json::json!({"event": "error", "message": message, "hints": hints, "exit_code": code});
        printer.out(&format!("{object}\n"))?;
    }
    let paint = printer.err_paint();
    let mut text = format!("{} {}\n", paint.tone(Tone::Bad, "error:"), escape_controls(message));
    if !hints.is_empty() {
        text.push('\n');
    }
    for hint in hints {
        // writing to a String cannot fail
        let _ = writeln!(text, "{} {}", paint.tone(Tone::Place, "hint:"), escape_controls(&hint.0));
    }
    printer.err(&text)
}

/// Reports an error from before there was a session, the same way commands do; gives the code to leave with.
pub fn fail(global: &Global, error: &dyn Hinted, code: i32) -> i32 {
    let mut printer = Printer::of_process(global);
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        cause = next.source();
    }
    let stop = Stop::Error { code, message: crate::diag::redact(&message), hints: hints(error) };
    settle(Err(stop), &mut printer)
}
