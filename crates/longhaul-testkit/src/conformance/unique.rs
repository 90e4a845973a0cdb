//! Keys of which there is one run at a time.

use std::time::Duration;

use longhaul_core::{
    Actor, Constraints, Inserted, Key, NewRun, OnConflict, Priority, Retention, State, StateKind, Unique, UniqueScope,
    run::Due,
    store::{InsertError, RunUpdate},
};

use super::Scene;
use crate::fixture::{completed, interrupted, value};

const PERIOD: Duration = Duration::from_secs(60);

fn key(text: &str) -> Key {
    Key::new(text).expect("a key that can be used")
}

fn unique(new: NewRun, text: &str, scope: UniqueScope, on_conflict: OnConflict) -> NewRun {
    let unique = Some(Unique { key: key(text), scope, on_conflict });
    NewRun { constraints: Some(Constraints { unique, ..Constraints::default() }.into()), ..new }
}

impl Scene {
    async fn try_unique(&mut self, scope: UniqueScope, on_conflict: OnConflict) -> Result<Inserted, InsertError> {
        let new = unique(self.new_run(), "k", scope, on_conflict);
        self.store.insert(vec![new]).await.expect("the store works").remove(0)
    }
}

pub async fn a_second_run_of_a_key_is_refused_or_answered_with_the_first(mut scene: Scene) {
    let first = unique(scene.new_run(), "k", UniqueScope::NotFinal, OnConflict::Refuse);
    let id = scene.insert(first).await;
    let before = scene.get(id).await;
    let state = StateKind::Pending;
    let taken = Err(InsertError::Taken { key: key("k"), id, state });
    assert_eq!(scene.try_unique(UniqueScope::NotFinal, OnConflict::Refuse).await, taken);
    let existing = Ok(Inserted::Existing { id, state });
    assert_eq!(scene.try_unique(UniqueScope::NotFinal, OnConflict::Return).await, existing);
    assert_eq!(scene.get(id).await, before);
    assert_eq!(scene.claim(9).await.len(), 1);
}

pub async fn a_repeated_insert_of_a_unique_run_is_a_duplicate(mut scene: Scene) {
    let new = unique(scene.new_run(), "k", UniqueScope::NotFinal, OnConflict::Return);
    let id = scene.insert(new.clone()).await;
    assert_eq!(scene.store.insert(vec![new]).await, Ok(vec![Err(InsertError::Duplicate(id))]));
}

pub async fn a_key_is_not_lost_when_who_had_it_before_is_taken_back(mut scene: Scene) {
    let began = unique(scene.new_run(), "k", UniqueScope::Waiting, OnConflict::Return);
    let began = scene.insert(began).await;
    // Stored once more by itself, as it may be for any reason.
    scene.store.update(began, RunUpdate::Prioritise(Priority(1)), Actor::UNKNOWN).await.expect("it waits");
    assert_eq!(scene.claim_one().await.run.id, began);
    let waits = unique(scene.new_run(), "k", UniqueScope::Waiting, OnConflict::Return);
    let id = scene.insert(waits).await;
    scene.crash().await;
    let existing = Ok(Inserted::Existing { id, state: StateKind::Pending });
    assert_eq!(scene.try_unique(UniqueScope::Waiting, OnConflict::Return).await, existing);
}

pub async fn a_run_that_was_deleted_and_comes_again_has_its_key_for_a_period_of_its_own(mut scene: Scene) {
    let new = unique(scene.new_run(), "k", UniqueScope::For(PERIOD), OnConflict::Return);
    let id = scene.insert(new.clone()).await;
    scene.clock.advance(PERIOD / 2);
    scene.store.delete(id).await.expect("it is not running");
    scene.insert(new).await;
    scene.clock.advance(PERIOD / 2);
    let existing = Ok(Inserted::Existing { id, state: StateKind::Pending });
    assert_eq!(scene.try_unique(UniqueScope::Waiting, OnConflict::Return).await, existing);
}

pub async fn keys_are_apart_by_kind_and_runs_without_one_are_free(mut scene: Scene) {
    for kind in ["plain", "other"] {
        let new = unique(scene.new_run_of(kind), "k", UniqueScope::NotFinal, OnConflict::Refuse);
        scene.insert(new).await;
    }
    let other = unique(scene.new_run(), "other key", UniqueScope::NotFinal, OnConflict::Refuse);
    scene.insert(other).await;
    scene.enqueue().await;
    scene.enqueue().await;
}

pub async fn within_a_batch_the_first_run_of_a_key_is_kept(mut scene: Scene) {
    let one = |scene: &mut Scene| unique(scene.new_run(), "k", UniqueScope::NotFinal, OnConflict::Return);
    let batch = vec![one(&mut scene), one(&mut scene)];
    let id = batch[0].id;
    let existing = Inserted::Existing { id, state: StateKind::Pending };
    assert_eq!(scene.store.insert(batch).await, Ok(vec![Ok(Inserted::New), Ok(existing)]));
}

pub async fn a_key_is_free_again_when_its_scope_ends(mut scene: Scene) {
    let scopes = [UniqueScope::Waiting, UniqueScope::NotFinal, UniqueScope::For(PERIOD)];
    for (round, scope) in scopes.into_iter().enumerate() {
        let taken = async |scene: &mut Scene| scene.try_unique(scope, OnConflict::Refuse).await.is_err();
        assert_eq!(scene.try_unique(scope, OnConflict::Refuse).await, Ok(Inserted::New));
        assert!(taken(&mut scene).await, "it waits");
        let claimed = scene.claim_one().await;
        let waiting_only = round == 0;
        if waiting_only {
            assert_eq!(scene.try_unique(scope, OnConflict::Refuse).await, Ok(Inserted::New));
            let second = scene.claim_one().await;
            scene.end(&second, completed(1)).await;
            scene.end(&claimed, completed(1)).await;
            continue;
        }
        assert!(taken(&mut scene).await, "it runs");
        scene.end(&claimed, interrupted()).await;
        assert!(taken(&mut scene).await, "it waits again");
        let claimed = scene.claim_one().await;
        scene.end(&claimed, completed(1)).await;
        if let UniqueScope::For(period) = scope {
            assert!(taken(&mut scene).await, "its period has not passed");
            scene.clock.advance(period);
        }
        assert_eq!(scene.try_unique(scope, OnConflict::Refuse).await, Ok(Inserted::New));
        let claimed = scene.claim_one().await;
        scene.store.cancel(claimed.run.id, None, Actor::UNKNOWN).await.expect("it runs");
        scene.end(&claimed, interrupted()).await;
        scene.clock.advance(PERIOD);
    }
}

pub async fn a_key_is_free_again_when_its_run_is_deleted(mut scene: Scene) {
    let scope = UniqueScope::For(PERIOD);
    let first = unique(scene.new_run(), "k", scope, OnConflict::Refuse);
    let id = scene.insert(first).await;
    scene.store.delete(id).await.expect("it does not run");
    assert_eq!(scene.try_unique(scope, OnConflict::Refuse).await, Ok(Inserted::New));
    let claimed = scene.claim_one().await;
    scene.end(&claimed, completed(1)).await;
    scene.store.delete(claimed.run.id).await.expect("it is final");
    assert_eq!(scene.try_unique(scope, OnConflict::Refuse).await, Ok(Inserted::New));
}

pub async fn keys_outlive_the_process(mut scene: Scene) {
    for scope in [UniqueScope::NotFinal, UniqueScope::For(PERIOD)] {
        let text = if scope == UniqueScope::NotFinal { "live" } else { "final" };
        let first = unique(scene.new_run(), text, scope, OnConflict::Refuse);
        scene.insert(first).await;
    }
    let claimed = scene.claim(2).await;
    let last =
        claimed.iter().find(|one| one.run.constraints().unique.as_ref().is_some_and(|one| one.key == key("final")));
    scene.end(last.expect("it was claimed"), completed(1)).await;
    scene.crash().await;
    for (text, scope) in [("live", UniqueScope::NotFinal), ("final", UniqueScope::For(PERIOD))] {
        let again = unique(scene.new_run(), text, scope, OnConflict::Refuse);
        let answer = scene.store.insert(vec![again]).await.expect("the store works").remove(0);
        assert!(matches!(answer, Err(InsertError::Taken { .. })), "{text}: {answer:?}");
    }
    scene.clock.advance(PERIOD);
    let again = unique(scene.new_run(), "final", UniqueScope::For(PERIOD), OnConflict::Refuse);
    assert_eq!(scene.store.insert(vec![again]).await, Ok(vec![Ok(Inserted::New)]));
}

pub async fn a_waiting_run_takes_over_what_a_second_one_brings(mut scene: Scene) {
    let scope = UniqueScope::Waiting;
    let replace = OnConflict::Replace { reschedule: false };
    let first = NewRun { due: Some(Due::After(PERIOD)), ..unique(scene.new_run(), "k", scope, replace) };
    let due = scene.now().after(PERIOD);
    let id = scene.insert(first).await;
    scene.clock.advance(PERIOD / 2);
    let second = NewRun {
        metadata: value(77),
        execution_metadata: Some(value(78)),
        priority: Priority(5),
        ..unique(scene.new_run(), "k", scope, replace)
    };
    let second_id = second.id;
    assert_eq!(scene.store.insert(vec![second]).await, Ok(vec![Ok(Inserted::Replaced { id })]));
    let after = scene.get(id).await;
    assert_eq!((&after.metadata, &after.execution_metadata), (&value(77), &Some(value(78))));
    assert_eq!((&after.initial, after.run.priority), (&Some(value(78)), Priority(5)));
    assert_eq!(after.run.state, State::Pending { due });
    assert!(scene.store.get(second_id).await.is_err());

    // A debounce waits anew.
    let debounce = OnConflict::Replace { reschedule: true };
    let third = NewRun { due: Some(Due::After(PERIOD)), ..unique(scene.new_run(), "k", scope, debounce) };
    assert_eq!(scene.store.insert(vec![third]).await, Ok(vec![Ok(Inserted::Replaced { id })]));
    let due = scene.now().after(PERIOD);
    assert_eq!(scene.get(id).await.run.state, State::Pending { due });
    scene.clock.advance(PERIOD / 2);
    assert_eq!(scene.claim(1).await, []);
    scene.clock.advance(PERIOD / 2);
    assert_eq!(scene.claim_one().await.run.id, id);
}

pub async fn what_was_asked_of_a_run_that_has_begun_is_not_replaced(mut scene: Scene) {
    let replace = OnConflict::Replace { reschedule: true };
    let first = unique(scene.new_run(), "k", UniqueScope::NotFinal, replace);
    let id = scene.insert(first).await;
    let claimed = scene.claim_one().await;
    for state in [StateKind::Running, StateKind::Pending] {
        let before = scene.get(id).await;
        let taken = Err(InsertError::Taken { key: key("k"), id, state });
        assert_eq!(scene.try_unique(UniqueScope::NotFinal, replace).await, taken);
        assert_eq!(scene.get(id).await, before);
        if state == StateKind::Running {
            scene.end(&claimed, interrupted()).await;
        }
    }
}

pub async fn of_many_that_come_at_once_with_one_key_one_is_kept(mut scene: Scene) {
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let new = unique(scene.new_run(), "k", UniqueScope::NotFinal, OnConflict::Return);
        let store = scene.store.clone();
        calls.spawn(async move { store.insert(vec![new]).await.expect("the store works").remove(0) });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == Ok(Inserted::New)).count(), 1);
    assert_eq!(scene.claim(99).await.len(), 1);
}

pub async fn a_run_that_is_suspended_before_it_began_keeps_its_key(mut scene: Scene) {
    for scope in [UniqueScope::Waiting, UniqueScope::NotFinal] {
        let first = unique(scene.new_run(), "k", scope, OnConflict::Return);
        let id = scene.insert(first).await;
        scene.store.update(id, RunUpdate::Suspend { reason: None }, Actor::UNKNOWN).await.expect("it waits");
        let existing = Ok(Inserted::Existing { id, state: StateKind::Suspended });
        assert_eq!(scene.try_unique(scope, OnConflict::Return).await, existing);
        scene.crash().await;
        assert_eq!(scene.try_unique(scope, OnConflict::Return).await, existing);
        scene.store.proceed(super::scene::proceed(id)).await.expect("it is suspended");
        let existing = Ok(Inserted::Existing { id, state: StateKind::Pending });
        assert_eq!(scene.try_unique(scope, OnConflict::Return).await, existing);
        let claimed = scene.claim_one().await;
        scene.end(&claimed, completed(1)).await;
    }
}

pub async fn what_was_asked_of_a_suspended_run_that_has_not_begun_is_replaced_and_it_stays_suspended(mut scene: Scene) {
    for reschedule in [false, true] {
        let replace = OnConflict::Replace { reschedule };
        let first = unique(scene.new_run(), "k", UniqueScope::NotFinal, replace);
        let id = scene.insert(first).await;
        scene.store.update(id, RunUpdate::Suspend { reason: None }, Actor::UNKNOWN).await.expect("it waits");
        let state = scene.get(id).await.run.state;
        let second = NewRun { metadata: value(77), ..unique(scene.new_run(), "k", UniqueScope::NotFinal, replace) };
        assert_eq!(scene.store.insert(vec![second]).await, Ok(vec![Ok(Inserted::Replaced { id })]));
        let after = scene.get(id).await;
        assert_eq!((after.run.state, after.metadata), (state, value(77)));
        assert_eq!(scene.claim(1).await, []);
        scene.store.delete(id).await.expect("it does not run");
    }
}

pub async fn a_key_that_is_taken_for_a_period_outlives_its_run(mut scene: Scene) {
    let scope = UniqueScope::For(PERIOD);
    let first = unique(scene.new_run(), "k", scope, OnConflict::Return);
    let id = scene.insert(first).await;
    let claimed = scene.claim_one().await;
    scene.end(&claimed, completed(1)).await;
    scene.clock.advance(PERIOD / 2);
    let swept = scene.store.sweep(Retention::all(Duration::ZERO).into(), 9).await.expect("the store works");
    assert_eq!(swept.removed, 1);
    let replace = OnConflict::Replace { reschedule: false };
    let state = StateKind::Completed;
    for crashed in [false, true] {
        if crashed {
            scene.crash().await;
        }
        assert_eq!(scene.try_unique(scope, OnConflict::Return).await, Ok(Inserted::Existing { id, state }));
        for on_conflict in [OnConflict::Refuse, replace] {
            let taken = Err(InsertError::Taken { key: key("k"), id, state });
            assert_eq!(scene.try_unique(UniqueScope::NotFinal, on_conflict).await, taken);
        }
    }
    scene.clock.advance((PERIOD / 2).saturating_sub(Duration::from_micros(1)));
    assert_eq!(scene.try_unique(scope, OnConflict::Return).await, Ok(Inserted::Existing { id, state }));
    scene.clock.advance(Duration::from_micros(1));
    assert_eq!(scene.try_unique(scope, OnConflict::Return).await, Ok(Inserted::New));
}

pub async fn the_run_that_has_a_key_is_found_by_it(mut scene: Scene) {
    let kind = scene.new_run().kind;
    let found = async |scene: &Scene, text: &str| {
        scene.store.find_by_key(kind.clone(), key(text)).await.expect("the store works")
    };
    assert_eq!(found(&scene, "k").await, None);
    let new = unique(scene.new_run(), "k", UniqueScope::NotFinal, OnConflict::Refuse);
    let first = scene.insert(new).await;
    scene.crash().await;
    assert_eq!(found(&scene, "k").await, Some(first));
    assert_eq!(found(&scene, "another").await, None);
    let other = scene.new_run_of("other").kind;
    assert_eq!(scene.store.find_by_key(other, key("k")).await, Ok(None));

    // Running as well; but not once its key is free.
    let claimed = scene.claim_one().await;
    assert_eq!(found(&scene, "k").await, Some(first));
    scene.end(&claimed, completed(1)).await;
    assert_eq!(found(&scene, "k").await, None);

    let new = unique(scene.new_run(), "k", UniqueScope::For(PERIOD), OnConflict::Refuse);
    let second = scene.insert(new).await;
    let claimed = scene.claim_one().await;
    scene.end(&claimed, completed(1)).await;
    assert_eq!(found(&scene, "k").await, Some(second), "it keeps others out, though it is final");
    scene.clock.advance(PERIOD);
    assert_eq!(found(&scene, "k").await, None);
}
