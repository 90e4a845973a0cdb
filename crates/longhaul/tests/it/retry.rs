//! Trying again: by policy, by hand, and not at all.

use longhaul::{AnyError, Failure, RetryError, RetryFrom, RetryPolicy, RunId, RunOutcome, StateKind};

use crate::kit::{GRACE, Gate, Scene, WORK, at_once, done, happened, reaches, until_stopped};

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
    let scene = Scene::new();
    let (server, mended) = fails_while_closed(&scene);
    let failed = server
        .client()
        .enqueue_fn(WORK, 1)
        .execution_metadata(3)
        .tag("order", 7)
        .retry(RetryPolicy::never())
        .await
        .unwrap();
    failed.outcome().await.unwrap();
    let before = scene.snapshot(failed.id()).await;
    mended.open();
    let resumed = failed.retry(RetryFrom::Checkpoint).await.unwrap();
    let anew = failed.retry(RetryFrom::TheStart).await.unwrap();
    assert_eq!(resumed.outcome().await.unwrap(), RunOutcome::Completed(23));
    assert_eq!(anew.outcome().await.unwrap(), RunOutcome::Completed(13));
    assert_eq!(scene.snapshot(failed.id()).await, before, "a final run stays as it is");
    assert_eq!(server.client().find_fn(WORK).with_tag("order", 7).count().await.unwrap(), 3);
}

#[tokio::test]
async fn there_is_nothing_to_retry_in_a_run_that_runs_or_is_due() {
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    let error = |state| RetryError::Nothing { id: run.id(), state };
    assert_eq!(run.retry(RetryFrom::Checkpoint).await.unwrap_err(), error(StateKind::Pending));
    let _server = scene.builder().task_fn(WORK, |ctx| async move { until_stopped(&ctx).await }).start().unwrap();
    reaches(&run, StateKind::Running).await;
    assert_eq!(run.retry(RetryFrom::Checkpoint).await.unwrap_err(), error(StateKind::Running));
    let nobody = scene.client().run_fn(WORK, RunId::from_bytes([7; 16]));
    assert_eq!(nobody.retry(RetryFrom::Checkpoint).await.unwrap_err(), RetryError::NotFound(nobody.id()));
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
