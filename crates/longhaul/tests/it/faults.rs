//! A store that fails, hangs, loses its answers or breaks: nothing is lost, and nothing acknowledged that is not kept.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use longhaul::{
    Client, EnqueueError, RetryPolicy, RunError, RunOutcome, StateKind, StopReason, StoreError,
    store_api::store::Filter,
};
use longhaul_testkit::{Call, FaultPoint};
use tokio::time::Instant;

use crate::kit::{
    Count, CountUp, GRACE, Gate, SECOND, Scene, WORK, broken, done, happened, reaches, unavailable, until_stopped,
};

async fn kept(scene: &Scene) -> u64 {
    longhaul::store_api::store::Inspect::count(&*scene.store, Filter::default()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_store_call_has_a_timeout() {
    let scene = Scene::new();
    let server = scene.builder().store_timeout(5 * SECOND).task(CountUp).start().unwrap();
    let client = server.client();
    scene.faults.hang_next(Call::Insert, FaultPoint::BeforeEffect);
    let began = Instant::now();
    let error = client.enqueue::<CountUp>(Count { to: 1 }).await.unwrap_err();
    assert_eq!(error, EnqueueError::Store(StoreError::TimedOut { call: "insert", after: 5 * SECOND }));
    assert_eq!(began.elapsed(), 5 * SECOND);
    assert!(error.to_string().contains("did not answer `insert` within 5s"), "{error}");

    let run = client.enqueue::<CountUp>(Count { to: 1 }).after(3600 * SECOND).await.unwrap();
    for call in
        [Call::Get, Call::List, Call::Count, Call::Cancel, Call::Proceed, Call::Delete, Call::Update, Call::Retry]
    {
        scene.faults.hang_next(call, FaultPoint::BeforeEffect);
        let timed_out = match call {
            Call::Get => run.status().await.unwrap_err().to_string(),
            Call::List => client.find::<CountUp>().all().await.unwrap_err().to_string(),
            Call::Count => client.find::<CountUp>().count().await.unwrap_err().to_string(),
            Call::Cancel => run.cancel().await.unwrap_err().to_string(),
            Call::Proceed => run.proceed().await.unwrap_err().to_string(),
            Call::Delete => run.delete().await.unwrap_err().to_string(),
            _ => run.retry(longhaul::RetryFrom::Checkpoint).await.unwrap_err().to_string(),
        };
        let name = match call {
            Call::Update => "update".into(),
            call => format!("{call:?}").to_lowercase(),
        };
        assert_eq!(timed_out, format!("the store did not answer `{name}` within 5s"));
    }
}

#[tokio::test]
async fn an_enqueue_that_the_store_refused_is_not_acknowledged() {
    let scene = Scene::new();
    let client = scene.builder().start().unwrap().client();
    for when in FaultPoint::BOTH {
        scene.faults.fail_next(Call::Insert, when, unavailable());
        let error = client.enqueue_fn(WORK, 1).await.unwrap_err();
        assert_eq!(error, EnqueueError::Store(unavailable()));
    }
    // The answer to the second was lost: it may be kept, and is.
    assert_eq!(kept(&scene).await, 1);
}

#[tokio::test]
async fn a_bulk_enqueue_that_fails_half_way_says_how_many_runs_are_kept() {
    let scene = Scene::new();
    let client = Client::new(Arc::new(scene.faults.clone()));
    scene.faults.cut_after(2, FaultPoint::BeforeEffect);
    let many = (0..10_000).map(|to| Count { to });
    let error = client.enqueue_all::<CountUp>(many).await.unwrap_err();
    assert_eq!(error.kept, 4096);
    assert!(matches!(error.error, EnqueueError::Store(StoreError::Unavailable { .. })), "{error}");
    assert_eq!(kept(&scene).await, 4096);
    assert!(error.to_string().starts_with("the first 4096 runs are enqueued, the rest are not"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_settlement_whose_answer_was_lost_is_recognised() {
    let scene = Scene::new();
    let executed = Arc::new(AtomicU32::new(0));
    let counted = executed.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            counted.fetch_add(1, Ordering::Relaxed);
            async move { done(&ctx) }
        })
        .start()
        .unwrap();
    for (n, when) in (1..).zip(FaultPoint::BOTH) {
        scene.faults.fail_next(Call::Settle, when, unavailable());
        let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
        assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(0));
        scene.faults.called(Call::Settle, 2 * n).await;
        assert_eq!(happened(&run.status().await.unwrap()), ["enqueued", "claimed", "completed"]);
    }
    server.shutdown(GRACE).await;
    assert_eq!(executed.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_waits_for_a_store_that_is_away_and_is_then_made_once() {
    let scene = Scene::new();
    let _server = scene.builder().task(CountUp).start().unwrap();
    for when in FaultPoint::BOTH {
        scene.faults.fail_next(Call::Checkpoint, when, unavailable());
        scene.faults.fail_next(Call::Checkpoint, when, unavailable());
    }
    let run = scene.client().enqueue::<CountUp>(Count { to: 3 }).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(3));
    assert_eq!(scene.faults.count_of(Call::Checkpoint), 3 + 4);
    assert_eq!(run.status().await.unwrap().run().seq, 3);
}

/// The line to the store is cut at each call in turn, before or after it took effect, and mended some time later.
#[tokio::test(start_paused = true)]
async fn wherever_the_store_goes_away_every_run_is_executed_to_its_end_when_it_is_back() {
    for nth in 1..=16 {
        for when in FaultPoint::BOTH {
            let scene = Scene::new();
            let server = scene.builder().concurrency(2).task(CountUp).start().unwrap();
            let before = scene.faults.calls().len();
            scene.faults.cut_after(nth, when);
            let mut acknowledged = vec![];
            let mut refused = 0;
            for to in 1..=3 {
                match server.client().enqueue::<CountUp>(Count { to }).await {
                    Ok(run) => acknowledged.push((to, scene.client().run::<CountUp>(run.id()))),
                    Err(_) => refused += 1,
                }
                tokio::time::advance(SECOND / 10).await;
            }
            tokio::time::advance(10 * SECOND).await;
            scene.faults.mend();
            assert_eq!(acknowledged.len() + refused, 3);
            let struck = scene.faults.calls()[before + nth - 1].call;
            if (struck, when) == (Call::Claim, FaultPoint::AfterEffect) {
                // A claim whose answer is lost is given back by the store, which this one, made to fail, does not do.
                continue;
            }
            for (to, run) in acknowledged {
                assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(to), "cut at call {nth}, {when:?}");
                let status = run.status().await.unwrap();
                assert_eq!(happened(&status).last().unwrap(), "completed");
                assert_eq!(status.run().counts.failures, 0);
            }
            assert!(server.executor_is_well().await);
        }
    }
}

trait Well {
    async fn executor_is_well(&self) -> bool;
}

impl Well for longhaul::Longhaul {
    /// It still executes what comes.
    async fn executor_is_well(&self) -> bool {
        let run = self.client().enqueue::<CountUp>(Count { to: 1 }).await.unwrap();
        run.outcome().await.unwrap() == RunOutcome::Completed(1)
    }
}

#[tokio::test]
async fn a_broken_store_ends_the_server_and_tells_its_attempts() {
    let scene = Scene::new();
    let reasons = Arc::new(Mutex::new(vec![]));
    let noted = reasons.clone();
    let server = scene
        .builder()
        .concurrency(2)
        .task_fn(WORK, move |ctx| {
            let noted = noted.clone();
            async move {
                ctx.update(|x| *x = 5);
                ctx.checkpoint().await?;
                let out = until_stopped(&ctx).await;
                noted.lock().unwrap().extend(ctx.stop_reason());
                out
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    crate::kit::until(&run, |status| status.execution_metadata().unwrap() == 5).await;
    // The claim that waits for a second run is under way; the next one meets the fault.
    scene.faults.called(Call::Claim, 2).await;
    scene.faults.fail_next(Call::Claim, FaultPoint::BeforeEffect, broken());
    let other = server.client().enqueue_fn(WORK, 2).await.unwrap();
    reaches(&other, StateKind::Running).await;
    run.cancel().because("makes room for a claim").await.unwrap();

    assert_eq!(server.broken().await, broken());
    let error = server.run_until_signal().await.unwrap_err();
    assert_eq!(error, RunError::Store(broken()));
    assert_eq!(error.to_string(), "the store takes no more writes: the disk is full. Make room, and open it anew");
    let reasons = reasons.lock().unwrap().clone();
    assert!(reasons.contains(&StopReason::StoreBroken { error: broken() }), "{reasons:?}");

    // What was acknowledged is there once the store was opened anew.
    scene.store.crash_and_reopen();
    let _next = scene.builder().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    assert_eq!(scene.client().run_fn(WORK, other.id()).outcome().await.unwrap(), RunOutcome::Completed(5));
}

#[tokio::test]
async fn a_checkpoint_into_a_broken_store_ends_the_attempt_and_is_not_acknowledged() {
    let scene = Scene::new();
    let reasons = Arc::new(Mutex::new(vec![]));
    let noted = reasons.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let noted = noted.clone();
            async move {
                ctx.update(|x| *x = 5);
                let kept = ctx.checkpoint().await;
                noted.lock().unwrap().push((kept.is_ok(), ctx.stop_reason()));
                kept?;
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    scene.faults.fail_next(Call::Checkpoint, FaultPoint::BeforeEffect, broken());
    scene.faults.fail_next(Call::Settle, FaultPoint::BeforeEffect, broken());
    let run = server.client().enqueue_fn(WORK, 1).retry(RetryPolicy::never()).await.unwrap();
    assert_eq!(server.broken().await, broken());
    assert_eq!(*reasons.lock().unwrap(), [(false, Some(StopReason::StoreBroken { error: broken() }))]);
    assert_eq!(run.status().await.unwrap().state(), StateKind::Running, "nothing was told as done");
}

#[tokio::test(start_paused = true)]
async fn cancellations_come_through_after_the_store_was_away() {
    let scene = Scene::new();
    for _ in 0..3 {
        scene.faults.fail_next(Call::StopRequests, FaultPoint::BeforeEffect, unavailable());
    }
    let server = scene.builder().task_fn(WORK, |ctx| async move { until_stopped(&ctx).await }).start().unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    run.cancel().await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Cancelled { reason: None, error: None });
}

#[tokio::test(start_paused = true)]
async fn a_server_starts_although_the_store_is_away() {
    let scene = Scene::new();
    scene.faults.cut_after(1, FaultPoint::BeforeEffect);
    let server = scene.builder().task(CountUp).start().unwrap();
    let gate = Gate::default();
    tokio::time::advance(20 * SECOND).await;
    scene.faults.mend();
    gate.open();
    let run = server.client().enqueue::<CountUp>(Count { to: 2 }).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(2));
}
