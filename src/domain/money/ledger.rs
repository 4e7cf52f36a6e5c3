//! What ran from when to when, and what it was charged for: a pure fold of entries that are only ever added. It holds
//! what a provider forgets an hour after a machine's end.

use super::billing::{Subject, accrued, rule, stored};
use super::book::{Item, PriceBook, PriceSource, Quote};
use super::{Platform, Usd};
use crate::domain::{
    JobId, Lease, Machine, MachineState, Metered, Phase, ProviderKind, Region, ResourceKind, ResourceRef, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// For what a thing is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChargeKind {
    /// The running machine, by the hour.
    Compute,
    /// Its public addresses, by the hour, while it runs.
    Address,
    /// Its volumes, by GB and month, until it is ended.
    Disk,
    /// Stored snapshots, by GB and month: at most so much, for only blocks that differ are stored.
    Snapshot,
}

impl ChargeKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Compute, Self::Address, Self::Disk, Self::Snapshot];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Address => "address",
            Self::Disk => "disk",
            Self::Snapshot => "snapshot",
        }
    }

    /// Whether a stopped machine is charged for it all the same.
    fn outlasts_stop(self) -> bool {
        matches!(self, Self::Disk | Self::Snapshot)
    }
}

/// One thing that is charged for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// What for.
    pub what: ChargeKind,
    /// How much of it: machines or addresses, or GB.
    pub amount: u64,
    /// The price of one, when it began; none when it was not known then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Quote>,
}

/// What a thing is charged for, and what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// A machine's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// What it runs.
    #[serde(default)]
    pub platform: Platform,
    /// Whether it was bought on the Spot market.
    #[serde(default)]
    pub spot: bool,
    /// What for.
    pub charges: Vec<Charge>,
}

/// Whose it is and what for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// Its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The account it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The job it was launched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// The verb of that job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What the job was about, so that one can be compared with the next of its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// A line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum LedgerEntry {
    /// A thing is there, and charged for, since then: launched, started again, made, or seen for the first time.
    Opened {
        /// Which.
        thing: ResourceRef,
        /// Since when.
        at: Timestamp,
        /// For what.
        bill: Bill,
        /// Whose.
        #[serde(default)]
        labels: Labels,
        /// When it ends itself, as far as known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lease: Option<Timestamp>,
    },
    /// A machine was stopped: it is charged for what it keeps.
    Stopped {
        /// Which.
        thing: ResourceRef,
        /// When.
        at: Timestamp,
    },
    /// A thing is gone, or going and charged for no more.
    Ended {
        /// Which.
        thing: ResourceRef,
        /// When.
        at: Timestamp,
        /// Whether that moment is a bound, not known: the end of its lease, or when it was missed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        bound: bool,
    },
    /// A machine's lease was moved.
    Lease {
        /// Which.
        thing: ResourceRef,
        /// When it ends itself.
        ends: Timestamp,
    },
    /// A phase of a job began.
    PhaseBegan {
        /// Which job.
        job: JobId,
        /// Which phase.
        phase: Phase,
        /// When.
        at: Timestamp,
    },
    /// A phase of a job is over.
    PhaseEnded {
        /// Which job.
        job: JobId,
        /// Which phase.
        phase: Phase,
        /// When.
        at: Timestamp,
        /// Whether it did what it was for.
        ok: bool,
    },
}

/// A stretch of time in which a machine ran without a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Since when.
    pub from: Timestamp,
    /// When it was stopped; none for what was not: it runs, or ran until [`Run::ended`].
    pub to: Option<Timestamp>,
}

/// A thing, from its first day to its last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which.
    pub thing: ResourceRef,
    /// For what.
    pub bill: Bill,
    /// Whose.
    pub labels: Labels,
    /// When it ran; never empty, in order, only the last may be open.
    pub stretches: Vec<Stretch>,
    /// When it ended; none while it is there.
    pub ended: Option<Timestamp>,
    /// Whether that moment is a bound, not known.
    pub bound: bool,
    /// When it ends itself, as far as known.
    pub lease: Option<Timestamp>,
}

impl Run {
    /// Since when it is there.
    #[must_use]
    pub fn opened(&self) -> Timestamp {
        self.stretches.first().map_or(Timestamp::MAX, |stretch| stretch.from)
    }

    /// Whether it is there.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether it runs; what cannot be stopped does until it is gone.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.is_open() && self.stretches.last().is_some_and(|stretch| stretch.to.is_none())
    }

    /// Seconds it ran within a time, as charged but without minimum: each begun one is counted whole, once.
    #[must_use]
    pub fn seconds(&self, from: Timestamp, to: Timestamp) -> u64 {
        let until = |at: Timestamp| -> u64 {
            self.stretches.iter().map(|stretch| super::billing::seconds(stretch.from, self.end(stretch, at))).sum()
        };
        until(to).saturating_sub(until(from))
    }

    /// Until when a stretch lasted, as seen then.
    fn end(&self, stretch: &Stretch, at: Timestamp) -> Timestamp {
        stretch.to.or(self.ended).unwrap_or(at).min(at)
    }

    /// The price of a charge: as it was when the thing began, else as it is known now.
    #[must_use]
    pub fn price(&self, charge: &Charge, book: &PriceBook) -> Option<Quote> {
        if charge.price.is_some() {
            return charge.price;
        }
        if self.thing.provider != ProviderKind::Aws {
            return Some(Quote::FREE);
        }
        let region = self.thing.region.as_ref()?;
        match charge.what {
            // what the market asked then is not known
            ChargeKind::Compute if self.bill.spot => None,
            ChargeKind::Compute => book.machine(region, self.bill.instance_type.as_ref()?, self.bill.platform),
            ChargeKind::Address => book.quote(region, &Item::Address),
            ChargeKind::Disk => book.quote(region, &Item::Disk),
            ChargeKind::Snapshot => book.quote(region, &Item::Snapshot),
        }
    }

    /// What a charge has come to from the beginning until then, at that price; what begins at that very moment is not in
    /// it. It never falls with time, and what lies between two moments is the difference of the two: so parts add up to the
    /// whole exactly.
    #[must_use]
    pub fn until(&self, charge: &Charge, price: Quote, at: Timestamp) -> Usd {
        let each = price.usd.times(charge.amount, 1);
        if charge.what.outlasts_stop() {
            let subject = if charge.what == ChargeKind::Disk { Subject::Volume } else { Subject::Snapshot };
            let from = self.opened();
            if from >= at {
                return Usd::ZERO;
            }
            return stored(each, rule(subject, from), from, self.ended.unwrap_or(at).min(at));
        }
        let subject = if charge.what == ChargeKind::Address { Subject::Address } else { self.bill.platform.into() };
        let begun = self.stretches.iter().filter(|stretch| stretch.from < at);
        begun.map(|stretch| accrued(each, rule(subject, stretch.from), stretch.from, self.end(stretch, at))).sum()
    }

    /// What it has come to from the beginning until then, as far as prices are known.
    #[must_use]
    pub fn total(&self, book: &PriceBook, at: Timestamp) -> Usd {
        let charges = self.bill.charges.iter();
        charges.filter_map(|charge| Some(self.until(charge, self.price(charge, book)?, at))).sum()
    }

    /// Whether a price of it is not known.
    #[must_use]
    pub fn is_unknown(&self, book: &PriceBook) -> bool {
        self.bill.charges.iter().any(|charge| self.price(charge, book).is_none())
    }

    /// What it is charged for as it is now.
    fn current(&self) -> impl Iterator<Item = &Charge> {
        let counts = |charge: &&Charge| self.is_open() && (self.is_running() || charge.what.outlasts_stop());
        self.bill.charges.iter().filter(counts)
    }

    /// Whether a price of what it is charged for now is not known, so that an hour costs more than [`hourly`](Self::hourly)
    /// says.
    #[must_use]
    pub fn costs_more(&self, book: &PriceBook) -> bool {
        self.current().any(|charge| self.price(charge, book).is_none())
    }

    /// What it costs for an hour as it is now, all that is charged by the month counted in; none when the machine's own price
    /// is not known, or that of all that is charged.
    #[must_use]
    pub fn hourly(&self, book: &PriceBook, now: Timestamp) -> Option<Usd> {
        let (mut hourly, mut known, mut unknown) = (Usd::ZERO, false, false);
        let (begin, end) = super::billing::month_of(now);
        for charge in self.current() {
            let Some(price) = self.price(charge, book) else {
                if charge.what == ChargeKind::Compute {
                    return None;
                }
                unknown = true;
                continue;
            };
            known = true;
            let each = price.usd.times(charge.amount, 1);
            hourly += if charge.what.outlasts_stop() {
                each.times(3600, super::billing::seconds(begin, end))
            } else {
                each
            };
        }
        if unknown && !known {
            return None;
        }
        Some(hourly)
    }
}

impl Run {
    /// A machine's run as the ledger has it, else as the machine is described. One that is described as over has ended, whatever
    /// the ledger knows.
    #[must_use]
    pub fn of_machine(ledger: &Ledger, book: &PriceBook, machine: &Machine, now: Timestamp) -> Self {
        let thing = machine.resource().at;
        let changed = machine.cloud.as_ref().and_then(|cloud| cloud.metered.changed);
        let over = matches!(machine.state, MachineState::ShuttingDown | MachineState::Terminated);
        if let Some(run) = ledger.run(&thing).filter(|run| run.is_open() || !machine.state.is_alive()) {
            let mut run = run.clone();
            if over && run.is_open() {
                let since = run.stretches.last().map_or(now, |last| last.to.unwrap_or(last.from));
                let leased = run.lease.map_or(now, |lease| lease.min(now));
                run.ended = Some(changed.unwrap_or(leased).max(since));
                run.bound = changed.is_none();
            }
            return run;
        }
        let stopped = (!machine.state.is_alive()).then(|| changed.unwrap_or(now));
        let run = Bill::of(book, machine).run(thing, machine.launched.unwrap_or(now), stopped);
        Self { ended: stopped.filter(|_| over), lease: machine.lease.map(Lease::ends), ..run }
    }

    /// An hour of the machine itself, and how that is known; none where it is not, or where it is no machine.
    #[must_use]
    pub fn compute(&self, book: &PriceBook) -> Option<Quote> {
        let compute = self.bill.charges.iter().find(|charge| charge.what == ChargeKind::Compute)?;
        self.price(compute, book)
    }

    /// Whether nothing is charged for it: this computer's, a listed host.
    #[must_use]
    pub fn is_free(&self, book: &PriceBook) -> bool {
        let free = |charge| self.price(charge, book).is_some_and(|price| price.source == PriceSource::Free);
        self.bill.charges.iter().all(free)
    }

    /// Whether credits may come on top: it is of a burstable type, which is charged extra above its baseline.
    #[must_use]
    pub fn is_burstable(&self, book: &PriceBook) -> bool {
        self.bill.instance_type.as_deref().and_then(|name| book.facts(name)).is_some_and(|facts| facts.burstable)
    }
}

/// A phase of a job, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PhaseSpan {
    pub(super) phase: Phase,
    pub(super) from: Timestamp,
    pub(super) to: Option<Timestamp>,
    pub(super) ok: bool,
}

/// When EC2 began: what says that it began before has a wrong clock, and would be counted for ages.
static EARLIEST: LazyLock<Timestamp> = LazyLock::new(|| super::billing::midnight(jiff::civil::date(2006, 8, 24)));

/// What a thing is known by.
type Key = (ProviderKind, ResourceKind, String);

fn key(thing: &ResourceRef) -> Key {
    (thing.provider, thing.kind, thing.id.clone())
}

/// All that was entered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By whose and which: ids are given once, and who ends a thing may not say in which region it is.
    runs: BTreeMap<Key, Run>,
    phases: BTreeMap<JobId, Vec<PhaseSpan>>,
}

impl Ledger {
    /// Folds an entry in. What comes twice, or too late, changes nothing: two processes may enter what both have seen.
    pub fn apply(&mut self, entry: &LedgerEntry) {
        match entry {
            LedgerEntry::Opened { thing, at, bill, labels, lease } => self.open(thing, *at, bill, labels, *lease),
            LedgerEntry::Stopped { thing, at } => {
                let Some(run) = self.runs.get_mut(&key(thing)).filter(|run| run.is_running()) else { return };
                let again = run.stretches.iter().any(|stretch| stretch.to == Some(*at));
                let first = run.stretches.len() == 1;
                // a stop at the very moment of a later start is the one before it
                let after = |last: &&mut Stretch| *at > last.from || (first && *at == last.from);
                if let Some(last) = run.stretches.last_mut().filter(|last| !again && after(last)) {
                    last.to = Some(*at);
                }
            }
            LedgerEntry::Ended { thing, at, bound } => {
                let Some(run) = self.runs.get_mut(&key(thing)) else { return };
                let Some(last) = run.stretches.last() else { return };
                let at = (*at).max(last.to.unwrap_or(last.from));
                // a moment that is known takes the place of a bound; but who ends what is gone by then knows no better
                if run.ended.is_none_or(|ended| run.bound && !bound && at <= ended) {
                    (run.ended, run.bound) = (Some(at), *bound);
                }
            }
            LedgerEntry::Lease { thing, ends } => {
                if let Some(run) = self.runs.get_mut(&key(thing)) {
                    run.lease = Some(*ends);
                }
            }
            LedgerEntry::PhaseBegan { job, phase, at } => {
                let spans = self.phases.entry(job.clone()).or_default();
                if !spans.iter().rev().any(|span| span.phase == *phase && span.from == *at) {
                    spans.push(PhaseSpan { phase: *phase, from: *at, to: None, ok: false });
                }
            }
            LedgerEntry::PhaseEnded { job, phase, at, ok } => {
                let spans = self.phases.entry(job.clone()).or_default();
                let again = spans.iter().any(|span| span.phase == *phase && span.to == Some(*at));
                let begun = |span: &&mut PhaseSpan| span.phase == *phase && span.to.is_none() && span.from <= *at;
                if let Some(span) = spans.iter_mut().rfind(begun).filter(|_| !again) {
                    (span.to, span.ok) = (Some(*at), *ok);
                }
            }
        }
    }

    fn open(&mut self, thing: &ResourceRef, at: Timestamp, bill: &Bill, labels: &Labels, lease: Option<Timestamp>) {
        let at = at.max(*EARLIEST);
        let Some(run) = self.runs.get_mut(&key(thing)) else {
            let run = Run {
                thing: thing.clone(),
                bill: bill.clone(),
                labels: labels.clone(),
                stretches: vec![Stretch { from: at, to: None }],
                ended: None,
                bound: false,
                lease,
            };
            self.runs.insert(key(thing), run);
            return;
        };
        // what was not known of it at first may be now
        let known = std::mem::take(&mut run.labels);
        run.labels = Labels {
            owner: known.owner.or_else(|| labels.owner.clone()),
            account: known.account.or_else(|| labels.account.clone()),
            job: known.job.or_else(|| labels.job.clone()),
            operation: known.operation.or_else(|| labels.operation.clone()),
            about: known.about.or_else(|| labels.about.clone()),
        };
        for charge in &bill.charges {
            match run.bill.charges.iter_mut().find(|known| known.what == charge.what) {
                Some(known) => {
                    known.price = known.price.or(charge.price);
                }
                None => run.bill.charges.push(charge.clone()),
            }
        }
        run.lease = lease.or(run.lease);
        if run.bound {
            // it was thought to be gone, and is there
            (run.ended, run.bound) = (None, false);
        }
        let again = run.stretches.iter().any(|stretch| stretch.from == at);
        let stopped = run.stretches.last().and_then(|last| last.to);
        if run.is_open() && !again && stopped.is_some_and(|stopped| at >= stopped) {
            run.stretches.push(Stretch { from: at, to: None });
        }
    }

    /// What is left of it with these runs alone; the phases of all jobs stay.
    #[must_use]
    pub fn filtered(&self, wanted: impl Fn(&Run) -> bool) -> Self {
        let runs = self.runs.iter().filter(|(_, run)| wanted(run));
        Self { runs: runs.map(|(key, run)| (key.clone(), run.clone())).collect(), phases: self.phases.clone() }
    }

    /// Everything that was ever charged for, by what it is.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values()
    }

    /// One thing.
    #[must_use]
    pub fn run(&self, thing: &ResourceRef) -> Option<&Run> {
        self.runs.get(&key(thing))
    }

    /// What was launched or made for a job.
    pub fn of_job<'a>(&'a self, job: &'a JobId) -> impl Iterator<Item = &'a Run> {
        self.runs.values().filter(move |run| run.labels.job.as_ref() == Some(job))
    }

    /// What a job's machines have come to, as far as prices are known; none when it had no machine that costs.
    #[must_use]
    pub fn spent_by(&self, job: &JobId, book: &PriceBook, now: Timestamp) -> Option<Usd> {
        let mut machines = self.of_job(job).filter(|run| run.thing.kind == ResourceKind::Machine).peekable();
        machines.peek()?;
        Some(machines.map(|run| run.total(book, now)).sum())
    }

    /// The phases of a job in the order they began.
    pub(super) fn phases(&self, job: &JobId) -> &[PhaseSpan] {
        self.phases.get(job).map_or(&[], Vec::as_slice)
    }

    /// Seconds a job spent in a phase, of its whole attempts; none when it had none.
    #[must_use]
    pub fn phase_seconds(&self, job: &JobId, phase: Phase) -> Option<u64> {
        let whole = self.phases(job).iter().filter(|span| span.phase == phase && span.ok);
        let mut seconds = whole.filter_map(|span| Some(super::billing::seconds(span.from, span.to?))).peekable();
        seconds.peek()?;
        Some(seconds.sum())
    }
}

/// A size as it is charged: a GB that has begun is a whole one.
#[must_use]
pub fn gb(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 30)
}

impl Bill {
    /// What a machine on EC2 is charged for, with the prices of a book. What is not known of it is left out. On the Spot market
    /// each zone has a price of its own: see [`in_zone`](Self::in_zone).
    #[must_use]
    pub fn of_machine(
        book: &PriceBook,
        region: &Region,
        instance_type: &str,
        platform: Platform,
        spot: bool,
        (disk_gb, addresses): (Option<u64>, u64),
    ) -> Self {
        let compute = if spot { None } else { book.machine(region, instance_type, platform) };
        let mut charges = vec![Charge { what: ChargeKind::Compute, amount: 1, price: compute }];
        if addresses > 0 {
            let price = book.quote(region, &Item::Address);
            charges.push(Charge { what: ChargeKind::Address, amount: addresses, price });
        }
        if let Some(amount) = disk_gb.filter(|gb| *gb > 0) {
            charges.push(Charge { what: ChargeKind::Disk, amount, price: book.quote(region, &Item::Disk) });
        }
        Self { instance_type: Some(instance_type.to_owned()), platform, spot, charges }
    }

    /// The same in a zone that is known: what the Spot market asks there.
    #[must_use]
    pub fn in_zone(mut self, book: &PriceBook, region: &Region, zone: &str) -> Self {
        let compute = self.charges.iter_mut().find(|charge| charge.what == ChargeKind::Compute);
        if let (true, Some(name), Some(compute)) = (self.spot, &self.instance_type, compute) {
            let (instance_type, zone) = (name.clone(), zone.to_owned());
            compute.price = book.quote(region, &Item::Spot { instance_type, platform: self.platform, zone });
        }
        self
    }

    /// What a machine is charged for as it is described: nothing but in a cloud.
    #[must_use]
    pub fn of(book: &PriceBook, machine: &Machine) -> Self {
        let Some(cloud) = &machine.cloud else { return Self::free() };
        let Metered { platform, spot, disk_gb, addresses, .. } = cloud.metered;
        let bill = Self::of_machine(book, &cloud.region, &cloud.instance_type, platform, spot, (disk_gb, addresses));
        match &cloud.zone {
            Some(zone) => bill.in_zone(book, &cloud.region, zone),
            None => bill,
        }
    }

    /// A run of a thing that is charged so, of which nothing else is known; `stopped` is until when it ran.
    #[must_use]
    pub fn run(self, thing: ResourceRef, from: Timestamp, stopped: Option<Timestamp>) -> Run {
        let to = stopped.map(|at| at.max(from));
        Run {
            thing,
            bill: self,
            labels: Labels::default(),
            stretches: vec![Stretch { from, to }],
            ended: None,
            bound: false,
            lease: None,
        }
    }

    /// What a machine that costs nothing is charged for.
    #[must_use]
    pub fn free() -> Self {
        let charge = Charge { what: ChargeKind::Compute, amount: 1, price: Some(Quote::FREE) };
        Self { charges: vec![charge], ..Self::default() }
    }

    /// What a volume is charged for.
    #[must_use]
    pub fn of_volume(book: &PriceBook, region: &Region, gb: u64) -> Self {
        let charge = Charge { what: ChargeKind::Disk, amount: gb, price: book.quote(region, &Item::Disk) };
        Self { charges: vec![charge], ..Self::default() }
    }

    /// What an image's snapshots are charged for at most.
    #[must_use]
    pub fn of_snapshots(book: &PriceBook, region: &Region, gb: u64) -> Self {
        let charge = Charge { what: ChargeKind::Snapshot, amount: gb, price: book.quote(region, &Item::Snapshot) };
        Self { charges: vec![charge], ..Self::default() }
    }
}

#[cfg(test)]
#[path = "ledger_test.rs"]
mod tests;
