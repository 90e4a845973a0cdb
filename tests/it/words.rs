//! What the pages say is there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace").to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all(folders: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders {
        sources(&root().join(folder), &mut found);
    }
    found
}

#[test]
fn every_test_that_the_design_page_names_is_there() {
    let page = fs::read_to_string(root().join("docs/design.md")).expect("the page is there");
    let (_, table) = page.split_once("## Guarantees, and the tests that hold them").expect("it has its table");
    let (table, _) = table.split_once("\n## ").expect("something follows");
    // Names of tests are sentences; what else stands in backticks is shorter.
    let is_sentence = |name: &&str| name.matches('_').count() >= 3 && !name.contains([' ', ':', '(', '-']);
    let named: BTreeSet<&str> = table.split('`').skip(1).step_by(2).filter(is_sentence).collect();
    assert!(named.len() > 40, "only {} names were found", named.len());
    let code: String = all(&["crates", "tests", "examples"])
        .iter()
        .map(|path| fs::read_to_string(path).expect("a source can be read"))
        .collect();
    let missing: Vec<_> = named.iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "there is no test called {missing:#?}");
}

/// Types and functions; for methods, the example of their type.
#[test]
fn every_public_type_and_function_has_an_example() {
    let is_item = |line: &str| {
        ["pub struct ", "pub enum ", "pub trait ", "pub fn ", "pub const fn ", "pub async fn "]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let mut bare = Vec::new();
    let mut items = 0;
    for path in all(&["crates/longhaul-core/src", "crates/longhaul/src", "crates/longhaul-embedded/src"]) {
        let name = path.to_string_lossy().into_owned();
        if name.contains("/tests") || name.ends_with("/doc.rs") {
            continue;
        }
        let source = fs::read_to_string(&path).expect("a source can be read");
        let mut docs = String::new();
        for line in source.lines() {
            if is_item(line) {
                items += 1;
                if !docs.contains("```") {
                    bare.push(format!("{name}: {line}"));
                }
            }
            match line.trim_start() {
                doc if line.starts_with("///") => docs.push_str(doc),
                attribute if attribute.starts_with("#[") || line.starts_with([' ', ')']) => {}
                _ => docs.clear(),
            }
        }
    }
    assert!(items > 200, "only {items} items were found");
    assert!(bare.is_empty(), "no example: {bare:#?}");
}

/// The code of a line, without its comments and without what stands between quotes.
fn code(line: &str) -> String {
    let line = line.split("//").next().unwrap_or_default();
    line.split('"').step_by(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn no_retired_name_is_an_identifier() {
    let page = fs::read_to_string(root().join("docs/words.md")).expect("the page is there");
    let (_, table) = page.split_once("## Names that were retired").expect("it has its table");
    let (table, _) = table.split_once("\n## ").expect("something follows");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let retired: BTreeSet<&str> =
        rows.filter_map(|row| row.split('|').nth(1)).flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(retired.len() > 40, "only {} names were found", retired.len());
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for path in all(&["crates"]) {
        let source = fs::read_to_string(&path).expect("a source can be read");
        for (line, number) in source.lines().zip(1..) {
            let code = code(line);
            for word in code.split(|c| !is_part(c)).filter(|word| retired.contains(word)) {
                found.push(format!("{}:{number}: {word}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "docs/words.md says what to use in place of {found:#?}");
}
