//! A server that goes without a shutdown: dropped by an early `?`, by a panic, or with its runtime. None of it is a crash.

use longhaul::store_api::store::prelude::*;
use longhaul::{Longhaul, OutcomeError, ResumedFrom, RunHandle, StateKind, StoreError, testing};
use longhaul_testkit::{Call, FaultPoint};

use crate::kit::{Count, CountUp, GRACE, Gate, Numbers, START, Scene, WORK, done, reaches, until_stopped};

/// A server whose only task changes its value, and never ends.
fn stubborn(scene: &Scene) -> (Longhaul, Gate) {
    let begun = Gate::default();
    let gate = begun.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let begun = gate.clone();
            async move {
                ctx.update(|x| *x = 7);
                begun.open();
                std::future::pending().await
            }
        })
        .start()
        .unwrap();
    (server, begun)
}

/// It waits with what it had changed, nothing was counted against it, and its history tells what happened.
async fn was_given_back(run: &RunHandle<Numbers>, why: &str) {
    let status = run.status().await.unwrap();
    assert_eq!((status.state(), status.resumes_from()), (StateKind::Pending, ResumedFrom::Interruption));
    assert_eq!(status.execution_metadata().unwrap(), 7);
    let counts = status.run().counts;
    assert_eq!((counts.interruptions, counts.crashes, status.run().suspicion), (1, 0, 0));
    assert_eq!(status.history().entries.last().unwrap().why.as_deref(), Some(why));
}

#[tokio::test]
async fn a_server_that_is_dropped_gives_its_runs_back_with_what_they_had_changed() {
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    let (server, begun) = stubborn(&scene);
    begun.opened().await;
    drop(server);
    was_given_back(&run, "the server was dropped without a shutdown: the attempt was dropped with it").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_where_other_threads_move_its_attempts_on() {
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    let (server, begun) = stubborn(&scene);
    begun.opened().await;
    drop(server);
    was_given_back(&run, "the server was dropped without a shutdown: the attempt was dropped with it").await;
}

#[tokio::test]
async fn a_server_that_a_panic_drops_gives_its_runs_back() {
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    let (server, begun) = stubborn(&scene);
    begun.opened().await;
    let main = tokio::spawn(async move {
        let _server = server;
        panic!("as `main` may");
    });
    assert!(main.await.unwrap_err().is_panic());
    was_given_back(&run, "a panic dropped the server: the attempt was dropped with it").await;
}

#[test]
fn a_runtime_that_ends_before_its_server_gives_the_runs_back() {
    for mut builder in [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()] {
        let runtime = builder.enable_all().build().unwrap();
        let scene = Scene::new();
        let (server, run) = runtime.block_on(async {
            let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
            let (server, begun) = stubborn(&scene);
            begun.opened().await;
            (server, run)
        });
        drop(runtime);
        let another = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        another.block_on(async {
            was_given_back(&run, "the runtime of the server ended before it: the attempt was dropped with it").await;
            assert_eq!(scene.store.expire().await, Ok(0), "it has left the store");
        });
        drop(server);
    }
}

#[tokio::test]
async fn what_had_ended_before_the_drop_keeps_its_end() {
    let scene = Scene::new();
    let go_on = Gate::default();
    let gate = go_on.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let go_on = gate.clone();
            async move {
                if *ctx.metadata() == 2 {
                    go_on.opened().await;
                }
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    // The end of the first is on its way to the store for ever, so that of the second waits behind it.
    scene.faults.hang_next(Call::Settle, FaultPoint::BeforeEffect);
    let second = scene.client().enqueue_fn(WORK, 2).await.unwrap();
    reaches(&second, StateKind::Running).await;
    let first = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    scene.faults.called(Call::Settle, 1).await;
    go_on.open();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    drop(server);
    assert_eq!(second.status().await.unwrap().state(), StateKind::Completed);
    assert_eq!(first.status().await.unwrap().state(), StateKind::Pending, "nobody knows that it had ended");
}

#[tokio::test]
async fn a_server_is_dropped_in_bounded_time_when_its_store_hangs() {
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    let (server, begun) = stubborn(&scene);
    begun.opened().await;
    scene.faults.hang_next(Call::Settle, FaultPoint::BeforeEffect);
    drop(server);
    assert_eq!(run.status().await.unwrap().state(), StateKind::Running, "its lease has to run out");
}

#[tokio::test]
async fn a_shutdown_that_is_dropped_half_way_gives_the_runs_back_too() {
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    let (server, begun) = stubborn(&scene);
    begun.opened().await;
    let shutdown = tokio::spawn(server.shutdown(GRACE));
    scene.asleep_until(START.after(GRACE)).await;
    shutdown.abort();
    assert!(shutdown.await.unwrap_err().is_cancelled());
    was_given_back(&run, "the server was dropped without a shutdown: the attempt was dropped with it").await;
}

/// Waits for a run that is not going to end, in every way there is.
struct Waits {
    outcome: tokio::task::JoinHandle<OutcomeError>,
    changed: tokio::task::JoinHandle<OutcomeError>,
}

impl Waits {
    fn on(run: &RunHandle<Numbers>) -> Self {
        let (one, two) = (run.clone(), run.clone());
        let outcome = tokio::spawn(async move { one.outcome().await.unwrap_err() });
        let changed = tokio::spawn(async move {
            let mut seen = two.status().await.unwrap();
            loop {
                match two.changed(&seen).await {
                    Ok(status) => seen = status,
                    Err(error) => return error,
                }
            }
        });
        Self { outcome, changed }
    }

    async fn end(self) {
        assert_eq!(self.outcome.await.unwrap(), OutcomeError::ShuttingDown);
        assert_eq!(self.changed.await.unwrap(), OutcomeError::ShuttingDown);
    }
}

#[tokio::test]
async fn every_wait_on_a_server_ends_with_it() {
    let scene = Scene::new();
    let server = scene.builder().task_fn(WORK, |ctx| async move { until_stopped(&ctx).await }).start().unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    let waits = Waits::on(&run);
    let services = server.services();
    let readiness = tokio::spawn(async move { services.until(|_| false).await });
    tokio::task::yield_now().await;
    server.shutdown(GRACE).await;
    waits.end().await;
    assert_eq!(readiness.await.unwrap(), []);
    // And so does one that comes late, while what there is to be read can be read.
    assert_eq!(run.outcome().await.unwrap_err(), OutcomeError::ShuttingDown);
    assert_eq!(run.status().await.unwrap().state(), StateKind::Pending);
}

#[tokio::test]
async fn every_wait_ends_with_a_server_that_is_dropped() {
    let scene = Scene::new();
    let (server, begun) = stubborn(&scene);
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    begun.opened().await;
    let waits = Waits::on(&run);
    tokio::task::yield_now().await;
    drop(server);
    waits.end().await;
}

#[tokio::test]
async fn streams_end_when_the_shutdown_begins_and_outcomes_are_waited_for_within_the_grace() {
    let scene = Scene::new();
    let go_on = Gate::default();
    let gate = go_on.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let go_on = gate.clone();
            async move {
                go_on.opened().await;
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let client = server.client();
    let run = client.enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    let (mut watch, mut progress) = (run.watch(), run.progress());
    assert_eq!(watch.next().await.unwrap().unwrap().state(), StateKind::Running);
    progress.next().await.unwrap().unwrap();
    let outcome = tokio::spawn({
        let run = run.clone();
        async move { run.outcome().await }
    });
    let stopping = (server.stopping(), client.stopping(), server.handle().stopping());
    assert!(!stopping.0.is_cancelled());
    let shutdown = tokio::spawn(server.shutdown(GRACE));
    assert_eq!(watch.next().await.unwrap_err(), OutcomeError::ShuttingDown);
    assert_eq!(progress.next().await.unwrap_err(), OutcomeError::ShuttingDown);
    assert!(stopping.0.is_cancelled() && stopping.1.is_cancelled() && stopping.2.is_cancelled());
    let mut streams = (run.watch().stream(), run.progress().stream());
    assert!(next(&mut streams.0).await.unwrap().is_ok() && next(&mut streams.1).await.unwrap().is_ok());
    assert!(next(&mut streams.0).await.is_none() && next(&mut streams.1).await.is_none());
    assert!(!shutdown.is_finished());
    go_on.open();
    assert_eq!(outcome.await.unwrap().unwrap().completed(), Some(0));
    shutdown.await.unwrap();
}

async fn next<S: futures_core::Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|cx| std::pin::Pin::new(&mut *stream).poll_next(cx)).await
}

#[tokio::test]
async fn a_store_that_a_server_was_handed_is_closed_with_it() {
    for dropped in [false, true] {
        let server = Longhaul::builder().store(testing::memory_store()).task(CountUp).start().unwrap();
        let client = server.client();
        let run = client.enqueue::<CountUp>(Count { to: 1 }).await.unwrap();
        if dropped {
            drop(server);
        } else {
            server.shutdown(GRACE).await;
        }
        assert_eq!(run.status().await.unwrap_err(), OutcomeError::Store(StoreError::Closed));
        assert_eq!(run.outcome().await.unwrap_err(), OutcomeError::Store(StoreError::Closed));
        assert!(client.enqueue::<CountUp>(Count { to: 1 }).await.is_err());
    }
}

#[tokio::test]
async fn a_store_that_is_shared_outlives_its_servers() {
    let scene = Scene::new();
    let faults = scene.faults.clone();
    for server in [scene.builder(), scene.builder().store(faults)] {
        let server = server.task(CountUp).start().unwrap();
        let run = server.client().enqueue::<CountUp>(Count { to: 1 }).await.unwrap();
        run.outcome().await.unwrap();
        server.shutdown(GRACE).await;
        assert_eq!(run.status().await.unwrap().state(), StateKind::Completed);
    }
    assert_eq!(scene.faults.count_of(Call::Close), 0);
}

#[test]
fn the_end_of_a_server_is_told_by_the_error_over_all() {
    use longhaul::{EndedRunsError, Error};
    assert!(Error::from(OutcomeError::ShuttingDown).is_closed());
    assert!(Error::from(EndedRunsError::ShuttingDown).is_closed());
    assert!(Error::from(EndedRunsError::Overtaken).is_retryable());
}
