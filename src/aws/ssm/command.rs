//! One short command on one machine: sent, waited for, its output fetched, and cancelled when nobody waits any longer.

use super::super::client::Clients;
use super::super::error::told;
use crate::cloud;
use crate::domain::{Managed, Region, escape_line};
use crate::remote::{Error, ErrorKind, Result};
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{CommandInvocationStatus as Status, InstanceInformationStringFilter as Filter, PingStatus};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What runs a shell script there.
const DOCUMENT: &str = "AWS-RunShellScript";
/// How long a command may be on its way to the agent.
const DELIVERY: Duration = Duration::from_secs(60);
/// How long a command that was accepted may be unknown to those who ask for it.
const UNSEEN: Duration = Duration::from_secs(30);
/// From the first look for an answer to the next, and at most so long.
const LOOKS: (Duration, Duration) = (Duration::from_millis(80), Duration::from_millis(800));

/// Runs commands on one machine.
#[derive(Debug, Clone)]
pub(super) struct Runner {
    clients: Arc<Clients>,
    at: Managed,
}

impl Runner {
    pub(super) fn new(clients: Arc<Clients>, at: Managed) -> Self {
        Self { clients, at }
    }

    /// The machine's instance id.
    pub(super) fn instance(&self) -> &str {
        &self.at.instance
    }

    /// Runs a script as root and gives what it said on standard output. Dropped, it cancels the command.
    ///
    /// # Errors
    /// `Unreachable` where no agent is online or AWS does not answer, `Denied` where we may not, `Timeout` where AWS
    /// takes no more calls or the machine does not run it in time, `Lost` where it was broken off, `Command` where the
    /// script failed.
    pub(super) async fn run(&self, script: String, limit: Duration) -> Result<String> {
        let client = self.clients.ssm(&self.at.region).await;
        let seconds = |time: Duration| i32::try_from(time.as_secs()).unwrap_or(i32::MAX);
        let sent = client
            .send_command()
            .document_name(DOCUMENT)
            .instance_ids(&self.at.instance)
            .timeout_seconds(seconds(DELIVERY))
            .parameters("commands", vec![script])
            .parameters("executionTimeout", vec![seconds(limit).to_string()])
            .comment("hga")
            .send()
            .await;
        let sent = match sent {
            Ok(sent) => sent.command.and_then(|command| command.command_id),
            Err(error) => {
                let offline = error.as_service_error().is_some_and(|error| {
                    matches!(error.code(), Some("InvalidInstanceId" | "InvalidInstanceInformationFilterValue"))
                });
                return Err(if offline {
                    self.offline()
                } else {
                    remote(told(&format!("call ssm:SendCommand in {}", self.at.region), error))
                });
            }
        };
        let id = sent.ok_or_else(|| Error::new(ErrorKind::Protocol, "AWS accepted a command and gave it no id"))?;
        let mut cancel = Cancel { client: Some(client.clone()), id, instance: self.at.instance.clone() };
        let done = self.wait(&client, &cancel.id, limit).await;
        // one that may still run there is called off
        if !matches!(&done, Err(error) if error.is_transient()) {
            cancel.client = None;
        }
        done
    }

    async fn wait(&self, client: &Client, id: &str, limit: Duration) -> Result<String> {
        let began = Instant::now();
        let mut pause = LOOKS.0;
        loop {
            tokio::time::sleep(pause).await;
            pause = pause.mul_f64(1.3).min(LOOKS.1);
            let asked = client.get_command_invocation().command_id(id).instance_id(&self.at.instance).send().await;
            let said = match asked {
                Ok(said) => said,
                Err(error) => {
                    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
                    if code == Some("InvocationDoesNotExist") && began.elapsed() < UNSEEN {
                        continue;
                    }
                    return Err(remote(told(&format!("call ssm:GetCommandInvocation in {}", self.at.region), error)));
                }
            };
            let broken = |kind, what: &str| {
                let instance = &self.at.instance;
                let details = said.status_details.as_deref().unwrap_or_default();
                Err(Error::new(kind, format!("a command on `{instance}` {what} ({})", escape_line(details))))
            };
            match said.status {
                Some(Status::Success) => return Ok(said.standard_output_content.unwrap_or_default()),
                Some(Status::Pending | Status::InProgress | Status::Delayed) | None => {}
                Some(Status::TimedOut) if said.response_code == -1 => {
                    return broken(ErrorKind::Timeout, "was not delivered in time");
                }
                Some(Status::TimedOut) => return broken(ErrorKind::Timeout, "took too long"),
                Some(Status::Cancelled | Status::Cancelling) => return broken(ErrorKind::Lost, "was cancelled"),
                Some(_) => {
                    let why = said.standard_error_content.as_deref().unwrap_or_default();
                    let why: String = why.trim().chars().take(300).collect();
                    // what cannot be delivered has no exit status
                    let kind = if said.response_code < 0 { ErrorKind::Lost } else { ErrorKind::Command };
                    return broken(
                        kind,
                        &format!("failed with status {}: {}", said.response_code, escape_line(&why)),
                    );
                }
            }
            if began.elapsed() > DELIVERY + limit + UNSEEN {
                return broken(ErrorKind::Timeout, "never came to its end");
            }
        }
    }

    fn offline(&self) -> Error {
        let Managed { region, instance } = &self.at;
        Error::new(
            ErrorKind::Unreachable,
            format!("AWS Systems Manager knows no agent of `{instance}` in {region} (yet)"),
        )
        .hint("it needs the SSM agent, a role with `AmazonSSMManagedInstanceCore`, and a way out to AWS by port 443")
    }
}

/// Whether the agent of a machine answers.
///
/// # Errors
/// `Credentials`, `Denied`, `Throttled`, `Unreachable`.
pub(in super::super) async fn is_online(clients: &Clients, region: &Region, instance: &str) -> cloud::Result<bool> {
    let client = clients.ssm(region).await;
    let filter = Filter::builder().key("InstanceIds").values(instance).build();
    let filter = filter.map_err(|error| cloud::Error::new(cloud::ErrorKind::Other, error.to_string()))?;
    let known = client.describe_instance_information().filters(filter).send().await;
    let known = known.map_err(|error| told(&format!("call ssm:DescribeInstanceInformation in {region}"), error))?;
    Ok(known.instance_information_list().iter().any(|one| one.ping_status == Some(PingStatus::Online)))
}

/// Calls a command off when dropped, unless it is over.
struct Cancel {
    client: Option<Client>,
    id: String,
    instance: String,
}

impl Drop for Cancel {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        let (id, instance) = (std::mem::take(&mut self.id), std::mem::take(&mut self.instance));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = client.cancel_command().command_id(id).instance_ids(instance).send().await {
                    tracing::debug!("{}", told("call ssm:CancelCommand", error));
                }
            });
        }
    }
}

/// An error of AWS in the words of a shell.
fn remote(error: cloud::Error) -> Error {
    let kind = match error.kind {
        cloud::ErrorKind::Credentials | cloud::ErrorKind::Denied => ErrorKind::Denied,
        cloud::ErrorKind::Throttled => ErrorKind::Timeout,
        cloud::ErrorKind::Unreachable => ErrorKind::Unreachable,
        _ => ErrorKind::Protocol,
    };
    Error { kind, message: error.message, hints: error.hints, source: error.source }
}
