//! One machine at a time: found by its id or by what it was asked for with, looked at, told of, ended.

use super::client::Clients;
use super::convert::{self, Me, View};
use super::error::told;
use super::launch;
use crate::cloud::{Error, ErrorKind, Result};
use crate::domain::{Lease, Machine, MachineId, MachineState, Region, Transport, escape_line, tag};
use aws_sdk_ec2::types as ec2;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long EC2 may not yet show a machine that it has launched.
const UNSEEN: Duration = Duration::from_secs(60);
/// How long a machine is looked for whose launch was never answered.
const LOOKED_FOR: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_secs(2);

/// What became of a launch of this process.
#[derive(Debug, Clone)]
pub(super) enum Launch {
    /// The call is, or was, under way; its answer never came.
    Asked,
    /// EC2 said no.
    Refused,
    /// It stands.
    Done(Box<Machine>),
}

/// The launches of this process, by the id they were asked for with.
#[derive(Debug, Default)]
pub(super) struct Launches(Mutex<BTreeMap<MachineId, (Instant, Launch)>>);

impl Launches {
    /// Notes what became of one.
    pub(super) fn note(&self, asked: &MachineId, launch: Launch) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(asked.clone(), (Instant::now(), launch));
    }

    /// What is known of one.
    pub(super) fn of(&self, asked: &MachineId) -> Option<Launch> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(asked).map(|(_, launch)| launch.clone())
    }

    /// In which region a machine of this process is.
    pub(super) fn region_of(&self, id: &MachineId) -> Option<Region> {
        self.machine(id).and_then(|(machine, _)| region_of(&machine))
    }

    /// A machine of this process by either of its ids, and whether EC2 may not yet show it.
    fn machine(&self, id: &MachineId) -> Option<(Machine, bool)> {
        self.launched(id).map(|(_, machine, fresh)| (machine, fresh))
    }

    /// The same with the id it was asked for with.
    fn launched(&self, id: &MachineId) -> Option<(MachineId, Machine, bool)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find_map(|(asked, (at, launch))| match launch {
            Launch::Done(machine) if machine.id == *id || asked == id => {
                Some((asked.clone(), machine.as_ref().clone(), at.elapsed() < UNSEEN))
            }
            _ => None,
        })
    }
}

/// Whether an id is EC2's own.
pub(super) fn is_instance(id: &MachineId) -> bool {
    id.as_str().starts_with("i-")
}

fn region_of(machine: &Machine) -> Option<Region> {
    machine.cloud.as_ref().map(|cloud| cloud.region.clone())
}

async fn described(
    clients: &Clients,
    region: &Region,
    ask: impl FnOnce(
        aws_sdk_ec2::operation::describe_instances::builders::DescribeInstancesFluentBuilder,
    ) -> aws_sdk_ec2::operation::describe_instances::builders::DescribeInstancesFluentBuilder,
) -> Result<Vec<ec2::Instance>> {
    let call = ask(clients.ec2(region).await.describe_instances());
    let answer = call.send().await.map_err(|error| told(&format!("look at a machine in `{region}`"), error))?;
    let reservations = answer.reservations.unwrap_or_default().into_iter();
    Ok(reservations.flat_map(|reservation| reservation.instances.unwrap_or_default()).collect())
}

/// One instance by EC2's id; none when there is no such.
pub(super) async fn instance(clients: &Clients, region: &Region, id: &MachineId) -> Result<Option<ec2::Instance>> {
    match described(clients, region, |call| call.instance_ids(id.as_str())).await {
        Ok(found) => Ok(found.into_iter().next()),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// All of mine that were asked for with this id, those that have ended too.
async fn tagged(clients: &Clients, me: Me<'_>, region: &Region, asked: &MachineId) -> Result<Vec<Machine>> {
    let filter = |key: &str, value: &str| ec2::Filter::builder().name(format!("tag:{key}")).values(value).build();
    let found = described(clients, region, |call| {
        call.filters(filter(tag::MACHINE, asked.as_str())).filters(filter(tag::OWNER, me.owner))
    })
    .await?;
    let view = View { me, region };
    Ok(found.iter().filter_map(|instance| convert::machine(view, instance)).collect())
}

/// My machines that were asked for with this id, those that have ended left out.
pub(super) async fn asked_for(
    clients: &Clients,
    me: Me<'_>,
    region: &Region,
    asked: &MachineId,
) -> Result<Vec<Machine>> {
    let mut machines = tagged(clients, me, region, asked).await?;
    machines.retain(|machine| machine.state != MachineState::Terminated);
    Ok(machines)
}

/// The machine that an earlier launch with this id has made, as EC2 says, once it is shown; none when it has ended.
pub(super) async fn shown_at_last(
    clients: &Clients,
    me: Me<'_>,
    region: &Region,
    asked: &MachineId,
) -> Result<Option<Machine>> {
    let since = Instant::now();
    loop {
        let all = tagged(clients, me, region, asked).await?;
        if !all.is_empty() || since.elapsed() > UNSEEN {
            return Ok(all.into_iter().find(|machine| machine.state.is_alive()));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One machine that is known to be in a region, as it is now.
pub(super) async fn look(
    clients: &Clients,
    launches: &Launches,
    me: Me<'_>,
    region: &Region,
    id: &MachineId,
) -> Result<Option<Machine>> {
    let found = instance(clients, region, id).await?;
    let seen = found.and_then(|instance| convert::machine(View { me, region }, &instance));
    // EC2 tells of what it has launched a moment ago only after a while
    Ok(seen.or_else(|| launches.machine(id).filter(|(_, fresh)| *fresh).map(|(machine, _)| machine)))
}

/// One machine by either of its ids, looked for in these regions.
pub(super) async fn find(
    clients: &Clients,
    launches: &Launches,
    me: Me<'_>,
    regions: &[Region],
    id: &MachineId,
) -> Result<Option<Machine>> {
    if let Some((known, _)) = launches.machine(id)
        && let Some(region) = region_of(&known)
    {
        return look(clients, launches, me, &region, &known.id).await;
    }
    let looks = regions.iter().map(|region| async move {
        if is_instance(id) {
            look(clients, launches, me, region, id).await
        } else {
            // a machine that runs is the one that is meant, should there be several
            let mut all = asked_for(clients, me, region, id).await?;
            all.sort_by_key(|machine| !machine.state.is_alive());
            Ok(all.into_iter().next())
        }
    });
    let mut failed = None;
    for answer in futures::future::join_all(looks).await {
        match answer {
            Ok(Some(machine)) => return Ok(Some(machine)),
            Ok(None) => {}
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(None), Err)
}

/// Ends a machine by either of its ids: all that was asked for with it. Where it was not this process that launched it, or
/// the answer never came, it is looked for again, since EC2 may show it only after a while. Tells whether there was any.
pub(super) async fn end(
    clients: &Clients,
    launches: &Launches,
    me: Me<'_>,
    regions: &[Region],
    id: &MachineId,
) -> Result<bool> {
    if matches!(launches.of(id), Some(Launch::Refused)) {
        return Ok(true);
    }
    if let Some((asked, machine, _)) = launches.launched(id)
        && let Some(region) = region_of(&machine)
    {
        end_one(clients, &region, &machine.id).await?;
        // an earlier process of the job may have launched another that EC2 did not show yet when this one looked
        let others = asked_for(clients, me, &region, &asked).await?.into_iter();
        for other in others.filter(|other| other.id != machine.id) {
            end_one(clients, &region, &other.id).await?;
        }
        return Ok(true);
    }
    let since = Instant::now();
    while !end_in(clients, launches, me, regions, id).await? {
        if since.elapsed() > LOOKED_FOR {
            return Ok(false);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(true)
}

/// Ends what there is of a machine in these regions; tells whether there was any, be it one that had ended.
pub(super) async fn end_in(
    clients: &Clients,
    launches: &Launches,
    me: Me<'_>,
    regions: &[Region],
    id: &MachineId,
) -> Result<bool> {
    let mut found = Vec::new();
    if is_instance(id) {
        found.extend(find(clients, launches, me, regions, id).await?);
    } else {
        let all = regions.iter().map(|region| tagged(clients, me, region, id));
        found.extend(futures::future::try_join_all(all).await?.into_iter().flatten());
    }
    for machine in found.iter().filter(|machine| machine.state != MachineState::Terminated) {
        let Some(region) = region_of(machine) else { continue };
        end_one(clients, &region, &machine.id).await?;
    }
    Ok(!found.is_empty())
}

async fn end_one(clients: &Clients, region: &Region, id: &MachineId) -> Result<()> {
    let since = Instant::now();
    loop {
        let answer = clients.ec2(region).await.terminate_instances().instance_ids(id.as_str()).send().await;
        match answer.map_err(|error| told(&format!("end {id} in `{region}`"), error)) {
            Ok(_) => return Ok(()),
            // not yet known everywhere, or gone
            Err(error) if error.kind == ErrorKind::NotFound => {
                if since.elapsed() > LOOKED_FOR || instance(clients, region, id).await?.is_none() {
                    return Ok(());
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Puts tags on a machine.
async fn put_tags(clients: &Clients, region: &Region, id: &MachineId, pairs: &[(&str, &str)]) -> Result<()> {
    let all = pairs.iter().map(|(key, value)| ec2::Tag::builder().key(*key).value(*value).build());
    let call = clients.ec2(region).await.create_tags().resources(id.as_str()).set_tags(Some(all.collect()));
    call.send().await.map(drop).map_err(|error| told(&format!("tag {id} in `{region}`"), error))
}

/// Notes a machine's lease where people look.
pub(super) async fn note_lease(clients: &Clients, region: &Region, id: &MachineId, lease: Lease) -> Result<()> {
    put_tags(clients, region, id, &[(tag::LEASE, &format!("{:.0}", lease.ends()))]).await
}

/// Notes a machine's host keys.
pub(super) async fn note_host_keys(
    clients: &Clients,
    region: &Region,
    id: &MachineId,
    keys: &[String],
) -> Result<()> {
    put_tags(clients, region, id, &[(tag::HOST_KEY, &launch::host_key_tag(keys))]).await
}

/// Notes that a machine is reached by Systems Manager.
pub(super) async fn note_ssm(clients: &Clients, region: &Region, id: &MachineId) -> Result<()> {
    put_tags(clients, region, id, &[(tag::TRANSPORT, Transport::Ssm.as_str())]).await
}

/// Why a machine is not ready, as far as EC2 can tell: its state's reason, its status checks, the end of its console.
pub(super) async fn why_not_ready(clients: &Clients, region: &Region, id: &MachineId) -> Option<String> {
    let client = clients.ec2(region).await;
    let (found, status, console) = tokio::join!(
        instance(clients, region, id),
        client.describe_instance_status().instance_ids(id.as_str()).include_all_instances(true).send(),
        client.get_console_output().instance_id(id.as_str()).latest(true).send(),
    );
    let mut said = Vec::new();
    match found {
        Ok(Some(instance)) => {
            let state = instance.state().and_then(|state| state.name()).map_or("unknown", |name| name.as_str());
            let reason = instance.state_reason().and_then(|reason| reason.message());
            said.push(reason.map_or(format!("EC2 says it is {state}"), |reason| {
                format!("EC2 says it is {state}: {}", escape_line(reason))
            }));
        }
        Ok(None) => said.push("EC2 does not know it".to_owned()),
        Err(error) => said.push(error.message),
    }
    let statuses = status.ok().and_then(|answer| answer.instance_statuses).unwrap_or_default();
    for one in &statuses {
        let word = |summary: Option<&ec2::InstanceStatusSummary>| {
            summary.and_then(|summary| summary.status()).map_or("unknown", |status| status.as_str()).to_owned()
        };
        said.push(format!(
            "status checks: system {}, instance {}",
            word(one.system_status()),
            word(one.instance_status())
        ));
    }
    let console = console.ok().and_then(|answer| answer.output).unwrap_or_default();
    let console = aws_smithy_types::base64::decode(console.trim()).unwrap_or_default();
    let console = String::from_utf8_lossy(&console);
    // the host key's fingerprints and the like are of no use here; the last words are
    let lines: Vec<String> =
        console.lines().filter(|line| !line.trim().is_empty()).map(|line| escape_line(line.trim_end())).collect();
    match lines.len() {
        0 => said.push("its console has said nothing yet".to_owned()),
        all => said.push(format!("its console ends with: {}", lines[all.saturating_sub(3)..].join(" / "))),
    }
    Some(said.join("; "))
}

/// What is not there.
pub(super) fn gone(id: &MachineId) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no machine `{id}`"))
}
