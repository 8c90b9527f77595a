//! What decides in a release, tried on a repository made for it: `.github/scripts/release.sh`. And what a release says
//! that it is built from: `.github/scripts/sbom.py`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const BINARIES: [&str; 5] = [
    "bg-deploy-x86_64-unknown-linux-musl",
    "bg-deploy-aarch64-unknown-linux-musl",
    "bg-deploy-x86_64-apple-darwin",
    "bg-deploy-aarch64-apple-darwin",
    "bg-deploy-x86_64-pc-windows-msvc.exe",
];

#[test]
fn a_version_that_does_not_agree_is_refused_before_anything_is_built() {
    let repository = Repository::new("1.2.3");
    repository.succeeds(&["check", "1.2.3"]);
    for (version, why) in [
        ("v1.2.3", "not of the form"),
        ("1.2", "not of the form"),
        ("01.2.3", "not of the form"),
        ("1.2.3; true", "not of the form"),
        ("1.2.4", "Cargo.toml has the version '1.2.3'"),
    ] {
        repository.fails(&["check", version], why);
    }
    repository.change("Cargo.lock", "1.2.3", "1.2.2");
    repository.fails(&["check", "1.2.3"], "Cargo.lock");
    repository.change("Cargo.lock", "1.2.2", "1.2.3");
    repository.change("CHANGELOG.md", "## [1.2.3]", "## [Unreleased]");
    repository.fails(&["check", "1.2.3"], "CHANGELOG.md");
    repository.change("CHANGELOG.md", "## [Unreleased]", "## [1.2.3]");
    repository.git(&["tag", "v1.2.3", "HEAD"]);
    repository.fails(&["check", "1.2.3"], "is there already");
}

#[test]
fn a_source_whose_manifest_is_of_a_release_is_refused() {
    let repository = Repository::new("1.2.3");
    repository.change("action/manifest", "version dev", "version 1.2.2");
    repository.fails(&["check", "1.2.3"], "version dev");
}

#[test]
fn a_binary_too_few_or_too_many_or_empty_is_no_release() {
    let repository = Repository::new("1.2.3");
    let binaries = repository.binaries("one");
    let of = |name: &str| Path::new(&binaries).join(name);
    std::fs::write(of("notes.txt"), "x").expect("a file");
    repository.fails(&["manifest", "1.2.3", &binaries], "has to hold exactly");
    std::fs::remove_file(of("notes.txt")).expect("it is there");
    std::fs::write(of(BINARIES[0]), "").expect("a file");
    repository.fails(&["manifest", "1.2.3", &binaries], "is empty");
    std::fs::remove_file(of(BINARIES[0])).expect("it is there");
    repository.fails(&["manifest", "1.2.3", &binaries], "has to hold exactly");
    assert_eq!(repository.read("action/manifest"), "version dev\n");
}

#[test]
fn the_release_commit_is_the_source_and_the_manifest_and_nothing_else() {
    let repository = Repository::new("1.2.3");
    let binaries = repository.binaries("one");
    let source = repository.git(&["rev-parse", "HEAD"]);
    repository.succeeds(&["manifest", "1.2.3", &binaries]);
    repository.succeeds(&["commit", "1.2.3"]);
    repository.succeeds(&["agrees", "1.2.3", &binaries]);

    assert_eq!(repository.git(&["rev-parse", "v1.2.3^"]), source);
    let changed = repository.git(&["diff", "--name-only", "HEAD", "v1.2.3"]);
    assert_eq!(changed, "action/manifest");
    let manifest = repository.git(&["show", "v1.2.3:action/manifest"]);
    let lines: Vec<_> = manifest.lines().collect();
    assert_eq!(lines[0], "version 1.2.3");
    // printf one | sha256sum
    let sum = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
    assert_eq!(lines[1], format!("{sum}  {}", BINARIES[0]));
    assert_eq!(lines.len(), 1 + BINARIES.len());

    // The branch stays where it was, between releases.
    assert_eq!(repository.git(&["rev-parse", "main"]), source);
    assert_eq!(repository.read("action/manifest"), "version dev\n");
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

#[test]
fn made_again_it_is_the_same_commit_and_of_other_binaries_it_is_refused() {
    let repository = Repository::new("1.2.3");
    repository.released("1.2.3", "one");
    let made = repository.git(&["rev-parse", "v1.2.3"]);
    repository.succeeds(&["check", "1.2.3"]);
    repository.released("1.2.3", "one");
    assert_eq!(repository.git(&["rev-parse", "v1.2.3"]), made);

    let others = repository.binaries("two");
    repository.succeeds(&["manifest", "1.2.3", &others]);
    repository.fails(&["commit", "1.2.3"], "with other binaries");
    repository.fails(&["agrees", "1.2.3", &others], "is not that of the binaries");
}

#[test]
fn whatever_else_is_changed_stops_a_release() {
    let repository = Repository::new("1.2.3");
    let binaries = repository.binaries("one");
    repository.succeeds(&["manifest", "1.2.3", &binaries]);
    std::fs::write(repository.path("planted"), "x").expect("a file");
    repository.fails(&["commit", "1.2.3"], "planted");

    // And if it was committed by another way.
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "--quiet", "--message", "all of it"]);
    repository.git(&["tag", "v1.2.3"]);
    repository.fails(
        &["agrees", "1.2.3", &binaries],
        "not in action/manifest alone",
    );
}

#[test]
fn the_tag_of_the_major_version_moves_forward_only() {
    let repository = Repository::new("1.9.0");
    repository.fails(&["major", "1.9.0"], "there is no tag v1.9.0");
    repository.released("1.9.0", "one");
    assert_eq!(repository.succeeds(&["major", "1.9.0"]), "v1\n");
    assert_eq!(
        repository.git(&["rev-parse", "v1"]),
        repository.git(&["rev-parse", "v1.9.0"])
    );
    repository.released("1.10.0", "two");
    repository.succeeds(&["major", "1.10.0"]);
    repository.succeeds(&["major", "1.10.0"]);
    repository.fails(&["major", "1.9.0"], "only moves forward");
    assert_eq!(
        repository.git(&["rev-parse", "v1"]),
        repository.git(&["rev-parse", "v1.10.0"])
    );
    repository.released("2.0.0", "three");
    assert_eq!(repository.succeeds(&["major", "2.0.0"]), "v2\n");
    assert_eq!(
        repository.git(&["rev-parse", "v1"]),
        repository.git(&["rev-parse", "v1.10.0"])
    );
}

#[test]
fn what_a_release_is_built_from_is_written_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = |name: &str| {
        let file = folder.path().join(name);
        let status = Command::new("python3")
            .args([".github/scripts/sbom.py".as_ref(), file.as_os_str()])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(status.expect("python3").success());
        std::fs::read_to_string(file).expect("the list")
    };
    let text = made("one");
    assert_eq!(text, made("two"), "of the same commit");
    let list: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let texts = |pointer: &str, name: &str| -> BTreeSet<String> {
        let entries = list.pointer(pointer).and_then(|all| all.as_array());
        let texts = entries.expect(pointer).iter();
        texts
            .filter_map(|entry| entry[name].as_str().map(str::to_owned))
            .collect()
    };

    let crates = texts("/components", "name");
    for name in ["aws-sdk-ec2", "ring", "local-aws", "windows-sys"] {
        assert!(crates.contains(name), "{name} is missing");
    }
    for name in ["wiremock", "jsonschema", "bg-deploy"] {
        assert!(!crates.contains(name), "{name} is not built into anything");
    }
    for component in list["components"].as_array().expect("components") {
        let ours =
            ["local-aws", "net-clock"].contains(&component["name"].as_str().expect("a name"));
        let sum = component.pointer("/hashes/0/content");
        let whole = sum.is_some_and(|sum| sum.as_str().is_some_and(|sum| sum.len() == 64));
        assert!(whole || ours, "{component}");
        assert!(
            component.pointer("/licenses/0/expression").is_some(),
            "{component}"
        );
    }
    let needs = list["dependencies"].as_array().expect("dependencies");
    assert_eq!(
        needs.len(),
        list["components"].as_array().map_or(0, Vec::len) + 1
    );
    let refs = texts("/dependencies", "ref");
    for needed in needs
        .iter()
        .filter_map(|one| one["dependsOn"].as_array())
        .flatten()
    {
        assert!(
            refs.contains(needed.as_str().expect("a reference")),
            "{needed}"
        );
    }

    let mut targets = texts("/metadata/properties", "value");
    targets.retain(|value| value.contains('-'));
    let workflow = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows/release.yml");
    let workflow = std::fs::read_to_string(workflow).expect("release.yml");
    let matrix = workflow.split("{ target: ").skip(1);
    let matrix: BTreeSet<_> = matrix
        .filter_map(|rest| Some(rest.split_once(',')?.0.to_owned()))
        .collect();
    assert_eq!(targets, matrix, "not the targets of the release");
}

/// A repository with what a release looks at.
struct Repository {
    folder: TempDir,
}

impl Repository {
    fn new(version: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = Self { folder };
        std::fs::create_dir_all(repository.path("action")).expect("a folder");
        for (name, text) in [
            (
                "Cargo.toml",
                format!(
                    "[package]\nname = \"bg-deploy\"\nversion = \"{version}\"\n[dependencies]\nversion = \"9\"\n"
                ),
            ),
            (
                "Cargo.lock",
                format!("[[package]]\nname = \"bg-deploy\"\nversion = \"{version}\"\n"),
            ),
            (
                "CHANGELOG.md",
                format!("# Changelog\n\n## [{version}] - today\n"),
            ),
            ("action/manifest", "version dev\n".to_owned()),
        ] {
            std::fs::write(repository.path(name), text).expect(name);
        }
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository.git(&["add", "--all"]);
        repository.git(&["commit", "--quiet", "--message", "begin"]);
        repository
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("repository").join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect(name)
    }

    /// Replaces a text in a file, and commits that.
    fn change(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{text}");
        std::fs::write(self.path(name), text.replace(from, to)).expect(name);
        self.git(&["commit", "--quiet", "--all", "--message", "change"]);
    }

    /// All binaries of a release, each with this content.
    fn binaries(&self, content: &str) -> String {
        let folder = self.folder.path().join(content);
        std::fs::create_dir_all(&folder).expect("a folder");
        for name in BINARIES {
            std::fs::write(folder.join(name), content).expect(name);
        }
        folder.to_str().expect("UTF-8").to_owned()
    }

    fn released(&self, version: &str, content: &str) {
        let binaries = self.binaries(content);
        self.succeeds(&["manifest", version, &binaries]);
        self.succeeds(&["commit", version]);
        self.succeeds(&["agrees", version, &binaries]);
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.script(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn fails(&self, arguments: &[&str], why: &str) {
        let output = self.script(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?} went well");
        assert!(
            errors.contains(why),
            "{arguments:?} failed, but not for {why:?}: {errors}"
        );
    }

    fn script(&self, arguments: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/scripts/release.sh");
        self.run(Command::new("bash").arg(script).args(arguments))
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = self.run(Command::new("git").args(arguments));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {errors}");
        String::from_utf8(output.stdout)
            .expect("UTF-8")
            .trim_end()
            .to_owned()
    }

    /// With nothing of this machine's git settings.
    fn run(&self, command: &mut Command) -> Output {
        let folder = self.path("");
        std::fs::create_dir_all(&folder).expect("the repository");
        command
            .current_dir(folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "nobody")))
            .envs(
                ["AUTHOR", "COMMITTER"]
                    .map(|who| (format!("GIT_{who}_EMAIL"), "nobody@example.com")),
            )
            .output()
            .expect("it starts")
    }
}
