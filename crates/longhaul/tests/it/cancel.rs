//! Calling runs off, from outside and by a timeout.

use std::time::Duration;

use longhaul::{
    AnyError, Cancelled, Context, ExecutionResult, Failure, ResumedFrom, RetryPolicy, RunId, RunOutcome, StateKind,
    StopReason, Success, Task,
};

use crate::kit::{Gate, SECOND, START, Scene, WORK, at_once, done, happened, reaches, until_stopped};

#[tokio::test]
async fn a_waiting_run_is_cancelled_at_once() {
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    assert_eq!(run.cancel().because("changed my mind").await, Ok(Cancelled::Now));
    let reason = Some("changed my mind".to_owned());
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Cancelled { reason, error: None });
    let nobody = scene.client().run_fn(WORK, RunId::from_bytes([7; 16]));
    assert!(nobody.cancel().await.unwrap_err().to_string().starts_with("there is no run_"));
}

#[tokio::test]
async fn a_running_run_is_told_why_it_is_cancelled_and_keeps_what_it_had_changed() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.update(|x| *x = 5);
            ctx.cancellation().cancelled().await;
            assert_eq!(ctx.stop_reason(), Some(StopReason::Cancelled { reason: Some("enough".into()) }));
            ctx.ensure_active()?;
            unreachable!("it was told to stop")
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    assert_eq!(scene.client().run_fn(WORK, run.id()).cancel().because("enough").await, Ok(Cancelled::Requested));
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Cancelled { reason: Some("enough".into()), error: None });
    let status = run.status().await.unwrap();
    assert_eq!(status.execution_metadata().unwrap(), 5);
    assert_eq!(happened(&status), ["enqueued", "claimed", "cancel requested", "cancelled"]);
}

#[tokio::test]
async fn work_that_is_done_before_a_cancellation_reaches_it_is_done() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.cancellation().cancelled().await;
            match ctx.metadata() {
                1 => Success::with_result(7).for_error(),
                _ => Failure::for_result().with_error(AnyError::msg("no")),
            }
        })
        .start()
        .unwrap();
    let ends = |n| {
        let client = server.client();
        async move {
            let run = client.enqueue_fn(WORK, n).await.unwrap();
            reaches(&run, StateKind::Running).await;
            run.cancel().await.unwrap();
            run.outcome().await.unwrap()
        }
    };
    assert_eq!(ends(1).await, RunOutcome::Completed(7));
    assert_eq!(ends(2).await, RunOutcome::Cancelled { reason: None, error: None }, "it wins over a failure");
}

#[tokio::test]
async fn a_task_that_ignores_a_cancellation_is_dropped_at_the_stop_deadline() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .stop_deadline(7 * SECOND)
        .task_fn(WORK, |ctx| async move {
            ctx.update(|x| *x = 5);
            std::future::pending().await
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    run.cancel().because("enough").await.unwrap();
    scene.asleep_until(START.after(7 * SECOND)).await;
    assert_eq!(run.status().await.unwrap().state(), StateKind::Running);
    scene.clock.advance(7 * SECOND);
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Cancelled { reason: Some("enough".into()), error: None });
    assert_eq!(run.status().await.unwrap().execution_metadata().unwrap(), 5);
}

/// 0 ends at once, 1 when the gate opens, 2 when it is told to stop.
struct Work(Gate);

impl Task for Work {
    const NAME: &'static str = "work";
    type Metadata = u64;
    type ExecutionMetadata = u64;
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u64, u64>) -> ExecutionResult<u64, AnyError> {
        match ctx.metadata() {
            0 => {}
            1 => self.0.opened().await,
            _ => return until_stopped(ctx).await,
        }
        done(ctx)
    }
}

#[tokio::test]
async fn a_run_that_was_claimed_ahead_hears_of_its_cancellation_when_it_begins() {
    let scene = Scene::new();
    let gate = Gate::default();
    let server = scene.builder().concurrency(2).task(Work(gate.clone())).start().unwrap();
    // After a short run more are claimed than there are slots.
    let client = server.client();
    client.enqueue::<Work>(0).await.unwrap().outcome().await.unwrap();
    scene.clock.advance(Duration::from_millis(1));
    let long = client.enqueue::<Work>(1).await.unwrap();
    reaches(&long, StateKind::Running).await;
    let [_also_long, ahead] = &client.enqueue_all::<Work>([1, 2]).await.unwrap()[..] else { unreachable!() };
    reaches(ahead, StateKind::Running).await;
    ahead.cancel().because("enough").await.unwrap();
    gate.open();
    assert_eq!(ahead.outcome().await.unwrap(), RunOutcome::Cancelled { reason: Some("enough".into()), error: None });
}

#[tokio::test]
async fn a_timeout_fails_the_attempt_and_the_next_goes_on_from_the_checkpoint() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            if ctx.attempt().number == 1 {
                ctx.update(|x| *x = 5);
                ctx.cancellation().cancelled().await;
                assert_eq!(ctx.stop_reason(), Some(StopReason::Timeout));
                ctx.ensure_active()?;
            }
            assert_eq!(ctx.attempt().resumed_from, ResumedFrom::Failure);
            done(&ctx)
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).timeout(57 * SECOND).retry(at_once()).await.unwrap();
    scene.asleep_until(START.after(57 * SECOND)).await; // not at a full minute, where other loops wake up
    scene.clock.advance(57 * SECOND);
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(5));
    let status = run.status().await.unwrap();
    assert_eq!(happened(&status), ["enqueued", "claimed", "timed out", "claimed", "completed"]);
    assert_eq!(status.run().counts.failures, 1);
}

#[tokio::test]
async fn a_task_that_ignores_its_timeout_is_dropped_and_its_run_fails_in_the_end() {
    let scene = Scene::new();
    let server = scene.builder().stop_deadline(SECOND).task_fn(WORK, |_| std::future::pending()).start().unwrap();
    let run = server.client().enqueue_fn(WORK, 1).timeout(57 * SECOND).retry(RetryPolicy::never()).await.unwrap();
    scene.asleep_until(START.after(57 * SECOND)).await; // not at a full minute, where other loops wake up
    scene.clock.advance(57 * SECOND);
    scene.asleep_until(START.after(58 * SECOND)).await;
    scene.clock.advance(SECOND);
    let RunOutcome::Failed { failure, error: None } = run.outcome().await.unwrap() else { panic!("it timed out") };
    let expected = "the attempt exceeded its timeout of 57s: the attempt did not stop in time and was dropped";
    assert_eq!((failure.cause.as_str(), &*failure.message), ("timeout", expected));
}
