//! The four builders, and what becomes of what a task returns.

use std::{error::Error, fmt, num::ParseIntError, time::SystemTime};

use longhaul::{
    AnyError, Cancellation, EmptyError, Failure, ResumedFrom, RetryPolicy, RunOutcome, StateKind, Success, Suspended,
    TaskFn, Timestamp,
    store_api::{Cause, State, Waiting},
};
use serde::{Deserialize, Serialize};

use crate::kit::{GRACE, Gate, SECOND, START, Scene, WORK, at_once, done, happened, reaches, until};

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum ExportError {
    #[error("the table {0} is gone")]
    Gone(String),
    #[error("not a number: {0}")]
    Number(String),
}

impl From<ParseIntError> for ExportError {
    fn from(error: ParseIntError) -> Self {
        Self::Number(error.to_string())
    }
}

type Export<R = ()> = TaskFn<String, (), R, ExportError>;

#[tokio::test]
async fn a_result_is_read_back_typed() {
    const MEASURE: Export<Vec<usize>> = TaskFn::new("measure");
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(MEASURE, |ctx| async move {
            Success::with_result(ctx.metadata().split(' ').map(str::len).collect()).for_error()
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(MEASURE, "a bc def".to_owned()).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(vec![1, 2, 3]));
}

#[tokio::test]
async fn a_task_without_result_and_without_error_is_completed() {
    const TOUCH: TaskFn<(), (), (), EmptyError> = TaskFn::new("touch");
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(TOUCH, |_| async move { Success::with_empty_result().for_empty_error() })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(TOUCH, ()).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(()));
}

#[tokio::test]
async fn a_question_mark_makes_a_typed_failure_of_an_error() {
    const EXPORT: Export<u64> = TaskFn::new("export");
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(EXPORT, |ctx| async move {
            let rows: u64 = ctx.metadata().parse()?;
            Success::with_result(rows).for_error()
        })
        .start()
        .unwrap();
    let enqueue = |rows: &str| server.client().enqueue_fn(EXPORT, rows.to_owned()).retry(RetryPolicy::never());

    assert_eq!(enqueue("12").await.unwrap().outcome().await.unwrap().completed(), Some(12));
    let failed = enqueue("a dozen").await.unwrap().outcome().await.unwrap();
    let RunOutcome::Failed { failure, error } = failed else { panic!("{failed:?}") };
    assert_eq!(error, Some(ExportError::Number("invalid digit found in string".into())));
    assert_eq!(failure.cause, Cause::Error);
    assert_eq!(&*failure.message, "not a number: invalid digit found in string");
    assert_eq!(failure.attempt, 1);
}

#[tokio::test]
async fn any_error_keeps_what_the_error_and_its_causes_said() {
    #[derive(Debug)]
    struct Outer(std::io::Error);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the page was not read")
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |_| async move {
            Err(Outer(std::io::Error::other("the line is dead")))?;
            unreachable!("the line above ends it")
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).retry(RetryPolicy::never()).await.unwrap();
    let error = run.outcome().await.unwrap().error().unwrap();
    assert_eq!(error, AnyError::msg("the page was not read: the line is dead"));
}

#[tokio::test]
async fn a_permanent_failure_is_not_tried_again() {
    const EXPORT: Export = TaskFn::new("export");
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(EXPORT, |ctx| async move {
            Failure::for_empty_result().permanently().with_error(ExportError::Gone(ctx.metadata().clone()))
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(EXPORT, "orders".to_owned()).await.unwrap();
    assert_eq!(run.outcome().await.unwrap().error(), Some(ExportError::Gone("orders".into())));
    let status = run.status().await.unwrap();
    assert_eq!(happened(&status), ["enqueued", "claimed", "gave up"]);
    assert_eq!(status.last_error().unwrap(), "error in attempt 1: the table orders is gone");
}

#[tokio::test]
async fn a_failure_without_an_error_says_so() {
    let scene = Scene::new();
    let server =
        scene.builder().task_fn(WORK, |_| async move { Failure::for_result().with_empty_error() }).start().unwrap();
    let run = server.client().enqueue_fn(WORK, 1).retry(RetryPolicy::never()).await.unwrap();
    let RunOutcome::Failed { failure, error: None } = run.outcome().await.unwrap() else { panic!("it gave no error") };
    assert_eq!(&*failure.message, "the task failed without an error value");
}

#[tokio::test]
async fn retry_after_takes_the_place_of_the_policys_wait() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            if ctx.attempt().number == 1 {
                return Failure::for_result().retry_after(7 * SECOND).with_error(AnyError::msg("busy"));
            }
            done(&ctx)
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    let waiting = reaches(&run, StateKind::Retrying).await;
    assert_eq!(waiting.run().state, State::Retrying { due: START.after(7 * SECOND) });
    scene.clock.advance(7 * SECOND);
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(0));
}

#[tokio::test]
async fn a_task_can_call_its_own_run_off() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            match ctx.metadata() {
                1 => Cancellation::for_result().because("the customer left").with_empty_error(),
                2 => Cancellation::for_result().with_error(AnyError::msg("no such customer")),
                _ => Cancellation::for_result().because("both").with_error(AnyError::msg("no such customer")),
            }
        })
        .start()
        .unwrap();
    let expected = [
        (Some("the customer left"), None),
        // An error without a reason is the reason.
        (Some("no such customer"), Some("no such customer")),
        (Some("both"), Some("no such customer")),
    ];
    for (n, (reason, error)) in (1..).zip(expected) {
        let run = server.client().enqueue_fn(WORK, n).await.unwrap();
        let (reason, error) = (reason.map(str::to_owned), error.map(AnyError::msg));
        assert_eq!(run.outcome().await.unwrap(), RunOutcome::Cancelled { reason, error });
        assert_eq!(run.status().await.unwrap().attempts(), 1);
    }
}

#[tokio::test]
async fn a_suspended_run_waits_for_a_proceed_a_time_or_a_while() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            if ctx.attempt().resumed_from == ResumedFrom::Suspension {
                return done(&ctx);
            }
            ctx.update(|x| *x = 10 + ctx.metadata());
            let suspended = Suspended::for_result();
            match ctx.metadata() {
                0 => suspended,
                1 => suspended.after(5 * SECOND),
                _ => suspended.until(SystemTime::from(START.after(9 * SECOND))),
            }
            .for_error()
        })
        .start()
        .unwrap();
    let until_then = |seconds: u32| Waiting::Until(START.after(seconds * SECOND));
    let waits = [Waiting::Proceed, until_then(5), until_then(9)];
    let mut runs = vec![];
    for (n, waiting) in (0..).zip(waits) {
        let run = server.client().enqueue_fn(WORK, n).await.unwrap();
        let status = reaches(&run, StateKind::Suspended).await;
        assert_eq!(status.run().state, State::Suspended { waiting });
        assert_eq!(status.execution_metadata().unwrap(), 10 + n, "what was changed is kept without a checkpoint");
        runs.push(run);
    }

    scene.clock.advance(5 * SECOND);
    assert_eq!(runs[1].outcome().await.unwrap(), RunOutcome::Completed(11));
    assert_eq!(runs[2].status().await.unwrap().state(), StateKind::Suspended);
    scene.clock.advance(4 * SECOND);
    assert_eq!(runs[2].outcome().await.unwrap(), RunOutcome::Completed(12));
    assert_eq!(runs[0].status().await.unwrap().state(), StateKind::Suspended);
    runs[0].proceed().await.unwrap();
    assert_eq!(runs[0].outcome().await.unwrap(), RunOutcome::Completed(10));
}

#[tokio::test]
async fn suspending_counts_as_no_failure_however_often() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            if ctx.attempt().number <= 20 {
                return Suspended::for_result().after(std::time::Duration::ZERO).for_error();
            }
            done(&ctx)
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).retry(RetryPolicy::never().crashes(1)).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(0));
    let counts = run.status().await.unwrap().run().counts;
    assert_eq!((counts.suspensions, counts.failures, counts.crashes, counts.restarts_without_progress), (20, 0, 0, 0));
}

#[tokio::test]
async fn stopped_without_a_request_to_stop_is_a_failure() {
    // A task that carries `Stopped` out of one attempt's context into another is broken, and has to hear of it.
    let scene = Scene::new();
    let (kept, gate) = (std::sync::Arc::new(std::sync::Mutex::new(None)), Gate::default());
    let started = gate.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let (kept, started) = (kept.clone(), started.clone());
            async move {
                if *ctx.metadata() == 1 {
                    *kept.lock().unwrap() = Some(ctx.clone());
                    started.open();
                    ctx.until_stopped(std::future::pending::<()>()).await?;
                }
                let other = kept.lock().unwrap().take().expect("the first run put it there");
                other.ensure_active()?;
                unreachable!("the first run was cancelled")
            }
        })
        .start()
        .unwrap();
    let first = server.client().enqueue_fn(WORK, 1).await.unwrap();
    gate.opened().await;
    first.cancel().because("enough").await.unwrap();
    first.outcome().await.unwrap();
    let second = server.client().enqueue_fn(WORK, 2).retry(RetryPolicy::never()).await.unwrap();
    let RunOutcome::Failed { failure, .. } = second.outcome().await.unwrap() else { panic!("it failed") };
    assert!(failure.message.contains("without having been told to stop"), "{failure}");
}

#[tokio::test]
async fn a_final_outcome_never_changes() {
    let scene = Scene::new();
    let server = scene.builder().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    let run = server.client().enqueue_fn(WORK, 1).retry(at_once()).await.unwrap();
    run.outcome().await.unwrap();
    let before = scene.snapshot(run.id()).await;

    assert!(run.cancel().because("too late").await.unwrap_err().to_string().contains("completed, which is final"));
    assert!(run.proceed().await.unwrap_err().to_string().contains("completed, not suspended"));
    server.shutdown(GRACE).await;
    scene.store.crash_and_reopen();
    scene.clock.advance(60 * SECOND);
    let again = scene.builder().task_fn(WORK, |_| async move { panic!("it is done") }).start().unwrap();
    let other = again.client().enqueue_fn(WORK, 2).retry(RetryPolicy::default().crashes(1)).await.unwrap();
    until(&other, |status| status.state().is_final()).await;
    assert_eq!(scene.snapshot(run.id()).await, before);
}

#[tokio::test]
async fn a_result_that_is_too_large_fails_the_run_for_good() {
    const LARGE: TaskFn<(), (), Vec<u8>, AnyError> = TaskFn::new("large");
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(LARGE, |_| async move { Success::with_result(vec![7; (4 << 20) + 1]).for_error() })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(LARGE, ()).await.unwrap();
    let RunOutcome::Failed { failure, .. } = run.outcome().await.unwrap() else { panic!("it was kept") };
    assert!(failure.message.contains("the result (a alloc::vec::Vec<u8>) has 41943"), "{failure}");
    assert!(failure.message.contains("of at most 4194304"), "{failure}");
    assert!(failure.message.contains("keep what is large elsewhere"), "{failure}");
    assert_eq!(failure.at, Timestamp::from_micros(START.as_micros()));
}
