//! A checkpoint in two halves: captured, and written elsewhere, as in a transaction of the user's.

use std::sync::Arc;

use longhaul::{
    AnyError, Backoff, CapturedCheckpoint, Context, RetryPolicy, RunOutcome, StateKind, StopReason, Stopped,
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

#[tokio::test]
async fn a_staged_change_holds_once_it_is_committed_and_keeps_what_others_changed_meanwhile() {
    let (ctx, attempt) = testing::context((), 1_u64).await;
    ctx.update(|x| *x += 2);
    let staged = ctx.stage(|x| *x += 10).await.unwrap();
    let value = staged.checkpoint().execution_metadata.clone().unwrap();
    assert_eq!((value.decode(), ctx.read(|x| *x)), (Ok(13_u64), 3), "what was unsaved is in it");
    ctx.update(|x| *x += 100);
    staged.committed(Checkpointed::default()).unwrap();
    assert_eq!(ctx.read(|x| *x), 113);
    ctx.checkpoint().await.unwrap();
    assert_eq!(attempt.kept::<u64>().await, 113);
}

#[tokio::test]
async fn a_staged_change_that_was_rolled_back_is_kept_by_no_later_save() {
    let (ctx, attempt) = testing::context((), 1_u64).await;
    let staged = ctx.stage(|x| *x += 10).await.unwrap();
    staged.rolled_back();
    assert_eq!(ctx.read(|x| *x), 1);
    ctx.checkpoint().await.unwrap();
    assert_eq!(attempt.kept::<u64>().await, 1);
    let again = ctx.stage(|x| *x += 10).await.unwrap();
    assert_eq!(again.checkpoint().execution_metadata.clone().unwrap().decode(), Ok(11_u64));
    again.rolled_back();
}

/// The first attempt commits, and does not hear of it. Whatever it does then, the next attempt finds what was committed.
#[tokio::test]
async fn an_attempt_that_does_not_know_whether_a_change_was_committed_saves_nothing_more() {
    let scene = Scene::new();
    let (store, faults) = (scene.store.clone(), scene.faults.clone());
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let (store, faults) = (store.clone(), faults.clone());
            async move {
                if ctx.attempt().number > 1 {
                    return done(&ctx);
                }
                let staged = ctx.stage(|x| *x = 7).await?;
                store.checkpoint(vec![staged.checkpoint().clone()]).await.unwrap().remove(0).unwrap();
                drop(staged); // its answer was lost
                ctx.update(|x| *x += 1);
                assert!(ctx.checkpoint().await.is_err());
                assert_eq!(ctx.stop_reason(), Some(StopReason::Uncommitted));
                assert!(ctx.stage(|x| *x += 1).await.is_err());
                assert_eq!(faults.count_of(Call::Checkpoint), 0);
                Err(AnyError::msg("the connection broke").into())
            }
        })
        .start()
        .unwrap();
    let retry = RetryPolicy::default().attempts(2).backoff(Backoff::Fixed(std::time::Duration::ZERO));
    let run = server.client().enqueue_fn(WORK, 1).retry(retry).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(7));
}
