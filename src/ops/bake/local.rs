//! The image of this computer's machines: a bare machine, the bootstrap script on it, the source pushed to it, an image
//! of it, and the machine's end.

use super::machine::{push_source, run_to_end};
use crate::cloud::ImageRequest;
use crate::domain::{CloudWish, Fingerprint, Image, ImageName, MachineId, ProviderKind, RunId, Transport};
use crate::engine::{Failure, FinaliserId, JobContext};
use crate::event::EventKind;
use crate::mercurial::{LOCAL_BOOTSTRAP, bootstrap_environment, bootstrap_inputs};
use crate::ops::launch::{Wanted, launch_for_job};
use crate::ops::ready::{leased, wait_ready};
use crate::ops::source::Source;
use crate::ops::world::{World, fail};
use crate::remote::spool::RunSpec;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the development image of a repository is called. Repositories without a common history have images of their
/// own, so that testing one does not make the other's image stale.
fn image_name(first_node: &str) -> Result<ImageName, Failure> {
    let short = first_node.get(..8).unwrap_or(first_node);
    ImageName::new(format!("hg-linux-dev-local-{short}")).map_err(|error| Failure::from_plain(&error))
}

/// What the development image of a repository is made from.
fn image_inputs(first_node: &str) -> BTreeMap<String, String> {
    let mut inputs = bootstrap_inputs();
    inputs.insert("repository".to_owned(), first_node.to_owned());
    inputs
}

/// Finds the current image for a source, or makes it; then the machine it was made on is still there, with the
/// finaliser that ends it.
pub(in crate::ops) async fn ensure_image(
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
        for_image: true,
        wish: CloudWish::default(),
    };
    let launched = launch_for_job(ctx, world, provider, wanted).await?;
    let machine = wait_ready(ctx, world, launched.machine, Transport::default()).await?;
    let image = leased(world, &machine, lease, async {
        let run = RunId::for_job(ctx.job(), "bootstrap");
        let mut env = bootstrap_environment();
        env.push(("HGDEV".to_owned(), machine.layout.hgdev.clone()));
        let spec = RunSpec { run, line: LOCAL_BOOTSTRAP.to_owned(), cwd: machine.layout.hgwork.clone(), env };
        let log = &world.folders.image_log;
        run_to_end(ctx, world, &machine, &spec, lease, "", "the bootstrap script", log).await?;
        push_source(ctx, world, &machine, source).await?;
        cloud
            .create_image(&ImageRequest { machine: machine.id.clone(), name, inputs, fingerprint })
            .await
            .map_err(fail)
    })
    .await?;
    Ok((image, Some(launched.finaliser)))
}

/// The machine that a job makes its image on.
fn bake_machine(ctx: &JobContext) -> MachineId {
    // a machine's id with six letters more is still one
    let id = MachineId::for_job(ctx.job());
    MachineId::new(format!("{id}-image")).unwrap_or(id)
}

/// Ends the machine an image was made on, be it by an earlier process of the job; the finaliser does the same where
/// this was not reached.
pub(in crate::ops) async fn end_bake_machine(
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
        ctx.emit(EventKind::MachineEnded { machine, provider, already: false }).await?;
    }
    if let Some(finaliser) = finaliser {
        ctx.disarm(finaliser);
    }
    Ok(())
}
