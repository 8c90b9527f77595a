//! What the candidate is made of: its image, its template version, what it is told at boot.

use crate::aws::launch_templates::VersionData;
use crate::config::Config;
use crate::inventory::{Bakery, Inventory};
use crate::names::{Colour, Release};
use crate::stack::{Names, TAG_COLOUR, TAG_COMMIT, TAG_DEPLOYMENT, TAG_RELEASE};

use super::{Bake, Draw, Taken};

/// What must exist for a bake.
pub(super) struct BakePreconditions {
    runbook_version: String,
    bucket: String,
    builder: (String, String),
}

impl BakePreconditions {
    /// All of them, or none.
    pub(super) fn of(bakery: &Bakery) -> Option<Self> {
        Some(Self {
            runbook_version: bakery.runbook_version.clone()?,
            bucket: bakery.bucket.clone()?,
            builder: bakery.builder.clone()?,
        })
    }
}

pub(super) fn plan_bake(
    config: &Config,
    inventory: &Inventory,
    names: &Names,
    bakery: &Bakery,
    met: &BakePreconditions,
    draw: &Draw,
) -> Bake {
    let image_name = bakery.recipe.image_name(&config.app, &config.environment);
    let (security_group, subnet) = &met.builder;
    let key = names.bundle(&bakery.recipe.bundle_sha256);
    // In the partition and account of whoever calls.
    let caller = &inventory.caller.arn;
    let role = Names::role_beside(caller, &config.roles.path, &names.bake_role());
    let parameters = [
        ("AutomationAssumeRole", role),
        ("App", config.app.clone()),
        ("Environment", config.environment.clone()),
        ("Deployment", draw.deployment.clone()),
        ("BaseImage", bakery.base_image.clone()),
        ("InstanceType", config.bake.instance_type.clone()),
        ("SubnetId", subnet.clone()),
        ("SecurityGroupId", security_group.clone()),
        ("InstanceProfile", names.builder_role()),
        ("BundleUri", format!("s3://{}/{key}", met.bucket)),
        ("BundleSha256", bakery.recipe.bundle_sha256.clone()),
        ("ImageName", image_name.clone()),
    ];
    Bake {
        recipe: bakery.recipe.clone(),
        existing: bakery
            .image
            .as_ref()
            .filter(|image| image.state == "available")
            .map(|image| image.id.clone()),
        image_name,
        taken: config.bake.take_from.as_ref().map(|environment| {
            let image_name = bakery.recipe.image_name(&config.app, environment);
            let environment = environment.clone();
            Box::new(Taken {
                environment,
                image_name,
            })
        }),
        runbook: (names.runbook(), met.runbook_version.clone()),
        bucket: met.bucket.clone(),
        key,
        parameters: parameters
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        within: config.bake.timeout,
    }
}

impl Bake {
    /// The same for a verification: by a runbook of its own, from a bundle and to an image that no release takes.
    pub(super) fn for_verification(self, names: &Names, runbook_version: &str) -> Self {
        let image_name = format!("{}-verify", self.image_name);
        let key = names.verify_bundle(&self.recipe.bundle_sha256);
        let mut parameters = self.parameters;
        for (name, value) in [
            ("ImageName", image_name.clone()),
            ("BundleUri", format!("s3://{}/{key}", self.bucket)),
        ] {
            parameters.insert(name.to_owned(), value);
        }
        Self {
            image_name,
            key,
            runbook: (names.verify_runbook(), runbook_version.to_owned()),
            parameters,
            ..self
        }
    }
}

pub(super) fn version_data(
    config: &Config,
    names: &Names,
    security_group: &str,
    idle: Colour,
    (release, commit): (&Release, Option<&str>),
    draw: &Draw,
) -> VersionData {
    let mut tags = names.tags();
    tags.insert(TAG_DEPLOYMENT.to_owned(), draw.deployment.clone());
    tags.insert(TAG_RELEASE.to_owned(), release.to_string());
    if let Some(commit) = commit {
        tags.insert(TAG_COMMIT.to_owned(), commit.to_owned());
    }
    tags.insert(TAG_COLOUR.to_owned(), idle.to_string());
    tags.insert(
        "Name".to_owned(),
        format!("{}-{}-{idle}", config.app, config.environment),
    );
    VersionData {
        image: String::new(),
        instance_type: config.fleet.instance_type.clone(),
        instance_profile: names.instance_role(),
        security_groups: vec![security_group.to_owned()],
        user_data: user_data(config, idle, release),
        tags,
    }
}

/// What differs from environment to environment comes at boot, so the same image serves them all.
pub(super) fn user_data(config: &Config, colour: Colour, release: &Release) -> String {
    let mut lines = vec![
        format!("RELEASE={release}"),
        format!("ENVIRONMENT={}", config.environment),
        format!("COLOUR={colour}"),
    ];
    lines.extend(
        config
            .service
            .variables
            .iter()
            .map(|(name, value)| format!("{name}={}", quote(value))),
    );
    let content = format!("{}\n", lines.join("\n"));
    // JSON is YAML, and needs no indentation to be right.
    let cloud_config = serde_json::json!({
        "write_files": [{
            "path": format!("/etc/{}/environment", config.app),
            "content": content,
            "permissions": "0600",
        }],
    });
    format!("#cloud-config\n{cloud_config}\n")
}

/// A value in double quotes, as systemd's EnvironmentFile reads it.
fn quote(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_reaches_the_unit_as_it_was_written() {
        assert_eq!(quote("a b"), "\"a b\"");
        assert_eq!(
            quote(r#"say "$HOME" \ `x`"#),
            r#""say \"\$HOME\" \\ \`x\`""#
        );
    }
}
