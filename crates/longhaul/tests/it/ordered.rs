//! Runs that go one after the other.

use longhaul::{AnyError, Failure, OrderKey, RetryFrom, RetryPolicy, RunOutcome, StateKind, store_api::Explanation};
use std::sync::{Arc, Mutex};

use crate::kit::{Scene, WORK, at_once, done, reaches};

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
                    seen.lock().unwrap().push((*ctx.metadata()).into());
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
