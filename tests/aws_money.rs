//! Money on the command line against an AWS that behaves: machines that ended unseen are not counted on, a region that cannot be
//! asked is said, and a dry run tells what the same took before and launches nothing.

#![cfg(all(unix, feature = "aws"))]
#![expect(clippy::unwrap_used, reason = "a test says what it lacks and stops where it fails")]

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/lab.rs"]
mod lab;

use boon::{Compiler, Schemas};
use fleet::{Fleet, Ran};
use hgautomation::domain::money::{Bill, Labels, LedgerEntry, Platform, PriceBook, Usd};
use hgautomation::domain::{JobId, Phase, ProviderKind, Region, ResourceKind, ResourceRef, Timestamp};
use hgautomation::journal::Journal;
use jiff::SignedDuration;
use lab::{AT_ONCE, Lab};
use serde_json::{Value, json};

#[track_caller]
fn costs(ran: &Ran) -> Value {
    let document = ran.json().pop().unwrap();
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    let schema = serde_json::from_str(include_str!("../assets/costs.schema.json")).unwrap();
    compiler.add_resource("costs.json", schema).unwrap();
    let schema = compiler.compile("costs.json", &mut schemas).unwrap();
    assert_eq!(schemas.validate(&document, schema).err().map(|error| error.to_string()), None, "{document:#}");
    document
}

fn usd(value: &Value) -> Usd {
    value.as_str().unwrap_or_else(|| panic!("{value}")).parse().unwrap()
}

#[test]
fn what_ended_unseen_is_not_counted_on_and_what_cannot_be_seen_is_said() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let made = lab.boto(
        "made = run(2, InstanceType='c5.9xlarge', TagSpecifications=[tags('instance', Name='hg-x')])\n\
         made += run(1, InstanceType='u-6tb1.56xlarge', TagSpecifications=[tags('instance', Name='hg-odd')])\ndone(made)",
    );
    let id = |n: usize| made[n].as_str().unwrap().to_owned();
    let listed = fleet.hga(&lab, &["machines", "list", "--json"]);
    let listed = listed.json();
    let money = |id: &str| &listed.iter().find(|machine| machine["id"] == id).unwrap()["money"];
    assert_eq!((&money(&id(0))["hourly"], &money(&id(0))["unknown"]), (&json!("1.535"), &json!(false)));
    // unknown is not nothing
    assert_eq!((&money(&id(2))["price"], &money(&id(2))["hourly"]), (&Value::Null, &Value::Null));
    let table = fleet.hga(&lab, &["machines", "list"]).out;
    assert!(table.lines().any(|line| line.contains("u-6tb1.56xlarge") && line.contains("  unknown  ")), "{table}");

    // the plan says what it saves, and of what it is not known
    let plan = fleet.hga(&lab, &["terminate-ec2-instances", "--dry-run"]).out;
    assert_eq!(plan.matches("      ends $1.54/h\n").count(), 2, "{plan}");
    assert!(plan.contains("      its price is unknown\n"), "{plan}");
    assert!(plan.contains("In all this ends $3.07/h, 1 price is unknown and comes on top\n"), "{plan}");

    lab.boto(&format!("ec2.terminate_instances(InstanceIds=['{}'])", id(0)));
    let offline = costs(&fleet.hga(&lab, &["costs", "--json", "--offline"]));
    assert_eq!((&offline["burn"]["machines"], &offline["total"]["open"]), (&json!(3), &json!(3)));
    let looked = costs(&fleet.hga(&lab, &["costs", "--json"]));
    assert_eq!((&looked["burn"]["machines"], &looked["total"]["open"]), (&json!(2), &json!(2)));
    assert_eq!((&looked["burn"]["unknown"], &looked["unknown"]), (&json!(1), &json!([id(2)])));
    assert_eq!((usd(&looked["burn"]["hourly"]), &looked["troubles"]), (usd(&json!("1.535")), &json!([])));

    lab.faults(&json!([{"kind": "down", "region": lab::REGION}]));
    let ran = fleet.hga(&lab, &["costs", "--json"]);
    let unseen = costs(&ran);
    assert_eq!(ran.code, 100, "{ran:?}");
    assert_eq!((&unseen["troubles"][0]["region"], &unseen["total"]["open"]), (&json!(lab::REGION), &json!(2)));
    let ran = fleet.hga(&lab, &["costs"]);
    assert_eq!(ran.code, 100, "{ran:?}");
    assert!(ran.err.contains("not looked at: aws us-west-2"), "{ran:?}");
    assert!(ran.err.contains("machines that could not be looked at are counted as running"), "{ran:?}");
    // nobody is asked who need not be
    assert_eq!(fleet.hga(&lab, &["costs", "--offline"]).code, 0);
    let blind = fleet.hga(&lab, &["machines", "list"]);
    assert_eq!(blind.code, 100, "{blind:?}");
    assert!(blind.err.starts_with("no machines where it could be looked; not everything could be\n"), "{blind:?}");
    for (list, said) in [("images", "no images where"), ("resources", "nothing of ours where")] {
        let blind = fleet.hga(&lab, &[list, "list"]);
        assert_eq!(blind.code, 100, "{blind:?}");
        assert!(blind.err.starts_with(said), "{blind:?}");
    }

    // a list enters what it saw before it reckons: the first after an end says what the second does
    lab.faults(&json!([]));
    lab.boto(&format!("ec2.terminate_instances(InstanceIds=['{}'])", id(1)));
    let so_far = || {
        let listed = fleet.hga(&lab, &["machines", "list", "--json"]).json();
        listed.iter().find(|machine| machine["id"] == id(1)).unwrap()["money"]["so_far"].clone()
    };
    assert_eq!(so_far(), so_far());
    let table = fleet.hga(&lab, &["machines", "list"]).out;
    let line = table.lines().find(|line| line.starts_with(&id(1))).unwrap_or_else(|| panic!("{table}"));
    assert!(line.contains("  terminated  ") && !line.contains("$1.5"), "{line}");
}

/// Enters three runs of all tests with `-j36` on a c5.9xlarge: ten minutes besides the tests, twenty of tests.
fn three_runs(fleet: &Fleet) {
    let book = PriceBook::bundled();
    let bill = Bill::of_machine(book, &Region::usual(), "c5.9xlarge", Platform::Linux, false, (None, 1));
    let now = Timestamp::now();
    let before = |minutes| now - SignedDuration::from_mins(minutes);
    let mut entries = Vec::new();
    for n in 0..3 {
        let since = 24 * 60 * (40 + n);
        let job = JobId::new(format!("j-abc23{n}")).unwrap();
        let thing = ResourceRef {
            kind: ResourceKind::Machine,
            provider: ProviderKind::Aws,
            region: Some(Region::usual()),
            id: format!("i-{n}"),
        };
        let labels = Labels {
            account: None,
            owner: Some("anna".to_owned()),
            job: Some(job.clone()),
            operation: Some("run-tests-linux".to_owned()),
            about: Some("system3 on default: -j36".to_owned()),
        };
        let at = before(since);
        entries.push(LedgerEntry::Opened { thing: thing.clone(), at, bill: bill.clone(), labels, lease: None });
        entries.push(LedgerEntry::PhaseBegan { job: job.clone(), phase: Phase::Test, at: before(since - 5) });
        entries.push(LedgerEntry::PhaseEnded { job, phase: Phase::Test, at: before(since - 25), ok: true });
        entries.push(LedgerEntry::Ended { thing, at: before(since - 30), bound: false });
    }
    Journal::open(fleet.path("journal.sqlite")).unwrap().enter(&entries).unwrap();
}

#[test]
fn a_dry_run_tells_what_the_same_took_and_launches_nothing() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let config = "[aws]\nowner = \"anna\"\n[costs]\njob_cap = \"5\"\nday_cap = \"0.50\"\n";
    std::fs::write(fleet.path("config.toml"), config).unwrap();
    let asked = &["run-tests-linux", "--provider", "aws", "--dry-run"][..];
    let json_of = |more: &[&str]| {
        let ran = fleet.hga(&lab, &[&["--json"], asked, more].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json().pop().unwrap()
    };
    // without a history no time is made up; another kind of work is compared by the price of a processor
    let told = json_of(&["-j36"]);
    assert_eq!((&told["usd"], &told["seconds"], &told["runs"]), (&Value::Null, &Value::Null, &json!(0)));
    assert_eq!((&told["at_most"], &told["compared_by"]), (&json!("3.07"), &json!("a processor and hour")));
    three_runs(&fleet);
    let told = json_of(&["-j36"]);
    assert_eq!((&told["runs"], &told["seconds"], &told["usd"]), (&json!(3), &json!(1800), &json!("0.7675")));
    assert!(told["price_source"].as_str().unwrap().starts_with("list price of "), "{told:#}");
    assert_eq!((&told["cap"], &told["day"]["cap"]), (&json!("5"), &json!("0.5")));
    assert!(told["day"]["refuses"].as_str().unwrap().contains("would cost about $0.77"), "{told:#}");
    // ten minutes and 36/16 of twenty
    let others = told["alternatives"].as_array().unwrap();
    let smaller = others.iter().find(|one| one["instance_type"] == "c5.4xlarge" && one["spot_zone"].is_null());
    let smaller = smaller.unwrap_or_else(|| panic!("{told:#}"));
    assert_eq!((&smaller["seconds"], &smaller["usd"]), (&json!(3300), &json!("0.623333333333")));
    assert_eq!(json_of(&["test-add.t"])["runs"], 0, "other tests tell nothing of these");

    let text = fleet.hga(&lab, &[asked, &["-j36"]].concat()).out;
    for said in [
        "Launches     c5.9xlarge in us-west-2, for a run of tests\n",
        "Time         30m 00s as the last 3 runs took\n",
        "Cost         about $0.77\n",
        "At most      $3.07 until its lease of 2h ends it",
        "Cap          $5.00 for this job\n",
        "Day's cap    it would be refused: ",
        "c5.9xlarge (chosen)",
        "may be taken away at any time; hga launches on demand only\n",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let over = fleet.hga(&lab, &[asked, &["--over-day-cap", "--cap", "none", "-j36"]].concat()).out;
    assert!(
        over.contains("`--over-day-cap` launches it all the same\n") && over.contains("none for this job"),
        "{over}"
    );

    // launches and images, and what costs nothing
    let launch = fleet.hga(&lab, &["machines", "launch", "--provider", "aws", "--dry-run", "--lease", "30m"]).out;
    assert!(launch.contains("$0.77 until its lease of 30m ends it"), "{launch}");
    let bake = &["bootstrap-linux-dev", "--provider", "aws", "--distros", "debian12,debian13", "--dry-run"];
    let bake = fleet.hga(&lab, bake).out;
    assert!(
        bake.contains("Launches     2 × t3.2xlarge") && bake.contains("t3.2xlarge is of a burstable family"),
        "{bake}"
    );
    let local = fleet.hga(&lab, &["machines", "launch", "--dry-run"]);
    assert_eq!(local.out, "the machine would be one of this computer, which costs nothing\n");
    assert!(!lab.actions().iter().any(|action| action == "RunInstances"), "{:?}", lab.actions());
    assert_eq!(fleet.hga(&lab, &["jobs", "list", "--json"]).out, "");
}
