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

/// The start of the hash of an input, as an image's tag has it.
fn short_input(value: &str) -> String {
    Fingerprint::of_text(value).as_str().chars().take(8).collect()
}

impl Image {
    /// Inputs as a tag of at most 256 characters holds them: `name:hash,name:hash`, the hash being the first eight digits of
    /// the value's SHA-256.
    #[must_use]
    pub fn inputs_tag(inputs: &BTreeMap<String, String>) -> String {
        const LIMIT: usize = 256;
        let mut tag = String::new();
        for (name, value) in inputs {
            let one = format!("{}{name}:{}", if tag.is_empty() { "" } else { "," }, short_input(value));
            if tag.len() + one.len() <= LIMIT {
                tag.push_str(&one);
            }
        }
        tag
    }

    /// The inputs that such a tag holds, each with the start of its hash.
    #[must_use]
    pub fn inputs_of_tag(tag: &str) -> BTreeMap<String, String> {
        tag.split(',').filter_map(|one| one.split_once(':')).map(|(name, hash)| (name.into(), hash.into())).collect()
    }

    /// Whether an input of the image, recorded whole or by the start of its hash, is this value.
    #[must_use]
    pub fn was_made_from(&self, name: &str, value: &str) -> bool {
        self.inputs.get(name).is_some_and(|known| known == value || *known == short_input(value))
    }

    /// The names of the inputs that are not what the image was made from, as far as that was recorded.
    #[must_use]
    pub fn changed(&self, today: &BTreeMap<String, String>) -> Vec<String> {
        let changed = today.iter().filter(|(name, value)| !self.was_made_from(name, value)).map(|(name, _)| name);
        let gone = self.inputs.keys().filter(|name| !today.contains_key(*name));
        changed.chain(gone).cloned().collect()
    }

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
            metered: None,
            used_by: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_tells_what_has_changed() {
        let inputs = BTreeMap::from([("script".to_owned(), "a".to_owned()), ("python".to_owned(), "3".to_owned())]);
        let tag = Image::inputs_tag(&inputs);
        assert!(tag.starts_with("python:4e074085,script:"), "{tag}");
        let image = Image {
            name: ImageName::new("x").unwrap(),
            provider: ProviderKind::Aws,
            fingerprint: None,
            inputs: Image::inputs_of_tag(&tag),
            created: Timestamp::UNIX_EPOCH,
            bytes: 0,
            id: None,
            region: None,
            claim: None,
        };
        assert!(image.was_made_from("script", "a") && image.was_made_from("python", "3"));
        assert!(!image.was_made_from("script", "b") && !image.was_made_from("other", "a"));
        let today = [("script", "b"), ("new", "n")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(image.changed(&today.into()), ["new", "script", "python"]);
        assert_eq!(image.changed(&inputs), Vec::<String>::new());
        let many = (0..99).map(|n| (format!("input{n}"), String::new())).collect();
        assert!(Image::inputs_tag(&many).len() <= 256);
    }

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
}
