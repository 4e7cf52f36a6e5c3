//! The reader on real files that grow, shrink, go and come. Every wait is for an answer, with a deadline.

use super::{FileState, OutputAnswer, OutputRequest, Reader};
use crate::domain::JobId;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

struct Bench {
    reader: Reader,
    answers: mpsc::Receiver<OutputAnswer>,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

fn job() -> JobId {
    "j-abc234".parse().unwrap()
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("output");
        let (sender, answers) = mpsc::channel();
        let path = file.clone();
        let reader = Reader::start(move |_| path.clone(), move |answer| sender.send(answer).unwrap_or_default());
        reader.ask(OutputRequest::Open(job()));
        Self { reader, answers, file, _folder: folder }
    }

    fn append(&self, text: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().append(true).create(true).open(&self.file).unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    fn until(&self, what: &str, mut so: impl FnMut(&OutputAnswer) -> bool) -> OutputAnswer {
        loop {
            let answer = self.answers.recv_timeout(Duration::from_secs(30));
            let answer = answer.unwrap_or_else(|_| panic!("waited in vain for {what}"));
            if so(&answer) {
                return answer;
            }
        }
    }

    /// Waits for lines that end with this one.
    fn until_last(&self, last: &str) -> OutputAnswer {
        self.until(last, |answer| {
            answer.window.as_ref().is_some_and(|window| window.lines.last().is_some_and(|line| line.text == last))
        })
    }
}

fn texts(answer: &OutputAnswer) -> Vec<&str> {
    answer.window.as_ref().unwrap().lines.iter().map(|line| line.text.as_str()).collect()
}

#[test]
fn the_end_is_followed_from_before_the_file_is_there() {
    let bench = Bench::new();
    bench.reader.ask(OutputRequest::Follow { rows: 3 });
    let answer = bench.until("an answer", |_| true);
    assert_eq!((answer.state, answer.bytes), (FileState::Missing, 0));
    bench.append("one\ntwo\nthree\nfo");
    let answer = bench.until_last("fo");
    assert_eq!(texts(&answer), ["two", "three", "fo"]);
    bench.append("ur\n");
    let answer = bench.until_last("four");
    assert_eq!((answer.lines, answer.bytes, answer.indexed), (4, 19, 19));
    assert_eq!(answer.window.unwrap().number, Some(1));
}

#[test]
fn a_file_that_is_cut_or_replaced_is_read_anew() {
    let bench = Bench::new();
    bench.append("old 1\nold 2\n");
    bench.reader.ask(OutputRequest::Follow { rows: 9 });
    let before = bench.until_last("old 2").generation;
    fs::write(&bench.file, "new\n").unwrap();
    let answer = bench.until_last("new");
    assert_eq!((texts(&answer), answer.lines), (vec!["new"], 1));
    assert_ne!(answer.generation, before);
    let other = bench.file.with_extension("other");
    fs::write(&other, "another file, and a longer one\n").unwrap();
    fs::rename(&other, &bench.file).unwrap();
    assert_ne!(bench.until_last("another file, and a longer one").generation, answer.generation);
    // what was read stays when the file goes
    fs::remove_file(&bench.file).unwrap();
    let answer = bench.until("that it is gone", |answer| answer.state == FileState::Missing);
    assert_eq!(answer.bytes, 31);
    bench.reader.ask(OutputRequest::Follow { rows: 9 });
    bench.until_last("another file, and a longer one");
}

#[test]
fn what_cannot_be_read_is_told() {
    let bench = Bench::new();
    fs::create_dir(&bench.file).unwrap();
    bench.reader.ask(OutputRequest::Follow { rows: 3 });
    let answer = bench.until("trouble", |answer| matches!(answer.state, FileState::Unreadable(_)));
    assert_eq!(answer.state, FileState::Unreadable("it is not a regular file".into()));
    fs::remove_dir(&bench.file).unwrap();
    bench.append("there\n");
    assert_eq!(bench.until_last("there").state, FileState::Here);
}

#[test]
fn of_many_requests_the_newest_is_answered() {
    let bench = Bench::new();
    let text: String = (0..200_000).map(|line| format!("line {line}\n")).collect::<Vec<_>>().concat();
    bench.append(&text);
    for offset in 0..1000 {
        bench.reader.ask(OutputRequest::LinesAtByte { offset: offset * 10, before: 0, after: 0 });
    }
    bench.reader.ask(OutputRequest::LinesAtByte { offset: text.len() as u64 - 1, before: 1, after: 1 });
    let mut answers = 0;
    let answer = bench.until("the last lines", |answer| {
        answers += 1;
        answer.window.as_ref().is_some_and(|window| window.to_end)
    });
    assert_eq!(texts(&answer), ["line 199998", "line 199999"]);
    assert!(answers < 900, "{answers} answers");
    if answer.lines < 200_000 {
        bench.until("all lines", |answer| answer.lines == 200_000);
    }
}

#[test]
fn a_line_of_ten_megabytes_is_cut_for_the_eye() {
    let bench = Bench::new();
    bench.append([b"before\n".as_slice(), &vec![b'x'; 10 << 20], b"\nafter\n"].concat());
    bench.reader.ask(OutputRequest::Follow { rows: 3 });
    let answer = bench.until_last("after");
    let window = answer.window.unwrap();
    assert_eq!((window.lines[0].text.as_str(), window.lines[1].bytes), ("before", 10 << 20));
    assert!(window.lines[1].text.ends_with("x… (10.0 MiB in this line)"));
    assert!(window.lines[1].text.len() < 9000);
    // from its middle, with the index and without
    bench.reader.ask(OutputRequest::LinesAtByte { offset: 5 << 20, before: 1, after: 1 });
    bench.until_last("after");
}

#[test]
fn search_goes_over_the_whole_file_and_on_as_it_grows() {
    let bench = Bench::new();
    let text: String = (0..300_000).map(|line| format!("line {line} {}\n", line % 1000)).collect::<Vec<_>>().concat();
    bench.append(&text);
    bench.reader.ask(OutputRequest::Follow { rows: 2 });
    for pattern in ["l", "li", "LINE 29", "line 299999 "] {
        bench.reader.ask(OutputRequest::Search { pattern: pattern.into(), from: 7, serial: 4 });
    }
    // an earlier pattern may have been found before the last one was read
    let search = bench
        .until("the hit", |answer| {
            answer.search.as_ref().is_some_and(|search| search.pattern.ends_with(' ') && search.found.is_some())
        })
        .search
        .unwrap();
    assert_eq!((search.pattern.as_str(), search.serial, search.seeking), ("line 299999 ", 4, false));
    let at = search.found.unwrap().at;
    assert_eq!(at, text.find("line 299999 ").unwrap() as u64);
    if !search.complete {
        bench.until("the count", |answer| answer.search.as_ref().is_some_and(|search| search.complete));
    }
    bench.append("LINE 299999 again\n");
    let answer = bench.until("another", |answer| answer.search.as_ref().is_some_and(|search| search.total == 2));
    assert_eq!(answer.search.unwrap().ordinal, Some(1));
    bench.reader.ask(OutputRequest::Hit { from: at, forward: false, serial: 5 });
    let answer = bench.until("the hit before", |answer| {
        answer.search.as_ref().is_some_and(|search| search.serial == 5 && search.found.is_some())
    });
    let search = answer.search.unwrap();
    assert_eq!((search.found.unwrap().at, search.found.unwrap().wrapped), (text.len() as u64, true));
    assert_eq!((search.ordinal, search.ticks.len()), (Some(2), 2));
}

#[test]
fn an_output_that_is_over_is_read_to_its_end_once() {
    let bench = Bench::new();
    bench.append("last words\n");
    bench.reader.ask(OutputRequest::Live(false));
    bench.reader.ask(OutputRequest::Follow { rows: 2 });
    let answer = bench.until_last("last words");
    assert_eq!(answer.lines, 1);
    // whatever comes now is not looked for, until somebody asks again
    bench.append("ghost\n");
    bench.reader.ask(OutputRequest::LinesAtByte { offset: 0, before: 0, after: 5 });
    bench.until_last("ghost");
}

#[test]
fn a_search_in_what_is_not_there_ends() {
    let bench = Bench::new();
    bench.reader.ask(OutputRequest::Follow { rows: 2 });
    bench.reader.ask(OutputRequest::Search { pattern: "x".into(), from: 0, serial: 1 });
    let answer = bench
        .until("no hit", |answer| answer.search.as_ref().is_some_and(|search| search.serial == 1 && !search.seeking));
    assert_eq!(answer.search.unwrap().total, 0);
    bench.append("x\n");
    bench.until("a hit", |answer| answer.search.as_ref().is_some_and(|search| search.total == 1));
}
