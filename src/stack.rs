//! The names and tags of everything that belongs to an app in an environment: how a run finds what another run made.

use sha2::{Digest as _, Sha256};

use crate::aws::lease::Place;
use crate::aws::s3::Bucket;
use crate::aws::{Tags, bear};
use crate::names::Colour;

/// The tag with the app's name.
pub const TAG_APP: &str = "bg-deploy:app";
/// The tag with the environment's name.
pub const TAG_ENVIRONMENT: &str = "bg-deploy:environment";
/// The tag with the deployment that made it; undo removes only what bears its own.
pub const TAG_DEPLOYMENT: &str = "bg-deploy:deployment";
/// The tag with the release that an instance is to answer with.
pub const TAG_RELEASE: &str = "bg-deploy:release";
/// The commit that a template version was released from; without a commit in CI there is none.
pub const TAG_COMMIT: &str = "bg-deploy:commit";
/// The tag with the colour.
pub const TAG_COLOUR: &str = "bg-deploy:colour";

/// The tag that says what something is for: which of the stack's rules it is, or that it is a builder. Some roles may change that
/// alone.
pub const TAG_PURPOSE: &str = "bg-deploy:purpose";
/// Its value for builders of releases.
pub const PURPOSE_BUILDER: &str = "builder";
/// Its value for builders of verifications: a check ends no release's.
pub const PURPOSE_VERIFY_BUILDER: &str = "verify-builder";
/// Its value for the rule of the preview route.
pub const PURPOSE_PREVIEW: &str = "preview";
/// Its value for the rule that divides the traffic.
pub const PURPOSE_TRAFFIC: &str = "traffic";

/// Its value for the rule and the launch template of verifications, and for what is started from that.
pub const PURPOSE_VERIFY: &str = "verify";

/// What roles there are: of jobs, and of what acts inside AWS.
pub const ROLES: [&str; 9] = [
    "deploy",
    "verify",
    "read",
    "provision",
    "destroy",
    "instance",
    "builder",
    "bake",
    "guard",
];

/// The rule of verifications: it comes first, and only who has its header meets it.
pub const VERIFY_PRIORITY: i32 = 9;
/// The preview rule comes before users' own.
pub const PREVIEW_PRIORITY: i32 = 10;
/// The rule that divides the traffic; users' own rules fit in between.
pub const TRAFFIC_PRIORITY: i32 = 1000;

/// Load balancers' and target groups' names are this long at most.
const ELB_NAME: usize = 32;

/// The names of a stack's resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
}

impl Names {
    /// The names of this app in this environment.
    pub fn new(app: &str, environment: &str) -> Self {
        Self {
            app: app.to_owned(),
            environment: environment.to_owned(),
        }
    }

    /// `bgd-APP-ENVIRONMENT`: the load balancer, the launch template, roles; cut with a hash where AWS wants it short.
    pub fn stack(&self) -> String {
        fit(&format!("bgd-{}-{}", self.app, self.environment), ELB_NAME)
    }

    /// The Auto Scaling group of a colour.
    pub fn group(&self, colour: Colour) -> String {
        format!("bgd-{}-{}-{colour}", self.app, self.environment)
    }

    /// The target group of a colour.
    pub fn target_group(&self, colour: Colour) -> String {
        fit(&self.group(colour), ELB_NAME)
    }

    /// The Auto Scaling group of verifications, and their launch template: nobody is led there.
    pub fn verify_fleet(&self) -> String {
        format!("bgd-{}-{}-verify", self.app, self.environment)
    }

    /// The target group of verifications.
    pub fn verify_target_group(&self) -> String {
        fit(&self.verify_fleet(), ELB_NAME)
    }

    /// Every Auto Scaling group: of both colours, and of verifications.
    pub fn groups(&self) -> [String; 3] {
        let [blue, green] = Colour::BOTH.map(|colour| self.group(colour));
        [blue, green, self.verify_fleet()]
    }

    /// The security group of the load balancer.
    pub fn balancer_security_group(&self) -> String {
        format!("bgd-{}-{}-balancer", self.app, self.environment)
    }

    /// The security group of the instances.
    pub fn instance_security_group(&self) -> String {
        format!("bgd-{}-{}-instance", self.app, self.environment)
    }

    /// The security group of the builder: nothing comes in.
    pub fn builder_security_group(&self) -> String {
        format!("bgd-{}-{}-builder", self.app, self.environment)
    }

    /// The role of this kind ([`ROLES`]).
    pub fn role(&self, kind: &str) -> String {
        format!("bgd-{}-{}-{kind}", self.app, self.environment)
    }

    /// The role and instance profile of the instances.
    pub fn instance_role(&self) -> String {
        self.role("instance")
    }

    /// The role and instance profile of the builder.
    pub fn builder_role(&self) -> String {
        self.role("builder")
    }

    /// The role of the automation that bakes.
    pub fn bake_role(&self) -> String {
        self.role("bake")
    }

    /// The runbook that bakes.
    pub fn runbook(&self) -> String {
        format!("bgd-{}-{}-bake", self.app, self.environment)
    }

    /// The runbook that bakes what is only verified.
    pub fn verify_runbook(&self) -> String {
        format!("{}-verify", self.runbook())
    }

    /// Every runbook.
    pub fn runbooks(&self) -> [String; 5] {
        [
            self.runbook(),
            self.verify_runbook(),
            self.guard_runbook(),
            self.scale_in_runbook(),
            self.kept_runbook(),
        ]
    }

    /// Where the bundle of a verification is uploaded to: it overwrites nothing of a release's.
    pub fn verify_bundle(&self, sha256: &str) -> String {
        format!("bundles/{}/verify/{sha256}.tar.gz", self.environment)
    }

    /// Where a bundle is uploaded to: one environment's job overwrites nothing of another's.
    pub fn bundle(&self, sha256: &str) -> String {
        format!("bundles/{}/{sha256}.tar.gz", self.environment)
    }

    /// The role of the guard.
    pub fn guard_role(&self) -> String {
        self.role("guard")
    }

    /// The ARN of a role of this name and path, in the account and partition of this ARN: `arn:PARTITION:SERVICE:REGION:ACCOUNT:...`.
    pub fn role_beside(arn: &str, path: &str, role: &str) -> String {
        let mut parts = arn.split(':');
        let partition = parts.nth(1).unwrap_or_default();
        let account = parts.nth(2).unwrap_or_default();
        format!("arn:{partition}:iam::{account}:role{path}{role}")
    }

    /// The runbook of the guard: each environment is provisioned, and kept up to date, by itself.
    pub fn guard_runbook(&self) -> String {
        format!("bgd-{}-{}-guard", self.app, self.environment)
    }

    /// The runbook that scales in the previous colour, in the guard's role.
    pub fn scale_in_runbook(&self) -> String {
        format!("bgd-{}-{}-scale-in", self.app, self.environment)
    }

    /// The runbook that ends an instance which is kept to be looked at, in the guard's role.
    pub fn kept_runbook(&self) -> String {
        format!("bgd-{}-{}-kept", self.app, self.environment)
    }

    /// The bucket for bundles; buckets' names are global, so the account and region are in it.
    pub fn bucket(&self, account: &str, region: &str) -> String {
        fit(&format!("bgd-{}-{account}-{region}", self.app), 63)
    }

    /// The same, and whose it has to be.
    pub fn bucket_of(&self, account: &str, region: &str) -> Bucket {
        Bucket {
            name: self.bucket(account, region),
            account: account.to_owned(),
        }
    }

    /// Where the lease is.
    pub fn lease(&self, account: &str, region: &str) -> Place {
        self.state(account, region, "lease")
    }

    /// Where the lease of verifications is: they have turns of their own, beside those of releases.
    pub fn verify_lease(&self, account: &str, region: &str) -> Place {
        self.state(account, region, "verify")
    }

    fn state(&self, account: &str, region: &str, of: &str) -> Place {
        Place {
            bucket: self.bucket_of(account, region),
            key: format!("state/{}/{of}.json", self.environment),
        }
    }

    /// Whose something of this stack's name is that bears these tags, where that is another stack: `shop` in `api-prod` and
    /// `shop-api` in `prod` have one name. What bears none is taken for ours.
    pub fn owner_but_us(&self, tags: &Tags) -> Option<String> {
        let of = |key: &str| tags.get(key).map(String::as_str);
        let (app, environment) = (of(TAG_APP), of(TAG_ENVIRONMENT));
        let is_ours = app.is_none_or(|app| app == self.app)
            && environment.is_none_or(|environment| environment == self.environment);
        (!is_ours).then(|| {
            format!(
                "{} is the name of app {} in environment {} as well, and what bears it belongs to that: give {} or its environment \
                 another name",
                self.stack(),
                app.unwrap_or_default(),
                environment.unwrap_or_default(),
                self.app
            )
        })
    }

    /// Whether what bears these tags was made in this environment: whoever makes something can give it no other's.
    pub fn made(&self, tags: &Tags) -> bool {
        bear(tags, &self.tags())
    }

    /// Whether what bears these tags was made by a verification: no release takes it.
    pub fn is_to_verify(tags: &Tags) -> bool {
        tags.get(TAG_PURPOSE).is_some_and(|it| it == PURPOSE_VERIFY)
    }

    /// The tags of what belongs to the stack and outlives a deployment.
    pub fn tags(&self) -> Tags {
        Tags::from([
            (TAG_APP.to_owned(), self.app.clone()),
            (TAG_ENVIRONMENT.to_owned(), self.environment.clone()),
        ])
    }

    /// The same of what belongs to one of the colours.
    pub fn tags_of(&self, colour: Colour) -> Tags {
        let mut tags = self.tags();
        tags.insert(TAG_COLOUR.to_owned(), colour.to_string());
        tags
    }

    /// The same of what serves this purpose.
    pub fn tags_for(&self, purpose: &str) -> Tags {
        let mut tags = self.tags();
        tags.insert(TAG_PURPOSE.to_owned(), purpose.to_owned());
        tags
    }
}

/// `name`, or as much of it as fits with a hash of the whole: two long names stay two names.
fn fit(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let hash = &hex::encode(Sha256::digest(name.as_bytes()))[..6];
    format!("{}-{hash}", name[..most - 7].trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_to_what_aws_takes_and_stay_different() {
        let names = Names::new("a-service-of-20-char", "an-environment-of-20");
        let blue = names.target_group(Colour::Blue);
        let green = names.target_group(Colour::Green);
        let verify = names.verify_target_group();
        for name in [&blue, &green, &verify] {
            assert!(name.len() <= 32, "{name}");
        }
        assert!(blue != green && blue != verify && green != verify);
        assert_eq!(Names::new("hello", "prod").stack(), "bgd-hello-prod");
    }

    #[test]
    fn a_role_is_named_in_the_partition_of_its_neighbour() {
        let rule =
            "arn:aws-cn:elasticloadbalancing:cn-north-1:111122223333:listener-rule/app/x/1/2/3";
        let guard = Names::new("hello", "prod").guard_role();
        assert_eq!(
            Names::role_beside(rule, "/", &guard),
            "arn:aws-cn:iam::111122223333:role/bgd-hello-prod-guard"
        );
        assert_eq!(
            Names::role_beside(rule, "/bg-deploy/", &guard),
            "arn:aws-cn:iam::111122223333:role/bg-deploy/bgd-hello-prod-guard"
        );
    }

    #[test]
    fn two_stacks_of_one_name_are_told_apart_by_their_tags() {
        let (ours, theirs) = (
            Names::new("shop", "api-prod"),
            Names::new("shop-api", "prod"),
        );
        assert_eq!(ours.stack(), theirs.stack());
        assert_eq!(ours.owner_but_us(&ours.tags()), None);
        assert_eq!(ours.owner_but_us(&Tags::new()), None);
        let told = ours.owner_but_us(&theirs.tags()).expect("another's");
        assert!(
            told.starts_with(
                "bgd-shop-api-prod is the name of app shop-api in environment prod as well"
            ),
            "{told}"
        );
        let elsewhere = Names::new("shop", "prod");
        assert!(ours.owner_but_us(&elsewhere.tags()).is_some());
    }
}
