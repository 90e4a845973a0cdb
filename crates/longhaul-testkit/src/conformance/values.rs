//! Values come back as they were given, however large.

use longhaul_core::{
    Ended, Ending, LastEnd, Transition,
    limits::{EXECUTION_METADATA_MAX, HISTORY_MAX, METADATA_MAX, RESULT_MAX},
};

use super::Scene;
use crate::fixture::{interrupted, large_value, value};

pub async fn values_of_the_largest_size_go_in_and_out(mut scene: Scene) {
    let (metadata, x, result) =
        (large_value(METADATA_MAX), large_value(EXECUTION_METADATA_MAX), large_value(RESULT_MAX));
    assert_eq!(metadata.len(), METADATA_MAX);
    let mut new = scene.new_run();
    new.metadata = metadata.clone();
    new.execution_metadata = Some(x.clone());
    let id = scene.insert(new).await;
    scene.crash().await;
    let claimed = scene.claim_one().await;
    assert!(claimed.metadata == metadata && claimed.execution_metadata.as_ref() == Some(&x));

    let after = scene.end(&claimed, Ending::Completed { result: result.clone() }).await;
    assert!(after.ended == Some(Ended::Completed(result.clone())));
    scene.crash().await;
    let snapshot = scene.get(id).await;
    assert!(snapshot.metadata == metadata && snapshot.initial == Some(x.clone()));
    assert!(snapshot.execution_metadata == Some(x) && snapshot.ended == Some(Ended::Completed(result)));
}

pub async fn execution_metadata_may_grow_and_shrink(mut scene: Scene) {
    let claimed = scene.running().await;
    let mut seq = 0;
    for length in [100, 5_000, EXECUTION_METADATA_MAX, 4_096, 4_097, 100, 9_000, 8_192] {
        seq += 1;
        let mut checkpoint = super::scene::checkpoint(&claimed, seq, 0);
        checkpoint.execution_metadata = Some(large_value(length));
        scene.save(checkpoint).await.expect("the attempt holds the run");
        assert!(scene.get(claimed.run.id).await.execution_metadata == Some(large_value(length)), "{length} bytes");
    }
    scene.crash().await;
    assert!(scene.claim_one().await.execution_metadata == Some(large_value(8_192)));
}

pub async fn the_initial_execution_metadata_is_kept_beside_the_current(mut scene: Scene) {
    let mut new = scene.new_run();
    new.execution_metadata = Some(value(1));
    scene.insert(new).await;
    let claimed = scene.claim_one().await;
    scene.checkpoint(&claimed, 1, 2).await.expect("the attempt holds the run");
    scene.crash().await;
    let snapshot = scene.get(claimed.run.id).await;
    assert_eq!((snapshot.initial, snapshot.execution_metadata), (Some(value(1)), Some(value(2))));
}

pub async fn the_history_is_in_order_and_bounded(mut scene: Scene) {
    let id = scene.enqueue().await;
    for n in 0..50 {
        if n == 25 {
            scene.crash().await;
        }
        let claimed = scene.claim_one().await;
        scene.clock.advance(std::time::Duration::from_secs(1));
        scene.end(&claimed, interrupted()).await;
    }
    let snapshot = scene.get(id).await;
    let history = snapshot.history;
    assert_eq!(history.entries.len(), HISTORY_MAX);
    assert_eq!(history.dropped, 101 - 32, "101 things happened, 32 are kept");
    assert_eq!(history.entries[0].what, Transition::Enqueued);
    assert_eq!(history.entries[HISTORY_MAX - 1].what, Transition::Interrupted);
    assert!(history.entries.is_sorted_by_key(|entry| (entry.at, entry.attempt)));
    assert_eq!(snapshot.run.last_end, LastEnd::Interrupted);
}
