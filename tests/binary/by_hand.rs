//! What a person is to type into the AWS CLI is typed there as it is printed, and is right. Who breaks things is a person,
//! too: boto3.

use std::collections::BTreeSet;
use std::path::Path;

use crate::account::Account;
use crate::venv;

/// Half of the traffic to each colour, a process of both groups suspended, and another rule that leads to both.
const BREAK: &str = r#"
import boto3
elbv2, groups = boto3.client("elbv2"), boto3.client("autoscaling")
balancer = elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
listener = elbv2.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
rules = [rule for rule in elbv2.describe_rules(ListenerArn=listener)["Rules"]
         if len(rule["Actions"][0].get("ForwardConfig", {}).get("TargetGroups", [])) == 2]
rule = rules[-1]  # the preview route comes before it
both = [dict(target, Weight=50) for target in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]]
action = {"Type": "forward", "ForwardConfig": {"TargetGroups": both}}
elbv2.modify_rule(RuleArn=rule["RuleArn"], Actions=[action])
elbv2.create_rule(
    ListenerArn=listener, Priority=7, Actions=[action],
    Conditions=[{"Field": "path-pattern", "Values": ["/other/*"]}])
for group in groups.describe_auto_scaling_groups()["AutoScalingGroups"]:
    groups.suspend_processes(
        AutoScalingGroupName=group["AutoScalingGroupName"], ScalingProcesses=["Launch"])
"#;

/// The first command of the AWS CLI in what was said.
fn suggested(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let at = line.find("aws elbv2 ");
        let at = at.or_else(|| line.find("aws autoscaling "))?;
        Some(line[at..].to_owned())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_for_the_aws_cli_is_typed_there_and_puts_right_what_it_says() {
    let pins = "crates/local-aws/tests/conformance/requirements.txt";
    let Some(venv) = venv::with("conformance", pins) else {
        return;
    };
    let bin = venv.join("bin");
    let account = Account::provisioned("[retain]\nfor = \"10m\"\n").await;
    for release in ["1.0.0", "1.0.1"] {
        let ran = account.deploy(release, &[], None).await;
        assert_eq!(ran.code, Some(0), "{}", ran.text);
    }
    let script = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(script.path(), BREAK).expect("written");
    let line = format!("python {}", script.path().display());
    type_in(&account, &bin, &line).await;

    // Whoever is refused is told how it is, and that it was not this command.
    let refused = account.deploy("1.0.2", &[], None).await;
    assert_eq!(refused.code, Some(3), "{}", refused.text);
    let told = "Yes, and not by this command, which changed nothing: THE TRAFFIC IS DIVIDED";
    assert!(refused.text.contains(told), "{}", refused.text);

    let mut typed = BTreeSet::new();
    let mut told = String::new();
    for _ in 0..8 {
        told = account.run(&["doctor"], None).await.text;
        let Some(command) = suggested(&told) else {
            break;
        };
        let kind: Vec<_> = command.split(' ').take(3).collect();
        typed.insert(kind.join(" "));
        type_in(&account, &bin, &command).await;
    }
    let wanted = [
        "aws autoscaling resume-processes",
        "aws elbv2 add-tags",
        "aws elbv2 modify-rule",
    ];
    assert_eq!(Vec::from_iter(&typed), wanted, "{told}");
    let doctor = account.run(&["doctor"], None).await;
    assert_eq!(doctor.code, Some(0), "{}", doctor.text);
    let deployed = account.deploy("1.0.2", &[], None).await;
    assert_eq!(deployed.code, Some(0), "{}", deployed.text);
}

/// Types it where the AWS CLI is.
pub(crate) async fn type_in(account: &Account, bin: &Path, line: &str) {
    let line = format!(
        "export PATH={}:$PATH AWS_ENDPOINT_URL={} AWS_DEFAULT_REGION=eu-central-1; {line}",
        bin.display(),
        account.endpoint()
    );
    let ran = account.type_in(&line).await;
    assert_eq!(ran.code, Some(0), "{line}\n{}", ran.text);
}
