//! `destroy`, as a tired engineer meets it: it shows, it wants to be told what and who is served, and it does not end by habit.

use crate::account::Account;
use crate::by_hand::type_in;
use crate::venv;

/// Somebody protects the load balancer.
const PROTECT: &str = r#"
import boto3
elbv2 = boto3.client("elbv2")
balancer = elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
change = [{"Key": "deletion_protection.enabled", "Value": "true"}]
elbv2.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=change)
"#;

/// Runs it, which has to end with this code and say all of these.
async fn said(account: &Account, line: &str, code: i32, words: &[&str]) -> String {
    let typed: Vec<_> = line.split(' ').collect();
    let ran = account.run(&typed, None).await;
    assert_eq!(ran.code, Some(code), "{line}: {}", ran.text);
    for one in words {
        assert!(ran.text.contains(one), "{line}: {one}\n{}", ran.text);
    }
    ran.text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_ended_only_by_whoever_says_what_it_is_and_which_release_it_serves() {
    let account = Account::provisioned("").await;
    let ran = account.deploy("1.0.0", &[], None).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    let text = said(
        &account,
        "destroy",
        0,
        &[
            "hello in default, account 123456789012, eu-central-1",
            "1.0.0 on green, from 1 of 1 instances that are healthy, by the rule of priority 1000",
            "the listener on port",
            "Auto Scaling group bgd-hello-default-green with its instance",
            "to remove it, with the release that is served in the place of RELEASE: bg-deploy destroy",
            "--yes hello/default --even-while-serving RELEASE",
        ],
    )
    .await;
    assert!(!text.contains("removed bucket"), "{text}");
    let is_untouched = [
        (
            "destroy --yes hello/prod",
            2,
            "--yes hello/prod: this is hello/default; nothing was removed",
        ),
        (
            "destroy --yes hello/default",
            3,
            "visitors are served now; nothing was removed",
        ),
        (
            "destroy --yes hello/default --even-while-serving 0.9",
            3,
            "visitors are served now, and not by 0.9; nothing was removed",
        ),
    ];
    for (line, code, words) in is_untouched {
        said(&account, line, code, &[words]).await;
    }
    said(&account, "hold --reason sale", 0, &[]).await;
    let whole = "destroy --yes hello/default --even-while-serving 1.0.0";
    said(&account, whole, 3, &["on hold: ", "bg-deploy release-hold"]).await;
    said(&account, "release-hold", 0, &[]).await;
    said(&account, "status", 0, &["1.0.0"]).await;
    said(
        &account,
        whole,
        0,
        &[
            "removed load balancer bgd-hello-default",
            "removed bucket",
            "hello in default is gone",
        ],
    )
    .await;
    said(
        &account,
        "destroy",
        0,
        &["nothing of hello in default stands here"],
    )
    .await;
    // And it can be made anew.
    said(&account, "provision", 0, &["created load balancer"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_load_balancer_is_a_refusal_with_the_command_that_takes_it_back() {
    let pins = "crates/local-aws/tests/conformance/requirements.txt";
    let Some(venv) = venv::with("conformance", pins) else {
        return;
    };
    let account = Account::provisioned("").await;
    let script = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(script.path(), PROTECT).expect("written");
    let line = format!("python {}", script.path().display());
    type_in(&account, &venv.join("bin"), &line).await;
    let told = ["is protected from its removal", "nothing was removed"];
    said(&account, "destroy", 0, &told).await;
    let text = said(&account, "destroy --yes hello/default", 3, &told).await;
    let at = text.find("aws elbv2 ").expect("a command");
    type_in(
        &account,
        &venv.join("bin"),
        text[at..].lines().next().expect("a line"),
    )
    .await;
    said(&account, "destroy --yes hello/default", 0, &["is gone"]).await;
}
