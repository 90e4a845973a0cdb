//! `longhaul::testing`: what users test their own tasks with, and that it finds what is wrong.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use longhaul::{
    AnyError, Context, ExecutionResult, Failure, ResumedFrom, RetryPolicy, RunOutcome, StateKind, StopReason, Stopped,
    Success, Suspended, Task, TaskOptions,
    testing::{self, Interruptions, TestServer, interrupt_everywhere},
};

use crate::kit::{Count, CountUp, Cursor, SECOND};

#[tokio::test]
async fn a_test_server_runs_what_is_due_and_no_more() {
    let server = TestServer::start(|builder| builder.task(CountUp));
    let now = server.client().enqueue::<CountUp>(Count { to: 3 }).await.unwrap();
    let later = server.client().enqueue::<CountUp>(Count { to: 4 }).after(60 * SECOND).await.unwrap();
    server.run_until_idle().await;
    assert_eq!(now.status().await.unwrap().state(), StateKind::Completed);
    let enqueued = server.enqueued::<CountUp>().await;
    assert_eq!(enqueued.len(), 1);
    assert_eq!(enqueued[0].status.metadata().unwrap().to, 4);
    server.advance(59 * SECOND);
    server.run_until_idle().await;
    assert_eq!(later.status().await.unwrap().state(), StateKind::Pending);
    server.advance(SECOND);
    server.run_until_idle().await;
    assert_eq!(later.outcome().await.unwrap(), RunOutcome::Completed(4));
    assert!(server.enqueued::<CountUp>().await.is_empty());
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_that_cannot_start_fails_the_test_with_the_reason() {
    let started = std::panic::catch_unwind(|| TestServer::start(|builder| builder.task(CountUp).task(CountUp)));
    let panic = started.unwrap_err().downcast::<String>().unwrap();
    assert!(panic.contains("two tasks are called `count-up`"), "{panic}");
}

#[tokio::test]
async fn a_context_without_a_server_keeps_and_stops() {
    async fn step(ctx: &Context<String, u64>) -> Result<(), Stopped> {
        ctx.update(|lines| *lines += ctx.metadata().lines().count() as u64);
        ctx.progress().set(1, 2);
        ctx.checkpoint().await
    }
    let (ctx, attempt) = testing::context("a\nb".to_owned(), 40_u64).await;
    assert_eq!(attempt.checkpoints().await, 0);
    step(&ctx).await.unwrap();
    assert_eq!((attempt.kept::<u64>().await, attempt.checkpoints().await), (42, 1));
    assert_eq!(attempt.snapshot().await.run.progress.unwrap().done, 1);
    assert_eq!((ctx.attempt().number, ctx.attempt().resumed_from), (1, ResumedFrom::Fresh));

    attempt.stop(StopReason::Shutdown);
    assert!(step(&ctx).await.is_err());
    assert_eq!(ctx.stop_reason(), Some(StopReason::Shutdown));
    assert_eq!(attempt.kept::<u64>().await, 44, "what a stopped attempt changed is kept too");
    let sum = ctx.blocking(|ctx| ctx.read(|lines| *lines)).await;
    assert_eq!(sum, 44);
}

/// Tasks over numbers, by what they do.
macro_rules! task {
    ($name:ident, $execute:expr $(, $options:expr)?) => {
        #[derive(Default)]
        struct $name(Arc<Mutex<Vec<u64>>>);

        impl Task for $name {
            const NAME: &'static str = stringify!($name);
            type Metadata = u64;
            type ExecutionMetadata = Vec<u64>;
            type Output = u64;
            type Error = AnyError;

            async fn execute(&self, ctx: &Context<u64, Vec<u64>>) -> ExecutionResult<u64, AnyError> {
                let execute: fn(Self, Context<u64, Vec<u64>>) -> Execution = $execute;
                execute(Self(self.0.clone()), ctx.clone()).await
            }

            $(fn options() -> TaskOptions {
                $options
            })?
        }
    };
}

type Execution = std::pin::Pin<Box<dyn Future<Output = ExecutionResult<u64, AnyError>> + Send>>;

fn sum(ctx: &Context<u64, Vec<u64>>) -> ExecutionResult<u64, AnyError> {
    Success::with_result(ctx.read(|x| x.iter().sum())).for_error()
}

fn done(ctx: &Context<u64, Vec<u64>>) -> u64 {
    ctx.read(|x| x.len() as u64)
}

fn retried() -> TaskOptions {
    TaskOptions::default().retry(RetryPolicy::default().attempts(50).crashes(50))
}

task!(Counts, |_, ctx| Box::pin(async move {
    while done(&ctx) < *ctx.metadata() {
        ctx.update(|x| x.push(x.len() as u64));
        ctx.checkpoint().await?;
    }
    sum(&ctx)
}));
task!(Suspends, |_, ctx| Box::pin(async move {
    if done(&ctx) < *ctx.metadata() {
        ctx.update(|x| x.push(1));
        ctx.checkpoint().await?;
        let suspended = Suspended::for_result();
        return if done(&ctx).is_multiple_of(2) { suspended } else { suspended.after(SECOND) }.for_error();
    }
    sum(&ctx)
}));
task!(
    Fails,
    |_, ctx| Box::pin(async move {
        if done(&ctx) < *ctx.metadata() {
            ctx.update(|x| x.push(1));
            ctx.checkpoint().await?;
            return Failure::for_result().with_error(AnyError::msg("not yet"));
        }
        sum(&ctx)
    }),
    retried()
);
task!(
    Panics,
    |_, ctx| Box::pin(async move {
        if done(&ctx) < *ctx.metadata() {
            ctx.update(|x| x.push(1));
            ctx.checkpoint().await?;
            panic!("not yet");
        }
        sum(&ctx)
    }),
    retried()
);
task!(Blocks, |_, ctx| Box::pin(async move {
    let stopped = ctx
        .blocking(|ctx| {
            while ctx.read(|x| x.len() as u64) < *ctx.metadata() {
                ctx.update(|x| x.push(2));
                ctx.checkpoint()?;
            }
            Ok::<(), Stopped>(())
        })
        .await;
    stopped?;
    sum(&ctx)
}));
task!(FailsForGood, |_, ctx| Box::pin(async move {
    ctx.update(|x| x.resize(1, 7));
    ctx.checkpoint().await?;
    Failure::for_result().permanently().with_error(AnyError::msg("no such table"))
}));

#[tokio::test]
async fn tasks_that_can_be_broken_off_anywhere_pass() {
    let report = interrupt_everywhere(Counts::default(), 4).await;
    // Stopped and killed at four checkpoints; each of them waits twice, so dropped and killed at eight awaits.
    assert_eq!((report.checkpoints, report.awaits, report.interruptions), (4, 8, 24));
    assert_eq!(interrupt_everywhere(Suspends::default(), 3).await.checkpoints, 3);
    assert_eq!(interrupt_everywhere(Fails::default(), 3).await.checkpoints, 3);
    assert_eq!(interrupt_everywhere(FailsForGood::default(), 3).await.checkpoints, 1);
    assert_eq!(interrupt_everywhere(CountUp, Count { to: 2 }).await.checkpoints, 2);
}

#[tokio::test]
async fn tasks_that_panic_on_their_way_pass() {
    assert_eq!(interrupt_everywhere(Panics::default(), 2).await.checkpoints, 2);
}

#[tokio::test]
async fn tasks_that_block_pass() {
    assert_eq!(interrupt_everywhere(Blocks::default(), 3).await.checkpoints, 3);
}

/// What `interrupt_everywhere` says of a task that it refuses.
async fn refused<T: Task<Metadata = u64>>(make: impl Fn() -> T) -> String {
    let check = Box::pin(Interruptions::fresh(make).check::<T>(3));
    let checked = caught(check).await;
    *checked.expect_err("it is not resumable").downcast::<String>().expect("a message")
}

/// `future`, or the panic that ended it.
async fn caught<F: Future>(mut future: std::pin::Pin<Box<F>>) -> std::thread::Result<F::Output> {
    std::future::poll_fn(move |cx| match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => std::task::Poll::Ready(Err(panic)),
    })
    .await
}

// It appends to the outside before it notes that it did.
task!(WritesFirst, |outside, ctx| Box::pin(async move {
    while done(&ctx) < *ctx.metadata() {
        outside.0.lock().unwrap().push(1);
        tokio::task::yield_now().await;
        ctx.update(|x| x.push(1));
        ctx.checkpoint().await?;
    }
    let written = outside.0.lock().unwrap().len() as u64;
    Success::with_result(written).for_error()
}));
// It begins anew, and appends to what it finds.
task!(StartsOver, |_, ctx| Box::pin(async move {
    for n in 0..*ctx.metadata() {
        ctx.update(|x| x.push(n));
        ctx.checkpoint().await?;
    }
    sum(&ctx)
}));
// It keeps its sum in memory.
task!(Forgets, |_, ctx| Box::pin(async move {
    let mut total = 0;
    while done(&ctx) < *ctx.metadata() {
        total += 1;
        ctx.update(|x| x.push(1));
        ctx.checkpoint().await?;
    }
    Success::with_result(total).for_error()
}));
// Whatever stops it, it takes for a reason to fail.
task!(TakesStopForFailure, |_, ctx| Box::pin(async move {
    while done(&ctx) < *ctx.metadata() {
        ctx.update(|x| x.push(1));
        if ctx.checkpoint().await.is_err() {
            return Failure::for_result().permanently().with_error(AnyError::msg("I was stopped"));
        }
    }
    sum(&ctx)
}));
// Its change and what it stands for are torn apart by an await.
task!(Tears, |outside, ctx| Box::pin(async move {
    while done(&ctx) < *ctx.metadata() {
        ctx.update(|x| x.push(1));
        tokio::task::yield_now().await;
        outside.0.lock().unwrap().push(1);
        ctx.checkpoint().await?;
    }
    let written = outside.0.lock().unwrap().len() as u64;
    Success::with_result(written).for_error()
}));

#[tokio::test]
async fn a_task_that_takes_a_stop_for_a_failure_is_found_when_stopped() {
    let why = refused(TakesStopForFailure::default).await;
    let expected = "`TakesStopForFailure` comes to another end when it is stopped at checkpoint 1: undisturbed it \
                    completed with 3, resumed it failed with error: I was stopped (Some(\"\\\"I was stopped\\\"\"))";
    assert_eq!(why, expected);
}

#[tokio::test]
async fn a_task_that_forgets_what_it_held_in_memory_is_found() {
    let why = refused(Forgets::default).await;
    assert!(
        why.contains(
            "when it is stopped at checkpoint 1: undisturbed it completed with 3, resumed it completed with 2"
        ),
        "{why}"
    );
}

#[tokio::test]
async fn a_task_that_starts_over_is_found() {
    let why = refused(StartsOver::default).await;
    let expected = "undisturbed it leaves the execution metadata [0,1,2], resumed it leaves [0,0,1,2]";
    assert!(why.contains("when it is stopped at checkpoint 1") && why.ends_with(expected), "{why}");
}

#[tokio::test]
async fn a_task_that_repeats_what_it_did_outside_is_found_when_killed_between_the_two() {
    let why = refused(WritesFirst::default).await;
    assert!(why.contains("when it is dropped at await") || why.contains("when it is killed at await"), "{why}");
    assert!(why.contains("undisturbed it completed with 3, resumed it completed with 4"), "{why}");
}

#[tokio::test]
async fn a_task_whose_change_runs_ahead_of_its_work_is_found_when_dropped_between_the_two() {
    let why = refused(Tears::default).await;
    assert!(why.contains("when it is dropped at await 1"), "{why}");
    assert!(why.contains("undisturbed it completed with 3, resumed it completed with 2"), "{why}");
}

/// Goes wrong only if its process dies at a checkpoint, which it learns by an attempt that resumes from a crash.
struct FearsCrashes;

impl Task for FearsCrashes {
    const NAME: &'static str = "fears-crashes";
    type Metadata = u64;
    type ExecutionMetadata = Cursor;
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u64, Cursor>) -> ExecutionResult<u64, AnyError> {
        if ctx.attempt().resumed_from == ResumedFrom::Crash {
            ctx.update(|cursor| cursor.at = 100);
        }
        while ctx.read(|cursor| cursor.at) < *ctx.metadata() {
            ctx.update(|cursor| cursor.at += 1);
            ctx.checkpoint().await?;
        }
        Success::with_result(7).for_error()
    }
}

#[tokio::test]
async fn a_task_that_goes_wrong_after_a_crash_is_found_when_killed_and_by_its_execution_metadata() {
    let why = refused(|| FearsCrashes).await;
    let expected = "`fears-crashes` comes to another end when it is killed after checkpoint 1: undisturbed it leaves \
                    the execution metadata {\"at\":3}, resumed it leaves {\"at\":100}";
    assert_eq!(why, expected);
    // Whoever does not care says so.
    Interruptions::fresh(|| FearsCrashes).result_only().check(3).await;
}

#[tokio::test]
async fn a_task_of_many_points_is_tried_at_as_many_as_asked_for_each_with_an_outside_of_its_own() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let counted = move || {
        count.fetch_add(1, Ordering::Relaxed);
        Counts::default()
    };
    let report = Interruptions::fresh(counted).at_most(10).check(200).await;
    assert_eq!((report.checkpoints, report.interruptions), (200, 10));
    assert_eq!(made.load(Ordering::Relaxed), 11);
}

#[tokio::test]
async fn a_test_server_moves_runs_that_suspend_and_retry() {
    let server = TestServer::start(|builder| builder.task(Suspends::default()).task(Fails::default()));
    let fails = server.client().enqueue::<Fails>(2).await.unwrap();
    let suspends = server.client().enqueue::<Suspends>(1).await.unwrap();
    server.run_until_idle().await;
    assert_eq!(fails.status().await.unwrap().state(), StateKind::Retrying);
    assert_eq!(suspends.status().await.unwrap().state(), StateKind::Suspended);
    server.advance(Duration::from_secs(10));
    server.run_until_idle().await;
    server.advance(Duration::from_secs(10));
    server.run_until_idle().await;
    assert_eq!(fails.outcome().await.unwrap(), RunOutcome::Completed(2));
    assert_eq!(suspends.outcome().await.unwrap(), RunOutcome::Completed(1));
}

/// Waits for a receipt from outside.
struct Pay;

impl Task for Pay {
    const NAME: &'static str = "pay";
    type Metadata = u64;
    type ExecutionMetadata = Option<String>;
    type Output = String;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u64, Option<String>>) -> ExecutionResult<String, AnyError> {
        ctx.checkpoint().await?;
        let Some(receipt) = ctx.read(Clone::clone) else { return Suspended::for_result().for_error() };
        ctx.update(|receipt| *receipt = Some(receipt.take().unwrap_or_default().to_uppercase()));
        ctx.checkpoint().await?;
        Success::with_result(receipt.to_uppercase()).for_error()
    }
}

#[tokio::test]
async fn a_task_that_waits_for_data_is_proven_with_an_outside_that_is_played() {
    let report = Interruptions::fresh(|| Pay).on_suspend(|receipt| *receipt = Some("r-7".into())).check(7).await;
    assert!(report.interruptions > 0, "{report:?}");
}

#[tokio::test]
async fn a_task_that_waits_for_what_nobody_plays_is_told_so_after_a_few_rounds() {
    let panic = caught(Box::pin(interrupt_everywhere(Pay, 7))).await.unwrap_err().downcast::<String>().unwrap();
    let expected = "`pay` does not get ahead: it was suspended until a proceed 6 times in a row, and each time came back \
                    with the execution metadata that it had (attempt 6). If it waits for something from outside, play \
                    that with `Interruptions::on_suspend` or `on_suspend_send`";
    assert_eq!(*panic, expected);
}
