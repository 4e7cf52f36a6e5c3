//! The source to test: where it is on this computer, which `hg` reads it, which changeset is meant.

use super::world::{World, fail};
use crate::domain::TestSource;
use crate::engine::{Failure, JobContext};
use crate::event::EventKind;
use crate::mercurial::{Changeset, Hg, Pypi, Repo};
use std::sync::Arc;

/// A repository on this computer and the changeset to test.
pub(super) struct Source {
    pub(super) repo: Repo,
    pub(super) changeset: Changeset,
}

/// Finds the repository (downloads it for the demo) and resolves the revision.
pub(super) async fn find(
    ctx: &JobContext,
    world: &World,
    source: &TestSource,
    rev: &str,
) -> Result<Source, Failure> {
    let notes = Notes::new(ctx);
    let result = async {
        match source {
            TestSource::Directory(folder) => {
                let hg = match Hg::find(world.hg.as_deref(), &world.tools) {
                    Ok(hg) => hg,
                    Err(_) if world.hg.is_none() => {
                        let pypi = Pypi::new(&world.sources, &world.tools);
                        pypi.hg(&notes.teller()).await.map_err(fail)?
                    }
                    Err(error) => return Err(fail(error)),
                };
                Repo::open(&hg, folder).await.map_err(fail)
            }
            TestSource::Pypi => {
                let pypi = Pypi::new(&world.sources, &world.tools);
                let hg = match Hg::find(world.hg.as_deref(), &world.tools) {
                    Ok(hg) => hg,
                    Err(_) => pypi.hg(&notes.teller()).await.map_err(fail)?,
                };
                let folder = pypi.source(&hg, &notes.teller()).await.map_err(fail)?;
                Repo::open(&hg, &folder).await.map_err(fail)
            }
        }
    }
    .await;
    notes.told().await;
    let repo = result?;
    let changeset = repo.resolve(rev).await.map_err(fail)?;
    ctx.emit(EventKind::SourceResolved { node: changeset.node.clone(), summary: changeset.summary.clone() }).await?;
    Ok(Source { repo, changeset })
}

/// Turns lines told by a callback, which cannot wait, into notes of the job.
pub(super) struct Notes {
    sender: tokio::sync::mpsc::UnboundedSender<String>,
    task: tokio::task::JoinHandle<()>,
}

impl Notes {
    pub(super) fn new(ctx: &JobContext) -> Self {
        let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel::<String>();
        let ctx = ctx.clone();
        let task = tokio::spawn(async move {
            while let Some(line) = lines.recv().await {
                if ctx.note(line).await.is_err() {
                    return;
                }
            }
        });
        Self { sender, task }
    }

    pub(super) fn teller(&self) -> impl Fn(&str) + Send + Sync + use<> {
        let sender = self.sender.clone();
        move |line: &str| {
            let _ = sender.send(line.to_owned());
        }
    }

    /// Waits until all are written.
    pub(super) async fn told(self) {
        drop(self.sender);
        // a task that panicked has nothing left to write
        let _ = self.task.await;
    }
}

/// Shared by those who tell lines from other tasks.
pub(super) type Teller = Arc<dyn Fn(&str) + Send + Sync>;
