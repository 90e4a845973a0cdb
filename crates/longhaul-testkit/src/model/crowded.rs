//! Operations about which of many runs is next.

use proptest::{bool::weighted, collection::vec, option, prelude::*};

use super::op::{Constraints, Controlling, End, Op, Size, UpdateOp};

/// Up to `max` operations on queues in which more waits than starts: many runs of few limit keys and priorities, claims of a
/// few of them, ends, and now and then another word on how runs come one after the other.
pub fn crowded(max: usize) -> impl Strategy<Value = Vec<Op>> {
    (order(), vec(op(), 1..=max)).prop_map(|(change, mut ops)| {
        ops.insert(0, Op::Control { scope: 0, change });
        ops
    })
}

fn op() -> impl Strategy<Value = Op> {
    let end = prop_oneof![
        4 => Just(End::Completed(Size::Small)),
        1 => Just(End::Interrupted),
        1 => (0..20_u16).prop_map(|wait| End::Failed { timeout: false, wait: Some(wait), permanent: false }),
    ];
    prop_oneof![
        12 => (weighted(0.2), -1..2_i8, option::weighted(0.2, 0..40_u16), constraints()).prop_map(
            |(other_kind, priority, wait, constraints)| {
                Op::Insert { other_kind, priority, wait, initial: None, from_the_start: false, constraints }
            },
        ),
        // Fewer than come.
        5 => (0..2_u8, 1..4_u8).prop_map(|(server, max)| Op::Claim { server, max, begin: 4 }),
        4 => (0..8_u8, end).prop_map(|(attempt, end)| Op::Settle { attempt, end, last: None, taken: 0 }),
        2 => (0..4_u8, order()).prop_map(|(scope, change)| Op::Control { scope, change }),
        1 => (0..8_u8, -1..2_i8)
            .prop_map(|(run, priority)| Op::RunUpdate { run, update: UpdateOp::Prioritise { priority } }),
        3 => (0..20_u16).prop_map(|seconds| Op::Advance { seconds }),
        1 => prop_oneof![
            4 => Just(Op::Expire),
            1 => (0..20_u16).prop_map(|seconds| Op::TurnBack { seconds }),
            1 => Just(Op::Crash),
        ],
    ]
}

fn constraints() -> impl Strategy<Value = Constraints> {
    let (key, ordered) = (option::weighted(0.8, 0..4_u8), option::weighted(0.1, (0..2_u8, any::<bool>())));
    (weighted(0.1), key, ordered).prop_map(|(other_queue, limit_key, ordered)| Constraints {
        other_queue,
        limit_key,
        unique: None,
        labelled: false,
        expires: None,
        ordered,
    })
}

fn order() -> impl Strategy<Value = Controlling> {
    let rarely = || option::weighted(0.1, 2..5_u8);
    (rarely(), rarely(), rarely(), option::weighted(0.4, 1..3_u8), weighted(0.8)).prop_map(
        |(running, per_key, rate_per_key, ageing, fair_by_key)| Controlling::Declare {
            running,
            per_key,
            rate: None,
            rate_per_key,
            weight: None,
            ageing,
            fair_by_key,
        },
    )
}
