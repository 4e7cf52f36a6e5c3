//! `hga bootstrap-linux-dev`.

use super::super::CliContext;
use super::super::args::Bootstrap;
use super::super::error::{Outcome, Stop};
use super::super::exit;
use super::super::follow::{self, Until};
use super::super::printer::{Printer, Reader};
use super::run_tests::absolute;
use super::{Answer, estimate};
use crate::diag::Hinted as _;
use crate::domain::{BootstrapSpec, Distro, JobId, MachineId, OnError, Operation, ProviderKind, TestSource, words};
use crate::session::{LeaseMove, Session};
use std::io::IsTerminal as _;
use std::time::Duration;

/// The word for every distribution.
const ALL: &str = "all";
/// How long a machine is left to be looked at by a person who wants to.
const LOOK: Duration = Duration::from_secs(60 * 60);

pub(super) async fn run(args: &Bootstrap, session: &Session, context: &CliContext, printer: &mut Printer) -> Outcome {
    let mut spec = spec(args, context)?;
    if spec.provider != ProviderKind::Aws {
        let own = [("--distros", !args.distros.is_empty()), ("--parallel", args.parallel)];
        let own = own.into_iter().chain([("--on-error", args.on_error.is_some())]);
        super::unused(printer, own.chain(args.wish.told(None)), &format!("on provider `{}`", spec.provider))?;
    }
    let ask = spec.on_error == OnError::Ask;
    if ask && (printer.reader() != Reader::Person || !std::io::stdin().is_terminal()) {
        // nobody can be asked
        spec.on_error = OnError::Cleanup;
    }
    let ask = spec.on_error == OnError::Ask;
    let lease = spec.lease;
    let operation = Operation::BootstrapLinux(spec);
    if args.dry_run {
        return estimate::dry_run(&operation, session, printer).await;
    }
    estimate::before(&operation, session, printer).await?;
    let (job, code) = follow::submit_named(session, printer, operation, Until::Ended, args.follow.output).await?;
    if ask && code != exit::OK && code != exit::DETACHED {
        asked(session, printer, &job, lease, args.follow.output).await?;
    }
    Ok(code)
}

fn spec(args: &Bootstrap, context: &CliContext) -> Result<BootstrapSpec, Stop> {
    // listed hosts have no images
    let usual = if context.provider == ProviderKind::Hosts { ProviderKind::Local } else { context.provider };
    let provider = args.provider.unwrap_or(usual);
    let aws = provider == ProviderKind::Aws;
    // scripts that name another provider may name what only the predecessor knew
    for name in args.distros.iter().filter(|name| aws && *name != ALL) {
        Distro::find(name).map_err(|error| {
            let stop = Stop::usage(error.to_string());
            error.hints().into_iter().fold(stop, |stop, hint| stop.hint(hint.0))
        })?;
    }
    let all = args.distros.iter().any(|name| name == ALL);
    Ok(BootstrapSpec {
        provider,
        source: args.source.as_deref().map_or(TestSource::Pypi, |dir| TestSource::Directory(absolute(dir, context))),
        lease: args.lease.unwrap_or(context.lease),
        rebuild: args.rebuild,
        distros: if all || !aws { Vec::new() } else { args.distros.clone() },
        parallel: aws && args.parallel,
        on_error: args.on_error.unwrap_or_default(),
        wish: args.wish.of(None, provider, context)?,
    })
}

/// Asks of each machine that was kept whether it shall end. Who says nothing leaves it to its lease, which is short.
async fn asked(
    session: &Session,
    printer: &mut Printer,
    job: &JobId,
    lease: Duration,
    output: bool,
) -> Result<(), Stop> {
    session.forget();
    let kept = session.machines(Some(ProviderKind::Aws)).await.items;
    let kept: Vec<MachineId> = kept
        .into_iter()
        .filter(|machine| machine.job.as_ref() == Some(job) && machine.state.is_alive())
        .map(|machine| machine.id)
        .collect();
    let mut over = Vec::new();
    for id in kept {
        match super::confirm(printer, false, "ending it", &format!("end machine `{id}` now?"))? {
            Answer::Yes => over.push(id),
            Answer::No => {
                let lease = session.extend(&id, LeaseMove::To(lease.min(LOOK))).await?;
                let text = format!(
                    "machine `{id}` ends itself at {}\nhint: `hga ssh {id}` opens a shell there, `hga machines terminate {id}` ends it\n",
                    words::clock(lease.ends())
                );
                printer.err(&text)?;
            }
        }
    }
    if !over.is_empty() {
        let operation = Operation::Terminate { provider: ProviderKind::Aws, machines: over };
        follow::submit(session, printer, operation, Until::Ended, output).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::run_tests::tests::{any_wish, context};
    use super::*;
    use crate::cli::args::Verb;
    use crate::cli::parse::read;
    use crate::domain::CloudWish;
    use proptest::prelude::*;
    use std::ffi::OsString;

    fn parsed(words: &[String]) -> Result<BootstrapSpec, Stop> {
        let cli = read(words.iter().map(OsString::from).collect()).unwrap();
        let Some(Verb::BootstrapLinuxDev(args)) = cli.verb else { panic!() };
        spec(&args, &context())
    }

    fn typed(words: &[&str]) -> Result<BootstrapSpec, Stop> {
        let words: Vec<String> =
            ["hga", "bootstrap-linux-dev"].iter().chain(words).map(|word| (*word).to_owned()).collect();
        parsed(&words)
    }

    #[test]
    fn distributions_are_named_all_or_none_and_known_where_they_matter() {
        assert_eq!(typed(&["--provider", "aws", "--distros", "all"]).unwrap().distros, Vec::<String>::new());
        let two = typed(&["--provider", "aws", "--distros", "debian12,ubuntu24.04", "--parallel"]).unwrap();
        assert_eq!((two.distros, two.parallel), (vec!["debian12".to_owned(), "ubuntu24.04".to_owned()], true));
        let Err(Stop::Error { code, message, hints }) = typed(&["--provider", "aws", "--distros", "debian9"]) else {
            panic!();
        };
        assert_eq!((code, message.as_str()), (exit::USAGE, "there is no distribution `debian9`"));
        assert!(hints[0].to_string().contains("`debian12`"), "{hints:?}");
        // a script for the predecessor, on this computer
        assert_eq!(typed(&["--distros", "debian9"]).unwrap().provider, ProviderKind::Local);
    }

    fn any_spec() -> impl Strategy<Value = BootstrapSpec> {
        let source = prop_oneof![
            Just(TestSource::Pypi),
            "[ -~]{0,8}".prop_map(|name| TestSource::Directory(std::path::Path::new("/").join(format!("x{name}")))),
        ];
        let distros = proptest::sample::subsequence(Distro::names(), 0..Distro::names().len());
        let on_error = proptest::sample::select(&OnError::ALL[..]);
        (source, distros, on_error, any_wish(), 60u64..=604_800, any::<(bool, bool, bool)>()).prop_map(
            |(source, distros, on_error, wish, lease, (aws, rebuild, parallel))| BootstrapSpec {
                provider: if aws { ProviderKind::Aws } else { ProviderKind::Local },
                source,
                lease: Duration::from_secs(lease),
                rebuild,
                distros: if aws { distros.into_iter().map(str::to_owned).collect() } else { Vec::new() },
                parallel: aws && parallel,
                on_error,
                // which distributions is said otherwise
                wish: CloudWish { distro: None, ..wish },
            },
        )
    }

    proptest! {
        #[test]
        fn the_line_of_any_bootstrap_asks_for_it(spec in any_spec()) {
            let words = Operation::BootstrapLinux(spec.clone()).command_words();
            prop_assert_eq!(parsed(&words).unwrap(), spec, "{:?}", words);
        }
    }
}
