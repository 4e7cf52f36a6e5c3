//! What a person or script asks for, as plain values that can be stored, compared and shown as a command line.

use super::{CloudWish, Distro, ImageName, MachineId, Plan, ProviderKind, Region};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// The filesystem below the work folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filesystem {
    /// btrfs on a spare device.
    Btrfs,
    /// Whatever the machine has.
    #[default]
    Default,
    /// ext3 on a spare device.
    Ext3,
    /// ext4 on a spare device.
    Ext4,
    /// JFS on a spare device.
    Jfs,
    /// Memory, 1024 MiB.
    Tmpfs,
    /// XFS on a spare device.
    Xfs,
}

impl Filesystem {
    /// All of them, in the order of the help text.
    pub const ALL: [Self; 7] =
        [Self::Btrfs, Self::Default, Self::Ext3, Self::Ext4, Self::Jfs, Self::Tmpfs, Self::Xfs];

    /// The word on the command line, also the suffix of `mkfs.`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Btrfs => "btrfs",
            Self::Default => "default",
            Self::Ext3 => "ext3",
            Self::Ext4 => "ext4",
            Self::Jfs => "jfs",
            Self::Tmpfs => "tmpfs",
            Self::Xfs => "xfs",
        }
    }
}

/// Where the source to test comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestSource {
    /// A Mercurial repository on this computer.
    Directory(PathBuf),
    /// The newest Mercurial source distribution on PyPI, made a repository in the state directory.
    Pypi,
}

impl TestSource {
    /// The word for [`TestSource::Pypi`] where a folder could stand too; a folder of that name is `./pypi`.
    pub const PYPI: &str = "pypi";
}

/// Whether uncommitted changes go along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirtyTree {
    /// Only what is committed.
    #[default]
    Ignore,
    /// Changes to tracked files are applied on the machine too.
    Include,
}

/// What happens to the machine when the work is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeepMachine {
    /// It is ended, always.
    #[default]
    Never,
    /// It is kept when tests failed, until its lease runs out.
    OnFailure,
}

/// What happens to the machine an image was to be made on, when that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// It is ended, always.
    #[default]
    Cleanup,
    /// It is kept, to be looked at, until its lease runs out.
    Keep,
    /// The person is asked, where there is one; else it is ended.
    Ask,
}

impl OnError {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cleanup, Self::Keep, Self::Ask];

    /// The word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cleanup => "cleanup",
            Self::Keep => "keep",
            Self::Ask => "ask",
        }
    }
}

/// `run-tests-linux`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTestsSpec {
    /// Where the machine comes from.
    pub provider: ProviderKind,
    /// A machine that stands already (a listed host, a kept machine); none launches one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineId>,
    /// The image to launch from; none takes the provider's development image, made if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageName>,
    /// What to test.
    pub source: TestSource,
    /// Which revision of it (a Mercurial revset that names one changeset).
    pub rev: String,
    /// Whether uncommitted changes go along.
    #[serde(default)]
    pub dirty: DirtyTree,
    /// The filesystem below the work folder.
    #[serde(default)]
    pub filesystem: Filesystem,
    /// `system3`, a version under pyenv such as `3.8`, `pypy`, …
    pub python: String,
    /// Flags and test names for `run-tests.py`, passed on as they are.
    #[serde(default)]
    pub test_args: Vec<String>,
    /// What becomes of the machine.
    #[serde(default)]
    pub keep: KeepMachine,
    /// How long the machine may live with no client.
    pub lease: Duration,
    /// Where the results are copied to besides the job's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<PathBuf>,
    /// Makes a cloud's image when there is no current one; on this computer that costs nothing and is always done.
    #[serde(default)]
    pub build_image: bool,
    /// What a cloud's machine shall be.
    #[serde(default, skip_serializing_if = "CloudWish::is_usual")]
    pub wish: CloudWish,
}

/// `bootstrap-linux-dev`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapSpec {
    /// For which provider.
    pub provider: ProviderKind,
    /// The source whose clone the image carries.
    pub source: TestSource,
    /// How long the machine it is made on may live with no client.
    pub lease: Duration,
    /// Makes it anew even if a current one is there.
    #[serde(default)]
    pub rebuild: bool,
    /// For which distributions, as `assets/distros.toml` names them; none is all of them. Providers that have but one
    /// kind of machine take no notice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distros: Vec<String>,
    /// Makes the images side by side rather than one after the other.
    #[serde(default)]
    pub parallel: bool,
    /// What happens to the machine when it fails.
    #[serde(default)]
    pub on_error: OnError,
    /// What the machine shall be.
    #[serde(default, skip_serializing_if = "CloudWish::is_usual")]
    pub wish: CloudWish,
}

impl BootstrapSpec {
    /// The revision that the image's clone comes with: everything up to the source's newest.
    #[must_use]
    pub fn rev(&self) -> &'static str {
        "tip"
    }
}

/// `machines launch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchSpec {
    /// From which provider.
    pub provider: ProviderKind,
    /// From which image; none takes the development image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageName>,
    /// How long it may live with no client.
    pub lease: Duration,
    /// What a cloud's machine shall be.
    #[serde(default, skip_serializing_if = "CloudWish::is_usual")]
    pub wish: CloudWish,
}

/// What can be asked of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
pub enum Operation {
    /// Run Mercurial's tests on a machine.
    RunTests(RunTestsSpec),
    /// Make sure the development image exists and is current.
    BootstrapLinux(BootstrapSpec),
    /// Launch a machine and leave it to its lease.
    Launch(LaunchSpec),
    /// End machines.
    Terminate {
        /// Whose they are.
        provider: ProviderKind,
        /// Which ones.
        machines: Vec<MachineId>,
    },
    /// Carry a plan out, exactly, each item looked at anew before.
    Apply {
        /// The plan; all of one provider.
        plan: Box<Plan>,
        /// Whether to wait until machines are gone rather than ending, which costs nothing any more.
        wait: bool,
    },
}

impl Operation {
    /// The verb, as typed on the command line.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::RunTests(_) => "run-tests-linux",
            Self::BootstrapLinux(_) => "bootstrap-linux-dev",
            Self::Launch(_) => "machines launch",
            Self::Terminate { .. } => "machines terminate",
            Self::Apply { plan, .. } => plan.verb.as_str(),
        }
    }

    /// What it wishes of a cloud's machine, where it may launch one.
    #[must_use]
    pub fn wish(&self) -> Option<&CloudWish> {
        match self {
            Self::RunTests(spec) => Some(&spec.wish),
            Self::BootstrapLinux(spec) => Some(&spec.wish),
            Self::Launch(spec) => Some(&spec.wish),
            Self::Terminate { .. } | Self::Apply { .. } => None,
        }
    }

    /// What it wishes of the machine that it launches in a cloud; none where it launches none there, so that it costs nothing
    /// by itself.
    #[must_use]
    pub fn cloud_wish(&self) -> Option<&CloudWish> {
        let named = matches!(self, Self::RunTests(spec) if spec.machine.is_some());
        self.wish().filter(|_| self.provider() == ProviderKind::Aws && !named)
    }

    /// How long a machine that it launches may live with no client; none where it launches none.
    #[must_use]
    pub fn lease(&self) -> Option<Duration> {
        match self {
            Self::RunTests(spec) => Some(spec.lease),
            Self::BootstrapLinux(spec) => Some(spec.lease),
            Self::Launch(spec) => Some(spec.lease),
            Self::Terminate { .. } | Self::Apply { .. } => None,
        }
    }

    /// How many machines it launches that cost, at most: a cloud's images are made on one each.
    #[must_use]
    pub fn machines(&self) -> u64 {
        match self {
            Self::BootstrapLinux(spec) if spec.provider == ProviderKind::Aws => match spec.distros.len() {
                0 => Distro::all().len() as u64,
                some => some as u64,
            },
            _ => 1,
        }
    }

    /// The same with the region it is launched in, where it names none.
    #[must_use]
    pub fn at_home(mut self, home: Option<Region>) -> Self {
        let wish = match &mut self {
            Self::RunTests(spec) => &mut spec.wish,
            Self::BootstrapLinux(spec) => &mut spec.wish,
            Self::Launch(spec) => &mut spec.wish,
            Self::Terminate { .. } | Self::Apply { .. } => return self,
        };
        wish.region = wish.region.take().or(home);
        self
    }

    /// What it is about, so that what it took can be compared with the next of its kind; none where there is nothing to
    /// compare.
    #[must_use]
    pub fn about(&self) -> Option<String> {
        match self {
            Self::RunTests(spec) => {
                let tests = if spec.test_args.is_empty() { "all".to_owned() } else { spec.test_args.join(" ") };
                let about = format!("{} on {}: {tests}", spec.python, spec.filesystem.as_str());
                Some(super::escape_line(&about).chars().take(200).collect())
            }
            Self::BootstrapLinux(_) => Some("image".to_owned()),
            Self::Launch(_) | Self::Terminate { .. } | Self::Apply { .. } => None,
        }
    }

    /// The provider it works on.
    #[must_use]
    pub fn provider(&self) -> ProviderKind {
        match self {
            Self::RunTests(spec) => spec.provider,
            Self::BootstrapLinux(spec) => spec.provider,
            Self::Launch(spec) => spec.provider,
            Self::Terminate { provider, .. } => *provider,
            Self::Apply { plan, .. } => plan.items.first().map_or(ProviderKind::Aws, |item| item.at.provider),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_each_distribution_is_made_on_a_machine_of_its_own() {
        let bootstrap = |provider, distros: &[&str]| {
            Operation::BootstrapLinux(BootstrapSpec {
                provider,
                source: TestSource::Pypi,
                lease: Duration::from_secs(60),
                rebuild: false,
                distros: distros.iter().map(|&distro| distro.to_owned()).collect(),
                parallel: false,
                on_error: OnError::default(),
                wish: CloudWish::default(),
            })
        };
        assert_eq!(bootstrap(ProviderKind::Aws, &["debian-12", "ubuntu-24.04"]).machines(), 2);
        assert_eq!(bootstrap(ProviderKind::Aws, &[]).machines(), Distro::names().len() as u64);
        assert_eq!(bootstrap(ProviderKind::Local, &[]).machines(), 1);
    }
}
