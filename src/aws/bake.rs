//! Making an AMI of a machine.

use super::client::Clients;
use super::convert::{self, Me, View};
use super::error::told;
use super::launch::{self, VERSION};
use crate::cloud::{Error, ErrorKind, ImageRequest, Result};
use crate::domain::{Image, MachineId, Region, Resource, tag};
use aws_sdk_ec2::types as ec2;
use std::time::Duration;
use tokio::time::Instant;

/// How long EC2 may take to copy a machine's disks.
const LIMIT: Duration = Duration::from_secs(45 * 60);

/// How long EC2 may not yet show an image that it has begun.
const UNSEEN: Duration = Duration::from_secs(60);

/// Makes an image and waits until it can be launched from. One that an earlier call with the same name began is waited for.
/// One that EC2 fails to make is taken away.
pub(super) async fn create(
    clients: &Clients,
    me: Me<'_>,
    region: &Region,
    instance: &MachineId,
    request: &ImageRequest,
) -> Result<Resource> {
    let id = match named(clients, me, region, request).await? {
        Some(id) => id,
        None => match begin(clients, me, region, instance, request).await {
            // a call whose answer was lost has begun it
            Err(error) if error.message.contains("InvalidAMIName.Duplicate") => {
                shown_at_last(clients, me, region, request).await?.ok_or(error)?
            }
            begun => begun?,
        },
    };
    let since = Instant::now();
    let mut pause = Duration::from_millis(250);
    loop {
        let answer = clients.ec2(region).await.describe_images().image_ids(&id).send().await;
        let image = match answer.map_err(|error| told(&format!("look at image {id}"), error)) {
            Ok(answer) => answer.images.unwrap_or_default().into_iter().next(),
            // not yet known everywhere
            Err(error) if error.kind == ErrorKind::NotFound && since.elapsed() < UNSEEN => None,
            // it goes on without us, and the next look may be answered
            Err(error)
                if matches!(error.kind, ErrorKind::Throttled | ErrorKind::Unreachable) && since.elapsed() < LIMIT =>
            {
                tracing::warn!("{}", crate::diag::chain(&error));
                None
            }
            Err(error) => return Err(error),
        };
        let state = image.as_ref().and_then(|image| image.state().cloned());
        match (image, state) {
            (Some(image), Some(ec2::ImageState::Available)) => {
                let view = View { me, region };
                return convert::image(view, &image, &convert::Uses::new())
                    .ok_or_else(|| Error::new(ErrorKind::Other, format!("image {id} has no id")));
            }
            (Some(image), Some(ec2::ImageState::Failed | ec2::ImageState::Error | ec2::ImageState::Invalid)) => {
                let why = image.state_reason().and_then(|reason| reason.message()).unwrap_or("no reason given");
                let message = format!("EC2 could not make image `{}`: {why}", request.name);
                let call = clients.ec2(region).await.deregister_image().image_id(&id);
                if let Err(error) = call.delete_associated_snapshots(true).send().await {
                    let error = told(&format!("remove image {id}, which failed"), error);
                    return Err(Error::new(ErrorKind::Other, format!("{message}; {error}")));
                }
                return Err(Error::new(ErrorKind::Other, message));
            }
            _ if since.elapsed() > LIMIT => {
                let message =
                    format!("image `{}` ({id}) is not ready after {} min", request.name, LIMIT.as_secs() / 60);
                return Err(Error::new(ErrorKind::Other, message)
                    .hint("`hga images list --provider aws` tells when it is; it is used from then on"));
            }
            _ => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

/// The image of that name, if it is mine and was made from the same.
async fn named(clients: &Clients, me: Me<'_>, region: &Region, request: &ImageRequest) -> Result<Option<String>> {
    let name = request.name.as_str();
    let filter = ec2::Filter::builder().name("name").values(name).build();
    let answer = clients.ec2(region).await.describe_images().owners("self").filters(filter).send().await;
    let answer = answer.map_err(|error| told(&format!("look for image `{name}`"), error))?;
    let Some(image) = answer.images.unwrap_or_default().into_iter().next() else { return Ok(None) };
    let tags = convert::tags(image.tags.as_deref());
    let same =
        tags.get(tag::FINGERPRINT) == Some(request.fingerprint.as_str()) && tags.get(tag::OWNER) == Some(me.owner);
    if same {
        return Ok(image.image_id);
    }
    Err(Error::new(ErrorKind::Conflict, format!("there is another image `{name}` in `{region}` already")))
}

/// The same once EC2 shows it.
async fn shown_at_last(
    clients: &Clients,
    me: Me<'_>,
    region: &Region,
    request: &ImageRequest,
) -> Result<Option<String>> {
    let since = Instant::now();
    loop {
        let found = named(clients, me, region, request).await?;
        if found.is_some() || since.elapsed() > UNSEEN {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

async fn begin(
    clients: &Clients,
    me: Me<'_>,
    region: &Region,
    instance: &MachineId,
    request: &ImageRequest,
) -> Result<String> {
    let name = request.name.as_str();
    let inputs = Image::inputs_tag(&request.inputs);
    let pairs = [
        (tag::NAME, name),
        (tag::OWNER, me.owner),
        (tag::VERSION, VERSION),
        (tag::FINGERPRINT, request.fingerprint.as_str()),
        (tag::INPUTS, inputs.as_str()),
    ];
    let answer = clients
        .ec2(region)
        .await
        .create_image()
        .instance_id(instance.as_str())
        .name(name)
        .description("A machine for Mercurial's tests, made by hga")
        // the machine is started anew in between, so that its disks are whole
        .no_reboot(false)
        .tag_specifications(launch::tags(ec2::ResourceType::Image, &pairs))
        .tag_specifications(launch::tags(ec2::ResourceType::Snapshot, &pairs))
        .send()
        .await;
    let answer = answer.map_err(|error| told(&format!("make image `{name}` of {instance}"), error))?;
    answer.image_id.ok_or_else(|| Error::new(ErrorKind::Other, "EC2's answer names no image"))
}
