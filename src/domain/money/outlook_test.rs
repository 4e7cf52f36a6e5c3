//! What is being spent, and what will have been.

use super::super::fixtures::*;
use super::super::{Bill, Charge, ChargeKind, LedgerEntry, Platform};
use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn leased(mut open: LedgerEntry, until: Timestamp) -> LedgerEntry {
    if let LedgerEntry::Opened { lease, .. } = &mut open {
        *lease = Some(until);
    }
    open
}

fn seen(entries: &[LedgerEntry], now: &str) -> Outlook {
    outlook(&fold(entries), PriceBook::bundled(), at(now))
}

#[test]
fn money_stands_as_it_was_worked_out() {
    let id = machine;
    // of a month of 30 days: 72 GB at 0.1 are a cent an hour, and 24 cents a day
    let stored = Bill { charges: vec![charge(ChargeKind::Snapshot, 72, "0.1")], ..Bill::default() };
    let entries = [
        // ten hours on the 1st, an hour on the 10th
        opened(id("i-1"), at("2026-11-01T10:00:00"), compute("1")),
        ended(id("i-1"), at("2026-11-01T20:00:00")),
        opened(id("i-2"), at("2026-11-10T10:00:00"), compute("2")),
        ended(id("i-2"), at("2026-11-10T11:00:00")),
        // since an hour, for two more
        leased(opened(id("i-3"), at("2026-11-11T11:00:00"), compute("3")), at("2026-11-11T14:00:00")),
        opened(thing(ResourceKind::Image, "ami-1"), at("2026-11-11"), stored),
        // of October, and a price that is not known
        opened(id("i-4"), at("2026-10-02T10:00:00"), compute("100")),
        ended(id("i-4"), at("2026-10-02T11:00:00")),
        opened(
            id("i-5"),
            at("2026-11-11T11:00:00"),
            Bill { charges: vec![Charge { what: ChargeKind::Compute, amount: 1, price: None }], ..Bill::default() },
        ),
    ];
    let seen = seen(&entries, "2026-11-11T12:00:00");
    assert_eq!((seen.burn.hourly.exact().as_str(), seen.burn.machines, seen.burn.unknown), ("3.01", 2, 1));
    // an hour of 3, half a day of the image
    assert_eq!(seen.today.exact(), "3.12");
    assert_eq!(seen.month.exact(), "15.12");
    assert_eq!(seen.unknown, 1);
    let days: Vec<String> = seen.days.iter().map(|day| day.exact()).collect();
    assert_eq!(days, ["10", "0", "0", "0", "0", "0", "0", "0", "0", "2", "3.12"]);
    // 15.12, two hours of 3, 19.5 days of 0.24; and of the 30 days before today, 2026-10-12 to 11-10, 12 dollars: 0.4 a day,
    // for 19.5 days
    assert_eq!(seen.forecast.exact(), "33.6");
}

#[test]
fn what_always_runs_is_counted_once() {
    let entries = [opened(machine("i-1"), at("2026-10-01"), compute("1"))];
    let seen = seen(&entries, "2026-11-16");
    assert_eq!((seen.month.exact().as_str(), seen.forecast.exact().as_str()), ("360", "720"));
}

#[test]
fn a_stopped_machine_keeps_its_volumes_and_a_lease_that_is_over_commits_to_nothing() {
    let id = || machine("i-1");
    let bill = || bill(Platform::Linux, "1", "0.5", (72, "0.1"));
    let stopped = [opened(id(), at("2026-11-29"), bill()), stopped(id(), at("2026-11-29T01:00:00"))];
    let now = seen(&stopped, "2026-11-29T02:00:00");
    assert_eq!((now.burn.hourly.exact().as_str(), now.burn.machines), ("0.01", 0));
    // 1.5 and two cents so far, 46 hours of a cent
    assert_eq!((now.month.exact().as_str(), now.forecast.exact().as_str()), ("1.52", "1.98"));
    let late = [leased(opened(id(), at("2026-11-29"), compute("1")), at("2026-11-29T01:00:00"))];
    let now = seen(&late, "2026-11-29T02:00:00");
    assert_eq!((now.month, now.forecast), (usd("2"), usd("2")));
}

#[test]
fn what_is_stored_has_a_price_for_a_month() {
    let stored = Bill { charges: vec![charge(ChargeKind::Snapshot, 10, "0.05")], ..Bill::default() };
    let ledger = fold(&[
        opened(thing(ResourceKind::Image, "ami-1"), at("2026-10-01"), stored),
        opened(machine("i-1"), at("2026-10-31T23:00:00"), compute("1")),
    ]);
    let monthly = ledger.runs().map(|run| Outlook::monthly(run, PriceBook::bundled()).unwrap().exact());
    assert_eq!(monthly.collect::<BTreeSet<_>>(), BTreeSet::from(["0".to_owned(), "0.5".to_owned()]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn days_add_up_to_the_month_and_no_forecast_is_less(
        entries in prop_oneof![lives().boxed(), any_entries(|| moments().boxed()).boxed()], now in moments(),
    ) {
        let ledger = fold(&entries);
        let seen = outlook(&ledger, PriceBook::bundled(), now);
        prop_assert_eq!(seen.days.iter().copied().sum::<Usd>(), seen.month);
        prop_assert_eq!(seen.days.last().copied(), Some(seen.today));
        prop_assert!(seen.forecast >= seen.month);
        prop_assert!(seen.today <= seen.month);
    }
}
