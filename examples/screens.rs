//! Makes the pictures of the README: runs the real program in a pseudo-terminal, with a real run of Mercurial's tests on
//! this computer, one of them made to fail, and writes what is seen as SVG into `assets/screens`.
//!
//! `cargo run --example screens -- [STATE-DIR]`. The first time it fetches what `hga demo` needs. Where `AWS_ENDPOINT_URL`
//! leads to a lab (`tests/lab/server.py`, with strays in it), only the pictures of AWS are made.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a program for developers stops where it fails")]

#[path = "../tests/support/terminal.rs"]
mod terminal;

use pty_process::blocking::Command;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::Duration;
use terminal::Terminal;

/// Long enough for the first preparation of a machine.
const LIMIT: Duration = Duration::from_secs(180);
/// The test that is made to fail.
const BROKEN: &str = "test-abort-checkin.t";
/// The quick tests of the demo.
const TESTS: &str = include_str!("../assets/demo-tests.txt");

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let state = std::env::args_os().nth(1).map_or_else(|| root.join("target/tmp/screens"), PathBuf::from);
    fs::create_dir_all(&state).unwrap();
    let stage = Stage { program: build(root), state, pictures: root.join("assets/screens") };
    fs::create_dir_all(&stage.pictures).unwrap();
    if std::env::var("AWS_ENDPOINT_URL").is_ok_and(|url| url.starts_with("http://127.0.0.1:")) {
        return aws(&stage);
    }
    let source = stage.source();
    let mut run = stage.hga(&["run-tests-linux", "--dirty", "--keep-on-failure", "--python-version", "bootstrap"]);
    let run = run.arg("--source").arg(&source).args(["--", "-j2", "--with-hg=../../../hgdev/venv-bootstrap/bin/hg"]);
    let mut run = run
        .args(TESTS.lines().filter(|line| line.starts_with("test-")))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();

    let mut seen = stage.open(80, 24, "15;0");
    seen.press("3", "test ");
    seen.press("g<enter>", "1 Tests");
    seen.until("some tests", LIMIT, |screen| screen.matches("passed").count() > 5 && screen.contains("failed"));
    stage.picture(&mut seen, "running");
    seen.press("2", BROKEN);
    seen.press("<enter>", "never said");
    stage.picture(&mut seen, "failure");
    run.wait().unwrap();
    seen.press("3", "# Ran");
    seen.press("/changed<enter>", "output changed");
    stage.picture(&mut seen, "search");
    seen.press("<esc>", "3 Jobs");
    stage.picture(&mut seen, "jobs");
    seen.press("1<home><ctrl-d>", "Cancel");
    stage.picture(&mut seen, "terminate");
    seen.send("<esc>");
    seen.wait_without("Cancel");
    seen.send("q");
    seen.end();

    let mut seen = stage.open(200, 50, "15;0");
    seen.press("3g<enter>", "1 Tests");
    seen.wait_for(BROKEN);
    stage.picture(&mut seen, "wide");
    seen.press("<esc>", "3 Jobs");
    seen.send("q");
    seen.end();

    let mut seen = stage.open(80, 24, "0;15");
    seen.press("3g<enter>", "1 Tests");
    seen.wait_for(BROKEN);
    stage.picture(&mut seen, "light");
    seen.press("<esc>", "3 Jobs");
    seen.send("q");
    seen.end();
    assert!(stage.hga(&["machines", "terminate", "--all", "--yes"]).status().unwrap().success());
}

/// What is ours on AWS, and the plan before it is ended.
fn aws(stage: &Stage) {
    let mut seen = stage.open(130, 30, "15;0");
    seen.press("5", "key pair");
    stage.picture(&mut seen, "aws");
    seen.press("P", "Cancel");
    stage.picture(&mut seen, "purge");
    seen.send("<esc>");
    seen.wait_without("Cancel");
    seen.send("q");
    seen.end();
}

struct Stage {
    program: PathBuf,
    state: PathBuf,
    pictures: PathBuf,
}

impl Stage {
    fn hga(&self, words: &[&str]) -> Process {
        let mut command = Process::new(&self.program);
        command.env("HGA_STATE_PATH", &self.state).args(words);
        command
    }

    /// The demo's source with one test that fails; fetched when it is not there.
    fn source(&self) -> PathBuf {
        let known = || {
            let folders = fs::read_dir(self.state.join("sources")).into_iter().flatten().flatten();
            folders.map(|entry| entry.path()).find(|path| path.join("tests").is_dir())
        };
        let fetched = known().unwrap_or_else(|| {
            assert!(self.hga(&["demo", "--no-tui", "test-add.t"]).status().unwrap().success());
            known().unwrap()
        });
        let source = self.state.with_extension("source").join("mercurial");
        if !source.exists() {
            fs::create_dir_all(source.parent().unwrap()).unwrap();
            assert!(Process::new("cp").arg("-a").args([&fetched, &source]).status().unwrap().success());
        }
        let (whole, broken) = (fetched.join("tests").join(BROKEN), source.join("tests").join(BROKEN));
        let text = fs::read_to_string(whole).unwrap();
        fs::write(broken, format!("{text}\n  $ hg status --all | head -n 2\n  this was never said\n")).unwrap();
        source
    }

    fn open(&self, columns: u16, rows: u16, colors: &str) -> Terminal {
        let command = Command::new(&self.program)
            .env("HGA_STATE_PATH", &self.state)
            .env("TERM", "xterm-256color")
            .env("COLORTERM", "truecolor")
            .env("COLORFGBG", colors)
            .env("TZ", "UTC")
            .env_remove("NO_COLOR");
        let mut terminal = Terminal::start(command, columns, rows);
        terminal.wait_for("3 Jobs");
        terminal
    }

    fn picture(&self, terminal: &mut Terminal, name: &str) {
        // a frame may come in pieces
        terminal.settle();
        let path = self.pictures.join(format!("{name}.svg"));
        fs::write(&path, svg(terminal.screen())).unwrap();
    }
}

fn build(root: &Path) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    assert!(Process::new(cargo).args(["build", "--bin", "hga"]).current_dir(root).status().unwrap().success());
    // beside this program's folder
    let here = std::env::current_exe().unwrap();
    let program = here.parent().and_then(Path::parent).unwrap().join("hga");
    assert!(program.is_file(), "{}", program.display());
    program
}

// the size of a cell, in pixels at a font of 14
const WIDE: f64 = 8.4;
const HIGH: f64 = 18.0;

/// A screen as SVG: runs of cells that look alike, each held to its columns whatever the font.
fn svg(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let (width, height) = (f64::from(columns) * WIDE + 16.0, f64::from(rows) * HIGH + 16.0);
    let ground = screen.cell(rows - 2, columns - 1).map_or("#101010".to_owned(), |cell| colors(cell).1);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\" xml:space=\"preserve\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{ground}\"/>\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let start = column;
            let look = screen.cell(row, column).map(look).unwrap_or_default();
            let mut run = String::new();
            while column < columns {
                let Some(cell) = screen.cell(row, column).filter(|cell| self::look(cell) == look) else { break };
                if !cell.is_wide_continuation() {
                    run.push_str(if cell.has_contents() { cell.contents() } else { " " });
                }
                column += 1;
            }
            draw(&mut text, &look, &ground, &run, start, column - start, row);
        }
    }
    text.push_str("</svg>\n");
    text
}

/// Front, back, and what is bold, dim or underlined.
#[derive(Debug, Clone, Default, PartialEq)]
struct Look {
    front: String,
    back: String,
    words: &'static str,
    underline: bool,
}

fn look(cell: &vt100::Cell) -> Look {
    let (front, back) = colors(cell);
    let words = match (cell.bold(), cell.dim()) {
        (true, _) => " font-weight=\"bold\"",
        (_, true) => " opacity=\"0.7\"",
        _ => "",
    };
    Look { front, back, words, underline: cell.underline() }
}

fn draw(text: &mut String, look: &Look, ground: &str, run: &str, column: u16, columns: u16, row: u16) {
    let (x, y) = (8.0 + f64::from(column) * WIDE, 8.0 + f64::from(row) * HIGH);
    let width = f64::from(columns) * WIDE;
    if look.back != ground {
        let _ = writeln!(
            text,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{HIGH}\" fill=\"{}\"/>",
            look.back
        );
    }
    if run.trim().is_empty() {
        return;
    }
    let line = if look.underline { " text-decoration=\"underline\"" } else { "" };
    let said = run.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        text,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{}{line}>{said}</text>",
        y + 13.5,
        look.front,
        look.words,
    );
}

/// Front and back as they are shown.
fn colors(cell: &vt100::Cell) -> (String, String) {
    let name = |color: vt100::Color, usual: &str| match color {
        vt100::Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        vt100::Color::Default => usual.to_owned(),
        vt100::Color::Idx(index) => panic!("color {index} of 256 in a picture of 24-bit colours"),
    };
    let pair = (name(cell.fgcolor(), "#d0d0d0"), name(cell.bgcolor(), "#101010"));
    if cell.inverse() { (pair.1, pair.0) } else { pair }
}
