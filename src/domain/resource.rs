//! Whatever a provider holds that costs money or is left behind, in one shape: machines, images and all that goes with
//! them. What is known of it is what a plan is made from, and what is compared before the plan is carried out.

use super::{Fingerprint, JobId, Keep, Metered, ProviderKind, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A region of a cloud, as AWS writes it: `us-west-2`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

impl Region {
    /// Checks the text and wraps it.
    ///
    /// # Errors
    /// When it is not of lower-case words, digits and dashes: it becomes part of a host name.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if plain && text.contains('-') && !text.starts_with('-') && !text.ends_with('-') && text.len() <= 40 {
            Ok(Self(text))
        } else {
            Err(format!("`{}` is no region: write one such as `us-west-2`", super::escape_line(&text)))
        }
    }

    /// The region where nothing else is said, the predecessor's.
    #[must_use]
    pub fn usual() -> Self {
        Self("us-west-2".to_owned())
    }

    /// The region as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Region {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::new(text)
    }
}

impl std::str::FromStr for Region {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::new(text)
    }
}

impl From<Region> for String {
    fn from(region: Region) -> String {
        region.0
    }
}

/// What kind of thing it is, in the order in which they can be removed: whatever uses another comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceKind {
    /// A machine.
    Machine,
    /// An image.
    Image,
    /// A snapshot of a volume.
    Snapshot,
    /// A volume.
    Volume,
    /// A security group.
    Group,
    /// A key pair.
    KeyPair,
    /// An instance profile.
    Profile,
    /// A role.
    Role,
}

impl ResourceKind {
    /// All of them, in the order of removal.
    pub const ALL: [Self; 8] = [
        Self::Machine,
        Self::Image,
        Self::Snapshot,
        Self::Volume,
        Self::Group,
        Self::KeyPair,
        Self::Profile,
        Self::Role,
    ];

    /// What it is called, for one of them.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Image => "image",
            Self::Snapshot => "snapshot",
            Self::Volume => "volume",
            Self::Group => "group",
            Self::KeyPair => "key pair",
            Self::Profile => "profile",
            Self::Role => "role",
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ResourceRef {
    /// What it is.
    pub kind: ResourceKind,
    /// Whose.
    pub provider: ProviderKind,
    /// Where; none where the provider has no regions, and for what holds in all of them (roles and profiles).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// What the provider calls it: `i-…`, `ami-…`, `sg-…`, the name of a role.
    pub id: String,
}

impl fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.region.as_ref().map_or(self.provider.as_str(), Region::as_str);
        write!(f, "{} {} ({place})", self.kind, self.id)
    }
}

/// Whether a thing is ours, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "claim", rename_all = "kebab-case")]
pub enum Claim {
    /// Ours, provably.
    Ours {
        /// By what.
        why: String,
    },
    /// Made by the same tool for somebody else.
    OtherOwner {
        /// For whom.
        owner: String,
        /// By what that is known.
        why: String,
    },
    /// Not ours, or not provably.
    Foreign {
        /// What made it look like ours, and why that does not count; none when nothing did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
}

impl Claim {
    /// Whether it was made by this tool or its predecessor, for whomever.
    #[must_use]
    pub fn is_tools(&self) -> bool {
        !matches!(self, Self::Foreign { .. })
    }

    /// The word of a list's column: `ours`, another owner's name, `foreign`.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Ours { .. } => "ours",
            Self::OtherOwner { owner, .. } => owner,
            Self::Foreign { .. } => "foreign",
        }
    }

    /// How it is known; empty when there is nothing to say.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Ours { why } | Self::OtherOwner { why, .. } | Self::Foreign { why: Some(why) } => why,
            Self::Foreign { why: None } => "",
        }
    }
}

/// A thing and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Which.
    #[serde(flatten)]
    pub at: ResourceRef,
    /// Its name, or its `Name` tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The provider's word for how it is: `running`, `available`, `in-use`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Whether it is ours.
    #[serde(flatten)]
    pub claim: Claim,
    /// When it was made; for a machine when it was last started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Size in bytes as billed at most; none where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// A person's word that it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// The job it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// A few words of what else there is to know: an instance type, the ports a group opens to the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What an image was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The machine whose end is its end too: a volume that is deleted with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_with: Option<ResourceRef>,
    /// What a machine's price depends on besides its type and region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metered: Option<Metered>,
    /// What uses it and keeps it from being removed: machines of a group, images of a snapshot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<ResourceRef>,
}

impl Resource {
    /// Whether there is nothing left to end: a machine that is ending costs nothing any more and goes by itself.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.at.kind == ResourceKind::Machine && matches!(self.state.as_deref(), Some("shutting-down" | "terminated"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_safe_in_host_names() {
        for good in ["us-west-2", "eu-central-1", "us-gov-west-1"] {
            assert_eq!(Region::new(good).map(String::from), Ok(good.to_owned()));
        }
        for bad in ["", "us", "US-WEST-2", "-us-west", "us-west-", "us west-2", "us-west-2.evil.example", "a\n-b"] {
            assert!(Region::new(bad).is_err(), "{bad:?}");
        }
    }
}
