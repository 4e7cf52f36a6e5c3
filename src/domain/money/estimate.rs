//! Before the act: how long it will take and what that costs, from what the same work took before; and other types that do
//! it for the same money or less.

use super::billing::seconds;
use super::ledger::{ChargeKind, Ledger, PhaseSpan, Run};
use super::{Budget, Item, Platform, PriceBook, Quote, Usd};
use crate::domain::{JobId, Operation, Phase, Region, ResourceKind, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// The verb of an operation that is done only once its tests have run.
const TESTS: &str = "run-tests-linux";
/// How many earlier runs are looked at, the newest.
const RUNS: usize = 5;
/// What is dearer by so much in a hundred still counts as the same money.
const SAME: u64 = 5;
/// How many alternatives are told: on demand, and of the Spot market, which is always cheaper and would leave no room for others.
const SHOWN: (usize, usize) = (6, 3);

/// The types of a cloud's machines that are launched where none is wished for, the preferred one first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsualTypes {
    /// Of machines.
    pub machines: Vec<String>,
    /// Of those that images are made on.
    pub images: Vec<String>,
}

impl UsualTypes {
    /// Those that an operation's own machine may have.
    #[must_use]
    pub fn of<'a>(&'a self, operation: &'a Operation) -> &'a [String] {
        match (operation.wish(), operation) {
            (Some(wish), _) if !wish.instance_types.is_empty() => &wish.instance_types,
            (_, Operation::BootstrapLinux(_)) => &self.images,
            _ => &self.machines,
        }
    }

    /// Those that any machine may have which it launches: a missing image is made on one of its own, whatever was wished for
    /// the tests.
    #[must_use]
    pub fn of_all(&self, operation: &Operation) -> Vec<String> {
        let makes_image = matches!(operation, Operation::RunTests(spec) if spec.build_image);
        let images = if makes_image { self.images.as_slice() } else { &[] };
        self.of(operation).iter().chain(images).cloned().collect()
    }
}

/// A machine that an operation would launch, and the work it would do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The verb.
    pub operation: String,
    /// What it is about, as [`Labels::about`](super::Labels::about).
    pub about: Option<String>,
    /// Where.
    pub region: Region,
    /// On what.
    pub instance_type: String,
    /// With how many GB of volumes; none when that is not known yet.
    pub disk_gb: Option<u64>,
    /// With how many public addresses.
    pub addresses: u64,
    /// How long it may live with no client, in seconds.
    pub lease: u64,
    /// What its job may cost; none without a limit.
    pub cap: Option<Usd>,
}

impl Work {
    /// The machine that an operation would launch in a cloud; none where it launches none that costs. `home` is where it would
    /// be launched where nothing is wished for.
    #[must_use]
    pub fn of(
        operation: &Operation,
        (usual, budget): (&UsualTypes, &Budget),
        home: Option<&Region>,
        ledger: &Ledger,
    ) -> Option<Self> {
        let wish = operation.cloud_wish()?;
        // the volumes that a machine for the same had last
        let verb = operation.verb();
        let before = ledger.runs().filter(|run| run.labels.operation.as_deref() == Some(verb));
        let disk_gb = before.max_by_key(|run| run.opened()).and_then(|run| {
            run.bill.charges.iter().find(|charge| charge.what == ChargeKind::Disk).map(|charge| charge.amount)
        });
        Some(Self {
            operation: verb.to_owned(),
            about: operation.about(),
            region: wish.region.as_ref().or(home)?.clone(),
            instance_type: usual.of(operation).first()?.clone(),
            disk_gb,
            // however it is reached: without one it has no way out
            addresses: 1,
            lease: operation.lease()?.as_secs(),
            cap: wish.allowance.cap(budget),
        })
    }
}

/// What the same work took before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Seconds of a machine's life besides the tests: they do not depend on its size. The middle of all runs.
    pub setup: u64,
    /// Processor-seconds that the tests took: so many on twice as many processors take half the time.
    pub processor_seconds: u64,
    /// How many runs that is known of.
    pub runs: u32,
}

impl History {
    /// What is known of the same work; none when it was never done to its end. Of a job one machine counts: the one its tests
    /// ran on, for on another their image may have been made; of a job without tests the last one.
    #[must_use]
    pub fn of(ledger: &Ledger, book: &PriceBook, operation: &str, about: Option<&str>) -> Option<Self> {
        let mut of_jobs: BTreeMap<&JobId, Vec<&Run>> = BTreeMap::new();
        for run in ledger.runs().filter(|run| run.thing.kind == ResourceKind::Machine) {
            let alike = run.labels.operation.as_deref() == Some(operation) && run.labels.about.as_deref() == about;
            if let Some(job) = run.labels.job.as_ref().filter(|_| alike) {
                of_jobs.entry(job).or_default().push(run);
            }
        }
        let mut done: Vec<(&Run, u64)> = of_jobs
            .into_iter()
            .filter_map(|(job, runs)| Self::done(ledger.phases(job), &runs, operation == TESTS))
            .collect();
        done.sort_by_key(|(run, _)| std::cmp::Reverse(run.opened()));
        let mut taken: Vec<(u64, u64)> = Vec::new();
        for (run, test) in done {
            let facts = run.bill.instance_type.as_deref().and_then(|name| book.facts(name));
            let (Some(facts), Some(end)) = (facts, run.ended) else { continue };
            let all = run.seconds(run.opened(), end);
            let test = test.min(all);
            taken.push((all - test, test * u64::from(facts.vcpus)));
            if taken.len() == RUNS {
                break;
            }
        }
        let middle = |mut values: Vec<u64>| {
            values.sort_unstable();
            values.get(values.len().checked_sub(1)? / 2).copied()
        };
        Some(Self {
            setup: middle(taken.iter().map(|(setup, _)| *setup).collect())?,
            processor_seconds: middle(taken.iter().map(|(_, test)| *test).collect())?,
            runs: u32::try_from(taken.len()).unwrap_or(u32::MAX),
        })
    }

    /// The machine that a job did its work on and the seconds of its tests; none when that was not done to its end, or when
    /// it is not known how long the machine lived.
    fn done<'a>(spans: &[PhaseSpan], runs: &[&'a Run], tests: bool) -> Option<(&'a Run, u64)> {
        let whole = spans.iter().filter(|span| span.phase == Phase::Test && span.ok);
        let whole = whole.filter_map(|span| Some((span.from, span.to?)));
        let last = whole.clone().max();
        let by = match last {
            Some((from, _)) => from,
            None if !tests && spans.last().is_some_and(|span| span.ok) => Timestamp::MAX,
            None => return None,
        };
        let run = runs.iter().filter(|run| run.opened() <= by).max_by_key(|run| run.opened())?;
        let end = run.ended.filter(|end| !run.bound && last.is_none_or(|(_, to)| to <= *end))?;
        let own = whole.filter(|(from, to)| run.opened() <= *from && *to <= end);
        Some((run, own.map(|(from, to)| seconds(from, to)).sum()))
    }

    /// Seconds it would take on so many processors.
    #[must_use]
    pub fn seconds_on(&self, vcpus: u32) -> u64 {
        self.setup + self.processor_seconds.div_ceil(u64::from(vcpus.max(1)))
    }
}

/// What an operation would cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// What it would be.
    pub work: Work,
    /// An hour of the machine itself; none when its price is not known.
    pub machine: Option<Quote>,
    /// An hour of all of it: machine, addresses, volumes; none when the machine's price is not known.
    pub hourly: Option<Usd>,
    /// How many seconds the same work took before, on that many processors; none when it was never done.
    pub seconds: Option<u64>,
    /// How many runs that is known of.
    pub runs: u32,
    /// What that comes to.
    pub usd: Option<Usd>,
    /// What it comes to if nobody ends it, until it ends itself: by its lease, or before that at its cap.
    pub at_most: Option<Usd>,
    /// Whether its cap ends it before its lease.
    pub ends_at_cap: bool,
    /// The least that is charged for it, however soon it ends: its first minute.
    pub least: Option<Usd>,
    /// Whether the price of its addresses is in all of it.
    pub with_addresses: bool,
    /// Whether that of its volumes is.
    pub with_volumes: bool,
    /// What may come on top and is not in it, each a line.
    pub not_included: Vec<String>,
    /// Other types, the cheapest first.
    pub alternatives: Vec<Alternative>,
}

impl Estimate {
    /// What is in the hour of all of it besides the machine.
    #[must_use]
    pub fn included(&self) -> Vec<&'static str> {
        let parts = [(self.with_addresses, "address"), (self.with_volumes, "volumes")];
        parts.into_iter().filter(|(with, _)| *with).map(|(_, part)| part).collect()
    }
}

/// Another type for the same work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alternative {
    /// Its type.
    pub instance_type: String,
    /// Its processors.
    pub vcpus: u32,
    /// The zone, of one on the Spot market; none is on demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot_zone: Option<String>,
    /// An hour of it.
    pub hourly: Quote,
    /// Seconds the same work takes, if tests scale with processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// What that comes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<Usd>,
    /// What the same work costs in a hundredth of what it does on the type that was asked for.
    pub percent: u64,
}

/// What some work would cost.
#[must_use]
pub fn estimate(ledger: &Ledger, book: &PriceBook, work: Work) -> Estimate {
    let machine = book.machine(&work.region, &work.instance_type, Platform::Linux);
    let facts = book.facts(&work.instance_type);
    // what is left to its lease does no work that could be compared
    let about = work.about.as_deref();
    let history = about.and_then(|about| History::of(ledger, book, &work.operation, Some(about)));
    let seconds = history.zip(facts).map(|(history, facts)| history.seconds_on(facts.vcpus));
    let address = book.quote(&work.region, &Item::Address).filter(|_| work.addresses > 0);
    let disk = book.quote(&work.region, &Item::Disk).zip(work.disk_gb);
    // a month of 730 hours, as AWS's own calculator takes it: which month it will be does not matter before it has begun
    let disk = disk.map(|(quote, gb)| quote.usd.times(gb, 730));
    let beside = address.map_or(Usd::ZERO, |quote| quote.usd.times(work.addresses, 1)) + disk.unwrap_or_default();
    let hourly = machine.map(|quote| quote.usd + beside);
    let costs = |seconds: u64| hourly.map(|hourly| hourly.times(seconds.max(60), 3600));
    let (least, until_lease) = (costs(0), costs(work.lease));
    let until_cap = work.cap.filter(|cap| until_lease.is_some_and(|most| *cap < most));
    let mut not_included = vec!["data that the machine sends out to the internet, beyond 100 GB a month".to_owned()];
    if work.addresses > 0 && address.is_none() {
        not_included.push("its address".to_owned());
    }
    if disk.is_none() {
        not_included.push("its volumes".to_owned());
    }
    if facts.is_some_and(|facts| facts.burstable) {
        let surplus = book.quote(&work.region, &Item::Surplus { platform: Platform::Linux });
        let price = surplus.map_or_else(|| "an unknown amount".to_owned(), |quote| quote.usd.price());
        not_included.push(format!(
            "{} for every processor and hour above the baseline: {} is of a burstable family",
            price, work.instance_type
        ));
    }
    not_included.push("taxes, discounts, free tiers".to_owned());
    Estimate {
        machine,
        hourly,
        seconds,
        runs: history.map_or(0, |history| history.runs),
        usd: seconds.and_then(costs),
        at_most: until_cap.or(until_lease),
        ends_at_cap: until_cap.is_some(),
        least,
        with_addresses: address.is_some(),
        with_volumes: disk.is_some(),
        not_included,
        alternatives: alternatives(book, &work, history),
        work,
    }
}

/// Other types that do the same work for the same money or less, the cheapest first. Without a history they are compared
/// by what a processor costs for an hour.
#[must_use]
pub fn alternatives(book: &PriceBook, work: &Work, history: Option<History>) -> Vec<Alternative> {
    let Some(own) = book.facts(&work.instance_type) else { return Vec::new() };
    let Some(price) = book.machine(&work.region, &work.instance_type, Platform::Linux) else { return Vec::new() };
    let costs = |hourly: Usd, vcpus: u32| match history {
        Some(history) => hourly.times(history.seconds_on(vcpus).max(60), 3600),
        None => hourly.times(1, u64::from(vcpus.max(1))),
    };
    let usual = costs(price.usd, own.vcpus);
    let mut found = Vec::new();
    for (name, facts) in book.types() {
        // ARM has no images of ours; a burstable type is slow, or dearer, once its credits are used up
        if facts.arm
            || (facts.burstable && !own.burstable)
            || u64::from(facts.vcpus) * 2 < u64::from(own.vcpus.min(16))
        {
            continue;
        }
        let on_demand = book.machine(&work.region, name, Platform::Linux).filter(|_| name != work.instance_type);
        let spot = book.spot(&work.region, name, Platform::Linux);
        let each = [on_demand.map(|quote| (quote, None)), spot.map(|(quote, zone)| (quote, Some(zone.to_owned())))];
        for (hourly, spot_zone) in each.into_iter().flatten() {
            let cost = costs(hourly.usd, facts.vcpus);
            let Some(percent) = cost.percent_of(usual).filter(|percent| *percent <= 100 + SAME) else { continue };
            found.push(Alternative {
                instance_type: name.to_owned(),
                vcpus: facts.vcpus,
                spot_zone,
                hourly,
                seconds: history.map(|history| history.seconds_on(facts.vcpus)),
                usd: history.map(|_| cost),
                percent,
            });
        }
    }
    found.sort_by(|a, b| {
        (a.percent, a.hourly.usd, &a.instance_type).cmp(&(b.percent, b.hourly.usd, &b.instance_type))
    });
    let (mut on_demand, mut spot) = SHOWN;
    found.retain(|one| {
        let left = if one.spot_zone.is_some() { &mut spot } else { &mut on_demand };
        let shown = *left > 0;
        *left -= usize::from(shown);
        shown
    });
    found
}

#[cfg(test)]
#[path = "estimate_test.rs"]
mod tests;
