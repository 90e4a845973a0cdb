//! The success of an attempt in two halves: captured, and written elsewhere, as in a transaction of the user's.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use longhaul::{
    AnyError, AttemptEnd, CapturedSuccess, Context, EndKind, ExecutionResult, Interruption, Lifecycle, RunOutcome,
    StateKind, StopReason, Stopped, Success, TaskFn, layer_fn,
    store_api::store::{AttemptStore, SettleError},
    testing,
};
use longhaul_testkit::{Call, MemoryStore};

use crate::kit::{GRACE, Gate, START, Scene, WORK, at_once, done};

/// Plays a transaction of the user's: writes the capture straight to the store, past the server.
async fn settle_elsewhere(store: &MemoryStore, captured: CapturedSuccess) -> Result<(), Stopped> {
    let answers = store.settle(vec![captured.settlement().clone()]).await.expect("the memory store answers");
    match answers.into_iter().next().expect("one answer for one settlement") {
        Ok(answer) => {
            captured.kept(answer);
            Ok(())
        }
        Err(error) => Err(captured.refused(error)),
    }
}

/// Succeeds with 15, and ends as `end` says.
async fn succeed(
    ctx: &Context<u64, u64>,
    store: &MemoryStore,
    end: ExecutionResult<u64, AnyError>,
) -> ExecutionResult<u64, AnyError> {
    ctx.update(|x| *x = 15);
    ctx.progress().set(3, 10);
    let captured = ctx.capture_success(&15_u64).await?;
    settle_elsewhere(store, captured).await?;
    end
}

#[tokio::test]
async fn a_success_that_is_kept_elsewhere_is_the_end_of_the_run_and_is_not_written_again() {
    let scene = Scene::new();
    let store = scene.store.clone();
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let server = scene
        .builder()
        .hook(move |event| match event {
            Lifecycle::AttemptEnded(ended) => sender.send((ended.end.kind(), ended.next)).unwrap(),
            Lifecycle::RunFinal(run) => sender.send((EndKind::Completed, run.state)).unwrap(),
            _ => {}
        })
        .task_fn(WORK, move |ctx| {
            let store = store.clone();
            async move { succeed(&ctx, &store, Ok(Success(15))).await }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(15));
    for _ in 0..2 {
        assert_eq!(told.recv().await, Some((EndKind::Completed, StateKind::Completed)));
    }
    server.shutdown(GRACE).await;
    let kept = scene.snapshot(run.id()).await;
    assert_eq!((kept.execution_metadata.unwrap().decode(), kept.run.progress.unwrap().done), (Ok(15_u64), 3));
    assert_eq!((scene.faults.count_of(Call::Settle), scene.faults.count_of(Call::Checkpoint)), (0, 0));
}

#[tokio::test]
async fn nothing_that_follows_a_success_that_was_kept_changes_the_run() {
    let scene = Scene::new();
    let store = scene.store.clone();
    let server = scene
        .builder()
        .layer(layer_fn(|_, next| async move {
            let _ = next.run().await;
            AttemptEnd::failed("a layer has another opinion")
        }))
        .task_fn(WORK, move |ctx| {
            let store = store.clone();
            async move {
                let end = Err(Interruption::failed(AnyError::msg("the task has another opinion")));
                let end = succeed(&ctx, &store, end).await;
                ctx.update(|x| *x = 16);
                assert!(ctx.checkpoint().await.is_err(), "the run is completed");
                assert!(ctx.capture_success(&16_u64).await.is_err(), "the run is completed");
                assert!(ctx.stop_reason().is_none(), "the task may go on with what it has to do");
                end
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).retry(at_once()).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(15));
    server.shutdown(GRACE).await;
    let kept = scene.snapshot(run.id()).await;
    assert_eq!((kept.execution_metadata.unwrap().decode(), kept.run.state.kind()), (Ok(15_u64), StateKind::Completed));
    assert_eq!(scene.faults.count_of(Call::Settle), 0);
}

#[tokio::test]
async fn an_attempt_that_is_dropped_after_its_success_was_kept_leaves_the_run_completed() {
    let scene = Scene::new();
    let (store, kept) = (scene.store.clone(), Gate::default());
    let of_task = kept.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let (store, kept) = (store.clone(), of_task.clone());
            async move {
                let _ = succeed(&ctx, &store, Ok(Success(15))).await;
                kept.open();
                std::future::pending().await
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    kept.opened().await;
    let shutdown = tokio::spawn(server.shutdown(GRACE));
    scene.asleep_until(START.after(GRACE)).await;
    scene.clock.advance(GRACE);
    assert_eq!(shutdown.await.unwrap().dropped.len(), 1);
    let kept = scene.snapshot(run.id()).await;
    assert_eq!((kept.run.state.kind(), kept.run.epoch.0), (StateKind::Completed, 1));
    assert_eq!(scene.faults.count_of(Call::Settle), 0);
}

#[tokio::test]
async fn after_a_rollback_the_attempt_goes_on_as_if_nothing_had_been_captured() {
    let scene = Scene::new();
    let attempts = Arc::new(AtomicU32::new(0));
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let attempts = attempts.clone();
            async move {
                match attempts.fetch_add(1, Ordering::Relaxed) {
                    // Waits for a value.
                    0 => longhaul::Suspended::for_result().for_error(),
                    1 => {
                        assert_eq!(ctx.proceeded_with::<u64>()?, Some(7));
                        drop(ctx.capture_success(&1_u64).await?);
                        // A failure acknowledges nothing that the task took.
                        Err(Interruption::failed(AnyError::msg("rolled back")))
                    }
                    _ => {
                        assert_eq!(ctx.proceeded_with::<u64>()?, Some(7), "it was not acknowledged");
                        ctx.update(|x| *x = 2);
                        drop(ctx.capture_success(&1_u64).await?);
                        ctx.checkpoint().await?;
                        done(&ctx)
                    }
                }
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).retry(at_once()).await.unwrap();
    crate::kit::reaches(&run, StateKind::Suspended).await;
    run.proceed_with(7_u64).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(2));
}

#[tokio::test]
async fn a_success_acknowledges_what_was_taken_though_nothing_else_changed() {
    let (ctx, attempt) = testing::context((), 0_u64).await;
    attempt.proceed_with(7_u64).await;
    assert_eq!(ctx.proceeded_with::<u64>().unwrap(), Some(7));
    let captured = ctx.capture_success(&()).await.unwrap();
    assert_eq!(
        (captured.settlement().taken.clone(), captured.settlement().execution_metadata.is_some()),
        (vec![1], true)
    );
}

#[tokio::test]
async fn a_result_that_cannot_be_kept_fails_the_run_for_good() {
    const BYTES: TaskFn<u64, (), Vec<u8>> = TaskFn::new("bytes");
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(BYTES, |ctx| async move {
            if *ctx.metadata() == 1 {
                drop(ctx.capture_success(&vec![0_u8; 5 << 20]).await?);
            } else {
                drop(ctx.capture_success(&"text".to_owned()).await?);
            }
            unreachable!("it cannot be kept")
        })
        .start()
        .unwrap();
    for (metadata, why) in [(1, "of at most 4194304"), (2, "`capture_success` was given a `alloc::string::String`")] {
        let run = server.client().enqueue_fn(BYTES, metadata).await.unwrap();
        let failure = run.outcome().await.unwrap();
        assert!(matches!(&failure, RunOutcome::Failed { failure, .. } if failure.message.contains(why)), "{failure:?}");
    }
}

#[tokio::test]
async fn a_success_that_is_refused_ends_the_attempt_as_one_that_lost_its_claim() {
    let (ctx, _attempt) = testing::context((), 0_u64).await;
    let captured = ctx.capture_success(&()).await.unwrap();
    let id = captured.settlement().id;
    let _stopped: Stopped = captured.refused(SettleError::NotFound(id));
    assert_eq!(ctx.stop_reason(), Some(StopReason::ClaimLost));
}
