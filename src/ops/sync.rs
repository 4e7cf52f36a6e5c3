//! Bringing a revision to a machine: `hg push` through our own transport, or a bundle where there is no SSH, then an update
//! that is checked.

use super::source::{Notes, Source};
use super::world::{World, fail};
use crate::domain::{DirtyTree, Layout, Machine};
use crate::engine::{Failure, JobContext};
use crate::mercurial::{self, Remote};

/// Pushes the source's changeset into the clone below the layout's work folder.
pub(super) async fn push(
    ctx: &JobContext,
    world: &World,
    machine: &Machine,
    source: &Source,
    layout: &Layout,
) -> Result<(), Failure> {
    let endpoint =
        machine.endpoint.as_ref().ok_or_else(|| Failure::new(format!("machine `{}` has no address", machine.id)))?;
    let notes = Notes::new(ctx);
    let teller = notes.teller();
    // what was sent and what went wrong is worth a line, not each step of the protocol
    let tell = move |line: &str| {
        if !["pushing to ", "searching for changes", "no changes found"].iter().any(|dull| line.starts_with(dull)) {
            teller(line);
        }
    };
    // where to and that it looks are no news; what it finds is
    let news = |line: &str| !line.starts_with("pushing to ") && line != "searching for changes";
    let mut told = |line: &str| {
        if news(line) {
            tell(line);
        }
    };
    let (repo, node, scratch) = (&source.repo, &source.revision.node, &world.folders.scratch);
    let pushed = if endpoint.managed.is_some() {
        let shell = world.shell(machine)?;
        mercurial::send_bundle(repo, node, &*shell, layout, scratch, &mut told).await
    } else {
        let ssh = world.connector.ssh_command(endpoint, scratch).map_err(fail)?;
        mercurial::push(repo, node, Remote { endpoint, layout, ssh: &ssh }, &mut told).await
    };
    drop(tell);
    notes.told().await;
    pushed.map_err(fail)
}

/// Pushes, updates the work clone to exactly that changeset, and applies uncommitted changes if asked to.
pub(super) async fn sync(
    ctx: &JobContext,
    world: &World,
    machine: &Machine,
    source: &Source,
    dirty: DirtyTree,
) -> Result<(), Failure> {
    push(ctx, world, machine, source, &machine.layout).await?;
    let shell = world.shell(machine)?;
    mercurial::update(&*shell, &machine.layout, &source.revision.node).await.map_err(fail)?;
    if dirty == DirtyTree::Include {
        let diff = source.repo.dirty_diff().await.map_err(fail)?;
        if diff.is_empty() {
            ctx.note("there are no uncommitted changes to send").await?;
        } else {
            mercurial::apply_diff(&*shell, &machine.layout, diff).await.map_err(fail)?;
            ctx.note("uncommitted changes applied").await?;
        }
        let untracked = source.repo.untracked_count().await.map_err(fail)?;
        if untracked > 0 {
            ctx.warn(format!("{untracked} files that `hg` does not track stay here; `hg add` them to send them"))
                .await?;
        }
    }
    Ok(())
}
