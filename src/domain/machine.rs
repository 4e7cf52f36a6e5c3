//! What a machine is, where it answers, and where it keeps the interface's folders.

use super::money::Platform;
use super::{
    Claim, ImageName, JobId, Keep, Lease, MachineId, Region, Resource, ResourceKind, ResourceRef, Timestamp,
    Transport,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where machines come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// This computer: detached processes with an SSH server of our own.
    Local,
    /// An inventory of SSH machines in the configuration.
    Hosts,
    /// Amazon EC2.
    Aws,
}

impl ProviderKind {
    /// The word used on the command line and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Hosts => "hosts",
            Self::Aws => "aws",
        }
    }
}

impl std::fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The states of EC2's instance life cycle, used for every provider. A machine costs nothing from
/// `shutting-down` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineState {
    /// Launched, not yet answering.
    Pending,
    /// Answering, or expected to.
    Running,
    /// Being stopped: it keeps its disks and comes back when it is started.
    Stopping,
    /// Stopped: only its disks cost.
    Stopped,
    /// Told to end.
    ShuttingDown,
    /// Gone.
    Terminated,
    /// A listed host that does not answer; it is not ours to start.
    Unreachable,
}

impl MachineState {
    /// The word AWS and our JSON use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether the machine still exists and can be worked with or waited for.
    #[must_use]
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }
}

impl std::fmt::Display for MachineState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which host keys an SSH connection accepts. There is no "accept any".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostKeys {
    /// One of these and no other, each in OpenSSH's one-line form (`ssh-ed25519 AAAA…`).
    Pinned(Vec<String>),
    /// Nothing is known: connecting fails with the fingerprint shown, so that a person can pin it.
    Unknown,
}

/// Where a machine's SSH server answers and how to get in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The user to log in as, `hg` by the interface.
    pub user: String,
    /// File of the private key.
    pub key: PathBuf,
    /// Host keys to accept.
    pub host_keys: HostKeys,
    /// A command whose standard input and output are the connection, with `%h`, `%p`, `%r` filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_command: Option<String>,
    /// Commands go to it through AWS Systems Manager, and SSH only where the proxy command leads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<Managed>,
}

impl Endpoint {
    /// The same for a live session: by SSH through the proxy command where there is one, even if commands go another way.
    #[must_use]
    pub fn live(&self) -> Self {
        let managed = if self.proxy_command.is_some() { None } else { self.managed.clone() };
        Self { managed, ..self.clone() }
    }

    /// How commands get there.
    #[must_use]
    pub fn transport(&self) -> Transport {
        if self.managed.is_some() { Transport::Ssm } else { Transport::Ssh }
    }
}

/// A machine as AWS Systems Manager knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    /// In which region.
    pub region: Region,
    /// Its instance id.
    pub instance: String,
}

/// Where a machine keeps the interface's folders; absolute paths on that machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// `/hgdev` on real machines: pyenv, `venv-bootstrap`, `src`.
    pub hgdev: String,
    /// `/hgwork` on real machines: made for each run.
    pub hgwork: String,
}

impl Layout {
    /// The layout of the remote machine interface: `/hgdev`, `/hgwork`.
    #[must_use]
    pub fn interface() -> Self {
        Self { hgdev: "/hgdev".into(), hgwork: "/hgwork".into() }
    }

    /// The `hg` that scripts and clients call on the machine.
    #[must_use]
    pub fn hg(&self) -> String {
        format!("{}/venv-bootstrap/bin/hg", self.hgdev)
    }

    /// The clone that comes with the image.
    #[must_use]
    pub fn template_source(&self) -> String {
        format!("{}/src", self.hgdev)
    }

    /// The clone that tests run in.
    #[must_use]
    pub fn work_source(&self) -> String {
        format!("{}/src", self.hgwork)
    }

    /// `TMPDIR` of the tests.
    #[must_use]
    pub fn tmp(&self) -> String {
        format!("{}/tmp", self.hgwork)
    }

    /// The folder that holds the spool of every run.
    #[must_use]
    pub fn spool(&self) -> String {
        format!("{}/spool", self.hgwork)
    }
}

/// A machine as a provider describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its id, unique within the provider.
    pub id: MachineId,
    /// Who provides it.
    pub provider: ProviderKind,
    /// Its state when it was asked.
    pub state: MachineState,
    /// The image it was launched from; none for a bare machine or a listed host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageName>,
    /// When it was launched; none for a listed host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched: Option<Timestamp>,
    /// When it ends itself; none for a listed host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// The job it was launched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// Where it answers, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Where it keeps its folders.
    pub layout: Layout,
    /// Whether `sudo` may be counted on: true for the interface's machines, false for local ones.
    pub sudo: bool,
    /// What a cloud says of it besides; none for local machines and listed hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<Box<CloudFacts>>,
}

/// What a cloud says of a machine besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudFacts {
    /// In which region it is.
    pub region: Region,
    /// In which availability zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Its type: `c5.9xlarge`.
    pub instance_type: String,
    /// Its `Name` tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The id of the image it was launched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// Its public address, else its private one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether it is ours.
    #[serde(flatten)]
    pub claim: Claim,
    /// A person's word that it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// Why it is in its state, as the cloud says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What its price depends on besides.
    #[serde(default)]
    pub metered: Metered,
}

/// What a machine's price depends on besides its type and region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metered {
    /// What it runs.
    #[serde(default)]
    pub platform: Platform,
    /// Whether it was bought on the Spot market.
    #[serde(default)]
    pub spot: bool,
    /// GB of its volumes; none when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_gb: Option<u64>,
    /// How many public IPv4 addresses it has.
    #[serde(default)]
    pub addresses: u64,
    /// When its state changed last, where the cloud says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
}

impl Machine {
    /// Whether it is the tool's to end, for whichever owner. A listed host never is, nor is a stranger's machine.
    #[must_use]
    pub fn is_ephemeral(&self) -> bool {
        self.provider != ProviderKind::Hosts && self.cloud.as_ref().is_none_or(|cloud| cloud.claim.is_tools())
    }

    /// The same in the shape that plans are made from.
    #[must_use]
    pub fn resource(&self) -> Resource {
        let cloud = self.cloud.as_deref();
        let claim = match (cloud, self.provider, &self.job) {
            (Some(cloud), ..) => cloud.claim.clone(),
            (None, ProviderKind::Hosts, _) => {
                Claim::Foreign { why: Some("a listed host: not ours to end".to_owned()) }
            }
            (None, _, Some(job)) => {
                Claim::Ours { why: format!("launched by job {job}, its folder is in the state directory") }
            }
            (None, _, None) => Claim::Ours { why: "its folder is in the state directory".to_owned() },
        };
        Resource {
            at: ResourceRef {
                kind: ResourceKind::Machine,
                provider: self.provider,
                region: cloud.map(|cloud| cloud.region.clone()),
                id: self.id.to_string(),
            },
            name: cloud.and_then(|cloud| cloud.name.clone()),
            state: Some(self.state.as_str().to_owned()),
            claim,
            created: self.launched,
            bytes: None,
            keep: cloud.and_then(|cloud| cloud.keep.clone()),
            job: self.job.clone(),
            detail: cloud.map(|cloud| cloud.instance_type.clone()),
            fingerprint: None,
            ends_with: None,
            metered: cloud.map(|cloud| cloud.metered.clone()),
            used_by: Vec::new(),
        }
    }
}
