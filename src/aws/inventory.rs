//! All that a region holds, and all that IAM holds: every page, the calls side by side.

use super::client::Clients;
use super::convert::{self, Me, Uses, View};
use super::error::told;
use crate::cloud::Result;
use crate::domain::{Claim, Image, Machine, Region, Resource, ResourceKind, ResourceRef, Tags, ours, tag};
use aws_sdk_ec2::types as ec2;
use futures::future::try_join_all;
use std::collections::BTreeMap;

/// The most that EC2 puts into one page.
const PAGE: i32 = 1000;

/// What a region holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub(super) resources: Vec<Resource>,
    /// What its machines use that is not in it: profiles, by name.
    pub(super) profiles: BTreeMap<String, Vec<ResourceRef>>,
    pub(super) account: Option<String>,
}

/// Every machine of a region, as EC2 describes it, and the account they are in.
async fn instances(clients: &Clients, region: &Region) -> Result<(Vec<ec2::Instance>, Option<String>)> {
    let mut pages = clients.ec2(region).await.describe_instances().into_paginator().page_size(PAGE).send();
    let mut all = Vec::new();
    let mut account = None;
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| told(&format!("list machines in `{region}`"), error))?;
        for reservation in page.reservations.unwrap_or_default() {
            account = account.or(reservation.owner_id);
            all.extend(reservation.instances.unwrap_or_default());
        }
    }
    Ok((all, account))
}

/// Every machine of a region, and the account they are in.
pub(super) async fn machines(
    clients: &Clients,
    me: Me<'_>,
    region: &Region,
) -> Result<(Vec<Machine>, Option<String>)> {
    let (instances, account) = instances(clients, region).await?;
    let view = View { me, region };
    Ok((instances.iter().filter_map(|instance| convert::machine(view, instance)).collect(), account))
}

/// Every machine of a region with its volumes, and the account they are in.
pub(super) async fn machines_and_volumes(
    clients: &Clients,
    me: Me<'_>,
    region: &Region,
) -> Result<(Vec<Resource>, Option<String>)> {
    let ((instances, account), volumes) = tokio::try_join!(instances(clients, region), volumes(clients, region))?;
    let view = View { me, region };
    let mut all = machine_resources(view, &instances);
    add_volumes(view, &instances, &volumes, &mut all);
    Ok((all, account))
}

fn machine_resources(view: View<'_>, instances: &[ec2::Instance]) -> Vec<Resource> {
    let machines = instances.iter().filter_map(|instance| convert::machine(view, instance));
    machines.map(|machine| machine.resource()).collect()
}

/// Adds volumes to the machines they may be on.
fn add_volumes(view: View<'_>, instances: &[ec2::Instance], volumes: &[ec2::Volume], all: &mut Vec<Resource>) {
    let ends = instances.iter().flat_map(convert::ends_with).collect();
    let claims: BTreeMap<String, Claim> =
        all.iter().map(|known| (known.at.id.clone(), known.claim.clone())).collect();
    let volumes = volumes.iter().filter_map(|one| convert::volume(view, one, &ends, |machine| claims.get(machine)));
    all.extend(volumes.collect::<Vec<_>>());
}

/// The images of this account in a region.
async fn own_images(clients: &Clients, region: &Region) -> Result<Vec<ec2::Image>> {
    let client = clients.ec2(region).await;
    let mut pages =
        client.describe_images().owners("self").include_disabled(true).into_paginator().page_size(PAGE).send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| told(&format!("list images in `{region}`"), error))?;
        all.extend(page.images.unwrap_or_default());
    }
    Ok(all)
}

/// An image, and what it was made from as far as its tag tells.
pub(super) type Made = (Resource, BTreeMap<String, String>);

/// The images of this account in a region, in our words.
pub(super) async fn images(clients: &Clients, me: Me<'_>, region: &Region) -> Result<Vec<Made>> {
    let (images, view) = (own_images(clients, region).await?, View { me, region });
    let made = |image: &ec2::Image| {
        let inputs = convert::tags(image.tags.as_deref()).get(tag::INPUTS).map(Image::inputs_of_tag);
        Some((convert::image(view, image, &Uses::new())?, inputs.unwrap_or_default()))
    };
    Ok(images.iter().filter_map(made).collect())
}

async fn snapshots(clients: &Clients, region: &Region) -> Result<Vec<ec2::Snapshot>> {
    let client = clients.ec2(region).await;
    let mut pages = client.describe_snapshots().owner_ids("self").into_paginator().page_size(PAGE).send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| told(&format!("list snapshots in `{region}`"), error))?;
        all.extend(page.snapshots.unwrap_or_default());
    }
    Ok(all)
}

async fn volumes(clients: &Clients, region: &Region) -> Result<Vec<ec2::Volume>> {
    let mut pages = clients.ec2(region).await.describe_volumes().into_paginator().page_size(PAGE).send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| told(&format!("list volumes in `{region}`"), error))?;
        all.extend(page.volumes.unwrap_or_default());
    }
    Ok(all)
}

pub(super) async fn groups(clients: &Clients, region: &Region) -> Result<Vec<ec2::SecurityGroup>> {
    let mut pages = clients.ec2(region).await.describe_security_groups().into_paginator().page_size(PAGE).send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| told(&format!("list security groups in `{region}`"), error))?;
        all.extend(page.security_groups.unwrap_or_default());
    }
    Ok(all)
}

/// EC2 gives all key pairs in one answer.
async fn key_pairs(clients: &Clients, region: &Region) -> Result<Vec<ec2::KeyPairInfo>> {
    let answer = clients.ec2(region).await.describe_key_pairs().send().await;
    let answer = answer.map_err(|error| told(&format!("list key pairs in `{region}`"), error))?;
    Ok(answer.key_pairs.unwrap_or_default())
}

/// All that a region holds.
pub(super) async fn region(clients: &Clients, me: Me<'_>, region: &Region) -> Result<Held> {
    let ((instances, account), images, snapshots, volumes, groups, pairs) = tokio::try_join!(
        instances(clients, region),
        own_images(clients, region),
        snapshots(clients, region),
        volumes(clients, region),
        groups(clients, region),
        key_pairs(clients, region),
    )?;
    let view = View { me, region };
    let mut uses = Uses::new();
    for instance in &instances {
        convert::note_uses(region, instance, &mut uses);
    }
    for image in &images {
        let user = image.image_id().map(|id| convert::reference(ResourceKind::Image, Some(region), id));
        for snapshot in convert::snapshots_of(image) {
            uses.entry(snapshot.to_owned()).or_default().extend(user.clone());
        }
    }
    // a group that another one's rules name cannot go before that
    for group in &groups {
        let user = group.group_id().map(|id| convert::reference(ResourceKind::Group, Some(region), id));
        let rules = group.ip_permissions().iter().chain(group.ip_permissions_egress());
        for named in rules.flat_map(ec2::IpPermission::user_id_group_pairs).filter_map(ec2::UserIdGroupPair::group_id)
        {
            if Some(named) != group.group_id() {
                uses.entry(named.to_owned()).or_default().extend(user.clone());
            }
        }
    }
    let account = account.or_else(|| groups.iter().find_map(|group| group.owner_id().map(str::to_owned)));

    let mut resources = machine_resources(view, &instances);
    resources.extend(images.iter().filter_map(|image| convert::image(view, image, &uses)));
    let claims: BTreeMap<String, Claim> =
        resources.iter().map(|known| (known.at.id.clone(), known.claim.clone())).collect();
    let part = |id: &str| claims.get(id).map(|claim| (id.to_owned(), claim));
    for one in &snapshots {
        let user = one.snapshot_id().and_then(|id| uses.get(id)).and_then(|users| users.first());
        let said = one.description().and_then(convert::made_for);
        let whole = user
            .and_then(|image| part(&image.id))
            .or_else(|| said.and_then(|(machine, image)| part(image).or_else(|| part(machine))));
        let whole = whole.as_ref().map(|(id, claim)| (id.as_str(), *claim));
        resources.extend(convert::snapshot(view, one, whole, &uses));
    }
    add_volumes(view, &instances, &volumes, &mut resources);
    resources.extend(groups.iter().filter_map(|group| convert::group(view, group, &uses)));
    resources.extend(pairs.iter().filter_map(|pair| convert::key_pair(view, pair, &uses)));
    let profiles =
        uses.into_iter().filter_map(|(what, users)| Some((what.strip_prefix("profile/")?.to_owned(), users)));
    Ok(Held { resources, profiles: profiles.collect(), account })
}

/// The roles and profiles whose names begin as ours do; an account may have hundreds of others. `used` tells which machines
/// use which profiles.
pub(super) async fn identities(
    clients: &Clients,
    me: Me<'_>,
    used: &BTreeMap<String, Vec<ResourceRef>>,
) -> Result<Vec<Resource>> {
    let client = clients.iam().await;
    let begins = |name: &str| name.starts_with(ours::PREFIX);
    let roles = async {
        let mut pages = client.list_roles().into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| told("list roles", error))?;
            all.extend(page.roles.into_iter().filter(|role| begins(role.role_name())));
        }
        try_join_all(all.into_iter().map(async |role| {
            // the list itself has no tags
            let answer = client.list_role_tags().role_name(role.role_name()).send().await;
            let answer = answer.map_err(|error| told("read a role's tags", error))?;
            let tags: Tags = answer.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
            Ok((role, tags))
        }))
        .await
    };
    let profiles = async {
        let mut pages = client.list_instance_profiles().into_paginator().send();
        let mut all = Vec::new();
        // a role of ours may be in anybody's profile
        let mut holders: BTreeMap<String, Vec<ResourceRef>> = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| told("list instance profiles", error))?;
            for profile in page.instance_profiles {
                for role in profile.roles() {
                    let user = convert::reference(ResourceKind::Profile, None, profile.instance_profile_name());
                    holders.entry(role.role_name().to_owned()).or_default().push(user);
                }
                if begins(profile.instance_profile_name()) {
                    all.push(profile);
                }
            }
        }
        let all = try_join_all(all.into_iter().map(async |profile| {
            let name = profile.instance_profile_name();
            let answer = client.get_instance_profile().instance_profile_name(name).send().await;
            let answer = answer.map_err(|error| told("read a profile's tags", error))?;
            let tags = answer.instance_profile.and_then(|profile| profile.tags).unwrap_or_default();
            let tags: Tags = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
            Ok((profile, tags))
        }))
        .await?;
        Ok((all, holders))
    };
    let (roles, (profiles, holders)) = tokio::try_join!(roles, profiles)?;
    let mut all = Vec::new();
    for (profile, tags) in &profiles {
        let name = profile.instance_profile_name();
        let users = used.get(name).cloned().unwrap_or_default();
        all.push(convert::identity(me, ResourceKind::Profile, name, tags, profile.create_date(), users));
    }
    for (role, tags) in &roles {
        let name = role.role_name();
        let users = holders.get(name).cloned().unwrap_or_default();
        all.push(convert::identity(me, ResourceKind::Role, name, tags, role.create_date(), users));
    }
    Ok(all)
}

/// The machines of a region that use one of these profiles, each with the profile's name.
pub(super) async fn profile_users(
    clients: &Clients,
    region: &Region,
    names: &[String],
) -> Result<Vec<(String, ResourceRef)>> {
    let arns = names.iter().map(|name| format!("*/{name}")).collect();
    let filter = ec2::Filter::builder().name("iam-instance-profile.arn").set_values(Some(arns)).build();
    let client = clients.ec2(region).await;
    let mut pages = client.describe_instances().filters(filter).into_paginator().page_size(PAGE).send();
    let mut uses = Uses::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| told(&format!("list users of profiles in `{region}`"), error))?;
        let instances = page.reservations().iter().flat_map(ec2::Reservation::instances);
        instances.for_each(|instance| convert::note_uses(region, instance, &mut uses));
    }
    let users = names.iter().flat_map(|name| {
        let users = uses.remove(&format!("profile/{name}")).unwrap_or_default();
        users.into_iter().map(|user| (name.clone(), user))
    });
    Ok(users.collect())
}

/// The regions that the account may use.
pub(super) async fn regions(clients: &Clients, ask: &Region) -> Result<Vec<Region>> {
    let answer = clients.ec2(ask).await.describe_regions().all_regions(false).send().await;
    let answer = answer.map_err(|error| told("list regions", error))?;
    let names = answer.regions.unwrap_or_default().into_iter().filter_map(|region| region.region_name);
    Ok(names.filter_map(|name| Region::new(name).ok()).collect())
}
