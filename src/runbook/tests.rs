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
            let name = step["name"].as_str().expect("a name");
            let Some(place) = name.strip_prefix("areAsLeft") else {
                continue;
            };
            choices += 1;
            let following = steps[at + 1]["name"].as_str().expect("a name");
            // Where nothing is written there, the looks go on at the next place.
            let acts = match (beside, place.trim_start_matches("Default")) {
                (Beside::MustBeAsLeft, "2") => "isRule3",
                (Beside::MustBeAsLeft, "3") => "isRule4",
                (Beside::MustBeAsLeft, "4") => "readWeights",
                _ => following,
            };
            let ends = step["isEnd"] == true;
            assert!(ends || step["inputs"]["Default"] != acts, "{name}");
            for choice in step["inputs"]["Choices"].as_array().expect("choices") {
                assert_eq!(choice["NextStep"], acts, "{name}");
                assert_eq!(choice["And"].as_array().expect("conditions").len(), 4);
            }
        }
        // The stack's own, and each place beside it as a rule and as a default action.
        assert_eq!(choices, 1 + 2 * (MOST_RULES - 1));
        let last = steps.iter().rev().take(2);
        assert!(last.eq([&ends_here(act_step()), &steps[steps.len() - 2]]));
        assert_eq!(steps[steps.len() - 2]["name"], "areAsLeft");
    }
}

#[test]
fn a_rule_beside_that_can_not_be_read_ends_it_or_is_passed_over() {
    let on_failure = |beside, name| {
        let runbook = example(beside);
        let steps = runbook["mainSteps"].as_array().expect("steps").clone();
        let mut reads = steps.into_iter().filter(|step| step["name"] == name);
        reads.next().expect("a look")["onFailure"].clone()
    };
    for name in ["readWeights2", "readWeightsDefault2"] {
        assert_eq!(on_failure(Beside::MustBeAsLeft, name), Value::Null);
        assert_eq!(on_failure(Beside::Written(written), name), "step:isRule3");
    }
}

#[test]
fn no_look_at_a_rule_leads_to_the_looks_at_a_default_action_in_its_place() {
    for beside in [Beside::MustBeAsLeft, Beside::Written(written)] {
        let runbook = example(beside);
        let steps = runbook["mainSteps"].as_array().expect("steps");
        let of = |name: &str| {
            let mut named = steps.iter().filter(|step| step["name"] == name);
            named.next().expect(name)
        };
        for (read, last) in [
            ("areAsLeft2", "write2"),
            ("areAsLeftDefault2", "writeDefault2"),
        ] {
            let text = of(read).to_string();
            assert!(text.contains("isRule3"), "{text}");
            if let Beside::Written(_) = beside {
                assert_eq!(of(last)["nextStep"], "isRule3");
            }
        }
    }
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
