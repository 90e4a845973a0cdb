//! Failures that hold the whole limit key, and pauses of one from within a task.

use longhaul::{
    AnyError, Clock as _, Failure, RetryPolicy, RunOutcome, Scope, StateKind, Success,
    store_api::{Explanation, admission::BlockedBy},
};
use longhaul_testkit::{Call, FaultPoint};

use crate::kit::{SECOND, START, Scene, WORK, done, reaches, unavailable};

/// The first attempt of the run 0 is told to come back in a minute.
fn server(scene: &Scene) -> longhaul::Longhaul {
    let work = |ctx: longhaul::Context<u64, u64>| async move {
        if ctx.attempt().number == 1 && *ctx.metadata() == 0 {
            return Failure::for_result()
                .retry_limit_key_after(60 * SECOND)
                .with_error(AnyError::msg("429: slow down"));
        }
        done(&ctx)
    };
    scene.leased().concurrency(1).task_fn(WORK, work).start().unwrap()
}

#[tokio::test]
async fn a_failure_holds_the_limit_key_of_its_run_and_no_other() {
    let scene = Scene::new();
    let server = server(&scene);
    let client = server.client();
    let of = |key: &str, n| client.enqueue_fn(WORK, n).limit_key(key);
    let told = of("customer 7", 0).await.unwrap();
    reaches(&told, StateKind::Retrying).await;
    let (same, other) = (of("customer 7", 1).await.unwrap(), of("customer 8", 2).await.unwrap());
    assert!(matches!(other.outcome().await.unwrap(), RunOutcome::Completed(_)));

    let until = START.after(60 * SECOND);
    scene.begun().await;
    let why = same.explain().await.unwrap();
    let Explanation::BlockedBy { by: BlockedBy::Paused { scope, until: end, why: reason }, .. } = &why else {
        panic!("{why}")
    };
    assert!(matches!(scope, Scope::LimitKey(_, key) if key.as_str() == "customer 7"), "{why}");
    assert_eq!((*end, reason.as_deref()), (Some(until), Some("429: slow down")));
    let paused = client.limit_key(WORK.name(), "customer 7").unwrap().control().await.unwrap().paused.unwrap();
    assert_eq!(*paused.by, told.id().to_string());

    while scene.clock.now() < until {
        scene.beat().await;
    }
    for run in [told, same] {
        assert!(matches!(run.outcome().await.unwrap(), RunOutcome::Completed(_)));
    }
    assert!(client.controls().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_operator_resumes_a_limit_key_before_its_time() {
    let scene = Scene::new();
    let server = server(&scene);
    let client = server.client();
    let told = client.enqueue_fn(WORK, 0).limit_key("customer 7").await.unwrap();
    reaches(&told, StateKind::Retrying).await;
    let same = client.enqueue_fn(WORK, 1).limit_key("customer 7").await.unwrap();
    client.limit_key(WORK.name(), "customer 7").unwrap().resume().await.unwrap();
    assert!(matches!(same.outcome().await.unwrap(), RunOutcome::Completed(_)));
    assert_eq!(told.status().await.unwrap().state(), StateKind::Retrying, "its own wait is its own");
}

#[tokio::test]
async fn the_pause_is_stored_before_the_end_of_the_attempt_is() {
    let scene = Scene::new();
    let server = server(&scene);
    let client = server.client();
    scene.faults.fail_next(Call::Control, FaultPoint::BeforeEffect, unavailable());
    scene.faults.hang_next(Call::Settle, FaultPoint::BeforeEffect);
    let told = client.enqueue_fn(WORK, 0).limit_key("customer 7").await.unwrap();
    scene.faults.called(Call::Settle, 1).await;
    assert!(scene.faults.count_of(Call::Control) >= 2, "the first call failed, and was made again");
    let key = client.limit_key(WORK.name(), "customer 7").unwrap();
    assert!(key.control().await.unwrap().paused.is_some());
    assert_eq!(told.status().await.unwrap().state(), StateKind::Running);
}

#[tokio::test]
async fn a_failure_without_a_limit_key_and_one_that_is_final_do_what_they_can() {
    let scene = Scene::new();
    let server = server(&scene);
    let client = server.client();
    let alone = client.enqueue_fn(WORK, 0).await.unwrap();
    reaches(&alone, StateKind::Retrying).await;
    assert!(client.controls().await.unwrap().is_empty());
    let last = client.enqueue_fn(WORK, 0).retry(RetryPolicy::never()).limit_key("customer 7").await.unwrap();
    reaches(&last, StateKind::Failed).await;
    assert_eq!(client.controls().await.unwrap().iter().count(), 1, "the others are still to wait");
}

#[tokio::test]
async fn a_task_pauses_its_limit_key_and_goes_on() {
    let scene = Scene::new();
    let until = START.after(60 * SECOND);
    let work = move |ctx: longhaul::Context<u64, u64>| async move {
        let paused = ctx.pause_limit_key_until(until, "the quota is used up").await?;
        Success::with_result(u64::from(paused)).for_error::<AnyError>()
    };
    let server = scene.builder().task_fn(WORK, work).start().unwrap();
    let client = server.client();
    let with = client.enqueue_fn(WORK, 1).limit_key("customer 7").await.unwrap();
    assert_eq!(with.outcome().await.unwrap(), RunOutcome::Completed(1));
    let without = client.enqueue_fn(WORK, 1).await.unwrap();
    assert_eq!(without.outcome().await.unwrap(), RunOutcome::Completed(0), "it has no limit key");
    let key = client.limit_key(WORK.name(), "customer 7").unwrap();
    assert_eq!(key.control().await.unwrap().paused.and_then(|paused| paused.until), Some(until));
}
