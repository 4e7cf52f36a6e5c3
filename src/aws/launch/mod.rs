//! Launching a machine: everything it needs made sure of, side by side; then one call that carries tags, client token,
//! lease and all; then other zones and types while there is no capacity.

mod attempts;
mod image;
mod key;
mod network;
mod profile;
mod user_data;

use super::client::Clients;
use super::convert::{self, Me, View};
use super::error::told;
use super::ssm;
use crate::cloud::{Error, ErrorKind, LaunchRequest, Result};
use crate::domain::money::UsualTypes;
use crate::domain::{CloudWish, Distro, Machine, Region, Timestamp, Transport, escape_line, tag};
use attempts::Attempt;
pub(super) use attempts::is_capacity;
use aws_sdk_ec2::operation::run_instances::RunInstancesError;
use aws_sdk_ec2::types as ec2;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use image::Base;
use network::Ingress;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// What made a thing, for its tag.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The least size of a root volume in GiB.
const ROOT_GIB: i32 = 12;
/// The size of the extra volume that a filesystem of its own needs.
const EXTRA_GIB: i32 = 8;
/// What the extra volume is called; the machine sees it as a disk `nvme1n1`.
const EXTRA: &str = "/dev/sdf";
/// How long what was made a moment ago may be unknown to EC2: an instance profile, a group, a key pair.
const KNOWN: Duration = Duration::from_secs(40);

/// A host key: its private half as OpenSSH writes it, which is a secret, and its public half in one line.
pub struct HostKey {
    /// The private key.
    pub private: String,
    /// The public key, `ssh-ed25519` and base64.
    pub public: String,
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Makes a new host key; the error is text.
pub type NewHostKey = Arc<dyn Fn() -> std::result::Result<HostKey, String> + Send + Sync>;

/// What launches need to know, beside what is asked for.
#[derive(Clone)]
pub struct LaunchOptions {
    /// File of the private key that machines let in.
    pub key: PathBuf,
    /// The public key that belongs to it, one line.
    pub client_key: String,
    /// Makes host keys.
    pub host_key: NewHostKey,
    /// This computer's name: rules of security groups tell whose they are.
    pub host: String,
    /// The types of machines where none is wished for, the first preferred, the others for want of capacity.
    pub types: UsualTypes,
    /// Who may connect besides what is asked for; none is the caller's own address.
    pub cidr: Vec<String>,
    /// Whether the world may connect.
    pub open: bool,
    /// A URL that answers with the caller's address.
    pub address_from: String,
    /// Where the SSM agent is fetched from by machines that have none, and its SHA-256.
    pub ssm_agent: Option<(String, String)>,
}

impl fmt::Debug for LaunchOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchOptions").field("types", &self.types).finish_non_exhaustive()
    }
}

/// A launch that did not come to be.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: Error,
    /// Whether EC2 said that it made nothing; else it may have made one all the same.
    pub(super) surely: bool,
    /// Whether EC2 said that an earlier call with the same token has made one.
    pub(super) twin: bool,
}

impl From<Error> for Refused {
    /// Of an error before the call itself.
    fn from(error: Error) -> Self {
        Self { error, surely: true, twin: false }
    }
}

pub(super) fn tags(of: ec2::ResourceType, pairs: &[(&str, &str)]) -> ec2::TagSpecification {
    let all = pairs.iter().map(|(key, value)| ec2::Tag::builder().key(*key).value(*value).build());
    ec2::TagSpecification::builder().resource_type(of).set_tags(Some(all.collect())).build()
}

/// The code of a service's error.
pub(super) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<String> {
    error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned)
}

/// What is made sure of before the call.
struct Ready {
    base: Base,
    key_name: String,
    group: String,
    /// Whether it gets the profile that lets Systems Manager reach it.
    profile: bool,
    /// Whether a volume more is needed for the type.
    extra: Vec<(String, bool)>,
}

/// Launches a machine in a region.
///
/// # Errors
/// `Capacity` when no zone has any of the types; what keeps it from being launched, with what can be done.
pub(super) async fn launch(
    clients: &Clients,
    options: &LaunchOptions,
    owner: &str,
    region: &Region,
    request: &LaunchRequest,
) -> std::result::Result<Machine, Refused> {
    let types = types(options, request);
    let ready = prepare(clients, options, owner, region, request, &types).await?;
    let host_key = (options.host_key)()
        .map_err(|why| Error::new(ErrorKind::Other, format!("could not make a host key: {why}")))?;
    let agent = agent_script(options, region, &request.wish);
    let seconds = request.lease.left(Timestamp::now()).as_secs().max(60);
    let user_data = user_data::user_data(&user_data::Told {
        client_key: options.client_key.trim(),
        host_key: &host_key.private,
        host_key_public: &host_key.public,
        lease: (crate::remote::lease::SCRIPT, seconds),
        script: agent.as_deref(),
    })?;
    let call = Call {
        clients,
        options,
        owner,
        region,
        request,
        ready: &ready,
        user_data,
        host_key: &host_key.public,
        lost: Lost::default(),
    };
    let (mut without_capacity, mut last): (Vec<String>, String) = Default::default();
    for instance_type in &types {
        // EC2's own choice first; the zones are only asked for when it has none
        let mut tries = attempts::of_type(instance_type, &[]);
        let mut named = false;
        while let Some(attempt) = tries.pop() {
            match call.run(&attempt).await {
                Ok(machine) => return Ok(machine),
                Err(Stopped::Capacity(said)) => {
                    tracing::info!(attempt = attempt.shown(), said, "no capacity");
                    without_capacity.push(attempt.shown());
                    last = said;
                    if !named {
                        named = true;
                        let zones = zones(clients, region, instance_type).await?;
                        tries = attempts::of_type(instance_type, &zones).split_off(1);
                        tries.reverse();
                    }
                }
                Err(Stopped::Other(refused)) => return Err(refused),
            }
        }
    }
    let tried = without_capacity.join(", ");
    let last = escape_line(crate::diag::redact(last.trim_end_matches(['.', ' '])).as_ref());
    Err(Error::new(ErrorKind::Capacity, format!("`{region}` has no capacity for what was tried: {tried} ({last})"))
        .hint("try again later, or another type: `--instance-type A,B` tries one after the other")
        .hint("or another region: `--aws-region`, which needs an image of its own")
        .into())
}

fn types(options: &LaunchOptions, request: &LaunchRequest) -> Vec<String> {
    if !request.wish.instance_types.is_empty() {
        return request.wish.instance_types.clone();
    }
    if request.for_image { options.types.images.clone() } else { options.types.machines.clone() }
}

/// What the machine runs once so that it has an SSM agent; it does nothing where there is one. None where none is needed.
fn agent_script(options: &LaunchOptions, region: &Region, wish: &CloudWish) -> Option<String> {
    if wish.transport == Transport::Ssh {
        return None;
    }
    match &options.ssm_agent {
        Some((url, sha256)) => Some(ssm::install_script(url, sha256)),
        None => ssm::known_package(region).map(|package| ssm::install_script(&package.url, &package.sha256)),
    }
}

async fn prepare(
    clients: &Clients,
    options: &LaunchOptions,
    owner: &str,
    region: &Region,
    request: &LaunchRequest,
    types: &[String],
) -> Result<Ready> {
    let base = async {
        if let Some(name) = &request.image {
            return image::ours(clients, region, name).await;
        }
        let distro = Distro::wished(request.wish.distro.as_deref()).map_err(|error| {
            let mut told = Error::new(ErrorKind::NotFound, error.to_string());
            told.hints = crate::diag::hints(&error);
            told
        })?;
        image::of_distro(clients, region, distro).await
    };
    let group = async {
        let ingress = match request.wish.transport {
            Transport::Ssm => Ingress::Closed,
            Transport::Ssh | Transport::Auto => network::ingress(clients, options, &request.wish.cidr).await?,
        };
        network::group(clients, options, owner, region, &ingress).await
    };
    let profile = async {
        if request.wish.transport == Transport::Ssh {
            return Ok(false);
        }
        match profile::ensure(clients, owner).await {
            Ok(()) => Ok(true),
            // SSH may do, and is tried first
            Err(error) if request.wish.transport == Transport::Auto && error.kind == ErrorKind::Denied => {
                tracing::warn!("without Systems Manager: {}", crate::diag::chain(&error));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    };
    let extra = async { if request.spare_disk { has_disks(clients, region, types).await } else { Ok(Vec::new()) } };
    let (base, key_name, group, profile, extra) =
        tokio::try_join!(base, key::pair(clients, owner, region, &options.client_key), group, profile, extra)?;
    Ok(Ready { base, key_name, group, profile, extra })
}

/// Which of these types come with disks of their own, as EC2 says.
async fn has_disks(clients: &Clients, region: &Region, types: &[String]) -> Result<Vec<(String, bool)>> {
    let wanted = types.iter().map(|name| ec2::InstanceType::from(name.as_str())).collect();
    let answer = clients.ec2(region).await.describe_instance_types().set_instance_types(Some(wanted)).send().await;
    let answer = answer.map_err(|error| {
        told(&format!("ask which disks {} have", types.join(", ")), error)
            .hint(format!("`aws ec2 describe-instance-types --region {region}` lists the types there are"))
    })?;
    let all = answer.instance_types.unwrap_or_default();
    let each = all.iter().filter_map(|one| {
        Some((one.instance_type()?.as_str().to_owned(), one.instance_storage_supported().unwrap_or(false)))
    });
    Ok(each.collect())
}

/// The zones of a region that offer a type.
async fn zones(clients: &Clients, region: &Region, instance_type: &str) -> Result<Vec<String>> {
    let filter = ec2::Filter::builder().name("instance-type").values(instance_type).build();
    let call = clients.ec2(region).await.describe_instance_type_offerings();
    let answer = call.location_type(ec2::LocationType::AvailabilityZone).filters(filter).send().await;
    let answer =
        answer.map_err(|error| told(&format!("ask which zones of `{region}` have {instance_type}"), error))?;
    let offers = answer.instance_type_offerings.unwrap_or_default();
    let mut zones: Vec<String> = offers.into_iter().filter_map(|offer| offer.location).collect();
    zones.sort();
    Ok(zones)
}

/// Whether an error says that something is not known that may have been made a moment ago.
fn is_unknown_yet(code: &str, said: &str) -> bool {
    let profile = || ["iamInstanceProfile", "IAM Instance Profile"].iter().any(|word| said.contains(word));
    match code {
        "InvalidParameterValue" => profile(),
        "InvalidGroup.NotFound" | "InvalidKeyPair.NotFound" => true,
        _ => false,
    }
}

/// Why a try ended.
enum Stopped {
    /// There is none left there: another may do.
    Capacity(String),
    Other(Refused),
}

/// Whether a try of a call was sent and not answered by a plain no: what the last try is told says nothing of it.
#[derive(Debug, Clone, Default)]
struct Lost(Arc<AtomicBool>);

impl Intercept for Lost {
    fn name(&self) -> &'static str {
        "lost"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        let Some(Err(error)) = context.output_or_error() else { return Ok(()) };
        let run = error.as_operation_error().and_then(|error| error.downcast_ref::<RunInstancesError>());
        let none_made = |code| is_capacity(code) || crate::aws::error::kind(code) == ErrorKind::Throttled;
        let none_there = run.and_then(ProvideErrorMetadata::code).is_some_and(none_made);
        let said_no = run.is_some() && context.response().is_some_and(|answer| !answer.status().is_server_error());
        if !none_there && !said_no {
            self.0.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// One launch, to be tried in several places.
struct Call<'a> {
    clients: &'a Clients,
    options: &'a LaunchOptions,
    owner: &'a str,
    region: &'a Region,
    request: &'a LaunchRequest,
    ready: &'a Ready,
    user_data: String,
    host_key: &'a str,
    lost: Lost,
}

impl Call<'_> {
    fn volumes(&self, instance_type: &str) -> Vec<ec2::BlockDeviceMapping> {
        let volume = |name: &str, size: i32| {
            let disk = ec2::EbsBlockDevice::builder()
                .volume_size(size)
                .volume_type(ec2::VolumeType::Gp3)
                .encrypted(true)
                .delete_on_termination(true)
                .build();
            ec2::BlockDeviceMapping::builder().device_name(name).ebs(disk).build()
        };
        let mut all = vec![volume(&self.ready.base.root, self.ready.base.size.max(ROOT_GIB))];
        let has_own = self.ready.extra.iter().any(|(name, own)| name == instance_type && *own);
        if self.request.spare_disk && !has_own {
            all.push(volume(EXTRA, EXTRA_GIB));
        }
        all
    }

    fn tags(&self) -> Vec<ec2::TagSpecification> {
        let request = self.request;
        let suffix = request.job.as_str().trim_start_matches("j-");
        let name = format!("hg-{}-{suffix}", request.purpose);
        let lease = format!("{:.0}", request.lease.ends());
        let host_key = host_key_tag(&[self.host_key.to_owned()]);
        let shared = [
            (tag::NAME, name.as_str()),
            (tag::OWNER, self.owner),
            (tag::JOB, request.job.as_str()),
            (tag::LEASE, lease.as_str()),
            (tag::VERSION, VERSION),
            (tag::MACHINE, request.machine.as_str()),
        ];
        let mut machine = shared.to_vec();
        machine.push((tag::HOST_KEY, &host_key));
        if request.wish.transport == Transport::Ssm {
            machine.push((tag::TRANSPORT, Transport::Ssm.as_str()));
        }
        vec![
            tags(ec2::ResourceType::Instance, &machine),
            tags(ec2::ResourceType::Volume, &shared),
            tags(ec2::ResourceType::NetworkInterface, &shared),
        ]
    }

    async fn run(&self, attempt: &Attempt) -> std::result::Result<Machine, Stopped> {
        let token = attempt.token(self.owner, &self.options.client_key, self.request.machine.as_str());
        let deadline = Instant::now() + KNOWN;
        loop {
            let error = match self.send(attempt, &token).await {
                Ok(machine) => return Ok(machine),
                Err(error) => error,
            };
            let code = code(&error).unwrap_or_default();
            let said = error.as_service_error().and_then(|error| error.message()).unwrap_or_default();
            if is_unknown_yet(&code, said) && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_secs(2)).await;
                continue;
            }
            // a zone without a subnet of its own has nothing for us either
            if is_capacity(&code) || said.contains("No default subnet for availability zone") {
                return Err(Stopped::Capacity(format!("{code}: {said}")));
            }
            return Err(Stopped::Other(self.refused(&code, attempt, error)));
        }
    }

    async fn send(
        &self,
        attempt: &Attempt,
        token: &str,
    ) -> std::result::Result<Machine, SdkError<RunInstancesError, HttpResponse>> {
        let placement = attempt.zone.as_ref().map(|zone| ec2::Placement::builder().availability_zone(zone).build());
        let profile = self
            .ready
            .profile
            .then(|| ec2::IamInstanceProfileSpecification::builder().name(profile::PROFILE).build());
        let metadata = ec2::InstanceMetadataOptionsRequest::builder()
            .http_tokens(ec2::HttpTokensState::Required)
            .http_put_response_hop_limit(1)
            .http_endpoint(ec2::InstanceMetadataEndpointState::Enabled)
            .build();
        let call = self
            .clients
            .ec2(self.region)
            .await
            .run_instances()
            .client_token(token)
            .min_count(1)
            .max_count(1)
            .image_id(&self.ready.base.id)
            .instance_type(ec2::InstanceType::from(attempt.instance_type.as_str()))
            .set_placement(placement)
            .key_name(&self.ready.key_name)
            .security_group_ids(&self.ready.group)
            .set_iam_instance_profile(profile)
            .instance_initiated_shutdown_behavior(ec2::ShutdownBehavior::Terminate)
            .metadata_options(metadata)
            .user_data(aws_smithy_types::base64::encode(&self.user_data))
            .set_block_device_mappings(Some(self.volumes(&attempt.instance_type)))
            .set_tag_specifications(Some(self.tags()));
        let answer = call.customize().interceptor(self.lost.clone()).send().await?;
        let instance = answer.instances.unwrap_or_default().into_iter().next();
        let view = View { me: Me { owner: self.owner, key: &self.options.key }, region: self.region };
        let machine = instance.and_then(|mut instance| {
            if instance.tags.is_none() {
                instance.tags = self.tags().into_iter().next().and_then(|tags| tags.tags);
            }
            let mut machine = convert::machine(view, &instance)?;
            if let Some(cloud) = &mut machine.cloud {
                let sizes = self.volumes(&attempt.instance_type);
                let sizes = sizes.iter().filter_map(|volume| u64::try_from(volume.ebs()?.volume_size()?).ok());
                cloud.metered.disk_gb = Some(sizes.sum());
                // it gets one a moment after its launch, in the account's default subnets
                cloud.metered.addresses = 1;
            }
            Some(machine)
        });
        // an answer without a machine is none
        machine.ok_or_else(|| SdkError::construction_failure("EC2's answer names no machine"))
    }

    fn refused(&self, code: &str, attempt: &Attempt, error: SdkError<RunInstancesError, HttpResponse>) -> Refused {
        let refused = matches!(&error, SdkError::ServiceError(said) if !said.raw().status().is_server_error());
        let twin = matches!(code, "IdempotentParameterMismatch" | "IdempotentInstanceTerminated");
        let surely = refused && !twin && !self.lost.0.load(Ordering::Relaxed);
        let what = format!("launch a machine ({}) in `{}`", attempt.shown(), self.region);
        let error = told(&what, error);
        let error = match code {
            "VcpuLimitExceeded" | "InstanceLimitExceeded" | "MaxSpotInstanceCountExceeded" => error
                .hint("the account's quota is used up: `hga terminate-ec2-instances` ends what is left of ours")
                .hint(format!(
                    "or ask for more: https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas?region={}, \
                     \"Running On-Demand Standard instances\"; or take a smaller `--instance-type`",
                    self.region
                )),
            "IdempotentParameterMismatch" | "IdempotentInstanceTerminated" => error
                .hint("an earlier process of this job launched a machine, which has ended since: begin a new job"),
            "PendingVerification" => {
                error.hint("AWS is still verifying the account for this region; that takes minutes, at most four hours")
            }
            "InvalidParameterValue" if error.message.contains("InstanceType") => error.hint(format!(
                "`aws ec2 describe-instance-types --region {} --query 'InstanceTypes[].InstanceType'` lists the types there are",
                self.region
            )),
            "InvalidParameterValue" if error.message.contains("architecture") => {
                error.hint("our images are for x86_64; take a type without a `g` in its family (c5, c6i, c7i, c7a)")
            }
            _ => error,
        };
        Refused { error, surely, twin }
    }
}

/// The base64 of host keys, as a tag holds them: all of ours are Ed25519.
pub(super) fn host_key_tag(keys: &[String]) -> String {
    let base64 = keys.iter().filter_map(|key| key.split_whitespace().nth(1));
    base64.collect::<Vec<_>>().join(" ")
}

/// Lets this computer in where it is now, at a machine's group of ours.
pub(super) async fn let_in(
    clients: &Clients,
    options: &LaunchOptions,
    owner: &str,
    region: &Region,
    instance: &ec2::Instance,
) -> Result<()> {
    let ours = |group: &&ec2::GroupIdentifier| group.group_name().is_some_and(|name| name.starts_with("hg-"));
    for group in instance.security_groups().iter().filter(ours).filter_map(|group| group.group_id()) {
        network::let_in(clients, options, owner, region, group).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_a_moment_ago_may_be_unknown() {
        let table = [
            ("InvalidParameterValue", "Value (hg-1) for parameter iamInstanceProfile.name is invalid.", true),
            ("InvalidParameterValue", "IAM Instance Profile \"arn:x/hg-1\" has no associated IAM Roles", true),
            ("InvalidParameterValue", "The architecture 'arm64' does not match", false),
            ("InvalidKeyPair.NotFound", "The key pair 'hg-automation' does not exist", true),
            ("InvalidGroup.NotFound", "The security group 'sg-1' does not exist", true),
            ("InvalidAMIID.NotFound", "", false),
        ];
        for (code, said, expected) in table {
            assert_eq!(is_unknown_yet(code, said), expected, "{code}: {said}");
        }
    }
}
