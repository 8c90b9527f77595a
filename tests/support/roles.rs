//! Who calls in tests: each with the policy that `policy` prints for it, and nobody as an administrator but a person by hand.

use bg_deploy::aws::{Access, Aws};
use bg_deploy::config::Config;
use bg_deploy::policy::{self, Scope};
use bg_deploy::run::context::Context;
use local_aws::account::Account;
use local_aws::account::iam::put_user;

use super::{World, config_of};

/// The deployer's key, by which the ledger knows its calls.
pub(crate) const DEPLOYER: &str = "AKIDTEST";

impl World {
    /// Gives each kind of role its key, with the policy for this config's app and environment.
    pub(crate) fn let_in(&self, config: &Config) {
        let mut config = config.clone();
        config.retain.failed_for = std::time::Duration::from_secs(1);
        let mut account = self.cloud.account();
        let scope = Scope::of(&config, &account.id, &account.region);
        for (kind, key) in [
            ("deploy", DEPLOYER),
            ("verify", "AKIDVERIFY"),
            ("read", "AKIDREAD"),
            ("provision", "AKIDPROVISION"),
            ("destroy", "AKIDDESTROY"),
        ] {
            let role = policy::role(&scope, kind).expect("a role of this kind");
            let policy = role.policy().to_string();
            put_user(&mut account, kind, key, (&role.name, &policy));
        }
    }

    /// The policy of this kind of role for the app and environment that most tests have.
    pub(crate) fn policy(&self, account: &Account, kind: &str) -> String {
        let config = config_of(std::path::Path::new("/nowhere"), "any");
        let scope = Scope::of(&config, &account.id, &account.region);
        let role = policy::role(&scope, kind);
        role.expect("a role of this kind").policy().to_string()
    }

    /// The same for the app and environment that most tests have.
    pub(super) fn let_all_in(&self) {
        self.let_in(&config_of(std::path::Path::new("/nowhere"), "any"));
    }

    /// Clients of whoever has this key.
    pub(crate) async fn aws_of(&self, key: &str) -> Aws {
        let access = Access {
            region: Some("eu-central-1".to_owned()),
            endpoint_url: Some(self.cloud.endpoint()),
            keys: Some((key.to_owned(), "secret".to_owned())),
            tape: None,
        };
        Aws::connect(&access, &self.network).await.expect("clients")
    }

    /// What a run of `provision` uses.
    pub(crate) async fn provisioner(&self, config: &Config) -> Context {
        self.let_in(config);
        self.context_of(self.aws_of("AKIDPROVISION").await).await
    }

    /// The same before there is anything to have a turn in.
    pub(crate) async fn provisioner_without_a_turn(&self, config: &Config) -> Context {
        self.let_in(config);
        let aws = self.aws_of("AKIDPROVISION").await;
        Context::new(aws, self.network.clone(), self.clock.lap())
    }

    /// Clients of a person, who may do anything.
    pub(crate) async fn person(&self) -> Aws {
        self.aws_of("AKIDPERSON").await
    }
}
