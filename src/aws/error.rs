//! Every error of the AWS SDK, converted once: the act, the object, AWS's code and words, the request id.

use std::fmt;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

/// What callers branch on; never on text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// It does not exist, or not yet where we looked.
    NotFound,
    /// It exists already, or is in use.
    Conflict,
    /// Too many requests.
    Throttled,
    /// The caller may not, or its credentials are not valid (any more).
    Denied,
    /// Something else goes on with it now.
    NotReady,
    /// No answer: it may or may not have happened.
    Unknown,
    /// Anything else.
    Other,
}

/// A failed call.
#[derive(Debug)]
pub struct Failure {
    /// What callers branch on.
    pub kind: ErrorKind,
    /// The operation, as AWS names it.
    pub operation: &'static str,
    /// What it was about.
    pub resource: String,
    /// AWS's code; empty when there was no answer.
    pub code: String,
    /// AWS's words, or why there was no answer.
    pub message: String,
    /// For AWS's support.
    pub request_id: Option<String>,
}

impl Failure {
    /// Whether it is that the thing does not exist.
    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }

    /// Whether it is that the thing exists already or is in use.
    pub fn is_conflict(&self) -> bool {
        self.kind == ErrorKind::Conflict
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        if !self.resource.is_empty() {
            write!(f, " {}", self.resource)?;
        }
        if !self.code.is_empty() {
            write!(f, ": {}", self.code)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(id) = &self.request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

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
            let request_id = error.request_id().map(str::to_owned);
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
                operation,
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
#[expect(clippy::too_many_lines, reason = "a table")]
fn kind_of(code: &str) -> ErrorKind {
    const DENIED: [&str; 14] = [
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidAccessKeyId",
        "MissingAuthenticationToken",
        "OptInRequired",
        "InvalidToken",
    ];
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
    const NOT_READY: [&str; 7] = [
        "ScalingActivityInProgress",
        "ResourceContention",
        "IncorrectInstanceState",
        "OperationAborted",
        "ConcurrentModification",
        "ResourceInUse",
        "DependencyViolation",
    ];
    if DENIED.contains(&code) {
        return ErrorKind::Denied;
    }
    if THROTTLED.contains(&code) {
        return ErrorKind::Throttled;
    }
    if NOT_READY.contains(&code) {
        return ErrorKind::NotReady;
    }
    const NOT_FOUND: [&str; 9] = [
        "NoSuchEntity",
        "NoSuchBucket",
        "NoSuchKey",
        "NoSuchTagSet",
        "InvalidDocument",
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

    #[test]
    fn a_failure_names_the_act_the_object_and_aws_s_words() {
        let failure = Failure {
            kind: ErrorKind::Denied,
            operation: "ModifyRule",
            resource: "arn:rule".into(),
            code: "AccessDenied".into(),
            message: "not authorized".into(),
            request_id: Some("r-1".into()),
        };
        assert_eq!(
            failure.to_string(),
            "ModifyRule arn:rule: AccessDenied: not authorized (request r-1)"
        );
    }
}
