//! The end of a store that was opened.

use std::{fmt, sync::Arc, time::Duration};

use longhaul_core::{
    Actor, Store, StoreError,
    store::{ClaimRequest, Filter},
};

use super::{
    Scene,
    scene::{beat, proceed},
};

/// Fails unless the call was refused as closed.
fn closed<T: fmt::Debug, E: From<StoreError> + PartialEq + fmt::Debug>(answer: Result<T, E>) {
    assert_eq!(answer.expect_err("the store is closed"), StoreError::Closed.into());
}

pub async fn every_call_that_waits_ends_when_the_store_is_closed(mut scene: Scene) {
    let id = scene.suspended().await;
    let seen = scene.get(id).await.run.revision;
    let (server, store) = (scene.server, Arc::clone(&scene.store));
    let request = ClaimRequest { wait: true, ..scene.request(1) };
    let claim = scene.parked(async move { store.claim(request).await }).await;
    let store = Arc::clone(&scene.store);
    let changed = scene.parked(async move { store.changed(id, seen).await }).await;
    let store = Arc::clone(&scene.store);
    let stops = scene.parked(async move { store.stop_requests(server, 0).await }).await;
    scene.store.close().await;
    closed(claim.answer().await);
    closed(changed.answer().await);
    closed(stops.answer().await);
}

pub async fn a_closed_store_answers_so_to_every_call(mut scene: Scene) {
    let (id, new) = (scene.enqueue().await, scene.new_run());
    let beat = beat(scene.server, Duration::from_secs(60));
    scene.store.close().await;
    scene.store.close().await;
    let store: &dyn Store = &*scene.store;
    closed(store.insert(vec![new]).await);
    closed(store.claim(scene.request(1)).await);
    closed(store.checkpoint(vec![]).await);
    closed(store.settle(vec![]).await);
    closed(store.log(vec![]).await);
    closed(store.heartbeat(beat).await);
    closed(store.expire().await);
    closed(store.leave(scene.server).await);
    closed(store.cancel(id, None, Actor::UNKNOWN).await);
    closed(store.proceed(proceed(id)).await);
    closed(store.controls().await);
    closed(store.schedules(0).await);
    closed(store.explain(id).await);
    closed(store.delete(id).await);
    closed(store.get(id).await);
    closed(store.changed(id, 0).await);
    closed(store.count(Filter::default()).await);
    closed(store.queues().await);
}

pub async fn what_was_acknowledged_is_there_after_a_close(mut scene: Scene) {
    let id = scene.enqueue().await;
    let before = scene.get(id).await;
    scene.store.close().await;
    scene.crash().await;
    assert_eq!(scene.get(id).await, before);
    assert_eq!(scene.claim_one().await.run.id, id);
}
