//! Where limits lie, to the cent.

use super::super::fixtures::usd;
use super::*;
use proptest::prelude::*;

#[test]
fn a_job_is_warned_at_four_fifths_and_stopped_at_all_of_its_cap() {
    for (spent, cap, verdict) in [
        ("0", "5", Verdict::Fine),
        ("3.999999999999", "5", Verdict::Fine),
        ("4", "5", Verdict::Near),
        ("4.999999999999", "5", Verdict::Near),
        ("5", "5", Verdict::Over),
        ("500", "5", Verdict::Over),
        ("0", "0", Verdict::Over),
    ] {
        assert_eq!(judge(usd(spent), usd(cap)), verdict, "{spent} of {cap}");
    }
}

#[test]
fn a_day_refuses_what_would_go_beyond_its_cap() {
    let budget = |day: Option<&str>| Budget { day: day.map(usd), ..Budget::default() };
    for (cap, today, expected, refuses) in [
        (None, "1000", None, false),
        (Some("10"), "0", None, false),
        (Some("10"), "9.999999999999", None, false),
        (Some("10"), "10", None, true),
        (Some("10"), "9", Some("1"), false),
        (Some("10"), "9", Some("1.000000000001"), true),
        (Some("10"), "0", Some("11"), true),
    ] {
        let why = day_refuses(&budget(cap), usd(today), expected.map(usd));
        assert_eq!(why.is_some(), refuses, "{cap:?} {today} {expected:?}: {why:?}");
    }
}

#[test]
fn what_a_person_allows_goes_before_the_configuration() {
    let budget = Budget { job: Some(usd("5")), ..Budget::default() };
    for (text, cap) in [(None, Some("5")), (Some("none"), None), (Some("7.50"), Some("7.5")), (Some("$3"), Some("3"))]
    {
        let allowance = Allowance { cap: text.map(|text| text.parse().unwrap()), over_day_cap: false };
        assert_eq!(allowance.cap(&budget).map(Usd::exact).as_deref(), cap, "{text:?}");
        assert_eq!(
            serde_json::from_str::<Allowance>(&serde_json::to_string(&allowance).unwrap()).unwrap(),
            allowance
        );
    }
    for bad in ["0", "-1", "", "None", "five"] {
        assert!(bad.parse::<Cap>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn more_is_never_judged_milder(cap in 1..1_000_000_i64, one in 0..2_000_000_i64, more in 0..2_000_000_i64) {
        let (cap, one, more) = (Usd::cents(cap), Usd::cents(one), Usd::cents(one + more));
        prop_assert!(judge(one, cap) <= judge(more, cap));
        prop_assert_eq!(judge(one, cap) == Verdict::Over, one >= cap);
        let budget = Budget { day: Some(cap), ..Budget::default() };
        prop_assert!(day_refuses(&budget, one, None).is_none() || day_refuses(&budget, more, None).is_some());
    }
}
