//! `hga run-tests-linux`.

use super::super::CliContext;
use super::super::args::RunTests;
use super::super::error::Outcome;
use super::super::follow::{self, Until};
use super::super::printer::Printer;
use crate::domain::{DirtyTree, KeepMachine, Operation, ProviderKind, RunTestsSpec, TestSource};
use crate::session::Session;
use std::path::{Path, PathBuf};

pub(super) async fn run(args: &RunTests, session: &Session, context: &CliContext, printer: &mut Printer) -> Outcome {
    let mut spec = spec(args, context);
    if let Some(machine) = &spec.machine {
        // a machine that is named says itself whose it is, unless the provider was named too
        if args.provider.is_none() {
            spec.provider = session.machine(machine).await?.provider;
        }
    }
    let flags = [("--distro", args.distro.is_some()), ("--instance-type", args.instance_type.is_some())];
    super::unused(printer, &flags, spec.provider)?;
    let until = if args.detach { Until::UnderWay } else { Until::Ended };
    follow::submit(session, printer, Operation::RunTests(spec), until, args.follow.output).await
}

fn spec(args: &RunTests, context: &CliContext) -> RunTestsSpec {
    let source = args.source.as_deref().map_or_else(|| context.current_dir.clone(), |dir| absolute(dir, context));
    let provider = args.provider.unwrap_or(match args.machine {
        None => context.provider,
        Some(_) => ProviderKind::Local,
    });
    RunTestsSpec {
        provider,
        machine: args.machine.clone(),
        image: None,
        source: TestSource::Directory(source),
        rev: args.rev.clone(),
        dirty: if args.dirty { DirtyTree::Include } else { DirtyTree::Ignore },
        filesystem: args.filesystem,
        python: args.python_version.clone().unwrap_or_else(|| context.python.clone()),
        test_args: args.test_args.clone(),
        keep: if args.keep_on_failure { KeepMachine::OnFailure } else { KeepMachine::Never },
        lease: args.lease.unwrap_or(context.lease),
        results: args.results.as_deref().map(|dir| absolute(dir, context)),
    }
}

/// A path that means the same in whichever process takes the job up.
pub(super) fn absolute(path: &Path, context: &CliContext) -> PathBuf {
    context.current_dir.join(path)
}
