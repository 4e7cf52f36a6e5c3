//! What a person does on a job's screen, from state to state.

use crate::domain::TestOutcome::{Failed, Passed, Skipped};
use crate::domain::{CleanupVerdict, Phase, WorkVerdict};
use crate::event::EventKind;
use crate::tui::app::App;
use crate::tui::effect::Effect;
use crate::tui::fixtures::{at, ended, events, failed, id, job, opened, planned, press, shown, started, submitted};
use crate::tui::model::{JobScreen, JobTab, Modal, TestKey, test_row};
use crate::tui::msg::Msg;
use crate::tui::output::OutputRequest;

fn run() -> Vec<(i64, EventKind)> {
    vec![
        (0, submitted()),
        (0, EventKind::Started { pid: 1, resumed: false }),
        (0, EventKind::PhaseStarted { phase: Phase::Test }),
        (0, planned(6)),
        (1, started("slow.t")),
        (1, started("a.t")),
        (3, ended("pass.t", Passed, 2.0, None)),
        (4, failed("one.t", Failed, 1.0, Some("output changed"), Some("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n"))),
        (5, failed("two.t", Failed, 1.5, None, Some(&"+z\n".repeat(150)))),
        (6, ended("skip.t", Skipped, 0.1, Some("missing feature: x"))),
    ]
}

fn over() -> EventKind {
    EventKind::Ended { work: WorkVerdict::TestsFailed { status: 1 }, cleanup: CleanupVerdict::Clean }
}

fn screen(app: &App) -> &JobScreen {
    app.model.job.as_ref().unwrap()
}

/// The name of the selected test.
fn on(app: &App) -> String {
    let job = app.store.job(&id()).unwrap();
    let screen = screen(app);
    match screen.tab {
        JobTab::Failures => job.tests.ended[screen.failures.selected.unwrap()].name.clone(),
        _ => test_row(job, screen.tests.selected.unwrap()).unwrap().name().to_owned(),
    }
}

fn started_with(kinds: Vec<(i64, EventKind)>) -> App {
    let mut app = opened(10, kinds);
    shown(&mut app, 80, 24);
    app
}

fn then(app: &mut App, more: Vec<EventKind>) {
    let known = usize::try_from(app.store.job(&id()).unwrap().last_seq().unwrap()).unwrap();
    let mut kinds = vec![(0, EventKind::Detached); known];
    kinds.extend(more.into_iter().map(|kind| (10, kind)));
    let new = events(kinds).split_off(known);
    app.handle(Msg::Events(new));
    shown(app, 80, 24);
}

#[test]
fn rows_are_made_anew_only_when_something_changed() {
    let mut app = started_with(run());
    let made = screen(&app).times_made;
    for _ in 0..10 {
        press(&mut app, &["down", "2", "1"]);
        app.handle(Msg::Tick(at(20)));
        then(&mut app, vec![EventKind::EventsRead { offset: 1 }]);
    }
    assert_eq!(screen(&app).times_made, made, "nothing of the tests changed");
    then(&mut app, vec![ended("more.t", Passed, 1.0, None)]);
    assert_eq!(screen(&app).times_made, made + 1);
    press(&mut app, &["N"]);
    assert_eq!(screen(&app).times_made, made + 2);
    press(&mut app, &["/", "x"]);
    assert_eq!(screen(&app).times_made, made + 3);
}

#[test]
fn the_selection_goes_along_when_a_test_ends() {
    let mut app = started_with(run());
    press(&mut app, &["down"]);
    assert_eq!(on(&app), "a.t");
    then(&mut app, vec![ended("a.t", Passed, 9.0, None)]);
    assert_eq!(on(&app), "a.t");
    assert!(matches!(screen(&app).tests.selected, Some(TestKey::Ended(_))));
    // and every row can be reached, though a name is there twice
    then(&mut app, vec![started("slow.t"), started("slow.t")]);
    press(&mut app, &["g"]);
    let rows = screen(&app).test_rows.len();
    for row in 1..rows {
        press(&mut app, &["down"]);
        assert_eq!(screen(&app).tests.index, row);
    }
}

#[test]
fn tests_are_sorted_by_keys_and_clicks() {
    let mut app = started_with(run());
    let first = |app: &App| {
        let job = app.store.job(&id()).unwrap();
        test_row(job, screen(app).test_rows[0]).unwrap().name().to_owned()
    };
    assert_eq!(first(&app), "slow.t");
    for (key, name) in [
        ("N", "a.t"),
        ("N", "two.t"),
        ("O", "a.t"),
        ("D", "slow.t"),
        ("D", "skip.t"),
        ("shift-left", "slow.t"),
        ("shift-left", "a.t"),
        ("shift-left", "slow.t"),
        ("shift-right", "a.t"),
        ("A", "slow.t"),
    ] {
        press(&mut app, &[key]);
        assert_eq!(first(&app), name, "{key}");
    }
    let head = shown(&mut app, 80, 24).lines().position(|line| line.contains("OUTCOME")).unwrap();
    app.handle(Msg::Mouse(crate::tui::msg::Mouse::Click, 3, u16::try_from(head).unwrap()));
    shown(&mut app, 80, 24);
    assert_eq!(first(&app), "a.t");
}

#[test]
fn enter_opens_what_there_is_of_a_test() {
    let mut app = started_with(run());
    let effects = press(&mut app, &["enter"]);
    assert_eq!(screen(&app).tab, JobTab::Output);
    assert!(!screen(&app).output.follow);
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Output(OutputRequest::LinesAtByte { .. }))),
        "{effects:?}"
    );
    assert!(app.model.notice.as_ref().unwrap().text.starts_with("slow.t: running for 9s"));

    press(&mut app, &["1", "down", "down", "down", "enter"]);
    assert_eq!((screen(&app).tab, on(&app).as_str()), (JobTab::Failures, "two.t"));

    press(&mut app, &["1", "G", "enter"]);
    let Some(Modal::Page(page)) = app.model.modals.last() else { panic!("no page") };
    assert_eq!((page.title.as_str(), page.lines[1].0.as_str()), ("skip.t", "why: missing feature: x"));
}

#[test]
fn a_filter_of_failures_does_not_hide_the_one_asked_for() {
    let mut app = started_with(run());
    press(&mut app, &["2", "/", "o", "n", "e", "enter"]);
    assert_eq!(screen(&app).failure_rows.len(), 1);
    press(&mut app, &["1", "down", "down", "down"]);
    assert_eq!(on(&app), "two.t");
    press(&mut app, &["enter"]);
    assert_eq!((on(&app).as_str(), screen(&app).failure_rows.len()), ("two.t", 2));
}

#[test]
fn failures_are_gone_through_from_any_tab() {
    let mut app = started_with(run());
    press(&mut app, &["e"]);
    assert_eq!((screen(&app).tab, on(&app).as_str()), (JobTab::Failures, "one.t"));
    press(&mut app, &["e"]);
    assert_eq!(on(&app), "two.t");
    press(&mut app, &["e"]);
    assert_eq!(on(&app), "two.t");
    assert!(app.model.notice.as_ref().unwrap().text.contains("last of 2"));
    press(&mut app, &["E"]);
    assert_eq!(on(&app), "one.t");
    press(&mut app, &["4", "e"]);
    assert_eq!((screen(&app).tab, on(&app).as_str()), (JobTab::Failures, "one.t"));
    press(&mut app, &["3", "e"]);
    assert_eq!(screen(&app).tab, JobTab::Output);
    assert!(app.model.notice.as_ref().unwrap().text.contains("failure 1 of 2: one.t"));
    press(&mut app, &["e"]);
    assert!(app.model.notice.as_ref().unwrap().text.contains("failure 2 of 2: two.t"));
}

#[test]
fn a_diff_is_scrolled_and_given_all_the_room() {
    let mut app = started_with(run());
    press(&mut app, &["2", "down", "pagedown"]);
    assert_eq!(on(&app), "two.t");
    let top = screen(&app).diff_top;
    assert!(top > 0);
    press(&mut app, &["pagedown"; 40]);
    let end = screen(&app).diff_top;
    press(&mut app, &["pagedown"]);
    assert_eq!(screen(&app).diff_top, end, "the end stays in sight");
    press(&mut app, &["up"]);
    assert_eq!((on(&app).as_str(), screen(&app).diff_top), ("one.t", 0));
    press(&mut app, &["down", "enter", "down"]);
    assert_eq!((on(&app).as_str(), screen(&app).diff_top, screen(&app).reading), ("two.t", 1, true));
    press(&mut app, &["esc"]);
    assert!(!screen(&app).reading);
    press(&mut app, &["esc"]);
    assert!(app.model.job.is_none());
}

#[test]
fn an_end_is_told_and_moves_nothing() {
    let mut app = started_with(run());
    press(&mut app, &["down", "down", "down"]);
    assert_eq!(on(&app), "two.t");
    then(&mut app, vec![over()]);
    assert_eq!((screen(&app).tab, on(&app).as_str()), (JobTab::Tests, "two.t"));
    assert_eq!(app.model.notice.as_ref().unwrap().text, "over: 2 of 4 tests failed; `e` shows them");
}

#[test]
fn histories_of_ended_jobs_are_let_go_of_but_for_the_last_ones() {
    let mut app = started_with(run());
    press(&mut app, &["esc"]);
    assert!(app.store.job(&id()).is_some(), "it runs");
    // the store forgets it once eight others were opened since
    let others: Vec<_> =
        (0..8).map(|n| crate::domain::JobId::new(format!("j-abc23{}", char::from(b'a' + n))).unwrap()).collect();
    app.model.opened.extend(others.into_iter().rev());
    app.model.opened.pop_front();
    app.handle(Msg::Focus(true));
    assert!(app.store.job(&id()).is_some(), "it still runs");
    then(&mut app, vec![over()]);
    assert!(app.store.job(&id()).is_none());
    // opened again, its history is read
    let effects = app.handle(Msg::Submitted(Ok(id())));
    assert!(effects.contains(&Effect::Load(id())));
    let mut whole = run();
    whole.push((10, over()));
    app.handle(Msg::History(Box::new(job(whole))));
    assert!(shown(&mut app, 80, 24).contains("one.t"));
    // the last ones stay when they are left
    press(&mut app, &["esc"]);
    assert!(app.store.job(&id()).is_some());
    let effects = app.handle(Msg::Submitted(Ok(id())));
    assert!(!effects.contains(&Effect::Load(id())));
}

#[test]
fn no_key_on_an_empty_screen_does_harm() {
    let mut app = opened(0, vec![]);
    for tab in ["1", "2", "3", "4"] {
        press(&mut app, &[tab, "enter", "l", "e", "E", "down", "G", "pagedown", "D", "/", "x", "enter", "O", "left"]);
    }
}
