//! Words on the command line into values, and values into words for people.

use crate::domain::money::Cap;
use crate::domain::{ProviderKind, Transport, cidr, is_instance_type};
use clap::builder::{PossibleValuesParser, TypedValueParser};

pub(super) use crate::domain::words::{age, bytes, clock, count, length, seconds, span};

/// Reads a type of EC2's.
pub(super) fn instance_type(text: &str) -> Result<String, String> {
    if is_instance_type(text) { Ok(text.to_owned()) } else { Err("write one such as c5.9xlarge".to_owned()) }
}

/// Reads what a job may cost.
pub(super) fn cap(text: &str) -> Result<Cap, String> {
    text.parse()
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
