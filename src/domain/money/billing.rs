//! How AWS counts time, as data with its source, and the arithmetic on it.

use super::Usd;
use super::book::PriceBook;
use crate::domain::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// What a machine runs, as far as its price goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// Linux without a licence to pay for: Debian, Ubuntu, Amazon Linux.
    #[default]
    Linux,
    /// Windows, its licence in the price.
    Windows,
    /// Another, be it a Linux with a licence to pay for (RHEL, SLES) or one with software of Microsoft's: the book has no price
    /// for it.
    LicensedLinux,
}

impl Platform {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
            Self::LicensedLinux => "licensed-linux",
        }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A running machine with Linux.
    Linux,
    /// A running machine with Windows.
    Windows,
    /// A running machine with such another one.
    LicensedLinux,
    /// A volume that is there.
    Volume,
    /// A public IPv4 address in use.
    Address,
    /// A snapshot that is stored.
    Snapshot,
}

impl From<Platform> for Subject {
    fn from(platform: Platform) -> Self {
        match platform {
            Platform::Linux => Self::Linux,
            Platform::Windows => Self::Windows,
            Platform::LicensedLinux => Self::LicensedLinux,
        }
    }
}

/// How time is counted; `assets/prices.toml` holds them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rule {
    /// What it is called where it is cited.
    pub name: String,
    /// Of what.
    pub subject: Subject,
    /// Time is rounded up to whole units of so many seconds.
    pub unit: u64,
    /// At each start so many seconds are counted at least.
    pub minimum: u64,
    /// For what started on this day (UTC) or later; none for always.
    #[serde(default)]
    pub since: Option<Date>,
    /// Where that is written.
    pub source: String,
}

/// All rules.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &PriceBook::bundled().rules
}

/// The rule for what started then: the newest that was in force.
///
/// # Panics
/// Never: the file has a rule without a date for every subject, which a test holds it to.
#[must_use]
#[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
pub fn rule(subject: Subject, started: Timestamp) -> &'static Rule {
    let day = started.to_zoned(TimeZone::UTC).date();
    let of_subject = rules().iter().filter(|rule| rule.subject == subject);
    let in_force = of_subject.filter(|rule| rule.since.is_none_or(|since| since <= day));
    in_force.max_by_key(|rule| rule.since).expect("every subject has a rule")
}

/// Seconds from one moment to another, a begun one counted whole; zero when it is earlier.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    let length = to.duration_since(from);
    let whole = u64::try_from(length.as_secs()).unwrap_or(0);
    whole + u64::from(length.subsec_nanos() > 0)
}

/// The seconds that are charged for what ran from `from` to `to`. Nothing for what has not begun.
#[must_use]
pub fn billed_seconds(rule: &Rule, from: Timestamp, to: Timestamp) -> u64 {
    if to < from {
        return 0;
    }
    let unit = rule.unit.max(1);
    seconds(from, to).max(rule.minimum).div_ceil(unit) * unit
}

/// What has come together, at a price for an hour, for what ran from `from` to `to`.
#[must_use]
pub fn accrued(hourly: Usd, rule: &Rule, from: Timestamp, to: Timestamp) -> Usd {
    hourly.times(billed_seconds(rule, from, to), 3600)
}

/// The same at a price for a month: of each month its seconds' share of that month's. What a minimum or a begun unit
/// counts beyond the end of a month is counted as of the next.
#[must_use]
pub fn stored(monthly: Usd, rule: &Rule, from: Timestamp, to: Timestamp) -> Usd {
    if to < from {
        return Usd::ZERO;
    }
    let billed = billed_seconds(rule, from, to);
    let (begin, next) = month_of(from);
    let first = seconds(from, next).min(billed);
    let total = monthly.times(first, seconds(begin, next));
    if first == billed {
        return total;
    }
    let left = jiff::SignedDuration::from_secs(i64::try_from(billed - first).unwrap_or(i64::MAX));
    let last = next.checked_add(left).unwrap_or(Timestamp::MAX);
    let (begin, end) = month_of(last);
    // a whole month is that month's share whole, however long it is
    total + monthly.times(months(next, last), 1) + monthly.times(seconds(begin, last), seconds(begin, end))
}

/// How many calendar months (UTC) lie between that of one moment and that of another.
fn months(from: Timestamp, to: Timestamp) -> u64 {
    let number = |at: Timestamp| {
        let day = at.to_zoned(TimeZone::UTC).date();
        i64::from(day.year()) * 12 + i64::from(day.month())
    };
    u64::try_from(number(to) - number(from)).unwrap_or(0)
}

/// The beginning of the calendar month (UTC) that a moment is in, and that of the next.
#[must_use]
pub(super) fn month_of(at: Timestamp) -> (Timestamp, Timestamp) {
    let first = at.to_zoned(TimeZone::UTC).date().first_of_month();
    let next = first.saturating_add(jiff::Span::new().months(1));
    (midnight(first), midnight(next))
}

/// The beginning of the day (UTC) that a moment is in, and that of the next.
pub(super) fn day_of(at: Timestamp) -> (Timestamp, Timestamp) {
    let day = at.to_zoned(TimeZone::UTC).date();
    (midnight(day), midnight(day.saturating_add(jiff::Span::new().days(1))))
}

/// When a day begins (UTC).
pub(super) fn midnight(day: Date) -> Timestamp {
    let out_of_reach = if day.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    day.to_zoned(TimeZone::UTC).map_or(out_of_reach, |zoned| zoned.timestamp())
}

#[cfg(test)]
#[path = "billing_test.rs"]
mod tests;
