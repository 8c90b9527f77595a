//! What a person types instead of [`super::write_weights`], when we can not or may not write.

use super::listeners::is_listener;
use super::{TargetGroups, TrafficRules};
use crate::command_line::{aws, region_of};
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
    let actions = forward_by_hand(groups, weights);
    match is_listener(rule) {
        true => {
            let options = format!("--listener-arn {rule} --default-actions '{actions}'");
            aws(region_of(rule), "elbv2 modify-listener", &options)
        }
        false => {
            let options = format!("--rule-arn {rule} --actions '{actions}'");
            aws(region_of(rule), "elbv2 modify-rule", &options)
        }
    }
}

/// The command that shows a rule.
pub fn describe_by_hand(rule: &str) -> String {
    let (command, option) = match is_listener(rule) {
        true => ("elbv2 describe-listeners", "--listener-arns"),
        false => ("elbv2 describe-rules", "--rule-arns"),
    };
    aws(region_of(rule), command, &format!("{option} {rule}"))
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
