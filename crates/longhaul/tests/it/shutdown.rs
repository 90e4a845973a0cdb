//! A shutdown: stop claiming, tell, wait, drop, keep, report, and end in any case.

use longhaul::store_api::store::prelude::*;
use std::{sync::mpsc, time::Duration};

use longhaul::{AnyError, Failure, ResumedFrom, RunOutcome, StateKind, StopReason, Success, TaskFn};
use longhaul_testkit::{Call, FaultPoint};
use tokio::{sync::oneshot, time::Instant};

use crate::kit::{
    Count, CountUp, GRACE, Gate, SECOND, START, Scene, WORK, at_once, done, happened, reaches, until_stopped,
};

#[tokio::test]
async fn attempts_are_told_suspended_and_go_on_in_the_next_server() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.update(|x| *x = 5);
            ctx.progress().step("half").set(5, 10);
            ctx.checkpoint().await?;
            ctx.cancellation().cancelled().await;
            assert_eq!(ctx.stop_reason(), Some(StopReason::Shutdown));
            ctx.ensure_active()?;
            unreachable!("it was told to stop")
        })
        .start()
        .unwrap();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    crate::kit::until(&run, |status| status.progress().done == 5).await;
    let report = server.shutdown(GRACE).await;
    assert_eq!(report.suspended.len(), 1);
    let stopped = &report.suspended[0];
    assert_eq!((stopped.id, stopped.kind.as_str()), (run.id(), "work"));
    assert_eq!((&*stopped.progress.step, stopped.progress.done, stopped.progress.total), ("half", 5, Some(10)));
    assert!(report.dropped.is_empty() && report.blocked.is_empty(), "{report:?}");

    let status = run.status().await.unwrap();
    assert_eq!((status.state(), status.resumes_from()), (StateKind::Pending, ResumedFrom::Interruption));
    assert_eq!(happened(&status), ["enqueued", "claimed", "interrupted"]);

    let _next = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            assert_eq!(ctx.attempt().resumed_from, ResumedFrom::Interruption);
            done(&ctx)
        })
        .start()
        .unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(5));
}

#[tokio::test]
async fn a_clean_interruption_counts_against_nothing_and_restarts_without_progress_are_counted() {
    let scene = Scene::new();
    // One failure or one crash would end it.
    let run = scene.client().enqueue_fn(WORK, 1).retry(at_once().attempts(1).crashes(1)).await.unwrap();
    let restarted = |progress: bool| {
        let server = scene
            .builder()
            .task_fn(WORK, move |ctx| async move {
                if progress {
                    ctx.update(|x| *x += 1);
                    ctx.checkpoint().await?;
                }
                until_stopped(&ctx).await
            })
            .start()
            .unwrap();
        let run = run.clone();
        async move {
            reaches(&run, StateKind::Running).await;
            server.shutdown(GRACE).await;
            run.status().await.unwrap().run().counts
        }
    };
    for n in 1..=5 {
        let counts = restarted(false).await;
        assert_eq!((counts.interruptions, counts.restarts_without_progress), (n, n));
        assert_eq!((counts.failures, counts.crashes), (0, 0));
    }
    let counts = restarted(true).await;
    assert_eq!((counts.interruptions, counts.restarts_without_progress), (6, 0));
}

#[tokio::test]
async fn a_shutdown_waits_for_the_grace_and_drops_what_does_not_follow() {
    struct OnDrop(Gate);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.open();
        }
    }
    let scene = Scene::new();
    let dropped = Gate::default();
    let was_dropped = dropped.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let guard = OnDrop(dropped.clone());
            async move {
                ctx.update(|x| *x = 9);
                std::future::pending::<()>().await;
                drop(guard);
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;

    let mut shutdown = tokio::spawn(server.shutdown(GRACE));
    scene.asleep_until(START.after(GRACE)).await;
    scene.clock.advance(GRACE.saturating_sub(Duration::from_millis(1)));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!shutdown.is_finished() && !was_dropped.is_open(), "the grace is not over");
    scene.clock.advance(Duration::from_millis(1));
    let report = (&mut shutdown).await.unwrap();
    assert!(was_dropped.is_open());
    assert_eq!(report.dropped, report.suspended);
    assert_eq!(report.dropped[0].id, run.id());
    assert!(report.blocked.is_empty());
    let status = run.status().await.unwrap();
    assert_eq!((status.state(), status.execution_metadata().unwrap()), (StateKind::Pending, 9));
    let why = status.history().entries.last().unwrap().why.clone().unwrap();
    assert_eq!(&*why, "shutdown: the attempt did not stop in time and was dropped");
}

#[tokio::test]
async fn a_run_that_ends_within_the_grace_is_done() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.cancellation().cancelled().await;
            Success::with_result(7).for_error() // the last page was small
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    let report = server.shutdown(GRACE).await;
    assert_eq!(report.suspended.len(), 1);
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(7));
}

#[tokio::test]
async fn a_task_that_fails_while_its_server_goes_down_is_interrupted_unless_it_says_permanently() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.cancellation().cancelled().await;
            let failure = Failure::for_result();
            let failure = if *ctx.metadata() == 2 { failure.permanently() } else { failure };
            failure.with_error(AnyError::msg("the pool is closed"))
        })
        .start()
        .unwrap();
    let mostly = server.client().enqueue_fn(WORK, 1).retry(at_once().attempts(1)).await.unwrap();
    let for_good = server.client().enqueue_fn(WORK, 2).await.unwrap();
    reaches(&mostly, StateKind::Running).await;
    reaches(&for_good, StateKind::Running).await;
    server.shutdown(GRACE).await;
    let status = mostly.status().await.unwrap();
    assert_eq!((status.state(), status.run().counts.failures), (StateKind::Pending, 0));
    let why = status.history().entries.last().unwrap().why.clone().unwrap();
    assert_eq!(&*why, "shutdown; the task failed while it stopped: the pool is closed");
    assert_eq!(for_good.status().await.unwrap().state(), StateKind::Failed);
}

#[tokio::test]
async fn nothing_is_claimed_once_a_shutdown_began() {
    let scene = Scene::new();
    let told = Gate::default();
    let (gate, is_told) = (Gate::default(), told.clone());
    let release = gate.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let (told, gate) = (told.clone(), gate.clone());
            async move {
                ctx.cancellation().cancelled().await;
                told.open();
                gate.opened().await;
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let first = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&first, StateKind::Running).await;
    let shutdown = tokio::spawn(server.shutdown(GRACE));
    is_told.opened().await;
    let late = scene.client().enqueue_fn(WORK, 2).await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    release.open();
    shutdown.await.unwrap();
    assert_eq!(first.status().await.unwrap().state(), StateKind::Completed);
    let status = late.status().await.unwrap();
    assert_eq!((status.state(), status.attempts()), (StateKind::Pending, 0));
}

#[tokio::test]
async fn leases_are_renewed_while_a_shutdown_waits() {
    let scene = Scene::new();
    let (told, gate) = (Gate::default(), Gate::default());
    let (is_told, release) = (told.clone(), gate.clone());
    let server = scene
        .leased()
        .task_fn(WORK, move |ctx| {
            let (told, gate) = (told.clone(), gate.clone());
            async move {
                ctx.cancellation().cancelled().await;
                told.open();
                gate.opened().await;
                Success::with_result(7).for_error()
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    scene.begun().await;
    let shutdown = tokio::spawn(server.shutdown(3600 * SECOND));
    is_told.opened().await;
    for _ in 0..12 {
        scene.beat().await;
        assert_eq!(scene.store.expire().await, Ok(0), "its lease ran out");
    }
    release.open();
    shutdown.await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(7));
}

#[tokio::test]
async fn work_that_blocks_beyond_the_grace_is_reported_by_name_and_can_write_nothing_more() {
    let scene = Scene::new();
    let (go_on, wait) = mpsc::channel::<()>();
    let (tell, told) = oneshot::channel();
    let once = std::sync::Mutex::new(Some((wait, tell)));
    let blocks = Gate::default();
    let blocking = blocks.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let (wait, tell) = once.lock().unwrap().take().expect("one attempt");
            let blocks = blocks.clone();
            async move {
                ctx.update(|x| *x = 1);
                ctx.blocking(move |ctx| {
                    blocks.open();
                    wait.recv().unwrap();
                    ctx.update(|x| *x = 99);
                    let _ = tell.send((ctx.checkpoint(), ctx.stop_reason()));
                })
                .await;
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    blocking.opened().await;
    let report = server.shutdown(Duration::ZERO).await;
    assert_eq!(report.blocked.len(), 1);
    assert_eq!((report.blocked[0].id, report.blocked[0].kind.as_str()), (run.id(), "work"));

    let before = scene.snapshot(run.id()).await;
    go_on.send(()).unwrap();
    let (checkpoint, reason) = told.await.unwrap();
    assert!(checkpoint.is_err());
    assert_eq!(reason, Some(StopReason::Shutdown));
    assert_eq!(scene.snapshot(run.id()).await, before);
    assert_eq!(run.status().await.unwrap().execution_metadata().unwrap(), 1);
}

#[tokio::test]
async fn of_two_blocking_works_the_one_that_goes_on_is_reported() {
    let scene = Scene::new();
    let (_go_on, wait) = mpsc::channel::<()>();
    let once = std::sync::Mutex::new(Some(wait));
    let ended = Gate::default();
    let one_ended = ended.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let wait = once.lock().unwrap().take().expect("one attempt");
            let ended = ended.clone();
            async move {
                let short = async {
                    ctx.blocking(|_| ()).await;
                    ended.open();
                };
                tokio::join!(ctx.blocking(move |_| wait.recv()), short).0.unwrap();
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    server.client().enqueue_fn(WORK, 1).await.unwrap();
    one_ended.opened().await;
    assert_eq!(server.shutdown(Duration::ZERO).await.blocked.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_holds_its_thread_is_reported_and_its_run_goes_on_elsewhere() {
    let scene = Scene::new();
    let (go_on, wait) = mpsc::channel::<()>();
    let (tell, told) = oneshot::channel();
    let once = std::sync::Mutex::new(Some((wait, tell)));
    let blocks = Gate::default();
    let blocking = blocks.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let (wait, tell) = once.lock().unwrap().take().expect("one attempt");
            let blocks = blocks.clone();
            async move {
                ctx.update(|x| *x = 3);
                // What the change woke runs next on this thread, and is not held up with it.
                tokio::task::yield_now().await;
                blocks.open();
                wait.recv().unwrap(); // outside of `ctx.blocking`
                ctx.update(|x| *x = 99);
                let _ = tell.send(ctx.checkpoint().await);
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    blocking.opened().await;
    let report = server.shutdown(Duration::ZERO).await;
    assert_eq!(report.blocked.len(), 1);
    assert_eq!(report.blocked[0].id, run.id());

    let _next = scene.builder().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(3), "what it had changed was kept from outside");
    go_on.send(()).unwrap();
    assert!(told.await.unwrap().is_err());
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(3));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_even_when_the_store_hangs() {
    for hangs in [Call::Settle, Call::Checkpoint, Call::Leave] {
        let scene = Scene::new();
        let changed = Gate::default();
        let has_changed = changed.clone();
        let server = scene
            .builder()
            .store_timeout(3600 * SECOND)
            .task_fn(WORK, move |ctx| {
                let changed = changed.clone();
                async move {
                    changed.open();
                    ctx.update(|x| *x = 1);
                    ctx.checkpoint().await?;
                    until_stopped(&ctx).await
                }
            })
            .start()
            .unwrap();
        scene.faults.hang_next(hangs, FaultPoint::BeforeEffect);
        let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
        has_changed.opened().await;
        let began = Instant::now();
        let report = server.shutdown(Duration::ZERO).await;
        assert!(began.elapsed() <= 20 * SECOND, "{hangs:?} held it up for {:?}", began.elapsed());
        assert!(report.blocked.is_empty(), "a store that hangs is not the task's fault");

        // Nothing was acknowledged that is not kept: the run goes on.
        scene.store.crash_and_reopen();
        let _next = scene.builder().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
        assert!(run.outcome().await.unwrap().completed().is_some());
    }
}

#[tokio::test]
async fn a_server_that_is_dropped_lets_go_of_its_attempts() {
    let scene = Scene::new();
    let dropped = Gate::default();
    let stopped = dropped.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let dropped = dropped.clone();
            async move {
                let out = until_stopped(&ctx).await;
                dropped.open();
                out
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    drop(server);
    stopped.opened().await;
}

#[tokio::test]
async fn a_server_that_has_nothing_to_do_shuts_down_at_once() {
    const NEVER: TaskFn<u64, u64, u64, AnyError> = TaskFn::new("never");
    let scene = Scene::new();
    let server = scene.builder().task(CountUp).task_fn(NEVER, |ctx| async move { done(&ctx) }).start().unwrap();
    let later = server.client().enqueue::<CountUp>(Count { to: 1 }).after(SECOND).await.unwrap();
    let report = server.shutdown(GRACE).await;
    assert_eq!(report, longhaul::ShutdownReport::default());
    assert_eq!(later.status().await.unwrap().state(), StateKind::Pending);
    // A server without any task is one that only enqueues.
    assert_eq!(scene.builder().start().unwrap().shutdown(GRACE).await, longhaul::ShutdownReport::default());
}
