//! Runs that go one after the other, and queues that rest for a while.

use longhaul::{
    AnyError, Clock as _, Failure, OrderKey, RetryFrom, RetryPolicy, RunOutcome, StateKind, UniqueKey,
    store_api::Explanation,
};
use std::sync::{Arc, Mutex};

use crate::kit::{Gate, SECOND, START, Scene, WORK, at_once, done, reaches};

#[tokio::test]
async fn runs_of_a_key_are_executed_in_their_order_also_through_retries() {
    let scene = Scene::new();
    let seen: Arc<Mutex<Vec<u64>>> = Arc::default();
    let server = {
        let seen = Arc::clone(&seen);
        scene
            .builder()
            .concurrency(8)
            .task_fn(WORK, move |ctx| {
                let seen = Arc::clone(&seen);
                async move {
                    seen.lock().unwrap().push(*ctx.metadata());
                    // The first attempt of each fails.
                    if ctx.attempt().number == 1 {
                        return Failure::for_result().with_error(AnyError::msg("down"));
                    }
                    done(&ctx)
                }
            })
            .start()
            .unwrap()
    };
    let mut runs = Vec::new();
    for n in 0..6 {
        let enqueue = server.client().enqueue_fn(WORK, n).retry(at_once().attempts(2));
        runs.push(enqueue.ordered_by("account 7").priority(n as i8).await.unwrap());
    }
    for run in &runs {
        run.outcome().await.unwrap();
    }
    assert_eq!(*seen.lock().unwrap(), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
}

#[tokio::test]
async fn a_failed_run_holds_up_its_key_until_somebody_decides() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            if *ctx.metadata() == 0 { Failure::for_result().with_error(AnyError::msg("down")) } else { done(&ctx) }
        })
        .start()
        .unwrap();
    let enqueue = |n| server.client().enqueue_fn(WORK, n).retry(RetryPolicy::never()).ordered_by("account 7");
    let failed = enqueue(0).await.unwrap();
    let next = enqueue(1).await.unwrap();
    reaches(&failed, StateKind::Failed).await;
    assert!(matches!(next.explain().await.unwrap(), Explanation::Behind { .. }));
    let again = failed.retry(RetryFrom::TheStart).await.unwrap();
    reaches(&again, StateKind::Failed).await;
    assert_eq!(next.status().await.unwrap().state(), StateKind::Pending);
    again.dismiss().await.unwrap();
    assert!(matches!(next.outcome().await.unwrap(), RunOutcome::Completed(_)));

    let failed = server.client().enqueue_fn(WORK, 0).retry(RetryPolicy::never());
    failed.ordered_by(OrderKey::new("account 8").skip_failed()).await.unwrap();
    let next = server.client().enqueue_fn(WORK, 1).ordered_by("account 8").await.unwrap();
    assert!(matches!(next.outcome().await.unwrap(), RunOutcome::Completed(_)));
}

#[tokio::test]
async fn a_task_that_is_told_to_come_back_later_pauses_its_queue_until_then() {
    let scene = Scene::new();
    let until = START.after(60 * SECOND);
    let server = scene
        .builder()
        .concurrency(1)
        .task_fn(WORK, move |ctx| async move {
            if ctx.attempt().number == 1 && *ctx.metadata() == 0 {
                ctx.pause_queue_until(until, "too many requests").await?;
                return Failure::for_result().retry_after(60 * SECOND).with_error(AnyError::msg("429"));
            }
            done(&ctx)
        })
        .start()
        .unwrap();
    let told = server.client().enqueue_fn(WORK, 0).await.unwrap();
    reaches(&told, StateKind::Retrying).await;
    let other = server.client().enqueue_fn(WORK, 1).await.unwrap();
    let paused = server.client().queue("default").unwrap().control().await.unwrap().paused.unwrap();
    assert_eq!((paused.until, paused.why.as_deref()), (Some(until), Some("too many requests")));
    assert_eq!(*paused.by, told.id().to_string());
    assert_eq!(other.status().await.unwrap().state(), StateKind::Pending);
    scene.asleep_until(until).await;
    scene.clock.set(until);
    for run in [told, other] {
        assert!(matches!(run.outcome().await.unwrap(), RunOutcome::Completed(_)));
    }

    // A person who paused it without an end has the last word.
    let queue = server.client().queue("default").unwrap();
    queue.pause().acting_as("ann").await.unwrap();
    assert_eq!(queue.control().await.unwrap().paused.unwrap().until, None);
    let soon = scene.clock.now().after(SECOND);
    let control = queue.pause_until(soon).because("lunch").await.unwrap();
    assert_eq!(control.paused.and_then(|paused| paused.until), Some(soon));
    scene.clock.set(soon);
    assert_eq!(queue.control().await.unwrap().paused, None);
}

#[tokio::test]
async fn of_a_key_one_runs_and_the_newest_waits() {
    let scene = Scene::new();
    let (gate, seen) = (Gate::default(), Arc::<Mutex<Vec<u64>>>::default());
    let server = {
        let (gate, seen) = (gate.clone(), Arc::clone(&seen));
        let work = move |ctx: longhaul::Context<u64, u64>| {
            let (gate, seen) = (gate.clone(), Arc::clone(&seen));
            async move {
                seen.lock().unwrap().push(*ctx.metadata());
                gate.opened().await;
                done(&ctx)
            }
        };
        scene.builder().concurrency(8).task_fn(WORK, work).start().unwrap()
    };
    let enqueue = |n| {
        let newest = UniqueKey::new("report 7").while_waiting().or_replace();
        server.client().enqueue_fn(WORK, n).unique(newest).ordered_by("report 7")
    };
    let first = enqueue(1).await.unwrap();
    reaches(&first, StateKind::Running).await;
    let second = enqueue(2).await.unwrap();
    let third = enqueue(3).await.unwrap();
    assert_eq!(second.id(), third.id(), "the newest takes the place of the one that waits");
    assert!(matches!(third.explain().await.unwrap(), Explanation::Behind { .. }));
    gate.open();
    third.outcome().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [1, 3]);
}
