//! Clients of the services: the standard chain of configuration alone (`AWS_PROFILE`, `~/.aws`, single sign-on, processes,
//! containers, EC2's own role, `AWS_ENDPOINT_URL` and its kin), one connection pool, retries. Not the
//! SDK's adaptive ones: after a few refusals in a row those stand still for half a minute (seen).

use super::error::causes;
use crate::domain::Region;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_sdk_ec2::operation::run_instances::RunInstancesError;
use aws_smithy_http_client::{Builder, Connector, tls};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(4);
/// How long one try of a call may take.
const TRY: Duration = Duration::from_secs(30);
/// How long a call may take with all its tries.
const CALL: Duration = Duration::from_secs(90);
/// How often a call is tried; the SDK waits longer and longer between tries, and slows down when it is throttled.
const TRIES: u32 = 8;
/// The longest first pause between tries: a service that is gone is told of within ten seconds or so.
const FIRST: Duration = Duration::from_millis(300);
/// The longest pause of all.
const LONGEST: Duration = Duration::from_secs(4);
/// How often where somebody waits to be told that there is no answer.
const FEW_TRIES: u32 = 2;

/// How much is done for an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Patience {
    /// All that can be.
    #[default]
    Long,
    /// Little: no answer is an answer too.
    Short,
}

/// EC2 says with status 500 that a zone has no capacity; the SDK would ask it again and again, where another may have some.
#[derive(Debug)]
struct NoCapacity;

impl ClassifyRetry for NoCapacity {
    fn classify_retry(&self, ctx: &InterceptorContext) -> RetryAction {
        let error = ctx.output_or_error().and_then(Result::err).and_then(OrchestratorError::as_operation_error);
        let run = error.and_then(|error| error.downcast_ref::<RunInstancesError>());
        let code = run.and_then(ProvideErrorMetadata::code);
        if code.is_some_and(super::launch::is_capacity) {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "no capacity"
    }
}

/// Makes clients, each once.
#[derive(Debug, Default)]
pub(super) struct Clients {
    patience: Patience,
    shared: OnceCell<SdkConfig>,
    ec2: Mutex<BTreeMap<Region, aws_sdk_ec2::Client>>,
    ssm: Mutex<BTreeMap<Region, aws_sdk_ssm::Client>>,
    pricing: Mutex<BTreeMap<Region, aws_sdk_pricing::Client>>,
}

impl Clients {
    /// Clients that give up soon.
    pub(super) fn brisk() -> Self {
        Self { patience: Patience::Short, ..Self::default() }
    }

    fn retries(&self) -> RetryConfig {
        let tries = if self.patience == Patience::Short { FEW_TRIES } else { TRIES };
        RetryConfig::standard().with_max_attempts(tries).with_initial_backoff(FIRST).with_max_backoff(LONGEST)
    }

    async fn shared(&self) -> &SdkConfig {
        self.shared
            .get_or_init(|| async {
                let http = Builder::new()
                    .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
                    .build_https();
                let timeouts = TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .operation_attempt_timeout(TRY)
                    .operation_timeout(CALL)
                    .build();
                let mut loader = aws_config::defaults(BehaviorVersion::latest())
                    .http_client(http)
                    .region(aws_config::Region::new(Region::usual().to_string()))
                    .retry_config(self.retries())
                    .timeout_config(timeouts);
                // the name is letters alone, which is what makes one valid
                if let Ok(name) = AppName::new("hga") {
                    loader = loader.app_name(name);
                }
                loader.load().await
            })
            .await
    }

    /// The client of a region.
    pub(super) async fn ec2(&self, region: &Region) -> aws_sdk_ec2::Client {
        let shared = self.shared().await;
        let mut known = self.ec2.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let config = aws_sdk_ec2::config::Builder::from(shared)
                .region(aws_config::Region::new(region.to_string()))
                .retry_classifier(NoCapacity)
                .build();
            aws_sdk_ec2::Client::from_conf(config)
        };
        known.entry(region.clone()).or_insert_with(make).clone()
    }

    /// The client of Systems Manager in a region.
    pub(super) async fn ssm(&self, region: &Region) -> aws_sdk_ssm::Client {
        let shared = self.shared().await;
        let mut known = self.ssm.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let config = aws_sdk_ssm::config::Builder::from(shared)
                .region(aws_config::Region::new(region.to_string()))
                .build();
            aws_sdk_ssm::Client::from_conf(config)
        };
        known.entry(region.clone()).or_insert_with(make).clone()
    }

    /// The client of the Price List in one of the regions that have it.
    pub(super) async fn pricing(&self, region: &Region) -> aws_sdk_pricing::Client {
        let shared = self.shared().await;
        let mut known = self.pricing.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let config = aws_sdk_pricing::config::Builder::from(shared)
                .region(aws_config::Region::new(region.to_string()))
                .build();
            aws_sdk_pricing::Client::from_conf(config)
        };
        known.entry(region.clone()).or_insert_with(make).clone()
    }

    /// A client of STS in a region, with somebody who watches its answers.
    pub(super) async fn sts(&self, region: &Region, watch: impl Intercept + 'static) -> aws_sdk_sts::Client {
        let config = aws_sdk_sts::config::Builder::from(self.shared().await)
            .region(aws_config::Region::new(region.to_string()))
            .interceptor(watch)
            .build();
        aws_sdk_sts::Client::from_conf(config)
    }

    /// The client of STS where only the answer matters.
    pub(super) async fn identity(&self) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::new(self.shared().await)
    }

    /// What a URL answers, at most 4 KiB of text; the error is text.
    pub(super) async fn fetch(&self, url: &str) -> Result<String, String> {
        const LIMIT: usize = 4 << 10;
        let connector =
            Connector::builder().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build();
        let request = HttpRequest::get(url).map_err(|error| format!("`{url}` is no URL: {error}"))?;
        let ask = async {
            let answer = connector.call(request).await.map_err(|error| causes(&error))?;
            let status = answer.status();
            if !status.is_success() {
                return Err(format!("it answers with status {}", status.as_u16()));
            }
            let body = ByteStream::new(answer.into_body()).collect().await.map_err(|error| causes(&error))?.to_vec();
            Ok(String::from_utf8_lossy(&body[..body.len().min(LIMIT)]).into_owned())
        };
        match tokio::time::timeout(CONNECT * 2, ask).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", CONNECT.as_secs() * 2)),
        }
    }

    /// The client of IAM, which has no regions.
    pub(super) async fn iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(self.shared().await)
    }
}
