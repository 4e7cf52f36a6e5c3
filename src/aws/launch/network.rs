//! Who may connect to a machine: our security group, with a rule for the caller's own address and none for the world.

use super::LaunchOptions;
use crate::aws::client::Clients;
use crate::aws::convert;
use crate::aws::error::told;
use crate::cloud::{Error, ErrorKind, Result};
use crate::domain::{Region, tag};
use aws_sdk_ec2::types as ec2;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

/// The group of machines reached by SSH, the predecessor's name for it.
const SSH_GROUP: &str = "hg-linux-dev-1";
/// That of machines reached through Systems Manager: nothing is open.
const SSM_GROUP: &str = "hg-linux-dev-ssm-1";
/// The port of SSH.
const PORT: i32 = 22;
const WORLD: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// Who may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ingress {
    /// Nobody.
    Closed,
    /// This computer, by the address it has now.
    Here(String),
    /// These, which were asked for, in CIDR form.
    From(Vec<String>),
}

/// The group for a machine, made when it is not there, its rules as they should be.
///
/// # Errors
/// `NotFound` without a default VPC; what EC2 says.
pub(super) async fn group(
    clients: &Clients,
    options: &LaunchOptions,
    owner: &str,
    region: &Region,
    ingress: &Ingress,
) -> Result<String> {
    let vpc = default_vpc(clients, region).await?;
    let name = if *ingress == Ingress::Closed { SSM_GROUP } else { SSH_GROUP };
    let mut group = match find(clients, region, &vpc, name).await? {
        // one that another owner made is theirs to change
        Some(group) if others(&group, owner) => {
            let name = format!("{name}-{}", plain(owner));
            match find(clients, region, &vpc, &name).await? {
                Some(group) => group,
                None => make(clients, owner, region, &vpc, &name).await?,
            }
        }
        Some(group) => group,
        None => make(clients, owner, region, &vpc, name).await?,
    };
    let id = group.group_id.take().unwrap_or_default();
    settle(clients, options, owner, region, &id, &group, ingress).await?;
    Ok(id)
}

/// Who is let in by the person's wish, or the caller's own address.
///
/// # Errors
/// `Unreachable` when the address cannot be found out.
pub(super) async fn ingress(clients: &Clients, options: &LaunchOptions, cidr: &[String]) -> Result<Ingress> {
    let wished = if cidr.is_empty() { &options.cidr } else { cidr };
    if !wished.is_empty() {
        return Ok(Ingress::From(wished.to_vec()));
    }
    if options.open {
        return Ok(Ingress::From(vec![WORLD[0].to_owned()]));
    }
    let said = clients.fetch(&options.address_from).await.map_err(|why| {
        Error::new(ErrorKind::Unreachable, format!("could not find out this computer's address: {why}")).hint(
            format!("`{}` was asked; `--cidr ADDRESS` says it, `--transport ssm` needs none", options.address_from),
        )
    })?;
    let address: IpAddr = said.trim().parse().map_err(|_| {
        let said: String = said.trim().chars().take(60).collect();
        let message = format!(
            "`{}` answers `{}`, which is no address",
            options.address_from,
            crate::domain::escape_line(&said)
        );
        Error::new(ErrorKind::Other, message).hint("`--cidr ADDRESS` says it")
    })?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    Ok(Ingress::Here(format!("{address}/{bits}")))
}

async fn default_vpc(clients: &Clients, region: &Region) -> Result<String> {
    let default = ec2::Filter::builder().name("is-default").values("true").build();
    let answer = clients.ec2(region).await.describe_vpcs().filters(default).send().await;
    let answer = answer.map_err(|error| told(&format!("look for the default network in `{region}`"), error))?;
    let vpc = answer.vpcs.unwrap_or_default().into_iter().find_map(|vpc| vpc.vpc_id);
    vpc.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("`{region}` has no default network (VPC)"))
            .hint(format!("`aws ec2 create-default-vpc --region {region}` makes one; it costs nothing"))
    })
}

async fn find(clients: &Clients, region: &Region, vpc: &str, name: &str) -> Result<Option<ec2::SecurityGroup>> {
    let named = ec2::Filter::builder().name("group-name").values(name).build();
    let there = ec2::Filter::builder().name("vpc-id").values(vpc).build();
    let client = clients.ec2(region).await;
    let answer = client.describe_security_groups().filters(named).filters(there).send().await;
    let answer = answer.map_err(|error| told(&format!("look for security group `{name}` in `{region}`"), error))?;
    Ok(answer.security_groups.unwrap_or_default().into_iter().next())
}

/// Whether another owner made it. One without an owner is the predecessor's, which all share.
fn others(group: &ec2::SecurityGroup, owner: &str) -> bool {
    convert::tags(group.tags.as_deref()).get(tag::OWNER).is_some_and(|other| other != owner)
}

async fn make(clients: &Clients, owner: &str, region: &Region, vpc: &str, name: &str) -> Result<ec2::SecurityGroup> {
    let tags = super::tags(ec2::ResourceType::SecurityGroup, &[(tag::OWNER, owner), (tag::VERSION, super::VERSION)]);
    let answer = clients
        .ec2(region)
        .await
        .create_security_group()
        .group_name(name)
        .description("Machines of Mercurial's automation")
        .vpc_id(vpc)
        .tag_specifications(tags)
        .send()
        .await;
    let code = answer.as_ref().err().and_then(super::code);
    match answer {
        Ok(made) => Ok(ec2::SecurityGroup::builder().set_group_id(made.group_id).group_name(name).build()),
        // somebody was quicker
        Err(_) if code.as_deref() == Some("InvalidGroup.Duplicate") => {
            find(clients, region, vpc, name).await?.ok_or_else(|| {
                Error::new(ErrorKind::Conflict, format!("security group `{name}` is there and cannot be seen"))
            })
        }
        Err(error) => Err(told(&format!("make security group `{name}` in `{region}`"), error)),
    }
}

/// One rule of a group: a port range, and one range of addresses with what was noted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    protocol: String,
    ports: Option<(i32, i32)>,
    cidr: String,
    note: String,
}

fn rules(group: &ec2::SecurityGroup) -> Vec<Rule> {
    let mut all = Vec::new();
    for one in group.ip_permissions() {
        let four = one.ip_ranges().iter().map(|range| (range.cidr_ip(), range.description()));
        let six = one.ipv6_ranges().iter().map(|range| (range.cidr_ipv6(), range.description()));
        for (cidr, note) in four.chain(six) {
            all.push(Rule {
                protocol: one.ip_protocol().unwrap_or("-1").to_owned(),
                ports: one.from_port().zip(one.to_port()),
                cidr: cidr.unwrap_or_default().to_owned(),
                note: note.unwrap_or_default().to_owned(),
            });
        }
    }
    all
}

fn permission(rule: &Rule) -> ec2::IpPermission {
    let (from, to) = rule.ports.unzip();
    let made = ec2::IpPermission::builder().ip_protocol(&rule.protocol).set_from_port(from).set_to_port(to);
    let note = Some(rule.note.clone()).filter(|note| !note.is_empty());
    if rule.cidr.contains(':') {
        made.ipv6_ranges(ec2::Ipv6Range::builder().cidr_ipv6(&rule.cidr).set_description(note).build()).build()
    } else {
        made.ip_ranges(ec2::IpRange::builder().cidr_ip(&rule.cidr).set_description(note).build()).build()
    }
}

/// Which rules are to be added and which taken away.
fn changes(there: &[Rule], ingress: &Ingress, note: &str, open: bool) -> (Vec<Rule>, Vec<Rule>) {
    let rule = |cidr: &String, note: String| Rule {
        protocol: "tcp".to_owned(),
        ports: Some((PORT, PORT)),
        cidr: cidr.clone(),
        note,
    };
    let wanted: Vec<Rule> = match ingress {
        Ingress::Closed => Vec::new(),
        Ingress::Here(cidr) => vec![rule(cidr, note.to_owned())],
        // noted otherwise, so that where this computer is says nothing of it: another job may be connected by it
        Ingress::From(all) => all.iter().map(|cidr| rule(cidr, format!("{note} asked"))).collect(),
    };
    let here = matches!(ingress, Ingress::Here(_));
    let same = |a: &Rule, b: &Rule| (&a.protocol, a.ports, &a.cidr) == (&b.protocol, b.ports, &b.cidr);
    let add = wanted.iter().filter(|one| !there.iter().any(|known| same(known, one))).cloned().collect();
    let stale = |rule: &&Rule| {
        let world = !open && WORLD.contains(&rule.cidr.as_str());
        // this computer was elsewhere
        let moved = here && rule.note == note;
        (world || moved) && !wanted.iter().any(|one| same(one, rule))
    };
    (add, there.iter().filter(stale).cloned().collect())
}

async fn settle(
    clients: &Clients,
    options: &LaunchOptions,
    owner: &str,
    region: &Region,
    id: &str,
    group: &ec2::SecurityGroup,
    ingress: &Ingress,
) -> Result<()> {
    // two computers may have one name
    let key = Sha256::digest(options.client_key.trim().as_bytes());
    let note = format!("hga {} {} {:02x}{:02x}{:02x}", plain(owner), plain(&options.host), key[0], key[1], key[2]);
    let (add, remove) = changes(&rules(group), ingress, &note, options.open);
    let client = clients.ec2(region).await;
    let name = group.group_name().unwrap_or(id);
    // first in, then out: a job of this computer's may be connected by the old rule, and none is cut off for nothing
    let since = Instant::now();
    for rule in &add {
        let answer = loop {
            let call = client.authorize_security_group_ingress().group_id(id).ip_permissions(permission(rule));
            let answer = call.send().await;
            // one that was made a moment ago is not yet known everywhere
            let unknown = answer.as_ref().err().and_then(super::code).as_deref() == Some("InvalidGroup.NotFound");
            if !unknown || since.elapsed() > super::KNOWN {
                break answer;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        if answer.as_ref().err().and_then(super::code).as_deref() == Some("InvalidPermission.Duplicate") {
            continue;
        }
        answer.map_err(|error| told(&format!("let {} in at security group `{name}`", rule.cidr), error))?;
    }
    for rule in &remove {
        let call = client.revoke_security_group_ingress().group_id(id).ip_permissions(permission(rule));
        let answer = call.send().await;
        if answer.as_ref().err().and_then(super::code).as_deref() == Some("InvalidPermission.NotFound") {
            continue;
        }
        answer.map_err(|error| told(&format!("close {} at security group `{name}`", rule.cidr), error))?;
        tracing::info!(group = name, cidr = rule.cidr, "closed a rule");
    }
    Ok(())
}

/// Lets this computer in where it is now.
pub(super) async fn let_in(
    clients: &Clients,
    options: &LaunchOptions,
    owner: &str,
    region: &Region,
    group: &str,
) -> Result<()> {
    let ingress = ingress(clients, options, &[]).await?;
    let answer = clients.ec2(region).await.describe_security_groups().group_ids(group).send().await;
    let answer = answer.map_err(|error| told(&format!("look at security group {group}"), error))?;
    match answer.security_groups.unwrap_or_default().first() {
        Some(found) => settle(clients, options, owner, region, group, found, &ingress).await,
        None => Err(Error::new(ErrorKind::NotFound, format!("there is no security group {group}"))),
    }
}

/// Only what names and descriptions of groups may hold.
fn plain(text: &str) -> String {
    let fit = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    text.chars().map(|c| if fit(c) { c } else { '-' }).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(port: i32, cidr: &str, note: &str) -> Rule {
        Rule { protocol: "tcp".into(), ports: Some((port, port)), cidr: cidr.into(), note: note.into() }
    }

    #[test]
    fn the_world_is_kept_out_and_who_has_moved_leaves_no_door_open() {
        let me = "hga anna desk";
        let there = [
            rule(22, "0.0.0.0/0", ""),
            rule(22, "::/0", ""),
            rule(22, "198.51.100.7/32", me),
            rule(22, "198.51.100.8/32", "hga anna laptop"),
            rule(22, "203.0.113.0/24", "the office"),
        ];
        let here = |cidr: &str| Ingress::Here(cidr.into());
        let (add, remove) = changes(&there, &here("192.0.2.1/32"), me, false);
        assert_eq!(add, [rule(22, "192.0.2.1/32", me)]);
        assert_eq!(remove, there[..3]);
        let (add, remove) = changes(&there, &here("198.51.100.7/32"), me, false);
        assert!(add.is_empty());
        assert_eq!(remove, there[..2]);
        let (add, remove) = changes(&there, &Ingress::From(vec!["0.0.0.0/0".into()]), me, true);
        assert!(add.is_empty() && remove.is_empty());
        // what was asked for stays, for another job of this computer may be connected by it, and so does what it has now
        let (asked, _) = changes(&[], &Ingress::From(vec!["192.0.2.0/24".into()]), me, false);
        assert_eq!(asked.len(), 1);
        assert_eq!(changes(&asked, &here("198.51.100.7/32"), me, false).1, []);
        let all = [asked[0].clone(), there[2].clone()];
        assert_eq!(changes(&all, &Ingress::From(vec!["203.0.113.0/24".into()]), me, false).1, []);
        assert_eq!(changes(&[], &Ingress::Closed, me, false), (vec![], vec![]));
    }
}
