//! A `Shell` that runs `/bin/sh -c` on this computer, with faults to order.

#![allow(dead_code, reason = "each test file uses its part")]

use async_trait::async_trait;
use bytes::Bytes;
use hgautomation::remote::{
    Chunk, Command, Error, ErrorKind, Exec, ExecStream, ExitStatus, PtySize, PutOptions, Result, Shell, Signal,
    Transfer,
};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

/// The shell. `cut_after` bytes of any stream, the connection is "lost", once.
pub(crate) struct LocalShell {
    budget: std::sync::Arc<AtomicI64>,
    prefix: String,
}

impl LocalShell {
    pub(crate) fn new() -> Self {
        Self { budget: std::sync::Arc::new(AtomicI64::new(i64::MAX)), prefix: String::new() }
    }

    /// Something to run before each line, as a login shell's start-up files would be.
    pub(crate) fn with_prefix(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..Self::new() }
    }

    /// Loses the connection after so many more bytes.
    pub(crate) fn cut_after(&self, bytes: i64) {
        self.budget.store(bytes, Ordering::SeqCst);
    }

    /// Never again.
    pub(crate) fn heal(&self) {
        self.budget.store(i64::MAX, Ordering::SeqCst);
    }
}

struct Stream {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    exit: Option<ExitStatus>,
    budget: std::sync::Arc<AtomicI64>,
    out: Vec<u8>,
    err: Vec<u8>,
}

#[async_trait]
impl ExecStream for Stream {
    async fn next(&mut self) -> Result<Option<Chunk>> {
        loop {
            if self.exit.is_some() {
                return Ok(None);
            }
            if self.budget.load(Ordering::SeqCst) <= 0 {
                let _ = self.child.start_kill();
                return Err(Error::new(ErrorKind::Lost, "the connection was cut"));
            }
            let none = self.stdout.is_none() && self.stderr.is_none();
            let (out, err) = (&mut self.out, &mut self.err);
            let (stdout, stderr) = (&mut self.stdout, &mut self.stderr);
            let chunk = tokio::select! {
                got = async { stdout.as_mut().unwrap().read(out).await }, if stdout.is_some() => match got.unwrap() {
                    0 => { *stdout = None; continue }
                    n => Chunk::Stdout(Bytes::copy_from_slice(&out[..n])),
                },
                got = async { stderr.as_mut().unwrap().read(err).await }, if stderr.is_some() => match got.unwrap() {
                    0 => { *stderr = None; continue }
                    n => Chunk::Stderr(Bytes::copy_from_slice(&err[..n])),
                },
                status = self.child.wait(), if none => {
                    let status = status.unwrap();
                    self.exit = Some(match status.code() {
                        Some(code) => ExitStatus::Code(code),
                        None => ExitStatus::Signal(if status.signal() == Some(9) { "KILL" } else { "TERM" }.into()),
                    });
                    return Ok(None);
                }
            };
            let (Chunk::Stdout(bytes) | Chunk::Stderr(bytes)) = &chunk;
            let left = self.budget.fetch_sub(i64::try_from(bytes.len()).unwrap_or(i64::MAX), Ordering::SeqCst);
            let keep = usize::try_from(left.max(0)).unwrap().min(bytes.len());
            if keep == bytes.len() {
                return Ok(Some(chunk));
            }
            if keep > 0 {
                return Ok(Some(match chunk {
                    Chunk::Stdout(bytes) => Chunk::Stdout(bytes.slice(..keep)),
                    Chunk::Stderr(bytes) => Chunk::Stderr(bytes.slice(..keep)),
                }));
            }
        }
    }

    fn exit(&self) -> Option<ExitStatus> {
        self.exit.clone()
    }

    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let lost = |_| Error::new(ErrorKind::Lost, "the command no longer reads");
        self.stdin.as_mut().unwrap().write_all(&bytes).await.map_err(lost)
    }

    async fn close_stdin(&mut self) -> Result<()> {
        self.stdin = None;
        Ok(())
    }

    async fn signal(&mut self, _: Signal) -> Result<()> {
        unimplemented!()
    }

    async fn resize(&mut self, _: PtySize) -> Result<()> {
        unimplemented!()
    }
}

#[async_trait]
impl Shell for LocalShell {
    async fn exec(&self, command: Command) -> Result<Exec> {
        let line = format!("{}{}", self.prefix, command.line.unwrap());
        let mut child = tokio::process::Command::new("/bin/sh")
            .args(["-c", &line])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Ok(Box::new(Stream {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            child,
            exit: None,
            budget: self.budget.clone(),
            out: vec![0; 1 << 16],
            err: vec![0; 1 << 16],
        }))
    }

    async fn put(&self, from: &Path, to: &str, _: PutOptions, _: Transfer<'_>) -> Result<()> {
        std::fs::copy(from, to).map(drop).map_err(|e| Error::new(ErrorKind::Local, e.to_string()))
    }

    async fn get(&self, from: &str, to: &Path, _: Transfer<'_>) -> Result<u64> {
        std::fs::copy(from, to).map_err(|e| Error::new(ErrorKind::Local, e.to_string()))
    }

    async fn get_tree(&self, _: &str, _: &Path, _: Transfer<'_>) -> Result<u64> {
        unimplemented!()
    }

    async fn put_tree(&self, _: &Path, _: &str, _: Transfer<'_>) -> Result<u64> {
        unimplemented!()
    }

    async fn disconnect(&self) {}
}
