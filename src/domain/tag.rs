//! The tags that we put on what we launch, and the names of the predecessor's things. Both are read with case kept.

use super::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the consoles show as a thing's name.
pub const NAME: &str = "Name";
/// Whose it is: several people may share an account.
pub const OWNER: &str = "hg-owner";
/// The job it was made for.
pub const JOB: &str = "hg-job";
/// When it ends itself, RFC 3339.
pub const LEASE: &str = "hg-lease";
/// The id, or client token, that a machine was asked for with: two who ask with the same mean the same machine.
pub const MACHINE: &str = "hg-machine";
/// The base64 of the host keys that a machine shows, all of Ed25519.
pub const HOST_KEY: &str = "hg-host-key";
/// How a machine is reached where that is not SSH: `ssm`.
pub const TRANSPORT: &str = "hg-transport";
/// What an image was made from: each input's name and the start of its hash.
pub const INPUTS: &str = "hg-inputs";
/// The version of `hga` that made it.
pub const VERSION: &str = "hg-version";
/// Until when nothing of ours may end it; put on by a person.
pub const KEEP: &str = "hg-keep-until";
/// An image's fingerprint, the predecessor's name for it.
pub const FINGERPRINT: &str = "HGIMAGEFINGERPRINT";

/// Tags of one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether any of these keys is there.
    #[must_use]
    pub fn has_any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.0.contains_key(*key))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Tags {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(pairs: T) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// A person's word that a thing stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Until then.
    Until(Timestamp),
    /// The tag's value is no moment. It stays, since what was meant is not known.
    Unclear(String),
}

impl Keep {
    /// What the keep tag says: a moment in RFC 3339 (`2026-12-24T18:00:00Z`) or a day (`2026-12-24`, whole, in UTC).
    #[must_use]
    pub fn read(tags: &Tags) -> Option<Self> {
        let value = tags.get(KEEP)?.trim();
        let moment = value.parse::<Timestamp>().ok();
        let day = || value.parse::<jiff::civil::Date>().ok()?.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
        let until = moment.or_else(|| day().map(|zoned| zoned.timestamp()));
        Some(until.map_or_else(|| Self::Unclear(value.to_owned()), Self::Until))
    }

    /// Why it may not be ended at `now`; none when it may.
    #[must_use]
    pub fn forbids(&self, now: Timestamp) -> Option<String> {
        match self {
            Self::Until(until) if *until > now => Some(format!("kept until {until:.0} by its tag `{KEEP}`")),
            Self::Until(_) => None,
            Self::Unclear(value) => Some(format!("kept by its tag `{KEEP}`, whose value `{value}` is no date")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keep_tag_is_honoured_even_when_it_cannot_be_read() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let table = [
            ("2026-06-01T12:00:01Z", true),
            ("2026-06-01T12:00:00Z", false),
            ("2026-06-01T14:00:01+02:00", true),
            (" 2026-06-01 ", true), // the day's end counts
            ("2026-05-31", false),
            ("next week", true),
            ("", true),
        ];
        for (value, stays) in table {
            let keep = Keep::read(&Tags::from_iter([(KEEP, value)])).unwrap();
            assert_eq!(keep.forbids(now).is_some(), stays, "{value:?}");
        }
        assert_eq!(Keep::read(&Tags::default()), None);
        assert_eq!(Keep::read(&Tags::from_iter([("HG-KEEP-UNTIL", "2027-01-01")])), None);
    }
}
