//! Launching: intent first, then a finaliser that ends the machine, then the call. Done twice it finds the first
//! machine. Also the verb `machines launch`.

use super::bake;
use super::ready::{Fit, paid, set_lease, take_over, wait_ready};
use super::world::{Prior, World, fail};
use crate::cloud::{Cloud, LaunchRequest};
use crate::domain::money::Bill;
use crate::domain::{
    CloudWish, Distro, ImageName, LaunchSpec, Lease, Machine, MachineId, Phase, ProviderKind, Timestamp, WorkVerdict,
    words,
};
use crate::engine::{Failure, FinaliserId, JobContext};
use crate::event::EventKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A machine of this job's own, and the finaliser that ends it.
pub(super) struct Launched {
    pub(super) machine: Machine,
    pub(super) finaliser: FinaliserId,
}

/// What a job wants launched.
pub(super) struct Wanted {
    /// The id it is asked for with.
    pub(super) id: MachineId,
    /// From which image; none gives a bare machine.
    pub(super) image: Option<ImageName>,
    /// How long it may live with no client.
    pub(super) lease: Duration,
    /// For which verb.
    pub(super) purpose: &'static str,
    /// Whether the work folder needs a disk of its own.
    pub(super) spare_disk: bool,
    /// Whether an image is made on it.
    pub(super) for_image: bool,
    /// What a cloud's machine shall be.
    pub(super) wish: CloudWish,
}

/// The id that a machine is known by: the one it was asked for with, until it has its own.
type Known = Arc<Mutex<MachineId>>;

/// Adds the finaliser that ends a machine. It is idempotent and may run for a machine that never came to be.
pub(super) fn end_later(ctx: &JobContext, cloud: &Arc<dyn Cloud>, id: &MachineId) -> FinaliserId {
    end_known_later(ctx, cloud, id, Arc::new(Mutex::new(id.clone())), Launcher::Earlier)
}

/// Which process launched a machine.
#[derive(Clone, Copy)]
enum Launcher {
    /// The one that ends it.
    This,
    /// An earlier one of the same job.
    Earlier,
}

/// The finaliser goes by the id that was asked with, whatever else is known: so that whoever takes the job up, and asks
/// again, has one finaliser for the machine, and one to disarm.
fn end_known_later(
    ctx: &JobContext,
    cloud: &Arc<dyn Cloud>,
    asked: &MachineId,
    known: Known,
    of: Launcher,
) -> FinaliserId {
    let (ctx2, cloud) = (ctx.clone(), Arc::clone(cloud));
    let provider = cloud.provider();
    ctx.finaliser(format!("machine {asked} ({provider})"), move || {
        Box::pin(async move {
            let id2 = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
            // Without a journal a machine must still be ended, so its refusal is no reason to stop here.
            let _ = ctx2.emit(EventKind::MachineEnding { machine: id2.clone(), provider }).await;
            // one that an earlier process launched may have ended by itself long ago
            let already = match of {
                Launcher::Earlier => {
                    cloud.machine(&id2).await.is_ok_and(|found| found.is_none_or(|machine| !machine.state.is_alive()))
                }
                Launcher::This => false,
            };
            cloud.terminate(&id2).await.map_err(|error| {
                let hints = error.hints.iter().fold(String::new(), |all, hint| format!("{all}; {}", hint.0));
                format!("{}{hints}; it ends itself when its lease runs out", crate::diag::chain(&error))
            })?;
            let _ = ctx2.emit(EventKind::MachineEnded { machine: id2, provider, already }).await;
            Ok(())
        })
    })
}

/// Adds the finalisers that end what earlier processes of the job launched and were not seen to end.
///
/// # Errors
/// When a provider is not set up.
pub fn end_launched(ctx: &JobContext, world: &World, prior: &Prior) -> Result<(), Failure> {
    for machine in &prior.launched {
        let known = Arc::new(Mutex::new(machine.id.clone()));
        end_known_later(ctx, &world.cloud(machine.provider)?, &machine.asked, known, Launcher::Earlier);
    }
    Ok(())
}

/// How long a machine that is launched now may live with no client: no longer than the job's cap pays for it.
async fn first_lease(ctx: &JobContext, world: &World, length: Duration) -> Result<Duration, Failure> {
    let until = match &world.purse {
        Some(purse) => purse.lasts_with_one_more().await,
        None => None,
    };
    let kept = paid(until, length, Timestamp::now());
    if kept < length {
        let span = words::span(kept);
        ctx.note(format!("its lease is {span} at first: its cap pays for no more")).await?;
    }
    Ok(kept)
}

/// Launches a machine for this job, or finds the one that an earlier process of the job launched.
pub(super) async fn launch_for_job(
    ctx: &JobContext,
    world: &World,
    provider: ProviderKind,
    wanted: Wanted,
) -> Result<Launched, Failure> {
    let cloud = world.cloud(provider)?;
    let asked = wanted.id;
    ctx.emit(EventKind::Launching { machine: asked.clone(), provider }).await?;
    let known = Arc::new(Mutex::new(asked.clone()));
    let finaliser = end_known_later(ctx, &cloud, &asked, Arc::clone(&known), Launcher::This);
    let request = LaunchRequest {
        machine: asked.clone(),
        job: ctx.job().clone(),
        image: wanted.image,
        lease: Lease::starting(Timestamp::now(), first_lease(ctx, world, wanted.lease).await?),
        purpose: wanted.purpose.to_owned(),
        spare_disk: wanted.spare_disk,
        for_image: wanted.for_image,
        wish: wanted.wish,
    };
    let machine = cloud.launch(&request).await.map_err(fail)?;
    known.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&machine.id);
    ctx.emit(EventKind::Launched {
        asked,
        machine: machine.id.clone(),
        provider,
        instance_type: machine.cloud.as_ref().map(|cloud| cloud.instance_type.clone()),
        region: machine.cloud.as_ref().map(|cloud| cloud.region.clone()),
        bill: Some(Box::new(Bill::of(&world.prices, &machine))),
        owner: cloud.owner(),
        lease: machine.lease.map(Lease::ends),
    })
    .await?;
    Ok(Launched { machine, finaliser })
}

/// The image that was made last, in a cloud that of the wished distribution; none where there is none.
async fn newest_image(ctx: &JobContext, world: &World, spec: &LaunchSpec) -> Result<Option<ImageName>, Failure> {
    let cloud = world.cloud(spec.provider)?;
    let (newest, command) = if bake::in_cloud(spec.provider) {
        let distro = Distro::wished(spec.wish.distro.as_deref()).map_err(fail)?;
        let command = bake::bootstrap_command(spec.provider, distro, spec.wish.region.as_ref());
        // one that is still being made, or lies in another region, cannot be launched from
        (bake::family(&*cloud, distro).await?.into_iter().next(), command)
    } else {
        let images = cloud.images().await.whole().map_err(fail)?;
        (images.into_iter().max_by_key(|image| image.created), "hga bootstrap-linux-dev".to_owned())
    };
    let newest = newest.map(|image| image.name);
    if let Some(name) = &newest {
        ctx.note(format!("from image `{name}`, the newest")).await?;
    } else {
        ctx.warn(format!("there is no image yet, so the machine is bare; `{command}` makes one")).await?;
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
    let image = match &spec.image {
        Some(name) => Some(name.clone()),
        None => newest_image(&ctx, &world, &spec).await?,
    };
    let transport = spec.wish.transport;
    let fit = if image.is_some() { Fit::Whole } else { Fit::Bare };
    let wanted = Wanted {
        id,
        image,
        lease: spec.lease,
        purpose: "launch",
        spare_disk: false,
        for_image: false,
        wish: spec.wish,
    };
    let launch = launch_for_job(&ctx, &world, spec.provider, wanted);
    let launched = ctx.until_stopped(ctx.phase(Phase::Launch, launch)).await??;
    let ready = async {
        let machine = wait_ready(&ctx, &world, launched.machine, transport).await?;
        let machine = take_over(&ctx, &world, machine, fit).await?;
        if world.purse.is_some() {
            // nobody renews it from now on, and what it costs is known now
            set_lease(&world, &machine, spec.lease).await?;
        }
        Ok(machine)
    };
    let machine = ctx.until_stopped(ctx.phase(Phase::Ready, ready)).await??;
    ctx.disarm(launched.finaliser);
    ctx.keep(machine.id, machine.provider);
    Ok(WorkVerdict::Done)
}
