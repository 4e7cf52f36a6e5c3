//! What the services' errors mean, in the words of the port, and what a person can do about each.

use crate::cloud::{Error, ErrorKind};
use crate::diag::redact;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error as StdError;

/// The kind of an error code of EC2, IAM or STS.
pub(super) fn kind(code: &str) -> ErrorKind {
    match code {
        "AuthFailure"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "MissingAuthenticationToken"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => ErrorKind::Credentials,
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "Blocked" | "OptInRequired" => {
            ErrorKind::Denied
        }
        "RequestLimitExceeded"
        | "RequestThrottled"
        | "EC2ThrottledException"
        | "SlowDown"
        | "TooManyRequestsException" => ErrorKind::Throttled,
        "DependencyViolation" | "DeleteConflict" | "VolumeInUse" | "ResourceInUse" | "IncorrectState" => {
            ErrorKind::InUse
        }
        "OperationNotPermitted" | "IncorrectInstanceState" => ErrorKind::Conflict,
        "NoSuchEntity" | "NoSuchEntityException" | "ParameterNotFound" | "InvalidAMIID.Unavailable" => {
            ErrorKind::NotFound
        }
        "ServiceUnavailable" | "Unavailable" | "InternalError" | "InternalFailure" => ErrorKind::Unreachable,
        code if code.starts_with("Throttling") => ErrorKind::Throttled,
        code if code.ends_with(".InUse") => ErrorKind::InUse,
        code if code.ends_with(".NotFound") => ErrorKind::NotFound,
        _ => ErrorKind::Other,
    }
}

/// An error of the SDK while doing `what` (`list machines in us-west-2`).
#[expect(clippy::needless_pass_by_value, reason = "so that it can be named in map_err")]
pub(super) fn told<E, R>(what: &str, error: SdkError<E, R>) -> Error
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    if let Some(code) = error.as_service_error().and_then(ProvideErrorMetadata::code) {
        let kind = kind(code);
        let said = error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or_default();
        // an encoded message of several hundred letters that only another call can read
        let said = said.split(" Encoded authorization failure").next().unwrap_or(said).trim().trim_end_matches('.');
        let colon = if said.is_empty() { "" } else { ": " };
        return hinted(Error::new(kind, format!("could not {what}: {code}{colon}{}", redact(said))));
    }
    let chain = redact(&causes(&error));
    let lower = chain.to_ascii_lowercase();
    let kind = match &error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => ErrorKind::Unreachable,
        _ if ["credential", "identity", "token has expired", "sso session"]
            .iter()
            .any(|word| lower.contains(word)) =>
        {
            ErrorKind::Credentials
        }
        SdkError::DispatchFailure(_) => ErrorKind::Unreachable,
        _ => ErrorKind::Other,
    };
    hinted(Error::new(kind, format!("could not {what}: {chain}")))
}

/// The innermost causes say most; the outer ones are the SDK's own structure.
pub(super) fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut all = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        all.push(error.to_string());
        next = error.source();
    }
    all.dedup();
    let from = all.len().saturating_sub(3);
    all[from..].join(": ")
}

fn hinted(error: Error) -> Error {
    match error.kind {
        ErrorKind::Credentials => error.hint(renewal(&|name| std::env::var(name).ok())),
        ErrorKind::Denied => {
            error.hint("`hga doctor` says what is allowed; `hga doctor --iam` prints the policy that hga needs")
        }
        ErrorKind::Throttled => {
            error.hint("AWS takes only so many calls a second from an account; try again in a moment")
        }
        ErrorKind::Unreachable => {
            error.hint("check the network, the region's name, and https://health.aws.amazon.com")
        }
        _ => error,
    }
}

/// Which command renews the credentials in use.
pub(super) fn renewal(variable: &dyn Fn(&str) -> Option<String>) -> String {
    if variable("AWS_ACCESS_KEY_ID").is_some() {
        return "the keys in `AWS_ACCESS_KEY_ID` and its companions are used: export fresh ones, or unset them to use a profile"
            .to_owned();
    }
    let profile = variable("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
    let config = variable("AWS_CONFIG_FILE").map_or_else(
        || std::path::PathBuf::from(variable("HOME").unwrap_or_default()).join(".aws/config"),
        std::path::PathBuf::from,
    );
    let named = if profile == "default" { String::new() } else { format!(" --profile {profile}") };
    let signs_on = std::fs::read_to_string(config).is_ok_and(|text| is_sso(&text, &profile));
    if signs_on {
        format!("`aws sso login{named}` signs on again")
    } else {
        format!(
            "`aws configure{named}` sets new keys; `aws sso login{named}` renews a sign-on; `AWS_PROFILE` picks another profile"
        )
    }
}

/// Whether a profile of an AWS configuration file signs on through IAM Identity Center.
fn is_sso(config: &str, profile: &str) -> bool {
    let wanted = [format!("[profile {profile}]"), format!("[{profile}]")];
    let mut inside = false;
    config.lines().map(str::trim).any(|line| {
        if line.starts_with('[') {
            inside = wanted.iter().any(|head| head == line);
        }
        inside && line.starts_with("sso_")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_kinds() {
        let table = [
            ("RequestExpired", ErrorKind::Credentials),
            ("ExpiredToken", ErrorKind::Credentials),
            ("UnauthorizedOperation", ErrorKind::Denied),
            ("RequestLimitExceeded", ErrorKind::Throttled),
            ("ThrottlingException", ErrorKind::Throttled),
            ("DependencyViolation", ErrorKind::InUse),
            ("InvalidSnapshot.InUse", ErrorKind::InUse),
            ("InvalidInstanceID.NotFound", ErrorKind::NotFound),
            ("NoSuchEntity", ErrorKind::NotFound),
            ("OperationNotPermitted", ErrorKind::Conflict),
            ("InvalidParameterValue", ErrorKind::Other),
        ];
        for (code, expected) in table {
            assert_eq!(kind(code), expected, "{code}");
        }
    }

    #[test]
    fn the_hint_names_the_command_that_renews() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        std::fs::write(&config, "[default]\nregion = x\n[profile work]\nsso_session = corp\nregion = y\n").unwrap();
        let with = |profile: &'static str, keys: bool| {
            let config = config.to_str().unwrap().to_owned();
            renewal(&move |name| match name {
                "AWS_PROFILE" => (!profile.is_empty()).then(|| profile.to_owned()),
                "AWS_CONFIG_FILE" => Some(config.clone()),
                "AWS_ACCESS_KEY_ID" => keys.then(|| "AKIA".to_owned()),
                _ => None,
            })
        };
        assert_eq!(with("work", false), "`aws sso login --profile work` signs on again");
        assert!(with("", false).starts_with("`aws configure` sets new keys"));
        assert!(with("other", false).contains("`aws sso login --profile other`"));
        assert!(with("work", true).contains("AWS_ACCESS_KEY_ID"));
    }
}
