//! Claims that wait for work.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use longhaul_core::{
    Actor, Ending, LastEnd, StateKind,
    run::Due,
    store::{ClaimRequest, Proceed, RunUpdate, Settled},
};

use super::{
    Scene,
    scene::{proceed, settlement},
};
use crate::fixture::{MARK, RETRY_WAIT, incompatible, interrupted, support};

pub async fn an_insert_serves_a_waiting_claim(mut scene: Scene) {
    let waiting = scene.parked_claim().await;
    let id = scene.enqueue().await;
    assert_eq!(waiting.claimed_id().await, id);
}

pub async fn a_waiting_claim_is_served_at_once_when_there_is_work(mut scene: Scene) {
    let id = scene.enqueue().await;
    let request = ClaimRequest { wait: true, ..scene.request(5) };
    let claimed = scene.store.claim(request).await.expect("the store works");
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].run.id, id);
}

pub async fn the_coming_of_its_time_serves_a_waiting_claim(mut scene: Scene) {
    let mut new = scene.new_run();
    new.due = Some(Due::After(Duration::from_secs(60)));
    let id = scene.insert(new).await;
    let waiting = scene.parked_claim().await;
    scene.clock.advance(Duration::from_secs(59));
    scene.still_waits(&waiting).await;
    scene.clock.advance(Duration::from_secs(1));
    assert_eq!(waiting.claimed_id().await, id);
}

pub async fn a_retry_serves_a_waiting_claim_when_it_is_due(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.fail(&claimed, "no route").await;
    let waiting = scene.parked_claim().await;
    scene.clock.advance(RETRY_WAIT);
    assert_eq!(waiting.claimed_id().await, claimed.run.id);
}

pub async fn a_suspension_until_a_time_serves_a_waiting_claim_when_it_comes(mut scene: Scene) {
    let claimed = scene.running().await;
    let until = Some(Due::After(Duration::from_secs(5)));
    scene.end(&claimed, Ending::Suspended { until, deadline: None }).await;
    let waiting = scene.parked_claim().await;
    scene.clock.advance(Duration::from_secs(5));
    assert_eq!(waiting.claimed_id().await, claimed.run.id);
}

pub async fn a_proceed_serves_a_waiting_claim(mut scene: Scene) {
    let id = scene.suspended().await;
    let waiting = scene.parked_claim().await;
    scene.store.proceed(proceed(id)).await.expect("it is suspended");
    assert_eq!(waiting.claimed_id().await, id);
}

pub async fn a_proceed_at_a_time_serves_a_waiting_claim_when_it_comes(mut scene: Scene) {
    let id = scene.suspended().await;
    let waiting = scene.parked_claim().await;
    let at = Some(scene.now().after(Duration::from_secs(5)));
    scene.store.proceed(Proceed { at, ..proceed(id) }).await.expect("it is suspended");
    scene.still_waits(&waiting).await;
    scene.clock.advance(Duration::from_secs(5));
    assert_eq!(waiting.claimed_id().await, id);
}

pub async fn an_interrupted_run_serves_a_waiting_claim(mut scene: Scene) {
    let claimed = scene.running().await;
    let waiting = scene.parked_claim().await;
    // Not `end`, which looks at the run: the claim may have it before the look.
    let settled = scene.settle(settlement(&claimed, interrupted())).await;
    assert_eq!(settled, Ok(Settled::Now(StateKind::Pending)));
    assert_eq!(waiting.claimed_id().await, claimed.run.id);
}

pub async fn a_hastened_run_serves_a_waiting_claim(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.fail(&claimed, "no route").await;
    let waiting = scene.parked_claim().await;
    scene.store.update(claimed.run.id, RunUpdate::RunNow, Actor::UNKNOWN).await.expect("it waits for its retry");
    assert_eq!(waiting.claimed_id().await, claimed.run.id);
}

pub async fn a_released_run_serves_a_waiting_claim(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.end(&claimed, incompatible(MARK)).await;
    let waiting = scene.parked_claim().await;
    assert_eq!(scene.store.release_incompatible(vec![claimed.run.id]).await, Ok(1));
    assert_eq!(waiting.claimed_id().await, claimed.run.id);
}

pub async fn two_waiting_claims_get_a_run_each(mut scene: Scene) {
    let (one, two) = (scene.parked_claim().await, scene.parked_claim().await);
    let batch = vec![scene.new_run(), scene.new_run()];
    let mut expected: Vec<_> = batch.iter().map(|new| new.id).collect();
    scene.store.insert(batch).await.expect("the store works");
    let mut got = vec![one.claimed_id().await, two.claimed_id().await];
    got.sort_unstable();
    expected.sort_unstable();
    assert_eq!(got, expected);
}

pub async fn work_of_another_kind_leaves_a_claim_waiting(mut scene: Scene) {
    let request = ClaimRequest { wait: true, ..scene.request_of(vec![support("other", 1)], 1) };
    let store = Arc::clone(&scene.store);
    let waiting = scene.parked(async move { store.claim(request).await.expect("the store works") }).await;
    scene.enqueue().await;
    scene.still_waits(&waiting).await;
    let other = scene.new_run_of("other");
    let other = scene.insert(other).await;
    assert_eq!(waiting.claimed_id().await, other);
}

pub async fn a_waiting_claim_that_was_dropped_takes_nothing(mut scene: Scene) {
    let waiting = scene.parked_claim().await;
    waiting.drop_call().await;
    let id = scene.enqueue().await;
    let request = ClaimRequest { wait: true, ..scene.request(1) };
    let claimed = scene.store.claim(request).await.expect("the store works");
    assert_eq!(claimed[0].run.id, id);
}

/// The claim may have been made by the time that its future is dropped: then the store gives it back.
pub async fn a_claim_that_was_dropped_before_its_answer_was_taken_is_given_back(mut scene: Scene) {
    let store = Arc::clone(&scene.store);
    let id = {
        let mut waiting = pin!(store.claim(ClaimRequest { wait: true, ..scene.request(1) }));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        scene.enqueue().await
    };
    let request = ClaimRequest { wait: true, ..scene.request(1) };
    let claimed = scene.store.claim(request).await.expect("the store works");
    assert_eq!(claimed[0].run.id, id);
    assert_eq!(claimed[0].run.counts.restarts_without_progress, 0);
    assert_eq!(claimed[0].run.suspicion, 0);
}

/// A server that shuts down drops its claim and takes leave: what the claim had taken on its way is no crash.
pub async fn a_claim_that_was_dropped_right_before_its_server_left_is_no_crash(mut scene: Scene) {
    for round in 0..200 {
        let store = Arc::clone(&scene.store);
        let server = scene.new_server(Duration::from_secs(60)).await;
        let new = scene.new_run();
        let id = new.id;
        let mut inserting = pin!(store.insert(vec![new]));
        let is_inserting = {
            let request = ClaimRequest { server, wait: true, ..scene.request(1) };
            let mut waiting = pin!(store.claim(request));
            let mut context = Context::from_waker(Waker::noop());
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            let is_inserting = inserting.as_mut().poll(&mut context).is_pending();
            // Dropped at another moment each time: before the store looks at it, while it does, and after.
            (0..round * 100).for_each(|_| std::hint::spin_loop());
            is_inserting
        };
        // A store may keep it after what is said later, as long as nobody waited for it.
        if is_inserting {
            inserting.await.expect("the store works")[0].as_ref().expect("it is new");
        }
        store.leave(server).await.expect("the store works");
        let run = scene.get(id).await.run;
        assert_eq!((run.state.kind(), run.last_end, run.suspicion), (StateKind::Pending, LastEnd::Never, 0));
        store.delete(id).await.expect("it does not run");
    }
}
