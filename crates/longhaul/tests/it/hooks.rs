//! Lifecycle hooks: what is told, in which order, and what only when it is kept.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use longhaul::{
    AnyError, EndedCursor, EndedRunsError, Failure, Lifecycle, Longhaul, Progress, RetryPolicy, StateKind, StopReason,
    StoreError, Success, Suspended, TaskFn,
};
use longhaul_testkit::{Call, FaultPoint};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::kit::{
    Count, CountUp, GRACE, Gate, SECOND, START, Scene, WORK, at_once, broken, done, hear, reaches, unavailable,
};

/// Listens, and notes each event as a line.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn hear(&self) -> impl Fn(&Lifecycle) + Send + Sync + 'static {
        let lines = self.0.clone();
        move |event| lines.lock().unwrap().push(line(event))
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// What is told until the end of `server`, between its start and its stop.
    async fn until_the_end_of(&self, server: Longhaul) -> Vec<String> {
        server.shutdown(GRACE).await;
        let lines = self.lines();
        assert_eq!(lines.first().unwrap(), "longhaul started");
        let stopping = lines.iter().position(|line| line == "stopping").expect("it was shut down");
        assert_eq!(lines.last().unwrap(), "stopped");
        let between = [&lines[1..stopping], &lines[stopping + 1..lines.len() - 1]].concat();
        assert!(!between.iter().any(|line| line.starts_with("sto")), "{lines:?}");
        between
    }
}

fn line(event: &Lifecycle) -> String {
    match event {
        Lifecycle::ServerStarted { name, .. } => format!("{name} started"),
        Lifecycle::ServerStopping { .. } => "stopping".into(),
        Lifecycle::ServerStopped { .. } => "stopped".into(),
        Lifecycle::StoreBroken { error } => format!("broken: {error}"),
        Lifecycle::AttemptStarted(it) => format!("{} {} in {} waited {:?}", it.kind, it.number, it.queue, it.waited),
        Lifecycle::AttemptEnded(it) => {
            let message = it.end.message().map(|message| format!(": {message}")).unwrap_or_default();
            let next = it.next.as_str();
            format!("{} {} in {} {} after {:?}, {next}{message}", it.kind, it.number, it.queue, it.end.kind(), it.took)
        }
        Lifecycle::AttemptLost(it) => format!("{} {} in {} lost after {:?}", it.kind, it.number, it.queue, it.took),
        Lifecycle::RunFinal(it) => format!("{} in {} {} after {}", it.kind, it.queue, it.state.as_str(), it.attempts),
        other => panic!("{other:?} is new"),
    }
}

#[tokio::test]
async fn a_run_is_told_from_its_first_attempt_to_its_end_in_order() {
    let (scene, told, begun, go_on) = (Scene::new(), Told::default(), Gate::default(), Gate::default());
    let run = scene.client().enqueue_fn(WORK, 1).queue("mail").retry(at_once()).await.unwrap();
    scene.clock.advance(60 * SECOND);
    let gates = (begun.clone(), go_on.clone());
    let server = scene
        .builder()
        .hook(told.hear())
        .task_fn(WORK, move |ctx| {
            let (begun, go_on) = gates.clone();
            async move {
                match ctx.attempt().number {
                    1 => Failure::for_result().with_error(AnyError::msg("no paper")),
                    2 => Suspended::for_result().for_error(),
                    _ => {
                        begun.open();
                        go_on.opened().await;
                        done(&ctx)
                    }
                }
            }
        })
        .start()
        .unwrap();
    reaches(&run, StateKind::Suspended).await;
    run.proceed().await.unwrap();
    begun.opened().await;
    scene.clock.advance(5 * SECOND);
    go_on.open();
    run.outcome().await.unwrap();
    let expected = [
        "work 1 in mail waited 60s",
        "work 1 in mail failed after 0ns, retrying: no paper",
        "work 2 in mail waited 0ns",
        "work 2 in mail suspended after 0ns, suspended",
        "work 3 in mail waited 0ns",
        "work 3 in mail completed after 5s, completed",
        "work in mail completed after 3",
    ];
    assert_eq!(told.until_the_end_of(server).await, expected);
}

#[tokio::test]
async fn each_end_is_told_with_what_was_said() {
    const OTHER_TYPE: TaskFn<String, (), (), AnyError> = TaskFn::new("work");
    let (scene, told) = (Scene::new(), Told::default());
    let server = scene
        .builder()
        .hook(told.hear())
        .concurrency(1)
        .task_fn(WORK, |ctx| async move {
            assert!(*ctx.metadata() != 0, "divided by nothing");
            ctx.cancellation().cancelled().await;
            ctx.ensure_active()?;
            unreachable!("it was told to stop")
        })
        .start()
        .unwrap();
    let client = server.client();
    let run = client.enqueue_fn(WORK, 0).retry(RetryPolicy::default().crashes(1)).await.unwrap();
    run.outcome().await.unwrap();
    let run = client.enqueue_fn(WORK, 1).timeout(61 * SECOND).retry(RetryPolicy::never()).await.unwrap();
    scene.asleep_until(START.after(61 * SECOND)).await; // not at a full minute, where other loops wake up
    scene.clock.advance(61 * SECOND);
    run.outcome().await.unwrap();
    let run = client.enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    run.cancel().because("sold out").await.unwrap();
    run.outcome().await.unwrap();
    let run = client.enqueue_fn(OTHER_TYPE, "seven".into()).await.unwrap();
    reaches(&run, StateKind::Incompatible).await;
    let run = client.enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;

    let lines = told.until_the_end_of(server).await;
    let ends: Vec<_> = lines.iter().filter(|line| !line.contains("waited")).collect();
    assert_eq!(ends[0], "work 1 in default panicked after 0ns, failed: divided by nothing");
    assert_eq!(ends[1], "work in default failed after 1");
    assert!(
        ends[2].starts_with("work 1 in default timed out after 61s, failed: the attempt exceeded its timeout of 61s")
    );
    assert_eq!(ends[3], "work in default failed after 1");
    assert_eq!(ends[4], "work 1 in default cancelled after 0ns, cancelled: sold out");
    assert_eq!(ends[5], "work in default cancelled after 1");
    assert!(ends[6].starts_with("work 1 in default incompatible after 0ns, incompatible: "), "{}", ends[6]);
    assert_eq!(ends[7], "work 1 in default interrupted after 0ns, pending: shutdown: the task stopped on request");
    assert_eq!((ends.len(), lines.len()), (8, 8 + 5), "each was told to start: {lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn an_end_whose_answer_was_lost_is_told_once() {
    for when in FaultPoint::BOTH {
        let (scene, told) = (Scene::new(), Told::default());
        let server = scene.builder().hook(told.hear()).task(CountUp).start().unwrap();
        scene.faults.fail_next(Call::Settle, when, unavailable());
        server.client().enqueue::<CountUp>(Count { to: 3 }).await.unwrap().outcome().await.unwrap();
        let expected = [
            "count-up 1 in default waited 0ns",
            "count-up 1 in default completed after 0ns, completed",
            "count-up in default completed after 1",
        ];
        assert_eq!(told.until_the_end_of(server).await, expected);
    }
}

#[tokio::test]
async fn an_end_that_is_not_kept_is_told_as_lost() {
    let (scene, told, begun, go_on) = (Scene::new(), Told::default(), Gate::default(), Gate::default());
    let gates = (begun.clone(), go_on.clone());
    let server = scene
        .leased()
        .hook(told.hear())
        .task_fn(WORK, move |ctx| {
            let (begun, go_on) = gates.clone();
            async move {
                begun.open();
                go_on.opened().await;
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    begun.opened().await;
    scene.take_claims_of(&server).await;
    go_on.open();
    assert_eq!(reaches(&run, StateKind::Pending).await.run().epoch.0, 1);
    let lines = told.until_the_end_of(server).await;
    assert_eq!(lines[..2], ["work 1 in default waited 0ns", "work 1 in default lost after 0ns"]);
}

#[tokio::test]
async fn a_store_that_breaks_is_told_before_what_is_lost_by_it() {
    let (scene, told) = (Scene::new(), Told::default());
    let server = scene.builder().hook(told.hear()).task(CountUp).start().unwrap();
    scene.faults.fail_next(Call::Settle, FaultPoint::BeforeEffect, broken());
    server.client().enqueue::<CountUp>(Count { to: 3 }).await.unwrap();
    let error: StoreError = server.broken().await;
    let expected =
        ["count-up 1 in default waited 0ns", &format!("broken: {error}"), "count-up 1 in default lost after 0ns"];
    assert_eq!(told.until_the_end_of(server).await, expected);
}

#[tokio::test]
async fn an_attempt_that_was_dropped_is_told_before_the_server_has_stopped() {
    let (scene, told) = (Scene::new(), Told::default());
    let server = scene
        .builder()
        .hook(told.hear())
        .task_fn(WORK, |ctx| async move {
            ctx.progress().set(1, 2);
            std::future::pending().await
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    server.shutdown(Duration::ZERO).await;
    let lines = told.lines();
    assert!(lines[lines.len() - 2].starts_with("work 1 in default interrupted"), "{lines:?}");
    assert_eq!(run.status().await.unwrap().progress(), Progress { done: 1, total: Some(2), ..Progress::default() });
}

#[tokio::test(start_paused = true)]
async fn an_end_that_the_store_has_not_confirmed_is_lost_when_the_server_stops() {
    let (scene, told) = (Scene::new(), Told::default());
    let server = scene.builder().store_timeout(3600 * SECOND).hook(told.hear()).task(CountUp).start().unwrap();
    scene.faults.hang_next(Call::Settle, FaultPoint::AfterEffect);
    server.client().enqueue::<CountUp>(Count { to: 3 }).await.unwrap().outcome().await.unwrap();
    server.shutdown(Duration::ZERO).await;
    assert_eq!(told.lines()[3..], ["count-up 1 in default lost after 0ns", "stopped"]);
}

#[tokio::test]
async fn a_server_that_is_dropped_tells_nothing_any_more() {
    let (scene, told, begun) = (Scene::new(), Told::default(), Gate::default());
    let gate = begun.clone();
    let server = scene
        .builder()
        .hook(told.hear())
        .task_fn(WORK, move |ctx| {
            let begun = gate.clone();
            async move {
                begun.open();
                ctx.cancellation().cancelled().await;
                assert_eq!(ctx.stop_reason(), Some(StopReason::Shutdown));
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    begun.opened().await;
    scene.kill(server);
    // Whatever its futures still do, they do before this one ends.
    let _next = scene.builder().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    run.outcome().await.unwrap();
    assert_eq!(told.lines(), ["longhaul started", "work 1 in default waited 0ns"]);
}

/// Counts reports of errors.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Panic(Option<String>);
        impl Visit for Panic {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                if field.name() == "panic" {
                    self.0 = Some(format!("{value:?}"));
                }
            }
        }
        let mut panic = Panic(None);
        event.record(&mut panic);
        self.0.lock().unwrap().extend(panic.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn a_hook_that_panics_is_reported_once_and_hurts_nobody() {
    let errors = Errors::default();
    let _listening = hear(errors.clone());
    let (scene, before, after) = (Scene::new(), Told::default(), Told::default());
    let server = scene
        .builder()
        .hook(before.hear())
        .hook(|event| panic!("cannot hear {}", line(event)))
        .hook(after.hear())
        .task_fn(WORK, |_| async { Success::with_result(7).for_error() })
        .start()
        .unwrap();
    let outcome = server.client().enqueue_fn(WORK, 1).await.unwrap().outcome().await.unwrap();
    assert_eq!(outcome.completed(), Some(7));
    let expected = [
        "work 1 in default waited 0ns",
        "work 1 in default completed after 0ns, completed",
        "work in default completed after 1",
    ];
    assert_eq!(before.until_the_end_of(server).await, expected);
    assert_eq!(after.lines(), before.lines());
    assert_eq!(*errors.0.lock().unwrap(), ["cannot hear longhaul started"]);
}

#[tokio::test]
async fn a_run_that_ends_without_an_attempt_is_told_once_too() {
    let (scene, told) = (Scene::new(), Told::default());
    let server = scene.builder().hook(told.hear()).task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    // The loop that tells has found its place.
    scene.faults.called(Call::Ended, 2).await;
    let later = scene.client().enqueue_fn(WORK, 1).after(SECOND).queue("mail").await.unwrap();
    later.cancel().because("by hand").await.unwrap();
    let executed = server.client().enqueue_fn(WORK, 2).await.unwrap();
    executed.outcome().await.unwrap();
    let last = scene.client().enqueue_fn(WORK, 3).after(SECOND).await.unwrap();
    last.cancel().because("by hand").await.unwrap();
    server.shutdown(GRACE).await;
    let mut ends: Vec<String> =
        told.lines().into_iter().filter(|line| line.ends_with("after 0") || line.ends_with("after 1")).collect();
    ends.sort();
    assert_eq!(
        ends,
        ["work in default cancelled after 0", "work in default completed after 1", "work in mail cancelled after 0"]
    );
    assert_eq!(told.lines().last().map(String::as_str), Some("stopped"));
}

#[tokio::test]
async fn what_ended_since_a_store_was_opened_is_told_to_the_server_that_owns_it() {
    let (scene, owner, other, begun) = (Scene::new(), Told::default(), Told::default(), Gate::default());
    let gate = begun.clone();
    let executes = scene.builder().task_fn(WORK, move |_| {
        gate.open();
        std::future::pending()
    });
    let server = executes.start().unwrap();
    let before = scene.client().enqueue_fn(WORK, 1).after(SECOND).queue("early").await.unwrap();
    before.cancel().await.unwrap();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    begun.opened().await;
    run.cancel().await.unwrap();
    scene.kill(server);
    let later = scene.client().enqueue_fn(WORK, 1).after(SECOND).queue("mail").await.unwrap();
    later.cancel().await.unwrap();

    let shares = scene.builder().hook(other.hear()).task_fn(WORK, |ctx| async move { done(&ctx) });
    shares.start().unwrap().shutdown(GRACE).await;
    let owns = Longhaul::builder().store(scene.faults.clone()).hook(owner.hear());
    let server = owns.task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    let expected = ["work in default cancelled after 1", "work in mail cancelled after 0"];
    assert_eq!(owner.until_the_end_of(server).await, expected);
    assert_eq!(other.lines(), ["longhaul started", "stopping", "stopped"]);
}

#[tokio::test]
async fn ends_are_told_after_others_were_removed_before_anybody_read_them() {
    let (scene, told) = (Scene::new(), Told::default());
    let removed = scene.client().enqueue_fn(WORK, 1).queue("gone").await.unwrap();
    removed.cancel().await.unwrap();
    removed.delete().await.unwrap();
    let later = scene.client().enqueue_fn(WORK, 2).queue("mail").await.unwrap();
    later.cancel().await.unwrap();
    let owns = Longhaul::builder().store(scene.faults.clone()).hook(told.hear());
    let server = owns.task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    assert_eq!(told.until_the_end_of(server).await, ["work in mail cancelled after 0"]);
}

#[tokio::test]
async fn ends_are_told_once_the_store_answers_again() {
    let (scene, told) = (Scene::new(), Told::default());
    for when in [FaultPoint::BeforeEffect, FaultPoint::AfterEffect] {
        scene.faults.fail_next(Call::Ended, when, unavailable());
    }
    let owns = Longhaul::builder().store(scene.faults.clone()).hook(told.hear());
    let server = owns.task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    scene.faults.called(Call::Ended, 2).await;
    let run = scene.client().enqueue_fn(WORK, 1).after(SECOND).queue("mail").await.unwrap();
    run.cancel().await.unwrap();
    scene.faults.called(Call::Ended, 4).await;
    assert_eq!(told.until_the_end_of(server).await, ["work in mail cancelled after 0"]);
}

#[tokio::test]
async fn a_run_that_is_final_is_told_with_the_executions_that_began_and_not_with_its_claims() {
    const AS_NUMBER: TaskFn<u64, u64, u64, AnyError> = TaskFn::new("changed");
    const AS_TEXT: TaskFn<String, u64, u64, AnyError> = TaskFn::new("changed").version(2);
    let (scene, told) = (Scene::new(), Told::default());
    let parked = scene.client().enqueue_fn(AS_NUMBER, 7).await.unwrap();
    let reads_text = scene.builder().task_fn(AS_TEXT, |_| async { Success::with_result(1).for_error() });
    let server = reads_text.hook(told.hear()).start().unwrap();
    scene.faults.called(Call::Ended, 2).await;
    let status = reaches(&parked, StateKind::Incompatible).await;
    assert_eq!((status.run().epoch.0, status.attempts()), (1, 0));
    parked.cancel().await.unwrap();
    server.shutdown(GRACE).await;
    let end = "changed in default cancelled after 0";
    assert!(told.lines().iter().any(|line| line == end), "{:?}", told.lines());
}

#[tokio::test]
async fn ends_are_read_from_where_somebody_stopped() {
    let scene = Scene::new();
    let client = scene.client();
    let first = client.enqueue_fn(WORK, 1).await.unwrap();
    first.cancel().because("by hand").await.unwrap();
    let mut ended = client.ended(EndedCursor::START);
    let told = ended.next().await.unwrap();
    assert_eq!((told.id, told.state, told.kind.as_str()), (first.id(), StateKind::Cancelled, "work"));
    assert_eq!(client.ended_so_far().await.unwrap().position, told.cursor.position);

    let server = scene.builder().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    let mut waiting = server.client().ended(told.cursor.to_string().parse().unwrap());
    let second = server.client().enqueue_fn(WORK, 2).await.unwrap();
    assert_eq!(waiting.next().await.unwrap().id, second.id());
    let shutdown = tokio::spawn(server.shutdown(GRACE));
    assert_eq!(waiting.next().await.unwrap_err(), EndedRunsError::ShuttingDown);
    shutdown.await.unwrap();

    second.delete().await.unwrap();
    let mut late = client.ended(told.cursor);
    assert_eq!(late.next().await.unwrap_err(), EndedRunsError::Overtaken);
    let third = client.enqueue_fn(WORK, 3).await.unwrap();
    third.cancel().because("by hand").await.unwrap();
    assert_eq!(late.next().await.unwrap().id, third.id());
}
