//! What is kept of a run over time: its history, and how long.

use longhaul::store_api::store::prelude::*;
use longhaul::{
    AnyError, Failure, GetError, Retention, RunHandle, RunId, StateKind, Success, Suspended, TaskFn, TaskOptions,
};
use longhaul_testkit::Call;

use crate::kit::{GRACE, Numbers, SECOND, START, Scene, WORK, at_once, done, happened, reaches, until, until_stopped};

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

#[tokio::test]
async fn the_history_tells_who_did_what_when_and_why() {
    let scene = Scene::new();
    let first = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            match ctx.attempt().number {
                1 => Failure::for_result().retry_after(5 * SECOND).with_error(AnyError::msg("the line is busy")),
                2 => Suspended::for_result().for_error(),
                _ => until_stopped(&ctx).await,
            }
        })
        .start()
        .unwrap();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Retrying).await;
    scene.clock.advance(5 * SECOND);
    reaches(&run, StateKind::Suspended).await;
    run.proceed().await.unwrap();
    until(&run, |status| status.attempts() == 3).await;
    let claimed_by = first.server_id();
    first.shutdown(GRACE).await;
    let _next = scene.builder().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    run.outcome().await.unwrap();

    let status = run.status().await.unwrap();
    let words = [
        "enqueued",
        "claimed",
        "failed",
        "claimed",
        "suspended",
        "proceeded",
        "claimed",
        "interrupted",
        "claimed",
        "completed",
    ];
    assert_eq!(happened(&status), words);
    let entries = &status.history().entries;
    assert_eq!(entries[1].what.to_string(), format!("claimed by {claimed_by}"));
    assert_eq!((entries[2].why.as_deref(), entries[2].attempt), (Some("the line is busy"), 1));
    assert_eq!((entries[2].at, entries[3].at), (START, START.after(5 * SECOND)));
    assert_eq!(entries[7].why.as_deref(), Some("shutdown: the task stopped on request"));
    assert_eq!(entries.iter().map(|entry| entry.attempt).collect::<Vec<_>>(), [0, 1, 1, 2, 2, 2, 3, 3, 4, 4]);
}

#[tokio::test]
async fn the_history_of_a_run_that_is_retried_for_ever_stays_bounded() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            if ctx.attempt().number <= 100 {
                Suspended::for_result().after(SECOND / 1000).for_error()
            } else {
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    for nth in 1..=100 {
        until(&run, |status| status.state() == StateKind::Suspended && status.attempts() == nth).await;
        scene.clock.advance(SECOND / 1000);
    }
    run.outcome().await.unwrap();
    let status = run.status().await.unwrap();
    assert_eq!(status.history().entries.len(), 32);
    assert_eq!(status.history().dropped, 203 - 32);
    assert_eq!(happened(&status).first().unwrap(), "enqueued");
    assert_eq!(happened(&status).last().unwrap(), "completed");
}

/// Waits until the run was removed.
async fn removed(scene: &Scene, run: &RunHandle<Numbers>) {
    let mut revision = 0;
    loop {
        match scene.store.changed(run.id(), revision).await {
            Ok(snapshot) => revision = snapshot.run.revision,
            Err(GetError::NotFound(_)) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn is_kept(scene: &Scene, id: RunId) -> bool {
    scene.store.get(id).await.is_ok()
}

#[tokio::test]
async fn a_task_may_say_how_long_its_runs_are_kept() {
    const BRIEF: TaskFn<u64, u64, u64, AnyError> =
        TaskFn::new("brief").options(|| TaskOptions::default().retention(Retention::all(60 * SECOND)));
    let scene = Scene::new();
    let server = scene
        .builder()
        .retention(Retention::all(DAY))
        .task_fn(WORK, |ctx| async move { done(&ctx) })
        .task_fn(BRIEF, |ctx| async move { done(&ctx) })
        .start()
        .unwrap();
    let kept = server.client().enqueue_fn(WORK, 1).await.unwrap();
    let brief = server.client().enqueue_fn(BRIEF, 1).await.unwrap();
    kept.outcome().await.unwrap();
    brief.outcome().await.unwrap();
    scene.asleep_until(START.after(60 * SECOND)).await;
    scene.clock.advance(60 * SECOND);
    removed(&scene, &brief).await;
    assert!(is_kept(&scene, kept.id()).await);
}

#[tokio::test]
async fn final_runs_are_removed_when_their_time_has_come_and_others_never() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .retention(Retention { completed: Some(DAY), failed: Some(3 * DAY), cancelled: None })
        .task_fn(WORK, |ctx| async move {
            match ctx.metadata() {
                0 => Success::with_result(7).for_error(),
                1 => Failure::for_result().permanently().with_error(AnyError::msg("no")),
                _ => Suspended::for_result().for_error(),
            }
        })
        .start()
        .unwrap();
    let client = server.client();
    let mut runs = vec![];
    for n in 0..3 {
        runs.push(client.enqueue_fn(WORK, n).retry(at_once()).await.unwrap());
    }
    let [completed, failed, suspended] = &runs[..] else { unreachable!() };
    completed.outcome().await.unwrap();
    failed.outcome().await.unwrap();
    reaches(suspended, StateKind::Suspended).await;
    let waiting = client.enqueue_fn(WORK, 0).after(1000 * DAY).await.unwrap();
    let cancelled = client.enqueue_fn(WORK, 0).after(1000 * DAY).await.unwrap();
    cancelled.cancel().await.unwrap();

    // The first look was when the server started; the next is a minute later at the earliest.
    scene.asleep_until(START.after(60 * SECOND)).await;
    scene.clock.advance(60 * SECOND);
    scene.asleep_until(START.after(DAY)).await;
    assert!(is_kept(&scene, completed.id()).await);
    scene.clock.set(START.after(DAY));
    removed(&scene, completed).await;
    assert!(is_kept(&scene, failed.id()).await);
    scene.asleep_until(START.after(3 * DAY)).await;
    scene.clock.set(START.after(3 * DAY));
    removed(&scene, failed).await;

    let looks = scene.faults.count_of(Call::Sweep);
    scene.clock.set(START.after(999 * DAY));
    scene.faults.called(Call::Sweep, looks + 1).await;
    for kept in [suspended, &waiting, &cancelled] {
        assert!(is_kept(&scene, kept.id()).await, "{kept:?}");
    }
}

#[tokio::test]
async fn more_final_runs_than_one_sweep_takes_are_all_removed() {
    let scene = Scene::new();
    let client = scene.client();
    for n in 0..250 {
        client.enqueue_fn(WORK, n).await.unwrap().cancel().await.unwrap();
    }
    scene.clock.advance(8 * DAY);
    let last = client.find_fn(WORK).all().await.unwrap().pop().unwrap().run;
    let _server = scene.builder().start().unwrap();
    removed(&scene, &last).await;
    assert_eq!(client.find_fn(WORK).count().await.unwrap(), 0);
}
