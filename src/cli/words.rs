//! Words on the command line into values, and values into words for people.

use crate::domain::money::{Cap, Grouping};
use crate::domain::{ProviderKind, Timestamp, Transport, cidr, is_instance_type};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::time::Duration;

pub(super) use crate::domain::words::{age, bytes, clock, count, length, seconds, span, step};

/// Reads a type of EC2's.
pub(super) fn instance_type(text: &str) -> Result<String, String> {
    if is_instance_type(text) { Ok(text.to_owned()) } else { Err("write one such as c5.9xlarge".to_owned()) }
}

/// Reads what a job may cost.
pub(super) fn cap(text: &str) -> Result<Cap, String> {
    text.parse()
}

/// Reads how far back something is looked at.
pub(super) fn reach(text: &str) -> Result<Duration, String> {
    crate::domain::words::length_within(text, Duration::from_secs(1)..=Duration::from_secs(3660 * 86_400))
}

/// Reads a moment: a time with its offset or in UTC, or a day, which is its beginning in UTC.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let bad = |_| {
        "write a day such as 2026-11-25 or a time such as 2026-11-25T18:30:00Z; both are UTC unless they say otherwise"
            .to_owned()
    };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    // takes a day as well, and means its beginning
    let civil: jiff::civil::DateTime = text.parse().map_err(bad)?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(bad)
}

/// Reads a calendar month, and gives its first moment in UTC.
pub(super) fn month(text: &str) -> Result<Timestamp, String> {
    let plain = text.len() == 7 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let first = plain.then(|| moment(&format!("{text}-01")).ok()).flatten();
    first.ok_or_else(|| "write a month such as 2026-11".to_owned())
}

/// Reads what costs are told apart by.
pub(super) fn grouping() -> impl TypedValueParser<Value = Grouping> {
    PossibleValuesParser::new(Grouping::ALL.map(Grouping::as_str))
        .map(|word| Grouping::ALL.into_iter().find(|known| known.as_str() == word).unwrap_or_default())
}

/// Reads a block of addresses.
pub(super) fn block(text: &str) -> Result<String, String> {
    cidr(text).map_err(|_| "write it like 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32".to_owned())
}

/// Reads how machines are reached.
pub(super) fn transport() -> impl TypedValueParser<Value = Transport> {
    PossibleValuesParser::new(Transport::ALL.map(Transport::as_str))
        .map(|word| Transport::ALL.into_iter().find(|known| known.as_str() == word).unwrap_or_default())
}

/// Reads the name of a provider that launches machines.
pub(super) fn launcher() -> impl TypedValueParser<Value = ProviderKind> {
    PossibleValuesParser::new([ProviderKind::Local, ProviderKind::Aws].map(ProviderKind::as_str))
        .map(|word| if word == ProviderKind::Aws.as_str() { ProviderKind::Aws } else { ProviderKind::Local })
}

/// Reads a provider's name.
pub(super) fn provider() -> impl TypedValueParser<Value = ProviderKind> {
    const ALL: [ProviderKind; 3] = [ProviderKind::Local, ProviderKind::Aws, ProviderKind::Hosts];
    PossibleValuesParser::new(ALL.map(ProviderKind::as_str))
        .map(|word| ALL.into_iter().find(|kind| kind.as_str() == word).unwrap_or(ProviderKind::Local))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_months_are_read_in_utc() {
        for (text, at) in [
            ("2026-11-25", "2026-11-25T00:00:00Z"),
            ("2026-11-25T18:30", "2026-11-25T18:30:00Z"),
            ("2026-11-25T18:30:00Z", "2026-11-25T18:30:00Z"),
            ("2026-11-25T18:30:00+02:00", "2026-11-25T16:30:00Z"),
        ] {
            assert_eq!(moment(text), Ok(at.parse().unwrap()), "{text}");
        }
        for text in ["", "2026-11", "2026-13-01", "2026-02-30", "yesterday", "25.11.2026", "1e9", "18:30"] {
            assert!(moment(text).unwrap_err().contains("2026-11-25"), "{text:?}");
        }
        assert_eq!(month("2026-11"), Ok("2026-11-01T00:00:00Z".parse().unwrap()));
        for text in ["", "2026", "2026-13", "2026-1", "2026-11-25", "november", "-026-11"] {
            assert!(month(text).is_err(), "{text:?}");
        }
        assert_eq!(reach("90d"), Ok(Duration::from_secs(90 * 86_400)));
        assert!(reach("0d").is_err() && reach("week").is_err());
    }
}
