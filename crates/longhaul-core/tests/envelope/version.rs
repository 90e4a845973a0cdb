//! Which version of a type may be read as which.

use longhaul_core::{
    Codec, Envelope,
    envelope::{DecodeError, OldValue},
    shape::fingerprint_of,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct CursorV1 {
    page: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Cursor {
    #[serde(default)]
    rows: u64,
    page: u32,
}

fn stored(codec: Codec, version: u16) -> Envelope {
    Envelope::encode(&CursorV1 { page: 300 }, codec, version, fingerprint_of::<CursorV1>()).expect("a plain value")
}

#[test]
fn an_older_value_is_for_migrate_and_a_newer_one_for_newer_code() {
    let code = fingerprint_of::<Cursor>();
    for codec in [Codec::Bincode, Codec::Json] {
        let older = stored(codec, 1).decode_checked::<Cursor>(2, code).expect_err("older");
        assert!(matches!(older, DecodeError::Older { found: 1, expected: 2, .. }), "{older}");
        let newer = stored(codec, 3).decode_checked::<Cursor>(2, code).expect_err("newer");
        assert!(matches!(newer, DecodeError::Newer { found: 3, expected: 2, .. }), "{newer}");
    }
}

#[test]
fn a_changed_shape_under_the_same_version_is_caught_and_says_what_to_do() {
    let code = fingerprint_of::<Cursor>();
    let error = stored(Codec::Bincode, 4).decode_checked::<Cursor>(4, code).expect_err("another shape");
    let said = format!(
        "the shape of `envelope::version::Cursor` changed without a new VERSION: stored {}, code has {code}, both are \
         version 4; raise VERSION to 5 and write migrate for what is stored, or undo the change",
        fingerprint_of::<CursorV1>()
    );
    assert_eq!(error.to_string(), said);
}

/// JSON has names: what the type forgives, it may.
#[test]
fn json_of_another_shape_is_read_if_the_type_forgives_it() {
    let code = fingerprint_of::<Cursor>();
    assert_eq!(stored(Codec::Json, 1).decode_checked(1, code), Ok(Cursor { rows: 0, page: 300 }));
    let error = stored(Codec::Json, 1).decode_checked::<u32>(1, code).expect_err("not a number");
    assert!(error.to_string().contains("is not a `u32`: invalid type: map, expected u32"), "{error}");
}

#[test]
fn an_old_value_is_decoded_as_its_old_type() {
    let envelope = stored(Codec::Bincode, 1);
    let old = OldValue::new(&envelope);
    assert_eq!((old.version(), old.codec()), (1, Codec::Bincode));
    assert_eq!(old.decode::<CursorV1>(), Ok(CursorV1 { page: 300 }));
    assert!(matches!(old.decode::<Cursor>(), Err(DecodeError::Body { .. })));
    assert_eq!(old.json(), Err(DecodeError::NotJson { codec: Codec::Bincode }));
    assert_eq!(OldValue::new(&stored(Codec::Json, 1)).json(), Ok(serde_json::json!({ "page": 300 })));
}
