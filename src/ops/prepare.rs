//! Making the work folder on a machine, and undoing that on machines that live on.

use super::world::{World, fail};
use crate::domain::{Filesystem, Machine, RunTestsSpec};
use crate::engine::{Failure, JobContext};
use bytes::Bytes;

const PREPARE: &str = include_str!("../../assets/prepare.sh");
const UNPREPARE: &str = include_str!("../../assets/unprepare.sh");

fn environment(ctx: &JobContext, machine: &Machine, more: &[(&str, &str)]) -> String {
    let sudo = if machine.sudo { "yes" } else { "no" };
    let own = [
        ("JOB", ctx.job().as_str()),
        ("HGDEV", machine.layout.hgdev.as_str()),
        ("HGWORK", machine.layout.hgwork.as_str()),
        ("SUDO", sudo),
    ];
    own.iter().chain(more).fold("env".to_owned(), |line, (key, value)| {
        // neither ids nor paths of ours hold a NUL, the one thing that cannot be quoted
        let quoted = shlex::try_quote(value).unwrap_or_default();
        format!("{line} {key}={quoted}")
    })
}

/// Refuses, before anything is launched, what the machine could never do.
pub(super) async fn check(world: &World, spec: &RunTestsSpec) -> Result<(), Failure> {
    if spec.filesystem == Filesystem::Default {
        return Ok(());
    }
    let cloud = world.cloud(spec.provider)?;
    let (sudo, whose) = match &spec.machine {
        None => (cloud.grants_sudo(), format!("machines of provider `{}` do not", spec.provider)),
        // one that is not there is told of where it is looked for
        Some(id) => (
            cloud.machine(id).await.map_err(fail)?.is_none_or(|machine| machine.sudo),
            format!("`{id}` ({}) does not", spec.provider),
        ),
    };
    if sudo {
        return Ok(());
    }
    let filesystem = spec.filesystem.as_str();
    Err(Failure::new(format!("`--filesystem {filesystem}` needs a machine that allows `sudo`, and {whose}"))
        .hint("leave `--filesystem` out, or use a machine of `--provider hosts`"))
}

/// Makes the work folder. On a machine that lives on, a finaliser is added first that undoes it.
pub(super) async fn prepare(
    ctx: &JobContext,
    world: &World,
    machine: &Machine,
    filesystem: Filesystem,
    temporary: bool,
) -> Result<(), Failure> {
    if !temporary {
        undo_later(ctx, world, machine)?;
    }
    let shell = world.shell(machine)?;
    let line = format!(
        "{} /bin/sh -s",
        environment(ctx, machine, &[("FILESYSTEM", filesystem.as_str()), ("WITH_SOURCE", "yes")])
    );
    let said = shell.capture(&line, Bytes::from_static(PREPARE.as_bytes())).await.map_err(fail)?;
    for step in String::from_utf8_lossy(&said.stdout).lines() {
        ctx.note(step).await?;
    }
    if said.status.is_success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&said.stderr);
    let why = crate::domain::escape_line(why.trim().lines().last().unwrap_or("no reason given"));
    let failure = Failure::new(format!("could not prepare machine `{}`: {why}", machine.id));
    Err(match said.status.code() {
        3 => failure.hint("wait for that job, or cancel it with `hga jobs cancel`"),
        4 => failure.hint("leave `--filesystem` out to use the filesystem that the machine has"),
        _ => failure,
    })
}

/// Whether the machine's work folder is still this job's: a host whose client died may have been taken over since, and
/// nothing may be started or read there then.
pub(super) async fn is_ours(ctx: &JobContext, world: &World, machine: &Machine) -> Result<bool, Failure> {
    let name = crate::remote::spool::quote(&format!("{}/.hga-job", machine.layout.hgwork));
    let line = format!("cat {name} 2>/dev/null || [ ! -e {name} ]");
    let said = world.shell(machine)?.capture(&line, Bytes::new()).await.map_err(fail)?;
    if !said.status.is_success() {
        return Err(Failure::new(format!("could not see whose work folder `{}` has", machine.id)));
    }
    // a login shell may have greeted before it
    let said = String::from_utf8_lossy(&said.stdout);
    Ok(said.lines().next_back() == Some(ctx.job().as_str()))
}

/// Adds the finaliser that empties the work folder of a machine which is not ours to end.
pub(super) fn undo_later(ctx: &JobContext, world: &World, machine: &Machine) -> Result<(), Failure> {
    let shell = world.shell(machine)?;
    let line = format!("{} /bin/sh -s", environment(ctx, machine, &[]));
    ctx.finaliser(format!("work folder {} on {}", machine.layout.hgwork, machine.id), move || {
        Box::pin(async move {
            let said = shell
                .capture(&line, Bytes::from_static(UNPREPARE.as_bytes()))
                .await
                .map_err(|error| crate::diag::chain(&error))?;
            if said.status.is_success() {
                Ok(())
            } else {
                Err(crate::domain::escape_line(String::from_utf8_lossy(&said.stderr).trim()))
            }
        })
    });
    Ok(())
}
