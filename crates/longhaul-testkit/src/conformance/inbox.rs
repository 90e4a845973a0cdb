//! Values that are sent to a run: kept whatever it is doing, handed over until they are acknowledged.

use std::time::Duration;

use longhaul_core::{
    Actor, Ending, Key, RunId, StateKind, Transition,
    limits::{INBOX_BYTES_MAX, INBOX_MAX},
    run::Due,
    store::{Checkpoint, Claimed, Proceed, ProceedError, Proceeded, Settled, Settlement},
};

use super::{
    Scene,
    scene::{checkpoint, ids, proceed, settlement},
};
use crate::fixture::{completed, interrupted, large_value, suspended, value};

fn with_value(id: RunId, n: u64) -> Proceed {
    Proceed { value: Some(value(n)), ..proceed(id) }
}

fn with_key(id: RunId, key: &str) -> Proceed {
    Proceed { key: Some(Key::new(key).expect("a key")), ..proceed(id) }
}

/// What waits in the inbox that a claim handed over.
fn handed(claimed: &Claimed) -> Vec<u64> {
    let numbers = claimed.run.inbox().messages.iter().map(|message| message.value.decode());
    numbers.collect::<Result<_, _>>().expect("numbers were sent")
}

async fn takes(scene: &Scene, claimed: &Claimed, seq: u32, taken: u64) {
    let saved = scene.save(Checkpoint { taken: (1..=taken).collect(), ..checkpoint(claimed, seq, 10 + taken) }).await;
    saved.expect("the attempt holds the run");
}

pub async fn a_value_lets_a_suspended_run_go_on_and_is_handed_over(mut scene: Scene) {
    let id = scene.suspended().await;
    assert_eq!(scene.store.proceed(with_value(id, 7)).await, Ok(Proceeded::Now));
    let claimed = scene.claim_one().await;
    assert_eq!((claimed.run.id, handed(&claimed)), (id, vec![7]));
}

pub async fn a_value_is_kept_whatever_the_run_is_doing_and_after_a_crash(mut scene: Scene) {
    let id = scene.enqueue().await;
    assert_eq!(scene.store.proceed(with_value(id, 1)).await, Ok(Proceeded::Kept));
    scene.crash().await;
    let claimed = scene.claim_one().await;
    assert_eq!(handed(&claimed), [1]);
    assert_eq!(scene.store.proceed(with_value(id, 2)).await, Ok(Proceeded::Kept));
    scene.crash().await;
    let claimed = scene.claim_one().await;
    assert_eq!(handed(&claimed), [1, 2]);
    scene.fail(&claimed, "no route").await;
    assert_eq!(scene.store.proceed(with_value(id, 3)).await, Ok(Proceeded::Kept));
    assert_eq!(scene.state(id).await, StateKind::Retrying, "a value is no reason to retry sooner");
    scene.crash().await;
    scene.clock.advance(crate::fixture::RETRY_WAIT);
    assert_eq!(handed(&scene.claim_one().await), [1, 2, 3]);
}

pub async fn a_value_that_is_not_acknowledged_is_handed_over_again(mut scene: Scene) {
    let id = scene.suspended().await;
    scene.store.proceed(with_value(id, 7)).await.expect("it is suspended");
    let claimed = scene.claim_one().await;
    scene.end(&claimed, interrupted()).await;
    let again = scene.claim_one().await;
    assert_eq!(handed(&again), [7]);
    scene.checkpoint(&again, 1, 10).await.expect("the attempt holds the run");
    scene.crash().await;
    assert_eq!(handed(&scene.claim_one().await), [7]);
}

pub async fn a_value_that_was_acknowledged_is_handed_over_no_more(mut scene: Scene) {
    let id = scene.suspended().await;
    for n in [7, 8, 9] {
        scene.store.proceed(with_value(id, n)).await.expect("it is not final");
    }
    let claimed = scene.claim_one().await;
    takes(&scene, &claimed, 1, 1).await;
    scene.crash().await;
    let again = scene.claim_one().await;
    assert_eq!((handed(&again), again.execution_metadata.clone()), (vec![8, 9], Some(value(11))));

    // With the same execution metadata as before it is an acknowledgement too.
    scene.save(Checkpoint { taken: vec![2], ..checkpoint(&again, 1, 11) }).await.expect("the attempt holds the run");
    scene.crash().await;
    let again = scene.claim_one().await;
    assert_eq!(handed(&again), [9]);

    let last =
        Settlement { execution_metadata: Some((1, value(13))), taken: vec![3], ..settlement(&again, suspended()) };
    assert_eq!(scene.settle(last).await, Ok(Settled::Now(StateKind::Suspended)));
    assert_eq!(scene.get(id).await.run.inbox().messages, []);
}

pub async fn an_attempt_that_lost_its_claim_acknowledges_nothing(mut scene: Scene) {
    let id = scene.suspended().await;
    scene.store.proceed(with_value(id, 7)).await.expect("it is suspended");
    let lost = scene.claim_one().await;
    scene.crash().await;
    scene.claim_one().await;
    let late = scene.save(Checkpoint { taken: vec![1], ..checkpoint(&lost, 1, 10) }).await;
    assert!(late.is_err());
    assert_eq!(scene.get(id).await.run.inbox().messages.len(), 1);
}

pub async fn a_value_that_came_during_an_attempt_lets_the_run_go_on_when_it_suspends(mut scene: Scene) {
    let claimed = scene.running().await;
    assert_eq!(scene.store.proceed(with_value(claimed.run.id, 7)).await, Ok(Proceeded::Kept));
    scene.end(&claimed, suspended()).await;
    let again = scene.claim_one().await;
    assert_eq!(handed(&again), [7]);
    // Left where it is, it does not let the run go round in circles.
    scene.end(&again, suspended()).await;
    assert_eq!(scene.claim(1).await, []);
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Suspended);
}

pub async fn a_run_that_took_one_of_two_values_goes_on_with_the_other(mut scene: Scene) {
    let id = scene.suspended().await;
    for n in [7, 8] {
        scene.store.proceed(with_value(id, n)).await.expect("it is not final");
    }
    let claimed = scene.claim_one().await;
    takes(&scene, &claimed, 1, 1).await;
    scene.end(&claimed, suspended()).await;
    assert_eq!(handed(&scene.claim_one().await), [8]);
}

pub async fn a_value_serves_a_waiting_claim(mut scene: Scene) {
    let id = scene.suspended().await;
    let waiting = scene.parked_claim().await;
    scene.store.proceed(with_value(id, 7)).await.expect("it is suspended");
    assert_eq!(waiting.claimed_id().await, id);
}

pub async fn a_value_for_later_lets_the_run_go_on_then(mut scene: Scene) {
    let claimed = scene.running().await;
    let at = Some(scene.now().after(Duration::from_secs(5)));
    scene.store.proceed(Proceed { at, ..with_value(claimed.run.id, 7) }).await.expect("it runs");
    scene.end(&claimed, suspended()).await;
    assert_eq!(scene.claim(1).await, []);
    scene.clock.advance(Duration::from_secs(5));
    assert_eq!(handed(&scene.claim_one().await), [7]);
}

pub async fn large_values_are_kept_and_their_order_too(mut scene: Scene) {
    let id = scene.suspended().await;
    let values: Vec<_> = (0..4).map(|n| large_value(60_000 + n)).collect();
    for value in &values {
        let sent = Proceed { value: Some(value.clone()), ..proceed(id) };
        scene.store.proceed(sent).await.expect("it is not final");
    }
    scene.crash().await;
    let claimed = scene.claim_one().await;
    let found: Vec<_> = claimed.run.inbox().messages.iter().map(|message| message.value.clone()).collect();
    assert_eq!(found, values);
    takes(&scene, &claimed, 1, 4).await;
    scene.crash().await;
    assert_eq!(handed(&scene.claim_one().await), Vec::<u64>::new());
}

pub async fn a_run_holds_so_many_values_and_refuses_more(mut scene: Scene) {
    let claimed = scene.running().await;
    let id = claimed.run.id;
    for n in 0..INBOX_MAX as u64 {
        scene.store.proceed(with_value(id, n)).await.expect("there is room");
    }
    let before = scene.get(id).await;
    let refused = scene.store.proceed(with_value(id, 99)).await;
    assert_eq!(refused, Err(ProceedError::InboxFull { id, messages: INBOX_MAX }));
    assert_eq!(scene.get(id).await, before);
    takes(&scene, &claimed, 1, 1).await;
    assert_eq!(scene.store.proceed(with_value(id, 99)).await, Ok(Proceeded::Kept));

    let heavy = scene.suspended().await;
    let much = Proceed { value: Some(large_value(INBOX_BYTES_MAX - 10)), ..proceed(heavy) };
    scene.store.proceed(much).await.expect("there is room");
    let refused = scene.store.proceed(with_value(heavy, 1)).await;
    assert_eq!(refused, Err(ProceedError::InboxFull { id: heavy, messages: 1 }));
}

pub async fn a_value_for_a_final_run_is_refused(mut scene: Scene) {
    let claimed = scene.running().await;
    let id = claimed.run.id;
    scene.store.proceed(with_value(id, 1)).await.expect("it runs");
    let done = scene.end(&claimed, completed(1)).await;
    assert_eq!(done.run.inbox().messages, [], "nobody will take it");
    let refused = ProceedError::NotSuspended { id, state: StateKind::Completed };
    assert_eq!(scene.store.proceed(with_value(id, 7)).await, Err(refused));
    assert_eq!(scene.get(id).await, done);
}

pub async fn a_proceed_with_the_key_of_one_before_changes_nothing(mut scene: Scene) {
    let id = scene.suspended().await;
    assert_eq!(scene.store.proceed(with_key(id, "event 1")).await, Ok(Proceeded::Now));
    let pending = scene.get(id).await;
    assert_eq!(scene.store.proceed(with_key(id, "event 1")).await, Ok(Proceeded::Repeated));
    assert_eq!(scene.get(id).await, pending);

    // It must not go through the next suspension, nor be kept for it.
    let claimed = scene.claim_one().await;
    assert_eq!(scene.store.proceed(with_key(id, "event 1")).await, Ok(Proceeded::Repeated));
    let waits = scene.end(&claimed, suspended()).await;
    assert_eq!(waits.run.state.kind(), StateKind::Suspended);
    scene.crash().await;
    assert_eq!(scene.store.proceed(with_key(id, "event 1")).await, Ok(Proceeded::Repeated));
    assert_eq!(scene.get(id).await, waits);

    assert_eq!(scene.store.proceed(with_key(id, "event 2")).await, Ok(Proceeded::Now));
    let claimed = scene.claim_one().await;
    let done = scene.end(&claimed, completed(1)).await;
    assert_eq!(scene.store.proceed(with_key(id, "event 1")).await, Ok(Proceeded::Repeated), "also once it is final");
    assert_eq!(scene.get(id).await, done);
}

pub async fn a_value_with_the_key_of_one_before_is_one_value(mut scene: Scene) {
    let claimed = scene.running().await;
    let sent = Proceed { value: Some(value(7)), ..with_key(claimed.run.id, "event 1") };
    assert_eq!(scene.store.proceed(sent.clone()).await, Ok(Proceeded::Kept));
    assert_eq!(scene.store.proceed(sent).await, Ok(Proceeded::Repeated));
    scene.end(&claimed, suspended()).await;
    assert_eq!(handed(&scene.claim_one().await), [7]);
}

pub async fn a_run_that_is_being_cancelled_refuses_every_proceed(mut scene: Scene) {
    let claimed = scene.running().await;
    let id = claimed.run.id;
    scene.store.cancel(id, None, Actor::UNKNOWN).await.expect("it runs");
    let before = scene.get(id).await;
    for sent in [proceed(id), with_value(id, 7), with_key(id, "event 1")] {
        assert_eq!(scene.store.proceed(sent).await, Err(ProceedError::BeingCancelled(id)));
    }
    assert_eq!(scene.get(id).await, before);
}

pub async fn who_sent_a_value_stands_in_the_history(mut scene: Scene) {
    let id = scene.suspended().await;
    let by = Actor::named("billing");
    scene.store.proceed(Proceed { by: by.clone(), ..with_value(id, 7) }).await.expect("it is suspended");
    let history = scene.get(id).await.history;
    let last = history.entries.last().expect("it has a history");
    assert_eq!((last.what, &last.by), (Transition::Proceeded, &by));
}

pub async fn a_value_wakes_whoever_watches_the_run(mut scene: Scene) {
    let claimed = scene.running().await;
    let (store, seen) = (scene.store.clone(), scene.get(claimed.run.id).await.run.revision);
    let id = claimed.run.id;
    let watcher = scene.parked(async move { store.changed(id, seen).await }).await;
    scene.store.proceed(with_value(id, 7)).await.expect("it runs");
    assert_eq!(watcher.answer().await.expect("the run is kept").run.inbox().messages.len(), 1);
}

pub async fn a_run_that_was_put_aside_goes_on_with_a_value(mut scene: Scene) {
    let id = scene.suspended().await;
    let until = Some(Due::At(scene.now().after(Duration::from_secs(60))));
    scene.store.proceed(proceed(id)).await.expect("it is suspended");
    let claimed = scene.claim_one().await;
    scene.end(&claimed, Ending::Suspended { until, deadline: None }).await;
    scene.store.proceed(with_value(id, 7)).await.expect("it is suspended");
    assert_eq!(ids(&scene.claim(1).await), [id]);
}
