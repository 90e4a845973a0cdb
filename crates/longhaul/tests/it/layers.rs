//! Layers: what they see, what they may say, and what goes through them.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as Waking, Poll},
    time::Duration,
};

use longhaul::{
    AnyError, AttemptEnd, Context, EndKind, Execution, ExecutionResult, Failure, Layer, Next, ResumedFrom, RetryPolicy,
    RunOutcome, StateKind, StopReason, Success, Task, TaskFn, layer_fn,
    store_api::{Cause, State, Waiting},
};
use serde::{Deserialize, Serialize};

use crate::kit::{
    Count, CountUp, GRACE, Gate, Numbers, SECOND, START, Scene, WORK, at_once, done, happened, reaches, until_stopped,
};

/// What happened, in order.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    fn note(&self, what: impl std::fmt::Display) {
        self.0.lock().unwrap().push(what.to_string());
    }

    fn read(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Notes when it is dropped, and whether by a panic.
struct Leaving(&'static str, Journal);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.1.note(format!("{} {}", self.0, if std::thread::panicking() { "unwound" } else { "dropped" }));
    }
}

/// Notes on the way in and out.
struct Noting(&'static str, Journal);

impl Layer for Noting {
    async fn around(&self, _: Execution, next: Next) -> AttemptEnd {
        self.1.note(format!("into {}", self.0));
        let end = next.run().await;
        self.1.note(format!("out of {}: {}", self.0, end.kind()));
        end
    }
}

#[tokio::test]
async fn the_first_layer_that_was_added_is_the_outermost() {
    let (scene, journal) = (Scene::new(), Journal::default());
    let of_task = journal.clone();
    let server = scene
        .builder()
        .layer(Noting("a", journal.clone()))
        .task_fn(WORK, move |ctx| {
            of_task.note("called");
            let journal = of_task.clone();
            async move {
                journal.note("executed");
                done(&ctx)
            }
        })
        .layer(Noting("b", journal.clone()))
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(0));
    let expected = ["into a", "into b", "called", "executed", "out of b: completed", "out of a: completed"];
    assert_eq!(journal.read(), expected);
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("no paper in {tray}")]
struct NoPaper {
    tray: u32,
}

struct Print;

impl Task for Print {
    const NAME: &'static str = "print";
    const ALIASES: &'static [&'static str] = &["type"];
    type Metadata = Count;
    type ExecutionMetadata = u64;
    type Output = u64;
    type Error = NoPaper;

    async fn execute(&self, ctx: &Context<Count, u64>) -> ExecutionResult<u64, NoPaper> {
        match ctx.metadata().to {
            0 => Err(NoPaper { tray: 7 })?,
            pages => Success::with_result(pages * 2).for_error(),
        }
    }
}

/// The same types, under another name.
struct Draw;

impl Task for Draw {
    const NAME: &'static str = "draw";
    type Metadata = Count;
    type ExecutionMetadata = u64;
    type Output = u64;
    type Error = NoPaper;

    async fn execute(&self, _: &Context<Count, u64>) -> ExecutionResult<u64, NoPaper> {
        Success::with_result(1).for_error()
    }
}

#[tokio::test]
async fn a_layer_sees_the_typed_metadata_result_and_error_of_the_kind_that_it_asks_for() {
    let (scene, journal) = (Scene::new(), Journal::default());
    let notes = journal.clone();
    let layer = layer_fn(move |execution: Execution, next: Next| {
        let notes = notes.clone();
        async move {
            let asked = execution.metadata::<Print>().map(|count| count.to);
            notes.note(format!("{asked:?} {:?}", execution.metadata::<Draw>().map(|count| count.to)));
            let end = next.run().await;
            notes.note(format!("{:?} {:?}", end.result::<Print>(), end.result::<Draw>()));
            notes.note(format!("{:?} {:?}", end.error::<Print>(), end.error::<Draw>()));
            notes.note(format!("{:?} {}", end.message(), end.is_permanent()));
            end
        }
    });
    let server = scene.builder().task(Print).task(Draw).layer(layer).start().unwrap();
    let client = server.client();
    let run = client.enqueue::<Print>(Count { to: 3 }).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(6));
    let run = client.enqueue::<Draw>(Count { to: 4 }).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(1));
    let run = client.enqueue::<Print>(Count { to: 0 }).retry(RetryPolicy::never()).await.unwrap();
    let RunOutcome::Failed { failure, error } = run.outcome().await.unwrap() else { panic!("it has no paper") };
    assert_eq!((&*failure.message, error), ("no paper in 7", Some(NoPaper { tray: 7 })));

    let printed = ["Some(3) None", "Some(6) None", "None None", "None false"];
    let drawn = ["None Some(4)", "None Some(1)", "None None", "None false"];
    let failed = ["Some(0) None", "None None", "Some(NoPaper { tray: 7 }) None", "Some(\"no paper in 7\") false"];
    assert_eq!(journal.read(), [printed, drawn, failed].concat());
}

#[tokio::test]
async fn a_run_under_an_alias_is_of_its_task() {
    const OLD: TaskFn<Count, u64, u64, NoPaper> = TaskFn::new("type");
    let (scene, journal) = (Scene::new(), Journal::default());
    let notes = journal.clone();
    let layer = layer_fn(move |execution: Execution, next: Next| {
        notes.note(format!("{} {} {}", execution.kind(), execution.is::<Print>(), execution.is::<Draw>()));
        notes.note(execution.metadata::<Print>().is_some());
        next.run()
    });
    let run = scene.client().enqueue_fn(OLD, Count { to: 3 }).await.unwrap();
    let _server = scene.builder().task(Print).layer(layer).start().unwrap();
    run.outcome().await.unwrap();
    assert_eq!(journal.read(), ["type true false", "true"]);
}

#[tokio::test]
async fn a_layer_sees_the_values_of_functions_by_their_name() {
    const OTHER: Numbers = TaskFn::new("other");
    let (scene, journal) = (Scene::new(), Journal::default());
    let notes = journal.clone();
    let layer = layer_fn(move |execution: Execution, next: Next| {
        let notes = notes.clone();
        async move {
            notes.note(format!("{:?} {:?}", execution.metadata_fn(WORK), execution.metadata_fn(OTHER)));
            let end = next.run().await;
            notes.note(format!("{:?} {:?}", end.result_fn(WORK), end.result_fn(OTHER)));
            notes.note(format!("{:?} {:?}", end.error_fn(WORK), end.error_fn(OTHER)));
            end
        }
    });
    let task = |ctx: Context<u64, u64>| async move {
        match ctx.metadata() {
            0 => Failure::for_result().permanently().with_error(AnyError::msg("nothing")),
            _ => done(&ctx),
        }
    };
    let server = scene.builder().task_fn(WORK, task).layer(layer).start().unwrap();
    for metadata in [5, 0] {
        server.client().enqueue_fn(WORK, metadata).await.unwrap().outcome().await.unwrap();
    }
    let (completed, failed) = (
        ["Some(5) None", "Some(0) None", "None None"],
        ["Some(0) None", "None None", "Some(AnyError(\"nothing\")) None"],
    );
    assert_eq!(journal.read(), [completed, failed].concat());
}

#[tokio::test]
async fn a_layer_is_told_which_attempt_it_is_around() {
    let (scene, journal) = (Scene::new(), Journal::default());
    let notes = journal.clone();
    let layer = layer_fn(move |execution: Execution, next: Next| {
        let tags: Vec<_> = execution.tags().iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect();
        let attempt = execution.attempt();
        assert_eq!(attempt.run, execution.run_id());
        notes.note(execution.run_id());
        notes.note(format!("{} {} {tags:?} {:?}", execution.kind(), execution.queue(), execution.trace()));
        notes.note(format!("{} {}", attempt.number, attempt.resumed_from == ResumedFrom::Failure));
        assert!(!execution.cancellation().is_cancelled() && execution.stop_reason().is_none());
        next.run()
    });
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            if ctx.attempt().number == 1 {
                Err(std::io::Error::other("once"))?;
            }
            done(&ctx)
        })
        .layer(layer)
        .start()
        .unwrap();
    let enqueue = server.client().enqueue_fn(WORK, 1).queue("mail").tag("order", 7).trace("00-ab-cd-01");
    let run = enqueue.retry(at_once()).await.unwrap();
    run.outcome().await.unwrap();
    let (id, what) = (run.id().to_string(), "work mail [\"order=7\"] Some(\"00-ab-cd-01\")");
    assert_eq!(journal.read(), [&id, what, "1 false", &id, what, "2 true"]);
}

/// A server whose tasks count up, with a layer that answers `end` without executing them.
async fn answered(end: fn() -> AttemptEnd, state: StateKind) -> longhaul::RunStatus<CountUp> {
    let scene = Scene::new();
    let server = scene.builder().task(CountUp).layer(layer_fn(move |_, _| async move { end() })).start().unwrap();
    let run = server.client().enqueue::<CountUp>(Count { to: 3 }).await.unwrap();
    let status = reaches(&run, state).await;
    assert_eq!(status.execution_metadata().unwrap().at, 0, "the task was not executed");
    status
}

#[tokio::test]
async fn a_layer_can_answer_without_executing_the_task() {
    let hour = State::Suspended { waiting: Waiting::Until(START.after(3600 * SECOND)) };
    let aside = answered(|| AttemptEnd::suspended_after(3600 * SECOND), StateKind::Suspended).await;
    assert_eq!((&aside.run().state, aside.run().counts.failures), (&hour, 0));

    let aside = answered(AttemptEnd::suspended, StateKind::Suspended).await;
    assert_eq!(aside.run().state, State::Suspended { waiting: Waiting::Proceed });

    let failed = answered(|| AttemptEnd::failed("not today").permanently(), StateKind::Failed).await;
    assert_eq!(failed.last_error().as_deref(), Some("error in attempt 1: not today"));

    let later = answered(|| AttemptEnd::failed("busy").retry_after(60 * SECOND), StateKind::Retrying).await;
    assert_eq!(later.run().state, State::Retrying { due: START.after(60 * SECOND) });

    let off = answered(|| AttemptEnd::cancelled("sold out"), StateKind::Cancelled).await;
    assert_eq!(off.history().entries.last().unwrap().why.as_deref(), Some("sold out"));

    // Nobody had told it to.
    let failed = answered(AttemptEnd::stopped, StateKind::Retrying).await;
    assert!(failed.last_error().unwrap().contains("without having been told to stop"));
}

#[tokio::test]
async fn a_layer_can_say_another_end_and_what_was_changed_is_kept_all_the_same() {
    let scene = Scene::new();
    let layer = layer_fn(|_, next: Next| async move {
        let end = next.run().await;
        assert_eq!(end.kind(), EndKind::Completed);
        AttemptEnd::suspended_after(SECOND)
    });
    let task = |ctx: Context<u64, u64>| async move {
        ctx.update(|x| *x = 42);
        done(&ctx)
    };
    let server = scene.builder().task_fn(WORK, task).layer(layer).start().unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    assert_eq!(reaches(&run, StateKind::Suspended).await.execution_metadata().unwrap(), 42);
}

#[tokio::test]
async fn a_failure_keeps_its_typed_error_when_a_layer_says_when_to_try_again_or_never() {
    let scene = Scene::new();
    let layer = layer_fn(|execution: Execution, next: Next| async move {
        let end = next.run().await;
        if execution.attempt().number == 1 { end.retry_after(60 * SECOND) } else { end.permanently() }
    });
    let server = scene.builder().task(Print).layer(layer).start().unwrap();
    let run = server.client().enqueue::<Print>(Count { to: 0 }).await.unwrap();
    let status = reaches(&run, StateKind::Retrying).await;
    assert_eq!(status.run().state, State::Retrying { due: START.after(60 * SECOND) });
    scene.clock.advance(60 * SECOND);
    assert_eq!(run.outcome().await.unwrap().error(), Some(NoPaper { tray: 7 }));
}

#[tokio::test]
async fn a_result_that_cannot_be_kept_shows_as_the_failure_that_it_is() {
    const LARGE: TaskFn<(), (), Vec<u8>, AnyError> = TaskFn::new("large");
    let (scene, journal) = (Scene::new(), Journal::default());
    let notes = journal.clone();
    let layer = layer_fn(move |_, next: Next| {
        let notes = notes.clone();
        async move {
            let end = next.run().await;
            notes.note(format!("{} {} {}", end.kind(), end.is_permanent(), end.result_fn(LARGE).is_none()));
            end
        }
    });
    let task = |_| async { Success::with_result(vec![0; 5 << 20]).for_error() };
    let server = scene.builder().task_fn(LARGE, task).layer(layer).start().unwrap();
    server.client().enqueue_fn(LARGE, ()).await.unwrap().outcome().await.unwrap();
    assert_eq!(journal.read(), ["failed true true"]);
}

#[tokio::test]
async fn a_panic_of_the_task_goes_through_the_layers_and_is_the_runs() {
    let (scene, journal) = (Scene::new(), Journal::default());
    let notes = journal.clone();
    let layer = layer_fn(move |_, next: Next| {
        let notes = notes.clone();
        async move {
            let _leaving = Leaving("layer", notes.clone());
            let end = next.run().await;
            notes.note("not reached");
            end
        }
    });
    let server = scene.builder().task_fn(WORK, |_| async { panic!("out of ink") }).layer(layer).start().unwrap();
    let run = server.client().enqueue_fn(WORK, 1).retry(RetryPolicy::default().crashes(1)).await.unwrap();
    let RunOutcome::Failed { failure, .. } = run.outcome().await.unwrap() else { panic!("it panicked") };
    assert_eq!((failure.cause, &*failure.message), (Cause::Panic, "out of ink"));
    assert_eq!(journal.read(), ["layer unwound"]);
}

#[tokio::test]
async fn a_panic_of_a_layer_is_one_of_the_attempt() {
    let panicking: [fn() -> AttemptEnd; 2] = [|| panic!("the layer broke"), AttemptEnd::suspended];
    for (before, after) in [(0, 1), (1, 0)].map(|(a, b)| (panicking[a], panicking[b])) {
        let scene = Scene::new();
        let layer = layer_fn(move |_, next: Next| async move {
            let _ = before();
            let _ = next.run().await;
            after()
        });
        let server = scene.builder().task_fn(WORK, |ctx| async move { done(&ctx) }).layer(layer).start().unwrap();
        let run = server.client().enqueue_fn(WORK, 1).retry(RetryPolicy::default().crashes(1)).await.unwrap();
        let RunOutcome::Failed { failure, .. } = run.outcome().await.unwrap() else { panic!("it panicked") };
        assert_eq!((failure.cause, &*failure.message), (Cause::Panic, "the layer broke"));
    }
}

/// `future`, or its panic caught.
struct Catching<F>(Pin<Box<F>>);

impl<F: Future> Future for Catching<F> {
    type Output = Result<F::Output, ()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Waking<'_>) -> Poll<Self::Output> {
        match std::panic::catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(())),
        }
    }
}

#[tokio::test]
async fn a_layer_that_catches_a_panic_itself_says_what_it_means() {
    let scene = Scene::new();
    let layer = layer_fn(|_, next: Next| async move {
        let caught = Catching(Box::pin(next.run())).await;
        caught.unwrap_or_else(|()| AttemptEnd::cancelled("it always panics"))
    });
    let server = scene.builder().task_fn(WORK, |_| async { panic!("out of ink") }).layer(layer).start().unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    let expected = RunOutcome::Cancelled { reason: Some("it always panics".into()), error: None };
    assert_eq!(run.outcome().await.unwrap(), expected);
}

#[tokio::test]
async fn layers_are_within_the_timeout_and_dropped_with_the_attempt_from_the_inside_out() {
    let (scene, journal) = (Scene::new(), Journal::default());
    let (notes, of_task) = (journal.clone(), journal.clone());
    let layer = layer_fn(move |_, next: Next| {
        let notes = notes.clone();
        async move {
            let _leaving = Leaving("layer", notes.clone());
            next.run().await
        }
    });
    let server = scene
        .builder()
        .stop_deadline(SECOND)
        .task_fn(WORK, move |ctx| {
            let journal = of_task.clone();
            async move {
                let _leaving = Leaving("task", journal);
                ctx.update(|x| *x = 5);
                std::future::pending().await
            }
        })
        .layer(layer)
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).timeout(57 * SECOND).retry(RetryPolicy::never()).await.unwrap();
    scene.asleep_until(START.after(57 * SECOND)).await; // not at a full minute, where other loops wake up
    scene.clock.advance(57 * SECOND);
    scene.asleep_until(START.after(58 * SECOND)).await;
    scene.clock.advance(SECOND);
    let RunOutcome::Failed { failure, .. } = run.outcome().await.unwrap() else { panic!("it timed out") };
    assert_eq!(failure.cause, Cause::Timeout);
    assert_eq!(run.status().await.unwrap().execution_metadata().unwrap(), 5);
    assert_eq!(journal.read(), ["task dropped", "layer dropped"]);
}

#[tokio::test]
async fn a_layer_that_waits_follows_a_shutdown_and_its_run_is_interrupted() {
    let (scene, waits) = (Scene::new(), Gate::default());
    let waiting = waits.clone();
    let layer = layer_fn(move |execution: Execution, _| {
        let waiting = waiting.clone();
        async move {
            waiting.open();
            execution.cancellation().cancelled().await;
            assert_eq!(execution.stop_reason(), Some(StopReason::Shutdown));
            AttemptEnd::stopped()
        }
    });
    let server = scene.builder().task(CountUp).layer(layer).start().unwrap();
    let run = server.client().enqueue::<CountUp>(Count { to: 3 }).await.unwrap();
    waits.opened().await;
    let report = server.shutdown(GRACE).await;
    assert!(report.dropped.is_empty(), "{report:?}");
    assert_eq!(happened(&run.status().await.unwrap()), ["enqueued", "claimed", "interrupted"]);
}

#[tokio::test]
async fn a_task_that_follows_a_cancellation_shows_as_stopped() {
    let (scene, journal) = (Scene::new(), Journal::default());
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move { until_stopped(&ctx).await })
        .layer(Noting("it", journal.clone()))
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    run.cancel().because("enough").await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Cancelled { reason: Some("enough".into()), error: None });
    assert_eq!(journal.read(), ["into it", "out of it: stopped"]);
}

#[tokio::test(start_paused = true)]
async fn checkpoints_and_autosaves_go_on_within_a_layer() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            ctx.update(|x| *x = 5);
            ctx.checkpoint().await?;
            ctx.update(|x| *x = 7);
            std::future::pending().await
        })
        .layer(layer_fn(|_, next: Next| next.run()))
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    let kept = crate::kit::until(&run, |status| status.execution_metadata().unwrap() == 7).await;
    assert_eq!((kept.state(), kept.run().seq), (StateKind::Running, 2));
}

#[tokio::test]
async fn values_that_cannot_be_read_are_parked_before_any_layer() {
    const OTHER_TYPE: TaskFn<String, (), (), AnyError> = TaskFn::new("work");
    static ENTERED: AtomicBool = AtomicBool::new(false);
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(OTHER_TYPE, "seven".into()).await.unwrap();
    let layer = layer_fn(|_, next: Next| {
        ENTERED.store(true, Ordering::Relaxed);
        next.run()
    });
    let _server = scene.builder().task_fn(WORK, |ctx| async move { done(&ctx) }).layer(layer).start().unwrap();
    reaches(&run, StateKind::Incompatible).await;
    assert!(!ENTERED.load(Ordering::Relaxed));
}

/// A layer may hold what lives as long as its attempt: here a value for the futures within.
#[tokio::test]
async fn a_layer_can_give_the_task_a_task_local() {
    tokio::task_local! { static TENANT: u64; }
    let scene = Scene::new();
    let layer = layer_fn(|execution: Execution, next: Next| async move {
        let tenant = *execution.metadata_fn(WORK).expect("all runs are of it");
        TENANT.scope(tenant, next.run()).await
    });
    let task = |_: Context<u64, u64>| async {
        tokio::task::yield_now().await;
        Success::with_result(TENANT.get()).for_error()
    };
    let server = scene.builder().task_fn(WORK, task).layer(layer).start().unwrap();
    let runs = [3, 4].map(|tenant| server.client().enqueue_fn(WORK, tenant));
    for (run, tenant) in runs.into_iter().zip([3, 4]) {
        assert_eq!(run.await.unwrap().outcome().await.unwrap(), RunOutcome::Completed(tenant));
    }
    server.shutdown(Duration::ZERO).await;
}
