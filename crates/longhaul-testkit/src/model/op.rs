//! What can be done to a store, and how to choose from it by chance.

use std::time::Duration;

use longhaul_core::{Envelope, OnCancel, OnConflict, UniqueScope};
use proptest::{collection::vec, option, prelude::*};

use super::relation::{Awaited, Prerequisite, awaited, on_cancel, prerequisite};
use crate::fixture::{large_value, value, versioned};

/// Something that is done to a store. Runs, servers and attempts are named by number, counted round those that there
/// are, so that every list of operations can be played.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the calls")]
#[non_exhaustive]
pub enum Op {
    Insert {
        other_kind: bool,
        priority: i8,
        wait: Option<u16>,
        initial: Option<Size>,
        from_the_start: bool,
        constraints: Constraints,
    },
    InsertAgain {
        run: u8,
    },
    /// By a recent attempt, as a child of its run. Names are few, so that they are repeated.
    Child {
        attempt: u8,
        name: u8,
        on_cancel: OnCancel,
    },
    /// By a client, as a child of a run: of any, or of one that is the callback of a batch.
    Member {
        run: u8,
        of_batch: bool,
        name: u8,
    },
    CloseBatch {
        batch: u8,
    },
    InsertAfter {
        prerequisite: Prerequisite,
        wait: Option<u16>,
        on_cancel: OnCancel,
    },
    /// A server claims nothing more, for so long or until it is told.
    Drain {
        server: u8,
        wait: Option<u16>,
    },
    Undrain {
        server: u8,
    },
    /// `begin`: so many are executed at once, the others are claimed ahead.
    Claim {
        server: u8,
        max: u8,
        begin: u8,
    },
    /// Of a run that a recent attempt claimed.
    Begin {
        attempt: u8,
    },
    /// By a recent attempt; `repeat`: under the number of its last checkpoint.
    Checkpoint {
        attempt: u8,
        value: u8,
        size: Size,
        repeat: bool,
        taken: u8,
    },
    Settle {
        attempt: u8,
        end: End,
        last: Option<u8>,
        taken: u8,
    },
    Signal {
        run: u8,
        name: u8,
        key: Option<u8>,
    },
    /// `replacement`: other execution metadata, on the revision that the run has, or on one that it had. Keys are few, so
    /// that they are repeated.
    Proceed {
        run: u8,
        wait: Option<u16>,
        replacement: Option<(u8, bool)>,
        value: Option<Size>,
        key: Option<u8>,
    },
    /// Of the kind `plain` or `other`.
    FindByKey {
        other_kind: bool,
        key: u8,
    },
    Cancel {
        run: u8,
    },
    RunUpdate {
        run: u8,
        update: UpdateOp,
    },
    /// Of the queue `default` or `other`, or of the kind `plain` or `other`.
    Control {
        scope: u8,
        change: Controlling,
    },
    /// `stale`: on a revision that it had.
    Schedule {
        name: u8,
        size: Option<u16>,
        stale: bool,
        runs: u8,
    },
    Delete {
        run: u8,
    },
    /// Two runs, of which none, one or both may be parked.
    ReleaseIncompatible {
        run: u8,
    },
    /// `again`: under the id of the retry before.
    Retry {
        run: u8,
        from_the_start: bool,
        again: bool,
    },
    Heartbeat {
        server: u8,
    },
    Leave {
        server: u8,
    },
    Expire,
    Sweep {
        keep: u16,
    },
    Advance {
        seconds: u16,
    },
    TurnBack {
        seconds: u16,
    },
    /// The process dies, and another opens the store.
    Crash,
}

/// What else a run is enqueued with; keys are few, so that they meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are those of the constraints")]
#[expect(clippy::exhaustive_structs, reason = "tests build it and match it")]
pub struct Constraints {
    pub other_queue: bool,
    pub limit_key: Option<u8>,
    pub unique: Option<(u8, UniqueScope, OnConflict)>,
    pub labelled: bool,
    pub expires: Option<u16>,
    /// The key, and whether a failed run is skipped.
    pub ordered: Option<(u8, bool)>,
}

/// What is done to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a verb of its name")]
#[expect(clippy::exhaustive_enums, reason = "tests build it and match it")]
pub enum UpdateOp {
    RunNow,
    Reschedule { wait: u16 },
    Prioritise { priority: i8 },
    Suspend,
    Dismiss,
    CloseBatch,
}

/// What is done to a queue or a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a change of its name")]
#[expect(clippy::exhaustive_enums, reason = "tests build it and match it")]
pub enum Controlling {
    Pause,
    PauseUntil {
        wait: u16,
    },
    PauseAtLeast {
        wait: u16,
    },
    Resume,
    Declare {
        running: Option<u8>,
        per_key: Option<u8>,
        rate: Option<u8>,
        rate_per_key: Option<u8>,
        weight: Option<u8>,
        ageing: Option<u8>,
        fair_by_key: bool,
    },
    Set {
        running: Option<u8>,
    },
}

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is an ending of its name")]
#[expect(clippy::exhaustive_enums, reason = "tests build it and match it")]
pub enum End {
    Completed(Size),
    Suspended { wait: Option<u16>, deadline: Option<u16> },
    Awaits { name: u8, wait: Option<u16>, deadline: Option<u16> },
    AwaitsRuns { runs: Awaited, wait: Option<u16>, deadline: Option<u16> },
    Failed { timeout: bool, wait: Option<u16>, permanent: bool },
    Cancelled,
    Panicked,
    Interrupted,
    Incompatible { mark: u8 },
    Returned,
}

/// How large a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests build it and match it")]
pub enum Size {
    /// A number.
    Small,
    /// A number of a version that the servers of the model cannot read.
    Newer,
    /// Some pages of any store.
    Large,
}

impl Size {
    /// A value of this size, told apart by `n`.
    pub(super) fn value(self, n: u64) -> Envelope {
        match self {
            Self::Small => value(n),
            Self::Newer => versioned(n, 2),
            Self::Large => large_value(3_000 + 1_500 * (n as usize % 8)),
        }
    }
}

/// Up to `max` operations.
pub fn ops(max: usize) -> impl Strategy<Value = Vec<Op>> {
    vec(op(), 1..=max)
}

fn op() -> impl Strategy<Value = Op> {
    let number = || 0..8_u8;
    let key = || option::weighted(0.3, 0..3_u8);
    prop_oneof![
        6 => (proptest::bool::weighted(0.2), -1..2_i8, option::weighted(0.3, 0..40_u16), option::weighted(0.3, size()), any::<bool>(), constraints())
            .prop_map(|(other_kind, priority, wait, initial, from_the_start, constraints)| {
                Op::Insert { other_kind, priority, wait, initial, from_the_start, constraints }
            }),
        1 => number().prop_map(|run| Op::InsertAgain { run }),
        8 => family_op(),
        8 => (number(), 1..4_u8, prop_oneof![3 => Just(4_u8), 1 => 0..3_u8])
            .prop_map(|(server, max, begin)| Op::Claim { server, max, begin }),
        2 => number().prop_map(|attempt| Op::Begin { attempt }),
        6 => (number(), 0..4_u8, size(), proptest::bool::weighted(0.2), 0..6_u8)
            .prop_map(|(attempt, value, size, repeat, taken)| Op::Checkpoint { attempt, value, size, repeat, taken }),
        7 => (number(), end(), option::of(0..4_u8), 0..6_u8)
            .prop_map(|(attempt, end, last, taken)| Op::Settle { attempt, end, last, taken }),
        3 => (number(), option::weighted(0.2, 0..40_u16), option::weighted(0.3, (0..4_u8, any::<bool>())), key())
            .prop_map(|(run, wait, replacement, key)| Op::Proceed { run, wait, replacement, value: None, key }),
        4 => (number(), option::weighted(0.2, 0..40_u16), size(), key())
            .prop_map(|(run, wait, value, key)| Op::Proceed { run, wait, replacement: None, value: Some(value), key }),
        4 => (number(), 0..2_u8, key()).prop_map(|(run, name, key)| Op::Signal { run, name, key }),
        1 => (any::<bool>(), 0..2_u8).prop_map(|(other_kind, key)| Op::FindByKey { other_kind, key }),
        1 => number().prop_map(|run| Op::Cancel { run }),
        2 => (number(), update_op()).prop_map(|(run, update)| Op::RunUpdate { run, update }),
        2 => (0..4_u8, controlling()).prop_map(|(scope, change)| Op::Control { scope, change }),
        1 => (0..3_u8, option::weighted(0.8, 0..9000_u16), proptest::bool::weighted(0.2), 0..3_u8)
            .prop_map(|(name, size, stale, runs)| Op::Schedule { name, size, stale, runs }),
        1 => number().prop_map(|run| Op::Delete { run }),
        2 => number().prop_map(|run| Op::ReleaseIncompatible { run }),
        3 => (number(), any::<bool>(), proptest::bool::weighted(0.2))
            .prop_map(|(run, from_the_start, again)| Op::Retry { run, from_the_start, again }),
        2 => number().prop_map(|server| Op::Heartbeat { server }),
        1 => number().prop_map(|server| Op::Leave { server }),
        2 => Just(Op::Expire),
        1 => (0..100_u16).prop_map(|keep| Op::Sweep { keep }),
        4 => (0..50_u16).prop_map(|seconds| Op::Advance { seconds }),
        1 => (0..50_u16).prop_map(|seconds| Op::TurnBack { seconds }),
        2 => Just(Op::Crash),
    ]
}

/// About runs of runs, and servers that are drained.
fn family_op() -> impl Strategy<Value = Op> {
    let number = || 0..8_u8;
    prop_oneof![
        5 => (number(), 0..3_u8, on_cancel())
            .prop_map(|(attempt, name, on_cancel)| Op::Child { attempt, name, on_cancel }),
        6 => (number(), proptest::bool::weighted(0.8), 0..3_u8)
            .prop_map(|(run, of_batch, name)| Op::Member { run, of_batch, name }),
        3 => number().prop_map(|batch| Op::CloseBatch { batch }),
        5 => (prerequisite(), option::weighted(0.2, 0..40_u16), on_cancel())
            .prop_map(|(prerequisite, wait, on_cancel)| Op::InsertAfter { prerequisite, wait, on_cancel }),
        1 => (number(), option::of(0..40_u16)).prop_map(|(server, wait)| Op::Drain { server, wait }),
        2 => number().prop_map(|server| Op::Undrain { server }),
    ]
}

fn constraints() -> impl Strategy<Value = Constraints> {
    let scope = prop_oneof![
        Just(UniqueScope::Waiting),
        Just(UniqueScope::NotFinal),
        (1..90_u64).prop_map(|period| UniqueScope::For(Duration::from_secs(period))),
    ];
    let on_conflict = prop_oneof![
        Just(OnConflict::Return),
        any::<bool>().prop_map(|reschedule| OnConflict::Replace { reschedule }),
        Just(OnConflict::Refuse),
    ];
    let unique = option::weighted(0.3, (0..2_u8, scope, on_conflict));
    let expires = option::weighted(0.2, 0..60_u16);
    let ordered = option::weighted(0.4, (0..2_u8, any::<bool>()));
    let labelled = proptest::bool::weighted(0.1);
    (proptest::bool::weighted(0.3), option::weighted(0.4, 0..2_u8), unique, labelled, expires, ordered).prop_map(
        |(other_queue, limit_key, unique, labelled, expires, ordered)| Constraints {
            other_queue,
            limit_key,
            unique,
            labelled,
            expires,
            ordered,
        },
    )
}

fn update_op() -> impl Strategy<Value = UpdateOp> {
    prop_oneof![
        Just(UpdateOp::RunNow),
        (0..40_u16).prop_map(|wait| UpdateOp::Reschedule { wait }),
        (-1..2_i8).prop_map(|priority| UpdateOp::Prioritise { priority }),
        Just(UpdateOp::Suspend),
        Just(UpdateOp::Dismiss),
        Just(UpdateOp::CloseBatch),
    ]
}

fn controlling() -> impl Strategy<Value = Controlling> {
    let few = || option::weighted(0.4, 1..3_u8);
    prop_oneof![
        1 => Just(Controlling::Pause),
        1 => (0..40_u16).prop_map(|wait| Controlling::PauseUntil { wait }),
        1 => (0..40_u16).prop_map(|wait| Controlling::PauseAtLeast { wait }),
        3 => Just(Controlling::Resume),
        3 => (few(), few(), few(), few(), few(), few(), any::<bool>()).prop_map(
            |(running, per_key, rate, rate_per_key, weight, ageing, fair_by_key)| {
                Controlling::Declare { running, per_key, rate, rate_per_key, weight, ageing, fair_by_key }
            },
        ),
        1 => few().prop_map(|running| Controlling::Set { running }),
    ]
}

fn size() -> impl Strategy<Value = Size> {
    prop_oneof![8 => Just(Size::Small), 1 => Just(Size::Newer), 3 => Just(Size::Large)]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        3 => size().prop_map(End::Completed),
        4 => (option::of(0..40_u16), option::of(0..40_u16))
            .prop_map(|(wait, deadline)| End::Suspended { wait, deadline }),
        3 => (0..2_u8, option::of(0..40_u16), option::of(0..40_u16))
            .prop_map(|(name, wait, deadline)| End::Awaits { name, wait, deadline }),
        4 => (awaited(), option::weighted(0.2, 0..40_u16), option::weighted(0.2, 0..40_u16))
            .prop_map(|(runs, wait, deadline)| End::AwaitsRuns { runs, wait, deadline }),
        3 => (any::<bool>(), option::of(0..40_u16), proptest::bool::weighted(0.2))
            .prop_map(|(timeout, wait, permanent)| End::Failed { timeout, wait, permanent }),
        1 => Just(End::Cancelled),
        2 => Just(End::Panicked),
        2 => Just(End::Interrupted),
        1 => (0..3_u8).prop_map(|mark| End::Incompatible { mark }),
        1 => Just(End::Returned),
    ]
}

pub(super) fn seconds(count: u16) -> Duration {
    Duration::from_secs(count.into())
}
