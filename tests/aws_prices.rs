//! Prices against a Price List and a Spot market that behave: what is asked is kept and shown as what it is, the bundled book
//! is held against it, and whatever is not answered, or answered with nonsense, loses nothing of what was known.

#![cfg(all(unix, feature = "aws"))]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/lab.rs"]
mod lab;

use fleet::{Fleet, Ran};
use lab::{AT_ONCE, Lab};
use serde_json::{Value, json};
use std::fs;

const WEST: &str = "us-west-2";

/// What `prices list` says of some types, in a region.
#[track_caller]
fn listed(lab: &Lab, fleet: &Fleet, region: &str, types: &[&str]) -> Vec<Value> {
    let ran = fleet.hga(lab, &[&["prices", "list", "--json", "--aws-region", region], types].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json()
}

/// The price of an hour on demand, and how it is known.
#[track_caller]
fn hour(lab: &Lab, fleet: &Fleet, region: &str, kind: &str, platform: &str) -> (String, String) {
    let all = listed(lab, fleet, region, &[kind]);
    let found = all.iter().find(|one| one["item"] == "machine" && one["platform"] == platform).unwrap();
    (found["usd"].as_str().unwrap_or("unknown").to_owned(), found["known"].as_str().unwrap().to_owned())
}

fn bundled(of: &(String, String)) -> bool {
    of.1.starts_with("bundled estimate of 20")
}

fn told(of: &(String, String)) -> bool {
    of.1.starts_with("list price of 20")
}

#[track_caller]
fn refresh(lab: &Lab, fleet: &Fleet, code: i32) -> Ran {
    let ran = fleet.hga(lab, &["prices", "refresh"]);
    assert_eq!(ran.code, code, "{ran:?}");
    ran
}

fn price(what: &str, kind: &str, usd: &str) -> Value {
    json!({"region": WEST, "what": what, "type": kind, "price": usd})
}

#[test]
fn what_the_list_says_is_kept_and_shown_as_that() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let before = hour(&lab, &fleet, WEST, "c5.9xlarge", "linux");
    assert!(before.0 == "1.53" && bundled(&before), "{before:?}");
    assert!(lab.calls().is_empty(), "a list asks nobody");
    // what nobody knows is unknown
    assert_eq!(hour(&lab, &fleet, WEST, "x9.large", "linux"), ("unknown".to_owned(), "unknown".to_owned()));

    lab.prices(&json!([price("linux", "c5.9xlarge", "1.6"), price("windows", "c5.4xlarge", "1.4")]));
    let ran = refresh(&lab, &fleet, 0);
    assert!(
        ran.out.contains("c5.9xlarge linux") && ran.out.contains("$1.53") && ran.out.contains("$1.60"),
        "{ran:?}"
    );
    assert!(!ran.out.contains("c7i.8xlarge"), "what is the same is no change: {ran:?}");
    let asked = lab.calls();
    let of = |action: &str| asked.iter().filter(|call| call["action"] == action).collect::<Vec<_>>();
    // all types of a system at once, then volumes, snapshots and addresses
    assert_eq!(of("GetProducts").len(), 5, "{asked:?}");
    assert!(of("GetProducts").iter().all(|call| call["region"] == "us-east-1"), "where the service is: {asked:?}");
    assert!(of("DescribeSpotPriceHistory").iter().all(|call| call["region"] == WEST), "{asked:?}");

    lab.reset();
    lab.faults(&json!([{"kind": "down"}]));
    let kept = hour(&lab, &fleet, WEST, "c5.9xlarge", "linux");
    assert!(kept.0 == "1.6" && told(&kept), "{kept:?}");
    assert_eq!(hour(&lab, &fleet, WEST, "c5.4xlarge", "windows").0, "1.4");
    let elsewhere = hour(&lab, &fleet, "eu-west-1", "c5.9xlarge", "linux");
    assert!(elsewhere.0 == "1.728" && bundled(&elsewhere), "it was not asked for: {elsewhere:?}");

    let spot: Vec<Value> =
        listed(&lab, &fleet, WEST, &["c5.9xlarge"]).into_iter().filter(|one| one["item"] == "spot").collect();
    assert_eq!(spot.len(), 8, "four zones, two systems: {spot:?}");
    assert!(spot.iter().all(|one| one["known"] == "spot now"), "{spot:?}");
    let all = fleet.hga(&lab, &["prices", "list"]);
    assert_eq!(all.out.matches("c5.9xlarge linux spot").count(), 1, "of all the cheapest: {}", all.out);
    for words in ["gp3 volume", "snapshot, at most", "public IPv4 address", "/GB-mo", "list price of", "spot now"] {
        assert!(all.out.contains(words), "{words}: {}", all.out);
    }
    let facts = listed(&lab, &fleet, WEST, &["c5.9xlarge"]).into_iter().find(|one| one["item"] == "machine").unwrap();
    assert_eq!(facts["vcpus"], 36);
    assert_eq!(facts["usd_per_vcpu_hour"], "0.044444444444");
}

#[test]
fn types_that_the_book_does_not_know_are_asked_for_where_they_are_named() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let config = "[aws]\nowner = \"anna\"\ninstance_type = \"c6i.16xlarge\"\n";
    fs::write(fleet.path("config.toml"), config).unwrap();
    assert_eq!(hour(&lab, &fleet, WEST, "c6i.16xlarge", "linux").0, "unknown");
    refresh(&lab, &fleet, 0);
    assert_eq!(hour(&lab, &fleet, WEST, "c6i.16xlarge", "linux").0, "2.72");
    assert_eq!(hour(&lab, &fleet, WEST, "c6i.16xlarge", "windows").0, "5.664");
    let found = listed(&lab, &fleet, WEST, &["c6i.16xlarge"]);
    assert_eq!(found[0]["vcpus"], 64, "{found:?}");
}

#[test]
fn the_bundled_book_is_held_against_the_list() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let agrees = fleet.hga(&lab, &["prices", "check"]);
    assert_eq!(agrees.code, 0, "{agrees:?}");
    assert_eq!(agrees.out, "");
    assert!(agrees.err.contains("as AWS's price list has them"), "{agrees:?}");
    assert!(!fleet.path("prices.json").exists(), "a check keeps nothing");
    let items = fleet.hga(&lab, &["prices", "check", "--json"]).json();
    let outcome = |outcome: &str| items.iter().filter(|one| one["outcome"] == outcome).count();
    // types and regions of the table that the book was made from, and Windows of all but ARM
    assert!(outcome("agrees") > 80, "{items:?}");
    assert_eq!(outcome("differs") + outcome("missing"), 0, "{items:?}");
    assert!(
        items
            .iter()
            .all(|one| one["outcome"] != "not-asked" || one["item"] == "transfer" || one["item"] == "surplus")
    );

    lab.prices(&json!([
        price("linux", "c5.9xlarge", "1.61"),
        {"region": "eu-west-1", "what": "windows", "type": "m6i.large", "price": null},
        {"region": "us-east-1", "what": "snapshot", "price": "0.055"},
    ]));
    let differs = fleet.hga(&lab, &["prices", "check"]);
    assert_eq!(differs.code, 1, "{differs:?}");
    assert_eq!(differs.out.lines().count(), 4, "{differs:?}");
    let line = |what: &str| differs.out.lines().find(|line| line.starts_with(what)).unwrap().to_owned();
    let today = today();
    for (what, parts) in [
        ("c5.9xlarge linux", ["us-west-2", "$1.53", "2025-03-02", "$1.61", &today]),
        ("m6i.large windows", ["eu-west-1", "$0.199", "2025-03-02", "not in the list", "-"]),
        ("snapshot", ["us-east-1", "$0.05", "2026-09-06", "$0.055", &today]),
    ] {
        assert!(parts.iter().all(|part| line(what).contains(part)), "{parts:?}: {}", line(what));
    }
    // nothing else of AWS is needed for it
    let mut alone = fleet.command(&lab, &["prices", "check", "--aws-region", "us-east-2"]);
    alone.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").env("AWS_ENDPOINT_URL_PRICING", lab.endpoint());
    let one: Ran = alone.output().unwrap().into();
    assert_eq!(one.code, 0, "it agrees there: {one:?}");
    // the endpoint is the nearest of those there are
    lab.forget_calls();
    let eu = fleet.hga(&lab, &["prices", "check", "--aws-region", "eu-west-1"]);
    assert_eq!(eu.code, 1, "{eu:?}");
    assert!(lab.calls().iter().all(|call| call["region"] == "eu-central-1"), "{:?}", lab.calls());
}

#[test]
fn what_is_not_a_region_is_said_and_what_is_no_price_is_counted_for_itself() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let ran = fleet.hga(&lab, &["prices", "refresh", "--aws-region", "mars-1"]);
    assert_eq!(ran.code, 100, "{ran:?}");
    assert!(ran.err.contains("warning: aws mars-1: the price list has nothing of this region\n"), "{ran:?}");
    let ran = fleet.hga(&lab, &["prices", "check", "--aws-region", "mars-1"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("there are no bundled prices of `mars-1`"), "{ran:?}");

    for garbage in ["banana", "-3", "0", &"1".repeat(400)] {
        lab.prices(&json!([price("linux", "c5.9xlarge", garbage)]));
        let ran = fleet.hga(&lab, &["prices", "check", "--aws-region", WEST]);
        assert_eq!(ran.code, 100, "{garbage}: {ran:?}");
        assert!(ran.err.contains(", 1 answered with no price, "), "{garbage}: {ran:?}");
        assert!(ran.err.lines().all(|line| line.len() < 260), "{garbage}: {ran:?}");
    }
    // of what is shown, not of what was asked elsewhere
    refresh(&lab, &fleet, 100);
    let shown = |region: &str| fleet.hga(&lab, &["prices", "list", "--aws-region", region]).err;
    assert_eq!(shown(WEST), format!("\nAWS was asked for these last on {}\n", today()));
    assert!(shown("us-east-1").starts_with("\nAWS was not asked for any of these\n"), "{}", shown("us-east-1"));
}

/// The day it is, as lists of prices have it.
fn today() -> String {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

#[test]
fn what_may_not_be_asked_is_named_and_loses_nothing_else() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    lab.faults(&json!([{"kind": "denied", "action": "GetProducts", "id": "eu-west-1"}]));
    let partly = fleet.hga(&lab, &["prices", "check"]);
    assert_eq!(partly.code, 100, "{partly:?}");
    assert!(
        partly.err.contains("warning: aws eu-west-1: could not ask the price list for `eu-west-1`"),
        "{partly:?}"
    );
    assert_eq!(partly.err.matches("warning:").count(), 1, "each region once: {partly:?}");
    assert!(partly.err.contains("`pricing:GetProducts` is missing"), "{partly:?}");
    assert!(partly.err.contains("not asked for"), "{partly:?}");
    lab.prices(&json!([price("linux", "c5.9xlarge", "1.61")]));
    assert_eq!(fleet.hga(&lab, &["prices", "check"]).code, 1, "what differs is told all the same");

    lab.reset();
    refresh(&lab, &fleet, 0);
    lab.prices(&json!([price("linux", "c5.9xlarge", "1.61")]));
    lab.faults(&json!([{"kind": "denied", "action": "GetProducts"}]));
    let other = Fleet::new();
    for (fleet, known) in [(&other, bundled as fn(&(String, String)) -> bool), (&fleet, told)] {
        let ran = refresh(&lab, fleet, 100);
        assert!(ran.err.contains("`pricing:GetProducts` is missing"), "{ran:?}");
        let kept = hour(&lab, fleet, WEST, "c5.9xlarge", "linux");
        assert!(kept.0 == "1.53" && known(&kept), "{kept:?}");
        let spot = listed(&lab, fleet, WEST, &["c5.9xlarge"]);
        assert!(spot.iter().any(|one| one["known"] == "spot now"), "Spot was answered: {spot:?}");
    }

    lab.faults(&json!([{"kind": "denied", "action": "DescribeSpotPriceHistory"}]));
    let third = Fleet::new();
    let ran = refresh(&lab, &third, 100);
    assert!(ran.err.contains("could not ask for Spot prices in `us-west-2`"), "{ran:?}");
    assert_eq!(hour(&lab, &third, WEST, "c5.9xlarge", "linux").0, "1.61", "the list was answered");
}

#[test]
fn nobody_to_ask_is_an_error_of_its_own() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let mut alone = fleet.command(&lab, &["prices", "check"]);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        alone.env_remove(name);
    }
    let ran: Ran = alone.env("HOME", fleet.path("nobody")).output().unwrap().into();
    assert_eq!(ran.code, 100, "{ran:?}");
    assert!(ran.err.contains("`aws` is not set up"), "{ran:?}");
    assert!(lab.calls().is_empty());
}

#[test]
fn throttling_is_waited_out() {
    let lab = Lab::start(&[AT_ONCE, &["--page", "3"]].concat());
    let fleet = Fleet::new();
    lab.faults(&json!([
        {"kind": "throttle", "action": "GetProducts", "times": 6},
        {"kind": "throttle", "action": "DescribeSpotPriceHistory", "times": 2},
    ]));
    refresh(&lab, &fleet, 0);
    assert!(told(&hour(&lab, &fleet, WEST, "c5.9xlarge", "linux")));
    // every page of the Spot market
    let spot = listed(&lab, &fleet, WEST, &["c5.9xlarge", "t3.medium"]);
    assert_eq!(spot.iter().filter(|one| one["item"] == "spot").count(), 16, "{spot:?}");
    assert!(lab.calls().iter().any(|call| call["status"] == 400), "it was throttled");
}

#[test]
fn nonsense_is_named_and_the_last_good_price_stays() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    lab.prices(&json!([price("linux", "c5.9xlarge", "1.55")]));
    refresh(&lab, &fleet, 0);
    let with = |more: Value| {
        let mut change = price("linux", "c5.9xlarge", "1.7");
        change.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([change, price("linux", "c5.4xlarge", "0.69")])
    };
    for (more, why) in [
        (json!({"price": "0"}), "`0.0000000000` is no price"),
        (json!({"price": "-1"}), "`-1.0000000000` is no price"),
        (json!({"price": "free"}), "`free` is no amount"),
        (json!({"price": "1000000"}), "is no price"),
        (json!({"currency": "CNY"}), "it is in CNY, not in US dollars"),
        (json!({"twice": true}), "the list has 2 products for it"),
        (json!({"raw": "{\"product\":"}), "cannot be read"),
    ] {
        lab.prices(&with(more));
        let ran = refresh(&lab, &fleet, 100);
        assert!(ran.err.contains(why), "{why}: {ran:?}");
        let kept = hour(&lab, &fleet, WEST, "c5.9xlarge", "linux");
        assert!(kept.0 == "1.55" && told(&kept), "{why}: {kept:?}");
        assert_eq!(hour(&lab, &fleet, WEST, "c5.4xlarge", "linux").0, "0.69", "{why}");
    }
    // a zone that is not sold any more is not the cheapest for ever
    lab.prices(
        &json!([{"region": WEST, "what": "spot-linux", "type": "c5.9xlarge", "zone": "us-west-2b", "price": "0.01"}]),
    );
    refresh(&lab, &fleet, 0);
    let cheapest = |what: &str| {
        let all = fleet.hga(&lab, &["prices", "list"]).out;
        all.lines().find(|line| line.starts_with(what)).unwrap().to_owned()
    };
    assert!(cheapest("c5.9xlarge linux spot").contains("us-west-2b"));
    lab.prices(
        &json!([{"region": WEST, "what": "spot-linux", "type": "c5.9xlarge", "zone": "us-west-2b", "price": null}]),
    );
    refresh(&lab, &fleet, 0);
    assert!(!cheapest("c5.9xlarge linux spot").contains("us-west-2b"));
}

#[test]
fn a_file_that_cannot_be_read_or_written_is_told_and_nothing_depends_on_it() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let file = fleet.path("prices.json");
    refresh(&lab, &fleet, 0);
    let whole = fs::read_to_string(&file).unwrap();
    for damaged in [&whole[..whole.len() / 2], "", "[]", "{\"asked\": 1}"] {
        fs::write(&file, damaged).unwrap();
        assert!(bundled(&hour(&lab, &fleet, WEST, "c5.9xlarge", "linux")), "{damaged:.20}");
        refresh(&lab, &fleet, 0);
        assert!(told(&hour(&lab, &fleet, WEST, "c5.9xlarge", "linux")));
    }
    // even the superuser cannot put a file in the place of a folder with something in it
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    fs::write(file.join("x"), "").unwrap();
    let ran = refresh(&lab, &fleet, 100);
    assert!(ran.err.contains("could not keep the prices in"), "{ran:?}");
    assert!(bundled(&hour(&lab, &fleet, WEST, "c5.9xlarge", "linux")));
    let left = fs::read_dir(fleet.folder.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("new-")), "{left:?}");
}

#[test]
fn a_launch_asks_the_list_aside_and_does_not_wait_for_it() {
    let lab = Lab::start(AT_ONCE);
    let fleet = Fleet::new();
    let config = format!("[aws]\nowner = \"anna\"\naddress_from = \"{}/lab/address\"\n", lab.endpoint());
    fs::write(fleet.path("config.toml"), config).unwrap();
    lab.boto(
        "image = ec2.create_image(InstanceId=run(1)[0], Name='hg-linux-dev-debian12-20260101-0000-000000')['ImageId']\n\
         ec2.create_tags(Resources=[image], Tags=[{'Key': 'hg-owner', 'Value': 'anna'}])\ndone(image)",
    );
    lab.forget_calls();
    lab.faults(&json!([{"kind": "hang", "service": "pricing"}]));
    let launch = ["machines", "launch", "--provider", "aws"];
    let mut waits = fleet.begin(&lab, &launch);
    // the list never answers
    eventually("a launch", || lab.actions().iter().any(|action| action == "RunInstances"));
    eventually("a question", || lab.actions().iter().any(|action| action == "GetProducts"));
    assert!(!fleet.path("prices.json").exists());
    waits.kill().unwrap();
    waits.wait().unwrap();

    lab.faults(&json!([]));
    lab.forget_calls();
    let mut asks = fleet.begin(&lab, &launch);
    eventually("prices", || fleet.path("prices.json").exists());
    asks.kill().unwrap();
    asks.wait().unwrap();
    assert!(told(&hour(&lab, &fleet, WEST, "c5.9xlarge", "linux")));

    // what was asked a moment ago is not asked again
    lab.forget_calls();
    let mut third = fleet.begin(&lab, &launch);
    eventually("a launch", || lab.actions().iter().any(|action| action == "RunInstances"));
    third.kill().unwrap();
    third.wait().unwrap();
    assert!(!lab.actions().iter().any(|action| action == "GetProducts"), "{:?}", lab.actions());
}

/// Waits until it holds.
#[track_caller]
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let since = std::time::Instant::now();
    while !holds() {
        assert!(since.elapsed() < std::time::Duration::from_secs(180), "no {what}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
