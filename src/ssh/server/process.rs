//! A command or shell on one channel: its streams, its end, its signals. It leads a session of its own. When its
//! channel or connection closes before it ends, its group is hung up; what made itself another session lives on.

use super::inbox::Inbox;
use super::listen::ServerConfig;
use bytes::BytesMut;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use russh::server::{Handle, Msg};
use russh::{ChannelWriteHalf, Sig};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::Child;
use tokio::sync::{mpsc, watch};

/// How much is read from a command at a time; also the size its pipes are given.
const PIECE: usize = 256 << 10;
/// How long a terminal may stay silent after its shell has ended before its output counts as complete.
const TERMINAL_REST: Duration = Duration::from_millis(100);
/// The code of standard error in extended data (RFC 4254 §5.2).
const STDERR: u32 = 1;

/// What a client asks of a command under way.
pub(super) enum Control {
    Signal(Sig),
    Resize { cols: u16, rows: u16 },
}

/// A terminal as it was asked for.
pub(super) struct PtyRequest {
    pub(super) term: String,
    pub(super) cols: u16,
    pub(super) rows: u16,
}

/// What to start.
pub(super) struct Start {
    /// For the shell's `-c`; none for a login shell.
    pub(super) line: Option<Vec<u8>>,
    pub(super) pty: Option<PtyRequest>,
    pub(super) environment: Vec<(String, String)>,
    /// Ends when the channel closes.
    pub(super) controls: mpsc::Receiver<Control>,
}

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// A started command with its streams.
struct Started {
    child: Child,
    stdin: Writer,
    outputs: Vec<(Reader, Option<u32>)>,
    terminal: Option<Typing>,
}

pub(super) fn start(
    config: &ServerConfig,
    mut start: Start,
    inbox: Arc<Inbox>,
    writer: ChannelWriteHalf<Msg>,
    handle: Handle,
) -> io::Result<()> {
    let started = match start.pty.take() {
        Some(pty) => on_terminal(config, &start, &pty)?,
        None => on_pipes(config, &start)?,
    };
    tokio::spawn(drive(started, start.controls, inbox, Arc::new(writer), handle));
    Ok(())
}

fn login_name(shell: &OsStr) -> std::ffi::OsString {
    let base = std::path::Path::new(shell).file_name().unwrap_or(shell);
    let mut name = std::ffi::OsString::from("-");
    name.push(base);
    name
}

fn on_pipes(config: &ServerConfig, start: &Start) -> io::Result<Started> {
    let mut command = tokio::process::Command::new(&config.shell);
    match &start.line {
        Some(line) => command.arg("-c").arg(OsStr::from_bytes(line)),
        None => command.arg0(login_name(&config.shell)),
    };
    command
        .envs(start.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&config.home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    own_session(&mut command);
    let mut child = command.spawn()?;
    let missing = || io::Error::other("a command came without its streams");
    let stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    widen(&stdout);
    widen(&stdin);
    let outputs: Vec<(Reader, Option<u32>)> = vec![(Box::new(stdout), None), (Box::new(stderr), Some(STDERR))];
    Ok(Started { child, stdin: Box::new(stdin), outputs, terminal: None })
}

#[expect(unsafe_code, reason = "a new session can only be made between fork and exec")]
fn own_session(command: &mut tokio::process::Command) {
    // SAFETY: setsid(2) is async-signal-safe and nothing else happens here.
    unsafe {
        command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from));
    }
}

/// A larger pipe means fewer switches between a command and us; a refusal changes nothing.
fn widen(pipe: &impl std::os::fd::AsFd) {
    #[cfg(target_os = "linux")]
    let _ = nix::fcntl::fcntl(pipe, nix::fcntl::FcntlArg::F_SETPIPE_SZ(1 << 18));
    #[cfg(not(target_os = "linux"))]
    let _ = pipe;
}

fn on_terminal(config: &ServerConfig, start: &Start, request: &PtyRequest) -> io::Result<Started> {
    let (pty, pts) = pty_process::open().map_err(io::Error::other)?;
    pty.resize(pty_process::Size::new(request.rows, request.cols)).map_err(io::Error::other)?;
    let mut command = pty_process::Command::new(&config.shell);
    command = match &start.line {
        Some(line) => command.arg("-c").arg(OsStr::from_bytes(line)),
        None => command.arg0(login_name(&config.shell)),
    };
    let child = command
        .envs(start.environment.iter().map(|(name, value)| (name, value)))
        .env("TERM", &request.term)
        .current_dir(&config.home)
        .spawn(pts)
        .map_err(io::Error::other)?;
    let (output, input) = pty.into_split();
    let input = Typing(Arc::new(Mutex::new(input)));
    let outputs: Vec<(Reader, Option<u32>)> = vec![(Box::new(output), None)];
    Ok(Started { child, stdin: Box::new(input.clone()), outputs, terminal: Some(input) })
}

/// The writing half of a terminal, shared by input and by changes of its size; locked for one call at a time.
#[derive(Clone)]
struct Typing(Arc<Mutex<pty_process::OwnedWritePty>>);

impl Typing {
    fn locked(&self) -> MutexGuard<'_, pty_process::OwnedWritePty> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn resize(&self, cols: u16, rows: u16) {
        if let Err(error) = self.locked().resize(pty_process::Size::new(rows, cols)) {
            tracing::debug!(%error, "could not resize a terminal");
        }
    }
}

impl AsyncWrite for Typing {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.locked()).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Runs a command to its end and tells the client: all output first, then how it ended, then the close.
async fn drive(
    started: Started,
    mut controls: mpsc::Receiver<Control>,
    inbox: Arc<Inbox>,
    writer: Arc<ChannelWriteHalf<Msg>>,
    handle: Handle,
) {
    let Started { mut child, stdin, outputs, terminal } = started;
    let (ended, rest) = watch::channel(false);
    let rests = terminal.is_some().then_some(rest);
    let feeding = tokio::spawn(feed(inbox, stdin));
    let mut pumps = tokio::task::JoinSet::new();
    for (output, code) in outputs {
        pumps.spawn(pump(output, code, Arc::clone(&writer), rests.clone()));
    }
    drop(rests);
    let mut status = None;
    let mut complete = false;
    loop {
        tokio::select! {
            waited = child.wait(), if status.is_none() => {
                status = Some(waited);
                let _ = ended.send(true);
            }
            control = controls.recv() => match control {
                Some(Control::Signal(signal)) => tell(&child, number(&signal)),
                Some(Control::Resize { cols, rows }) => {
                    if let Some(terminal) = &terminal {
                        terminal.resize(cols, rows);
                    }
                }
                None => break,
            },
            joined = pumps.join_next(), if !complete => complete = joined.is_none(),
        }
        if status.is_some() && complete {
            break;
        }
    }
    feeding.abort();
    let Some(status) = status.filter(|_| complete) else {
        // The client is gone. Its pipes go first, so that whatever writes on learns it; then the group is asked to end.
        pumps.shutdown().await;
        drop(terminal);
        for signal in [Signal::SIGHUP, Signal::SIGTERM, Signal::SIGCONT] {
            tell(&child, Some(signal));
        }
        let _ = child.wait().await;
        return;
    };
    let id = writer.id();
    let _ = writer.eof().await;
    match status {
        Ok(status) => say_end(&handle, id, status).await,
        Err(error) => tracing::warn!(%error, "could not learn how a command ended"),
    }
    let _ = writer.close().await;
}

async fn say_end(handle: &Handle, id: russh::ChannelId, status: ExitStatus) {
    let told = if let Some(signal) = status.signal() {
        let name = Signal::try_from(signal).map_or("KILL", |signal| signal.as_str().trim_start_matches("SIG"));
        let signal = named(name);
        handle.exit_signal_request(id, signal, status.core_dumped(), String::new(), String::new()).await
    } else {
        let code = status.code().and_then(|code| u32::try_from(code).ok()).unwrap_or(255);
        handle.exit_status_request(id, code).await
    };
    if told.is_err() {
        tracing::debug!("a connection ended before its command's end was told");
    }
}

/// Sends a signal to the command's whole group while the command itself has not been waited for: until then its
/// number belongs to nobody else.
fn tell(child: &Child, signal: Option<Signal>) {
    let Some(signal) = signal else { return };
    if let Some(group) = child.id().and_then(|id| i32::try_from(id).ok()) {
        let _ = killpg(Pid::from_raw(group), signal);
    }
}

fn number(signal: &Sig) -> Option<Signal> {
    Some(match signal {
        Sig::ABRT => Signal::SIGABRT,
        Sig::ALRM => Signal::SIGALRM,
        Sig::FPE => Signal::SIGFPE,
        Sig::HUP => Signal::SIGHUP,
        Sig::ILL => Signal::SIGILL,
        Sig::INT => Signal::SIGINT,
        Sig::KILL => Signal::SIGKILL,
        Sig::PIPE => Signal::SIGPIPE,
        Sig::QUIT => Signal::SIGQUIT,
        Sig::SEGV => Signal::SIGSEGV,
        Sig::TERM => Signal::SIGTERM,
        Sig::USR1 => Signal::SIGUSR1,
        Sig::Custom(name) => return format!("SIG{name}").parse().ok(),
    })
}

fn named(name: &str) -> Sig {
    match name {
        "ABRT" => Sig::ABRT,
        "ALRM" => Sig::ALRM,
        "FPE" => Sig::FPE,
        "HUP" => Sig::HUP,
        "ILL" => Sig::ILL,
        "INT" => Sig::INT,
        "KILL" => Sig::KILL,
        "PIPE" => Sig::PIPE,
        "QUIT" => Sig::QUIT,
        "SEGV" => Sig::SEGV,
        "TERM" => Sig::TERM,
        "USR1" => Sig::USR1,
        other => Sig::Custom(other.to_owned()),
    }
}

/// Input, as fast as the command reads it.
async fn feed(inbox: Arc<Inbox>, mut stdin: Writer) {
    loop {
        match inbox.next().await {
            Ok(Some(bytes)) if stdin.write_all(&bytes).await.is_ok() => {}
            Ok(None) => {
                let _ = stdin.shutdown().await;
                return;
            }
            Ok(Some(_)) => break,
            Err(error) => {
                tracing::warn!(%error, "could not read back what a client sent");
                break;
            }
        }
    }
    inbox.discard();
}

/// Output, as fast as the client's window allows; nothing is read from the command before what was read is on its way.
/// A terminal whose shell has ended is complete when it stays silent for a moment, since others may hold it open.
async fn pump(
    mut output: Reader,
    code: Option<u32>,
    writer: Arc<ChannelWriteHalf<Msg>>,
    mut rests: Option<watch::Receiver<bool>>,
) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(PIECE);
        let read = match &mut rests {
            None => output.read_buf(&mut buffer).await,
            Some(rests) => tokio::select! {
                biased;
                read = output.read_buf(&mut buffer) => read,
                () = async {
                    let _ = rests.wait_for(|ended| *ended).await;
                    tokio::time::sleep(TERMINAL_REST).await;
                } => Ok(0),
            },
        };
        // A terminal answers EIO once its last user has closed it.
        if !matches!(read, Ok(count) if count > 0) {
            return;
        }
        let bytes = buffer.split().freeze();
        let sent = match code {
            None => writer.data_bytes(bytes).await,
            Some(code) => writer.extended_data_bytes(code, bytes).await,
        };
        if sent.is_err() {
            return;
        }
    }
}
