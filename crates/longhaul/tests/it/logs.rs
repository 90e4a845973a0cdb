//! What attempts tell through `tracing` is kept with their runs.

use std::sync::Arc;

use longhaul::{
    AnyError, Context, LogLevel, LogLine, RunLogs, StateKind, StoreError, Success, TaskFn, store_api::LogRequest,
};
use longhaul_testkit::{Call, FaultPoint};
use tokio::sync::Notify;
use tracing::{Instrument, info_span, subscriber::DefaultGuard};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::kit::{self, GRACE, Scene};

const SPEAK: TaskFn<u64, u64, (), AnyError> = TaskFn::new("speak");

/// A subscriber of this thread alone, on which the test's server runs too.
fn hear(logs: &RunLogs) -> DefaultGuard {
    kit::hear(tracing_subscriber::registry().with(logs.layer()))
}

fn texts(lines: &[LogLine]) -> Vec<&str> {
    lines.iter().map(|line| &*line.text).collect()
}

/// The lines of a run of a task that does this.
async fn said<F, Fut>(logs: RunLogs, speak: F) -> Vec<LogLine>
where
    F: Fn(Context<u64, u64>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let _guard = hear(&logs);
    let scene = Scene::new();
    let server = scene
        .builder()
        .run_logs(logs)
        .task_fn(SPEAK, move |ctx| {
            let spoken = speak(ctx);
            async move {
                spoken.await;
                Success::with_empty_result().for_error()
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(SPEAK, 7).await.unwrap();
    run.outcome().await.unwrap();
    server.shutdown(GRACE).await;
    run.log().await.unwrap().lines
}

#[tokio::test]
async fn a_line_tells_what_was_said_when_where_and_how_gravely() {
    let lines = said(RunLogs::new(), |ctx| async move {
        tracing::warn!(order = ctx.metadata(), customer = "Ada", ratio = 0.5, "late by {} days", 3);
    })
    .await;
    assert_eq!(texts(&lines), [r#"late by 3 days order=7 customer="Ada" ratio=0.5"#]);
    assert_eq!((lines[0].level, lines[0].at), (LogLevel::Warn, kit::START));
    assert!(lines[0].target.ends_with("logs"), "{}", lines[0].target);
}

#[tokio::test]
async fn spans_within_the_attempt_are_told_and_those_around_the_program_are_not() {
    let lines = said(RunLogs::new(), |_| {
        let page = info_span!("page", number = 3, rows = tracing::field::Empty);
        let work = async {
            tracing::Span::current().record("rows", 20);
            async { tracing::info!("read") }.instrument(info_span!("table")).await;
        };
        work.instrument(page)
    })
    .await;
    assert_eq!(texts(&lines), ["page{number=3 rows=20}: table: read"]);
}

#[tokio::test]
async fn what_is_said_on_a_blocking_thread_belongs_to_the_run() {
    // The thread has no subscriber of its own here, as it has in a program. The span that it is in comes with it.
    let lines = said(RunLogs::new(), |ctx| async move {
        let subscriber = tracing::dispatcher::get_default(Clone::clone);
        ctx.blocking(move |_| tracing::dispatcher::with_default(&subscriber, || tracing::info!("counted"))).await;
    })
    .await;
    assert_eq!(texts(&lines), ["counted"]);
}

#[tokio::test]
async fn only_events_up_to_the_level_are_kept() {
    let speak = |_| async {
        tracing::error!("error");
        tracing::info!("info");
        tracing::debug!("debug");
        tracing::trace!("trace");
    };
    assert_eq!(texts(&said(RunLogs::new(), speak).await), ["error", "info"]);
    let debug = RunLogs::new().level(tracing::Level::DEBUG);
    assert_eq!(texts(&said(debug, speak).await), ["error", "info", "debug"]);
}

#[tokio::test]
async fn fields_are_shown_to_the_hook_before_they_are_kept() {
    let logs = RunLogs::new().redact(|field, value| match field {
        "password" => Some("…".into()),
        _ if value.contains("4111") => Some(value.replace("4111", "****")),
        _ => None,
    });
    let lines = said(logs, |_| {
        let speak = async { tracing::info!(password = "secret", user = "Ada", "card 4111 accepted") };
        speak.instrument(info_span!("login", password = "secret"))
    })
    .await;
    assert_eq!(texts(&lines), [r#"login{password=…}: card **** accepted password=… user="Ada""#]);
}

#[tokio::test]
async fn each_attempt_has_a_log_of_its_own_and_a_failed_one_is_kept() {
    let logs = RunLogs::new();
    let _guard = hear(&logs);
    let scene = Scene::new();
    let server = scene
        .builder()
        .run_logs(logs)
        .task_fn(SPEAK, |ctx| async move {
            tracing::info!("attempt {}", ctx.attempt().number);
            assert!(ctx.attempt().number != 1, "the first one panics");
            Success::with_empty_result().for_error()
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(SPEAK, 7).await.unwrap();
    let mut status = run.status().await.unwrap();
    while status.state() != StateKind::Retrying {
        status = run.changed(&status).await.unwrap();
    }
    run.retry(longhaul::RetryFrom::Checkpoint).await.unwrap();
    run.outcome().await.unwrap();
    server.shutdown(GRACE).await;
    let log = run.log().await.unwrap();
    assert_eq!((log.attempts, texts(&log.lines)), (vec![1, 2], vec!["attempt 2"]));
    assert_eq!(texts(&run.log().attempt(1).await.unwrap().lines), ["attempt 1"]);
}

#[tokio::test]
async fn the_log_of_an_attempt_that_runs_can_be_followed() {
    let logs = RunLogs::new();
    let _guard = hear(&logs);
    let scene = Scene::new();
    let go_on = Arc::new(Notify::new());
    let server = {
        let go_on = go_on.clone();
        scene.builder().run_logs(logs).autosave(std::time::Duration::from_millis(1)).task_fn(SPEAK, move |_| {
            let go_on = go_on.clone();
            async move {
                for line in ["one", "two", "three"] {
                    tracing::info!("{line}");
                    go_on.notified().await;
                }
                Success::with_empty_result().for_error()
            }
        })
    }
    .start()
    .unwrap();
    let run = server.client().enqueue_fn(SPEAK, 7).await.unwrap();
    let mut read = 0;
    for line in ["one", "two", "three"] {
        scene.faults.called(Call::Log, read as usize + 1).await;
        let mut log = run.log().from(read).await.unwrap();
        while log.lines.is_empty() {
            tokio::task::yield_now().await;
            log = run.log().from(read).await.unwrap();
        }
        assert_eq!((log.first, texts(&log.lines)), (read, vec![line]));
        read = log.next();
        go_on.notify_one();
    }
    run.outcome().await.unwrap();
    server.shutdown(GRACE).await;
}

#[tokio::test]
async fn a_store_that_fails_costs_lines_and_no_run() {
    let logs = RunLogs::new();
    let _guard = hear(&logs);
    let scene = Scene::new();
    scene.faults.fail_next(
        Call::Log,
        FaultPoint::BeforeEffect,
        StoreError::TimedOut { call: "log", after: std::time::Duration::from_secs(30) },
    );
    let server = scene
        .builder()
        .run_logs(logs)
        .task_fn(SPEAK, |_| async move {
            tracing::info!("lost");
            Success::with_empty_result().for_error()
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(SPEAK, 7).await.unwrap();
    assert_eq!(run.outcome().await.unwrap().completed(), Some(()));
    let report = server.shutdown(GRACE).await;
    assert_eq!(report.dropped, []);
    assert_eq!(scene.faults.count_of(Call::Log), 1);
    let log = scene.client().log(run.id()).await.unwrap();
    assert_eq!((log.attempt, log.lines.len()), (None, 0));
    assert_eq!(log, scene.client().store().read_log(LogRequest::of(run.id())).await.unwrap());
}
