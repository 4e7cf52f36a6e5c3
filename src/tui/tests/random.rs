//! A hundred thousand random keys, with everything else that can arrive between them: no panic, and always a way back.

use super::fixture::{
    Desk, UNDER_WAY, aws_images, aws_machines, error, history, id, images, machines, now, resources, summaries, told,
    unseen,
};
use crate::domain::{MachineId, ProviderKind, TestCounts, TestEvent, TestOutcome, TestResult};
use crate::event::{Event, EventKind};
use crate::session::Attachment;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::fixtures::{listed, money_entries, money_of, silent};
use crate::tui::keys::{Chord, Code, TABLE};
use crate::tui::msg::{Mouse, Msg};
use crate::tui::theme::ThemeName;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

const KEYS: usize = 100_000;
const SIZES: [(u16, u16); 12] =
    [(1, 1), (2, 1), (10, 3), (3, 10), (20, 5), (40, 12), (40, 12), (60, 8), (80, 24), (80, 24), (120, 6), (8, 30)];

#[test]
fn random_keys_never_panic_nor_lead_where_no_way_leads_back() {
    // several at once: they share nothing
    let threads: Vec<_> = (0..4_u64).map(|seed| std::thread::spawn(move || Walk::new(seed).go(KEYS / 4))).collect();
    for thread in threads {
        assert!(thread.join().is_ok());
    }
}

struct Walk {
    seed: u64,
    dice: StdRng,
    desk: Desk,
    /// What was asked for and has not been answered.
    asked: Vec<Effect>,
    said: VecDeque<String>,
    seq: u64,
    second: i64,
    keys: Vec<Chord>,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let mut keys: Vec<Chord> = TABLE.iter().flat_map(|row| row.keys).map(|key| key.parse().unwrap()).collect();
        keys.extend("aelnoqrs/:?1234!* \u{301}漢\0\u{202e}".chars().map(Chord::char));
        keys.extend([Code::Backspace, Code::Enter, Code::Enter, Code::Esc, Code::F(12)].map(Chord::plain));
        keys.extend(["ctrl-u", "ctrl-k", "alt-b", "shift-up", "ctrl-w"].map(|key| key.parse::<Chord>().unwrap()));
        let desk = Desk::full(80, 24, ThemeName::Dark);
        let dice = StdRng::seed_from_u64(seed);
        Self { seed, dice, desk, asked: Vec::new(), said: VecDeque::new(), seq: 100_000, second: 0, keys }
    }

    fn go(mut self, keys: usize) {
        for step in 1..=keys {
            if self.dice.random_ratio(1, 12) {
                let msg = self.other();
                self.tell(msg);
            }
            if !self.asked.is_empty() && self.dice.random_ratio(1, 3) {
                let place = self.dice.random_range(0..self.asked.len());
                let effect = self.asked.swap_remove(place);
                self.answer(effect);
            }
            let chord = *self.keys.choose(&mut self.dice).unwrap();
            self.tell(Msg::Key(chord));
            if self.dice.random_ratio(1, 6) {
                self.checked("a frame", |walk| {
                    walk.desk.read();
                    walk.desk.frame();
                });
            }
            if step % 1000 == 0 {
                self.lead_back();
            }
        }
    }

    /// Takes a message in; what it asks for is answered some time, or never.
    fn tell(&mut self, msg: Msg) {
        let shown: String = format!("{msg:?}").chars().take(160).collect();
        self.said.push_back(shown);
        if self.said.len() > 40 {
            self.said.pop_front();
        }
        let effects = self.checked("a message", |walk| walk.desk.app.handle(msg));
        self.asked.extend(effects);
        let many = self.asked.len().saturating_sub(50);
        self.asked.drain(..many);
    }

    /// Does something; when it panics, tells how it came to that.
    fn checked<T>(&mut self, what: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let done = catch_unwind(AssertUnwindSafe(|| work(self)));
        done.unwrap_or_else(|_| {
            panic!(
                "{what} panicked at {:?}, seed {}, after\n{}",
                self.desk.app.model.size,
                self.seed,
                self.said.iter().cloned().collect::<Vec<_>>().join("\n")
            )
        })
    }

    /// Something that is no key.
    fn other(&mut self) -> Msg {
        let (columns, rows) = self.desk.app.model.size;
        match self.dice.random_range(0..16) {
            0 => {
                let (columns, rows) = *SIZES.choose(&mut self.dice).unwrap();
                Msg::Resize(columns, rows)
            }
            1 => Msg::Paste("pasted\nwith \u{1b}[31m lines\t漢字\u{301}".to_owned()),
            2..=4 => {
                let mouse =
                    *[Mouse::Click, Mouse::Click, Mouse::ScrollUp, Mouse::ScrollDown].choose(&mut self.dice).unwrap();
                Msg::Mouse(mouse, self.dice.random_range(0..=columns), self.dice.random_range(0..=rows))
            }
            5 => {
                // now and then a day goes by, or a month
                let step = if self.dice.random_ratio(1, 20) { 40 * 86_400 } else { 30 };
                self.second += self.dice.random_range(0..step);
                Msg::Tick(now() + jiff::SignedDuration::from_secs(self.second))
            }
            6 => Msg::Focus(self.dice.random()),
            7 => {
                let mut machines = [machines(), aws_machines()].concat();
                machines.retain(|_| self.dice.random_ratio(2, 3));
                let all = [ProviderKind::Local, ProviderKind::Hosts, ProviderKind::Aws];
                let provider = *all.choose(&mut self.dice).unwrap();
                machines.retain(|machine| machine.provider == provider);
                match self.dice.random_range(0..6) {
                    0 => Msg::Machines(provider, silent(provider, error())),
                    1 => Msg::Machines(ProviderKind::Aws, unseen(machines, "us-east-1")),
                    _ => Msg::Machines(provider, listed(machines)),
                }
            }
            8 => {
                let mut jobs = summaries();
                jobs.retain(|_| self.dice.random_ratio(4, 5));
                if self.dice.random_ratio(1, 6) { Msg::Jobs(Err(error())) } else { Msg::Jobs(Ok(jobs)) }
            }
            9 => {
                let mut images = images();
                images.retain(|_| self.dice.random_ratio(1, 2));
                match self.dice.random_range(0..6) {
                    0 => Msg::Images(ProviderKind::Local, silent(ProviderKind::Local, error())),
                    1 => Msg::Images(ProviderKind::Aws, unseen(aws_images(), "us-east-1")),
                    _ => Msg::Images(ProviderKind::Local, listed(images)),
                }
            }
            10 => self.event(),
            11 => {
                let mut resources = resources();
                resources.retain(|_| self.dice.random_ratio(4, 5));
                match self.dice.random_range(0..4) {
                    0 => Msg::Resources(ProviderKind::Aws, unseen(resources, "us-west-2")),
                    1 => Msg::Resources(ProviderKind::Local, silent(ProviderKind::Local, error())),
                    _ => Msg::Resources(ProviderKind::Aws, listed(resources)),
                }
            }
            14 => {
                let at = now() + jiff::SignedDuration::from_secs(self.second);
                let mut entries = money_entries(at);
                entries.retain(|_| self.dice.random_ratio(4, 5));
                let told = if self.dice.random_ratio(1, 6) { Err(error()) } else { Ok(Box::new(money_of(&entries))) };
                Msg::Money(told)
            }
            12 => {
                let missing = vec![(ProviderKind::Aws, "AWS is not set up: \u{1b}[2J`aws configure`".to_owned())];
                Msg::Providers(vec![ProviderKind::Local, ProviderKind::Hosts], missing)
            }
            13 => {
                let things: Vec<_> = resources().into_iter().map(|one| one.at).collect();
                let thing = things.choose(&mut self.dice).unwrap().clone();
                let kind = match self.dice.random_range(0..3) {
                    0 => EventKind::Removing { things },
                    1 => EventKind::Removed { things: vec![thing] },
                    _ => EventKind::Left { thing, why: "in use \u{9b}2J".to_owned() },
                };
                self.seq += 1;
                Msg::Events(vec![Event { seq: self.seq, at: now(), job: id("j-remov2"), kind }])
            }
            _ => {
                let id = summaries().choose(&mut self.dice).unwrap().id.clone();
                // a history told twice is told once
                Msg::Events(history(&id))
            }
        }
    }

    fn event(&mut self) -> Msg {
        self.seq += 1;
        let name = format!("test-{}.t", self.dice.random_range(0..60));
        let outcomes = [
            TestOutcome::Passed,
            TestOutcome::Failed,
            TestOutcome::Skipped,
            TestOutcome::Ignored,
            TestOutcome::TimedOut,
        ];
        let test = if self.dice.random() {
            TestEvent::Started { name }
        } else {
            TestEvent::Ended(TestResult {
                name,
                outcome: *outcomes.choose(&mut self.dice).unwrap(),
                seconds: self.dice.random_bool(0.5).then_some(1e9),
                reason: self.dice.random_bool(0.5).then(|| "why \u{1b}[2J".to_owned()),
                diff: self.dice.random_bool(0.5).then(|| "-a\n+b\n\u{9b}2J\n".to_owned()),
            })
        };
        let kind = EventKind::Test { test, output: self.dice.random_range(0..5000) };
        Msg::Events(vec![Event { seq: self.seq, at: now(), job: id(UNDER_WAY), kind }])
    }

    /// What the session might say to something that was asked of it.
    fn answer(&mut self, effect: Effect) {
        let fails = self.dice.random_ratio(1, 5);
        let msg = match effect {
            Effect::Submit(_) if fails => Msg::Submitted(Err(error())),
            Effect::Submit(_) => {
                let name = *["j-pass22", UNDER_WAY, "j-newer2"].choose(&mut self.dice).unwrap();
                Msg::Submitted(Ok(id(name)))
            }
            Effect::Attach(job) if fails => Msg::Attached(job, Err(error())),
            Effect::Attach(job) => {
                let all = [Attachment::Driving, Attachment::Watching, Attachment::Ended];
                Msg::Attached(job, Ok(*all.choose(&mut self.dice).unwrap()))
            }
            Effect::Load(job) if fails => Msg::Loaded(job, Err(error())),
            Effect::Cancel(..) if fails => Msg::Told(Err(error())),
            Effect::Cancel(..) => Msg::Told(Ok("done".to_owned())),
            Effect::Jobs => Msg::Jobs(Ok(summaries())),
            Effect::Machines => {
                let msg = told(&[machines(), aws_machines()].concat()).swap_remove(self.dice.random_range(0..3));
                return self.tell(msg);
            }
            Effect::Images => Msg::Images(ProviderKind::Local, listed(images())),
            Effect::Plan(request) if fails => Msg::Planned(request, Err(error())),
            Effect::Count(_) if fails => Msg::Counts([(id("j-newer2"), TestCounts::default())].into_iter().collect()),
            Effect::TestNames(source, rev) if fails => Msg::TestNames(source, rev, Err(error())),
            Effect::Shell(machine) if fails => Msg::ShellEnded(machine, Err("no shell \u{1b}[2J".to_owned())),
            Effect::Shell(_) => Msg::ShellEnded(MachineId::new("m-gone22").unwrap(), Ok(130)),
            effect => match self.desk.answer(effect) {
                Some(msg) => msg,
                None => return,
            },
        };
        self.tell(msg);
    }

    /// Wherever it is, Esc leads to the panes, and never out of the program by itself.
    fn lead_back(&mut self) {
        for _ in 0..12 {
            if self.at_home() {
                return;
            }
            self.tell(Msg::Key(Chord::plain(Code::Esc)));
            self.checked("a frame", |walk| walk.desk.frame());
        }
        assert!(self.at_home(), "stuck, seed {}:\n{}", self.seed, self.desk.text());
    }

    /// On the panes, nothing over them, nothing being typed: where Esc only says how to leave.
    fn at_home(&self) -> bool {
        let model = &self.desk.app.model;
        let quits = matches!(
            crate::tui::keys::resolve(Chord::plain(Code::Esc), &self.desk.app.situation()),
            crate::tui::keys::Resolved::Act(row) if row.action == Action::Back && row.scope == crate::tui::keys::Scope::Panes
        );
        model.modals.is_empty() && model.line.is_none() && model.job.is_none() && quits
    }
}
