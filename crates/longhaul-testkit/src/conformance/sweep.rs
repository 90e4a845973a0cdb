//! Letting go of final runs.

use std::time::Duration;

use longhaul_core::{
    Actor, Kind, Retention, Retentions, RunId, StateKind,
    store::{Filter, GetError, Swept},
};

use super::{Scene, scene::settlement};
use crate::fixture::{MARK, completed, incompatible, support};

const HOUR: Duration = Duration::from_secs(60 * 60);

async fn done(scene: &mut Scene) -> RunId {
    let claimed = scene.running().await;
    scene.end(&claimed, completed(1)).await.run.id
}

pub async fn a_final_run_is_kept_for_its_retention_and_no_longer(mut scene: Scene) {
    let id = done(&mut scene).await;
    let ended = scene.now();
    scene.clock.advance(Duration::from_micros(3_599_999_999));
    let keep = Retention::all(HOUR);
    assert_eq!(scene.store.sweep(keep.into(), 10).await, Ok(Swept { removed: 0, next: Some(ended.after(HOUR)) }));
    assert_eq!(scene.state(id).await, StateKind::Completed);

    scene.clock.advance(Duration::from_micros(1));
    assert_eq!(scene.store.sweep(keep.into(), 10).await, Ok(Swept { removed: 1, next: None }));
    assert_eq!(scene.store.get(id).await, Err(GetError::NotFound(id)));
}

pub async fn a_run_that_is_not_final_is_never_swept(mut scene: Scene) {
    let suspended = scene.suspended().await;
    let retrying = scene.running().await;
    scene.fail(&retrying, "no route").await;
    let parked = scene.running().await;
    scene.end(&parked, incompatible(MARK)).await;
    let running = scene.running().await;
    let pending = scene.enqueue().await;
    scene.clock.advance(HOUR * 24 * 400);
    assert_eq!(
        scene.store.sweep(Retention::all(Duration::ZERO).into(), 10).await,
        Ok(Swept { removed: 0, next: None })
    );
    assert_eq!(scene.store.count(Filter::default()).await, Ok(5));
    for id in [suspended, retrying.run.id, parked.run.id, running.run.id, pending] {
        scene.get(id).await;
    }
}

pub async fn a_sweep_is_bounded_and_takes_the_oldest_first(mut scene: Scene) {
    let mut ended = Vec::new();
    for _ in 0..5 {
        ended.push(done(&mut scene).await);
        scene.clock.advance(HOUR);
    }
    let swept = scene.store.sweep(Retention::all(Duration::ZERO).into(), 2).await.expect("the store works");
    assert_eq!(swept.removed, 2);
    assert!(swept.next.is_some_and(|next| next <= scene.now()), "more can be removed at once: {:?}", swept.next);
    let mut left = Vec::new();
    for id in &ended {
        left.push(scene.store.get(*id).await.is_ok());
    }
    assert_eq!(left, [false, false, true, true, true]);

    let rest = scene.store.sweep(Retention::all(Duration::ZERO).into(), 10).await;
    assert_eq!(rest, Ok(Swept { removed: 3, next: None }));
}

pub async fn many_runs_are_swept_in_the_end(mut scene: Scene) {
    let batch = (0..400).map(|_| scene.new_run()).collect();
    scene.store.insert(batch).await.expect("the store works");
    let claimed = scene.claim(400).await;
    let endings = claimed.iter().map(|one| settlement(one, completed(1))).collect();
    scene.store.settle(endings).await.expect("the store works");
    let mut removed = 0;
    loop {
        let swept = scene.store.sweep(Retention::all(Duration::ZERO).into(), 150).await.expect("the store works");
        assert!(swept.removed <= 150);
        removed += swept.removed;
        if swept.next.is_none() {
            break;
        }
        assert!(swept.removed > 0, "a sweep that leaves what it could remove, and removes nothing, never ends");
    }
    assert_eq!(removed, 400);
    assert_eq!(scene.store.count(Filter::default()).await, Ok(0));
}

pub async fn each_final_state_has_its_own_retention(mut scene: Scene) {
    let completed = done(&mut scene).await;
    let cancelled = scene.enqueue().await;
    scene.store.cancel(cancelled, None, Actor::UNKNOWN).await.expect("it is not final");
    let mut new = scene.new_run();
    new.policy = new.policy.attempts(1);
    let failed = scene.insert(new).await;
    let claimed = scene.claim_one().await;
    scene.fail(&claimed, "no route").await;
    let ended = scene.now();

    scene.clock.advance(HOUR * 2);
    let retention = Retention { completed: Some(HOUR), failed: Some(HOUR * 3), cancelled: None };
    let swept = scene.store.sweep(retention.into(), 10).await;
    assert_eq!(swept, Ok(Swept { removed: 1, next: Some(ended.after(HOUR * 3)) }));
    assert_eq!(scene.store.get(completed).await, Err(GetError::NotFound(completed)));
    scene.get(failed).await;
    scene.get(cancelled).await;
    assert_eq!(scene.store.sweep(Retention::forever().into(), 10).await, Ok(Swept { removed: 0, next: None }));
}

pub async fn kinds_may_be_kept_for_another_time_than_others(mut scene: Scene) {
    let mut ended = Vec::new();
    for kind in ["plain", "short", "shortest", "plain", "short"] {
        let new = scene.new_run_of(kind);
        let id = scene.insert(new).await;
        let request = scene.request_of(vec![support(kind, 1)], 1);
        let claimed = scene.store.claim(request).await.expect("the store works").remove(0);
        scene.end(&claimed, completed(1)).await;
        ended.push(id);
    }
    let at = scene.now();
    scene.clock.advance(HOUR * 2);
    let kind = |name| Kind::new(name).expect("a good name");
    let retentions = Retentions::from(Retention::all(HOUR * 9))
        .with(kind("short"), Retention::all(HOUR * 2))
        .with(kind("kept"), Retention::forever());
    let swept = scene.store.sweep(retentions.clone(), 10).await;
    assert_eq!(swept, Ok(Swept { removed: 2, next: Some(at.after(HOUR * 9)) }));
    let mut left = Vec::new();
    for id in &ended {
        left.push(scene.store.get(*id).await.is_ok());
    }
    assert_eq!(left, [true, false, true, true, false]);
    let never = retentions.with(kind("plain"), Retention::forever()).with(kind("shortest"), Retention::forever());
    assert_eq!(scene.store.sweep(never, 10).await, Ok(Swept { removed: 0, next: None }));
}

pub async fn what_was_swept_stays_away_and_what_was_kept_is_swept_after_a_crash(mut scene: Scene) {
    let old = done(&mut scene).await;
    scene.clock.advance(HOUR);
    let new = done(&mut scene).await;
    assert_eq!(scene.store.sweep(Retention::all(HOUR).into(), 10).await.expect("the store works").removed, 1);
    scene.crash().await;
    assert_eq!(scene.store.get(old).await, Err(GetError::NotFound(old)));
    scene.get(new).await;
    scene.clock.advance(HOUR);
    assert_eq!(scene.store.sweep(Retention::all(HOUR).into(), 10).await, Ok(Swept { removed: 1, next: None }));
}
