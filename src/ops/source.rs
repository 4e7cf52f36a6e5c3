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
    /// Names of its tests, as far as they have been asked for; see [`Repository::open_at`].
    likely_tests: Vec<String>,
}

/// Finds the repository (downloads it for the demo) and resolves the revision.
pub(super) async fn find(ctx: &JobContext, world: &World, source: &TestSource, rev: &str) -> Result<Source, Failure> {
    find_with(ctx, world, source, rev, false).await
}

/// The same, with the names of the revision's tests if they are wanted.
async fn find_with(
    ctx: &JobContext,
    world: &World,
    source: &TestSource,
    rev: &str,
    with_tests: bool,
) -> Result<Source, Failure> {
    let notes = Notes::new(ctx);
    let found = open(world, source, rev, with_tests, &notes).await;
    notes.told().await;
    let (repo, revision, likely_tests) = found.map_err(fail)?;
    ctx.emit(EventKind::SourceResolved { node: revision.node.clone(), summary: revision.summary.clone() }).await?;
    Ok(Source { repo, revision, likely_tests })
}

/// Finds what a run of tests is of, and looks whether the tests that are named exist.
pub(super) async fn find_for(ctx: &JobContext, world: &World, spec: &RunTestsSpec) -> Result<Source, Failure> {
    let source = find_with(ctx, world, &spec.source, &spec.rev, !spec.test_args.is_empty()).await?;
    check_names(ctx, &source, spec).await?;
    Ok(source)
}

/// Looks whether the tests that are named exist, before anything is launched for them.
async fn check_names(ctx: &JobContext, source: &Source, spec: &RunTestsSpec) -> Result<(), Failure> {
    if spec.test_args.is_empty() {
        return Ok(());
    }
    if mercurial::check_names(&spec.test_args, &source.likely_tests).is_ok_and(|doubts| doubts.is_empty()) {
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

async fn open(
    world: &World,
    source: &TestSource,
    rev: &str,
    with_tests: bool,
    notes: &Notes,
) -> mercurial::Result<(Repository, Revision, Vec<String>)> {
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
        TestSource::Directory(folder) => Repository::open_at(hg, folder, rev, with_tests).await,
        TestSource::Pypi => {
            let source = mercurial::fetch_source(&world.sources, &hg, &step).await?;
            Repository::open_at(hg, &source.folder, rev, with_tests).await
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
