//! A live command made of many short ones: a task of its own starts it, reads both streams on from their offsets as fast
//! as there is something, writes its input in pieces, and ends it when nobody wants it any longer.

use super::command::Runner;
use super::script::{Answer, Ask, LOAD, Offsets, Piece, State, Verb, pack};
use crate::remote::{Backoff, Chunk, Error, ErrorKind, ExecStream, ExitStatus, PtySize, Result, Signal};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::future::{join_all, pending};
use futures::stream::{FuturesUnordered, StreamExt as _};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// So long the first input may take to come along with the start.
const GATHER: Duration = Duration::from_millis(15);
/// Most bytes of input that are packed at once.
const PIECE: usize = 160 << 10;
/// Commands with input under way at once; the agent carries five out at a time, and others want their turn.
const WRITES: usize = 3;
/// Commands that read under way at once while there is much to read.
const READS: u64 = 3;
/// Most bytes of a stream that a reader looks at.
const MOST: u64 = 512 << 10;
/// How often a reader looks for news, a tenth of a second apart: at first, and after a long silence.
const LOOKS: (u32, u32) = (15, 80);
/// How long trouble may last before a command counts as lost.
const TROUBLE: Duration = Duration::from_secs(45);
/// So often the machine hears of us while nobody takes what it said; it gives us up after ten minutes.
const KEPT: Duration = Duration::from_secs(120);
/// What a short command may take beyond its waiting.
const SHORT: Duration = Duration::from_secs(60);

/// What is over, whose folders on the machine may go with the next command.
pub(super) type Forgotten = Arc<Mutex<Vec<String>>>;

enum Input {
    Bytes(Bytes),
    End,
}

enum Said {
    Chunk(Chunk),
    End(ExitStatus),
}

type Signalled = (Signal, oneshot::Sender<Result<()>>);

/// What is to be run.
pub(super) struct Task {
    pub(super) user: String,
    /// By `/bin/sh` alone, without the user's login shell and what that says.
    pub(super) plain: bool,
    pub(super) line: String,
}

/// A command under way. Dropping it ends it on the machine.
pub(super) struct SsmExec {
    said: mpsc::Receiver<Result<Said>>,
    input: mpsc::Sender<Input>,
    signals: mpsc::Sender<Signalled>,
    exit: Option<ExitStatus>,
    over: bool,
}

impl SsmExec {
    /// Starts it, from a task: what goes wrong is told by the first reading.
    ///
    /// # Errors
    /// `Local` where the line is too long.
    pub(super) fn start(runner: Runner, task: Task, forgotten: Forgotten) -> Result<Self> {
        let line = pack(task.line.as_bytes());
        if line.len() > LOAD {
            return Err(Error::new(ErrorKind::Local, "the command is too long for Systems Manager")
                .hint("give it as a file, or as its input"));
        }
        let (tell, said) = mpsc::channel(4);
        let (input, inputs) = mpsc::channel(4);
        let (signals, signalled) = mpsc::channel(1);
        let id = format!("{:032x}", rand::random::<u128>());
        let talk = Arc::new(Talk { runner, id, forgotten });
        tokio::spawn(async move { talk.drive(task, line, tell, inputs, signalled).await });
        Ok(Self { said, input, signals, exit: None, over: false })
    }
}

#[async_trait]
impl ExecStream for SsmExec {
    async fn next(&mut self) -> Result<Option<Chunk>> {
        if self.over {
            return Ok(None);
        }
        match self.said.recv().await {
            Some(Ok(Said::Chunk(chunk))) => Ok(Some(chunk)),
            Some(Ok(Said::End(status))) => {
                self.over = true;
                self.exit = Some(status);
                Ok(None)
            }
            Some(Err(error)) => Err(error),
            None => Err(Error::new(ErrorKind::Lost, "the command on the machine was lost")),
        }
    }

    fn exit(&self) -> Option<ExitStatus> {
        self.exit.clone()
    }

    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        // Input is kept on the machine until it is read: this waits for the way there, never for the command.
        self.input.send(Input::Bytes(bytes)).await.map_err(|_| no_reader())
    }

    async fn close_stdin(&mut self) -> Result<()> {
        // a command that has ended has no input left to end
        let _ = self.input.send(Input::End).await;
        Ok(())
    }

    async fn signal(&mut self, signal: Signal) -> Result<()> {
        let (tell, told) = oneshot::channel();
        self.signals.send((signal, tell)).await.map_err(|_| Error::new(ErrorKind::Lost, "the command is over"))?;
        // one that ended meanwhile, perhaps by this, has no more to tell of it
        told.await.unwrap_or(Ok(()))
    }

    async fn resize(&mut self, _: PtySize) -> Result<()> {
        Ok(())
    }
}

fn no_reader() -> Error {
    Error::new(ErrorKind::Lost, "the command no longer reads its input")
}

fn lost(why: &str) -> Error {
    Error::new(ErrorKind::Lost, format!("the command on the machine was lost: {why}"))
}

/// Input on its way.
#[derive(Default)]
struct Inlet {
    waiting: BytesMut,
    at: u64,
    ended: bool,
}

impl Inlet {
    fn take(&mut self, input: Option<Input>) {
        match input {
            Some(Input::Bytes(bytes)) => self.waiting.extend_from_slice(&bytes),
            // who drops it without ending it is about to drop all
            Some(Input::End) => self.ended = true,
            None => {}
        }
    }

    /// The next piece of so many letters at most, if there is something to tell.
    fn piece(&mut self, room: usize) -> Piece {
        let mut length = self.waiting.len().min(PIECE);
        let mut data = String::new();
        while length > 0 {
            data = pack(&self.waiting[..length]);
            if data.len() <= room {
                break;
            }
            length = (length * room / data.len()) * 15 / 16;
            data.clear();
        }
        let at = self.at;
        drop(self.waiting.split_to(length));
        self.at += length as u64;
        let last = (self.ended && self.waiting.is_empty()).then_some(self.at);
        Piece { at, data, last }
    }
}

/// The talk with the machine about one command.
struct Talk {
    runner: Runner,
    id: String,
    forgotten: Forgotten,
}

impl Talk {
    async fn drive(
        &self,
        task: Task,
        line: String,
        tell: mpsc::Sender<Result<Said>>,
        mut inputs: mpsc::Receiver<Input>,
        mut signals: mpsc::Receiver<Signalled>,
    ) {
        let mut inlet = Inlet::default();
        let gathered = Instant::now() + GATHER;
        while !inlet.ended && inlet.waiting.len() < LOAD / 2 {
            match tokio::time::timeout_at(gathered, inputs.recv()).await {
                Ok(None) | Err(_) => break,
                Ok(input) => inlet.take(input),
            }
        }
        let outcome = tokio::select! {
            () = tell.closed() => None,
            outcome = self.talk(task, line, inlet, &tell, &mut inputs, &mut signals) => Some(outcome),
        };
        match outcome {
            Some(Ok(status)) => {
                self.forgotten.lock().unwrap_or_else(PoisonError::into_inner).push(self.id.clone());
                let _ = tell.send(Ok(Said::End(status))).await;
            }
            Some(Err(error)) => {
                let _ = tell.send(Err(error)).await;
                self.end().await;
            }
            None => self.end().await,
        }
    }

    async fn talk(
        &self,
        task: Task,
        line: String,
        mut inlet: Inlet,
        tell: &mpsc::Sender<Result<Said>>,
        inputs: &mut mpsc::Receiver<Input>,
        signals: &mut mpsc::Receiver<Signalled>,
    ) -> Result<ExitStatus> {
        let piece = inlet.piece(LOAD - line.len());
        let told_end = piece.last.is_some();
        let Task { user, plain, .. } = task;
        let none = Offsets::default();
        let first = self.insist(LOOKS.0, |looks| {
            let verb = Verb::Start { user: user.clone(), plain, line: line.clone(), piece: piece.clone() };
            self.ask(verb, none, none, MOST, looks)
        });
        let first = first.await?;
        tokio::select! {
            outcome = self.read(first, tell) => outcome,
            error = self.write(inlet, told_end, inputs) => Err(error),
            never = self.signal(signals) => never,
        }
    }

    /// Hands on what the command says until it is over.
    async fn read(&self, first: Answer, tell: &mpsc::Sender<Result<Said>>) -> Result<ExitStatus> {
        let mut at = Offsets::default();
        let mut answers = VecDeque::from([first]);
        let mut looks = LOOKS.0;
        loop {
            let mut last = (0, State::Absent, Offsets::default());
            while let Some(answer) = answers.pop_front() {
                let (out, err) = (answer.out.len() as u64, answer.err.len() as u64);
                let had = at;
                at = Offsets { out: at.out + out, err: at.err + err };
                for chunk in [Chunk::Stdout(answer.out), Chunk::Stderr(answer.err)] {
                    let (Chunk::Stdout(bytes) | Chunk::Stderr(bytes)) = &chunk;
                    if bytes.is_empty() {
                        continue;
                    }
                    let place = loop {
                        match tokio::time::timeout(KEPT, tell.reserve()).await {
                            Ok(Ok(place)) => break place,
                            Ok(Err(_)) => return pending().await,
                            // who listens takes a rest, and the machine is not to take that for our end
                            Err(_) => drop(self.ask(Verb::Read, at, had, 0, 0).await),
                        }
                    };
                    place.send(Ok(Said::Chunk(chunk)));
                }
                looks = if out + err > 0 { LOOKS.0 } else { (looks * 2).min(LOOKS.1) };
                last = (out, answer.state, answer.all);
            }
            let (given, state, all) = last;
            let more = all.out > at.out || all.err > at.err;
            match state {
                State::Over(status) if !more => return Ok(status),
                State::Gone if !more => return Err(lost("it is gone, and nobody knows how it ended")),
                State::Absent => return Err(lost("the machine knows nothing of it")),
                State::Failed(why) => return Err(failed(&why)),
                State::Going | State::Over(_) | State::Gone => {}
            }
            if given > 0 && all.err == at.err && all.out - at.out > given {
                // much of one stream: by several at once, as much each as fitted last time
                let each = (given - given / 16).max(1);
                let many = READS.min((all.out - at.out).div_ceil(each));
                let asks = (0..many).map(|index| {
                    let from = Offsets { out: at.out + index * each, err: at.err };
                    self.insist(0, move |looks| self.ask(Verb::Read, from, at, each, looks))
                });
                let all = join_all(asks).await;
                for answer in all {
                    let answer = answer?;
                    let whole = answer.out.len() as u64 == each && answer.err.is_empty();
                    answers.push_back(answer);
                    if !whole {
                        // what comes behind it does not join
                        break;
                    }
                }
            } else {
                let looks = if more { 0 } else { looks };
                answers.push_back(self.insist(looks, |looks| self.ask(Verb::Read, at, at, MOST, looks)).await?);
            }
        }
    }

    /// Sends input on its way until it ends; comes back with an error alone.
    async fn write(&self, mut inlet: Inlet, mut told_end: bool, inputs: &mut mpsc::Receiver<Input>) -> Error {
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < WRITES && !told_end && (!inlet.waiting.is_empty() || inlet.ended) {
                let piece = inlet.piece(LOAD);
                told_end = piece.last.is_some();
                let none = Offsets::default();
                under_way.push(self.insist(0, move |_| self.ask(Verb::Write(piece.clone()), none, none, 0, 0)));
            }
            let listening = !inlet.ended && inlet.waiting.len() < PIECE;
            tokio::select! {
                answer = under_way.next(), if !under_way.is_empty() => match answer {
                    // whoever reads learns of its end
                    None | Some(Ok(Answer { state: State::Going | State::Over(_) | State::Gone | State::Absent, .. })) => {}
                    Some(Ok(Answer { state: State::Failed(why), .. })) => return failed(&why),
                    Some(Err(error)) => return error,
                },
                input = inputs.recv(), if listening => match input {
                    None => return pending().await,
                    input => {
                        inlet.take(input);
                        while let Ok(input) = inputs.try_recv() {
                            inlet.take(Some(input));
                        }
                    }
                },
                else => return pending().await,
            }
        }
    }

    async fn signal(&self, signals: &mut mpsc::Receiver<Signalled>) -> Result<ExitStatus> {
        while let Some((signal, told)) = signals.recv().await {
            let none = Offsets::default();
            let sent = self.insist(0, |_| self.ask(Verb::Signal(signal.name()), none, none, 0, 0)).await;
            let _ = told.send(sent.map(drop));
        }
        pending().await
    }

    /// Ends it on the machine, if it can be reached.
    async fn end(&self) {
        let none = Offsets::default();
        if let Err(error) = self.insist(0, |_| self.ask(Verb::End, none, none, 0, 0)).await {
            tracing::debug!(%error, instance = self.runner.instance(), "could not end a command");
        }
    }

    /// One short command.
    async fn ask(&self, verb: Verb, from: Offsets, had: Offsets, most: u64, looks: u32) -> Result<Answer> {
        let begins = matches!(verb, Verb::Start { .. });
        let forget = if begins {
            std::mem::take(&mut *self.forgotten.lock().unwrap_or_else(PoisonError::into_inner))
        } else {
            Vec::new()
        };
        let ask = Ask { id: &self.id, verb, from, had, most, looks, forget: &forget };
        let limit = SHORT + Duration::from_millis(u64::from(looks) * 100);
        Answer::parse(&self.runner.run(ask.script(), limit).await?)
    }

    /// Repeats it through trouble that passes: none of the commands does harm twice.
    async fn insist<F: Future<Output = Result<Answer>>>(&self, looks: u32, ask: impl Fn(u32) -> F) -> Result<Answer> {
        let began = Instant::now();
        let mut attempt = 0;
        loop {
            match ask(if attempt == 0 { looks } else { 0 }).await {
                // that no agent is there does not pass soon, and is for the caller to judge
                Err(error)
                    if matches!(error.kind, ErrorKind::Lost | ErrorKind::Timeout) && began.elapsed() < TROUBLE =>
                {
                    tracing::debug!(%error, instance = self.runner.instance(), "once more");
                    tokio::time::sleep(Backoff::default().delay(attempt, rand::random())).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }
}

/// What could not be done there.
fn failed(why: &str) -> Error {
    let kind = if why.contains("No space left") || why.contains("quota exceeded") {
        ErrorKind::DiskFull
    } else if why.starts_with("there is no user") {
        // a fresh machine answers before its users are made
        ErrorKind::Auth
    } else {
        ErrorKind::Command
    };
    Error::new(kind, format!("the machine does not run the command: {why}"))
}
