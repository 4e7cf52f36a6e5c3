//! The client of `assets/spool.sh`.

use super::{Ended, Offsets, RunSpec, RunState, Signalled, Sink, Started, quote, words};
use crate::domain::{RunId, escape_line};
use crate::remote::{Chunk, Command, Error, ErrorKind, Exec, ExitStatus, Result, Shell, Signal};
use bytes::Bytes;
use std::fmt::Write as _;

const SCRIPT: &str = include_str!("../../../assets/spool.sh");

/// What start-up files of a login shell may print before our first byte.
const NOISE_LIMIT: usize = 1 << 20;

/// The spool of one machine.
pub struct Spool<'a> {
    shell: &'a dyn Shell,
    folder: String,
}

impl<'a> Spool<'a> {
    /// The spool in this folder (`Layout::spool`), which is made with the first start.
    pub fn new(shell: &'a dyn Shell, folder: impl Into<String>) -> Self {
        Self { shell, folder: folder.into() }
    }

    /// The folder of one run on the machine.
    #[must_use]
    pub fn run_folder(&self, run: &RunId) -> String {
        format!("{}/{run}", self.folder)
    }

    /// Starts a run unless one of this name was started before. May be repeated after any error: at most one of all
    /// starts starts it.
    ///
    /// # Errors
    /// Those of the shell; `Local` for a text that no shell can carry; `DiskFull`, `Denied` or `Command` where the
    /// machine cannot start it.
    pub async fn start(&self, spec: &RunSpec) -> Result<Started> {
        let command = self.command_file(spec)?;
        let size = command.len().to_string();
        let said = self.ask("start", Some(&spec.run), &[&size], Bytes::from(command)).await?;
        match said.lines().next().map(|line| line.split_once(' ').unwrap_or((line, ""))) {
            Some(("new", _)) => Ok(Started::New),
            Some(("already", _)) => Ok(Started::Already),
            Some(("failed", _)) => {
                let why = said.trim_start_matches("failed").trim();
                Err(Error::new(kind_of(why), format!("could not start run `{}`: {}", spec.run, escape_line(why))))
            }
            _ => Err(nonsense(&said)),
        }
    }

    /// Hands the run's output and events on, from `offsets` on, live, until the run is over and all it said before
    /// its end has been taken. `offsets` always tells what the sink has taken, whatever this gives back; after a
    /// transient error, call again with them.
    ///
    /// # Errors
    /// `NotFound` where the run was never started, `Protocol` where the machine has less than was read from it before;
    /// those of the shell and of the sink.
    pub async fn follow(&self, run: &RunId, offsets: &mut Offsets, sink: &mut dyn Sink) -> Result<Ended> {
        loop {
            self.read("follow", run, offsets, sink).await?;
            // Following may end early by design; what counts is the state, asked for before the last reading.
            let state = self.status(run).await?;
            if let RunState::Ended(end) = state {
                self.read("drain", run, offsets, sink).await?;
                return Ok(end);
            }
        }
    }

    /// What the run is doing.
    ///
    /// # Errors
    /// Those of the shell.
    pub async fn status(&self, run: &RunId) -> Result<RunState> {
        let said = self.ask("status", Some(run), &[], Bytes::new()).await?;
        parse_state(said.trim()).ok_or_else(|| nonsense(&said))
    }

    /// Every run that has a folder, by name.
    ///
    /// # Errors
    /// Those of the shell.
    pub async fn list(&self) -> Result<Vec<(RunId, RunState)>> {
        let said = self.ask("list", None, &[], Bytes::new()).await?;
        let mut runs = Vec::new();
        for line in said.lines() {
            // what is no id is nobody's run
            if let Some((name, state)) = line.split_once(' ')
                && let Ok(run) = RunId::new(name)
            {
                runs.push((run, parse_state(state).ok_or_else(|| nonsense(line))?));
            }
        }
        Ok(runs)
    }

    /// Sends a signal to every process of the run's session. The run's status is written even after `Kill`.
    ///
    /// # Errors
    /// `NotFound` where the run was never started; those of the shell.
    pub async fn signal(&self, run: &RunId, signal: Signal) -> Result<Signalled> {
        let said = self.ask("signal", Some(run), &[signal.name()], Bytes::new()).await?;
        match said.trim() {
            "sent" => Ok(Signalled::Sent),
            "gone" => Ok(Signalled::Gone),
            "absent" => Err(absent(run)),
            _ => Err(nonsense(&said)),
        }
    }

    /// The script that is run: folder and environment, then the line as it is.
    fn command_file(&self, spec: &RunSpec) -> Result<String> {
        let unfit = |what: &str| Error::new(ErrorKind::Local, format!("a shell cannot carry {what}"));
        let mut file = String::new();
        if self.folder.contains('\0') || spec.cwd.contains('\0') || spec.line.contains('\0') {
            return Err(unfit("a NUL character"));
        }
        // writing to a String cannot fail
        let _ = writeln!(file, "unset CDPATH\ncd {} || exit 126", quote(&spec.cwd));
        let events = ("HGA_EVENTS".to_owned(), format!("{}/events", self.run_folder(&spec.run)));
        for (name, value) in spec.env.iter().chain([&events]) {
            let mut bytes = name.bytes();
            let head = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
            if !head || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') || value.contains('\0') {
                return Err(unfit(&format!("the environment variable `{}`", escape_line(name))));
            }
            let _ = writeln!(file, "export {name}={}", quote(value));
        }
        let _ = writeln!(file, "{}", spec.line);
        Ok(file)
    }

    fn line(&self, verb: &str, run: Option<&RunId>, nonce: &str, args: &[&str]) -> Result<Command> {
        if self.folder.contains('\0') {
            return Err(Error::new(ErrorKind::Local, "a shell cannot carry a NUL character"));
        }
        let run = run.map_or("-", RunId::as_str);
        let head = ["exec", "/bin/sh", "-c", SCRIPT, "hga-spool", verb, &self.folder, run, nonce];
        Ok(Command::line(words(head.iter().chain(args))))
    }

    /// Runs a short verb and gives what it said after its nonce.
    async fn ask(&self, verb: &str, run: Option<&RunId>, args: &[&str], stdin: Bytes) -> Result<String> {
        let nonce = new_nonce();
        let line = self.line(verb, run, &nonce, args)?.line.unwrap_or_default();
        let said = self.shell.capture(&line, stdin).await?;
        let text = String::from_utf8_lossy(&said.stdout);
        match text.split_once(&format!("{nonce}\n")) {
            Some((_, answer)) if said.status.is_success() => Ok(answer.to_owned()),
            _ => Err(refused(verb, &said.status, &String::from_utf8_lossy(&said.stderr))),
        }
    }

    /// One channel's worth of both streams.
    async fn read(&self, verb: &str, run: &RunId, offsets: &mut Offsets, sink: &mut dyn Sink) -> Result<()> {
        let nonce = new_nonce();
        let from = (offsets.output.to_string(), offsets.events.to_string());
        let command = self.line(verb, Some(run), &nonce, &[&from.0, &from.1])?;
        let mut exec: Exec = self.shell.exec(command).await?;
        let (mut output, mut events) = (Opening::new(&nonce), Opening::new(&nonce));
        // Standard input stays open: its end is how the machine learns that nobody listens any more.
        while let Some(chunk) = exec.next().await? {
            match chunk {
                Chunk::Stdout(bytes) => {
                    let bytes = output.strip(bytes)?;
                    if !bytes.is_empty() {
                        sink.output(&bytes).await?;
                        offsets.output += bytes.len() as u64;
                    }
                }
                Chunk::Stderr(bytes) => {
                    let bytes = events.strip(bytes)?;
                    if !bytes.is_empty() {
                        sink.events(&bytes).await?;
                        offsets.events += bytes.len() as u64;
                    }
                }
            }
        }
        match exec.exit() {
            Some(ExitStatus::Code(0)) => Ok(()),
            Some(ExitStatus::Code(4)) => Err(absent(run)),
            Some(ExitStatus::Code(5)) => Err(Error::new(
                ErrorKind::Protocol,
                format!("the machine holds less of run `{run}` than was read from it before"),
            )),
            Some(status) => Err(refused(verb, &status, &events.text())),
            None => Err(Error::new(ErrorKind::Lost, format!("reading run `{run}` was cut"))),
        }
    }
}

/// Takes away what a stream carries before the nonce's line.
enum Opening {
    Waiting { mark: Vec<u8>, seen: Vec<u8> },
    Open,
}

impl Opening {
    fn new(nonce: &str) -> Self {
        Self::Waiting { mark: format!("{nonce}\n").into_bytes(), seen: Vec::new() }
    }

    fn strip(&mut self, bytes: Bytes) -> Result<Bytes> {
        let Self::Waiting { mark, seen } = self else { return Ok(bytes) };
        seen.extend_from_slice(&bytes);
        let Some(at) = seen.windows(mark.len()).position(|window| window == mark.as_slice()) else {
            if seen.len() > NOISE_LIMIT {
                return Err(Error::new(ErrorKind::Protocol, "the machine's login shell prints without end"));
            }
            return Ok(Bytes::new());
        };
        let rest = Bytes::from(seen.split_off(at + mark.len()));
        *self = Self::Open;
        Ok(rest)
    }

    fn text(&self) -> String {
        match self {
            Self::Waiting { seen, .. } => String::from_utf8_lossy(seen).into_owned(),
            Self::Open => String::new(),
        }
    }
}

fn new_nonce() -> String {
    format!("hga-{:032x}", rand::random::<u128>())
}

fn parse_state(text: &str) -> Option<RunState> {
    match text.split_once(' ').unwrap_or((text, "")) {
        ("absent", "") => Some(RunState::Absent),
        ("running", "") => Some(RunState::Running),
        ("vanished", "") => Some(RunState::Ended(Ended::Vanished)),
        ("ended", status) => status.trim().parse().ok().map(|code| RunState::Ended(Ended::Status(code))),
        _ => None,
    }
}

fn absent(run: &RunId) -> Error {
    Error::new(ErrorKind::NotFound, format!("run `{run}` was never started on this machine"))
}

fn nonsense(said: &str) -> Error {
    let start: String = said.chars().take(200).collect();
    Error::new(ErrorKind::Protocol, format!("the machine's spool answered `{}`", escape_line(&start)))
}

fn refused(verb: &str, status: &ExitStatus, stderr: &str) -> Error {
    let why: String = stderr.trim().chars().take(500).collect();
    let kind = if matches!(status, ExitStatus::Signal(_)) { ErrorKind::Lost } else { kind_of(&why) };
    let mut message = format!("the machine's spool failed to `{verb}` (status {})", status.code());
    if !why.is_empty() {
        message = format!("{message}: {}", escape_line(&why));
    }
    Error::new(kind, message)
}

fn kind_of(why: &str) -> ErrorKind {
    if why.contains("No space left") || why.contains("quota exceeded") {
        ErrorKind::DiskFull
    } else if why.contains("ermission denied") || why.contains("Read-only file system") {
        ErrorKind::Denied
    } else {
        ErrorKind::Command
    }
}
