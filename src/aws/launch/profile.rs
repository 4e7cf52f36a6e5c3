//! The instance profile of machines that Systems Manager reaches: the predecessor's names, the policy that is not
//! deprecated. Nothing is taken away from what is there.

use crate::aws::client::Clients;
use crate::aws::error::told;
use crate::cloud::{ErrorKind, Result};
use crate::domain::tag;
use aws_sdk_iam::types::Tag;

/// The profile's name.
pub(super) const PROFILE: &str = "hg-ephemeral-ec2-1";
const ROLE: &str = "hg-ephemeral-ec2-role-1";
/// The policy's path, which is the same in every partition.
const POLICY: &str = "AmazonSSMManagedInstanceCore";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn tags(owner: &str) -> Vec<Tag> {
    [(tag::OWNER, owner), (tag::VERSION, super::VERSION)]
        .into_iter()
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect()
}

/// Makes sure of the profile, its role and the role's policy. Two who do it at once do no harm.
///
/// # Errors
/// What IAM says.
pub(super) async fn ensure(clients: &Clients, owner: &str) -> Result<()> {
    let iam = clients.iam().await;
    let there = iam.get_instance_profile().instance_profile_name(PROFILE).send().await;
    let role = match there.map_err(|error| told(&format!("look at instance profile `{PROFILE}`"), error)) {
        Ok(answer) => {
            let roles = answer.instance_profile.map(|profile| profile.roles).unwrap_or_default();
            roles.first().map(|role| role.role_name().to_owned())
        }
        Err(error) if error.kind == ErrorKind::NotFound => {
            let made = iam.create_instance_profile().instance_profile_name(PROFILE).set_tags(Some(tags(owner)));
            let made = made.send().await.map_err(|error| told(&format!("make instance profile `{PROFILE}`"), error));
            ignore_existing(made)?;
            None
        }
        Err(error) => return Err(error),
    };
    let name = role.as_deref().unwrap_or(ROLE);
    if role.is_none() {
        let made = iam
            .create_role()
            .role_name(ROLE)
            .assume_role_policy_document(TRUST)
            .description("Lets AWS Systems Manager reach machines of Mercurial's automation, and nothing else")
            .set_tags(Some(tags(owner)))
            .send()
            .await;
        ignore_existing(made.map_err(|error| told(&format!("make role `{ROLE}`"), error)))?;
    }
    let attached = iam.list_attached_role_policies().role_name(name).send().await;
    let attached = attached.map_err(|error| told(&format!("list the policies of role `{name}`"), error))?;
    if !attached.attached_policies().iter().any(|policy| policy.policy_name() == Some(POLICY)) {
        let arn = format!("arn:aws:iam::aws:policy/{POLICY}");
        let answer = iam.attach_role_policy().role_name(name).policy_arn(arn).send().await;
        answer.map_err(|error| told(&format!("attach policy `{POLICY}` to role `{name}`"), error))?;
    }
    if role.is_none() {
        let call = iam.add_role_to_instance_profile().instance_profile_name(PROFILE).role_name(ROLE);
        let added = call.send().await;
        let code = added.as_ref().err().and_then(super::code);
        // a profile holds one role: somebody was quicker
        if code.as_deref() != Some("LimitExceeded") {
            ignore_existing(added.map_err(|error| told(&format!("put role `{ROLE}` into its profile"), error)))?;
        }
    }
    Ok(())
}

fn ignore_existing<T>(made: Result<T>) -> Result<()> {
    match made {
        Err(error) if !error.message.contains("EntityAlreadyExists") => Err(error),
        _ => Ok(()),
    }
}
