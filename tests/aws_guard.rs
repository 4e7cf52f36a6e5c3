//! What bounds the money of jobs on EC2, with the real program in a lab whose instances are real machines: a cap stops a run with
//! its results collected, a machine nobody drives ends itself when its cap is used up, a day's cap refuses, an alarm is told.

#![cfg(all(target_os = "linux", feature = "aws"))]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test says what it lacks and stops where it fails")]

#[path = "support/cloud.rs"]
mod cloud;
#[path = "support/hg.rs"]
mod hg;
#[path = "support/lab.rs"]
mod lab;
#[path = "support/state.rs"]
mod support;

use cloud::{Cloud, can_have_machines};
use hgautomation::domain::money::{Bill, Labels, LedgerEntry, Platform, PriceBook};
use hgautomation::domain::{JobId, ProviderKind, Region, ResourceKind, ResourceRef, Timestamp};
use hgautomation::journal::Journal;
use serde_json::{Value, json};
use support::{Client, LIMIT, ended, eventually};

/// Quick ones: what AWS takes its time for is not what is looked at here.
const QUICK: &[&str] = &["--boot", "0.2", "--end", "0.2"];

/// How often an event of that name came.
fn count(events: &[Value], name: &str) -> usize {
    events.iter().filter(|event| event["event"] == name).count()
}

/// Where the first event of that name is.
#[track_caller]
fn place(events: &[Value], name: &str) -> usize {
    events.iter().position(|event| event["event"] == name).unwrap_or_else(|| panic!("no {name}"))
}

/// Enters a c5.9xlarge that an earlier process of the job would have had for so many minutes: $0.0255 each.
fn had_before(cloud: &Cloud, job: &str, id: &str, minutes: i64) {
    let region = Region::usual();
    let thing = ResourceRef {
        kind: ResourceKind::Machine,
        provider: ProviderKind::Aws,
        region: Some(region.clone()),
        id: id.to_owned(),
    };
    let bill = Bill::of_machine(PriceBook::bundled(), &region, "c5.9xlarge", Platform::Linux, false, (None, 0));
    let labels = Labels { job: JobId::new(job).ok(), ..Labels::default() };
    let now = Timestamp::now();
    let at = now - jiff::SignedDuration::from_mins(minutes);
    let entries = [
        LedgerEntry::Opened { thing: thing.clone(), at, bill, labels, lease: None },
        LedgerEntry::Ended { thing, at: now, bound: false },
    ];
    Journal::open(cloud.state().join("journal.sqlite")).unwrap().enter(&entries).unwrap();
}

fn report(cloud: &Cloud, job: &str) -> String {
    let path = cloud.state().join("jobs").join(job).join("results/report.json");
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

#[track_caller]
fn nothing_runs(cloud: &Cloud) {
    assert_eq!(cloud.alive(), []);
}

#[test]
fn a_cap_stops_a_run_and_one_that_is_not_reached_changes_nothing() {
    if !can_have_machines() {
        return;
    }
    let cloud = Cloud::start(QUICK);

    // it does not pay for the minute that is charged at least, $0.02558 with an address: nothing is launched
    cloud.lab.forget_calls();
    let refused = cloud.run(&["--cap", "0.0255"], &["test-pass.t"]).wait();
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("does not pay for the first minute of a c5.9xlarge"), "{refused:?}");
    assert!(!cloud.lab.actions().contains(&"RunInstances".to_owned()));

    // a little less than that minute with its volumes: as soon as there is a machine
    let mut client = cloud.run(&["--cap", "0.0256"], &["test-pass.t"]);
    let job = client.job();
    let ran = client.wait();
    let events = ran.json();
    assert_eq!(ran.code, 103, "{ran:?}");
    assert_eq!((count(&events, "cost.near-cap"), count(&events, "cost.capped")), (0, 1), "{ran:?}");
    let order = ["machine.launched", "cost.capped", "job.cancelling", "machine.ended", "job.ended"];
    let places = order.map(|name| place(&events, name));
    assert!(places.is_sorted(), "{order:?} {places:?}");
    let capped = &events[places[1]];
    assert_eq!((&capped["cap"], &capped["job"]), (&json!("0.0256"), &json!(job)));
    assert_eq!(ended(&events), [], "no test was begun");
    let summary = ran.summary();
    let told = ["work", "cleanup", "capped"].map(|key| summary[key].as_str().unwrap_or_default());
    assert_eq!(told, ["cancelled", "clean", "0.0256"]);
    nothing_runs(&cloud);
    let shown = cloud.hga(&["jobs", "show", &job]);
    assert!(shown.out.contains("Work       stopped by its cap, $0.03\n"), "{shown:?}");
    assert!(shown.out.contains("its cap is $0.03: it is stopped"), "{shown:?}");
    let listed = cloud.hga(&["jobs", "list"]);
    assert!(listed.out.contains("stopped by its cap (103)"), "{listed:?}");
    let listed = cloud.hga(&["jobs", "list", "--json"]);
    assert_eq!(listed.json()[0]["capped"], "0.0256", "{listed:?}");

    // what earlier processes of the job had counts in: nearly all of it, then more than it
    let flags = ["--cap", "5", "--keep-on-failure"];
    let tests = ["test-fail.t", "test-pass.t", "test-wait.t"];
    let mut client = cloud.run(&flags, &tests);
    let job = client.job();
    client.until_test("test-wait.t");
    had_before(&cloud, &job, "i-00000001", 170);
    client.until("the warning", |event| event["event"] == "cost.near-cap");
    had_before(&cloud, &job, "i-00000002", 60);
    let ran = client.wait();
    let events = ran.json();
    assert_eq!(ran.code, 103, "{ran:?}");
    assert_eq!((count(&events, "cost.near-cap"), count(&events, "cost.capped")), (1, 1), "{ran:?}");
    let collected =
        |event: &Value| event["event"] == "phase.ended" && event["phase"] == "collect" && event["ok"] == true;
    assert!(events.iter().any(collected), "{ran:?}");
    assert!(place(&events, "cost.capped") < place(&events, "machine.ended"), "{ran:?}");
    assert!(report(&cloud, &job).contains("test-"), "what there was is there");
    assert!(!cloud.output(&job).is_empty());
    // a test failed, and it was asked to keep the machine then; not for money that there is not
    assert_eq!(ran.summary()["cleanup"], "clean", "{ran:?}");
    nothing_runs(&cloud);

    // not driven when it came to that, taken up afterwards: stopped at once, and its results fetched all the same
    let mut client = cloud.run(&["--cap", "5"], &tests);
    let job = client.job();
    client.until_test("test-wait.t");
    client.kill();
    had_before(&cloud, &job, "i-00000003", 240);
    let again = cloud.hga(&["jobs", "attach", &job, "--json"]);
    assert_eq!(again.code, 103, "{again:?}");
    let events = again.json();
    assert_eq!((count(&events, "cost.near-cap"), count(&events, "cost.capped")), (0, 1), "{again:?}");
    assert!(report(&cloud, &job).contains("test-"), "{again:?}");
    nothing_runs(&cloud);

    // a cap that is far away
    let kinds = |flags: &[&str]| {
        let ran = cloud.run(flags, &["test-pass.t"]).wait();
        assert_eq!(ran.code, 0, "{ran:?}");
        let events = ran.json();
        let kinds = events.iter().filter(|event| event["event"] != "job.progress" && event["event"] != "run.read");
        kinds.map(|event| format!("{} {}", event["event"], event["phase"])).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&["--cap", "5"]), kinds(&[]));
    nothing_runs(&cloud);
}

/// The lease is asked for with half an hour; the cap pays for less than two minutes.
#[test]
fn a_machine_that_nobody_drives_lives_no_longer_than_its_cap_pays_for() {
    if !can_have_machines() {
        return;
    }
    let cloud = Cloud::start(QUICK);
    let mut client = cloud.run(&["--cap", "0.05", "--lease", "30m"], &["test-wait.t"]);
    let job = client.job();
    let launched = client.until("its launch", |event| event["event"] == "machine.launched");
    let moment = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let lease = moment(&launched["lease"]).duration_since(moment(&launched["at"])).as_secs();
    assert!((60..=118).contains(&lease), "{launched}");
    client.until_test("test-wait.t");
    client.kill();
    assert_eq!(cloud.alive().len(), 1);
    eventually("it ends itself", LIMIT, || cloud.alive().is_empty());
    let again = cloud.hga(&["jobs", "attach", &job, "--json"]);
    assert!([103, 105].contains(&again.code), "{again:?}");

    // one that is left to its lease
    let bare = ["machines", "launch", "--provider", "aws", "--lease", "2h", "--cap", "1"];
    let ran = cloud.hga(&bare);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("its cap pays for no more"), "{ran:?}");
    let listed = cloud.hga(&["machines", "list", "--provider", "aws", "--json"]);
    let running = listed.json().into_iter().find(|machine| machine["state"] == "running");
    let machine = running.unwrap_or_else(|| panic!("{listed:?} {ran:?}"));
    let left = moment(&machine["lease"]).duration_since(moment(&machine["launched"])).as_secs();
    // $1 at $1.53 and half a cent an hour, and its volume: 39 minutes rather than two hours
    assert!((2200..=2346).contains(&left), "{machine}");
    let id = machine["id"].as_str().unwrap();
    assert_eq!(cloud.hga(&["machines", "terminate", "--yes", id]).code, 0);
    nothing_runs(&cloud);
}

#[test]
fn a_day_whose_cap_is_used_up_refuses_launches_and_nothing_else() {
    if !can_have_machines() {
        return;
    }
    let cloud = Cloud::bare(QUICK);
    cloud.configure("[costs]\nday_cap = \"0.13\"\nalarm_after = \"1s\"");
    let launch =
        ["machines", "launch", "--provider", "aws", "--lease", "5m", "--instance-type", "c5.9xlarge", "--json"];
    let first = cloud.hga(&launch);
    assert_eq!(first.code, 0, "{first:?}");
    let launched = &first.json()[place(&first.json(), "machine.launched")];
    let id = launched["machine"].as_str().unwrap().to_owned();
    let jobs = || cloud.hga(&["jobs", "list", "--json"]).json().len();
    let before = (jobs(), cloud.alive());

    cloud.lab.forget_calls();
    let refused = cloud.hga(&launch);
    assert_eq!(refused.code, 2, "{refused:?}");
    for text in
        ["today has cost $0.0", "the cap of a day is $0.13", "--over-day-cap", "hga costs --today", &id, "$1.54/h"]
    {
        assert!(format!("{}{}", refused.out, refused.err).contains(text), "{text}: {refused:?}");
    }
    assert_eq!((jobs(), cloud.alive()), before, "nothing is written down, nothing launched");
    assert!(!cloud.lab.actions().contains(&"RunInstances".to_owned()));

    // this computer costs nothing
    let local = cloud.hga(&["machines", "launch", "--provider", "local", "--lease", "1m"]);
    assert_eq!(local.code, 0, "{local:?}");
    // whose machine was not kept on purpose is told, and this one was; ending is never refused
    let listed = cloud.hga(&["machines", "list"]);
    assert!(!listed.err.contains("outlives"), "{listed:?}");
    let ended = cloud.hga(&["machines", "terminate", "--yes", &id]);
    assert_eq!(ended.code, 0, "{ended:?}");

    // all the same; it does not come up, so that it is still being launched when it is stopped
    cloud.machine_fault("*", "no-ssh");
    let mut client = Client::of(cloud.command(&[&launch[..], &["--over-day-cap"]].concat()));
    client.job();
    client.until("its launch", |event| event["event"] == "machine.launched");
    // it cannot be ended: it outlives its job
    cloud.lab.faults(&json!([{"kind": "denied", "action": "TerminateInstances"}]));
    client.interrupt_twice();
    let ran = client.wait();
    cloud.lab.faults(&json!([]));
    assert_eq!(ran.code, 104, "{ran:?}");
    let left = cloud.alive();
    assert_eq!(left.len(), 1, "{left:?}");
    let told = || cloud.hga(&["machines", "list"]).err;
    eventually("the alarm", LIMIT, || told().contains("outlives its job"));
    let line = format!("`hga machines terminate {}` ends it", left[0].0);
    assert!(told().contains(&line), "{}", told());
    assert_eq!(cloud.hga(&["machines", "terminate", "--yes", &left[0].0]).code, 0);
    assert!(!told().contains("outlives"));
    nothing_runs(&cloud);
}
