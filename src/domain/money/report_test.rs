//! Whatever the ledger, and however it is told apart: parts add up to the whole, to the last digit.

use super::super::fixtures::*;
use super::super::{LedgerEntry, Platform};
use super::*;
use crate::domain::Phase;
use proptest::prelude::*;

/// What all groupings have to agree on.
fn whole(row: &Row) -> ([Usd; 4], u64, usize, usize, usize) {
    ([row.compute, row.address, row.disk, row.snapshot], row.seconds, row.things, row.open, row.unknown)
}

fn sum<'a>(rows: impl IntoIterator<Item = &'a Row>) -> ([Usd; 4], u64) {
    rows.into_iter().fold(([Usd::ZERO; 4], 0), |(mut sums, seconds), row| {
        for (sum, more) in sums.iter_mut().zip([row.compute, row.address, row.disk, row.snapshot]) {
            *sum += more;
        }
        (sums, seconds + row.seconds)
    })
}

fn rows(report: &Report) -> Vec<(String, String)> {
    report.rows.iter().map(|row| (row.key.clone(), row.total().exact())).collect()
}

#[test]
fn a_machine_over_midnight_is_told_apart_by_days_months_phases_and_charges() {
    let (test, collect) = (Phase::Test, Phase::Collect);
    let mut open =
        opened(machine("i-1"), at("2026-11-30T23:00:00"), bill(Platform::Linux, "1.53", "0.005", (31, "0.08")));
    if let LedgerEntry::Opened { labels, .. } = &mut open {
        labels.job = Some(job("j-1"));
    }
    let phase = |phase, from, to| {
        let began = LedgerEntry::PhaseBegan { job: job("j-1"), phase, at: at(from) };
        [began, LedgerEntry::PhaseEnded { job: job("j-1"), phase, at: at(to), ok: true }]
    };
    let mut entries = vec![open];
    entries.extend(phase(test, "2026-11-30T23:30:00", "2026-12-01T00:30:00"));
    // it lies within the other: what began last counts
    entries.extend(phase(collect, "2026-12-01T00:10:00", "2026-12-01T00:20:00"));
    entries.push(ended(machine("i-1"), at("2026-12-01T01:00:00")));
    let ledger = fold(&entries);
    let by = |by| {
        let report = report(&ledger, PriceBook::bundled(), Range::all(), by, at("2026-12-24"));
        assert_eq!(report.total.total(), report.rows.iter().map(Row::total).sum());
        rows(&report)
    };
    let row = |key: &str, usd: &str| (key.to_owned(), usd.to_owned());
    // an hour each of 1.535; of the 2.48 a month that the volume costs 1/720 of November and 1/744 of December
    assert_eq!(by(Grouping::Day), [row("2026-11-30", "1.538444444444"), row("2026-12-01", "1.538333333333")]);
    assert_eq!(by(Grouping::Month), [row("2026-11", "1.538444444444"), row("2026-12", "1.538333333333")]);
    assert_eq!(by(Grouping::Charge)[0], row("compute", "3.06"));
    assert_eq!(by(Grouping::Charge)[1], row("address", "0.01"));
    assert_eq!(by(Grouping::Charge)[2], row("disk", "0.006777777777"));
    let phases = by(Grouping::Phase);
    assert_eq!(phases.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["(none)", "test", "collect"]);
    // an hour between phases, 50 minutes of tests, ten of collecting
    assert!(
        phases[0].1.starts_with("1.538") && phases[1].1.starts_with("1.28") && phases[2].1.starts_with("0.256"),
        "{phases:?}"
    );
}

#[test]
fn what_starts_at_midnight_is_of_that_day() {
    let id = || machine("i-1");
    let ledger = fold(&[
        opened(id(), at("2026-11-24T12:00:00"), compute("3.6")),
        stopped(id(), at("2026-11-24T13:00:00")),
        opened(id(), at("2026-11-25"), compute("3.6")),
        stopped(id(), at("2026-11-25T00:00:10")),
        opened(id(), at("2026-11-26"), compute("3.6")),
        ended(id(), at("2026-11-26")),
    ]);
    let of = |day: &str| {
        let day = Range::day(at(day));
        report(&ledger, PriceBook::bundled(), day, Grouping::Day, at("2026-12-24")).total.total().exact()
    };
    // an hour; twice a minimum of 60 s, once of a machine that ended as it began
    assert_eq!(["2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27"].map(of), ["3.6", "0.06", "0.06", "0"]);
}

#[test]
fn owners_regions_verbs_and_types_have_rows_of_their_own() {
    let mut entries = Vec::new();
    for (id, owner, place, verb) in [
        ("i-1", Some("anna"), "us-west-2", Some("run-tests")),
        ("i-2", Some("ben"), "eu-west-1", None),
        ("i-3", None, "eu-west-1", Some("run-tests")),
    ] {
        let mut open = opened(machine(id), at("2026-11-25T10:00:00"), compute("1"));
        if let LedgerEntry::Opened { labels, thing, .. } = &mut open {
            (labels.owner, labels.operation) = (owner.map(str::to_owned), verb.map(str::to_owned));
            thing.region = Some(region(place));
        }
        entries.push(open);
    }
    let ledger = fold(&entries);
    let by = |by| rows(&report(&ledger, PriceBook::bundled(), Range::all(), by, at("2026-11-25T12:00:00")));
    let row = |key: &str, usd: &str| (key.to_owned(), usd.to_owned());
    assert_eq!(by(Grouping::Owner), [row("(none)", "2"), row("anna", "2"), row("ben", "2")]);
    assert_eq!(by(Grouping::Region), [row("eu-west-1", "4"), row("us-west-2", "2")]);
    assert_eq!(by(Grouping::Operation), [row("run-tests", "4"), row("(none)", "2")]);
    assert_eq!(by(Grouping::Type), [row("c5.9xlarge", "6")]);
    assert_eq!(by(Grouping::Job), [row("(none)", "6")]);
    assert_eq!(by(Grouping::Thing), [row("i-1", "2"), row("i-2", "2"), row("i-3", "2")]);
}

/// Ledgers of both kinds: lives that can be, and entries that have no sense.
fn ledgers() -> impl Strategy<Value = Ledger> {
    prop_oneof![
        2 => lives().prop_map(|entries| fold(&entries)),
        1 => any_entries(|| moments().boxed()).prop_map(|entries| fold(&entries)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn all_groupings_come_to_the_same(ledger in ledgers(), one in moments(), other in moments(), now in moments()) {
        let range = Range { from: one.min(other), to: one.max(other) };
        let reports = Grouping::ALL.map(|by| report(&ledger, PriceBook::bundled(), range, by, now));
        for report in &reports {
            prop_assert_eq!(whole(&report.total), whole(&reports[0].total), "{:?}", report.by);
            let (sums, seconds) = sum(&report.rows);
            prop_assert_eq!(sums, whole(&report.total).0, "{:?}", report.by);
            prop_assert_eq!(seconds, report.total.seconds, "{:?}", report.by);
            prop_assert_eq!(&report.unknown, &reports[0].unknown);
            prop_assert_eq!(&report.sources, &reports[0].sources);
        }
    }

    #[test]
    fn parts_of_a_time_add_up_to_it(ledger in ledgers(), mut cuts in prop::collection::vec(moments(), 2..7)) {
        cuts.sort_unstable();
        let (book, now) = (PriceBook::bundled(), at("2030-01-01"));
        let of = |from, to| report(&ledger, book, Range { from, to }, Grouping::Charge, now).total;
        let parts: Vec<Row> = cuts.windows(2).map(|pair| of(pair[0], pair[1])).collect();
        let all = of(cuts[0], cuts[cuts.len() - 1]);
        let (sums, seconds) = sum(&parts);
        prop_assert_eq!(sums, whole(&all).0);
        prop_assert_eq!(seconds, all.seconds);
    }

    #[test]
    fn a_report_of_all_is_what_the_runs_come_to(ledger in ledgers(), now in moments()) {
        let book = PriceBook::bundled();
        let all = report(&ledger, book, Range::all(), Grouping::Thing, now).total.total();
        prop_assert_eq!(all, ledger.runs().map(|run| run.total(book, now)).sum());
    }

    #[test]
    fn no_run_gets_cheaper(ledger in ledgers(), one in moments(), other in moments()) {
        let book = PriceBook::bundled();
        for run in ledger.runs() {
            prop_assert!(run.total(book, one.min(other)) <= run.total(book, one.max(other)), "{:?}", run);
        }
    }
}
