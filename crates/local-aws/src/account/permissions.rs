//! What the role of an instance allows: as far as the agent on it needs to know.

use super::iam;

/// AWS's own policies that let the Systems Manager agent on an instance do its work.
const AGENT_POLICIES: [&str; 2] = [
    "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
    "arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM",
];

/// Whether the role of this instance profile is allowed an action of the agent's, on whatever it may be. Conditions and
/// resources are not looked at: a policy that has some may allow less than this says.
pub fn allows(state: &iam::State, profile: &str, action: &str) -> bool {
    let role = iam::instance_profile(state, profile)
        .and_then(|held| state.roles.get(held.role.as_deref()?));
    let Some(role) = role else {
        return false;
    };
    let of_aws = AGENT_POLICIES
        .iter()
        .any(|arn| role.attached.contains(*arn));
    let statements = |effect: &str| {
        let mut policies = role.inline.values();
        policies.any(|policy| has_statement(policy, effect, action))
    };
    (of_aws || statements("Allow")) && !statements("Deny")
}

/// Whether a statement of this effect in a policy names the action.
fn has_statement(policy: &str, effect: &str, action: &str) -> bool {
    let policy: serde_json::Value = serde_json::from_str(policy).unwrap_or_default();
    each(&policy["Statement"]).iter().any(|statement| {
        statement["Effect"] == effect
            && each(&statement["Action"])
                .iter()
                .filter_map(|pattern| pattern.as_str())
                .any(|pattern| matches(pattern, action))
    })
}

/// What IAM takes as one or as a list of them.
fn each(value: &serde_json::Value) -> &[serde_json::Value] {
    match value.as_array() {
        Some(list) => list,
        None => std::slice::from_ref(value),
    }
}

/// Whether an action is one that a pattern names: `*` at its end stands for any rest.
fn matches(pattern: &str, action: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => action
            .get(..beginning.len())
            .is_some_and(|begins| begins.eq_ignore_ascii_case(beginning)),
        None => pattern.eq_ignore_ascii_case(action),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::account::iam::{NewRole, add_role, attach, create_profile, create_role, put_policy};
    use crate::account::{Account, Tags};
    use crate::pace::Pace;

    #[test]
    fn an_agent_s_action_is_allowed_by_aws_s_policy_or_a_statement_that_names_it_and_not_against_a_denial()
     {
        let action = "ssm:UpdateInstanceInformation";
        let allow = |actions: &str| {
            format!(r#"{{"Statement": {{"Effect": "Allow", "Action": {actions}}}}}"#)
        };
        let deny = r#"{"Statement": [{"Effect": "Deny", "Action": "ssm:*"}]}"#.to_owned();
        for (is_attached, policies, is_allowed) in [
            (false, vec![], false),
            (true, vec![], true),
            (true, vec![deny.clone()], false),
            (
                false,
                vec![allow(r#""ssm:updateInstanceInformation""#)],
                true,
            ),
            (
                false,
                vec![allow(r#"["s3:GetObject", "ssm:Update*"]"#)],
                true,
            ),
            (false, vec![allow(r#""*""#)], true),
            (false, vec![allow(r#""ssm:GetParameter""#)], false),
            (false, vec![allow(r#""*""#), deny], false),
        ] {
            let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
            let role = NewRole {
                name: "r".to_owned(),
                path: "/".to_owned(),
                trust: allow(r#""sts:AssumeRole""#),
                description: None,
                max_session: 3600,
                tags: Tags::default(),
            };
            create_role(&mut account, role).expect("a role");
            create_profile(&mut account, "p", "/", Tags::default()).expect("a profile");
            add_role(&mut account, "p", "r").expect("it has room");
            if is_attached {
                attach(&mut account, "r", AGENT_POLICIES[0]).expect("AWS's own");
            }
            for (nth, policy) in policies.iter().enumerate() {
                put_policy(&mut account, "r", &nth.to_string(), policy.clone()).expect("a policy");
            }
            assert_eq!(
                allows(&account.iam, "p", action),
                is_allowed,
                "{policies:?}"
            );
        }
    }
}
