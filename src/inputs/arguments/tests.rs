//! Options from variables, and what is said of wrong ones.

use super::*;
use crate::cli::Command as Chosen;

#[test]
fn every_option_of_every_command_is_an_input_and_every_input_is_read() {
    let mut cli = Cli::command();
    cli.build();
    for input in INPUTS {
        let upper = input.name.to_uppercase().replace('-', "_");
        assert_eq!(input.variable, format!("BGD_{upper}"));
        let takers: Vec<_> = known_commands(&cli)
            .filter(|command| option_of(&cli, command, input.name).is_some())
            .collect();
        let is_option = matches!(input.reader, Reader::CommandLine | Reader::Inputs);
        if !is_option || input.variable == COMMAND {
            assert!(takers.is_empty(), "{} is an option", input.name);
            continue;
        }
        let said: Vec<_> = known_commands(&cli)
            .filter(|name| input.is_of(name))
            .collect();
        assert_eq!(said, takers, "{}", input.name);
    }
    for command in known_commands(&cli) {
        let options = cli.find_subcommand(command).expect("known").get_arguments();
        for option in options.filter_map(Arg::get_long) {
            let is_input = INPUTS.iter().any(|input| input.name == option);
            assert!(
                is_input || option == "help",
                "{command} --{option} is no input"
            );
        }
    }
}

#[test]
fn variables_give_the_command_and_its_options() {
    let cli = parse_with(
        "",
        &[
            ("BGD_COMMAND", "rehearse"),
            ("BGD_FAULT", "slow-start"),
            ("BGD_SPEED", " 40\n"),
            ("BGD_SEED", ""),
            ("BGD_REPORT_DIR", "a b/--json"),
            ("BGD_JSON", "True"),
        ],
    )
    .unwrap();
    let Chosen::Rehearse(rehearse) = &cli.command else {
        unreachable!("asked for rehearse");
    };
    assert_eq!(rehearse.fault.map(|fault| fault.name), Some("slow-start"));
    assert_eq!((rehearse.speed, rehearse.seed), (40, None));
    assert_eq!(rehearse.report_dir.to_str(), Some("a b/--json"));
    assert!(cli.options.json);
}

#[test]
fn the_command_line_goes_before_variables() {
    let variables = [
        ("BGD_COMMAND", "deploy"),
        ("BGD_SPEED", "99"),
        ("BGD_COLOR", "pink"),
        ("BGD_JSON", "maybe"),
    ];
    for line in [
        "rehearse --speed 7 --color=never --json",
        "--color never --json rehearse --speed=7",
    ] {
        let cli = parse_with(line, &variables).unwrap();
        let Chosen::Rehearse(rehearse) = &cli.command else {
            unreachable!("asked for rehearse");
        };
        assert_eq!(rehearse.speed, 7);
        assert!(cli.options.json);
    }
}

#[test]
fn options_of_a_command_that_a_variable_names_stand_on_the_command_line() {
    let cli = parse_with("--speed 7", &[("BGD_COMMAND", "local-aws")]).unwrap();
    assert!(matches!(cli.command, Chosen::LocalAws(local) if local.speed == 7));
    // The value of an option is no command.
    let cli = parse_with("--environment plan", &[("BGD_COMMAND", "status")]).unwrap();
    assert!(matches!(cli.command, Chosen::Status));
}

#[test]
fn what_belongs_to_another_command_is_ignored() {
    let variables = [("BGD_SPEED", "a"), ("BGD_TO", "1"), ("BGD_FOR", "ever")];
    assert!(parse_with("plan", &variables).is_ok());
    assert!(parse_with("sample-app . --port 1", &[("BGD_PORT", "2")]).is_ok());
}

#[test]
fn a_wrong_text_is_said_of_the_variable() {
    for (line, variable, text, words) in [
        (
            "rehearse",
            "BGD_SPEED",
            "99",
            "'99' for 'BGD_SPEED (the input speed)': 99 is not in 1..=60",
        ),
        (
            "rehearse",
            "BGD_FAULT",
            "sunspots",
            "'sunspots' for 'BGD_FAULT (the input fault)'",
        ),
        (
            "probe",
            "BGD_FOR",
            "90",
            "'90' for 'BGD_FOR (the input for)'",
        ),
        (
            "plan",
            "BGD_JSON",
            "yes",
            "BGD_JSON (the input json) is `yes`, but must be true or false",
        ),
        (
            "doctor",
            "BGD_FIX",
            "tRUE",
            "BGD_FIX (the input fix) is `tRUE`, but must be true or false",
        ),
    ] {
        let error = parse_with(line, &[(variable, text)]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let told = error.render().to_string();
        assert!(told.contains(words), "{told}");
    }
    // What was typed is said as it was typed.
    let typed = parse_with("rehearse --speed 99", &[("BGD_SPEED", "7")]).unwrap_err();
    let told = typed.render().to_string();
    assert!(told.contains("'99' for '--speed <N>'"), "{told}");
}

#[test]
fn a_command_that_does_not_exist_is_told_with_all_that_do() {
    let error = parse_with("", &[("BGD_COMMAND", "delpoy\u{1b}[2J")]).unwrap_err();
    let told = error.render().to_string();
    assert!(told.contains("deploy, rollback, verify, status"), "{told}");
    assert!(
        !told.contains('\u{1b}') && !told.contains("sample-app"),
        "{told}"
    );
    let error = parse_with("", &[("BGD_COMMAND", "rolback")]).unwrap_err();
    let told = error.render().to_string();
    assert!(
        told.contains("BGD_COMMAND (the input command) is `rolback`"),
        "{told}"
    );
    assert!(told.contains("did you mean `rollback`?"), "{told}");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn help_is_shown_whatever_the_variables_say() {
    for line in ["--help", "--version", "deploy --help"] {
        let error = parse_with(line, &[("BGD_COMMAND", "x"), ("BGD_COLOR", "auto")]).unwrap_err();
        assert_eq!(error.exit_code(), 0, "{line}");
    }
    assert_ne!(parse_with("", &[]).unwrap_err().exit_code(), 0);
}

fn parse_with(line: &str, variables: &[(&str, &str)]) -> Result<Cli, clap::Error> {
    let argv = std::iter::once("bg-deploy").chain(line.split_whitespace());
    let environment = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    parse(argv.map(OsString::from), &environment)
}

#[test]
fn what_every_command_takes_is_told_in_the_help_of_the_program_alone() {
    let help_of = |line: &str| {
        let words = line.split_whitespace().map(OsString::from);
        let asked = parse(words, &BTreeMap::new());
        asked.expect_err("help").to_string()
    };
    let all = help_of("bg-deploy --help");
    let own = help_of("bg-deploy deploy --help");
    assert!(all.contains("--endpoint-url <URL>"), "{all}");
    assert!(!own.contains("--endpoint-url <URL>"), "{own}");
    for words in ["--allow-older", "Example:", "bg-deploy --help"] {
        assert!(own.contains(words), "{words}: {own}");
    }
    assert!(own.lines().count() < 33, "{own}");
}

#[test]
fn quiet_and_verbose_exclude_each_other() {
    let words = ["bg-deploy", "status", "--quiet", "--verbose"].map(OsString::from);
    let error = parse(words, &BTreeMap::new())
        .expect_err("both")
        .to_string();
    assert!(error.contains("leave one of them out"), "{error}");
}
