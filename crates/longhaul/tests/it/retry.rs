//! Trying again: by policy, by hand, and not at all.

use longhaul::{AnyError, Failure, RetryFrom, RetryPolicy, RetryRunError, RunId, RunOutcome, StateKind};

use crate::kit::{GRACE, Gate, SECOND, Scene, WORK, at_once, done, happened, reaches, until_stopped};

#[tokio::test]
async fn a_failed_attempt_is_followed_by_others_until_there_are_none_left() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.update(|x| *x += 1);
            let error = AnyError::msg(format!("at {}", ctx.read(|x| *x)));
            Failure::for_result().with_error(error)
        })
        .start()
        .unwrap();
    for (policy, last) in [(at_once().attempts(3), "at 3"), (at_once().attempts(3).from_the_start(), "at 1")] {
        let run = server.client().enqueue_fn(WORK, 1).retry(policy).await.unwrap();
        assert_eq!(run.outcome().await.unwrap().error(), Some(AnyError::msg(last)));
        let status = run.status().await.unwrap();
        let expected = ["enqueued", "claimed", "failed", "claimed", "failed", "claimed", "gave up"];
        assert_eq!(happened(&status), expected);
        assert_eq!((status.attempts(), status.run().counts.failures), (3, 3));
    }
}

/// A server whose runs fail while the gate is closed.
fn fails_while_closed(scene: &Scene) -> (longhaul::Longhaul, Gate) {
    let mended = Gate::default();
    let is_mended = mended.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let mended = is_mended.clone();
            async move {
                ctx.update(|x| *x += 10);
                if mended.is_open() { done(&ctx) } else { Err(AnyError::msg("down").into_failure()) }
            }
        })
        .start()
        .unwrap();
    (server, mended)
}

trait IntoFailure {
    fn into_failure(self) -> longhaul::Interruption<AnyError>;
}

impl IntoFailure for AnyError {
    fn into_failure(self) -> longhaul::Interruption<AnyError> {
        Failure::for_empty_result().with_error(self).unwrap_err()
    }
}

#[tokio::test]
async fn a_run_that_waits_for_its_next_attempt_is_retried_now() {
    let scene = Scene::new();
    let (server, mended) = fails_while_closed(&scene);
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Retrying).await;
    mended.open();
    let same = run.retry(RetryFrom::Checkpoint).await.unwrap();
    assert_eq!(same.id(), run.id());
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(20));
}

#[tokio::test]
async fn a_final_run_is_retried_as_a_new_one_from_its_checkpoint_or_from_the_start() {
    for (from, expected) in [(RetryFrom::Checkpoint, 23), (RetryFrom::TheStart, 13)] {
        let scene = Scene::new();
        let (server, mended) = fails_while_closed(&scene);
        let enqueue = server.client().enqueue_fn(WORK, 1).execution_metadata(3).tag("order", 7);
        let failed = enqueue.retry(RetryPolicy::never()).await.unwrap();
        failed.outcome().await.unwrap();
        let before = scene.snapshot(failed.id()).await;
        mended.open();
        let again = failed.retry(from).await.unwrap();
        assert_eq!(again.outcome().await.unwrap(), RunOutcome::Completed(expected));
        let after = scene.snapshot(failed.id()).await;
        assert_eq!((&after.run.state, &after.ended), (&before.run.state, &before.ended), "a final run stays as it is");
        assert_eq!(after.execution_metadata, before.execution_metadata);
        assert_eq!(server.client().find_fn(WORK).with_tag("order", 7).count().await.unwrap(), 2);
    }
}

#[tokio::test]
async fn retry_all_failed_can_be_pressed_again_and_executes_each_once() {
    let scene = Scene::new();
    let (server, mended) = fails_while_closed(&scene);
    let client = server.client();
    let mut failed = Vec::new();
    for n in 0..20 {
        let run = client.enqueue_fn(WORK, n).retry(RetryPolicy::never()).await.unwrap();
        run.outcome().await.unwrap();
        failed.push(run);
    }
    mended.open();
    let all_failed = || client.select().state(StateKind::Failed);
    let mut pressed = Vec::new();
    for _ in 0..3 {
        pressed.push(all_failed().retry(RetryFrom::Checkpoint).await.unwrap());
    }
    assert_eq!(
        pressed.iter().map(|pressed| (pressed.matched, pressed.done)).collect::<Vec<_>>(),
        [(20, 20), (0, 0), (0, 0)]
    );
    for run in &failed {
        let again = run.retry(RetryFrom::Checkpoint).await.unwrap();
        assert!(again.outcome().await.unwrap().completed().is_some());
        assert_eq!(again.status().await.unwrap().attempts(), 1);
    }
    assert_eq!(client.select().count().await, Ok(40));
    assert_eq!((all_failed().count().await, all_failed().not_retried().count().await), (Ok(20), Ok(0)));
}

#[tokio::test]
async fn a_run_that_was_retried_gives_the_newest_run_of_its_line_which_is_tried_again_if_it_failed() {
    let scene = Scene::new();
    let (server, mended) = fails_while_closed(&scene);
    let first = server.client().enqueue_fn(WORK, 1).retry(RetryPolicy::never()).await.unwrap();
    first.outcome().await.unwrap();
    // Each fails as well, so each press tries the newest again.
    let mut line = vec![first.clone()];
    for _ in 0..3 {
        let next = first.retry(RetryFrom::Checkpoint).await.unwrap();
        next.outcome().await.unwrap();
        line.push(next);
    }
    mended.open();
    let last = line[1].retry(RetryFrom::Checkpoint).await.unwrap();
    assert_eq!(last.outcome().await.unwrap(), RunOutcome::Completed(50));
    for run in line.iter().chain([&last]) {
        assert_eq!(
            run.retry(RetryFrom::Checkpoint).await.is_ok_and(|newest| newest.id() == last.id()),
            run.id() != last.id()
        );
    }
}

#[tokio::test]
async fn a_retry_that_was_called_off_is_not_brought_back_by_retrying_the_run_before() {
    let scene = Scene::new();
    let client = scene.client();
    let run = client.enqueue_fn(WORK, 1).await.unwrap();
    run.cancel().await.unwrap();
    let again = run.retry(RetryFrom::Checkpoint).await.unwrap();
    again.cancel().because("not this one").await.unwrap();
    assert_eq!(run.retry(RetryFrom::Checkpoint).await.unwrap().id(), again.id());
    assert_eq!(client.select().count().await, Ok(2));
    let third = again.retry(RetryFrom::Checkpoint).await.unwrap();
    assert_eq!(client.retry(run.id(), RetryFrom::Checkpoint).await, Ok(third.id()));
}

#[tokio::test]
async fn both_histories_name_the_other_run_and_who_asked() {
    let scene = Scene::new();
    let client = scene.client().acting_as("ann");
    let run = client.enqueue_fn(WORK, 1).await.unwrap();
    run.cancel().await.unwrap();
    scene.clock.advance(SECOND);
    let later = client.enqueue_fn(WORK, 2).await.unwrap();
    scene.clock.advance(SECOND);
    let again = run.retry(RetryFrom::Checkpoint).await.unwrap();
    let told = async |run: &longhaul::RunHandle<_>| {
        let status = run.status().await.unwrap();
        status.history().lines().map(|line| line.to_string()).collect::<Vec<_>>()
    };
    let expected =
        ["enqueued by ann".to_owned(), "cancelled by ann".into(), format!("retried by ann: as {}", again.id())];
    assert_eq!(told(&run).await, expected);
    assert_eq!(told(&again).await, [format!("enqueued by ann: as a retry of {}", run.id())]);
    // It is as new as the retry, not as the run before.
    let ids: Vec<_> = client.find_fn(WORK).all().await.unwrap().iter().map(|found| found.run.id()).collect();
    assert_eq!(ids, [run.id(), later.id(), again.id()]);
}

#[tokio::test]
async fn a_retry_keeps_the_unique_key_and_is_refused_if_another_run_has_it() {
    let scene = Scene::new();
    let client = scene.client();
    let enqueue = async || client.enqueue_fn(WORK, 1).unique("account 7").await.unwrap();
    let run = enqueue().await;
    run.cancel().await.unwrap();
    let again = run.retry(RetryFrom::Checkpoint).await.unwrap();
    assert_eq!(enqueue().await.id(), again.id(), "there is one live run of the key");
    again.cancel().await.unwrap();
    let owner = enqueue().await;
    let refused = again.retry(RetryFrom::Checkpoint).await.unwrap_err();
    let key = refused.to_string();
    assert!(matches!(refused, RetryRunError::Taken { id, state: StateKind::Pending, .. } if id == owner.id()), "{key}");
    assert!(key.contains("`account 7` is taken") && key.contains(&owner.id().to_string()), "{key}");
    let selected = client.select().state(StateKind::Cancelled).retry(RetryFrom::Checkpoint).await.unwrap();
    assert_eq!((selected.matched, selected.done, selected.refused), (1, 0, vec![(again.id(), key)]));
    assert_eq!(client.select().count().await, Ok(3));
}

#[tokio::test]
async fn a_run_whose_retry_was_removed_is_not_executed_a_second_time() {
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    run.cancel().await.unwrap();
    let again = run.retry(RetryFrom::Checkpoint).await.unwrap();
    again.delete().await.unwrap();
    let gone = RetryRunError::SuccessorGone { id: run.id(), successor: again.id() };
    assert_eq!(run.retry(RetryFrom::Checkpoint).await.unwrap_err(), gone);
}

#[tokio::test]
async fn there_is_nothing_to_retry_in_a_run_that_runs_or_is_due() {
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    let error = |state| RetryRunError::Nothing { id: run.id(), state };
    assert_eq!(run.retry(RetryFrom::Checkpoint).await.unwrap_err(), error(StateKind::Pending));
    let _server = scene.builder().task_fn(WORK, |ctx| async move { until_stopped(&ctx).await }).start().unwrap();
    reaches(&run, StateKind::Running).await;
    assert_eq!(run.retry(RetryFrom::Checkpoint).await.unwrap_err(), error(StateKind::Running));
    let nobody = scene.client().run_fn(WORK, RunId::from_bytes([7; 16]));
    assert_eq!(nobody.retry(RetryFrom::Checkpoint).await.unwrap_err(), RetryRunError::NotFound(nobody.id()));
}

#[tokio::test]
async fn a_deleted_run_is_gone_for_all_who_ask() {
    let scene = Scene::new();
    let server = scene.builder().task_fn(WORK, |ctx| async move { until_stopped(&ctx).await }).start().unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    let refused = run.delete().await.unwrap_err().to_string();
    assert_eq!(refused, format!("{} is running: cancel it first", run.id()));
    server.shutdown(GRACE).await;

    let waits = run.clone();
    let waiting = tokio::spawn(async move { waits.outcome().await });
    scene.client().run_fn(WORK, run.id()).delete().await.unwrap();
    let gone = format!("there is no {}: it never was, was deleted, or its retention has passed", run.id());
    assert_eq!(waiting.await.unwrap().unwrap_err().to_string(), gone);
    assert_eq!(run.status().await.unwrap_err().to_string(), gone);
    assert_eq!(scene.client().find_fn(WORK).count().await.unwrap(), 0);
    assert_eq!(run.delete().await.unwrap_err().to_string(), format!("there is no {}", run.id()));
}
