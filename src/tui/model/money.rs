//! What the dashboard knows of money: the ledger and the prices as the session told them last, and what they come to now.

use super::Setup;
use crate::domain::money::{
    Estimate, Grouping, Item, JobCost, Ledger, Outlook, PriceBook, Quote, Range, Report, Run, Usd, Work, estimate,
    gb, known_by, outlook, report,
};
use crate::domain::{
    Image, JobId, Machine, Operation, Phase, Plan, ProviderKind, Resource, ResourceKind, ResourceRef, Timestamp,
};
pub use crate::session::MoneyTold;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A thing that costs, or has cost this month, and what that comes to as of the last tick.
#[derive(Debug, Clone, PartialEq)]
pub struct CostItem {
    /// What it is and what it is charged for.
    pub run: Run,
    /// For an hour as it is now; none when its price is not known.
    pub hourly: Option<Usd>,
    /// Whether it costs more than that, by a price that is not known.
    pub more: bool,
    /// For a month of what is stored, where that is all it is charged for now.
    pub monthly: Option<Usd>,
    /// Since it began, as far as prices are known.
    pub so_far: Usd,
    /// This month.
    pub month: Usd,
    /// By the time it ends itself; none for what does not.
    pub by_then: Option<Usd>,
    /// Whether a price of it is not known.
    pub unknown: bool,
}

impl CostItem {
    fn of(run: &Run, book: &PriceBook, begin: Timestamp, now: Timestamp) -> Self {
        let so_far = run.total(book, now);
        let before = run.total(book, begin);
        let stored = run.is_open() && !(run.thing.kind == ResourceKind::Machine && run.is_running());
        let ends = run.lease.filter(|lease| run.is_running() && *lease > now);
        Self {
            hourly: run.hourly(book, now),
            more: run.costs_more(book),
            monthly: if stored { Outlook::monthly(run, book) } else { None },
            so_far,
            month: so_far - before,
            by_then: ends.map(|ends| run.total(book, ends)),
            unknown: run.is_unknown(book),
            run: run.clone(),
        }
    }

    /// In which order it is shown: what runs, what is stored, what has ended; each the dearest first.
    fn rank(&self) -> (u8, std::cmp::Reverse<Usd>) {
        let machine = self.run.thing.kind == ResourceKind::Machine;
        let (place, by) = match (self.run.is_open(), machine && self.run.is_running()) {
            (true, true) => (0, self.hourly.unwrap_or_default()),
            (true, false) => (1, self.monthly.unwrap_or_default()),
            (false, _) => (2, self.month),
        };
        (place, std::cmp::Reverse(by))
    }
}

/// What is known of money.
#[derive(Debug, Clone)]
pub struct Money {
    /// What the session told last; none before its first answer.
    pub told: Option<MoneyTold>,
    /// What that comes to, as of the last tick.
    pub outlook: Option<Outlook>,
    /// Why the newest answer could not be had.
    pub error: Option<String>,
    /// What costs and has cost this month, thing by thing.
    pub items: Vec<CostItem>,
    /// This month told apart by something else than things.
    pub groups: Option<Report>,
    /// How the prices of this month are known, in a few words.
    pub known: String,
    /// What the month is told apart by.
    by: Grouping,
    /// When that was reckoned.
    looked: Timestamp,
    jobs: BTreeMap<JobId, (Usd, bool)>,
    bundled: Arc<PriceBook>,
}

impl Default for Money {
    fn default() -> Self {
        Self {
            told: None,
            outlook: None,
            error: None,
            items: Vec::new(),
            groups: None,
            known: String::new(),
            by: Grouping::Thing,
            looked: Timestamp::UNIX_EPOCH,
            jobs: BTreeMap::new(),
            bundled: Arc::clone(PriceBook::bundled()),
        }
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
        let Some(MoneyTold { ledger, book, .. }) = self.told.clone() else {
            *self = Self { error: self.error.take(), by: self.by, ..Self::default() };
            return;
        };
        self.outlook = Some(outlook(&ledger, &book, now));
        self.looked = now;
        let begin = Range::month(now).from;
        self.items.clear();
        self.jobs.clear();
        let mut sources = Vec::new();
        for run in ledger.runs() {
            let (machine, of_month) =
                (run.thing.kind == ResourceKind::Machine, run.ended.is_none_or(|at| at >= begin));
            let of_job = run.labels.job.as_ref().filter(|_| machine && run.thing.provider == ProviderKind::Aws);
            if !of_month && of_job.is_none() {
                continue;
            }
            let item = CostItem::of(run, &book, begin, now);
            if let Some(job) = of_job {
                let spent = self.jobs.entry(job.clone()).or_default();
                spent.0 += item.so_far;
                spent.1 |= item.unknown;
            }
            let costs = run.is_open() || !item.month.is_zero() || item.unknown;
            if of_month && costs {
                sources.extend(run.bill.charges.iter().filter_map(|charge| Some(run.price(charge, &book)?.source)));
                self.items.push(item);
            }
        }
        self.items.sort_by_cached_key(|item| (item.rank(), item.run.thing.clone()));
        self.known = known_by(sources, now);
        self.tell_apart(now);
    }

    fn tell_apart(&mut self, now: Timestamp) {
        let told = self.told.as_ref().filter(|_| self.by != Grouping::Thing);
        self.groups = told.map(|told| report(&told.ledger, &told.book, Range::month(now), self.by, now));
    }

    /// What the month is told apart by.
    #[must_use]
    pub fn by(&self) -> Grouping {
        self.by
    }

    /// Tells it apart by something else.
    pub fn turn(&mut self, by: Grouping, now: Timestamp) {
        self.by = by;
        self.tell_apart(now);
    }

    /// What a job's machines in a cloud have cost as of the last tick, and whether a price is not known, so that something
    /// comes on top; none when it had no such machine.
    #[must_use]
    pub fn job(&self, job: &JobId) -> Option<(Usd, bool)> {
        self.jobs.get(job).copied()
    }

    /// Whether anything costs that is worth a line everywhere: more than a cent an hour or today, or an unknown amount.
    #[must_use]
    pub fn is_worth_telling(&self) -> bool {
        let much = |usd: Usd| usd.with_cents() != "0.00";
        self.outlook
            .as_ref()
            .is_some_and(|outlook| much(outlook.burn.hourly) || much(outlook.today) || outlook.burn.unknown > 0)
    }

    /// What each phase of a job has cost; what was spent between phases under none.
    #[must_use]
    pub fn phases(&self, job: &JobId, now: Timestamp) -> Vec<(Option<Phase>, Usd)> {
        if self.job(job).is_none() {
            return Vec::new();
        }
        let Some(told) = &self.told else { return Vec::new() };
        let Some(cost) = JobCost::of(&told.ledger, &told.book, job, now) else { return Vec::new() };
        let phases = cost.phases.iter().map(|cost| (Some(cost.phase), cost.usd));
        phases.chain(Some((None, cost.between)).filter(|(_, usd)| !usd.is_zero())).collect()
    }

    /// What an image costs for a month at most: its snapshots. None for those of this computer, and when that is not known.
    #[must_use]
    pub fn image_monthly(&self, image: &Image) -> Option<Usd> {
        self.monthly(&image.resource())
    }

    /// What a thing costs for a month of storing it; none when nothing is stored for it that is not another's, and when that
    /// is not known.
    #[must_use]
    pub fn monthly(&self, thing: &Resource) -> Option<Usd> {
        let item = match thing.at.kind {
            ResourceKind::Image => Item::Snapshot,
            // an image's is charged with the image
            ResourceKind::Snapshot if thing.used_by.is_empty() => Item::Snapshot,
            ResourceKind::Volume => Item::Disk,
            ResourceKind::Machine => {
                let stopped = matches!(thing.state.as_deref(), Some("stopped" | "stopping"));
                let run = self.run(&thing.at).filter(|run| stopped && run.is_open())?;
                return Outlook::monthly(run, self.book());
            }
            _ => return None,
        };
        let known =
            self.run(&thing.at).filter(|run| run.is_open()).and_then(|run| Outlook::monthly(run, self.book()));
        known.or_else(|| {
            let quote = self.book().quote(thing.at.region.as_ref()?, &item)?;
            Some(quote.usd.times(gb(thing.bytes?), 1))
        })
    }

    /// A second has passed: it comes to more as long as anything costs, and another day has a sum of its own.
    pub fn tick(&mut self, now: Timestamp) {
        let other_day = Range::day(now) != Range::day(self.looked);
        let stale = |outlook: &Outlook| other_day || !outlook.burn.hourly.is_zero() || outlook.burn.unknown > 0;
        if self.outlook.as_ref().is_some_and(stale) {
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

    /// A machine as the ledger has it, else as it is described.
    #[must_use]
    pub fn run_of(&self, machine: &Machine, now: Timestamp) -> Run {
        let none = Ledger::default();
        let ledger = self.told.as_ref().map_or(&none, |told| &told.ledger);
        Run::of_machine(ledger, self.book(), machine, now)
    }

    /// An hour of a machine alone, and how that is known; none when its price is not known.
    #[must_use]
    pub fn price_of(&self, machine: &Machine, now: Timestamp) -> Option<Quote> {
        self.run_of(machine, now).compute(self.book())
    }

    /// What a machine costs for an hour, with all that goes with it, as it is now; none when that is not known.
    #[must_use]
    pub fn hourly(&self, machine: &Machine, now: Timestamp) -> Option<Usd> {
        self.run_of(machine, now).hourly(self.book(), now)
    }

    /// Whether a machine costs more than that, by a price that is not known.
    #[must_use]
    pub fn costs_more(&self, machine: &Machine, now: Timestamp) -> bool {
        self.run_of(machine, now).costs_more(self.book())
    }

    /// What a machine has cost so far; none when a price of it is not known, or until when it ran.
    #[must_use]
    pub fn so_far(&self, machine: &Machine, now: Timestamp) -> Option<Usd> {
        let changed = machine.cloud.as_ref().is_none_or(|cloud| cloud.metered.changed.is_some());
        if !machine.state.is_alive() && !changed && self.run(&machine.resource().at).is_none() {
            return None;
        }
        let run = self.run_of(machine, now);
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
    pub fn estimate(&self, operation: &Operation, setup: &Setup) -> Option<Estimate> {
        let told = self.told.as_ref()?;
        let work = Work::of(operation, (&setup.types, &setup.budget), told.home.as_ref(), &told.ledger)?;
        Some(estimate(&told.ledger, &told.book, work))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fixtures::{at, gone, launched, money, money_of, on_aws, ours};

    #[test]
    fn another_day_begins_with_nothing_though_nothing_runs() {
        let midnight = at(86_400);
        let ago = |minutes: i64| midnight - jiff::SignedDuration::from_mins(minutes);
        let mut known = Money::default();
        known.take(money_of(&[launched("i-0a", "c5.9xlarge", ago(90), None), gone("i-0a", ago(30))]), ago(20));
        let today =
            |known: &Money| known.outlook.as_ref().map(|outlook| (outlook.today.is_zero(), outlook.days.len()));
        let days = today(&known).unwrap().1;
        known.tick(ago(0) - jiff::SignedDuration::from_secs(1));
        assert_eq!(today(&known), Some((false, days)));
        known.tick(midnight);
        assert_eq!(today(&known), Some((true, days + 1)));
    }

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

    #[test]
    fn a_machine_that_was_not_entered_costs_what_its_parts_do() {
        let now = at(43_200);
        let mut machine = on_aws("i-0a", "us-west-2", "hg-temp", ours());
        machine.launched = Some(now - jiff::SignedDuration::from_mins(30));
        machine.cloud.as_mut().unwrap().metered.addresses = 1;
        let told = |known: &Money| {
            let alone = known.price_of(&machine, now).map(|quote| quote.usd.price());
            let all = known.hourly(&machine, now).map(Usd::price);
            (alone, all, known.so_far(&machine, now).map(Usd::price))
        };
        let mut known = Money::default();
        for _ in 0..2 {
            let usd = |text: &str| Some(text.to_owned());
            assert_eq!(told(&known), (usd("$1.53"), usd("$1.535"), usd("$0.7675")));
            known.take(money_of(&[]), now);
        }
    }
}
