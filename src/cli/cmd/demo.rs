//! `hga demo`: Mercurial's own quick tests on a machine of this computer.

use super::super::CliContext;
use super::super::args::Demo;
use super::super::error::Outcome;
use super::super::follow::{self, Until};
use super::super::printer::Printer;
use crate::domain::{CloudWish, DirtyTree, Filesystem, KeepMachine, Operation, RunTestsSpec, TestSource};
use crate::session::Session;

pub(super) async fn run(args: &Demo, session: &Session, context: &CliContext, printer: &mut Printer) -> Outcome {
    follow::submit(session, printer, operation(args, context), Until::Ended, args.follow.output).await
}

/// What the demo does.
pub(in crate::cli) fn operation(args: &Demo, context: &CliContext) -> Operation {
    Operation::RunTests(spec(args, context))
}

fn spec(args: &Demo, context: &CliContext) -> RunTestsSpec {
    let tests = if args.tests.is_empty() { &context.demo_tests } else { &args.tests };
    let lanes = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(8);
    let mut test_args = vec![format!("-j{lanes}")];
    test_args.extend(context.demo_flags.iter().chain(tests).cloned());
    RunTestsSpec {
        build_image: false,
        wish: CloudWish::default(),
        provider: args.provider,
        machine: None,
        image: None,
        source: TestSource::Pypi,
        rev: ".".to_owned(),
        dirty: DirtyTree::Ignore,
        filesystem: Filesystem::Default,
        python: context.demo_python.clone(),
        test_args,
        keep: KeepMachine::Never,
        lease: context.lease,
        results: None,
    }
}
