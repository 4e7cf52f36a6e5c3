//! What a person may wish of a cloud's machine: its type, the system on it, and how it is reached.

use super::Region;
use super::money::Allowance;
use serde::{Deserialize, Serialize};

/// How a cloud's machine is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// By SSH, whose port is open to the caller's address alone.
    #[default]
    Ssh,
    /// By AWS Systems Manager: no port is open, the machine needs an instance profile.
    Ssm,
    /// By SSH, and by Systems Manager where the port does not answer.
    Auto,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ssh, Self::Ssm, Self::Auto];

    /// The word on the command line and in tags.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Ssm => "ssm",
            Self::Auto => "auto",
        }
    }
}

/// What a cloud's machine shall be, where it is not as usual. Providers without such a choice take no notice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudWish {
    /// Its type, and others to take where there is no capacity for the first; none takes the operation's usual one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instance_types: Vec<String>,
    /// In which region; none is where the provider launches by itself. A job that is taken up goes on there, whatever its
    /// new process looks at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Which distribution, as `assets/distros.toml` names it; none takes the first there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distro: Option<String>,
    /// How it is reached.
    #[serde(default)]
    pub transport: Transport,
    /// Who may connect to its SSH port, in CIDR form; none lets the caller's own address in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cidr: Vec<String>,
    /// What it may cost.
    #[serde(default, skip_serializing_if = "Allowance::is_usual")]
    pub allowance: Allowance,
}

/// Whether a text has the form of an instance type: `c5.9xlarge`, `u-6tb1.metal`.
#[must_use]
pub fn is_instance_type(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.len() <= 64 && text.split_once('.').is_some_and(|(family, size)| part(family) && part(size))
}

impl CloudWish {
    /// Whether nothing is wished for.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}
