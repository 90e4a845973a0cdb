//! A checkpoint in two halves: captured, and written elsewhere, as in a transaction of the user's.

use std::sync::Arc;

use longhaul::{
    CapturedCheckpoint, Context, RetryPolicy, RunOutcome, StateKind, StopReason, Stopped,
    store_api::store::{AttemptStore, CheckpointError, Checkpointed},
    testing,
};
use longhaul_testkit::{Call, MemoryStore};

use crate::kit::{Gate, Scene, WORK, done, until};

/// Plays a transaction of the user's: writes the capture straight to the store, past the server.
async fn write_elsewhere(store: &MemoryStore, captured: CapturedCheckpoint) -> Result<(), Stopped> {
    let answers = store.checkpoint(vec![captured.checkpoint().clone()]).await.expect("the memory store answers");
    match answers.into_iter().next().expect("one answer for one checkpoint") {
        Ok(answer) => captured.kept(answer),
        Err(error) => Err(captured.refused(error)),
    }
}

async fn add(ctx: &Context<u64, u64>, store: &MemoryStore, n: u64) -> Result<u32, Stopped> {
    ctx.update(|x| *x += n);
    let captured = ctx.capture_checkpoint().await?;
    let seq = captured.checkpoint().seq;
    write_elsewhere(store, captured).await?;
    Ok(seq)
}

#[tokio::test]
async fn a_capture_that_is_kept_elsewhere_is_not_written_again_and_later_seqs_go_on() {
    let scene = Scene::new();
    let (store, faults) = (scene.store.clone(), scene.faults.clone());
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let (store, faults) = (store.clone(), faults.clone());
            async move {
                assert_eq!(add(&ctx, &store, 1).await?, 1);
                ctx.checkpoint().await?;
                assert_eq!(faults.count_of(Call::Checkpoint), 0, "nothing changed since");
                assert_eq!(add(&ctx, &store, 2).await?, 2);
                ctx.update(|x| *x += 4);
                ctx.checkpoint().await?;
                assert_eq!(faults.count_of(Call::Checkpoint), 1);
                assert_eq!(add(&ctx, &store, 8).await?, 4);
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let once = RetryPolicy::never().crashes(1);
    let run = server.client().enqueue_fn(WORK, 1).retry(once).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(15));
    let kept = scene.snapshot(run.id()).await;
    assert_eq!((kept.execution_metadata.unwrap().decode(), kept.run.seq), (Ok(15_u64), 4));
}

#[tokio::test]
async fn a_capture_that_was_rolled_back_is_written_by_the_next_checkpoint() {
    let (ctx, attempt) = testing::context((), 0_u64).await;
    ctx.update(|x| *x = 7);
    ctx.progress().set(3, 10);
    let captured = ctx.capture_checkpoint().await.unwrap();
    assert_eq!(captured.checkpoint().progress.as_ref().map(|progress| progress.done), Some(3));
    drop(captured);
    assert_eq!(attempt.snapshot().await.execution_metadata, None);
    ctx.checkpoint().await.unwrap();
    let kept = attempt.snapshot().await;
    assert_eq!((attempt.kept::<u64>().await, kept.run.progress.unwrap().done), (7, 3));
}

#[tokio::test]
async fn what_changes_while_a_capture_is_held_is_written_by_the_next_checkpoint() {
    let (ctx, attempt) = testing::context((), 0_u64).await;
    ctx.update(|x| *x = 7);
    let captured = ctx.capture_checkpoint().await.unwrap();
    ctx.update(|x| *x = 8);
    captured.kept(Checkpointed::default()).unwrap();
    ctx.checkpoint().await.unwrap();
    assert_eq!(attempt.kept::<u64>().await, 8);
}

#[tokio::test]
async fn a_capture_names_its_epoch_even_if_nothing_changed() {
    let (ctx, attempt) = testing::context((), 0_u64).await;
    let captured = ctx.capture_checkpoint().await.unwrap();
    let checkpoint = captured.checkpoint();
    assert_eq!((checkpoint.epoch, checkpoint.seq), (attempt.snapshot().await.run.epoch, 0));
    assert_eq!((&checkpoint.execution_metadata, &checkpoint.progress), (&None, &None));
}

#[tokio::test]
async fn a_capture_that_is_refused_ends_the_attempt_as_one_that_lost_its_claim() {
    let (ctx, _attempt) = testing::context((), 0_u64).await;
    let captured = ctx.capture_checkpoint().await.unwrap();
    let id = captured.checkpoint().id;
    let _stopped: Stopped = captured.refused(CheckpointError::NotFound(id));
    assert_eq!(ctx.stop_reason(), Some(StopReason::ClaimLost));
}

#[tokio::test(start_paused = true)]
async fn autosave_leaves_a_run_out_while_a_capture_of_it_is_held_and_keeps_it_afterwards() {
    let scene = Scene::new();
    let gates = Arc::new([Gate::default(), Gate::default()]);
    let [held, release] = &*gates;
    let of_task = gates.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let gates = of_task.clone();
            async move {
                if *ctx.metadata() == 1 {
                    ctx.update(|x| *x = 7);
                    let captured = ctx.capture_checkpoint().await?;
                    ctx.update(|x| *x = 8);
                    ctx.progress().set(3, 10);
                    gates[0].open();
                    gates[1].opened().await;
                    drop(captured);
                } else {
                    ctx.update(|x| *x = 7);
                }
                std::future::pending().await
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    held.opened().await;
    // Autosave keeps what another run changed, and so has passed by this one.
    let other = server.client().enqueue_fn(WORK, 2).await.unwrap();
    until(&other, |status| status.execution_metadata().unwrap() == 7).await;
    let held_back = run.status().await.unwrap();
    assert_eq!((held_back.execution_metadata().unwrap(), &held_back.run().progress), (0, &None));
    release.open();
    let kept = until(&run, |status| status.execution_metadata().unwrap() == 8).await;
    assert_eq!(kept.run().progress.as_ref().unwrap().done, 3);
}

#[tokio::test]
async fn the_end_of_an_attempt_does_not_wait_for_whoever_holds_a_capture_and_settles_what_it_held() {
    let scene = Scene::new();
    let (sender, receiver) = std::sync::mpsc::channel();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let sender = sender.clone();
            async move {
                ctx.update(|x| *x = 7);
                sender.send(ctx.capture_checkpoint().await?).unwrap();
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(7));
    let kept = scene.snapshot(run.id()).await;
    assert_eq!((kept.execution_metadata.unwrap().decode(), kept.run.state.kind()), (Ok(7_u64), StateKind::Completed));
    // Its transaction comes too late, and is refused.
    assert!(write_elsewhere(&scene.store, receiver.recv().unwrap()).await.is_err());
}
