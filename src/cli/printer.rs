//! Where text goes: stdout is the result, stderr is talk. Decides between people, plain lines and JSON, and keeps the
//! progress line out of the way of everything else.

use super::args::{ColorWhen, Global};
use super::paint::Paint;
use super::progress::Progress;
use crate::store::JobView;
use std::io::{self, IsTerminal as _, Write};

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// A person at a terminal: progress moves.
    Person,
    /// A file, a pipe or a simple terminal: lines are only added.
    Plain,
    /// A program: JSON.
    Program,
}

/// What is known of where the streams go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts, each named where it is set")]
pub(super) struct Streams {
    /// Standard output is a terminal.
    pub out_terminal: bool,
    /// Standard error is a terminal.
    pub err_terminal: bool,
    /// `NO_COLOR` is set to something.
    pub no_color: bool,
    /// `TERM` says that the terminal can do nothing.
    pub dumb: bool,
}

impl Streams {
    fn of_process() -> Self {
        Self {
            out_terminal: io::stdout().is_terminal(),
            err_terminal: io::stderr().is_terminal(),
            no_color: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            dumb: std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty()),
        }
    }

    fn reader(self, json: bool) -> Reader {
        match (json, self.err_terminal && !self.dumb) {
            (true, _) => Reader::Program,
            (false, true) => Reader::Person,
            (false, false) => Reader::Plain,
        }
    }

    fn paint(self, when: ColorWhen, terminal: bool) -> Paint {
        let color = match when {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => terminal && !self.no_color && !self.dumb,
        };
        if color { Paint::Color } else { Paint::Plain }
    }
}

/// Writes to both streams.
pub(super) struct Printer {
    reader: Reader,
    out_paint: Paint,
    err_paint: Paint,
    size: Option<(usize, usize)>,
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    progress: Option<Progress>,
}

impl Printer {
    /// The printer of this process.
    pub(super) fn of_process(global: &Global) -> Self {
        let streams = Streams::of_process();
        let size = terminal_size::terminal_size_of(io::stdout());
        Self {
            size: size.map(|(width, height)| (usize::from(width.0), usize::from(height.0))),
            ..Self::new(global, streams, Box::new(io::stdout()), Box::new(io::stderr()))
        }
    }

    /// A printer to anywhere.
    pub(super) fn new(
        global: &Global,
        streams: Streams,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        Self {
            reader: streams.reader(global.json),
            out_paint: streams.paint(global.color, streams.out_terminal),
            err_paint: streams.paint(global.color, streams.err_terminal),
            size: None,
            out,
            err,
            progress: None,
        }
    }

    /// Who reads.
    pub(super) fn reader(&self) -> Reader {
        self.reader
    }

    /// Whether the result is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.reader == Reader::Program
    }

    /// Colour on standard output.
    pub(super) fn out_paint(&self) -> Paint {
        self.out_paint
    }

    /// Colour on standard error.
    pub(super) fn err_paint(&self) -> Paint {
        self.err_paint
    }

    /// Columns of the terminal that standard output is, if it is one.
    pub(super) fn width(&self) -> Option<usize> {
        self.size.map(|(width, _)| width)
    }

    /// Columns and lines of that terminal.
    pub(super) fn size(&self) -> Option<(usize, usize)> {
        self.size
    }

    /// Writes a piece of the result, whole lines, and flushes it.
    pub(super) fn out(&mut self, text: &str) -> io::Result<()> {
        let Self { out, progress, .. } = self;
        beside(progress.as_ref(), || write(out, text))
    }

    /// Writes some talk, whole lines, and flushes it.
    pub(super) fn err(&mut self, text: &str) -> io::Result<()> {
        let Self { err, progress, .. } = self;
        beside(progress.as_ref(), || write(err, text))
    }

    /// Shows how far a job is, where progress can move.
    pub(super) fn progress(&mut self, job: &JobView) {
        if self.reader == Reader::Person {
            self.progress.get_or_insert_with(Progress::on_stderr).show(job, crate::domain::Timestamp::now());
        }
    }

    /// Takes the progress line away.
    pub(super) fn end_progress(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.clear();
        }
    }
}

fn beside(progress: Option<&Progress>, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    match progress {
        Some(progress) => progress.suspend(act),
        None => act(),
    }
}

fn write(to: &mut Box<dyn Write + Send>, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_and_the_colours_follow_from_the_streams() {
        let streams = Streams { out_terminal: true, err_terminal: true, no_color: false, dumb: false };
        assert_eq!(streams.reader(false), Reader::Person);
        assert_eq!(streams.reader(true), Reader::Program);
        assert_eq!(Streams { err_terminal: false, ..streams }.reader(false), Reader::Plain);
        assert_eq!(Streams { dumb: true, ..streams }.reader(false), Reader::Plain);
        let table = [
            (ColorWhen::Auto, streams, true, Paint::Color),
            (ColorWhen::Auto, streams, false, Paint::Plain),
            (ColorWhen::Auto, Streams { no_color: true, ..streams }, true, Paint::Plain),
            (ColorWhen::Always, Streams { no_color: true, ..streams }, false, Paint::Color),
            (ColorWhen::Never, streams, true, Paint::Plain),
        ];
        for (when, streams, terminal, paint) in table {
            assert_eq!(streams.paint(when, terminal), paint, "{when:?} {streams:?}");
        }
    }
}
