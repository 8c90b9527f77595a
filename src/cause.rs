//! Why something failed: words for people, and a reason for whoever branches. No reader takes a meaning from the words.
//!
//! A failed call to AWS keeps its kind from where it was converted (`aws::error`) through the run, its journal and its
//! events to the last report. What a step finds out by itself it says as [`Because`].

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What callers branch on when a call to AWS fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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

/// A failed call to AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailedCall {
    /// What callers branch on.
    pub kind: ErrorKind,
    /// The operation, as AWS names it.
    pub operation: Cow<'static, str>,
    /// What it was about.
    pub resource: String,
    /// AWS's code; empty when there was no answer.
    pub code: String,
    /// AWS's words, or why there was no answer.
    pub message: String,
    /// For AWS's support.
    pub request_id: Option<Box<str>>,
}

impl FailedCall {
    /// Whether it is that the thing does not exist.
    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }

    /// Whether it is that the thing exists already or is in use.
    pub fn is_conflict(&self) -> bool {
        self.kind == ErrorKind::Conflict
    }

    /// Why AWS let nobody in, if that is what it is.
    pub fn refusal(&self) -> Option<&'static Refusal> {
        (self.kind == ErrorKind::Denied)
            .then(|| refusal_of(&self.code))
            .flatten()
    }
}

impl fmt::Display for FailedCall {
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

impl std::error::Error for FailedCall {}

/// Why AWS lets nobody in, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// AWS's codes for it, of all services.
    codes: &'static [&'static str],
    /// What is wrong, and what to do; a fragment.
    pub remedy: &'static str,
}

/// Every way in which AWS refuses a caller. Codes: each service's API reference, "Errors".
static REFUSALS: [Refusal; 3] = [
    Refusal {
        codes: &["ExpiredToken", "ExpiredTokenException", "RequestExpired"],
        remedy: "the AWS credentials have expired: get new ones, then run this again (in GitHub Actions, give the input \
                 role-arn, whose sessions are renewed; or raise role-duration-seconds of \
                 aws-actions/configure-aws-credentials)",
    },
    Refusal {
        codes: &[
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
        ],
        remedy: "the role may not do this: hold its policy against the one that the command `policy` prints for it \
                 (docs/permissions.md), then run this again",
    },
    Refusal {
        codes: &[
            "AuthFailure",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "SignatureDoesNotMatch",
            "InvalidAccessKeyId",
            "MissingAuthenticationToken",
            "OptInRequired",
            "InvalidToken",
        ],
        remedy: "AWS does not accept these credentials: check the keys, the region and this machine's clock",
    },
];

/// The refusal that a code of AWS stands for, if it is one.
pub fn refusal_of(code: &str) -> Option<&'static Refusal> {
    REFUSALS
        .iter()
        .find(|refusal| refusal.codes.contains(&code))
}

/// How a service's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// With this status: the app's own, a shell's (126, 127), or systemd's where it never began (from 200 on).
    Status(i32),
    /// By this signal.
    Signal(i32),
    /// It is not told.
    Untold,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(203) => write!(f, "exit status 203, it could not be executed"),
            Self::Status(status) => write!(f, "exit status {status}"),
            Self::Signal(signal) => write!(f, "ended by signal {signal}"),
            Self::Untold => write!(f, "how is not told"),
        }
    }
}

/// What is behind a failure, as far as code knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A call to AWS failed.
    Call(Box<FailedCall>),
    /// AWS has no instances of this type now.
    NoCapacity,
    /// AWS does not offer this type of instance in the zones of the subnets.
    NoSuchType,
    /// The account's quota for instances is used up.
    Quota,
    /// A command on the builder failed.
    BuilderScript,
    /// The builder was not done in time.
    BuilderLate,
    /// Health checks are answered, but not with the wanted status.
    HealthStatus,
    /// Health checks get no answer.
    HealthTimeout,
    /// Health checks get no connection, or an answer that is none.
    HealthRefused,
    /// Instances became healthy, and did not stay so.
    HealthUnsteady,
    /// Instances did not become healthy, for a reason that the load balancer does not tell.
    NeverHealthy,
    /// The candidate's service ends by itself, again and again; last in this way.
    ServiceEnds(Exit),
    /// The candidate says that it is another release.
    WrongRelease,
    /// The candidate does not say which release it is.
    NoVersion,
    /// Requests to live traffic failed, the first of them with this status, or without an answer.
    Requests(Option<u16>),
    /// The candidate answers live traffic, and too slowly.
    Slow,
    /// Somebody else changed what the run goes by.
    Another,
    /// A colour that no rule leads to answers requests.
    Answering,
    /// Our mistake: the program panicked.
    Bug,
}

impl Reason {
    /// This reason, in these words.
    pub fn because(self, words: impl Into<String>) -> Because {
        Because {
            reason: self,
            words: words.into(),
        }
    }
}

/// An error whose reason its finder knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// What is behind it.
    pub reason: Reason,
    /// What happened, for people.
    pub words: String,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Because {}

/// Why something failed. Serialised, it is its words under `cause`, and beside them the `reason`, where one is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// For people.
    #[serde(rename = "cause")]
    pub words: String,
    /// For whoever branches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl Cause {
    /// All the words of an error, and the reason nearest to its top.
    pub fn of(error: &anyhow::Error) -> Self {
        let reason = error.chain().find_map(|cause| {
            let found = cause.downcast_ref::<Because>();
            let found = found.map(|because| because.reason.clone());
            found.or_else(|| {
                let call = cause.downcast_ref::<FailedCall>()?;
                Some(Reason::Call(Box::new(call.clone())))
            })
        });
        Self {
            words: format!("{error:#}"),
            reason,
        }
    }

    /// The same reason.
    pub fn with(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }
}

impl From<String> for Cause {
    fn from(words: String) -> Self {
        Self {
            words,
            reason: None,
        }
    }
}

impl From<&str> for Cause {
    fn from(words: &str) -> Self {
        words.to_owned().into()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    fn denied() -> FailedCall {
        FailedCall {
            kind: ErrorKind::Denied,
            operation: "ModifyRule".into(),
            resource: "arn:rule".into(),
            code: "AccessDenied".into(),
            message: "not authorized".into(),
            request_id: Some("r-1".into()),
        }
    }

    #[test]
    fn a_failed_call_names_the_act_the_object_and_aws_s_words() {
        assert_eq!(
            denied().to_string(),
            "ModifyRule arn:rule: AccessDenied: not authorized (request r-1)"
        );
    }

    #[test]
    fn a_cause_keeps_the_failed_call_below_any_words_and_through_json() {
        let error = anyhow::Error::from(denied()).context("shifting the traffic");
        let cause = Cause::of(&error);
        assert!(cause.words.starts_with("shifting the traffic: ModifyRule"));
        assert_eq!(cause.reason, Some(Reason::Call(Box::new(denied()))));
        let json = serde_json::to_string(&cause).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Cause>(&json).expect("a cause"),
            cause
        );
        let nearer = Err::<(), _>(error)
            .map_err(|error| Reason::BuilderLate.because(format!("{error:#}")))
            .context("baking");
        let cause = Cause::of(&nearer.expect_err("an error"));
        assert_eq!(cause.reason, Some(Reason::BuilderLate));
    }

    #[test]
    fn a_cause_of_an_older_run_is_its_words_alone() {
        let old = serde_json::from_str::<Cause>(r#"{"cause":"no"}"#);
        assert_eq!(old.expect("a cause"), Cause::from("no"));
    }

    #[test]
    fn every_refusal_has_one_line_and_no_code_two() {
        let codes: Vec<_> = REFUSALS.iter().flat_map(|it| it.codes).collect();
        for (index, code) in codes.iter().enumerate() {
            assert!(!codes[..index].contains(code), "{code}");
        }
        assert!(refusal_of("Throttling").is_none());
        assert!(
            denied()
                .refusal()
                .is_some_and(|it| it.remedy.contains("docs/permissions.md"))
        );
    }
}
