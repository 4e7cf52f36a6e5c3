//! What can be typed, as clap derives it. Only words are looked at here: no file, no network, no state directory.

use super::words::{
    block, cap, grouping, instance_type, launcher, length, moment, month, provider, reach, step, transport,
};
use crate::domain::money::{Cap, Grouping};
use crate::domain::{Filesystem, ImageName, JobId, MachineId, OnError, ProviderKind, Region, Timestamp, Transport};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Run Mercurial's tests on throw-away machines, watch them live, leave nothing behind.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "hga",
    version,
    max_term_width = 100,
    disable_help_subcommand = false,
    after_help = super::help::TOP
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command; without one, the dashboard opens.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Where hga keeps everything: keys, images, jobs, log, config.toml [default: ~/.hgautomation]
    #[arg(long, global = true, value_name = "DIR", env = "HGA_STATE_PATH", hide_env = true)]
    pub state_path: Option<PathBuf>,

    /// Region of AWS to look at, several with commas or flags [default: us-west-2, or what config.toml says]
    #[arg(long, global = true, value_name = "REGION", value_delimiter = ',')]
    pub aws_region: Vec<Region>,

    /// Look at every region that the AWS account may use
    #[arg(long, global = true, conflicts_with = "aws_region")]
    pub all_regions: bool,

    /// Say more on stderr: -v what is done, -vv every detail
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Print JSON on stdout, one object a line, for scripts
    #[arg(long, global = true)]
    pub json: bool,

    /// Use colours: auto means on a terminal, unless `NO_COLOR` is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", value_parser = color())]
    pub color: ColorWhen,

    /// Answer yes to every question; needed by scripts, which cannot be asked
    #[arg(short = 'y', long, global = true)]
    pub yes: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

fn color() -> impl TypedValueParser<Value = ColorWhen> {
    PossibleValuesParser::new(["auto", "always", "never"]).map(|word| match word.as_str() {
        "always" => ColorWhen::Always,
        "never" => ColorWhen::Never,
        _ => ColorWhen::Auto,
    })
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub enum Verb {
    /// Try it: fetch Mercurial, run some of its quick tests on a machine of this computer
    #[command(after_help = super::help::DEMO)]
    Demo(Demo),

    /// Run Mercurial's tests on a machine and follow them live
    #[command(
        after_help = super::help::RUN_TESTS,
        override_usage = "hga run-tests-linux [OPTIONS] [RUN-TESTS FLAGS AND TEST NAMES]...\n       \
                          hga run-tests-linux [OPTIONS] -- [RUN-TESTS FLAGS AND TEST NAMES]..."
    )]
    RunTestsLinux(RunTests),

    /// Make the image that test machines start from, if it is missing or out of date
    #[command(
        after_help = super::help::BOOTSTRAP,
        mut_arg("instance_type", |arg| arg.help(super::help::IMAGE_TYPE))
    )]
    BootstrapLinuxDev(Bootstrap),

    /// List, launch, check and end machines
    #[command(subcommand)]
    Machines(Machines),

    /// List and remove images
    #[command(subcommand)]
    Images(Images),

    /// List everything of ours that providers hold, and remove things by id
    #[command(subcommand)]
    Resources(Resources),

    /// End every EC2 machine of ours: shows the plan first
    #[command(after_help = super::help::SWEEP)]
    TerminateEc2Instances(Sweep),

    /// Remove everything of ours from EC2 and IAM: machines, images, snapshots, volumes, groups, keys, profiles, roles
    #[command(after_help = super::help::SWEEP)]
    PurgeEc2Resources(Sweep),

    /// List jobs, read their output, attach to them, stop them
    #[command(subcommand)]
    Jobs(Jobs),

    /// Show what machines and images have cost, by machine, job, day or otherwise, from the ledger kept here
    #[command(after_help = super::help::COSTS)]
    Costs(Costs),

    /// Show what machines cost, ask AWS's price list, hold the prices that came with hga against it
    #[command(subcommand)]
    Prices(Prices),

    /// Open a shell on a machine, or run a command there
    #[command(after_help = super::help::SSH)]
    Ssh(Ssh),

    /// Look whether everything is there that hga needs, and whether anything was left behind
    #[command(after_help = super::help::DOCTOR)]
    Doctor(Doctor),

    /// Show the configuration, or a sample to start from
    #[command(after_help = super::help::CONFIG)]
    Config(Config),

    /// Print a completion script for your shell
    #[command(after_help = super::help::COMPLETIONS)]
    Completions(Completions),

    /// Print the man page, or write one for every command
    #[command(after_help = super::help::MAN)]
    Man(Man),
}

/// How a job is followed; of every command that starts or follows one.
#[derive(Debug, Clone, Args)]
pub struct Follow {
    /// Also show everything the run prints, not just its tests
    #[arg(long)]
    pub output: bool,
}

/// `demo`.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Where the machine comes from; the demo needs only this computer
    #[arg(long, value_name = "PROVIDER", default_value = "local", value_parser = PossibleValuesParser::new(["local"]).map(|_| ProviderKind::Local))]
    pub provider: ProviderKind,

    /// Plain lines instead of the dashboard, which opens on a terminal
    #[arg(long)]
    pub no_tui: bool,

    /// How it is followed.
    #[command(flatten)]
    pub follow: Follow,

    /// Tests to run instead of the quick ones, for example test-add.t
    #[arg(value_name = "TESTS")]
    pub tests: Vec<String>,
}

impl Demo {
    /// The demo with nothing said.
    pub(super) fn plain() -> Self {
        Self { provider: ProviderKind::Local, no_tui: false, follow: Follow { output: false }, tests: Vec::new() }
    }
}

/// The heading of flags that other providers take no notice of.
const FOR_EC2: &str = "For EC2, without effect on local and hosts";

/// What a cloud's machine shall be; of every command that launches one.
#[derive(Debug, Clone, Args)]
pub struct Wish {
    /// Type of the machine, and with commas others to take where there is no capacity for it
    /// [default: c5.9xlarge, c6i.8xlarge, c5.4xlarge, or what config.toml says]
    #[arg(long, value_name = "TYPE", value_delimiter = ',', value_parser = instance_type, help_heading = FOR_EC2)]
    pub instance_type: Vec<String>,

    /// How the machine is reached: ssh; ssm, which opens no port; auto is ssh, and ssm where its port does not answer
    /// [default: ssh, or what config.toml says]
    #[arg(long, value_name = "HOW", value_parser = transport(), help_heading = FOR_EC2)]
    pub transport: Option<Transport>,

    /// Who may connect to its SSH port, an address or a block; may be given several times
    /// [default: the address you call from, or what config.toml says]
    #[arg(long, value_name = "CIDR", value_parser = block, help_heading = FOR_EC2)]
    pub cidr: Vec<String>,

    /// What the job's machines may cost in US dollars, or none: at four fifths you are warned, at all of it the job is stopped
    /// [default: no limit, or what config.toml says]
    #[arg(long, value_name = "USD", value_parser = cap, help_heading = FOR_EC2)]
    pub cap: Option<Cap>,

    /// Launch though today has cost what config.toml allows for a day
    #[arg(long, help_heading = FOR_EC2)]
    pub over_day_cap: bool,
}

/// `run-tests-linux`. Whatever is not here goes to `run-tests.py`; see [`super::split`].
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct RunTests {
    /// Where the machine comes from: local is this computer, aws is EC2, hosts are the SSH machines in config.toml
    /// [default: local, or what config.toml says]
    #[arg(long, value_name = "PROVIDER", value_parser = provider())]
    pub provider: Option<ProviderKind>,

    /// Use this machine instead of launching one: a listed host, or one from `hga machines list`
    #[arg(long, value_name = "NAME")]
    pub machine: Option<MachineId>,

    /// Image to launch the machine from [default: the development image, made if missing; on EC2 the newest of the
    /// distribution, see --build-image]
    #[arg(long, value_name = "NAME")]
    pub image: Option<ImageName>,

    /// Mercurial repository whose tests to run, or pypi for the newest release [default: the current folder]
    #[arg(long, value_name = "DIR")]
    pub source: Option<PathBuf>,

    /// Revision to test, as `hg` would take it
    #[arg(long, value_name = "REV", default_value = ".", allow_hyphen_values = true)]
    pub rev: String,

    /// Test uncommitted changes of tracked files too
    #[arg(long)]
    pub dirty: bool,

    /// Filesystem below the machine's work folder; all but default and tmpfs need a spare disk and sudo there,
    /// tmpfs is 1024 MiB of memory
    #[arg(long, value_name = "FS", default_value = "default",
          value_parser = PossibleValuesParser::new(Filesystem::ALL.map(Filesystem::as_str)).map(|word| filesystem(&word)))]
    pub filesystem: Filesystem,

    /// Python on the machine: system3 is its own python3, else a version under pyenv such as 3.12 or pypy3.10
    /// [default: `defaults.python` of the configuration, else system3]
    #[arg(long, value_name = "VERSION")]
    pub python_version: Option<String>,

    /// How long the machine may live without hga, as 90s, 30m, 2h or 1d; then it ends itself
    /// [default: 2h, or what config.toml says]
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub lease: Option<Duration>,

    /// Keep the machine when tests fail, until its lease runs out, to look around with `hga ssh`
    #[arg(long)]
    pub keep_on_failure: bool,

    /// Also copy the results (report.json, xunit, *.err) into this folder
    #[arg(long, value_name = "DIR")]
    pub results: Option<PathBuf>,

    /// Leave as soon as the tests run; prints the job's id and exits with 0
    #[arg(long)]
    pub detach: bool,

    /// Launch nothing: say what would be launched, what that is expected to cost, and what would do the same for less
    #[arg(long)]
    pub dry_run: bool,

    /// How it is followed.
    #[command(flatten)]
    pub follow: Follow,

    /// Linux distribution of the machine, one of those that `hga bootstrap-linux-dev` knows [default: debian12]
    #[arg(long, value_name = "NAME", help_heading = FOR_EC2)]
    pub distro: Option<String>,

    /// What the machine shall be.
    #[command(flatten)]
    pub wish: Wish,

    /// Make the image first when there is no current one; takes 10 to 15 minutes and costs some cents
    #[arg(long, help_heading = FOR_EC2)]
    pub build_image: bool,

    /// Flags and test names for run-tests.py
    #[arg(last = true, value_name = "RUN-TESTS FLAGS AND TEST NAMES", hide = true)]
    pub test_args: Vec<String>,
}

fn filesystem(word: &str) -> Filesystem {
    Filesystem::ALL.into_iter().find(|filesystem| filesystem.as_str() == word).unwrap_or_default()
}

/// `bootstrap-linux-dev`.
#[derive(Debug, Clone, Args)]
pub struct Bootstrap {
    /// Mercurial repository whose clone the image carries [default: the newest Mercurial on PyPI]
    #[arg(long, value_name = "DIR")]
    pub source: Option<PathBuf>,

    /// Make it anew even if it is current
    #[arg(long)]
    pub rebuild: bool,

    /// For which provider: local is this computer, aws is EC2; listed hosts have no images
    /// [default: local, or what config.toml says]
    #[arg(long, value_name = "PROVIDER", value_parser = image_provider())]
    pub provider: Option<ProviderKind>,

    /// How long the machine it is made on may live without hga, as 90s, 30m, 2h or 1d
    /// [default: 2h, or what config.toml says]
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub lease: Option<Duration>,

    /// Launch nothing: say what would be launched, what that is expected to cost, and what would do the same for less
    #[arg(long)]
    pub dry_run: bool,

    /// How it is followed.
    #[command(flatten)]
    pub follow: Follow,

    /// Linux distributions to make images of, with commas, such as debian12,ubuntu24.04 [default: all]
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = FOR_EC2)]
    pub distros: Vec<String>,

    /// Make the images side by side, not one after the other
    #[arg(long, help_heading = FOR_EC2)]
    pub parallel: bool,

    /// What becomes of the machine when its image fails: cleanup ends it, keep leaves it for an hour at most, ask asks
    /// [default: cleanup]
    #[arg(long, value_name = "WHAT", value_parser = on_error(), help_heading = FOR_EC2)]
    pub on_error: Option<OnError>,

    /// What the machine shall be.
    #[command(flatten)]
    pub wish: Wish,
}

fn image_provider() -> impl TypedValueParser<Value = ProviderKind> {
    PossibleValuesParser::new([ProviderKind::Local.as_str(), ProviderKind::Aws.as_str()])
        .map(|word| if word == ProviderKind::Aws.as_str() { ProviderKind::Aws } else { ProviderKind::Local })
}

fn on_error() -> impl TypedValueParser<Value = OnError> {
    PossibleValuesParser::new(OnError::ALL.map(OnError::as_str))
        .map(|word| OnError::ALL.into_iter().find(|known| known.as_str() == word).unwrap_or_default())
}

/// `machines`.
#[derive(Debug, Clone, Subcommand)]
pub enum Machines {
    /// List machines, with what is left of their leases
    List {
        /// Only those of this provider
        #[arg(long, value_name = "PROVIDER", value_parser = provider())]
        provider: Option<ProviderKind>,
        /// Also list those of the AWS account that are not ours
        #[arg(long)]
        all: bool,
    },
    /// Show all that is known of one machine
    Show {
        /// Its id, from `hga machines list`
        machine: MachineId,
    },
    /// Launch a machine and leave it to its lease
    #[command(after_help = super::help::LAUNCH)]
    Launch {
        /// Where it comes from; listed hosts cannot be launched [default: local, or what config.toml says]
        #[arg(long, value_name = "PROVIDER", value_parser = launcher())]
        provider: Option<ProviderKind>,
        /// Image to launch from [default: the newest development image]
        #[arg(long, value_name = "NAME")]
        image: Option<ImageName>,
        /// How long it lives, as 90s, 30m, 2h or 1d; then it ends itself [default: 2h, or what config.toml says]
        #[arg(long, value_name = "TIME", value_parser = length)]
        lease: Option<Duration>,
        /// Launch nothing: say what would be launched, what that is expected to cost, and what would do the same for less
        #[arg(long)]
        dry_run: bool,
        /// Linux distribution of the machine, one of those that `hga bootstrap-linux-dev` knows [default: debian12]
        #[arg(long, value_name = "NAME", help_heading = FOR_EC2)]
        distro: Option<String>,
        /// What it shall be.
        #[command(flatten)]
        wish: Wish,
    },
    /// Move the end of a machine's lease
    #[command(after_help = super::help::EXTEND, group(ArgGroup::new("move").required(true).args(["by", "lease"])))]
    Extend {
        /// Its id, from `hga machines list`
        machine: MachineId,
        /// Later by so much than it is now
        #[arg(long, value_name = "TIME", value_parser = step)]
        by: Option<Duration>,
        /// So long from now, sooner or later than it is
        #[arg(long, value_name = "TIME", value_parser = length)]
        lease: Option<Duration>,
    },
    /// End machines and remove all that is on them: shows the plan first
    #[command(after_help = super::help::TERMINATE)]
    Terminate {
        /// Their ids, from `hga machines list`
        #[arg(required_unless_present_any = ["all", "apply"], conflicts_with = "apply", value_name = "MACHINE")]
        machines: Vec<MachineId>,
        /// End all machines that hga launched on this computer; for EC2 there is `hga terminate-ec2-instances`
        #[arg(long, conflicts_with = "machines")]
        all: bool,
        /// What is done with the plan.
        #[command(flatten)]
        planned: Planned,
    },
    /// Check point by point whether a machine can run tests, and say what is missing
    #[command(after_help = super::help::CHECK)]
    Check {
        /// Its name in config.toml, or its id
        machine: MachineId,
        /// Pin its host key without asking, if it has this fingerprint
        #[arg(long, value_name = "SHA256:...")]
        pin: Option<String>,
    },
}

/// What holds for every command that ends or removes by a plan.
#[derive(Debug, Clone, Args)]
pub struct Planned {
    /// Show the plan and do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Save the plan in this file and do nothing; `--apply` carries it out later
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,

    /// Carry out the plan in this file, exactly: each item is checked anew, and left alone if it has changed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plan", "owner", "all_owners"])]
    pub apply: Option<PathBuf>,

    /// Wait until machines are gone; without it, until they are ending, from when on they cost nothing
    #[arg(long)]
    pub wait: bool,

    /// Also touch what belongs to this other owner; may be given several times
    #[arg(long, value_name = "NAME", conflicts_with = "all_owners")]
    pub owner: Vec<String>,

    /// Also touch what belongs to any other owner
    #[arg(long)]
    pub all_owners: bool,
}

/// `terminate-ec2-instances` and `purge-ec2-resources`.
#[derive(Debug, Clone, Args)]
pub struct Sweep {
    /// What it does with its plan.
    #[command(flatten)]
    pub planned: Planned,
}

/// `resources`.
#[derive(Debug, Clone, Subcommand)]
pub enum Resources {
    /// List machines, images, snapshots, volumes, groups, key pairs, profiles and roles, and why they are ours
    List {
        /// Only those of this provider
        #[arg(long, value_name = "PROVIDER", value_parser = provider())]
        provider: Option<ProviderKind>,
        /// Also list what is not ours
        #[arg(long)]
        all: bool,
    },
    /// Remove things of any kind by id: shows the plan first
    Remove {
        /// Their ids, from `hga resources list`
        #[arg(required_unless_present = "apply", conflicts_with = "apply", value_name = "ID")]
        ids: Vec<String>,
        /// What is done with the plan.
        #[command(flatten)]
        planned: Planned,
    },
}

/// `images`.
#[derive(Debug, Clone, Subcommand)]
pub enum Images {
    /// List images, with what they were made from
    List {
        /// Only those of this provider
        #[arg(long, value_name = "PROVIDER", value_parser = provider())]
        provider: Option<ProviderKind>,
        /// Also list those of the AWS account that are not ours
        #[arg(long)]
        all: bool,
    },
    /// Remove images, with their snapshots: shows the plan first; the next test run makes a local one anew
    Remove {
        /// Its name or id, from `hga images list`
        #[arg(required_unless_present = "apply", conflicts_with = "apply", value_name = "IMAGE")]
        names: Vec<String>,
        /// Only those of this provider
        #[arg(long, value_name = "PROVIDER", value_parser = provider())]
        provider: Option<ProviderKind>,
        /// What is done with the plan.
        #[command(flatten)]
        planned: Planned,
    },
}

/// `jobs`.
#[derive(Debug, Clone, Subcommand)]
pub enum Jobs {
    /// List jobs, newest first
    List {
        /// At most so many
        #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show one job: its phases, tests, failures and verdicts
    Show {
        /// Its id, from `hga jobs list`
        job: JobId,
    },
    /// Print what a job's run printed; control characters are made visible on a terminal
    #[command(after_help = super::help::OUTPUT)]
    Output {
        /// Its id, from `hga jobs list`
        job: JobId,
        /// Go on printing until the job is over
        #[arg(short, long)]
        follow: bool,
        /// Start at this byte
        #[arg(long, value_name = "BYTES", default_value_t = 0)]
        offset: u64,
    },
    /// Follow a job live; take it up again if nobody drives it
    #[command(after_help = super::help::ATTACH)]
    Attach {
        /// Its id, from `hga jobs list`
        job: JobId,
        /// How it is followed.
        #[command(flatten)]
        follow: Follow,
    },
    /// Stop a job and end its machine
    #[command(after_help = super::help::CANCEL)]
    Cancel {
        /// Its id, from `hga jobs list`
        job: JobId,
        /// Cut the work short at once instead of asking it to end
        #[arg(long)]
        kill: bool,
    },
}

/// `costs`.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("range").args(["today", "month", "last", "all"])))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Costs {
    /// What costs are told apart by; days and months are those of UTC
    #[arg(long, value_name = "WHAT", default_value = "machine", value_parser = grouping())]
    pub by: Grouping,

    /// Today (UTC)
    #[arg(long)]
    pub today: bool,

    /// This calendar month (UTC), which is the default, or that one
    #[arg(long, value_name = "YYYY-MM", num_args = 0..=1, value_parser = month)]
    #[expect(clippy::option_option, reason = "how clap tells a flag without its value")]
    pub month: Option<Option<Timestamp>>,

    /// The time just passed, as 12h, 7d or 90d
    #[arg(long, value_name = "TIME", value_parser = reach)]
    pub last: Option<Duration>,

    /// From this day or time on (UTC), as 2026-11-25 or 2026-11-25T18:30:00Z
    #[arg(long, value_name = "DATE", value_parser = moment, conflicts_with = "range")]
    pub from: Option<Timestamp>,

    /// Up to this day or time, which is not in it any more [default: now]
    #[arg(long, value_name = "DATE", value_parser = moment, conflicts_with = "range")]
    pub to: Option<Timestamp>,

    /// All that was ever written down
    #[arg(long)]
    pub all: bool,

    /// Only what belongs to this owner
    #[arg(long, value_name = "NAME")]
    pub owner: Option<String>,

    /// Only what was launched or made for this job
    #[arg(long, value_name = "JOB")]
    pub job: Option<JobId>,

    /// Do not ask AWS which machines still run: what is not known to have ended is counted as running
    #[arg(long)]
    pub offline: bool,

    /// Print CSV on stdout, for spreadsheets: amounts with all their digits, no line for the total
    #[arg(long)]
    pub csv: bool,

    /// Print the JSON Schema of what `--json` prints, and look at nothing
    #[arg(long)]
    pub schema: bool,
}

/// `prices`.
#[derive(Debug, Clone, Subcommand)]
pub enum Prices {
    /// List prices as they are known, each with how that is
    #[command(after_help = super::help::PRICES_LIST)]
    List {
        /// Only of these types of machines, and of all zones of the Spot market
        #[arg(value_name = "TYPE", value_parser = instance_type)]
        types: Vec<String>,
    },
    /// Ask AWS's price list and Spot market, and keep the answer
    #[command(after_help = super::help::PRICES_REFRESH)]
    Refresh,
    /// Hold the prices that came with hga against AWS's price list
    #[command(after_help = super::help::PRICES_CHECK)]
    Check,
}

/// `ssh`.
#[derive(Debug, Clone, Args)]
pub struct Ssh {
    /// The machine: its id from `hga machines list`, or a listed host's name
    pub machine: MachineId,
    /// Command to run there instead of a shell; its exit status is passed on
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// `doctor`.
#[derive(Debug, Clone, Copy, Args)]
pub struct Doctor {
    /// Print the least IAM policy that hga needs on AWS, and look at nothing
    #[arg(long)]
    pub iam: bool,
}

/// `config`.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// What to show; without it, the configuration in force
    #[command(subcommand)]
    pub verb: Option<ConfigVerb>,
    /// Print a documented config.toml with every setting and its default
    #[arg(long, conflicts_with = "path")]
    pub sample: bool,
    /// Print where config.toml is looked for
    #[arg(long)]
    pub path: bool,
}

/// `config …`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigVerb {
    /// Show the configuration in force
    Show,
}

/// `completions`.
#[derive(Debug, Clone, Args)]
pub struct Completions {
    /// Which shell
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Clone, Args)]
pub struct Man {
    /// Write hga.1 and a page for every command into this folder instead
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
