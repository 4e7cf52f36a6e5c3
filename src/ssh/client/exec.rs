//! A command under way on a channel of a connection.

use super::error::{lost, lost_by};
use super::handshake::{Closed, Connection};
use crate::remote::{Chunk, Command, Error, ErrorKind, ExecStream, ExitStatus, PtySize, Result, Signal};
use async_trait::async_trait;
use bytes::Bytes;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};
use tokio::sync::mpsc;

/// Output that `write` may set aside while it waits for the machine to read, so that a caller who first writes all and
/// then reads does not wait for ever.
const ASIDE: usize = 8 << 20;
/// Pieces of input on their way to the channel.
const INPUT_QUEUE: usize = 4;

enum Input {
    Bytes(Bytes),
    End,
}

/// Writes to a command's standard input, independently of who reads its output.
#[derive(Clone)]
pub struct Stdin {
    queue: mpsc::Sender<Input>,
}

impl Stdin {
    /// Writes, waiting while the machine does not read. Cancelled, it has written nothing.
    ///
    /// # Errors
    /// `Lost` when the command no longer reads.
    pub async fn write(&self, bytes: Bytes) -> Result<()> {
        self.queue.send(Input::Bytes(bytes)).await.map_err(|_| no_reader())
    }

    /// The same from a thread that may block.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_blocking(&self, bytes: Bytes) -> Result<()> {
        self.queue.blocking_send(Input::Bytes(bytes)).map_err(|_| no_reader())
    }

    /// Ends it, from a thread that may block.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn close_blocking(&self) -> Result<()> {
        self.queue.blocking_send(Input::End).map_err(|_| no_reader())
    }
}

/// A command under way. Dropping it closes its channel.
pub struct SshExec {
    read: ChannelReadHalf,
    write: Arc<ChannelWriteHalf<Msg>>,
    stdin: Stdin,
    connection: Arc<Connection>,
    behind: Arc<AtomicIsize>,
    feeding: tokio::task::AbortHandle,
    aside: VecDeque<Chunk>,
    aside_bytes: usize,
    exit: Option<ExitStatus>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Refused,
    Closed,
    Lost,
}

impl SshExec {
    /// Opens a channel and starts the command on it.
    ///
    /// # Errors
    /// `Lost`.
    pub(crate) async fn start(connection: Arc<Connection>, command: Command) -> Result<Self> {
        let mut closed = connection.closed();
        let channel = tokio::select! {
            opened = connection.handle.channel_open_session() => opened.map_err(lost_by)?,
            () = closed.wait() => return Err(lost()),
        };
        let behind = connection.backlog.of(channel.id());
        let (read, write) = channel.split();
        let write = Arc::new(write);
        let (queue, inputs) = mpsc::channel(INPUT_QUEUE);
        let feeding = tokio::spawn(feed(Arc::clone(&write), inputs, closed)).abort_handle();
        let exec = Self {
            read,
            write,
            stdin: Stdin { queue },
            connection,
            behind,
            feeding,
            aside: VecDeque::new(),
            aside_bytes: 0,
            exit: None,
            state: State::Running,
        };
        if let Some((term, size)) = &command.pty {
            let (cols, rows) = (u32::from(size.cols), u32::from(size.rows));
            exec.write.request_pty(false, term, cols, rows, 0, 0, &[]).await.map_err(lost_by)?;
        }
        match command.line {
            Some(line) => exec.write.exec(true, line).await,
            None => exec.write.request_shell(true).await,
        }
        .map_err(lost_by)?;
        Ok(exec)
    }

    /// Another way to its standard input, for those who read and write at the same time.
    pub fn stdin(&self) -> Stdin {
        self.stdin.clone()
    }

    /// Takes one message in; the piece of output in it, if any.
    fn take(&mut self, message: Option<ChannelMsg>) -> Option<Chunk> {
        match message {
            Some(ChannelMsg::Data { data }) => {
                self.behind.fetch_sub(1, Ordering::Relaxed);
                (!data.is_empty()).then_some(Chunk::Stdout(data))
            }
            Some(ChannelMsg::ExtendedData { data, .. }) => {
                self.behind.fetch_sub(1, Ordering::Relaxed);
                (!data.is_empty()).then_some(Chunk::Stderr(data))
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                self.exit = Some(ExitStatus::Code(i32::try_from(exit_status).unwrap_or(255)));
                None
            }
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                self.exit = Some(ExitStatus::Signal(signal_text(&signal_name)));
                None
            }
            Some(ChannelMsg::Failure) => {
                self.state = State::Refused;
                None
            }
            Some(ChannelMsg::Close) => {
                self.feeding.abort();
                if self.state == State::Running {
                    self.state = State::Closed;
                }
                None
            }
            // Eof, window and success are of no interest here; a status may still follow them.
            Some(_) => None,
            None => {
                if self.state == State::Running {
                    self.state = State::Lost;
                }
                None
            }
        }
    }
}

#[async_trait]
impl ExecStream for SshExec {
    async fn next(&mut self) -> Result<Option<Chunk>> {
        if let Some(chunk) = self.aside.pop_front() {
            self.aside_bytes -= length(&chunk);
            return Ok(Some(chunk));
        }
        loop {
            match self.state {
                State::Running => {}
                State::Closed => return Ok(None),
                State::Refused => {
                    return Err(Error::new(ErrorKind::Command, "the machine refuses to run the command"));
                }
                State::Lost => return Err(self.connection.complaints.explain(lost())),
            }
            let message = self.read.wait().await;
            if let Some(chunk) = self.take(message) {
                return Ok(Some(chunk));
            }
        }
    }

    fn exit(&self) -> Option<ExitStatus> {
        if self.state == State::Closed && self.aside.is_empty() { self.exit.clone() } else { None }
    }

    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let queue = self.stdin.queue.clone();
        loop {
            let listening = self.state == State::Running && self.aside_bytes < ASIDE;
            tokio::select! {
                biased;
                place = queue.reserve() => {
                    place.map_err(|_| no_reader())?.send(Input::Bytes(bytes));
                    return Ok(());
                }
                message = self.read.wait(), if listening => {
                    if let Some(chunk) = self.take(message) {
                        self.aside_bytes += length(&chunk);
                        self.aside.push_back(chunk);
                    }
                    if self.state != State::Running {
                        return Err(no_reader());
                    }
                }
            }
        }
    }

    async fn close_stdin(&mut self) -> Result<()> {
        // Queued behind what was written, without waiting for it: its place is free as soon as the machine reads.
        match self.stdin.queue.try_send(Input::End) {
            Err(mpsc::error::TrySendError::Closed(_)) if self.state == State::Lost => Err(lost()),
            // A command that ended has no input left to end.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(end)) => {
                let queue = self.stdin.queue.clone();
                tokio::spawn(async move { queue.send(end).await });
                Ok(())
            }
        }
    }

    async fn signal(&mut self, signal: Signal) -> Result<()> {
        let signal = match signal {
            Signal::Int => Sig::INT,
            Signal::Term => Sig::TERM,
            Signal::Kill => Sig::KILL,
        };
        self.write.signal(signal).await.map_err(lost_by)
    }

    async fn resize(&mut self, size: PtySize) -> Result<()> {
        self.write.window_change(u32::from(size.cols), u32::from(size.rows), 0, 0).await.map_err(lost_by)
    }
}

impl Drop for SshExec {
    fn drop(&mut self) {
        self.connection.backlog.forget(self.write.id());
        self.feeding.abort();
        if matches!(self.state, State::Closed | State::Lost) {
            return;
        }
        let write = Arc::clone(&self.write);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { write.close().await });
        }
    }
}

/// Moves input into the channel as its window allows; ends with the channel's users or the connection.
async fn feed(write: Arc<ChannelWriteHalf<Msg>>, mut inputs: mpsc::Receiver<Input>, mut closed: Closed) {
    let feeding = async {
        while let Some(input) = inputs.recv().await {
            let sent = match input {
                Input::Bytes(bytes) => write.data_bytes(bytes).await,
                Input::End => {
                    let _ = write.eof().await;
                    return;
                }
            };
            if sent.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = feeding => {}
        () = closed.wait() => {}
    }
}

fn length(chunk: &Chunk) -> usize {
    match chunk {
        Chunk::Stdout(bytes) | Chunk::Stderr(bytes) => bytes.len(),
    }
}

fn no_reader() -> Error {
    Error::new(ErrorKind::Lost, "the command no longer reads its input")
}

fn signal_text(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => name.trim_start_matches("SIG").to_owned(),
        known => format!("{known:?}"),
    }
}
