//! What a person or script asks for, as plain values that can be stored, compared and shown as a command line.

use super::words::exact;
use super::{ImageName, MachineId, ProviderKind};
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
        }
    }

    /// The same as a command line for a POSIX shell. What the command line's own defaults say is left out; what a
    /// configuration could change is said. Two things have no words there: the image that tests run on, which is the
    /// development image then, and flags of tests of the distribution on PyPI, which `hga demo` chooses itself.
    #[must_use]
    pub fn command_line(&self) -> String {
        let mut words = vec!["hga".to_owned()];
        match self {
            Self::RunTests(spec) => match &spec.source {
                TestSource::Pypi => {
                    words.push("demo".to_owned());
                    words.extend(spec.test_args.iter().filter(|word| !word.starts_with('-')).cloned());
                }
                TestSource::Directory(source) => spec.words(&mut words, &source.to_string_lossy()),
            },
            Self::BootstrapLinux(spec) => {
                words.push(self.verb().to_owned());
                words.extend(["--provider".to_owned(), spec.provider.to_string()]);
                if let TestSource::Directory(source) = &spec.source {
                    words.extend(["--source".to_owned(), source.to_string_lossy().into_owned()]);
                }
                if spec.rebuild {
                    words.push("--rebuild".to_owned());
                }
                words.extend(["--lease".to_owned(), exact(spec.lease)]);
            }
            Self::Launch(spec) => {
                words.extend(self.verb().split(' ').map(str::to_owned));
                words.extend(["--provider".to_owned(), spec.provider.to_string()]);
                if let Some(image) = &spec.image {
                    words.extend(["--image".to_owned(), image.to_string()]);
                }
                words.extend(["--lease".to_owned(), exact(spec.lease)]);
            }
            Self::Terminate { machines, .. } => {
                words.extend(self.verb().split(' ').map(str::to_owned));
                words.extend(machines.iter().map(ToString::to_string));
            }
        }
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

impl RunTestsSpec {
    fn words(&self, words: &mut Vec<String>, source: &str) {
        let mut flag = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
        match &self.machine {
            Some(machine) => flag("--machine", machine.as_str()),
            None => flag("--provider", self.provider.as_str()),
        }
        flag("--source", source);
        if self.rev != "." {
            flag("--rev", &self.rev);
        }
        if self.filesystem != Filesystem::Default {
            flag("--filesystem", self.filesystem.as_str());
        }
        flag("--python-version", &self.python);
        flag("--lease", &exact(self.lease));
        if let Some(results) = &self.results {
            flag("--results", &results.to_string_lossy());
        }
        words.insert(1, "run-tests-linux".to_owned());
        if self.dirty == DirtyTree::Include {
            words.push("--dirty".to_owned());
        }
        if self.keep == KeepMachine::OnFailure {
            words.push("--keep-on-failure".to_owned());
        }
        if !self.test_args.is_empty() {
            words.push("--".to_owned());
            words.extend(self.test_args.iter().cloned());
        }
    }
}

/// A word as a shell reads it back; a NUL, which no argument can hold, is left out.
fn quoted(word: &str) -> String {
    shlex::try_quote(&word.replace('\0', "")).map_or_else(|_| String::new(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_tests() -> RunTestsSpec {
        RunTestsSpec {
            provider: ProviderKind::Local,
            machine: None,
            image: None,
            source: TestSource::Directory("/src/hg".into()),
            rev: ".".into(),
            dirty: DirtyTree::Ignore,
            filesystem: Filesystem::Default,
            python: "system3".into(),
            test_args: Vec::new(),
            keep: KeepMachine::Never,
            lease: Duration::from_secs(7200),
            results: None,
        }
    }

    #[test]
    fn an_operation_is_a_command_line() {
        let machine = |id: &str| MachineId::new(id).unwrap();
        let plain = run_tests();
        let demo = RunTestsSpec {
            source: TestSource::Pypi,
            test_args: vec!["-j2".into(), "test-add.t".into()],
            ..run_tests()
        };
        let full = RunTestsSpec {
            machine: Some(machine("m-abc234")),
            source: TestSource::Directory("/my src/hg".into()),
            rev: "branch(stable) and 'x'".into(),
            dirty: DirtyTree::Include,
            filesystem: Filesystem::Tmpfs,
            python: "3.12".into(),
            test_args: vec!["-j4".into(), "test-add.t".into(), "$(rm x)".into()],
            keep: KeepMachine::OnFailure,
            lease: Duration::from_secs(5400),
            results: Some("/tmp/r".into()),
            ..run_tests()
        };
        let image = BootstrapSpec {
            provider: ProviderKind::Local,
            source: TestSource::Pypi,
            lease: plain.lease,
            rebuild: true,
        };
        let launch = LaunchSpec {
            provider: ProviderKind::Local,
            image: Some(ImageName::new("hg-dev").unwrap()),
            lease: Duration::from_secs(90),
        };
        let table = [
            (
                Operation::RunTests(plain),
                "hga run-tests-linux --provider local --source /src/hg --python-version system3 --lease 2h",
            ),
            (
                Operation::RunTests(full),
                "hga run-tests-linux --machine m-abc234 --source '/my src/hg' --rev \"branch(stable) and 'x'\" \
                 --filesystem tmpfs --python-version 3.12 --lease 1h30m --results /tmp/r --dirty --keep-on-failure \
                 -- -j4 test-add.t '$(rm x)'",
            ),
            (Operation::RunTests(demo), "hga demo test-add.t"),
            (Operation::BootstrapLinux(image), "hga bootstrap-linux-dev --provider local --rebuild --lease 2h"),
            (Operation::Launch(launch), "hga machines launch --provider local --image hg-dev --lease 90s"),
            (
                Operation::Terminate {
                    provider: ProviderKind::Local,
                    machines: vec![machine("m-abc234"), machine("m-def567")],
                },
                "hga machines terminate m-abc234 m-def567",
            ),
        ];
        for (operation, line) in table {
            assert_eq!(operation.command_line(), line);
        }
    }

    #[test]
    fn any_word_comes_back_through_the_shell() {
        let args = ["", "a b", "a'b", "a\"b", "!x", "~", "*", "a\nb", "-k", "--", "é"];
        let spec = RunTestsSpec { test_args: args.iter().map(ToString::to_string).collect(), ..run_tests() };
        let line = Operation::RunTests(spec).command_line();
        let words = shlex::split(&line).unwrap();
        assert_eq!(words[words.len() - args.len()..], args, "{line}");
        assert_eq!(quoted("a\0b"), "ab");
    }
}
