//! `hga bootstrap-linux-dev`.

use super::super::CliContext;
use super::super::args::Bootstrap;
use super::super::error::Outcome;
use super::super::follow::{self, Until};
use super::super::printer::Printer;
use super::run_tests::absolute;
use crate::domain::{BootstrapSpec, CloudWish, OnError, Operation, TestSource};
use crate::session::Session;

pub(super) async fn run(args: &Bootstrap, session: &Session, context: &CliContext, printer: &mut Printer) -> Outcome {
    let told = [("--distros", args.distros.is_some()), ("--parallel", args.parallel)];
    super::unused(printer, told, &format!("on provider `{}`", args.provider))?;
    let source = args.source.as_deref().map_or(TestSource::Pypi, |dir| TestSource::Directory(absolute(dir, context)));
    let operation = Operation::BootstrapLinux(BootstrapSpec {
        distros: Vec::new(),
        parallel: false,
        on_error: OnError::default(),
        wish: CloudWish::default(),
        provider: args.provider,
        source,
        lease: args.lease.unwrap_or(context.lease),
        rebuild: args.rebuild,
    });
    follow::submit(session, printer, operation, Until::Ended, args.follow.output).await
}
