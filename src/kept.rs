//! The end of an instance that is kept for a person to look at, after its release failed: an SSM Automation that sleeps until
//! its time, and then terminates it. No runner has to live for that, and nobody has to remember.
//!
//! Pure but for [`version`]: the runbook, and what it is started with.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::aws::ssm::{self, Start, client_token};
use crate::command_line::Next;
use crate::plan::Plan;
use crate::runbook::{self, DEPLOYMENT, LENGTH, LONGEST_WAIT, ROLE};
use crate::stack::TAG_DEPLOYMENT;

/// The tag with when the instance ends: the guard's role may terminate what bears it, and nothing else.
pub const TAG_KEPT_UNTIL: &str = "bg-deploy:kept-until";

/// The parameter that says which instance is ended.
const INSTANCE: &str = "Instance";

/// The runbook.
pub fn runbook() -> Value {
    let mut end = runbook::act(
        "end",
        ("ec2", "TerminateInstances"),
        json!({"InstanceIds": [format!("{{{{ {INSTANCE} }}}}")]}),
    );
    end["isEnd"] = true.into();
    json!({
        "schemaVersion": "0.3",
        "description": "bg-deploy: ends an instance of a release that failed, which was kept to be looked at.",
        "assumeRole": format!("{{{{ {ROLE} }}}}"),
        "parameters": {
            ROLE: runbook::role(),
            DEPLOYMENT: runbook::deployment(),
            LENGTH: runbook::length(),
            INSTANCE: runbook::text("The instance.", "^i-[0-9a-f]{8,17}$"),
        },
        "mainSteps": [runbook::wait(), end],
    })
}

/// The version of it in the account, or why one can't be kept.
pub async fn version(aws: &Aws, plan: &Plan) -> Result<String> {
    let name = plan.names().kept_runbook();
    let stands = ssm::compare_document(aws, &name, &runbook()).await?;
    stands.version(&name, &plan.next(Next::Provision))
}

/// What ends this instance of `plan`'s candidate in so many seconds, by this version of the runbook.
pub fn start(plan: &Plan, version: String, instance: &str, seconds: u64) -> Start {
    let names = plan.names();
    let mut tags = plan.tags();
    tags.insert(TAG_DEPLOYMENT.to_owned(), plan.deployment.clone());
    let role = plan.guard_role();
    Start {
        document: names.kept_runbook(),
        version,
        parameters: BTreeMap::from(
            [
                (ROLE, role),
                (DEPLOYMENT, plan.deployment.clone()),
                (LENGTH, format!("PT{}S", seconds.min(LONGEST_WAIT))),
                (INSTANCE, instance.to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        ),
        client_token: client_token(&format!("{}/{instance}", plan.deployment)),
        tags,
    }
}
