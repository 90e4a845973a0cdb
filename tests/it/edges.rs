//! Who may know whom: the arrows of docs/architecture.md, and nothing else.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// Each of our crates, and those of ours that it may depend on outside of tests.
const ARROWS: [(&str, &[&str]); 15] = [
    ("longhaul-core", &[]),
    ("longhaul-embedded", &["longhaul-core"]),
    ("longhaul-postgres", &["longhaul-core"]),
    ("longhaul-sqlx", &["longhaul-postgres"]),
    ("longhaul-testkit", &["longhaul-core"]),
    ("longhaul", &["longhaul-core", "longhaul-embedded", "longhaul-postgres", "longhaul-testkit"]),
    ("longhaul-inspect", &["longhaul"]),
    ("longhaul-dashboard", &["longhaul", "longhaul-inspect"]),
    ("dashboard", &["longhaul", "longhaul-dashboard", "longhaul-inspect"]),
    ("longhaul-cli", &["longhaul", "longhaul-inspect"]),
    ("longhaul-examples", &["longhaul"]),
    ("docsearch-engine", &["longhaul"]),
    ("docsearch", &["longhaul", "docsearch-engine"]),
    ("longhaul-tests", &["longhaul"]),
    ("longhaul-messages", &["longhaul"]),
];

/// What would bring a runtime, I/O, a clock or logging into the rules.
const NOT_IN_CORE: [&str; 6] = ["tokio", "sled", "tracing", "log", "getrandom", "longhaul-embedded"];

pub(crate) fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"),
        ])
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Dependencies outside of tests, by package.
fn dependencies(metadata: &Value) -> BTreeMap<&str, Vec<&str>> {
    let of = |package| {
        let normal = list(package, "dependencies").iter().filter(|dependency| dependency["kind"].is_null());
        (text(package, "name"), normal.map(|dependency| text(dependency, "name")).collect())
    };
    list(metadata, "packages").iter().map(of).collect()
}

#[test]
fn no_crate_knows_another_that_the_map_does_not_show() {
    let metadata = metadata();
    let dependencies = dependencies(&metadata);
    let ours: Vec<&str> = list(&metadata, "workspace_members")
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|member| list(&metadata, "packages").iter().find(|package| text(package, "id") == member))
        .map(|package| text(package, "name"))
        .collect();
    assert_eq!(ours.len(), ARROWS.len(), "a member is missing from the map: {ours:?}");
    for (name, allowed) in ARROWS {
        for dependency in dependencies[name].iter().filter(|dependency| ours.contains(dependency)) {
            assert!(allowed.contains(dependency), "`{name}` must not know `{dependency}`");
        }
    }
    for stranger in NOT_IN_CORE {
        assert!(!dependencies["longhaul-core"].contains(&stranger), "the rules must not know `{stranger}`");
    }
}

#[test]
fn no_dependency_of_what_we_publish_needs_a_newer_rust_than_we_declare() {
    let metadata = metadata();
    let version = |text: &str| -> Vec<u32> { text.split('.').filter_map(|part| part.parse().ok()).collect() };
    let package = |name: &str| list(&metadata, "packages").iter().find(|package| text(package, "name") == name);
    let declared = version(text(package("longhaul").expect("it is a member"), "rust_version"));
    let dependencies = dependencies(&metadata);
    let mut reached = vec!["longhaul", "longhaul-testkit"];
    for at in 0.. {
        let Some(&name) = reached.get(at) else { break };
        let needed = package(name).map(|package| text(package, "rust_version")).unwrap_or_default();
        assert!(version(needed) <= declared, "`{name}` needs Rust {needed}");
        for dependency in dependencies.get(name).into_iter().flatten() {
            if !reached.contains(dependency) {
                reached.push(dependency);
            }
        }
    }
    assert!(reached.len() > 10, "the walk found only {reached:?}");
}
