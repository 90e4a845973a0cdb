//! Watching a run from outside: its outcome and its progress.

use std::time::Duration;

use longhaul::{RunOutcome, StateKind, Store, Success, Suspended};

use crate::kit::{Gate, Scene, WORK, done, reaches, until};

#[tokio::test]
async fn an_outcome_is_awaited_from_another_process() {
    let scene = Scene::new();
    let client = scene.client();
    let run = client.enqueue_fn(WORK, 1).await.unwrap();
    let waiting = tokio::spawn(async move { run.outcome().await });
    let gate = Gate::default();
    let executes = scene.another();
    let wait = gate.clone();
    let _server = executes
        .builder()
        .task_fn(WORK, move |ctx| {
            let wait = wait.clone();
            async move {
                wait.opened().await;
                Success::with_result(7 * ctx.metadata()).for_error()
            }
        })
        .start()
        .unwrap();
    assert!(!waiting.is_finished());
    gate.open();
    assert_eq!(waiting.await.unwrap().unwrap(), RunOutcome::Completed(7));
    assert_eq!(scene.store.count(longhaul::core::store::Filter::default()).await, Ok(1));
}

#[tokio::test]
async fn progress_is_told_step_by_step_until_the_run_ended() {
    let scene = Scene::new();
    let (first, second) = (Gate::default(), Gate::default());
    let (one, two) = (first.clone(), second.clone());
    let server = scene
        .builder()
        .autosave(Duration::from_millis(5))
        .task_fn(WORK, move |ctx| {
            let (one, two) = (one.clone(), two.clone());
            async move {
                ctx.progress().step("reading").set(1, 4).message("orders of 2025");
                one.opened().await;
                // More than there is, and texts that are too long, are cut.
                ctx.progress().step(&"s".repeat(300)).advance(7);
                two.opened().await;
                ctx.progress().set(9, None).message("");
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    let mut progress = run.progress();
    let told = loop {
        let told = progress.next().await.unwrap().expect("it has not ended");
        if told.done > 0 {
            break told;
        }
    };
    assert_eq!((&*told.step, told.done, told.total, &*told.message), ("reading", 1, Some(4), "orders of 2025"));
    assert_eq!(told.fraction(), Some(0.25));
    first.open();
    let told = progress.next().await.unwrap().unwrap();
    assert_eq!((told.step.len(), told.done, told.total), (256, 4, Some(4)));
    second.open();
    let told = progress.next().await.unwrap().unwrap();
    assert_eq!((told.done, told.total, &*told.message), (9, None, ""));
    assert_eq!(progress.next().await.unwrap(), None);
    assert_eq!(progress.next().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn progress_told_a_million_times_is_written_a_few_times_a_second() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            for n in 1..=10_000 {
                ctx.progress().set(n, 10_000);
                tokio::time::advance(Duration::from_millis(1)).await;
            }
            done(&ctx)
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    run.outcome().await.unwrap();
    let writes = scene.faults.count_of(longhaul_testkit::Call::Checkpoint);
    assert!((30..=41).contains(&writes), "{writes} writes in 10 s");
    assert_eq!(run.status().await.unwrap().progress().done, 10_000, "the last is never lost");
}

#[tokio::test]
async fn a_kept_progress_is_there_when_the_run_resumes() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            if ctx.attempt().number == 1 {
                ctx.progress().set(5, 10);
                return Suspended::for_result().for_error();
            }
            ctx.progress().advance(1);
            done(&ctx)
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    assert_eq!(reaches(&run, StateKind::Suspended).await.progress().done, 5);
    run.proceed().await.unwrap();
    until(&run, |status| status.state().is_final()).await;
    assert_eq!(run.status().await.unwrap().progress().done, 6);
}
