//! What `hga doctor` asks AWS: who we are, the clock, the regions, what is allowed, what is open to the world and what was
//! left behind. Everything is asked at once, and what has not answered in time is told to be so.

mod clock;
mod permissions;

use super::client::Clients;
use super::cloud::{AwsOptions, Regions};
use super::convert::{self, OpenRule};
use super::error::told;
use super::{inventory, setup};
use crate::cloud::{Error, ErrorKind, Result};
use crate::diag::suggest;
use crate::domain::{CheckItem, CheckOutcome, Claim, Machine, MachineState, Region, Timestamp, words};
use aws_sdk_ec2::types::SecurityGroup;
use futures::future::{join, join_all};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long all of it may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// In so many regions permissions are tried; policies seldom tell regions apart.
const TRIED: usize = 3;
/// So many things are named; there may be more.
const NAMED: usize = 5;

const CREDENTIALS: &str = "the AWS credentials work";
const OPEN: &str = "no security group of ours is open to the world";
const STRAYS: &str = "no machine of ours runs without a lease";

/// The one point where there is no account.
pub(super) fn not_set_up() -> CheckItem {
    CheckItem::new("AWS is set up", CheckOutcome::Warning, "it is not; all else works without it").hint(
        "`aws configure` (keys) or `aws configure sso` (sign-on) sets an account up; `AWS_PROFILE` picks one that is",
    )
}

/// An error for what has not answered.
fn late(what: &str) -> Error {
    Error::new(ErrorKind::Unreachable, format!("could not {what}: no answer within {} seconds", DEADLINE.as_secs()))
        .hint("check the network, the region's name, and https://health.aws.amazon.com")
}

async fn within<T>(by: Instant, what: &str, ask: impl Future<Output = Result<T>>) -> Result<T> {
    timeout_at(by, ask).await.unwrap_or_else(|_| Err(late(what)))
}

/// The regions that AWS knows, and how each stands to the account (`opted-in`, `not-opted-in`, `opt-in-not-required`).
type Known = Vec<(String, Option<String>)>;

/// What a region said.
struct Place {
    region: Region,
    took: Duration,
    known: Result<Known>,
    machines: Result<Vec<Machine>>,
    groups: Result<Vec<SecurityGroup>>,
}

/// All points, in the order in which they are told.
pub(super) async fn points(options: &AwsOptions) -> Vec<CheckItem> {
    let clients = Clients::brisk();
    let by = Instant::now() + DEADLINE;
    let first = match &options.regions {
        Regions::These(regions) => regions.first().cloned(),
        Regions::All => None,
    };
    let watch = clock::Watch::default();
    let who = who(&clients, first.unwrap_or_else(Region::usual), watch.clone(), by);
    let (who, elsewhere) = join(who, elsewhere(&clients, options, by)).await;
    let ahead = watch.ahead();
    // whoever is not known is refused everywhere: told once
    let refused = match &who {
        Err(error) if error.kind == ErrorKind::Credentials => Some("not asked: the credentials do not work"),
        Err(error) if error.kind == ErrorKind::Unreachable => Some("not asked: AWS does not answer"),
        _ => None,
    };
    let mut points = vec![identity(who, clock::is_refused(ahead), options), clock::point(ahead)];
    let nothing = elsewhere.iter().all(|point| point.outcome != CheckOutcome::Ok);
    points.extend(match refused.filter(|_| nothing) {
        None => elsewhere,
        Some(why) => {
            elsewhere.into_iter().map(|point| CheckItem::new(point.what, CheckOutcome::Unknown, why)).collect()
        }
    });
    points
}

/// Who we are: the account, and the name in it.
async fn who(clients: &Clients, region: Region, watch: clock::Watch, by: Instant) -> Result<(String, String)> {
    let what = "ask AWS who we are";
    let ask = async {
        let answer = clients.sts(&region, watch).await.get_caller_identity().send().await;
        let answer = answer.map_err(|error| told(what, error))?;
        let unsaid = || "not told".to_owned();
        Ok((answer.account.unwrap_or_else(unsaid), answer.arn.unwrap_or_else(unsaid)))
    };
    within(by, what, ask).await
}

fn identity(who: Result<(String, String)>, clock: bool, options: &AwsOptions) -> CheckItem {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let source = setup::source(variable, options.home.as_deref());
    let endpoint = variable("AWS_ENDPOINT_URL_STS").or_else(|| variable("AWS_ENDPOINT_URL"));
    let endpoint = endpoint.map_or(String::new(), |url| format!(", at `{url}`"));
    match who {
        Ok((account, arn)) => {
            let seen = format!("account {account}, {arn}, {source}{endpoint}");
            CheckItem::new(CREDENTIALS, CheckOutcome::Ok, seen)
        }
        Err(error) => {
            let point = CheckItem::new(CREDENTIALS, CheckOutcome::Missing, format!("{error}; {source}{endpoint}"));
            let hint = if clock && error.kind == ErrorKind::Credentials {
                Some("the clock is wrong, and AWS refuses what is signed so: set it first".to_owned())
            } else {
                error.hints.first().map(|hint| hint.0.clone())
            };
            CheckItem { hint, ..point }
        }
    }
}

/// Everything but who we are.
async fn elsewhere(clients: &Clients, options: &AwsOptions, by: Instant) -> Vec<CheckItem> {
    let regions = match &options.regions {
        Regions::These(regions) => Ok(regions.clone()),
        Regions::All => within(by, "list regions", inventory::regions(clients, &Region::usual())).await,
    };
    let regions = match regions {
        Ok(regions) => regions,
        Err(error) => return vec![failed("the regions of the account are known", &error)],
    };
    let tried = regions
        .iter()
        .take(TRIED)
        .map(async |region| (Some(region.clone()), permissions::ec2(clients, region, by).await));
    let places = regions.iter().map(|region| place(clients, &options.owner, region, by));
    let (places, (tried, identities)) =
        join(join_all(places), join(join_all(tried), permissions::iam(clients, by))).await;

    let known = places.iter().find_map(|place| place.known.as_ref().ok().filter(|known| !known.is_empty()));
    let mut points: Vec<CheckItem> = places.iter().map(|place| region(place, known)).collect();
    points.extend(permissions::points(tried));
    points.extend(permissions::points(vec![(None, identities)]));
    points.push(permissions::untried());
    points.extend(open(&places, &options.owner));
    points.push(strays(&places, Timestamp::now()));
    points
}

async fn place(clients: &Clients, me: &str, region: &Region, by: Instant) -> Place {
    let began = Instant::now();
    let known = async {
        let what = format!("ask region {region}");
        let ask = async {
            let answer = clients.ec2(region).await.describe_regions().all_regions(true).send().await;
            let answer = answer.map_err(|error| told(&what, error))?;
            let regions = answer.regions.unwrap_or_default().into_iter();
            Ok(regions.filter_map(|one| Some((one.region_name?, one.opt_in_status))).collect())
        };
        (within(by, &what, ask).await, began.elapsed())
    };
    let machines = within(by, "list machines", inventory::machines(clients, me, region));
    let groups = within(by, "list security groups", inventory::groups(clients, region));
    let ((known, took), machines, groups) = tokio::join!(known, machines, groups);
    Place { region: region.clone(), took, known, machines: machines.map(|(machines, _)| machines), groups }
}

fn failed(what: impl Into<String>, error: &Error) -> CheckItem {
    let point = CheckItem::new(what, CheckOutcome::Missing, error.to_string());
    CheckItem { hint: error.hints.first().map(|hint| hint.0.clone()), ..point }
}

/// Whether a region answers; `known` is what any of them said of all.
fn region(place: &Place, known: Option<&Known>) -> CheckItem {
    let name = place.region.as_str();
    let what = format!("region {name} answers");
    let elsewhere = "or look elsewhere with `--aws-region`, or `aws.regions` in config.toml";
    if let Some(known) = known {
        let Some((_, status)) = known.iter().find(|(known, _)| known == name) else {
            let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
            let hint = match suggest::nearest(name, &names) {
                Some(near) => {
                    format!("did you mean `{near}`? `aws.regions` in config.toml and `--aws-region` name regions")
                }
                None => "`aws ec2 describe-regions --all-regions` lists them".to_owned(),
            };
            return CheckItem::new(what, CheckOutcome::Missing, "AWS knows no such region").hint(hint);
        };
        if status.as_deref() == Some("not-opted-in") {
            return CheckItem::new(what, CheckOutcome::Missing, "it is not enabled for this account")
                .hint(format!("`aws account enable-region --region-name {name}` enables it, {elsewhere}"));
        }
    }
    let took = place.took.as_millis();
    match &place.known {
        Ok(_) => CheckItem::new(what, CheckOutcome::Ok, format!("in {took} ms")),
        Err(error) if error.kind == ErrorKind::Denied => {
            CheckItem::new(what, CheckOutcome::Ok, format!("in {took} ms, with a refusal"))
        }
        Err(error) if error.kind == ErrorKind::Credentials => {
            CheckItem::new(what, CheckOutcome::Missing, format!("it takes no calls of this account: {error}"))
                .hint(format!("`aws account enable-region --region-name {name}` enables it, {elsewhere}"))
        }
        Err(error) => failed(what, error),
    }
}

/// What could not be looked at, region by region, as a point.
fn unseen<'a>(what: &str, errors: impl Iterator<Item = (&'a Region, &'a Error)>) -> Option<CheckItem> {
    let all: Vec<String> = errors.map(|(region, error)| format!("{region}: {error}")).collect();
    (!all.is_empty()).then(|| CheckItem::new(what, CheckOutcome::Unknown, all.join("; ")))
}

/// The rules of groups of ours that let everybody in, a point each.
fn open(places: &[Place], me: &str) -> Vec<CheckItem> {
    let mut points = Vec::new();
    let mut ours = 0;
    for place in places {
        let view = convert::View { me, region: &place.region };
        for group in place.groups.iter().flatten() {
            let Some(resource) = convert::group(view, group, &convert::Uses::new()) else { continue };
            if !matches!(resource.claim, Claim::Ours { .. }) {
                continue;
            }
            ours += 1;
            let called = resource.name.as_deref().unwrap_or_default();
            for rule in convert::open_rules(group) {
                let (id, region) = (&resource.at.id, &place.region);
                let seen =
                    format!("{id} {called} in {region}: {} ({}) from {}", rule.port(), rule.protocol, rule.from);
                let hint = format!("`{}` closes it", revoke(region, id, &rule));
                points.push(CheckItem::new(OPEN, CheckOutcome::Warning, seen).hint(hint));
            }
        }
    }
    let errors = places.iter().filter_map(|place| Some((&place.region, place.groups.as_ref().err()?)));
    let unseen = unseen(OPEN, errors);
    if points.is_empty() && unseen.is_none() {
        let seen = words::count(ours, "group");
        points.push(CheckItem::new(OPEN, CheckOutcome::Ok, format!("{seen} of ours")));
    }
    points.extend(unseen);
    points
}

/// The command that takes a rule away. Protocols other than these two have no ports but types, and version 6 of the
/// protocol has no flag of its own.
fn revoke(region: &Region, group: &str, rule: &OpenRule) -> String {
    let command = format!("aws ec2 revoke-security-group-ingress --region {region} --group-id {group}");
    let OpenRule { protocol, ports, from } = rule;
    match ports.filter(|_| *from == "0.0.0.0/0" && matches!(protocol.as_str(), "tcp" | "udp")) {
        Some((first, last)) => {
            let port = if first == last { first.to_string() } else { format!("{first}-{last}") };
            format!("{command} --protocol {protocol} --port {port} --cidr {from}")
        }
        None => {
            let ports = ports.map_or(String::new(), |(first, last)| format!("FromPort={first},ToPort={last},"));
            let range = if *from == "::/0" {
                format!("Ipv6Ranges=[{{CidrIpv6={from}}}]")
            } else {
                format!("IpRanges=[{{CidrIp={from}}}]")
            };
            format!("{command} --ip-permissions 'IpProtocol={protocol},{ports}{range}'")
        }
    }
}

/// Why a machine of ours that runs ought not to; none for one that may.
fn stray(machine: &Machine, now: Timestamp) -> Option<&'static str> {
    let cloud = machine.cloud.as_ref()?;
    let runs = matches!(machine.state, MachineState::Pending | MachineState::Running);
    let kept = cloud.keep.as_ref().is_some_and(|keep| keep.forbids(now).is_some());
    if !runs || kept || !matches!(cloud.claim, Claim::Ours { .. }) {
        return None;
    }
    match machine.lease {
        None => Some("no lease"),
        Some(lease) if lease.is_over(now) => Some("its lease is over"),
        Some(_) => None,
    }
}

fn strays(places: &[Place], now: Timestamp) -> CheckItem {
    let errors = places.iter().filter_map(|place| Some((&place.region, place.machines.as_ref().err()?)));
    let unseen = unseen(STRAYS, errors);
    let mut found = Vec::new();
    for place in places {
        for machine in place.machines.iter().flatten() {
            let why = stray(machine, now);
            found.extend(why.map(|why| format!("{} in {} ({why})", machine.id, place.region)));
        }
    }
    if found.is_empty() {
        return unseen.unwrap_or_else(|| {
            let seen = format!("looked in {}", words::count(places.len() as u64, "region"));
            CheckItem::new(STRAYS, CheckOutcome::Ok, seen)
        });
    }
    let mut seen = format!("{} does: ", words::count(found.len() as u64, "machine"));
    if found.len() > 1 {
        seen = seen.replace("does", "do");
    }
    seen.push_str(&found.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", "));
    if found.len() > NAMED {
        seen.push_str(", …");
    }
    if let Some(unseen) = unseen {
        seen = format!("{seen}; not looked at: {}", unseen.seen);
    }
    CheckItem::new(STRAYS, CheckOutcome::Warning, seen)
        .hint("`hga terminate-ec2-instances --dry-run` shows what would be ended")
}
