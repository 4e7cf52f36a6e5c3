//! Launching: intent first, then a finaliser that ends the machine, then the call. Done twice it finds the first
//! machine. Also the verb `machines launch`.

use super::world::{Prior, World, fail};
use crate::cloud::{Cloud, LaunchRequest};
use crate::domain::{ImageName, LaunchSpec, Lease, Machine, MachineId, Phase, ProviderKind, Timestamp, WorkVerdict};
use crate::engine::{Failure, FinaliserId, JobContext};
use crate::event::EventKind;
use std::sync::Arc;
use std::time::Duration;

/// A machine of this job's own, and the finaliser that ends it.
pub(super) struct Launched {
    pub(super) machine: Machine,
    pub(super) finaliser: FinaliserId,
}

/// Adds the finaliser that ends a machine. It is idempotent and may run for a machine that never came to be.
pub(super) fn end_later(ctx: &JobContext, cloud: &Arc<dyn Cloud>, id: &MachineId) -> FinaliserId {
    let (ctx2, cloud, id2) = (ctx.clone(), Arc::clone(cloud), id.clone());
    let provider = cloud.provider();
    ctx.finaliser(format!("machine {id} ({provider})"), move || {
        Box::pin(async move {
            // Without a journal a machine must still be ended, so its refusal is no reason to stop here.
            let _ = ctx2.emit(EventKind::MachineEnding { machine: id2.clone(), provider }).await;
            cloud.terminate(&id2).await.map_err(|error| crate::diag::chain(&error))?;
            let _ = ctx2.emit(EventKind::MachineEnded { machine: id2, provider }).await;
            Ok(())
        })
    })
}

/// Adds the finalisers that end what earlier processes of the job launched and were not seen to end.
///
/// # Errors
/// When a provider is not set up.
pub fn end_launched(ctx: &JobContext, world: &World, prior: &Prior) -> Result<(), Failure> {
    for (provider, id) in &prior.launched {
        end_later(ctx, &world.cloud(*provider)?, id);
    }
    Ok(())
}

/// Launches a machine for this job, or finds the one that an earlier process of the job launched.
pub(super) async fn launch_for_job(
    ctx: &JobContext,
    world: &World,
    provider: ProviderKind,
    id: MachineId,
    image: Option<ImageName>,
    lease: Duration,
) -> Result<Launched, Failure> {
    let cloud = world.cloud(provider)?;
    ctx.emit(EventKind::Launching { machine: id.clone(), provider }).await?;
    let finaliser = end_later(ctx, &cloud, &id);
    let request =
        LaunchRequest { machine: id, job: ctx.job().clone(), image, lease: Lease::starting(Timestamp::now(), lease) };
    let machine = cloud.launch(&request).await.map_err(fail)?;
    Ok(Launched { machine, finaliser })
}

/// The image that was made last; none where there is none.
async fn newest_image(ctx: &JobContext, world: &World, provider: ProviderKind) -> Result<Option<ImageName>, Failure> {
    let images = world.cloud(provider)?.images().await.whole().map_err(fail)?;
    let newest = images.into_iter().max_by_key(|image| image.created).map(|image| image.name);
    if let Some(name) = &newest {
        ctx.note(format!("from image `{name}`, the newest")).await?;
    } else {
        ctx.warn("there is no image yet, so the machine is bare; `hga bootstrap-linux-dev` makes one").await?;
    }
    Ok(newest)
}

/// `machines launch`: the machine is handed over to its lease.
///
/// # Errors
/// What the provider says, or an interruption.
pub async fn launch(ctx: JobContext, world: World, prior: Prior, spec: LaunchSpec) -> Result<WorkVerdict, Failure> {
    let id = MachineId::for_job(ctx.job());
    if prior.only_clean_up {
        return Err(Failure::Interrupted);
    }
    let image = match spec.image {
        Some(name) => Some(name),
        None => newest_image(&ctx, &world, spec.provider).await?,
    };
    let launch = launch_for_job(&ctx, &world, spec.provider, id, image, spec.lease);
    let launched = ctx.until_stopped(ctx.phase(Phase::Launch, launch)).await??;
    let machine = ctx
        .until_stopped(ctx.phase(Phase::Ready, super::ready::wait_ready(&ctx, &world, launched.machine)))
        .await??;
    ctx.disarm(launched.finaliser);
    ctx.keep(machine.id, machine.provider);
    Ok(WorkVerdict::Done)
}
