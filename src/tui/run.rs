//! The loop: waits for keys, events and answers, takes all that is there, and draws at most once a frame and only when
//! something changed. The one place that awaits, and it never awaits the session.

use super::app::App;
use super::effect::{Effect, Leave};
use super::guard::Guard;
use super::input::{Input, chord};
use super::keys::{Chord, Code};
use super::model::{LogState, Pane, Setup};
use super::msg::{Mouse, Msg};
use super::perform::Performer;
use crate::domain::money::{Ledger, PriceBook};
use crate::domain::{Claim, JobId, JobState, Machine, MachineId, Operation, Timestamp};
use crate::session::{Error, JobFiles, Session};
use crate::store::{JobView, Store};
use crossterm::event::{Event, KeyEventKind, MouseButton, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// How long the loop has to leave by itself once the process was told to end.
const STUCK: Duration = Duration::from_secs(5);
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
    let end = tokio::spawn(end_without_terminal(Arc::clone(&session)));
    let left = match Loop::new(&session, dashboard) {
        Ok(work) => work.turn().await,
        Err(error) => Err(error),
    };
    // what still runs is let go of, what is stopping ends first; the terminal is set back already
    shut_down(&session, left.as_ref().map_or(0, |left| left.1.len())).await;
    end.abort();
    let (begun, ours, refused) = left?;
    // a cloud that does not answer keeps nobody here
    let machines = tokio::time::timeout(Duration::from_secs(2), session.machines(None)).await;
    let machines = machines.map_or_else(|_| Vec::new(), |listed| listed.items);
    let machines = machines.into_iter().filter(|machine| is_mine(machine) && machine.state.is_alive()).collect();
    let (ledger, prices) = (session.ledger().await.unwrap_or_default(), session.prices());
    let mut told = Left { begun: None, refused, going_on: Vec::new(), ended: Vec::new(), machines, ledger, prices };
    for job in ours.into_iter().chain(begun.clone()).collect::<BTreeSet<_>>() {
        // as the journal has it now: it may have ended while it was waited for
        let Ok(history) = session.history(&job).await else { continue };
        let mut store = Store::new();
        for event in &history {
            store.apply(event);
        }
        let Some(view) = store.take(&job) else { continue };
        if view.state != JobState::Ended {
            told.going_on.push(job.clone());
        }
        if begun.as_ref() == Some(&job) {
            let files = session.files(&job);
            told.begun = Some((view, files));
        } else if view.state == JobState::Ended {
            told.ended.push(view);
        }
    }
    Ok(told)
}

/// Whether it is ours to end, and nobody else's.
fn is_mine(machine: &Machine) -> bool {
    matches!(machine.resource().claim, Claim::Ours { .. })
}

/// Lets go of jobs and waits for those that are cleaning up; a second signal to end does not wait.
async fn shut_down(session: &Session, jobs: usize) {
    let mut signals = Vec::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        signals.extend(signal(kind).ok());
    }
    let pressed = async {
        let all = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures::future::select_all(all).await;
    };
    let slow = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if jobs > 0 {
            // nothing more can be done when the terminal is gone
            let _ = writeln!(io::stderr(), "hga waits for the clean-up of its jobs; Ctrl-C leaves without it");
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = session.shutdown() => {}
        () = pressed, if jobs > 0 => {}
        () = slow => {}
    }
}

/// Ends the process in an orderly way when it was told to and the loop does not: it may hang on a terminal that takes
/// nothing any more.
async fn end_without_terminal(session: Arc<Session>) {
    let (Ok(mut term), Ok(mut hup)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else { return };
    hung_up(&mut term, &mut hup).await;
    tokio::time::sleep(STUCK).await;
    session.shutdown().await;
    std::process::exit(128 + nix::libc::SIGHUP);
}

/// What is left when a person leaves.
#[derive(Debug)]
pub struct Left {
    /// The job that the dashboard was opened for, as far as it got, and where its files are.
    pub begun: Option<(JobView, JobFiles)>,
    /// Why the job that the dashboard was opened for could not be begun.
    pub refused: Option<Error>,
    /// Other jobs of this process that have ended since.
    pub ended: Vec<JobView>,
    /// Jobs that were let go of and go on.
    pub going_on: Vec<JobId>,
    /// Machines of ours that live on.
    pub machines: Vec<Machine>,
    /// What has run, and until when.
    pub ledger: Arc<Ledger>,
    /// What that costs.
    pub prices: Arc<PriceBook>,
}

struct Loop {
    _guard: Guard,
    /// Never dropped: ratatui would write to a terminal that may be gone, and panic.
    screen: ManuallyDrop<Screen>,
    app: App,
    performer: Arc<Performer>,
    feed: mpsc::Receiver<Msg>,
    answers: mpsc::UnboundedReceiver<Msg>,
    windows: mpsc::Receiver<Msg>,
    program: (PathBuf, Vec<std::ffi::OsString>),
    log: LogState,
    input: Input,
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
    /// Or why there is none.
    refused: Option<Error>,
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
        // few: the reader waits while the terminal takes nothing
        let (window, windows) = mpsc::channel(4);
        let performer = Arc::new(Performer::new(Arc::clone(session), sender, window));
        let log = app.model.log.clone();
        Ok(Self {
            _guard: guard,
            screen: ManuallyDrop::new(screen),
            app,
            feed: super::feed::start(Arc::clone(session), Arc::clone(&performer)),
            performer,
            answers,
            windows,
            program: dashboard.program,
            log,
            input: Input::start(),
            dirty: true,
            drawn: Instant::now(),
            deaf: None,
            leave: None,
            begin,
            opened_for_one,
            begun: None,
            refused: None,
        })
    }

    async fn turn(mut self) -> io::Result<(Option<JobId>, Vec<JobId>, Option<Error>)> {
        let mut hangups = [signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut windows_changed = signal(SignalKind::window_change())?;
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
                () = hung_up(term, hup) => self.take(Msg::Hangup).await?,
                input = self.input.next() => match input {
                    Some(input) => self.input(input).await?,
                    // the terminal is gone
                    None => self.take(Msg::Hangup).await?,
                },
                _ = windows_changed.recv() => {
                    let size = self.screen.size()?;
                    self.input(Event::Resize(size.width, size.height)).await?;
                }
                _ = interrupts.recv() => self.take(Msg::Key(Chord { ctrl: true, ..Chord::char('c') })).await?,
                () = frame, if self.dirty => {}
                Some(msg) = self.answers.recv() => self.take(msg).await?,
                Some(msg) = self.windows.recv() => self.take(msg).await?,
                Some(msg) = self.feed.recv() => self.take(msg).await?,
                _ = clock.tick() => {
                    // the log holds a thousand lines until they are taken in
                    super::log::take_in();
                    let msg = if is_gone() { Msg::Hangup } else { Msg::Tick(Timestamp::now()) };
                    self.take(msg).await?;
                }
            }
        }
        // what is typed from now on is for whoever has the terminal next
        self.input.pause();
        Ok((self.begun, self.app.model.ours.iter().cloned().collect(), self.refused))
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

    async fn input(&mut self, input: Event) -> io::Result<()> {
        let msg = match input {
            Event::Key(key) if key.kind != KeyEventKind::Release => match chord(key) {
                Some(chord) if self.deaf.is_some_and(|until| Instant::now() < until) && is_end_of_shell(chord) => {
                    return Ok(());
                }
                Some(chord) => Msg::Key(chord),
                None => return Ok(()),
            },
            Event::Mouse(mouse) => {
                let what = match mouse.kind {
                    MouseEventKind::Down(MouseButton::Left) => Mouse::Click,
                    MouseEventKind::ScrollUp => Mouse::ScrollUp,
                    MouseEventKind::ScrollDown => Mouse::ScrollDown,
                    _ => return Ok(()),
                };
                Msg::Mouse(what, mouse.column, mouse.row)
            }
            Event::Paste(text) => Msg::Paste(text),
            Event::Resize(columns, rows) => {
                // what was shown may be lost, be the size that of the last frame again by now
                wipe(&mut self.screen)?;
                Msg::Resize(columns, rows)
            }
            Event::FocusGained => Msg::Focus(true),
            Event::FocusLost => Msg::Focus(false),
            Event::Key(_) => return Ok(()),
        };
        self.take(msg).await
    }

    async fn take(&mut self, msg: Msg) -> io::Result<()> {
        self.dirty = true;
        if let Msg::Submitted(answer) = &msg
            && std::mem::take(&mut self.opened_for_one)
        {
            match answer {
                Ok(job) => self.begun = Some(job.clone()),
                Err(error) => self.refused = Some(error.told_again()),
            }
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
            Some(Effect::Suspend) => Box::pin(self.suspend()).await?,
            Some(Effect::Shell(machine)) => Box::pin(self.shell(machine)).await?,
            Some(_) | None => {}
        }
        Ok(())
    }

    async fn suspend(&mut self) -> io::Result<()> {
        self.input.pause();
        Guard::leave();
        writeln!(io::stdout(), "hga is suspended: jobs it drives wait for `fg`; what runs on machines runs on")?;
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGTSTP).map_err(io::Error::from)?;
        self.back().await
    }

    async fn back(&mut self) -> io::Result<()> {
        Guard::enter()?;
        self.input.resume();
        wipe(&mut self.screen)?;
        self.dirty = true;
        let size = self.screen.size()?;
        // the window may have another size since
        Box::pin(self.take(Msg::Resize(size.width, size.height))).await
    }

    /// Gives the terminal to `hga ssh` until it ends; jobs and their events go on meanwhile.
    async fn shell(&mut self, machine: MachineId) -> io::Result<()> {
        self.input.pause();
        Guard::leave();
        let mut hangups = [signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
        let (program, words) = &self.program;
        let mut child =
            match tokio::process::Command::new(program).args(words).arg("ssh").arg(machine.as_str()).spawn() {
                Ok(child) => child,
                Err(error) => {
                    self.back().await?;
                    return Box::pin(self.take(Msg::ShellEnded(machine, Err(error.to_string())))).await;
                }
            };
        let ended = loop {
            let [term, hup] = &mut hangups;
            let msg = tokio::select! {
                status = child.wait() => break status,
                () = hung_up(term, hup) => {
                    // whoever ends hga ends the shell it stands behind
                    child.start_kill()?;
                    self.leave = Some(Leave::LettingGo);
                    break child.wait().await;
                }
                Some(msg) = self.windows.recv() => msg,
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
        self.back().await?;
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

/// Whether the terminal is gone: nobody may have told the process so.
fn is_gone() -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let stdin = io::stdin();
    let mut asked = [PollFd::new(std::os::fd::AsFd::as_fd(&stdin), PollFlags::empty())];
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    poll(&mut asked, PollTimeout::ZERO).is_ok() && asked[0].revents().is_some_and(|told| told.intersects(gone))
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
