use super::*;

fn act_step() -> Value {
    json!({"name": "act", "action": "aws:sleep"})
}

fn written(place: Place) -> Value {
    json!({"name": place.name("write"), "action": "aws:sleep"})
}

fn example(beside: Beside) -> Value {
    let look = json!({"name": "look", "action": "aws:sleep"});
    let more = json!({"Group": group("A group.")});
    runbook("An example.", more, vec![look], beside, vec![act_step()])
}

#[test]
fn every_text_that_it_is_started_with_has_a_pattern() {
    for (name, parameter) in example(Beside::MustBeAsLeft)["parameters"]
        .as_object()
        .expect("parameters")
    {
        let pattern = parameter["allowedPattern"].as_str().expect("a pattern");
        assert!(
            pattern.starts_with('^') && pattern.ends_with('$'),
            "{name}: {pattern}"
        );
    }
}

#[test]
fn it_acts_only_by_a_choice_that_names_both_groups_and_both_weights() {
    for beside in [Beside::MustBeAsLeft, Beside::Written(written)] {
        let runbook = example(beside);
        let steps = runbook["mainSteps"].as_array().expect("steps");
        let mut choices = 0;
        for (at, step) in steps.iter().enumerate() {
            let leads = step["name"].as_str().expect("a name");
            if !leads.starts_with("areAsLeft") {
                continue;
            }
            choices += 1;
            let following = steps[at + 1]["name"].as_str().expect("a name");
            let ends = step["isEnd"] == true;
            assert!(ends || step["inputs"]["Default"] != following, "{leads}");
            for choice in step["inputs"]["Choices"].as_array().expect("choices") {
                assert_eq!(choice["NextStep"], following);
                assert_eq!(choice["And"].as_array().expect("conditions").len(), 4);
            }
        }
        assert_eq!(choices, MOST_RULES);
        let last = steps.iter().rev().take(2);
        assert!(last.eq([&ends_here(act_step()), &steps[steps.len() - 2]]));
        assert_eq!(steps[steps.len() - 2]["name"], "areAsLeft");
    }
}

#[test]
fn a_rule_beside_that_can_not_be_read_ends_it_or_is_passed_over() {
    let on_failure = |beside| {
        let runbook = example(beside);
        let steps = runbook["mainSteps"].as_array().expect("steps").clone();
        let mut reads = steps
            .into_iter()
            .filter(|step| step["name"] == "readWeights2");
        reads.next().expect("a look")["onFailure"].clone()
    };
    assert_eq!(on_failure(Beside::MustBeAsLeft), Value::Null);
    assert_eq!(on_failure(Beside::Written(written)), "step:isRule3");
}

#[test]
fn every_place_of_a_rule_is_named_and_where_there_is_none_that_is_said() {
    let looks = Looks {
        role: "role",
        rule: "own",
        also: &["second".to_owned()],
        blue: "b",
        green: "g",
        deployment: "d",
    };
    let parameters = looks.parameters();
    let of = |name: &str| parameters[name].as_str();
    assert_eq!(
        (of("Rule"), of("Rule2"), of("Rule3"), of("Rule4")),
        ("own", "second", "none", "none")
    );
}
