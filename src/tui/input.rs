//! What a person types and clicks, read on a thread of its own. It lets go of the terminal while a shell has it, and a
//! read that blocks there blocks nothing else.

use super::keys::{Chord, Code};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, poll, read};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long the terminal is waited for before it is seen whether to let go of it, in milliseconds.
const LOOK: u8 = 100;
/// How long the rest of what was typed is waited for.
const MOMENT: Duration = Duration::from_millis(1);
/// How long letting go is waited for at most.
const LET_GO: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Reading,
    Closing,
    Closed,
}

#[derive(Debug)]
struct Shared {
    gate: Mutex<Gate>,
    moved: Condvar,
}

impl Shared {
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reader's handle.
#[derive(Debug)]
pub(super) struct Input {
    events: mpsc::Receiver<Event>,
    shared: Arc<Shared>,
}

impl Input {
    /// Starts to read.
    pub(super) fn start() -> Self {
        let (sender, events) = mpsc::channel(256);
        let shared = Arc::new(Shared { gate: Mutex::new(Gate::Reading), moved: Condvar::new() });
        let thread = Arc::clone(&shared);
        std::thread::spawn(move || serve(&thread, &sender));
        Self { events, shared }
    }

    /// What comes next; none when the terminal is gone. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Lets go of the terminal: nothing is read from it when this comes back.
    pub(super) fn pause(&self) {
        let mut gate = self.shared.gate();
        *gate = Gate::Closing;
        let waited = self.shared.moved.wait_timeout_while(gate, LET_GO, |gate| *gate != Gate::Closed);
        drop(waited);
    }

    /// Reads again.
    pub(super) fn resume(&self) {
        *self.shared.gate() = Gate::Reading;
        self.shared.moved.notify_all();
    }
}

fn serve(shared: &Shared, to: &mpsc::Sender<Event>) {
    loop {
        let mut gate = shared.gate();
        while *gate != Gate::Reading {
            *gate = Gate::Closed;
            shared.moved.notify_all();
            gate = shared.moved.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
        drop(gate);
        match take_in(to) {
            Ok(()) if to.is_closed() => return,
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::warn!("the terminal cannot be read any more: {error}");
                return;
            }
        }
    }
}

/// Waits a while for something to read, and takes in all that is there.
fn take_in(to: &mpsc::Sender<Event>) -> io::Result<()> {
    // waited for here: the library would spin through the last millisecond of each wait
    let stdin = io::stdin();
    let mut asked = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    if nix::poll::poll(&mut asked, PollTimeout::from(LOOK))? == 0 {
        return Ok(());
    }
    if !asked[0].revents().is_some_and(|told| told.contains(PollFlags::POLLIN)) {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "its other end is closed"));
    }
    while poll(MOMENT)? {
        if to.blocking_send(read()?).is_err() {
            break;
        }
    }
    Ok(())
}

/// A key as the terminal library tells it, as ours; none for one that means nothing here.
pub(super) fn chord(key: KeyEvent) -> Option<Chord> {
    let shift = key.modifiers.contains(KeyModifiers::SHIFT);
    let code = match key.code {
        // terminals send the same byte for both, and the library takes it for the digit
        KeyCode::Char('4') if key.modifiers.contains(KeyModifiers::CONTROL) => Code::Char('\\'),
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
