//! A program in a real pseudo-terminal, and what a person would see of it. Nothing here waits by the clock: every wait is
//! for output of the program, up to a deadline; one that is not met shows the screen.

#![allow(dead_code, reason = "each user takes its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use nix::sys::termios::{LocalFlags, tcgetattr};
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use std::io::{Read as _, Write as _};
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long anything may take before it counts as hanging; the computer may be busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(10);
/// How long the last of what a program said may take to come, where its end cannot be seen.
const LAST: Duration = Duration::from_secs(3);

/// Keys by name in angle brackets, as in `3g<enter>`; what is not one is typed as it stands.
const KEYS: &[(&str, &str)] = &[
    ("<enter>", "\r"),
    ("<esc>", "\x1b"),
    ("<tab>", "\t"),
    ("<backtab>", "\x1b[Z"),
    ("<backspace>", "\x7f"),
    ("<delete>", "\x1b[3~"),
    ("<up>", "\x1b[A"),
    ("<down>", "\x1b[B"),
    ("<right>", "\x1b[C"),
    ("<left>", "\x1b[D"),
    ("<home>", "\x1b[H"),
    ("<end>", "\x1b[F"),
    ("<pageup>", "\x1b[5~"),
    ("<pagedown>", "\x1b[6~"),
    ("<space>", " "),
];

/// The bytes that a terminal sends for keys. `<ctrl-x>` is Control and a letter.
pub(crate) fn bytes(keys: &str) -> Vec<u8> {
    let mut sent = Vec::new();
    let mut rest = keys;
    while let Some(c) = rest.chars().next() {
        if let Some((name, sequence)) = KEYS.iter().find(|(name, _)| rest.starts_with(name)) {
            sent.extend(sequence.bytes());
            rest = &rest[name.len()..];
        } else if let Some([letter, b'>', ..]) = rest.strip_prefix("<ctrl-").map(str::as_bytes) {
            sent.push(letter & 0x1f);
            rest = &rest["<ctrl-x>".len()..];
        } else {
            sent.extend(c.to_string().bytes());
            rest = &rest[c.len_utf8()..];
        }
    }
    sent
}

/// A program in a pseudo-terminal. Killed when dropped.
pub(crate) struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    arriving: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    open: bool,
}

impl Terminal {
    /// Starts a program with so many columns and rows.
    #[track_caller]
    pub(crate) fn start(command: Command, columns: u16, rows: u16) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let child = command.spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let (sender, arriving) = channel();
        let reader = Arc::clone(&pty);
        std::thread::spawn(move || {
            let mut chunk = vec![0; 1 << 16];
            // an error says that no process has the other end any more
            while let Ok(length @ 1..) = (&*reader).read(&mut chunk) {
                if sender.send(chunk[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, pty, arriving, parser: vt100::Parser::new(rows, columns, 2000), open: true }
    }

    /// Types keys; see [`bytes`].
    pub(crate) fn send(&self, keys: &str) {
        (&*self.pty).write_all(&bytes(keys)).unwrap();
    }

    /// Gives the terminal another size, as pulling at a window does.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.parser.screen_mut().set_size(rows, columns);
        self.pty.resize(Size::new(rows, columns)).unwrap();
    }

    /// The process.
    pub(crate) fn id(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(self.id(), signal).unwrap();
    }

    /// The screen as the last wait saw it.
    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Its text.
    pub(crate) fn text(&self) -> String {
        self.screen().contents()
    }

    /// Whether the terminal hands every key on at once and shows none: as a program on its whole screen wants it.
    pub(crate) fn is_raw(&self) -> bool {
        let flags = tcgetattr(&*self.pty).unwrap().local_flags;
        !flags.intersects(LocalFlags::ICANON | LocalFlags::ECHO)
    }

    /// Whether nothing of a program on its whole screen is left: main screen, cursor, no mouse, no paste marks, lines.
    pub(crate) fn is_set_back(&self) -> bool {
        let screen = self.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
            && !self.is_raw()
    }

    /// Takes in what has come, or waits for something until then; whether anything came.
    fn read(&mut self, until: Instant) -> bool {
        match self.arriving.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(bytes) => {
                self.parser.process(&bytes);
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                self.open = false;
                false
            }
        }
    }

    /// Takes in what comes until nothing has come for a moment: for pictures, which no test depends on.
    pub(crate) fn settle(&mut self) {
        while self.read(Instant::now() + Duration::from_millis(300)) {}
    }

    /// Waits until the screen is such.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, limit: Duration, is: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + limit;
        loop {
            while self.read(Instant::now()) {}
            if is(&self.text()) {
                return;
            }
            assert!(self.open, "the program is over; not seen: {what}\n{}", self.shown());
            assert!(Instant::now() < deadline, "not seen within {limit:?}: {what}\n{}", self.shown());
            self.read(deadline);
        }
    }

    /// Waits until a program on its whole screen has left it.
    #[track_caller]
    pub(crate) fn wait_for_main_screen(&mut self) {
        let deadline = Instant::now() + LIMIT;
        while self.screen().alternate_screen() {
            assert!(self.open && Instant::now() < deadline, "it keeps the screen\n{}", self.shown());
            self.read(deadline);
        }
    }

    /// Waits until a text is on the screen.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.until(&format!("`{text}`"), LIMIT, |screen| screen.contains(text));
    }

    /// Waits until a text is no longer on the screen.
    #[track_caller]
    pub(crate) fn wait_without(&mut self, text: &str) {
        self.until(&format!("no `{text}`"), LIMIT, |screen| !screen.contains(text));
    }

    /// Types keys and waits until a text is on the screen.
    #[track_caller]
    pub(crate) fn press(&mut self, keys: &str, text: &str) {
        self.send(keys);
        self.until(&format!("`{text}` after {keys}"), LIMIT, |screen| screen.contains(text));
    }

    /// Whether a row has all these texts.
    pub(crate) fn row_with(screen: &str, texts: &[&str]) -> bool {
        screen.lines().any(|line| texts.iter().all(|text| line.contains(text)))
    }

    /// Waits for the program's end.
    #[track_caller]
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LIMIT;
        loop {
            // what it says last has to be taken in, or it cannot end
            while self.read(Instant::now()) {}
            if let Some(status) = self.child.try_wait().unwrap() {
                // up to the end where nobody else holds the terminal, which a program it started may
                let deadline = Instant::now() + LAST;
                while self.open && Instant::now() < deadline {
                    self.read(deadline);
                }
                return status;
            }
            assert!(Instant::now() < deadline, "it goes on\n{}", self.shown());
            self.read(Instant::now() + PAUSE);
        }
    }

    fn shown(&self) -> String {
        let (rows, columns) = self.screen().size();
        let line = "-".repeat(usize::from(columns));
        format!("{columns}×{rows}\n{line}\n{}\n{line}", self.text())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
