//! Licences and versions of what we publish depends on, as deny.toml says. (Advisories need a network: `scripts/deny`.)

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

use crate::edges::{list, metadata, text};

/// What stands between the brackets behind `key`, in deny.toml.
fn listed(key: &str) -> Vec<String> {
    let file = include_str!("../../deny.toml");
    let (_, rest) = file.split_once(&format!("\n{key} = [")).expect("deny.toml has it");
    let (list, _) = rest.split_once("]\n").expect("it ends");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// All that the published crates are built with, on any platform and with any feature.
fn reached(metadata: &Value) -> Vec<&Value> {
    let packages: BTreeMap<&str, &Value> = list(metadata, "packages").iter().map(|it| (text(it, "id"), it)).collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"], "nodes").iter().map(|node| (text(node, "id"), node)).collect();
    let mut ids: Vec<&str> =
        packages.iter().filter(|(_, it)| text(it, "name") == "longhaul").map(|(id, _)| *id).collect();
    for at in 0.. {
        let Some(&id) = ids.get(at) else { break };
        for dependency in list(nodes[id], "deps") {
            let not_for_tests = list(dependency, "dep_kinds").iter().any(|kind| text(kind, "kind") != "dev");
            if not_for_tests && !ids.contains(&text(dependency, "pkg")) {
                ids.push(text(dependency, "pkg"));
            }
        }
    }
    ids.into_iter().map(|id| packages[id]).collect()
}

#[test]
fn every_dependency_has_a_licence_that_ours_allows() {
    let allowed = listed("allow");
    let metadata = metadata();
    let reached = reached(&metadata);
    assert!(reached.len() > 30, "the walk found only {}", reached.len());
    for package in reached {
        let licence = text(package, "license").replace(['(', ')'], "").replace('/', " OR ");
        let possible =
            licence.split(" AND ").all(|all| all.split(" OR ").any(|one| allowed.iter().any(|it| it == one.trim())));
        assert!(possible, "`{}` is licensed as `{licence}`", text(package, "name"));
    }
}

/// Metadata would have the features of the whole workspace; this has those of what is published.
fn in_several_versions() -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let arguments = ["tree", "-p", "longhaul", "--all-features", "--edges", "normal,build", "--duplicates"];
    let output = Command::new(cargo).args(arguments).args(["--depth", "0"]).current_dir(root).output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn no_dependency_is_there_in_two_versions_unless_it_is_said_why() {
    let skipped = listed("skip");
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in in_several_versions().lines() {
        let Some((name, rest)) = line.split_once(" v") else { continue };
        let version = rest.split(' ').next().unwrap_or_default();
        let is_skipped = |skip: &String| {
            skip.split_once('@').is_some_and(|(of, major)| of == name && version.starts_with(&format!("{major}.")))
        };
        if !skipped.iter().any(is_skipped) {
            versions.entry(name.into()).or_default().insert(version.into());
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert!(versions.is_empty(), "in several versions: {versions:?}");
}
