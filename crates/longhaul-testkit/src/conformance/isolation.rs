//! After a crash the guilty run is found, and the innocent are not counted with it.

use longhaul_core::{Cause, Ended, Priority, RunId, State, StateKind, Transition, isolation::WINDOW};

use super::{Scene, scene::ids};
use crate::fixture::{completed, interrupted, value};

/// Two runs that were executing without a checkpoint when the process died.
async fn two_suspects(scene: &mut Scene) -> [RunId; 2] {
    let suspects = [scene.running().await.run.id, scene.running().await.run.id];
    scene.crash().await;
    for id in suspects {
        let run = scene.get(id).await.run;
        assert_eq!(run.state, State::Pending { due: scene.now() });
        assert_eq!((run.suspicion, run.counts.crashes), (1, 0));
    }
    suspects
}

pub async fn suspects_are_executed_one_at_a_time_and_nothing_beside_them(mut scene: Scene) {
    let suspects = two_suspects(&mut scene).await;
    let mut urgent = scene.new_run();
    urgent.priority = Priority(9);
    scene.insert(urgent).await;
    let first = scene.claim(10).await;
    assert_eq!(first.len(), 1);
    assert!(suspects.contains(&first[0].run.id));
    assert_eq!(scene.claim(10).await, []);
}

pub async fn a_checkpoint_gives_the_floor_to_the_next_suspect_and_then_to_all(mut scene: Scene) {
    let suspects = two_suspects(&mut scene).await;
    let fresh = scene.enqueue().await;
    let first = scene.claim_one().await;
    let waiting = scene.parked_claim().await;
    scene.checkpoint(&first, 1, 10).await.expect("the attempt holds the run");
    let second = waiting.answer().await;
    assert_eq!(second.len(), 1);
    let mut seen = [first.run.id, second[0].run.id];
    seen.sort_unstable();
    assert_eq!(seen, suspects);

    let waiting = scene.parked_claim().await;
    scene.checkpoint(&second[0], 1, 10).await.expect("the attempt holds the run");
    assert_eq!(waiting.claimed_id().await, fresh);
    for id in suspects {
        assert_eq!(scene.get(id).await.run.suspicion, 0);
    }
}

pub async fn an_ending_gives_the_floor_to_the_next_suspect(mut scene: Scene) {
    two_suspects(&mut scene).await;
    let first = scene.claim_one().await;
    let waiting = scene.parked_claim().await;
    scene.end(&first, completed(1)).await;
    assert_ne!(waiting.claimed_id().await, first.run.id);
}

pub async fn a_suspect_that_lasts_through_its_window_gives_the_floor_to_the_next(mut scene: Scene) {
    two_suspects(&mut scene).await;
    let first = scene.claim_one().await;
    let waiting = scene.parked_claim().await;
    scene.clock.advance(WINDOW / 2);
    scene.still_waits(&waiting).await;
    scene.clock.advance(WINDOW / 2);
    assert_ne!(waiting.claimed_id().await, first.run.id);
}

pub async fn runs_that_made_a_checkpoint_are_beyond_suspicion(mut scene: Scene) {
    let (saved, silent) = (scene.running().await, scene.running().await);
    scene.checkpoint(&saved, 1, 10).await.expect("the attempt holds the run");
    scene.crash().await;
    let (saved, silent) = (scene.get(saved.run.id).await, scene.get(silent.run.id).await);
    assert_eq!((saved.run.suspicion, saved.run.counts.crashes), (0, 0));
    assert_eq!((silent.run.suspicion, silent.run.counts.crashes), (1, 1), "it was the only one that can have been it");
}

pub async fn runs_that_all_made_a_checkpoint_go_on_together(mut scene: Scene) {
    let (one, two) = (scene.running().await, scene.running().await);
    scene.checkpoint(&one, 1, 10).await.expect("the attempt holds the run");
    scene.checkpoint(&two, 1, 20).await.expect("the attempt holds the run");
    scene.crash().await;
    assert_eq!(ids(&scene.claim(10).await), [one.run.id, two.run.id]);
}

/// The guilty one takes the process down whenever it runs; the other is fine.
pub async fn the_guilty_run_is_quarantined_and_the_innocent_one_goes_on(mut scene: Scene) {
    let suspects = two_suspects(&mut scene).await;
    let [guilty, innocent] = suspects;
    let mut crashes = 0;
    while scene.state(guilty).await != StateKind::Failed {
        let claimed = scene.claim_one().await;
        if claimed.run.id == guilty {
            crashes += 1;
            scene.crash().await;
        } else {
            scene.end(&claimed, completed(7)).await;
        }
    }
    assert_eq!(crashes, 3, "the policy's `crashes_max`");
    let quarantined = scene.get(guilty).await;
    assert_eq!(quarantined.history.entries.last().map(|entry| entry.what), Some(Transition::Quarantined));
    let Some(Ended::Failed(failure)) = quarantined.ended else { panic!("no failure: {:?}", quarantined.ended) };
    assert_eq!(failure.cause, Cause::Crash);
    assert!(failure.message.contains("3 crashes"), "{}", failure.message);

    if scene.state(innocent).await != StateKind::Completed {
        let claimed = scene.claim_one().await;
        assert_eq!((claimed.run.id, claimed.run.counts.crashes), (innocent, 0));
        scene.end(&claimed, completed(7)).await;
    }
    let fresh = scene.enqueue().await;
    assert_eq!(ids(&scene.claim(10).await), [fresh]);
}

pub async fn new_execution_metadata_between_crashes_clears_a_run(mut scene: Scene) {
    let id = scene.enqueue().await;
    for n in 0..10 {
        let claimed = scene.claim_one().await;
        scene.checkpoint(&claimed, 1, n).await.expect("the attempt holds the run");
        scene.crash().await;
    }
    let snapshot = scene.get(id).await;
    assert_eq!((snapshot.run.state.kind(), snapshot.run.counts.crashes), (StateKind::Pending, 0));
    assert_eq!(snapshot.execution_metadata, Some(value(9)));
}

pub async fn a_suspect_that_is_interrupted_stays_one(mut scene: Scene) {
    two_suspects(&mut scene).await;
    let first = scene.claim_one().await;
    let after = scene.end(&first, interrupted()).await;
    assert_eq!((after.run.suspicion, after.run.counts.crashes), (1, 0));
}

pub async fn a_suspect_that_nobody_here_can_execute_holds_up_nobody(mut scene: Scene) {
    let new = scene.new_run_of("other");
    scene.insert(new).await;
    scene.claim_one().await;
    scene.crash().await;
    let [one, two] = [scene.enqueue().await, scene.enqueue().await];
    let request = scene.request_of(vec![crate::fixture::support("plain", 1)], 10);
    assert_eq!(ids(&scene.store.claim(request).await.expect("the store works")), [one, two]);
}

pub async fn the_runs_of_a_dead_server_are_suspects_too(mut scene: Scene) {
    let survivor = scene.server;
    scene.server = scene.new_server(WINDOW).await;
    let (one, two) = (scene.running().await, scene.running().await);
    scene.clock.advance(WINDOW);
    assert_eq!(scene.store.expire().await, Ok(2));
    scene.server = survivor;
    for id in [one.run.id, two.run.id] {
        assert_eq!(scene.get(id).await.run.suspicion, 1);
    }
    assert_eq!(scene.claim(10).await.len(), 1);
}
