//! The fleet of verifications as it stands: a group, a target group, a launch template and a rule of their own, so that whoever
//! verifies can do nothing to either colour.

use anyhow::Result;

use crate::aws::autoscaling::{self, Group};
use crate::aws::elbv2::{self, Routes};
use crate::aws::ssm::{self, Document};
use crate::aws::{Aws, launch_templates};
use crate::bake::runbook::verify_runbook;
use crate::command_line::Next;
use crate::config::Config;
use crate::secret::Secret;
use crate::stack::{Names, VERIFY_PRIORITY};

/// It, with all that it consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyParts {
    /// Its Auto Scaling group.
    pub group: Group,
    /// Its target group, by its ARN.
    pub target_group: String,
    /// Its launch template.
    pub template: String,
    /// The version of the runbook that bakes for it.
    pub runbook_version: String,
    /// The rule that leads there, by its ARN.
    pub rule: String,
    /// What that asks for in the header of previews.
    pub secret: Secret,
}

impl VerifyParts {
    /// Looks at all of it; or why there is nothing to verify on.
    pub(crate) async fn find(
        aws: &Aws,
        config: &Config,
        routes: &Routes,
    ) -> Result<Result<Self, String>> {
        let names = Names::new(&config.app, &config.environment);
        let name = names.verify_fleet();
        let groups = [name.clone()];
        let target_group = names.verify_target_group();
        let (runbook, bakes) = (
            names.verify_runbook(),
            verify_runbook(config.encryption.volume_key.as_deref()),
        );
        let (groups, target_group, template, runbook) = tokio::try_join!(
            Box::pin(autoscaling::find_groups(aws, &groups)),
            Box::pin(elbv2::find_target_group(aws, &target_group)),
            Box::pin(launch_templates::find_tagged_template(aws, &name)),
            Box::pin(ssm::compare_document(aws, &runbook, &bakes)),
        )?;
        let runbook = match runbook {
            Document::Ours { version } => Some(version),
            Document::Other | Document::Absent => None,
        };
        let group = groups.into_iter().next();
        let tags = group.as_ref().map(|group| &group.tags);
        let tags = tags
            .into_iter()
            .chain(template.as_ref().map(|(_, tags)| tags));
        if let Some(why) = tags.filter_map(|tags| names.owner_but_us(tags)).next() {
            return Ok(Err(why));
        }
        let port = i32::from(config.network.listener_port);
        let mut ours = routes.0.iter().filter(|route| route.port == port);
        let rule = ours.find(|route| route.rule.priority == VERIFY_PRIORITY.to_string());
        let rule = rule.zip(target_group.as_ref()).and_then(|(route, to)| {
            let rule = &route.rule;
            let found = (rule.arn.clone(), rule.secret.clone()?);
            rule.previews(&to.arn).then_some(found)
        });
        let absent = [
            ("Auto Scaling group", group.is_none()),
            ("target group", target_group.is_none()),
            ("launch template", template.is_none()),
            ("rule", rule.is_none()),
            ("bake runbook in its current version", runbook.is_none()),
        ];
        let absent = absent.iter().filter(|(_, is_absent)| *is_absent);
        let absent: Vec<_> = absent.map(|(what, _)| *what).collect();
        let (
            Some(group),
            Some(target_group),
            Some((template, _)),
            Some((rule, secret)),
            Some(runbook_version),
        ) = (group, target_group, template, rule, runbook)
        else {
            return Ok(Err(format!(
                "what verifications of {} in environment {} are made on ({name}) does not exist: its {}; run: {}",
                config.app,
                config.environment,
                absent.join(", "),
                config.next(Next::Provision)
            )));
        };
        Ok(Ok(Self {
            group,
            target_group: target_group.arn,
            template,
            runbook_version,
            rule,
            secret,
        }))
    }
}
