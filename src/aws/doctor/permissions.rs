//! Which of the calls that hga makes the account's policies allow. What only looks is called; what ends something is called
//! as a dry run, on things that are not there.

use super::super::client::Clients;
use super::super::error::{kind, told};
use crate::cloud::{Error, ErrorKind};
use crate::domain::{CheckItem, CheckOutcome, Distro, Region, tag};
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types as ec2;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::future::{BoxFuture, FutureExt as _, join_all};
use std::error::Error as StdError;
use tokio::time::{Instant, timeout_at};

/// The fewest that EC2 lets one ask for at once.
const FEW: i32 = 5;
/// The name of a role and of a profile, and of a key pair, that are not there; the policy speaks of names like these.
const NOBODY: &str = "hg-doctor-made-up";
/// Of IAM, what cannot be tried: it knows no dry run.
const UNTRIED: &str = "iam:AddRoleToInstanceProfile, iam:AttachRolePolicy, iam:CreateInstanceProfile, iam:CreateRole, \
                       iam:DeleteInstanceProfile, iam:DeleteRole, iam:DeleteRolePolicy, iam:DetachRolePolicy, \
                       iam:PassRole, iam:RemoveRoleFromInstanceProfile, iam:TagInstanceProfile, iam:TagRole";
/// Of Systems Manager, what is allowed on machines of ours alone: on one that is not there it is refused.
const ON_OURS: &str = "ssm:ResumeSession, ssm:SendCommand, ssm:StartSession, ssm:TerminateSession";

/// What a try said of an action.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is allowed.
    Allowed,
    /// Nothing was refused, but what it was tried on is not there.
    Likely,
    /// It is refused.
    Denied(Error),
    /// No telling.
    Untold(Error),
}

/// An action and what the try said.
pub(super) type Tried = (&'static str, Verdict);

fn doing(action: &str) -> String {
    format!("call {action}")
}

fn verdict<T, E, R>(action: &str, answer: Result<T, SdkError<E, R>>) -> Verdict
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let Err(error) = answer else { return Verdict::Allowed };
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    match code {
        // IAM and Systems Manager look at names only after they have looked at policies
        Some("DryRunOperation" | "NoSuchEntity" | "InvalidCommandId" | "InvocationDoesNotExist") => Verdict::Allowed,
        Some(code) if kind(code) == ErrorKind::NotFound => Verdict::Likely,
        _ => {
            let error = told(&doing(action), error);
            if error.kind == ErrorKind::Denied { Verdict::Denied(error) } else { Verdict::Untold(error) }
        }
    }
}

/// A call that ends in time, one way or the other.
fn tried<'a, T, E, R>(
    action: &'static str,
    by: Instant,
    call: impl Future<Output = Result<T, SdkError<E, R>>> + Send + 'a,
) -> BoxFuture<'a, Tried>
where
    T: Send,
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    async move {
        let late = || Verdict::Untold(super::late(&doing(action)));
        (action, timeout_at(by, call).await.map_or_else(|_| late(), |answer| verdict(action, answer)))
    }
    .boxed()
}

/// A public key that nobody has the private half of.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEgGQz2eS0uhKXxYhxCtyZM3UxF7fZ8TphhkoHBxKLPc";

/// A launch as it is tried: tagged as ours are, of an image that is not there.
fn launch(
    client: &aws_sdk_ec2::Client,
) -> aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder {
    // the policy asks for an owner on each of these
    let tagged = [ec2::ResourceType::Instance, ec2::ResourceType::Volume, ec2::ResourceType::NetworkInterface];
    let tags = tagged.map(|of| ec2::TagSpecification::builder().resource_type(of).tags(owner()).build());
    let call =
        client.run_instances().dry_run(true).min_count(1).max_count(1).instance_type(ec2::InstanceType::T3Medium);
    call.image_id("ami-00000000000000000").set_tag_specifications(Some(tags.to_vec()))
}

fn owner() -> ec2::Tag {
    ec2::Tag::builder().key(tag::OWNER).value(NOBODY).build()
}

/// An address that belongs to nobody (RFC 5737).
fn nobody() -> ec2::IpPermission {
    let range = ec2::IpRange::builder().cidr_ip("192.0.2.1/32").build();
    ec2::IpPermission::builder().ip_protocol("tcp").from_port(22).to_port(22).ip_ranges(range).build()
}

/// Whether base images may be looked up.
async fn parameter(clients: &Clients, region: &Region, by: Instant) -> Tried {
    let client = clients.ssm(region).await;
    let name = Distro::usual().parameters.first().map_or("/aws/service/none", String::as_str);
    tried("ssm:GetParameter", by, client.get_parameter().name(name).send()).await
}

/// Every action on EC2 in a region, and what launches need besides; ids are well-formed, or AWS would look no further.
pub(super) async fn ec2(clients: &Clients, region: &Region, by: Instant) -> Vec<Tried> {
    let client = clients.ec2(region).await;
    let machine = "i-00000000000000000";
    let (image, snapshot) = ("ami-00000000000000000", "snap-00000000000000000");
    let (volume, group) = ("vol-00000000000000000", "sg-00000000000000000");
    let own = "self";
    let calls = vec![
        tried("ec2:DescribeRegions", by, client.describe_regions().send()),
        tried("ec2:DescribeInstances", by, client.describe_instances().max_results(FEW).send()),
        tried("ec2:DescribeImages", by, client.describe_images().owners(own).max_results(FEW).send()),
        tried("ec2:DescribeSnapshots", by, client.describe_snapshots().owner_ids(own).max_results(FEW).send()),
        tried("ec2:DescribeVolumes", by, client.describe_volumes().max_results(FEW).send()),
        tried("ec2:DescribeSecurityGroups", by, client.describe_security_groups().max_results(FEW).send()),
        tried("ec2:DescribeKeyPairs", by, client.describe_key_pairs().send()),
        tried("ec2:TerminateInstances", by, client.terminate_instances().dry_run(true).instance_ids(machine).send()),
        tried("ec2:DeregisterImage", by, client.deregister_image().dry_run(true).image_id(image).send()),
        tried("ec2:DeleteSnapshot", by, client.delete_snapshot().dry_run(true).snapshot_id(snapshot).send()),
        tried("ec2:DeleteVolume", by, client.delete_volume().dry_run(true).volume_id(volume).send()),
        tried("ec2:DeleteSecurityGroup", by, client.delete_security_group().dry_run(true).group_id(group).send()),
        tried("ec2:DescribeVpcs", by, client.describe_vpcs().max_results(FEW).send()),
        tried("ec2:DescribeInstanceTypes", by, client.describe_instance_types().max_results(FEW).send()),
        tried(
            "ec2:DescribeInstanceTypeOfferings",
            by,
            client.describe_instance_type_offerings().max_results(FEW).send(),
        ),
        tried("ec2:DescribeSpotPriceHistory", by, client.describe_spot_price_history().max_results(FEW).send()),
        tried("ec2:DescribeInstanceStatus", by, client.describe_instance_status().max_results(FEW).send()),
        tried("ec2:GetConsoleOutput", by, client.get_console_output().dry_run(true).instance_id(machine).send()),
        tried("ec2:RunInstances", by, launch(&client).send()),
        tried("ec2:CreateTags", by, client.create_tags().dry_run(true).resources(machine).tags(owner()).send()),
        tried("ec2:CreateImage", by, client.create_image().dry_run(true).instance_id(machine).name(NOBODY).send()),
        tried(
            "ec2:CreateSecurityGroup",
            by,
            client.create_security_group().dry_run(true).group_name(NOBODY).description(NOBODY).send(),
        ),
        tried(
            "ec2:AuthorizeSecurityGroupIngress",
            by,
            client.authorize_security_group_ingress().dry_run(true).group_id(group).ip_permissions(nobody()).send(),
        ),
        tried(
            "ec2:RevokeSecurityGroupIngress",
            by,
            client.revoke_security_group_ingress().dry_run(true).group_id(group).ip_permissions(nobody()).send(),
        ),
        tried(
            "ec2:ImportKeyPair",
            by,
            client.import_key_pair().dry_run(true).key_name(NOBODY).public_key_material(Blob::new(KEY)).send(),
        ),
        tried("ec2:DeleteKeyPair", by, client.delete_key_pair().dry_run(true).key_name(NOBODY).send()),
    ];
    let (mut all, parameter) = tokio::join!(join_all(calls), parameter(clients, region, by));
    all.push(parameter);
    all
}

/// Every action on Systems Manager in a region that can be tried.
pub(super) async fn ssm(clients: &Clients, region: &Region, by: Instant) -> Vec<Tried> {
    let client = clients.ssm(region).await;
    let (command, machine) = ("00000000-0000-0000-0000-000000000000", "i-00000000000000000");
    let known = client.describe_instance_information().max_results(FEW).send();
    let seen = client.get_command_invocation().command_id(command).instance_id(machine).send();
    let calls = vec![
        tried("ssm:DescribeInstanceInformation", by, known),
        tried("ssm:GetCommandInvocation", by, seen),
        tried("ssm:CancelCommand", by, client.cancel_command().command_id(command).send()),
    ];
    join_all(calls).await
}

/// The one action of the Price List, which has no regions of its own.
pub(super) async fn pricing(clients: &Clients, home: &Region, by: Instant) -> Vec<Tried> {
    let client = clients.pricing(&super::super::prices::endpoint(home)).await;
    vec![
        tried("pricing:GetProducts", by, client.get_products().service_code("AmazonEC2").max_results(1).send()).await,
    ]
}

/// Every action on IAM that only looks.
pub(super) async fn iam(clients: &Clients, by: Instant) -> Vec<Tried> {
    let client = clients.iam().await;
    let calls = vec![
        tried("iam:ListRoles", by, client.list_roles().max_items(1).send()),
        tried("iam:ListRoleTags", by, client.list_role_tags().role_name(NOBODY).send()),
        tried("iam:ListRolePolicies", by, client.list_role_policies().role_name(NOBODY).send()),
        tried("iam:ListAttachedRolePolicies", by, client.list_attached_role_policies().role_name(NOBODY).send()),
        tried("iam:ListInstanceProfiles", by, client.list_instance_profiles().max_items(1).send()),
        tried("iam:GetInstanceProfile", by, client.get_instance_profile().instance_profile_name(NOBODY).send()),
    ];
    join_all(calls).await
}

/// What the tries of one action said, and where.
type Places = Vec<(Option<Region>, Verdict)>;

/// The points of what was tried in these places: one an action, the worst place decides.
pub(super) fn points(tried: Vec<(Option<Region>, Vec<Tried>)>) -> Vec<CheckItem> {
    let mut actions: Vec<(&str, Places)> = Vec::new();
    for (region, verdicts) in tried {
        for (action, verdict) in verdicts {
            match actions.iter_mut().find(|(known, _)| *known == action) {
                Some((_, places)) => places.push((region.clone(), verdict)),
                None => actions.push((action, vec![(region.clone(), verdict)])),
            }
        }
    }
    actions.into_iter().map(|(action, places)| point(action, &places)).collect()
}

fn point(action: &str, places: &[(Option<Region>, Verdict)]) -> CheckItem {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Allowed => 0,
        Verdict::Likely => 1,
        Verdict::Untold(_) => 2,
        Verdict::Denied(_) => 3,
    };
    let what = format!("allowed: {action}");
    let Some((_, worst)) = places.iter().max_by_key(|(_, verdict)| rank(verdict)) else {
        return CheckItem::new(what, CheckOutcome::Unknown, "not asked");
    };
    let such: Vec<&str> = places
        .iter()
        .filter(|(_, verdict)| rank(verdict) == rank(worst))
        .filter_map(|(region, _)| region.as_ref().map(Region::as_str))
        .collect();
    let place = if such.is_empty() { String::new() } else { format!("in {}", such.join(", ")) };
    let behind = if place.is_empty() { String::new() } else { format!("{place}: ") };
    // the action stands before it already
    let said = |error: &Error| {
        let head = format!("could not {}: ", doing(action));
        format!("{behind}{}", error.message.strip_prefix(&head).unwrap_or(&error.message))
    };
    match worst {
        Verdict::Allowed => CheckItem::new(what, CheckOutcome::Ok, place),
        Verdict::Likely => {
            let seen = format!("{behind}as far as can be told without a thing to try it on");
            CheckItem::new(what, CheckOutcome::Ok, seen)
        }
        Verdict::Untold(error) => CheckItem::new(what, CheckOutcome::Unknown, said(error)),
        Verdict::Denied(error) => CheckItem::new(what, CheckOutcome::Missing, said(error))
            .hint("`hga doctor --iam` prints the policy that hga needs"),
    }
}

/// The points of what cannot be tried.
pub(super) fn untried() -> [CheckItem; 2] {
    [(UNTRIED, "not tested: IAM knows no dry run"), (ON_OURS, "not tested: only for machines of ours")]
        .map(|(actions, seen)| CheckItem::new(format!("allowed: {actions}"), CheckOutcome::Unknown, seen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::operation::terminate_instances::TerminateInstancesError;
    use aws_smithy_types::error::ErrorMetadata;

    fn of_code(code: &str) -> Verdict {
        let error = TerminateInstancesError::generic(ErrorMetadata::builder().code(code).message("why").build());
        verdict::<(), _, _>("ec2:TerminateInstances", Err(SdkError::service_error(error, ())))
    }

    #[test]
    fn answers_to_a_try_say_what_is_allowed() {
        let table = [
            ("DryRunOperation", CheckOutcome::Ok, "in us-west-2"),
            ("NoSuchEntity", CheckOutcome::Ok, "in us-west-2"),
            ("InvalidInstanceID.NotFound", CheckOutcome::Ok, "in us-west-2: as far as can be told"),
            ("UnauthorizedOperation", CheckOutcome::Missing, "in us-west-2: UnauthorizedOperation: why"),
            ("RequestLimitExceeded", CheckOutcome::Unknown, "RequestLimitExceeded: why"),
            ("InvalidInstanceID.Malformed", CheckOutcome::Unknown, "Malformed"),
            ("AuthFailure", CheckOutcome::Unknown, "AuthFailure"),
        ];
        for (code, outcome, seen) in table {
            let tried = vec![("ec2:TerminateInstances", of_code(code))];
            let points = points(vec![(Some(Region::usual()), tried)]);
            let [point] = points.as_slice() else { panic!("{points:?}") };
            assert_eq!(point.outcome, outcome, "{code}");
            assert!(point.seen.contains(seen), "{code}: {}", point.seen);
            assert_eq!(point.what, "allowed: ec2:TerminateInstances");
            assert_eq!(point.hint.is_some(), outcome == CheckOutcome::Missing);
        }
    }

    #[test]
    fn the_worst_place_decides_and_is_named() {
        let [one, two] = ["us-east-1", "eu-west-1"].map(|name| Some(Region::new(name).unwrap()));
        let tried = |code: &str| vec![("ec2:X", of_code(code))];
        let points = points(vec![(one, tried("DryRunOperation")), (two, tried("UnauthorizedOperation"))]);
        assert_eq!(points.len(), 1);
        assert_eq!(points[0].outcome, CheckOutcome::Missing);
        assert!(points[0].seen.starts_with("in eu-west-1: "), "{}", points[0].seen);
    }
}
