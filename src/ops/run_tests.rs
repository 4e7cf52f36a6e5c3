//! `run-tests-linux`: source, image, launch, ready, prepare, sync, test, collect, end. Taken up again after a crash it
//! finds what stands: the machine by its id, the run by its name, the bytes by their offsets.

use super::bake;
use super::collect::{collect, copy_results};
use super::launch::{Wanted, end_later, launch_for_job};
use super::prepare::{self, undo_later};
use super::ready::{Fit, leased, take_over, wait_ready};
use super::source::{self, Source};
use super::stream::{JobSink, Ran, follow};
use super::sync;
use super::world::{Prior, World, fail, last_line};
use crate::domain::{
    CancelLevel, Filesystem, ImageName, KeepMachine, Machine, MachineId, Phase, ProviderKind, RunId, RunTestsSpec,
    WorkVerdict, escape_line,
};
use crate::engine::{Failure, FinaliserId, JobContext};
use crate::event::EventKind;
use crate::mercurial;
use crate::remote::Shell;
use crate::remote::spool::{RunSpec, Spool, quote};
use bytes::Bytes;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a job that was told to stop may take to find its run again, and to fetch what that has left. The engine's own
/// limit holds besides.
const RESCUE: Duration = Duration::from_secs(10);

/// The machine the job works on.
struct Place {
    machine: Machine,
    /// Ends it; none for a machine that stood before.
    finaliser: Option<FinaliserId>,
}

/// Runs Mercurial's tests on a machine.
///
/// # Errors
/// Whatever kept the tests from being run; failing tests are no error but a verdict.
pub async fn run_tests(
    ctx: JobContext,
    world: World,
    prior: Prior,
    spec: RunTestsSpec,
) -> Result<WorkVerdict, Failure> {
    if prior.only_clean_up {
        return clean_up(&ctx, &world, &prior, &spec).await;
    }
    if spec.provider == ProviderKind::Hosts && spec.machine.is_none() {
        return Err(Failure::new("provider `hosts` needs `--machine NAME`")
            .hint("`hga machines list --provider hosts` shows the names there are"));
    }
    if let Some(status) = prior.run_ended.filter(|_| prior.collected) {
        // all is here but the clean-up
        let place = again_to_end(&ctx, &world, &spec).await?;
        return finish(&ctx, &world, &spec, place, status).await;
    }
    let place =
        if prior.run.is_some() { again(&ctx, &world, &spec).await? } else { fresh(&ctx, &world, &spec).await? };
    let Some(place) = place else {
        return Ok(lost(&spec, &ctx));
    };
    work(&ctx, &world, &prior, &spec, place).await
}

fn lost(spec: &RunTestsSpec, ctx: &JobContext) -> WorkVerdict {
    let id = spec.machine.clone().unwrap_or_else(|| MachineId::for_job(ctx.job()));
    let what = match spec.machine {
        Some(_) => "has ended, or another job has taken it over,",
        None => "ended",
    };
    WorkVerdict::MachineLost { message: format!("machine `{id}` {what} before its results were fetched") }
}

/// Sees to it that what the job may have left is cleaned up, and does nothing else.
async fn clean_up(
    ctx: &JobContext,
    world: &World,
    prior: &Prior,
    spec: &RunTestsSpec,
) -> Result<WorkVerdict, Failure> {
    // its own machines have their finalisers already
    if let Some(id) = &spec.machine
        && prior.machine.is_some()
        && let Some(machine) = world.cloud(spec.provider)?.machine(id).await.map_err(fail)?
    {
        undo_later(ctx, world, &machine)?;
    }
    Err(Failure::Interrupted)
}

/// From nothing to a machine that has the revision.
async fn fresh(ctx: &JobContext, world: &World, spec: &RunTestsSpec) -> Result<Option<Place>, Failure> {
    ctx.until_stopped(async {
        let source = ctx
            .phase(Phase::Source, async {
                prepare::check(world, spec).await?;
                source::find_for(ctx, world, spec).await
            })
            .await?;
        let image = ctx.phase(Phase::Image, image(ctx, world, spec, &source)).await?;
        let (machine, finaliser) = ctx.phase(Phase::Launch, machine(ctx, world, spec, image)).await?;
        let machine = ctx
            .phase(Phase::Ready, async {
                let machine = wait_ready(ctx, world, machine, spec.wish.transport).await?;
                // a machine that stood before was taken over by who launched it
                if finaliser.is_none() {
                    return Ok(machine);
                }
                take_over(ctx, world, machine, Fit::Whole).await
            })
            .await?;
        leased(world, &machine, spec.lease, async {
            let temporary = finaliser.is_some();
            ctx.phase(Phase::Prepare, prepare::prepare(ctx, world, &machine, spec.filesystem, temporary)).await?;
            ctx.phase(Phase::Sync, sync::sync(ctx, world, &machine, &source, spec.dirty)).await
        })
        .await?;
        Ok(Some(Place { machine, finaliser }))
    })
    .await?
}

/// As [`JobContext::until_stopped`], but a job that is told to stop has a moment more: where its run was started already, there
/// may be results to be fetched.
async fn until_stopped_soon<T>(ctx: &JobContext, work: impl Future<Output = T>) -> Result<T, Failure> {
    let mut work = std::pin::pin!(work);
    match ctx.until_stopped(&mut work).await {
        Err(Failure::Interrupted) if ctx.level() == CancelLevel::Stop => {
            tokio::time::timeout(RESCUE, work).await.map_err(|_| Failure::Interrupted)
        }
        done => done,
    }
}

/// The machine on which the run was started already; none when it is gone.
async fn again(ctx: &JobContext, world: &World, spec: &RunTestsSpec) -> Result<Option<Place>, Failure> {
    let cloud = world.cloud(spec.provider)?;
    let id = spec.machine.clone().unwrap_or_else(|| MachineId::for_job(ctx.job()));
    let finaliser = spec.machine.is_none().then(|| end_later(ctx, &cloud, &id));
    until_stopped_soon(
        ctx,
        ctx.phase(Phase::Ready, async {
            let Some(machine) = cloud.machine(&id).await.map_err(fail)?.filter(|machine| machine.state.is_alive())
            else {
                return Ok(None);
            };
            let machine = wait_ready(ctx, world, machine, spec.wish.transport).await?;
            if finaliser.is_none() {
                undo_later(ctx, world, &machine)?;
            }
            if !prepare::is_ours(ctx, world, &machine).await? {
                return Ok(None);
            }
            Ok(Some(Place { machine, finaliser }))
        }),
    )
    .await?
}

/// What is left to end once the results are here: the finaliser of the job's own machine, where it has one.
async fn again_to_end(
    ctx: &JobContext,
    world: &World,
    spec: &RunTestsSpec,
) -> Result<Option<(MachineId, FinaliserId)>, Failure> {
    let cloud = world.cloud(spec.provider)?;
    if let Some(id) = &spec.machine {
        if let Some(machine) = cloud.machine(id).await.map_err(fail)? {
            undo_later(ctx, world, &machine)?;
        }
        return Ok(None);
    }
    let id = MachineId::for_job(ctx.job());
    let finaliser = end_later(ctx, &cloud, &id);
    // one that is gone already cannot be kept
    let machine = cloud.machine(&id).await.map_err(fail)?;
    Ok(machine.filter(|machine| machine.state.is_alive()).map(|machine| (machine.id, finaliser)))
}

/// The last of the work: results where the person wants them, the machine kept if so asked, the verdict.
async fn finish(
    ctx: &JobContext,
    world: &World,
    spec: &RunTestsSpec,
    own: Option<(MachineId, FinaliserId)>,
    status: i32,
) -> Result<WorkVerdict, Failure> {
    if let Some(to) = &spec.results {
        copy_results(&world.folders, to).await?;
    }
    if status != 0
        && spec.keep == KeepMachine::OnFailure
        // who stops a job, be it for its cost, wants the machine gone
        && ctx.level() == CancelLevel::None
        && let Some((id, finaliser)) = own
    {
        ctx.disarm(finaliser);
        ctx.keep(id, spec.provider);
    }
    Ok(if status == 0 { WorkVerdict::Done } else { WorkVerdict::TestsFailed { status } })
}

async fn image(
    ctx: &JobContext,
    world: &World,
    spec: &RunTestsSpec,
    source: &Source,
) -> Result<Option<ImageName>, Failure> {
    if spec.machine.is_some() {
        return Ok(None);
    }
    if let Some(name) = &spec.image {
        return Ok(Some(name.clone()));
    }
    if bake::in_cloud(spec.provider) {
        return bake::image_of_cloud(ctx, world, spec, source).await.map(Some);
    }
    let (image, finaliser) = bake::ensure_image(ctx, world, source, spec.provider, spec.lease, false).await?;
    bake::end_bake_machine(ctx, world, spec.provider, finaliser).await?;
    Ok(Some(image.name))
}

async fn machine(
    ctx: &JobContext,
    world: &World,
    spec: &RunTestsSpec,
    image: Option<ImageName>,
) -> Result<(Machine, Option<FinaliserId>), Failure> {
    if let Some(id) = &spec.machine {
        let found = world.cloud(spec.provider)?.machine(id).await.map_err(fail)?;
        let machine = found.ok_or_else(|| {
            Failure::new(format!("there is no machine `{id}` ({})", spec.provider))
                .hint("`hga machines list` shows the machines there are")
        })?;
        return Ok((machine, None));
    }
    let id = MachineId::for_job(ctx.job());
    let wanted = Wanted {
        id,
        image,
        lease: spec.lease,
        purpose: "run-tests-linux",
        spare_disk: !matches!(spec.filesystem, Filesystem::Default | Filesystem::Tmpfs),
        for_image: false,
        wish: spec.wish.clone(),
    };
    let launched = launch_for_job(ctx, world, spec.provider, wanted).await?;
    Ok((launched.machine, Some(launched.finaliser)))
}

/// Starts the tests, or finds them started; reads them to their end; fetches what they leave.
async fn work(
    ctx: &JobContext,
    world: &World,
    prior: &Prior,
    spec: &RunTestsSpec,
    place: Place,
) -> Result<WorkVerdict, Failure> {
    let machine = &place.machine;
    let run = RunId::for_job(ctx.job(), "test");
    let command = mercurial::run_tests(&machine.layout, &spec.python, &spec.test_args, true).map_err(fail)?;
    let shell = world.shell(machine)?;
    let left = AtomicBool::new(false);
    let ran = ctx
        .phase(Phase::Test, async {
            let begin = async {
                // the intent comes first: whoever takes the job up must look for the run
                ctx.emit(EventKind::RunStarted { run: run.clone(), command: command.shown.clone() }).await?;
                install_hook(machine, &*shell).await?;
                let start = RunSpec {
                    run: run.clone(),
                    line: command.line.clone(),
                    cwd: command.cwd.clone(),
                    env: command.env.clone(),
                };
                Spool::new(&*shell, machine.layout.spool()).start(&start).await.map_err(fail)
            };
            match prior.run {
                Some(_) => until_stopped_soon(ctx, begin).await??,
                None => ctx.until_stopped(begin).await??,
            };
            let sink = JobSink::tests(ctx, &world.folders.output, prior.events_read, prior.tests_told).await?;
            let tests_seen = sink.tests_seen();
            let ran = follow(ctx, world, machine, &run, spec.lease, sink).await?;
            if let Ran::Ended(status) = ran {
                if status != 0 && tests_seen.load(Ordering::Relaxed) == 0 {
                    let last = last_line(&world.folders.output);
                    ctx.warn(format!("run-tests.py ended with {status} before any test: {last}")).await?;
                }
                ctx.emit(EventKind::RunEnded { run: run.clone(), status }).await?;
            }
            left.store(matches!(ran, Ran::Stopped), Ordering::Relaxed);
            if let Ran::Stopped = ran { Err(Failure::Interrupted) } else { Ok(ran) }
        })
        .await;
    if left.into_inner() {
        rescue(ctx, world, spec, collect(ctx, machine, &*shell, &world.folders, &command)).await?;
    }
    let status = match ran? {
        Ran::Ended(status) => status,
        Ran::Stopped => return Err(Failure::Interrupted),
        Ran::Lost(message) => return Ok(WorkVerdict::MachineLost { message }),
    };
    let collected = ctx.phase(
        Phase::Collect,
        leased(world, machine, spec.lease, collect(ctx, machine, &*shell, &world.folders, &command)),
    );
    // The tests' verdict stands even if a file could not be fetched.
    match ctx.until_stopped(collected).await? {
        Ok(_) => {}
        Err(Failure::Interrupted) => return Err(Failure::Interrupted),
        Err(failure) => ctx.warn(format!("not all results were fetched: {failure}")).await?,
    }
    let own = place.finaliser.map(|finaliser| (place.machine.id.clone(), finaliser));
    finish(ctx, world, spec, own, status).await
}

/// Fetches what a run has left that was stopped, while there is time: its machine is about to end.
async fn rescue(
    ctx: &JobContext,
    world: &World,
    spec: &RunTestsSpec,
    collect: impl Future<Output = Result<usize, Failure>>,
) -> Result<(), Failure> {
    let within = async {
        let late = |_| Failure::new(format!("it took longer than {} s", RESCUE.as_secs()));
        tokio::time::timeout(RESCUE, collect).await.map_err(late)?
    };
    if let Err(failure) = ctx.phase(Phase::Collect, within).await {
        ctx.warn(format!("not all results were fetched: {failure}")).await?;
    }
    match &spec.results {
        Some(to) => copy_results(&world.folders, to).await,
        None => Ok(()),
    }
}

/// Puts the result hook where `run-tests.py` will look for it.
async fn install_hook(machine: &Machine, shell: &dyn Shell) -> Result<(), Failure> {
    let folder = quote(&mercurial::hook_folder(&machine.layout));
    let line = format!("mkdir -p {folder} && cat >{folder}/{}.py", mercurial::HOOK_MODULE);
    let said = shell.capture(&line, Bytes::from_static(mercurial::HOOK_SOURCE.as_bytes())).await.map_err(fail)?;
    if said.status.is_success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&said.stderr);
    Err(Failure::new(format!("could not put the result hook on `{}`: {}", machine.id, escape_line(why.trim()))))
}
