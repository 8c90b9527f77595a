//! What is in the dependency tree, against `deny.toml`: licences, sources, bans, duplicates. Asks nobody but cargo.
//!
//! Sources and duplicates are read off `Cargo.lock`, for every platform; bans and licences are about what is built here:
//! the lock also names what a feature that is off would bring.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use toml::{Table, Value};

#[test]
fn every_dependency_comes_from_crates_io() {
    let allowed = strings(&deny()["sources"]["allow-registry"]);
    let strays: Vec<_> = locked()
        .into_iter()
        .filter_map(|package| {
            // The crate itself has no source.
            let source = package.source?;
            let ok = allowed
                .iter()
                .any(|registry| source == format!("registry+{registry}"));
            (!ok).then(|| format!("{} {} from {source}", package.name, package.version))
        })
        .collect();
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn what_is_banned_is_not_there() {
    let reached = reached(&built());
    assert!(
        reached.contains("rustls"),
        "the tree is not read: {reached:?}"
    );
    let found: Vec<_> = banned(false)
        .into_iter()
        .filter(|name| reached.contains(name))
        .collect();
    assert!(found.is_empty(), "banned by deny.toml: {found:?}");
}

#[test]
fn nothing_is_there_twice_that_is_not_excused() {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in locked() {
        versions
            .entry(package.name)
            .or_default()
            .push(package.version);
    }
    let excused = excused();
    let mut unused: BTreeSet<_> = excused.iter().cloned().collect();
    let once = banned(true);
    let mut found = Vec::new();
    for (name, versions) in versions {
        let counted = versions.iter().filter(|version| {
            let excuse = excused
                .iter()
                .find(|(of, from)| *of == name && is_of(version, from));
            match excuse {
                Some(excuse) if !once.contains(&name) => {
                    if versions.len() > 1 {
                        unused.remove(excuse);
                    }
                    false
                }
                _ => true,
            }
        });
        if counted.count() > 1 {
            found.push(format!("{name} {}", versions.join(", ")));
        }
    }
    assert!(
        found.is_empty(),
        "{found:#?}\ncargo tree -d shows who brings them; align them, or excuse one in deny.toml with the reason"
    );
    assert!(
        unused.is_empty(),
        "excuses in deny.toml that nothing needs any more: {unused:?}"
    );
}

#[test]
fn every_licence_is_allowed() {
    let allowed = strings(&deny()["licenses"]["allow"]);
    let mut refused = Vec::new();
    let mut used = BTreeSet::new();
    for package in built()["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        let licence = package["license"].as_str().unwrap_or_default();
        match allowance(licence, &allowed) {
            Some(taken) => used.extend(taken),
            None => refused.push(format!("{name}: {licence:?}")),
        }
    }
    assert!(refused.is_empty(), "not allowed by deny.toml: {refused:#?}");
    let unused: Vec<_> = allowed
        .iter()
        .filter(|licence| !used.contains(*licence))
        .collect();
    assert!(
        unused.is_empty(),
        "deny.toml allows what nothing has: {unused:?}"
    );
}

#[test]
fn of_a_choice_one_licence_is_enough_and_of_a_conjunction_each_is_needed() {
    let allowed = ["MIT".to_owned(), "ISC".to_owned()];
    for (licence, ok) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 / MIT", true),
        ("MIT AND ISC", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND ISC", true),
        ("(MIT OR GPL-3.0) AND GPL-2.0", false),
        ("GPL-3.0 WITH LLVM-exception OR MIT", true),
        ("MIT WITH LLVM-exception", false),
    ] {
        assert_eq!(allowance(licence, &allowed).is_some(), ok, "{licence:?}");
    }
}

/// The licences that are made use of, if they are enough. A conjunction of choices: `(A OR B) AND C`.
fn allowance(licence: &str, allowed: &[String]) -> Option<Vec<String>> {
    licence
        .split(" AND ")
        .map(|part| {
            part.trim_matches(['(', ')'])
                .split(" OR ")
                .flat_map(|choice| choice.split('/'))
                .map(str::trim)
                .find(|choice| allowed.iter().any(|one| one == choice))
                .map(str::to_owned)
        })
        .collect()
}

struct Locked {
    name: String,
    version: String,
    source: Option<String>,
}

fn locked() -> Vec<Locked> {
    let lock = read("Cargo.lock");
    let text = |package: &Value, key: &str| {
        let value = package.get(key)?;
        value.as_str().map(str::to_owned)
    };
    let packages = lock["package"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| Locked {
            name: text(package, "name").expect("a name"),
            version: text(package, "version").expect("a version"),
            source: text(package, "source"),
        })
        .collect()
}

/// The crates that are banned; or with `as_duplicates`, those that may be there once.
fn banned(as_duplicates: bool) -> Vec<String> {
    let deny = deny();
    let list = deny["bans"]["deny"].as_array().expect("a list");
    let names: Vec<_> = list
        .iter()
        .filter(|ban| ban.get("deny-multiple-versions").is_some() == as_duplicates)
        .map(|ban| ban["crate"].as_str().expect("a name").to_owned())
        .collect();
    assert!(!names.is_empty(), "deny.toml bans nothing");
    names
}

/// Names and the beginnings of versions that may be there beside another one.
fn excused() -> Vec<(String, String)> {
    let deny = deny();
    let list = deny["bans"]["skip"].as_array().expect("a list");
    list.iter()
        .map(|skip| {
            let spec = skip["crate"].as_str().expect("a name");
            let (name, version) = spec.split_once('@').expect("name@version");
            (name.to_owned(), version.to_owned())
        })
        .collect()
}

fn is_of(version: &str, from: &str) -> bool {
    version == from || version.starts_with(&format!("{from}."))
}

/// The names of everything that is built, from the crate itself on.
fn reached(metadata: &serde_json::Value) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeMap<_, _> = packages
        .iter()
        .map(|package| (package["id"].as_str(), package["name"].as_str()))
        .collect();
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    let needs: BTreeMap<_, _> = nodes
        .iter()
        .map(|node| (node["id"].as_str(), &node["dependencies"]))
        .collect();
    let mut to_do = vec![metadata["resolve"]["root"].as_str()];
    let mut seen = BTreeSet::new();
    while let Some(id) = to_do.pop() {
        if seen.insert(id) {
            let needs = needs[&id].as_array().expect("dependencies");
            to_do.extend(needs.iter().map(serde_json::Value::as_str));
        }
    }
    seen.iter()
        .filter_map(|id| names[id].map(str::to_owned))
        .collect()
}

/// What is built on this machine, as cargo sees it.
fn built() -> serde_json::Value {
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(root())
            .output()
            .expect("the toolchain");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {errors}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let about = run("rustc", &["-vV"]);
    let host = about
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("a host");
    let metadata = run(
        env!("CARGO"),
        &[
            "metadata",
            "--locked",
            "--offline",
            "--format-version",
            "1",
            "--filter-platform",
            host,
        ],
    );
    serde_json::from_str(&metadata).expect("JSON")
}

fn deny() -> Table {
    read("deny.toml")
}

fn read(name: &str) -> Table {
    let text = std::fs::read_to_string(root().join(name)).expect(name);
    text.parse().expect(name)
}

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter()
        .map(|text| text.as_str().expect("a text").to_owned())
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
