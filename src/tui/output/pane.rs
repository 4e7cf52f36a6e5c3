//! What a person sees of a job's output, and where they are in it.

use super::layout::Room;
use super::protocol::{FileState, OutputAnswer, OutputRequest, SearchAnswer, Window};
use super::text;
use crate::domain::{JobId, words};

/// How much there was when following stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paused {
    /// Lines, where they had been counted.
    pub lines: Option<u64>,
    /// Bytes.
    pub bytes: u64,
}

/// A byte whose line is to be shown as soon as it is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Going {
    /// The byte.
    pub to: u64,
}

/// Where one was when a search began, to come back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    follow: bool,
    paused: Option<Paused>,
    top: u64,
    row: usize,
    left: usize,
    hit: Option<u64>,
}

impl Origin {
    /// The first byte on the screen there.
    pub(in crate::tui) fn from(self, pane: &OutputPane, room: Room) -> u64 {
        if self.follow { pane.window.lines.get(pane.last_line(room)).map_or(0, |line| line.at) } else { self.top }
    }
}

/// How far a search is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchView {
    /// What was answered last.
    pub answer: SearchAnswer,
    /// The hit one is at.
    pub hit: Option<u64>,
    /// The number of the newest request.
    pub serial: u32,
    /// Whether the hit of that request is still to come.
    pub awaited: bool,
    /// Whether to stay where one is when it comes.
    pub still: bool,
    /// Steps to further hits that were asked for meanwhile.
    pub owed: i32,
}

/// What a person sees of a job's output.
#[derive(Debug)]
pub struct OutputPane {
    /// Whose output.
    pub job: JobId,
    /// How many lines there are so far, as far as they are counted.
    pub lines: u64,
    /// How many bytes.
    pub bytes: u64,
    /// How many bytes have been counted through.
    pub indexed: u64,
    /// Whether the file can be read; none before anything is known.
    pub state: Option<FileState>,
    /// Which file, when it has been replaced.
    pub generation: u32,
    /// The lines at hand.
    pub window: Window,
    /// Whether the end is followed.
    pub follow: bool,
    /// Since when not.
    pub paused: Option<Paused>,
    /// Where the first line shown begins, when not following.
    pub top: u64,
    /// The first row shown of that line, when it is wrapped.
    pub row: usize,
    /// The first column shown, when lines are not wrapped.
    pub left: usize,
    /// Whether long lines are wrapped.
    pub wrap: bool,
    /// Where one is going.
    pub going: Option<Going>,
    /// Rows still to scroll, once there are lines.
    pub owed: isize,
    /// What is searched for; empty for nothing.
    pub pattern: String,
    /// How far the search is.
    pub search: SearchView,
    /// Where one was when the pattern began to be typed.
    pub origin: Option<Origin>,
    /// Places of failing tests.
    pub failures: Vec<u64>,
    /// The lines that were asked for last; none while the output is not shown.
    pub asked: Option<OutputRequest>,
    /// Whether the file may still grow.
    pub live: bool,
}

impl OutputPane {
    /// Nothing is known yet; the end is followed.
    #[must_use]
    pub fn new(job: JobId) -> Self {
        Self {
            job,
            lines: 0,
            bytes: 0,
            indexed: 0,
            state: None,
            generation: 0,
            window: Window::default(),
            follow: true,
            paused: None,
            top: 0,
            row: 0,
            left: 0,
            wrap: false,
            going: None,
            owed: 0,
            pattern: String::new(),
            search: SearchView::default(),
            origin: None,
            failures: Vec::new(),
            asked: None,
            live: true,
        }
    }

    /// Whether there is a pattern.
    #[must_use]
    pub fn searching(&self) -> bool {
        !self.pattern.is_empty()
    }

    /// Whether all lines are counted.
    #[must_use]
    pub fn is_indexed(&self) -> bool {
        self.indexed >= self.bytes
    }

    /// What came since following stopped, in words; empty for nothing.
    #[must_use]
    pub fn news(&self) -> String {
        let Some(paused) = self.paused.filter(|paused| self.bytes > paused.bytes) else { return String::new() };
        match paused.lines.filter(|_| self.is_indexed()) {
            Some(lines) => format!("{} new", text::grouped(self.lines.saturating_sub(lines))),
            None => format!("{} new", words::bytes(self.bytes - paused.bytes)),
        }
    }

    /// Which lines those on the screen are, in words.
    #[must_use]
    pub fn position(&self, room: Room) -> String {
        let rows = self.visible(room);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return String::new() };
        let of = if self.is_indexed() {
            text::grouped(self.lines)
        } else {
            let percent = self.indexed.saturating_mul(100) / self.bytes.max(1);
            format!("{} (counting, {percent}%)", words::bytes(self.bytes))
        };
        match self.window.number {
            Some(number) => {
                let shown = |line: usize| text::grouped(number + line as u64 + 1);
                format!("{}-{} of {of}", shown(first.line), shown(last.line))
            }
            None => format!("of {of}"),
        }
    }

    /// How far down the screen's end is, in percent of the bytes.
    #[must_use]
    pub fn percent(&self, room: Room) -> u64 {
        let (_, end) = self.span(room);
        if end >= self.bytes { 100 } else { end.saturating_mul(100) / self.bytes.max(1) }
    }

    /// The bytes on the screen.
    #[must_use]
    pub fn span(&self, room: Room) -> (u64, u64) {
        let rows = self.visible(room);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return (0, self.bytes) };
        let end = &self.window.lines[last.line];
        (self.window.lines[first.line].at, end.at + end.bytes + 1)
    }

    /// The search in words: `3 of 120`; empty when nothing is searched for.
    #[must_use]
    pub fn hits(&self) -> String {
        if !self.searching() {
            return String::new();
        }
        let answer = &self.search.answer;
        if answer.pattern != self.pattern {
            return "searching".to_owned();
        }
        let more = if answer.complete { "" } else { "+" };
        match (answer.ordinal, answer.total) {
            (_, 0) if answer.complete => "no hits".to_owned(),
            (_, 0) => "searching".to_owned(),
            (Some(ordinal), total) => format!("{} of {}{more}", text::grouped(ordinal), text::grouped(total)),
            (None, total) => format!("{}{more} hits", text::grouped(total)),
        }
    }

    /// Takes the newest number of bytes and lines when following stops.
    pub(super) fn stop(&mut self) {
        self.follow = false;
        let lines = self.is_indexed().then_some(self.lines);
        self.paused = Some(Paused { lines, bytes: self.bytes });
    }

    /// Follows the end.
    pub(in crate::tui) fn follow(&mut self) {
        self.follow = true;
        self.paused = None;
        self.going = None;
        self.owed = 0;
    }

    /// Goes to a byte as soon as its line is at hand.
    pub(in crate::tui) fn go(&mut self, to: u64, room: Room) {
        self.pause(room);
        self.going = Some(Going { to });
        self.arrive(room);
    }

    /// Where one is.
    pub(in crate::tui) fn here(&self) -> Origin {
        Origin {
            follow: self.follow,
            paused: self.paused,
            top: self.top,
            row: self.row,
            left: self.left,
            hit: self.search.hit,
        }
    }

    /// Comes back to where one was.
    pub(in crate::tui) fn come_back(&mut self, to: Origin) {
        (self.follow, self.paused) = (to.follow, to.paused);
        (self.top, self.row, self.left) = (to.top, to.row, to.left);
        self.search.hit = to.hit;
        self.owed = 0;
        // its lines may have gone
        self.going = None;
    }

    /// The lines to ask for, for a terminal of so many rows; none when what is at hand will do.
    #[must_use]
    pub fn wanted(&self, rows: usize) -> Option<OutputRequest> {
        let around = |offset| OutputRequest::LinesAtByte { offset, before: 2 * rows, after: 3 * rows };
        let request = if self.follow {
            OutputRequest::Follow { rows: 4 * rows }
        } else if let Some(going) = self.going {
            around(going.to)
        } else {
            let lines = &self.window.lines;
            let place = lines.partition_point(|line| line.at <= self.top);
            let above = place > rows || lines.first().is_some_and(|line| line.at == 0);
            let below = lines.len() >= place + 2 * rows || self.window.to_end;
            let covered = place > 0 && above && below;
            if covered && matches!(self.asked, Some(OutputRequest::LinesAtByte { .. })) {
                return None;
            }
            around(self.top)
        };
        (self.asked.as_ref() != Some(&request)).then_some(request)
    }

    /// Takes what the reader tells of the file and its lines; gives whether the file is another one now.
    pub(in crate::tui) fn take(&mut self, answer: &mut OutputAnswer, room: Room) -> bool {
        let another = self.state.is_some() && self.generation != answer.generation;
        if another {
            (self.top, self.row, self.owed, self.going) = (0, 0, 0, None);
            self.search.hit = None;
            self.origin = None;
            if !self.follow {
                self.paused = Some(Paused { lines: None, bytes: answer.bytes });
            }
        }
        self.generation = answer.generation;
        (self.lines, self.bytes, self.indexed) = (answer.lines, answer.bytes, answer.indexed);
        self.state = Some(answer.state.clone());
        if let Some(window) = answer.window.take().filter(|window| another || self.fits(window)) {
            self.window = window;
            self.arrive(room);
            if self.owed != 0 && !self.follow {
                self.step(0, room);
            }
        }
        another
    }

    /// Whether lines are those that are wanted now; others answer what was asked before.
    fn fits(&self, window: &Window) -> bool {
        let begin = window.lines.first().map_or(0, |line| line.at);
        let end = window.lines.last().map_or(0, |line| line.at + line.bytes);
        let to = match (self.follow, self.going) {
            (true, _) => return window.to_end,
            (false, Some(going)) => going.to,
            (false, None) => self.top,
        };
        begin <= to && (to <= end || window.to_end)
    }
}
