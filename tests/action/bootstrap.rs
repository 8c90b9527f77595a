//! Where the binary comes from: a path, a release that the manifest knows, or the checkout itself; and never from anywhere
//! else.

use crate::checkout::{
    Checkout, STAND_IN, fake, file_of_this_machine, files_below, only, sha256, write_program,
};
use crate::support::stepper::{Ran, Runner};

/// What the bootstrap needs but curl, cargo and the programs that hash.
const PROGRAMS: [&str; 8] = [
    "bash", "chmod", "dirname", "mkdir", "mktemp", "mv", "rm", "tr",
];

#[track_caller]
fn assert_ran(ran: &Ran) {
    assert_eq!(ran.conclusion, "success", "{}", ran.log);
    assert!(ran.log.contains("stand-in: [] in ["), "{}", ran.log);
}

/// Fails unless it was refused with these words, in one annotation, and nothing was run.
#[track_caller]
fn assert_refused(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.conclusion, "failure", "{}", ran.log);
    assert_eq!(ran.steps[0].code, Some(code), "{}", ran.log);
    assert!(!ran.log.contains("stand-in"), "{}", ran.log);
    let errors = ran.annotations("error");
    assert_eq!(errors.len(), 1, "{}", ran.log);
    for word in words {
        assert!(errors[0].contains(word), "no {word:?} in {errors:?}");
    }
    let result = if code == 2 { "bad-inputs" } else { "failed" };
    assert_eq!(ran.output("result"), result);
    assert_eq!(ran.output("exit-code"), code.to_string());
    // There is nothing to finish, and nothing to complain about.
    assert_eq!(ran.steps[1].outcome, "success", "{}", ran.log);
}

/// What is kept for later jobs.
fn kept(runner: &Runner) -> Vec<String> {
    let files = files_below(&runner.path("tools"));
    let files = files
        .iter()
        .map(|file| file.to_str().expect("UTF-8").to_owned());
    files.collect()
}

#[test]
fn a_release_is_downloaded_once_checked_and_kept() {
    let checkout = Checkout::of_a_release(STAND_IN);
    let runner = checkout.runner();
    let mirror = checkout.mirror(STAND_IN);
    assert_ran(&runner.run(&[("mirror", &mirror)]));
    let file = file_of_this_machine();
    let target = file.strip_prefix("bg-deploy-").expect("a target");
    assert_eq!(kept(&runner), [format!("bg-deploy/1.2.3/{target}/{file}")]);
    // The next job finds it, though nothing can be downloaded.
    assert_ran(&runner.run(&[("mirror", "file:///nowhere")]));
}

#[test]
fn what_was_kept_and_changed_meanwhile_is_not_run() {
    let checkout = Checkout::of_a_release(STAND_IN);
    let runner = checkout.runner();
    let mirror = checkout.mirror(STAND_IN);
    assert_ran(&runner.run(&[("mirror", &mirror)]));
    let poisoned = runner.path("tools").join(&kept(&runner)[0]);
    write_program(&poisoned, "#!/bin/sh\necho stand-in: poison\n");
    let ran = runner.run(&[("mirror", "file:///nowhere")]);
    assert_refused(&ran, 1, &["file:///nowhere/v1.2.3/", "mirror"]);
    assert!(ran.annotations("notice")[0].contains("anew"));
    assert_ran(&runner.run(&[("mirror", &mirror)]));
}

#[test]
fn bytes_that_are_not_in_the_manifest_are_not_run_or_kept() {
    let checkout = Checkout::of_a_release(STAND_IN);
    let runner = checkout.runner();
    let mirror = checkout.mirror("#!/bin/sh\necho stand-in: somebody else's\n");
    let ran = runner.run(&[("mirror", &mirror)]);
    let wanted = sha256(STAND_IN.as_bytes());
    assert_refused(
        &ran,
        1,
        &["is not bg-deploy 1.2.3", &wanted, "nothing was run"],
    );
    assert_eq!(kept(&runner), Vec::<String>::new());
}

#[test]
fn half_a_download_is_not_taken_for_the_whole() {
    let checkout = Checkout::of_a_release(STAND_IN);
    let mut runner = checkout.runner();
    let mirror = checkout.mirror(STAND_IN);
    // Even one that is whole, when curl says that it is not.
    let script = format!(
        "#!/bin/bash\nwhile [ \"$1\" != --output ]; do shift; done\ncat > \"$2\" <<'END'\n{STAND_IN}END\nexit 18\n"
    );
    fake(&mut runner, "curl", &script);
    let ran = runner.run(&[("mirror", &mirror)]);
    assert_refused(&ran, 1, &["could not be downloaded"]);
    assert_eq!(kept(&runner), Vec::<String>::new());
    runner.set("PATH", "/usr/local/bin:/usr/bin:/bin");
    assert_ran(&runner.run(&[("mirror", &mirror)]));
}

#[test]
fn without_a_mirror_the_release_comes_from_the_action_s_repository_by_https_alone() {
    let checkout = Checkout::of_a_release(STAND_IN);
    let mut runner = checkout.runner();
    fake(
        &mut runner,
        "curl",
        "#!/bin/sh\necho \"called: $*\"\nexit 6\n",
    );
    let ran = runner.run(&[]);
    let url = format!(
        "https://github.com/octo/bg-deploy/releases/download/v1.2.3/{}",
        file_of_this_machine()
    );
    assert_refused(&ran, 1, &[&url]);
    for words in [
        "--proto =https --tlsv1.2",
        "--retry 3",
        &format!("-- {url}\n"),
    ] {
        assert!(ran.log.contains(words), "no {words:?} in {}", ran.log);
    }
    // Used by `uses: ./` it is the job's own repository.
    runner.set_github("action_repository", "");
    let ran = runner.run(&[]);
    assert_refused(&ran, 1, &["https://github.com/octo/hello/releases/"]);
}

#[test]
fn a_runner_for_which_there_is_no_binary_is_told_which_there_are() {
    let checkout = Checkout::of_a_release(STAND_IN);
    for (os, arch) in [
        ("Windows", "ARM64"),
        ("Linux", "S390X"),
        ("Haiku", "X64"),
        ("Linux", "X64\n::error::"),
    ] {
        let mut runner = checkout.runner();
        runner.set("RUNNER_OS", os);
        runner.set("RUNNER_ARCH", arch);
        let words = [
            &format!("no binary for {os} on {arch}"),
            "bg-deploy-riscv-plan9",
        ];
        assert_refused(&runner.run(&[]), 2, &words);
    }
}

#[test]
fn where_the_runner_does_not_say_what_it_is_uname_does() {
    let manifest = format!(
        "version 1.2.3\n{}  bg-deploy-aarch64-apple-darwin\n",
        "0".repeat(64)
    );
    let checkout = Checkout::with(&manifest);
    let mut runner = checkout.runner();
    let uname = "#!/bin/sh\n[ \"$1\" = -s ] && echo Darwin || echo arm64\n";
    fake(&mut runner, "uname", uname);
    runner.set("RUNNER_OS", "");
    runner.set("RUNNER_ARCH", "");
    let ran = runner.run(&[("mirror", "file:///nowhere")]);
    assert_refused(&ran, 1, &["v1.2.3/bg-deploy-aarch64-apple-darwin"]);
    // Windows has its own ending, and writes lines its own way.
    let manifest = format!(
        "version 1.2.3\r\n{} *bg-deploy-x86_64-pc-windows-msvc.exe\r\n",
        "0".repeat(64)
    );
    let checkout = Checkout::with(&manifest);
    let mut runner = checkout.runner();
    runner.set("RUNNER_OS", "Windows");
    runner.set("RUNNER_ARCH", "X64");
    let ran = runner.run(&[("mirror", "file:///nowhere")]);
    assert_refused(&ran, 1, &["v1.2.3/bg-deploy-x86_64-pc-windows-msvc.exe"]);
}

#[test]
fn shasum_does_where_there_is_no_sha256sum_and_without_either_nothing_is_run() {
    let checkout = Checkout::of_a_release(STAND_IN);
    let mirror = checkout.mirror(STAND_IN);
    let mut runner = checkout.runner();
    only(&mut runner, &PROGRAMS);
    let folder = runner.path("only");
    let link = |name: &str| {
        std::os::unix::fs::symlink(format!("/usr/bin/{name}"), folder.join(name)).expect("a link");
    };
    let ran = runner.run(&[("mirror", &mirror)]);
    assert_refused(&ran, 1, &["no curl"]);
    link("curl");
    let ran = runner.run(&[("mirror", &mirror)]);
    assert_refused(&ran, 1, &["neither sha256sum nor shasum"]);
    // As that of macOS: what follows the sum is a name.
    let sum = sha256(STAND_IN.as_bytes());
    let script = format!("#!/bin/bash\n[ \"$*\" = '-a 256' ] && echo '{sum}  -'\n");
    write_program(&folder.join("shasum"), &script);
    assert_ran(&runner.run(&[("mirror", &mirror)]));
}

#[test]
fn between_releases_it_is_built_from_the_checkout() {
    let checkout = Checkout::with("version dev\n");
    let mut runner = checkout.runner();
    let script = format!(
        "#!/bin/bash
echo \"called: $* in $PWD\"
mkdir -p \"$CARGO_TARGET_DIR/release\"
cat > \"$CARGO_TARGET_DIR/release/bg-deploy\" <<'END'
{STAND_IN}END
chmod +x \"$CARGO_TARGET_DIR/release/bg-deploy\"
"
    );
    fake(&mut runner, "cargo", &script);
    let ran = runner.run(&[]);
    assert_ran(&ran);
    let checkout = checkout.path().to_str().expect("UTF-8");
    let called = format!("called: build --release --locked --bin bg-deploy in {checkout}\n");
    assert!(ran.log.contains(&called), "{}", ran.log);
    assert!(ran.annotations("notice")[0].contains("built from source"));
    assert!(
        runner
            .path("temp")
            .join("bg-deploy-build/release/bg-deploy")
            .exists()
    );
    // Where the job says, and as seen from where the job stands.
    runner.set("CARGO_TARGET_DIR", "own target");
    assert_ran(&runner.run(&[]));
    assert!(
        runner
            .workspace()
            .join("own target/release/bg-deploy")
            .exists()
    );
}

#[test]
fn between_releases_without_rust_or_with_an_error_it_says_what_to_do() {
    let checkout = Checkout::with("version dev\n");
    let mut runner = checkout.runner();
    only(&mut runner, &PROGRAMS);
    assert_refused(
        &runner.run(&[]),
        2,
        &["between releases", "@v1", "install Rust"],
    );
    fake(
        &mut runner,
        "cargo",
        "#!/bin/sh\necho 'error: no' >&2\nexit 101\n",
    );
    let ran = runner.run(&[]);
    assert_refused(&ran, 1, &["could not be built (exit code 101)"]);
    assert!(ran.log.contains("error: no\n"), "{}", ran.log);
}

#[test]
fn a_manifest_that_says_no_version_is_refused() {
    for manifest in ["", "version\n", "version latest\n", "version 1/../2\n"] {
        let checkout = Checkout::with(manifest);
        assert_refused(&checkout.runner().run(&[]), 1, &["is no version"]);
    }
}

#[test]
fn a_named_binary_is_run_if_it_is_what_its_hash_says() {
    let checkout = Checkout::with("version dev\n");
    let runner = checkout.runner();
    let binary = runner.workspace().join("a 'tool'");
    write_program(&binary, STAND_IN);
    let sum = sha256(STAND_IN.as_bytes());
    assert_ran(&runner.run(&[("binary", "a 'tool'")]));
    assert_ran(&runner.run(&[("binary", binary.to_str().expect("UTF-8"))]));
    let with = [
        ("binary", "a 'tool'"),
        ("binary-sha256", &*sum.to_uppercase()),
    ];
    assert_ran(&runner.run(&with));
    let wrong = "0".repeat(64);
    let with = [("binary", "a 'tool'"), ("binary-sha256", &*wrong)];
    assert_refused(&runner.run(&with), 2, &[&sum, "nothing was run"]);
    assert_refused(&runner.run(&[("binary", "b")]), 2, &["b is not a file"]);
    assert_refused(
        &runner.run(&[("binary-sha256", &sum)]),
        2,
        &["input binary"],
    );
    std::fs::write(runner.workspace().join("text"), "").expect("a file");
    assert_refused(&runner.run(&[("binary", "text")]), 2, &["chmod +x"]);
}

#[test]
fn it_works_in_the_folder_that_was_asked_for() {
    let checkout = Checkout::with("version dev\n");
    let runner = checkout.runner();
    write_program(&runner.workspace().join("tool"), STAND_IN);
    let folder = runner.workspace().join("my service");
    std::fs::create_dir(&folder).expect("a folder");
    let ran = runner.run(&[("binary", "tool"), ("working-directory", "my service")]);
    assert_ran(&ran);
    assert!(ran.log.contains("work/my service]"), "{}", ran.log);
    let ran = runner.run(&[("binary", "tool"), ("working-directory", "none")]);
    assert_refused(&ran, 2, &["working-directory", "none is not a folder"]);
}

#[test]
fn only_what_releases_is_finished_and_by_the_binary_that_did_it() {
    let checkout = Checkout::with("version dev\n");
    let runner = checkout.runner();
    write_program(&runner.workspace().join("tool"), STAND_IN);
    for (command, is_finished) in [
        ("", false),
        ("plan", false),
        ("finish", false),
        ("rehearse", false),
        ("deploy", true),
        (" verify\n", true),
        ("rollback", true),
    ] {
        let ran = runner.run(&[("binary", "tool"), ("command", command)]);
        assert_ran(&ran);
        let finished = ran.log.contains("stand-in: [finish] in [");
        assert_eq!(finished, is_finished, "{command}: {}", ran.log);
    }
}

#[test]
fn what_the_job_put_into_its_environment_does_not_take_part() {
    let checkout = Checkout::of_a_release(STAND_IN);
    let mirror = checkout.mirror("#!/bin/sh\necho stand-in: somebody else's\n");
    let mut runner = checkout.runner();
    let sum = sha256(STAND_IN.as_bytes());
    runner.set("BASH_FUNC_sha256sum%%", &format!("() {{ echo {sum}; }}"));
    let hook = runner.path("home").join("hook");
    std::fs::write(&hook, format!("sha256sum() {{ echo {sum}; }}\n")).expect("a file");
    runner.set("BASH_ENV", hook.to_str().expect("UTF-8"));
    runner.set("CDPATH", "/");
    let ran = runner.run(&[("mirror", &mirror)]);
    assert_refused(&ran, 1, &["is not bg-deploy 1.2.3"]);
}
