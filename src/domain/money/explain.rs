//! Why a number is what it is: what a thing is charged for, at which price, by which rule, for which stretches of time.

use super::billing::{Rule, Subject, billed_seconds, rule};
use super::book::{PriceBook, PriceSource, Quote};
use super::ledger::{Charge, ChargeKind, Run};
use super::{Usd, accrued, stored};
use crate::domain::Timestamp;
use jiff::civil::Date;

/// A stretch of time that is charged for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed {
    /// From then.
    pub from: Timestamp,
    /// To then; the moment that was asked for where it goes on.
    pub to: Timestamp,
    /// Whether it goes on.
    pub open: bool,
    /// Seconds that are charged, by the rule.
    pub seconds: u64,
    /// How time is counted.
    pub rule: &'static Rule,
    /// What it came to; none when the price is not known.
    pub usd: Option<Usd>,
}

/// A charge, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What for, and how much of it.
    pub charge: Charge,
    /// The price of one, for an hour or for a month; none when it is not known.
    pub price: Option<Quote>,
    /// When it was charged, the first stretch first. They add up to the charge.
    pub billed: Vec<Billed>,
}

impl Explained {
    /// What it came to; none when the price is not known.
    #[must_use]
    pub fn usd(&self) -> Option<Usd> {
        self.price?;
        Some(self.billed.iter().filter_map(|stretch| stretch.usd).sum())
    }
}

impl ChargeKind {
    /// Whether its price is for a month, not for an hour.
    #[must_use]
    pub fn is_monthly(self) -> bool {
        matches!(self, Self::Disk | Self::Snapshot)
    }
}

impl Run {
    /// Each of its charges from the beginning until then. Their sum is [`Run::total`].
    #[must_use]
    pub fn explained(&self, book: &PriceBook, at: Timestamp) -> Vec<Explained> {
        let explain = |charge: &Charge| {
            let price = self.price(charge, book);
            let each = price.map(|price| price.usd.times(charge.amount, 1));
            let subject = match charge.what {
                ChargeKind::Disk => Subject::Volume,
                ChargeKind::Snapshot => Subject::Snapshot,
                ChargeKind::Address => Subject::Address,
                ChargeKind::Compute => self.bill.platform.into(),
            };
            let one = |from: Timestamp, end: Option<Timestamp>| {
                let (rule, to) = (rule(subject, from), end.unwrap_or(at).min(at));
                let usd = each.map(|each| {
                    if charge.what.is_monthly() {
                        stored(each, rule, from, to)
                    } else {
                        accrued(each, rule, from, to)
                    }
                });
                let open = end.is_none_or(|end| end > at);
                Billed { from, to, open, seconds: billed_seconds(rule, from, to), rule, usd }
            };
            let billed = if charge.what.is_monthly() {
                // a stop changes nothing about what is stored
                vec![one(self.opened(), self.ended)]
            } else {
                self.stretches.iter().map(|stretch| one(stretch.from, stretch.to.or(self.ended))).collect()
            };
            let billed = billed.into_iter().filter(|stretch: &Billed| stretch.from < at).collect();
            Explained { charge: charge.clone(), price, billed }
        };
        self.bill.charges.iter().map(explain).collect()
    }
}

/// How prices are known, in a few words: of many days the first and the last. Empty where nothing has a price.
#[must_use]
pub fn known_by(sources: impl IntoIterator<Item = PriceSource>, now: Timestamp) -> String {
    let (mut bundled, mut listed, mut spot): (Vec<Date>, Vec<Date>, Option<Timestamp>) = Default::default();
    for source in sources {
        match source {
            PriceSource::Bundled { as_of } => bundled.push(as_of),
            PriceSource::Listed { as_of } => listed.push(as_of),
            PriceSource::Spot { at } => spot = spot.max(Some(at)),
            PriceSource::Free => {}
        }
    }
    let days = |what: &str, mut days: Vec<Date>| {
        days.sort_unstable();
        match (days.first(), days.last()) {
            (Some(first), Some(last)) if first == last => Some(format!("{what} of {first}")),
            (Some(first), Some(last)) => Some(format!("{what}s of {first} to {last}")),
            _ => None,
        }
    };
    let spot = spot.map(|at| PriceSource::Spot { at }.words(now));
    let parts = [days("list price", listed), spot, days("bundled estimate", bundled)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::{Bill, Labels, Ledger, LedgerEntry, Platform};
    use crate::domain::{ProviderKind, Region, ResourceKind, ResourceRef};
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + second).unwrap()
    }

    fn machine(instance_type: &str, platform: Platform, stops: &[(i64, i64)], ended: Option<i64>) -> Run {
        let region = Region::new("us-west-2").unwrap();
        let thing = ResourceRef {
            kind: ResourceKind::Machine,
            provider: ProviderKind::Aws,
            region: Some(region.clone()),
            id: "i-1".to_owned(),
        };
        let bill = Bill::of_machine(PriceBook::bundled(), &region, instance_type, platform, false, (Some(30), 1));
        let mut ledger = Ledger::default();
        let open = |second| LedgerEntry::Opened {
            thing: thing.clone(),
            at: at(second),
            bill: bill.clone(),
            labels: Labels::default(),
            lease: None,
        };
        ledger.apply(&open(0));
        for (stopped, started) in stops {
            ledger.apply(&LedgerEntry::Stopped { thing: thing.clone(), at: at(*stopped) });
            ledger.apply(&open(*started));
        }
        if let Some(second) = ended {
            ledger.apply(&LedgerEntry::Ended { thing: thing.clone(), at: at(second), bound: false });
        }
        ledger.run(&thing).unwrap().clone()
    }

    #[test]
    fn each_stretch_is_told_with_its_rule_and_its_minimum() {
        let run = machine("c5.9xlarge", Platform::Linux, &[(20, 600)], None);
        let all = run.explained(PriceBook::bundled(), at(4200));
        let compute = &all[0];
        assert_eq!(compute.charge.what, ChargeKind::Compute);
        let seconds: Vec<_> =
            compute.billed.iter().map(|one| (one.seconds, one.open, one.rule.name.as_str())).collect();
        assert_eq!(seconds, [(60, false, "linux-per-second"), (3600, true, "linux-per-second")]);
        assert_eq!(compute.billed[1].usd, Some("1.53".parse().unwrap()));
        let disk = all.iter().find(|one| one.charge.what == ChargeKind::Disk).unwrap();
        assert_eq!((disk.billed.len(), disk.billed[0].seconds), (1, 4200));
    }

    #[test]
    fn a_price_that_is_not_known_is_not_told_as_nothing() {
        let run = machine("z9.unheard", Platform::Linux, &[], None);
        let all = run.explained(PriceBook::bundled(), at(100));
        assert_eq!((all[0].price, all[0].usd()), (None, None));
        assert!(all[1].usd().is_some());
    }

    #[test]
    fn how_prices_are_known_takes_a_few_words() {
        let bundled = |day: &str| PriceSource::Bundled { as_of: day.parse().unwrap() };
        let listed = |day: &str| PriceSource::Listed { as_of: day.parse().unwrap() };
        let spot = |second| PriceSource::Spot { at: at(second) };
        for (sources, words) in [
            (vec![], ""),
            (vec![PriceSource::Free], ""),
            (vec![bundled("2025-03-02"), bundled("2025-03-02")], "bundled estimate of 2025-03-02"),
            (vec![bundled("2026-01-02"), bundled("2025-03-02")], "bundled estimates of 2025-03-02 to 2026-01-02"),
            (
                vec![bundled("2026-01-02"), spot(0), listed("2026-02-02")],
                "list price of 2026-02-02, spot now, bundled estimate of 2026-01-02",
            ),
        ] {
            assert_eq!(known_by(sources, at(10)), words);
        }
    }

    proptest! {
        #[test]
        fn what_is_explained_adds_up_to_the_whole(
            lengths in proptest::collection::vec((1_i64..100_000, 1_i64..100_000), 0..5),
            (until, ended) in (0_i64..2_000_000, proptest::option::of(1_i64..400_000)),
            (windows, known) in any::<(bool, bool)>(),
        ) {
            let mut second = 0;
            let stops: Vec<_> = lengths.iter().map(|(ran, rested)| {
                let stopped = second + ran;
                second = stopped + rested;
                (stopped, second)
            }).collect();
            let platform = if windows { Platform::Windows } else { Platform::Linux };
            let name = if known { "c5.9xlarge" } else { "z9.unheard" };
            let run = machine(name, platform, &stops, ended.map(|ended| second + ended));
            let book = PriceBook::bundled();
            let sum: Usd = run.explained(book, at(until)).iter().filter_map(Explained::usd).sum();
            prop_assert_eq!(sum, run.total(book, at(until)));
        }
    }
}
