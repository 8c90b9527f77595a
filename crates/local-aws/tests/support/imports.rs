//! Which of a crate's files name things of which others, read off the text: `use` trees, paths, re-exports.
//!
//! What only tests use does not count: a test may stand on any floor. The deployer's tests use this file, too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::sources;

/// A module's path below the crate's root: `["steps", "soak"]`; the root itself is empty.
pub(crate) type Module = Vec<String>;

/// A crate's modules, and who names whom.
pub(crate) struct Imports {
    /// Each module, with those whose things it names.
    pub(crate) arrows: BTreeMap<Module, BTreeSet<Module>>,
}

/// The text of each module without its tests.
struct Sources {
    texts: BTreeMap<Module, String>,
    /// `pub use`: the name that a module passes on, and where it comes from.
    passed_on: BTreeMap<(Module, String), Module>,
}

impl Imports {
    /// Of the crate whose sources are in `folder`.
    pub(crate) fn of(folder: &Path) -> Self {
        let files = sources::below(folder).into_iter();
        let texts = files.filter_map(|(file, text)| Some((module_of(&file)?, text)));
        Self::of_texts(texts.collect())
    }

    /// Of modules with these texts.
    pub(crate) fn of_texts(texts: BTreeMap<Module, String>) -> Self {
        let tests: Vec<_> = texts
            .iter()
            .flat_map(|(module, text)| test_modules(text).into_iter().map(|it| below(module, &it)))
            .collect();
        let texts = texts
            .into_iter()
            .filter(|(module, _)| !tests.iter().any(|test| module.starts_with(test)))
            .map(|(module, text)| (module, plain(&text)))
            .collect();
        let mut sources = Sources {
            texts,
            passed_on: BTreeMap::new(),
        };
        sources.passed_on = sources.find_passed_on();
        let mut arrows: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (module, text) in &sources.texts {
            let named = sources.named_by(module, text);
            arrows.insert(module.clone(), named);
        }
        Self { arrows }
    }

    /// What does not fit on these floors: from the bottom up, the rooms directly inside `house`, a module (empty: the
    /// crate). An import that leads up or aside, a room on no floor, a floor's room that is not there.
    pub(crate) fn against(&self, house: &[&str], floors: &[&[&str]]) -> Vec<String> {
        let house: Module = house.iter().map(|&name| name.to_owned()).collect();
        let room_of = |module: &Module| {
            let inside = module.strip_prefix(house.as_slice())?;
            inside.first().cloned()
        };
        let floor_of = |room: &str| floors.iter().position(|floor| floor.contains(&room));
        let rooms: BTreeSet<_> = self.arrows.keys().filter_map(room_of).collect();
        let listed = floors.iter().flat_map(|floor| floor.iter());
        let gone = listed.filter(|&&room| !rooms.contains(room));
        let mut found: Vec<_> = gone
            .map(|room| format!("{room} is on a floor, and not there"))
            .collect();
        let homeless = rooms.iter().filter(|room| floor_of(room).is_none());
        found.extend(homeless.map(|room| format!("{room} stands on no floor")));
        for (module, named) in &self.arrows {
            // The house's own module names all rooms, and no room names it: what it defines is on no floor.
            let Some(from) = room_of(module) else {
                continue;
            };
            for other in named {
                let is_down = match room_of(other) {
                    Some(to) => to == from || floor_of(&to) < floor_of(&from),
                    None => !house.is_empty(),
                };
                if !is_down {
                    found.push(format!("{} names {}", module.join("::"), other.join("::")));
                }
            }
        }
        found
    }

    /// Without what passes between a module and those inside it: a `mod.rs` may lead into its folder, and what is in
    /// there may use what the folder's head defines.
    pub(crate) fn between_siblings(&self) -> Self {
        let arrows = self.arrows.iter().map(|(module, named)| {
            let is_kin = |other: &&Module| other.starts_with(module) || module.starts_with(other);
            let named = named.iter().filter(|other| !is_kin(other)).cloned();
            (module.clone(), named.collect())
        });
        Self {
            arrows: arrows.collect(),
        }
    }

    /// The circles: modules each of which leads to all the others.
    pub(crate) fn circles(&self) -> Vec<String> {
        let reached: BTreeMap<_, _> = self
            .arrows
            .keys()
            .map(|module| (module, self.reached_from(module)))
            .collect();
        let mut circles: Vec<BTreeSet<&Module>> = Vec::new();
        for (module, others) in &reached {
            let circle: BTreeSet<_> = others
                .iter()
                .copied()
                .filter(|other| reached[other].contains(module))
                .collect();
            if !circle.is_empty() && !circles.contains(&circle) {
                circles.push(circle);
            }
        }
        let path = |module: &&Module| module.join("::");
        circles
            .iter()
            .map(|circle| circle.iter().map(path).collect::<Vec<_>>().join(", "))
            .collect()
    }

    fn reached_from<'a>(&'a self, module: &Module) -> BTreeSet<&'a Module> {
        let mut seen = BTreeSet::new();
        let mut to_do: Vec<_> = self.arrows[module].iter().collect();
        while let Some(next) = to_do.pop() {
            if seen.insert(next) {
                to_do.extend(&self.arrows[next]);
            }
        }
        seen
    }
}

impl Sources {
    fn named_by(&self, module: &Module, text: &str) -> BTreeSet<Module> {
        let mut found = BTreeSet::new();
        let mut rest = String::new();
        for statement in statements(text) {
            match use_tree(&statement) {
                // What is passed on is named by whoever takes it from here.
                Some((true, _)) => {}
                Some((false, tree)) => {
                    for path in expanded(tree) {
                        found.extend(self.resolve(module, &path));
                    }
                }
                None => rest.push_str(&statement),
            }
        }
        for path in paths(&rest) {
            found.extend(self.resolve(module, &path));
        }
        found.remove(module);
        found
    }

    fn find_passed_on(&self) -> BTreeMap<(Module, String), Module> {
        let mut passed_on = BTreeMap::new();
        for (module, text) in &self.texts {
            for statement in statements(text) {
                if let Some((true, tree)) = use_tree(&statement) {
                    for path in expanded(tree) {
                        let from = self.resolve(module, &path);
                        if let (Some(name), Some(from)) = (path.last(), from) {
                            passed_on.insert((module.clone(), name.clone()), from);
                        }
                    }
                }
            }
        }
        passed_on
    }

    fn is_module(&self, name: &str) -> bool {
        self.texts.contains_key(&vec![name.to_owned()])
    }

    /// The module in which what this path names stands; `None` for another crate's.
    fn resolve(&self, from: &Module, path: &[String]) -> Option<Module> {
        let mut names = path.iter().peekable();
        let mut at = match names.next()?.as_str() {
            "crate" => Vec::new(),
            "self" => from.clone(),
            // A crate's root holds modules and nothing to name: this is a module within the file, and `super` the file.
            "super" if from.len() == 1 && names.peek().is_none_or(|name| !self.is_module(name)) => {
                return None;
            }
            "super" => parent(from)?,
            child => {
                let child = below(from, child);
                self.texts.contains_key(&child).then_some(child)?
            }
        };
        while names.next_if(|name| *name == "super").is_some() {
            at = parent(&at)?;
        }
        for name in names {
            let next = below(&at, name);
            if self.texts.contains_key(&next) {
                at = next;
            } else if let Some(origin) = self.passed_on.get(&(at.clone(), name.clone())) {
                at = origin.clone();
            } else {
                break;
            }
        }
        Some(at)
    }
}

fn below(module: &Module, name: &str) -> Module {
    let mut module = module.clone();
    module.push(name.to_owned());
    module
}

fn parent(module: &Module) -> Option<Module> {
    let (_, parent) = module.split_last()?;
    Some(parent.to_vec())
}

/// The module that a file is; `None` for `main.rs`, which is another crate.
fn module_of(file: &str) -> Option<Module> {
    let path = file.strip_suffix(".rs")?;
    let mut module: Module = path.split('/').map(str::to_owned).collect();
    match module.last()?.as_str() {
        "main" => return None,
        "lib" | "mod" => _ = module.pop(),
        _ => {}
    }
    Some(module)
}

/// The modules of a text that exist for tests only.
fn test_modules(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line.starts_with("#[cfg(") && line.contains("test") {
            let declared = lines.find(|line| !line.starts_with("#["));
            let name = declared
                .and_then(|line| line.strip_suffix(';'))
                .and_then(|line| line.rsplit_once("mod "));
            found.extend(name.map(|(_, name)| name.to_owned()));
        }
    }
    found
}

/// The text without comments, strings, and what is for tests only.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("//") {
            continue;
        }
        if trimmed.starts_with("#[cfg(test)]") || trimmed.starts_with("#[cfg(all(test") {
            // Up to the end of the item, by its indentation, as rustfmt has it.
            let indent = line.len() - trimmed.len();
            for line in lines.by_ref() {
                let is_outer = line.len() - line.trim_start().len() == indent;
                if is_outer && (line.ends_with('}') || line.ends_with(';')) {
                    break;
                }
            }
            continue;
        }
        let code = line.split(" // ").next().unwrap_or_default();
        plain.push_str(&without_strings(code));
        plain.push('\n');
    }
    plain
}

fn without_strings(line: &str) -> String {
    let parts = line.replace("\\\"", "");
    parts.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
}

/// The text in pieces: each `use` a piece of its own, to its semicolon.
fn statements(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut in_use = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        if !in_use && is_use(trimmed) {
            in_use = true;
            pieces.push(String::new());
        }
        let piece = pieces.last_mut().expect("a piece");
        piece.push_str(line);
        piece.push('\n');
        if in_use && line.trim_end().ends_with(';') {
            in_use = false;
            pieces.push(String::new());
        }
    }
    pieces
}

fn is_use(line: &str) -> bool {
    let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
    let line = line.strip_prefix("pub(super) ").unwrap_or(line);
    line.strip_prefix("pub ")
        .unwrap_or(line)
        .starts_with("use ")
}

/// Whether a `use` passes on what it names, and its tree.
fn use_tree(statement: &str) -> Option<(bool, &str)> {
    let statement = statement.trim();
    if !is_use(statement) {
        return None;
    }
    let (before, tree) = statement.split_once("use ")?;
    Some((before.starts_with("pub"), tree.trim_end_matches(';')))
}

/// Every path of a `use` tree.
fn expanded(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some((before, inner)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![names(path)];
    };
    let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
    let mut all = Vec::new();
    for branch in branches(inner) {
        for path in expanded(branch) {
            let mut whole = names(before);
            whole.extend(path.into_iter().filter(|name| name != "self"));
            all.push(whole);
        }
    }
    all
}

fn branches(inner: &str) -> Vec<&str> {
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (index, character) in inner.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&inner[from..index]);
                from = index + 1;
            }
            _ => {}
        }
    }
    found.push(&inner[from..]);
    found.retain(|branch| !branch.trim().is_empty());
    found
}

fn names(path: &str) -> Vec<String> {
    path.split("::")
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != "*")
        .map(str::to_owned)
        .collect()
}

/// Every path of code: names with `::` between them.
fn paths(code: &str) -> Vec<Vec<String>> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.split(|c| !part(c))
        .filter(|word| word.contains("::") && !word.starts_with(':'))
        .map(names)
        .collect()
}
