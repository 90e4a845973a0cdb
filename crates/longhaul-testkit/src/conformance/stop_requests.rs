//! Servers are told what is asked of the runs that they execute.

use std::time::Duration;

use longhaul_core::{Actor, StopRequest, store::StopSignal};

use super::{Scene, scene::Parked};
use crate::fixture::{completed, suspended};

fn cancel(reason: &str) -> StopRequest {
    StopRequest::Cancel { reason: Some(reason.into()) }
}

async fn waits_for_orders(scene: &Scene, seen: u64) -> Parked<longhaul_core::store::StopSignals> {
    let (store, server) = (scene.store.clone(), scene.server);
    scene.parked(async move { store.stop_requests(server, seen).await.expect("the store works") }).await
}

pub async fn a_cancellation_reaches_the_server_that_waits_for_orders(mut scene: Scene) {
    let claimed = scene.running().await;
    let waiting = waits_for_orders(&scene, 0).await;
    scene.store.cancel(claimed.run.id, Some("too dear".into()), Actor::UNKNOWN).await.expect("it runs");
    let told = waiting.answer().await;
    let order = StopSignal { id: claimed.run.id, epoch: claimed.run.epoch, request: cancel("too dear") };
    assert_eq!(told.stop_requests, [order]);

    let waiting = waits_for_orders(&scene, told.position).await;
    scene.still_waits(&waiting).await;
    waiting.drop_call().await;
}

pub async fn orders_given_before_are_answered_at_once_and_after_a_position_only_later_ones(mut scene: Scene) {
    let (one, two) = (scene.running().await, scene.running().await);
    scene.store.cancel(one.run.id, Some("first".into()), Actor::UNKNOWN).await.expect("it runs");
    let first = scene.store.stop_requests(scene.server, 0).await.expect("the store works");
    assert_eq!(first.stop_requests.iter().map(|order| order.id).collect::<Vec<_>>(), [one.run.id]);
    scene.store.cancel(two.run.id, Some("second".into()), Actor::UNKNOWN).await.expect("it runs");
    let second = scene.store.stop_requests(scene.server, first.position).await.expect("the store works");
    assert_eq!(second.stop_requests.iter().map(|order| order.id).collect::<Vec<_>>(), [two.run.id]);
    assert!(second.position > first.position);
}

pub async fn a_server_is_not_told_of_the_runs_of_another(mut scene: Scene) {
    let first = scene.server;
    let others = scene.running().await;
    scene.server = scene.new_server(Duration::from_secs(60)).await;
    let waiting = waits_for_orders(&scene, 0).await;
    scene.store.cancel(others.run.id, None, Actor::UNKNOWN).await.expect("it runs");
    scene.still_waits(&waiting).await;
    assert_eq!(scene.store.stop_requests(first, 0).await.expect("the store works").stop_requests.len(), 1);

    let own = scene.running().await;
    scene.store.cancel(own.run.id, None, Actor::UNKNOWN).await.expect("it runs");
    assert_eq!(waiting.answer().await.stop_requests[0].id, own.run.id);
}

pub async fn runs_that_do_not_run_give_no_orders(mut scene: Scene) {
    let waiting = waits_for_orders(&scene, 0).await;
    let pending = scene.enqueue().await;
    scene.store.cancel(pending, None, Actor::UNKNOWN).await.expect("it is not final");
    let claimed = scene.running().await;
    scene.end(&claimed, suspended()).await;
    scene.store.cancel(claimed.run.id, None, Actor::UNKNOWN).await.expect("it is not final");
    scene.still_waits(&waiting).await;

    let running = scene.running().await;
    scene.store.cancel(running.run.id, None, Actor::UNKNOWN).await.expect("it runs");
    assert_eq!(waiting.answer().await.stop_requests[0].id, running.run.id);
    scene.end(&running, completed(1)).await;
}
