//! Where the state directory is and where everything in it lies. Only names; `prepare.rs` makes and checks it.

use super::{Error, Result};
use crate::domain::{JobId, MachineId};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment variable that names the state directory.
pub const STATE_PATH_VARIABLE: &str = "HGA_STATE_PATH";

/// The places of one state directory, all of them absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatePaths {
    root: PathBuf,
    local_root: PathBuf,
}

/// The places of one job, below `jobs/<id>/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPaths {
    /// Its folder.
    pub folder: PathBuf,
    /// Every byte its run printed.
    pub output: PathBuf,
    /// The folder of what was collected.
    pub results: PathBuf,
    /// A private folder for things needed on the way.
    pub scratch: PathBuf,
    /// Locked by the process that drives it.
    pub lock: PathBuf,
}

impl StatePaths {
    /// The state directory that was asked for: `flag`, else `HGA_STATE_PATH`, else `~/.hgautomation`. Nothing is
    /// looked at or made.
    ///
    /// # Errors
    /// [`Error::NoHome`]; `Io` when a relative path is given and the working directory is gone.
    pub fn find(flag: Option<&Path>) -> Result<Self> {
        let home = home();
        Self::choose(flag, std::env::var_os(STATE_PATH_VARIABLE), home.as_deref())
    }

    /// The same as a function of its inputs. An empty variable counts as none, also where the command line's parser
    /// has passed it on as the flag; an empty flag that somebody typed is an error.
    fn choose(flag: Option<&Path>, variable: Option<OsString>, home: Option<&Path>) -> Result<Self> {
        let unset = variable.as_ref().is_some_and(|value| value.is_empty());
        let flag = flag.filter(|flag| !(unset && flag.as_os_str().is_empty()));
        let variable = variable.filter(|value| !value.is_empty()).map(PathBuf::from);
        let chosen = match (flag, variable, home) {
            (Some(flag), _, _) => flag.to_owned(),
            (None, Some(variable), _) => variable,
            (None, None, Some(home)) => home.join(".hgautomation"),
            (None, None, None) => return Err(Error::NoHome),
        };
        Self::at(&chosen)
    }

    /// The state directory at this path.
    ///
    /// # Errors
    /// `Io` when the path is empty, or relative with the working directory gone.
    pub fn at(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).map_err(|source| Error::Io {
            action: "use the state path",
            path: root.to_owned(),
            source,
        })?;
        Ok(Self { local_root: root.clone(), root })
    }

    /// The same with local machines and images elsewhere (`local.root` of the configuration); a relative path is
    /// below the state directory. As the configuration is read from a prepared state directory, prepare again then.
    #[must_use]
    pub fn with_local_root(mut self, local: &Path) -> Self {
        // `components` drops the `.` of the default.
        self.local_root = self.root.join(local).components().collect();
        self
    }

    /// The state directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of our key pair.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// The private key, named as the predecessor names it.
    #[must_use]
    pub fn private_key(&self) -> PathBuf {
        self.keys().join("keypair-automation")
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> PathBuf {
        self.keys().join("keypair-automation.pub")
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal.sqlite")
    }

    /// What the provider's price list said last.
    #[must_use]
    pub fn prices(&self) -> PathBuf {
        self.root.join("prices.json")
    }

    /// The marker that says which layout the state directory has.
    #[must_use]
    pub fn version(&self) -> PathBuf {
        self.root.join("VERSION")
    }

    /// The folder of all jobs.
    #[must_use]
    pub fn jobs(&self) -> PathBuf {
        self.root.join("jobs")
    }

    /// The places of one job.
    #[must_use]
    pub fn job(&self, job: &JobId) -> JobPaths {
        let folder = self.jobs().join(job.as_str());
        JobPaths {
            output: folder.join("output"),
            results: folder.join("results"),
            scratch: folder.join("scratch"),
            lock: folder.join("lock"),
            folder,
        }
    }

    /// The folder of local machines.
    #[must_use]
    pub fn machines(&self) -> PathBuf {
        self.local_root.join("machines")
    }

    /// The folder of local images.
    #[must_use]
    pub fn images(&self) -> PathBuf {
        self.local_root.join("images")
    }

    /// Programs that were fetched for this computer.
    #[must_use]
    pub fn tools(&self) -> PathBuf {
        self.root.join("tools")
    }

    /// Sources that were fetched.
    #[must_use]
    pub fn sources(&self) -> PathBuf {
        self.root.join("sources")
    }

    /// The log files.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The pins of listed hosts: a file for each, holding OpenSSH public key lines.
    #[must_use]
    pub fn host_keys(&self) -> PathBuf {
        self.root.join("host-keys")
    }

    /// The pins of one listed host.
    #[must_use]
    pub fn host_key(&self, host: &MachineId) -> PathBuf {
        self.host_keys().join(host.as_str())
    }

    /// Every folder that is made at the start.
    pub(super) fn folders(&self) -> [PathBuf; 8] {
        [
            self.keys(),
            self.jobs(),
            self.machines(),
            self.images(),
            self.tools(),
            self.sources(),
            self.logs(),
            self.host_keys(),
        ]
    }
}

/// The home of the user who runs this: `HOME`, else what the user database says.
#[must_use]
pub fn home() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_over_the_variable_and_the_variable_over_home() {
        let (flag, home) = (Path::new("/flag"), Path::new("/home/u"));
        let table = [
            (Some(flag), Some("/env"), Some(home), "/flag"),
            (None, Some("/env"), Some(home), "/env"),
            (None, Some(""), Some(home), "/home/u/.hgautomation"),
            (Some(Path::new("")), Some(""), Some(home), "/home/u/.hgautomation"),
            (None, None, Some(home), "/home/u/.hgautomation"),
            (None, Some("/env"), None, "/env"),
        ];
        for (flag, variable, home, expected) in table {
            let paths = StatePaths::choose(flag, variable.map(OsString::from), home).unwrap();
            assert_eq!(paths.root(), Path::new(expected));
        }
        assert!(matches!(StatePaths::choose(None, None, None), Err(Error::NoHome)));
        assert!(StatePaths::choose(Some(Path::new("")), None, Some(home)).is_err());
        assert!(StatePaths::at(Path::new("state")).unwrap().root().is_absolute());
    }

    #[test]
    fn local_machines_may_live_elsewhere() {
        let paths = StatePaths::at(Path::new("/state")).unwrap();
        assert_eq!(paths.machines(), Path::new("/state/machines"));
        let same = paths.clone().with_local_root(Path::new("."));
        assert_eq!(same, paths);
        let big = paths.clone().with_local_root(Path::new("/big"));
        assert_eq!((big.machines(), big.images()), ("/big/machines".into(), "/big/images".into()));
        assert_eq!(big.journal(), Path::new("/state/journal.sqlite"));
        let job = paths.job(&JobId::new("j-abc234").unwrap());
        assert_eq!(job.lock, Path::new("/state/jobs/j-abc234/lock"));
    }
}
