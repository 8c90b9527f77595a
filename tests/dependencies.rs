//! The dependency tree: that `deny.sh` finds what `deny.toml` forbids, and that the AWS SDK is built once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// What is planted into `deny.toml`, from what to what, and what cargo-deny calls it.
const PLANTED: [(&str, &str, &str); 6] = [
    ("    \"ISC\",\n", "", "error[rejected]"),
    (
        "allow-registry = [\"https://github.com/rust-lang/crates.io-index\"]",
        "allow-registry = []",
        "error[source-not-allowed]",
    ),
    (
        "    { crate = \"native-tls\",",
        "    { crate = \"serde\" },\n    { crate = \"native-tls\",",
        "error[banned]",
    ),
    (
        "    { crate = \"getrandom@0.2\", reason = \"ring\" },\n",
        "",
        "error[duplicate]",
    ),
    (
        "skip = [\n",
        "skip = [\n    { crate = \"openssl@0.10\", reason = \"nothing\" },\n",
        "error[unmatched-skip]",
    ),
    (
        "    \"Apache-2.0\",\n",
        "    \"Apache-2.0\",\n    \"GPL-3.0-only\",\n",
        "error[license-not-encountered]",
    ),
];

#[test]
#[expect(clippy::print_stdout, reason = "a skipped test is said aloud")]
fn whatever_deny_toml_forbids_is_found() {
    let mut config = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    for (from, to, _) in PLANTED {
        assert!(config.contains(from), "deny.toml has no {from:?} any more");
        config = config.replacen(from, to, 1);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let planted = folder.path().join("deny.toml");
    std::fs::write(&planted, config).expect("a file");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let output = Command::new("bash")
        .arg(root().join(".github/scripts/deny.sh"))
        .arg(&planted)
        .env("CARGO_TARGET_DIR", target.expect("the target's folder"))
        .output()
        .expect("bash");
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(3) && !in_ci() {
        println!("SKIPPED, nothing was tested: {said}");
        return;
    }
    assert!(!output.status.success(), "it lets everything pass: {said}");
    for (_, _, found) in PLANTED {
        assert!(said.contains(found), "{found} was not found:\n{said}");
    }
}

/// `cargo test` after `cargo run` would build the SDK a second time, minutes, if a dependency of tests switched on what
/// nothing else does: so the workspace's Cargo.toml switches it on for all.
#[test]
fn tests_give_no_crate_of_the_aws_sdk_other_features_than_the_program() {
    let sdk = of_the_sdk();
    assert!(
        sdk.iter().any(|name| name.starts_with("hyper v")),
        "the tree is not read: {sdk:?}"
    );
    let program = features(&PROGRAM);
    let tests = features(&TESTS);
    let differing: Vec<_> = sdk
        .iter()
        .filter_map(|name| {
            // One more set alone is no second build of the SDK: a build script's own variant.
            let lost: Vec<_> = program[name].difference(&tests[name]).collect();
            (!lost.is_empty()).then(|| {
                format!(
                    "{name}: the program has {lost:?}, the tests {:?}",
                    tests[name]
                )
            })
        })
        .collect();
    assert!(
        differing.is_empty(),
        "the tests would build the AWS SDK anew; name these features in [workspace.dependencies]: {differing:#?}"
    );
}

/// What `cargo run` builds.
const PROGRAM: [&str; 4] = ["--package", "bg-deploy", "--edges", "normal,build"];
/// What `cargo test` builds.
const TESTS: [&str; 3] = ["--workspace", "--edges", "normal,build,dev"];

/// The names and versions of the SDK's crates and of all that they are built from.
fn of_the_sdk() -> BTreeSet<String> {
    let tree = tree(&PROGRAM, &["--prefix", "depth", "--format", " {p}"]);
    let mut names = BTreeSet::new();
    let mut within: Option<usize> = None;
    for line in tree.lines() {
        let (depth, package) = line.split_once(' ').expect("depth and package");
        let depth: usize = depth.parse().expect("a depth");
        if within.is_some_and(|above| depth <= above) {
            within = None;
        }
        if within.is_none() && package.starts_with("aws-") {
            within = Some(depth);
        }
        if within.is_some() {
            names.insert(name(package));
        }
    }
    names
}

/// Of each package every set of features that it is built with.
fn features(of: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let tree = tree(of, &["--prefix", "none", "--format", "{p} [{f}]"]);
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in tree.lines() {
        let (package, features) = line.rsplit_once(" [").expect("package and features");
        let sets = found.entry(name(package)).or_default();
        sets.insert(features.trim_end_matches(']').to_owned());
    }
    found
}

/// Name and version, without what cargo adds about where it comes from.
fn name(package: &str) -> String {
    package.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

fn tree(of: &[&str], format: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--no-dedupe"])
        .args(of)
        .args(format)
        .current_dir(root())
        .output()
        .expect("cargo");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    // A blank line stands between the trees of two packages.
    text.replace("\n\n", "\n")
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told so by whoever runs them"
)]
fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
