//! When a job is looked at again, and how far a cap pays.

use super::super::{Bill, Labels, Ledger, LedgerEntry, Platform, PriceBook};
use super::*;
use crate::domain::{JobId, ProviderKind, Region, ResourceKind, ResourceRef};
use proptest::prelude::*;

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn start() -> Timestamp {
    "2026-03-30T23:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    start() + jiff::SignedDuration::from_secs(seconds)
}

fn job() -> JobId {
    JobId::new("j-abc234").unwrap()
}

/// A ledger with machines of one job, launched and ended at so many seconds.
fn ledger(machines: &[(&str, Platform, i64, Option<i64>)]) -> Ledger {
    let mut ledger = Ledger::default();
    for (n, (kind, platform, from, to)) in machines.iter().enumerate() {
        let region = Region::usual();
        let thing = ResourceRef {
            kind: ResourceKind::Machine,
            provider: ProviderKind::Aws,
            region: Some(region.clone()),
            id: format!("i-{n}"),
        };
        let bill = Bill::of_machine(PriceBook::bundled(), &region, kind, *platform, false, (Some(12), 1));
        let labels = Labels { job: Some(job()), ..Labels::default() };
        ledger.apply(&LedgerEntry::Opened { thing: thing.clone(), at: after(*from), bill, labels, lease: None });
        if let Some(to) = to {
            ledger.apply(&LedgerEntry::Ended { thing, at: after(*to), bound: false });
        }
    }
    ledger
}

fn spent(ledger: &Ledger) -> impl Fn(Timestamp) -> Usd {
    |at| ledger.spent_by(&job(), PriceBook::bundled(), at).unwrap_or_default()
}

#[test]
fn a_day_refuses_when_its_cap_is_reached_or_would_be() {
    let budget = Budget { day: Some(usd("20")), ..Budget::default() };
    let refuses = |today, expected: Option<&str>| day_refuses(&budget, usd(today), expected.map(usd));
    assert_eq!(refuses("19.99", None), None);
    assert_eq!(refuses("19", Some("1")), None);
    assert_eq!(refuses("20", None).unwrap(), "today has cost $20.00, and the cap of a day is $20.00");
    assert_eq!(
        refuses("19", Some("1.01")).unwrap(),
        "today has cost $19.00, this would cost about $1.01, and the cap of a day is $20.00"
    );
    assert_eq!(day_refuses(&Budget::default(), usd("900"), Some(usd("900"))), None, "there is no cap");
}

#[test]
fn what_an_operation_says_comes_before_the_configuration() {
    let budget = Budget { job: Some(usd("5")), ..Budget::default() };
    let cap = |cap| Allowance { cap, over_day_cap: false }.cap(&budget);
    assert_eq!(cap(None), Some(usd("5")));
    assert_eq!(cap(Some(Cap::At(usd("9")))), Some(usd("9")));
    assert_eq!(cap(Some(Cap::None)), None);
    assert_eq!(Allowance::default().cap(&Budget::default()), None);
}

/// A machine that costs a dollar for 1000 seconds, from the first one on.
#[test]
fn a_guard_warns_at_four_fifths_and_stops_while_there_is_money_to_end() {
    let spent = |at: Timestamp| usd("0.001").times(u64::try_from(at.duration_since(start()).as_secs()).unwrap(), 1);
    for (now, warned, step) in [
        (0, false, Step::Wait(Some(after(800)))),
        (799, false, Step::Wait(Some(after(800)))),
        (800, false, Step::Warn(usd("0.8"))),
        (800, true, Step::Wait(Some(after(955)))),
        (954, true, Step::Wait(Some(after(955)))),
        (955, true, Step::Stop(usd("0.955"))),
        // taken up late, there is nothing to warn of any more
        (955, false, Step::Stop(usd("0.955"))),
        (5000, true, Step::Stop(usd("5"))),
    ] {
        assert_eq!(next_step(spent, usd("1"), warned, after(now)), step, "{now} {warned}");
    }
    assert_eq!(next_step(spent, usd("9999999"), false, start()), Step::Wait(None));
    assert_eq!(next_step(|_| Usd::ZERO, usd("1"), false, start()), Step::Wait(None), "what costs nothing");
    assert_eq!(pays_until(spent, usd("1"), after(10)), Some(after(1000)));
    assert_eq!(pays_until(spent, usd("1"), after(1001)), Some(after(1001)));
    assert_eq!(pays_until(|_| Usd::ZERO, usd("1"), start()), None);
}

/// A minute is charged at each start (EC2 pricing: 60 seconds at least): of a c5.9xlarge $0.0255, and its address and volume.
#[test]
fn a_cap_below_the_least_that_is_charged_stops_at_once() {
    let ledger = ledger(&[("c5.9xlarge", Platform::Linux, 0, None)]);
    let minute = spent(&ledger)(after(1));
    assert!(minute > usd("0.0255") && minute < usd("0.0257"), "{}", minute.exact());
    for cap in ["0.0001", "0.0255", &minute.exact()] {
        assert_eq!(next_step(spent(&ledger), usd(cap), false, after(1)), Step::Stop(minute), "{cap}");
    }
    assert_eq!(pays_until(spent(&ledger), usd("0.0255"), after(1)), Some(after(1)));
    // what a minute costs pays for a minute
    assert_eq!(pays_until(spent(&ledger), minute, after(3)), Some(after(60)));
    // by the hour, as Windows was until 2021: paid is the hour, whatever is used of it
    let whole_hours = |at: Timestamp| {
        let hour = |since: Timestamp| u64::try_from(at.duration_since(since).as_secs()).unwrap().div_ceil(3600);
        usd("3").times(hour(start()), 1)
    };
    assert_eq!(pays_until(whole_hours, usd("7"), after(1)), Some(after(7200)));
    assert_eq!(next_step(whole_hours, usd("7"), true, after(1)), Step::Wait(Some(after(7201 - 45))));
}

#[test]
fn machines_of_earlier_processes_count_in() {
    let before = ("c5.9xlarge", Platform::Linux, -7200, Some(-3600));
    let alone = ledger(&[("c5.9xlarge", Platform::Linux, 0, None)]);
    let both = ledger(&[before, ("c5.9xlarge", Platform::Linux, 0, None)]);
    let cap = usd("2");
    let end = |ledger: &Ledger| pays_until(spent(ledger), cap, after(0)).unwrap();
    // an hour of it takes an hour from what is left, to a second
    let hour = end(&alone).duration_since(end(&both)).as_secs();
    assert!((3599..=3601).contains(&hour), "{hour}");
}

proptest! {
    /// Driven second by second, whatever machines come and go: it warns once at most, stops once, never before the
    /// money for its end would be missing, and what the machines cost while they end is within the cap.
    #[test]
    fn a_guard_is_never_late(
        machines in proptest::collection::vec((0_usize..3, 0_i64..2000, proptest::option::of(0_i64..3000)), 1..5),
        cents in 3_i64..300,
    ) {
        let kinds = ["t3.large", "c5.9xlarge", "m5.4xlarge"];
        let machines: Vec<_> = machines
            .into_iter()
            .map(|(kind, from, lives)| (kinds[kind], Platform::Linux, from, lives.map(|lives| from + lives)))
            .collect();
        let cap = Usd::cents(cents);
        // what is not launched or ended yet is not in the ledger
        let known = |now: i64| {
            let there = machines.iter().filter(|machine| machine.2 <= now);
            let there: Vec<_> =
                there.map(|m| (m.0, m.1, m.2, m.3.filter(|to| *to <= now))).collect();
            ledger(&there)
        };
        let mut warned = false;
        let mut now = 0;
        while now < 6000 {
            let ledger = known(now);
            let spent = spent(&ledger);
            match next_step(&spent, cap, warned, after(now)) {
                Step::Stop(so_far) => {
                    prop_assert_eq!(so_far, spent(after(now)));
                    prop_assert!(spent(after(now + 45)) >= cap);
                    // a second ago it would have ended within its cap, unless what came since is too much by itself
                    let ago = known(now - 1);
                    let in_time = self::spent(&ago)(after(now - 1 + 45)) < cap;
                    prop_assert!(now == 0 || in_time);
                    return Ok(());
                }
                Step::Warn(so_far) => {
                    prop_assert!(!warned);
                    prop_assert!(so_far.percent_of(cap).unwrap() >= 80);
                    warned = true;
                }
                Step::Wait(until) => {
                    let until = until.map_or(6000, |until| until.duration_since(after(0)).as_secs());
                    prop_assert!(until > now);
                    // between the two nothing would have been done
                    for between in [now, i64::midpoint(now, until.min(6000)), until - 1] {
                        let idle = matches!(next_step(&spent, cap, warned, after(between)), Step::Wait(_));
                        prop_assert!(idle, "{} {} {}", now, between, until);
                    }
                    let next = machines.iter().flat_map(|m| [Some(m.2), m.3]).flatten().filter(|at| *at > now).min();
                    now = until.min(next.unwrap_or(6000)).max(now + 1);
                }
            }
            prop_assert!(spent(after(now)) <= cap || known(now) != ledger);
        }
    }

    /// To the second: until then the cap pays, a second later it does not.
    #[test]
    fn a_cap_pays_to_the_last_second(kind in 0_usize..3, cents in 3_i64..2000, age in 0_i64..4000) {
        let ledger = ledger(&[(["t3.large", "c5.9xlarge", "m5.4xlarge"][kind], Platform::Linux, 0, None)]);
        let (spent, cap) = (spent(&ledger), Usd::cents(cents));
        let now = after(age);
        match pays_until(&spent, cap, now) {
            Some(until) if until == now => {
                prop_assert!(spent(now + jiff::SignedDuration::from_secs(1)) > cap);
            }
            Some(until) => {
                prop_assert!(spent(until) <= cap);
                prop_assert!(spent(until + jiff::SignedDuration::from_secs(1)) > cap);
            }
            None => prop_assert!(spent(now + jiff::SignedDuration::from_secs(AHEAD)) <= cap),
        }
    }
}
