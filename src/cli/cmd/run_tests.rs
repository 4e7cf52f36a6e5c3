//! `hga run-tests-linux`.

use super::super::CliContext;
use super::super::args::RunTests;
use super::super::error::{Outcome, Stop};
use super::super::follow::{self, Until};
use super::super::printer::Printer;
use super::estimate;
use crate::domain::{DirtyTree, KeepMachine, Operation, ProviderKind, RunTestsSpec, TestSource};
use crate::session::Session;
use std::path::{Path, PathBuf};

pub(super) async fn run(args: &RunTests, session: &Session, context: &CliContext, printer: &mut Printer) -> Outcome {
    let mut spec = spec(args, context)?;
    if let Some(machine) = &spec.machine {
        // a machine that is named says itself whose it is, unless the provider was named too
        if args.provider.is_none() {
            spec.provider = session.machine(machine).await?.provider;
        }
    }
    let told = args.wish.told(args.distro.as_ref()).into_iter().chain([("--build-image", args.build_image)]);
    if spec.machine.is_some() {
        super::unused(printer, told, "on a machine that stands")?;
    } else if spec.provider != ProviderKind::Aws {
        super::unused(printer, told, &format!("on provider `{}`", spec.provider))?;
    }
    let until = if args.detach { Until::UnderWay } else { Until::Ended };
    let operation = Operation::RunTests(spec);
    if args.dry_run {
        return estimate::dry_run(&operation, session, printer).await;
    }
    estimate::before(&operation, session, printer).await?;
    follow::submit(session, printer, operation, until, args.follow.output).await
}

fn spec(args: &RunTests, context: &CliContext) -> Result<RunTestsSpec, Stop> {
    let source = match args.source.as_deref() {
        Some(word) if word.as_os_str() == TestSource::PYPI => TestSource::Pypi,
        Some(folder) => TestSource::Directory(absolute(folder, context)),
        None => TestSource::Directory(context.current_dir.clone()),
    };
    let provider = args.provider.unwrap_or(match args.machine {
        None => context.provider,
        Some(_) => ProviderKind::Local,
    });
    Ok(RunTestsSpec {
        build_image: args.build_image,
        wish: args.wish.of(args.distro.as_ref(), provider, context)?,
        provider,
        machine: args.machine.clone(),
        image: args.image.clone(),
        source,
        rev: args.rev.clone(),
        dirty: if args.dirty { DirtyTree::Include } else { DirtyTree::Ignore },
        filesystem: args.filesystem,
        python: args.python_version.clone().unwrap_or_else(|| context.python.clone()),
        test_args: args.test_args.clone(),
        keep: if args.keep_on_failure { KeepMachine::OnFailure } else { KeepMachine::Never },
        lease: args.lease.unwrap_or(context.lease),
        results: args.results.as_deref().map(|dir| absolute(dir, context)),
    })
}

/// A path that means the same in whichever process takes the job up.
pub(super) fn absolute(path: &Path, context: &CliContext) -> PathBuf {
    context.current_dir.join(path)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cli::args::Verb;
    use crate::cli::parse::read;
    use crate::domain::money::{Allowance, Cap, Usd};
    use crate::domain::{CloudWish, Distro, Filesystem, ImageName, MachineId, Transport};
    use proptest::prelude::*;
    use std::ffi::OsString;
    use std::time::Duration;

    pub(in crate::cli) fn context() -> CliContext {
        CliContext {
            state_dir: "/state".into(),
            config_path: "/state/config.toml".into(),
            config_in_force: String::new(),
            config_sample: "",
            current_dir: "/here".into(),
            provider: ProviderKind::Local,
            lease: Duration::from_secs(60),
            transport: Transport::Auto,
            open_ingress: false,
            python: "none".into(),
            demo_flags: Vec::new(),
            demo_python: String::new(),
            demo_tests: Vec::new(),
        }
    }

    fn parsed(words: Vec<String>) -> RunTestsSpec {
        let cli = read(words.into_iter().map(OsString::from).collect()).unwrap();
        let Some(Verb::RunTestsLinux(args)) = cli.verb else { panic!() };
        spec(&args, &context()).unwrap()
    }

    #[test]
    fn pypi_is_a_source_and_a_folder_of_that_name_can_be_named() {
        let source =
            |word: &str| parsed(["hga", "run-tests-linux", "--source", word].map(str::to_owned).into()).source;
        assert_eq!(source("pypi"), TestSource::Pypi);
        assert_eq!(source("./pypi"), TestSource::Directory("/here/pypi".into()));
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,8}",
            Just("--".to_owned()),
            Just("-".to_owned()),
            Just("--json".to_owned()),
            Just("--lease".to_owned()),
            Just("pypi".to_owned()),
            Just("é 日本".to_owned()),
        ]
    }

    pub(in crate::cli) fn any_wish() -> impl Strategy<Value = CloudWish> {
        let types = proptest::collection::vec("[a-z][0-9a-z-]{1,4}\\.[0-9a-z-]{1,6}", 0..3);
        let distro = proptest::option::of(proptest::sample::select(Distro::names()));
        let block = prop_oneof![
            (any::<std::net::Ipv4Addr>(), 1..=32u8).prop_map(|(ip, prefix)| format!("{ip}/{prefix}")),
            (any::<std::net::Ipv6Addr>(), 1..=128u8).prop_map(|(ip, prefix)| format!("{ip}/{prefix}")),
        ];
        let cidr = proptest::collection::vec(block.prop_map(|block| crate::domain::cidr(&block).unwrap()), 0..3);
        let cap = proptest::option::of(prop_oneof![
            Just(Cap::None),
            (1..1_000_000i64).prop_map(|cents| Cap::At(Usd::cents(cents))),
        ]);
        let allowance = (cap, any::<bool>()).prop_map(|(cap, over_day_cap)| Allowance { cap, over_day_cap });
        (types, distro, proptest::sample::select(&Transport::ALL[..]), cidr, allowance).prop_map(
            |(instance_types, distro, transport, cidr, allowance)| CloudWish {
                region: None,
                instance_types,
                distro: distro.map(str::to_owned),
                transport,
                cidr,
                allowance,
            },
        )
    }

    #[test]
    fn everybody_is_let_in_only_where_the_configuration_says_so() {
        let wish = |open_ingress, words: &[&str]| {
            let words = ["hga", "run-tests-linux", "--provider", "aws"].iter().chain(words);
            let cli = read(words.map(OsString::from).collect()).unwrap();
            let Some(Verb::RunTestsLinux(args)) = cli.verb else { panic!() };
            spec(&args, &CliContext { open_ingress, ..context() }).map(|spec| spec.wish)
        };
        let told = |open_ingress, words: &[&str]| match wish(open_ingress, words) {
            Err(Stop::Error { code, message, hints }) => (code, message, hints[0].to_string()),
            other => panic!("{other:?}"),
        };
        assert_eq!(wish(true, &["--cidr", "0.0.0.0/0"]).unwrap().cidr, ["0.0.0.0/0"]);
        let (code, message, hint) = told(false, &["--cidr", "1.2.3.4", "--cidr=::/0"]);
        assert_eq!((code, message.as_str()), (crate::cli::exit::USAGE, "`--cidr ::/0` lets everybody connect"));
        assert!(hint.contains("ingress = \"open\""), "{hint}");
        // what nobody names is as the configuration has it, on EC2
        assert_eq!(wish(false, &[]).unwrap().transport, Transport::Auto);
        let (_, message, hint) = told(false, &["--distro", "debian21"]);
        assert_eq!(message, "there is no distribution `debian21`");
        assert!(hint.contains("`debian12`"), "{hint}");
    }

    fn any_spec() -> impl Strategy<Value = RunTestsSpec> {
        let source = prop_oneof![
            Just(TestSource::Pypi),
            text().prop_map(|name| TestSource::Directory(Path::new("/").join(format!("x{name}")))),
        ];
        let machine = proptest::option::of("[a-z][a-z0-9-]{0,6}[a-z]".prop_map(|id| MachineId::new(id).unwrap()));
        let image = proptest::option::of("[a-z][a-z0-9-]{0,6}[a-z]".prop_map(|id| ImageName::new(id).unwrap()));
        let texts = (text(), text(), proptest::collection::vec(text(), 0..4));
        let providers = vec![ProviderKind::Local, ProviderKind::Hosts, ProviderKind::Aws];
        let choices = (any::<bool>(), any::<bool>(), any::<bool>(), 0..Filesystem::ALL.len());
        let rest = (60u64..=604_800, proptest::option::of(text()));
        (source, machine, image, texts, choices, rest, proptest::sample::select(providers), any_wish()).prop_map(
            |(
                source,
                machine,
                image,
                (rev, python, test_args),
                (build_image, dirty, keep, filesystem),
                (lease, results),
                provider,
                wish,
            )| {
                RunTestsSpec {
                    build_image,
                    wish,
                    provider,
                    machine,
                    image,
                    source,
                    rev,
                    dirty: if dirty { DirtyTree::Include } else { DirtyTree::Ignore },
                    filesystem: Filesystem::ALL[filesystem],
                    python,
                    test_args,
                    keep: if keep { KeepMachine::OnFailure } else { KeepMachine::Never },
                    lease: Duration::from_secs(lease),
                    results: results.map(|name| Path::new("/").join(format!("r{name}"))),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn the_line_of_any_run_asks_for_that_run(spec in any_spec()) {
            let words = Operation::RunTests(spec.clone()).command_words();
            prop_assert_eq!(parsed(words.clone()), spec, "{:?}", words);
        }
    }
}
