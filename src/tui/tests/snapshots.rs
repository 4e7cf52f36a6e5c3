//! Every screen as a person sees it: text at three sizes, styles of three themes at one. `cargo insta review`, or
//! `INSTA_UPDATE=always cargo test`, takes new ones; read them before.

use super::fixture::{Desk, FAILED, LEFT, MACHINE, REMOVES, UNDER_WAY, aws_machines, error, id, text};
use crate::domain::ProviderKind;
use crate::tui::effect::Effect;
use crate::tui::fixtures::{listed, money_of, silent};
use crate::tui::model::Modal;
use crate::tui::msg::Msg;
use crate::tui::theme::ThemeName;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use std::fmt::Write as _;

type Open = fn(u16, u16, ThemeName) -> Desk;

/// Every screen by name. A key sequence that leads nowhere yet shows where it ended.
pub(super) const SCREENS: &[(&str, Open)] = &[
    ("begin", Desk::silent),
    ("empty-machines", |c, r, t| keys(Desk::empty(c, r, t), "1")),
    ("empty-images", |c, r, t| keys(Desk::empty(c, r, t), "2")),
    ("empty-jobs", |c, r, t| keys(Desk::empty(c, r, t), "3")),
    ("errors", |c, r, t| {
        let mut desk = Desk::full(c, r, t);
        desk.tell(Msg::Machines(ProviderKind::Local, silent(ProviderKind::Local, error())));
        desk.tell(Msg::Told(Err(error())));
        desk
    }),
    ("machines", |c, r, t| keys(Desk::full(c, r, t), "1")),
    ("machine", |c, r, t| machine(c, r, t, "d")),
    ("images", |c, r, t| keys(Desk::full(c, r, t), "2")),
    ("image", |c, r, t| keys(Desk::full(c, r, t), "2d")),
    ("aws-machines", |c, r, t| keys(Desk::cloud(c, r, t), "1<home>")),
    ("aws-machine", |c, r, t| keys(Desk::cloud(c, r, t), "1/cccc<enter>d")),
    ("aws-not-set-up", |c, r, t| {
        let mut desk = Desk::full(c, r, t);
        let how = "AWS is not set up: `aws configure` (keys) or `aws configure sso` (sign-on) sets an account up, \
                   `AWS_PROFILE` picks one; then `hga doctor`";
        let asked = vec![ProviderKind::Local, ProviderKind::Hosts];
        desk.tell(Msg::Providers(asked, vec![(ProviderKind::Aws, how.to_owned())]));
        keys(desk, "1")
    }),
    ("aws-images", |c, r, t| keys(Desk::cloud(c, r, t), "2<home>")),
    ("aws-image", |c, r, t| keys(Desk::cloud(c, r, t), "2/debian<enter>d")),
    ("resources", |c, r, t| keys(Desk::cloud(c, r, t), "5<home>")),
    ("resource", |c, r, t| keys(Desk::cloud(c, r, t), "5/snap-<enter>d")),
    ("costs", |c, r, t| keys(Desk::charged(c, r, t), "6")),
    ("costs-month", |c, r, t| keys(Desk::month(c, r, t), "6")),
    ("costs-explained", |c, r, t| keys(Desk::charged(c, r, t), "6d")),
    ("costs-by-job", |c, r, t| keys(Desk::month(c, r, t), "6b")),
    ("costs-by-day", |c, r, t| keys(Desk::month(c, r, t), "6B")),
    ("costs-group", |c, r, t| keys(Desk::month(c, r, t), "6bd")),
    ("costs-not-told", |c, r, t| keys(Desk::cloud(c, r, t), "6")),
    ("costs-nothing", |c, r, t| {
        let mut desk = Desk::empty(c, r, t);
        desk.tell(Msg::Money(Ok(Box::new(money_of(&[])))));
        keys(desk, "6")
    }),
    ("costs-error", |c, r, t| {
        let mut desk = Desk::charged(c, r, t);
        desk.tell(Msg::Money(Err(error())));
        keys(desk, "6")
    }),
    ("costs-alarm", |c, r, t| keys(outlived(c, r, t), "6")),
    ("machines-alarm", |c, r, t| keys(outlived(c, r, t), "1")),
    ("machine-alarm", |c, r, t| keys(outlived(c, r, t), "1/aaaa<enter>d")),
    ("machines-cost", |c, r, t| keys(Desk::charged(c, r, t), "1")),
    ("images-cost", |c, r, t| keys(Desk::charged(c, r, t), "2")),
    ("image-cost", |c, r, t| keys(Desk::charged(c, r, t), "2/debian<enter>d")),
    ("jobs-cost", |c, r, t| keys(Desk::charged(c, r, t), "3")),
    ("resources-cost", |c, r, t| keys(Desk::charged(c, r, t), "5")),
    ("job-cost", |c, r, t| {
        let mut desk = Desk::charged(c, r, t);
        desk.choose_job(UNDER_WAY);
        keys(desk, "<enter>4")
    }),
    ("dialog-aws-terminate", |c, r, t| {
        keys(Desk::cloud(c, r, t), "1/us-west<enter><home><space><space><space><space><ctrl-d>")
    }),
    ("dialog-planning", |c, r, t| {
        let mut desk = Desk::cloud(c, r, t);
        desk.keys("5");
        desk.app.handle(Msg::Key("P".parse().unwrap()));
        desk
    }),
    ("no-plan", |c, r, t| {
        let mut desk = Desk::full(c, r, t);
        desk.keys("5");
        let asked = desk.app.handle(Msg::Key("P".parse().unwrap()));
        for effect in asked {
            if let Effect::Plan(request) = effect {
                desk.tell(Msg::Planned(request, Err(error())));
            }
        }
        desk
    }),
    ("dialog-purge", |c, r, t| keys(Desk::cloud(c, r, t), "5P")),
    ("dialog-remove", |c, r, t| keys(Desk::cloud(c, r, t), "5/snap-<enter><ctrl-d>")),
    ("job-removes-summary", |c, r, t| job(c, r, t, REMOVES, "<enter>")),
    ("jobs", |c, r, t| keys(Desk::full(c, r, t), "3")),
    ("jobs-marked-filtered", |c, r, t| keys(Desk::full(c, r, t), "3<space><space>/fail")),
    ("job-described", |c, r, t| job(c, r, t, FAILED, "d")),
    ("job-tests", |c, r, t| job(c, r, t, UNDER_WAY, "<enter>1")),
    ("job-test", |c, r, t| job(c, r, t, UNDER_WAY, "<enter>1e<enter>")),
    ("job-failures", |c, r, t| job(c, r, t, UNDER_WAY, "<enter>2")),
    ("job-diff", |c, r, t| job(c, r, t, UNDER_WAY, "<enter>2<enter>")),
    ("job-output", |c, r, t| {
        let mut desk = job(c, r, t, UNDER_WAY, "<enter>3");
        desk.wait_for("the last line");
        desk
    }),
    ("job-output-search", |c, r, t| {
        let mut desk = job(c, r, t, UNDER_WAY, "<enter>3");
        desk.wait_for("the last line");
        desk.keys("/ERROR");
        desk
    }),
    ("job-summary", |c, r, t| job(c, r, t, UNDER_WAY, "<enter>4")),
    ("job-over-tests", |c, r, t| job(c, r, t, FAILED, "<enter>1")),
    ("job-over-summary", |c, r, t| job(c, r, t, FAILED, "<enter>4")),
    ("job-remains-summary", |c, r, t| job(c, r, t, "j-remain", "<enter>4")),
    ("job-left", |c, r, t| job(c, r, t, LEFT, "<enter>")),
    ("job-of-a-machine", |c, r, t| job(c, r, t, "j-keep22", "<enter>")),
    ("job-unknown", |c, r, t| {
        let mut desk = Desk::full(c, r, t);
        desk.tell(Msg::Submitted(Ok(id("j-newer2"))));
        desk
    }),
    ("job-climbs", Desk::climbing),
    ("job-climbs-summary", |c, r, t| keys(Desk::climbing(c, r, t), "4")),
    ("form-run-tests-aws", |c, r, t| keys(Desk::cloud(c, r, t), "2r<backtab><backtab><backtab><backtab><right>")),
    ("form-launch-aws", |c, r, t| keys(Desk::cloud(c, r, t), "2n<up><up><right>")),
    ("form-priced", |c, r, t| form_on_ec2(c, r, t, "")),
    ("form-priced-types", |c, r, t| form_on_ec2(c, r, t, "<down><down><down><ctrl-n><ctrl-n>")),
    ("form-over-the-day", |c, r, t| {
        let mut desk = Desk::spending(c, r, t);
        desk.app.model.setup.budget.day = "4".parse().ok();
        form_of(desk, "<up>")
    }),
    ("form-priced-launch", |c, r, t| keys(Desk::spending(c, r, t), "2n<up><up><right>")),
    ("dialog-priced-terminate", |c, r, t| {
        keys(Desk::spending(c, r, t), "1/us-west<enter><home><space><space><space><space><ctrl-d>")
    }),
    ("dialog-priced-purge", |c, r, t| keys(Desk::spending(c, r, t), "5P")),
    ("dialog-priced-remove-image", |c, r, t| keys(Desk::spending(c, r, t), "2/debian<enter><ctrl-d>")),
    ("dialog-priced-quit", |c, r, t| keys(Desk::spending(c, r, t), "2q")),
    ("dialog-priced-stop", |c, r, t| keys(Desk::spending(c, r, t), "3<home>X")),
    ("idle", |c, r, t| {
        let mut desk = Desk::spending(c, r, t);
        desk.keys("1");
        desk.app.model.notice = None;
        let now = desk.app.model.now;
        desk.tell(Msg::Tick(now + jiff::SignedDuration::from_secs(1)));
        desk
    }),
    ("form-run-tests", |c, r, t| keys(Desk::full(c, r, t), "1r")),
    ("form-rerun", |c, r, t| job(c, r, t, FAILED, "<enter>r")),
    ("form-launch", |c, r, t| keys(Desk::full(c, r, t), "1n")),
    ("dialog-terminate", |c, r, t| machine(c, r, t, "<ctrl-d>")),
    ("dialog-remove-image", |c, r, t| keys(Desk::full(c, r, t), "2<ctrl-d>")),
    ("dialog-stop", |c, r, t| job(c, r, t, UNDER_WAY, "X")),
    ("dialog-quit", |c, r, t| keys(Desk::full(c, r, t), "q")),
    ("palette", |c, r, t| keys(Desk::full(c, r, t), "3:")),
    ("palette-typed", |c, r, t| keys(Desk::full(c, r, t), "3:the")),
    ("help", |c, r, t| keys(Desk::full(c, r, t), "3?")),
];

fn keys(mut desk: Desk, keys: &str) -> Desk {
    desk.keys(keys);
    desk
}

/// A machine outlives its job.
fn outlived(columns: u16, rows: u16, theme: ThemeName) -> Desk {
    let mut desk = Desk::charged(columns, rows, theme);
    let mut machines = aws_machines();
    machines[0].job = Some(id(FAILED));
    desk.tell(Msg::Machines(ProviderKind::Aws, listed(machines)));
    desk
}

/// The form for tests on a new machine on EC2, from its first field on.
fn form_on_ec2(columns: u16, rows: u16, theme: ThemeName, further: &str) -> Desk {
    form_of(Desk::spending(columns, rows, theme), further)
}

fn form_of(desk: Desk, further: &str) -> Desk {
    let mut desk = keys(desk, "2r<backtab><backtab><backtab><backtab>");
    for _ in 0..20 {
        if matches!(desk.app.model.modals.last(), Some(Modal::Form(form)) if form.place().provider == ProviderKind::Aws)
        {
            break;
        }
        desk.keys("<right>");
    }
    desk.keys(further);
    desk
}

fn job(columns: u16, rows: u16, theme: ThemeName, job: &str, keys: &str) -> Desk {
    let mut desk = Desk::full(columns, rows, theme);
    desk.choose_job(job);
    desk.keys(keys);
    desk
}

fn machine(columns: u16, rows: u16, theme: ThemeName, keys: &str) -> Desk {
    let mut desk = Desk::full(columns, rows, theme);
    desk.choose_machine(MACHINE);
    desk.keys(keys);
    desk
}

#[test]
fn screens_look_as_they_were_accepted() {
    for (name, open) in SCREENS {
        let mut shown = String::new();
        for (columns, rows) in [(40, 12), (80, 24), (200, 50)] {
            let _ = writeln!(shown, "=== {columns}×{rows}");
            shown.push_str(&text(&open(columns, rows, ThemeName::Dark).frame()));
        }
        for theme in [ThemeName::Dark, ThemeName::Light, ThemeName::Mono] {
            let _ = writeln!(shown, "=== {} at 80×24", theme.as_str());
            shown.push_str(&styles(&open(80, 24, theme).frame()));
        }
        insta::assert_snapshot!(*name, shown);
    }
}

/// The styles of a frame: for each row, lengths of runs with a letter for each style, and what the letters mean. Rows
/// that are alike are told once.
fn styles(buffer: &Buffer) -> String {
    let mut known: Vec<String> = Vec::new();
    let mut rows: Vec<(u16, u16, String)> = Vec::new();
    for row in 0..buffer.area.height {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for column in 0..buffer.area.width {
            let cell = &buffer[(column, row)];
            let style = style(cell.fg, cell.bg, cell.modifier);
            let place = known.iter().position(|one| *one == style).unwrap_or_else(|| {
                known.push(style);
                known.len() - 1
            });
            match runs.last_mut() {
                Some((last, length)) if *last == place => *length += 1,
                _ => runs.push((place, 1)),
            }
        }
        let line: Vec<String> = runs.iter().map(|(place, length)| format!("{length}{}", letter(*place))).collect();
        let line = line.join(" ");
        match rows.last_mut() {
            Some((_, last, same)) if *same == line => *last = row,
            _ => rows.push((row, row, line)),
        }
    }
    let mut told = String::new();
    for (first, last, line) in rows {
        let _ = writeln!(told, "{first:>2}-{last:<2} {line}");
    }
    for (place, style) in known.iter().enumerate() {
        let _ = writeln!(told, "{} {style}", letter(place));
    }
    told
}

fn letter(place: usize) -> char {
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".chars().nth(place).unwrap_or('#')
}

fn style(front: Color, back: Color, modifier: Modifier) -> String {
    let mut style = format!("{front} on {back}");
    for (name, _) in modifier.iter_names() {
        let _ = write!(style, " {}", name.to_lowercase());
    }
    style
}
