//! What is being spent now, has been today and this month, and will have been by its end.

use super::billing::{day_of, month_of, seconds};
use super::ledger::{ChargeKind, Ledger, Run};
use super::report::{Grouping, Range, report, spent};
use super::{PriceBook, Usd};
use crate::domain::{ResourceKind, Timestamp};

/// How many days before today a forecast looks at.
const LOOK_BACK: i64 = 30;

/// What is being spent for an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Burn {
    /// So much, as far as prices are known.
    pub hourly: Usd,
    /// How many machines run.
    pub machines: usize,
    /// How many things that cost now have a price that is not known, machines or not: it comes on top.
    pub unknown: usize,
}

/// How money stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Now, for an hour.
    pub burn: Burn,
    /// Today (UTC).
    pub today: Usd,
    /// This calendar month (UTC), as AWS charges it.
    pub month: Usd,
    /// By its end: what stands so far; what runs now until it ends itself, or else until the month does; what is stored until
    /// then; and for the days that are left as much on other machines as those that are gone took a day, of the last 30.
    pub forecast: Usd,
    /// How many things of this month have a price that is not known: they come on top.
    pub unknown: usize,
    /// Each day of this month up to today, the first one first.
    pub days: Vec<Usd>,
}

/// How money stands now.
#[must_use]
pub fn outlook(ledger: &Ledger, book: &PriceBook, now: Timestamp) -> Outlook {
    let month = report(ledger, book, Range::month(now), Grouping::Day, now);
    let today = spent(ledger, book, Range::day(now), now);
    let (begin, end) = month_of(now);
    let mut days = Vec::new();
    let mut day = begin;
    while day <= now {
        let key = day.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d").to_string();
        days.push(month.rows.iter().find(|row| row.key == key).map_or(Usd::ZERO, super::Row::total));
        let next = day_of(day).1;
        if next <= day {
            break;
        }
        day = next;
    }
    let mut burn = Burn::default();
    let mut committed = Usd::ZERO;
    for run in ledger.runs().filter(|run| run.is_open()) {
        if run.thing.kind == ResourceKind::Machine && run.is_running() {
            burn.machines += 1;
        }
        burn.hourly += run.hourly(book, now).unwrap_or_default();
        burn.unknown += usize::from(run.costs_more(book));
        let until = if run.is_running() { run.lease.map_or(end, |lease| lease.max(now).min(end)) } else { end };
        committed += run.total(book, until) - run.total(book, now);
    }
    let month_so_far = month.total.total();
    Outlook {
        burn,
        today,
        month: month_so_far,
        forecast: month_so_far + committed + usual(ledger, book, now, end),
        unknown: month.total.unknown,
        days,
    }
}

/// What machines take in the days that are left of a month, if each is as one of the days before today was. What runs still
/// is counted for itself.
fn usual(ledger: &Ledger, book: &PriceBook, now: Timestamp, end: Timestamp) -> Usd {
    let today = day_of(now).0;
    let day = jiff::SignedDuration::from_hours(24);
    let first = ledger.runs().map(Run::opened).min().unwrap_or(now);
    let from = today.checked_sub(day * i32::try_from(LOOK_BACK).unwrap_or(30)).unwrap_or(today).max(day_of(first).0);
    let looked_at = seconds(from, today);
    if looked_at == 0 {
        return Usd::ZERO;
    }
    let mut before = Usd::ZERO;
    for run in ledger.runs().filter(|run| run.opened() < today && run.ended.is_some_and(|ended| ended > from)) {
        for charge in &run.bill.charges {
            if let (ChargeKind::Compute | ChargeKind::Address, Some(price)) = (charge.what, run.price(charge, book)) {
                before += run.until(charge, price, today) - run.until(charge, price, from);
            }
        }
    }
    before.times(seconds(now, end), looked_at)
}

impl Outlook {
    /// What a run would cost for a whole month if it stayed as it is; for what is stored.
    #[must_use]
    pub fn monthly(run: &Run, book: &PriceBook) -> Option<Usd> {
        let stored =
            run.bill.charges.iter().filter(|charge| matches!(charge.what, ChargeKind::Disk | ChargeKind::Snapshot));
        let each = stored.map(|charge| Some(run.price(charge, book)?.usd.times(charge.amount, 1)));
        each.sum()
    }
}

#[cfg(test)]
#[path = "outlook_test.rs"]
mod tests;
