//! Watching a run from outside: its outcome and its progress.

use longhaul::store_api::store::prelude::*;
use std::{future::poll_fn, pin::Pin, time::Duration};

use futures_core::Stream;
use longhaul::{RunOutcome, StateKind, Success, Suspended};

use crate::kit::{GRACE, Gate, SECOND, Scene, WORK, done, reaches, until, until_stopped};

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
    assert_eq!(scene.store.count(longhaul::store_api::store::Filter::default()).await, Ok(1));
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

#[tokio::test]
async fn rate_and_time_left_are_measured_while_it_works_and_survive_a_restart() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, {
            let clock = scene.clock.clone();
            move |ctx| {
                let clock = clock.clone();
                async move {
                    ctx.progress().step("reading").unit("pages").set(0, 100);
                    clock.advance(10 * SECOND);
                    ctx.progress().step("reading").set(20, 100);
                    until_stopped(&ctx).await
                }
            }
        })
        .start()
        .unwrap();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    let mut progress = run.progress();
    let told = loop {
        let told = progress.next().await.unwrap().expect("it has not ended");
        if told.done > 0 {
            break told;
        }
    };
    assert_eq!((&*told.unit, told.rate, told.time_left()), ("pages", Some(2.0), Some(40 * SECOND)));
    server.shutdown(GRACE).await;

    // An hour in which nobody works.
    scene.clock.advance(3600 * SECOND);
    assert_eq!(run.status().await.unwrap().progress(), told, "any process can read it, also when nobody works on it");
    let server = scene
        .builder()
        .task_fn(WORK, {
            let clock = scene.clock.clone();
            move |ctx| {
                let clock = clock.clone();
                async move {
                    assert_eq!(ctx.progress().now().rate, Some(2.0));
                    ctx.progress().set(20, 100);
                    clock.advance(10 * SECOND);
                    ctx.progress().set(40, 100);
                    done(&ctx)
                }
            }
        })
        .start()
        .unwrap();
    run.outcome().await.unwrap();
    let told = run.status().await.unwrap().progress();
    assert_eq!((told.done, told.rate, told.time_left()), (40, Some(2.0), Some(30 * SECOND)));
    server.shutdown(GRACE).await;
}

#[tokio::test]
async fn a_watch_gives_each_change_up_to_the_end_and_so_does_its_stream() {
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    let (mut watch, mut stream) = (run.watch(), run.watch().stream());
    assert_eq!(watch.next().await.unwrap().map(|status| status.state()), Some(StateKind::Pending));
    let server = scene.builder().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    let mut states = Vec::new();
    while let Some(status) = watch.next().await.unwrap() {
        states.push(status.state());
    }
    assert_eq!(states.last(), Some(&StateKind::Completed));
    assert!(watch.next().await.unwrap().is_none(), "and it has ended");
    let mut streamed = Vec::new();
    while let Some(status) = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
        streamed.push(status.unwrap().state());
    }
    assert_eq!(streamed.last(), Some(&StateKind::Completed));
    server.shutdown(GRACE).await;

    run.delete().await.unwrap();
    let mut gone = run.watch().stream();
    assert!(poll_fn(|cx| Pin::new(&mut gone).poll_next(cx)).await.is_some_and(|status| status.is_err()));
    assert!(poll_fn(|cx| Pin::new(&mut gone).poll_next(cx)).await.is_none());
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
