//! The words between us and `assets/ssm.sh`: what a short command is told, and what it answers.

use crate::domain::escape_line;
use crate::remote::spool::quote;
use crate::remote::{Error, ErrorKind, ExitStatus, Result};
use aws_smithy_types::base64;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};

const SCRIPT: &str = include_str!("../../../assets/ssm.sh");

/// Most letters of an answer's bytes: `GetCommandInvocation` shows 24,000, and the first line wants some.
const ROOM: usize = 23_800;
/// Most letters of what goes with a command, packed: a document with its parameters may have 64 KiB.
pub(super) const LOAD: usize = 40_000;

/// How far both streams were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Offsets {
    pub(super) out: u64,
    pub(super) err: u64,
}

/// A piece of input.
#[derive(Debug, Clone, Default)]
pub(super) struct Piece {
    /// Where in the input it lies.
    pub(super) at: u64,
    /// The bytes, packed.
    pub(super) data: String,
    /// Where the input ends, once that is known.
    pub(super) last: Option<u64>,
}

/// What one short command does.
#[derive(Debug)]
pub(super) enum Verb {
    /// Starts what is to be run unless that was done, with the first of its input.
    Start { user: String, plain: bool, line: String, piece: Piece },
    /// Reads alone.
    Read,
    /// Gives it more input.
    Write(Piece),
    /// Sends it a signal.
    Signal(&'static str),
    /// Ends it and forgets it.
    End,
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) id: &'a str,
    pub(super) verb: Verb,
    /// Read from here.
    pub(super) from: Offsets,
    /// What lies before is not needed any more.
    pub(super) had: Offsets,
    /// Most bytes of a stream.
    pub(super) most: u64,
    /// How often to look for news before answering that there are none, a tenth of a second apart.
    pub(super) looks: u32,
    /// What is over and may go.
    pub(super) forget: &'a [String],
}

impl Ask<'_> {
    /// The script that asks it.
    pub(super) fn script(&self) -> String {
        let Self { id, from, had, most, looks, forget, .. } = self;
        let verb = match &self.verb {
            Verb::Start { .. } => "start",
            Verb::Read => "read",
            Verb::Write(_) => "write",
            Verb::Signal(_) => "signal",
            Verb::End => "end",
        };
        let mut text = format!(
            "verb={verb} id={id} room={ROOM} most={most} out={} err={} had_out={} had_err={} wait={looks} forget={}\n",
            from.out,
            from.err,
            had.out,
            had.err,
            quote(&forget.join(" "))
        );
        // writing to a String cannot fail
        match &self.verb {
            Verb::Start { user, plain, line, piece } => {
                let plain = if *plain { "y" } else { "n" };
                let _ = writeln!(text, "user={} plain={plain} line={line}", quote(user));
                add(&mut text, piece);
            }
            Verb::Write(piece) => add(&mut text, piece),
            Verb::Signal(name) => text.extend(["sig=", name, "\n"]),
            Verb::Read | Verb::End => {}
        }
        text + SCRIPT
    }
}

fn add(text: &mut String, piece: &Piece) {
    let last = piece.last.map_or_else(String::new, |last| last.to_string());
    let _ = writeln!(text, "at={} last={last} data={}", piece.at, piece.data);
}

/// What is run, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It runs.
    Going,
    /// It is over.
    Over(ExitStatus),
    /// It is no more, and nobody knows how it ended.
    Gone,
    /// There is none.
    Absent,
    /// It could not be done.
    Failed(String),
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) out: Bytes,
    pub(super) err: Bytes,
    /// How much there is of either stream.
    pub(super) all: Offsets,
    pub(super) state: State,
}

impl Answer {
    /// Reads what a command said.
    ///
    /// # Errors
    /// `Protocol`.
    pub(super) fn parse(said: &str) -> Result<Self> {
        Self::read(said).ok_or_else(|| {
            let start: String = said.chars().take(200).collect();
            Error::new(
                ErrorKind::Protocol,
                format!("a command by Systems Manager answered `{}`", escape_line(&start)),
            )
        })
    }

    fn read(said: &str) -> Option<Self> {
        let mut lines = said.lines();
        let mut words = lines.next()?.strip_prefix("hga ")?.split(' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        let (out, err) = (number()?, number()?);
        let all = Offsets { out: number()?, err: number()? };
        let state = match (words.next()?, words.next()) {
            ("going", _) => State::Going,
            ("over", Some(code)) => State::Over(ExitStatus::Code(code.parse().ok()?)),
            ("gone", _) => State::Gone,
            ("absent", _) => State::Absent,
            ("failed", why) => {
                let why = base64::decode(why.unwrap_or_default()).ok()?;
                State::Failed(escape_line(String::from_utf8_lossy(&why).trim()))
            }
            _ => return None,
        };
        let mut bytes = Bytes::from(unpack(lines.next().unwrap_or_default(), out.checked_add(err)?)?);
        let out = bytes.split_to(usize::try_from(out).ok()?);
        Some(Self { out, err: bytes, all, state })
    }
}

/// Bytes by gzip and base64.
pub(super) fn pack(bytes: &[u8]) -> String {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    // writing to a Vec cannot fail
    let _ = packer.write_all(bytes);
    base64::encode(packer.finish().unwrap_or_default())
}

/// Exactly so many bytes again.
fn unpack(text: &str, length: u64) -> Option<Vec<u8>> {
    if length == 0 {
        return Some(Vec::new());
    }
    let packed = base64::decode(text).ok()?;
    let mut bytes = Vec::new();
    GzDecoder::new(packed.as_slice()).take(length + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 == length).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let bytes = pack(b"out and err");
        let answer = Answer::parse(&format!("hga 4 7 4 9 going\n{bytes}\n")).unwrap();
        assert_eq!((&answer.out[..], &answer.err[..]), (&b"out "[..], &b"and err"[..]));
        assert_eq!((answer.all, answer.state), (Offsets { out: 4, err: 9 }, State::Going));
        let state = |said: &str| Answer::parse(said).map(|answer| answer.state);
        assert_eq!(state("hga 0 0 0 0 over 3\n\n").unwrap(), State::Over(ExitStatus::Code(3)));
        let why = base64::encode("no\x1b[31m way\n");
        assert_eq!(
            state(&format!("hga 0 0 0 0 failed {why}\n")).unwrap(),
            State::Failed(escape_line("no\x1b[31m way"))
        );
        for said in [
            String::new(),
            "hello".to_owned(),
            "hga 1 2 3 going".to_owned(),
            "hga 0 0 0 0 over x".to_owned(),
            // cut short, or not what was said
            format!("hga 4 7 4 9 going\n{}\n", &bytes[..bytes.len() - 4]),
            format!("hga 5 7 5 9 going\n{bytes}\n"),
            format!("hga 4 6 5 9 going\n{bytes}\n"),
        ] {
            assert_eq!(state(&said).unwrap_err().kind, ErrorKind::Protocol, "{said}");
        }
    }

    #[test]
    fn a_script_stays_within_what_aws_takes_and_is_no_template_of_its() {
        let piece = Piece { at: 0, data: "x".repeat(LOAD), last: Some(1) };
        let line = pack(b"echo {{ssm:secret}} '");
        let verb = Verb::Start { user: "h g".into(), plain: false, line, piece };
        let none = Offsets::default();
        let ask = Ask { id: "a", verb, from: none, had: none, most: 1, looks: 1, forget: &["b".into(), "c".into()] };
        let script = ask.script();
        assert!(script.len() < 60_000, "{}", script.len());
        assert!(!script.contains("{{"), "Systems Manager fills such things in");
        assert!(script.contains("forget='b c'\nuser='h g' plain=n"), "{}", &script[..200]);
    }

    /// On this computer, in a folder of the test's own.
    #[test]
    fn what_is_over_is_not_begun_again_by_a_call_that_comes_late() {
        let folder = tempfile::tempdir().unwrap();
        let user = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap().trim().to_owned();
        let run = |id: &str, verb: Verb, forget: &[&str]| {
            let forget: Vec<String> = forget.iter().map(|&id| id.to_owned()).collect();
            let none = Offsets::default();
            let ask = Ask { id, verb, from: none, had: none, most: 1000, looks: 50, forget: &forget };
            let base = format!("base='{}'\ndir=", folder.path().display());
            let script = ask.script().replacen("\ndir=", &format!("\n{base}"), 1);
            let ran = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            Answer::parse(std::str::from_utf8(&ran.stdout).unwrap()).unwrap()
        };
        let start = || Verb::Start {
            user: user.clone(),
            plain: true,
            line: pack(b"echo hello"),
            piece: Piece { last: Some(0), ..Piece::default() },
        };
        let answer = run("a", start(), &[]);
        assert_eq!((&answer.out[..], answer.state), (&b"hello\n"[..], State::Over(ExitStatus::Code(0))));
        assert_eq!(run("b", start(), &["a"]).out, "hello\n");
        assert_eq!(run("a", start(), &[]).state, State::Absent);
        // one that is ended before it has begun
        run("c", Verb::End, &[]);
        assert_eq!(run("c", start(), &[]).state, State::Absent);
        run("b", Verb::End, &[]);
        let left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert!(left.len() == 3 && left.iter().all(|name| name.to_string_lossy().ends_with(".over")), "{left:?}");
    }
}
