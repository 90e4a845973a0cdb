//! Liveness and fencing: who holds a run, and what an attempt may do that has lost it.

use longhaul::store_api::store::prelude::*;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
    mpsc,
};

use longhaul::{Builder, Client, Clock, Context, Longhaul, RunOutcome, StateKind, StopReason, Success};
use longhaul_testkit::{Call, FaultPoint};
use tokio::sync::oneshot;

use crate::kit::{GRACE, Gate, SECOND, START, Scene, WORK, beat_all, done, reaches, unavailable, until, until_stopped};

/// A server whose attempts at `WORK` wait for `gate`, then change, make a checkpoint, and tell how that went.
struct Zombie {
    server: Longhaul,
    gate: Gate,
    told: oneshot::Receiver<(bool, Option<StopReason>)>,
}

impl Zombie {
    fn start(scene: &Scene) -> Self {
        let (tell, told) = oneshot::channel();
        let (tell, gate) = (Mutex::new(Some(tell)), Gate::default());
        let wait = gate.clone();
        let run = move |ctx: Context<u64, u64>| {
            let (wait, tell) = (wait.clone(), tell.lock().unwrap().take().expect("one attempt"));
            async move {
                wait.opened().await;
                ctx.update(|x| *x = 99);
                let kept = ctx.checkpoint().await;
                tell.send((kept.is_ok(), ctx.stop_reason())).expect("the test waits for it");
                kept?;
                Success::with_result(99).for_error()
            }
        };
        Self { server: scene.leased().name("zombie").task_fn(WORK, run).start().unwrap(), gate, told }
    }
}

#[tokio::test]
async fn a_checkpoint_of_an_old_epoch_is_refused_and_its_attempt_told_to_stop() {
    let scene = Scene::new();
    let zombie = Zombie::start(&scene);
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    scene.take_claims_of(&zombie.server).await;

    let gate = Gate::default();
    let wait = gate.clone();
    let _next = scene
        .leased()
        .task_fn(WORK, move |ctx| {
            let wait = wait.clone();
            async move {
                ctx.update(|x| *x = 7);
                ctx.checkpoint().await?;
                wait.opened().await;
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    until(&run, |status| status.attempts() == 2 && status.execution_metadata().unwrap() == 7).await;
    zombie.gate.open();
    assert_eq!(zombie.told.await.unwrap(), (false, Some(StopReason::ClaimLost)));
    assert_eq!(run.status().await.unwrap().execution_metadata().unwrap(), 7, "nothing of it was kept");
    gate.open();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(7));
}

#[tokio::test]
async fn an_outcome_of_an_old_epoch_is_refused_whether_or_not_another_attempt_runs() {
    let scene = Scene::new();
    let gate = Gate::default();
    let wait = gate.clone();
    let zombie = scene
        .leased()
        .task_fn(WORK, move |ctx| {
            let wait = wait.clone();
            async move {
                wait.opened().await;
                Success::with_result(90 + ctx.metadata()).for_error()
            }
        })
        .start()
        .unwrap();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    scene.take_claims_of(&zombie).await;
    gate.open();
    scene.faults.called(Call::Settle, 1).await;
    zombie.shutdown(GRACE).await;
    assert_eq!(run.status().await.unwrap().state(), StateKind::Pending);

    let _next = scene.leased().task_fn(WORK, |_| async { Success::with_result(7).for_error() }).start().unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(7));
}

#[tokio::test]
async fn progress_of_an_old_epoch_is_refused_and_its_attempt_told_to_stop() {
    let scene = Scene::new();
    let gate = Gate::default();
    let (wait, stopped) = (gate.clone(), Gate::default());
    let was_stopped = stopped.clone();
    let zombie = scene
        .leased()
        .autosave(SECOND / 100)
        .task_fn(WORK, move |ctx| {
            let (wait, stopped) = (wait.clone(), stopped.clone());
            async move {
                wait.opened().await;
                ctx.progress().set(99, 100);
                let out = until_stopped(&ctx).await;
                assert_eq!(ctx.stop_reason(), Some(StopReason::ClaimLost));
                stopped.open();
                out
            }
        })
        .start()
        .unwrap();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    scene.take_claims_of(&zombie).await;
    gate.open();
    was_stopped.opened().await;
    assert_eq!(run.status().await.unwrap().progress().done, 0);
}

/// The same, where progress is published apart from saves.
#[tokio::test(start_paused = true)]
async fn published_progress_finds_out_that_the_claim_is_lost() {
    let scene = Scene::new();
    let gate = Gate::default();
    let (wait, stopped) = (gate.clone(), Gate::default());
    let was_stopped = stopped.clone();
    let zombie = scene
        .leased()
        .autosave(SECOND)
        .task_fn(WORK, move |ctx| {
            let (wait, stopped) = (wait.clone(), stopped.clone());
            async move {
                wait.opened().await;
                ctx.progress().set(99, 100);
                let out = until_stopped(&ctx).await;
                stopped.open();
                out
            }
        })
        .start()
        .unwrap();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    scene.take_claims_of(&zombie).await;
    gate.open();
    was_stopped.opened().await;
}

#[tokio::test]
async fn a_context_that_outlives_its_attempt_can_write_nothing() {
    let scene = Scene::new();
    let kept = Arc::new(Mutex::new(None));
    let keep = kept.clone();
    let server = scene
        .leased()
        .task_fn(WORK, move |ctx| {
            *keep.lock().unwrap() = Some(ctx.clone());
            async move { longhaul::Suspended::for_result().for_error() }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Suspended).await;
    let ctx: Context<u64, u64> = kept.lock().unwrap().take().unwrap();
    ctx.update(|x| *x = 99);
    assert!(ctx.checkpoint().await.is_err());
    assert_eq!(scene.faults.count_of(Call::Checkpoint), 0, "the store is not even asked");
    assert!(ctx.ensure_active().is_err() && ctx.cancellation().is_cancelled());
    assert_eq!(run.status().await.unwrap().execution_metadata().unwrap(), 0);
}

#[tokio::test]
async fn a_deleted_run_stops_its_zombie() {
    let scene = Scene::new();
    let zombie = Zombie::start(&scene);
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    scene.take_claims_of(&zombie.server).await;
    run.delete().await.unwrap();
    zombie.gate.open();
    assert_eq!(zombie.told.await.unwrap(), (false, Some(StopReason::ClaimLost)));
}

#[tokio::test]
async fn a_server_that_was_declared_dead_stops_its_attempts_and_comes_back_as_a_new_one() {
    let scene = Scene::new();
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(Mutex::new(Some(tell)));
    let server = scene
        .leased()
        .task_fn(WORK, move |ctx| {
            let tell = tell.clone();
            async move {
                if ctx.attempt().number == 1 {
                    ctx.cancellation().cancelled().await;
                    tell.lock().unwrap().take().unwrap().send(ctx.stop_reason()).unwrap();
                    ctx.ensure_active()?;
                }
                Success::with_result(u64::from(ctx.attempt().number)).for_error()
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    let first = server.server_id();
    scene.take_claims_of(&server).await;
    scene.beat().await;

    assert_eq!(told.await.unwrap(), Some(StopReason::ClaimLost));
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(2), "the new incarnation claimed it");
    assert_ne!(server.server_id(), first);
}

#[tokio::test]
async fn a_new_incarnation_hears_of_cancellations() {
    let scene = Scene::new();
    let server = scene.leased().task_fn(WORK, |ctx| async move { until_stopped(&ctx).await }).start().unwrap();
    scene.take_claims_of(&server).await;
    scene.beat().await;
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    run.cancel().because("enough").await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Cancelled { reason: Some("enough".into()), error: None });
}

#[tokio::test]
async fn a_server_that_cannot_renew_its_lease_stops_its_attempts() {
    let scene = Scene::new();
    let (reasons, stopped) = (Arc::default(), Gate::default());
    let server = until_stopped_noting(scene.leased(), &reasons, &stopped);
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    scene.begun().await;
    for _ in 0..100 {
        scene.faults.fail_next(Call::Heartbeat, FaultPoint::BeforeEffect, unavailable());
    }
    scene.beat().await;
    scene.beat().await;
    assert!(!stopped.is_open(), "the lease has not run out yet");
    scene.beat().await;
    stopped.opened().await;
    assert_eq!(*reasons.lock().unwrap(), [StopReason::ClaimLost]);
    drop(server);
}

/// A server whose one attempt notes why it is stopped, and opens the gate.
fn until_stopped_noting(builder: Builder, reasons: &Arc<Mutex<Vec<StopReason>>>, stopped: &Gate) -> Longhaul {
    let (noted, stop) = (reasons.clone(), stopped.clone());
    let run = move |ctx: Context<u64, u64>| {
        let (noted, stop) = (noted.clone(), stop.clone());
        async move {
            ctx.cancellation().cancelled().await;
            noted.lock().unwrap().extend(ctx.stop_reason());
            stop.open();
            done(&ctx)
        }
    };
    builder.task_fn(WORK, run).start().unwrap()
}

#[tokio::test]
async fn attempts_are_stopped_before_the_lease_ends_though_the_heartbeat_never_returns() {
    let scene = Scene::new();
    let (reasons, stopped) = (Arc::default(), Gate::default());
    // So long that no answer is given up in real time while the test runs.
    let lease = 3600 * SECOND;
    let builder = scene.builder().lease(lease).store_timeout(lease);
    let server = until_stopped_noting(builder, &reasons, &stopped);
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    scene.asleep_until(scene.clock.now().after(lease / 3)).await;
    scene.faults.hang_next(Call::Heartbeat, FaultPoint::BeforeEffect);
    scene.clock.advance(lease / 3);
    scene.faults.called(Call::Heartbeat, 2).await;
    assert!(!stopped.is_open(), "14/15 of the lease have not passed");
    // What the clock is set to makes no difference: no time passes by it.
    scene.clock.set(scene.clock.now().after(10 * lease));
    assert!(!stopped.is_open());

    scene.clock.advance(lease * 3 / 5);
    stopped.opened().await;
    assert_eq!(*reasons.lock().unwrap(), [StopReason::ClaimLost]);
}

#[tokio::test]
async fn a_heartbeat_that_hangs_is_given_up_in_time_for_the_next() {
    let scene = Scene::new();
    let (reasons, stopped) = (Arc::default(), Gate::default());
    // The answer is waited for in real time: 0.4 s of this lease.
    let lease = 3 * SECOND / 2;
    let server = until_stopped_noting(scene.builder().lease(lease), &reasons, &stopped);
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    scene.asleep_until(scene.clock.now().after(lease / 3)).await;
    scene.faults.hang_next(Call::Heartbeat, FaultPoint::BeforeEffect);
    scene.clock.advance(lease / 3);
    scene.faults.called(Call::Heartbeat, 2).await;

    scene.asleep_until(scene.clock.now().after(lease / 3)).await;
    scene.clock.advance(lease / 3);
    scene.faults.called(Call::Heartbeat, 3).await;
    scene.asleep_until(scene.clock.now().after(lease / 3)).await;
    assert_eq!(scene.store.expire().await, Ok(0));
    assert!(!stopped.is_open());
}

#[tokio::test]
async fn a_server_and_its_clients_go_by_the_clock_of_the_store() {
    let scene = Scene::new();
    let server = Longhaul::builder().shared_store(scene.store.clone()).task_fn(WORK, |ctx| async move { done(&ctx) });
    let server = server.start().unwrap();
    let (own, other) = (server.client(), Client::new(scene.store.clone()));
    for client in [own, other] {
        let run = client.enqueue_fn(WORK, 1).await.unwrap();
        assert_eq!(run.id().created(), START);
        assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(0));
    }
    assert_eq!(server.server_id().created(), START);
}

#[tokio::test]
async fn a_long_run_is_never_executed_twice_while_its_server_lives() {
    let scene = Scene::new();
    let attempts = Arc::new(AtomicU32::new(0));
    let gate = Gate::default();
    let server = |scene: &Scene| {
        let (attempts, gate) = (attempts.clone(), gate.clone());
        let run = move |ctx: Context<u64, u64>| {
            let (attempts, gate) = (attempts.clone(), gate.clone());
            async move {
                attempts.fetch_add(1, Ordering::Relaxed);
                gate.opened().await;
                done(&ctx)
            }
        };
        scene.leased().task_fn(WORK, run).start().unwrap()
    };
    let other = scene.another();
    let (one, _other) = (server(&scene), server(&other));
    let run = one.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    for _ in 0..50 {
        beat_all(&[&scene, &other]).await;
    }
    gate.open();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(0));
    assert_eq!(attempts.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn runs_of_a_server_that_died_go_on_at_another_once_its_lease_ran_out() {
    let scene = Scene::new();
    let hangs = Gate::default();
    let hang = hangs.clone();
    let dead = scene
        .leased()
        .task_fn(WORK, move |ctx| {
            let hang = hang.clone();
            async move {
                ctx.update(|x| *x = 5);
                ctx.checkpoint().await?;
                hang.open();
                std::future::pending().await
            }
        })
        .start()
        .unwrap();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    hangs.opened().await;
    scene.begun().await;
    scene.faults.cut_after(1, FaultPoint::BeforeEffect); // no last words
    drop(dead);

    let other = scene.another();
    let _next = other.leased().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    other.beat().await;
    other.beat().await;
    assert_eq!(run.status().await.unwrap().state(), StateKind::Running, "the lease has not run out");
    other.beat().await;
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(5));
    assert_eq!(run.status().await.unwrap().attempts(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn leases_are_renewed_while_tasks_block_all_threads_of_the_runtime() {
    let scene = Scene::new();
    let (go_on, wait) = mpsc::channel::<()>();
    let once = Mutex::new(Some(wait));
    let blocks = Gate::default();
    let blocking = blocks.clone();
    let server = scene
        .leased()
        .task_fn(WORK, move |ctx| {
            let (wait, blocks) = (once.lock().unwrap().take().expect("one attempt"), blocks.clone());
            async move {
                blocks.open();
                wait.recv().unwrap();
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    blocking.opened().await;
    for _ in 0..8 {
        scene.beat().await;
        assert_eq!(scene.store.expire().await, Ok(0));
    }
    go_on.send(()).unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(0));
    assert_eq!(run.status().await.unwrap().attempts(), 1);
}
