//! `hga ssh`: a shell on a machine for people, or a command there for scripts; its exit status is passed on.

use super::super::args::Ssh;
use super::super::error::{Outcome, Stop};
use super::super::words;
use crate::diag::{chain, hints};
use crate::domain::{Machine, Timestamp, escape_controls};
use crate::session::{Chunk, Command, PtySize, Session};
use bytes::Bytes;
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use std::io::{IsTerminal as _, Read as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

pub(super) async fn run(args: &Ssh, session: &Session) -> Outcome {
    let shell = session.shell(&args.machine).await?;
    let interactive = args.command.is_empty() && std::io::stdin().is_terminal();
    if interactive {
        banner(&session.machine(&args.machine).await?)?;
    }
    let command = Command {
        line: (!args.command.is_empty()).then(|| args.command.join(" ")),
        pty: interactive.then(|| (std::env::var("TERM").unwrap_or_else(|_| "xterm".to_owned()), size())),
    };
    let listen = |kind| signal(kind).map_err(|error| Stop::error(format!("could not listen for signals: {error}")));
    let mut resized = listen(SignalKind::window_change())?;
    let mut term = listen(SignalKind::terminate())?;
    let mut hup = listen(SignalKind::hangup())?;
    let mut exec = shell.exec(command).await.map_err(remote)?;
    let _raw = interactive.then(Raw::enter).transpose()?;
    let mut input = stdin();
    let mut open = true;
    loop {
        tokio::select! {
            chunk = exec.next() => match chunk.map_err(remote)? {
                Some(Chunk::Stdout(bytes)) => write(&mut std::io::stdout().lock(), &bytes)?,
                Some(Chunk::Stderr(bytes)) => write(&mut std::io::stderr().lock(), &bytes)?,
                None => break,
            },
            bytes = input.recv(), if open => if let Some(bytes) = bytes {
                // a command that reads no more will end by itself; until then what it says is still to be shown
                open = exec.write(bytes).await.is_ok();
            } else {
                open = false;
                // gone already: its end comes next
                let _ = exec.close_stdin().await;
            },
            Some(()) = resized.recv(), if interactive => exec.resize(size()).await.map_err(remote)?,
            Some(()) = term.recv() => return Ok(143),
            Some(()) = hup.recv() => return Ok(129),
        }
    }
    exec.exit().map(|status| status.code()).ok_or_else(|| Stop::error("the machine never said how the command ended"))
}

/// Says where a person is, for the prompt may look like that of this computer.
fn banner(machine: &Machine) -> std::io::Result<()> {
    let left = machine
        .lease
        .map_or_else(String::new, |lease| format!(", ends itself in {}", words::span(lease.left(Timestamp::now()))));
    let text = format!(
        "machine {} ({}){left}\nsource and tests: {}, once a job has brought them; `exit` leaves\n",
        machine.id,
        machine.provider,
        machine.layout.work_source(),
    );
    write(&mut std::io::stderr().lock(), escape_controls(&text).as_bytes())
}

#[expect(clippy::needless_pass_by_value, reason = "handed to `map_err`")]
fn remote<E: crate::diag::Hinted + 'static>(error: E) -> Stop {
    Stop::Error { code: super::exit::ERROR, message: chain(&error), hints: hints(&error) }
}

fn write(to: &mut dyn std::io::Write, bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// Standard input, read by a thread of its own: such a read cannot be broken off, and must not keep the process.
fn stdin() -> mpsc::Receiver<Bytes> {
    let (sender, receiver) = mpsc::channel(4);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 32 << 10];
        let mut stdin = std::io::stdin().lock();
        while let Ok(count) = stdin.read(&mut buffer) {
            if count == 0 || sender.blocking_send(Bytes::copy_from_slice(&buffer[..count])).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The size of our terminal, that of old times when it does not tell.
fn size() -> PtySize {
    terminal_size::terminal_size()
        .map_or(PtySize { cols: 80, rows: 24 }, |(width, height)| PtySize { cols: width.0, rows: height.0 })
}

/// The terminal in raw mode; dropping it, be it by a panic, sets it back.
struct Raw {
    before: Termios,
}

impl Raw {
    fn enter() -> Result<Self, Stop> {
        let failed = |error| Stop::error(format!("could not set the terminal up: {error}"));
        let before = tcgetattr(std::io::stdin()).map_err(failed)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(std::io::stdin(), SetArg::TCSANOW, &raw).map_err(failed)?;
        Ok(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // nothing more can be done when the terminal is gone
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, &self.before);
    }
}
