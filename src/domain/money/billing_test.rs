//! Billing against examples that were worked out by hand, each with the rule it is of; and what holds for all times.

use super::super::fixtures::{at, later, usd};
use super::*;
use proptest::prelude::*;

/// The examples: the rule, the price for an hour or a month, from when to when, what is charged.
const HOURLY: &[(&str, Subject, &str, &str, &str, &str)] = &[
    // 30 s are charged as 60: 1.53 / 60
    ("linux-per-second", Subject::Linux, "1.53", "2026-11-25T10:00:00", "2026-11-25T10:00:30", "0.0255"),
    // the very start, and one that ended as it began
    ("linux-per-second", Subject::Linux, "1.53", "2026-11-25T10:00:00", "2026-11-25T10:00:00", "0.0255"),
    ("linux-per-second", Subject::Linux, "1.53", "2026-11-25T10:00:00", "2026-11-25T10:01:00", "0.0255"),
    // 1.53 × 61 / 3600
    ("linux-per-second", Subject::Linux, "1.53", "2026-11-25T10:00:00", "2026-11-25T10:01:01", "0.025925"),
    // a begun second is a second: 61 of them
    ("linux-per-second", Subject::Linux, "1.53", "2026-11-25T10:00:00.5", "2026-11-25T10:01:00.7", "0.025925"),
    // 1.53 + 1.53 / 3600
    ("linux-per-second", Subject::Linux, "1.53", "2026-11-25T10:00:00", "2026-11-25T11:00:01", "1.530425"),
    ("linux-per-second", Subject::Linux, "1.53", "2026-11-25T10:00:00", "2026-11-25T11:30:00", "2.295"),
    // 0.0416 / 60 does not end: twelve digits of it
    ("linux-per-second", Subject::Linux, "0.0416", "2026-11-25T10:00:00", "2026-11-25T10:00:01", "0.000693333333"),
    // a day over a change of month and of daylight saving time has 24 hours
    ("linux-per-second", Subject::Linux, "0.68", "2026-03-31T12:00:00", "2026-04-01T12:00:00", "16.32"),
    ("linux-per-second", Subject::Linux, "0.68", "2026-03-28T12:00:00", "2026-03-29T12:00:00", "16.32"),
    // what has not begun costs nothing
    ("linux-per-second", Subject::Linux, "1.53", "2026-11-25T10:00:00", "2026-11-25T09:59:59", "0"),
    // before 2021-06-11 a begun hour of Windows was an hour
    ("windows-full-hours", Subject::Windows, "3.186", "2020-05-05T10:00:00", "2020-05-05T10:01:01", "3.186"),
    ("windows-full-hours", Subject::Windows, "3.186", "2020-05-05T10:00:00", "2020-05-05T11:00:00", "3.186"),
    ("windows-full-hours", Subject::Windows, "3.186", "2020-05-05T10:00:00", "2020-05-05T11:00:01", "6.372"),
    // the day is that of the start, in UTC
    ("windows-full-hours", Subject::Windows, "3.186", "2021-06-10T23:59:59.999", "2021-06-11T00:01:00", "3.186"),
    ("windows-per-second", Subject::Windows, "3.186", "2021-06-11T00:00:00", "2021-06-11T00:01:01", "0.053985"),
    ("windows-per-second", Subject::Windows, "3.186", "2026-11-25T10:00:00", "2026-11-25T10:00:30", "0.0531"),
    // 0.6 × 3601 / 3600
    ("windows-per-second", Subject::Windows, "0.6", "2026-11-25T10:00:00", "2026-11-25T11:00:01", "0.600166666667"),
    ("licensed-linux-full-hours", Subject::LicensedLinux, "2", "2026-11-25T10:00:00", "2026-11-25T10:00:01", "2"),
    ("licensed-linux-full-hours", Subject::LicensedLinux, "2", "2026-11-25T10:00:00", "2026-11-25T11:00:01", "4"),
    // an address for a day, and for the 720 hours of November
    ("address-per-second", Subject::Address, "0.005", "2026-11-25T00:00:00", "2026-11-26T00:00:00", "0.12"),
    ("address-per-second", Subject::Address, "0.005", "2026-11-01T00:00:00", "2026-12-01T00:00:00", "3.6"),
    ("address-per-second", Subject::Address, "0.005", "2026-11-25T00:00:00", "2026-11-25T00:00:01", "0.000083333333"),
];

const MONTHLY: &[(&str, Subject, &str, &str, &str, &str)] = &[
    // EBS pricing page, example 1: 2,000 GB for 12 hours of a month of 30 days, 0.08 × 2000 × 43200 / (86400 × 30) = 2.67
    ("volume-per-second", Subject::Volume, "160", "2026-11-10T08:00:00", "2026-11-10T20:00:00", "2.666666666667"),
    // half a day of January and half a day of a February of 28 days: 160/62 + 160/56
    ("volume-per-second", Subject::Volume, "160", "2026-01-31T12:00:00", "2026-02-01T12:00:00", "5.437788018433"),
    // of 29 days: 160/62 + 160/58
    ("volume-per-second", Subject::Volume, "160", "2028-01-31T12:00:00", "2028-02-01T12:00:00", "5.339265850945"),
    // a month is a month, however long
    ("volume-per-second", Subject::Volume, "160", "2026-02-01T00:00:00", "2026-03-01T00:00:00", "160"),
    ("volume-per-second", Subject::Volume, "160", "2028-02-01T00:00:00", "2028-03-01T00:00:00", "160"),
    ("volume-per-second", Subject::Volume, "160", "2026-12-01T00:00:00", "2027-02-01T00:00:00", "320"),
    // half of November, two months, half a day of a February of 28: 80 + 320 + 160/56
    ("volume-per-second", Subject::Volume, "160", "2026-11-16T00:00:00", "2027-02-01T12:00:00", "402.857142857143"),
    // 100 GB for 10 s are charged for 60: 8 × 60 / 2678400
    ("volume-per-second", Subject::Volume, "8", "2026-12-10T00:00:00", "2026-12-10T00:00:10", "0.00017921147"),
    // 10 GB of snapshots, at most: a minute is an hour of the month's 720, an hour and a minute are two
    (
        "snapshot-by-the-hour",
        Subject::Snapshot,
        "0.5",
        "2026-11-10T08:00:00",
        "2026-11-10T08:01:00",
        "0.000694444444",
    ),
    (
        "snapshot-by-the-hour",
        Subject::Snapshot,
        "0.5",
        "2026-11-10T08:00:00",
        "2026-11-10T09:01:00",
        "0.001388888889",
    ),
    ("snapshot-by-the-hour", Subject::Snapshot, "0.5", "2026-11-01T00:00:00", "2026-12-01T00:00:00", "0.5"),
    // a begun hour that reaches into the next month: 0.5 × 1800 / 2678400 + 0.5 × 1800 / 2419200
    (
        "snapshot-by-the-hour",
        Subject::Snapshot,
        "0.5",
        "2026-01-31T23:30:00",
        "2026-01-31T23:31:00",
        "0.000708045315",
    ),
    ("snapshot-by-the-hour", Subject::Snapshot, "0.5", "2026-11-10T08:00:00", "2026-11-10T07:00:00", "0"),
];

type Sum = fn(Usd, &Rule, Timestamp, Timestamp) -> Usd;

#[test]
fn time_is_charged_as_the_examples_say() {
    let sums: [(_, Sum); 2] = [(HOURLY, accrued), (MONTHLY, stored)];
    for (examples, sum) in sums {
        for (name, subject, price, from, to, expected) in examples {
            let rule = rule(*subject, at(from));
            assert_eq!(rule.name, *name, "{subject:?} from {from}");
            assert_eq!(sum(usd(price), rule, at(from), at(to)).exact(), *expected, "{name}: {from} to {to}");
        }
    }
    let cited: Vec<&str> = HOURLY.iter().chain(MONTHLY).map(|example| example.0).collect();
    for rule in rules() {
        assert!(cited.contains(&rule.name.as_str()), "no example of `{}`", rule.name);
    }
}

#[test]
fn the_rules_are_whole() {
    let subjects = [
        Subject::Linux,
        Subject::Windows,
        Subject::LicensedLinux,
        Subject::Volume,
        Subject::Address,
        Subject::Snapshot,
    ];
    for subject in subjects {
        let own: Vec<&Rule> = rules().iter().filter(|rule| rule.subject == subject).collect();
        assert_eq!(own.iter().filter(|rule| rule.since.is_none()).count(), 1, "{subject:?} always has a rule");
        let mut days: Vec<_> = own.iter().map(|rule| rule.since).collect();
        days.sort_unstable();
        days.dedup();
        assert_eq!(days.len(), own.len(), "{subject:?}: one rule a day");
        // the oldest holds from the first moment there is
        assert!(rule(subject, Timestamp::MIN).since.is_none());
    }
    let mut names: Vec<&str> = rules().iter().map(|rule| rule.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rules().len(), "a rule is cited by its name");
    for rule in rules() {
        assert!(rule.unit > 0 && rule.minimum.is_multiple_of(rule.unit) && !rule.source.is_empty(), "{rule:?}");
    }
}

/// The same month by month, with whole numbers: millionths of millionths of a dollar.
fn stored_by_hand(monthly: i128, seconds: u64, from: Timestamp) -> i128 {
    let (mut left, mut at, mut total) = (i128::from(seconds), from, 0);
    while left > 0 {
        let day = at.to_zoned(TimeZone::UTC).date();
        let next = day.first_of_month().checked_add(jiff::Span::new().months(1)).unwrap();
        let next = next.to_zoned(TimeZone::UTC).unwrap().timestamp();
        let here = left.min(i128::from(next.duration_since(at).as_secs()));
        let month = i128::from(day.days_in_month()) * 86_400;
        // half to even
        let (whole, rest) = ((monthly * here) / month, (monthly * here) % month);
        total += whole + i128::from(rest * 2 > month || (rest * 2 == month && whole % 2 == 1));
        (left, at) = (left - here, next);
    }
    total
}

fn subjects() -> impl Strategy<Value = Subject> {
    proptest::sample::select(rules().iter().map(|rule| rule.subject).collect::<Vec<_>>())
}

/// Millionths of millionths of a dollar up to ten thousand dollars.
fn amounts() -> impl Strategy<Value = i128> {
    prop_oneof![0..10_000_000_000_000_000_i128, (0..100_000_i128).prop_map(|cents| cents * 10_000_000_000)]
}

fn of(amount: i128) -> Usd {
    usd(&format!("{}.{:012}", amount / 1_000_000_000_000, amount % 1_000_000_000_000))
}

proptest! {
    #[test]
    fn costs_never_fall_with_time(
        subject in subjects(), amount in amounts(), start in super::super::fixtures::moments(),
        one in 0..100_000_000_i64, more in 0..100_000_000_i64,
    ) {
        let rule = rule(subject, start);
        let (sooner, later) = (later(start, one), later(start, one + more));
        for sum in [accrued, stored] {
            prop_assert!(sum(of(amount), rule, start, sooner) <= sum(of(amount), rule, start, later));
            prop_assert!(sum(of(amount), rule, start, sooner) >= Usd::ZERO);
        }
    }

    #[test]
    fn sums_are_those_of_whole_numbers(
        subject in subjects(), amount in amounts(), begin in 0..60_000_000_i64, lasts in 0..60_000_000_u64,
    ) {
        let start = later(at("2026-01-01"), begin);
        let rule = rule(subject, start);
        let end = later(start, i64::try_from(lasts).unwrap());
        let billed = lasts.max(rule.minimum).div_ceil(rule.unit) * rule.unit;
        prop_assert_eq!(billed_seconds(rule, start, end), billed);
        let (whole, rest) = (amount * i128::from(billed) / 3600, amount * i128::from(billed) % 3600);
        let hourly = whole + i128::from(rest > 1800 || (rest == 1800 && whole % 2 == 1));
        prop_assert_eq!(accrued(of(amount), rule, start, end), of(hourly));
        prop_assert_eq!(stored(of(amount), rule, start, end), of(stored_by_hand(amount, billed, start)));
    }

    #[test]
    fn no_time_is_too_odd(
        subject in subjects(), amount in amounts(),
        from in super::super::fixtures::any_moments(), to in super::super::fixtures::any_moments(),
    ) {
        let rule = rule(subject, from);
        let (hourly, monthly) = (accrued(of(amount), rule, from, to), stored(of(amount), rule, from, to));
        prop_assert!(hourly >= Usd::ZERO && monthly >= Usd::ZERO);
        // twelve thousand years have fewer than 240,000 months
        prop_assert!(monthly <= of(amount).times(240_000, 1));
        let (begin, next) = month_of(from);
        prop_assert!(begin <= from && from <= next.max(from));
        let (begin, next) = day_of(from);
        prop_assert!(begin <= from && from <= next.max(from));
    }
}
