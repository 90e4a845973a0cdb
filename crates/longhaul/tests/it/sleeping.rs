//! Waiting for a time within a task.

use std::time::{Duration, SystemTime};

use longhaul::{
    AnyError, Context, ExecutionResult, ResumedFrom, RunOutcome, StateKind, StopReason, Success, Task, TaskFn,
    testing::{self, Interruptions},
};

use crate::kit::{SECOND, START, Scene, reaches};

const HOUR: Duration = Duration::from_secs(3600);

type Naps = TaskFn<u64, Vec<String>, Vec<String>, AnyError>;
const NAPS: Naps = TaskFn::new("naps");

/// Notes when it comes to each line.
async fn naps(ctx: &Context<u64, Vec<String>>) -> ExecutionResult<Vec<String>, AnyError> {
    let note = |what: &str| ctx.update(|notes| notes.push(format!("{what} in attempt {}", ctx.attempt().number)));
    if ctx.read(Vec::is_empty) {
        note("begun");
    }
    for n in 0..*ctx.metadata() {
        ctx.sleep(&format!("nap {n}"), HOUR).await?;
        if ctx.read(Vec::len) as u64 == n + 1 {
            note("woken");
        }
    }
    Success::with_result(ctx.read(Clone::clone)).for_error()
}

#[tokio::test]
async fn a_long_sleep_frees_the_slot_outlives_the_process_and_is_not_begun_anew() {
    let scene = Scene::new();
    let start = |scene: &Scene| {
        scene.builder().concurrency(1).task_fn(NAPS, |ctx| async move { naps(&ctx).await }).start().unwrap()
    };
    let server = start(&scene);
    let run = server.client().enqueue_fn(NAPS, 2).await.unwrap();
    reaches(&run, StateKind::Suspended).await;
    assert_eq!(run.status().await.unwrap().run().state.due(), Some(START.after(HOUR)));
    // The only slot is free.
    let other = server.client().enqueue_fn(NAPS, 0).await.unwrap();
    assert_eq!(other.outcome().await.unwrap(), RunOutcome::Completed(vec!["begun in attempt 1".to_owned()]));
    scene.kill(server);

    scene.clock.advance(HOUR / 2);
    let server = start(&scene);
    let run = server.client().run_fn(NAPS, run.id());
    scene.clock.advance(HOUR / 2);
    let mut status = run.status().await.unwrap();
    while status.run().state.due() != Some(START.after(2 * HOUR)) {
        status = run.changed(&status).await.unwrap();
    }
    scene.clock.advance(HOUR);
    let notes = ["begun in attempt 1", "woken in attempt 2", "woken in attempt 3"];
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(notes.map(str::to_owned).into()));
}

#[tokio::test]
async fn a_proceed_before_the_time_does_not_shorten_a_sleep() {
    let scene = Scene::new();
    let server = scene.builder().task_fn(NAPS, |ctx| async move { naps(&ctx).await }).start().unwrap();
    let run = server.client().enqueue_fn(NAPS, 1).await.unwrap();
    reaches(&run, StateKind::Suspended).await;
    scene.clock.advance(HOUR / 2);
    run.proceed().await.unwrap();
    let mut status = run.status().await.unwrap();
    while status.attempts() < 2 || status.state() != StateKind::Suspended {
        status = run.changed(&status).await.unwrap();
    }
    assert_eq!(status.run().state.due(), Some(START.after(HOUR)), "it waits for the rest");
    scene.clock.advance(HOUR / 2);
    assert!(run.outcome().await.unwrap().completed().is_some());
}

#[tokio::test]
async fn a_signal_that_nothing_accounts_for_is_handed_out_again_after_a_sleep() {
    const TAKES: TaskFn<(), (), (u64, bool), AnyError> = TaskFn::new("takes");
    let scene = Scene::new();
    let server = scene.builder().task_fn(TAKES, |ctx| async move {
        let taken = ctx.signal::<u64>("a")?.unwrap_or_default();
        ctx.sleep("nap", HOUR).await?;
        Success::with_result((taken, ctx.attempt().resumed_from == ResumedFrom::Suspension)).for_error()
    });
    let client = scene.client();
    let run = client.enqueue_fn(TAKES, ()).await.unwrap();
    run.signal("a", 7_u64).await.unwrap();
    let server = server.start().unwrap();
    let run = server.client().run_fn(TAKES, run.id());
    reaches(&run, StateKind::Suspended).await;
    scene.clock.advance(HOUR);
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed((7, true)));
}

#[tokio::test]
async fn a_short_sleep_happens_in_place_and_a_long_one_ends_the_attempt() {
    let (ctx, attempt) = testing::context((), 0_u64).await;
    assert!(ctx.sleep("a moment", Duration::from_millis(5)).await.is_ok());
    assert!(ctx.sleep_until(SystemTime::UNIX_EPOCH).await.is_ok());
    assert_eq!(ctx.stop_reason(), None);
    assert_eq!(attempt.snapshot().await.run.state.kind(), StateKind::Running);

    let until = ctx.now() + HOUR;
    assert!(ctx.sleep_until(until).await.is_err());
    assert_eq!(ctx.stop_reason(), Some(StopReason::Sleeping { until: until.into() }));
    assert!(ctx.ensure_active().is_err());
}

#[tokio::test]
async fn a_stop_ends_a_short_sleep() {
    let (ctx, attempt) = testing::context((), 0_u64).await;
    attempt.stop(StopReason::Shutdown);
    assert!(ctx.sleep("a moment", 4 * SECOND).await.is_err());
    assert_eq!(ctx.stop_reason(), Some(StopReason::Shutdown));
}

struct Reminders;

impl Task for Reminders {
    const NAME: &'static str = "reminders";
    type Metadata = ();
    type ExecutionMetadata = u64;
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<(), u64>) -> ExecutionResult<u64, AnyError> {
        for day in 0..3 {
            ctx.sleep(&format!("day {day}"), 24 * HOUR).await?;
            if ctx.read(|sent| *sent) == day {
                ctx.update(|sent| *sent += 1);
                ctx.checkpoint().await?;
            }
        }
        Success::with_result(ctx.read(|sent| *sent)).for_error()
    }
}

#[tokio::test]
async fn a_task_that_sleeps_comes_to_the_same_end_wherever_it_is_broken_off() {
    Interruptions::fresh(|| Reminders).check(()).await;
}
