//! The rules of the house that a compiler does not keep: which floor stands on which, that the account does no I/O,
//! and that nothing of whoever uses it is named here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms on their floors, from the bottom: a room names only rooms on floors below its own.
const FLOORS: [&[&str]; 8] = [
    &["fault", "http_date", "pace", "runbook", "throttle"],
    &["account"],
    &["shared"],
    &["sample_app", "wire"],
    &["automation", "instance", "load_balancer"],
    &["cloud"],
    &["program"],
    &["lib", "main"],
];

/// The services of the account likewise. Those below are asked; those above hear of it by `account::news`.
const SERVICES: [&[&str]; 5] = [
    &["iam", "s3"],
    &["ssm"],
    &["ec2"],
    &["elbv2"],
    &["autoscaling"],
];

#[test]
fn a_room_names_only_rooms_on_floors_below_it() {
    let strays = upward(&imports(0), &FLOORS);
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn a_service_of_the_account_names_only_services_below_it() {
    let mut services = imports(1);
    services.retain(|(room, _), _| room.starts_with("account::"));
    let strays = upward(&services, &SERVICES);
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn the_account_and_the_language_of_runbooks_do_no_io() {
    let io = [
        "tokio::",
        "std::fs",
        "std::net::Tcp",
        "std::process",
        "SystemTime::now",
        "Instant::now",
    ];
    let strays = naming(&io, |file| {
        file.starts_with("account") || file.starts_with("runbook")
    });
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn nothing_of_a_deployer_is_named_here() {
    let strays = naming(&["bg-deploy", "bg_deploy", "aws_sdk_"], |_| true);
    assert!(strays.is_empty(), "{strays:#?}");
}

/// Who names whom, and where: the modules at this depth below `crate`, each with a file that shows it.
type Imports = BTreeMap<(String, String), String>;

fn imports(depth: usize) -> Imports {
    let mut found = Imports::new();
    for (file, text) in sources() {
        let module = module_of(&file);
        let Some(room) = module.get(..=depth) else {
            continue;
        };
        for path in paths(&text) {
            let absolute = absolute(&module, &path);
            let Some(named) = absolute.get(..=depth) else {
                continue;
            };
            let is_module = named[depth].starts_with(|letter: char| letter.is_ascii_lowercase());
            if is_module && named[..depth] == room[..depth] && named != room {
                found.insert((room.join("::"), named.join("::")), file.clone());
            }
        }
    }
    assert!(found.len() > 5, "too few imports to believe: {found:?}");
    found
}

/// The imports that do not point down. A room that stands on no floor has to be given one.
fn upward(imports: &Imports, floors: &[&[&str]]) -> Vec<String> {
    let floor_of = |room: &str| {
        let name = room.rsplit("::").next().unwrap_or(room);
        floors.iter().position(|floor| floor.contains(&name))
    };
    let mut strays = Vec::new();
    for ((room, named), file) in imports {
        // What is no room is a function or a constant of the module that holds the rooms.
        if let (Some(from), Some(to)) = (floor_of(room), floor_of(named))
            && to >= from
        {
            strays.push(format!("{room} names {named} in {file}"));
        }
    }
    let rooms: BTreeSet<_> = imports.keys().map(|(room, _)| room.as_str()).collect();
    let homeless = rooms.into_iter().filter(|room| floor_of(room).is_none());
    strays.extend(
        homeless
            .filter(|room| !["account::order", "account::news"].contains(room))
            .map(|room| format!("{room} stands on no floor")),
    );
    strays
}

/// The module that a file is, as its path below `crate`.
fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// A path with its `crate`, `self` and `super` resolved.
fn absolute(module: &[String], path: &[String]) -> Vec<String> {
    let mut at = module.to_vec();
    for part in path {
        match part.as_str() {
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                at.pop();
            }
            name => at.push(name.to_owned()),
        }
    }
    at
}

/// Every path of the source that begins with `crate`, `self` or `super`, its groups spread out.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in text.split(';') {
        for begin in ["crate::", "self::", "super::"] {
            for (at, _) in line.match_indices(begin) {
                let is_word =
                    line[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == ':');
                if !is_word {
                    spread(&line[at..], Vec::new(), &mut found);
                }
            }
        }
    }
    found
}

/// Reads one path at the start of `text`; a group makes it several. Answers with what is left.
fn spread<'a>(text: &'a str, mut so_far: Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = spread(rest, so_far.clone(), found).trim_start();
            match rest.strip_prefix(',') {
                Some(more) if !more.trim_start().starts_with('}') => rest = more,
                _ => return rest.trim_start_matches([',', ' ', '\n', '}']),
            }
        }
    }
    let end = text
        .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .unwrap_or(text.len());
    so_far.push(text[..end].to_owned());
    match text[end..].strip_prefix("::") {
        Some(rest) => spread(rest, so_far, found),
        None => {
            found.push(so_far);
            match text[end..].strip_prefix(" as ") {
                Some(alias) => alias
                    .trim_start_matches(|letter: char| letter.is_alphanumeric() || letter == '_'),
                None => &text[end..],
            }
        }
    }
}

/// Lines of the sources with one of these words, in the files that must not have them.
fn naming(words: &[&str], must_not: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in sources() {
        if !must_not(&file) {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            if !is_comment && words.iter().any(|word| line.contains(word)) {
                found.push(format!("{file}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    found
}

/// Every source below `src`, without its comments' paths and its tests: a test may stand above what it tests.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let sources: Vec<_> = files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source");
            let relative = path.strip_prefix(&root).expect("below the root");
            (relative.to_string_lossy().replace('\\', "/"), text)
        })
        .filter(|(file, _)| !file.ends_with("tests.rs") && !file.contains("/tests/"))
        .map(|(file, text)| (file, without_tests(&text)))
        .collect();
    assert!(sources.len() > 50, "only {} sources", sources.len());
    sources
}

/// The code before the tests at the file's end, without lines that are comments.
fn without_tests(text: &str) -> String {
    let code = text.split("mod tests {").next().unwrap_or(text);
    let lines: Vec<_> = code
        .lines()
        .map(|line| {
            if line.trim_start().starts_with("//") {
                ""
            } else {
                line
            }
        })
        .collect();
    lines.join("\n")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}
