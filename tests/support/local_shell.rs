//! A `Shell` on this computer: commands by `/bin/sh -c`, files by copying. For tests that need a machine's answers but
//! no connection.

use async_trait::async_trait;
use bytes::Bytes;
use hgautomation::remote::{
    Chunk, Command, Error, ErrorKind, Exec, ExecStream, ExitStatus, PtySize, PutOptions, Result, Shell, Signal,
    Transfer,
};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

/// This computer.
pub(crate) struct LocalShell;

struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    exit: Option<ExitStatus>,
}

fn lost(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Lost, "the command is gone").caused_by(error)
}

async fn read(stream: &mut Option<impl AsyncReadExt + Unpin>) -> std::io::Result<Option<Bytes>> {
    let Some(open) = stream else { return std::future::pending().await };
    let mut buffer = vec![0; 65_536];
    let length = open.read(&mut buffer).await?;
    buffer.truncate(length);
    if length == 0 {
        *stream = None;
        return Ok(None);
    }
    Ok(Some(buffer.into()))
}

#[async_trait]
impl ExecStream for Running {
    async fn next(&mut self) -> Result<Option<Chunk>> {
        while self.stdout.is_some() || self.stderr.is_some() {
            let chunk = tokio::select! {
                bytes = read(&mut self.stdout) => bytes.map(|bytes| bytes.map(Chunk::Stdout)),
                bytes = read(&mut self.stderr) => bytes.map(|bytes| bytes.map(Chunk::Stderr)),
            };
            if let Some(chunk) = chunk.map_err(lost)? {
                return Ok(Some(chunk));
            }
        }
        let status = self.child.wait().await.map_err(lost)?;
        self.exit = match (status.code(), status.signal()) {
            (Some(code), _) => Some(ExitStatus::Code(code)),
            (None, signal) => Some(ExitStatus::Signal(signal.unwrap_or_default().to_string())),
        };
        Ok(None)
    }

    fn exit(&self) -> Option<ExitStatus> {
        self.exit.clone()
    }

    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        match &mut self.stdin {
            Some(stdin) => stdin.write_all(&bytes).await.map_err(lost),
            None => Err(Error::new(ErrorKind::Lost, "its input is closed")),
        }
    }

    async fn close_stdin(&mut self) -> Result<()> {
        self.stdin = None;
        Ok(())
    }

    async fn signal(&mut self, _: Signal) -> Result<()> {
        self.child.start_kill().map_err(lost)
    }

    async fn resize(&mut self, _: PtySize) -> Result<()> {
        Ok(())
    }
}

fn copied(error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Denied,
    };
    Error::new(kind, "could not copy").caused_by(error)
}

#[async_trait]
impl Shell for LocalShell {
    async fn exec(&self, command: Command) -> Result<Exec> {
        let mut child = tokio::process::Command::new("/bin/sh")
            .arg("-c")
            .arg(command.line.unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(lost)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        Ok(Box::new(Running { child, stdin, stdout, stderr, exit: None }))
    }

    async fn put(&self, from: &Path, to: &str, options: PutOptions, _: Transfer<'_>) -> Result<()> {
        std::fs::copy(from, to).map_err(copied)?;
        std::fs::set_permissions(to, std::fs::Permissions::from_mode(options.mode)).map_err(copied)
    }

    async fn get(&self, from: &str, to: &Path, _: Transfer<'_>) -> Result<u64> {
        std::fs::copy(from, to).map_err(copied)
    }

    async fn get_tree(&self, _: &str, _: &Path, _: Transfer<'_>) -> Result<u64> {
        unimplemented!("copying folders")
    }

    async fn put_tree(&self, _: &Path, _: &str, _: Transfer<'_>) -> Result<u64> {
        unimplemented!("copying folders")
    }

    async fn disconnect(&self) {}
}
