//! Reads a job's output on a thread of its own, so that no key waits for a disk. Whatever takes long (the index, a
//! search) goes in slices, and between two of them the inbox is looked at.

use super::file::Tail;
use super::hits::{Hits, Seek, Sought};
use super::needle::Needle;
use super::protocol::{FileState, Found, OutputAnswer, OutputRequest, SearchAnswer, Window};
use super::scan::Scan;
use crate::domain::JobId;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How often a file that may grow is looked at while it is shown.
const LOOK: Duration = Duration::from_millis(50);
/// How often progress is told.
const TELL: Duration = Duration::from_millis(100);
/// Bytes read between two looks at the inbox.
const SLICE: u64 = 8 << 20;
/// Bytes read at once.
const PIECE: usize = 256 << 10;

/// The reader's handle. Dropping it ends the thread.
#[derive(Debug)]
pub struct Reader {
    requests: mpsc::Sender<OutputRequest>,
}

impl Reader {
    /// Starts the thread. `path` tells where a job's output is, `answer` takes what is found.
    pub fn start(
        path: impl Fn(&JobId) -> PathBuf + Send + 'static,
        answer: impl Fn(OutputAnswer) + Send + 'static,
    ) -> Self {
        let (requests, inbox) = mpsc::channel();
        std::thread::spawn(move || serve(&inbox, &path, &answer));
        Self { requests }
    }

    /// Asks for something; the answer comes by itself.
    pub fn ask(&self, request: OutputRequest) {
        // the thread lives as long as the handle
        let _ = self.requests.send(request);
    }
}

fn serve(inbox: &mpsc::Receiver<OutputRequest>, path: &dyn Fn(&JobId) -> PathBuf, answer: &dyn Fn(OutputAnswer)) {
    let mut desk: Option<Desk> = None;
    loop {
        let first = match desk.as_ref().map_or(Wait::Idle, Desk::wait) {
            Wait::Idle => inbox.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            Wait::Look => inbox.recv_timeout(LOOK),
            Wait::Busy => inbox.recv_timeout(Duration::ZERO),
        };
        let first = match first {
            Ok(request) => Some(request),
            Err(mpsc::RecvTimeoutError::Timeout) => None,
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        };
        // of all that is in the inbox, the newest of each kind counts
        for request in first.into_iter().chain(inbox.try_iter()) {
            match request {
                OutputRequest::Open(job) => {
                    let file = Tail::new(path(&job));
                    desk = Some(Desk::new(job, file));
                }
                OutputRequest::Close => desk = None,
                request => {
                    if let Some(desk) = &mut desk {
                        desk.take(request);
                    }
                }
            }
        }
        if let Some(answered) = desk.as_mut().and_then(Desk::turn) {
            answer(answered);
        }
    }
}

/// How long the desk can wait for a request.
enum Wait {
    /// Not at all.
    Busy,
    /// Until the file is looked at again.
    Look,
    /// As long as it takes.
    Idle,
}

/// The lines that are shown.
#[derive(Debug, Clone, Copy)]
enum Want {
    Around(u64, usize, usize),
    Last(usize),
}

/// What a turn has brought.
enum Done {
    /// Nothing that somebody waits for.
    Nothing,
    /// Lines that are shown.
    Lines(Window),
    /// The hit that was wanted, or that there is none.
    Sought(Option<Found>),
}

/// What is done for one job.
#[expect(clippy::struct_excessive_bools, reason = "each is about another thing")]
struct Desk {
    job: JobId,
    file: Tail,
    live: bool,
    want: Option<Want>,
    /// Whether the lines wanted have not been answered yet.
    fresh: bool,
    /// Whether the last lines answered reached the end, and whether their number was known.
    to_end: bool,
    numbered: bool,
    /// Whether anything is to be told although no lines are due.
    untold: bool,
    search: Option<Search>,
    indexed: bool,
    looked: Option<Instant>,
    told: Option<Instant>,
    buffer: Vec<u8>,
}

struct Search {
    pattern: String,
    hits: Hits,
    seek: Option<Seek>,
    /// The hit that was found last.
    here: Option<u64>,
    serial: u32,
    generation: u32,
}

impl Desk {
    fn new(job: JobId, file: Tail) -> Self {
        Self {
            job,
            file,
            live: true,
            want: None,
            fresh: false,
            to_end: false,
            numbered: false,
            untold: false,
            search: None,
            indexed: false,
            looked: None,
            told: None,
            buffer: Vec::new(),
        }
    }

    fn take(&mut self, request: OutputRequest) {
        match request {
            OutputRequest::Open(_) | OutputRequest::Close => {}
            OutputRequest::Live(live) => {
                self.live = live;
                // what was written before it was over is still to be read
                self.looked = None;
            }
            OutputRequest::Rest => self.want = None,
            OutputRequest::LinesAtByte { offset, before, after } => {
                (self.want, self.fresh) = (Some(Want::Around(offset, before, after)), true);
            }
            OutputRequest::Follow { rows } => (self.want, self.fresh) = (Some(Want::Last(rows)), true),
            OutputRequest::Search { pattern, from, serial } => {
                let generation = self.file.generation;
                self.search = Needle::new(&pattern).map(|needle| Search {
                    pattern,
                    hits: Hits::new(needle),
                    seek: Some(Seek::new(from, true)),
                    here: None,
                    serial,
                    generation,
                });
            }
            OutputRequest::Hit { from, forward, serial } => {
                if let Some(search) = &mut self.search {
                    search.serial = serial;
                    search.seek = Some(Seek::new(from, forward));
                }
            }
        }
    }

    fn wait(&self) -> Wait {
        let counting = || self.search.as_ref().is_some_and(|search| !search.hits.is_complete(self.file.size));
        let seeking = self.search.as_ref().is_some_and(|search| search.seek.is_some());
        let readable = !matches!(self.file.state, FileState::Unreadable(_));
        if self.want.is_none() {
            Wait::Idle
        } else if self.fresh
            || self.looked.is_none()
            || readable && (seeking || !self.indexed || !self.numbered || counting())
        {
            Wait::Busy
        } else if self.live {
            Wait::Look
        } else {
            Wait::Idle
        }
    }

    /// Does the next thing; gives what is to be told.
    fn turn(&mut self) -> Option<OutputAnswer> {
        let want = self.want?;
        let due = self.looked.is_none_or(|looked| self.live && looked.elapsed() >= LOOK);
        let changed = (due || self.fresh) && self.look();
        let done = self.work(want, changed).unwrap_or_else(|error| {
            // it is tried again at the next look
            self.file.state = FileState::Unreadable(error.to_string());
            if let Some(search) = &mut self.search {
                search.seek = None;
            }
            (self.fresh, self.untold) = (false, true);
            Done::Nothing
        });
        let quiet = self.told.is_some_and(|told| told.elapsed() < TELL);
        if matches!(done, Done::Nothing) && (!self.untold || quiet && !self.is_idle()) {
            return None;
        }
        self.untold = false;
        self.told = Some(Instant::now());
        Some(self.answer(done))
    }

    fn is_idle(&self) -> bool {
        !matches!(self.wait(), Wait::Busy)
    }

    fn look(&mut self) -> bool {
        self.looked = Some(Instant::now());
        let generation = self.file.generation;
        let changed = self.file.look();
        if changed {
            self.indexed = self.file.index.bytes() >= self.file.size;
            self.untold = true;
            if let Some(search) = &mut self.search
                && search.generation != self.file.generation
                && let Some(needle) = Needle::new(&search.pattern)
            {
                (search.hits, search.here) = (Hits::new(needle), None);
                search.generation = self.file.generation;
            }
            if generation != self.file.generation {
                self.fresh = true;
            }
        }
        changed
    }

    fn work(&mut self, want: Want, changed: bool) -> io::Result<Done> {
        let anew = self.fresh || changed && (self.to_end || matches!(want, Want::Last(_)));
        if anew || (self.indexed && !self.numbered) {
            self.fresh = false;
            // a little growth is taken into the index first, so that its lines have numbers
            if self.file.size - self.file.index.bytes() <= SLICE / 8 {
                self.grow()?;
            }
            let window = self.window(want)?;
            (self.to_end, self.numbered) = (window.to_end, window.number.is_some() || self.indexed);
            return Ok(Done::Lines(window));
        }
        if let sought @ Done::Sought(_) = self.seek()? {
            return Ok(sought);
        }
        if !self.indexed {
            self.grow()?;
            self.untold = true;
        } else if let (Some(search), Some(file)) = (&mut self.search, self.file.file())
            && !search.hits.is_complete(self.file.size)
        {
            search.hits.count(file, self.file.size, SLICE)?;
            self.untold = true;
        }
        Ok(Done::Nothing)
    }

    fn grow(&mut self) -> io::Result<()> {
        self.buffer.resize(PIECE, 0);
        self.indexed = self.file.grow(SLICE, &mut self.buffer)?;
        Ok(())
    }

    fn window(&self, want: Want) -> io::Result<Window> {
        let Some(file) = self.file.file() else { return Ok(Window { to_end: true, ..Window::default() }) };
        let mut scan = Scan::new(file, &self.file.index, self.file.size);
        match want {
            Want::Around(offset, before, after) => scan.around(offset, before, after),
            Want::Last(rows) => scan.last(rows),
        }
    }

    /// Looks on for the hit wanted.
    fn seek(&mut self) -> io::Result<Done> {
        let Some(search) = &mut self.search else { return Ok(Done::Nothing) };
        let Some(seek) = &mut search.seek else { return Ok(Done::Nothing) };
        let Some(file) = self.file.file() else {
            search.seek = None;
            return Ok(Done::Sought(None));
        };
        let sought = search.hits.seek(seek, file, self.file.size, SLICE)?;
        let found = match sought {
            Sought::More => return Ok(Done::Nothing),
            Sought::None => None,
            Sought::Found(at, wrapped) => Some(Found { at, wrapped }),
        };
        search.seek = None;
        search.here = found.map(|found| found.at);
        Ok(Done::Sought(found))
    }

    fn answer(&mut self, done: Done) -> OutputAnswer {
        let (window, found) = match done {
            Done::Nothing => (None, None),
            Done::Lines(window) => (Some(window), None),
            Done::Sought(found) => (None, found),
        };
        let (file, size) = (self.file.file(), self.file.size);
        let search = self.search.as_mut().map(|search| SearchAnswer {
            pattern: search.pattern.clone(),
            serial: search.serial,
            found,
            seeking: search.seek.is_some(),
            // a file that cannot be read now is told of by its state
            ordinal: search.here.zip(file).and_then(|(at, file)| search.hits.ordinal(file, at).ok().flatten()),
            total: search.hits.total(),
            complete: search.hits.is_complete(size),
            ticks: search.hits.ticks(),
        });
        OutputAnswer {
            job: self.job.clone(),
            lines: self.file.index.lines(),
            bytes: self.file.size,
            indexed: self.file.index.bytes(),
            state: self.file.state.clone(),
            generation: self.file.generation,
            window,
            search,
        }
    }
}
