//! Template versions are deleted by a call that answers 200 whatever became of them.

use bg_deploy::aws::launch_templates::{delete_version, describe_versions};

use crate::support::World;

#[tokio::test(start_paused = true)]
async fn a_version_that_aws_keeps_is_a_failure_and_one_that_is_gone_is_none() {
    let world = World::with_a_release().await;
    let aws = world.aws().await;
    let found = world.look(&world.config("0.0.2", None)).await;
    let template = found.template.expect("a template");
    // The default version can't be deleted.
    let refused = delete_version(&aws, &template, 1).await;
    let words = refused.expect_err("a refusal").to_string();
    assert!(words.contains("DeleteLaunchTemplateVersions"), "{words}");
    assert!(words.contains("default version"), "{words}");
    let versions = describe_versions(&aws, &template).await.expect("versions");
    assert!(versions.iter().any(|version| version.number == 1));

    let gone = delete_version(&aws, &template, 77).await;
    assert!(!gone.expect("no failure"), "there is none to delete");
}
