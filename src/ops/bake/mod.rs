//! Making development images: of this computer's machines, and of a cloud's distributions. Also the verb
//! `bootstrap-linux-dev`.

mod cloud;
mod local;
mod machine;
mod retain;

pub(super) use cloud::{bootstrap_command, family, image_of_cloud};
pub(super) use local::{end_bake_machine, ensure_image};

use super::source;
use super::world::{Prior, World, fail};
use crate::domain::{BootstrapSpec, Distro, Fingerprint, Image, Phase, ProviderKind, WorkVerdict};
use crate::engine::{Failure, JobContext};
use cloud::Order;

/// Whether images are made of distributions there, on machines that cost.
pub(super) fn in_cloud(provider: ProviderKind) -> bool {
    provider == ProviderKind::Aws
}

/// `bootstrap-linux-dev`.
///
/// # Errors
/// Whatever keeps an image from being made; of several the others are made all the same.
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
        let distros = distros(&spec.distros)?;
        let source = ctx.phase(Phase::Source, source::find(&ctx, &world, &spec.source, spec.rev())).await?;
        let images = ctx
            .phase(Phase::Image, async {
                if in_cloud(spec.provider) {
                    let order = Order::of(&spec);
                    return cloud::make_images(&ctx, &world, &source, &order, &distros, spec.parallel).await;
                }
                let made = ensure_image(&ctx, &world, &source, spec.provider, spec.lease, spec.rebuild).await?;
                Ok(vec![made.0])
            })
            .await?;
        for image in images {
            ctx.note(is_current(&image)).await?;
        }
        Ok(WorkVerdict::Done)
    })
    .await?
}

fn is_current(image: &Image) -> String {
    let fingerprint = image.fingerprint.as_ref().map_or("no fingerprint", Fingerprint::short);
    match &image.id {
        Some(id) => format!("image `{}` is current ({id}, {fingerprint})", image.name),
        None => format!("image `{}` is current ({fingerprint})", image.name),
    }
}

/// The distributions of these names, each once; all of them when none is named.
fn distros(names: &[String]) -> Result<Vec<&'static Distro>, Failure> {
    if names.is_empty() {
        return Ok(Distro::all().iter().collect());
    }
    let mut all: Vec<&Distro> = Vec::new();
    for name in names {
        let distro = Distro::find(name).map_err(fail)?;
        if !all.contains(&distro) {
            all.push(distro);
        }
    }
    Ok(all)
}
