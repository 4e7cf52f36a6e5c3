//! What the dashboard knows of money: the ledger and the prices as the session told them last, and what they come to now.

use crate::domain::money::{Estimate, Ledger, Outlook, PriceBook, Quote, Run, Usd, Work, estimate, outlook};
use crate::domain::{JobId, Machine, Operation, Plan, ProviderKind, Resource, ResourceKind, ResourceRef, Timestamp};
pub use crate::session::MoneyTold;
use std::sync::Arc;

/// What is known of money.
#[derive(Debug, Clone)]
pub struct Money {
    /// What the session told last; none before its first answer.
    pub told: Option<MoneyTold>,
    /// What that comes to, as of the last tick.
    pub outlook: Option<Outlook>,
    /// Why the newest answer could not be had.
    pub error: Option<String>,
    bundled: Arc<PriceBook>,
}

impl Default for Money {
    fn default() -> Self {
        Self { told: None, outlook: None, error: None, bundled: Arc::clone(PriceBook::bundled()) }
    }
}

impl Money {
    /// Takes in what the session told.
    pub fn take(&mut self, told: MoneyTold, now: Timestamp) {
        self.told = Some(told);
        self.error = None;
        self.look(now);
    }

    /// What it comes to now.
    pub fn look(&mut self, now: Timestamp) {
        self.outlook = self.told.as_ref().map(|told| outlook(&told.ledger, &told.book, now));
    }

    /// A second has passed: it comes to more as long as anything costs.
    pub fn tick(&mut self, now: Timestamp) {
        let costs = |outlook: &Outlook| !outlook.burn.hourly.is_zero() || outlook.burn.unknown > 0;
        if self.outlook.as_ref().is_some_and(costs) {
            self.look(now);
        }
    }

    /// What things cost.
    #[must_use]
    pub fn book(&self) -> &PriceBook {
        self.told.as_ref().map_or(&self.bundled, |told| &told.book)
    }

    /// A thing as the ledger has it.
    #[must_use]
    pub fn run(&self, thing: &ResourceRef) -> Option<&Run> {
        self.told.as_ref()?.ledger.run(thing)
    }

    /// An hour of a machine alone, and how that is known; none when its price is not known.
    #[must_use]
    pub fn price_of(&self, machine: &Machine) -> Option<Quote> {
        let Some(cloud) = machine.cloud.as_deref() else { return Some(Quote::FREE) };
        let known = self.run(&machine.resource().at).and_then(|run| {
            let charge =
                run.bill.charges.iter().find(|charge| charge.what == crate::domain::money::ChargeKind::Compute)?;
            run.price(charge, self.book())
        });
        let metered = &cloud.metered;
        known.or_else(|| {
            let book = self.book();
            if metered.spot {
                return book.spot(&cloud.region, &cloud.instance_type, metered.platform).map(|(quote, _)| quote);
            }
            book.machine(&cloud.region, &cloud.instance_type, metered.platform)
        })
    }

    /// What a machine costs for an hour, with all that goes with it, as it is now; none when that is not known.
    #[must_use]
    pub fn hourly(&self, machine: &Machine, now: Timestamp) -> Option<Usd> {
        if machine.provider != ProviderKind::Aws {
            return Some(Usd::ZERO);
        }
        match self.run(&machine.resource().at) {
            Some(run) => run.hourly(self.book(), now),
            None if machine.state.is_alive() => self.price_of(machine).map(|quote| quote.usd),
            None => None,
        }
    }

    /// What a machine has cost so far; none when nothing is known of it, or its price is not.
    #[must_use]
    pub fn so_far(&self, machine: &Machine, now: Timestamp) -> Option<Usd> {
        if machine.provider != ProviderKind::Aws {
            return Some(Usd::ZERO);
        }
        let run = self.run(&machine.resource().at)?;
        (!run.is_unknown(self.book())).then(|| run.total(self.book(), now))
    }

    /// What a job's machines have cost so far; none when it has none that cost.
    #[must_use]
    pub fn spent_by(&self, job: &JobId, now: Timestamp) -> Option<Usd> {
        self.told.as_ref()?.ledger.spent_by(job, self.book(), now)
    }

    /// A plan for machines with what each item's end saves.
    #[must_use]
    pub fn priced(&self, plan: Plan, machines: &[Machine], things: &[Resource], now: Timestamp) -> Plan {
        let none = Ledger::default();
        let ledger = self.told.as_ref().map_or(&none, |told| &told.ledger);
        let mut there: Vec<Resource> = machines.iter().map(Machine::resource).collect();
        there.extend(things.iter().filter(|thing| thing.at.kind == ResourceKind::Volume).cloned());
        plan.priced(&there, ledger, self.book(), now)
    }

    /// What an operation would cost; none for one that launches nothing that costs, and before anything is known.
    #[must_use]
    pub fn estimate(&self, operation: &Operation, types: &[String], image_types: &[String]) -> Option<Estimate> {
        let told = self.told.as_ref()?;
        let work = Work::of(operation, (types, image_types), told.home.as_ref(), &told.ledger)?;
        Some(estimate(&told.ledger, &told.book, work))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fixtures::{at, money, on_aws, ours};

    #[test]
    fn what_was_told_is_told_of_each_machine_and_job() {
        let now = at(43_200);
        let mut known = Money::default();
        known.take(money(now), now);
        let machine = |id: &str| on_aws(id, "us-west-2", "hg-temp", ours());
        let exact = |usd: Option<Usd>| usd.map(Usd::price);
        // 1.53 for the machine, 0.005 for its address, 30 GB at 0.08 for a month of 744 hours
        let dear = machine("i-0aaaaaaaaaaaaaaaa");
        assert_eq!(exact(known.hourly(&dear, now)).as_deref(), Some("$1.53823"));
        // 40 minutes of that
        assert_eq!(exact(known.so_far(&dear, now)).as_deref(), Some("$1.02548"));
        // the price of its type is in no book, which is not nothing
        let small = machine("i-0bbbbbbbbbbbbbbbb");
        assert_eq!((known.hourly(&small, now), known.so_far(&small, now)), (None, None));
        assert_eq!(known.outlook.as_ref().map(|outlook| outlook.burn.unknown), Some(1));
        let spent = |job: &str| exact(known.spent_by(&JobId::new(job).unwrap(), now));
        assert_eq!(spent("j-under2").as_deref(), Some("$1.02548"));
        // half an hour at 0.3328, 0.005 and the disk's
        assert_eq!(spent("j-fail22").as_deref(), Some("$0.17051"));
        assert_eq!(spent("j-other2"), None);
    }
}
