//! The cancel of a run goes down to its children, or does not.

use std::sync::Arc;

use longhaul_core::{
    AwaitedRuns, Constraints, Ending, NewRun, OnCancel, StateKind, Transition,
    store::{Cancelled, Claimed, Retried, Retry, RetryFrom, RunUpdate, prelude::*},
};

use super::{
    Scene,
    family::{awaits, child_of, parent_of},
    scene::ids,
};
use crate::fixture::completed;

pub async fn a_cancel_goes_down_to_the_children_that_are_not_final_and_theirs(mut scene: Scene) {
    let parent = scene.running().await;
    scene.children(&parent, &["done", "runs", "waits"]).await;
    let [done, runs] = <[Claimed; 2]>::try_from(scene.claim(2).await).expect("two");
    scene.end(&done, completed(7)).await;
    let below = scene.children(&runs, &["below"]).await[0];
    scene.end(&parent, awaits(AwaitedRuns::AllChildren)).await;
    let id = parent.run.id;
    assert_eq!(scene.store.cancel(id, None, longhaul_core::Actor::UNKNOWN).await, Ok(Cancelled::Now));
    let waits = scene.list_children(id).await;
    let states: Vec<StateKind> = waits.iter().map(|(_, state)| *state).collect();
    assert_eq!(states.iter().filter(|state| **state == StateKind::Cancelled).count(), 1, "{states:?}");
    assert_eq!(scene.state(done.run.id).await, StateKind::Completed);
    let asked = scene.get(runs.run.id).await;
    assert_eq!(asked.run.state.kind(), StateKind::Running);
    assert_eq!(asked.cancel_reason(), Some(&*format!("its parent {id} was cancelled")));
    assert_eq!(scene.state(below).await, StateKind::Pending, "its parent still runs");
    scene.end(&runs, Ending::Interrupted { why: "cancelled".into() }).await;
    let below = scene.get(below).await;
    assert_eq!(below.run.state.kind(), StateKind::Cancelled);
    assert_eq!(below.cancel_reason(), Some(&*format!("its parent {} was cancelled", runs.run.id)));
}

pub async fn a_cancel_that_goes_down_is_not_lost_in_a_crash(mut scene: Scene) {
    let parent = scene.running().await;
    let names: Vec<String> = (0..600).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    scene.children(&parent, &names).await;
    scene.end(&parent, awaits(AwaitedRuns::AllChildren)).await;
    scene.store.cancel(parent.run.id, None, longhaul_core::Actor::UNKNOWN).await.expect("it is there");
    scene.crash().await;
    // Whoever looks next may have to wait for the rest of them.
    for id in scene.list_children(parent.run.id).await.into_iter().map(|(id, _)| id) {
        scene.get(id).await;
    }
    assert_eq!(scene.counts(parent.run.id).await.cancelled, 600);
}

pub async fn a_cancel_goes_down_past_children_that_wait_for_their_own(mut scene: Scene) {
    let parent = scene.running().await;
    let mut below = Vec::new();
    for name in ["a", "b"] {
        let new = scene.new_child(&parent, name);
        let (of, before) = (new.id, new.constraints().clone());
        let constraints = Constraints { on_cancel: OnCancel::Wait, ..before };
        scene.insert(NewRun { constraints: Some(constraints.into()), ..new }).await;
        let child = scene.claim_one().await;
        assert_eq!(child.run.id, of);
        scene.children(&child, &["below"]).await;
        below.push((of, scene.claim_one().await));
        scene.end(&child, awaits(AwaitedRuns::AllChildren)).await;
    }
    let last = scene.children(&parent, &["last"]).await[0];
    scene.end(&parent, awaits(AwaitedRuns::AllChildren)).await;
    scene.store.cancel(parent.run.id, None, longhaul_core::Actor::UNKNOWN).await.expect("it is there");
    assert_eq!(scene.state(last).await, StateKind::Cancelled);
    for (of, below) in below {
        let waits = scene.get(of).await;
        assert_eq!((waits.run.state.kind(), waits.run.request.is_some()), (StateKind::Suspended, true));
        let told = waits.history.entries.iter().filter(|entry| entry.what == Transition::CancelRequested).count();
        assert_eq!(told, 1);
        scene.end(&below, completed(7)).await;
        assert_eq!(scene.state(of).await, StateKind::Cancelled);
    }
}

pub async fn a_child_that_is_retried_after_the_cancel_went_down_goes_on(mut scene: Scene) {
    let parent = scene.running().await;
    let names = ["a", "b"];
    let children = scene.children(&parent, &names).await;
    scene.end(&parent, awaits(AwaitedRuns::AllChildren)).await;
    scene.store.cancel(parent.run.id, None, longhaul_core::Actor::UNKNOWN).await.expect("it is there");
    let mut successors = Vec::new();
    for id in children {
        assert_eq!(scene.state(id).await, StateKind::Cancelled);
        let successor = scene.new_run().id;
        let retry = Retry { id, successor, from: RetryFrom::Checkpoint, by: longhaul_core::Actor::UNKNOWN };
        assert_eq!(scene.store.retry(retry).await, Ok(Retried::New), "somebody wants it all the same");
        successors.push(successor);
    }
    scene.crash().await;
    let first = scene.claim_one().await;
    scene.end(&first, completed(7)).await;
    assert_eq!(scene.claim_one().await.run.id, successors[1], "also when another of them has ended");
}

pub async fn a_child_that_is_asked_to_suspend_is_cancelled_with_its_parent(mut scene: Scene) {
    let parent = scene.running().await;
    scene.children(&parent, &["suspended", "called off"]).await;
    let [aside, off] = <[Claimed; 2]>::try_from(scene.claim(2).await).expect("two");
    scene.end(&parent, awaits(AwaitedRuns::AllChildren)).await;
    let suspend = RunUpdate::Suspend { reason: None };
    scene.store.update(aside.run.id, suspend, longhaul_core::Actor::UNKNOWN).await.expect("it runs");
    scene.store.cancel(off.run.id, Some("called off".into()), longhaul_core::Actor::UNKNOWN).await.expect("it runs");
    let id = parent.run.id;
    scene.store.cancel(id, None, longhaul_core::Actor::UNKNOWN).await.expect("it is there");
    let told = scene.get(aside.run.id).await;
    assert_eq!(told.cancel_reason(), Some(&*format!("its parent {id} was cancelled")));
    assert_eq!(scene.get(off.run.id).await.cancel_reason(), Some("called off"), "it was told already");
    for one in [&aside, &off] {
        scene.end(one, Ending::Interrupted { why: "asked".into() }).await;
        assert_eq!(scene.state(one.run.id).await, StateKind::Cancelled);
    }
}

pub async fn children_of_a_run_that_leaves_them_go_on(mut scene: Scene) {
    let new = scene.new_run();
    let constraints = Constraints { on_cancel: OnCancel::Leave, ..Constraints::default() };
    let parent = scene.insert(NewRun { constraints: Some(Arc::new(constraints)), ..new }).await;
    let child = child_of(scene.new_run(), parent_of(parent, None, "a"));
    let child = scene.insert(child).await;
    scene.store.cancel(parent, None, longhaul_core::Actor::UNKNOWN).await.expect("it is there");
    assert_eq!([scene.state(parent).await, scene.state(child).await], [StateKind::Cancelled, StateKind::Pending]);
}

pub async fn a_run_that_waits_for_its_children_is_cancelled_when_they_are_final(mut scene: Scene) {
    let new = scene.new_run();
    let constraints = Constraints { on_cancel: OnCancel::Wait, ..Constraints::default() };
    let parent = scene.insert(NewRun { constraints: Some(Arc::new(constraints)), ..new }).await;
    let child = child_of(scene.new_run(), parent_of(parent, None, "a"));
    let child = scene.insert(child).await;
    let asked = scene.store.cancel(parent, Some("too dear".into()), longhaul_core::Actor::UNKNOWN).await;
    assert_eq!(asked, Ok(Cancelled::Requested));
    assert_eq!(scene.state(parent).await, StateKind::Suspended);
    scene.crash().await;
    let claimed = scene.claim(2).await;
    assert_eq!(ids(&claimed), [child]);
    scene.end(&claimed[0], completed(7)).await;
    assert_eq!(scene.state(parent).await, StateKind::Cancelled);
    assert_eq!(scene.get(parent).await.cancel_reason(), Some("too dear"));
    // One without children is cancelled at once.
    let new = scene.new_run();
    let constraints = Constraints { on_cancel: OnCancel::Wait, ..Constraints::default() };
    let alone = scene.insert(NewRun { constraints: Some(Arc::new(constraints)), ..new }).await;
    scene.store.cancel(alone, None, longhaul_core::Actor::UNKNOWN).await.expect("it is there");
    assert_eq!(scene.state(alone).await, StateKind::Cancelled);
}
