//! What a codec cannot read back is refused when it is written.

use std::collections::BTreeMap;

use longhaul_core::{
    Codec, Envelope,
    envelope::{EncodeError, UnknownCodec},
    limits::RESULT_MAX,
    shape::Fingerprint,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u32),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Internal {
    A { x: u32 },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", content = "of")]
enum Adjacent {
    A(u32),
}

#[derive(Debug, Serialize, Deserialize)]
struct Part {
    x: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Flat {
    id: u32,
    #[serde(flatten)]
    part: Part,
}

#[derive(Debug, Serialize, Deserialize)]
struct Skipping {
    id: u32,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    note: Option<String>,
}

fn encode<T: Serialize + DeserializeOwned>(value: &T, codec: Codec) -> Result<Envelope, EncodeError> {
    Envelope::encode(value, codec, 1, Fingerprint(0))
}

fn only_json<T: Serialize + DeserializeOwned>(value: &T) {
    let error = encode(value, Codec::Bincode).expect_err("bincode cannot read it").to_string();
    assert!(error.contains(std::any::type_name::<T>()), "{error}");
    assert!(error.contains("use the json codec"), "{error}");
    encode(value, Codec::Json).expect("json can");
}

#[test]
fn what_bincode_writes_and_cannot_read_is_refused_with_the_remedy() {
    only_json(&Untagged::Number(7));
    only_json(&Internal::A { x: 7 });
    only_json(&Adjacent::A(7));
    only_json(&Flat { id: 1, part: Part { x: 2 } });
    only_json(&serde_json::json!({ "a": 1 }));
    only_json(&Skipping { id: 1, note: None });
    encode(&Skipping { id: 1, note: Some("there".into()) }, Codec::Bincode).expect("nothing is skipped");
}

#[test]
fn what_json_cannot_hold_is_refused_too() {
    let error = encode(&f64::NAN, Codec::Json).expect_err("JSON has no NaN");
    assert!(matches!(error, EncodeError::ReadBack { .. }), "{error}");
    let error = encode(&BTreeMap::from([((1, 2), 3)]), Codec::Json).expect_err("JSON has texts as keys");
    assert!(matches!(error, EncodeError::Write { .. }), "{error}");
    assert!(error.to_string().contains("map keys must be texts"), "{error}");
}

/// The widest integers in the fewest bytes: what our limits allow, the codec's must not refuse.
#[test]
fn the_largest_value_within_our_limits_is_read_back() {
    let numbers = vec![0_i128; RESULT_MAX - 32];
    let envelope = encode(&numbers, Codec::Bincode).expect("within the limits");
    assert!((RESULT_MAX - 32..RESULT_MAX).contains(&envelope.len()));
}

#[test]
fn a_codec_is_named_and_numbered_for_ever() {
    assert_eq!([Codec::Bincode.id(), Codec::Json.id()], [1, 3]);
    for codec in [Codec::Bincode, Codec::Json] {
        assert_eq!(codec.name().parse(), Ok(codec));
        assert_eq!(Codec::from_id(codec.id()), Ok(codec));
    }
    assert_eq!("BSON".parse::<Codec>(), Err(UnknownCodec { name: "BSON".into() }));
}
