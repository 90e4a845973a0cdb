//! How new runs depend on others, and what attempts wait for.

use longhaul_core::{CallbackWhen, OnCancel};
use proptest::prelude::*;

/// Why a new run does not begin at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the constraints")]
#[expect(clippy::exhaustive_enums, reason = "tests build it and match it")]
pub enum Prerequisite {
    /// It comes after two others, which may be the same.
    After { first: u8, second: u8, success_only: bool },
    /// It is the callback of a batch.
    Batch(CallbackWhen),
}

/// For which runs a run is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a wait of its name")]
#[expect(clippy::exhaustive_enums, reason = "tests build it and match it")]
pub enum Awaited {
    AllChildren,
    AnyChild { seen: u8 },
    Runs { first: u8, second: u8, any: bool },
}

pub(super) fn on_cancel() -> impl Strategy<Value = OnCancel> {
    prop_oneof![3 => Just(OnCancel::Cancel), 1 => Just(OnCancel::Leave), 2 => Just(OnCancel::Wait)]
}

pub(super) fn prerequisite() -> impl Strategy<Value = Prerequisite> {
    let callback =
        prop_oneof![Just(CallbackWhen::AllFinal), Just(CallbackWhen::AllCompleted), Just(CallbackWhen::AnyFailed)];
    prop_oneof![
        1 => (0..8_u8, 0..8_u8, any::<bool>())
            .prop_map(|(first, second, success_only)| Prerequisite::After { first, second, success_only }),
        1 => callback.prop_map(Prerequisite::Batch),
    ]
}

pub(super) fn awaited() -> impl Strategy<Value = Awaited> {
    prop_oneof![
        4 => Just(Awaited::AllChildren),
        2 => (0..3_u8).prop_map(|seen| Awaited::AnyChild { seen }),
        2 => (0..8_u8, 0..8_u8, any::<bool>()).prop_map(|(first, second, any)| Awaited::Runs { first, second, any }),
    ]
}
