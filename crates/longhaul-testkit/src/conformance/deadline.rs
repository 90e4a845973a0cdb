//! Suspensions that fail at their deadline, though nobody executes their kind.

use std::time::Duration;

use longhaul_core::{
    Actor, Cause, Ended, Ending, Explanation, RunId, State, StateKind, Timestamp, Transition, Waiting,
    run::Due,
    store::{Filter, ProceedError, Proceeded},
};

use super::{Scene, scene::proceed};
use crate::fixture::suspended;

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

async fn suspended_until(scene: &mut Scene, until: Option<Timestamp>, deadline: Option<Timestamp>) -> RunId {
    let claimed = scene.running().await;
    let [until, deadline] = [until, deadline].map(|time| time.map(Due::At));
    scene.end(&claimed, Ending::Suspended { until, deadline }).await;
    claimed.run.id
}

async fn with_deadline(scene: &mut Scene) -> (RunId, Timestamp) {
    let deadline = scene.now().after(WEEK);
    let id = suspended_until(scene, None, Some(deadline)).await;
    assert_eq!(scene.get(id).await.run.state, State::Suspended { waiting: Waiting::ProceedBy(deadline) });
    (id, deadline)
}

pub async fn a_suspension_fails_at_its_deadline_and_not_before(mut scene: Scene) {
    let (id, deadline) = with_deadline(&mut scene).await;
    scene.clock.set(Timestamp::from_micros(deadline.as_micros() - 1));
    assert_eq!(scene.state(id).await, StateKind::Suspended);
    scene.clock.set(deadline);
    let failed = scene.get(id).await;
    assert_eq!((failed.run.state.clone(), failed.run.since), (State::Failed, deadline));
    let Some(Ended::Failed(failure)) = &failed.ended else { panic!("it has no failure: {:?}", failed.ended) };
    assert_eq!((failure.cause, failure.attempt, failure.at), (Cause::Deadline, failed.run.attempts, deadline));
    assert_eq!(failed.history.entries.last().map(|entry| entry.what), Some(Transition::Expired));
    scene.crash().await;
    assert_eq!(scene.get(id).await, failed);
}

pub async fn a_deadline_that_passes_while_the_process_is_down_is_kept(mut scene: Scene) {
    let (id, deadline) = with_deadline(&mut scene).await;
    scene.crash().await;
    assert_eq!(scene.get(id).await.run.state.deadline(), Some(deadline));
    scene.clock.advance(WEEK);
    scene.crash().await;
    assert_eq!(scene.state(id).await, StateKind::Failed);
}

pub async fn the_coming_of_a_deadline_wakes_whoever_watches_the_run(mut scene: Scene) {
    let (id, deadline) = with_deadline(&mut scene).await;
    let (store, seen) = (scene.store.clone(), scene.get(id).await.run.revision);
    let watcher = scene.parked(async move { store.changed(id, seen).await }).await;
    scene.clock.set(deadline);
    assert_eq!(watcher.answer().await.expect("the run is kept").run.state, State::Failed);
}

pub async fn a_run_that_went_on_has_no_deadline_any_more(mut scene: Scene) {
    let (id, _) = with_deadline(&mut scene).await;
    assert_eq!(scene.store.proceed(proceed(id)).await, Ok(Proceeded::Now));
    let claimed = scene.claim_one().await;
    let again = scene.end(&claimed, suspended()).await;
    assert_eq!(again.run.state, State::Suspended { waiting: Waiting::Proceed });
    scene.clock.advance(2 * WEEK);
    assert_eq!(scene.get(id).await, again);
}

pub async fn a_run_whose_deadline_has_passed_is_not_proceeded_or_cancelled(mut scene: Scene) {
    let (id, deadline) = with_deadline(&mut scene).await;
    scene.clock.set(deadline);
    let late = scene.store.proceed(proceed(id)).await;
    assert_eq!(late, Err(ProceedError::NotSuspended { id, state: StateKind::Failed }));
    let (id, deadline) = with_deadline(&mut scene).await;
    scene.clock.set(deadline);
    assert!(scene.store.cancel(id, None, Actor::UNKNOWN).await.is_err());
}

pub async fn of_a_time_and_a_deadline_the_earlier_one_counts(mut scene: Scene) {
    let (soon, later) = (scene.now().after(WEEK), scene.now().after(2 * WEEK));
    let goes_on = suspended_until(&mut scene, Some(soon), Some(later)).await;
    let fails = suspended_until(&mut scene, Some(later), Some(soon)).await;
    scene.clock.set(later);
    assert_eq!(scene.state(fails).await, StateKind::Failed);
    let claimed = scene.claim_one().await;
    assert_eq!(claimed.run.id, goes_on);
}

pub async fn many_deadlines_that_pass_at_once_are_all_kept(mut scene: Scene) {
    let deadline = Some(scene.now().after(WEEK));
    let mut waiting = Vec::new();
    for _ in 0..300 {
        waiting.push(suspended_until(&mut scene, None, deadline).await);
    }
    scene.clock.advance(WEEK);
    let last = waiting.pop().expect("there are some");
    let (mut seen, store) = (0, scene.store.clone());
    loop {
        let run = store.changed(last, seen).await.expect("the run is kept").run;
        if run.state.is_final() {
            break;
        }
        seen = run.revision;
    }
    let failed = Filter { states: vec![StateKind::Failed], ..Filter::default() };
    assert_eq!(scene.store.count(failed).await, Ok(300));
}

pub async fn a_run_with_a_deadline_explains_itself(mut scene: Scene) {
    let (id, deadline) = with_deadline(&mut scene).await;
    let why = scene.store.explain(id).await;
    assert_eq!(why, Ok(Explanation::Suspended(Waiting::ProceedBy(deadline))));
    scene.clock.set(deadline);
    assert_eq!(scene.store.explain(id).await, Ok(Explanation::Final(StateKind::Failed)));
}
