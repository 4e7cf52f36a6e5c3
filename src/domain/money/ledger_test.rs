//! What a ledger makes of its entries: stops and starts, ends that are known and bounded, entries that come twice or in
//! no order at all.

use super::super::fixtures::*;
use super::super::{Grouping, PriceSheet, PriceTag, Range, outlook, report};
use super::*;
use crate::domain::{Claim, CloudFacts, Layout, MachineId};
use proptest::prelude::*;

/// Each kind's sum up to a moment: compute, address, disk.
fn sums(ledger: &Ledger, id: &str, then: Timestamp) -> [String; 3] {
    let run = ledger.run(&machine(id)).unwrap();
    let sum = |what| {
        let own = run.bill.charges.iter().filter(|charge| charge.what == what);
        own.map(|charge| run.until(charge, charge.price.unwrap(), then)).sum::<Usd>().exact()
    };
    [sum(ChargeKind::Compute), sum(ChargeKind::Address), sum(ChargeKind::Disk)]
}

fn day(time: &str) -> Timestamp {
    at(&format!("2026-11-25T{time}"))
}

fn linux() -> Bill {
    bill(Platform::Linux, "1.53", "0.005", (100, "0.08"))
}

/// Of a month of 30 days: an hour of 100 GB is 8 / 720, a second is 8 / 2592000.
#[test]
fn a_stop_and_a_start_are_charged_by_their_rules() {
    let mut ledger = fold(&[opened(machine("i-1"), day("10:00:00"), linux())]);
    // nothing before its first moment, the minimum right after
    assert_eq!(sums(&ledger, "i-1", day("10:00:00")), ["0", "0", "0"]);
    // linux-per-second, address-per-second, volume-per-second: a minute each; 8 × 60 / 2592000
    assert_eq!(sums(&ledger, "i-1", day("10:00:01")), ["0.0255", "0.000083333333", "0.000185185185"]);

    ledger.apply(&stopped(machine("i-1"), day("10:00:30")));
    // addresses stop with it, disks go on: 8 × 3600 / 2592000
    assert_eq!(sums(&ledger, "i-1", day("11:00:00")), ["0.0255", "0.000083333333", "0.011111111111"]);
    let run = ledger.run(&machine("i-1")).unwrap();
    assert!(run.is_open() && !run.is_running());
    assert_eq!(run.hourly(PriceBook::bundled(), day("11:00:00")).unwrap().exact(), "0.011111111111");

    ledger.apply(&opened(machine("i-1"), day("11:00:00"), linux()));
    // a start begins a new minimum, at its moment and not before
    assert_eq!(sums(&ledger, "i-1", day("11:00:00")), ["0.0255", "0.000083333333", "0.011111111111"]);
    assert_eq!(sums(&ledger, "i-1", day("11:00:30")), ["0.051", "0.000166666666", "0.011203703704"]);
    let hourly = ledger.run(&machine("i-1")).unwrap().hourly(PriceBook::bundled(), day("11:00:30"));
    assert_eq!(hourly.unwrap().exact(), "1.546111111111");

    ledger.apply(&ended(machine("i-1"), day("11:00:30")));
    let run = ledger.run(&machine("i-1")).unwrap();
    assert_eq!(run.total(PriceBook::bundled(), day("23:00:00")).exact(), "0.06237037037");
    assert_eq!(
        (run.seconds(day("00:00:00"), day("23:00:00")), run.hourly(PriceBook::bundled(), day("23:00:00"))),
        (60, Some(Usd::ZERO))
    );
}

#[test]
fn each_stretch_is_of_the_rule_of_its_own_start() {
    let windows = Bill { platform: Platform::Windows, ..compute("3.186") };
    let ledger = fold(&[
        opened(machine("i-1"), at("2021-06-10T12:00:00"), windows.clone()),
        stopped(machine("i-1"), at("2021-06-10T12:00:01")),
        opened(machine("i-1"), at("2021-06-11T12:00:00"), windows),
        stopped(machine("i-1"), at("2021-06-11T12:00:01")),
    ]);
    // windows-full-hours: 3.186; windows-per-second: 3.186 / 60
    assert_eq!(sums(&ledger, "i-1", at("2021-07-01"))[0], "3.2391");
}

#[test]
fn an_image_is_charged_by_the_hour_and_never_stops() {
    let image = thing(ResourceKind::Image, "ami-1");
    let bill = Bill { charges: vec![charge(ChargeKind::Snapshot, 10, "0.05")], ..Bill::default() };
    let mut ledger = fold(&[opened(image.clone(), day("10:00:00"), bill)]);
    ledger.apply(&ended(image.clone(), day("11:00:01")));
    let run = ledger.run(&image).unwrap();
    // snapshot-by-the-hour: two of 720 hours of 10 GB at 0.05
    assert_eq!(run.total(PriceBook::bundled(), at("2026-12-01")).exact(), "0.001388888889");
}

#[test]
fn ends_are_known_or_bounded() {
    let open = || opened(machine("i-1"), day("10:00:00"), compute("1"));
    let total = |entries: &[LedgerEntry]| {
        let ledger = fold(entries);
        let run = ledger.run(&machine("i-1")).unwrap();
        (run.total(PriceBook::bundled(), day("20:00:00")).exact(), run.bound, run.is_running())
    };
    let (one, id) = (|hours, bound, running| (String::from(hours), bound, running), || machine("i-1"));
    let cases = [
        (vec![open()], one("10", false, true)),
        (vec![open(), bounded(id(), day("14:00:00"))], one("4", true, false)),
        // it became known, and was sooner
        (vec![open(), bounded(id(), day("14:00:00")), ended(id(), day("12:00:00"))], one("2", false, false)),
        // who ended what was gone by then
        (vec![open(), bounded(id(), day("14:00:00")), ended(id(), day("19:00:00"))], one("4", true, false)),
        // what is known stays
        (vec![open(), ended(id(), day("12:00:00")), ended(id(), day("11:00:00"))], one("2", false, false)),
        (vec![open(), ended(id(), day("12:00:00")), bounded(id(), day("11:00:00")), open()], one("2", false, false)),
        // another account was looked at, and then the right one again
        (vec![open(), bounded(id(), day("14:00:00")), open()], one("10", false, true)),
        (
            vec![open(), stopped(id(), day("11:00:00")), bounded(id(), day("14:00:00")), open()],
            one("1", false, false),
        ),
        // the bound fell together with the stop
        (
            vec![open(), stopped(id(), day("11:00:00")), bounded(id(), day("10:30:00")), open()],
            one("1", false, false),
        ),
        (
            vec![
                open(),
                stopped(id(), day("11:00:00")),
                bounded(id(), day("10:30:00")),
                ended(id(), day("11:00:00")),
            ],
            one("1", false, false),
        ),
        // started again while nobody looked
        (
            vec![
                open(),
                stopped(id(), day("11:00:00")),
                bounded(id(), day("12:00:00")),
                opened(id(), day("18:00:00"), compute("1")),
            ],
            one("3", false, true),
        ),
        // a stop that was entered by two
        (
            vec![
                open(),
                stopped(id(), day("11:00:00")),
                opened(id(), day("12:00:00"), compute("1")),
                stopped(id(), day("11:00:00")),
            ],
            one("9", false, true),
        ),
        // the same, where it was started in the second in which it was stopped
        (
            vec![
                open(),
                stopped(id(), day("11:00:00")),
                opened(id(), day("11:00:00"), compute("1")),
                stopped(id(), day("11:00:00")),
            ],
            one("10", false, true),
        ),
        // a clock that was never set
        (
            vec![opened(id(), Timestamp::UNIX_EPOCH, compute("0")), ended(id(), day("10:00:00"))],
            one("0", false, false),
        ),
        // of what never began there is nothing to end
        (vec![ended(id(), day("09:00:00")), open()], one("10", false, true)),
    ];
    for (number, (entries, expected)) in cases.into_iter().enumerate() {
        assert_eq!(total(&entries), expected, "case {number}");
    }
}

#[test]
fn what_is_learned_later_is_added_and_what_was_agreed_stays() {
    let mut later = linux();
    later.charges[0].price = Some(listed("9"));
    let labels = Labels { owner: Some("anna".to_owned()), job: Some(job("j-1")), ..Labels::default() };
    let known = Labels { owner: Some("ben".to_owned()), ..Labels::default() };
    let first = Bill { charges: vec![charge(ChargeKind::Compute, 1, "1.53")], ..Bill::default() };
    let again =
        |bill, labels| LedgerEntry::Opened { thing: machine("i-1"), at: day("10:00:00"), bill, labels, lease: None };
    let ledger = fold(&[again(first, known), again(later, labels)]);
    let run = ledger.run(&machine("i-1")).unwrap();
    assert_eq!((run.labels.owner.as_deref(), run.labels.job.as_ref()), (Some("ben"), Some(&job("j-1"))));
    assert_eq!(sums(&ledger, "i-1", day("11:00:00")), ["1.53", "0.005", "0.011111111111"]);
}

#[test]
fn a_price_that_was_not_known_is_that_of_today_or_unknown() {
    let unpriced = |name: &str, spot| {
        let charges = vec![Charge { what: ChargeKind::Compute, amount: 1, price: None }];
        Bill { instance_type: Some(name.to_owned()), platform: Platform::Linux, spot, charges }
    };
    let book = PriceBook::bundled();
    for (bill, hour) in [
        (unpriced("c5.9xlarge", false), Some("1.53")),
        (unpriced("c5.9xlarge", true), None),
        (unpriced("x99.gigantic", false), None),
        (Bill { platform: Platform::LicensedLinux, ..unpriced("c5.9xlarge", false) }, None),
        (Bill { platform: Platform::Windows, ..unpriced("c5.9xlarge", false) }, Some("3.186")),
    ] {
        let ledger = fold(&[opened(machine("i-1"), day("10:00:00"), bill.clone())]);
        let run = ledger.run(&machine("i-1")).unwrap();
        assert_eq!(run.hourly(book, day("11:00:00")).map(Usd::exact).as_deref(), hour, "{bill:?}");
        assert_eq!(run.is_unknown(book), hour.is_none());
        let all = report(&ledger, book, Range::all(), Grouping::Thing, day("11:00:00"));
        assert_eq!(
            (all.total.total().exact().as_str(), all.total.unknown),
            (hour.unwrap_or("0"), usize::from(hour.is_none()))
        );
    }
}

/// In Ireland machines have a price, and what is stored has none.
#[test]
fn what_has_no_price_is_not_counted_as_nothing() {
    let book = PriceBook::bundled();
    let charges = |kinds: &[ChargeKind]| {
        let charges = kinds.iter().map(|what| Charge { what: *what, amount: 1, price: None }).collect();
        Bill { instance_type: Some("c5.9xlarge".to_owned()), charges, ..Bill::default() }
    };
    let (running, kept) = (vec![], vec![stopped(machine("i-1"), day("10:30:00"))]);
    let whole = [ChargeKind::Compute, ChargeKind::Address, ChargeKind::Disk];
    for (kinds, then, hour, more) in [
        (&whole[..], &running, Some("1.733"), true),
        (&whole[..2], &running, Some("1.733"), false),
        (&whole[..], &kept, None, true),
        (&whole[..2], &kept, Some("0"), false),
        (&[ChargeKind::Disk], &running, None, true),
        (&[ChargeKind::Snapshot], &running, None, true),
    ] {
        let mut thing = machine("i-1");
        thing.region = Some(region("eu-west-1"));
        let mut ledger = fold(&[opened(thing, day("10:00:00"), charges(kinds))]);
        for entry in then {
            ledger.apply(entry);
        }
        let run = ledger.run(&machine("i-1")).unwrap();
        assert_eq!(run.hourly(book, day("11:00:00")).map(Usd::exact).as_deref(), hour, "{kinds:?} {then:?}");
        assert_eq!(run.costs_more(book), more, "{kinds:?} {then:?}");
        let burn = outlook(&ledger, book, day("11:00:00")).burn;
        assert_eq!((burn.hourly.exact().as_str(), burn.unknown), (hour.unwrap_or("0"), usize::from(more)));
    }
}

/// A running c5.9xlarge of the Spot market, in us-west-2.
fn spot_in(zone: Option<&str>) -> Machine {
    Machine {
        id: MachineId::new("i-1").unwrap(),
        provider: ProviderKind::Aws,
        state: MachineState::Running,
        image: None,
        launched: Some(day("10:00:00")),
        lease: None,
        job: None,
        endpoint: None,
        layout: Layout::interface(),
        sudo: true,
        cloud: Some(Box::new(CloudFacts {
            region: region("us-west-2"),
            zone: zone.map(str::to_owned),
            instance_type: "c5.9xlarge".to_owned(),
            name: None,
            image_id: None,
            address: None,
            claim: Claim::Ours { why: "its tag".to_owned() },
            keep: None,
            reason: None,
            metered: Metered { spot: true, ..Metered::default() },
        })),
    }
}

#[test]
fn a_spot_machine_costs_what_its_own_zone_asks() {
    let tag = |zone: &str, price: &str| PriceTag {
        region: region("us-west-2"),
        item: Item::Spot { instance_type: "c5.9xlarge".to_owned(), platform: Platform::Linux, zone: zone.to_owned() },
        quote: listed(price),
        facts: None,
    };
    let prices = vec![tag("us-west-2a", "0.5"), tag("us-west-2b", "0.7")];
    let book = PriceBook::bundled().with(&PriceSheet { asked: day("09:00:00"), prices });
    for (zone, hour) in [
        (Some("us-west-2a"), Some("0.5")),
        (Some("us-west-2b"), Some("0.7")),
        (Some("us-west-2c"), None),
        (None, None),
    ] {
        let run = Run::of_machine(&Ledger::default(), &book, &spot_in(zone), day("11:00:00"));
        assert_eq!(run.compute(&book).map(|quote| quote.usd.exact()).as_deref(), hour, "{zone:?}");
    }
}

#[test]
fn a_machine_that_is_described_as_over_costs_no_more_whatever_the_ledger_knows() {
    let opened = opened(machine("i-1"), day("10:00:00"), linux());
    let leased = LedgerEntry::Lease { thing: machine("i-1"), ends: day("10:20:00") };
    let told = |entries: &[LedgerEntry], changed| {
        let mut over = spot_in(None);
        over.state = MachineState::Terminated;
        if let Some(cloud) = &mut over.cloud {
            cloud.metered.changed = changed;
        }
        Run::of_machine(&fold(entries), PriceBook::bundled(), &over, day("11:00:00"))
    };
    for (entries, changed, ended, bound) in [
        (&[opened.clone()][..], Some(day("10:10:00")), day("10:10:00"), false),
        (&[opened.clone(), leased][..], None, day("10:20:00"), true),
        (&[opened.clone()][..], None, day("11:00:00"), true),
        (&[opened.clone(), ended(machine("i-1"), day("10:05:00"))][..], None, day("10:05:00"), false),
    ] {
        let run = told(entries, changed);
        assert_eq!((run.ended, run.bound), (Some(ended), bound), "{changed:?}");
        assert_eq!(run.hourly(PriceBook::bundled(), day("11:00:00")), Some(Usd::ZERO));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_comes_twice_changes_nothing(entries in lives(), repeated in any::<prop::sample::Index>()) {
        let once = fold(&entries);
        prop_assert_eq!(&fold(entries.iter().chain(&entries)), &once, "all of it again");
        let doubled: Vec<&LedgerEntry> = entries.iter().flat_map(|entry| [entry, entry]).collect();
        prop_assert_eq!(&fold(doubled), &once, "each twice");
        // some that an older process enters late
        let from = repeated.index(entries.len());
        prop_assert_eq!(&fold(entries.iter().chain(&entries[from..])), &once, "the last ones again");
    }

    #[test]
    fn entries_survive_their_text(entries in any_entries(|| any_moments().boxed())) {
        for entry in &entries {
            let text = serde_json::to_string(entry).unwrap();
            prop_assert_eq!(&serde_json::from_str::<LedgerEntry>(&text).unwrap(), entry);
        }
    }

    #[test]
    fn nothing_that_is_entered_does_harm(entries in any_entries(|| any_moments().boxed()), now in any_moments()) {
        let ledger = fold(&entries);
        let book = PriceBook::bundled();
        for run in ledger.runs() {
            prop_assert!(!run.stretches.is_empty());
            prop_assert!(run.stretches.iter().all(|one| one.to.is_none_or(|to| to >= one.from)), "{:?}", run);
            prop_assert!(run.stretches.windows(2).all(|pair| pair[0].to.is_some_and(|to| to <= pair[1].from)), "{:?}", run);
            prop_assert!(run.ended.is_none_or(|ended| ended >= run.stretches[run.stretches.len() - 1].from), "{:?}", run);
            prop_assert!(run.total(book, now) >= Usd::ZERO);
            let _ = (run.hourly(book, now), run.is_unknown(book), run.seconds(Timestamp::MIN, now));
        }
        for by in [Grouping::Thing, Grouping::Job, Grouping::Phase, Grouping::Charge] {
            let _ = report(&ledger, book, Range::all(), by, now);
        }
        let seen = outlook(&ledger, book, now);
        prop_assert!(seen.forecast >= seen.month);
    }
}
