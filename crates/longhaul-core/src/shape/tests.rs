#![allow(dead_code, reason = "shapes are looked at, values are not made")]

mod changes;
mod kinds;
mod limits;
mod random;
mod recursive;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Fingerprint, describe, fingerprint_of};

#[derive(Deserialize)]
struct Cursor {
    last_id: u64,
    note: Option<String>,
    done: Vec<(u32, bool)>,
}

#[derive(Deserialize)]
enum Step {
    List,
    Read { files: BTreeMap<String, Cursor> },
    Merge(u8, Box<Step>),
    Wait(std::time::Duration),
}

/// Stored values carry these. Who changes one of them makes every stored value look changed.
#[test]
fn fingerprints_are_pinned_because_they_are_stored() {
    let text = "{last_id: u64, note: option(str), done: seq((u32, bool))}";
    assert_eq!(describe::<Cursor>(), text);
    assert_eq!(
        describe::<Step>(),
        format!("<List | Read{{files: map(str, {text})}} | Merge(u8, ^2) | Wait({{secs: u64, nanos: u32}})>")
    );
    assert_eq!(fingerprint_of::<()>(), Fingerprint(0x5E36_2439));
    assert_eq!(fingerprint_of::<Cursor>(), Fingerprint(0x61C8_ABCB));
    assert_eq!(fingerprint_of::<Step>(), Fingerprint(0x2362_5C01));
}
