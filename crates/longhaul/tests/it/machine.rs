//! Tasks that are state machines.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use longhaul::{
    AnyError, Context, ExecutionResult, Failure, RunOutcome, StateKind, Step, StepResult, Task,
    testing::interrupt_everywhere,
};
use serde::{Deserialize, Serialize};

use crate::kit::{GRACE, SECOND, Scene, at_once, reaches};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Order {
    #[default]
    Placed,
    Copying {
        done: u64,
    },
    AwaitingPayment {
        invoice: u64,
    },
    Paid(u64),
    Shipped,
}

/// Notes each state whose handler is called.
#[derive(Clone, Default)]
struct Fulfil {
    entered: Arc<Mutex<Vec<Order>>>,
    ships: Arc<AtomicBool>,
}

impl Fulfil {
    fn entered(&self) -> Vec<Order> {
        self.entered.lock().unwrap().clone()
    }
}

impl Task for Fulfil {
    const NAME: &'static str = "fulfil";
    type Metadata = u64;
    type ExecutionMetadata = Order;
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u64, Order>) -> ExecutionResult<u64, AnyError> {
        ctx.run_states(|state| async move {
            self.entered.lock().unwrap().push(state.clone());
            Ok(match state {
                Order::Placed => Step::to(Order::Copying { done: 0 }),
                Order::Copying { mut done } => {
                    while done < 3 {
                        done += 1;
                        ctx.update(|state| *state = Order::Copying { done });
                        ctx.checkpoint().await?;
                    }
                    Step::to(Order::AwaitingPayment { invoice: ctx.metadata() + 1 })
                }
                Order::AwaitingPayment { .. } => Step::suspend(),
                Order::Paid(_) if !self.ships.load(Ordering::Acquire) => Err(std::io::Error::other("no carrier"))?,
                Order::Paid(_) => Step::to(Order::Shipped),
                Order::Shipped => Step::done(7),
            })
        })
        .await
    }
}

#[tokio::test]
async fn a_run_suspends_in_a_state_and_goes_on_in_the_one_that_it_is_proceeded_to() {
    let scene = Scene::new();
    let task = Fulfil { ships: Arc::new(true.into()), ..Fulfil::default() };
    let server = scene.builder().task(task.clone()).start().unwrap();
    let run = server.client().enqueue::<Fulfil>(4).await.unwrap();
    let status = reaches(&run, StateKind::Suspended).await;
    assert_eq!(status.execution_metadata().unwrap(), Order::AwaitingPayment { invoice: 5 });
    assert_eq!(&*status.progress().step, "AwaitingPayment");
    // A proceed alone goes on in the same state.
    run.proceed().await.unwrap();
    let status = run.changed(&status).await.unwrap();
    assert!(matches!(status.execution_metadata().unwrap(), Order::AwaitingPayment { .. }));
    reaches(&run, StateKind::Suspended).await;
    run.proceed().modify(|order| *order = Order::Paid(5)).await.unwrap();
    assert_eq!(run.outcome().await.unwrap().completed(), Some(7));
    let last: Vec<Order> = task.entered().into_iter().rev().take(2).collect();
    assert_eq!(last, [Order::Shipped, Order::Paid(5)]);
}

#[tokio::test]
async fn a_retry_and_a_new_process_go_on_in_the_state_that_failed() {
    let scene = Scene::new();
    let task = Fulfil::default();
    let server = scene.builder().task(task.clone()).start().unwrap();
    let run = server.client().enqueue::<Fulfil>(4).retry(at_once().attempts(3)).await.unwrap();
    let id = run.id();
    reaches(&run, StateKind::Suspended).await;
    run.proceed().modify(|order| *order = Order::Paid(5)).await.unwrap();
    let RunOutcome::Failed { failure, .. } = run.outcome().await.unwrap() else { panic!("it cannot be shipped") };
    assert_eq!(&*failure.message, "no carrier");
    assert_eq!(task.entered().iter().filter(|state| **state == Order::Placed).count(), 1);
    assert_eq!(task.entered().iter().filter(|state| **state == Order::Paid(5)).count(), 3);
    server.shutdown(GRACE).await;

    task.ships.store(true, Ordering::Release);
    let server = scene.builder().task(task.clone()).start().unwrap();
    let again = server.client().run::<Fulfil>(id).retry(longhaul::RetryFrom::Checkpoint).await.unwrap();
    assert_eq!(again.outcome().await.unwrap().completed(), Some(7));
    assert_eq!(task.entered().iter().filter(|state| **state == Order::Placed).count(), 1);
}

#[tokio::test]
async fn a_transition_is_durable_before_the_next_handler_begins() {
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    enum Two {
        #[default]
        First,
        Second,
    }
    struct Steps;
    impl Task for Steps {
        const NAME: &'static str = "steps";
        type Metadata = ();
        type ExecutionMetadata = Two;
        type Output = ();
        type Error = AnyError;
        async fn execute(&self, ctx: &Context<(), Two>) -> ExecutionResult<(), AnyError> {
            ctx.run_states(|state| async move {
                match state {
                    Two::First => Ok(Step::to(Two::Second)),
                    Two::Second => std::future::pending().await,
                }
            })
            .await
        }
    }
    let scene = Scene::new();
    let server = scene.builder().autosave(SECOND * 1_000_000).task(Steps).start().unwrap();
    let run = server.client().enqueue::<Steps>(()).await.unwrap();
    crate::kit::until(&run, |status| status.progress().step.as_ref() == "Second" || status.run().seq > 0).await;
    assert_eq!(run.status().await.unwrap().execution_metadata().unwrap(), Two::Second);
}

#[tokio::test]
async fn states_that_go_round_are_found_out_and_named() {
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    enum Round {
        #[default]
        Begin,
        Ping,
        Pong {
            of: u32,
        },
    }
    struct Rounds;
    impl Task for Rounds {
        const NAME: &'static str = "rounds";
        type Metadata = bool;
        type ExecutionMetadata = Round;
        type Output = ();
        type Error = AnyError;
        async fn execute(&self, ctx: &Context<bool, Round>) -> ExecutionResult<(), AnyError> {
            ctx.run_states(|state| async move {
                Ok(match state {
                    Round::Ping => Step::to(Round::Pong { of: 7 }),
                    Round::Pong { of: 1000 } => Step::done(()),
                    // One that counts gets ahead.
                    Round::Pong { of } if *ctx.metadata() => Step::to(Round::Pong { of: of + 1 }),
                    Round::Begin | Round::Pong { .. } => Step::to(Round::Ping),
                })
            })
            .await
        }
    }
    let scene = Scene::new();
    let server = scene.builder().task(Rounds).start().unwrap();
    let run = server.client().enqueue::<Rounds>(false).await.unwrap();
    let RunOutcome::Failed { failure, .. } = run.outcome().await.unwrap() else { panic!("it goes round") };
    let told = failure.message.to_string();
    assert!(told.contains("Ping → Pong") || told.contains("Pong → Ping"), "{told}");
    assert_eq!(run.status().await.unwrap().attempts(), 1, "it is permanent");
    let counts = server.client().enqueue::<Rounds>(true).await.unwrap();
    assert_eq!(counts.outcome().await.unwrap().completed(), Some(()));
}

#[tokio::test]
async fn a_state_machine_is_resumable_everywhere() {
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    enum Import {
        #[default]
        Begun,
        Copying {
            done: u64,
        },
        Waiting {
            asked: bool,
        },
        Copied,
    }
    struct Imports;
    impl Task for Imports {
        const NAME: &'static str = "imports";
        type Metadata = u64;
        type ExecutionMetadata = Import;
        type Output = u64;
        type Error = AnyError;
        async fn execute(&self, ctx: &Context<u64, Import>) -> ExecutionResult<u64, AnyError> {
            ctx.run_states(|state| async move {
                Ok(match state {
                    Import::Begun => Step::to(Import::Copying { done: 0 }),
                    Import::Copying { done } if done < *ctx.metadata() => Step::to(Import::Copying { done: done + 1 }),
                    Import::Copying { .. } => Step::to(Import::Waiting { asked: false }),
                    Import::Waiting { asked: false } => {
                        ctx.update(|state| *state = Import::Waiting { asked: true });
                        Step::suspend()
                    }
                    Import::Waiting { asked: true } => Step::to(Import::Copied),
                    Import::Copied => Step::done(*ctx.metadata()),
                })
            })
            .await
        }
    }
    let report = interrupt_everywhere(Imports, 4).await;
    assert!(report.interruptions >= 14, "{report:?}");
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Stage {
    #[default]
    Placed,
    AwaitingPayment,
    Packing,
    Done,
}

/// The state is one field of the execution metadata; the rest is kept with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sale {
    stage: Stage,
    visits: Vec<String>,
}

/// What `Packing` ends in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Packs {
    Well,
    NotAtAll,
    Never,
    Fails,
}

struct Sell;

impl Task for Sell {
    const NAME: &'static str = "sell";
    type Metadata = Packs;
    type ExecutionMetadata = Sale;
    type Output = usize;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Packs, Sale>) -> ExecutionResult<usize, AnyError> {
        ctx.run_states_in(|sale| &mut sale.stage, |stage| sell(ctx, stage)).await
    }
}

/// A handler that is a function of its own.
async fn sell(ctx: &Context<Packs, Sale>, stage: Stage) -> StepResult<Stage, usize, AnyError> {
    ctx.update(|sale| sale.visits.push(format!("{stage:?}")));
    Ok(match stage {
        Stage::Placed => Step::to(Stage::AwaitingPayment).and_suspend(),
        Stage::AwaitingPayment => {
            ctx.checkpoint().await?;
            Step::to(Stage::Packing)
        }
        Stage::Packing => match ctx.metadata() {
            Packs::Well => Step::to(Stage::Done).and_done(ctx.read(|sale| sale.visits.len())),
            Packs::NotAtAll => Step::cancel("sold out"),
            Packs::Never => Step::end(Failure::for_result().permanently().with_error(AnyError::msg("too large"))),
            Packs::Fails => Step::fail(AnyError::msg("no carrier")),
        },
        Stage::Done => Step::done(0),
    })
}

#[tokio::test]
async fn the_state_may_be_a_part_of_the_execution_metadata_and_the_rest_is_kept_with_it() {
    let scene = Scene::new();
    let server = scene.builder().task(Sell).start().unwrap();
    let run = server.client().enqueue::<Sell>(Packs::Well).await.unwrap();
    let status = reaches(&run, StateKind::Suspended).await;
    let sale = status.execution_metadata().unwrap();
    assert_eq!(sale, Sale { stage: Stage::AwaitingPayment, visits: vec!["Placed".into()] });
    assert_eq!(&*status.progress().step, "AwaitingPayment");
    server.shutdown(GRACE).await;

    // In another process.
    let server = scene.builder().task(Sell).start().unwrap();
    let run = server.client().run::<Sell>(run.id());
    run.proceed().await.unwrap();
    assert_eq!(run.outcome().await.unwrap().completed(), Some(3));
    let sale = run.status().await.unwrap().execution_metadata().unwrap();
    assert_eq!(sale.visits, ["Placed", "AwaitingPayment", "Packing"]);
}

#[tokio::test]
async fn a_completed_run_ends_in_its_last_state() {
    let scene = Scene::new();
    let server = scene.builder().task(Sell).start().unwrap();
    let run = server.client().enqueue::<Sell>(Packs::Well).await.unwrap();
    reaches(&run, StateKind::Suspended).await;
    run.proceed().await.unwrap();
    let status = reaches(&run, StateKind::Completed).await;
    assert_eq!(status.execution_metadata().unwrap().stage, Stage::Done);
    assert_eq!(&*status.progress().step, "Done");
}

#[tokio::test]
async fn a_handler_fails_and_cancels_the_run_without_the_question_mark() {
    let scene = Scene::new();
    let server = scene.builder().task(Sell).start().unwrap();
    let ends = async |packs| {
        let run = server.client().enqueue::<Sell>(packs).retry(at_once().attempts(2)).await.unwrap();
        reaches(&run, StateKind::Suspended).await;
        run.proceed().await.unwrap();
        let outcome = run.outcome().await.unwrap();
        let status = run.status().await.unwrap();
        assert_eq!(
            status.execution_metadata().unwrap().stage,
            Stage::Packing,
            "it is in the state whose handler ended it"
        );
        (outcome, status.run().counts.failures)
    };
    let (outcome, _) = ends(Packs::NotAtAll).await;
    assert_eq!(outcome, RunOutcome::Cancelled { reason: Some("sold out".into()), error: None });
    let (outcome, failures) = ends(Packs::Never).await;
    assert_eq!((outcome.error(), failures), (Some(AnyError::msg("too large")), 1));
    let (outcome, failures) = ends(Packs::Fails).await;
    assert_eq!((outcome.error(), failures), (Some(AnyError::msg("no carrier")), 2));
}

/// Goes to a state and ends in it.
struct AtOnce;

impl Task for AtOnce {
    const NAME: &'static str = "at-once";
    type Metadata = ();
    type ExecutionMetadata = Stage;
    type Output = ();
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<(), Stage>) -> ExecutionResult<(), AnyError> {
        ctx.run_states(|_| async { Ok(Step::to(Stage::Done).and_done(())) }).await
    }
}

#[tokio::test]
async fn a_transition_with_an_end_is_one_write() {
    let report = interrupt_everywhere(AtOnce, ()).await;
    assert_eq!(report.checkpoints, 0, "the state is kept by the write that keeps the end");
}
