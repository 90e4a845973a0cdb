//! Bringing the next attempt forward.

use std::time::Duration;

use longhaul_core::{
    Actor, State, StateKind,
    run::Due,
    store::{RunUpdate, UpdateError},
};

use super::{Scene, scene::ids};
use crate::fixture::{MARK, completed, incompatible};

pub async fn waiting_and_retrying_runs_become_due(mut scene: Scene) {
    let mut new = scene.new_run();
    new.due = Some(Due::After(Duration::from_secs(60)));
    let id = scene.insert(new).await;
    assert_eq!(scene.store.update(id, RunUpdate::RunNow, Actor::UNKNOWN).await, Ok(StateKind::Pending));
    assert_eq!(scene.get(id).await.run.state, State::Pending { due: scene.now() });
    let claimed = scene.claim_one().await;
    assert_eq!(claimed.run.id, id);

    scene.fail(&claimed, "no route").await;
    assert_eq!(scene.store.update(id, RunUpdate::RunNow, Actor::UNKNOWN).await, Ok(StateKind::Retrying));
    assert_eq!(scene.get(id).await.run.state, State::Retrying { due: scene.now() });
    assert_eq!(ids(&scene.claim(1).await), [id]);
}

pub async fn a_parked_run_is_tried_again(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.end(&claimed, incompatible(MARK)).await;
    assert_eq!(scene.claim(1).await, []);
    assert_eq!(scene.store.update(claimed.run.id, RunUpdate::RunNow, Actor::UNKNOWN).await, Ok(StateKind::Pending));
    assert_eq!(ids(&scene.claim(1).await), [claimed.run.id]);
}

pub async fn a_run_that_would_not_come_sooner_is_refused(mut scene: Scene) {
    let missing = scene.new_run().id;
    assert_eq!(
        scene.store.update(missing, RunUpdate::RunNow, Actor::UNKNOWN).await,
        Err(UpdateError::NotFound(missing))
    );
    let id = scene.enqueue().await;
    let refused = |answer| matches!(answer, Err(UpdateError::Refused { id: refused, .. }) if refused == id);
    assert!(refused(scene.store.update(id, RunUpdate::RunNow, Actor::UNKNOWN).await), "it is due already");
    let claimed = scene.claim_one().await;
    assert!(refused(scene.store.update(id, RunUpdate::RunNow, Actor::UNKNOWN).await), "it runs");
    let done = scene.end(&claimed, completed(1)).await;
    assert!(refused(scene.store.update(id, RunUpdate::RunNow, Actor::UNKNOWN).await), "it is final");
    assert_eq!(scene.get(id).await, done);
    assert_eq!(scene.state(id).await, StateKind::Completed);
}
