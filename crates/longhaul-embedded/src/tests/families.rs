//! A cancellation that goes down to children, and an end of the process in the middle of it.

use longhaul_core::store::prelude::*;
use longhaul_core::{Actor, Constraints, NewRun, Parent, RunId, StateKind};

use super::kit::{Kit, block_on, value};
use crate::engine::kv::sim::{Cut, End};

/// More than are cancelled in two cycles.
const CHILDREN: u64 = 600;

async fn parent_with_children(kit: &mut Kit) -> RunId {
    let parent = kit.insert(value(1, 10)).await;
    let mut children = Vec::new();
    for n in 0..CHILDREN {
        let name = longhaul_core::Key::new(&n.to_string()).expect("a name");
        let of = Parent { id: parent, epoch: None, name, depth: 1 };
        let id = of.child_id();
        let constraints = Some(Constraints { parent: Some(of), ..Constraints::default() }.into());
        children.push(NewRun { id, constraints, ..kit.new_run() });
    }
    for page in children.chunks(200) {
        let answers = kit.store.insert(page.to_vec()).await.expect("the store works");
        assert!(answers.iter().all(Result::is_ok));
    }
    parent
}

#[test]
fn a_cancellation_goes_down_to_all_children_wherever_the_process_ends() {
    let mut went_down_later = false;
    for after in 0..12 {
        for in_effect in [false, true] {
            went_down_later |= block_on(cut_off(Cut { after, in_effect }));
        }
    }
    assert!(went_down_later, "no cut was between the end of the parent and that of its children");
}

/// Whether children were cancelled by the process that came after.
async fn cut_off(cut: Cut) -> bool {
    let mut kit = Kit::new();
    let parent = parent_with_children(&mut kit).await;
    kit.disk.cut(cut);
    let answer = kit.store.cancel(parent, None, Actor::UNKNOWN).await;
    // Each call ends a cycle.
    for _ in 0..5 {
        _ = kit.store.child_counts(parent).await;
    }
    let before = kit.disk.after(End::Killed, 0.5).keys();
    kit.end(End::Killed, 0.5).await;
    let is_cancelled = kit.get(parent).await.run.state.kind() == StateKind::Cancelled;
    assert!(is_cancelled || answer.is_err(), "{cut:?}: what was acknowledged is gone");
    for _ in 0..5 {
        kit.store.child_counts(parent).await.expect("the store works");
    }
    let counts = kit.store.child_counts(parent).await.expect("the store works");
    assert_eq!((counts.total, counts.cancelled), (CHILDREN, if is_cancelled { CHILDREN } else { 0 }), "{cut:?}");
    kit.assert_sound().await;
    is_cancelled && kit.disk.keys() != before
}
