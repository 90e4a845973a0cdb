//! Which runs a server gets, and in which order.

use std::time::Duration;

use longhaul_core::{Epoch, Event, Priority, State, StateKind, decide, run::Due};

use super::{Scene, scene::ids};
use crate::fixture::{interrupted, support, value, versioned};

pub async fn higher_priority_goes_first_then_the_longest_due_then_the_older_id(mut scene: Scene) {
    let second = Duration::from_secs(1);
    let mut inserted = Vec::new();
    // Priority, and after how many seconds it is due.
    for (priority, due) in [(0, 2), (0, 1), (5, 9), (-1, 0), (0, 1), (5, 3)] {
        let mut new = scene.new_run();
        new.priority = Priority(priority);
        new.due = Some(Due::After(second * due));
        inserted.push(scene.insert(new).await);
    }
    scene.clock.advance(second * 10);
    let order = [5, 2, 1, 4, 0, 3].map(|place| inserted[place]);
    assert_eq!(ids(&scene.claim(4).await), order[..4]);
    assert_eq!(ids(&scene.claim(4).await), order[4..]);
}

pub async fn a_claim_takes_no_more_than_it_asked_for(mut scene: Scene) {
    let all = [scene.enqueue().await, scene.enqueue().await, scene.enqueue().await];
    assert_eq!(ids(&scene.claim(2).await), all[..2]);
    assert_eq!(ids(&scene.claim(2).await), all[2..]);
    assert_eq!(scene.claim(2).await, []);
}

pub async fn a_claim_does_what_decide_says(mut scene: Scene) {
    let id = scene.enqueue().await;
    let before = scene.get(id).await;
    scene.clock.advance(Duration::from_secs(3));
    let claimed = scene.claim_one().await;
    let decision =
        decide(scene.now(), &before.run, &Event::Claim { server: scene.server, begins: true }).expect("it is due");
    assert_eq!(claimed.run, decision.next);
    assert_eq!(Some(claimed.due), before.run.state.due());
    let after = scene.get(id).await;
    assert_eq!(after.run, claimed.run);
    assert_eq!(after.history.entries.last(), decision.effects.history.as_ref());
}

pub async fn a_claim_hands_over_what_the_task_needs(mut scene: Scene) {
    let mut new = scene.new_run();
    new.metadata = value(41);
    new.execution_metadata = Some(value(42));
    scene.insert(new).await;
    let claimed = scene.claim_one().await;
    assert_eq!(claimed.metadata, value(41));
    assert_eq!(claimed.execution_metadata, Some(value(42)));
    assert_eq!(claimed.run.state, State::Running { server: scene.server });

    let without = scene.running().await;
    assert_eq!(without.execution_metadata, None);
}

pub async fn a_run_that_is_not_due_is_left_alone(mut scene: Scene) {
    let mut new = scene.new_run();
    new.due = Some(Due::After(Duration::from_secs(10)));
    let id = scene.insert(new).await;
    scene.clock.advance(Duration::from_micros(9_999_999));
    assert_eq!(scene.claim(1).await, []);
    scene.clock.advance(Duration::from_micros(1));
    assert_eq!(ids(&scene.claim(1).await), [id]);
}

pub async fn a_run_waits_again_when_the_clock_goes_back(mut scene: Scene) {
    let mut new = scene.new_run();
    new.due = Some(Due::After(Duration::from_secs(10)));
    let id = scene.insert(new).await;
    let early = scene.now();
    scene.clock.advance(Duration::from_secs(10));
    // The store notices that the time has come.
    assert_eq!(scene.store.claim(scene.request_of(vec![support("other", 1)], 1)).await, Ok(vec![]));
    scene.clock.set(early);
    assert_eq!(scene.claim(1).await, []);
    scene.clock.advance(Duration::from_secs(10));
    assert_eq!(ids(&scene.claim(1).await), [id]);
}

pub async fn a_time_that_has_passed_is_due_at_once(mut scene: Scene) {
    let mut new = scene.new_run();
    new.due = Some(Due::At(scene.now()));
    scene.clock.advance(Duration::from_secs(60));
    let id = scene.insert(new).await;
    assert_eq!(ids(&scene.claim(1).await), [id]);
}

pub async fn unknown_kinds_are_left_alone(mut scene: Scene) {
    let unknown = scene.new_run_of("removed");
    let unknown = scene.insert(unknown).await;
    let known = scene.enqueue().await;
    assert_eq!(ids(&scene.claim(10).await), [known]);
    assert_eq!(scene.state(unknown).await, StateKind::Pending);

    let request = scene.request_of(vec![support("removed", 1)], 10);
    assert_eq!(ids(&scene.store.claim(request).await.expect("the store works")), [unknown]);
}

pub async fn newer_versions_are_left_to_newer_code_and_older_ones_are_not(mut scene: Scene) {
    let mut new = scene.new_run();
    new.version = 2;
    new.metadata = versioned(1, 2);
    let newer = scene.insert(new).await;
    let older = scene.enqueue().await;
    assert_eq!(ids(&scene.claim(10).await), [older]);

    let after = scene.enqueue().await;
    let request = scene.request_of(vec![support("plain", 2)], 10);
    assert_eq!(ids(&scene.store.claim(request).await.expect("the store works")), [newer, after]);
}

pub async fn a_server_that_reads_nothing_gets_nothing(mut scene: Scene) {
    scene.enqueue().await;
    let request = scene.request_of(vec![], 1);
    assert_eq!(scene.store.claim(request).await, Ok(vec![]));
}

pub async fn each_claim_raises_the_epoch_and_counts_checkpoints_anew(mut scene: Scene) {
    let first = scene.running().await;
    assert_eq!(first.run.epoch, Epoch(1));
    scene.checkpoint(&first, 5, 50).await.expect("the attempt holds the run");
    scene.end(&first, interrupted()).await;

    let second = scene.claim_one().await;
    assert_eq!((second.run.epoch, second.run.seq, second.run.progressed), (Epoch(2), 0, false));
    scene.checkpoint(&second, 1, 51).await.expect("the attempt holds the run");
    assert_eq!(scene.get(second.run.id).await.execution_metadata, Some(value(51)));
}

pub async fn claims_made_at_once_never_share_a_run(mut scene: Scene) {
    let batch: Vec<_> = (0..60).map(|_| scene.new_run()).collect();
    let mut inserted: Vec<_> = batch.iter().map(|new| new.id).collect();
    scene.store.insert(batch).await.expect("the store works");
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (store, request) = (scene.store.clone(), scene.request(3));
        calls.spawn(async move { store.claim(request).await.expect("the store works") });
    }
    let mut claimed = ids(&calls.join_all().await.concat());
    claimed.sort_unstable();
    inserted.sort_unstable();
    assert_eq!(claimed, inserted);
}
