//! Making the development image: a bare machine, the bootstrap script on it, the source pushed to it, an image of it,
//! and the machine's end. The same steps whoever provides the machine. Also the verb `bootstrap-linux-dev`.

use super::launch::{Wanted, launch_for_job};
use super::ready::{Fit, leased, take_over, wait_ready};
use super::source::{self, Source};
use super::stream::{JobSink, Ran, follow};
use super::world::{Prior, World, fail, last_line};
use crate::cloud::ImageRequest;
use crate::domain::{
    BootstrapSpec, CloudWish, Fingerprint, Image, ImageName, Layout, MachineId, Phase, ProviderKind, RunId,
    Transport, WorkVerdict,
};
use crate::engine::{Failure, FinaliserId, JobContext};
use crate::event::EventKind;
use crate::mercurial::{self, LOCAL_BOOTSTRAP, bootstrap_environment, bootstrap_inputs};
use crate::remote::spool::{RunSpec, Spool, Started};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the development image of a repository is called. Repositories without a common history have images of their
/// own, so that testing one does not make the other's image stale.
///
/// # Errors
/// When `first_node` is no node.
pub fn image_name(first_node: &str) -> Result<ImageName, Failure> {
    let short = first_node.get(..8).unwrap_or(first_node);
    ImageName::new(format!("hg-linux-dev-local-{short}")).map_err(|error| Failure::from_plain(&error))
}

/// What the development image of a repository is made from.
#[must_use]
pub fn image_inputs(first_node: &str) -> BTreeMap<String, String> {
    let mut inputs = bootstrap_inputs();
    inputs.insert("repository".to_owned(), first_node.to_owned());
    inputs
}

/// Finds the current image for a source, or makes it; then the machine it was made on is still there, with the
/// finaliser that ends it.
pub(super) async fn ensure_image(
    ctx: &JobContext,
    world: &World,
    source: &Source,
    provider: ProviderKind,
    lease: Duration,
    rebuild: bool,
) -> Result<(Image, Option<FinaliserId>), Failure> {
    let cloud = world.cloud(provider)?;
    let first = source.repo.first_node().await.map_err(fail)?;
    let name = image_name(&first)?;
    let inputs = image_inputs(&first);
    let fingerprint = Fingerprint::of(&inputs);
    let images = cloud.images().await.whole().map_err(fail)?;
    if let Some(image) = images.into_iter().find(|image| image.name == name) {
        if image.fingerprint.as_ref() == Some(&fingerprint) && !rebuild {
            return Ok((image, None));
        }
        let changed: Vec<_> = inputs
            .iter()
            .filter(|(key, value)| image.inputs.get(*key) != Some(value))
            .map(|(key, _)| key.as_str())
            .collect();
        let why = if changed.is_empty() { "asked to".to_owned() } else { format!("changed: {}", changed.join(", ")) };
        ctx.note(format!("making image `{name}` anew ({why})")).await?;
    } else {
        ctx.note(format!("making image `{name}`; this is done once")).await?;
    }

    let id = bake_machine(ctx);
    let wanted = Wanted {
        id,
        image: None,
        lease,
        purpose: "bootstrap-linux-dev",
        spare_disk: false,
        wish: CloudWish::default(),
    };
    let launched = launch_for_job(ctx, world, provider, wanted).await?;
    let machine = wait_ready(ctx, world, launched.machine, Transport::default()).await?;
    let machine = take_over(ctx, world, machine, Fit::Bare).await?;
    let image = leased(world, &machine, lease, async {
        let shell = world.shell(&machine)?;
        let run = RunId::for_job(ctx.job(), "bootstrap");
        let mut env = bootstrap_environment();
        env.push(("HGDEV".to_owned(), machine.layout.hgdev.clone()));
        let spec =
            RunSpec { run: run.clone(), line: LOCAL_BOOTSTRAP.to_owned(), cwd: machine.layout.hgwork.clone(), env };
        let started = Spool::new(&*shell, machine.layout.spool()).start(&spec).await.map_err(fail)?;
        if started == Started::New && world.folders.image_log.exists() {
            // what an earlier machine of this job said is no part of this one's output, from whose start we read
            tokio::fs::remove_file(&world.folders.image_log).await.map_err(|error| Failure::from_plain(&error))?;
        }
        let sink = JobSink::steps(ctx, &world.folders.image_log)?;
        match follow(ctx, world, &machine, &run, lease, sink).await? {
            Ran::Ended(0) => {}
            Ran::Ended(status) => {
                return Err(Failure::new(format!(
                    "the bootstrap script ended with status {status}: {}",
                    last_line(&world.folders.image_log)
                ))
                .hint(format!("all it said is in `{}`", world.folders.image_log.display())));
            }
            Ran::Lost(why) => return Err(Failure::new(why)),
        }
        // the image's clone is `src` below hgdev as the work clone is below hgwork
        let template = Layout { hgwork: machine.layout.hgdev.clone(), ..machine.layout.clone() };
        super::sync::push(ctx, world, &machine, source, &template).await?;
        // copies of the image then start with the files in place
        mercurial::update(&*shell, &template, &source.revision.node).await.map_err(fail)?;
        cloud
            .create_image(&ImageRequest { machine: machine.id.clone(), name, inputs, fingerprint })
            .await
            .map_err(fail)
    })
    .await?;
    Ok((image, Some(launched.finaliser)))
}

/// The machine that a job makes its image on.
pub(super) fn bake_machine(ctx: &JobContext) -> MachineId {
    // a machine's id with six letters more is still one
    let id = MachineId::for_job(ctx.job());
    MachineId::new(format!("{id}-image")).unwrap_or(id)
}

/// Ends the machine an image was made on, be it by an earlier process of the job; the finaliser does the same where
/// this was not reached.
pub(super) async fn end_bake_machine(
    ctx: &JobContext,
    world: &World,
    provider: ProviderKind,
    finaliser: Option<FinaliserId>,
) -> Result<(), Failure> {
    let machine = bake_machine(ctx);
    let cloud = world.cloud(provider)?;
    if cloud.machine(&machine).await.map_err(fail)?.is_some() {
        ctx.emit(EventKind::MachineEnding { machine: machine.clone(), provider }).await?;
        cloud.terminate(&machine).await.map_err(fail)?;
        ctx.emit(EventKind::MachineEnded { machine, provider }).await?;
    }
    if let Some(finaliser) = finaliser {
        ctx.disarm(finaliser);
    }
    Ok(())
}

/// `bootstrap-linux-dev`.
///
/// # Errors
/// Whatever keeps the image from being made.
pub async fn bootstrap_linux(
    ctx: JobContext,
    world: World,
    prior: Prior,
    spec: BootstrapSpec,
) -> Result<WorkVerdict, Failure> {
    if prior.only_clean_up {
        return Err(Failure::Interrupted);
    }
    ctx.until_stopped(async {
        let source = ctx.phase(Phase::Source, source::find(&ctx, &world, &spec.source, spec.rev())).await?;
        let (image, _) = ctx
            .phase(Phase::Image, ensure_image(&ctx, &world, &source, spec.provider, spec.lease, spec.rebuild))
            .await?;
        ctx.note(format!(
            "image `{}` is current ({})",
            image.name,
            image.fingerprint.as_ref().map_or("no fingerprint", Fingerprint::short)
        ))
        .await?;
        Ok(WorkVerdict::Done)
    })
    .await?
}
