//! Runs that go one after the other.

use std::time::Duration;

use longhaul_core::{
    Actor, AfterFailure, Constraints, Ending, Explanation, Inserted, Key, NewRun, OnConflict, Ordered, Priority, Queue,
    Retention, RunId, StateKind, StoreError, Timestamp, Unique, UniqueScope,
    order::TurnHolder,
    run::Due,
    store::{Claimed, Filter, InsertError, Retried, Retry, RetryFrom, RunUpdate, Swept, UpdateError},
};

use super::{
    Scene,
    copy::{all, copy},
    scene::{beat, ids, proceed},
};
use crate::{
    MemoryStore,
    fixture::{MARK, completed, failed, incompatible, support, suspended},
};

const HOUR: Duration = Duration::from_secs(60 * 60);

pub(super) fn ordered(new: NewRun, key: &str, after_failure: AfterFailure) -> NewRun {
    let before = new.constraints.as_deref().cloned().unwrap_or_default();
    let ordered = Some(Ordered { key: Key::new(key).expect("a key that can be used"), after_failure });
    NewRun { constraints: Some(Constraints { ordered, ..before }.into()), ..new }
}

fn expiring(new: NewRun, expires: Duration) -> NewRun {
    NewRun {
        constraints: Some(Constraints { expires: Some(Due::After(expires)), ..Constraints::default() }.into()),
        ..new
    }
}

impl Scene {
    fn new_in(&mut self, key: &str) -> NewRun {
        let new = self.new_run();
        ordered(new, key, AfterFailure::Stop)
    }

    /// New runs of one key, in their order.
    async fn enqueue_ordered<const N: usize>(&mut self, key: &str) -> [RunId; N] {
        let mut made = Vec::new();
        for _ in 0..N {
            let new = self.new_in(key);
            made.push(self.insert(new).await);
        }
        made.try_into().expect("as many as were asked for")
    }

    /// The one run that is due, and no other is.
    async fn only(&self, id: RunId) -> Claimed {
        let mut claimed = self.claim(10).await;
        assert_eq!(ids(&claimed), [id]);
        claimed.remove(0)
    }

    async fn fails_for_good(&self, claimed: &Claimed) {
        let Ending::Failed { failure, .. } = failed("no route", claimed.run.attempt(), self.now()) else {
            unreachable!("it is a failure")
        };
        let ended = self.end(claimed, Ending::Failed { failure, retry_after: None, permanent: true }).await;
        assert_eq!(ended.run.state.kind(), StateKind::Failed);
    }

    /// A run that failed for good, and stopped its key.
    async fn stopped(&mut self, key: &str) -> RunId {
        let [head] = self.enqueue_ordered(key).await;
        let claimed = self.only(head).await;
        self.fails_for_good(&claimed).await;
        head
    }

    async fn retried_by_hand(&mut self, id: RunId) -> RunId {
        let successor = self.new_run().id;
        let retry = Retry { id, successor, from: RetryFrom::TheStart, by: Actor::UNKNOWN };
        assert_eq!(self.store.retry(retry).await, Ok(Retried::New));
        successor
    }

    async fn dismiss(&self, id: RunId) -> Result<StateKind, UpdateError> {
        self.store.update(id, RunUpdate::Dismiss, Actor::UNKNOWN).await
    }
}

pub async fn runs_of_a_key_go_one_after_the_other_as_they_were_enqueued(mut scene: Scene) {
    // Whatever their ids, priorities, kinds, queues and times: one call, and calls after it.
    let (low, high) = (scene.new_run(), scene.new_run());
    let first = ordered(NewRun { priority: Priority(-9), ..high }, "a", AfterFailure::Stop);
    let second = ordered(NewRun { priority: Priority(9), ..low }, "a", AfterFailure::Skip);
    let third = scene.new_run_of("other");
    let third = NewRun { queue: Queue::new("other").expect("a queue"), priority: Priority(3), ..third };
    let third = ordered(third, "a", AfterFailure::Stop);
    let order = [first.id, second.id, third.id];
    let both = scene.store.insert(vec![first, second]).await;
    assert_eq!(both, Ok(vec![Ok(Inserted::New), Ok(Inserted::New)]));
    let now = scene.now();
    scene.clock.set(Timestamp::from_micros(now.as_micros() - 3_600_000_000));
    scene.insert(third).await;
    scene.clock.advance(HOUR);
    for id in order {
        let claimed = scene.only(id).await;
        assert_eq!(ids(&scene.claim(10).await), [], "{id} is running");
        scene.end(&claimed, completed(1)).await;
    }
    assert_eq!(ids(&scene.claim(10).await), []);
    // The key is as if it had never been used.
    let [again] = scene.enqueue_ordered("a").await;
    scene.only(again).await;
}

pub async fn only_the_first_of_each_key_is_due(mut scene: Scene) {
    let [a, _, _] = scene.enqueue_ordered("a").await;
    let [b, _] = scene.enqueue_ordered("b").await;
    let free = scene.enqueue().await;
    let queues = scene.store.queues().await.expect("the store works");
    assert_eq!(queues.iter().map(|depth| depth.due).sum::<u64>(), 3);
    let pending = Filter { states: vec![StateKind::Pending], ..Filter::default() };
    assert_eq!(scene.store.count(pending).await, Ok(6));
    let mut claimed = ids(&scene.claim(10).await);
    claimed.sort_unstable();
    assert_eq!(claimed, [a, b, free]);
}

pub async fn a_run_that_is_not_final_lets_none_of_its_key_pass(mut scene: Scene) {
    let [first, second] = scene.enqueue_ordered("a").await;
    // Its retry is due later.
    let claimed = scene.only(first).await;
    assert_eq!(scene.fail(&claimed, "no route").await.run.state.kind(), StateKind::Retrying);
    assert_eq!(ids(&scene.claim(10).await), []);
    scene.clock.advance(HOUR);
    // It is suspended, by itself and from outside.
    let claimed = scene.only(first).await;
    scene.end(&claimed, suspended()).await;
    assert_eq!(ids(&scene.claim(10).await), []);
    scene.store.proceed(proceed(first)).await.expect("it is suspended");
    let aside = RunUpdate::Suspend { reason: None };
    scene.store.update(first, aside, Actor::UNKNOWN).await.expect("it waits");
    assert_eq!(ids(&scene.claim(10).await), []);
    scene.store.proceed(proceed(first)).await.expect("it is suspended");
    // Its values cannot be read.
    let claimed = scene.only(first).await;
    scene.end(&claimed, incompatible(MARK)).await;
    assert_eq!(ids(&scene.claim(10).await), []);
    assert_eq!(scene.store.release_incompatible(vec![first]).await, Ok(1));
    // Its server is gone, and then the whole process.
    let server = scene.new_server(HOUR).await;
    let mut request = scene.request(10);
    request.server = server;
    assert_eq!(ids(&scene.store.claim(request).await.expect("the store works")), [first]);
    scene.store.leave(server).await.expect("the store works");
    let claimed = scene.only(first).await;
    assert_eq!(claimed.run.id, first);
    scene.crash().await;
    let claimed = scene.only(first).await;
    scene.end(&claimed, completed(1)).await;
    scene.only(second).await;
}

pub async fn a_suspended_run_that_waits_for_its_turn_is_passed_by_none(mut scene: Scene) {
    let [first, second, third] = scene.enqueue_ordered("a").await;
    let aside = RunUpdate::Suspend { reason: None };
    scene.store.update(second, aside, Actor::UNKNOWN).await.expect("it waits");
    let claimed = scene.only(first).await;
    scene.end(&claimed, completed(1)).await;
    assert_eq!(ids(&scene.claim(10).await), [], "the second has the turn");
    scene.store.proceed(proceed(second)).await.expect("it is suspended");
    let claimed = scene.only(second).await;
    scene.end(&claimed, completed(1)).await;
    scene.only(third).await;
}

pub async fn a_run_that_waits_for_its_turn_is_cancelled_and_removed_as_any_other(mut scene: Scene) {
    let [first, second, third, fourth] = scene.enqueue_ordered("a").await;
    let claimed = scene.only(first).await;
    scene.store.cancel(second, None, Actor::UNKNOWN).await.expect("it waits");
    assert_eq!(ids(&scene.claim(10).await), [], "the first is running");
    scene.store.delete(third).await.expect("it does not run");
    assert_eq!(ids(&scene.claim(10).await), [], "the first is running");
    scene.end(&claimed, completed(1)).await;
    scene.only(fourth).await;
}

pub async fn the_next_goes_on_when_the_first_is_cancelled_or_removed(mut scene: Scene) {
    let [first, second, third] = scene.enqueue_ordered("a").await;
    scene.store.cancel(first, None, Actor::UNKNOWN).await.expect("it waits");
    scene.store.delete(second).await.expect("it does not run");
    let claimed = scene.only(third).await;
    let [fourth] = scene.enqueue_ordered("a").await;
    // Of one that runs, when it has stopped.
    scene.store.cancel(third, None, Actor::UNKNOWN).await.expect("it runs");
    assert_eq!(ids(&scene.claim(10).await), []);
    scene.end(&claimed, Ending::Cancelled { reason: None, error: None }).await;
    scene.only(fourth).await;
}

pub async fn a_run_that_expires_lets_the_next_go_on(mut scene: Scene) {
    let [first] = scene.enqueue_ordered("a").await;
    let expiring = |new| ordered(expiring(new, HOUR), "a", AfterFailure::Stop);
    let (second, third) = (scene.new_run(), scene.new_run());
    let second = scene.insert(expiring(second)).await;
    let third = scene.insert(expiring(third)).await;
    let [fourth] = scene.enqueue_ordered("a").await;
    // One that waits for its turn expires too.
    scene.clock.advance(HOUR / 2);
    let claimed = scene.only(first).await;
    scene.end(&claimed, completed(1)).await;
    scene.clock.advance(HOUR / 2);
    for id in [second, third] {
        assert_eq!(scene.state(id).await, StateKind::Cancelled);
    }
    scene.only(fourth).await;
}

pub async fn a_failed_run_stops_its_key_and_its_retry_takes_its_place(mut scene: Scene) {
    let head = scene.stopped("a").await;
    let [second] = scene.enqueue_ordered("a").await;
    let [other] = scene.enqueue_ordered("b").await;
    scene.only(other).await;
    scene.crash().await;
    let claimed = scene.claim(10).await;
    assert_eq!(ids(&claimed), [other], "the key is stopped through a crash");
    let successor = scene.retried_by_hand(head).await;
    let claimed = scene.only(successor).await;
    assert_eq!(ids(&scene.claim(10).await), []);
    scene.fails_for_good(&claimed).await;
    assert_eq!(ids(&scene.claim(10).await), [], "and stops it again");
    let successor = scene.retried_by_hand(successor).await;
    let claimed = scene.only(successor).await;
    scene.end(&claimed, completed(1)).await;
    scene.only(second).await;
}

pub async fn a_failed_run_stops_its_key_until_it_is_dismissed(mut scene: Scene) {
    let head = scene.stopped("a").await;
    let [second] = scene.enqueue_ordered("a").await;
    assert!(matches!(scene.dismiss(second).await, Err(UpdateError::Refused { .. })));
    assert_eq!(scene.dismiss(head).await, Ok(StateKind::Failed));
    assert!(matches!(scene.dismiss(head).await, Err(UpdateError::Refused { .. })), "once");
    let claimed = scene.only(second).await;
    scene.crash().await;
    assert_eq!(scene.only(second).await.run.id, claimed.run.id, "it is dismissed for ever");
}

pub async fn a_failed_run_stops_its_key_until_it_is_removed_and_no_retention_removes_it(mut scene: Scene) {
    let head = scene.stopped("a").await;
    let [second] = scene.enqueue_ordered("a").await;
    scene.clock.advance(HOUR * 2);
    let swept = scene.store.sweep(Retention::all(HOUR).into(), 10).await;
    assert_eq!(swept, Ok(Swept { removed: 0, next: None }));
    // Others of its kind that ended when it did, before and after it go all the same.
    let third = scene.stopped("b").await;
    let done = scene.running().await;
    scene.fails_for_good(&done).await;
    scene.clock.advance(HOUR * 2);
    let swept = scene.store.sweep(Retention::all(HOUR).into(), 1).await;
    assert_eq!(swept, Ok(Swept { removed: 1, next: None }));
    scene.get(third).await;
    assert_eq!(ids(&scene.claim(10).await), []);
    scene.store.delete(head).await.expect("it is final");
    scene.only(second).await;
    scene.dismiss(third).await.expect("it stops its key");
    let swept = scene.store.sweep(Retention::all(HOUR).into(), 10).await;
    assert_eq!(swept, Ok(Swept { removed: 1, next: None }), "a dismissed run is as any other");
}

pub async fn a_failed_run_that_is_skipped_lets_the_next_go_on(mut scene: Scene) {
    let skipped = scene.new_run();
    let skipped = scene.insert(ordered(skipped, "a", AfterFailure::Skip)).await;
    let [second, third] = scene.enqueue_ordered("a").await;
    let claimed = scene.only(skipped).await;
    scene.fails_for_good(&claimed).await;
    let claimed = scene.only(second).await;
    // Its retry comes before those that wait, and not beside the one that runs.
    let successor = scene.retried_by_hand(skipped).await;
    assert_eq!(ids(&scene.claim(10).await), []);
    scene.end(&claimed, completed(1)).await;
    let claimed = scene.only(successor).await;
    scene.end(&claimed, completed(1)).await;
    let claimed = scene.only(third).await;
    scene.end(&claimed, completed(1)).await;
    let successor = scene.retried_by_hand(third).await;
    scene.only(successor).await;
}

pub async fn a_turn_that_comes_serves_a_waiting_claim(mut scene: Scene) {
    let [first, second] = scene.enqueue_ordered("a").await;
    let claimed = scene.only(first).await;
    let parked = scene.parked_claim().await;
    scene.settle(super::scene::settlement(&claimed, completed(1))).await.expect("it runs");
    assert_eq!(parked.claimed_id().await, second);
}

pub async fn what_is_ahead_by_its_key_is_told(mut scene: Scene) {
    let kinds = [support("plain", 1)].into();
    let beat = longhaul_core::store::ServerBeat { kinds, ..beat(scene.server, HOUR * 1000) };
    scene.store.heartbeat(beat).await.expect("it lives");
    let [first, second, third] = scene.enqueue_ordered("a").await;
    let key = Key::new("a").expect("a key");
    let behind = |run, state| Explanation::Behind { key: key.clone(), holder: Some(TurnHolder { run, state }) };
    let why = async |scene: &Scene, id| scene.store.explain(id).await.expect("it is there");
    assert_eq!(why(&scene, third).await, behind(first, StateKind::Pending));
    assert!(matches!(why(&scene, first).await, Explanation::WaitsForSlot { .. }));
    let claimed = scene.only(first).await;
    assert_eq!(why(&scene, second).await, behind(first, StateKind::Running));
    scene.fails_for_good(&claimed).await;
    assert_eq!(why(&scene, third).await, behind(first, StateKind::Failed));
    scene.dismiss(first).await.expect("it stops its key");
    assert!(matches!(why(&scene, second).await, Explanation::WaitsForSlot { .. }));
    assert_eq!(why(&scene, third).await, behind(second, StateKind::Pending));
}

pub async fn a_run_that_is_not_kept_takes_no_place(mut scene: Scene) {
    let unique =
        Unique { key: Key::new("k").expect("a key"), scope: UniqueScope::NotFinal, on_conflict: OnConflict::Return };
    let unique = Some(Unique { ..unique });
    let constraints = Some(Constraints { unique, ..Constraints::default() }.into());
    let there = NewRun { constraints: constraints.clone(), ..scene.new_run() };
    let there = scene.insert(there).await;
    let repeated = ordered(scene.new_run(), "a", AfterFailure::Stop);
    let repeated = NewRun { id: there, ..repeated };
    let taken = ordered(NewRun { constraints, ..scene.new_run() }, "a", AfterFailure::Stop);
    let (first, second) = (scene.new_in("a"), scene.new_in("a"));
    let twice = first.clone();
    let (first_id, second_id) = (first.id, second.id);
    let inserted = scene.store.insert(vec![repeated, taken, first, twice, second]).await;
    let existing = Ok(Inserted::Existing { id: there, state: StateKind::Pending });
    let expected = vec![
        Err(InsertError::Duplicate(there)),
        existing,
        Ok(Inserted::New),
        Err(InsertError::Duplicate(first_id)),
        Ok(Inserted::New),
    ];
    assert_eq!(inserted, Ok::<_, StoreError>(expected));
    let mut claimed = scene.claim(10).await;
    claimed.sort_unstable_by_key(|claimed| claimed.run.id);
    assert_eq!(ids(&claimed), [there, first_id]);
    scene.end(&claimed[1], completed(1)).await;
    scene.only(second_id).await;
}

pub async fn many_runs_of_a_key_come_in_their_order(mut scene: Scene) {
    let new: Vec<NewRun> = (0..60).map(|_| scene.new_in("a")).collect();
    let order: Vec<RunId> = new.iter().map(|new| new.id).collect();
    let answers = scene.store.insert(new).await.expect("the store works");
    assert!(answers.iter().all(|answer| *answer == Ok(Inserted::New)));
    for id in order {
        let claimed = scene.only(id).await;
        scene.end(&claimed, completed(1)).await;
    }
}

pub async fn a_copy_keeps_the_order(mut scene: Scene) {
    let Some(store) = scene.copies() else { return };
    let stopped = scene.stopped("a").await;
    let [second, third] = scene.enqueue_ordered("a").await;
    let [fourth, fifth] = scene.enqueue_ordered("b").await;
    let claimed = scene.only(fourth).await;
    scene.end(&claimed, completed(1)).await;
    let items = all(&*store).await;
    let memory = MemoryStore::new(std::sync::Arc::new(scene.clock.clone()));
    copy(&*store, &memory).await;
    assert_eq!(all(&memory).await, items, "as it was");
    // Out and in again.
    for id in [stopped, second, third, fourth, fifth] {
        scene.store.delete(id).await.expect("none runs");
    }
    copy(&memory, &*store).await;
    scene.only(fifth).await;
    scene.dismiss(stopped).await.expect("it stops its key");
    let claimed = scene.only(second).await;
    scene.end(&claimed, completed(1)).await;
    scene.only(third).await;
}
