//! What it costs as a person meets it, without a terminal: what is told adds up, ticks, and is never nothing where it is unknown.

use super::App;
use super::effect::Effect;
use super::fixtures::{
    at, gone, id, in_oregon, launched, listed, money, money_entries, money_of, on_aws, opened, ours, press, shown,
};
use super::model::{Modal, Row as _, cost_rows, group_rows};
use super::msg::Msg;
use crate::domain::money::{Budget, LedgerEntry, Usd};
use crate::domain::{
    CleanupVerdict, JobId, JobState, Lease, Machine, MachineId, Operation, ProviderKind, ResourceKind, WorkVerdict,
};
use crate::session::JobSummary;
use std::time::Duration;

const NOON: i64 = 43_200;

fn spending(entries: &[LedgerEntry]) -> App {
    let mut app = opened(NOON, Vec::new());
    press(&mut app, &["esc", "6"]);
    app.handle(Msg::Money(Ok(Box::new(money_of(entries)))));
    app
}

fn machine(name: &str, job: Option<&str>, left: Option<i64>) -> Machine {
    let mut machine = on_aws(name, "us-west-2", "hg-temp", ours());
    machine.job = job.and_then(|job| JobId::new(job).ok());
    machine.lease = left.map(|left| Lease::until(at(NOON + left)));
    machine
}

fn over(job: &str, ended: i64, cleanup: CleanupVerdict, operation: Operation) -> JobSummary {
    JobSummary {
        id: JobId::new(job).unwrap(),
        operation,
        created: at(NOON - 7200),
        state: JobState::Ended,
        driven: false,
        ended: Some(at(NOON - ended)),
        work: Some(WorkVerdict::Done),
        cleanup: Some(cleanup),
        capped: None,
    }
}

fn drawn(app: &mut App, columns: u16, rows: u16) -> String {
    app.model.size = (columns, rows);
    shown(app, columns, rows)
}

#[test]
fn costs_at_120_columns() {
    let mut app = spending(&money_entries(at(NOON)));
    app.model.setup.budget.day = Some(Usd::cents(150));
    insta::assert_snapshot!("costs_120", drawn(&mut app, 120, 40));
    press(&mut app, &["b"]);
    insta::assert_snapshot!("costs_by_job_120", drawn(&mut app, 120, 40));
}

#[test]
fn amounts_tick_without_anything_being_told_anew() {
    let mut app = spending(&money_entries(at(NOON)));
    let before = drawn(&mut app, 80, 24);
    assert!(before.contains("$1.03") && before.contains("41m 00s"), "{before}");
    app.handle(Msg::Tick(at(NOON + 600)));
    let after = drawn(&mut app, 80, 24);
    assert!(after.contains("$1.28") && after.contains("31m 00s"), "{after}");
}

#[test]
fn whatever_the_month_is_told_apart_by_the_parts_add_up_to_it() {
    let now = at(NOON + 20 * 86_400);
    let mut entries = money_entries(now);
    for day in 0..20 {
        let (name, job) = (format!("i-{day}"), format!("j-day{}", day % 3));
        let begun = at(NOON + day * 86_400 - 3600);
        entries.push(launched(&name, "c5.4xlarge", begun, Some(&job)));
        entries.push(gone(&name, begun + jiff::SignedDuration::from_hours(5)));
    }
    let mut app = spending(&[]);
    app.handle(Msg::Tick(now));
    app.handle(Msg::Money(Ok(Box::new(money_of(&entries)))));
    let month = app.model.money.outlook.as_ref().unwrap().month;
    let things: Usd = cost_rows(&app.model).iter().filter_map(|row| Some(row.item?.month)).sum();
    assert_eq!(things, month);
    for _ in 1..super::model::GROUPINGS.len() {
        press(&mut app, &["b"]);
        let rows = group_rows(&app.model);
        assert!(!rows.is_empty(), "{:?}", app.model.money.by());
        assert_eq!(rows.iter().map(|row| row.sum.total()).sum::<Usd>(), month, "{:?}", app.model.money.by());
    }
    let days: Usd = app.model.money.outlook.as_ref().unwrap().days.iter().copied().sum();
    assert_eq!(days, month);
    press(&mut app, &["b"]);
    assert!(group_rows(&app.model).is_empty(), "round to the things again");
}

#[test]
fn a_price_that_is_not_known_is_never_shown_as_nothing() {
    let mut app = spending(&[launched("i-1", "z9.unheard", at(NOON - 60), None)]);
    let shown = drawn(&mut app, 120, 30);
    let row = shown.lines().find(|line| line.contains("i-1 ")).unwrap();
    assert!(row.contains("unknown") && !row.contains("$0.00"), "{row}");
    assert!(shown.contains("1 of unknown price"), "{shown}");
    press(&mut app, &["1"]);
    app.handle(Msg::Machines(ProviderKind::Aws, listed(vec![machine("i-1", None, Some(600))])));
    let shown = drawn(&mut app, 120, 30);
    assert!(shown.lines().any(|line| line.contains("i-1 ") && line.contains("unknown")), "{shown}");
    assert!(shown.lines().next().unwrap().contains("+?"), "{shown}");
}

#[test]
fn the_head_of_every_screen_says_what_runs_and_is_quiet_when_nothing_costs() {
    let mut app = spending(&money_entries(at(NOON)));
    let top = |app: &mut App, columns| drawn(app, columns, 24).lines().next().unwrap().to_owned();
    for pane in ["1", "2", "3", "4", "5", "6"] {
        press(&mut app, &[pane]);
        assert!(top(&mut app, 160).contains("$1.54+?/h · today $1.2"), "{pane}: {}", top(&mut app, 160));
        assert!(top(&mut app, 80).contains("$1.54+?/h"), "{pane}: {}", top(&mut app, 80));
    }
    let mut quiet = spending(&[]);
    assert!(!top(&mut quiet, 160).contains('$'));
    // less than a cent an hour and today is not worth it
    let image = money_entries(at(NOON)).into_iter().next().unwrap();
    let mut stored = spending(&[image]);
    stored.handle(Msg::Tick(at(30)));
    stored.model.money.look(at(30));
    assert!(!top(&mut stored, 160).contains('$'), "{}", top(&mut stored, 160));
}

#[test]
fn a_machine_that_outlives_its_job_is_told_unless_it_was_kept() {
    let kept = CleanupVerdict::Kept { machine: MachineId::new("i-2").unwrap(), provider: ProviderKind::Aws };
    let run = |app: &App| app.model.setup.demo.clone();
    let mut app = spending(&money_entries(at(NOON)));
    app.model.setup.budget = Budget { alarm_after: Duration::from_secs(300), ..Budget::default() };
    let demo = run(&app);
    let launch = Operation::Launch(crate::domain::LaunchSpec {
        wish: crate::domain::CloudWish::default(),
        provider: ProviderKind::Aws,
        image: None,
        lease: Duration::from_secs(3600),
    });
    let machines = || {
        listed(vec![
            machine("i-1", Some("j-left22"), Some(3600)),
            machine("i-2", Some("j-kept22"), Some(3600)),
            machine("i-3", Some("j-made22"), Some(3600)),
            machine("i-4", Some("j-just22"), Some(3600)),
            machine("i-5", Some("j-none22"), Some(3600)),
        ])
    };
    app.handle(Msg::Machines(ProviderKind::Aws, machines()));
    assert!(app.model.alarms.is_empty(), "nothing is known of any job");
    app.handle(Msg::Jobs(Ok(vec![
        over("j-left22", 1200, CleanupVerdict::Clean, demo.clone()),
        over("j-kept22", 1200, kept.clone(), demo.clone()),
        over("j-made22", 1200, kept.clone(), launch),
        over("j-just22", 100, CleanupVerdict::Clean, demo),
    ])));
    let told = |app: &App| app.model.alarms.iter().map(|alarm| alarm.machine.to_string()).collect::<Vec<_>>();
    assert_eq!(told(&app), ["i-1"]);
    let text = drawn(&mut app, 80, 24);
    assert!(text.contains("! machine i-1 outlives its job j-left22 by 20m 00s"), "{text}");
    // time alone is enough
    app.handle(Msg::Tick(at(NOON + 300)));
    assert_eq!(told(&app), ["i-1", "i-4"]);
    press(&mut app, &["1"]);
    let text = drawn(&mut app, 80, 24);
    let row = |name: &str| text.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(row("i-1 ").contains("! running") && row("i-2 ").contains("● running"), "{text}");
    // and it ends with the machine
    app.handle(Msg::Machines(ProviderKind::Aws, listed(Vec::new())));
    assert!(told(&app).is_empty());
}

#[test]
fn what_is_selected_is_ended_or_removed_by_the_same_plans_as_elsewhere() {
    let mut app = spending(&money_entries(at(NOON)));
    app.handle(Msg::Machines(ProviderKind::Aws, listed(vec![machine("i-0aaaaaaaaaaaaaaaa", None, Some(2460))])));
    press(&mut app, &["home", "ctrl-d"]);
    assert!(matches!(app.model.modals.last(), Some(Modal::Dialog(_))), "a machine's plan is made at once");
    press(&mut app, &["esc"]);
    app.model.home.costs.selected = Some(in_oregon(ResourceKind::Image, "ami-0123456789abcdef0"));
    let asked = press(&mut app, &["ctrl-d"]);
    assert!(
        matches!(&asked[..], [Effect::Plan(plan)] if plan.chosen.as_deref() == Some(&["ami-0123456789abcdef0".to_owned()])),
        "{asked:?}"
    );
    press(&mut app, &["esc"]);
    // what has ended cannot be ended
    app.model.home.costs.selected = Some(in_oregon(ResourceKind::Machine, "i-09999999999999999"));
    assert!(press(&mut app, &["ctrl-d"]).is_empty() && app.model.modals.is_empty());
    assert!(app.model.notice.as_ref().is_some_and(|notice| notice.text.contains("nothing is selected that can be")));
}

#[test]
fn a_jobs_screen_tells_what_it_has_cost_and_each_phase() {
    let mut app = opened(NOON, Vec::new());
    let under = JobId::new("j-under2").unwrap();
    assert_ne!(under, id());
    app.handle(Msg::Money(Ok(Box::new(money(at(NOON))))));
    let phases = app.model.money.phases(&under, at(NOON));
    assert!(
        phases.iter().any(|(phase, usd)| *phase == Some(crate::domain::Phase::Test) && *usd > Usd::cents(80)),
        "{phases:?}"
    );
    let sum: Usd = phases.iter().map(|(_, usd)| *usd).sum();
    assert_eq!(app.model.money.job(&under), Some((sum, false)));
    assert_eq!(app.model.money.phases(&id(), at(NOON)), []);
}

#[test]
fn local_machines_are_there_at_nothing() {
    let mut app = spending(&money_entries(at(NOON)));
    let mut local = machine("m-here22", None, Some(600));
    (local.provider, local.cloud) = (ProviderKind::Local, None);
    app.handle(Msg::Machines(ProviderKind::Local, listed(vec![local])));
    let rows = cost_rows(&app.model);
    let row = rows.iter().find(|row| row.at.id == "m-here22").unwrap();
    assert_eq!([row.text(2), row.text(3), row.text(4)], ["$0.00/h", "$0.00", "$0.00"]);
}
