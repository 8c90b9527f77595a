//! What a policy is limited to: an app in an environment of an account, and what its configuration makes use of.

use super::statement::Statement;
use crate::aws::iam::path_of_service;
use crate::aws::partition_of;
use crate::config::{Config, Encryption};
use crate::kept::TAG_KEPT_UNTIL;
use crate::names::Colour;
use crate::stack::{
    Names, PURPOSE_BUILDER, PURPOSE_VERIFY, PURPOSE_VERIFY_BUILDER, TAG_APP, TAG_ENVIRONMENT,
    TAG_PURPOSE,
};

/// What both kinds of builder say that they are for.
pub(super) const BUILDERS: [&str; 2] = [PURPOSE_BUILDER, PURPOSE_VERIFY_BUILDER];

/// It.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The names of what belongs to it.
    pub names: Names,
    /// Twelve digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// The parameter that names the base image, if one does.
    pub base_parameter: Option<String>,
    /// Whether jobs about pull requests may check, and look.
    pub pull_requests: bool,
    /// The path of the roles.
    pub role_path: String,
    /// The managed policy that limits them.
    pub boundary: Option<String>,
    /// The keys of disks and of the bucket, where they are the user's own.
    pub encryption: Encryption,
    /// Whether an instance of what fails is kept to be looked at.
    pub keeps_failed: bool,
}

impl Scope {
    /// What this configuration makes use of, in this account and region.
    pub fn of(config: &Config, account: &str, region: &str) -> Self {
        let parameter = config.bake.base_image.strip_prefix("ssm:");
        Self {
            names: Names::new(&config.app, &config.environment),
            account: account.to_owned(),
            region: region.to_owned(),
            base_parameter: parameter.map(str::to_owned),
            pull_requests: false,
            role_path: config.roles.path.clone(),
            boundary: config.roles.boundary.clone(),
            encryption: config.encryption.clone(),
            keeps_failed: !config.retain.failed_for.is_zero(),
        }
    }

    /// How ARNs begin in the region.
    pub(super) fn partition(&self) -> &'static str {
        partition_of(&self.region)
    }

    /// Something of the account's, in the region.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        let (partition, region, account) = (self.partition(), &self.region, &self.account);
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// Something in the region that is named without an account: what AWS has for everybody, and images.
    pub(super) fn unowned(&self, service: &str, resource: &str) -> String {
        let (partition, region) = (self.partition(), &self.region);
        format!("arn:{partition}:{service}:{region}::{resource}")
    }

    /// Something of EC2's, of any id. Images and snapshots are named without an account.
    pub(super) fn any_of_ec2(&self, kind: &str) -> String {
        match kind {
            "image" | "snapshot" => self.unowned("ec2", &format!("{kind}/*")),
            _ => self.arn("ec2", &format!("{kind}/*")),
        }
    }

    pub(super) fn role(&self, name: &str) -> String {
        self.of_iam("role", &self.role_path, name)
    }

    /// The role that a service has of its own in the account.
    pub(super) fn service_linked_role(&self, service: &str, role: &str) -> String {
        self.of_iam("role", &path_of_service(service), role)
    }

    /// The same, looked for by its name, with its path or, where it is not there, with none: in one, as IAM counts letters.
    pub(super) fn service_linked_by_name(&self, role: &str) -> String {
        self.of_iam("role", "/*", role)
    }

    /// A role that is looked for by its name alone: of one that is not there, or is elsewhere, IAM knows no path.
    pub(super) fn role_by_name(&self, name: &str) -> Vec<String> {
        let mut both = vec![self.role(name), self.of_iam("role", "/", name)];
        both.dedup();
        both
    }

    pub(super) fn profile(&self, name: &str) -> String {
        self.of_iam("instance-profile", &self.role_path, name)
    }

    /// An instance profile that is looked for by its name alone.
    pub(super) fn profile_by_name(&self, name: &str) -> Vec<String> {
        let mut both = vec![
            self.profile(name),
            self.of_iam("instance-profile", "/", name),
        ];
        both.dedup();
        both
    }

    fn of_iam(&self, kind: &str, path: &str, name: &str) -> String {
        let (partition, account) = (self.partition(), &self.account);
        format!("arn:{partition}:iam::{account}:{kind}{path}{name}")
    }

    pub(super) fn bucket(&self) -> String {
        let name = self.names.bucket(&self.account, &self.region);
        format!("arn:{}:s3:::{name}", self.partition())
    }

    /// The objects of the bucket below this prefix.
    pub(super) fn objects(&self, below: &str) -> String {
        format!("{}/{below}/*", self.bucket())
    }

    /// What the environment's runs write down of themselves.
    pub(super) fn state(&self) -> String {
        self.objects(&format!("state/{}", self.names.environment))
    }

    /// What its verifications write down of themselves.
    pub(super) fn verify_state(&self) -> String {
        let place = self.names.verify_lease(&self.account, &self.region);
        format!("{}/{}", self.bucket(), place.key)
    }

    /// What its verifications upload.
    pub(super) fn verify_bundles(&self) -> String {
        self.objects(&format!("bundles/{}/verify", self.names.environment))
    }

    /// What the environment's runs upload.
    pub(super) fn bundles(&self) -> String {
        self.objects(&format!("bundles/{}", self.names.environment))
    }

    /// These uses of the bucket's key, where it is the user's own: through S3 alone.
    pub(super) fn by_bucket_key<const N: usize>(
        &self,
        actions: [&'static str; N],
    ) -> Option<Statement> {
        let about = ("BucketKey", "use the key that encrypts the bucket");
        let key = self.encryption.bucket_key.clone()?;
        Some(Statement::new(about, actions).on([key]).through("s3", self))
    }

    /// Both colours' groups, by their names.
    pub(super) fn groups_of_colours(&self) -> [String; 2] {
        Colour::BOTH.map(|colour| self.group(&self.names.group(colour)))
    }

    /// All groups, by their names.
    pub(super) fn groups(&self) -> [String; 3] {
        self.names.groups().map(|name| self.group(&name))
    }

    /// The group of verifications.
    pub(super) fn verify_group(&self) -> String {
        self.group(&self.names.verify_fleet())
    }

    fn group(&self, name: &str) -> String {
        let of = format!("autoScalingGroup:*:autoScalingGroupName/{name}");
        self.arn("autoscaling", &of)
    }

    /// All target groups, by their names.
    pub(super) fn target_groups(&self) -> [String; 3] {
        let [blue, green] = self.target_groups_of_colours();
        [blue, green, self.verify_target_group()]
    }

    /// Those of both colours.
    pub(super) fn target_groups_of_colours(&self) -> [String; 2] {
        Colour::BOTH.map(|colour| self.target_group(&self.names.target_group(colour)))
    }

    /// The target group of verifications.
    pub(super) fn verify_target_group(&self) -> String {
        self.target_group(&self.names.verify_target_group())
    }

    fn target_group(&self, name: &str) -> String {
        self.arn("elasticloadbalancing", &format!("targetgroup/{name}/*"))
    }

    /// What belongs to the stack's load balancer, by its name: tags may be taken off by whoever applies something, and who can not
    /// change a rule any more can not bring the traffic back.
    pub(super) fn of_load_balancer(&self, kind: &str) -> String {
        let of = format!("{kind}/app/{}/*", self.names.stack());
        self.arn("elasticloadbalancing", &of)
    }

    pub(super) fn document(&self, name: &str) -> String {
        self.arn("ssm", &format!("document/{name}"))
    }

    /// What an automation of this runbook is begun on: AWS names the runbook in two ways, and the execution by itself.
    pub(super) fn beginnings(&self, runbooks: &[String]) -> Vec<String> {
        let by_name = runbooks.iter().flat_map(|name| {
            let definition = format!("automation-definition/{name}:*");
            [self.document(name), self.arn("ssm", &definition)]
        });
        by_name.chain([self.executions()]).collect()
    }

    pub(super) fn executions(&self) -> String {
        self.arn("ssm", "automation-execution/*")
    }
}

impl Statement {
    /// Only in the name of whoever calls this service. Its name ends otherwise in China.
    pub(super) fn through(self, service: &str, scope: &Scope) -> Self {
        let via = format!("{service}.{}.amazonaws.com*", scope.region);
        self.met("StringLike", "kms:ViaService", [&*via])
    }

    /// Only what bears the tags of the app and the environment.
    pub(super) fn ours(self, scope: &Scope) -> Self {
        self.tagged("aws:ResourceTag", scope)
    }

    /// Only what bears no such tags yet, or these.
    pub(super) fn nobody_else_s(self, scope: &Scope) -> Self {
        const ABSENT_OR: &str = "StringEqualsIfExists";
        let (app, environment) = (&scope.names.app, &scope.names.environment);
        self.met(ABSENT_OR, format!("aws:ResourceTag/{TAG_APP}"), [app])
            .met(
                ABSENT_OR,
                format!("aws:ResourceTag/{TAG_ENVIRONMENT}"),
                [environment],
            )
    }

    /// Only a version of a template by its number: of `$Latest` AWS asks nobody again what a later version hands on.
    pub(super) fn numbered_version(self) -> Self {
        let key = "autoscaling:LaunchTemplateVersionSpecified";
        self.met("BoolIfExists", key, ["true"])
    }

    /// Only what bears them, and says that it is a builder, of whichever kind.
    pub(super) fn builder(self, scope: &Scope) -> Self {
        self.ours(scope)
            .when(format!("aws:ResourceTag/{TAG_PURPOSE}"), BUILDERS)
    }

    /// Only what bears them, and says that it is a builder of a verification.
    pub(super) fn builder_to_verify(self, scope: &Scope) -> Self {
        let key = format!("aws:ResourceTag/{TAG_PURPOSE}");
        self.ours(scope).when(key, [PURPOSE_VERIFY_BUILDER])
    }

    /// Only what bears them, and says that it is for verifications.
    pub(super) fn for_verification(self, scope: &Scope) -> Self {
        self.ours(scope)
            .when(format!("aws:ResourceTag/{TAG_PURPOSE}"), [PURPOSE_VERIFY])
    }

    /// Only what is given them as it is made, and says so.
    pub(super) fn made_for_verification(self, scope: &Scope) -> Self {
        self.made_ours(scope)
            .when(format!("aws:RequestTag/{TAG_PURPOSE}"), [PURPOSE_VERIFY])
    }

    /// Only what bears them, and says that it is kept to be looked at.
    pub(super) fn kept(self, scope: &Scope) -> Self {
        let key = format!("aws:ResourceTag/{TAG_KEPT_UNTIL}");
        self.ours(scope).met("StringLike", key, ["*"])
    }

    /// Only what is given the tags of the app and the environment as it is made.
    pub(super) fn made_ours(self, scope: &Scope) -> Self {
        self.tagged("aws:RequestTag", scope)
    }

    /// The same by keys of another name.
    pub(super) fn tagged(self, key: &str, scope: &Scope) -> Self {
        self.when(format!("{key}/{TAG_APP}"), [&scope.names.app])
            .when(
                format!("{key}/{TAG_ENVIRONMENT}"),
                [&scope.names.environment],
            )
    }
}
