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
const ELSE: &str = "regions, permissions, groups open to the world, machines left behind";
const ON_EC2: &str = "allowed: what hga does on EC2";
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
    let refused = who.as_ref().err().map(|error| match error.kind {
        ErrorKind::Credentials => "not told: the credentials do not work",
        _ => "not told: AWS does not answer",
    });
    let nothing = elsewhere.iter().all(|point| point.outcome != CheckOutcome::Ok);
    let mut points = vec![identity(who, clock::is_refused(ahead), options), clock::point(ahead)];
    match refused.filter(|_| nothing) {
        None => points.extend(elsewhere),
        Some(why) => points.push(CheckItem::new(ELSE, CheckOutcome::Unknown, why)),
    }
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
    let elsewhere = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"].into_iter().find(|name| variable(name).is_some());
    let endpoint = elsewhere.and_then(variable).map_or(String::new(), |url| format!(", at `{url}`"));
    match who {
        Ok((account, arn)) => {
            let seen = format!("account {account}, {arn}, {source}{endpoint}");
            CheckItem::new(CREDENTIALS, CheckOutcome::Ok, seen)
        }
        Err(error) => {
            let point = CheckItem::new(CREDENTIALS, CheckOutcome::Missing, format!("{error}; {source}{endpoint}"));
            let hint = match (error.kind, elsewhere) {
                (ErrorKind::Credentials, _) if clock => {
                    Some("the clock is wrong, and AWS refuses what is signed so: set it first".to_owned())
                }
                (ErrorKind::Unreachable | ErrorKind::Other, Some(name)) => {
                    Some(format!("`unset {name}` to ask AWS itself instead of what answers there"))
                }
                _ => error.hints.first().map(|hint| hint.0.clone()),
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
    let mut regions = match regions {
        Ok(regions) => regions,
        Err(error) => return vec![failed("the regions of the account are known", &error)],
    };
    if options.regions == Regions::All {
        // what is tried in a few is tried where things usually are
        regions.sort_by_key(|region| *region != Region::usual());
    }
    let tried = regions.iter().take(TRIED).map(async |region| {
        let (ec2, ssm) = join(permissions::ec2(clients, region, by), permissions::ssm(clients, region, by)).await;
        (Some(region.clone()), [ec2, ssm].into_iter().flatten().collect())
    });
    let places = regions.iter().map(|region| place(clients, &options.owner, region, by));
    let home = regions.first().cloned().unwrap_or_else(Region::usual);
    let everywhere = join(permissions::iam(clients, by), permissions::pricing(clients, &home, by));
    let (places, (tried, (identities, prices))) = join(join_all(places), join(join_all(tried), everywhere)).await;

    let known = places.iter().find_map(|place| place.known.as_ref().ok().filter(|known| !known.is_empty()));
    let mut points: Vec<CheckItem> = places.iter().map(|place| region(place, known)).collect();
    // of a region that is not there nothing more is to be said
    let there: Vec<bool> = points.iter().map(|point| point.outcome != CheckOutcome::Missing).collect();
    let tried: Vec<_> = tried.into_iter().zip(&there).filter_map(|(tried, there)| there.then_some(tried)).collect();
    let places: Vec<_> = places.into_iter().zip(&there).filter_map(|(place, there)| there.then_some(place)).collect();
    if tried.is_empty() {
        points.push(CheckItem::new(ON_EC2, CheckOutcome::Unknown, "not told: see the regions"));
    }
    points.extend(permissions::points(tried));
    points.extend(permissions::points(vec![(None, identities)]));
    points.extend(permissions::points(vec![(None, prices)]));
    points.extend(permissions::untried());
    if !places.is_empty() {
        points.extend(open(&places, &options.owner));
        points.push(strays(&places, Timestamp::now()));
    }
    points
}

/// Who looks; keys are of no use here.
fn looker(owner: &str) -> convert::Me<'_> {
    convert::Me { owner, key: std::path::Path::new("") }
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
    let machines = within(by, "list machines", inventory::machines(clients, looker(me), region));
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
        let view = convert::View { me: looker(me), region: &place.region };
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
    if let Some((first, last)) = ports.filter(|_| *from == "0.0.0.0/0" && matches!(protocol.as_str(), "tcp" | "udp"))
    {
        let port = if first == last { first.to_string() } else { format!("{first}-{last}") };
        return format!("{command} --protocol {protocol} --port {port} --cidr {from}");
    }
    let ports = ports.map_or(String::new(), |(first, last)| format!("FromPort={first},ToPort={last},"));
    let (ranges, range) = if *from == "::/0" { ("Ipv6Ranges", "CidrIpv6") } else { ("IpRanges", "CidrIp") };
    format!("{command} --ip-permissions 'IpProtocol={protocol},{ports}{ranges}=[{{{range}={from}}}]'")
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
    let mut seen = format!("{}: ", words::count(found.len() as u64, "machine"));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CloudFacts, Keep, Layout, Lease, MachineId, ProviderKind};

    fn here() -> Region {
        Region::usual()
    }

    fn place(machines: Vec<Machine>, groups: Vec<SecurityGroup>) -> Place {
        let known = Ok(vec![]);
        Place { region: here(), took: Duration::from_millis(7), known, machines: Ok(machines), groups: Ok(groups) }
    }

    fn refused(kind: ErrorKind) -> Error {
        Error::new(kind, "could not ask").hint("do this")
    }

    #[test]
    fn a_region_is_judged_by_its_answer_and_by_what_others_say() {
        let known: Known = vec![
            ("us-west-2".into(), Some("opt-in-not-required".into())),
            ("af-south-1".into(), Some("not-opted-in".into())),
        ];
        let at = |name: &str, answer: Result<Known>| Place {
            region: Region::new(name).unwrap(),
            known: answer,
            ..place(vec![], vec![])
        };
        let kinds = [ErrorKind::Denied, ErrorKind::Credentials, ErrorKind::Unreachable];
        let [denied, unknown, dead] = kinds.map(|kind| Err(refused(kind)));
        let table = [
            (at("us-west-2", Ok(known.clone())), Some(&known), CheckOutcome::Ok, "in 7 ms", ""),
            (at("us-west-2", denied), None, CheckOutcome::Ok, "with a refusal", ""),
            (at("us-west-2", unknown), None, CheckOutcome::Missing, "no calls of this account", "enable-region"),
            (at("us-west-2", dead), None, CheckOutcome::Missing, "could not ask", "do this"),
            (at("us-west-1", Ok(vec![])), Some(&known), CheckOutcome::Missing, "no such region", "`us-west-2`?"),
            (at("af-south-1", Ok(vec![])), Some(&known), CheckOutcome::Missing, "not enabled", "enable-region"),
        ];
        for (place, known, outcome, seen, hint) in table {
            let point = region(&place, known);
            assert_eq!(point.outcome, outcome, "{point:?}");
            assert!(point.seen.contains(seen) && point.hint.as_deref().unwrap_or("").contains(hint), "{point:?}");
        }
    }

    #[test]
    fn an_open_rule_comes_with_the_command_that_closes_it() {
        type Case = (&'static str, Option<(i32, i32)>, &'static str, &'static str);
        let head = "aws ec2 revoke-security-group-ingress --region us-west-2 --group-id sg-1 ";
        let table: [Case; 5] = [
            ("tcp", Some((22, 22)), "0.0.0.0/0", "--protocol tcp --port 22 --cidr 0.0.0.0/0"),
            ("udp", Some((1, 9)), "0.0.0.0/0", "--protocol udp --port 1-9 --cidr 0.0.0.0/0"),
            (
                "tcp",
                Some((22, 22)),
                "::/0",
                "--ip-permissions 'IpProtocol=tcp,FromPort=22,ToPort=22,Ipv6Ranges=[{CidrIpv6=::/0}]'",
            ),
            ("-1", None, "0.0.0.0/0", "--ip-permissions 'IpProtocol=-1,IpRanges=[{CidrIp=0.0.0.0/0}]'"),
            (
                "icmp",
                Some((-1, -1)),
                "0.0.0.0/0",
                "--ip-permissions 'IpProtocol=icmp,FromPort=-1,ToPort=-1,IpRanges=[{CidrIp=0.0.0.0/0}]'",
            ),
        ];
        for (protocol, ports, from, tail) in table {
            let rule = OpenRule { protocol: protocol.into(), ports, from };
            assert_eq!(revoke(&here(), "sg-1", &rule), format!("{head}{tail}"));
        }
    }

    #[test]
    fn only_open_groups_of_ours_are_told() {
        use aws_sdk_ec2::types::{IpPermission, IpRange};
        let range = IpRange::builder().cidr_ip("0.0.0.0/0").build();
        let ssh = IpPermission::builder().ip_protocol("tcp").from_port(22).to_port(22).ip_ranges(range).build();
        let group = |id: &str, name: &str| SecurityGroup::builder().group_id(id).group_name(name);
        let groups = vec![
            group("sg-1", "hg-linux-dev-1").ip_permissions(ssh.clone()).build(),
            group("sg-2", "web").ip_permissions(ssh).build(),
            group("sg-3", "hg-windows-dev-1").build(),
        ];
        let points = open(&[place(vec![], groups.clone())], "anna");
        let [point] = points.as_slice() else { panic!("{points:?}") };
        assert_eq!(point.outcome, CheckOutcome::Warning);
        assert_eq!(point.seen, "sg-1 hg-linux-dev-1 in us-west-2: 22 (tcp) from 0.0.0.0/0");
        let points = open(&[place(vec![], groups[1..].to_vec())], "anna");
        assert_eq!((points[0].outcome, points[0].seen.as_str()), (CheckOutcome::Ok, "1 group of ours"));
        let unseen = Place { groups: Err(refused(ErrorKind::Denied)), ..place(vec![], vec![]) };
        let points = open(&[unseen], "anna");
        assert_eq!((points.len(), points[0].outcome), (1, CheckOutcome::Unknown));
    }

    #[test]
    fn a_machine_of_ours_that_nothing_ends_is_told() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let hour = |hours: i64| Lease::until(now + jiff::SignedDuration::from_hours(hours));
        let machine = |id: &str, state, lease, claim, keep| Machine {
            id: MachineId::new(id).unwrap(),
            provider: ProviderKind::Aws,
            state,
            image: None,
            launched: None,
            lease,
            job: None,
            endpoint: None,
            layout: Layout::interface(),
            sudo: true,
            cloud: Some(Box::new(CloudFacts {
                region: here(),
                zone: None,
                instance_type: "t3.micro".into(),
                name: None,
                image_id: None,
                address: None,
                claim,
                keep,
                reason: None,
                metered: crate::domain::Metered::default(),
            })),
        };
        let ours = || Claim::Ours { why: "x".into() };
        let bens = Claim::OtherOwner { owner: "ben".into(), why: "x".into() };
        let kept = Keep::read(&[(crate::domain::tag::KEEP, "2027-01-01")].into_iter().collect());
        let running = MachineState::Running;
        let machines = vec![
            machine("i-1", running, None, ours(), None),
            machine("i-2", running, Some(hour(-1)), ours(), None),
            machine("i-3", running, Some(hour(1)), ours(), None),
            machine("i-4", MachineState::Stopped, None, ours(), None),
            machine("i-5", running, None, bens, None),
            machine("i-6", running, None, Claim::Foreign { why: None }, None),
            machine("i-7", running, None, ours(), kept),
        ];
        let point = strays(&[place(machines.clone(), vec![])], now);
        assert_eq!(point.outcome, CheckOutcome::Warning);
        assert_eq!(point.seen, "2 machines: i-1 in us-west-2 (no lease), i-2 in us-west-2 (its lease is over)");
        assert_eq!(strays(&[place(machines[2..].to_vec(), vec![])], now).outcome, CheckOutcome::Ok);
        let unseen = Place { machines: Err(refused(ErrorKind::Unreachable)), ..place(vec![], vec![]) };
        assert_eq!(strays(&[unseen], now).outcome, CheckOutcome::Unknown);
    }
}
