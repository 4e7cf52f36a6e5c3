//! The terminal while the dashboard has it: raw, on its other screen, with mouse, paste and focus told. However the
//! process leaves, be it by a panic, the terminal is set back first.

use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture,
};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the terminal is ours now; the panic hook looks at it.
static HELD: AtomicBool = AtomicBool::new(false);

/// Holds the terminal; dropping it sets it back.
#[derive(Debug)]
pub(super) struct Guard(());

impl Guard {
    /// Takes the terminal, and makes sure that a panic of this thread, which ends the program, sets it back before it is
    /// told.
    pub(super) fn take() -> io::Result<Self> {
        static HOOK: std::sync::Once = std::sync::Once::new();
        HOOK.call_once(|| {
            let told = std::panic::take_hook();
            let ours = std::thread::current().id();
            std::panic::set_hook(Box::new(move |panic| {
                if std::thread::current().id() != ours && HELD.load(Ordering::SeqCst) {
                    // a job's or a reader's, which is caught there: the dashboard goes on and keeps its screen
                    tracing::error!("{panic}");
                    return;
                }
                set_back();
                told(panic);
            }));
        });
        let guard = Self(());
        Self::enter()?;
        Ok(guard)
    }

    /// Takes the terminal again.
    pub(super) fn enter() -> io::Result<()> {
        enable_raw_mode()?;
        HELD.store(true, Ordering::SeqCst);
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            Hide,
            EnableMouseCapture,
            EnableBracketedPaste,
            EnableFocusChange
        )
    }

    /// Sets the terminal back for a while.
    pub(super) fn leave() {
        set_back();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        set_back();
    }
}

fn set_back() {
    if HELD.swap(false, Ordering::SeqCst) {
        // nothing more can be done when the terminal is gone
        let _ = execute!(
            io::stdout(),
            DisableFocusChange,
            DisableBracketedPaste,
            DisableMouseCapture,
            Show,
            LeaveAlternateScreen
        );
        let _ = disable_raw_mode();
    }
}
