//! Makes the pictures of the README: runs the real program in a pseudo-terminal, with a real run of Mercurial's tests on
//! this computer, one of them made to fail, and writes what is seen as SVG into `assets/screens`.
//!
//! `cargo run --example screens -- [STATE-DIR]`. The first time it fetches what `hga demo` needs. Where `AWS_ENDPOINT_URL`
//! leads to a lab (`tests/lab/server.py --forget 9999999`, with strays in it), only the pictures of AWS are made; what costs there
//! is made by them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a program for developers stops where it fails")]

#[path = "../tests/support/terminal.rs"]
mod terminal;

use pty_process::blocking::Command;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write};
use std::net::TcpStream;
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
    spend(&Lab::at(&std::env::var("AWS_ENDPOINT_URL").unwrap()));
    for (columns, rows, name) in [(80, 24, "costs"), (200, 50, "costs-wide")] {
        let mut seen = stage.open(columns, rows, "15;0");
        seen.press("6", "forecast");
        // what is stored is known once everything was asked for
        seen.until("an image among the costs", LIMIT, |screen| screen.contains("stored") && screen.contains("41m"));
        seen.send("<home>");
        stage.picture(&mut seen, name);
        seen.send("q");
        seen.end();
    }
}

/// The lab, spoken to without a client.
struct Lab {
    address: String,
}

impl Lab {
    fn at(endpoint: &str) -> Self {
        Self { address: endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned() }
    }

    fn post(&self, path: &str, kind: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        // the lab looks no further than at whom it is meant for
        let scope =
            "AWS4-HMAC-SHA256 Credential=x/20260101/us-west-2/ec2/aws4_request, SignedHeaders=host, Signature=x";
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: {scope}\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{body}: {answer}");
        answer
    }

    /// Everything becomes older.
    fn later(&self, minutes: u32) {
        self.post("/lab/later", "application/json", &format!("{{\"seconds\": {}}}", minutes * 60));
    }

    fn ec2(&self, action: &str, what: &[(&str, &str)]) -> String {
        let mut body = format!("Action={action}&Version=2016-11-15");
        for (name, value) in what {
            let _ = write!(body, "&{name}={}", value.replace(':', "%3A"));
        }
        self.post("/", "application/x-www-form-urlencoded", &body)
    }

    /// Launches a machine as this program would; gives its id.
    fn launch(&self, image: &str, instance_type: &str, tags: &[(&str, &str)]) -> String {
        let mut what = vec![
            ("ImageId".to_owned(), image.to_owned()),
            ("InstanceType".to_owned(), instance_type.to_owned()),
            ("MinCount".to_owned(), "1".to_owned()),
            ("MaxCount".to_owned(), "1".to_owned()),
            ("TagSpecification.1.ResourceType".to_owned(), "instance".to_owned()),
        ];
        for (place, (name, value)) in (1..).zip(tags) {
            what.push((format!("TagSpecification.1.Tag.{place}.Key"), (*name).to_owned()));
            what.push((format!("TagSpecification.1.Tag.{place}.Value"), (*value).to_owned()));
        }
        let what: Vec<(&str, &str)> = what.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        between(&self.ec2("RunInstances", &what), "<instanceId>").to_owned()
    }
}

fn between<'a>(answer: &'a str, mark: &str) -> &'a str {
    answer.split_once(mark).unwrap().1.split('<').next().unwrap()
}

/// Lets some days go by in which machines ran, as far as the lab can: it makes what there is older.
fn spend(lab: &Lab) {
    const AMIS: &str = include_str!("../tests/lab/amis.json");
    let base = AMIS.split("\"ami_id\": \"").nth(1).unwrap().split('"').next().unwrap();
    let first = lab.launch(base, "t3.2xlarge", &[("Name", "hg-temp-linux"), ("hg-job", "j-image7")]);
    lab.later(50);
    let made = lab.ec2("CreateImage", &[("InstanceId", &first), ("Name", "hg-linux-dev-debian12")]);
    let image = between(&made, "<imageId>").to_owned();
    lab.ec2("TerminateInstances", &[("InstanceId.1", &first)]);
    lab.later(22 * 60);
    // minutes that a machine ran, and minutes after it
    for (place, (instance_type, ran, rest)) in (2..8).cycle().zip([
        ("c5.9xlarge", 34, 80),
        ("c5.9xlarge", 31, 1300),
        ("c5.4xlarge", 66, 2900),
        ("c5.9xlarge", 38, 45),
        ("c5.9xlarge", 33, 20),
        ("c5.9xlarge", 90, 1200),
        ("c5.4xlarge", 61, 1400),
        ("c5.9xlarge", 32, 4300),
        ("c5.9xlarge", 47, 130),
        ("c5.9xlarge", 35, 1350),
        ("c5.4xlarge", 70, 1500),
        ("c5.9xlarge", 36, 1380),
        ("c5.9xlarge", 30, 240),
    ]) {
        let job = format!("j-run{place}{place}{}", ["a", "b", "c"][usize::try_from(ran % 3).unwrap()]);
        let one = lab.launch(&image, instance_type, &[("Name", "hg-temp-linux"), ("hg-job", &job)]);
        lab.later(ran);
        lab.ec2("TerminateInstances", &[("InstanceId.1", &one)]);
        lab.later(rest);
    }
    let lease =
        (jiff::Timestamp::now() + jiff::SignedDuration::from_mins(42)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    lab.launch(&image, "c5.9xlarge", &[("Name", "hg-temp-linux"), ("hg-job", "j-now234"), ("hg-lease", &lease)]);
    lab.later(24);
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
    if run.chars().all(|c| c == ' ' || ('▁'..='█').contains(&c)) {
        // fonts leave gaps between the rows of a bar
        let cells: Vec<char> = run.chars().collect();
        let mut place = 0_u16;
        for alike in cells.chunk_by(|a, b| a == b) {
            let (c, wide) = (alike[0], u16::try_from(alike.len()).unwrap());
            let at = place;
            place += wide;
            if c == ' ' {
                continue;
            }
            let eighths = u32::from(c) - u32::from('▁') + 1;
            let high = HIGH * f64::from(eighths) / 8.0;
            let _ = writeln!(
                text,
                "<rect x=\"{:.1}\" y=\"{:.2}\" width=\"{:.1}\" height=\"{high:.2}\" fill=\"{}\"{}/>",
                x + f64::from(at) * WIDE,
                y + HIGH - high,
                f64::from(wide) * WIDE,
                look.front,
                look.words.replace(" font-weight=\"bold\"", ""),
            );
        }
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
