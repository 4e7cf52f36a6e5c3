//! The source to test: where it is on this computer, which `hg` reads it, which changeset is meant.

use super::world::{World, fail};
use crate::domain::{DirtyTree, RunTestsSpec, TestSource};
use crate::engine::{Failure, JobContext};
use crate::event::EventKind;
use crate::mercurial::{self, Repository, Revision};

/// A repository on this computer and the changeset to test.
pub(super) struct Source {
    pub(super) repo: Repository,
    pub(super) revision: Revision,
}

/// Finds the repository (downloads it for the demo) and resolves the revision.
pub(super) async fn find(ctx: &JobContext, world: &World, source: &TestSource, rev: &str) -> Result<Source, Failure> {
    let notes = Notes::new(ctx);
    let repo = open(world, source, &notes).await;
    notes.told().await;
    let repo = repo.map_err(fail)?;
    let revision = repo.resolve(rev).await.map_err(fail)?;
    ctx.emit(EventKind::SourceResolved { node: revision.node.clone(), summary: revision.summary.clone() }).await?;
    Ok(Source { repo, revision })
}

/// Looks whether the tests that are named exist, before anything is launched for them.
pub(super) async fn check_names(ctx: &JobContext, source: &Source, spec: &RunTestsSpec) -> Result<(), Failure> {
    if spec.test_args.is_empty() {
        return Ok(());
    }
    let mut known = source.repo.tests(&source.revision.node).await.map_err(fail)?;
    if spec.dirty == DirtyTree::Include {
        known.extend(source.repo.tests("wdir()").await.map_err(fail)?);
    }
    for doubt in mercurial::check_names(&spec.test_args, &known).map_err(fail)? {
        ctx.warn(doubt).await?;
    }
    Ok(())
}

async fn open(world: &World, source: &TestSource, notes: &Notes) -> mercurial::Result<Repository> {
    let tell = notes.teller();
    let step = move |text: &str, _: u32, _: u32| tell(text);
    if let TestSource::Directory(folder) = source {
        // asked before an `hg` is fetched for it
        mercurial::check_folder(folder)?;
    }
    let hg = match mercurial::find_hg(world.hg.as_deref(), std::env::var_os("PATH").as_deref(), None) {
        Ok(hg) => hg,
        Err(error) if world.hg.is_some() => return Err(error),
        Err(_) => mercurial::tools_hg(&world.tools, &step).await?,
    };
    match source {
        TestSource::Directory(folder) => Repository::open(hg, folder).await,
        TestSource::Pypi => {
            let source = mercurial::fetch_source(&world.sources, &hg, &step).await?;
            Repository::open(hg, &source.folder).await
        }
    }
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
