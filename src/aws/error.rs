//! Every error of the AWS SDK, converted once: the act, the object, AWS's code and words, the request id.

use std::fmt;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use crate::cause::refusal_of;
pub use crate::cause::{ErrorKind, FailedCall as Failure};

/// Has an SDK error say what was attempted, on what.
pub(super) trait About<T> {
    /// Names the operation and its object.
    fn about(self, operation: &'static str, resource: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E, R> About<T> for Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: fmt::Debug + 'static,
    SdkError<E, R>: RequestId,
{
    fn about(self, operation: &'static str, resource: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| {
            let request_id = error.request_id().map(Box::from);
            let (code, message) = match error.as_service_error() {
                Some(service) => (
                    service.code().unwrap_or_default().to_owned(),
                    service.message().unwrap_or("no message").to_owned(),
                ),
                None => (String::new(), chain(&error)),
            };
            let kind = if error.as_service_error().is_some() {
                kind_of(&code)
            } else if matches!(error, SdkError::ConstructionFailure(_)) {
                ErrorKind::Other
            } else {
                ErrorKind::Unknown
            };
            Failure {
                kind,
                operation: operation.into(),
                resource: resource.into(),
                code,
                message,
                request_id,
            }
        })
    }
}

/// The error and all its causes, without an SDK's empty outer words.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !words.contains(&text) {
            words.push(text);
        }
        next = cause.source();
    }
    if words.is_empty() {
        error.to_string()
    } else {
        words.join(": ")
    }
}

/// What a code of any of the services means to a caller. Codes: each service's API reference, "Errors".
pub(super) fn kind_of(code: &str) -> ErrorKind {
    const THROTTLED: [&str; 8] = [
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "TooManyUpdates",
        "SlowDown",
        "RequestThrottled",
        "RateLimitExceeded",
        "TooManyRequestsException",
    ];
    const NOT_READY: [&str; 10] = [
        "DeleteConflict",
        "InvalidAMIID.Unavailable",
        "InvalidSnapshot.InUse",
        "ScalingActivityInProgress",
        "ResourceContention",
        "IncorrectInstanceState",
        "OperationAborted",
        "ConcurrentModification",
        "ResourceInUse",
        "DependencyViolation",
    ];
    if refusal_of(code).is_some() {
        return ErrorKind::Denied;
    }
    if THROTTLED.contains(&code) {
        return ErrorKind::Throttled;
    }
    if NOT_READY.contains(&code) {
        return ErrorKind::NotReady;
    }
    const NOT_FOUND: [&str; 11] = [
        "NoSuchEntity",
        "NoSuchResourceException",
        "NoSuchBucket",
        "NoSuchKey",
        "NoSuchTagSet",
        "InvalidDocument",
        "InvocationDoesNotExist",
        "AutomationExecutionNotFoundException",
        "AutomationDefinitionNotFoundException",
        "InvalidLaunchTemplateId.VersionNotFound",
        "404",
    ];
    if NOT_FOUND.contains(&code)
        || code.ends_with("NotFound")
        || code.ends_with("NotFoundException")
    {
        return ErrorKind::NotFound;
    }
    let conflict = [
        "AlreadyExist",
        "Duplicate",
        "AlreadyOwnedByYou",
        "PriorityInUse",
    ];
    if conflict.iter().any(|word| code.contains(word)) || code == "PreconditionFailed" {
        return ErrorKind::Conflict;
    }
    ErrorKind::Other
}

/// What was found; `None` where there is no such thing.
pub(super) fn if_found<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    unless(ErrorKind::NotFound, answer)
}

/// What was seen; `None` where the caller may not look.
pub(crate) fn if_allowed<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    unless(ErrorKind::Denied, answer)
}

fn unless<T>(kind: ErrorKind, answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Err(error) if error.kind == kind => Ok(None),
        other => other.map(Some),
    }
}

/// The kind of the first failed call in an error's chain.
pub fn kind(error: &anyhow::Error) -> Option<ErrorKind> {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Failure>())
        .map(|failure| failure.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_all_services_fall_into_few_kinds() {
        for (code, kind) in [
            ("InvalidInstanceID.NotFound", ErrorKind::NotFound),
            ("TargetGroupNotFound", ErrorKind::NotFound),
            ("NoSuchEntity", ErrorKind::NotFound),
            ("ParameterNotFound", ErrorKind::NotFound),
            ("InvalidAMIName.Duplicate", ErrorKind::Conflict),
            ("EntityAlreadyExists", ErrorKind::Conflict),
            ("BucketAlreadyOwnedByYou", ErrorKind::Conflict),
            ("RequestLimitExceeded", ErrorKind::Throttled),
            ("ScalingActivityInProgress", ErrorKind::NotReady),
            ("ExpiredToken", ErrorKind::Denied),
            ("ValidationError", ErrorKind::Other),
        ] {
            assert_eq!(kind_of(code), kind, "{code}");
        }
    }
}
