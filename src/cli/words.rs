//! Words on the command line into values, and values into words for people.

use crate::domain::ProviderKind;
use clap::builder::{PossibleValuesParser, TypedValueParser};

pub(super) use crate::domain::words::{age, bytes, clock, count, length, seconds, span};

/// Reads a provider's name.
pub(super) fn provider() -> impl TypedValueParser<Value = ProviderKind> {
    const ALL: [ProviderKind; 3] = [ProviderKind::Local, ProviderKind::Aws, ProviderKind::Hosts];
    PossibleValuesParser::new(ALL.map(ProviderKind::as_str))
        .map(|word| ALL.into_iter().find(|kind| kind.as_str() == word).unwrap_or(ProviderKind::Local))
}
