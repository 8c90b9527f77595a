//! What a group did, and why a launch of its failed.

use std::time::SystemTime;

use crate::aws::Aws;
use crate::aws::error::{About as _, Failure};
use crate::aws::lag;
use crate::cause::Reason;

/// What a group did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// `Failed`, `Successful`, `InProgress`, ...
    pub status: String,
    /// What.
    pub description: String,
    /// AWS's words about a failure.
    pub message: String,
    /// The zone that it was about, if it says so.
    pub zone: Option<String>,
    /// It failed for what is no zone's own: trying again, or in another zone, will not help.
    pub is_of_account: bool,
    /// What is behind a failure, if it is one that has a name.
    pub reason: Option<Reason>,
    /// When it began.
    pub started: SystemTime,
}

/// What is behind a failed launch. An activity has no code: AWS says it in its message alone, so that is read here, where
/// it comes in, and nowhere else.
fn reason_of(message: &str) -> Option<Reason> {
    const WORDS: [(&str, Reason); 6] = [
        (
            "not supported in your requested Availability Zone",
            Reason::NoSuchType,
        ),
        (
            "requested configuration is currently not supported",
            Reason::NoSuchType,
        ),
        ("InsufficientInstanceCapacity", Reason::NoCapacity),
        ("do not have sufficient", Reason::NoCapacity),
        ("VcpuLimitExceeded", Reason::Quota),
        ("more vCPU capacity than", Reason::Quota),
    ];
    let named = WORDS.into_iter().find(|(words, _)| message.contains(words));
    named.map(|(_, reason)| reason)
}

/// Whether a launch failed for what is no zone's own: a quota, an image, a key, a permission, the template. Words as in
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-instancelaunchfailure.html>. What EC2 may only not see yet is none of
/// that, though Auto Scaling has seen it (<https://github.com/hashicorp/terraform-provider-aws/issues/29866>): what is really not there is
/// not there in every zone, again and again.
fn is_of_account(message: &str) -> bool {
    const WORDS: [&str; 13] = [
        "vCPU",
        "LimitExceeded",
        "InvalidAMIID",
        "does not exist",
        "uthorized",
        "AccessDenied",
        "Client.InternalError",
        "Client error on launch",
        "KMS",
        "Invalid",
        "launch template",
        "OptInRequired",
        "Blocked",
    ];
    !lag::is_of_launch(message) && WORDS.iter().any(|words| message.contains(words))
}

/// The zone that an activity's details name: `{"Subnet ID":"...","Availability Zone":"eu-central-1b"}`.
fn zone_of(details: &str) -> Option<String> {
    let details: serde_json::Value = serde_json::from_str(details).ok()?;
    Some(details["Availability Zone"].as_str()?.to_owned())
}

/// The latest activities of a group, the newest first.
pub async fn describe_activities(aws: &Aws, name: &str) -> Result<Vec<Activity>, Failure> {
    let answer = aws
        .autoscaling
        .describe_scaling_activities()
        .auto_scaling_group_name(name)
        .max_records(20)
        .send()
        .await
        .about("DescribeScalingActivities", name)?;
    Ok(answer
        .activities
        .unwrap_or_default()
        .into_iter()
        .map(|activity| Activity {
            status: activity
                .status_code
                .map(|code| code.as_str().to_owned())
                .unwrap_or_default(),
            description: activity.description.unwrap_or_default(),
            zone: activity.details.as_deref().and_then(zone_of),
            is_of_account: activity
                .status_message
                .as_deref()
                .is_some_and(is_of_account),
            reason: activity.status_message.as_deref().and_then(reason_of),
            message: activity.status_message.unwrap_or_default(),
            started: activity
                .start_time
                .and_then(|time| SystemTime::try_from(time).ok())
                .unwrap_or(SystemTime::UNIX_EPOCH),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::{is_of_account, zone_of};

    #[test]
    fn a_failure_is_of_a_zone_or_of_the_whole_account_by_aws_s_words() {
        for (message, expected) in [
            (
                "We currently do not have sufficient t3.micro capacity in the Availability Zone you requested (us-east-1e).",
                false,
            ),
            (
                "Your requested instance type (t3.micro) is not supported in your requested Availability Zone (us-east-1e).",
                false,
            ),
            (
                "The requested configuration is currently not supported. Please check the documentation for supported configurations.",
                false,
            ),
            (
                "You have requested more vCPU capacity than your current vCPU limit of 5 allows",
                true,
            ),
            (
                "The image id '[ami-4edb0327]' does not exist. Launching EC2 instance failed.",
                true,
            ),
            ("Client.InternalError: Client error on launch.", true),
            (
                "You are not authorized to use launch template: bgd-hello-prod",
                true,
            ),
            ("You are not authorized to perform this operation.", true),
        ] {
            assert_eq!(is_of_account(message), expected, "{message}");
        }
        let details = r#"{"Subnet ID":"subnet-1","Availability Zone":"us-east-1e"}"#;
        assert_eq!(zone_of(details).as_deref(), Some("us-east-1e"));
        assert_eq!(zone_of("{}"), None);
    }
}
