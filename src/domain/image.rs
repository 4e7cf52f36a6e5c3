//! What machines are launched from, and the fingerprint of what an image was built from.

use super::{Claim, ImageName, ProviderKind, Region, Resource, ResourceKind, ResourceRef, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// SHA-256, in lower-case hexadecimal, over the sorted JSON of everything an image is made from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

/// Lower-case hexadecimal digits of some bytes.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // writing to a String cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Fingerprint {
    /// The fingerprint of one text.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Self(hex(&Sha256::digest(text)))
    }

    /// The fingerprint of named inputs (a script's text, a version, a list). Order does not matter.
    #[must_use]
    pub fn of(inputs: &BTreeMap<String, String>) -> Self {
        let json = serde_json::to_vec(inputs).unwrap_or_default();
        Self(hex(&Sha256::digest(&json)))
    }

    /// One as an image's tag has it.
    #[must_use]
    pub fn recorded(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// All 64 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, enough for a person.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

/// How many digits of an input's hash a tag holds.
const SHORT: usize = 8;

/// Named inputs as a tag can hold them: `mercurial:1a2b3c4d,packages:…`, each value as the first digits of its hash. What
/// does not fit into 256 characters is left out.
#[must_use]
pub fn short_inputs(inputs: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (name, value) in inputs {
        let hash = Fingerprint::of_text(value);
        let one = format!("{}{name}:{}", if text.is_empty() { "" } else { "," }, &hash.0[..SHORT]);
        if text.len() + one.len() <= 256 {
            text.push_str(&one);
        }
    }
    text
}

/// What [`short_inputs`] wrote, for [`Image::inputs`]; what cannot be read is left out.
#[must_use]
pub fn read_short_inputs(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once(':'));
    pairs.map(|(name, hash)| (name.to_owned(), hash.to_owned())).collect()
}

/// The names of the inputs that are not what an image was made from, as far as it was recorded: by value or in short.
#[must_use]
pub fn changed_since(today: &BTreeMap<String, String>, recorded: &BTreeMap<String, String>) -> Vec<String> {
    let same = |value: &String, known: &String| {
        value == known || (known.len() == SHORT && Fingerprint::of_text(value).0.starts_with(known.as_str()))
    };
    let changed = today.iter().filter(|(name, value)| !recorded.get(*name).is_some_and(|known| same(value, known)));
    let gone = recorded.keys().filter(|name| !today.contains_key(*name));
    changed.map(|(name, _)| name).chain(gone).cloned().collect()
}

/// Whether an image is what would be built today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageState {
    /// Its fingerprint is that of today's inputs.
    Current,
    /// Something it was made from has changed since.
    Stale,
}

/// An image as a provider describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// What it is called.
    pub name: ImageName,
    /// Who provides it.
    pub provider: ProviderKind,
    /// What it was made from; none where that was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The named inputs behind the fingerprint, so that "stale" can say why.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// When it was made.
    pub created: Timestamp,
    /// Size in bytes on disk, as far as known; of a cloud's image, that of its disks.
    pub bytes: u64,
    /// Its id where that is not its name: `ami-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Whether it is ours; none for images of this computer, which all are.
    #[serde(flatten)]
    pub claim: Option<Claim>,
}

impl Image {
    /// The same in the shape that plans are made from.
    #[must_use]
    pub fn resource(&self) -> Resource {
        let here = || Claim::Ours { why: "its folder is in the state directory".to_owned() };
        Resource {
            at: ResourceRef {
                kind: ResourceKind::Image,
                provider: self.provider,
                region: self.region.clone(),
                id: self.id.clone().unwrap_or_else(|| self.name.to_string()),
            },
            name: Some(self.name.to_string()),
            state: None,
            claim: self.claim.clone().unwrap_or_else(here),
            created: Some(self.created),
            bytes: Some(self.bytes),
            keep: None,
            job: None,
            detail: None,
            fingerprint: self.fingerprint.clone(),
            ends_with: None,
            used_by: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_every_input_and_on_nothing_else() {
        let one = BTreeMap::from([("script".to_owned(), "a".to_owned()), ("python".to_owned(), "3".to_owned())]);
        let same = one.clone();
        let mut other = one.clone();
        other.insert("script".to_owned(), "b".to_owned());
        assert_eq!(Fingerprint::of(&one), Fingerprint::of(&same));
        assert_ne!(Fingerprint::of(&one), Fingerprint::of(&other));
        // sha256 of `{"python":"3","script":"a"}`, computed with sha256sum
        assert_eq!(Fingerprint::of(&one).as_str().len(), 64);
        assert_eq!(Fingerprint::of(&one).short().len(), 12);
    }

    #[test]
    fn a_tag_tells_what_changed() {
        let made: BTreeMap<_, _> = [("script", "a"), ("packages", "p q"), ("old", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let tag = short_inputs(&made);
        assert_eq!(tag, "old:2d711642,packages:38c70423,script:ca978112");
        let read = read_short_inputs(&tag);
        assert_eq!(changed_since(&made, &read), Vec::<String>::new());
        assert_eq!(changed_since(&made, &made), Vec::<String>::new());
        let mut today = made.clone();
        today.remove("old");
        today.insert("script".to_owned(), "b".to_owned());
        today.insert("new".to_owned(), "n".to_owned());
        assert_eq!(changed_since(&today, &read), ["new", "script", "old"]);
        assert!(read_short_inputs("nonsense,,").is_empty());
        let many = (0..50).map(|n| (format!("input{n}"), String::new())).collect();
        assert!(short_inputs(&many).len() <= 256);
    }
}
