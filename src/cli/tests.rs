//! The help, its examples and the defaults.

use clap::CommandFactory;

use super::*;

#[test]
fn the_commands_and_their_options_do_not_contradict_each_other() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_says_what_it_does_and_shows_an_example_that_parses() {
    let mut cli = Cli::command();
    for command in cli.get_subcommands_mut() {
        let name = command.get_name().to_owned();
        let help = command.render_long_help().to_string();
        assert!(command.get_about().is_some(), "{name} says nothing");
        let examples: Vec<&str> = help
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("bg-deploy "))
            .collect();
        assert!(!examples.is_empty(), "{name} has no example");
        for example in examples {
            let words = example.split(['>', '|']).next().unwrap_or_default();
            let parsed = Cli::try_parse_from(words.split_whitespace());
            assert!(parsed.is_ok(), "{example}: {parsed:?}");
        }
    }
}

#[test]
fn the_help_lists_every_exit_code() {
    let help = Cli::command().render_long_help().to_string();
    for (code, meaning) in EXIT_CODES {
        let first_words: String = meaning.chars().take(30).collect();
        assert!(help.contains(&format!("  {code}  {first_words}")), "{help}");
    }
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let Command::Rehearse(rehearse) = parse("rehearse --fault drops-on-stop").command else {
        unreachable!("asked for rehearse");
    };
    assert_eq!((rehearse.speed, rehearse.seed), (20, None));
    assert_eq!(
        rehearse.fault.map(|fault| fault.name),
        Some("drops-on-stop")
    );
    assert_eq!(rehearse.report_dir, PathBuf::from("bg-deploy-report"));
    let Command::LocalAws(local) = parse("local-aws").command else {
        unreachable!("asked for local-aws");
    };
    assert_eq!(
        (local.address().to_string(), local.speed),
        ("127.0.0.1:4566".to_owned(), 1)
    );
    let Command::Probe(probe) = parse("probe --for 90s --rate 0.5").command else {
        unreachable!("asked for probe");
    };
    assert_eq!(
        (probe.duration, probe.rate),
        (Duration::from_secs(90), Some(0.5))
    );
}

#[test]
fn options_stand_before_or_after_the_command() {
    assert_eq!(
        parse("--environment prod --json plan").options,
        parse("plan --json --environment prod").options
    );
}

#[test]
fn what_is_out_of_range_or_of_the_wrong_form_is_refused() {
    for line in [
        "rehearse --speed 0",
        "rehearse --speed 61",
        "rehearse --fault sunspots",
        "probe --rate 0",
        "probe --rate nan",
        "probe --for 90",
        "probe --path hc",
        "probe --url http://a/b",
        "probe --pointer version",
        "probe --expect",
        "local-aws --port 65536",
        "plan --color pink",
        "undeploy",
        "",
    ] {
        assert!(try_parse(line).is_err(), "{line}");
    }
}

fn parse(line: &str) -> Cli {
    try_parse(line).unwrap()
}

fn try_parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("bg-deploy").chain(line.split_whitespace()))
}
