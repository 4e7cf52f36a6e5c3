//! Following a detached run to its end: bytes into the job's file, test events into the journal, through any number of
//! lost connections. Nothing is kept in memory but the piece under way, and nothing is read faster than it is stored.

use super::ready::leased;
use super::world::{World, fail};
use crate::diag::chain;
use crate::domain::{CancelLevel, Machine, RunId, TestEvent};
use crate::engine::{Failure, JobContext};
use crate::event::EventKind;
use crate::mercurial::{EventDecoder, TextDecoder};
use crate::remote::spool::{Ended, Offsets, Sink, Spool};
use crate::remote::{Backoff, Error, ErrorKind, Shell, Signal};
use async_trait::async_trait;
use bytes::Bytes;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How long a run that was interrupted may take to end by itself.
const INTERRUPT_GRACE: Duration = Duration::from_secs(10);
/// How long a machine may take to answer whether it is still there.
const PROBE: Duration = Duration::from_secs(20);

/// How long between two times that a machine's provider is asked to let this computer in.
const LET_IN: Duration = Duration::from_secs(30);

/// How a run ended.
pub(super) enum Ran {
    /// With this exit status.
    Ended(i32),
    /// Because the job was told to stop: what it has left is there.
    Stopped,
    /// The machine, or the run's process, went away without one.
    Lost(String),
}

/// Where a run's bytes go.
pub(super) struct JobSink {
    ctx: JobContext,
    file: File,
    len: u64,
    watch: Watch,
    tests_seen: Arc<AtomicU64>,
}

/// What is read out of a run's bytes.
enum Watch {
    /// Nothing but lines that tell of steps: `==> STEP` begins one, `<== SECONDS STEP` ends it.
    Steps { of: String, line: Vec<u8> },
    /// Tests.
    Tests(Box<TestWatch>),
}

/// Tests, from the result hook where there is one, else from the text.
struct TestWatch {
    hook: EventDecoder,
    read: u64,
    hook_speaks: bool,
    text: TextDecoder,
    /// What the text told while it is not sure that there is no hook.
    held: Vec<TestEvent>,
    /// How many events the text still has to tell again, since the journal has them.
    told: u64,
}

/// From when on the text is believed: once so many tests have ended in it without a word from the hook.
const HELD_RESULTS: usize = 64;

impl JobSink {
    /// Opens the file of a run whose lines matter only as steps; `of` is put before what is told of them.
    pub(super) fn steps(ctx: &JobContext, path: &Path, of: &str) -> Result<Self, Failure> {
        let (file, len) = open(path)?;
        let watch = Watch::Steps { of: of.to_owned(), line: Vec::new() };
        Ok(Self { ctx: ctx.clone(), file, len, watch, tests_seen: Arc::default() })
    }

    /// Opens the file of a run of tests. `read` and `told` are what earlier processes of the job have journalled: the
    /// offset in the machine's events file, and the number of test events.
    pub(super) async fn tests(ctx: &JobContext, path: &Path, read: u64, told: u64) -> Result<Self, Failure> {
        let (file, len) = open(path)?;
        let mut tests = TestWatch {
            hook: EventDecoder::new(read),
            read,
            hook_speaks: read > 0,
            text: TextDecoder::new(),
            held: Vec::new(),
            told,
        };
        if !tests.hook_speaks && len > 0 {
            tests.catch_up(path).await?;
        }
        let tests_seen = Arc::new(AtomicU64::new(told));
        Ok(Self { ctx: ctx.clone(), file, len, watch: Watch::Tests(Box::new(tests)), tests_seen })
    }

    /// How many test events the journal has, still counting when the sink is gone.
    pub(super) fn tests_seen(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.tests_seen)
    }

    fn offsets(&self) -> Offsets {
        let events = match &self.watch {
            Watch::Steps { .. } => 0,
            Watch::Tests(tests) => tests.read,
        };
        Offsets { output: self.len, events }
    }

    fn store(&mut self, bytes: &[u8]) -> Result<(), Error> {
        // Straight into the page cache: a write takes less time than handing it to another thread, and when it has come
        // back the file's length is the offset to go on from, whatever happens to this process next.
        self.file.write_all(bytes).map_err(|error| local("could not write the job's output", error))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    async fn emit(&self, tests: Vec<TestEvent>, read: Option<u64>) -> Result<(), Error> {
        self.tests_seen.fetch_add(tests.len() as u64, Ordering::Relaxed);
        let mut kinds: Vec<_> = tests.into_iter().map(|test| EventKind::Test { test, output: self.len }).collect();
        kinds.extend(read.map(|offset| EventKind::EventsRead { offset }));
        if kinds.is_empty() {
            return Ok(());
        }
        self.ctx
            .emit_all(kinds)
            .await
            .map_err(|failure| Error::new(ErrorKind::Local, format!("could not write the journal: {failure}")))
    }

    /// Ends the file, and gives what the text told when no hook ever spoke.
    pub(super) async fn finish(mut self) -> Result<(), Failure> {
        if let Watch::Tests(tests) = &mut self.watch
            && !tests.hook_speaks
        {
            let rest = std::mem::take(&mut tests.held);
            let rest = tests.untold(rest);
            self.emit(rest, None).await.map_err(fail)?;
        }
        Ok(())
    }
}

impl TestWatch {
    /// Feeds the text decoder with what an earlier process has stored already.
    async fn catch_up(&mut self, path: &Path) -> Result<(), Failure> {
        use tokio::io::AsyncReadExt;
        let problem = |error| fail(local("could not read the job's output again", error));
        let mut file = tokio::fs::File::open(path).await.map_err(problem)?;
        let mut piece = vec![0; 256 << 10];
        loop {
            let n = file.read(&mut piece).await.map_err(problem)?;
            if n == 0 {
                return Ok(());
            }
            self.held.extend(self.text.feed(&piece[..n]));
        }
    }

    /// Leaves out as many events as the journal has already.
    fn untold(&mut self, mut events: Vec<TestEvent>) -> Vec<TestEvent> {
        let again = usize::try_from(self.told).unwrap_or(usize::MAX).min(events.len());
        self.told -= again as u64;
        events.drain(..again);
        events
    }

    /// What of the text may be told now.
    fn ripe(&mut self) -> Vec<TestEvent> {
        if self.held.len() < HELD_RESULTS {
            return Vec::new();
        }
        let ripe = std::mem::take(&mut self.held);
        self.untold(ripe)
    }
}

#[async_trait]
impl Sink for JobSink {
    async fn output(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.store(bytes)?;
        match &mut self.watch {
            Watch::Steps { of, line } => {
                let mut steps = Vec::new();
                for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                    // a step is a short line; of a longer one only the start is kept
                    let room = 512_usize.saturating_sub(line.len()).min(piece.len());
                    line.extend_from_slice(&piece[..room]);
                    if piece.ends_with(b"\n") {
                        steps.extend(step(of, &String::from_utf8_lossy(line)));
                        line.clear();
                    }
                }
                if !steps.is_empty() {
                    self.ctx.emit_all(steps).await.map_err(|failure| {
                        Error::new(ErrorKind::Local, format!("could not write the journal: {failure}"))
                    })?;
                }
            }
            Watch::Tests(tests) => {
                if !tests.hook_speaks {
                    let more = tests.text.feed(bytes);
                    tests.held.extend(more);
                    let ripe = tests.ripe();
                    self.emit(ripe, None).await?;
                }
            }
        }
        Ok(())
    }

    async fn events(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Watch::Tests(tests) = &mut self.watch else { return Ok(()) };
        let told = tests.hook.feed(bytes);
        let read = tests.hook.offset();
        if read == tests.read {
            return Ok(());
        }
        if !tests.hook_speaks {
            tests.hook_speaks = true;
            tests.held = Vec::new();
        }
        tests.read = read;
        self.emit(told, Some(read)).await
    }
}

/// What a script's line tells of its steps.
fn step(of: &str, line: &str) -> Option<EventKind> {
    let line = line.trim_end();
    if let Some(begun) = line.strip_prefix("==> ") {
        return Some(EventKind::info(format!("{of}{begun}")));
    }
    let (seconds, step) = line.strip_prefix("<== ")?.split_once(' ')?;
    let seconds: u32 = seconds.parse().ok()?;
    Some(EventKind::Step { step: crate::domain::escape_line(&format!("{of}{step}")), seconds: seconds.into() })
}

fn open(path: &Path) -> Result<(File, u64), Failure> {
    let problem = |error| fail(local(&format!("could not open `{}`", path.display()), error));
    let file = File::options().create(true).append(true).mode(0o600).open(path).map_err(problem)?;
    let len = file.metadata().map_err(problem)?.len();
    Ok((file, len))
}

fn local(what: &str, error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::StorageFull {
        Error::new(ErrorKind::DiskFull, what).caused_by(error).hint("make room on this computer, then run it again")
    } else {
        Error::new(ErrorKind::Local, what).caused_by(error)
    }
}

/// Follows a run to its end, renewing the machine's lease meanwhile. A job that is told to stop asks it to end.
pub(super) async fn follow(
    ctx: &JobContext,
    world: &World,
    machine: &Machine,
    run: &RunId,
    lease: Duration,
    mut sink: JobSink,
) -> Result<Ran, Failure> {
    let shell = world.shell(machine)?;
    let spool = Spool::new(&*shell, machine.layout.spool());
    let reading = async {
        loop {
            let mut offsets = sink.offsets();
            let error = match spool.follow(run, &mut offsets, &mut sink).await {
                Ok(Ended::Status(status)) => return Ok(Ran::Ended(status)),
                Ok(Ended::Vanished) => {
                    return Ok(Ran::Lost(format!(
                        "the run's process on `{}` is gone without an exit status",
                        machine.id
                    )));
                }
                Err(error) => error,
            };
            if !error.is_transient() {
                return Err(fail(error));
            }
            if let Some(lost) = reconnect(ctx, world, machine, &*shell, &error, lease).await? {
                return Ok(Ran::Lost(lost));
            }
            sink.rewind();
        }
    };
    let ran = leased(world, machine, lease, async {
        tokio::select! {
            ran = reading => ran,
            failure = interrupt(ctx, &spool, run) => Err(failure),
        }
    })
    .await;
    let finished = sink.finish().await;
    let ran = ran?;
    finished?;
    match ran {
        Ran::Ended(_) if ctx.level() > CancelLevel::None => Ok(Ran::Stopped),
        Ran::Lost(_) if ctx.level() > CancelLevel::None => Err(Failure::Interrupted),
        ran => Ok(ran),
    }
}

impl JobSink {
    /// Forgets half an event line: it is read again from its start.
    fn rewind(&mut self) {
        if let Watch::Tests(tests) = &mut self.watch {
            tests.hook = EventDecoder::new(tests.read);
        }
    }
}

/// Waits for a connection after one was lost. Gives the reason when the machine is gone for good.
async fn reconnect(
    ctx: &JobContext,
    world: &World,
    machine: &Machine,
    shell: &dyn Shell,
    error: &Error,
    lease: Duration,
) -> Result<Option<String>, Failure> {
    let cloud = world.cloud(machine.provider)?;
    let since = Instant::now();
    let mut told = false;
    let mut let_in = None;
    let backoff = Backoff::default();
    let mut attempt = 0;
    loop {
        match cloud.machine(&machine.id).await {
            Ok(Some(now)) if now.state.is_alive() => {}
            Ok(_) => return Ok(Some(format!("machine `{}` ended while the run was under way", machine.id))),
            Err(problem) => tracing::warn!("could not ask for machine {}: {}", machine.id, chain(&problem)),
        }
        if !told {
            told = true;
            ctx.emit(EventKind::LinkLost { reason: chain(error) }).await?;
        }
        let answer = tokio::time::timeout(PROBE, shell.capture("true", Bytes::new())).await;
        match answer {
            Ok(Ok(_)) => {
                ctx.emit(EventKind::LinkRestored { seconds: since.elapsed().as_secs_f64() }).await?;
                return Ok(None);
            }
            Ok(Err(problem)) if !problem.is_transient() => return Err(fail(problem)),
            _ if since.elapsed() > lease => {
                return Ok(Some(format!(
                    "machine `{}` has not answered for {} s",
                    machine.id,
                    since.elapsed().as_secs()
                )));
            }
            _ => {
                // this computer may be somewhere else now
                if machine.cloud.is_some() && let_in.is_none_or(|at: Instant| at.elapsed() > LET_IN) {
                    let_in = Some(Instant::now());
                    if let Err(problem) = cloud.let_in(&machine.id).await {
                        tracing::warn!("could not let this computer in at {}: {}", machine.id, chain(&problem));
                    }
                }
                tokio::time::sleep(backoff.delay(attempt, rand::random())).await;
                attempt += 1;
            }
        }
    }
}

/// Waits until the job is told to stop, then asks the run to end, then makes it. Gives the failure to end with when
/// even that was not seen to end it.
async fn interrupt(ctx: &JobContext, spool: &Spool<'_>, run: &RunId) -> Failure {
    ctx.stopped().await;
    for signal in [Signal::Int, Signal::Kill] {
        if let Err(error) = spool.signal(run, signal).await {
            tracing::warn!(%run, "could not signal the run: {}", chain(&error));
        }
        tokio::time::sleep(INTERRUPT_GRACE).await;
    }
    Failure::Interrupted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_tells_its_steps_and_nothing_else_is_taken_for_one() {
        assert_eq!(step("debian12: ", "==> packages\n"), Some(EventKind::info("debian12: packages")));
        let ended = EventKind::Step { step: "user and ␛ group".to_owned(), seconds: 3.0 };
        assert_eq!(step("", "<== 3 user and \u{1b} group\n"), Some(ended));
        for line in ["", "==>", " ==> x", "<== x y", "<== 3", "<== -1 x", "<== 1e99 x"] {
            assert_eq!(step("", line), None, "{line}");
        }
    }
}
