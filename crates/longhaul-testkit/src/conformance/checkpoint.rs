//! Saving execution metadata.

use longhaul_core::{
    Actor, Progress, StopRequest,
    store::{Checkpoint, CheckpointError, Checkpointed},
};

use super::{Scene, scene::checkpoint};
use crate::fixture::{interrupted, support, value, versioned};

fn nothing_asked() -> Checkpointed {
    Checkpointed { request: None }
}

pub async fn the_next_attempt_sees_the_last_checkpoint(mut scene: Scene) {
    let claimed = scene.running().await;
    for n in 1..=3 {
        assert_eq!(scene.checkpoint(&claimed, n, u64::from(n) * 10).await, Ok(nothing_asked()));
        assert_eq!(scene.get(claimed.run.id).await.execution_metadata, Some(value(u64::from(n) * 10)));
    }
    scene.end(&claimed, interrupted()).await;
    assert_eq!(scene.claim_one().await.execution_metadata, Some(value(30)));
}

pub async fn a_repeated_checkpoint_is_recognised_by_its_seq(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.checkpoint(&claimed, 1, 10).await.expect("the attempt holds the run");
    scene.checkpoint(&claimed, 2, 20).await.expect("the attempt holds the run");
    let before = scene.get(claimed.run.id).await;
    assert_eq!(scene.checkpoint(&claimed, 2, 20).await, Ok(nothing_asked()));
    assert_eq!(scene.get(claimed.run.id).await, before);
}

pub async fn a_checkpoint_that_was_overtaken_changes_nothing(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.checkpoint(&claimed, 2, 20).await.expect("the attempt holds the run");
    let before = scene.get(claimed.run.id).await;
    assert_eq!(scene.checkpoint(&claimed, 1, 10).await, Ok(nothing_asked()));
    assert_eq!(scene.get(claimed.run.id).await, before);
}

pub async fn a_checkpoint_of_a_run_that_is_gone_is_not_found(mut scene: Scene) {
    let claimed = scene.running().await;
    let missing = scene.new_run().id;
    let lost = Checkpoint { id: missing, ..checkpoint(&claimed, 1, 10) };
    assert_eq!(scene.save(lost).await, Err(CheckpointError::NotFound(missing)));
}

pub async fn each_checkpoint_of_a_batch_is_kept_or_refused_by_itself(mut scene: Scene) {
    let (one, two, three) = (scene.running().await, scene.running().await, scene.running().await);
    scene.end(&two, interrupted()).await;
    let batch = vec![checkpoint(&one, 1, 10), checkpoint(&two, 1, 20), checkpoint(&three, 1, 30)];
    let lost = CheckpointError::EpochLost { id: two.run.id, epoch: two.run.epoch };
    let answers = scene.store.checkpoint(batch).await;
    assert_eq!(answers, Ok(vec![Ok(nothing_asked()), Err(lost), Ok(nothing_asked())]));
    assert_eq!(scene.get(one.run.id).await.execution_metadata, Some(value(10)));
    assert_eq!(scene.get(two.run.id).await.execution_metadata, None);
    assert_eq!(scene.get(three.run.id).await.execution_metadata, Some(value(30)));
}

pub async fn several_checkpoints_of_one_run_in_a_batch_are_kept_in_order(mut scene: Scene) {
    let claimed = scene.running().await;
    let batch = (1..=3).map(|n| checkpoint(&claimed, n, u64::from(n))).collect();
    assert_eq!(scene.store.checkpoint(batch).await, Ok(vec![Ok(nothing_asked()); 3]));
    let snapshot = scene.get(claimed.run.id).await;
    assert_eq!((snapshot.execution_metadata, snapshot.run.seq), (Some(value(3)), 3));
}

pub async fn a_checkpoint_brings_back_that_the_run_was_cancelled(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.store.cancel(claimed.run.id, Some("too dear".into()), Actor::UNKNOWN).await.expect("it is not final");
    let asked = Checkpointed { request: Some(StopRequest::Cancel { reason: Some("too dear".into()) }) };
    assert_eq!(scene.checkpoint(&claimed, 1, 10).await, Ok(asked.clone()));
    assert_eq!(scene.get(claimed.run.id).await.execution_metadata, Some(value(10)));
    assert_eq!(scene.checkpoint(&claimed, 1, 10).await, Ok(asked.clone()), "a repeat brings it too");

    let told = Checkpoint { execution_metadata: None, progress: Some(halfway()), ..checkpoint(&claimed, 0, 0) };
    assert_eq!(scene.save(told).await, Ok(asked), "and so does progress alone");
}

pub async fn a_checkpoint_with_a_new_value_is_progress_and_one_with_the_old_value_is_not(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.checkpoint(&claimed, 1, 10).await.expect("the attempt holds the run");
    assert!(scene.get(claimed.run.id).await.run.progressed);
    scene.end(&claimed, interrupted()).await;

    let claimed = scene.claim_one().await;
    scene.checkpoint(&claimed, 1, 10).await.expect("the attempt holds the run");
    let run = scene.get(claimed.run.id).await.run;
    assert_eq!((run.seq, run.progressed), (1, false));
}

pub async fn a_checkpoint_by_newer_code_leaves_the_run_to_newer_code(mut scene: Scene) {
    let claimed = scene.running().await;
    let newer = Checkpoint { execution_metadata: Some(versioned(10, 2)), ..checkpoint(&claimed, 1, 0) };
    scene.save(newer).await.expect("the attempt holds the run");
    scene.end(&claimed, interrupted()).await;
    assert_eq!(scene.claim(1).await, []);
    let request = scene.request_of(vec![support("plain", 2)], 1);
    assert_eq!(scene.store.claim(request).await.expect("the store works").len(), 1);
}

fn halfway() -> Progress {
    Progress {
        step: "exporting".into(),
        done: 5,
        total: Some(10),
        unit: "pages".into(),
        message: "half".into(),
        rate: Some(2.5),
    }
}

pub async fn progress_alone_is_seen_at_once_and_counts_as_no_checkpoint(mut scene: Scene) {
    let claimed = scene.running().await;
    let id = claimed.run.id;
    let (store, seen) = (scene.store.clone(), claimed.run.revision);
    let watcher = scene.parked(async move { store.changed(id, seen).await }).await;

    let told = Checkpoint { execution_metadata: None, progress: Some(halfway()), ..checkpoint(&claimed, 0, 0) };
    assert_eq!(scene.save(told).await, Ok(nothing_asked()));
    let told_of = watcher.answer().await.expect("the run is kept").run;
    assert_eq!(told_of.progress, Some(halfway()));
    assert!(told_of.revision > seen);
    let run = scene.get(id).await.run;
    assert_eq!((run.progress, run.seq, run.progressed), (Some(halfway()), 0, false));
}

pub async fn progress_is_kept_with_the_next_checkpoint_and_left_alone_by_one_that_brings_none(mut scene: Scene) {
    let claimed = scene.running().await;
    let told = Checkpoint { progress: Some(halfway()), ..checkpoint(&claimed, 1, 10) };
    scene.save(told).await.expect("the attempt holds the run");
    scene.checkpoint(&claimed, 2, 20).await.expect("the attempt holds the run");
    assert_eq!(scene.get(claimed.run.id).await.run.progress, Some(halfway()));
    scene.crash().await;
    assert_eq!(scene.get(claimed.run.id).await.run.progress, Some(halfway()));
}
