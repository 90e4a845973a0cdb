//! Final runs that are tried again by hand, as new ones.

use std::time::Duration;

use longhaul_core::{
    Actor, Constraints, Ended, Inserted, Key, NewRun, OnConflict, Priority, Retention, RunId, State, StateKind,
    Transition, Unique, UniqueScope,
    store::{Filter, GetError, InsertError, Retried, Retry, RetryError, RetryFrom},
};

use super::{Scene, scene::proceed};
use crate::fixture::{completed, interrupted, large_value, suspended, value};

const PERIOD: Duration = Duration::from_secs(60);

fn unique(new: NewRun, scope: UniqueScope, on_conflict: OnConflict) -> NewRun {
    let unique = Some(Unique { key: Key::new("k").expect("a key that can be used"), scope, on_conflict });
    NewRun { constraints: Some(Constraints { unique, ..Constraints::default() }.into()), ..new }
}

impl Scene {
    fn retry_of(&mut self, id: RunId) -> Retry {
        let successor = self.new_run().id;
        Retry { id, successor, from: RetryFrom::Checkpoint, by: Actor::named("ann") }
    }

    /// Retries a run that was not retried before.
    async fn retried(&mut self, id: RunId) -> RunId {
        let retry = self.retry_of(id);
        assert_eq!(self.store.retry(retry.clone()).await, Ok(Retried::New));
        retry.successor
    }

    /// A new run of the key that was called off.
    async fn cancelled_with_key(&mut self, scope: UniqueScope, on_conflict: OnConflict) -> RunId {
        let new = unique(self.new_run(), scope, on_conflict);
        let id = self.insert(new).await;
        self.store.cancel(id, None, Actor::UNKNOWN).await.expect("it waits");
        id
    }

    async fn insert_with_key(&mut self, scope: UniqueScope) -> Result<Inserted, InsertError> {
        let new = unique(self.new_run(), scope, OnConflict::Return);
        self.store.insert(vec![new]).await.expect("the store works").remove(0)
    }
}

pub async fn a_final_run_is_retried_as_a_new_one_and_both_name_each_other(mut scene: Scene) {
    let claimed = scene.running().await;
    let ended = scene.end(&claimed, completed(7)).await;
    scene.clock.advance(PERIOD);
    let id = scene.retried(claimed.run.id).await;
    let (before, after) = (scene.get(claimed.run.id).await, scene.get(id).await);
    assert_eq!(
        (&before.run.state, &before.ended, before.run.since),
        (&State::Completed, &ended.ended, ended.run.since)
    );
    assert!(matches!(before.ended, Some(Ended::Completed(_))) && before.run.revision > ended.run.revision);
    assert_eq!((before.run.lineage.successor, before.run.lineage.retried), (Some(id), Some(scene.now())));
    assert_eq!(after.run.lineage.predecessor, Some(claimed.run.id));
    assert_eq!((&after.run.state, after.run.created), (&State::Pending { due: scene.now() }, scene.now()));
    assert_eq!((after.run.epoch.0, after.run.counts.failures, &after.ended), (0, 0, &None));
    assert_eq!((&after.metadata, &after.run.policy), (&before.metadata, &before.run.policy));
    let told = before.history.entries.last().expect("it has a history").clone();
    assert_eq!(
        (told.what, told.by, told.why),
        (Transition::Retried, Actor::named("ann"), Some(format!("as {id}").into()))
    );
    let told = after.history.entries[0].clone();
    let why = format!("as a retry of {}", claimed.run.id).into();
    assert_eq!((told.what, told.by, told.why), (Transition::Enqueued, Actor::named("ann"), Some(why)));
    assert_eq!(scene.claim_one().await.run.id, id);
}

pub async fn a_run_that_is_not_final_is_not_retried_as_another(mut scene: Scene) {
    let suspended = scene.suspended().await;
    let running = scene.running().await.run.id;
    for (id, state) in [(suspended, StateKind::Suspended), (running, StateKind::Running)] {
        let (retry, before) = (scene.retry_of(id), scene.get(id).await);
        assert_eq!(scene.store.retry(retry.clone()).await, Err(RetryError::NotFinal { id, state }));
        assert_eq!(scene.get(id).await, before);
        assert_eq!(scene.store.get(retry.successor).await, Err(GetError::NotFound(retry.successor)));
    }
    let nobody = RunId::from_bytes([255; 16]);
    let retry = scene.retry_of(nobody);
    assert_eq!(scene.store.retry(retry).await, Err(RetryError::NotFound(nobody)));
    // What runs is where it was.
    scene.store.cancel(running, None, Actor::UNKNOWN).await.expect("it runs");
}

pub async fn a_run_has_one_successor_however_often_it_is_retried(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.fail(&claimed, "no route").await;
    scene.store.cancel(claimed.run.id, None, Actor::UNKNOWN).await.expect("it waits");
    let first = scene.retry_of(claimed.run.id);
    assert_eq!(scene.store.retry(first.clone()).await, Ok(Retried::New));
    let before = (scene.get(claimed.run.id).await, scene.get(first.successor).await);
    let other = scene.retry_of(claimed.run.id);
    for again in [first.clone(), other] {
        assert_eq!(scene.store.retry(again).await, Ok(Retried::Existing(first.successor)));
    }
    assert_eq!((scene.get(claimed.run.id).await, scene.get(first.successor).await), before);
    assert_eq!(scene.store.count(Filter::default()).await, Ok(2));
    // The id of a run that is no retry of it.
    scene.store.cancel(first.successor, None, Actor::UNKNOWN).await.expect("it waits");
    let taken = Retry { successor: claimed.run.id, ..scene.retry_of(first.successor) };
    assert_eq!(scene.store.retry(taken).await, Err(RetryError::Duplicate(claimed.run.id)));
}

pub async fn of_many_retries_that_come_at_once_one_is_kept(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.end(&claimed, completed(1)).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (store, retry) = (scene.store.clone(), scene.retry_of(claimed.run.id));
        calls.spawn(async move { store.retry(retry).await.expect("the store works") });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == Retried::New).count(), 1);
    assert_eq!(scene.claim(99).await.len(), 1);
}

pub async fn a_retry_begins_at_the_checkpoint_or_at_the_start(mut scene: Scene) {
    for (from, expected) in [(RetryFrom::Checkpoint, value(9)), (RetryFrom::TheStart, value(1))] {
        let new = NewRun { execution_metadata: Some(value(1)), ..scene.new_run() };
        scene.insert(new).await;
        let claimed = scene.claim_one().await;
        scene.checkpoint(&claimed, 1, 9).await.expect("it holds the run");
        scene.end(&claimed, completed(1)).await;
        let retry = Retry { from, ..scene.retry_of(claimed.run.id) };
        assert_eq!(scene.store.retry(retry.clone()).await, Ok(Retried::New));
        let after = scene.get(retry.successor).await;
        assert_eq!((&after.execution_metadata, &after.initial), (&Some(expected.clone()), &Some(expected.clone())));
        assert_eq!(scene.claim_one().await.execution_metadata, Some(expected));
    }
}

pub async fn a_retry_has_the_unique_key_of_the_run_before(mut scene: Scene) {
    let before = scene.cancelled_with_key(UniqueScope::NotFinal, OnConflict::Return).await;
    let id = scene.retried(before).await;
    let existing = Ok(Inserted::Existing { id, state: StateKind::Pending });
    assert_eq!(scene.insert_with_key(UniqueScope::NotFinal).await, existing);
    scene.crash().await;
    assert_eq!(scene.insert_with_key(UniqueScope::NotFinal).await, existing);
    scene.store.cancel(id, None, Actor::UNKNOWN).await.expect("it waits");
    assert_eq!(scene.insert_with_key(UniqueScope::NotFinal).await, Ok(Inserted::New));
}

pub async fn a_retry_whose_key_is_taken_is_refused_and_changes_nothing(mut scene: Scene) {
    let replace = OnConflict::Replace { reschedule: true };
    for on_conflict in [OnConflict::Return, replace, OnConflict::Refuse] {
        let before = scene.cancelled_with_key(UniqueScope::NotFinal, on_conflict).await;
        let owner = unique(scene.new_run(), UniqueScope::NotFinal, on_conflict);
        let owner = scene.insert(owner).await;
        let (retry, found) = (scene.retry_of(before), (scene.get(before).await, scene.get(owner).await));
        let key = Key::new("k").expect("a key that can be used");
        let taken = RetryError::Taken { key, id: owner, state: StateKind::Pending };
        assert_eq!(scene.store.retry(retry.clone()).await, Err(taken));
        assert_eq!((scene.get(before).await, scene.get(owner).await), found);
        assert_eq!(scene.store.get(retry.successor).await, Err(GetError::NotFound(retry.successor)));
        scene.store.cancel(owner, None, Actor::UNKNOWN).await.expect("it waits");
        assert_eq!(scene.store.retry(retry.clone()).await, Ok(Retried::New), "the key is free");
        scene.store.cancel(retry.successor, None, Actor::UNKNOWN).await.expect("it waits");
    }
}

pub async fn a_key_that_is_taken_for_a_period_goes_on_to_the_retry_for_what_is_left_of_it(mut scene: Scene) {
    let scope = UniqueScope::For(PERIOD);
    let before = scene.cancelled_with_key(scope, OnConflict::Return).await;
    scene.clock.advance(PERIOD / 2);
    let id = scene.retried(before).await;
    // Neither the removal of the run before nor its end frees it.
    scene.store.delete(before).await.expect("it is final");
    let claimed = scene.claim_one().await;
    scene.end(&claimed, completed(1)).await;
    scene.crash().await;
    scene.clock.advance((PERIOD / 2).saturating_sub(Duration::from_micros(1)));
    let existing = Ok(Inserted::Existing { id, state: StateKind::Completed });
    assert_eq!(scene.insert_with_key(scope).await, existing);
    scene.clock.advance(Duration::from_micros(1));
    assert_eq!(scene.insert_with_key(scope).await, Ok(Inserted::New));
}

pub async fn the_link_outlives_the_process_and_the_run_that_it_names(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.end(&claimed, completed(1)).await;
    let id = scene.retried(claimed.run.id).await;
    let before = (scene.get(claimed.run.id).await, scene.get(id).await);
    scene.crash().await;
    assert_eq!((scene.get(claimed.run.id).await, scene.get(id).await), before);
    scene.store.delete(id).await.expect("it waits");
    let again = scene.retry_of(claimed.run.id);
    assert_eq!(scene.store.retry(again).await, Ok(Retried::Existing(id)));
    let swept = scene.store.sweep(Retention::all(Duration::ZERO).into(), 9).await.expect("the store works");
    assert_eq!((swept.removed, swept.next), (1, None));
}

pub async fn runs_that_were_retried_can_be_left_out(mut scene: Scene) {
    let mut ended = Vec::new();
    for _ in 0..3 {
        let claimed = scene.running().await;
        ended.push(scene.end(&claimed, completed(1)).await.run.id);
    }
    scene.retried(ended[1]).await;
    let filter = Filter { states: vec![StateKind::Completed], not_retried: true, ..Filter::default() };
    assert_eq!(scene.store.count(filter.clone()).await, Ok(2));
    let request = longhaul_core::store::PageRequest {
        filter,
        after: None,
        limit: 9,
        ..longhaul_core::store::PageRequest::default()
    };
    let page = scene.store.list(request).await.expect("the store works");
    assert_eq!(page.runs.iter().map(|snapshot| snapshot.run.id).collect::<Vec<_>>(), [ended[0], ended[2]]);
    let all = Filter { not_retried: true, ..Filter::default() };
    assert_eq!(scene.store.count(all).await, Ok(3), "live runs were not retried");
}

pub async fn large_values_go_on_to_the_retry(mut scene: Scene) {
    let new = NewRun {
        metadata: large_value(900_000),
        execution_metadata: Some(large_value(700_000)),
        priority: Priority(3),
        ..scene.new_run()
    };
    let id = scene.insert(new.clone()).await;
    let claimed = scene.claim_one().await;
    scene.end(&claimed, suspended()).await;
    // A long history, which does not stand in the run's record any more.
    for round in 0..40 {
        scene.store.proceed(proceed(id)).await.expect("it is suspended");
        let claimed = scene.claim_one().await;
        scene.end(&claimed, if round == 39 { completed(1) } else { suspended() }).await;
    }
    let successor = scene.retried(id).await;
    scene.crash().await;
    let (before, after) = (scene.get(id).await, scene.get(successor).await);
    assert_eq!(before.history.entries.last().expect("it has a history").what, Transition::Retried);
    assert_eq!((&before.metadata, &before.execution_metadata), (&new.metadata, &new.execution_metadata));
    assert_eq!((&after.metadata, &after.execution_metadata), (&new.metadata, &new.execution_metadata));
    assert_eq!(after.run.priority, Priority(3));
    let claimed = scene.claim_one().await;
    scene.end(&claimed, interrupted()).await;
    scene.store.delete(id).await.expect("it is final");
    assert_eq!(scene.get(successor).await.metadata, new.metadata);
}
