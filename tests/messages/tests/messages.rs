//! What the compiler tells a newcomer who trips.

use std::process::Command;

/// Messages change from one compiler to the next; they are compared with those of this one.
const WRITTEN_BY: &str = "rustc 1.95.";

#[test]
fn the_compiler_says_what_is_missing_and_what_to_do() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("the compiler that built this runs");
    if !String::from_utf8_lossy(&version.stdout).starts_with(WRITTEN_BY) {
        return;
    }
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
