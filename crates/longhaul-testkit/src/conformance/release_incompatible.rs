//! New chances for runs whose values could not be read.

use longhaul_core::{RunId, StateKind};

use super::{Scene, scene::ids};
use crate::fixture::{MARK, incompatible};

pub async fn a_parked_run_that_is_released_is_claimed_again(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.end(&claimed, incompatible(MARK)).await;
    assert_eq!(scene.claim(1).await, []);
    assert_eq!(scene.store.release_incompatible(vec![claimed.run.id]).await, Ok(1));
    assert_eq!(ids(&scene.claim(1).await), [claimed.run.id]);
}

pub async fn other_runs_stay_as_they_are(mut scene: Scene) {
    let parked = scene.running().await;
    scene.end(&parked, incompatible(MARK)).await;
    let suspended = scene.suspended().await;
    let before = (scene.get(parked.run.id).await, scene.get(suspended).await);
    let nobody = RunId::from_bytes([255; 16]);
    assert_eq!(scene.store.release_incompatible(vec![suspended, nobody]).await, Ok(0));
    assert_eq!(scene.store.release_incompatible(vec![]).await, Ok(0));
    assert_eq!((scene.get(parked.run.id).await, scene.get(suspended).await), before);
}

pub async fn parked_runs_stay_parked_through_a_crash(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.end(&claimed, incompatible(MARK)).await;
    scene.crash().await;
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Incompatible);
    assert_eq!(scene.store.release_incompatible(vec![claimed.run.id]).await, Ok(1));
    assert_eq!(scene.claim_one().await.run.counts.failures, 0);
}
