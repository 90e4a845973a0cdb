//! Runs that wait for something from outside: values that are sent to them, deadlines, keys that they are found by.

use std::time::Duration;

use longhaul::{
    AnyError, Context, ExecutionResult, Failure, FindByKeyError, Longhaul, ProceedRunError, Proceeded, RunHandle,
    RunOutcome, StateKind, Success, Suspended, Task, TaskFn, TaskOptions, ValueError,
    store_api::{Cause, limits::INBOX_MAX},
    testing::{Interruptions, TestClock, TestServer},
};

use crate::kit::{Gate, SECOND, START, Scene, at_once, happened, reaches};

/// Collects what it is sent, until it was sent so many values as it was asked for.
type Collector = TaskFn<usize, Vec<String>, Vec<String>, AnyError>;
const COLLECT: Collector = TaskFn::new("collect");

/// Takes what there is, and waits for the rest.
fn collect(ctx: &Context<usize, Vec<String>>) -> ExecutionResult<Vec<String>, AnyError> {
    while let Some(value) = ctx.proceeded_with::<String>()? {
        ctx.update(|values| values.push(value));
    }
    if ctx.read(Vec::len) < *ctx.metadata() {
        return Suspended::for_result().for_error();
    }
    Success::with_result(ctx.read(Clone::clone)).for_error()
}

fn collects(scene: &Scene) -> Longhaul {
    scene.builder().task_fn(COLLECT, |ctx| async move { collect(&ctx) }).start().unwrap()
}

async fn collecting(server: &Longhaul, count: usize) -> RunHandle<Collector> {
    let run = server.client().enqueue_fn(COLLECT, count).await.unwrap();
    reaches(&run, StateKind::Suspended).await;
    run
}

fn all(values: &[&str]) -> RunOutcome<Vec<String>, AnyError> {
    RunOutcome::Completed(values.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn a_value_that_is_sent_to_a_suspended_run_is_handed_to_its_task() {
    let scene = Scene::new();
    let server = collects(&scene);
    let run = collecting(&server, 2).await;
    assert_eq!(run.proceed_with("a".to_owned()).await, Ok(Proceeded::Now));
    reaches(&run, StateKind::Suspended).await;
    run.proceed_with("b".to_owned()).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), all(&["a", "b"]));
}

#[tokio::test]
async fn a_value_is_durable_when_the_call_returns_whatever_the_run_is_doing() {
    let scene = Scene::new();
    let gate = Gate::default();
    let wait = gate.clone();
    let server = scene.builder().task_fn(COLLECT, move |ctx| {
        let wait = wait.clone();
        async move {
            wait.opened().await;
            collect(&ctx)
        }
    });
    let server = server.start().unwrap();
    let run = server.client().enqueue_fn(COLLECT, 3).after(SECOND).await.unwrap();
    assert_eq!(run.proceed_with("pending".to_owned()).await, Ok(Proceeded::Kept));
    scene.clock.advance(SECOND);
    reaches(&run, StateKind::Running).await;
    assert_eq!(run.proceed_with("running".to_owned()).await, Ok(Proceeded::Kept));
    scene.kill(server);

    let server = collects(&scene);
    let run = server.client().run_fn(COLLECT, run.id());
    reaches(&run, StateKind::Suspended).await;
    assert_eq!(run.status().await.unwrap().execution_metadata().unwrap(), ["pending", "running"]);
    run.proceed_with("suspended".to_owned()).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), all(&["pending", "running", "suspended"]));
    let late = run.proceed_with("late".to_owned()).await;
    assert_eq!(late, Err(ProceedRunError::NotSuspended { id: run.id(), state: StateKind::Completed }));
}

#[tokio::test]
async fn an_event_that_comes_twice_is_heard_once() {
    let scene = Scene::new();
    let server = collects(&scene);
    let run = collecting(&server, 2).await;
    let event = |n: u32| run.proceed_with(format!("event {n}")).idempotency_key(format!("evt_{n}"));
    assert_eq!(event(1).await, Ok(Proceeded::Now));
    assert_eq!(event(1).await, Ok(Proceeded::Repeated));
    reaches(&run, StateKind::Suspended).await;
    assert_eq!(event(1).await, Ok(Proceeded::Repeated), "it goes through no other suspension");
    assert_eq!(event(2).await, Ok(Proceeded::Now));
    assert_eq!(run.outcome().await.unwrap(), all(&["event 1", "event 2"]));
    assert_eq!(event(2).await, Ok(Proceeded::Repeated));
}

#[tokio::test]
async fn a_plain_proceed_that_comes_twice_does_not_go_through_the_next_suspension() {
    let scene = Scene::new();
    let server = scene.builder().task_fn(COLLECT, |ctx| async move {
        // Each proceed is one more.
        if ctx.attempt().number > 1 {
            ctx.update(|values| values.push("proceeded".into()));
        }
        collect(&ctx)
    });
    let server = server.start().unwrap();
    let run = collecting(&server, 2).await;
    assert_eq!(run.proceed().idempotency_key("evt_1").await, Ok(Proceeded::Now));
    reaches(&run, StateKind::Suspended).await;
    assert_eq!(run.proceed().idempotency_key("evt_1").await, Ok(Proceeded::Repeated));
    let status = run.status().await.unwrap();
    assert_eq!((status.state(), status.execution_metadata().unwrap().len()), (StateKind::Suspended, 1));
}

/// Takes one value, does something before it changes anything, and changes it after.
struct TakesOne(Gate);

impl Task for TakesOne {
    const NAME: &'static str = "takes-one";
    type Metadata = ();
    type ExecutionMetadata = Vec<String>;
    type Output = Vec<String>;
    type Error = AnyError;

    fn options() -> TaskOptions {
        TaskOptions::default().retry(at_once())
    }

    async fn execute(&self, ctx: &Context<(), Vec<String>>) -> ExecutionResult<Vec<String>, AnyError> {
        let Some(value) = ctx.proceeded_with::<String>()? else { return Suspended::for_result().for_error() };
        // A save that comes here must not count the value as taken: what it leads to is not kept yet.
        ctx.effect("receipt", |_| async { Ok::<_, AnyError>(7_u32) }).await?;
        if ctx.attempt().number == 2 {
            self.0.opened().await;
            return Failure::for_result().with_error(AnyError::msg("the door is shut"));
        }
        ctx.update(|values| values.push(value));
        Success::with_result(ctx.read(Clone::clone)).for_error()
    }
}

#[tokio::test]
async fn a_value_whose_change_was_not_kept_is_handed_out_again() {
    // By a crash, and by a failure.
    for crashes in [true, false] {
        let scene = Scene::new();
        let gate = Gate::default();
        let start = |gate: &Gate| scene.builder().task(TakesOne(gate.clone())).start().unwrap();
        let mut server = start(&gate);
        let run = server.client().enqueue::<TakesOne>(()).await.unwrap();
        reaches(&run, StateKind::Suspended).await;
        run.proceed_with("paid".to_owned()).await.unwrap();
        crate::kit::until(&run, |status| status.run().seq == 1).await;
        if crashes {
            scene.kill(server);
            server = start(&gate);
        }
        gate.open();
        let run = server.client().run::<TakesOne>(run.id());
        assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(vec!["paid".to_owned()]), "crashes: {crashes}");
    }
}

#[tokio::test]
async fn a_value_that_was_taken_before_a_suspension_is_done_with() {
    let scene = Scene::new();
    let server = scene.builder().task_fn(COLLECT, |ctx| async move {
        // It looks at the value and wants nothing of it.
        let _ = ctx.proceeded_with::<String>()?;
        Suspended::for_result().for_error()
    });
    let server = server.start().unwrap();
    let run = collecting(&server, 1).await;
    run.proceed_with("a".to_owned()).await.unwrap();
    let status = crate::kit::until(&run, |status| status.run().counts.suspensions == 2).await;
    assert_eq!((status.state(), status.run().inbox().messages.len()), (StateKind::Suspended, 0));
}

#[tokio::test]
async fn a_value_of_another_type_parks_the_run_and_waits_for_code_that_reads_it() {
    let scene = Scene::new();
    let server = collects(&scene);
    let run = collecting(&server, 1).await;
    run.proceed_with(7_u64).await.unwrap();
    let parked = reaches(&run, StateKind::Incompatible).await;
    assert_eq!(parked.run().inbox().messages.len(), 1, "it is not lost");
    let why = parked.history().entries.last().and_then(|entry| entry.why.clone()).unwrap();
    let expected = "the stored value of a proceed cannot be read: it is no `alloc::string::String`, and a value of a \
                    proceed is not migrated: read it with code that has the type that was stored";
    assert_eq!(&*why, expected);
    server.shutdown(SECOND).await;

    let server = scene.builder().task_fn(COLLECT, |ctx| async move {
        let Some(number) = ctx.proceeded_with::<u64>()? else { return Suspended::for_result().for_error() };
        Success::with_result(vec![number.to_string()]).for_error()
    });
    let server = server.start().unwrap();
    // Only the task knows which type it asks for: a server that starts lets the run try, and nobody has to ask for it.
    let run = server.client().run_fn(COLLECT, run.id());
    assert_eq!(run.outcome().await.unwrap(), all(&["7"]));
}

#[tokio::test]
async fn a_value_that_cannot_be_kept_is_refused_where_it_is_sent() {
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(COLLECT, 1).after(SECOND).await.unwrap();
    let large = run.proceed_with("x".repeat(70_000)).await;
    assert!(matches!(large, Err(ProceedRunError::Value(ValueError::TooLarge { max: 65_536, .. }))), "{large:?}");
    let key = run.proceed().idempotency_key("x".repeat(300)).await;
    assert!(matches!(key, Err(ProceedRunError::Key(_))), "{key:?}");
    for n in 0..INBOX_MAX {
        run.proceed_with(n.to_string()).await.unwrap();
    }
    let full = run.proceed_with("one more".to_owned()).await;
    assert_eq!(full, Err(ProceedRunError::InboxFull { id: run.id(), messages: INBOX_MAX }));
}

#[tokio::test]
async fn values_are_accounted_for_once_wherever_the_run_is_broken_off() {
    struct Sums;

    impl Task for Sums {
        const NAME: &'static str = "sums";
        type Metadata = u64;
        type ExecutionMetadata = Vec<u64>;
        type Output = u64;
        type Error = AnyError;

        async fn execute(&self, ctx: &Context<u64, Vec<u64>>) -> ExecutionResult<u64, AnyError> {
            while (ctx.read(Vec::len) as u64) < *ctx.metadata() {
                let Some(value) = ctx.proceeded_with::<u64>()? else { return Suspended::for_result().for_error() };
                tokio::task::yield_now().await;
                ctx.update(|values| values.push(value));
                tokio::task::yield_now().await;
                ctx.checkpoint().await?;
            }
            Success::with_result(ctx.read(|values| values.iter().sum())).for_error()
        }
    }

    let next = |values: &Vec<u64>| 10_u64.pow(values.len() as u32);
    let report = Interruptions::fresh(|| Sums).on_suspend_send(next).check(4).await;
    assert!(report.checkpoints == 4 && report.interruptions > 16, "{report:?}");
}

const WAIT: TaskFn<u64, u64, u64, AnyError> = TaskFn::new("wait");

#[tokio::test]
async fn a_suspension_can_fail_at_a_deadline_without_a_server() {
    let scene = Scene::new();
    let server = scene.builder().task_fn(WAIT, |ctx| async move {
        match ctx.proceeded_with::<u64>()? {
            Some(value) => Success::with_result(value).for_error(),
            None => Suspended::for_result().or_fail_after(Duration::from_secs(*ctx.metadata())).for_error(),
        }
    });
    let server = server.start().unwrap();
    let client = scene.client();
    let (late, early) = (client.enqueue_fn(WAIT, 60).await.unwrap(), client.enqueue_fn(WAIT, 60).await.unwrap());
    reaches(&late, StateKind::Suspended).await;
    reaches(&early, StateKind::Suspended).await;
    let why = late.explain().await.unwrap().to_string();
    assert_eq!(why, "it is suspended, and waits for a proceed until 2026-01-01T00:01:00Z: then it fails");
    early.proceed_with(7_u64).await.unwrap();
    assert_eq!(early.outcome().await.unwrap(), RunOutcome::Completed(7));
    server.shutdown(SECOND).await;

    let outcome = tokio::spawn({
        let late = late.clone();
        async move { late.outcome().await.unwrap() }
    });
    scene.clock.advance(59 * SECOND);
    assert_eq!(late.status().await.unwrap().state(), StateKind::Suspended);
    scene.clock.advance(SECOND);
    let RunOutcome::Failed { failure, error } = outcome.await.unwrap() else { panic!("it did not fail") };
    assert_eq!((failure.cause, error, failure.at), (Cause::Deadline, None, START.after(60 * SECOND)));
    assert_eq!(happened(&late.status().await.unwrap()), ["enqueued", "claimed", "suspended", "expired"]);
}

/// What was [`COLLECT`].
struct Renamed;

impl Task for Renamed {
    const NAME: &'static str = "collect-renamed";
    const ALIASES: &'static [&'static str] = &["collect"];
    type Metadata = usize;
    type ExecutionMetadata = Vec<String>;
    type Output = Vec<String>;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<usize, Vec<String>>) -> ExecutionResult<Vec<String>, AnyError> {
        collect(ctx)
    }
}

#[tokio::test]
async fn a_run_is_found_by_its_unique_key() {
    let scene = Scene::new();
    let server = collects(&scene);
    let client = server.client();
    let run = client.enqueue_fn(COLLECT, 1).unique("order 7").await.unwrap();
    let found = client.find_fn_by_key(COLLECT, "order 7").await.unwrap().unwrap();
    assert_eq!(found.id(), run.id());
    found.proceed_with("paid".to_owned()).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), all(&["paid"]));
    assert!(client.find_fn_by_key(COLLECT, "order 7").await.unwrap().is_none());
    // Also by a task that has another name by now.
    let former = client.enqueue_fn(COLLECT, 1).unique("order 8").await.unwrap();
    let renamed = client.find_by_key::<Renamed>("order 8").await.unwrap().unwrap();
    assert_eq!(renamed.id(), former.id());
    assert_eq!(renamed.status().await.unwrap().metadata().unwrap(), 1);
    let refused = client.find_fn_by_key(COLLECT, &"x".repeat(300)).await;
    assert!(matches!(refused, Err(FindByKeyError::Name(_))));
}

#[tokio::test]
async fn a_task_asks_its_context_for_the_time() {
    let clock = TestClock::starting_at(START);
    let made_with = clock.clone();
    let server = TestServer::start_with_clock(clock, |builder| {
        builder.task_fn(WAIT, move |ctx| {
            assert_eq!(ctx.now(), longhaul::Clock::now(&made_with).into());
            async move {
                let waited = ctx.now().duration_since(START.into()).expect("time goes on").as_secs();
                if waited < *ctx.metadata() {
                    return Suspended::for_result().after(SECOND * 60).for_error();
                }
                Success::with_result(waited).for_error()
            }
        })
    });
    let run = server.client().enqueue_fn(WAIT, 60).await.unwrap();
    server.run_until_idle().await;
    assert_eq!(run.status().await.unwrap().state(), StateKind::Suspended);
    server.advance(60 * SECOND);
    server.run_until_idle().await;
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(60));
    server.shutdown().await;
}
