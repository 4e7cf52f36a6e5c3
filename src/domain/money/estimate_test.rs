//! What work will cost, from what it cost before.

use super::super::fixtures::*;
use super::super::{Labels, LedgerEntry, PriceSheet, PriceTag};
use super::*;
use crate::domain::Timestamp;

/// A run of tests: ten minutes of setup, then so many seconds of tests on a c5.9xlarge, then a minute.
fn run(number: u32, test: i64, ok: bool) -> Vec<LedgerEntry> {
    run_on(number, "c5.9xlarge", test, ok)
}

fn run_on(number: u32, name: &str, test: i64, ok: bool) -> Vec<LedgerEntry> {
    let (id, job) = (machine(&format!("i-{number}")), job(&format!("j-{number}")));
    let begin = later(at("2026-11-01"), i64::from(number) * 86_400);
    let (from, to) = (later(begin, 600), later(begin, 600 + test));
    let labels = Labels {
        account: None,
        job: Some(job.clone()),
        operation: Some("run-tests-linux".to_owned()),
        about: Some("all".to_owned()),
        owner: None,
    };
    let mut bill = compute("1.53");
    bill.instance_type = Some(name.to_owned());
    vec![
        LedgerEntry::Opened { thing: id.clone(), at: begin, bill, labels, lease: None },
        LedgerEntry::PhaseBegan { job: job.clone(), phase: Phase::Test, at: from },
        LedgerEntry::PhaseEnded { job, phase: Phase::Test, at: to, ok },
        ended(id, later(to, 60)),
    ]
}

fn work(name: &str) -> Work {
    Work {
        operation: "run-tests-linux".to_owned(),
        about: Some("all".to_owned()),
        region: region("us-west-2"),
        instance_type: name.to_owned(),
        disk_gb: Some(73),
        addresses: 1,
        lease: 7_200,
        cap: None,
    }
}

fn history(runs: &[Vec<LedgerEntry>]) -> Option<(u64, u64, u32)> {
    let history = History::of(&fold(runs.concat().iter()), PriceBook::bundled(), "run-tests-linux", Some("all"))?;
    Some((history.setup, history.processor_seconds, history.runs))
}

#[test]
fn a_history_is_the_middle_of_the_newest_whole_runs() {
    assert_eq!(history(&[]), None);
    assert_eq!(history(&[run(1, 3_600, true)]), Some((660, 3_600 * 36, 1)));
    // one that was broken off, and one that is under way, tell nothing
    assert_eq!(history(&[run(1, 3_600, true), run(2, 10, false)]), Some((660, 3_600 * 36, 1)));
    assert_eq!(history(&[run(1, 3_600, true), run(2, 10, true)[..3].to_vec()]), Some((660, 3_600 * 36, 1)));
    assert_eq!(history(&[run(1, 10, false)]), None);
    let many: Vec<_> = (1..=9).map(|number| run(number, 100 * i64::from(number), true)).collect();
    // the last five: 500 to 900
    assert_eq!(history(&many), Some((660, 700 * 36, 5)));
    // on another type its processors count
    assert_eq!(history(&[run_on(1, "c5.4xlarge", 1_000, true)]), Some((660, 16_000, 1)));
    // of a type whose processors are not known nothing is learned
    assert_eq!(history(&[run_on(1, "x99.gigantic", 1_000, true)]), None);
    let other = History::of(&fold(run(1, 10, true).iter()), PriceBook::bundled(), "run-tests-linux", Some("one"));
    assert_eq!(other, None);
}

/// A job's phases, each of so many seconds after the job began, and whether it did what it was for.
fn phases(number: u32, all: &[(Phase, i64, i64, bool)]) -> Vec<LedgerEntry> {
    let (job, begin) = (job(&format!("j-{number}")), later(at("2026-11-01"), i64::from(number) * 86_400));
    let span = |&(phase, from, to, ok): &(Phase, i64, i64, bool)| {
        let job = job.clone();
        [
            LedgerEntry::PhaseBegan { job: job.clone(), phase, at: later(begin, from) },
            LedgerEntry::PhaseEnded { job, phase, at: later(begin, to), ok },
        ]
    };
    all.iter().flat_map(span).collect()
}

/// A machine of a job, from so many seconds after the job began on; a c5.9xlarge.
fn life(number: u32, id: &str, verb: &str, (from, to): (i64, Option<i64>)) -> Vec<LedgerEntry> {
    let begin = later(at("2026-11-01"), i64::from(number) * 86_400);
    let labels = Labels {
        account: None,
        job: Some(job(&format!("j-{number}"))),
        operation: Some(verb.to_owned()),
        about: Some("all".to_owned()),
        owner: None,
    };
    let thing = machine(id);
    let open = LedgerEntry::Opened {
        thing: thing.clone(),
        at: later(begin, from),
        bill: compute("1.53"),
        labels,
        lease: None,
    };
    Some(open).into_iter().chain(to.map(|to| ended(thing, later(begin, to)))).collect()
}

#[test]
fn only_what_was_done_to_its_end_is_the_same_work() {
    const TESTED: (Phase, i64, i64, bool) = (Phase::Test, 1_500, 2_500, true);
    let (tests, bake) = ("run-tests-linux", "bootstrap-linux-dev");
    let baked = |to| life(1, "i-1", tests, (0, to));
    let tested = |to| life(1, "i-2", tests, (1_000, to));
    for (name, entries, verb, expected) in [
        // of two machines the one that the tests ran on, whether the other is gone by then or not
        ("baked", [phases(1, &[TESTED]), baked(Some(900)), tested(Some(2_600))].concat(), tests, Some((600, 1_000))),
        (
            "beside",
            [phases(1, &[TESTED]), baked(Some(3_000)), tested(Some(2_600))].concat(),
            tests,
            Some((600, 1_000)),
        ),
        ("still there", [phases(1, &[TESTED]), baked(Some(3_000)), tested(None)].concat(), tests, None),
        // it took a machine that was there, and ended one that it made an image on
        ("elsewhere", [phases(1, &[TESTED]), baked(Some(900))].concat(), tests, None),
        // given up before its tests began
        ("early", [phases(1, &[(Phase::Launch, 0, 900, true)]), baked(Some(900))].concat(), tests, None),
        ("nothing known", baked(Some(900)), tests, None),
        // the first machine was taken away
        (
            "again",
            [phases(1, &[(Phase::Test, 500, 800, false), TESTED]), baked(Some(900)), tested(Some(2_600))].concat(),
            tests,
            Some((600, 1_000)),
        ),
        // what has no tests is done once its last phase is
        (
            "made",
            [phases(1, &[(Phase::Launch, 0, 900, true)]), life(1, "i-1", bake, (0, Some(900)))].concat(),
            bake,
            Some((900, 0)),
        ),
        (
            "not made",
            [
                phases(1, &[(Phase::Launch, 0, 100, true), (Phase::Launch, 100, 900, false)]),
                life(1, "i-1", bake, (0, Some(900))),
            ]
            .concat(),
            bake,
            None,
        ),
    ] {
        let history = History::of(&fold(entries.iter()), PriceBook::bundled(), verb, Some("all"));
        let known = history.map(|history| (history.setup, history.processor_seconds / 36));
        assert_eq!(known, expected, "{name}");
        assert!(history.is_none_or(|history| history.runs == 1), "{name}");
    }
}

#[test]
fn an_estimate_is_the_time_times_all_that_is_charged() {
    let ledger = fold(run(1, 3_600, true).iter());
    let told = estimate(&ledger, PriceBook::bundled(), work("c5.9xlarge"));
    // 1.53, an address, 73 GB at 0.08 in a month of 730 hours
    assert_eq!(told.hourly.unwrap().exact(), "1.543");
    // an hour of tests and eleven minutes: 1.543 × 4260 / 3600; two hours at most
    assert_eq!((told.seconds, told.runs), (Some(4_260), 1));
    assert_eq!(told.usd.unwrap().exact(), "1.825883333333");
    assert_eq!(told.at_most.unwrap().exact(), "3.086");
    // 36 processors took an hour: 16 take two and a quarter
    let smaller = estimate(&ledger, PriceBook::bundled(), work("c5.4xlarge"));
    assert_eq!(smaller.seconds, Some(660 + 8_100));
    // what is not known is not told as nothing
    let unknown = estimate(&ledger, PriceBook::bundled(), work("x99.gigantic"));
    assert_eq!((unknown.hourly, unknown.usd, unknown.at_most, unknown.seconds), (None, None, None, None));
    assert!(unknown.alternatives.is_empty());
    let burstable = estimate(&ledger, PriceBook::bundled(), Work { disk_gb: None, ..work("t3.2xlarge") });
    assert!(burstable.not_included.iter().any(|line| line.starts_with("$0.05 for every processor and hour")));
    assert!(burstable.not_included.iter().any(|line| line == "its volumes"));
}

/// In Ireland no volume has a price, and what is known nowhere has no price of a machine either.
#[test]
fn what_has_no_price_is_named_and_not_said_to_be_in_it() {
    let book = PriceBook::bundled();
    let told = |place: &str, disk_gb, addresses| {
        let work = Work { region: region(place), disk_gb, addresses, ..work("c5.9xlarge") };
        let told = estimate(&Ledger::default(), book, work);
        let names = ["its address", "its volumes"];
        let missing = told.not_included.iter().filter(|line| names.contains(&line.as_str())).cloned();
        (told.hourly.unwrap().exact(), told.included().join(" and "), missing.collect::<Vec<_>>().join(" and "))
    };
    for (place, disk_gb, addresses, hourly, included, missing) in [
        ("us-west-2", Some(73), 1, "1.543", "address and volumes", ""),
        ("us-west-2", Some(73), 0, "1.538", "volumes", ""),
        ("us-west-2", None, 1, "1.535", "address", "its volumes"),
        ("eu-west-1", Some(73), 1, "1.733", "address", "its volumes"),
        ("eu-west-1", Some(73), 0, "1.728", "", "its volumes"),
    ] {
        let expected = (hourly.to_owned(), included.to_owned(), missing.to_owned());
        assert_eq!(told(place, disk_gb, addresses), expected, "{place} {disk_gb:?} {addresses}");
    }
}

#[test]
fn alternatives_cost_the_same_or_less() {
    let book = PriceBook::bundled();
    let names = |found: &[Alternative]| found.iter().map(|one| one.instance_type.clone()).collect::<Vec<_>>();
    // by the hour of a processor c5.4xlarge costs what c5.9xlarge does, as the predecessor says
    let plain = alternatives(book, &work("c5.9xlarge"), None);
    assert!(names(&plain).contains(&"c5.4xlarge".to_owned()), "{plain:?}");
    let history = History { setup: 660, processor_seconds: 36 * 3_600, runs: 3 };
    for found in [plain, alternatives(book, &work("c5.9xlarge"), Some(history))] {
        assert!(!found.is_empty());
        for one in &found {
            assert!(one.percent <= 105 && !book.facts(&one.instance_type).unwrap().arm, "{one:?}");
            assert!(
                !book.facts(&one.instance_type).unwrap().burstable && one.instance_type != "c5.9xlarge",
                "{one:?}"
            );
        }
        assert!(found.is_sorted_by_key(|one| one.percent));
    }
    // the same work on fewer processors: setup is cheaper there, tests cost the same
    let found = alternatives(book, &work("c5.9xlarge"), Some(history));
    let smaller = found.iter().find(|one| one.instance_type == "c5.4xlarge").unwrap();
    assert_eq!((smaller.seconds, smaller.usd.unwrap().exact().as_str()), (Some(8_760), "1.654666666667"));
    // 1.654666 of 1.8105
    assert_eq!(smaller.percent, 91);

    let spot = PriceTag {
        region: region("us-west-2"),
        item: Item::Spot {
            instance_type: "c5.9xlarge".to_owned(),
            platform: Platform::Linux,
            zone: "us-west-2b".to_owned(),
        },
        quote: listed("0.5"),
        facts: None,
    };
    let book = book.with(&PriceSheet { asked: Timestamp::UNIX_EPOCH, prices: vec![spot] });
    let first = alternatives(&book, &work("c5.9xlarge"), None).remove(0);
    assert_eq!(
        (first.instance_type.as_str(), first.spot_zone.as_deref(), first.percent),
        ("c5.9xlarge", Some("us-west-2b"), 32)
    );
}

#[test]
fn a_cap_ends_it_before_its_lease_and_pays_for_a_minute_at_least() {
    let of = |cap: &str| {
        let work = Work { cap: Some(cap.parse().unwrap()), ..work("c5.9xlarge") };
        estimate(&fold(&[]), PriceBook::bundled(), work)
    };
    // 1.53 for the machine, 0.005 for its address, 73 GB at 0.08 for a month of 730 hours: 1.543 an hour
    let most = |cap: &str| of(cap).at_most.map(Usd::price);
    assert_eq!((most("1").as_deref(), of("1").ends_at_cap), (Some("$1.00"), true));
    assert_eq!((most("5").as_deref(), of("5").ends_at_cap), (Some("$3.086"), false));
    assert_eq!(of("1").line(), "$1.54/h; at most $1.00, its cap");
    assert_eq!(of("1").say_most().as_deref(), Some("at most $1.00, when its cap ends it"));
    assert_eq!(super::super::cap_refuses(&of("0.03")), None);
    let refused = super::super::cap_refuses(&of("0.005"));
    let said = "its cap of $0.005 does not pay for the first minute of a c5.9xlarge, which costs $0.02572";
    assert_eq!(refused.as_deref(), Some(said));
}

#[test]
fn what_is_left_to_its_lease_is_compared_with_nothing_that_was_done() {
    let launch = |number: u32| {
        let mut entries = run(number, 60, true);
        for entry in &mut entries {
            if let LedgerEntry::Opened { labels, .. } = entry {
                labels.operation = Some("machines launch".to_owned());
                labels.about = None;
            }
        }
        entries
    };
    let work = Work { operation: "machines launch".to_owned(), about: None, ..work("c5.9xlarge") };
    let told = estimate(&fold(launch(1).iter()), PriceBook::bundled(), work);
    assert_eq!((told.seconds, told.usd, told.runs), (None, None, 0));
    assert_eq!(told.at_most.map(Usd::price).as_deref(), Some("$3.086"));
}
