//! The configuration as plain values, with their defaults.

use super::check;
use super::raw::{Raw, Reader};
use super::{Error, Result, StatePaths};
use crate::domain::money::{Budget, Usd};
use crate::domain::{Layout, MachineId, ProviderKind, Region, Transport};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the configuration file says, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// This computer's Mercurial: a name looked up in `PATH`, or an absolute path.
    pub hg: PathBuf,
    /// What is used where the command line says nothing.
    pub defaults: Defaults,
    /// Provider `aws`.
    pub aws: Aws,
    /// Limits on what may be spent.
    pub costs: Costs,
    /// The dashboard.
    pub dashboard: Dashboard,
    /// Provider `local`.
    pub local: Local,
    /// The log files.
    pub log: Log,
    /// What is kept of jobs that are over.
    pub retention: Retention,
    /// Provider `hosts`: the inventory, names unique.
    pub hosts: Vec<Host>,
}

/// What is used where the command line says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// Where machines come from.
    pub provider: ProviderKind,
    /// How long a machine may live with no client.
    pub lease: Duration,
    /// Which Python runs the tests.
    pub python: String,
}

/// Provider `aws`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aws {
    /// Whether it is asked at all.
    pub enabled: bool,
    /// Whose things are mine, where several people share an account; none takes the name of the user here.
    pub owner: Option<String>,
    /// The regions that are looked at where the command line names none; all that the account may use when empty.
    pub regions: Vec<Region>,
    /// The type of the machines that run tests.
    pub instance_type: String,
    /// The types to take, in this order, where there is no capacity for it.
    pub alternatives: Vec<String>,
    /// The type of the machines that images are made on.
    pub image_instance_type: String,
    /// How machines are reached.
    pub transport: Transport,
    /// Whom the SSH port is open to where no address is named.
    pub ingress: Ingress,
    /// Who may connect to the SSH port, in CIDR form; none leaves it to `ingress`.
    pub cidr: Vec<String>,
    /// Where the caller's own address is asked for: the answer is that address and nothing else.
    pub address_from: String,
    /// How many images of one kind are kept, the newest ones.
    pub keep_images: u32,
    /// How long a machine may take from its launch to the first login.
    pub ready_timeout: Duration,
    /// The agent of Systems Manager that goes into images of systems without one; none takes AWS's own newest.
    pub ssm_agent: Option<SsmAgent>,
}

/// Whom a machine's SSH port is open to where no address is named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ingress {
    /// The address that hga calls from.
    #[default]
    Caller,
    /// Everybody; also what lets `0.0.0.0/0` be named.
    Open,
}

impl Ingress {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Caller, Self::Open];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Open => "open",
        }
    }
}

/// A package of the agent of AWS Systems Manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsmAgent {
    /// Where it is fetched from.
    pub url: String,
    /// Its SHA-256, 64 hexadecimal digits in lower case.
    pub sha256: String,
}

impl Default for Aws {
    fn default() -> Self {
        Self {
            enabled: true,
            owner: None,
            regions: vec![Region::usual()],
            instance_type: "c5.9xlarge".to_owned(),
            alternatives: ["c6i.8xlarge", "c5.4xlarge"].map(str::to_owned).to_vec(),
            image_instance_type: "t3.2xlarge".to_owned(),
            transport: Transport::Ssh,
            ingress: Ingress::Caller,
            cidr: Vec::new(),
            address_from: "https://checkip.amazonaws.com".to_owned(),
            keep_images: 2,
            ready_timeout: Duration::from_secs(300),
            ssm_agent: None,
        }
    }
}

/// Limits on what may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    /// What a job's machines may cost before it is stopped; none for no limit.
    pub job_cap: Option<Usd>,
    /// What all machines of a day (UTC) may cost before no more are launched; none for no limit.
    pub day_cap: Option<Usd>,
    /// How long a machine may outlive its job before it is told.
    pub alarm_after: Duration,
}

impl Default for Costs {
    fn default() -> Self {
        Self { job_cap: None, day_cap: None, alarm_after: Duration::from_secs(5 * 60) }
    }
}

impl From<Costs> for Budget {
    fn from(costs: Costs) -> Self {
        Self { job: costs.job_cap, day: costs.day_cap, alarm_after: costs.alarm_after }
    }
}

/// The dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dashboard {
    /// The theme it begins with.
    pub theme: ThemeChoice,
}

/// Which theme the dashboard begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThemeChoice {
    /// The one that fits the terminal.
    Auto,
    /// 24-bit colours on dark.
    Dark,
    /// 24-bit colours on light.
    Light,
    /// The terminal's own 16 colours.
    Ansi,
    /// No colour at all.
    Mono,
}

impl ThemeChoice {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Dark, Self::Light, Self::Ansi, Self::Mono];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Ansi => "16",
            Self::Mono => "mono",
        }
    }
}

/// Provider `local`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// Where machines and images are kept; a relative path is below the state directory. For
    /// [`StatePaths::with_local_root`].
    pub root: PathBuf,
}

/// The log files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// The least important messages that are written.
    pub level: LogLevel,
    /// How many files are kept, the one being written counted.
    pub keep: u32,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what looks wrong.
    Warn,
    /// And what happens.
    Info,
    /// And how.
    Debug,
    /// And everything else.
    Trace,
}

impl LogLevel {
    /// All of them, the quietest first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// What is kept of jobs that are over; a job goes when it is beyond either limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How many jobs.
    pub jobs: u32,
    /// For how many days.
    pub days: u32,
}

/// One machine of the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// What it is called here.
    pub name: MachineId,
    /// Host name or address, without brackets.
    pub address: String,
    /// TCP port of its SSH server.
    pub port: u16,
    /// The user to log in as.
    pub user: String,
    /// The private key; none takes our own key pair.
    pub key: Option<PathBuf>,
    /// Host keys to accept, each `type base64`; none leaves it to what was pinned on first use.
    pub host_keys: Vec<String>,
    /// A command whose standard input and output are the connection.
    pub proxy_command: Option<String>,
    /// Where it keeps the interface's folders.
    pub layout: Layout,
    /// Whether `sudo` may be counted on.
    pub sudo: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hg: PathBuf::from("hg"),
            defaults: Defaults {
                provider: ProviderKind::Local,
                lease: Duration::from_secs(2 * 60 * 60),
                python: "system3".to_owned(),
            },
            aws: Aws::default(),
            costs: Costs::default(),
            dashboard: Dashboard { theme: ThemeChoice::Auto },
            local: Local { root: PathBuf::from(".") },
            log: Log { level: LogLevel::Info, keep: 5 },
            retention: Retention { jobs: 200, days: 30 },
            hosts: Vec::new(),
        }
    }
}

impl Config {
    /// Reads the state directory's `config.toml`; the defaults when there is none. Never writes it.
    ///
    /// # Errors
    /// `Invalid` with every mistake in it, `Io` when it cannot be read.
    pub fn load(paths: &StatePaths) -> Result<Self> {
        let file = paths.config();
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(Error::Io { action: "read", path: file, source }),
        };
        let text = match str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
                let mut reader = Reader::new(&valid);
                reader.wrong(valid.len(), "not UTF-8", Some("save the file in UTF-8".to_owned()));
                return Err(invalid(&file, reader.finish()).unwrap_or(Error::NoHome));
            }
        };
        Self::parse(text, &file, super::paths::home().as_deref())
    }

    /// Reads the text of a configuration file. `file` is named in errors and its folder is where relative paths start;
    /// `home` stands for `~`.
    ///
    /// # Errors
    /// `Invalid` with every mistake in it.
    pub fn parse(text: &str, file: &Path, home: Option<&Path>) -> Result<Self> {
        let mut reader = Reader::new(text);
        let raw = Raw::read(&mut reader);
        let place = check::Place { folder: file.parent().unwrap_or(Path::new("/")), home };
        let config = check::config(&mut reader, raw, place);
        invalid(file, reader.finish()).map_or(Ok(config), Err)
    }
}

fn invalid(file: &Path, problems: Vec<super::Problem>) -> Option<Error> {
    let mut problems = problems.into_iter();
    let first = problems.next()?;
    Some(Error::Invalid { file: file.to_owned(), first, rest: problems.collect() })
}

/// A configuration file that documents every key, each with its default commented out.
#[must_use]
pub fn sample() -> &'static str {
    include_str!("../../assets/config.sample.toml")
}

#[cfg(test)]
#[path = "values_test.rs"]
mod tests;
