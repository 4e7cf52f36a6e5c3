//! The loop: waits for keys, events and answers, takes all that is there, and draws at most once a frame and only when
//! something changed. The one place that awaits, and it never awaits the session.

use super::app::App;
use super::effect::{Effect, Leave};
use super::guard::Guard;
use super::keys::{Chord, Code};
use super::model::{LogState, Pane, Setup};
use super::msg::{Mouse, Msg};
use super::perform::Performer;
use crate::domain::{JobId, MachineId, Operation, Timestamp};
use crate::session::{JobFiles, Session};
use crate::store::JobView;
use crossterm::event::{
    Event as Input, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use futures::StreamExt as _;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// The least time between two frames.
const FRAME: Duration = Duration::from_millis(12);

/// What the composition root gives besides the session.
#[derive(Debug)]
pub struct Dashboard {
    /// Defaults and what is shown of the program.
    pub setup: Setup,
    /// An operation to submit at once, whose job's screen is opened.
    pub begin_with: Option<Operation>,
    /// The program, with what makes it work on the same state directory: a shell is `hga … ssh MACHINE`.
    pub program: (PathBuf, Vec<std::ffi::OsString>),
}

type Screen = Terminal<CrosstermBackend<io::Stdout>>;

/// Runs the dashboard until a person leaves it.
///
/// # Errors
/// When the terminal cannot be used.
pub async fn run(session: Session, dashboard: Dashboard) -> io::Result<Left> {
    let session = Arc::new(session);
    let left = match Loop::new(&session, dashboard) {
        Ok(work) => work.turn().await,
        Err(error) => Err(error),
    };
    // what still runs is let go of; the terminal is set back already
    session.shutdown().await;
    let (begun, going_on) = left?;
    let begun = begun.map(|job| (session.files(&job.id), job)).map(|(files, job)| (job, files));
    Ok(Left { begun, going_on })
}

/// What is left when a person leaves.
#[derive(Debug)]
pub struct Left {
    /// The job that the dashboard was opened for, as far as it got, and where its files are.
    pub begun: Option<(JobView, JobFiles)>,
    /// Jobs that were let go of and go on.
    pub going_on: Vec<JobId>,
}

struct Loop {
    _guard: Guard,
    screen: Screen,
    app: App,
    performer: Performer,
    feed: mpsc::Receiver<Msg>,
    answers: mpsc::UnboundedReceiver<Msg>,
    program: (PathBuf, Vec<std::ffi::OsString>),
    log: LogState,
    input: Option<EventStream>,
    dirty: bool,
    drawn: Instant,
    /// Keys are not listened to until then: what was meant for a shell that has just ended.
    deaf: Option<Instant>,
    leave: Option<Leave>,
    begin: Vec<Effect>,
    /// Whether the first job submitted is the one the dashboard was opened for.
    opened_for_one: bool,
    /// That job.
    begun: Option<JobId>,
}

impl Loop {
    fn new(session: &Arc<Session>, dashboard: Dashboard) -> io::Result<Self> {
        let guard = Guard::take()?;
        let mut screen = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        wipe(&mut screen)?;
        let size = screen.size()?;
        let (app, mut begin) = App::new(dashboard.setup, Timestamp::now(), (size.width, size.height));
        let opened_for_one = dashboard.begin_with.is_some();
        begin.extend(dashboard.begin_with.map(|operation| Effect::Submit(Box::new(operation))));
        let (sender, answers) = mpsc::unbounded_channel();
        let log = app.model.log.clone();
        Ok(Self {
            _guard: guard,
            screen,
            app,
            performer: Performer::new(Arc::clone(session), sender),
            feed: super::feed::start(Arc::clone(session)),
            answers,
            program: dashboard.program,
            log,
            input: Some(EventStream::new()),
            dirty: true,
            drawn: Instant::now(),
            deaf: None,
            leave: None,
            begin,
            opened_for_one,
            begun: None,
        })
    }

    async fn turn(mut self) -> io::Result<(Option<JobView>, Vec<JobId>)> {
        let mut hangups = [signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut clock = tokio::time::interval(Duration::from_secs(1));
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        for effect in std::mem::take(&mut self.begin) {
            self.perform(effect).await?;
        }
        while self.leave.is_none() {
            if self.dirty && self.drawn.elapsed() >= FRAME {
                self.draw()?;
            }
            let frame = tokio::time::sleep(FRAME.saturating_sub(self.drawn.elapsed()));
            let [term, hup] = &mut hangups;
            tokio::select! {
                biased;
                input = next(&mut self.input) => match input {
                    Some(Ok(input)) => self.input(input).await?,
                    // the terminal is gone
                    Some(Err(_)) | None => self.take(Msg::Hangup).await?,
                },
                () = hung_up(term, hup) => self.take(Msg::Hangup).await?,
                _ = interrupts.recv() => self.take(Msg::Key(Chord { ctrl: true, ..Chord::char('c') })).await?,
                () = frame, if self.dirty => {}
                Some(msg) = self.answers.recv() => self.take(msg).await?,
                Some(msg) = self.feed.recv() => self.take(msg).await?,
                _ = clock.tick() => {
                    // the log holds a thousand lines until they are taken in
                    super::log::take_in();
                    self.take(Msg::Tick(Timestamp::now())).await?;
                }
            }
        }
        let begun = self.begun.as_ref().and_then(|job| self.app.store.job(job)).cloned();
        Ok((begun, self.app.model.ours.iter().cloned().collect()))
    }

    fn draw(&mut self) -> io::Result<()> {
        let app = &mut self.app;
        if app.model.home.pane == Pane::Log {
            super::log::take_in();
        }
        self.screen.draw(|frame| {
            let area = frame.area();
            app.draw(area, frame.buffer_mut());
        })?;
        self.dirty = false;
        self.drawn = Instant::now();
        Ok(())
    }

    async fn input(&mut self, input: Input) -> io::Result<()> {
        let msg = match input {
            Input::Key(key) if key.kind != KeyEventKind::Release => match chord(key) {
                Some(chord) if self.deaf.is_some_and(|until| Instant::now() < until) && is_end_of_shell(chord) => {
                    return Ok(());
                }
                Some(chord) => Msg::Key(chord),
                None => return Ok(()),
            },
            Input::Mouse(mouse) => {
                let what = match mouse.kind {
                    MouseEventKind::Down(MouseButton::Left) => Mouse::Click,
                    MouseEventKind::ScrollUp => Mouse::ScrollUp,
                    MouseEventKind::ScrollDown => Mouse::ScrollDown,
                    _ => return Ok(()),
                };
                Msg::Mouse(what, mouse.column, mouse.row)
            }
            Input::Paste(text) => Msg::Paste(text),
            Input::Resize(columns, rows) => {
                // what was shown may be lost, be the size that of the last frame again by now
                wipe(&mut self.screen)?;
                Msg::Resize(columns, rows)
            }
            Input::FocusGained => Msg::Focus(true),
            Input::FocusLost => Msg::Focus(false),
            Input::Key(_) => return Ok(()),
        };
        self.take(msg).await
    }

    async fn take(&mut self, msg: Msg) -> io::Result<()> {
        self.dirty = true;
        if let Msg::Submitted(Ok(job)) = &msg
            && std::mem::take(&mut self.opened_for_one)
        {
            self.begun = Some(job.clone());
        }
        for effect in self.app.handle(msg) {
            self.perform(effect).await?;
        }
        Ok(())
    }

    async fn perform(&mut self, effect: Effect) -> io::Result<()> {
        match self.performer.perform(effect) {
            Some(Effect::Leave(how)) => self.leave = Some(how),
            Some(Effect::Redraw) => wipe(&mut self.screen)?,
            Some(Effect::Copy(text)) => copy(&text)?,
            Some(Effect::Log(to)) => super::log::go(&self.log, to),
            Some(Effect::Suspend) => self.suspend()?,
            Some(Effect::Shell(machine)) => Box::pin(self.shell(machine)).await?,
            Some(_) | None => {}
        }
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.input = None;
        Guard::leave();
        writeln!(io::stdout(), "hga is suspended: jobs it drives wait for `fg`; what runs on machines runs on")?;
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGTSTP).map_err(io::Error::from)?;
        self.back()
    }

    fn back(&mut self) -> io::Result<()> {
        Guard::enter()?;
        self.input = Some(EventStream::new());
        wipe(&mut self.screen)?;
        self.dirty = true;
        let size = self.screen.size()?;
        // the window may have another size since
        self.app.handle(Msg::Resize(size.width, size.height));
        Ok(())
    }

    /// Gives the terminal to `hga ssh` until it ends; jobs and their events go on meanwhile.
    async fn shell(&mut self, machine: MachineId) -> io::Result<()> {
        self.input = None;
        Guard::leave();
        let (program, words) = &self.program;
        let mut child =
            match tokio::process::Command::new(program).args(words).arg("ssh").arg(machine.as_str()).spawn() {
                Ok(child) => child,
                Err(error) => {
                    self.back()?;
                    return Box::pin(self.take(Msg::ShellEnded(machine, Err(error.to_string())))).await;
                }
            };
        let ended = loop {
            let msg = tokio::select! {
                status = child.wait() => break status,
                Some(msg) = self.answers.recv() => msg,
                Some(msg) = self.feed.recv() => msg,
            };
            for effect in self.app.handle(msg) {
                // what else is left is for the terminal, which is the shell's now
                if let Some(Effect::Leave(how)) = self.performer.perform(effect) {
                    self.leave = Some(how);
                }
            }
        };
        self.back()?;
        self.deaf = Some(Instant::now() + Duration::from_secs(1));
        let how = ended.map_err(|error| error.to_string()).map(|status| status.code().unwrap_or(128));
        Box::pin(self.take(Msg::ShellEnded(machine, how))).await
    }
}

/// Empties the screen, so that the next frame draws all of it. ratatui's `clear` would first ask the terminal where its
/// cursor is, and wait two seconds for an answer that not every terminal gives, and that the key reader takes away.
fn wipe(screen: &mut Screen) -> io::Result<()> {
    let size = screen.size()?;
    screen.resize(size.into())
}

async fn next(input: &mut Option<EventStream>) -> Option<io::Result<Input>> {
    match input {
        Some(input) => input.next().await,
        None => std::future::pending().await,
    }
}

async fn hung_up(term: &mut Signal, hup: &mut Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = hup.recv() => {}
    }
}

fn copy(text: &str) -> io::Result<()> {
    crossterm::execute!(io::stdout(), crossterm::clipboard::CopyToClipboard::to_clipboard_from(text))
}

/// What ends a shell, and must not mean something here when it was pressed once too often.
fn is_end_of_shell(chord: Chord) -> bool {
    chord.ctrl && matches!(chord.code, Code::Char('d' | 'c'))
}

/// A key as the terminal library tells it, as ours; none for one that means nothing here.
fn chord(key: KeyEvent) -> Option<Chord> {
    let shift = key.modifiers.contains(KeyModifiers::SHIFT);
    let code = match key.code {
        KeyCode::Char(c) => Code::Char(if shift && c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c }),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab if shift => Code::BackTab,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::F(number) => Code::F(number),
        _ => return None,
    };
    Some(Chord {
        code,
        ctrl: key.modifiers.contains(KeyModifiers::CONTROL),
        alt: key.modifiers.contains(KeyModifiers::ALT),
        shift: shift && !matches!(code, Code::Char(_) | Code::BackTab),
    })
}
