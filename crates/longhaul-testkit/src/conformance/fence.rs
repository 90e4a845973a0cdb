//! An attempt that lost its claim can write nothing.

use std::time::Duration;

use longhaul_core::{
    Actor, Progress, StateKind,
    store::{Checkpoint, CheckpointError, Claimed, SettleError, Settlement},
};

use super::{
    Scene,
    scene::{beat, checkpoint, settlement},
};
use crate::fixture::{completed, interrupted, suspended, value};

/// Nothing that `stale` writes is kept.
async fn writes_nothing(scene: &Scene, stale: &Claimed) {
    let (id, epoch) = (stale.run.id, stale.run.epoch);
    let before = scene.get(id).await;
    let refused = Err(CheckpointError::EpochLost { id, epoch });
    assert_eq!(scene.checkpoint(stale, 100, 666).await, refused);
    let progress = Some(Progress { step: "haunting".into(), ..Progress::default() });
    let told = Checkpoint { execution_metadata: None, progress: progress.clone(), ..checkpoint(stale, 0, 0) };
    assert_eq!(scene.save(told).await, refused);
    for ending in [completed(666), suspended(), interrupted()] {
        let late = Settlement {
            execution_metadata: Some((101, value(667))),
            progress: progress.clone(),
            ..settlement(stale, ending)
        };
        assert_eq!(scene.settle(late).await, Err(SettleError::EpochLost { id, epoch }));
    }
    assert_eq!(scene.get(id).await, before);
}

pub async fn late_writes_after_a_reclaim_are_refused(mut scene: Scene) {
    let stale = scene.running().await;
    scene.checkpoint(&stale, 1, 10).await.expect("the attempt holds the run");
    scene.end(&stale, interrupted()).await;
    let holder = scene.claim_one().await;
    writes_nothing(&scene, &stale).await;

    scene.checkpoint(&holder, 1, 11).await.expect("the holder can write");
    scene.end(&holder, completed(1)).await;
    writes_nothing(&scene, &stale).await;
}

pub async fn late_writes_after_the_lease_ran_out_are_refused(mut scene: Scene) {
    let server = scene.new_server(Duration::from_secs(30)).await;
    scene.server = server;
    let stale = scene.running().await;
    scene.clock.advance(Duration::from_secs(30));
    assert_eq!(scene.store.expire().await, Ok(1));
    writes_nothing(&scene, &stale).await;
    assert!(scene.store.heartbeat(beat(server, Duration::from_secs(30))).await.is_err());
    writes_nothing(&scene, &stale).await;
}

pub async fn late_writes_after_the_server_left_are_refused(mut scene: Scene) {
    let stale = scene.running().await;
    scene.store.leave(scene.server).await.expect("the store works");
    assert_eq!(scene.state(stale.run.id).await, StateKind::Pending);
    writes_nothing(&scene, &stale).await;
}

pub async fn late_writes_after_a_crash_are_refused(mut scene: Scene) {
    let stale = scene.running().await;
    scene.crash().await;
    writes_nothing(&scene, &stale).await;
    scene.claim_one().await;
    writes_nothing(&scene, &stale).await;
}

pub async fn late_writes_after_a_cancelled_run_crashed_are_refused(mut scene: Scene) {
    let stale = scene.running().await;
    scene.store.cancel(stale.run.id, None, Actor::UNKNOWN).await.expect("it is not final");
    scene.store.leave(scene.server).await.expect("the store works");
    assert_eq!(scene.state(stale.run.id).await, StateKind::Cancelled);
    writes_nothing(&scene, &stale).await;
}

pub async fn an_epoch_that_has_not_been_is_refused(mut scene: Scene) {
    let mut future = scene.running().await;
    future.run.epoch = future.run.epoch.next();
    writes_nothing(&scene, &future).await;
}

pub async fn checkpoints_after_the_attempt_ended_are_refused(mut scene: Scene) {
    for ending in [completed(1), suspended(), interrupted()] {
        let stale = scene.running().await;
        let after = scene.end(&stale, ending).await;
        let refused = Err(CheckpointError::EpochLost { id: stale.run.id, epoch: stale.run.epoch });
        assert_eq!(scene.checkpoint(&stale, 1, 10).await, refused);
        assert_eq!(scene.get(stale.run.id).await, after);
    }
}
