//! Who calls in a rehearsal: jobs with the policies that `policy` prints, and a person who ends instances afterwards. What would be refused on AWS is refused
//! here.

use crate::config::Config;
use crate::policy::{self, Scope};
use local_aws::LocalAws;
use local_aws::account::iam::put_user;

/// Whose job it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Provision,
    Deploy,
    /// Somebody who ends instances to see how the app takes it; an administrator, as all keys are that are nobody's.
    Person,
}

impl Caller {
    /// The access key.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Provision => "AKIDPROVISION",
            Self::Deploy => "AKIDREHEARSAL",
            Self::Person => "AKIDPERSON",
        }
    }
}

/// Lets jobs in, for this configuration.
pub(super) fn let_in(cloud: &LocalAws, config: &Config) {
    let mut account = cloud.account();
    let scope = Scope::of(config, &account.id, &account.region);
    for (caller, kind) in [(Caller::Provision, "provision"), (Caller::Deploy, "deploy")] {
        if let Some(role) = policy::role(&scope, kind) {
            let text = role.policy().to_string();
            put_user(&mut account, kind, caller.key(), (&role.name, &text));
        }
    }
}
