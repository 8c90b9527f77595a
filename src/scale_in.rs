//! The scale-in of a colour that is kept for a rollback: an SSM Automation that sleeps until its time, and then empties the
//! group only if nobody is led to it. A scheduled action of the group would empty it blindly, and with it everybody's
//! answers, if somebody had moved the weights back by hand meanwhile.
//!
//! Pure but for [`find`]: the runbook, what it is started with, and when it is due.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::aws::error::Failure;
use crate::aws::ssm::{self, UnderWay};
use crate::runbook::{self, Beside, LENGTH};

/// The step that empties the group.
pub const SCALE_IN: &str = "scaleIn";
/// The parameter that says which group is emptied.
pub const GROUP: &str = "Group";

/// The runbook.
pub fn runbook() -> Value {
    runbook::runbook(
        "bg-deploy: scales in the release that was live before, if nobody is led to it by then.",
        json!({GROUP: runbook::group("The Auto Scaling group of the colour that is kept.")}),
        Vec::new(),
        Beside::MustBeAsLeft,
        vec![scale_in()],
    )
}

fn scale_in() -> Value {
    runbook::act(
        SCALE_IN,
        ("autoscaling", "UpdateAutoScalingGroup"),
        json!({
            "AutoScalingGroupName": format!("{{{{ {GROUP} }}}}"),
            "MinSize": 0,
            "MaxSize": 0,
            "DesiredCapacity": 0,
        }),
    )
}

/// A scale-in that is to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its automation.
    pub id: String,
    /// The group that it empties.
    pub group: String,
    /// It was taken back, and has not ended yet.
    pub is_ending: bool,
    /// The deployment that asked for it.
    pub deployment: String,
    /// Since when it sleeps, by AWS's clock.
    pub since: SystemTime,
    /// When, by the same.
    pub at: SystemTime,
}

/// Every scale-in of the stack with this runbook that has not ended, the latest first.
pub async fn find(aws: &Aws, runbook: &str) -> Result<Vec<Due>, Failure> {
    let all = ssm::describe_automations_under_way(aws, runbook).await?;
    Ok(latest_first(all))
}

/// What these automations are to scale in, the latest first.
pub fn latest_first(all: Vec<UnderWay>) -> Vec<Due> {
    let mut all: Vec<_> = all
        .into_iter()
        .filter_map(|one| {
            let text = |name: &str| one.parameters.get(name).cloned();
            Some(Due {
                group: text(GROUP)?,
                deployment: text(runbook::DEPLOYMENT)?,
                is_ending: one.is_ending,
                since: one.started,
                at: one.started + length(&one.parameters),
                id: one.id,
            })
        })
        .collect();
    all.sort_by_key(|due| std::cmp::Reverse(due.at));
    all
}

/// How long it sleeps: `PT3600S`.
fn length(parameters: &BTreeMap<String, String>) -> Duration {
    let digits = parameters
        .get(LENGTH)
        .and_then(|text| text.strip_prefix("PT")?.strip_suffix('S'));
    let seconds = digits.and_then(|digits| digits.parse().ok());
    Duration::from_secs(seconds.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_length_is_read_as_it_was_written() {
        let parameters = BTreeMap::from(runbook::left(3_600, 0, 100));
        assert_eq!(length(&parameters), Duration::from_secs(3_600));
        assert_eq!(length(&BTreeMap::new()), Duration::ZERO);
    }
}
