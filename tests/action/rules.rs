//! The stepper itself: it has to refuse what the runner would refuse, or what it does not know.

use std::path::Path;

use crate::checkout::Checkout;
use crate::support::stepper::{Ran, Runner, pairs};

/// An Action whose one step runs this script.
struct Small {
    checkout: Checkout,
}

impl Small {
    fn of(script: &str) -> Self {
        Self::with("", "${{ inputs.a }}", script)
    }

    fn with(keys: &str, value: &str, script: &str) -> Self {
        let checkout = Checkout::with("");
        let text = format!(
            "name: small\ninputs:\n  a:\n    default: x\noutputs:\n  b:\n    value: ${{{{ steps.one.outputs.b }}}}\n\
             runs:\n  using: composite\n  steps:\n    - id: one\n      shell: bash\n{keys}      env:\n        A: {value}\n\
             \x20     run: |\n        {script}\n"
        );
        let file = checkout.path().join("action.yml");
        std::fs::write(file, text).expect("action.yml");
        Self { checkout }
    }

    fn run(&self) -> Ran {
        Runner::of(self.checkout.path()).run(&[])
    }
}

#[test]
fn outputs_are_read_by_the_runner_s_rules() {
    let read = |text: &str| {
        let pairs = pairs(text)?;
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{name}:{value}"))
            .collect();
        Ok::<_, String>(pairs.join("|"))
    };
    // What comes first in a line decides.
    assert_eq!(
        read("a=b<<c\n\nd<<E=F\n1\n\nE\nE=F\n"),
        Ok("a:b<<c|d:1\n\nE".to_owned())
    );
    assert_eq!(read("a<<E\nE\nb=\n"), Ok("a:|b:".to_owned()));
    // Only the delimiter itself ends a value.
    assert!(read("a<<E\nE \n").is_err());
    for bad in ["a\n", "=b\n", "<<E\nE\n", "a<<\n"] {
        assert!(read(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_line_that_the_runner_cannot_read_fails_the_step() {
    let ran = Small::of("echo nonsense >> \"$GITHUB_OUTPUT\"").run();
    assert_eq!(ran.conclusion, "failure");
    assert!(ran.log.contains("neither = nor <<"), "{}", ran.log);
}

#[test]
fn commands_take_effect_on_both_streams_until_they_are_stopped() {
    let script = "echo '  ::notice title=a%2Cb::x%0Ay'; echo 'z ##[error]e' >&2; echo ::nonsense::; \
                  echo ::stop-commands::word; echo ::error::no; echo ::word::; echo ::warning::yes";
    let ran = Small::of(script).run();
    assert_eq!(ran.annotations("notice"), ["x\ny"]);
    assert_eq!(ran.annotations("warning"), ["yes"]);
    assert_eq!(ran.annotations("error"), ["e"]);
    let notice = ran.commands.iter().find(|one| one.name == "notice");
    let title = ("title".to_owned(), "a,b".to_owned());
    assert_eq!(notice.expect("a notice").properties, [title]);
}

#[test]
fn a_step_sees_the_runner_s_variables_and_its_own_and_no_inputs() {
    let ran = Small::of("env; echo \"b=$A\" >> \"$GITHUB_OUTPUT\"").run();
    assert_eq!(ran.output("b"), "x");
    assert!(!ran.log.contains("INPUT_"), "{}", ran.log);
    let cargo = ran.log.lines().find(|line| line.starts_with("CARGO"));
    assert_eq!(cargo, None);
}

#[test]
#[should_panic(expected = "not known here: \"fromJSON(inputs.a)\"")]
fn an_expression_that_is_not_known_fails_the_test() {
    Small::with("", "${{ fromJSON(inputs.a) }}", "true").run();
}

#[test]
#[should_panic(expected = "nothing is called \"inputs.b\"")]
fn an_input_that_is_not_declared_fails_the_test() {
    Small::with("", "${{ inputs.b }}", "true").run();
}

#[test]
#[should_panic(expected = "not known here: continue-on-error")]
fn a_key_that_is_not_known_fails_the_test() {
    Small::with("      continue-on-error: true\n", "x", "true").run();
}

#[test]
#[should_panic(expected = "not known here: \"${{ failure() }}\"")]
fn a_condition_that_is_not_known_fails_the_test() {
    Small::with("      if: ${{ failure() }}\n", "x", "true").run();
}

#[test]
#[should_panic(expected = "spliced into a script")]
fn an_input_in_a_script_fails_the_test() {
    Small::of("echo ${{ inputs.a }}").run();
}

#[test]
#[should_panic(expected = "left running")]
fn a_process_that_is_left_running_fails_the_test() {
    if !Path::new("/proc/self/environ").exists() {
        panic!("left running: not to be seen here");
    }
    // While it becomes another program, a process has no environment to be known by.
    let is_there =
        "[ \"$(cat /proc/$!/comm)\" = sleep ] && grep -qa RUNNER_TRACKING_ID /proc/$!/environ";
    Small::of(&format!(
        "sleep 60 > /dev/null 2>&1 & until {is_there}; do :; done"
    ))
    .run();
}
