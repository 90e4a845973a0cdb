//! What is kept of the execution metadata, and when.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
    time::Duration,
};

use longhaul::{AnyError, Failure, ResumedFrom, RunOutcome, StateKind, Success, TaskFn};
use longhaul_testkit::{Call, FaultPoint};
use tokio::time::Instant;

use crate::kit::{
    Count, CountUp, GRACE, Gate, SECOND, Scene, WORK, at_once, done, reaches, unavailable, until, until_stopped,
};

#[tokio::test]
async fn an_enqueued_run_survives_a_crash_and_is_executed() {
    let scene = Scene::new();
    let run = scene.client().enqueue::<CountUp>(Count { to: 3 }).await.unwrap();
    scene.store.crash_and_reopen();
    let _server = scene.builder().task(CountUp).start().unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(3));
}

#[tokio::test]
async fn after_a_crash_the_next_attempt_sees_the_last_checkpoint() {
    let scene = Scene::new();
    let kept = Gate::default();
    let at_checkpoint = kept.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let at_checkpoint = at_checkpoint.clone();
            async move {
                ctx.update(|x| *x = 41);
                ctx.checkpoint().await?;
                ctx.update(|x| *x = 99); // not kept when the process dies now
                at_checkpoint.open();
                std::future::pending().await
            }
        })
        .start()
        .unwrap();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    kept.opened().await;
    scene.kill(server);

    let _next = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            assert_eq!(ctx.attempt().resumed_from, ResumedFrom::Crash);
            assert_eq!(ctx.attempt().number, 2);
            ctx.update(|x| *x += 1);
            done(&ctx)
        })
        .start()
        .unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(42));
}

#[tokio::test(start_paused = true)]
async fn a_change_without_a_checkpoint_is_kept_within_autosave_and_survives_a_crash() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.update(|x| *x = 7);
            std::future::pending().await
        })
        .start()
        .unwrap();
    let began = Instant::now();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    let kept = until(&run, |status| status.execution_metadata().unwrap() == 7).await;
    assert!(began.elapsed() <= SECOND, "autosave is 1 s, it took {:?}", began.elapsed());
    assert_eq!(kept.state(), StateKind::Running);
    scene.kill(server);

    let _next = scene.builder().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(7));
}

#[tokio::test(start_paused = true)]
async fn autosave_can_be_made_shorter() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .autosave(Duration::from_millis(20))
        .task_fn(WORK, |ctx| async move {
            ctx.update(|x| *x = 7);
            std::future::pending().await
        })
        .start()
        .unwrap();
    let began = Instant::now();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    until(&run, |status| status.execution_metadata().unwrap() == 7).await;
    assert!(began.elapsed() <= Duration::from_millis(25), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_changes_nothing_writes_nothing() {
    let scene = Scene::new();
    let gate = Gate::default();
    let release = gate.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let gate = gate.clone();
            async move {
                ctx.checkpoint().await?;
                ctx.update(|x| *x = 1);
                ctx.checkpoint().await?;
                ctx.checkpoint().await?;
                gate.opened().await;
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    until(&run, |status| status.execution_metadata().unwrap() == 1).await;
    tokio::time::advance(10 * SECOND).await;
    release.open();
    run.outcome().await.unwrap();
    assert_eq!(scene.faults.count_of(Call::Checkpoint), 1);
}

/// However an attempt ends, what it had changed is there afterwards: saving depends on nothing but a change.
async fn kept_when_it(ends: &'static str) {
    let scene = Scene::new();
    let (changed, state) =
        (Gate::default(), if ends == "suspends" { StateKind::Suspended } else { StateKind::Retrying });
    let has_changed = changed.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let changed = changed.clone();
            async move {
                ctx.update(|x| *x = 7);
                changed.open();
                match ends {
                    "fails" => Failure::for_result().with_error(AnyError::msg("no")),
                    "panics" => panic!("no"),
                    "suspends" => longhaul::Suspended::for_result().for_error(),
                    "follows" | "times out" => until_stopped(&ctx).await,
                    _ => std::future::pending().await,
                }
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).timeout(60 * SECOND).await.unwrap();
    has_changed.opened().await;
    match ends {
        "times out" => {
            scene.clock.advance(60 * SECOND);
            reaches(&run, state).await;
        }
        "follows" | "is dropped" => drop(server.shutdown(Duration::ZERO).await),
        _ => drop(reaches(&run, state).await),
    }
    assert_eq!(run.status().await.unwrap().execution_metadata().unwrap(), 7, "when it {ends}");
}

#[tokio::test]
async fn a_cursor_set_in_a_step_that_failed_is_kept() {
    kept_when_it("fails").await;
}

#[tokio::test]
async fn a_panic_keeps_what_was_changed_before_it() {
    kept_when_it("panics").await;
}

#[tokio::test]
async fn a_suspension_keeps_what_was_changed_before_it() {
    kept_when_it("suspends").await;
}

#[tokio::test]
async fn a_task_that_follows_a_shutdown_has_its_changes_kept() {
    kept_when_it("follows").await;
}

#[tokio::test]
async fn a_task_that_is_dropped_at_a_shutdown_has_its_changes_kept() {
    kept_when_it("is dropped").await;
}

#[tokio::test]
async fn a_timeout_keeps_what_was_changed_before_it() {
    kept_when_it("times out").await;
}

#[tokio::test]
async fn a_panic_inside_update_keeps_what_was_kept_before_and_never_the_half_changed_value() {
    const PAIR: TaskFn<(), (u64, u64), (u64, u64), AnyError> = TaskFn::new("pair");
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(PAIR, |ctx| async move {
            if ctx.attempt().number == 1 {
                ctx.update(|pair| *pair = (1, 1));
                ctx.checkpoint().await?;
                ctx.update(|pair| *pair = (5, 5)); // not kept, and the panic leaves nothing whole to keep
                ctx.update(|pair| {
                    pair.0 = 2;
                    panic!("half way");
                });
            }
            Success::with_result(ctx.read(|pair| *pair)).for_error()
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(PAIR, ()).retry(at_once()).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed((1, 1)));
    assert_eq!(run.status().await.unwrap().attempts(), 2);
}

#[tokio::test]
async fn a_checkpoint_never_claims_to_have_kept_a_half_changed_value() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.update(|x| *x = 1);
            // A task that survives a panic within `update`, as one in a future of its own does.
            let torn = catch_unwind(AssertUnwindSafe(|| ctx.update(|_| panic!("half way"))));
            assert!(torn.is_err());
            ctx.checkpoint().await?;
            Success::with_result(99).for_error()
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).retry(at_once().crashes(1)).await.unwrap();
    let RunOutcome::Failed { failure, .. } = run.outcome().await.unwrap() else {
        panic!("the checkpoint returned, and nothing was kept")
    };
    assert!(failure.message.contains("a closure handed to `update` panicked"), "{failure}");
}

#[tokio::test]
async fn a_checkpoint_that_was_dropped_half_way_is_made_by_the_next() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.update(|x| *x = 7);
            let mut checkpoint = Box::pin(ctx.checkpoint());
            let polled = std::future::poll_fn(|cx| Poll::Ready(checkpoint.as_mut().poll(cx).is_ready())).await;
            assert!(!polled, "the store hangs");
            drop(checkpoint);
            ctx.checkpoint().await?;
            std::future::pending().await
        })
        .start()
        .unwrap();
    scene.faults.hang_next(Call::Checkpoint, FaultPoint::BeforeEffect);
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    scene.faults.called(Call::Checkpoint, 2).await;
    until(&run, |status| status.execution_metadata().unwrap() == 7).await;
    scene.kill(server);
    assert_eq!(run.status().await.unwrap().execution_metadata().unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_task_stopped_while_the_store_is_away_has_its_last_change_kept_with_its_settlement() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.update(|x| *x = 7);
            ctx.checkpoint().await?;
            unreachable!("the store is away until the shutdown")
        })
        .start()
        .unwrap();
    for _ in 0..100 {
        scene.faults.fail_next(Call::Checkpoint, FaultPoint::BeforeEffect, unavailable());
    }
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    scene.faults.called(Call::Checkpoint, 3).await;
    server.shutdown(GRACE).await;
    let status = run.status().await.unwrap();
    assert_eq!((status.state(), status.execution_metadata().unwrap()), (StateKind::Pending, 7));
}

#[tokio::test(start_paused = true)]
async fn a_task_dropped_in_the_middle_of_a_checkpoint_has_its_last_change_kept() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.update(|x| *x = 7);
            ctx.checkpoint().await?;
            unreachable!("this checkpoint hangs")
        })
        .start()
        .unwrap();
    scene.faults.hang_next(Call::Checkpoint, FaultPoint::BeforeEffect);
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    scene.faults.called(Call::Checkpoint, 1).await;
    let report = server.shutdown(Duration::ZERO).await;
    assert_eq!(report.dropped.len(), 1);
    assert_eq!(run.status().await.unwrap().execution_metadata().unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn execution_metadata_that_is_too_large_fails_the_run_for_good_whoever_finds_out() {
    const GROW: TaskFn<bool, Vec<u8>, (), AnyError> = TaskFn::new("grow");
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(GROW, |ctx| async move {
            ctx.update(|x| x.resize((1 << 20) + 1, 0));
            if *ctx.metadata() {
                ctx.checkpoint().await?;
            } else {
                // The autosave finds out, and this task looks at nothing.
                ctx.cancellation().cancelled().await;
            }
            longhaul::Suspended::for_result().for_error()
        })
        .start()
        .unwrap();
    for by_checkpoint in [true, false] {
        let run = server.client().enqueue_fn(GROW, by_checkpoint).await.unwrap();
        let RunOutcome::Failed { failure, .. } = run.outcome().await.unwrap() else { panic!("it was kept") };
        assert!(failure.message.contains("the execution metadata"), "{failure}");
        assert!(failure.message.contains("of at most 1048576"), "{failure}");
        assert_eq!(run.status().await.unwrap().attempts(), 1);
    }
}

#[tokio::test]
async fn a_fresh_run_begins_with_the_default_or_with_what_it_was_enqueued_with() {
    let scene = Scene::new();
    let seen = Arc::new(AtomicU32::new(0));
    let resumed = seen.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let resumed = resumed.clone();
            async move {
                resumed.fetch_add(u32::from(ctx.attempt().resumed_from != ResumedFrom::Fresh), Ordering::Relaxed);
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let fresh = server.client().enqueue_fn(WORK, 1).await.unwrap();
    assert_eq!(fresh.outcome().await.unwrap(), RunOutcome::Completed(0));
    let given = server.client().enqueue_fn(WORK, 1).execution_metadata(30).await.unwrap();
    assert_eq!(given.outcome().await.unwrap(), RunOutcome::Completed(30));
    assert_eq!(seen.load(Ordering::Relaxed), 0);
}
