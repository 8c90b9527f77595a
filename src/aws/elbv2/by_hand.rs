//! What a person types instead of [`super::write_weights`], when we can not or may not write.

use super::listeners::is_listener;
use super::{TargetGroups, TrafficRules};
use crate::names::Weights;

/// The command that writes these weights into the rules, each whatever becomes of the one before it. The region is the
/// rules' own: whoever types it may have another one as the default.
pub fn modify_rules_by_hand(
    rules: &TrafficRules,
    groups: &TargetGroups,
    weights: Weights,
) -> String {
    let all = [rules.own()].into_iter();
    let all = all.chain(rules.also().iter().map(String::as_str));
    let commands: Vec<_> = all.map(|rule| modify(rule, groups, weights)).collect();
    commands.join("; ")
}

fn modify(rule: &str, groups: &TargetGroups, weights: Weights) -> String {
    let (region, actions) = (region_of(rule), forward_by_hand(groups, weights));
    match is_listener(rule) {
        true => format!(
            "aws elbv2 modify-listener --region {region} --listener-arn {rule} --default-actions '{actions}'"
        ),
        false => {
            format!(
                "aws elbv2 modify-rule --region {region} --rule-arn {rule} --actions '{actions}'"
            )
        }
    }
}

/// The command that shows a rule.
pub fn describe_by_hand(rule: &str) -> String {
    let region = region_of(rule);
    match is_listener(rule) {
        true => format!("aws elbv2 describe-listeners --region {region} --listener-arns {rule}"),
        false => format!("aws elbv2 describe-rules --region {region} --rule-arns {rule}"),
    }
}

/// The action of a rule with these weights, as it is typed.
fn forward_by_hand(groups: &TargetGroups, weights: Weights) -> String {
    let actions = serde_json::json!([{
        "Type": "forward",
        "ForwardConfig": {"TargetGroups": [
            {"TargetGroupArn": groups.blue, "Weight": weights.blue},
            {"TargetGroupArn": groups.green, "Weight": weights.green},
        ]},
    }]);
    actions.to_string()
}

/// The region that an ARN names: `arn:aws:elasticloadbalancing:REGION:...`
pub fn region_of(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Colour;

    #[test]
    fn the_command_names_the_region_of_the_rule_and_both_groups_with_their_weights() {
        let groups = TargetGroups {
            blue: "arn:b".to_owned(),
            green: "arn:g".to_owned(),
        };
        let rule = "arn:aws:elasticloadbalancing:eu-west-1:1:rule/7";
        assert_eq!(
            modify_rules_by_hand(
                &TrafficRules::only(rule),
                &groups,
                Weights::split(Colour::Green, 100)
            ),
            format!(
                "aws elbv2 modify-rule --region eu-west-1 --rule-arn {rule} --actions '[{{\"Type\":\"forward\",\
                 \"ForwardConfig\":{{\"TargetGroups\":[{{\"TargetGroupArn\":\"arn:b\",\"Weight\":0}},\
                 {{\"TargetGroupArn\":\"arn:g\",\"Weight\":100}}]}}}}]'"
            )
        );
    }
}
