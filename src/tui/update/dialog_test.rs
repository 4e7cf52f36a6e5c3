//! Dialogs as state, keys, effects.

use super::super::testing::*;
use crate::domain::money::Labels;
use crate::domain::{
    CancelLevel, CleanupVerdict, ImageName, JobState, MachineState, Operation, Plan, PlanVerb, ProviderKind,
    Remaining, Resource, ResourceKind, WorkVerdict,
};
use crate::domain::{Image, Lease, Machine, Region, RunTestsSpec};
use crate::event::EventKind;
use crate::session::{Error, ErrorKind, Listed, Proposal};
use crate::tui::App;
use crate::tui::effect::{Effect, Leave};
use crate::tui::fixtures::{bens, foreign, on_aws, ours, spent};
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
    all.push(("have the removal of an image planned", image));
    let mut image = app().with_image("dev");
    image.plans("2 delete");
    all.push(("remove an image", image));
    let mut cloud = on_cloud();
    cloud.keys("space space ctrl-d");
    all.push(("terminate on AWS", cloud));
    let mut purge = on_cloud();
    purge.plans("5 P");
    all.push(("purge", purge));
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
    let mut leave = spending();
    leave.model.machines.value[1].launched = Some(now());
    leave.keys("q");
    all.push(("leave", leave));
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
                let harmless =
                    |effect: &Effect| !matches!(effect, Effect::Submit(_) | Effect::Cancel(..) | Effect::Leave(_));
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

/// Two machines of ours on AWS, one of Ben's, one of a stranger, and one of this computer.
fn on_cloud() -> App {
    let mut app = app().with_machines(vec![machine("m-aaa")]);
    let machines = vec![
        on_aws("i-0aaa", "us-west-2", "hg-temp-linux", ours()),
        on_aws("i-0bbb", "us-east-1", "", ours()),
        on_aws("i-0ccc", "us-west-2", "hg-bens", bens()),
        on_aws("i-0ddd", "us-west-2", "db-prod", foreign()),
    ];
    app.handle(Msg::Machines(ProviderKind::Aws, Listed { account: Some("12345".into()), ..listed(machines) }));
    app.screen(80, 24);
    app
}

impl App {
    /// Presses keys, the last of which asks for a plan, and answers with one of what the model knows.
    fn plans(&mut self, keys: &str) {
        let effects = self.keys(keys);
        assert!(self.screen(80, 24).contains("Making the plan"));
        let Some(Effect::Plan(request)) = effects.first() else { panic!("{effects:?}") };
        let machines = self.model.machines.value.iter().map(Machine::resource);
        let mut there: Vec<Resource> = machines.chain(self.model.images.value.iter().map(Image::resource)).collect();
        there.push(on_aws("i-0ddd", "us-west-2", "db-prod", foreign()).resource());
        let wanted = |one: &Resource| {
            request.provider.is_none_or(|provider| provider == one.at.provider)
                && request.chosen.as_ref().is_none_or(|ids| ids.contains(&one.at.id))
        };
        let plan = Plan::of(request.verb, &request.owners, &there, wanted, &[], now());
        self.handle(Msg::Planned(request.clone(), Ok(Proposal { plan, troubles: Vec::new() })));
        self.screen(80, 24);
    }
}

fn applied(effects: &[Effect]) -> Vec<(ProviderKind, Vec<String>)> {
    let mut all = Vec::new();
    for effect in effects {
        let Effect::Submit(operation) = effect else { panic!("{effects:?}") };
        all.push(match &**operation {
            Operation::Apply { plan, wait: false } => {
                (operation.provider(), plan.items.iter().map(|item| item.at.id.clone()).collect())
            }
            Operation::Terminate { provider, machines } => {
                (*provider, machines.iter().map(ToString::to_string).collect())
            }
            other => panic!("{other:?}"),
        });
    }
    all
}

#[test]
fn machines_on_aws_are_ended_by_a_job_for_each_provider_and_only_ours() {
    let mut app = on_cloud();
    assert!(!app.screen(80, 24).contains("db-prod"), "a stranger's machine is not shown");
    app.keys("home space space space space ctrl-d");
    let shown = app.screen(100, 40);
    for words in [
        "End 3 machines in account 12345",
        "i-0aaa `hg-temp-linux` (us-west-2, c5.9xlarge, launched 14h ago)",
        "ours: its Name",
        "left alone: machine i-0ccc `hg-bens`: it is `ben`'s",
        "type `terminate 3`",
        "▶ Cancel ◀",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(app.keys("enter"), [], "the first button does nothing");
    app.keys("ctrl-d");
    app.handle(Msg::Paste("terminate 3".into()));
    let all =
        [(ProviderKind::Local, vec!["m-aaa".into()]), (ProviderKind::Aws, vec!["i-0bbb".into(), "i-0aaa".into()])];
    assert_eq!(applied(&app.keys("enter")), all);
}

#[test]
fn a_plan_that_is_made_is_waited_for_and_kept_as_it_was_shown() {
    let mut app = on_cloud();
    app.plans("5 P");
    let shown = app.screen(100, 40);
    assert!(shown.contains("Remove 2 machines") && shown.contains("▶ Cancel ◀"), "{shown}");
    assert!(shown.contains("1 other thing"), "{shown}");
    app.handle(Msg::Paste("purge 2".into()));
    assert_eq!(app.dialog().focus, 1);
    // what changes meanwhile is for the job to find out
    app.handle(Msg::Machines(ProviderKind::Aws, listed(Vec::new())));
    let effects = app.keys("enter");
    let [Effect::Submit(operation)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(
        matches!(&**operation, Operation::Apply { plan, .. } if plan.verb == PlanVerb::Purge && plan.items.len() == 2)
    );
    // one that nobody waits for any more is not shown, nor is what Esc has closed done
    let mut app = on_cloud();
    let effects = app.keys(": t e r m i n a t e minus e c 2 enter");
    let [Effect::Plan(request)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(request.verb, PlanVerb::TerminateEc2);
    app.keys("esc");
    app.handle(Msg::Planned(request.clone(), Ok(Proposal { plan: Plan::default(), troubles: Vec::new() })));
    assert!(app.model.modals.is_empty());
    // and one that cannot be made says why
    let effects = app.keys("5 P");
    let Some(Effect::Plan(request)) = effects.first() else { panic!("{effects:?}") };
    let error = Error::new(ErrorKind::Usage, "provider `aws` is not set up").hint("`aws configure`");
    app.handle(Msg::Planned(request.clone(), Err(error)));
    let shown = app.screen(80, 24);
    assert!(shown.contains("No plan could be made") && shown.contains("hint: `aws configure`"), "{shown}");
    assert_eq!(app.keys("enter"), []);
}

#[test]
fn of_things_of_one_id_only_the_chosen_ones_are_removed() {
    let key = |region: &str| {
        let mut one = on_aws("i-0aaa", region, "", ours()).resource();
        one.at.kind = ResourceKind::KeyPair;
        one.at.id = "hg-automation".into();
        one
    };
    let both = || vec![key("us-west-2"), key("us-east-1")];
    let mut app = app();
    app.keys("5");
    app.handle(Msg::Resources(ProviderKind::Aws, listed(both())));
    app.screen(80, 24);
    let effects = app.keys("home ctrl-d");
    let [Effect::Plan(request)] = effects.as_slice() else { panic!("{effects:?}") };
    let plan = Plan::of(request.verb, &request.owners, &both(), |_| true, &[], now());
    app.handle(Msg::Planned(request.clone(), Ok(Proposal { plan, troubles: Vec::new() })));
    assert!(app.screen(80, 24).contains("Remove 1 key pair"));
    let effects = app.keys("tab enter");
    let [Effect::Submit(operation)] = effects.as_slice() else { panic!("{effects:?}") };
    let Operation::Apply { plan, .. } = &**operation else { panic!("{operation:?}") };
    assert_eq!(plan.items.iter().map(|item| item.at.clone()).collect::<Vec<_>>(), [key("us-east-1").at]);
}

#[test]
fn removing_an_image_says_who_uses_it() {
    let mut user = machine("m-aaa");
    user.image = Some(ImageName::new("dev").unwrap());
    let mut app = app().with_machines(vec![user]).with_image("dev");
    app.plans("2 ctrl-d");
    assert!(app.screen(80, 24).contains("used by m-aaa"));
    assert_eq!(applied(&app.keys("tab enter")), [(ProviderKind::Local, vec!["dev".into()])]);
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
fn stopping_a_removal_and_leaving_say_what_is_so_of_machines_on_aws() {
    let mut app = on_cloud().with_job("j-aaa", JobState::Running);
    let machines: Vec<_> = app.model.machines.value.iter().map(Machine::resource).collect();
    let plan = Plan::of(PlanVerb::Purge, &crate::domain::Owners::Mine, &machines, |_| true, &[], now());
    app.model.jobs.value[0].operation = Operation::Apply { plan: Box::new(plan), wait: false };
    app.keys("3 X");
    let shown = app.screen(80, 24);
    assert!(shown.contains("Nothing more is begun") && !shown.contains("tests are asked"), "{shown}");
    app.keys("esc");
    app.model.ours.insert(job("j-aaa"));
    app.keys("q");
    let shown = app.screen(80, 30);
    assert!(
        shown.contains("no job uses i-0aaa: $1.53/h; costs until it is ended") && !shown.contains("i-0ccc"),
        "{shown}"
    );
}

#[test]
fn a_machine_is_not_taken_for_idle_while_the_jobs_are_not_known() {
    let mut app = app().with_machines(vec![machine("m-aaa")]);
    let locked = Error::new(ErrorKind::State, "the journal is locked");
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

/// Two machines of ours on EC2 that the ledger knows: one for the job `j-aaa`, launched 40 minutes ago and ending itself
/// in 41; one of a type that the book has no price of.
fn spending() -> App {
    let mut app = app();
    let lease = Some(Lease::starting(now(), std::time::Duration::from_secs(41 * 60)));
    let dear = Machine { lease, job: Some(job("j-aaa")), ..on_aws("i-0aaa", "us-west-2", "", ours()) };
    let mut odd = on_aws("i-0bbb", "us-west-2", "", ours());
    odd.cloud.as_mut().unwrap().instance_type = "t9.huge".to_owned();
    app.handle(Msg::Machines(ProviderKind::Aws, listed(vec![dear, odd])));
    let labels = Labels { job: Some(job("j-aaa")), ..Labels::default() };
    let entries = [
        spent::runs("i-0aaa", "c5.9xlarge", 40, now(), labels),
        spent::runs("i-0bbb", "t9.huge", 120, now(), Labels::default()),
        spent::stored("ami-0aaa", 8, now()),
    ];
    app.handle(spent::told(&entries));
    app.screen(80, 24);
    app
}

/// The job `j-aaa` runs tests on EC2, driven from here.
fn driving(app: App) -> App {
    let mut app = app.with_job("j-aaa", JobState::Running);
    let Operation::RunTests(demo) = app.model.setup.demo.clone() else { panic!() };
    app.model.jobs.value[0].operation = Operation::RunTests(RunTestsSpec { provider: ProviderKind::Aws, ..demo });
    app.model.ours.insert(job("j-aaa"));
    app
}

#[test]
fn ending_machines_says_what_each_and_all_of_them_save() {
    let mut app = spending();
    app.keys("/ 0 a a a enter ctrl-d");
    let shown = app.screen(80, 24);
    assert!(shown.contains("ends $1.54/h; has cost $1.03 so far") && !shown.contains("In all"), "{shown}");
    let mut app = spending();
    app.keys("space space ctrl-d");
    let shown = app.screen(80, 30);
    let all = "In all this ends $1.54/h, 1 price is unknown and comes on top.";
    for words in ["ends $1.54/h", "its price is unknown", all] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    // what costs nothing says nothing of money
    let mut here = super::super::testing::app().with_machines(vec![machine("m-aaa"), machine("m-bbb")]);
    here.handle(spent::told(&[]));
    here.keys("space space ctrl-d");
    let shown = here.screen(80, 24);
    assert!(!shown.contains('$') && !shown.contains("unknown"), "{shown}");
}

#[test]
fn removing_an_image_says_what_it_saves_at_most_and_its_snapshot_is_not_counted_twice() {
    let image = Image {
        name: ImageName::new("hg-linux-dev").unwrap(),
        provider: ProviderKind::Aws,
        fingerprint: None,
        inputs: std::collections::BTreeMap::new(),
        created: now(),
        bytes: 8 << 30,
        id: Some("ami-0aaa".to_owned()),
        region: Region::new("us-west-2").ok(),
        claim: Some(ours()),
    };
    let thing = |kind, id: &str, bytes: u64| {
        let mut one = image.resource();
        (one.at.kind, one.at.id, one.bytes) = (kind, id.to_owned(), Some(bytes));
        one
    };
    let part = Resource { used_by: vec![image.resource().at], ..thing(ResourceKind::Snapshot, "snap-0aaa", 8 << 30) };
    let alone = thing(ResourceKind::Snapshot, "snap-0bbb", 30 << 30);
    let volume = thing(ResourceKind::Volume, "vol-0aaa", 64 << 30);
    let group = Resource { bytes: None, ..thing(ResourceKind::Group, "sg-0aaa", 0) };
    let mut app = spending();
    app.handle(Msg::Images(ProviderKind::Aws, listed(vec![image.clone()])));
    let things = vec![image.resource(), part, alone, volume, group];
    app.handle(Msg::Resources(ProviderKind::Aws, listed(things.clone())));
    let effects = app.keys("5 P");
    let Some(Effect::Plan(request)) = effects.iter().find(|effect| matches!(effect, Effect::Plan(_))) else {
        panic!("{effects:?}")
    };
    let told = app.model.money.told.clone().unwrap();
    let plan = Plan::of(request.verb, &request.owners, &things, |_| true, &[], now());
    let plan = plan.priced(&things, &told.ledger, &told.book, now());
    app.handle(Msg::Planned(request.clone(), Ok(Proposal { plan, troubles: Vec::new() })));
    let shown = app.screen(100, 60);
    // 8 GB of the image, 30 of a snapshot alone at $0.05; 64 of a volume at $0.08
    for words in [
        "saves ≤ $0.40 a month",
        "saves ≤ $1.50 a month",
        "saves $5.12 a month",
        "In all this saves ≤ $7.02 a month.",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(shown.matches("a month").count(), 4, "{shown}");
}

#[test]
fn stopping_a_job_says_what_its_machine_costs_and_the_job_has_cost() {
    for (state, words) in [(JobState::Running, "are asked to end"), (JobState::Cancelling, "stopping already")] {
        let mut app = driving(spending());
        app.model.jobs.value[0].state = state;
        app.keys("3 X");
        let shown = app.screen(80, 24);
        assert!(shown.contains(words), "{shown}");
        assert!(shown.contains("i-0aaa costs $1.54/h; the job has cost $1.03 so far."), "{shown}");
    }
    let mut left = spending().with_job("j-aaa", JobState::Running);
    left.model.jobs.value[0].driven = false;
    left.keys("3 X");
    let shown = left.screen(80, 24);
    assert!(shown.contains("clean-up only") && shown.contains("the job has cost $1.03 so far"), "{shown}");
}

#[test]
fn leaving_says_what_each_choice_costs() {
    let mut app = driving(spending());
    app.keys("q");
    let shown = app.screen(80, 30);
    let said = shown.lines().map(|line| line.trim_matches([' ', '│'])).collect::<Vec<_>>().join(" ");
    for words in [
        "i-0aaa: $1.54/h; ends itself in 41m 00s, at most $1.05 from now",
        "no job uses i-0bbb: price unknown; costs until it is ended",
        "Leave running: $1.54/h, 1 price unknown, until they are ended.",
        "That saves $1.54/h, at most $1.05 from now. Others go on: price unknown.",
    ] {
        assert!(said.contains(words), "{words}: {shown}");
    }
    // that all of them end themselves is one thing, that a price is unknown another
    let mut leased = driving(spending());
    for machine in &mut leased.model.machines.value {
        machine.lease = Some(Lease::until(now() + jiff::SignedDuration::from_mins(41)));
    }
    leased.keys("q");
    let shown = leased.screen(80, 30);
    let said = shown.lines().map(|line| line.trim_matches([' ', '│'])).collect::<Vec<_>>().join(" ");
    assert!(said.contains("Leave running: $1.54/h, 1 price unknown, until their leases end them."), "{shown}");
    // said anew when the session tells something else
    app.handle(Msg::Tick(now() + jiff::SignedDuration::from_mins(20)));
    app.handle(spent::told(&[]));
    let shown = app.screen(80, 30);
    assert!(shown.contains("i-0aaa: $1.53/h; ends itself in 21m") && shown.contains("at most $0.54"), "{shown}");
    // a machine that was there before goes on, whichever is chosen
    let mut named = driving(spending());
    let Operation::RunTests(spec) = &mut named.model.jobs.value[0].operation else { panic!() };
    spec.machine = Some(on_aws("i-0aaa", "us-west-2", "", ours()).id);
    named.keys("q");
    let shown = named.screen(80, 30);
    assert!(shown.contains("Others go on: $1.54/h, 1 price unknown.") && !shown.contains("That saves"), "{shown}");
    // nothing costs here: nothing is said of it
    let mut here =
        super::super::testing::app().with_machines(vec![machine("m-aaa")]).with_job("j-aaa", JobState::Running);
    here.model.ours.insert(job("j-aaa"));
    here.keys("q");
    let shown = here.screen(80, 24);
    assert!(!shown.contains('$') && !shown.contains("Leave running:"), "{shown}");
}

#[test]
fn leaving_asks_while_a_machine_costs_that_no_job_uses() {
    let mut app = spending();
    for machine in &mut app.model.machines.value {
        machine.launched = Some(now() - jiff::SignedDuration::from_mins(40));
        machine.job = None;
    }
    app.keys("q");
    let shown = app.screen(80, 24);
    for words in [
        "Leave while 2 machines cost?",
        "i-0aaa: $1.54/h; ends itself in 41m 00s, at most $1.05 from now",
        "i-0bbb: price unknown; costs until it is ended",
        "Leave running: $1.54/h, 1 price unknown, until they are ended.",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(app.keys("enter"), [], "the first button stays");
    assert!(app.model.modals.is_empty());
    assert_eq!(app.keys("q tab enter"), [Effect::Leave(Leave::Quietly)]);
    app.keys("esc");
    // what would be ended is shown, and has to be confirmed for itself
    assert_eq!(app.keys("q tab tab enter"), []);
    let crate::tui::model::DialogKind::Terminate(chosen, plan) = &app.dialog().kind else {
        panic!("{:?}", app.dialog().kind)
    };
    assert_eq!((chosen.len(), plan.items.len()), (2, 2));
    assert_eq!(app.keys("enter"), []);
    // nor is one left out whose job nobody drives
    let mut left = spending().with_job("j-aaa", JobState::Running);
    left.model.jobs.value[0].driven = false;
    left.model.machines.value.retain(|machine| machine.id.as_str() == "i-0aaa");
    left.model.machines.value[0].launched = Some(now());
    left.keys("q");
    let shown = left.screen(80, 24);
    assert!(!shown.contains("▶ 1"), "{shown}");
    assert!(shown.contains("its job was left: `hga jobs attach j-aaa` takes it up"), "{shown}");
    // one that a job begins to use is not asked about any more
    app.keys("q");
    app.model.machines.value.retain(|machine| machine.id.as_str() == "i-0aaa");
    app.model.machines.value[0].job = Some(job("j-aaa"));
    let mut app = app.with_job("j-aaa", JobState::Running);
    assert!(app.screen(80, 24).contains("no machine costs for nothing any more"));
    assert_eq!(app.keys("esc esc"), []);
    assert_eq!(app.keys("q"), [Effect::Leave(Leave::Quietly)]);
}

#[test]
fn taking_a_job_up_says_what_its_machine_costs() {
    let mut app = driving(spending());
    app.handle(Msg::Attached(job("j-aaa"), Ok(crate::session::Attachment::Driving)));
    let text = &app.model.notice.as_ref().unwrap().text;
    assert_eq!(
        text,
        "job j-aaa is driven from here now; i-0aaa: $1.54/h; ends itself in 41m 00s, at most $1.05 from now"
    );
}
