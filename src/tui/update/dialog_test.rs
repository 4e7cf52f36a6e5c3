//! Dialogs as state, keys, effects.

use super::super::testing::*;
use crate::domain::{
    CancelLevel, CleanupVerdict, ImageName, JobState, MachineState, Operation, ProviderKind, Remaining, WorkVerdict,
};
use crate::event::EventKind;
use crate::tui::App;
use crate::tui::effect::{Effect, Leave};
use crate::tui::model::Modal;
use crate::tui::msg::Msg;

fn opens() -> Vec<(&'static str, App)> {
    let machines = || app().with_machines(vec![machine("m-aaa"), machine("m-bbb")]);
    let mut all = Vec::new();
    let mut one = machines();
    assert_eq!(one.keys("ctrl-d"), []);
    all.push(("terminate one", one));
    let mut two = machines();
    two.keys("space space ctrl-d");
    all.push(("terminate two", two));
    let mut busy = machines().with_job("j-aaa", JobState::Running);
    busy.keys("ctrl-d");
    all.push(("terminate a busy one", busy));
    let mut image = app().with_image("dev");
    image.keys("2 delete");
    all.push(("remove an image", image));
    let mut bootstrap = app();
    bootstrap.keys("2 b");
    all.push(("bootstrap", bootstrap));
    for (name, state) in [("stop", JobState::Running), ("cut short", JobState::Cancelling)] {
        let mut stop = machines().with_job("j-aaa", state);
        stop.keys("3 X");
        all.push((name, stop));
    }
    let mut quit = machines().with_job("j-aaa", JobState::Running);
    quit.model.ours.insert(job("j-aaa"));
    quit.keys("q");
    all.push(("quit", quit));
    all
}

#[test]
fn default_keys_end_nothing_in_any_dialog() {
    let letters = ('!'..='~').filter(|c| *c != '-').map(|c| c.to_string()).collect::<Vec<_>>().join(" ");
    let sequences =
        ["enter enter enter".to_owned(), "esc".to_owned(), letters.clone(), format!("{letters} enter enter")];
    for sequence in &sequences {
        for (name, mut app) in opens() {
            assert!(matches!(app.model.modals.last(), Some(Modal::Dialog(_))), "{name}");
            // one key at a time, for as long as the dialog is there
            for key in sequence.split(' ') {
                if app.model.modals.is_empty() {
                    break;
                }
                let effects = app.keys(key);
                let harmless = |effect: &Effect| {
                    !matches!(
                        effect,
                        Effect::Submit(_) | Effect::Cancel(..) | Effect::RemoveImage(..) | Effect::Leave(_)
                    )
                };
                assert!(effects.iter().all(harmless), "{name}, {key}: {effects:?}");
            }
        }
    }
}

#[test]
fn esc_closes_one_layer_in_every_dialog() {
    for (name, mut app) in opens() {
        app.keys("esc");
        assert!(app.model.modals.is_empty(), "{name}");
    }
}

#[test]
fn one_idle_machine_is_ended_by_tab_and_enter() {
    let mut app = app().with_machines(vec![machine("m-aaa"), machine("m-bbb")]);
    app.keys("ctrl-d");
    let shown = app.screen(80, 24);
    for words in
        ["End 1 machine", "m-aaa (local", "its folder is in the state directory", "Tab, then Enter", "▶ Cancel ◀"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let operation = Operation::Terminate { provider: ProviderKind::Local, machines: vec![machine("m-aaa").id] };
    assert_eq!(app.keys("tab enter"), [Effect::Submit(Box::new(operation))]);
    // the job that ends it does not take the screen
    let effects = app.handle(Msg::Submitted(Ok(job("j-end"))));
    assert!(app.model.job.is_none() && effects.contains(&Effect::Machines));
}

#[test]
fn several_or_busy_ones_have_to_be_typed() {
    let mut app = app().with_machines(vec![machine("m-aaa"), machine("m-bbb")]);
    app.keys("space space ctrl-d");
    assert_eq!(app.keys("tab enter"), []);
    assert_eq!(app.keys("backtab"), []);
    app.handle(Msg::Paste("terminate 2".into()));
    let effects = app.keys("enter");
    let [Effect::Submit(operation)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(matches!(**operation, Operation::Terminate { ref machines, .. } if machines.len() == 2));

    let mut busy =
        super::super::testing::app().with_machines(vec![machine("m-aaa")]).with_job("j-aaa", JobState::Running);
    busy.keys("ctrl-d");
    assert!(busy.screen(80, 24).contains("job j-aaa is under way there"));
    assert_eq!(busy.keys("m minus a a enter"), []);
}

#[test]
fn a_listed_host_is_left_alone() {
    let mut host = machine("box");
    host.provider = ProviderKind::Hosts;
    let mut app = app().with_machines(vec![host]);
    app.keys("ctrl-d");
    let shown = app.screen(80, 24);
    assert!(shown.contains("Nothing to end") && shown.contains("not ours to end"), "{shown}");
    assert_eq!(app.keys("tab enter"), []);
}

#[test]
fn a_plan_that_changes_goes_back_to_cancel() {
    let mut app = app().with_machines(vec![machine("m-aaa"), machine("m-bbb")]);
    app.keys("ctrl-d tab");
    // the same again changes nothing
    app.handle(Msg::Machines(ProviderKind::Local, listed(vec![machine("m-aaa"), machine("m-bbb")])));
    assert_eq!(app.dialog().focus, 1);
    let mut app = app.with_job("j-aaa", JobState::Running);
    assert_eq!((app.dialog().focus, app.dialog().demand.as_deref()), (0, Some("m-aaa")));
    assert!(app.screen(80, 24).contains("This has just changed"));
    app.handle(Msg::Machines(ProviderKind::Local, listed(vec![machine("m-bbb")])));
    assert!(app.screen(80, 24).contains("Nothing to end"));
    let mut ending = machine("m-bbb");
    ending.state = MachineState::ShuttingDown;
    app.keys("esc ctrl-d tab");
    app.handle(Msg::Machines(ProviderKind::Local, listed(vec![ending])));
    assert_eq!(app.keys("enter"), []);
}

#[test]
fn removing_an_image_says_who_uses_it() {
    let mut user = machine("m-aaa");
    user.image = Some(ImageName::new("dev").unwrap());
    let mut app = app().with_machines(vec![user]).with_image("dev");
    app.keys("2 ctrl-d");
    assert!(app.screen(80, 24).contains("used by m-aaa"));
    let name = ImageName::new("dev").unwrap();
    assert_eq!(app.keys("tab enter"), [Effect::RemoveImage(ProviderKind::Local, name)]);
}

#[test]
fn a_job_is_stopped_first_and_cut_short_then() {
    let table = [
        (JobState::Running, "are asked to end", CancelLevel::Stop),
        (JobState::Cancelling, "It is stopping already", CancelLevel::Kill),
    ];
    for (state, words, level) in table {
        let mut app = app().with_job("j-aaa", state);
        app.keys("3 X");
        assert!(app.screen(80, 24).contains(words));
        assert_eq!(app.keys("tab enter"), [Effect::Cancel(job("j-aaa"), level)]);
    }
    let mut left = app().with_job("j-aaa", JobState::Running);
    left.model.jobs.value[0].driven = false;
    left.keys("3 X");
    assert!(left.screen(80, 24).contains("for its clean-up only"));
    // it ends meanwhile
    let mut left = left.with_job("j-aaa", JobState::Ended);
    assert!(left.screen(80, 24).contains("job j-aaa is over: nothing to stop"));
    assert_eq!(left.keys("esc esc"), []);
    assert!(left.model.modals.is_empty());
}

#[test]
fn leaving_has_three_ways() {
    let open = || {
        let mut app = app().with_machines(vec![machine("m-aaa")]).with_job("j-aaa", JobState::Running);
        app.model.ours.insert(job("j-aaa"));
        app.keys("q");
        app
    };
    let shown = open().screen(80, 24);
    for words in ["Stay", "Leave running", "End everything", "hga jobs attach j-aaa", "m-aaa ends itself in 1h 58m"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(open().keys("enter"), []);
    assert_eq!(open().keys("tab enter"), [Effect::Leave(Leave::LettingGo)]);
    let mut ending = open();
    assert_eq!(ending.keys("tab tab enter"), [Effect::Cancel(job("j-aaa"), CancelLevel::Stop)]);
    let effects =
        ending.event("j-aaa", EventKind::Ended { work: WorkVerdict::Cancelled, cleanup: CleanupVerdict::Clean });
    assert!(effects.contains(&Effect::Leave(Leave::Quietly)));

    let mut remains = open();
    remains.keys("tab tab enter");
    let items = vec![Remaining { what: "machine m-aaa (local)".into(), why: "it is stuck".into() }];
    let effects = remains.event(
        "j-aaa",
        EventKind::Ended { work: WorkVerdict::Cancelled, cleanup: CleanupVerdict::Remains { items } },
    );
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Leave(_))));
    assert!(remains.screen(80, 24).contains("machine m-aaa (local) is still there: it is stuck"));
    assert_eq!(remains.keys("esc"), []);

    let mut over = open();
    over.event("j-aaa", EventKind::Ended { work: WorkVerdict::Done, cleanup: CleanupVerdict::Clean });
    assert!(over.screen(80, 24).contains("your jobs are over"));
    assert_eq!(over.keys("esc esc"), []);
    assert_eq!(over.keys("q"), [Effect::Leave(Leave::Quietly)]);
}

#[test]
fn a_machine_is_not_taken_for_idle_while_the_jobs_are_not_known() {
    let mut app = app().with_machines(vec![machine("m-aaa")]);
    let locked = crate::session::Error::new(crate::session::ErrorKind::State, "the journal is locked");
    app.handle(Msg::Jobs(Err(locked)));
    app.keys("ctrl-d");
    assert!(app.screen(80, 24).contains("not known: the journal is locked"));
    assert_eq!(app.keys("tab enter"), []);
    assert_eq!(app.dialog().demand.as_deref(), Some("m-aaa"));
}

#[test]
fn stopping_says_that_a_named_machine_stays() {
    let mut app = app().with_machines(vec![machine("m-aaa")]).with_job("j-bbb", JobState::Running);
    let Operation::RunTests(mut spec) = app.model.setup.demo.clone() else { panic!() };
    spec.machine = Some(machine("m-aaa").id);
    app.model.jobs.value[0].operation = Operation::RunTests(spec);
    app.keys("3 X");
    let shown = app.screen(80, 24);
    assert!(shown.contains("m-aaa is left as it is") && !shown.contains("is ended"), "{shown}");
}

#[test]
fn a_job_that_begins_closes_nothing_that_is_open() {
    let mut app = app().with_machines(vec![machine("m-aaa"), machine("m-bbb")]);
    app.keys("space space ctrl-d t e r");
    app.handle(Msg::Submitted(Ok(job("j-new"))));
    assert_eq!(app.dialog().input.value(), "ter");
    assert!(app.model.job.is_none() && app.model.ours.contains(&job("j-new")));
    // nor is one ours that ended before the answer came
    let mut over = super::super::testing::app().with_job("j-old", JobState::Ended);
    over.handle(Msg::Submitted(Ok(job("j-old"))));
    assert!(over.model.ours.is_empty());
}

#[test]
fn leaving_says_that_a_stopping_job_is_waited_for() {
    let mut app = app().with_job("j-aaa", JobState::Cancelling);
    app.model.ours.insert(job("j-aaa"));
    app.keys("q");
    let shown = app.screen(80, 24);
    assert!(shown.contains("hga waits for its clean-up") && !shown.contains("left running:"), "{shown}");
}
