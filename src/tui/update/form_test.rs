//! Forms, palette and help as state, keys, effects.

use super::super::testing::*;
use crate::domain::{
    CloudWish, Endpoint, HostKeys, JobState, Machine, Operation, ProviderKind, RunTestsSpec, TestSource, Transport,
};
use crate::session::{Error, ErrorKind};
use crate::tui::App;
use crate::tui::effect::Effect;
use crate::tui::fixtures::{bens, on_aws, ours};
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
