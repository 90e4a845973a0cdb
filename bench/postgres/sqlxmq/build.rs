//! sqlxmq has its tables as files beside its source: this tells where that is.

use std::{env, path::Path, process::Command};

fn main() {
    let cargo = env::var_os("CARGO").expect("cargo runs this");
    let asked = Command::new(cargo).args(["metadata", "--format-version", "1"]).output().expect("cargo answers");
    let metadata: serde_json::Value = serde_json::from_slice(&asked.stdout).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let package = packages.iter().find(|package| package["name"] == "sqlxmq").expect("it is a dependency");
    let manifest = Path::new(package["manifest_path"].as_str().expect("a package has a manifest"));
    println!("cargo::rustc-env=SQLXMQ_MIGRATIONS={}", manifest.with_file_name("migrations").display());
    println!("cargo::rerun-if-changed=Cargo.lock");
}
