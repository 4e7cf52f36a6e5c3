//! The composition root, functions only: picks providers and transports, sets the log up, hands a session to the
//! front end.

use crate::cli::{self, Cli, CliContext, Front, Need};
use crate::cloud::Cloud;
use crate::config::{Config, StatePaths, ThemeChoice};
use crate::diag::Hinted;
use crate::domain::money::UsualTypes;
use crate::domain::{Operation, ProviderKind};
use crate::hosts::HostsCloud;
use crate::local::{LocalCloud, LocalConfig};
use crate::remote::Connector;
use crate::session::{Error, ErrorKind, MoneyParts, Parts, Session};
use crate::ssh::{SshConnector, keys, transport};
use crate::tui::{self, Dashboard, Setup, ThemeName};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Runs a command of the command line; gives the exit status.
#[must_use]
pub fn run(cli: Box<Cli>) -> i32 {
    let prepared =
        StatePaths::find(cli.global.state_path.as_deref()).map_err(|error| told(&error)).and_then(|paths| {
            if cli.need() == Need::Nothing {
                return Ok((paths, Config::default()));
            }
            if cli.need() == Need::Session {
                paths.prepare().map_err(|error| told(&error))?;
            }
            let config = Config::load(&paths).map_err(|error| told(&error))?;
            Ok((paths.with_local_root(&config.local.root), config))
        });
    let (paths, config) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return cli::fail(&cli.global, &error, cli::exit::ERROR),
    };
    let context = context(&paths, &config);
    if cli.need() < Need::Session {
        return cli::run_alone(&cli, &context);
    }
    let front = cli.front(&context);
    log(&paths, &config, cli.global.verbose, &front);
    if let Front::Dashboard(begin_with) = front {
        return dashboard(&cli, &context, &paths, config, begin_with);
    }
    with_runtime(async move {
        match parts(&paths, config, &cli).await.and_then(Session::open) {
            Ok(session) => cli::run(*cli, session, context).await,
            Err(error) => cli::fail(&cli.global, &error, cli::exit::ERROR),
        }
    })
}

/// Opens the dashboard; gives the exit status.
fn dashboard(
    cli: &Cli,
    context: &CliContext,
    paths: &StatePaths,
    config: Config,
    begin: Option<Box<Operation>>,
) -> i32 {
    let setup = Setup {
        provider: context.provider,
        lease: context.lease,
        python: context.python.clone(),
        transport: context.transport,
        types: usual_types(&config.aws),
        budget: config.costs.into(),
        current_dir: context.current_dir.clone(),
        state_dir: context.state_dir.clone(),
        demo: cli::demo(context),
        theme: theme(config.dashboard.theme),
        zone: jiff::tz::TimeZone::system(),
    };
    let exe = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("hga"));
    let words = vec![OsString::from("--state-path"), paths.root().into()];
    let dashboard = Dashboard { setup, begin_with: begin.map(|operation| *operation), program: (exe, words) };
    with_runtime(async move {
        match parts(paths, config, cli).await.and_then(Session::open) {
            Ok(session) => match tui::run(session, dashboard).await {
                Ok(left) => match &left.refused {
                    Some(error) => cli::fail(&cli.global, error, cli::exit::ERROR),
                    None => cli::farewell(
                        &cli.global,
                        cli::Farewell {
                            begun: left.begun.as_ref(),
                            ended: &left.ended,
                            going_on: &left.going_on,
                            machines: &left.machines,
                            ledger: &left.ledger,
                            prices: &left.prices,
                        },
                    ),
                },
                Err(error) => {
                    let error = Error::new(ErrorKind::Other, "could not use the terminal").caused_by(error);
                    cli::fail(&cli.global, &error, cli::exit::ERROR)
                }
            },
            Err(error) => cli::fail(&cli.global, &error, cli::exit::ERROR),
        }
    })
}

/// The types of machines that are launched where none is wished for.
fn usual_types(config: &crate::config::Aws) -> UsualTypes {
    UsualTypes {
        machines: std::iter::once(&config.instance_type).chain(&config.alternatives).cloned().collect(),
        images: vec![config.image_instance_type.clone()],
    }
}

fn theme(choice: ThemeChoice) -> ThemeName {
    match choice {
        ThemeChoice::Auto => ThemeName::fitting(|name| std::env::var(name).ok()),
        ThemeChoice::Dark => ThemeName::Dark,
        ThemeChoice::Light => ThemeName::Light,
        ThemeChoice::Ansi => ThemeName::Ansi,
        ThemeChoice::Mono => ThemeName::Mono,
    }
}

/// Behaves like `ssh` towards the machine that the words name.
#[must_use]
pub fn ssh_transport(words: Vec<OsString>) -> i32 {
    with_runtime(transport::run(words))
}

/// Is a local machine: `supervise FOLDER` or `serve FOLDER`.
#[must_use]
pub fn local_machine(words: &[OsString]) -> i32 {
    match words {
        [verb, folder] if verb == "supervise" => crate::local::supervise(Path::new(folder)),
        [verb, folder] if verb == "serve" => crate::local::serve(Path::new(folder)),
        _ => cli::exit::USAGE,
    }
}

fn with_runtime(work: impl Future<Output = i32>) -> i32 {
    // calls of AWS's SDK lie deep within one another where nothing is optimized
    match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(8 << 20)
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let status = runtime.block_on(work);
            // a read of standard input cannot be called back: do not wait for it
            runtime.shutdown_background();
            status
        }
        Err(error) => {
            tracing::error!("could not start the runtime: {error}");
            cli::exit::ERROR
        }
    }
}

fn told<E: Hinted + 'static>(error: &E) -> Error {
    let mut told = Error::new(ErrorKind::State, crate::diag::chain(error));
    told.hints = crate::diag::hints(error);
    told
}

fn context(paths: &StatePaths, config: &Config) -> CliContext {
    CliContext {
        state_dir: paths.root().to_owned(),
        config_path: paths.config(),
        config_in_force: config.to_toml(),
        config_sample: crate::config::sample(),
        current_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        provider: config.defaults.provider,
        lease: config.defaults.lease,
        transport: config.aws.transport,
        open_ingress: config.aws.ingress == crate::config::Ingress::Open,
        python: config.defaults.python.clone(),
        demo_flags: crate::mercurial::demo_flags(),
        demo_python: crate::mercurial::demo_python(),
        demo_tests: crate::mercurial::demo_tests().map(str::to_owned).collect(),
    }
}

async fn parts(paths: &StatePaths, config: Config, cli: &Cli) -> Result<Parts, Error> {
    let exe = std::env::current_exe()
        .map_err(|error| Error::new(ErrorKind::Other, "could not find the program's own file").caused_by(error))?;
    let folder = paths.keys();
    let key = tokio::task::spawn_blocking(move || keys::ensure(&folder))
        .await
        .map_err(|error| Error::new(ErrorKind::Other, error.to_string()))?
        .map_err(|error| told(&error))?;
    let client_key = key.public.clone();
    let local = LocalCloud::new(LocalConfig {
        exe: exe.clone(),
        machines: paths.machines(),
        images: paths.images(),
        key: paths.private_key(),
        public_key: Arc::new(move || Ok(key.public.clone())),
        inherit: Vec::new(),
    });
    let hosts = Arc::new(HostsCloud::new(config.hosts, paths.host_keys(), paths.private_key()));
    let pins = Arc::clone(&hosts);
    let ssh: Arc<dyn Connector> = Arc::new(SshConnector::new(paths.keys(), exe));
    let (aws, connector) = aws(&config.aws, cli, (paths.private_key(), client_key), ssh);
    let mut clouds = BTreeMap::from([
        (ProviderKind::Local, Arc::new(local) as Arc<dyn Cloud>),
        (ProviderKind::Hosts, hosts as Arc<dyn Cloud>),
    ]);
    clouds.extend(aws.map(|aws| (ProviderKind::Aws, aws)));
    Ok(Parts {
        paths: paths.clone(),
        clouds,
        connector,
        // the default is looked up on the PATH, with a fallback; another value is meant as it stands
        hg: (config.hg != Config::default().hg).then(|| config.hg.to_string_lossy().into_owned()),
        ready_timeout: config.aws.ready_timeout,
        keep_images: usize::try_from(config.aws.keep_images).unwrap_or(usize::MAX),
        money: MoneyParts { budget: config.costs.into(), types: usual_types(&config.aws) },
        retention: config.retention,
        check: Arc::new(|shell, machine: crate::domain::Machine| {
            Box::pin(async move {
                let user = machine.endpoint.map_or_else(|| "hg".to_owned(), |endpoint| endpoint.user);
                crate::hosts::walk(&*shell, &machine.layout, &user, machine.sudo).await
            })
        }),
        pin: Box::new(move |id, line| pins.pin(id, line)),
    })
}

/// Provider `aws`, when this program was built with it and it is not switched off, and what makes shells: by Systems
/// Manager for machines that it manages, by SSH for all others.
#[cfg(feature = "aws")]
fn aws(
    config: &crate::config::Aws,
    cli: &Cli,
    (key, client_key): (PathBuf, String),
    ssh: Arc<dyn Connector>,
) -> (Option<Arc<dyn Cloud>>, Arc<dyn Connector>) {
    use crate::aws::{AwsCloud, AwsOptions, HostKey, LaunchOptions, Regions};
    if !config.enabled {
        return (None, ssh);
    }
    let regions = if !cli.global.aws_region.is_empty() {
        Regions::These(cli.global.aws_region.clone())
    } else if cli.global.all_regions || config.regions.is_empty() {
        Regions::All
    } else {
        Regions::These(config.regions.clone())
    };
    let user = || {
        let found = nix::unistd::User::from_uid(nix::unistd::Uid::effective()).ok().flatten();
        found.map_or_else(|| "unknown".to_owned(), |user| user.name)
    };
    let owner = config.owner.clone().unwrap_or_else(user);
    let new_host_key = || {
        let (private, public) = keys::new_host_key_pair().map_err(|error| crate::diag::chain(&error))?;
        Ok(HostKey { private, public })
    };
    let host =
        nix::unistd::gethostname().map_or_else(|_| "here".to_owned(), |name| name.to_string_lossy().into_owned());
    let launch = LaunchOptions {
        key,
        client_key,
        host_key: Arc::new(new_host_key),
        host,
        types: usual_types(config),
        cidr: config.cidr.clone(),
        open: config.ingress == crate::config::Ingress::Open,
        address_from: config.address_from.clone(),
        ssm_agent: config.ssm_agent.as_ref().map(|agent| (agent.url.clone(), agent.sha256.clone())),
    };
    let cloud = AwsCloud::new(AwsOptions { owner, regions, home: crate::config::home(), launch });
    let connector = Arc::new(cloud.connector(ssh));
    (Some(Arc::new(cloud)), connector)
}

#[cfg(not(feature = "aws"))]
fn aws(
    _: &crate::config::Aws,
    _: &Cli,
    _: (PathBuf, String),
    ssh: Arc<dyn Connector>,
) -> (Option<Arc<dyn Cloud>>, Arc<dyn Connector>) {
    (None, ssh)
}

/// Sets the log file up: one a day below the state directory, the oldest removed. A log that cannot be written is no
/// reason to do nothing.
fn log(paths: &StatePaths, config: &Config, verbose: u8, front: &Front) -> Option<()> {
    let keep = usize::try_from(config.log.keep).unwrap_or(usize::MAX).max(1);
    let file = tracing_appender::rolling::Builder::new()
        .rotation(tracing_appender::rolling::Rotation::DAILY)
        .filename_prefix("hga")
        .filename_suffix("log")
        .max_log_files(keep)
        .build(paths.logs())
        .ok()?;
    let level = match verbose {
        0 => config.log.level.as_str(),
        1 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_new(format!("warn,hgautomation={level}")).ok()?;
    let shown = matches!(front, Front::Dashboard(_)).then(|| {
        // no `init_logger`: its thread wakes a hundred times a second, the dashboard takes lines in when it looks
        tui_logger::set_default_level(tui_logger::LevelFilter::Info);
        tui_logger::TuiTracingSubscriberLayer
    });
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(file);
    tracing_subscriber::registry().with(filter).with(lines).with(shown).try_init().ok()
}
