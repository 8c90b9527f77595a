//! What AWS says of something that was just made and that it does not see everywhere yet: it is eventually consistent.
//!
//! The words are the same for what is not there at all; so they are waited out ([`crate::run::wait::once_seen`]), for no longer than
//! [`LONGEST`], and are the error then. `ValidationError` and `InvalidParameterValue` are codes for anything: of those the words tell, as
//! they do to other clients (terraform-provider-aws tries again after exactly these, in `aws_autoscaling_group`, `aws_instance`,
//! `aws_security_group_rule`).

use std::time::Duration;

use super::error::Failure;

/// A role is seen everywhere within seconds mostly, within half a minute nearly always
/// (<https://github.com/hashicorp/terraform-provider-aws/issues/6566>, <https://github.com/DataDog/stratus-red-team/pull/358>); all
/// that is EC2's, sooner. So long a changed policy may take to count
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>).
pub const LONGEST: Duration = Duration::from_secs(60);

/// An operation, its code, and a part of the words that it says this in.
const REFUSALS: [(&str, &str, &str); 7] = [
    ("AuthorizeSecurityGroupIngress", "InvalidGroup.NotFound", ""),
    ("CreateLoadBalancer", "InvalidSecurityGroup", ""),
    // A look did not find it, and the call that makes it does.
    ("CreateSecurityGroup", "InvalidGroup.Duplicate", ""),
    (
        "CreateLaunchTemplate",
        "InvalidLaunchTemplateName.AlreadyExistsException",
        "",
    ),
    // The role: <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-troubleshooting.html>
    (
        "StartAutomationExecution",
        "InvalidAutomationExecutionParametersException",
        "unable to be assumed",
    ),
    // The template and what it names.
    ("CreateAutoScalingGroup", "ValidationError", LAUNCH),
    ("UpdateAutoScalingGroup", "ValidationError", LAUNCH),
];

/// Stands for every one of [`OF_LAUNCHES`].
const LAUNCH: &str = "a launch";

/// What a launch does not see: the profile, the role in it, a security group, the template, its version.
const OF_LAUNCHES: [&str; 5] = [
    "Invalid IAM Instance Profile",
    "has no associated IAM Roles",
    "The security group '",
    "The specified launch template, with template",
    "Could not find the specified version",
];

/// Whether these are the words of a launch that may not see yet what it needs. Where they come without a code, in an activity of a group
/// or a step of an automation, they are all that there is.
pub fn is_of_launch(words: &str) -> bool {
    OF_LAUNCHES.iter().any(|part| words.contains(part))
}

/// Whether these are the words of a launch that may yet be made: it does not see what it needs, or its role's policy does not count yet,
/// which says what a policy says that never allows it.
pub fn may_launch_later(words: &str) -> bool {
    is_of_launch(words) || words.contains("UnauthorizedOperation")
}

/// What AWS said, if it refused a call for what it may only not see yet: the same each time, so without a request's id.
pub fn behind(error: &anyhow::Error) -> Option<String> {
    let mut failures = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<Failure>());
    let failure = failures.next().filter(|failure| may_not_see(failure))?;
    let said = Failure {
        request_id: None,
        ..failure.clone()
    };
    Some(said.to_string())
}

fn may_not_see(failure: &Failure) -> bool {
    REFUSALS.iter().any(|(operation, code, words)| {
        let says_so = match *words == LAUNCH {
            true => is_of_launch(&failure.message),
            false => failure.message.contains(words),
        };
        failure.operation == *operation && failure.code == *code && says_so
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::error::ErrorKind;

    #[test]
    fn a_launch_that_is_not_allowed_may_be_later_and_one_without_an_image_is_not() {
        let denied = "An error occurred (UnauthorizedOperation) when calling the RunInstances operation: You are not";
        for (words, expected) in [
            (denied, true),
            ("Invalid IAM Instance Profile name", true),
            ("The image id '[ami-1]' does not exist", false),
        ] {
            assert_eq!(may_launch_later(words), expected, "{words}");
        }
        assert!(!is_of_launch(denied), "of a group, a denial is final");
    }

    #[test]
    fn only_what_may_not_be_seen_yet_is_waited_out() {
        const UPDATE: [&str; 2] = ["UpdateAutoScalingGroup", "ValidationError"];
        const START: [&str; 2] = [
            "StartAutomationExecution",
            "InvalidAutomationExecutionParametersException",
        ];
        const AUTHORIZE: &str = "AuthorizeSecurityGroupIngress";
        for ([operation, code], words, expected) in [
            ([AUTHORIZE, "InvalidGroup.NotFound"], "no such", true),
            ([AUTHORIZE, "UnauthorizedOperation"], "no", false),
            (["DeleteSecurityGroup", "InvalidGroup.NotFound"], "", false),
            (
                UPDATE,
                "Value (x) is invalid. Invalid IAM Instance Profile name",
                true,
            ),
            (
                UPDATE,
                "Could not find the specified version 3 for the launch",
                true,
            ),
            (UPDATE, "The image id '[ami-1]' does not exist", false),
            (
                UPDATE,
                "Max bound, 1, must be greater than or equal to",
                false,
            ),
            (
                START,
                "The defined assume role is unable to be assumed.",
                true,
            ),
            (START, "Parameter \"X\" is required", false),
        ] {
            let failure = Failure {
                kind: ErrorKind::Other,
                operation: operation.into(),
                resource: String::new(),
                code: code.to_owned(),
                message: words.to_owned(),
                request_id: Some("r-1".into()),
            };
            let error = anyhow::Error::from(failure).context("scaling up");
            let told = behind(&error).map(|said| said.contains("r-1"));
            let expected = expected.then_some(false);
            assert_eq!(told, expected, "{operation} {code} {words}");
        }
    }
}
