//! How attempts end.

use std::time::Duration;

use longhaul_core::{
    Cause, Ended, Ending, Epoch, Event, FailedAttempt, LastEnd, Progress, Run, State, StateKind, Waiting, decide,
    run::Due,
    store::{SettleError, Settled, Settlement},
};

use super::{
    Scene,
    scene::{checkpoint, settlement},
};
use crate::fixture::{MARK, RETRY_WAIT, completed, failed, incompatible, interrupted, suspended, value};

fn every_ending(run: &Run, scene: &Scene) -> Vec<Ending> {
    let failure = |cause| FailedAttempt::new(cause, "no route", run.attempt(), scene.now()).with_error(value(500));
    let fail = |cause, retry_after, permanent| Ending::Failed { failure: failure(cause), retry_after, permanent };
    vec![
        completed(7),
        suspended(),
        Ending::Suspended { until: Some(Due::At(scene.now().after(Duration::from_secs(9)))), deadline: None },
        Ending::Suspended { until: None, deadline: Some(Due::After(Duration::from_secs(9))) },
        fail(Cause::Error, None, false),
        fail(Cause::Timeout, Some(Duration::from_secs(99)), false),
        fail(Cause::Error, None, true),
        Ending::Cancelled { reason: Some("not needed".into()), error: Some(value(501)) },
        Ending::Cancelled { reason: None, error: None },
        Ending::Panicked { failure: failure(Cause::Panic).with_details("at src/lib.rs:1") },
        interrupted(),
        incompatible(MARK),
        Ending::Returned,
    ]
}

pub async fn every_ending_does_what_decide_says(mut scene: Scene) {
    let sample = scene.running().await;
    for ending in every_ending(&sample.run, &scene) {
        let claimed = scene.running().await;
        scene.clock.advance(Duration::from_secs(1));
        let before = scene.get(claimed.run.id).await;
        let event = Event::Settle { epoch: claimed.run.epoch, ending: ending.clone() };
        let decision = decide(scene.now(), &before.run, &event).expect("the attempt holds the run");
        let after = scene.end(&claimed, ending).await;
        assert_eq!(Run { revision: 0, ..after.run.clone() }, Run { revision: 0, ..decision.next });
        assert!(after.run.revision > before.run.revision);
        assert_eq!(after.ended, decision.effects.ended);
        assert_eq!(after.history.entries.last(), decision.effects.history.as_ref());
        if !after.run.state.is_final() {
            scene.store.delete(after.run.id).await.expect("it does not run");
        }
    }
}

pub async fn every_ending_keeps_the_last_execution_metadata_and_progress(mut scene: Scene) {
    let sample = scene.running().await;
    for ending in every_ending(&sample.run, &scene) {
        let claimed = scene.running().await;
        scene.checkpoint(&claimed, 1, 10).await.expect("the attempt holds the run");
        let progress = Some(Progress { done: 3, total: Some(9), ..Progress::default() });
        let last = Settlement {
            execution_metadata: Some((2, value(20))),
            progress: progress.clone(),
            ..settlement(&claimed, ending)
        };
        assert!(matches!(scene.settle(last).await, Ok(Settled::Now(_))));
        let after = scene.get(claimed.run.id).await;
        assert_eq!((after.execution_metadata, after.run.progress), (Some(value(20)), progress));
        if !after.run.state.is_final() {
            scene.store.delete(after.run.id).await.expect("it does not run");
        }
    }
}

pub async fn an_ending_that_repeats_the_last_checkpoint_keeps_what_is_there(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.checkpoint(&claimed, 2, 20).await.expect("the attempt holds the run");
    let repeat = Settlement { execution_metadata: Some((1, value(10))), ..settlement(&claimed, suspended()) };
    assert_eq!(scene.settle(repeat).await, Ok(Settled::Now(StateKind::Suspended)));
    assert_eq!(scene.get(claimed.run.id).await.execution_metadata, Some(value(20)));
}

pub async fn a_repeated_ending_is_recognised_by_its_epoch(mut scene: Scene) {
    for ending in [completed(7), suspended(), interrupted()] {
        let claimed = scene.running().await;
        let after = scene.end(&claimed, ending.clone()).await;
        let repeat = Settlement { execution_metadata: Some((9, value(90))), ..settlement(&claimed, ending) };
        assert_eq!(scene.settle(repeat).await, Ok(Settled::Already));
        assert_eq!(scene.settle(settlement(&claimed, completed(8))).await, Ok(Settled::Already));
        assert_eq!(scene.get(claimed.run.id).await, after);
    }
}

pub async fn a_repeated_ending_within_a_batch_is_recognised(mut scene: Scene) {
    let claimed = scene.running().await;
    let batch = vec![settlement(&claimed, completed(7)), settlement(&claimed, completed(8))];
    let answers = scene.store.settle(batch).await;
    assert_eq!(answers, Ok(vec![Ok(Settled::Now(StateKind::Completed)), Ok(Settled::Already)]));
    assert_eq!(scene.get(claimed.run.id).await.ended, Some(Ended::Completed(value(7))));
}

pub async fn each_ending_of_a_batch_is_kept_or_refused_by_itself(mut scene: Scene) {
    let (one, two) = (scene.running().await, scene.running().await);
    let missing = scene.new_run().id;
    let mut early = settlement(&one, completed(1));
    early.epoch = Epoch(7);
    let lost = Settlement { id: missing, ..settlement(&one, completed(1)) };
    let batch = vec![early, lost, settlement(&two, completed(2)), settlement(&one, suspended())];
    assert_eq!(
        scene.store.settle(batch).await,
        Ok(vec![
            Err(SettleError::EpochLost { id: one.run.id, epoch: Epoch(7) }),
            Err(SettleError::NotFound(missing)),
            Ok(Settled::Now(StateKind::Completed)),
            Ok(Settled::Now(StateKind::Suspended)),
        ])
    );
}

pub async fn many_attempts_can_be_saved_and_ended_at_once(mut scene: Scene) {
    let batch = (0..300).map(|_| scene.new_run()).collect();
    scene.store.insert(batch).await.expect("the store works");
    let claimed = scene.claim(300).await;
    let batch = claimed.iter().map(|one| checkpoint(one, 1, 10)).collect();
    let saved = scene.store.checkpoint(batch).await.expect("the store works");
    assert!(saved.len() == 300 && saved.iter().all(Result::is_ok));

    let last = |one| Settlement { execution_metadata: Some((2, value(20))), ..settlement(one, completed(7)) };
    let ended = scene.store.settle(claimed.iter().map(last).collect()).await;
    assert_eq!(ended, Ok(vec![Ok(Settled::Now(StateKind::Completed)); 300]));
    scene.crash().await;
    for one in claimed {
        let snapshot = scene.get(one.run.id).await;
        assert_eq!((snapshot.execution_metadata, snapshot.ended), (Some(value(20)), Some(Ended::Completed(value(7)))));
    }
}

pub async fn a_checkpoint_and_an_ending_that_overtakes_it_leave_the_newer(mut scene: Scene) {
    let claimed = scene.running().await;
    let last = Settlement { execution_metadata: Some((2, value(20))), ..settlement(&claimed, suspended()) };
    scene.settle(last).await.expect("the attempt holds the run");
    assert!(scene.checkpoint(&claimed, 1, 10).await.is_err());
    assert_eq!(scene.get(claimed.run.id).await.execution_metadata, Some(value(20)));
}

pub async fn a_failure_is_retried_from_its_checkpoint(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.checkpoint(&claimed, 1, 10).await.expect("the attempt holds the run");
    let after = scene.fail(&claimed, "no route").await;
    assert_eq!(after.run.state, State::Retrying { due: scene.now().after(RETRY_WAIT) });
    assert!(matches!(after.ended, Some(Ended::Failed(failure)) if &*failure.message == "no route"));

    scene.clock.advance(RETRY_WAIT);
    let again = scene.claim_one().await;
    assert_eq!(again.execution_metadata, Some(value(10)));
    assert_eq!((again.run.last_end, again.run.counts.failures), (LastEnd::Failed, 1));
}

pub async fn a_retry_from_the_start_sees_what_the_run_was_enqueued_with(mut scene: Scene) {
    for initial in [Some(value(1)), None] {
        let mut new = scene.new_run();
        new.policy = new.policy.from_the_start();
        new.execution_metadata.clone_from(&initial);
        scene.insert(new).await;
        let claimed = scene.claim_one().await;
        scene.checkpoint(&claimed, 1, 10).await.expect("the attempt holds the run");
        let failure = failed("no route", claimed.run.attempt(), scene.now());
        let last = Settlement { execution_metadata: Some((2, value(20))), ..settlement(&claimed, failure) };
        scene.settle(last).await.expect("the attempt holds the run");

        scene.clock.advance(RETRY_WAIT);
        let again = scene.claim_one().await;
        assert_eq!(again.execution_metadata, initial);
        let done = scene.end(&again, completed(1)).await;
        assert_eq!((done.initial, done.execution_metadata), (initial.clone(), initial));
    }
}

pub async fn the_last_failure_is_final_and_keeps_how_far_the_run_came(mut scene: Scene) {
    let id = scene.enqueue().await;
    for attempt in 1..=3 {
        let claimed = scene.claim_one().await;
        scene.checkpoint(&claimed, 1, attempt).await.expect("the attempt holds the run");
        scene.fail(&claimed, &format!("failure {attempt}")).await;
        scene.clock.advance(RETRY_WAIT);
    }
    let snapshot = scene.get(id).await;
    assert_eq!(snapshot.run.state, State::Failed);
    assert_eq!(snapshot.execution_metadata, Some(value(3)));
    assert!(matches!(snapshot.ended, Some(Ended::Failed(failure)) if &*failure.message == "failure 3"));
    assert_eq!(scene.claim(1).await, []);
}

pub async fn a_panic_right_after_a_change_is_counted_and_the_change_is_kept(mut scene: Scene) {
    let id = scene.enqueue().await;
    let crashes_max = scene.get(id).await.run.policy.crashes_max;
    for crash in 1..=crashes_max {
        scene.clock.advance(RETRY_WAIT * 1000);
        let claimed = scene.claim_one().await;
        let failure = FailedAttempt::new(Cause::Panic, "index out of bounds", claimed.run.attempt(), scene.now());
        let changed = Some((1, value(u64::from(crash))));
        let last = Settlement { execution_metadata: changed, ..settlement(&claimed, Ending::Panicked { failure }) };
        assert!(matches!(scene.settle(last).await, Ok(Settled::Now(_))));
        let after = scene.get(id).await;
        assert_eq!((after.run.counts.crashes, after.execution_metadata), (crash, Some(value(u64::from(crash)))));
    }
    assert_eq!(scene.get(id).await.run.state, State::Failed);
}

pub async fn an_outcome_comes_back_as_it_was_given(mut scene: Scene) {
    let claimed = scene.running().await;
    let at = scene.now();
    let failure = FailedAttempt::new(Cause::Panic, "index out of bounds", 1, at)
        .with_details("src/main.rs:7\nbacktrace: …")
        .with_error(value(500));
    scene.end(&claimed, Ending::Failed { failure: failure.clone(), retry_after: None, permanent: true }).await;
    assert_eq!(scene.get(claimed.run.id).await.ended, Some(Ended::Failed(failure)));

    let claimed = scene.running().await;
    let cancelled = Ending::Cancelled { reason: Some("résumé".into()), error: Some(value(501)) };
    scene.end(&claimed, cancelled).await;
    let expected = Ended::Cancelled { reason: Some("résumé".into()), error: Some(value(501)) };
    assert_eq!(scene.get(claimed.run.id).await.ended, Some(expected));

    let claimed = scene.running().await;
    scene.end(&claimed, completed(7)).await;
    assert_eq!(scene.get(claimed.run.id).await.ended, Some(Ended::Completed(value(7))));

    let claimed = scene.running().await;
    let parked = scene.end(&claimed, incompatible(MARK)).await;
    assert_eq!(parked.run.state, State::Incompatible { by: MARK });
    assert_eq!(parked.ended, Some(Ended::Incompatible("trailing bytes".into())));
}

pub async fn interrupted_runs_go_on_at_once_and_nothing_is_counted_against_them(mut scene: Scene) {
    let id = scene.enqueue().await;
    for _ in 0..20 {
        let claimed = scene.claim_one().await;
        scene.end(&claimed, interrupted()).await;
    }
    let run = scene.get(id).await.run;
    assert_eq!((run.counts.failures, run.counts.crashes, run.counts.interruptions), (0, 0, 20));
    assert_eq!(run.state, State::Pending { due: scene.now() });
}

pub async fn a_run_that_suspends_waits_for_what_it_said(mut scene: Scene) {
    let claimed = scene.running().await;
    let after = scene.end(&claimed, suspended()).await;
    assert_eq!(after.run.state, State::Suspended { waiting: Waiting::Proceed });
    scene.clock.advance(Duration::from_secs(10_000_000));
    assert_eq!(scene.claim(1).await, []);
}
