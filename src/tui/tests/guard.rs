//! The terminal is given back when the program panics: a test of this binary, run in a pseudo-terminal of its own.

#[path = "../../../tests/support/terminal.rs"]
mod terminal;

use crate::tui::guard::Guard;
use pty_process::blocking::Command;
use std::io::{BufRead as _, Write as _};
use terminal::Terminal;

/// What panics; run alone, by the test below.
#[test]
#[ignore = "takes the terminal and panics"]
fn takes_the_terminal_and_panics() {
    let _guard = Guard::take().unwrap();
    std::io::stdout().write_all(b"the terminal is held").unwrap();
    std::io::stdout().flush().unwrap();
    std::io::stdin().lock().fill_buf().unwrap();
    panic!("the reason is told");
}

#[test]
fn a_panic_sets_the_terminal_back_and_is_told_on_it() {
    let words = ["--exact", "--ignored", "--nocapture", "tui::tests::guard::takes_the_terminal_and_panics"];
    let command = Command::new(std::env::current_exe().unwrap()).args(words).env("RUST_BACKTRACE", "0");
    let mut terminal = Terminal::start(command, 80, 24);
    terminal.wait_for("the terminal is held");
    assert!(terminal.screen().alternate_screen() && terminal.is_raw());
    assert_ne!(terminal.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    terminal.send("x");
    assert!(!terminal.end().success());
    assert!(terminal.is_set_back(), "{}", terminal.text());
    // on the main screen, where it stays
    assert!(terminal.text().contains("the reason is told"), "{}", terminal.text());
}
