//! The trait every transport implements, and the words it is asked in.

use super::Result;
use crate::domain::Endpoint;
use async_trait::async_trait;
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Size of a terminal in character cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PtySize {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

/// A command for a machine's login shell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    /// The line, as a POSIX shell reads it; none asks for an interactive login shell.
    pub line: Option<String>,
    /// A terminal for it, with the name of its type (`TERM`).
    pub pty: Option<(String, PtySize)>,
}

impl Command {
    /// A line for the shell.
    pub fn line(line: impl Into<String>) -> Self {
        Self { line: Some(line.into()), pty: None }
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitStatus {
    /// With this status.
    Code(i32),
    /// By this signal (name without `SIG`).
    Signal(String),
}

impl ExitStatus {
    /// Whether it was zero.
    #[must_use]
    pub fn is_success(&self) -> bool {
        *self == Self::Code(0)
    }

    /// As a shell would say it: the status, or 128 + the signal's number where it is a common one, 255 else.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::Code(code) => *code,
            Self::Signal(name) => match name.as_str() {
                "HUP" => 129,
                "INT" => 130,
                "QUIT" => 131,
                "ABRT" => 134,
                "KILL" => 137,
                "SEGV" => 139,
                "PIPE" => 141,
                "TERM" => 143,
                _ => 255,
            },
        }
    }
}

/// A piece of what a command says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Standard output.
    Stdout(Bytes),
    /// Standard error.
    Stderr(Bytes),
}

/// Signals that a command can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Interrupt, as Ctrl-C sends it.
    Int,
    /// Please end.
    Term,
    /// End at once.
    Kill,
}

impl Signal {
    /// Its name without `SIG`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "INT",
            Self::Term => "TERM",
            Self::Kill => "KILL",
        }
    }
}

/// A command under way. Dropping it closes its channel.
#[async_trait]
pub trait ExecStream: Send {
    /// The next piece of output, or `None` once both streams have ended **and** the command's end is known, whichever
    /// order the machine tells them in. Cancel-safe.
    ///
    /// # Errors
    /// `Lost` or `Timeout` when the connection breaks before the command's end is known.
    async fn next(&mut self) -> Result<Option<Chunk>>;

    /// How it ended; `None` before [`next`](Self::next) has answered `None`, and for a machine that never says.
    fn exit(&self) -> Option<ExitStatus>;

    /// Writes to its standard input, waiting while the machine does not read.
    ///
    /// # Errors
    /// `Lost` when the command no longer reads.
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Ends its standard input.
    ///
    /// # Errors
    /// `Lost` when the connection is gone.
    async fn close_stdin(&mut self) -> Result<()>;

    /// Sends it a signal (RFC 4254 §6.9).
    ///
    /// # Errors
    /// `Lost` when the connection is gone.
    async fn signal(&mut self, signal: Signal) -> Result<()>;

    /// Tells it a new size of its terminal.
    ///
    /// # Errors
    /// `Lost` when the connection is gone.
    async fn resize(&mut self, size: PtySize) -> Result<()>;
}

/// A boxed command under way.
pub type Exec = Box<dyn ExecStream>;

/// What a short command said in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output, at most 4 MiB of it.
    pub stdout: Vec<u8>,
    /// Standard error, at most 4 MiB of it.
    pub stderr: Vec<u8>,
}

/// How a file is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutOptions {
    /// Permission bits of the new file.
    pub mode: u32,
    /// Goes on from what an earlier, broken `put` of the same file left, instead of starting again.
    pub resume: bool,
}

/// Progress of a transfer; called with bytes done and bytes in all, possibly often.
pub type Transfer<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// A machine one can work on. Implementations reconnect by themselves for the next call when the connection was lost,
/// but never repeat a call that had begun.
#[async_trait]
pub trait Shell: Send + Sync {
    /// Starts a command.
    ///
    /// # Errors
    /// Connecting may fail (`Unreachable`, `HostKey`, `Auth`, `Timeout`), and so may opening a channel (`Lost`).
    async fn exec(&self, command: Command) -> Result<Exec>;

    /// Copies a file of this computer to the machine: into a temporary name beside `to`, then an atomic rename.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, `DiskFull`, `Lost`, `Local`.
    async fn put(&self, from: &Path, to: &str, options: PutOptions, progress: Transfer<'_>) -> Result<()>;

    /// Copies a file of the machine to this computer, the same way; an existing temporary file of an earlier try is
    /// gone on with. Gives the file's size.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    async fn get(&self, from: &str, to: &Path, progress: Transfer<'_>) -> Result<u64>;

    /// Copies whole folders of the machine, files in parallel. Links are copied as links. Gives the number of files.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    async fn get_tree(&self, from: &str, to: &Path, progress: Transfer<'_>) -> Result<u64>;

    /// The other way round.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    async fn put_tree(&self, from: &Path, to: &str, progress: Transfer<'_>) -> Result<u64>;

    /// Closes the connection; a later call opens a new one.
    async fn disconnect(&self);

    /// Runs a short command to its end, with `stdin` as its input. Not for large output.
    ///
    /// # Errors
    /// As [`exec`](Self::exec), and `Protocol` when the machine never says how it ended.
    async fn capture(&self, line: &str, stdin: Bytes) -> Result<Captured> {
        const LIMIT: usize = 4 << 20;
        let mut exec = self.exec(Command::line(line)).await?;
        if !stdin.is_empty() {
            exec.write(stdin).await?;
        }
        exec.close_stdin().await?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(chunk) = exec.next().await? {
            let (sink, bytes) = match chunk {
                Chunk::Stdout(bytes) => (&mut stdout, bytes),
                Chunk::Stderr(bytes) => (&mut stderr, bytes),
            };
            let room = LIMIT.saturating_sub(sink.len()).min(bytes.len());
            sink.extend_from_slice(&bytes[..room]);
        }
        let status = exec.exit().ok_or_else(|| {
            super::Error::new(super::ErrorKind::Protocol, "the machine never said how a command ended")
        })?;
        Ok(Captured { status, stdout, stderr })
    }
}

/// Makes shells for endpoints, and what other programs need to come in the same way.
#[async_trait]
pub trait Connector: Send + Sync {
    /// A shell on that machine; connects with the first call.
    fn shell(&self, endpoint: &Endpoint) -> Arc<dyn Shell>;

    /// The words of a command that behaves like `ssh` towards this endpoint, for Mercurial's `ui.ssh`. `scratch` is a
    /// private folder that it may leave a description of the endpoint in.
    ///
    /// # Errors
    /// `Local` when that file cannot be written.
    fn ssh_command(&self, endpoint: &Endpoint, scratch: &Path) -> Result<Vec<String>>;

    /// The host key that the machine shows now, unverified, as one OpenSSH line and its SHA-256 fingerprint: for a
    /// person to confirm.
    ///
    /// # Errors
    /// `Unreachable`, `Timeout`, `Protocol`.
    async fn offered_host_key(&self, endpoint: &Endpoint) -> Result<(String, String)>;

    /// The public key, in OpenSSH's one-line form, that machines must let in.
    ///
    /// # Errors
    /// `Local` when the key cannot be read or made.
    fn public_key(&self) -> Result<String>;

    /// File of the private key that belongs to it.
    fn private_key(&self) -> PathBuf;
}
