//! The panes as a person meets them: keys and clicks in, frames out, without a terminal.

use super::App;
use super::effect::Effect;
use super::fixtures::{bens, foreign, listed, on_aws, ours, silent};
use super::keys::Chord;
use super::model::{Hit, Modal, Pane, Setup};
use super::msg::{Mouse, Msg};
use super::theme::ThemeName;
use crate::domain::{
    CleanupVerdict, CloudWish, Endpoint, Fingerprint, HostKeys, Image, ImageName, JobId, JobState, KeepMachine,
    Layout, Lease, Machine, MachineId, MachineState, Operation, Phase, ProviderKind, Region, RunTestsSpec,
    TestCounts, TestEvent, TestOutcome, TestResult, TestSource, Timestamp, WorkVerdict,
};
use crate::event::{Event, EventKind};
use crate::session::{Error, ErrorKind, JobSummary, Listed, Trouble};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::collections::BTreeMap;
use std::time::Duration;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    now() - jiff::SignedDuration::from_secs(seconds)
}

fn spec(tests: &[&str]) -> RunTestsSpec {
    RunTestsSpec {
        build_image: false,
        wish: CloudWish::default(),
        provider: ProviderKind::Local,
        machine: None,
        image: None,
        source: TestSource::Directory("/src/hg".into()),
        rev: ".".into(),
        dirty: crate::domain::DirtyTree::Ignore,
        filesystem: crate::domain::Filesystem::Default,
        python: "system3".into(),
        test_args: tests.iter().map(|test| (*test).to_owned()).collect(),
        keep: KeepMachine::Never,
        lease: Duration::from_secs(7200),
        results: None,
    }
}

fn setup() -> Setup {
    Setup {
        provider: ProviderKind::Local,
        lease: Duration::from_secs(7200),
        python: "system3".into(),
        transport: crate::domain::Transport::default(),
        types: crate::domain::money::UsualTypes {
            machines: vec!["c5.9xlarge".into(), "c5.4xlarge".into()],
            images: vec!["t3.2xlarge".into()],
        },
        budget: crate::domain::money::Budget::default(),
        current_dir: "/src/hg".into(),
        state_dir: "/state".into(),
        demo: Operation::RunTests(spec(&["test-add.t"])),
        theme: ThemeName::Dark,
        zone: jiff::tz::TimeZone::UTC,
    }
}

fn machine(id: &str, launched: i64, left: i64) -> Machine {
    Machine {
        id: MachineId::new(id).unwrap(),
        provider: ProviderKind::Local,
        state: MachineState::Running,
        image: Some(ImageName::new("hg-linux-dev-local-9117c6561b0b").unwrap()),
        launched: Some(ago(launched)),
        lease: Some(Lease::until(now() + jiff::SignedDuration::from_secs(left))),
        job: JobId::new(id.replace("m-", "j-")).ok(),
        endpoint: Some(Endpoint {
            host: "127.0.0.1".into(),
            port: 2222,
            user: "hg".into(),
            key: "/state/my keys/keypair-automation".into(),
            host_keys: HostKeys::Unknown,
            proxy_command: None,
            managed: None,
        }),
        layout: Layout::interface(),
        sudo: false,
        cloud: None,
    }
}

fn image(name: &str, inputs: BTreeMap<String, String>) -> Image {
    Image {
        name: ImageName::new(name).unwrap(),
        provider: ProviderKind::Local,
        fingerprint: Some(Fingerprint::of(&inputs)),
        inputs,
        created: ago(7200),
        bytes: 123 << 20,
        id: None,
        region: None,
        claim: None,
    }
}

fn job(id: &str, asked: i64, took: Option<i64>, work: Option<WorkVerdict>, tests: &[&str]) -> JobSummary {
    JobSummary {
        id: JobId::new(id).unwrap(),
        operation: Operation::RunTests(spec(tests)),
        created: ago(asked),
        state: if took.is_some() { JobState::Ended } else { JobState::Running },
        driven: took.is_none(),
        ended: took.map(|took| ago(asked - took)),
        capped: None,
        cleanup: work.as_ref().map(|_| CleanupVerdict::Clean),
        work,
    }
}

/// An application of that size that nothing has answered yet.
fn fresh(columns: u16, rows: u16) -> App {
    App::new(setup(), now(), (columns, rows)).0
}

/// Machines, images and jobs: one that runs its tests, one that failed, one that passed.
fn full(columns: u16, rows: u16) -> App {
    let mut app = fresh(columns, rows);
    let current = image("hg-linux-dev-local-9117c6561b0b", {
        let inputs = crate::session::changed_inputs(&image("x", BTreeMap::new()));
        assert!(!inputs.is_empty(), "an image made of nothing is stale");
        BTreeMap::new()
    });
    app.handle(Msg::Images(ProviderKind::Local, listed(vec![current])));
    app.handle(Msg::Machines(
        ProviderKind::Local,
        listed(vec![machine("m-aaaaaa", 300, 500), machine("m-bbbbbb", 60, 7000)]),
    ));
    app.handle(Msg::Jobs(Ok(vec![
        job("j-cccccc", 50, Some(40), Some(WorkVerdict::Done), &["test-x.t"]),
        job("j-aaaaaa", 300, None, None, &["-j2", "test-add.t", "test-commit.t"]),
        job("j-dddddd", 4000, Some(600), Some(WorkVerdict::TestsFailed { status: 1 }), &[]),
    ])));
    app.handle(Msg::Events(running("j-aaaaaa")));
    app
}

fn running(id: &str) -> Vec<Event> {
    let result = |name: &str, outcome| {
        TestEvent::Ended(TestResult { name: name.into(), outcome, seconds: Some(1.0), reason: None, diff: None })
    };
    let test = |test| EventKind::Test { test, output: 0 };
    [
        EventKind::Submitted { operation: Operation::RunTests(spec(&["-j2", "test-add.t", "test-commit.t"])) },
        EventKind::Started { pid: 7, resumed: false },
        EventKind::PhaseStarted { phase: Phase::Test },
        test(TestEvent::Planned { total: 4, parallel: Some(2) }),
        test(result("test-add.t", TestOutcome::Passed)),
        test(result("test-commit.t", TestOutcome::Failed)),
    ]
    .into_iter()
    .zip(1..)
    .map(|(kind, seq)| Event { seq, at: ago(300 - i64::try_from(seq).unwrap()), job: JobId::new(id).unwrap(), kind })
    .collect()
}

/// The rows of a frame.
fn drawn(app: &mut App) -> Vec<String> {
    let area = Rect::new(0, 0, app.model.size.0, app.model.size.1);
    let mut buffer = Buffer::empty(area);
    app.draw(area, &mut buffer);
    (0..area.height)
        .map(|y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned())
        .collect()
}

fn screen(app: &mut App) -> String {
    drawn(app).join("\n")
}

/// Presses keys, a frame between each two, as a person does.
fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys.split(' ') {
        screen(app);
        effects.extend(app.handle(Msg::Key(key.parse::<Chord>().unwrap())));
    }
    screen(app);
    effects
}

fn type_in(app: &mut App, text: &str) {
    for c in text.chars() {
        app.handle(Msg::Key(Chord::char(c)));
    }
}

fn click(app: &mut App, wanted: Hit) -> Vec<Effect> {
    screen(app);
    let (rect, _) = app.model.painted.hits.iter().find(|(_, hit)| *hit == wanted).expect("it is in sight");
    let (column, row) = (rect.x, rect.y);
    app.handle(Msg::Mouse(Mouse::Click, column, row))
}

fn at(app: &mut App, text: &str) -> usize {
    drawn(app).iter().position(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text}:\n{}", screen(app)))
}

#[test]
fn machines_at_80_columns() {
    let mut app = full(80, 24);
    insta::assert_snapshot!("machines_80", screen(&mut app));
}

#[test]
fn jobs_at_80_columns() {
    let mut app = full(80, 24);
    press(&mut app, "3");
    insta::assert_snapshot!("jobs_80", screen(&mut app));
}

#[test]
fn jobs_at_40_and_at_200_columns() {
    let mut app = full(40, 12);
    press(&mut app, "3");
    insta::assert_snapshot!("jobs_40", screen(&mut app));
    let mut app = full(200, 50);
    press(&mut app, "3");
    insta::assert_snapshot!("jobs_200", screen(&mut app));
}

#[test]
fn every_pane_fits_every_size() {
    for theme in ThemeName::ALL {
        for (columns, rows) in [(1, 1), (2, 3), (9, 4), (10, 3), (23, 6), (40, 12), (80, 24), (120, 30), (200, 50)] {
            let mut app = full(columns, rows);
            while app.model.theme != theme {
                press(&mut app, "T");
            }
            app.model.jobs.error = Some("locked\x1b[2J".into());
            for pane in Pane::ALL {
                app.model.home.pane = pane;
                for modal in ["", "d", "/"] {
                    if !modal.is_empty() {
                        app.handle(Msg::Key(modal.parse().unwrap()));
                    }
                    assert!(!screen(&mut app).contains('\x1b'));
                    app.handle(Msg::Key("esc".parse().unwrap()));
                }
                app.model.modals.clear();
            }
        }
    }
}

#[test]
fn a_pane_says_what_it_waits_for_what_to_do_and_how_old_it_is() {
    let mut app = fresh(80, 24);
    assert!(screen(&mut app).contains("Asking for machines…"));
    app.handle(Msg::Machines(
        ProviderKind::Local,
        silent(ProviderKind::Local, Error::new(ErrorKind::Remote, "no way")),
    ));
    assert!(screen(&mut app).contains("no way"));
    app.handle(Msg::Machines(ProviderKind::Local, listed(Vec::new())));
    let text = screen(&mut app);
    assert!(text.contains("No machines.") && text.contains("n launches one"), "{text}");
    app.handle(Msg::Machines(ProviderKind::Local, listed(vec![machine("m-aaaaaa", 300, 500)])));
    app.handle(Msg::Tick(now() + jiff::SignedDuration::from_secs(90)));
    app.handle(Msg::Machines(
        ProviderKind::Local,
        silent(ProviderKind::Local, Error::new(ErrorKind::Remote, "no way")),
    ));
    let text = screen(&mut app);
    assert!(text.contains("m-aaaaaa") && text.contains("! local, as of 1m ago: no way"), "{text}");
}

#[test]
fn a_lease_that_soon_runs_out_is_worth_a_look() {
    let mut app = full(80, 24);
    let area = Rect::new(0, 0, 80, 24);
    let mut buffer = Buffer::empty(area);
    app.draw(area, &mut buffer);
    let warn = super::theme::Theme::named(ThemeName::Dark).warn.fg.unwrap();
    let style = |text: &str| {
        (0..24)
            .find_map(|y| {
                let line: String = (0..80).map(|x| buffer[(x, y)].symbol()).collect();
                let x = line
                    .chars()
                    .collect::<Vec<_>>()
                    .windows(text.len())
                    .position(|part| part.iter().collect::<String>() == text)?;
                Some(buffer[(u16::try_from(x).unwrap(), y)].fg)
            })
            .unwrap_or_else(|| panic!("no {text}"))
    };
    assert_eq!(style("8m 20s"), warn);
    assert_ne!(style("1h 56m"), warn);
}

#[test]
fn a_filter_holds_while_it_is_typed_and_esc_drops_it_before_it_leaves() {
    let mut app = full(80, 24);
    press(&mut app, "3 down");
    let chosen = app.model.home.jobs.selected.clone();
    press(&mut app, "/");
    type_in(&mut app, "state:failed");
    let text = screen(&mut app);
    assert!(text.contains("1 of 3 shown: /state:failed") && !text.contains("j-cccccc"), "{text}");
    // dropping what is typed goes back to what was selected
    press(&mut app, "esc");
    assert_eq!((app.model.home.jobs.selected.clone(), app.model.home.jobs.filter.as_str()), (chosen, ""));
    press(&mut app, "/");
    type_in(&mut app, "nothing-like-it");
    press(&mut app, "enter");
    let text = screen(&mut app);
    assert!(text.contains("0 of 3 shown") && text.contains("Esc drops the filter"), "{text}");
    assert!(press(&mut app, "esc").is_empty());
    assert!(screen(&mut app).contains("j-cccccc"));
    assert!(press(&mut app, "esc").is_empty(), "only `q` leaves");
    assert_eq!(press(&mut app, "q"), [Effect::Leave(super::effect::Leave::Quietly)]);
}

#[test]
fn lists_are_sorted_by_keys_and_by_clicks_on_heads_each_for_itself() {
    let mut app = full(80, 24);
    press(&mut app, "3");
    // running ones first, then the newest
    assert!(
        at(&mut app, "j-aaaaaa") < at(&mut app, "j-cccccc") && at(&mut app, "j-cccccc") < at(&mut app, "j-dddddd")
    );
    press(&mut app, "D");
    assert!(
        at(&mut app, "j-cccccc") < at(&mut app, "j-aaaaaa") && at(&mut app, "j-aaaaaa") < at(&mut app, "j-dddddd")
    );
    assert!(screen(&mut app).contains("TIME▴"));
    press(&mut app, "D");
    assert!(at(&mut app, "j-dddddd") < at(&mut app, "j-aaaaaa"));
    click(&mut app, Hit::Head(0));
    assert!(at(&mut app, "j-aaaaaa") < at(&mut app, "j-cccccc") && screen(&mut app).contains("JOB▴"));
    press(&mut app, "O");
    assert!(at(&mut app, "j-dddddd") < at(&mut app, "j-cccccc"));
    press(&mut app, "shift-right");
    assert!(screen(&mut app).contains("STATE▴"));
    press(&mut app, "1");
    assert!(!screen(&mut app).contains('▴'), "the machines have an order of their own");
}

#[test]
fn the_selection_stays_with_its_machine_when_others_come_and_go() {
    let mut app = full(80, 24);
    press(&mut app, "down");
    let selected = |app: &App| app.model.home.machines.selected.clone().map(|(_, id)| id.to_string());
    assert_eq!(selected(&app).as_deref(), Some("m-aaaaaa"));
    app.handle(Msg::Machines(
        ProviderKind::Local,
        listed(vec![machine("m-eeeeee", 1, 9), machine("m-aaaaaa", 300, 500)]),
    ));
    screen(&mut app);
    assert_eq!(selected(&app).as_deref(), Some("m-aaaaaa"));
    app.handle(Msg::Machines(ProviderKind::Local, listed(vec![machine("m-eeeeee", 1, 9)])));
    screen(&mut app);
    assert_eq!(selected(&app).as_deref(), Some("m-eeeeee"));
}

#[test]
fn counts_of_ended_jobs_in_sight_are_asked_for_once() {
    let mut app = fresh(80, 12);
    let jobs: Vec<JobSummary> =
        (0..40).map(|n| job(&format!("j-{n:06}"), 100 + n, Some(10), Some(WorkVerdict::Done), &[])).collect();
    app.handle(Msg::Jobs(Ok(jobs.clone())));
    let asked = |effects: Vec<Effect>| -> Vec<JobId> {
        effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Count(jobs) => Some(jobs),
                _ => None,
            })
            .flatten()
            .collect()
    };
    let first = asked(press(&mut app, "3"));
    assert!((1..=12).contains(&first.len()) && first[0] == jobs[0].id, "{first:?}");
    assert!(asked(app.handle(Msg::Tick(now()))).is_empty());
    let last = asked(press(&mut app, "G j"));
    assert!(last.contains(&jobs[39].id) && !last.iter().any(|id| first.contains(id)), "{last:?}");
    // the answer is shown; a job that ended anew is asked for again
    let counts = TestCounts { total: 5, passed: 3, failed: 2, ..TestCounts::default() };
    app.handle(Msg::Counts(BTreeMap::from([(jobs[39].id.clone(), counts)])));
    assert!(screen(&mut app).contains(" 5 "));
    let ended = EventKind::Ended { work: WorkVerdict::Done, cleanup: CleanupVerdict::Clean };
    app.handle(Msg::Events(vec![Event { seq: 9, at: now(), job: jobs[39].id.clone(), kind: ended }]));
    assert_eq!(asked(app.handle(Msg::Tick(now()))).as_slice(), [] as [JobId; 0], "asked for with the event itself");
    assert!(app.model.counts_asked.contains(&jobs[39].id) && !app.model.counts.contains_key(&jobs[39].id));
}

#[test]
fn a_running_job_is_not_asked_for_until_it_has_ended() {
    let mut app = fresh(80, 24);
    let live = job("j-aaaaaa", 50, None, None, &[]);
    app.handle(Msg::Jobs(Ok(vec![live])));
    assert!(!press(&mut app, "3").iter().any(|effect| matches!(effect, Effect::Count(_))));
    let ended = job("j-aaaaaa", 50, Some(40), Some(WorkVerdict::Done), &[]);
    let effects = app.handle(Msg::Jobs(Ok(vec![ended.clone()])));
    assert_eq!(effects, [Effect::Count(vec![ended.id])]);
}

#[test]
fn clicks_select_open_and_do_what_they_are_on() {
    let mut app = full(80, 24);
    click(&mut app, Hit::Do(super::action::Action::Tab(3)));
    assert_eq!(app.model.home.pane, Pane::Jobs);
    click(&mut app, Hit::Row(1));
    screen(&mut app);
    assert_eq!(app.model.home.jobs.selected, JobId::new("j-cccccc").ok());
    assert!(app.model.job.is_none());
    click(&mut app, Hit::Row(1));
    assert_eq!(app.model.job.as_ref().map(|screen| screen.id.to_string()).as_deref(), Some("j-cccccc"));
    press(&mut app, "esc 1");
    click(&mut app, Hit::Row(0));
    assert!(matches!(app.model.modals.last(), Some(Modal::Page(_))), "the selected one is described");
    press(&mut app, "esc");
    click(&mut app, Hit::Do(super::action::Action::Help));
    assert!(matches!(app.model.modals.last(), Some(Modal::Help(_))));
}

#[test]
fn the_mouse_reaches_nothing_below_a_dialog() {
    let mut app = full(80, 24);
    press(&mut app, "ctrl-d");
    let before = app.model.home.machines.selected.clone();
    app.handle(Msg::Mouse(Mouse::ScrollDown, 5, 5));
    screen(&mut app);
    assert_eq!(app.model.home.machines.selected, before);
    assert!(!app.model.painted.hits.iter().any(|(_, hit)| matches!(hit, Hit::Row(_) | Hit::Head(_))));
    // first the focus, then the press; the one that does nothing but close does that at once
    assert!(click(&mut app, Hit::Item(1)).is_empty());
    assert!(matches!(app.model.modals.last(), Some(Modal::Dialog(dialog)) if dialog.focus == 1));
    click(&mut app, Hit::Item(0));
    assert!(app.model.modals.is_empty());
}

#[test]
fn marks_are_what_the_head_of_the_list_counts() {
    let mut app = full(80, 24);
    press(&mut app, "space");
    assert!(screen(&mut app).contains("● 1 marked"));
    press(&mut app, "g space down ctrl-space");
    press(&mut app, "ctrl-\\");
    assert!(!screen(&mut app).contains("marked"));
}

#[test]
fn what_is_selected_is_told_in_words() {
    let page = |keys: &str| {
        let mut app = full(100, 50);
        press(&mut app, keys);
        let Some(Modal::Page(page)) = app.model.modals.last() else { panic!("no page after {keys}") };
        let lines: Vec<&str> = page.lines.iter().map(|(line, _)| line.as_str()).collect();
        format!("{}\n{}", page.title, lines.join("\n"))
    };
    insta::assert_snapshot!("describe_machine", page("down d"));
    insta::assert_snapshot!("describe_job", page("3 d"));
    let image = page("2 d");
    assert!(image.contains("stale, changed: ") && image.contains("m-aaaaaa, m-bbbbbb"), "{image}");
}

#[test]
fn a_wide_screen_shows_what_is_known_of_the_selected_row() {
    for (columns, rows) in [(200, 50), (130, 40)] {
        let mut app = full(columns, rows);
        press(&mut app, "3");
        let text = screen(&mut app);
        assert!(text.contains("Job j-aaaaaa") && text.contains("hga run-tests-linux --provider local"), "{text}");
    }
}

#[test]
fn help_and_the_way_out_are_always_in_the_footer() {
    for (columns, rows) in [(40, 12), (80, 24), (200, 50)] {
        let mut app = full(columns, rows);
        for pane in Pane::ALL {
            app.model.home.pane = pane;
            let frame = drawn(&mut app);
            assert!(frame.last().unwrap().ends_with("? help  q quit"), "{pane:?}: {frame:?}");
        }
        press(&mut app, "1 /");
        let frame = drawn(&mut app);
        assert!(frame.last().unwrap().ends_with("F1 help  Esc drop"), "{frame:?}");
    }
}

#[test]
fn the_log_shows_what_was_logged_and_lets_nothing_through() {
    use tracing_subscriber::layer::SubscriberExt as _;
    let subscriber = tracing_subscriber::registry().with(tui_logger::TuiTracingSubscriberLayer);
    tracing::subscriber::with_default(subscriber, || tracing::warn!("a line \u{1b}[2J of it"));
    super::log::take_in();
    for (columns, targets) in [(40, false), (80, false), (120, true)] {
        let mut app = full(columns, 12);
        press(&mut app, "4");
        let text = screen(&mut app);
        assert!(text.contains("warn  tui::panes_test:") && text.contains('␛'), "{text}");
        assert_eq!(text.contains("TARGETS"), targets, "{text}");
        // the person's own word holds at every width
        press(&mut app, "h");
        assert_ne!(screen(&mut app).contains("TARGETS"), targets);
    }
}

#[test]
fn going_to_a_machine_lands_on_it_whatever_was_filtered_or_marked() {
    let mut app = full(80, 24);
    press(&mut app, "1 space");
    app.model.home.machines.filter = "bbb".into();
    press(&mut app, "3 home m");
    let machines = &app.model.home.machines;
    assert_eq!(app.model.home.pane, Pane::Machines);
    assert_eq!(machines.selected.as_ref().map(|(_, id)| id.as_str()), Some("m-aaaaaa"));
    assert!(machines.marks.is_empty() && machines.filter.is_empty());
}

#[test]
fn leaving_a_job_that_the_filter_hides_lands_on_it() {
    let mut app = full(80, 24);
    press(&mut app, "3 home enter");
    app.model.home.jobs.filter = "dddddd".into();
    press(&mut app, "esc");
    assert_eq!(app.model.home.jobs.selected.as_ref().map(JobId::as_str), Some("j-aaaaaa"));
    // one that does not hide it stays
    press(&mut app, "enter");
    app.model.home.jobs.filter = "aaaaaa".into();
    press(&mut app, "esc");
    assert_eq!(app.model.home.jobs.filter, "aaaaaa");
}

#[test]
fn a_job_is_on_the_machine_its_events_name_else_the_one_asked_for() {
    let mut app = full(80, 24);
    let host = Machine { provider: ProviderKind::Hosts, job: None, lease: None, ..machine("build1", 1, 1) };
    let standing = Machine { job: None, ..machine("m-ssssss", 1, 900) };
    app.handle(Msg::Machines(ProviderKind::Local, listed(vec![machine("m-aaaaaa", 300, 500), host, standing])));
    let mut asked = job("j-eeeeee", 5, None, None, &[]);
    asked.operation = Operation::RunTests(RunTestsSpec {
        provider: ProviderKind::Hosts,
        machine: Some(MachineId::new("build1").unwrap()),
        ..spec(&[])
    });
    app.handle(Msg::Jobs(Ok(vec![asked, job("j-aaaaaa", 300, None, None, &[])])));
    let of = |app: &App, id: &str| {
        let machine = app.model.machine_of(&app.store, &JobId::new(id).unwrap());
        machine.map(|machine| machine.id.to_string())
    };
    assert_eq!(of(&app, "j-eeeeee").as_deref(), Some("build1"));
    assert_eq!(of(&app, "j-aaaaaa").as_deref(), Some("m-aaaaaa"));
    let kind = EventKind::Launching { machine: MachineId::new("m-ssssss").unwrap(), provider: ProviderKind::Local };
    app.handle(Msg::Events(vec![Event { seq: 7, at: ago(1), job: JobId::new("j-aaaaaa").unwrap(), kind }]));
    assert_eq!(of(&app, "j-aaaaaa").as_deref(), Some("m-ssssss"));
    assert_eq!(of(&app, "j-zzzzzz"), None);
}

/// One provider as it could be asked: this region could not.
fn without<T>(items: Vec<T>, region: &str) -> Listed<T> {
    let error = Error::new(ErrorKind::Remote, "no answer\u{1b}[2J").hint("look at the network");
    let trouble = Trouble { provider: ProviderKind::Aws, region: Region::new(region).ok(), error };
    Listed { troubles: vec![trouble], ..listed(items) }
}

#[test]
fn a_provider_that_fails_or_does_not_answer_hides_nothing_of_the_others() {
    let mut app = fresh(80, 24);
    app.handle(Msg::Providers(vec![ProviderKind::Local, ProviderKind::Aws], Vec::new()));
    app.handle(Msg::Machines(ProviderKind::Local, listed(vec![machine("m-aaaaaa", 300, 500)])));
    let text = screen(&mut app);
    assert!(text.contains("m-aaaaaa") && text.contains("asking aws…"), "{text}");
    let failed = silent(ProviderKind::Aws, Error::new(ErrorKind::Remote, "no credentials"));
    app.handle(Msg::Machines(ProviderKind::Aws, failed));
    let text = screen(&mut app);
    assert!(text.contains("m-aaaaaa") && text.contains("! aws: no credentials"), "{text}");
    assert!(!text.contains("asking"), "{text}");
    // it hangs
    app.handle(Msg::Machines(ProviderKind::Aws, listed(Vec::new())));
    app.handle(Msg::Tick(now() + jiff::SignedDuration::from_secs(30)));
    app.handle(Msg::Machines(ProviderKind::Local, listed(vec![machine("m-aaaaaa", 300, 500)])));
    let text = screen(&mut app);
    assert!(text.contains("aws as of 30s ago, asking…") && !text.contains("local as of"), "{text}");
    // one region of it fails: what was known of that is old, what is known of others is not
    let west = || on_aws("i-0west", "us-west-2", "hg-west", ours());
    let east = on_aws("i-0east", "us-east-1", "hg-east", ours());
    app.handle(Msg::Machines(ProviderKind::Aws, listed(vec![west(), east])));
    app.handle(Msg::Tick(now() + jiff::SignedDuration::from_secs(90)));
    app.handle(Msg::Machines(ProviderKind::Aws, without(vec![west()], "us-east-1")));
    let text = screen(&mut app);
    for words in
        ["us-west-2 ! running", "us-east-1 ? running", "local     ● running", "! aws us-east-1, as of 1m ago: no"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    press(&mut app, "/");
    type_in(&mut app, "name:east");
    press(&mut app, "enter d");
    let text = screen(&mut app);
    assert!(text.contains("hint         look at the network") && text.contains("known by"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn strangers_are_not_shown_and_other_owners_come_after_ours_by_name() {
    let mut app = full(80, 24);
    let machines = vec![
        on_aws("i-0bens", "us-west-2", "hg-bens", bens()),
        on_aws("i-0stranger", "us-west-2", "db-prod", foreign()),
        Machine { launched: Some(ago(90_000)), ..on_aws("i-0ours", "us-west-2", "hg-ours", ours()) },
    ];
    app.handle(Msg::Machines(ProviderKind::Aws, listed(machines)));
    let text = screen(&mut app);
    assert!(!text.contains("stranger") && text.contains("1 Machines 4"), "{text}");
    assert!(at(&mut app, "i-0ours") < at(&mut app, "i-0bens") && at(&mut app, "m-aaaaaa") < at(&mut app, "i-0bens"));
    assert!(drawn(&mut app)[at(&mut app, "i-0bens")].trim_end().ends_with("ben"));
    for (filter, shown) in [("place:aws", "2 of 4"), ("place:us-west !owner:ben", "1 of 4"), ("type:c5", "2 of 4")] {
        press(&mut app, "/ ctrl-u");
        type_in(&mut app, filter);
        assert!(screen(&mut app).contains(shown), "{filter}: {}", screen(&mut app));
        press(&mut app, "enter");
    }
}

#[test]
fn where_a_provider_is_not_set_up_its_pane_says_how() {
    let how = "AWS is not set up: `aws configure` sets an account up";
    let mut app = fresh(80, 24);
    app.handle(Msg::Providers(vec![ProviderKind::Local], vec![(ProviderKind::Aws, how.to_owned())]));
    app.handle(Msg::Machines(ProviderKind::Local, listed(Vec::new())));
    let text = screen(&mut app);
    assert!(text.contains("No machines.") && text.contains(how), "{text}");
    app.handle(Msg::Machines(ProviderKind::Local, listed(vec![machine("m-aaaaaa", 300, 500)])));
    assert!(drawn(&mut app)[22].contains(how));
}

#[test]
fn everything_is_asked_for_when_it_is_opened_now_and_then_and_when_something_was_removed() {
    let asks = |effects: Vec<Effect>| effects.contains(&Effect::Resources);
    let later = |seconds| now() + jiff::SignedDuration::from_secs(seconds);
    let mut app = full(80, 24);
    assert!(!asks(press(&mut app, "3")));
    assert!(asks(press(&mut app, "5")));
    assert!(!asks(app.handle(Msg::Tick(later(29)))));
    assert!(asks(app.handle(Msg::Tick(later(30)))));
    let ended = EventKind::Ended { work: WorkVerdict::Done, cleanup: CleanupVerdict::Clean };
    let removed = EventKind::Removed { things: Vec::new() };
    for (seq, kind) in [(1, removed), (2, ended)] {
        let job = JobId::new("j-remove").unwrap();
        let effects = app.handle(Msg::Events(vec![Event { seq, at: now(), job, kind }]));
        assert!(effects.contains(&Effect::Machines) && effects.contains(&Effect::Images) && asks(effects));
    }
    let effects = press(&mut app, "ctrl-r");
    let place = |effect: Effect| effects.iter().position(|one| *one == effect);
    assert!(place(Effect::Forget) < place(Effect::Machines) && place(Effect::Forget) < place(Effect::Resources));
    // it is not asked for where it is not shown
    press(&mut app, "1");
    assert!(!asks(app.handle(Msg::Tick(later(600)))));
}
