//! What a ledger comes to: for a time, by whatever a person wants it told apart by.

use super::billing::{day_of, month_of};
use super::ledger::{Charge, ChargeKind, Ledger, PhaseSpan, Run};
use super::{PriceBook, Quote, Usd};
use crate::domain::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What costs are told apart by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grouping {
    /// Each machine, image or snapshot by itself.
    #[default]
    #[serde(rename = "machine")]
    Thing,
    /// The job it was launched or made for.
    Job,
    /// The phase its job was in.
    Phase,
    /// Its owner.
    Owner,
    /// Its region, or its provider where it has none.
    Region,
    /// The verb of its job.
    Operation,
    /// The machine's type.
    Type,
    /// What it is charged for.
    Charge,
    /// The day (UTC).
    Day,
    /// The month (UTC).
    Month,
}

impl Grouping {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Thing,
        Self::Job,
        Self::Phase,
        Self::Owner,
        Self::Region,
        Self::Operation,
        Self::Type,
        Self::Charge,
        Self::Day,
        Self::Month,
    ];

    /// Its word on the command line and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Thing => "machine",
            Self::Job => "job",
            Self::Phase => "phase",
            Self::Owner => "owner",
            Self::Region => "region",
            Self::Operation => "operation",
            Self::Type => "type",
            Self::Charge => "charge",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The head of its column; that of things is whatever the list calls them.
    #[must_use]
    pub fn head(self, things: &'static str) -> &'static str {
        match self {
            Self::Thing => things,
            Self::Job => "JOB",
            Self::Phase => "PHASE",
            Self::Owner => "OWNER",
            Self::Region => "REGION",
            Self::Operation => "OPERATION",
            Self::Type => "TYPE",
            Self::Charge => "CHARGE",
            Self::Day => "DAY",
            Self::Month => "MONTH",
        }
    }
}

/// A stretch of time: from a moment on, up to another, which is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// From then on.
    pub from: Timestamp,
    /// Up to then.
    pub to: Timestamp,
}

impl Range {
    /// The day (UTC) that a moment is in.
    #[must_use]
    pub fn day(at: Timestamp) -> Self {
        let (from, to) = day_of(at);
        Self { from, to }
    }

    /// The calendar month (UTC) that a moment is in.
    #[must_use]
    pub fn month(at: Timestamp) -> Self {
        let (from, to) = month_of(at);
        Self { from, to }
    }

    /// All there is.
    #[must_use]
    pub fn all() -> Self {
        Self { from: Timestamp::MIN, to: Timestamp::MAX }
    }
}

/// What all things cost in a time, up to now.
#[must_use]
pub fn spent(ledger: &Ledger, book: &PriceBook, range: Range, now: Timestamp) -> Usd {
    report(ledger, book, range, Grouping::Charge, now).total.total()
}

/// What something came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// What.
    pub key: String,
    /// Running machines, by the hour.
    pub compute: Usd,
    /// Addresses.
    pub address: Usd,
    /// Volumes.
    pub disk: Usd,
    /// Snapshots, at most.
    pub snapshot: Usd,
    /// Seconds that machines ran.
    pub seconds: u64,
    /// How many things are in it.
    pub things: usize,
    /// How many of them are there now.
    pub open: usize,
    /// How many of them have a price that is not known: they come on top.
    pub unknown: usize,
    /// For which of what they are charged for that is so.
    pub missing: BTreeSet<ChargeKind>,
}

impl Row {
    /// The sum.
    #[must_use]
    pub fn total(&self) -> Usd {
        self.compute + self.address + self.disk + self.snapshot
    }

    /// What one kind of charge came to, as far as it is known.
    #[must_use]
    pub fn of(&self, what: ChargeKind) -> Usd {
        match what {
            ChargeKind::Compute => self.compute,
            ChargeKind::Address => self.address,
            ChargeKind::Disk => self.disk,
            ChargeKind::Snapshot => self.snapshot,
        }
    }

    fn add(&mut self, what: ChargeKind, amount: Usd) {
        match what {
            ChargeKind::Compute => self.compute += amount,
            ChargeKind::Address => self.address += amount,
            ChargeKind::Disk => self.disk += amount,
            ChargeKind::Snapshot => self.snapshot += amount,
        }
    }
}

/// A row that is being added up.
#[derive(Default)]
struct Heap<'a> {
    row: Row,
    things: BTreeSet<&'a str>,
    open: BTreeSet<&'a str>,
    unknown: BTreeSet<&'a str>,
}

impl Heap<'_> {
    fn named(self, key: String) -> Row {
        Row { key, things: self.things.len(), open: self.open.len(), unknown: self.unknown.len(), ..self.row }
    }
}

/// What a ledger comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// For which time; its end is `now` at most.
    pub range: Range,
    /// By what.
    pub by: Grouping,
    /// The rows: times in their order, all else the dearest first.
    pub rows: Vec<Row>,
    /// All of them.
    pub total: Row,
    /// How the prices in it are known.
    pub sources: BTreeSet<String>,
    /// The things whose price is not known.
    pub unknown: BTreeSet<String>,
    /// The things whose end is not known but bounded.
    pub bounded: BTreeSet<String>,
}

/// What has no such thing as it is grouped by.
const NONE: &str = "(none)";

/// What the ledger comes to from the beginning of the range to its end, or to now.
#[must_use]
pub fn report(ledger: &Ledger, book: &PriceBook, range: Range, by: Grouping, now: Timestamp) -> Report {
    let range = Range { from: range.from, to: range.to.min(now).max(range.from) };
    let mut rows: BTreeMap<String, Heap<'_>> = BTreeMap::new();
    let (mut sources, mut unknown, mut bounded) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut whole = Heap::default();
    for run in ledger.runs() {
        let end = run.ended.unwrap_or(range.to).min(range.to);
        if run.opened() >= range.to || end < range.from {
            continue;
        }
        let id = run.thing.id.as_str();
        let priced = run.bill.charges.iter().map(|charge| (charge, run.price(charge, book)));
        // what each has come to before the piece
        let mut charges: Vec<(&Charge, Option<Quote>, Usd)> = priced
            .map(|(charge, price)| {
                (charge, price, price.map_or(Usd::ZERO, |price| run.until(charge, price, range.from)))
            })
            .collect();
        for (_, price, _) in &charges {
            match price {
                Some(price) => drop(sources.insert(price.source)),
                None => drop(unknown.insert(id.to_owned())),
            }
        }
        for (key, from, to) in pieces(ledger, run, range, by) {
            // the last piece has what began at its very end too
            let through = if run.ended.is_some_and(|ended| to >= ended) { range.to } else { to };
            let keys = |what: ChargeKind| if by == Grouping::Charge { what.as_str().to_owned() } else { key.clone() };
            for (charge, price, before) in &mut charges {
                let by_then = price.map_or(Usd::ZERO, |price| run.until(charge, price, through));
                let amount = by_then - *before;
                *before = by_then;
                for heap in [&mut whole, rows.entry(keys(charge.what)).or_default()] {
                    heap.row.add(charge.what, amount);
                    heap.things.insert(id);
                    if run.is_open() {
                        heap.open.insert(id);
                    }
                    if price.is_none() {
                        heap.unknown.insert(id);
                        heap.row.missing.insert(charge.what);
                    }
                    if charge.what == ChargeKind::Compute {
                        heap.row.seconds += run.seconds(from, to);
                    }
                }
            }
        }
        if run.bound {
            bounded.insert(id.to_owned());
        }
    }
    let mut rows: Vec<Row> = rows.into_iter().map(|(key, heap)| heap.named(key)).collect();
    if !matches!(by, Grouping::Day | Grouping::Month) {
        rows.sort_by(|a, b| b.total().cmp(&a.total()).then_with(|| a.key.cmp(&b.key)));
    }
    let sources = sources.into_iter().map(|source| source.words(now)).collect();
    Report { range, by, rows, total: whole.named("total".to_owned()), sources, unknown, bounded }
}

/// The pieces of a run within a range, each with what it is grouped under; they join without a gap.
fn pieces(ledger: &Ledger, run: &Run, range: Range, by: Grouping) -> Vec<(String, Timestamp, Timestamp)> {
    let (from, to) = (run.opened().max(range.from), run.ended.unwrap_or(range.to).min(range.to));
    let label = |text: Option<&String>| text.cloned().unwrap_or_else(|| NONE.to_owned());
    let key = match by {
        Grouping::Thing => run.thing.id.clone(),
        Grouping::Job => label(run.labels.job.as_ref().map(ToString::to_string).as_ref()),
        Grouping::Owner => label(run.labels.owner.as_ref()),
        Grouping::Region => {
            run.thing.region.as_ref().map_or_else(|| run.thing.provider.to_string(), ToString::to_string)
        }
        Grouping::Operation => label(run.labels.operation.as_ref()),
        Grouping::Type => label(run.bill.instance_type.as_ref()),
        // put in its place by the caller
        Grouping::Charge => String::new(),
        Grouping::Day => return times(from, to, day_of, "%Y-%m-%d"),
        Grouping::Month => return times(from, to, month_of, "%Y-%m"),
        Grouping::Phase => return phases(ledger, run, from, to),
    };
    vec![(key, from, to)]
}

fn times(
    from: Timestamp,
    to: Timestamp,
    of: fn(Timestamp) -> (Timestamp, Timestamp),
    format: &str,
) -> Vec<(String, Timestamp, Timestamp)> {
    let mut pieces = Vec::new();
    let mut at = from;
    loop {
        let (begin, next) = of(at);
        let end = next.min(to);
        pieces.push((begin.to_zoned(TimeZone::UTC).strftime(format).to_string(), at, end));
        if end >= to || next <= at {
            return pieces;
        }
        at = end;
    }
}

/// At every moment the phase that began last and was not over counts; a machine without one is between phases.
fn phases(ledger: &Ledger, run: &Run, from: Timestamp, to: Timestamp) -> Vec<(String, Timestamp, Timestamp)> {
    let spans = run.labels.job.as_ref().map_or(&[][..], |job| ledger.phases(job));
    let mut cuts: BTreeSet<Timestamp> = [from, to].into();
    let within = |at: &Timestamp| *at > from && *at < to;
    cuts.extend(spans.iter().flat_map(|span| [Some(span.from), span.to]).flatten().filter(within));
    let mut by_begin: Vec<&PhaseSpan> = spans.iter().collect();
    by_begin.sort_by_key(|span| span.from);
    let mut by_begin = by_begin.into_iter().peekable();
    // those that have begun, the last one on top; one that is over is taken off when it comes to lie there
    let mut begun: Vec<&PhaseSpan> = Vec::new();
    let mut over = |at: Timestamp| {
        while let Some(span) = by_begin.next_if(|span| span.from <= at) {
            begun.push(span);
        }
        while begun.pop_if(|span| span.to.is_some_and(|to| to <= at)).is_some() {}
        begun.last().map_or_else(|| NONE.to_owned(), |span| span.phase.as_str().to_owned())
    };
    let cuts: Vec<Timestamp> = cuts.into_iter().collect();
    if cuts.len() == 1 {
        return vec![(over(from), from, to)];
    }
    cuts.windows(2).map(|pair| (over(pair[0]), pair[0], pair[1])).collect()
}

#[cfg(test)]
#[path = "report_test.rs"]
mod tests;
