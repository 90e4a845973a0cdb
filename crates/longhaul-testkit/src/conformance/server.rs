//! Servers live by their lease.

use std::time::Duration;

use longhaul_core::{NewRun, StateKind, Timestamp, run::Due, store::ServerError};

use super::{
    Scene,
    scene::{beat, ids},
};
use crate::fixture::{completed, value};

const LEASE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub async fn runs_of_a_server_whose_lease_ran_out_are_taken_away(mut scene: Scene) {
    let old = scene.server;
    scene.server = scene.new_server(LEASE).await;
    let claimed = scene.running().await;
    scene.checkpoint(&claimed, 1, 10).await.expect("the attempt holds the run");
    scene.clock.advance(Duration::from_micros(29_999_999));
    assert_eq!(scene.store.expire().await, Ok(0));
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Running);

    scene.clock.advance(Duration::from_micros(1));
    assert_eq!(scene.store.expire().await, Ok(1));
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Pending);
    assert_eq!(scene.store.expire().await, Ok(0));

    scene.server = old;
    let again = scene.claim_one().await;
    assert_eq!((again.run.id, again.execution_metadata), (claimed.run.id, Some(value(10))));
    assert!(again.run.epoch > claimed.run.epoch);
}

pub async fn a_run_may_take_for_ever_while_its_server_lives(mut scene: Scene) {
    scene.server = scene.new_server(LEASE).await;
    let claimed = scene.running().await;
    for _ in 0..10 {
        scene.clock.advance(Duration::from_secs(29));
        scene.store.heartbeat(beat(scene.server, LEASE)).await.expect("it lives");
        assert_eq!(scene.store.expire().await, Ok(0));
    }
    scene.store.heartbeat(beat(scene.server, 40 * DAY)).await.expect("it lives");
    scene.clock.advance(30 * DAY);
    assert_eq!(scene.store.expire().await, Ok(0));
    assert_eq!(scene.end(&claimed, completed(1)).await.run.state.kind(), StateKind::Completed);
}

pub async fn a_server_that_was_declared_dead_stays_dead(mut scene: Scene) {
    let dead = scene.new_server(LEASE).await;
    scene.clock.advance(LEASE);
    scene.store.expire().await.expect("the store works");
    assert_eq!(scene.store.heartbeat(beat(dead, LEASE)).await, Err(ServerError::Dead(dead)));
    assert_eq!(scene.store.heartbeat(beat(dead, LEASE)).await, Err(ServerError::Dead(dead)));

    let id = scene.enqueue().await;
    let living = std::mem::replace(&mut scene.server, dead);
    assert_eq!(scene.claim(1).await, []);
    scene.server = living;
    assert_eq!(ids(&scene.claim(1).await), [id]);
}

pub async fn a_late_heartbeat_saves_a_server_that_nobody_declared_dead(mut scene: Scene) {
    scene.server = scene.new_server(LEASE).await;
    let claimed = scene.running().await;
    scene.clock.advance(LEASE * 3);
    scene.store.heartbeat(beat(scene.server, LEASE)).await.expect("nobody declared it dead");
    assert_eq!(scene.store.expire().await, Ok(0));
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Running);
}

pub async fn only_the_runs_of_the_dead_server_are_taken_away(mut scene: Scene) {
    let kept = scene.running().await;
    scene.server = scene.new_server(LEASE).await;
    let (settled, taken) = (scene.running().await, scene.running().await);
    let settled = scene.end(&settled, completed(1)).await;
    scene.clock.advance(LEASE);
    assert_eq!(scene.store.expire().await, Ok(1));
    assert_eq!(scene.state(taken.run.id).await, StateKind::Pending);
    assert_eq!(scene.state(kept.run.id).await, StateKind::Running);
    assert_eq!(scene.get(settled.run.id).await, settled);
    scene.checkpoint(&kept, 1, 10).await.expect("its server lives");
}

pub async fn a_server_that_leaves_holds_nothing_and_never_comes_back(mut scene: Scene) {
    let left = scene.server;
    let claimed = scene.running().await;
    assert_eq!(scene.store.leave(left).await, Ok(()));
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Pending);
    assert_eq!(scene.store.heartbeat(beat(left, LEASE)).await, Err(ServerError::Dead(left)));
    assert_eq!(scene.store.leave(left).await, Ok(()));
    assert_eq!(scene.claim(1).await, []);

    scene.server = scene.new_server(LEASE).await;
    assert_eq!(ids(&scene.claim(1).await), [claimed.run.id]);
}

pub async fn the_clock_of_a_store_is_the_one_that_moves_it(mut scene: Scene) {
    let clock = scene.store.clock();
    let due = scene.now().after(Duration::from_secs(3600));
    let new = NewRun { due: Some(Due::At(due)), ..scene.new_run() };
    let id = scene.insert(new).await;
    assert_eq!(clock.now(), scene.now());
    let before = clock.monotonic();
    scene.clock.set(due);
    assert_eq!((clock.now(), clock.monotonic()), (due, before));
    assert_eq!(ids(&scene.claim(1).await), [id]);
    scene.clock.set(Timestamp::from_micros(due.as_micros() - 7_200_000_000));
    assert_eq!(clock.now(), scene.now());
    scene.clock.advance(Duration::from_secs(1));
    assert_eq!(clock.monotonic(), before + Duration::from_secs(1));
}
