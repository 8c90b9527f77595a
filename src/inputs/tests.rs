//! What goes before what, and what CI says of itself.

use super::*;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn an_option_goes_before_its_variable_and_that_before_what_ci_says() {
    let mut options = Options::default();
    let mut variables = environment(&[("GITHUB_SHA", "sha")]);
    let release = |options: &Options, variables: &BTreeMap<String, String>| {
        Inputs::from(options, variables).release
    };
    assert_eq!(release(&options, &environment(&[])), None);
    assert_eq!(
        release(&options, &variables),
        Some(Given::new("GITHUB_SHA", "sha"))
    );
    variables.insert("BGD_RELEASE".to_owned(), "2".to_owned());
    assert_eq!(
        release(&options, &variables),
        Some(Given::new("BGD_RELEASE", "2"))
    );
    options.release = Some("1".to_owned());
    assert_eq!(
        release(&options, &variables),
        Some(Given::new("--release", "1"))
    );
}

#[test]
fn the_release_of_a_pull_request_is_its_head_and_not_the_merge_commit() {
    let folder = tempfile::tempdir().unwrap();
    let event = folder.path().join("event.json");
    std::fs::write(&event, r#"{"pull_request": {"head": {"sha": "head"}}}"#).unwrap();
    let mut variables = environment(&[
        ("GITHUB_SHA", "merge"),
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_EVENT_PATH", event.to_str().unwrap()),
    ]);
    let release = |variables: &BTreeMap<String, String>| {
        let inputs = Inputs::from(&Options::default(), variables);
        inputs.release.unwrap().value
    };
    assert_eq!(release(&variables), "head");
    variables.insert("BGD_RELEASE".to_owned(), "1".to_owned());
    assert_eq!(release(&variables), "1");
    variables.remove("BGD_RELEASE");
    variables.insert("GITHUB_EVENT_NAME".to_owned(), "push".to_owned());
    assert_eq!(release(&variables), "merge");
    variables.insert("GITHUB_EVENT_NAME".to_owned(), "pull_request".to_owned());
    std::fs::write(&event, "{").unwrap();
    assert_eq!(release(&variables), "merge");
}

#[test]
fn an_empty_text_counts_as_not_given() {
    let options = Options {
        release: Some(String::new()),
        ..Options::default()
    };
    let inputs = Inputs::from(
        &options,
        &environment(&[("BGD_REGION", " "), ("BGD_RELEASE", "2")]),
    );
    assert_eq!(inputs.region, None);
    assert_eq!(inputs.release, Some(Given::new("BGD_RELEASE", "2")));
    assert_eq!(inputs.config, None);
}

#[test]
fn who_asked_is_said_with_why() {
    let of = |pairs: &[(&str, &str)]| Ci::from(&environment(pairs)).asked_by();
    let with = |event, on| {
        of(&[
            ("GITHUB_ACTOR", "ada"),
            ("GITHUB_EVENT_NAME", event),
            ("GITHUB_REF_NAME", on),
        ])
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[("GITHUB_ACTOR", "ada")]).as_deref(), Some("ada"));
    for (event, on, why) in [
        ("push", "main", "ada, push to main"),
        ("pull_request", "7/merge", "ada, pull request 7"),
        ("workflow_dispatch", "main", "ada, by hand, from main"),
        ("schedule", "main", "ada, schedule on main"),
    ] {
        assert_eq!(with(event, on).as_deref(), Some(why));
    }
}

#[test]
fn ci_is_known_by_its_own_variables_and_only_whole_run_urls_are_made() {
    let mut variables = environment(&[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_ACTOR", "ada"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "ada/hello"),
    ]);
    let ci = Ci::from(&variables);
    assert!(ci.is_ci && ci.is_github);
    assert_eq!((ci.actor.as_deref(), ci.run_url), (Some("ada"), None));
    variables.insert("GITHUB_RUN_ID".to_owned(), "7".to_owned());
    assert_eq!(
        Ci::from(&variables).run_url.as_deref(),
        Some("https://github.com/ada/hello/actions/runs/7")
    );
    let laptop = Ci::from(&environment(&[("CI", "false")]));
    assert_eq!(laptop, Ci::default());
}
