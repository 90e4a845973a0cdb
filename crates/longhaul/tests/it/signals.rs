//! Signals: what is sent to a run by name, and runs that are suspended for one.

use std::time::Duration;

use longhaul::{
    AnyError, Context, ExecutionResult, Proceeded, RunHandle, RunOutcome, SignalError, StateKind, Success, Suspended,
    Task, TaskFn, ValueError,
    store_api::{Cause, Explanation, limits::INBOX_MAX},
    testing::{Interruptions, TestServer},
};

use crate::kit::{Gate, SECOND, Scene, reaches};

/// An order: it is paid and packed, in whatever order that happens, and then it is shipped.
type Order = TaskFn<(), Vec<String>, Vec<String>, AnyError>;
const ORDER: Order = TaskFn::new("order");

fn order(ctx: &Context<(), Vec<String>>) -> ExecutionResult<Vec<String>, AnyError> {
    for step in ["paid", "packed"] {
        if ctx.read(|done| done.iter().any(|one| one.starts_with(step))) {
            continue;
        }
        match ctx.signal::<String>(step)? {
            Some(by) => ctx.update(|done| done.push(format!("{step} by {by}"))),
            None => return Suspended::for_result().on_signal(step).for_error(),
        }
    }
    Success::with_result(ctx.read(Clone::clone)).for_error()
}

async fn waiting(scene: &Scene) -> (longhaul::Longhaul, RunHandle<Order>) {
    let server = scene.builder().task_fn(ORDER, |ctx| async move { order(&ctx) }).start().unwrap();
    let run = server.client().enqueue_fn(ORDER, ()).tag("order", 7).unique("order 7").await.unwrap();
    reaches(&run, StateKind::Suspended).await;
    (server, run)
}

fn shipped(done: [&str; 2]) -> RunOutcome<Vec<String>, AnyError> {
    RunOutcome::Completed(done.map(str::to_owned).into())
}

#[tokio::test]
async fn a_signal_lets_the_run_go_on_that_is_suspended_for_it_and_one_for_later_is_kept() {
    let scene = Scene::new();
    let (server, run) = waiting(&scene).await;
    assert_eq!(run.signal("packed", "ben".to_owned()).await, Ok(Proceeded::Kept));
    assert_eq!(run.status().await.unwrap().state(), StateKind::Suspended);
    let why = run.explain().await.unwrap();
    assert!(matches!(&why, Explanation::AwaitsSignal { signals, .. } if signals[0].as_str() == "paid"), "{why}");
    assert_eq!(run.signal("paid", "ann".to_owned()).await, Ok(Proceeded::Now));
    assert_eq!(run.outcome().await.unwrap(), shipped(["paid by ann", "packed by ben"]));
    drop(server);
}

#[tokio::test]
async fn a_signal_is_durable_when_the_call_returns_whatever_the_run_is_doing() {
    let scene = Scene::new();
    let gate = Gate::default();
    let wait = gate.clone();
    let server = scene.builder().task_fn(ORDER, move |ctx| {
        let wait = wait.clone();
        async move {
            wait.opened().await;
            order(&ctx)
        }
    });
    let server = server.start().unwrap();
    let run = server.client().enqueue_fn(ORDER, ()).after(SECOND).await.unwrap();
    assert_eq!(run.signal("packed", "ben".to_owned()).await, Ok(Proceeded::Kept));
    scene.clock.advance(SECOND);
    reaches(&run, StateKind::Running).await;
    assert_eq!(run.signal("paid", "ann".to_owned()).await, Ok(Proceeded::Kept));
    scene.kill(server);

    let server = scene.builder().task_fn(ORDER, |ctx| async move { order(&ctx) }).start().unwrap();
    let run = server.client().run_fn(ORDER, run.id());
    assert_eq!(run.outcome().await.unwrap(), shipped(["paid by ann", "packed by ben"]));
    let late = run.signal("paid", "cleo".to_owned()).await;
    assert_eq!(late, Err(SignalError::Final { id: run.id(), state: StateKind::Completed }));
}

#[tokio::test]
async fn signals_find_their_runs_by_key_and_by_query_and_say_whom_they_did_not_find() {
    let scene = Scene::new();
    let (server, run) = waiting(&scene).await;
    let client = server.client();
    let of_order = |n: u32| client.find_fn(ORDER).with_tag("order", n);
    assert_eq!(of_order(9).signal("paid", "ann".to_owned()).await, Err(SignalError::NotFound));
    assert_eq!(of_order(9).signal_all("paid", "ann".to_owned()).await, Ok(vec![]));
    let by_key = client.find_fn_by_key(ORDER, "order 7").await.unwrap().expect("it is not final");
    assert_eq!(by_key.signal("packed", "ben".to_owned()).await, Ok(Proceeded::Kept));
    let other = client.enqueue_fn(ORDER, ()).tag("order", 7).await.unwrap();
    reaches(&other, StateKind::Suspended).await;
    let several = of_order(7).signal("paid", "ann".to_owned()).await;
    assert_eq!(several, Err(SignalError::Several(vec![run.id(), other.id()])));
    let both = of_order(7).signal_all("paid", "ann".to_owned()).idempotency_key("evt_1").await;
    assert_eq!(both, Ok(vec![(run.id(), Proceeded::Now), (other.id(), Proceeded::Now)]));
    assert_eq!(run.outcome().await.unwrap(), shipped(["paid by ann", "packed by ben"]));
    let again = of_order(7).signal_all("paid", "ann".to_owned()).idempotency_key("evt_1").await;
    assert_eq!(again, Ok(vec![(other.id(), Proceeded::Repeated)]));
}

#[tokio::test]
async fn a_signal_that_comes_twice_is_one_signal_and_what_is_too_much_is_refused() {
    let scene = Scene::new();
    let (_server, run) = waiting(&scene).await;
    let signal = |n: u32| run.signal("other", n).idempotency_key(format!("evt_{n}"));
    for n in 0..INBOX_MAX as u32 {
        assert_eq!(signal(n).await, Ok(Proceeded::Kept));
        assert_eq!(signal(n).await, Ok(Proceeded::Repeated));
    }
    assert_eq!(signal(99).await, Err(SignalError::InboxFull { id: run.id(), messages: INBOX_MAX }));
    let large = run.signal("other", "x".repeat(70_000)).await;
    assert!(matches!(large, Err(SignalError::Value(ValueError::TooLarge { max: 65_536, .. }))), "{large:?}");
    assert!(matches!(run.signal("", 1_u32).await, Err(SignalError::Name(_))));
}

#[tokio::test]
async fn a_wait_for_a_signal_ends_at_its_time_or_fails_at_its_deadline() {
    const WAIT: TaskFn<bool, bool, bool, AnyError> = TaskFn::new("wait");
    let hour = Duration::from_secs(3600);
    let server = TestServer::start(|builder| {
        builder.task_fn(WAIT, move |ctx| async move {
            if ctx.read(|waited| *waited) {
                return Success::with_result(ctx.signal::<u32>("a")?.is_some()).for_error();
            }
            ctx.update(|waited| *waited = true);
            let wait = Suspended::for_result().on_signal("a").on_signal("b");
            if *ctx.metadata() { wait.or_go_on_after(hour) } else { wait.or_fail_after(hour) }.for_error()
        })
    });
    let goes_on = server.client().enqueue_fn(WAIT, true).await.unwrap();
    let fails = server.client().enqueue_fn(WAIT, false).await.unwrap();
    let in_time = server.client().enqueue_fn(WAIT, false).await.unwrap();
    server.run_until_idle().await;
    assert_eq!(in_time.signal("a", 1_u32).await, Ok(Proceeded::Now));
    server.advance(hour);
    assert_eq!(in_time.outcome().await.unwrap(), RunOutcome::Completed(true));
    assert_eq!(goes_on.outcome().await.unwrap(), RunOutcome::Completed(false));
    let RunOutcome::Failed { failure, .. } = fails.outcome().await.unwrap() else { panic!("it did not fail") };
    assert_eq!(failure.cause, Cause::Deadline);
}

#[tokio::test]
async fn a_signal_of_another_type_parks_the_run_and_a_name_that_cannot_be_fails_it() {
    const READS: TaskFn<(), (), u64, AnyError> = TaskFn::new("reads");
    const NAMELESS: TaskFn<(), (), u64, AnyError> = TaskFn::new("nameless");
    let server = TestServer::start(|builder| {
        let builder = builder.task_fn(READS, |ctx| async move {
            match ctx.signal::<u64>("a")? {
                Some(n) => Success::with_result(n).for_error(),
                None => Suspended::for_result().on_signal("a").for_error(),
            }
        });
        builder.task_fn(NAMELESS, |_| async move { Suspended::for_result().on_signal("").for_error() })
    });
    let run = server.client().enqueue_fn(READS, ()).await.unwrap();
    run.signal("a", "text".to_owned()).await.unwrap();
    reaches(&run, StateKind::Incompatible).await;
    assert_eq!(run.status().await.unwrap().run().inbox().messages.len(), 1);
    let nameless = server.client().enqueue_fn(NAMELESS, ()).await.unwrap();
    let RunOutcome::Failed { failure, .. } = nameless.outcome().await.unwrap() else { panic!("it did not fail") };
    assert!(failure.message.contains("it waits for a signal"), "{}", failure.message);
}

/// Adds up three signals.
struct Sum;

impl Task for Sum {
    const NAME: &'static str = "sum";
    type Metadata = ();
    type ExecutionMetadata = Vec<u64>;
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<(), Vec<u64>>) -> ExecutionResult<u64, AnyError> {
        while ctx.read(Vec::len) < 3 {
            let Some(n) = ctx.signal::<u64>("number")? else {
                return Suspended::for_result().on_signal("number").for_error();
            };
            ctx.update(|numbers| numbers.push(n));
            ctx.checkpoint().await?;
        }
        Success::with_result(ctx.read(|numbers| numbers.iter().sum())).for_error()
    }
}

#[tokio::test]
async fn signals_are_accounted_for_once_wherever_the_run_is_broken_off() {
    Interruptions::fresh(|| Sum)
        .on_suspend_signal(|numbers: &Vec<u64>| ("number", 10_u64.pow(numbers.len() as u32)))
        .check(())
        .await;
}
