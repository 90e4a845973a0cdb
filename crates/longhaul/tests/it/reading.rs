//! What a status tells of a run, typed and as JSON.

use longhaul::{AnyError, Context, ExecutionResult, Failure, RetryPolicy, RunOutcome, StateKind, Suspended, TaskFn};

use crate::kit::{Gate, SECOND, Scene, WORK, at_once, done, reaches};

#[tokio::test]
async fn a_status_has_the_outcome_once_the_run_is_final_and_not_before() {
    let scene = Scene::new();
    let gate = Gate::default();
    let opens = gate.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx: Context<u64, u64>| {
            let gate = gate.clone();
            async move {
                gate.opened().await;
                ctx.update(|x| *x = 7);
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    let running = reaches(&run, StateKind::Running).await;
    assert_eq!((running.outcome_now(), running.error(), running.cancel_reason()), (Ok(None), Ok(None), None));
    opens.open();
    let ended = reaches(&run, StateKind::Completed).await;
    assert_eq!(ended.outcome_now(), Ok(Some(RunOutcome::Completed(7))));
    assert_eq!(ended.outcome_now().unwrap(), Some(run.outcome().await.unwrap()));
}

async fn fails(ctx: Context<u64, u64>) -> ExecutionResult<u64, AnyError> {
    match ctx.metadata() {
        0 => panic!("it burns"),
        n => Failure::for_result().with_error(AnyError::msg(format!("no route to {n}"))),
    }
}

#[tokio::test]
async fn the_typed_error_of_the_latest_attempt_is_told_while_the_run_waits_for_the_next() {
    let scene = Scene::new();
    let server = scene.builder().task_fn(WORK, fails).start().unwrap();
    let client = server.client();
    let slowly = RetryPolicy::default().attempts(2).backoff(longhaul::Backoff::Fixed(SECOND));
    let run = client.enqueue_fn(WORK, 3).retry(slowly).await.unwrap();
    let waits = reaches(&run, StateKind::Retrying).await;
    let error = AnyError::msg("no route to 3");
    assert_eq!((waits.error(), waits.outcome_now()), (Ok(Some(error.clone())), Ok(None)));
    assert_eq!(waits.failure().map(|failure| failure.attempt), Some(1));
    scene.clock.advance(SECOND);
    let RunOutcome::Failed { error: last, failure } = run.outcome().await.unwrap() else { panic!("it fails twice") };
    assert_eq!((last, failure.attempt), (Some(error), 2));

    // A panic has a failure, and no typed error.
    let run = client.enqueue_fn(WORK, 0).retry(at_once().attempts(1)).await.unwrap();
    run.outcome().await.unwrap();
    let status = run.status().await.unwrap();
    assert_eq!(status.error(), Ok(None));
    assert!(status.failure().is_some_and(|failure| failure.message.contains("it burns")));
}

#[tokio::test]
async fn the_reason_of_a_cancellation_is_told_already_while_the_run_is_being_cancelled() {
    let scene = Scene::new();
    let gate = Gate::default();
    let opens = gate.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx: Context<u64, u64>| {
            let gate = gate.clone();
            async move {
                // It follows once the test says so.
                gate.opened().await;
                ctx.ensure_active()?;
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    run.cancel().because("the customer has left").await.unwrap();
    let status = run.status().await.unwrap();
    assert_eq!((status.state(), status.cancel_reason()), (StateKind::Running, Some("the customer has left")));
    opens.open();
    let status = reaches(&run, StateKind::Cancelled).await;
    assert_eq!(status.cancel_reason(), Some("the customer has left"));
    let cancelled = RunOutcome::Cancelled { reason: Some("the customer has left".into()), error: None };
    assert_eq!(status.outcome_now(), Ok(Some(cancelled)));
}

#[tokio::test]
async fn a_status_is_shown_as_json_without_the_values_of_the_task() {
    const SECRET: TaskFn<String, String, String, AnyError> = TaskFn::new("secret");
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(SECRET, |ctx: Context<String, String>| async move {
            ctx.update(|x| *x = "hidden too".into());
            ctx.progress().step("hiding").set(1, 2);
            Suspended::for_result().for_error()
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(SECRET, "hidden".to_owned()).tag("order", 7).await.unwrap();
    let status = reaches(&run, StateKind::Suspended).await;
    let shown = serde_json::to_value(&status).unwrap();
    assert_eq!(shown["id"], run.id().to_string());
    assert_eq!(shown["state"], "suspended");
    assert_eq!(shown["progress"]["fraction"], 0.5);
    assert_eq!(shown["created"], "2026-01-01T00:00:00Z");
    assert_eq!(shown["history"]["lines"][1]["what"], "claimed");
    assert!(!shown.to_string().contains("hidden"), "{shown}");
    // The same as without types.
    assert_eq!(shown, serde_json::to_value(scene.snapshot(run.id()).await).unwrap());
    assert_eq!(serde_json::to_value(run.explain().await.unwrap()).unwrap()["reason"], "suspended");
}
