//! Bringing a revision to a machine: `hg push` through our own transport, then an update that is checked.

use super::source::{Notes, Source};
use super::world::{World, fail};
use crate::domain::{DirtyTree, Machine};
use crate::engine::{Failure, JobContext};
use crate::mercurial::{self, PushTarget};

/// Pushes the source's changeset into a repository on the machine.
pub(super) async fn push(
    ctx: &JobContext,
    world: &World,
    machine: &Machine,
    source: &Source,
    repository: &str,
) -> Result<(), Failure> {
    let endpoint = machine
        .endpoint
        .as_ref()
        .ok_or_else(|| Failure::new(format!("machine `{}` has no address", machine.id)))?;
    let ssh = world.connector.ssh_command(endpoint, &world.folders.scratch).map_err(fail)?;
    let target = PushTarget {
        repository,
        remote_hg: &machine.layout.hg(),
        user: &endpoint.user,
        host: &endpoint.host,
        ssh: &ssh,
    };
    let notes = Notes::new(ctx);
    let pushed = mercurial::push(&source.repo, &source.changeset.node, &target, &notes.teller()).await;
    notes.told().await;
    pushed.map(|_| ()).map_err(fail)
}

/// Pushes, updates the work clone to exactly that changeset, and applies uncommitted changes if asked to.
pub(super) async fn sync(
    ctx: &JobContext,
    world: &World,
    machine: &Machine,
    source: &Source,
    dirty: DirtyTree,
) -> Result<(), Failure> {
    let work = machine.layout.work_source();
    push(ctx, world, machine, source, &work).await?;
    let shell = world.shell(machine)?;
    mercurial::update(&*shell, &machine.layout.hg(), &work, &source.changeset.node).await.map_err(fail)?;
    if dirty == DirtyTree::Include {
        let diff = source.repo.dirty_diff().await.map_err(fail)?;
        if diff.is_empty() {
            ctx.note("there are no uncommitted changes to send").await?;
        } else {
            mercurial::apply_dirty(&*shell, &machine.layout.hg(), &work, diff).await.map_err(fail)?;
            ctx.note("uncommitted changes applied").await?;
        }
        let untracked = source.repo.untracked_count().await.map_err(fail)?;
        if untracked > 0 {
            ctx.warn(format!("{untracked} files that `hg` does not track stay here; `hg add` them to send them")).await?;
        }
    }
    Ok(())
}
