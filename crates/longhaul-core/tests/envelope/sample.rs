//! A value with a bit of everything, and envelopes made by hand.

use std::{collections::BTreeMap, time::Duration};

use longhaul_core::envelope::{Envelope, EnvelopeError};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) id: u64,
    pub(crate) delta: i32,
    pub(crate) ratio: f64,
    pub(crate) name: String,
    pub(crate) note: Option<String>,
    pub(crate) tags: BTreeMap<String, u32>,
    pub(crate) step: Step,
    pub(crate) bytes: Vec<u8>,
    pub(crate) wait: Duration,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Step {
    List,
    Read { files: u16, at: (u8, char) },
    Done(()),
}

/// The value in the golden files.
pub(crate) fn golden() -> Sample {
    Sample {
        id: 70_000,
        delta: -3,
        ratio: 0.5,
        name: "straße".to_owned(),
        note: Some("resumed".to_owned()),
        tags: [("a".to_owned(), 1), ("b".to_owned(), 300)].into(),
        step: Step::Read { files: 251, at: (9, 'ß') },
        bytes: vec![0, 255],
        wait: Duration::new(1, 5),
    }
}

pub(crate) fn any_sample() -> impl Strategy<Value = Sample> {
    let step = prop_oneof![
        Just(Step::List),
        any::<(u16, u8, char)>().prop_map(|(files, a, b)| Step::Read { files, at: (a, b) }),
        Just(Step::Done(())),
    ];
    // JSON has no word for a number that is none; refusal.rs has that.
    let ratio = any::<f64>().prop_filter("JSON has only finite numbers", |ratio| ratio.is_finite());
    let tags = prop::collection::btree_map(any::<String>(), any::<u32>(), 0..4);
    let wait = (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos));
    (any::<(u64, i32, String, Option<String>, Vec<u8>)>(), ratio, tags, step, wait).prop_map(
        |((id, delta, name, note, bytes), ratio, tags, step, wait)| Sample {
            id,
            delta,
            ratio,
            name,
            note,
            tags,
            step,
            bytes,
            wait,
        },
    )
}

/// An envelope with these first four bytes and this body, and the right checksum.
pub(crate) fn by_hand(start: [u8; 4], body: &[u8]) -> Result<Envelope, EnvelopeError> {
    let mut bytes = start.to_vec();
    bytes.extend([1, 0, 0, 0, 0, 0]);
    let mut hash = crc32fast::Hasher::new();
    hash.update(&bytes);
    hash.update(body);
    bytes.extend(hash.finalize().to_le_bytes());
    bytes.extend(body);
    Envelope::from_bytes(bytes)
}

/// One in bincode, whose body nobody checked.
pub(crate) fn bincode_by_hand(body: &[u8]) -> Envelope {
    by_hand([0xC7, 1, 1, 0], body).expect("a right header")
}
