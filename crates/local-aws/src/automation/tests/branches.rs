//! Where a branch leads.

use serde_json::json;

use super::{api, cloud, has_ended, step, until};

#[tokio::test(start_paused = true)]
async fn a_branch_that_is_the_end_leads_on_where_a_choice_holds_and_ends_where_none_does() {
    let cloud = cloud().await;
    let content = json!({
        "schemaVersion": "0.3",
        "parameters": {"Wanted": {"type": "String"}, "Held": {"type": "String"}},
        "mainSteps": [
            {"name": "choose", "action": "aws:branch", "isEnd": true, "inputs": {"Choices": [
                {"Variable": "{{ Held }}", "StringEquals": "{{ Wanted }}", "NextStep": "nap"},
            ]}},
            {"name": "nap", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}},
        ],
    });
    let document =
        json!({"Name": "choose", "DocumentType": "Automation", "Content": content.to_string()});
    api(&cloud, "ssm", "CreateDocument", document).expect("a good runbook");
    for (held, nap) in [("a", "Success"), ("b", "Pending")] {
        let params =
            json!({"DocumentName": "choose", "Parameters": {"Wanted": ["a"], "Held": [held]}});
        let started = api(&cloud, "ssm", "StartAutomationExecution", params).expect("started");
        let id = started["AutomationExecutionId"].as_str().expect("an id");
        let run = until(&cloud, id, has_ended).await;
        assert_eq!(run["AutomationExecutionStatus"], "Success", "{run:#}");
        assert_eq!(step(&run, "nap")["StepStatus"], nap, "{held}");
    }
    cloud.stop().await;
}
