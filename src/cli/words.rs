//! Words on the command line into values, and values into words for people.

use crate::domain::ProviderKind;
use clap::builder::{PossibleValuesParser, TypedValueParser};

pub(super) use crate::domain::words::{age, bytes, clock, count, length, seconds, span};

/// Reads a provider's name.
pub(super) fn provider() -> impl TypedValueParser<Value = ProviderKind> {
    PossibleValuesParser::new([ProviderKind::Local.as_str(), ProviderKind::Hosts.as_str()])
        .map(|word| if word == ProviderKind::Hosts.as_str() { ProviderKind::Hosts } else { ProviderKind::Local })
}
