//! The policies that a role has, AWS's own among them, and whether they let the agent of an instance in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Grants, managed, role_of_profile};
use crate::account::{Account, policy};

/// AWS's own policies that are known here, each as far as the local cloud has what it is about.
const OF_AWS: [(&str, &str); 3] = [
    (
        "arn:aws:iam::aws:policy/AdministratorAccess",
        r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#,
    ),
    (
        "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
        AGENT,
    ),
    (
        "arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM",
        AGENT,
    ),
];

/// How many policies are kept as they were read.
const MOST_READ: usize = 1_000;

/// What the Systems Manager agent on an instance does.
const AGENT: &str = r#"{"Statement": {"Effect": "Allow", "Resource": "*", "Action": [
    "ssm:DescribeAssociation", "ssm:DescribeDocument", "ssm:GetDocument", "ssm:GetParameter", "ssm:GetParameters",
    "ssm:ListAssociations", "ssm:ListInstanceAssociations", "ssm:PutInventory", "ssm:UpdateInstanceInformation",
    "ssmmessages:*", "ec2messages:*"]}}"#;

/// How the agent is spoken to: <https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html>.
const CHANNELS: [&str; 4] = [
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];
/// How it was before, and is where the first way is not allowed.
const MESSAGES: [&str; 6] = [
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
];

/// Whether the agent of an instance with this profile can be reached: it may say that it is there, and be spoken to, in one
/// of the two ways that there are. It asks again until it is let in, so what its role was given last counts.
pub fn lets_agent_in(account: &Account, profile: &str) -> bool {
    let Some(role) = role_of_profile(&account.iam, profile) else {
        return false;
    };
    let given = given(account, &Grants::shown(role));
    let may = |action: &str| {
        let request = policy::Request {
            action: action.to_owned(),
            resource: "*".to_owned(),
            keys: Default::default(),
        };
        let boundary = given.boundary.as_ref();
        policy::judge(&given.policies, &request) == policy::Verdict::Allowed
            && boundary
                .is_none_or(|limit| policy::judge(limit, &request) == policy::Verdict::Allowed)
    };
    let may_all = |actions: &[&str]| actions.iter().all(|action| may(action));
    may("ssm:UpdateInstanceInformation") && (may_all(&CHANNELS) || may_all(&MESSAGES))
}

/// What somebody was given.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The policies.
    pub policies: Vec<Arc<serde_json::Value>>,
    /// What limits them, if anything does: nothing is allowed that this does not allow as well.
    pub boundary: Option<Vec<Arc<serde_json::Value>>>,
}

/// What calls in a role are judged by; nothing, where there is no such role any more.
pub fn given_to(account: &Account, role: &str) -> Given {
    let mut roles = account.iam.roles.values();
    let Some(role) = roles.find(|held| held.arn == role) else {
        return Given::default();
    };
    given(account, &Grants::that_count(account, role))
}

/// What these are, read.
fn given(account: &Account, grants: &Grants) -> Given {
    let text = |arn: &String| managed::text_of(account, arn);
    let texts = grants.inline.values().map(String::as_str);
    let texts = texts.chain(grants.attached.iter().filter_map(text));
    let boundary = grants.boundary.as_ref();
    Given {
        policies: texts.filter_map(read).collect(),
        // One that is gone allows nothing.
        boundary: boundary.map(|arn| text(arn).and_then(read).into_iter().collect()),
    }
}

/// What a policy of AWS's own says.
pub(super) fn of_aws(arn: &str) -> Option<&'static str> {
    let mut all = OF_AWS.iter();
    all.find(|(held, _)| *held == arn).map(|(_, text)| *text)
}

/// A policy as it was written; the same text is read once.
pub(in crate::account) fn read(text: &str) -> Option<Arc<serde_json::Value>> {
    static READ: Mutex<BTreeMap<String, Arc<serde_json::Value>>> = Mutex::new(BTreeMap::new());
    let mut all = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(policy) = all.get(text) {
        return Some(Arc::clone(policy));
    }
    let policy = Arc::new(serde_json::from_str(text).ok()?);
    if all.len() < MOST_READ {
        all.insert(text.to_owned(), Arc::clone(&policy));
    }
    Some(policy)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::account::Tags;
    use crate::account::iam::{NewRole, add_role, attach, create_profile, create_role, put_policy};
    use crate::pace::Pace;

    fn account(trust: &str) -> Account {
        let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
        let role = NewRole {
            name: "r".to_owned(),
            path: "/".to_owned(),
            trust: trust.to_owned(),
            description: None,
            max_session: 3600,
            boundary: None,
            tags: Tags::default(),
        };
        create_role(&mut account, role).expect("a role");
        account
    }

    fn allow(actions: &str) -> String {
        format!(r#"{{"Statement": {{"Effect": "Allow", "Action": {actions}, "Resource": "*"}}}}"#)
    }

    #[test]
    fn an_agent_is_reached_where_its_role_allows_one_way_whole_and_nothing_denies_it() {
        let deny = r#"{"Statement": [{"Effect": "Deny", "Action": "ssm:*", "Resource": "*"}]}"#;
        for (is_attached, policies, is_reached) in [
            (false, vec![], false),
            (true, vec![], true),
            (true, vec![deny.to_owned()], false),
            (false, vec![allow(r#""*""#)], true),
            (
                false,
                vec![allow(r#""ssm:UpdateInstanceInformation""#)],
                false,
            ),
            (
                false,
                vec![allow(
                    r#"["ssm:updateInstanceInformation", "ssmmessages:*"]"#,
                )],
                true,
            ),
            (
                false,
                vec![allow(r#"["ssm:Update*", "ec2messages:*"]"#)],
                true,
            ),
            (
                false,
                vec![allow(r#"["ssm:Update*", "ec2messages:Get*"]"#)],
                false,
            ),
        ] {
            let mut account = account(&allow(r#""sts:AssumeRole""#));
            create_profile(&mut account, "p", "/", Tags::default()).expect("a profile");
            add_role(&mut account, "p", "r").expect("it has room");
            if is_attached {
                attach(&mut account, "r", OF_AWS[1].0).expect("AWS's own");
            }
            for (nth, policy) in policies.iter().enumerate() {
                put_policy(&mut account, "r", &nth.to_string(), policy.clone()).expect("a policy");
            }
            assert_eq!(lets_agent_in(&account, "p"), is_reached, "{policies:?}");
        }
    }
}
