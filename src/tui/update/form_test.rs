//! Forms, palette and help as state, keys, effects.

use super::super::testing::*;
use crate::domain::money::{Budget, Cap};
use crate::domain::{
    CloudWish, Endpoint, HostKeys, JobState, Machine, Operation, ProviderKind, RunTestsSpec, TestSource, Transport,
};
use crate::session::{Error, ErrorKind};
use crate::tui::App;
use crate::tui::effect::Effect;
use crate::tui::fixtures::{bens, on_aws, ours, spent};
use crate::tui::model::{FieldId, Form, Modal};
use crate::tui::msg::Msg;
use std::time::Duration;

fn form(app: &App) -> &Form {
    match app.model.modals.last() {
        Some(Modal::Form(form)) => form,
        other => panic!("{other:?}"),
    }
}

fn spec(effects: &[Effect]) -> RunTestsSpec {
    match effects {
        [Effect::Submit(operation)] => match &**operation {
            Operation::RunTests(spec) => spec.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn fill(app: &mut App, id: FieldId, text: &str) {
    let place = form(app).fields.iter().position(|field| field.id == id).unwrap();
    while form(app).focus != place {
        app.keys("tab");
    }
    app.keys("end ctrl-u");
    app.handle(Msg::Paste(text.into()));
}

#[test]
fn the_form_begins_with_the_folder_and_asks_for_its_tests() {
    let mut app = app();
    let source = TestSource::Directory("/src/hg".into());
    assert_eq!(app.keys("r"), [Effect::TestNames(source.clone(), ".".into())]);
    let shown = app.screen(80, 24);
    for words in
        ["Machine", "Image", "Source", "Revision", "Tests", "Flags", "Python", "Lease", "2h", "$ hga run-tests-linux"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(form(&app).focused().unwrap().id, FieldId::Tests);
    let spec = spec(&app.keys("enter"));
    assert_eq!((spec.source, spec.provider, spec.machine), (source, ProviderKind::Local, None));
    // only once, however often it is pressed
    assert_eq!(app.keys("enter enter"), []);
}

#[test]
fn tests_complete_as_they_are_typed() {
    let mut app = app();
    app.keys("r");
    let names = ["test-add.t", "test-badd.t", "test-backout.t"].map(str::to_owned).into();
    app.handle(Msg::TestNames(TestSource::Directory("/src/hg".into()), ".".into(), Ok(names)));
    app.keys("a d d");
    assert_eq!(form(&app).proposals, ["test-add.t", "test-badd.t"]);
    assert!(app.screen(80, 24).contains("▶ test-add.t"));
    // Enter takes the proposal and submits nothing
    assert_eq!(app.keys("ctrl-n enter"), []);
    app.keys("t e s t minus a ctrl-p ctrl-n esc");
    assert!(form(&app).proposals.is_empty());
    // what is no name is refused where it stands
    assert_eq!(app.keys("enter"), []);
    assert!(app.screen(80, 24).contains("no test `test-a` in that revision; there is `test-add.t`"));
    app.keys("d d . t");
    assert_eq!(spec(&app.keys("enter")).test_args, ["test-badd.t", "test-add.t"]);
}

#[test]
fn bad_values_keep_the_form_open_at_the_first() {
    let table = [
        (FieldId::Source, "", "name the folder"),
        (FieldId::Source, "~/hg", "write the whole path"),
        (FieldId::Revision, " ", "name a revision"),
        (FieldId::Tests, "-j4", "is a flag"),
        (FieldId::Flags, "--timeout '1", "a quote is not closed"),
        (FieldId::Python, "3 4", "name one Python"),
        (FieldId::Lease, "2", "number with its unit"),
        (FieldId::Lease, "30d", "at most 7d"),
    ];
    for (id, text, why) in table {
        let mut app = app();
        app.keys("r");
        fill(&mut app, id, text);
        app.keys("tab");
        let effects = app.keys("enter");
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Submit(_))), "{id:?} {text:?}");
        let form = form(&app);
        assert_eq!(form.focused().unwrap().id, id);
        assert!(form.focused().unwrap().error.as_deref().unwrap().contains(why), "{id:?} {text:?}");
        assert!(app.screen(80, 24).contains(why), "{}", app.screen(80, 24));
        assert!(app.screen(40, 12).contains(id.label()));
    }
}

#[test]
fn what_was_asked_last_is_asked_again() {
    let mut app = app();
    app.keys("r");
    fill(&mut app, FieldId::Flags, "-j4 --timeout '9 0'");
    fill(&mut app, FieldId::Lease, "30m");
    fill(&mut app, FieldId::Source, "sub");
    let asked = spec(&app.keys("enter"));
    assert_eq!(asked.test_args, ["-j4", "--timeout", "9 0"]);
    assert_eq!(asked.lease, Duration::from_secs(1800));
    assert_eq!(asked.source, TestSource::Directory("/src/hg/sub".into()));
    // refused: the form says why and can be sent again
    app.handle(Msg::Submitted(Err(Error::new(ErrorKind::Usage, "no such folder"))));
    assert!(app.screen(80, 24).contains("not started: no such folder"));
    assert_eq!(spec(&app.keys("enter")), asked);
    app.keys("esc r");
    assert_eq!(spec(&app.keys("enter")), asked);
}

#[test]
fn a_free_machine_that_is_selected_is_taken() {
    let mut free = app().with_machines(vec![machine("m-aaa")]);
    free.keys("r");
    let asked = spec(&free.keys("enter"));
    assert_eq!(asked.machine, Some(machine("m-aaa").id));
    let mut busy = app().with_machines(vec![machine("m-aaa")]).with_job("j-aaa", JobState::Running);
    busy.keys("r");
    assert_eq!(form(&busy).places.len(), 1);
    assert_eq!(spec(&busy.keys("enter")).machine, None);
}

#[test]
fn choices_and_switches_turn_with_the_arrows() {
    let mut app = app().with_image("dev");
    app.keys("n");
    app.keys("backtab right");
    let effects = app.keys("enter");
    let [Effect::Submit(operation)] = effects.as_slice() else { panic!("{effects:?}") };
    let Operation::Launch(spec) = &**operation else { panic!() };
    assert_eq!(spec.image.as_ref().unwrap().as_str(), "dev");
}

#[test]
fn a_new_machine_on_ec2_has_fields_of_its_own() {
    let mut app = app();
    app.keys("r");
    assert_eq!(form(&app).places.len(), 1);
    app.keys("esc");
    app.handle(Msg::Providers(vec![ProviderKind::Local, ProviderKind::Hosts, ProviderKind::Aws], Vec::new()));
    app.model.setup.transport = Transport::Auto;
    app.keys("r");
    assert!(!app.screen(80, 24).contains("Distro"));
    while form(&app).focused().unwrap().id != FieldId::Where {
        app.keys("backtab");
    }
    app.keys("right");
    let shown = app.screen(80, 24);
    for words in [
        "a new one on EC2",
        "newest of the distribution",
        "Debian 12",
        "c5.9xlarge, c5.4xlarge",
        "auto",
        "make one first",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(shown.contains("[ Start: Enter ]") && shown.contains("hga run-tests-linux --provider aws"), "{shown}");
    fill(&mut app, FieldId::Types, "c5.9xlarge, big");
    app.keys("enter");
    assert!(app.screen(80, 24).contains("`big` is no type: write one such as c5.9xlarge"));
    fill(&mut app, FieldId::Types, "c5.9xlarge,m5.8xlarge");
    app.keys("tab right tab right");
    let asked = spec(&app.keys("enter"));
    let wish = CloudWish {
        region: None,
        instance_types: vec!["c5.9xlarge".into(), "m5.8xlarge".into()],
        distro: Some("debian12".into()),
        transport: Transport::Ssh,
        ..CloudWish::default()
    };
    assert_eq!((asked.provider, &asked.wish, asked.build_image), (ProviderKind::Aws, &wish, true));
    // the same again; and nothing of it where the machine is of this computer
    app.handle(Msg::Submitted(Err(Error::new(ErrorKind::Usage, "no"))));
    app.keys("esc r");
    assert_eq!(spec(&app.keys("enter")), asked);
    app.handle(Msg::Submitted(Err(Error::new(ErrorKind::Usage, "no"))));
    while form(&app).focused().unwrap().id != FieldId::Where {
        app.keys("backtab");
    }
    app.keys("left");
    let here = spec(&app.keys("enter"));
    assert_eq!((here.provider, here.wish, here.build_image), (ProviderKind::Local, CloudWish::default(), false));
}

#[test]
fn images_are_those_of_where_the_machine_comes_from() {
    let mut app = app().with_image("dev");
    app.handle(Msg::Providers(vec![ProviderKind::Local, ProviderKind::Aws], Vec::new()));
    app.keys("n backtab backtab right");
    assert_eq!(form(&app).images, [None]);
    let effects = app.keys("enter");
    let [Effect::Submit(operation)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(
        operation.command_line(),
        "hga machines launch --provider aws --lease 2h --distro debian12 --transport ssh"
    );
}

#[test]
fn a_machine_of_ours_on_ec2_can_be_run_on_when_it_answers() {
    let answers = |claim| {
        let endpoint = Endpoint {
            host: "203.0.113.9".into(),
            port: 22,
            user: "hg".into(),
            key: "/k".into(),
            host_keys: HostKeys::Unknown,
            proxy_command: None,
            managed: None,
        };
        Machine { endpoint: Some(endpoint), ..on_aws("i-0a", "us-west-2", "hg-a", claim) }
    };
    let mut app = app().with_machines(vec![answers(ours())]);
    app.keys("r");
    let asked = spec(&app.keys("enter"));
    assert_eq!(
        (asked.provider, asked.machine, asked.wish),
        (ProviderKind::Aws, Some(answers(ours()).id), CloudWish::default())
    );
    for other in [answers(bens()), on_aws("i-0a", "us-west-2", "hg-a", ours())] {
        let mut app = super::super::testing::app().with_machines(vec![other]);
        app.keys("r");
        assert_eq!(spec(&app.keys("enter")).machine, None);
    }
}

#[test]
fn a_paste_is_one_edit_without_control_characters() {
    let mut app = app();
    app.keys("r");
    app.handle(Msg::Paste("a\u{1b}[31m\nb".into()));
    assert_eq!(spec(&app.keys("enter")).test_args, ["a", "[31m", "b"]);
}

#[test]
fn the_palette_does_what_it_lists_and_says_what_it_cannot() {
    let mut app = app();
    app.keys(": d e m o");
    assert!(app.screen(80, 24).contains("Try it"));
    assert_eq!(app.keys("enter"), [Effect::Submit(Box::new(app.model.setup.demo.clone()))]);
    app.keys(": s h e l l");
    assert!(app.screen(80, 24).contains("not now: no machine here"));
    assert_eq!(app.keys("enter"), []);
    assert!(matches!(app.model.modals.last(), Some(Modal::Palette(_))));
    app.keys("esc : r n t s enter");
    assert!(matches!(app.model.modals.last(), Some(Modal::Form(_))));
    app.keys("esc : z z z z enter esc");
    assert!(app.model.modals.is_empty());
}

#[test]
fn help_is_searched_and_closed_by_single_steps() {
    let mut app = app();
    app.keys("?");
    assert!(app.screen(80, 24).contains("Machines"));
    assert!(app.screen(200, 50).contains("state directory"));
    app.keys("/ s h e l l");
    let shown = app.screen(80, 24);
    assert!(shown.contains("Open a shell") && !shown.contains("Launch a machine"), "{shown}");
    app.keys("esc");
    assert!(matches!(app.model.modals.last(), Some(Modal::Help(_))));
    app.keys("G g ctrl-f esc");
    assert!(app.model.modals.is_empty());
}

#[test]
fn everything_over_the_screen_fits_any_size() {
    for keys in ["r", "r a", "n", ":", "?", "? / x", "q", "ctrl-d", "2 b"] {
        let mut app =
            app().with_machines(vec![machine("m-aaa"), machine("m-bbb")]).with_job("j-bbb", JobState::Running);
        app.model.ours.insert(job("j-bbb"));
        app.keys(keys);
        let names = (0..60).map(|n| format!("test-a{n}.t")).collect();
        app.handle(Msg::TestNames(TestSource::Directory("/src/hg".into()), ".".into(), Ok(names)));
        for columns in [1, 2, 3, 4, 7, 12, 15, 16, 20, 31, 40, 60, 79, 120] {
            for rows in [1, 2, 3, 5, 8, 12, 24] {
                app.screen(columns, rows);
            }
        }
        app.screen(200, 50);
    }
}

#[test]
fn test_names_of_another_revision_are_dropped() {
    let mut app = app();
    app.keys("r");
    let source = TestSource::Directory("/src/hg".into());
    app.handle(Msg::TestNames(source.clone(), "stable".into(), Ok(vec!["test-old.t".into()])));
    assert!(form(&app).tests.is_empty());
    app.handle(Msg::TestNames(source, ".".into(), Ok(vec!["test-new.t".into()])));
    assert_eq!(form(&app).tests, ["test-new.t"]);
}

#[test]
fn cases_and_patterns_of_tests_are_names_too() {
    let mut app = app();
    app.keys("r");
    let names = ["test-copies.t", "test-rebase-a.t"].map(str::to_owned).into();
    app.handle(Msg::TestNames(TestSource::Directory("/src/hg".into()), ".".into(), Ok(names)));
    for (word, fits) in [
        ("test-copies.t#filelog", true),
        ("test-rebase*.t", true),
        ("test-[cr]*", true),
        ("test-copie.t#filelog", false),
        ("test-z*.t", false),
    ] {
        let mut form = form(&app).clone();
        let field = form.fields.iter_mut().find(|field| field.id == FieldId::Tests).unwrap();
        field.value = crate::tui::model::FieldValue::Text(tui_input::Input::new(word.into()));
        assert_eq!(form.operation().is_ok(), fits, "{word}");
    }
}

/// The form for a new machine on EC2, and what the session tells of money once such tests have run three times.
fn priced(budget: Budget) -> App {
    let mut app = app();
    app.model.setup.budget = budget;
    app.handle(Msg::Providers(vec![ProviderKind::Local, ProviderKind::Aws], Vec::new()));
    app.model.setup.transport = Transport::Auto;
    app.model.setup.provider = ProviderKind::Aws;
    app.keys("r");
    let (operation, _) = form(&app).draft();
    app.handle(spent::told(&spent::done_before(&operation, 3, now())));
    app
}

fn usd(text: &str) -> crate::domain::money::Usd {
    text.parse().unwrap()
}

#[test]
fn a_form_says_what_it_would_cost_as_one_types() {
    let mut app = priced(Budget::default());
    let shown = app.screen(200, 50);
    let book = crate::domain::money::PriceBook::bundled();
    let region = crate::domain::Region::new("us-west-2").unwrap();
    let quote = book.machine(&region, "c5.9xlarge", crate::domain::money::Platform::Linux).unwrap();
    let price = format!("$1.53/h ({})", quote.source.words(now()));
    for words in [
        &format!("{price} · about $0.80, 31 min as the last 3 runs took"),
        "at most $3.08 until its lease ends it · no cap",
        "$1.54/h with its address and volumes; not included: data",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let row = |name: &str| shown.lines().find(|line| line.contains(name) && line.contains('%')).unwrap();
    let columns = |row: &str| row.split(['│', ' ']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    assert_eq!(columns(row("(as asked)")), "c5.9xlarge (as asked) 36 $1.53/h 31 min $0.79 100 %");
    // 4 minutes as ever, and 27 × 36 / 16 for its tests
    assert_eq!(columns(row("c5.4xlarge  ")), "c5.4xlarge 16 $0.68/h 65 min $0.73 92 %");
    // half the lease, half of that at most; of a lease that is none nothing is said
    fill(&mut app, FieldId::Lease, "1h");
    assert!(app.screen(200, 50).contains("at most $1.54 until"));
    fill(&mut app, FieldId::Lease, "1");
    assert!(!app.screen(200, 50).contains("until its lease ends it"));
    fill(&mut app, FieldId::Lease, "2h");
    // other tests have never run
    fill(&mut app, FieldId::Tests, "test-add.t");
    let shown = app.screen(200, 50);
    assert!(shown.contains("no run like this yet") && !shown.contains("about $"), "{shown}");
    assert!(shown.contains("how long it takes is not known yet"), "{shown}");
    fill(&mut app, FieldId::Tests, "");
    fill(&mut app, FieldId::Types, "t9.huge");
    let shown = app.screen(200, 50);
    assert!(shown.contains("price of t9.huge in us-west-2 unknown") && !shown.contains("$0.00"), "{shown}");
    // a burstable one may cost more than its price
    fill(&mut app, FieldId::Types, "t3.2xlarge");
    let shown = app.screen(200, 50);
    assert!(shown.contains("! $0.05 for every processor and hour above the baseline"), "{shown}");
    assert!(!shown.contains("not included: $0.05"), "{shown}");
    // what is kept may cost until its lease ends it
    fill(&mut app, FieldId::Types, "");
    while form(&app).focused().unwrap().id != FieldId::Keep {
        app.keys("tab");
    }
    app.keys("right");
    assert!(app.screen(200, 50).contains("kept when tests fail: up to $3.08, until its lease ends it"));
}

#[test]
fn what_is_not_of_a_cloud_costs_nothing() {
    let mut app = priced(Budget::default());
    while form(&app).focused().unwrap().id != FieldId::Where {
        app.keys("backtab");
    }
    app.keys("left");
    let shown = app.screen(80, 24);
    assert!(shown.contains("costs nothing") && !shown.contains("$1.53"), "{shown}");
    let mut app = super::super::testing::app();
    app.keys("r");
    assert!(app.screen(80, 24).contains("costs nothing: it is on this computer"));
}

#[test]
fn before_anything_is_told_no_price_is_made_up() {
    let mut app = app();
    app.handle(Msg::Providers(vec![ProviderKind::Local, ProviderKind::Aws], Vec::new()));
    app.model.setup.provider = ProviderKind::Aws;
    app.keys("r");
    assert!(app.screen(80, 24).contains("what it costs is being looked up"));
    app.handle(Msg::Money(Err(Error::new(ErrorKind::State, "the journal is locked"))));
    let shown = app.screen(80, 24);
    assert!(shown.contains("price unknown: the journal is locked") && !shown.contains("$1.53"), "{shown}");
}

#[test]
fn a_type_is_taken_with_its_price_in_sight() {
    let mut app = priced(Budget::default());
    while form(&app).focused().unwrap().id != FieldId::Types {
        app.keys("backtab");
    }
    app.keys("ctrl-n");
    // the cheapest for this work first, those that cost more below
    let alternatives = form(&app).costs.types.as_ref().unwrap().rows.len() - 1;
    let first = form(&app).proposals[0].clone();
    assert!(alternatives > 1 && form(&app).proposals.len() > alternatives);
    assert!(!form(&app).proposals.iter().any(|name| name == "c7g.4xlarge"), "there are no images for ARM");
    let shown = app.screen(80, 24);
    let row = shown.lines().find(|line| line.contains(&format!("▶ {first}"))).unwrap();
    assert!(row.contains("vCPU") && row.contains("/h") && row.contains(" %"), "{row}");
    assert_eq!(app.keys("enter"), []);
    let (Operation::RunTests(spec), _) = form(&app).draft() else { panic!() };
    assert_eq!(spec.wish.instance_types, std::slice::from_ref(&first));
    assert!(app.screen(200, 50).contains(&format!("{first} (as asked)")));
    // one of several, by its beginning
    fill(&mut app, FieldId::Types, "m5.8xlarge, c5.4");
    assert_eq!(form(&app).proposals, ["c5.4xlarge"]);
    app.keys("enter");
    let asked = spec_of(&mut app);
    assert_eq!(asked.wish.instance_types, ["m5.8xlarge", "c5.4xlarge"]);
}

fn spec_of(app: &mut App) -> RunTestsSpec {
    let effects = app.keys("enter");
    spec(&effects)
}

#[test]
fn a_cap_is_asked_for_and_said() {
    let budget = Budget { job: Some(usd("5")), ..Budget::default() };
    let mut app = priced(budget);
    assert!(app.screen(200, 50).contains("cap $5.00 (configured)"));
    fill(&mut app, FieldId::Cap, "0.5");
    let shown = app.screen(200, 50);
    for words in ["about $0.80 is more than the cap of $0.50", "cap $0.50 for this job", "--cap 0.5"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    fill(&mut app, FieldId::Cap, "lots");
    assert_eq!(app.keys("enter"), []);
    assert!(app.screen(80, 24).contains("write an amount of US dollars"));
    fill(&mut app, FieldId::Cap, "none");
    let shown = app.screen(200, 50);
    assert!(shown.contains("no cap, as asked") && shown.contains("--cap none"), "{shown}");
    let asked = spec_of(&mut app);
    assert_eq!((asked.wish.allowance.cap, asked.wish.allowance.over_day_cap), (Some(Cap::None), false));
    // the same again
    app.handle(Msg::Submitted(Err(Error::new(ErrorKind::Usage, "no"))));
    app.keys("esc r");
    assert_eq!(spec_of(&mut app).wish.allowance.cap, Some(Cap::None));
}

#[test]
fn the_cap_of_a_day_is_passed_over_only_when_asked_and_only_once() {
    // three runs have cost $2.39 today
    let fine = Budget { day: Some(usd("5")), ..Budget::default() };
    let shown = priced(fine).screen(200, 50);
    assert!(shown.contains("$2.39 of $5.00 a day spent") && !shown.contains("Day's cap"), "{shown}");
    let budget = Budget { day: Some(usd("3")), ..Budget::default() };
    let mut app = priced(budget);
    for (columns, rows) in [(80, 24), (200, 50)] {
        let shown = app.screen(columns, rows);
        let said = shown.lines().map(|line| line.trim_matches(['│', ' '])).collect::<Vec<_>>().join(" ");
        assert!(said.contains("! refused, unless `Day's cap` is ticked: today has cost $2.39"), "{shown}");
        assert!(shown.contains("launch over the day's cap") || rows == 24, "{shown}");
    }
    while form(&app).focused().unwrap().id != FieldId::OverDay {
        app.keys("tab");
    }
    app.keys("right");
    let shown = app.screen(200, 50);
    assert!(shown.contains("launched all the same, as asked") && shown.contains("--over-day-cap"), "{shown}");
    assert!(spec_of(&mut app).wish.allowance.over_day_cap);
    app.handle(Msg::Submitted(Err(Error::new(ErrorKind::Usage, "no"))));
    app.keys("esc r");
    assert!(!spec_of(&mut app).wish.allowance.over_day_cap);
    // the field goes where there is nothing to pass over, and the focus with it
    let mut app = priced(budget);
    while form(&app).focused().unwrap().id != FieldId::OverDay {
        app.keys("tab");
    }
    app.handle(spent::told(&[]));
    assert!(!form(&app).shows(FieldId::OverDay));
    assert!(form(&app).focused().is_some_and(|field| form(&app).shows(field.id)));
}

#[test]
fn a_small_form_keeps_field_help_price_and_button() {
    for id in [FieldId::Where, FieldId::Types, FieldId::Tests, FieldId::Cap] {
        let mut app = priced(Budget { day: Some(usd("3")), ..Budget::default() });
        while form(&app).focused().unwrap().id != id {
            app.keys("tab");
        }
        let help: String = id.help().chars().take(50).collect();
        let shown = app.screen(80, 24);
        for words in [&format!("▶ {}", id.label()), &help, "$1.53/h (bundled", "[ Start: Enter ]", "$ hga run-tests"]
        {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        let shown = app.screen(40, 12);
        for words in [&format!("▶ {}", id.label()), "$1.53/h · about $0.80", "[ Start: Enter ]"] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
    }
}
