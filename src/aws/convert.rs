//! What EC2 and IAM say, in our own words. One function a kind of thing; the SDK's types end here.

use crate::domain::money::Platform;
use crate::domain::ours::{Evidence, judge};
use crate::domain::{
    Claim, CloudFacts, Endpoint, Fingerprint, HostKeys, JobId, Keep, Layout, Lease, Machine, MachineId, MachineState,
    Managed, Metered, ProviderKind, Region, Resource, ResourceKind, ResourceRef, Tags, Timestamp, Transport, tag,
};
use aws_sdk_ec2::types as ec2;
use std::collections::BTreeMap;
use std::path::Path;

const GIB: u64 = 1 << 30;

/// Who looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Me<'a> {
    /// The owner whose things are mine.
    pub(super) owner: &'a str,
    /// File of the private key that my machines let in.
    pub(super) key: &'a Path,
}

/// Who looks, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) me: Me<'a>,
    pub(super) region: &'a Region,
}

/// What uses what in a region, by the id or name of what is used.
pub(super) type Uses = BTreeMap<String, Vec<ResourceRef>>;

pub(super) fn tags(tags: Option<&[ec2::Tag]>) -> Tags {
    let pairs = tags.unwrap_or_default().iter().filter_map(|tag| Some((tag.key()?, tag.value().unwrap_or_default())));
    pairs.collect()
}

fn time(at: Option<&aws_smithy_types::DateTime>) -> Option<Timestamp> {
    let at = at?;
    Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).ok()?).ok()
}

fn gib(size: Option<i32>) -> Option<u64> {
    Some(u64::try_from(size?).ok()? * GIB)
}

pub(super) fn reference(kind: ResourceKind, region: Option<&Region>, id: &str) -> ResourceRef {
    ResourceRef { kind, provider: ProviderKind::Aws, region: region.cloned(), id: id.to_owned() }
}

fn state(state: Option<&ec2::InstanceState>) -> MachineState {
    match state.and_then(ec2::InstanceState::name) {
        Some(ec2::InstanceStateName::Pending) => MachineState::Pending,
        Some(ec2::InstanceStateName::Running) => MachineState::Running,
        Some(ec2::InstanceStateName::Stopping) => MachineState::Stopping,
        Some(ec2::InstanceStateName::Stopped) => MachineState::Stopped,
        Some(ec2::InstanceStateName::ShuttingDown) => MachineState::ShuttingDown,
        Some(ec2::InstanceStateName::Terminated) => MachineState::Terminated,
        _ => MachineState::Unreachable,
    }
}

/// The names and ids of a machine's security groups, those of its further network interfaces too.
fn groups(instance: &ec2::Instance) -> impl Iterator<Item = &ec2::GroupIdentifier> {
    instance
        .security_groups()
        .iter()
        .chain(instance.network_interfaces().iter().flat_map(ec2::InstanceNetworkInterface::groups))
}

/// A machine; none when its id is not one.
pub(super) fn machine(view: View<'_>, instance: &ec2::Instance) -> Option<Machine> {
    let id = MachineId::new(instance.instance_id()?).ok()?;
    let tags = tags(instance.tags.as_deref());
    let names: Vec<String> = groups(instance).filter_map(|group| group.group_name().map(str::to_owned)).collect();
    let evidence =
        Evidence { key_pair: instance.key_name(), groups: &names, ..Evidence::of(ResourceKind::Machine, &tags) };
    let facts = CloudFacts {
        region: view.region.clone(),
        zone: instance.placement().and_then(ec2::Placement::availability_zone).map(str::to_owned),
        instance_type: instance.instance_type().map_or("unknown", ec2::InstanceType::as_str).to_owned(),
        name: tags.get(tag::NAME).map(str::to_owned),
        image_id: instance.image_id().map(str::to_owned),
        address: instance
            .public_ip_address()
            .or(instance.private_ip_address())
            .filter(|address| !address.is_empty())
            .map(str::to_owned),
        claim: judge(&evidence, view.me.owner),
        keep: Keep::read(&tags),
        reason: instance
            .state_reason()
            .and_then(ec2::StateReason::message)
            .or(instance.state_transition_reason())
            .filter(|reason| !reason.is_empty())
            .map(str::to_owned),
        metered: metered(instance),
    };
    let state = state(instance.state());
    let endpoint = state.is_alive().then(|| endpoint(view, &id, &facts, &tags)).flatten();
    Some(Machine {
        id,
        provider: ProviderKind::Aws,
        state,
        image: None,
        launched: time(instance.launch_time()),
        // of one that does not run it means nothing any more
        lease: tags
            .get(tag::LEASE)
            .filter(|_| state.is_alive())
            .and_then(|until| until.parse().ok())
            .map(Lease::until),
        job: tags.get(tag::JOB).and_then(|job| JobId::new(job).ok()),
        endpoint,
        layout: Layout::interface(),
        sudo: true,
        cloud: Some(Box::new(facts)),
    })
}

/// What a machine's price depends on besides its type. The sizes of its volumes are not among what EC2 tells of it.
fn metered(instance: &ec2::Instance) -> Metered {
    // without a licence to pay for it is `Linux/UNIX`; moto, and old answers, tell of Windows alone
    let platform = match (instance.platform_details(), instance.platform()) {
        (Some(details), _) if details.starts_with("Windows") => Platform::Windows,
        (Some("Linux/UNIX") | None, None) => Platform::Linux,
        (Some(_), None) => Platform::LicensedLinux,
        (_, Some(_)) => Platform::Windows,
    };
    Metered {
        platform,
        spot: instance.instance_lifecycle() == Some(&ec2::InstanceLifecycleType::Spot),
        disk_gb: None,
        addresses: u64::from(instance.public_ip_address().is_some_and(|address| !address.is_empty())),
        changed: instance.state_transition_reason().and_then(transition),
    }
}

/// When a state was entered, as `User initiated (2026-11-25 10:12:13 GMT)` says.
fn transition(reason: &str) -> Option<Timestamp> {
    let at = reason.rsplit_once('(')?.1.strip_suffix(')')?.strip_suffix(" GMT")?;
    let at = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", at).ok()?;
    at.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// Where a machine of mine answers: by SSH at its address, once it has one, with the host keys that its tag tells; or by
/// Systems Manager.
fn endpoint(view: View<'_>, id: &MachineId, facts: &CloudFacts, tags: &Tags) -> Option<Endpoint> {
    if !matches!(facts.claim, Claim::Ours { .. }) {
        return None;
    }
    let keys: Vec<String> =
        tags.get(tag::HOST_KEY)?.split_whitespace().map(|base64| format!("ssh-ed25519 {base64}")).collect();
    let ssm = tags.get(tag::TRANSPORT) == Some(Transport::Ssm.as_str());
    let managed = ssm.then(|| Managed { region: view.region.clone(), instance: id.to_string() });
    let host = if ssm { id.to_string() } else { facts.address.clone()? };
    Some(Endpoint {
        host,
        port: 22,
        user: "hg".to_owned(),
        key: view.me.key.to_owned(),
        host_keys: HostKeys::Pinned(keys),
        proxy_command: ssm.then(|| super::ssm::session_proxy(view.region, id.as_str())),
        managed,
    })
}

/// Notes what a machine uses: groups by id, key pairs, profiles and images by name or id. One that has ended uses nothing.
pub(super) fn note_uses(region: &Region, instance: &ec2::Instance, uses: &mut Uses) {
    let Some(id) = instance.instance_id() else { return };
    if state(instance.state()) == MachineState::Terminated {
        return;
    }
    let user = reference(ResourceKind::Machine, Some(region), id);
    let profile = instance.iam_instance_profile().and_then(ec2::IamInstanceProfile::arn);
    let profile = profile.and_then(|arn| arn.rsplit('/').next()).map(|name| format!("profile/{name}"));
    let mut used: Vec<String> = groups(instance).filter_map(|group| group.group_id().map(str::to_owned)).collect();
    used.extend(instance.key_name().map(|name| format!("key/{name}")));
    used.extend(instance.image_id().map(str::to_owned));
    used.extend(profile);
    used.sort_unstable();
    used.dedup();
    for thing in used {
        uses.entry(thing).or_default().push(user.clone());
    }
}

/// A thing of which its tags and perhaps a name of its own are known.
fn thing(view: View<'_>, evidence: &Evidence<'_>, id: &str, uses: &Uses) -> Resource {
    Resource {
        at: reference(evidence.kind, Some(view.region), id),
        name: evidence.tags.get(tag::NAME).or(evidence.name).map(str::to_owned),
        state: None,
        claim: judge(evidence, view.me.owner),
        created: None,
        bytes: None,
        keep: Keep::read(evidence.tags),
        job: None,
        detail: None,
        fingerprint: None,
        ends_with: None,
        metered: None,
        used_by: uses.get(id).cloned().unwrap_or_default(),
    }
}

/// An image of the account.
pub(super) fn image(view: View<'_>, image: &ec2::Image, uses: &Uses) -> Option<Resource> {
    let id = image.image_id()?;
    let tags = tags(image.tags.as_deref());
    let evidence = Evidence { name: image.name(), ..Evidence::of(ResourceKind::Image, &tags) };
    let disks = image.block_device_mappings().iter().filter_map(|mapping| gib(mapping.ebs()?.volume_size()));
    Some(Resource {
        name: image.name().map(str::to_owned),
        state: image.state().map(|state| state.as_str().to_owned()),
        created: image.creation_date().and_then(|at| at.parse().ok()),
        bytes: Some(disks.sum()),
        fingerprint: tags.get(tag::FINGERPRINT).map(Fingerprint::recorded),
        detail: image.architecture().map(|what| what.as_str().to_owned()),
        ..thing(view, &evidence, id, uses)
    })
}

/// The snapshots that an image consists of.
pub(super) fn snapshots_of(image: &ec2::Image) -> impl Iterator<Item = &str> {
    image.block_device_mappings().iter().filter_map(|mapping| mapping.ebs()?.snapshot_id())
}

/// The machine and the image that a snapshot's description names, as EC2 writes it when it makes an image: `Created by
/// CreateImage(i-…) for ami-…`.
pub(super) fn made_for(description: &str) -> Option<(&str, &str)> {
    let (machine, rest) = description.strip_prefix("Created by CreateImage(")?.split_once(')')?;
    let image = rest.trim().strip_prefix("for ")?.split_whitespace().next()?;
    (machine.starts_with("i-") && image.starts_with("ami-")).then_some((machine, image))
}

/// A snapshot of the account; `part_of` is the image or machine it was made of, and whose that is.
pub(super) fn snapshot(
    view: View<'_>,
    snapshot: &ec2::Snapshot,
    part_of: Option<(&str, &Claim)>,
    uses: &Uses,
) -> Option<Resource> {
    let id = snapshot.snapshot_id()?;
    let tags = tags(snapshot.tags.as_deref());
    let evidence = Evidence { part_of, ..Evidence::of(ResourceKind::Snapshot, &tags) };
    let said = snapshot.description().filter(|text| !text.is_empty());
    let made = thing(view, &evidence, id, uses);
    let claim = match (made.claim, said.and_then(made_for)) {
        (Claim::Foreign { why: None }, Some((_, image))) if made.used_by.is_empty() => Claim::Foreign {
            why: Some(format!("it was made for {image}, which is gone: whose that was is not known")),
        },
        (claim, _) => claim,
    };
    Some(Resource {
        claim,
        state: snapshot.state().map(|state| state.as_str().to_owned()),
        created: time(snapshot.start_time()),
        bytes: gib(snapshot.volume_size()),
        detail: said.map(str::to_owned),
        ..made
    })
}

/// The volumes that are deleted with a machine, each with the machine.
pub(super) fn ends_with(instance: &ec2::Instance) -> impl Iterator<Item = (&str, &str)> {
    let disks = instance.block_device_mappings().iter().filter_map(|mapping| mapping.ebs());
    let shared = disks.filter(|disk| disk.delete_on_termination() == Some(true));
    shared.filter_map(|disk| Some((disk.volume_id()?, instance.instance_id()?)))
}

/// A volume. `ends` holds the volumes that are deleted with a machine, `machine` tells whose a machine is: a volume that shares its end is as that is; one that outlives it may hold a
/// person's data, whosever the machine is.
pub(super) fn volume<'a>(
    view: View<'_>,
    volume: &ec2::Volume,
    ends: &BTreeMap<&str, &str>,
    machine: impl Fn(&str) -> Option<&'a Claim>,
) -> Option<Resource> {
    let id = volume.volume_id()?;
    let tags = tags(volume.tags.as_deref());
    let attached = volume.attachments().iter().find_map(|attached| {
        let machine_id = attached.instance_id()?;
        Some((machine_id, machine(machine_id)?, ends.get(id) == Some(&machine_id)))
    });
    let part_of = attached.filter(|(.., shares_end)| *shares_end).map(|(id, claim, _)| (id, claim));
    let evidence = Evidence { part_of, ..Evidence::of(ResourceKind::Volume, &tags) };
    let made = thing(view, &evidence, id, &Uses::new());
    let claim = match (made.claim, attached) {
        (Claim::Foreign { why: None }, Some((id, claim, false))) if claim.is_tools() => {
            Claim::Foreign { why: Some(format!("on machine {id}, which is ours, but made to outlive it")) }
        }
        (claim, _) => claim,
    };
    let machines = volume.attachments().iter().filter_map(|attached| attached.instance_id());
    let users = machines.map(|machine| reference(ResourceKind::Machine, Some(view.region), machine)).collect();
    Some(Resource {
        state: volume.state().map(|state| state.as_str().to_owned()),
        created: time(volume.create_time()),
        bytes: gib(volume.size()),
        detail: volume.volume_type().map(|what| what.as_str().to_owned()),
        claim,
        ends_with: ends.get(id).map(|machine| reference(ResourceKind::Machine, Some(view.region), machine)),
        used_by: users,
        ..made
    })
}

/// A security group; its detail says what it opens to the whole world.
pub(super) fn group(view: View<'_>, group: &ec2::SecurityGroup, uses: &Uses) -> Option<Resource> {
    let id = group.group_id()?;
    let tags = tags(group.tags.as_deref());
    let evidence = Evidence { name: group.group_name(), ..Evidence::of(ResourceKind::Group, &tags) };
    let open = open_ports(group);
    Some(Resource {
        name: group.group_name().map(str::to_owned),
        detail: (!open.is_empty()).then(|| format!("open to the world: {}", open.join(", "))),
        ..thing(view, &evidence, id, uses)
    })
}

/// A rule of a group that lets every address in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenRule {
    /// `tcp`, `udp`, `icmp`, a number, or `-1` for all.
    pub(super) protocol: String,
    /// The first and the last port; none where the protocol has none.
    pub(super) ports: Option<(i32, i32)>,
    /// Every address of which kind: `0.0.0.0/0` or `::/0`.
    pub(super) from: &'static str,
}

impl OpenRule {
    /// The ports in a word.
    pub(super) fn port(&self) -> String {
        match self.ports {
            Some((from, to)) if from == to => from.to_string(),
            Some((from, to)) if from >= 0 => format!("{from}-{to}"),
            _ => "every port".to_owned(),
        }
    }
}

/// The rules of a group that let every address in.
pub(super) fn open_rules(group: &ec2::SecurityGroup) -> Vec<OpenRule> {
    let mut all = Vec::new();
    for rule in group.ip_permissions() {
        let four = rule.ip_ranges().iter().any(|range| range.cidr_ip() == Some("0.0.0.0/0"));
        let six = rule.ipv6_ranges().iter().any(|range| range.cidr_ipv6() == Some("::/0"));
        for from in [four.then_some("0.0.0.0/0"), six.then_some("::/0")].into_iter().flatten() {
            let protocol = rule.ip_protocol().unwrap_or("-1").to_owned();
            all.push(OpenRule { protocol, ports: rule.from_port().zip(rule.to_port()), from });
        }
    }
    all
}

/// The ports that a group opens to every address.
fn open_ports(group: &ec2::SecurityGroup) -> Vec<String> {
    let mut ports: Vec<String> = open_rules(group).iter().map(OpenRule::port).collect();
    ports.dedup();
    ports
}

/// A key pair.
pub(super) fn key_pair(view: View<'_>, pair: &ec2::KeyPairInfo, uses: &Uses) -> Option<Resource> {
    let name = pair.key_name()?;
    let tags = tags(pair.tags.as_deref());
    let evidence = Evidence { name: Some(name), ..Evidence::of(ResourceKind::KeyPair, &tags) };
    Some(Resource {
        name: Some(name.to_owned()),
        created: time(pair.create_time()),
        detail: pair.key_type().map(|what| what.as_str().to_owned()),
        used_by: uses.get(&format!("key/{name}")).cloned().unwrap_or_default(),
        ..thing(view, &evidence, pair.key_pair_id().unwrap_or(name), &Uses::new())
    })
}

/// A role or a profile: it has a name for an id, and no region.
pub(super) fn identity(
    me: Me<'_>,
    kind: ResourceKind,
    name: &str,
    tags: &Tags,
    created: &aws_smithy_types::DateTime,
    used_by: Vec<ResourceRef>,
) -> Resource {
    let evidence = Evidence { name: Some(name), ..Evidence::of(kind, tags) };
    Resource {
        at: reference(kind, None, name),
        name: Some(name.to_owned()),
        state: None,
        claim: judge(&evidence, me.owner),
        created: time(Some(created)),
        bytes: None,
        keep: Keep::read(tags),
        job: None,
        detail: None,
        fingerprint: None,
        ends_with: None,
        metered: None,
        used_by,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_says_what_it_was_made_for() {
        let table = [
            ("Created by CreateImage(i-0abc) for ami-0def", Some(("i-0abc", "ami-0def"))),
            ("Created by CreateImage(i-0abc) for ami-0def from vol-1", Some(("i-0abc", "ami-0def"))),
            ("Created by CreateImage(i-0abc)", None),
            ("Created by CreateImage(x) for y", None),
            ("backup for ami-0def", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(made_for(text), expected, "{text:?}");
        }
    }

    #[test]
    fn groups_tell_what_they_open_to_the_world() {
        let range = |cidr: &str| ec2::IpRange::builder().cidr_ip(cidr).build();
        let rule = |from: i32, to: i32, cidr: &str| {
            ec2::IpPermission::builder().from_port(from).to_port(to).ip_ranges(range(cidr)).build()
        };
        let all = ec2::IpPermission::builder()
            .ip_protocol("-1")
            .ipv6_ranges(ec2::Ipv6Range::builder().cidr_ipv6("::/0").build())
            .build();
        let group = ec2::SecurityGroup::builder()
            .ip_permissions(rule(22, 22, "0.0.0.0/0"))
            .ip_permissions(rule(80, 80, "198.51.100.7/32"))
            .ip_permissions(rule(5985, 5986, "0.0.0.0/0"))
            .ip_permissions(all)
            .build();
        assert_eq!(open_ports(&group), ["22", "5985-5986", "every port"]);
    }
}
