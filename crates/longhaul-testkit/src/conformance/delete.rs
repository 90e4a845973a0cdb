//! Removing runs.

use longhaul_core::{
    RunId,
    store::{CheckpointError, DeleteError, Filter, GetError, SettleError},
};

use super::{Scene, scene::settlement};
use crate::fixture::{MARK, completed, incompatible, large_value};

async fn is_deleted(scene: &Scene, id: RunId) {
    assert_eq!(scene.store.delete(id).await, Ok(()));
    assert_eq!(scene.store.get(id).await, Err(GetError::NotFound(id)));
    assert_eq!(scene.store.delete(id).await, Err(DeleteError::NotFound(id)));
    assert_eq!(scene.store.count(Filter::default()).await, Ok(0));
    assert_eq!(scene.claim(1).await, []);
}

pub async fn a_run_that_does_not_run_is_removed(mut scene: Scene) {
    let id = scene.enqueue().await;
    is_deleted(&scene, id).await;
    let id = scene.suspended().await;
    is_deleted(&scene, id).await;
    let claimed = scene.running().await;
    scene.fail(&claimed, "no route").await;
    is_deleted(&scene, claimed.run.id).await;
    let claimed = scene.running().await;
    scene.end(&claimed, incompatible(MARK)).await;
    is_deleted(&scene, claimed.run.id).await;
    let claimed = scene.running().await;
    scene.end(&claimed, completed(1)).await;
    is_deleted(&scene, claimed.run.id).await;
}

pub async fn a_running_run_is_not_removed(mut scene: Scene) {
    let claimed = scene.running().await;
    let before = scene.get(claimed.run.id).await;
    assert_eq!(scene.store.delete(claimed.run.id).await, Err(DeleteError::Running(claimed.run.id)));
    assert_eq!(scene.get(claimed.run.id).await, before);
}

pub async fn late_writes_to_a_run_that_was_removed_find_nothing(mut scene: Scene) {
    let claimed = scene.running().await;
    let id = claimed.run.id;
    scene.end(&claimed, completed(1)).await;
    scene.store.delete(id).await.expect("it does not run");
    assert_eq!(scene.checkpoint(&claimed, 1, 10).await, Err(CheckpointError::NotFound(id)));
    assert_eq!(scene.settle(settlement(&claimed, completed(2))).await, Err(SettleError::NotFound(id)));
}

pub async fn a_removed_run_stays_removed_and_leaves_nothing_to_one_with_its_id(mut scene: Scene) {
    let mut new = scene.new_run();
    new.metadata = large_value(50_000);
    new.execution_metadata = Some(large_value(60_000));
    let id = scene.insert(new.clone()).await;
    scene.store.delete(id).await.expect("it does not run");
    scene.crash().await;
    assert_eq!(scene.store.get(id).await, Err(GetError::NotFound(id)));

    new.metadata = large_value(20_000);
    new.execution_metadata = None;
    scene.insert(new.clone()).await;
    let snapshot = scene.get(id).await;
    assert_eq!((snapshot.metadata, snapshot.execution_metadata), (new.metadata, None));
    assert_eq!(snapshot.history.entries.len(), 1);
}
