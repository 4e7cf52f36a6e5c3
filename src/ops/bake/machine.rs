//! What is done on a machine that an image is made of, whoever provides it.

use crate::domain::{CheckItem, CheckOutcome, Filesystem, Layout, Machine, RunId};
use crate::engine::{Failure, JobContext};
use crate::mercurial::{self, LINUX_CLEAN};
use crate::ops::prepare;
use crate::ops::source::Source;
use crate::ops::stream::{JobSink, Ran, follow};
use crate::ops::sync;
use crate::ops::world::{World, fail, last_line};
use crate::remote::Shell;
use crate::remote::spool::{RunSpec, Spool, Started, words};
use bytes::Bytes;
use std::path::Path;
use std::time::Duration;

/// Runs something in the machine's spool to its end, which has to be a good one. What it says goes into `log`; `of` is put
/// before what is told of its steps.
#[expect(clippy::too_many_arguments, reason = "a run, where it is, and what is told of it")]
pub(super) async fn run_to_end(
    ctx: &JobContext,
    world: &World,
    machine: &Machine,
    spec: &RunSpec,
    lease: Duration,
    of: &str,
    what: &str,
    log: &Path,
) -> Result<(), Failure> {
    let shell = world.shell(machine)?;
    let started = Spool::new(&*shell, machine.layout.spool()).start(spec).await.map_err(fail)?;
    if started == Started::New && log.exists() {
        // what an earlier machine of this job said is no part of this one's output, from whose start we read
        tokio::fs::remove_file(log).await.map_err(|error| Failure::from_plain(&error))?;
    }
    let sink = JobSink::steps(ctx, log, of)?;
    match follow(ctx, world, machine, &spec.run, lease, sink).await? {
        Ran::Ended(0) => Ok(()),
        Ran::Ended(status) => Err(Failure::new(format!("{what} ended with status {status}: {}", last_line(log)))
            .hint(format!("all it said is in `{}`", log.display()))),
        Ran::Stopped => Err(Failure::Interrupted),
        Ran::Lost(why) => Err(Failure::new(why)),
    }
}

/// Pushes the source into the image's clone. Copies of the image then start with the files in place.
pub(super) async fn push_source(
    ctx: &JobContext,
    world: &World,
    machine: &Machine,
    source: &Source,
) -> Result<(), Failure> {
    // the image's clone is `src` below hgdev as the work clone is below hgwork
    let template = Layout { hgwork: machine.layout.hgdev.clone(), ..machine.layout.clone() };
    sync::push(ctx, world, machine, source, &template).await?;
    let shell = world.shell(machine)?;
    mercurial::update(&*shell, &template, &source.revision.node).await.map_err(fail)
}

/// Runs a line as root.
async fn as_root(shell: &dyn Shell, what: &str, line: &[&str]) -> Result<(), Failure> {
    let head = ["sudo", "-n"];
    let said = shell.capture(&words(head.iter().chain(line)), Bytes::new()).await.map_err(fail)?;
    if said.status.is_success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&said.stderr);
    let why = crate::domain::escape_line(why.trim().lines().last().unwrap_or("no reason given"));
    Err(Failure::new(format!("could not {what}: {why}")))
}

/// Removes what an image shall not hand on.
pub(super) async fn clean(world: &World, machine: &Machine) -> Result<(), Failure> {
    let shell = world.shell(machine)?;
    let work = format!("HGWORK={}", machine.layout.hgwork);
    as_root(&*shell, "clean the machine up", &["env", &work, "/bin/sh", "-c", LINUX_CLEAN, "hga-clean"]).await
}

/// Walks the remote machine interface; whatever is not there is named.
pub(super) async fn check(world: &World, machine: &Machine) -> Result<usize, Failure> {
    let items = (world.check)(world.shell(machine)?, machine.clone()).await;
    let told = |item: &CheckItem| {
        if item.seen.is_empty() { item.what.clone() } else { format!("{} ({})", item.what, item.seen) }
    };
    let lacking: Vec<String> = items.iter().filter(|item| item.outcome != CheckOutcome::Ok).map(told).collect();
    if lacking.is_empty() {
        return Ok(items.len());
    }
    Err(Failure::new(format!("the machine is not as it should be; wrong are: {}", lacking.join("; "))))
}

/// Runs a few quick tests as a person's run would: in a work folder, on a copy of the image's clone. Gives how many passed.
pub(super) async fn smoke_run(
    ctx: &JobContext,
    world: &World,
    machine: &Machine,
    source: &Source,
    lease: Duration,
    log: &Path,
) -> Result<u32, Failure> {
    let tests = mercurial::smoke_tests(&source.repo.tests(&source.revision.node).await.map_err(fail)?);
    if tests.is_empty() {
        return Err(Failure::new("the source has none of the tests that an image has to pass")
            .hint("`--source` names a repository of Mercurial itself"));
    }
    prepare::prepare(ctx, world, machine, Filesystem::Default, true).await?;
    let mut args = mercurial::demo_flags();
    args.push(format!("-j{}", tests.len()));
    args.extend(tests);
    let command = mercurial::run_tests(&machine.layout, &mercurial::demo_python(), &args, false).map_err(fail)?;
    let run = RunId::for_job(ctx.job(), "smoke");
    let spec = RunSpec { run, line: command.line, cwd: command.cwd, env: command.env };
    let ended = run_to_end(ctx, world, machine, &spec, lease, "", "a run of a few tests", log).await;
    if matches!(ended, Err(Failure::Interrupted)) {
        return Err(Failure::Interrupted);
    }
    let said = tokio::fs::read(log).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let failed = mercurial::tests_failed(&said);
    if !failed.is_empty() {
        return Err(Failure::new(format!("{} failed", failed.join(", ")))
            .hint(format!("all that was said is in `{}`", log.display())));
    }
    ended?;
    let ran = mercurial::tests_run(&said).unwrap_or(0);
    if ran == 0 {
        return Err(Failure::new("of the tests that an image has to pass, none ran")
            .hint(format!("all that was said is in `{}`", log.display())));
    }
    Ok(ran)
}
