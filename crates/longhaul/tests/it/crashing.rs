//! Panics, and tasks that take their process down.

use std::{
    panic::set_hook,
    sync::{Arc, Mutex},
    time::Duration,
};

use longhaul::{
    Context, Longhaul, ResumedFrom, RunHandle, RunOutcome, StateKind, Success, TaskTypes,
    store_api::{Cause, admission::suspects::WINDOW},
};

use crate::kit::{GRACE, Gate, SECOND, Scene, WORK, at_once, done, happened, reaches, until_stopped};

#[tokio::test]
async fn a_task_that_panics_again_and_again_is_quarantined_with_message_place_and_backtrace() {
    let scene = Scene::new();
    let server =
        scene.builder().task_fn(WORK, |ctx| async move { panic!("no page {}", ctx.metadata()) }).start().unwrap();
    let run = server.client().enqueue_fn(WORK, 7).retry(at_once().crashes(3)).await.unwrap();
    let RunOutcome::Failed { failure, error: None } = run.outcome().await.unwrap() else { panic!("it panicked") };
    assert_eq!((failure.cause, &*failure.message, failure.attempt), (Cause::Panic, "no page 7", 3));
    let details = failure.details.unwrap();
    assert!(details.starts_with("at crates/longhaul/tests/it/crashing.rs:"), "{details}");
    assert!(details.contains("crashing::"), "a backtrace: {details}");
    let status = run.status().await.unwrap();
    let expected = ["enqueued", "claimed", "panicked", "claimed", "panicked", "claimed", "quarantined"];
    assert_eq!(happened(&status), expected);
    assert_eq!((status.run().counts.crashes, status.run().counts.failures), (3, 0));
    assert_eq!(status.last_error().unwrap(), "panic in attempt 3: no page 7");
}

#[tokio::test]
async fn a_function_that_panics_before_it_gives_its_future_has_panicked_too() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| {
            assert!(*ctx.metadata() != 7, "no page 7");
            async move { done(&ctx) }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 7).retry(at_once().crashes(1)).await.unwrap();
    let RunOutcome::Failed { failure, error: None } = run.outcome().await.unwrap() else { panic!("it panicked") };
    assert_eq!((failure.cause, &*failure.message), (Cause::Panic, "no page 7"));
}

#[tokio::test]
async fn a_panic_after_a_new_checkpoint_is_not_counted_in_a_row() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.update(|x| *x += 1);
            ctx.checkpoint().await?;
            assert!(ctx.read(|x| *x) >= 5, "not yet");
            assert_eq!(ctx.attempt().resumed_from, ResumedFrom::Crash);
            done(&ctx)
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 7).retry(at_once().crashes(2)).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(5));
}

#[tokio::test]
async fn a_panic_while_a_dropped_task_cleans_up_is_caught() {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            panic!("the file was closed already");
        }
    }
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |_| async move {
            let _guard = Guard;
            std::future::pending().await
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    let report = server.shutdown(Duration::ZERO).await;
    assert_eq!(report.dropped.len(), 1);
    assert!(run.status().await.unwrap().last_error().unwrap().contains("the file was closed already"));
}

#[tokio::test]
async fn a_panic_in_blocking_work_ends_the_attempt_as_a_panic_of_the_task() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.blocking(|ctx| {
                ctx.update(|x| *x = 5);
                assert!(ctx.attempt().number > 1, "division by zero");
            })
            .await;
            done(&ctx)
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    let status = reaches(&run, StateKind::Retrying).await;
    assert_eq!(status.last_error().unwrap(), "panic in attempt 1: division by zero");
    assert_eq!(status.execution_metadata().unwrap(), 5);
    scene.clock.advance(10 * SECOND);
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(5));
}

#[tokio::test]
async fn a_panic_that_a_task_carries_on_is_told_by_its_own_message() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |_| async move {
            // One that was caught, and is over.
            let _ = std::panic::catch_unwind(|| panic!("an old one"));
            let helper = tokio::spawn(async { panic!("the helper died") });
            std::panic::resume_unwind(helper.await.unwrap_err().into_panic())
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).retry(at_once().crashes(1)).await.unwrap();
    let RunOutcome::Failed { failure, .. } = run.outcome().await.unwrap() else { panic!("it panicked") };
    assert_eq!(&*failure.message, "the helper died");
}

/// A hook belongs to the whole process, where other tests panic meanwhile: so this has a process of its own.
#[test]
fn the_users_own_panic_hook_still_hears_of_every_panic() {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let status = child.args(["--ignored", "--exact", "crashing::with_a_hook_of_the_user"]).output().unwrap().status;
    assert!(status.success());
}

#[tokio::test]
#[ignore = "started by the test above"]
async fn with_a_hook_of_the_user() {
    let heard = Arc::new(Mutex::new(vec![]));
    let note = heard.clone();
    set_hook(Box::new(move |info| {
        note.lock().unwrap().extend(info.payload().downcast_ref::<&str>().map(|text| (*text).to_owned()));
    }));
    let scene = Scene::new();
    let server = scene.builder().task_fn(WORK, |_| async { panic!("no page") }).start().unwrap();
    let run = server.client().enqueue_fn(WORK, 1).retry(at_once().crashes(2)).await.unwrap();
    let RunOutcome::Failed { failure, .. } = run.outcome().await.unwrap() else { panic!("it panicked") };
    assert_eq!(&*failure.message, "no page");
    assert!(failure.details.is_some());
    assert_eq!(*heard.lock().unwrap(), ["no page", "no page"]);
}

/// A server whose task 0 kills its process at once, while all others work on until they are done with a checkpoint.
struct Killer {
    server: Longhaul,
    /// Opened when the killer has started.
    struck: Gate,
    started: Arc<Mutex<Vec<u64>>>,
}

impl Killer {
    fn start(scene: &Scene, innocent_are_done: bool) -> Self {
        let (struck, started) = (Gate::default(), Arc::new(Mutex::new(vec![])));
        let (strikes, starts) = (struck.clone(), started.clone());
        let run = move |ctx: Context<u64, u64>| {
            let (strikes, starts) = (strikes.clone(), starts.clone());
            async move {
                starts.lock().unwrap().push(*ctx.metadata());
                if *ctx.metadata() == 0 {
                    strikes.open();
                } else if innocent_are_done {
                    return Success::with_result(*ctx.metadata()).for_error();
                }
                until_stopped(&ctx).await
            }
        };
        Self { server: scene.builder().concurrency(40).task_fn(WORK, run).start().unwrap(), struck, started }
    }
}

#[tokio::test]
async fn of_the_runs_that_died_with_their_process_the_guilty_one_is_found_and_the_innocent_go_on() {
    let scene = Scene::new();
    let client = scene.client();
    let mut runs = vec![];
    for n in [1, 2, 0, 3, 4] {
        runs.push(client.enqueue_fn(WORK, n).retry(at_once().crashes(3)).await.unwrap());
    }
    let guilty = runs.remove(2);

    // All of them run when the process dies, twice: all are suspects, and nobody is counted.
    for _ in 0..2 {
        let life = Killer::start(&scene, false);
        for run in runs.iter().chain([&guilty]) {
            reaches(run, StateKind::Running).await;
        }
        life.struck.opened().await;
        scene.kill(life.server);
    }
    for run in runs.iter().chain([&guilty]) {
        let status = run.status().await.unwrap();
        assert_eq!((status.state(), status.run().suspicion), (StateKind::Pending, 2));
        assert_eq!(status.run().counts.crashes, 0);
    }

    // From now on one at a time; then the killer strikes once more, at its last try.
    for deaths in 3..=4 {
        let next = Killer::start(&scene, true);
        next.struck.opened().await;
        assert_eq!(next.started.lock().unwrap().last(), Some(&0), "no suspect starts beside a suspect");
        scene.kill(next.server);
        assert_eq!(guilty.status().await.unwrap().attempts(), deaths);
    }
    let RunOutcome::Failed { failure, .. } = guilty.outcome().await.unwrap() else { panic!("it is guilty") };
    assert_eq!((failure.cause, failure.attempt), (Cause::Crash, 4));
    assert!(failure.message.contains("crashes in a row without a new checkpoint"), "{failure}");
    let last = Killer::start(&scene, true);
    for (n, run) in [1, 2, 3, 4].into_iter().zip(&runs) {
        assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(n));
        assert_eq!(run.status().await.unwrap().run().counts.crashes, 0);
    }
    last.server.shutdown(GRACE).await;
}

/// So many runs that work for long and save nothing, and whose process died so many times.
async fn killed_from_outside(scene: &Scene, runs: u64, times: usize) -> Vec<RunHandle<impl TaskTypes>> {
    let client = scene.client();
    let mut all = vec![];
    for n in 1..=runs {
        all.push(client.enqueue_fn(WORK, n).await.unwrap());
    }
    for _ in 0..times {
        let life = Killer::start(scene, false);
        for run in &all {
            reaches(run, StateKind::Running).await;
        }
        scene.kill(life.server);
    }
    all
}

#[tokio::test]
async fn after_one_kill_all_runs_go_on_at_once_and_so_does_a_fresh_one() {
    let scene = Scene::new();
    let runs = killed_from_outside(&scene, 32, 1).await;
    let next = Killer::start(&scene, false);
    let fresh = scene.client().enqueue_fn(WORK, 99).await.unwrap();
    for run in &runs {
        assert_eq!(reaches(run, StateKind::Running).await.attempts(), 2);
    }
    reaches(&fresh, StateKind::Running).await;
    next.server.shutdown(GRACE).await;
}

#[tokio::test]
async fn after_two_kills_one_goes_on_at_a_time_and_everything_else_beside_them() {
    let scene = Scene::new();
    let runs = killed_from_outside(&scene, 8, 2).await;
    let next = Killer::start(&scene, false);
    for (nth, run) in runs.iter().enumerate() {
        let fresh = scene.client().enqueue_fn(WORK, 99).await.unwrap();
        reaches(&fresh, StateKind::Running).await;
        reaches(run, StateKind::Running).await;
        for later in &runs[nth + 1..] {
            assert_eq!(later.status().await.unwrap().state(), StateKind::Pending, "one at a time");
        }
        scene.clock.advance(WINDOW);
    }
    next.server.shutdown(GRACE).await;
}

#[tokio::test]
async fn after_three_kills_one_run_holds_its_server_for_the_window_and_no_longer() {
    let scene = Scene::new();
    let runs = killed_from_outside(&scene, 8, 2).await;
    let third = Killer::start(&scene, false);
    reaches(&runs[0], StateKind::Running).await;
    scene.kill(third.server);

    let next = Killer::start(&scene, false);
    let fresh = scene.client().enqueue_fn(WORK, 99).await.unwrap();
    reaches(&runs[0], StateKind::Running).await;
    assert_eq!(fresh.status().await.unwrap().state(), StateKind::Pending);
    scene.clock.advance(WINDOW);
    reaches(&fresh, StateKind::Running).await;
    reaches(&runs[1], StateKind::Running).await;
    next.server.shutdown(GRACE).await;
}
