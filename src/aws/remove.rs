//! Ending and removing: one kind of thing in one place at a time, in as few calls as can be. Whether something may go was
//! settled before; what is gone already is no error.

use super::client::Clients;
use super::error::told;
use crate::cloud::{Error, ErrorKind, Removed, Result};
use crate::domain::{Region, ResourceKind, ResourceRef};
use aws_sdk_ec2::types::InstanceStateName;
use aws_sdk_iam::types::InstanceProfile;
use futures::StreamExt as _;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream;

/// So many machines are ended with one call.
const BATCH: usize = 100;
/// So many calls go on side by side.
const ABREAST: usize = 8;

/// Ends or removes things of one kind and one region.
pub(super) async fn remove(clients: &Clients, things: &[ResourceRef]) -> Vec<Result<Removed>> {
    let Some(first) = things.first() else { return Vec::new() };
    if let (ResourceKind::Machine, Some(region)) = (first.kind, &first.region) {
        let ids: Vec<String> = things.iter().map(|thing| thing.id.clone()).collect();
        let batches: Vec<_> = ids.chunks(BATCH).map(|batch| terminate(clients, region, batch.to_vec())).collect();
        let outcomes: Vec<_> = stream::iter(batches).buffered(ABREAST).collect().await;
        return outcomes.into_iter().flatten().collect();
    }
    let calls: Vec<_> = things.iter().map(|thing| one(clients, thing).boxed()).collect();
    stream::iter(calls).buffered(ABREAST).collect().await
}

/// Ends machines with one call. EC2 ends none of them when one cannot be ended, or is gone: then each half is tried, down
/// to that one.
fn terminate<'a>(clients: &'a Clients, region: &'a Region, ids: Vec<String>) -> BoxFuture<'a, Vec<Result<Removed>>> {
    async move {
        let answer = clients.ec2(region).await.terminate_instances().set_instance_ids(Some(ids.clone())).send().await;
        let what = match ids.as_slice() {
            [id] => format!("end {id} in `{region}`"),
            ids => format!("end {} machines in `{region}`", ids.len()),
        };
        match answer {
            Ok(answer) => {
                let changes = answer.terminating_instances.unwrap_or_default();
                let each = ids.iter().map(|id| {
                    let change = changes.iter().find(|change| change.instance_id() == Some(id.as_str()));
                    let state = change.and_then(|change| change.current_state()).and_then(|state| state.name());
                    match state {
                        Some(InstanceStateName::Terminated) => Ok(Removed::Gone),
                        Some(InstanceStateName::ShuttingDown) => Ok(Removed::Going),
                        state => {
                            let state = state.map_or("not told", InstanceStateName::as_str);
                            let message = format!("could not end {id}: its state is {state} after the call");
                            Err(Error::new(ErrorKind::Other, message))
                        }
                    }
                });
                each.collect()
            }
            Err(error) => {
                let error = told(&what, error);
                let one_of_them = matches!(
                    error.kind,
                    ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Denied | ErrorKind::Other
                );
                match ids.as_slice() {
                    [_] if error.kind == ErrorKind::NotFound => vec![Ok(Removed::Gone)],
                    [id] if error.message.contains("OperationNotPermitted") => vec![Err(error.hint(format!(
                        "it is protected: `aws ec2 modify-instance-attribute --region {region} --instance-id {id} \
                         --no-disable-api-termination` takes that away"
                    )))],
                    [_] => vec![Err(error)],
                    _ if one_of_them => {
                        let (left, right) = ids.split_at(ids.len() / 2);
                        let (mut left, right) = tokio::join!(
                            terminate(clients, region, left.to_vec()),
                            terminate(clients, region, right.to_vec())
                        );
                        left.extend(right);
                        left
                    }
                    _ => ids
                        .iter()
                        .map(|_| {
                            let mut each = Error::new(error.kind, error.message.clone());
                            each.hints.clone_from(&error.hints);
                            Err(each)
                        })
                        .collect(),
                }
            }
        }
    }
    .boxed()
}

/// Removes one thing that is no machine.
async fn one(clients: &Clients, thing: &ResourceRef) -> Result<Removed> {
    let what = format!("remove {thing}");
    let result = match (&thing.region, thing.kind) {
        (Some(region), kind) => in_region(clients, region, kind, &thing.id, &what).await,
        (None, ResourceKind::Profile) => profile(clients, &thing.id, &what).await,
        (None, ResourceKind::Role) => role(clients, &thing.id, &what).await,
        (None, _) => Err(Error::new(ErrorKind::Unsupported, format!("could not {what}: it needs a region"))),
    };
    match result {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Removed::Gone),
        result => result.map(|()| Removed::Gone),
    }
}

async fn in_region(clients: &Clients, region: &Region, kind: ResourceKind, id: &str, what: &str) -> Result<()> {
    let client = clients.ec2(region).await;
    match kind {
        ResourceKind::Image => {
            client.deregister_image().image_id(id).send().await.map(drop).map_err(|error| told(what, error))
        }
        ResourceKind::Snapshot => {
            client.delete_snapshot().snapshot_id(id).send().await.map(drop).map_err(|error| told(what, error))
        }
        ResourceKind::Volume => {
            client.delete_volume().volume_id(id).send().await.map(drop).map_err(|error| told(what, error))
        }
        ResourceKind::Group => {
            client.delete_security_group().group_id(id).send().await.map(drop).map_err(|error| told(what, error))
        }
        ResourceKind::KeyPair if id.starts_with("key-") => {
            client.delete_key_pair().key_pair_id(id).send().await.map(drop).map_err(|error| told(what, error))
        }
        ResourceKind::KeyPair => {
            client.delete_key_pair().key_name(id).send().await.map(drop).map_err(|error| told(what, error))
        }
        ResourceKind::Machine | ResourceKind::Profile | ResourceKind::Role => {
            Err(Error::new(ErrorKind::Unsupported, format!("could not {what}")))
        }
    }
}

/// What holds something back may be gone by an answer that was lost; the thing itself is not gone for that.
fn gone_is_fine(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// A profile goes once it holds no role.
async fn profile(clients: &Clients, name: &str, what: &str) -> Result<()> {
    let client = clients.iam().await;
    let held = client.get_instance_profile().instance_profile_name(name).send().await;
    let held = held.map_err(|error| told(what, error))?;
    for role in held.instance_profile().map(InstanceProfile::roles).unwrap_or_default() {
        let call = client.remove_role_from_instance_profile().instance_profile_name(name).role_name(role.role_name());
        gone_is_fine(call.send().await.map(drop).map_err(|error| told(what, error)))?;
    }
    client
        .delete_instance_profile()
        .instance_profile_name(name)
        .send()
        .await
        .map(drop)
        .map_err(|error| told(what, error))
}

/// A role goes once it has no policy.
async fn role(clients: &Clients, name: &str, what: &str) -> Result<()> {
    let client = clients.iam().await;
    let mut pages = client.list_attached_role_policies().role_name(name).into_paginator().send();
    while let Some(page) = pages.next().await {
        for policy in page.map_err(|error| told(what, error))?.attached_policies.unwrap_or_default() {
            let Some(arn) = policy.policy_arn else { continue };
            let call = client.detach_role_policy().role_name(name).policy_arn(arn);
            gone_is_fine(call.send().await.map(drop).map_err(|error| told(what, error)))?;
        }
    }
    let mut pages = client.list_role_policies().role_name(name).into_paginator().send();
    while let Some(page) = pages.next().await {
        for policy in page.map_err(|error| told(what, error))?.policy_names {
            let call = client.delete_role_policy().role_name(name).policy_name(policy);
            gone_is_fine(call.send().await.map(drop).map_err(|error| told(what, error)))?;
        }
    }
    client.delete_role().role_name(name).send().await.map(drop).map_err(|error| told(what, error))
}
