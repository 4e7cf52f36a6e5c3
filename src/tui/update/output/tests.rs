//! The pane through the whole dashboard: keys in, requests and frames out, with the reader's answers made here.

use crate::domain::{JobId, Operation, TestOutcome, Timestamp};
use crate::tui::App;
use crate::tui::effect::Effect;
use crate::tui::model::{JobScreen, JobTab, Setup};
use crate::tui::msg::Msg;
use crate::tui::output::{FileState, Found, OutputAnswer, OutputLine, OutputRequest, SearchAnswer, Window};
use crate::tui::theme::ThemeName;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::time::Duration;

fn job() -> JobId {
    "j-abc234".parse().unwrap()
}

fn nothing() -> Operation {
    Operation::Terminate { provider: crate::domain::ProviderKind::Local, machines: Vec::new() }
}

/// A dashboard at a job's output, over a text that stands for the file.
struct Desk {
    app: App,
    text: String,
    size: (u16, u16),
    copied: Option<String>,
    asked: Vec<OutputRequest>,
}

impl Desk {
    fn new(text: &str, size: (u16, u16)) -> Self {
        let setup = Setup {
            provider: crate::domain::ProviderKind::Local,
            lease: Duration::from_secs(60),
            python: "python3".into(),
            transport: crate::domain::Transport::default(),
            types: crate::domain::money::UsualTypes {
                machines: vec!["c5.9xlarge".into(), "c5.4xlarge".into()],
                images: vec!["t3.2xlarge".into()],
            },
            budget: crate::domain::money::Budget::default(),
            current_dir: "/".into(),
            state_dir: "/".into(),
            demo: nothing(),
            theme: ThemeName::Mono,
            zone: jiff::tz::TimeZone::UTC,
        };
        let (mut app, _) = App::new(setup, Timestamp::UNIX_EPOCH, size);
        for event in events() {
            app.store.apply(&event);
        }
        app.model.job = Some(Box::new(JobScreen::new(job(), JobTab::Output)));
        let mut desk = Self { app, text: text.to_owned(), size, copied: None, asked: Vec::new() };
        desk.draw();
        desk.handle(Msg::Focus(true));
        desk.draw();
        desk
    }

    /// Gives a message and answers what it asks for, until nothing is asked for any more.
    fn handle(&mut self, msg: Msg) {
        let mut msgs = vec![msg];
        while let Some(msg) = msgs.pop() {
            for effect in self.app.handle(msg) {
                match effect {
                    Effect::Output(request) => {
                        self.asked.push(request.clone());
                        msgs.extend(self.answer(&request).map(Msg::Output));
                    }
                    Effect::Copy(text) => self.copied = Some(text),
                    _ => {}
                }
            }
        }
    }

    fn keys(&mut self, keys: &str) -> String {
        for key in keys.split(' ') {
            self.handle(Msg::Key(key.parse().unwrap()));
            self.draw();
        }
        self.draw()
    }

    fn type_in(&mut self, text: &str) -> String {
        for c in text.chars() {
            self.handle(Msg::Key(crate::tui::keys::Chord::char(c)));
        }
        self.draw()
    }

    /// The file grows, and the reader tells.
    fn grow(&mut self, text: &str) -> String {
        self.text.push_str(text);
        let request = self.app.model.job.as_ref().unwrap().output.asked.clone().unwrap();
        let answer = self.answer(&request).unwrap();
        self.handle(Msg::Output(answer));
        self.draw()
    }

    fn draw(&mut self) -> String {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        let mut buffer = Buffer::empty(area);
        self.app.draw(area, &mut buffer);
        let row = |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..area.height).map(|y| row(y).trim_end().to_owned() + "\n").collect()
    }

    fn lines(&self) -> Vec<OutputLine> {
        let mut at = 0;
        let mut lines = Vec::new();
        for line in self.text.lines() {
            lines.push(OutputLine { at, bytes: line.len() as u64, text: line.to_owned() });
            at += line.len() as u64 + 1;
        }
        lines
    }

    fn answer(&self, request: &OutputRequest) -> Option<OutputAnswer> {
        let lines = self.lines();
        let window = |first: usize, last: usize| Window {
            number: Some(first as u64),
            lines: lines[first..last].to_vec(),
            to_end: last == lines.len(),
        };
        let pane = &self.app.model.job.as_ref().unwrap().output;
        let (mut shown, mut search) = (None, None);
        match request {
            OutputRequest::Follow { rows } => shown = Some(window(lines.len().saturating_sub(*rows), lines.len())),
            OutputRequest::LinesAtByte { offset, before, after } => {
                let here = lines.iter().rposition(|line| line.at <= *offset).unwrap();
                shown = Some(window(here.saturating_sub(*before), (here + after + 1).min(lines.len())));
            }
            OutputRequest::Search { from, serial, .. } | OutputRequest::Hit { from, serial, .. } => {
                let forward = !matches!(request, OutputRequest::Hit { forward: false, .. });
                let pattern = match request {
                    OutputRequest::Search { pattern, .. } => pattern.clone(),
                    _ => pane.pattern.clone(),
                };
                if pattern.is_empty() {
                    return None;
                }
                let hits: Vec<u64> = self.text.match_indices(&pattern).map(|(at, _)| at as u64).collect();
                let found = if forward {
                    hits.iter().find(|at| **at >= *from).or(hits.first())
                } else {
                    hits.iter().rfind(|at| **at < *from).or(hits.last())
                };
                let found = found.map(|at| Found { at: *at, wrapped: (*at < *from) == forward });
                search = Some(SearchAnswer {
                    pattern,
                    serial: *serial,
                    found,
                    seeking: false,
                    ordinal: found.and_then(|found| hits.iter().position(|at| *at == found.at)).map(|n| n as u64 + 1),
                    total: hits.len() as u64,
                    complete: true,
                    ticks: hits,
                });
            }
            _ => return None,
        }
        Some(OutputAnswer {
            job: job(),
            lines: lines.len() as u64,
            bytes: self.text.len() as u64,
            indexed: self.text.len() as u64,
            state: FileState::Here,
            generation: 0,
            window: shown,
            search,
        })
    }
}

fn events() -> Vec<crate::event::Event> {
    use crate::domain::{TestEvent, TestResult};
    use crate::event::{Event, EventKind};
    let kinds = [
        EventKind::Submitted { operation: nothing() },
        EventKind::Started { pid: 1, resumed: false },
        EventKind::Test {
            test: TestEvent::Ended(TestResult {
                name: "test-a.t".into(),
                outcome: TestOutcome::Failed,
                seconds: None,
                reason: None,
                diff: None,
            }),
            output: 100,
        },
    ];
    let event = |(seq, kind)| Event { seq, at: Timestamp::UNIX_EPOCH, job: job(), kind };
    (1..).zip(kinds).map(event).collect()
}

fn numbered(lines: usize) -> String {
    (0..lines).map(|line| format!("line {line}\n")).collect::<Vec<_>>().concat()
}

#[test]
fn the_end_is_followed_until_one_scrolls() {
    let mut desk = Desk::new(&numbered(2000), (60, 20));
    let screen = desk.draw();
    assert!(
        screen.contains("FOLLOW") && screen.contains("line 1999") && screen.contains("of 2,000  100%"),
        "{screen}"
    );
    let screen = desk.grow("more\n");
    assert!(screen.contains("\nmore ") && screen.contains("FOLLOW"), "{screen}");
    let before = desk.keys("k");
    assert!(before.contains("PAUSED") && !before.contains("\nmore "), "{before}");
    // whatever comes, nothing moves
    let after = desk.grow(&numbered(1234));
    assert!(after.contains("PAUSED 1,234 new"), "{after}");
    let body = |screen: &str| -> Vec<String> {
        let lines = screen.lines().filter(|line| line.contains("line "));
        lines.map(|line| line.chars().take(40).collect()).collect()
    };
    assert_eq!(body(&before), body(&after));
    for (keys, text) in
        [("G", "FOLLOW"), ("space", "PAUSED"), ("space", "FOLLOW"), ("j", "FOLLOW"), ("pageup", "PAUSED")]
    {
        assert!(desk.keys(keys).contains(text), "{keys}: {text}");
    }
    let screen = desk.keys("g");
    assert!(screen.contains("line 0 ") && screen.contains("1-"), "{screen}");
    assert!(desk.keys("end").contains("FOLLOW"));
}

#[test]
fn scrolling_goes_by_lines_and_pages_and_rarely_asks() {
    let mut desk = Desk::new(&numbered(5000), (60, 20));
    desk.keys("g");
    let first = |screen: &str| -> usize {
        let line = screen.lines().find(|line| line.starts_with("line ")).unwrap();
        line[5..].split_whitespace().next().unwrap().parse().unwrap()
    };
    let high = desk.app.model.painted.height;
    assert_eq!(first(&desk.keys("j j j k")), 2);
    assert_eq!(first(&desk.keys("g pagedown")), high - 1);
    assert_eq!(first(&desk.keys("pageup")), 0);
    assert_eq!(first(&desk.keys("ctrl-d ctrl-d ctrl-u")), high / 2);
    desk.keys("g");
    desk.asked.clear();
    for _ in 0..100 {
        desk.keys("j");
    }
    assert_eq!(first(&desk.draw()), 100);
    assert!(desk.asked.len() <= 7, "{:?}", desk.asked);
    // many keys before any answer: what is beyond the lines at hand is owed
    let (mut requests, keys) = (Vec::new(), 30);
    for _ in 0..keys {
        requests.extend(desk.app.handle(Msg::Key("pagedown".parse().unwrap())));
    }
    for effect in requests {
        if let Effect::Output(request) = effect {
            let answer = desk.answer(&request).unwrap();
            desk.handle(Msg::Output(answer));
        }
    }
    assert_eq!(first(&desk.draw()), 100 + keys * (high - 1));
    // the last line stays at the bottom
    let end = desk.keys("G space j j pagedown");
    assert_eq!(first(&end), 5000 - high);
}

#[test]
fn wrapping_stays_on_the_line() {
    let text: String =
        (0..300).map(|line| format!("line {line} {}\n", "long ".repeat(40))).collect::<Vec<_>>().concat();
    let mut desk = Desk::new(&text, (60, 20));
    desk.keys("g pagedown");
    let top = desk.app.model.job.as_ref().unwrap().output.top;
    let screen = desk.keys("w");
    assert_eq!(desk.app.model.job.as_ref().unwrap().output.top, top);
    assert!(screen.matches("line ").count() < 6 && screen.contains("wrap"), "{screen}");
    let screen = desk.keys("j");
    assert!(!screen.lines().nth(3).unwrap().starts_with("line "), "{screen}");
    desk.keys("w");
    let screen = desk.keys("right");
    assert!(screen.contains("column 9"), "{screen}");
    assert!(!desk.keys("left").contains("column"));
    // the last row of the last line is the last row
    let screen = desk.keys("w G");
    let last = screen.lines().rfind(|line| line.contains("long")).unwrap().to_owned();
    assert!(!last.contains("line"), "{screen}");
}

#[test]
fn search_finds_while_typing_and_esc_comes_back() {
    let mut text = numbered(3000);
    text.insert_str(text.find("line 1500").unwrap(), "needle here\n");
    text.push_str("needle again\nend\n");
    let mut desk = Desk::new(&text, (60, 20));
    let before = desk.keys("g j j");
    desk.keys("/");
    let screen = desk.type_in("needle");
    assert!(screen.contains("needle here") && screen.contains("1 of 2"), "{screen}");
    // a longer pattern is looked for from where one was, and dropping it goes back there
    assert!(desk.type_in(" again").contains("needle again"));
    assert_eq!(desk.keys("esc"), before);
    desk.keys("/");
    desk.type_in("needle");
    desk.keys("enter");
    let screen = desk.keys("n");
    assert!(screen.contains("needle again") && screen.contains("2 of 2"), "{screen}");
    let screen = desk.keys("n");
    assert!(screen.contains("needle here") && screen.contains("went round"), "{screen}");
    desk.keys("y");
    assert_eq!(desk.copied.as_deref(), Some("needle here"));
    assert!(desk.keys("N").contains("needle again"));
    // a pattern without hits changes nothing
    let before = desk.keys("g");
    desk.keys("/");
    let screen = desk.type_in("zzz");
    assert!(screen.contains("no hits"), "{screen}");
    assert_eq!(screen.lines().nth(4), before.lines().nth(4));
}

#[test]
fn a_hit_far_to_the_right_is_brought_into_view() {
    let text = format!("{}needle\nshort\n", "x".repeat(500));
    let mut desk = Desk::new(&text, (60, 20));
    desk.keys("/");
    assert!(desk.type_in("needle").contains("xneedle"));
    desk.keys("enter");
    assert!(desk.keys("g w").contains("xneedle"));
}

#[test]
fn nothing_is_asked_while_another_tab_is_shown() {
    let mut desk = Desk::new(&numbered(100), (60, 20));
    desk.asked.clear();
    desk.keys("1");
    assert_eq!(desk.asked, [OutputRequest::Rest]);
    desk.keys("j k");
    desk.handle(Msg::Resize(60, 20));
    desk.handle(Msg::Tick(Timestamp::UNIX_EPOCH));
    assert_eq!(desk.asked.len(), 1);
    desk.keys("3");
    assert_eq!(desk.asked.last(), Some(&OutputRequest::Follow { rows: 80 }));
}

#[test]
fn going_to_a_byte_shows_its_line() {
    let text = numbered(3000);
    let mut desk = Desk::new(&text, (60, 20));
    let at = text.find("line 1234").unwrap() as u64;
    super::go_to_byte(&mut desk.app.model, at + 3);
    desk.handle(Msg::Focus(true));
    let screen = desk.draw();
    assert!(screen.contains("line 1234") && screen.contains("PAUSED"), "{screen}");
    // beyond the end is the end
    super::go_to_byte(&mut desk.app.model, u64::MAX);
    desk.handle(Msg::Focus(true));
    assert!(desk.draw().contains("line 2999"));
}

#[test]
fn a_replaced_file_is_told_of() {
    let mut desk = Desk::new(&numbered(300), (60, 20));
    desk.keys("g");
    desk.text = "all new\n".into();
    let mut answer = desk.answer(&OutputRequest::LinesAtByte { offset: 0, before: 0, after: 9 }).unwrap();
    answer.generation = 1;
    desk.handle(Msg::Output(answer));
    let screen = desk.draw();
    assert!(screen.contains("all new") && screen.contains("replaced or cut"), "{screen}");
}

#[test]
fn every_size_is_drawn() {
    let mut desk = Desk::new(&format!("{}世界 e\u{301}\n", numbered(50)), (60, 20));
    desk.keys("/");
    desk.type_in("line");
    desk.keys("enter");
    for width in 1..30 {
        for height in 1..12 {
            desk.size = (width, height);
            desk.handle(Msg::Resize(width, height));
            desk.draw();
            desk.keys("w j n pageup G");
        }
    }
}
