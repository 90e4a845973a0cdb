//! Letting suspended runs go on.

use std::time::Duration;

use longhaul_core::{
    Actor, Ending, PendingProceed, State, StateKind, Waiting,
    run::Due,
    store::{Proceed, ProceedError, Proceeded, Replacement, RunUpdate},
};

use super::{
    Scene,
    scene::{ids, proceed},
};
use crate::fixture::{completed, interrupted, support, suspended, value, versioned};

pub async fn a_suspended_run_goes_on_where_it_was(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.checkpoint(&claimed, 1, 10).await.expect("the attempt holds the run");
    scene.end(&claimed, suspended()).await;
    assert_eq!(scene.store.proceed(proceed(claimed.run.id)).await, Ok(Proceeded::Now));
    let again = scene.claim_one().await;
    assert_eq!((again.run.id, again.execution_metadata), (claimed.run.id, Some(value(10))));
}

pub async fn a_proceed_at_a_time_waits_for_it(mut scene: Scene) {
    let id = scene.suspended().await;
    let at = scene.now().after(Duration::from_secs(5));
    assert_eq!(scene.store.proceed(Proceed { at: Some(at), ..proceed(id) }).await, Ok(Proceeded::Now));
    assert_eq!(scene.get(id).await.run.state, State::Pending { due: at });
    assert_eq!(scene.claim(1).await, []);
    scene.clock.advance(Duration::from_secs(5));
    assert_eq!(ids(&scene.claim(1).await), [id]);
}

pub async fn a_proceed_comes_before_the_time_that_a_run_waits_for(mut scene: Scene) {
    let claimed = scene.running().await;
    let until = scene.now().after(Duration::from_secs(60));
    let after = scene.end(&claimed, Ending::Suspended { until: Some(Due::At(until)), deadline: None }).await;
    assert_eq!(after.run.state, State::Suspended { waiting: Waiting::Until(until) });
    scene.store.proceed(proceed(claimed.run.id)).await.expect("it is suspended");
    assert_eq!(ids(&scene.claim(1).await), [claimed.run.id]);
}

pub async fn a_proceed_of_a_running_run_is_kept_until_it_suspends(mut scene: Scene) {
    let claimed = scene.running().await;
    assert_eq!(scene.store.proceed(proceed(claimed.run.id)).await, Ok(Proceeded::Kept));
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Running);
    assert_eq!(scene.get(claimed.run.id).await.run.pending_proceed, Some(PendingProceed::AtOnce));
    scene.end(&claimed, suspended()).await;

    let again = scene.claim_one().await;
    assert_eq!(again.run.id, claimed.run.id);
    scene.end(&again, suspended()).await;
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Suspended, "it is good for one time");
}

pub async fn a_proceed_that_is_kept_for_a_time_lets_the_run_go_on_then(mut scene: Scene) {
    let claimed = scene.running().await;
    let at = scene.now().after(Duration::from_secs(5));
    for at in [at.after(Duration::from_secs(1)), at] {
        let kept = scene.store.proceed(Proceed { at: Some(at), ..proceed(claimed.run.id) }).await;
        assert_eq!(kept, Ok(Proceeded::Kept));
    }
    scene.crash().await;
    let again = scene.claim_one().await;
    let after = scene.end(&again, suspended()).await;
    assert_eq!(after.run.state, State::Pending { due: at }, "of two, the earlier one counts");
    scene.clock.advance(Duration::from_secs(5));
    assert_eq!(ids(&scene.claim(1).await), [claimed.run.id]);
}

pub async fn a_proceed_for_later_of_a_run_that_is_being_suspended_is_refused(mut scene: Scene) {
    let claimed = scene.running().await;
    let suspend = RunUpdate::Suspend { reason: None };
    scene.store.update(claimed.run.id, suspend, Actor::UNKNOWN).await.expect("it runs");
    let before = scene.get(claimed.run.id).await;
    let at = Some(scene.now().after(Duration::from_secs(5)));
    let refused = scene.store.proceed(Proceed { at, ..proceed(claimed.run.id) }).await;
    assert_eq!(refused, Err(ProceedError::NotSuspended { id: claimed.run.id, state: StateKind::Running }));
    assert_eq!(scene.get(claimed.run.id).await, before);
}

pub async fn a_proceed_that_is_kept_outlives_interruption_and_crash(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.store.proceed(proceed(claimed.run.id)).await.expect("it runs");
    scene.end(&claimed, interrupted()).await;
    scene.claim_one().await;
    scene.crash().await;
    let again = scene.claim_one().await;
    let after = scene.end(&again, suspended()).await;
    assert_eq!(after.run.state, State::Pending { due: scene.now() });
}

pub async fn a_proceed_can_bring_other_execution_metadata(mut scene: Scene) {
    let id = scene.suspended().await;
    let revision = scene.get(id).await.run.revision;
    let replacement = Some(Replacement { execution_metadata: value(99), revision });
    assert_eq!(scene.store.proceed(Proceed { replacement, ..proceed(id) }).await, Ok(Proceeded::Now));
    assert_eq!(scene.claim_one().await.execution_metadata, Some(value(99)));
}

pub async fn other_execution_metadata_of_a_newer_version_leaves_the_run_to_newer_code(mut scene: Scene) {
    let id = scene.suspended().await;
    let revision = scene.get(id).await.run.revision;
    let replacement = Some(Replacement { execution_metadata: versioned(99, 2), revision });
    scene.store.proceed(Proceed { replacement, ..proceed(id) }).await.expect("it is suspended");
    assert_eq!(scene.claim(1).await, []);
    let request = scene.request_of(vec![support("plain", 2)], 1);
    assert_eq!(ids(&scene.store.claim(request).await.expect("the store works")), [id]);
}

pub async fn other_execution_metadata_made_on_an_older_revision_is_a_conflict(mut scene: Scene) {
    let id = scene.suspended().await;
    let read = scene.get(id).await.run.revision;
    scene.store.proceed(proceed(id)).await.expect("it is suspended");
    let again = scene.claim_one().await;
    scene.checkpoint(&again, 1, 10).await.expect("the attempt holds the run");
    let before = scene.end(&again, suspended()).await;

    let replacement = Some(Replacement { execution_metadata: value(99), revision: read });
    let late = scene.store.proceed(Proceed { replacement, ..proceed(id) }).await;
    assert_eq!(late, Err(ProceedError::Conflict(id)));
    assert_eq!(scene.get(id).await, before);
}

pub async fn other_execution_metadata_for_a_running_run_is_refused(mut scene: Scene) {
    let claimed = scene.running().await;
    let before = scene.get(claimed.run.id).await;
    let replacement = Some(Replacement { execution_metadata: value(99), revision: before.run.revision });
    let refused = scene.store.proceed(Proceed { replacement, ..proceed(claimed.run.id) }).await;
    assert_eq!(refused, Err(ProceedError::NotSuspended { id: claimed.run.id, state: StateKind::Running }));
    assert_eq!(scene.get(claimed.run.id).await, before);
}

pub async fn a_run_that_is_not_suspended_is_refused_with_its_state(mut scene: Scene) {
    let id = scene.enqueue().await;
    let refused = |state| Err(ProceedError::NotSuspended { id, state });
    assert_eq!(scene.store.proceed(proceed(id)).await, refused(StateKind::Pending));
    let claimed = scene.claim_one().await;
    let retrying = scene.fail(&claimed, "no route").await;
    assert_eq!(scene.store.proceed(proceed(id)).await, refused(StateKind::Retrying));
    assert_eq!(scene.get(id).await, retrying);
    scene.store.update(id, RunUpdate::RunNow, Actor::UNKNOWN).await.expect("it waits for its retry");
    let claimed = scene.claim_one().await;
    let done = scene.end(&claimed, completed(1)).await;
    assert_eq!(scene.store.proceed(proceed(id)).await, refused(StateKind::Completed));
    assert_eq!(scene.get(id).await, done);

    let missing = scene.new_run().id;
    assert_eq!(scene.store.proceed(proceed(missing)).await, Err(ProceedError::NotFound(missing)));
}
