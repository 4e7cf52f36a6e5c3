//! Which AMI a machine is launched from: one of ours by its name, id or family, or a distribution's newest.

use crate::aws::client::Clients;
use crate::aws::error::told;
use crate::cloud::{Error, ErrorKind, Result};
use crate::domain::{Distro, ImageName, Region};
use aws_sdk_ec2::types as ec2;

/// What of an image matters to a launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    /// Its id.
    pub(super) id: String,
    /// Its name.
    pub(super) name: Option<ImageName>,
    /// What its root volume is called.
    pub(super) root: String,
    /// The size of that in GiB, as small as it may be.
    pub(super) size: i32,
}

fn base(image: &ec2::Image) -> Option<Base> {
    let root = image.root_device_name().unwrap_or("/dev/xvda").to_owned();
    let disk = image.block_device_mappings().iter().find(|mapping| mapping.device_name() == Some(root.as_str()));
    let size = disk.and_then(|mapping| mapping.ebs()?.volume_size()).unwrap_or(0);
    let name = image.name().and_then(|name| ImageName::new(name).ok());
    Some(Base { id: image.image_id()?.to_owned(), name, root, size })
}

/// The image that was made last.
fn newest(images: Vec<ec2::Image>) -> Option<Base> {
    let newest = images.into_iter().max_by(|a, b| a.creation_date().cmp(&b.creation_date()))?;
    base(&newest)
}

async fn by_id(clients: &Clients, region: &Region, id: &str) -> Result<Option<Base>> {
    let answer = clients.ec2(region).await.describe_images().image_ids(id).send().await;
    match answer.map_err(|error| told(&format!("look at image {id} in `{region}`"), error)) {
        Ok(answer) => Ok(answer.images.and_then(newest)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// An image of this account: by its id, by its name, or the newest of a family, whose names go on with `-`.
///
/// # Errors
/// `NotFound`, with what can be done.
pub(super) async fn ours(clients: &Clients, region: &Region, name: &ImageName) -> Result<Base> {
    let none = || {
        Error::new(ErrorKind::NotFound, format!("there is no image `{name}` in `{region}`"))
            .hint("`hga images list --provider aws` shows those there are, `hga bootstrap-linux-dev --provider aws` makes one")
    };
    if name.as_str().starts_with("ami-") {
        return by_id(clients, region, name.as_str()).await?.ok_or_else(none);
    }
    let names = ec2::Filter::builder().name("name").values(name.as_str()).values(format!("{name}-*")).build();
    let good = ec2::Filter::builder().name("state").values("available").build();
    let client = clients.ec2(region).await;
    let answer = client.describe_images().owners("self").filters(names).filters(good).send().await;
    let images = answer.map_err(|error| told(&format!("look for image `{name}` in `{region}`"), error))?;
    let mut images = images.images.unwrap_or_default();
    if let Some(exact) = images.iter().position(|image| image.name() == Some(name.as_str())) {
        return base(&images.swap_remove(exact)).ok_or_else(none);
    }
    newest(images).ok_or_else(none)
}

/// The newest image of a distribution: by the public parameters that its makers keep, else by owner and name.
///
/// # Errors
/// `NotFound` when the region has none; what the services say.
pub(super) async fn of_distro(clients: &Clients, region: &Region, distro: &Distro) -> Result<Base> {
    let parameters = clients.ssm(region).await;
    for name in &distro.parameters {
        let answer = parameters.get_parameter().name(name).send().await;
        match answer {
            Ok(answer) => {
                let id = answer.parameter.and_then(|parameter| parameter.value).unwrap_or_default();
                if let Some(base) = by_id(clients, region, &id).await? {
                    return Ok(base);
                }
            }
            // one that is not there, or may not be read, is no reason not to look by name
            Err(error) => {
                let error = told(&format!("read parameter `{name}`"), error);
                if error.kind == ErrorKind::Credentials {
                    return Err(error);
                }
                tracing::debug!("{}", crate::diag::chain(&error));
            }
        }
    }
    let names = ec2::Filter::builder().name("name").values(&distro.pattern).build();
    let good = ec2::Filter::builder().name("state").values("available").build();
    let client = clients.ec2(region).await;
    let answer = client.describe_images().owners(&distro.owner).filters(names).filters(good).send().await;
    let images = answer.map_err(|error| told(&format!("look for {} in `{region}`", distro.title), error))?;
    newest(images.images.unwrap_or_default()).ok_or_else(|| {
        let message = format!("there is no image of {} in `{region}`", distro.title);
        Error::new(ErrorKind::NotFound, message)
            .hint(format!("looked for `{}` of account {}", distro.pattern, distro.owner))
    })
}
