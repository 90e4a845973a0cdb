//! Runs that are cancelled because they had not begun in time.

use std::{sync::Arc, time::Duration};

use longhaul_core::{
    Actor, Constraints, Ended, Ending, Inserted, Key, NewRun, OnConflict, RunId, State, StateKind, Timestamp,
    Transition, Unique, UniqueScope,
    constraints::EXPIRED,
    run::Due,
    store::{EndedCursor, EndedRequest, Filter, Proceeded, Retry, RetryFrom, RunUpdate},
};

use super::{Scene, scene::proceed};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn expiring(new: NewRun, expires: Due) -> NewRun {
    let before = new.constraints.as_deref().cloned().unwrap_or_default();
    NewRun { constraints: Some(Arc::new(Constraints { expires: Some(expires), ..before })), ..new }
}

fn unique(new: NewRun, on_conflict: OnConflict) -> NewRun {
    let unique = Unique { key: Key::new("k").expect("a key"), scope: UniqueScope::NotFinal, on_conflict };
    NewRun { constraints: Some(Arc::new(Constraints { unique: Some(unique), ..Constraints::default() })), ..new }
}

impl Scene {
    /// A run that is to begin within an hour.
    async fn expires_in_an_hour(&mut self) -> RunId {
        let new = expiring(self.new_run(), Due::After(HOUR));
        self.insert(new).await
    }

    async fn is_expired(&self, id: RunId, at: Timestamp) {
        let ended = self.get(id).await;
        assert_eq!((ended.run.state.clone(), ended.run.since), (State::Cancelled, at));
        assert_eq!(ended.ended, Some(Ended::Cancelled { reason: Some(EXPIRED.into()), error: None }));
        assert_eq!(ended.history.entries.last().map(|entry| entry.what), Some(Transition::Expired));
    }
}

pub async fn a_run_that_has_not_begun_when_it_expires_is_cancelled(mut scene: Scene) {
    let at = scene.now().after(2 * HOUR);
    let after = scene.expires_in_an_hour().await;
    let new = expiring(scene.new_run(), Due::At(at));
    let until = scene.insert(new).await;
    let first = scene.now().after(HOUR);
    assert_eq!(scene.get(after).await.run.expires(), Some(first));
    scene.clock.set(Timestamp::from_micros(first.as_micros() - 1));
    assert_eq!(scene.state(after).await, StateKind::Pending);
    scene.clock.set(first);
    scene.is_expired(after, first).await;
    assert_eq!(scene.state(until).await, StateKind::Pending);
    scene.clock.set(at);
    scene.is_expired(until, at).await;
    scene.crash().await;
    scene.is_expired(until, at).await;
}

pub async fn a_run_that_began_in_time_does_not_expire(mut scene: Scene) {
    let id = scene.expires_in_an_hour().await;
    let claimed = scene.claim_one().await;
    scene.clock.advance(2 * HOUR);
    assert_eq!(scene.state(id).await, StateKind::Running);
    // Its first attempt began in time: the next ones may begin whenever they can.
    let failed = scene.fail(&claimed, "no route").await;
    assert_eq!((failed.run.state.kind(), failed.run.deadline()), (StateKind::Retrying, None));
    scene.clock.advance(2 * HOUR);
    let again = scene.claim_one().await;
    assert_eq!(again.run.id, id);
    scene.end(&again, Ending::Suspended { until: None, deadline: None }).await;
    scene.clock.advance(2 * HOUR);
    assert_eq!(scene.state(id).await, StateKind::Suspended);
}

pub async fn an_expired_run_is_never_claimed(mut scene: Scene) {
    let late = expiring(scene.new_run(), Due::At(Timestamp::EPOCH));
    let late = scene.insert(late).await;
    let other = scene.enqueue().await;
    assert_eq!(scene.claim_one().await.run.id, other);
    let waiting = scene.parked_claim().await;
    let again = expiring(scene.new_run(), Due::After(Duration::ZERO));
    let again = scene.insert(again).await;
    scene.still_waits(&waiting).await;
    for id in [late, again] {
        assert_eq!((scene.state(id).await, scene.get(id).await.run.attempts), (StateKind::Cancelled, 0));
    }
    let next = scene.enqueue().await;
    assert_eq!(waiting.claimed_id().await, next);
}

pub async fn a_run_that_is_put_aside_before_it_began_expires_too(mut scene: Scene) {
    let id = scene.expires_in_an_hour().await;
    let aside = scene.store.update(id, RunUpdate::Suspend { reason: None }, Actor::UNKNOWN).await;
    assert_eq!(aside, Ok(StateKind::Suspended));
    let goes_on = scene.expires_in_an_hour().await;
    scene.store.update(goes_on, RunUpdate::Suspend { reason: None }, Actor::UNKNOWN).await.expect("it waits");
    assert_eq!(scene.store.proceed(proceed(goes_on)).await, Ok(Proceeded::Now));
    assert_eq!(scene.claim_one().await.run.id, goes_on);
    scene.clock.advance(HOUR);
    scene.is_expired(id, scene.now()).await;
    assert_eq!(scene.state(goes_on).await, StateKind::Running);
}

pub async fn a_claim_that_was_given_back_after_the_time_expires(mut scene: Scene) {
    let id = scene.expires_in_an_hour().await;
    let claimed = scene.claim_one().await;
    scene.clock.advance(HOUR);
    scene.settle(super::scene::settlement(&claimed, Ending::Returned)).await.expect("it has the run");
    scene.is_expired(id, scene.now()).await;
}

pub async fn a_time_to_begin_that_passes_while_the_process_is_down_is_kept(mut scene: Scene) {
    let id = scene.expires_in_an_hour().await;
    scene.crash().await;
    assert_eq!(scene.state(id).await, StateKind::Pending);
    scene.clock.advance(HOUR);
    scene.crash().await;
    assert_eq!(scene.state(id).await, StateKind::Cancelled);
}

pub async fn a_run_that_expires_frees_its_unique_key_and_its_end_is_told(mut scene: Scene) {
    let from = EndedRequest { after: EndedCursor::START, limit: 10, wait: false };
    let first = expiring(unique(scene.new_run(), OnConflict::Refuse), Due::After(HOUR));
    let first = scene.insert(first).await;
    scene.clock.advance(HOUR);
    let second = unique(scene.new_run(), OnConflict::Refuse);
    scene.insert(second).await;
    let ended = scene.store.ended(from).await.expect("the store works");
    assert_eq!(ended.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [first]);
}

pub async fn a_run_that_takes_over_what_another_brought_expires_as_that_one_would(mut scene: Scene) {
    let replace = OnConflict::Replace { reschedule: false };
    let first = expiring(unique(scene.new_run(), replace), Due::After(HOUR));
    let first = scene.insert(first).await;
    scene.clock.advance(HOUR / 2);
    let second = expiring(unique(scene.new_run(), replace), Due::After(HOUR));
    assert_eq!(scene.store.insert(vec![second]).await, Ok(vec![Ok(Inserted::Replaced { id: first })]));
    scene.clock.advance(HOUR / 2);
    assert_eq!(scene.state(first).await, StateKind::Pending);
    let lasting = unique(scene.new_run(), replace);
    assert_eq!(scene.store.insert(vec![lasting]).await, Ok(vec![Ok(Inserted::Replaced { id: first })]));
    scene.clock.advance(HOUR);
    assert_eq!(scene.claim_one().await.run.id, first);
}

pub async fn a_retry_does_not_expire(mut scene: Scene) {
    let id = scene.expires_in_an_hour().await;
    scene.clock.advance(HOUR);
    scene.is_expired(id, scene.now()).await;
    let successor = scene.new_run().id;
    let retry = Retry { id, successor, from: RetryFrom::TheStart, by: Actor::UNKNOWN };
    scene.store.retry(retry).await.expect("it is final");
    scene.clock.advance(2 * HOUR);
    assert_eq!(scene.claim_one().await.run.id, successor);
}

pub async fn many_runs_that_expire_at_once_are_all_cancelled_and_the_others_claimed(mut scene: Scene) {
    let new = (0..600).map(|_| expiring(scene.new_run(), Due::After(HOUR))).collect();
    scene.store.insert(new).await.expect("the store works");
    let last = scene.enqueue().await;
    scene.clock.advance(HOUR);
    assert_eq!(scene.claim_one().await.run.id, last);
    let cancelled = Filter { states: vec![StateKind::Cancelled], ..Filter::default() };
    // A store ends them some at a time, and those that would be claimed at once.
    assert_eq!(scene.store.count(cancelled).await, Ok(600));
}
