//! A cancelled job: signals go to the shell's process alone, and have to reach the binary.

use crate::checkout::{Checkout, STAND_IN, fake, files_below, write_program};
use crate::support::stepper::{Cancel, Ran};

/// The runner's ten seconds, in a second.
const SCALE: f64 = 0.1;

/// A binary that works until it is told to stop, the second time.
const STUBBORN: &str = "#!/bin/sh
[ \"$1\" = finish ] && { echo 'stand-in: finishing'; exit 0; }
trap 'echo \"stand-in: INT\"' INT
trap 'echo \"stand-in: TERM\"; echo result=stopped >> \"$GITHUB_OUTPUT\"; exit 5' TERM
echo 'stand-in: working'
while :; do sleep 0.05; done
";

fn is_working(log: &str) -> bool {
    log.contains("stand-in: working")
}

#[test]
fn both_signals_reach_the_binary_and_the_last_step_still_runs() {
    let checkout = Checkout::with("version dev\n");
    let runner = checkout.runner();
    let binary = runner.workspace().join("the binary");
    write_program(&binary, STUBBORN);
    let cancel = Cancel {
        when: &is_working,
        scale: SCALE,
    };
    let ran = runner.run_cancelled(&[("binary", "the binary")], &cancel);
    assert_eq!(ran.conclusion, "cancelled");
    assert_eq!(ran.steps[0].signals, ["INT", "TERM"], "{}", ran.log);
    assert_eq!(ran.steps[0].code, Some(5), "{}", ran.log);
    assert!(ran.log.contains("stand-in: INT\n"), "{}", ran.log);
    assert!(ran.log.contains("stand-in: finishing"), "{}", ran.log);
    assert_eq!(ran.steps[1].outcome, "success");
    // What the cancelled step had given is still there.
    assert_eq!(ran.output("result"), "stopped");
}

#[test]
fn a_cancel_while_it_is_downloaded_leaves_neither_process_nor_half_a_file() {
    let checkout = Checkout::of_a_release(STAND_IN);
    let mut runner = checkout.runner();
    // Half of it, and then nothing more.
    let script = "#!/bin/bash
while [ \"$1\" != --output ]; do shift; done
printf half > \"$2\"
echo downloading
sleep 600
";
    fake(&mut runner, "curl", script);
    let cancel = Cancel {
        when: &|log| log.contains("downloading"),
        scale: SCALE,
    };
    let ran = runner.run_cancelled(&[], &cancel);
    assert_nothing_begun(&ran);
    assert!(files_below(&runner.path("tools")).is_empty());
}

#[test]
fn a_cancel_while_it_is_built_ends_the_compiler_as_well() {
    let checkout = Checkout::with("version dev\n");
    let mut runner = checkout.runner();
    // cargo starts rustc, and a signal to cargo is none to rustc.
    fake(
        &mut runner,
        "cargo",
        "#!/bin/bash\nsleep 600 &\necho building\nwait\n",
    );
    let cancel = Cancel {
        when: &|log| log.contains("building"),
        scale: SCALE,
    };
    assert_nothing_begun(&runner.run_cancelled(&[], &cancel));
}

#[track_caller]
fn assert_nothing_begun(ran: &Ran) {
    assert_eq!(ran.steps[0].signals, ["INT"], "{}", ran.log);
    assert_eq!(ran.output("result"), "cancelled");
    assert_eq!(ran.output("exit-code"), "5");
    assert_eq!(ran.steps[1].outcome, "success", "{}", ran.log);
    assert!(!ran.log.contains("stand-in"), "{}", ran.log);
}
