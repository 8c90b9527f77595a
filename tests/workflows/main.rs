//! The workflows, the examples of workflows, the action and Dependabot's list, as GitHub would read them: its own schemas,
//! zizmor, and the rules of this house for them.

mod linters;
#[path = "../../crates/local-aws/tests/support/venv.rs"]
mod venv;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::Value;

use linters::Linters;

/// This action, as the examples and our own workflows call it.
const OURS: [&str; 2] = ["org/bg-deploy@v1", "$/"];

/// What Dependabot looks after.
const DEPENDABOT: &str = ".github/dependabot.yml";

#[test]
fn zizmor_and_githubs_own_schemas_find_nothing_wrong() {
    let Some(linters) = Linters::get() else {
        return;
    };
    let mut all = workflows();
    linters
        .schema("vendor.github-workflows", &all)
        .expect("valid workflows");
    all.push(root().join("action.yml"));
    linters
        .schema("vendor.github-actions", &all[all.len() - 1..])
        .expect("a valid action");
    all.push(root().join(DEPENDABOT));
    linters
        .schema("vendor.dependabot", &all[all.len() - 1..])
        .expect("a valid list");
    linters.zizmor(&all).expect("nothing found");
}

#[test]
fn the_linters_find_what_is_planted() {
    let Some(linters) = Linters::get() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let planted = folder.path().join("planted.yml");
    let good = std::fs::read_to_string(root().join("examples/workflows/rollback.yml"))
        .expect("an example");
    let write = |from: &str, to: &str| {
        assert!(good.contains(from), "the example has no {from:?} any more");
        std::fs::write(&planted, good.replacen(from, to, 1)).expect("a file");
        [planted.clone()]
    };
    let file = write("command: rollback", "command: rollback");
    linters.zizmor(&file).expect("nothing is planted yet");
    linters
        .schema("vendor.github-workflows", &file)
        .expect("nor here");
    for (from, to) in [
        ("permissions: {}", "permissions: write-all"),
        ("persist-credentials: false", "fetch-depth: 1"),
        ("org/bg-deploy@v1", "actions/cache@v4"),
        (
            "uses: org/bg-deploy@v1",
            "run: echo ${{ inputs.release }}\n        #",
        ),
    ] {
        assert!(
            linters.zizmor(&write(from, to)).is_err(),
            "zizmor let {to:?} pass"
        );
    }
    for (from, to) in [
        ("runs-on:", "runs-upon:"),
        ("deployment: false", "deployment: no"),
    ] {
        let found = linters.schema("vendor.github-workflows", &write(from, to));
        assert!(found.is_err(), "the schema let {to:?} pass");
    }

    let list = std::fs::read_to_string(root().join(DEPENDABOT)).expect("Dependabot's list");
    let planted = folder.path().join("dependabot.yml");
    std::fs::write(
        &planted,
        list.replacen("default-days: 7", "default-days: 0", 1),
    )
    .expect("a file");
    let file = [planted.clone()];
    assert!(
        linters.zizmor(&file).is_err(),
        "zizmor let a version pass that is taken at once"
    );
    std::fs::write(&planted, list.replacen("weekly", "at-times", 1)).expect("a file");
    assert!(
        linters.schema("vendor.dependabot", &file).is_err(),
        "the schema let an interval pass that is none"
    );
}

#[test]
fn dependabot_looks_at_each_kind_of_dependency() {
    let list = read(&root().join(DEPENDABOT));
    let kinds: BTreeSet<_> = list["updates"]
        .as_array()
        .expect("updates")
        .iter()
        .filter_map(|update| update["package-ecosystem"].as_str())
        .collect();
    assert_eq!(kinds, BTreeSet::from(["cargo", "github-actions", "pip"]));
}

#[test]
fn what_the_workflows_give_the_action_and_take_from_it_is_in_its_list() {
    let action = read(&root().join("action.yml"));
    let of = |list: &str| -> BTreeSet<String> {
        let list = action[list].as_object().expect("a list of names");
        list.keys().cloned().collect()
    };
    let (inputs, outputs) = (of("inputs"), of("outputs"));
    let mut used = 0;
    for file in workflows() {
        let text = std::fs::read_to_string(&file).expect("a workflow");
        for step in steps(&read(&file)) {
            if !step["uses"]
                .as_str()
                .is_some_and(|uses| OURS.contains(&uses))
            {
                continue;
            }
            used += 1;
            for name in step["with"].as_object().expect("inputs").keys() {
                assert!(inputs.contains(name), "{}: no input {name}", file.display());
            }
            let Some(id) = step["id"].as_str() else {
                continue;
            };
            for taken in text.split(&format!("steps.{id}.outputs.")).skip(1) {
                let name: String = taken
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
                    .collect();
                assert!(
                    outputs.contains(&name),
                    "{}: no output {name}",
                    file.display()
                );
            }
        }
    }
    assert!(used >= 9, "only {used} steps use the action");
}

#[test]
fn every_other_action_is_pinned_by_its_whole_commit_with_the_version_beside_it() {
    let mut pinned = BTreeSet::new();
    for file in workflows() {
        let text = std::fs::read_to_string(&file).expect("a workflow");
        for uses in others(&text) {
            let (action, version) = uses.split_once(" # ").unwrap_or((uses.as_str(), ""));
            let sha = action.split_once('@').map_or("", |(_, sha)| sha);
            let is_sha = sha.len() == 40
                && sha
                    .chars()
                    .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
            assert!(
                is_sha && version.starts_with('v'),
                "{}: {uses}",
                file.display()
            );
            pinned.insert(uses);
        }
    }
    // The same action is of the same version everywhere.
    let names: BTreeSet<_> = pinned
        .iter()
        .filter_map(|uses| uses.split('@').next())
        .collect();
    assert_eq!(names.len(), pinned.len(), "{pinned:#?}");
}

#[test]
fn the_workflows_in_the_documents_are_valid_pin_the_same_and_use_what_there_is() {
    let action = read(&root().join("action.yml"));
    let inputs = action["inputs"].as_object().expect("inputs");
    let pins: BTreeSet<_> = workflows()
        .iter()
        .flat_map(|file| others(&std::fs::read_to_string(file).expect("a workflow")))
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let mut shown = Vec::new();
    for document in ["README.md", "docs/action.md"] {
        let text = std::fs::read_to_string(root().join(document)).expect(document);
        for block in text.split("```yaml\n").skip(1) {
            let (workflow, _) = block.split_once("```").expect("its end");
            for uses in others(workflow) {
                assert!(pins.contains(&uses), "{document}: {uses}");
            }
            let file = folder.path().join(format!("{}.yml", shown.len()));
            std::fs::write(&file, workflow).expect("a file");
            for step in steps(&read(&file)) {
                if step["uses"].as_str() == Some(OURS[0]) {
                    for name in step["with"].as_object().expect("inputs").keys() {
                        assert!(inputs.contains_key(name), "{document}: no input {name}");
                    }
                }
            }
            shown.push(file);
        }
    }
    assert_eq!(shown.len(), 2, "one in each of them");
    if let Some(linters) = Linters::get() {
        linters
            .schema("vendor.github-workflows", &shown)
            .expect("valid workflows");
    }
}

/// What a workflow uses that is not ours, each with its commit and version.
fn others(workflow: &str) -> Vec<String> {
    let uses = workflow
        .lines()
        .filter_map(|line| Some(line.split_once("uses: ")?.1));
    uses.filter(|uses| {
        let action = uses.split(' ').next().unwrap_or_default();
        !OURS.contains(&action) && !uses.starts_with("$/.github/")
    })
    .map(str::to_owned)
    .collect()
}

#[test]
fn nothing_is_permitted_by_default_and_no_job_may_run_for_ever() {
    for file in workflows() {
        let workflow = read(&file);
        let none = workflow["permissions"].as_object();
        assert!(
            none.is_some_and(serde_json::Map::is_empty),
            "{}",
            file.display()
        );
        for (name, job) in workflow["jobs"].as_object().expect("jobs") {
            let limited = job["timeout-minutes"].as_u64().is_some();
            // A workflow that is called has limits of its own.
            assert!(
                limited || job["uses"].is_string(),
                "{}: {name}",
                file.display()
            );
            assert!(job["permissions"].is_object(), "{}: {name}", file.display());
        }
    }
}

#[test]
fn no_release_is_cancelled_for_a_newer_one() {
    for file in workflows()
        .iter()
        .filter(|file| file.to_string_lossy().contains("examples"))
    {
        let text = std::fs::read_to_string(file).expect("a workflow");
        assert!(text.contains("group: bg-deploy-"), "{}", file.display());
        assert!(
            !text.contains("cancel-in-progress: true"),
            "{}",
            file.display()
        );
        assert!(
            text.contains("cancel-in-progress: false"),
            "{}",
            file.display()
        );
    }
}

#[test]
fn the_required_check_is_green_only_if_something_was_verified() {
    let workflow = read(&root().join("examples/workflows/verify.yml"));
    let gate = &workflow["jobs"]["verified"];
    assert_eq!(
        gate["if"], "${{ always() }}",
        "it has to report whatever happened before it"
    );
    let mut needed = gate["needs"].as_array().expect("needs").clone();
    needed.push(Value::from("verified"));
    for job in workflow["jobs"].as_object().expect("jobs").keys() {
        assert!(
            needed.contains(&Value::from(job.as_str())),
            "it does not look at {job}"
        );
    }
    let script = gate["steps"][0]["run"].as_str().expect("a script");
    let run = |build: &str, verify: &str, result: &str| {
        let output = Command::new("bash")
            .args([
                "--noprofile",
                "--norc",
                "-e",
                "-o",
                "pipefail",
                "-c",
                script,
            ])
            .env_clear()
            .envs([("BUILD", build), ("VERIFY", verify), ("RESULT", result)])
            .output()
            .expect("bash");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    assert!(run("success", "success", "verified").0);
    for verify in ["success", "failure", "cancelled", "skipped"] {
        for result in ["verified", "nothing-to-do", "refused", ""] {
            for build in ["success", "failure", "cancelled", "skipped"] {
                let wanted = verify == "success" && result == "verified";
                assert_eq!(
                    run(build, verify, result).0,
                    wanted,
                    "{build} {verify} {result:?}"
                );
            }
        }
    }
    assert!(run("success", "skipped", "").1.contains("from a fork"));
}

/// Ours, and the examples.
fn workflows() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in [".github/workflows", "examples/workflows"] {
        for entry in std::fs::read_dir(root().join(folder)).expect(folder) {
            files.push(entry.expect("an entry").path());
        }
    }
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    files
}

fn steps(workflow: &Value) -> Vec<Value> {
    let jobs = workflow["jobs"].as_object().expect("jobs");
    let steps = jobs.values().filter_map(|job| job["steps"].as_array());
    steps.flatten().cloned().collect()
}

fn read(file: &Path) -> Value {
    let text =
        std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let documents =
        Yaml::load_from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    json(&documents[0])
}

fn json(yaml: &Yaml<'_>) -> Value {
    if let Some(mapping) = yaml.as_mapping() {
        let entry = |(key, value): (&Yaml<'_>, &Yaml<'_>)| {
            let key = key.as_str().expect("a text as key");
            (key.to_owned(), json(value))
        };
        return mapping.iter().map(entry).collect();
    }
    if let Some(list) = yaml.as_sequence() {
        return list.iter().map(json).collect();
    }
    if let Some(text) = yaml.as_str() {
        return text.into();
    }
    if let Some(number) = yaml.as_integer() {
        return number.into();
    }
    yaml.as_bool().map_or(Value::Null, Value::from)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
