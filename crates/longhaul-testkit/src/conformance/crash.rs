//! What is there after the process died.

use std::time::Duration;

use longhaul_core::{Actor, Ended, LastEnd, Run, State, StateKind, run::Due};

use super::{Scene, scene::ids};
use crate::fixture::{completed, suspended, value};

pub async fn a_running_run_goes_on_at_once_where_it_was(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.checkpoint(&claimed, 1, 10).await.expect("the attempt holds the run");
    scene.checkpoint(&claimed, 2, 20).await.expect("the attempt holds the run");
    scene.crash().await;
    assert_eq!(scene.get(claimed.run.id).await.run.state, State::Pending { due: scene.now() });
    let again = scene.claim_one().await;
    assert_eq!((again.run.id, again.execution_metadata), (claimed.run.id, Some(value(20))));
    assert!(again.run.epoch > claimed.run.epoch);
    assert_eq!(again.run.last_end, LastEnd::Crashed);
    assert_eq!(again.run.counts.failures, 0);
}

pub async fn every_run_is_there_as_it_was_kept(mut scene: Scene) {
    let completed_run = scene.running().await;
    scene.end(&completed_run, completed(7)).await;
    let suspended_run = scene.running().await;
    scene.checkpoint(&suspended_run, 1, 10).await.expect("the attempt holds the run");
    scene.end(&suspended_run, suspended()).await;
    let retrying = scene.running().await;
    scene.fail(&retrying, "no route").await;
    let mut later = scene.new_run();
    later.due = Some(Due::After(Duration::from_secs(60)));
    later.execution_metadata = Some(value(3));
    let later = scene.insert(later).await;
    let cancelled = scene.enqueue().await;
    scene.store.cancel(cancelled, Some("too dear".into()), Actor::UNKNOWN).await.expect("it is not final");

    let all = [completed_run.run.id, suspended_run.run.id, retrying.run.id, later, cancelled];
    let mut before = Vec::new();
    for id in all {
        before.push(scene.get(id).await);
    }
    scene.crash().await;
    for snapshot in before {
        assert_eq!(scene.get(snapshot.run.id).await, snapshot);
    }
}

pub async fn waiting_runs_are_claimed_in_the_same_order_as_before(mut scene: Scene) {
    let mut inserted = Vec::new();
    for priority in [0, 3, -2, 3] {
        let mut new = scene.new_run();
        new.priority = longhaul_core::Priority(priority);
        inserted.push(scene.insert(new).await);
        scene.clock.advance(Duration::from_secs(1));
    }
    scene.crash().await;
    assert_eq!(ids(&scene.claim(10).await), [1, 3, 0, 2].map(|place| inserted[place]));
}

pub async fn a_final_run_stays_final_and_is_executed_no_more(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.end(&claimed, completed(7)).await;
    for _ in 0..3 {
        scene.crash().await;
        assert_eq!(scene.claim(10).await, []);
    }
    let snapshot = scene.get(claimed.run.id).await;
    assert_eq!(snapshot.run.state.kind(), StateKind::Completed);
    assert_eq!(snapshot.ended, Some(Ended::Completed(value(7))));
}

pub async fn epochs_go_on_growing_over_crashes(mut scene: Scene) {
    let claimed = scene.running().await;
    let mut epoch = claimed.run.epoch;
    for n in 0..5 {
        let holder = scene.get(claimed.run.id).await;
        if holder.run.state.kind() != StateKind::Running {
            scene.claim_one().await;
        }
        let current = Run { epoch, ..claimed.run.clone() };
        let claimed = longhaul_core::store::Claimed { run: current, ..claimed.clone() };
        scene.checkpoint(&claimed, 1, 100 + n).await.expect("the attempt holds the run");
        scene.crash().await;
        epoch = epoch.next();
    }
    assert_eq!(scene.get(claimed.run.id).await.run.epoch.next(), epoch);
}

pub async fn a_store_can_be_reopened_many_times_without_change(mut scene: Scene) {
    let id = scene.suspended().await;
    let before = scene.get(id).await;
    for _ in 0..5 {
        scene.crash().await;
    }
    assert_eq!(scene.get(id).await, before);
}
