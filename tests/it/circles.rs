//! No crate has a circle of files: of two files, at most one needs the other to be understood.
//!
//! An arrow goes from a file to each file of the same crate that it names in a `use`, or in a path that begins with
//! `crate`, `super` or `self`. A name that a module re-exports leads to the file that defines it; the re-export itself is
//! no arrow. A module and the modules in it are one room: between those two there are no arrows. Tests are left out.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::Path,
};

/// A module, by the names on the way to it.
type Module = Vec<String>;

#[derive(Default)]
struct Source {
    /// What it names, as whole paths.
    names: BTreeSet<Module>,
    /// What it re-exports, and under which name. `*` stands for everything.
    exports: Vec<(String, Module)>,
}

type Sources = BTreeMap<Module, Source>;

#[test]
fn no_crate_has_a_circle_of_files() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let (mut found, mut looked_at) = (Vec::new(), 0);
    for entry in fs::read_dir(crates).expect("the folder is there").filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let sources = sources(&entry.path().join("src"));
        looked_at += sources.len();
        let circles = circles(&arrows(&sources));
        found.extend(circles.into_iter().map(|circle| format!("{name}: {}", circle.join(" → "))));
    }
    assert!(looked_at > 200, "only {looked_at} files were found");
    assert!(found.is_empty(), "circles of files: {found:#?}");
}

#[test]
fn a_circle_is_seen_through_a_re_export_and_a_path_without_a_use() {
    let source = |module: &str, text: &str| {
        let module: Module = module.split("::").filter(|name| !name.is_empty()).map(Into::into).collect();
        (module.clone(), parse(&module, text, &["a", "b", "c"].map(Into::into).into()))
    };
    let sources: Sources = [
        source("", "mod a;\npub use self::{a::A, b::{self, B as Other}};"),
        source("a", "use crate::Other;\n#[cfg(test)]\nmod tests { use crate::c; }"),
        source("b", "fn f() { crate::c::g() }"),
        source("c", "// crate::b\nuse std::fmt;\nuse crate::A;"),
    ]
    .into();
    assert_eq!(circles(&arrows(&sources)), [["a", "b", "c", "a"]]);
    let no_circle: Sources = sources.into_iter().filter(|(module, _)| module.join("") != "c").collect();
    assert!(circles(&arrows(&no_circle)).is_empty());
}

fn sources(root: &Path) -> Sources {
    let mut texts = BTreeMap::new();
    read(root, &mut Vec::new(), &mut texts);
    let modules: BTreeSet<Module> = texts.keys().cloned().collect();
    let children = |module: &Module| {
        let is_child = |other: &&Module| other.len() == module.len() + 1 && other.starts_with(module);
        modules.iter().filter(is_child).map(|child| child[child.len() - 1].clone()).collect()
    };
    texts.iter().map(|(module, text)| (module.clone(), parse(module, text, &children(module)))).collect()
}

fn read(folder: &Path, module: &mut Module, texts: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).expect("the folder is there").filter_map(Result::ok) {
        let path = entry.path();
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        if name == "tests" || name == "main" {
            continue;
        }
        if path.is_dir() {
            module.push(name);
            read(&path, module, texts);
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let own = (name != "lib" && name != "mod").then_some(name);
            let text = fs::read_to_string(&path).expect("a source can be read");
            texts.insert(module.iter().cloned().chain(own).collect(), text);
        }
    }
}

/// What the text of a module names. `children` are the modules in it.
fn parse(module: &Module, text: &str, children: &BTreeSet<String>) -> Source {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect();
    let (mut source, mut rest) = (Source::default(), String::new());
    let mut lines = code.lines().peekable();
    while let Some(line) = lines.next() {
        let line = line.trim();
        let after_pub = line.strip_prefix("pub").map(|line| line.trim_start_matches(|c| c != ' ').trim_start());
        let Some(first) = after_pub.unwrap_or(line).strip_prefix("use ") else {
            rest += line;
            rest.push('\n');
            continue;
        };
        let mut tree = first.to_owned();
        while !tree.contains(';')
            && let Some(more) = lines.next()
        {
            tree += more.trim();
        }
        let (tree, behind) = tree.split_once(';').expect("a use ends");
        rest += behind;
        rest.push('\n');
        let mut paths = Vec::new();
        expand(tree, &mut Vec::new(), &mut paths);
        for (path, name) in paths {
            let Some(path) = absolute(module, &path, children) else { continue };
            if after_pub.is_some() {
                source.exports.push((name, path));
            } else {
                source.names.insert(path);
            }
        }
    }
    // A re-export that the module uses itself is an arrow too.
    let words: BTreeSet<&str> = rest.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let used = source.exports.iter().filter(|(name, _)| words.contains(&**name));
    source.names.extend(used.map(|(_, path)| path.clone()).collect::<Vec<_>>());
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in rest.match_indices(start) {
            if rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                continue;
            }
            let path: String =
                rest[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
            let path: Vec<&str> = path.split("::").filter(|name| !name.is_empty()).collect();
            source.names.extend(absolute(module, &path, children));
        }
    }
    source
}

/// The paths of a use tree, each with the name that it brings.
fn expand<'a>(tree: &'a str, before: &mut Vec<&'a str>, paths: &mut Vec<(Vec<&'a str>, String)>) {
    let tree = tree.trim();
    if let Some((start, inner)) = tree.split_once('{').filter(|_| tree.ends_with('}')) {
        let length = before.len();
        before.extend(start.split("::").map(str::trim).filter(|name| !name.is_empty()));
        let (mut depth, mut from) = (0, 0);
        let inner = &inner[..inner.len() - 1];
        for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&inner[from..at], before, paths);
                    from = at + 1;
                }
                _ => {}
            }
        }
        before.truncate(length);
    } else if !tree.is_empty() {
        let (path, name) = tree.split_once(" as ").unwrap_or((tree, ""));
        let mut whole = before.clone();
        whole.extend(path.split("::").map(str::trim));
        if whole.len() > 1 && whole.last() == Some(&"self") {
            whole.pop();
        }
        let name = if name.is_empty() { whole[whole.len() - 1] } else { name.trim() };
        paths.push((whole.clone(), name.to_owned()));
    }
}

/// A path from the root of the crate; `None` if it leads out of it.
fn absolute(module: &Module, path: &[&str], children: &BTreeSet<String>) -> Option<Module> {
    let mut base = module.clone();
    let mut path = path;
    match path.first()? {
        &"crate" => base.clear(),
        &"self" => {}
        &"super" => drop(base.pop()),
        child if children.contains(*child) => {
            return Some(base.into_iter().chain(path.iter().map(|&name| name.into())).collect());
        }
        _ => return None,
    }
    path = &path[1..];
    while path.first() == Some(&"super") {
        base.pop();
        path = &path[1..];
    }
    Some(base.into_iter().chain(path.iter().map(|&name| name.into())).collect())
}

/// The module that defines what a path names.
fn resolve(sources: &Sources, path: &Module, depth: usize) -> Option<Module> {
    let length = (0..=path.len()).rev().find(|length| sources.contains_key(&path[..*length]))?;
    let (module, rest) = path.split_at(length);
    let Some(name) = rest.first().filter(|_| depth < 16) else { return Some(module.to_vec()) };
    let exported = sources[module].exports.iter().find(|(exported, _)| exported == name);
    match exported {
        Some((_, target)) => {
            let target = target.iter().chain(&rest[1..]).cloned().collect();
            resolve(sources, &target, depth + 1)
        }
        None => Some(module.to_vec()),
    }
}

type Arrows = BTreeMap<Module, BTreeSet<Module>>;

fn arrows(sources: &Sources) -> Arrows {
    let targets = |module: &Module, source: &Source| {
        let targets = source.names.iter().filter_map(|path| resolve(sources, path, 0));
        targets.filter(|target| !target.starts_with(module) && !module.starts_with(target)).collect()
    };
    sources.iter().map(|(module, source)| (module.clone(), targets(module, source))).collect()
}

/// The shortest circle through each file that is on one, each of them once.
fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for start in arrows.keys() {
        let mut ways = VecDeque::from([vec![start.clone()]]);
        let mut reached = BTreeSet::new();
        while let Some(way) = ways.pop_front() {
            let last = way.last().expect("it begins somewhere");
            for next in arrows.get(last).into_iter().flatten() {
                if next == start {
                    let members: BTreeSet<Module> = way.iter().cloned().collect();
                    if seen.insert(members) {
                        let names = way.iter().chain([start]);
                        found.push(names.map(|module| module.join("::")).collect());
                    }
                    ways.clear();
                    break;
                }
                if reached.insert(next.clone()) {
                    ways.push_back(way.iter().cloned().chain([next.clone()]).collect());
                }
            }
        }
    }
    found
}
