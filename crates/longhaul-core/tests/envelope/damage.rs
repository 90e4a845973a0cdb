use std::collections::BTreeMap;

use longhaul_core::{
    Codec, Envelope,
    envelope::{DecodeError, EnvelopeError},
    shape,
};
use proptest::prelude::*;

use crate::sample::{Sample, any_sample, bincode_by_hand, by_hand, golden};

fn stored(codec: Codec) -> Vec<u8> {
    let envelope = Envelope::encode(&golden(), codec, 7, shape::fingerprint_of::<Sample>()).expect("a plain value");
    envelope.as_bytes().to_vec()
}

#[test]
fn each_flipped_bit_is_noticed() {
    for codec in [Codec::Bincode, Codec::Json] {
        let stored = stored(codec);
        for bit in 0..stored.len() * 8 {
            let mut flipped = stored.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let error = Envelope::from_bytes(flipped).expect_err("a flipped bit");
            let right = match bit / 8 {
                0 => matches!(error, EnvelopeError::NotAnEnvelope { .. }),
                1 => matches!(error, EnvelopeError::UnknownLayout { .. }),
                _ => matches!(error, EnvelopeError::Damaged { .. }),
            };
            assert!(right, "bit {bit}: {error}");
        }
    }
}

#[test]
fn a_value_cut_at_any_length_is_noticed() {
    let stored = stored(Codec::Bincode);
    for length in 0..stored.len() {
        match Envelope::from_bytes(&stored[..length]).expect_err("a cut value") {
            EnvelopeError::TooShort { length: said } => assert!(said == length && length < 14),
            error => assert!(length >= 14 && matches!(error, EnvelopeError::Damaged { .. }), "{length}: {error}"),
        }
    }
}

#[test]
fn what_a_newer_longhaul_wrote_is_told_from_damage() {
    let from = |start| by_hand(start, &[]).expect_err("an unknown header");
    assert_eq!(from([0xC7, 2, 1, 0]), EnvelopeError::UnknownLayout { layout: 2 });
    assert_eq!(from([0xC7, 1, 2, 0]), EnvelopeError::UnknownCodec { id: 2 });
    assert_eq!(from([0xC7, 1, 1, 0x80]), EnvelopeError::UnknownFlags { flags: 0x80 });
    assert_eq!(from([b'{', 1, 1, 0]), EnvelopeError::NotAnEnvelope { first: b'{' });
}

/// Each asks for more memory than there is: if it were allocated, this process would be gone.
#[test]
fn a_length_that_lies_is_an_error_and_not_an_allocation() {
    fn refused<T: serde::de::DeserializeOwned>(body: &[u8]) {
        let error = bincode_by_hand(body).decode::<T>().err().expect("a length that lies");
        assert!(matches!(error, DecodeError::Body { .. }), "{error}");
    }
    for length in [1_u64 << 26, 1 << 40, 1 << 46, u64::MAX >> 1, u64::MAX] {
        let mut body = vec![253];
        body.extend(length.to_le_bytes());
        refused::<String>(&body);
        refused::<Vec<u64>>(&body);
        refused::<Vec<String>>(&body);
        refused::<BTreeMap<u64, u64>>(&body);
        refused::<std::ffi::CString>(&body);
        refused::<(Box<[[u64; 32]]>, u8)>(&body);
    }
}

#[test]
fn bytes_left_over_are_an_error() {
    let error = bincode_by_hand(&[1, 2, 3]).decode::<u8>().expect_err("two bytes left over");
    assert!(error.to_string().ends_with("is not a `u8`: 2 bytes are left over"), "{error}");
    let json = by_hand([0xC7, 1, 3, 0], b"1 2").expect("a right header");
    assert!(matches!(json.decode::<u8>(), Err(DecodeError::Body { .. })));
}

proptest! {
    #[test]
    fn bytes_that_are_no_value_are_an_error_and_no_panic(bytes: Vec<u8>, json: bool) {
        prop_assert!(Envelope::from_bytes(bytes.as_slice()).is_err());
        let codec = if json { 3 } else { 1 };
        let envelope = by_hand([0xC7, 1, codec, 0], &bytes)?;
        if let Err(error) = envelope.decode::<Sample>() {
            let typed = matches!(error, DecodeError::Body { .. });
            prop_assert!(typed, "{error}");
        }
    }

    #[test]
    fn a_body_changed_behind_the_checksum_is_no_panic(sample in any_sample(), at: prop::sample::Index, to: u8) {
        let envelope = Envelope::encode(&sample, Codec::Bincode, 1, shape::fingerprint_of::<Sample>())?;
        let mut body = envelope.body().to_vec();
        let at = at.index(body.len());
        body[at] = to;
        // It may well be another value; what it may not be is a crash, or a value that does not fill its body.
        if let Ok(other) = bincode_by_hand(&body).decode::<Sample>() {
            let again = Envelope::encode(&other, Codec::Bincode, 1, shape::fingerprint_of::<Sample>())?;
            prop_assert!(again.body().len() <= body.len());
        }
    }
}
