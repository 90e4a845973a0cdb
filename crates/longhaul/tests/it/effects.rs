//! Effects whose results are remembered with the run.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use longhaul::{
    AnyError, Context, ExecutionResult, IdempotencyKey, RunOutcome, StateKind, Success, Suspended, Task, TaskFn,
    testing::interrupt_everywhere,
};

use crate::kit::{GRACE, Gate, Scene, WORK, at_once, reaches, until_stopped};

/// The outside world: notes each key that it is called with.
#[derive(Clone, Default)]
struct World(Arc<Mutex<Vec<String>>>);

impl World {
    #[expect(clippy::unused_async, reason = "a call of the outside world would wait")]
    async fn charge(&self, key: IdempotencyKey) -> Result<u64, AnyError> {
        let mut calls = self.0.lock().unwrap();
        calls.push(key.to_string());
        Ok(100 + calls.len() as u64)
    }

    fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn an_effect_is_performed_once_however_the_attempts_after_it_end() {
    let scene = Scene::new();
    let (world, attempts) = (World::default(), Arc::new(AtomicUsize::new(0)));
    let register = |builder: longhaul::Builder| {
        let (world, attempts) = (world.clone(), attempts.clone());
        builder.task_fn(WORK, move |ctx| {
            let (world, attempt) = (world.clone(), attempts.fetch_add(1, Ordering::AcqRel));
            async move {
                let receipt = ctx.effect("charge", |key| async move { world.charge(key).await }).await?;
                match attempt {
                    0 => until_stopped(&ctx).await,
                    1 => Err(AnyError::msg("no route").into_failure()),
                    2 => panic!("index out of bounds"),
                    3 => Suspended::for_result().for_error(),
                    4 => std::future::pending().await,
                    _ => Success::with_result(receipt).for_error(),
                }
            }
        })
    };
    let server = register(scene.builder()).start().unwrap();
    let run = server.client().enqueue_fn(WORK, 1).retry(at_once()).await.unwrap();
    let id = run.id();
    reaches(&run, StateKind::Running).await;
    server.shutdown(GRACE).await;

    let server = register(scene.builder()).start().unwrap();
    let run = server.client().run_fn(WORK, id);
    reaches(&run, StateKind::Suspended).await;
    run.proceed().modify(|x| *x = 5).await.unwrap();
    let status = reaches(&run, StateKind::Running).await;
    assert_eq!(status.execution_metadata().unwrap(), 5);
    while attempts.load(Ordering::Acquire) < 5 {
        tokio::task::yield_now().await;
    }
    scene.kill(server);

    let server = register(scene.builder()).start().unwrap();
    assert_eq!(server.client().run_fn(WORK, id).outcome().await.unwrap().completed(), Some(101));
    assert_eq!(world.calls(), [format!("{id}/charge")]);
}

trait IntoFailure {
    fn into_failure(self) -> longhaul::Interruption<AnyError>;
}

impl IntoFailure for AnyError {
    fn into_failure(self) -> longhaul::Interruption<AnyError> {
        longhaul::Interruption::Failure(longhaul::Failed {
            error: Some(self),
            retry_after: None,
            permanent: false,
            holds_limit_key: false,
        })
    }
}

#[tokio::test]
async fn an_effect_that_failed_is_performed_again_with_the_same_key() {
    let scene = Scene::new();
    let world = World::default();
    let inside = world.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let world = inside.clone();
            async move {
                let first = ctx.attempt().number == 1;
                let charge = |key| async move {
                    let receipt = world.charge(key).await?;
                    if first { Err(AnyError::msg("the network is down")) } else { Ok(receipt) }
                };
                let receipt = ctx.effect("charge", charge).await?;
                Success::with_result(receipt).for_error()
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).retry(at_once()).await.unwrap();
    assert_eq!(run.outcome().await.unwrap().completed(), Some(102));
    let key = format!("{}/charge", run.id());
    assert_eq!(world.calls(), [key.clone(), key]);
}

#[tokio::test]
async fn an_effect_does_not_begin_once_the_attempt_was_told_to_stop() {
    let scene = Scene::new();
    let world = World::default();
    let inside = world.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let world = inside.clone();
            async move {
                if ctx.attempt().number == 1 {
                    ctx.cancellation().cancelled().await;
                }
                let receipt = ctx.effect("charge", |key| async move { world.charge(key).await }).await?;
                Success::with_result(receipt).for_error()
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    run.suspend().await.unwrap();
    reaches(&run, StateKind::Suspended).await;
    assert!(world.calls().is_empty());
    run.proceed().await.unwrap();
    assert_eq!(run.outcome().await.unwrap().completed(), Some(101));
}

#[tokio::test]
async fn an_effect_that_had_ended_when_the_stop_came_is_remembered() {
    let scene = Scene::new();
    let (world, performing) = (World::default(), Gate::default());
    let (inside, begun) = (world.clone(), performing.clone());
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let (world, begun) = (inside.clone(), begun.clone());
            async move {
                let stop = ctx.cancellation().clone();
                let charge = |key| async move {
                    begun.open();
                    if world.calls().is_empty() {
                        stop.cancelled().await;
                    }
                    world.charge(key).await
                };
                let receipt = ctx.effect("charge", charge).await?;
                Success::with_result(receipt).for_error()
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    performing.opened().await;
    run.suspend().await.unwrap();
    reaches(&run, StateKind::Suspended).await;
    run.proceed().await.unwrap();
    assert_eq!(run.outcome().await.unwrap().completed(), Some(101));
    assert_eq!(world.calls().len(), 1);
}

#[tokio::test]
async fn a_retry_from_the_start_performs_it_again_under_the_same_key() {
    let scene = Scene::new();
    let world = World::default();
    let inside = world.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let world = inside.clone();
            async move {
                let receipt = ctx.effect("charge", |key| async move { world.charge(key).await }).await?;
                if ctx.attempt().number == 1 {
                    return Err(AnyError::msg("no route").into_failure());
                }
                Success::with_result(receipt).for_error()
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).retry(at_once().from_the_start()).await.unwrap();
    assert_eq!(run.outcome().await.unwrap().completed(), Some(102));
    assert_eq!(world.calls()[0], world.calls()[1]);
}

#[tokio::test]
async fn what_cannot_be_remembered_or_read_fails_the_run_for_good_and_says_why() {
    const ODD: TaskFn<u64, u64, (), AnyError> = TaskFn::new("odd");
    async fn refused(ctx: Context<u64, u64>) -> ExecutionResult<(), AnyError> {
        let ok = |value: u64| async move { Ok::<u64, AnyError>(value) };
        match ctx.metadata() {
            0 => drop(ctx.effect(&"n".repeat(129), |_| ok(1)).await?),
            1 => {
                ctx.effect("one", |_| ok(1)).await?;
                let text = |_| async { Ok::<String, AnyError>("other".into()) };
                drop(ctx.effect("one", text).await?);
            }
            2 => {
                let large = |_| async { Ok::<Vec<u8>, AnyError>(vec![0; 2 << 20]) };
                drop(ctx.effect("large", large).await?);
            }
            _ => {
                for n in 0..300 {
                    ctx.effect(&format!("mail {n}"), |_| ok(n)).await?;
                }
            }
        }
        Success::with_empty_result().for_error()
    }
    let scene = Scene::new();
    let server = scene.builder().task_fn(ODD, refused).start().unwrap();
    let expected = [
        "the name of an effect has 129 bytes, not 1 to 128",
        "the effect `one` was performed, but",
        "`large`: the result of an effect",
        "`mail 256` would be effect number 257, of at most 256",
    ];
    for (n, expected) in expected.into_iter().enumerate() {
        let run = server.client().enqueue_fn(ODD, n as u64).await.unwrap();
        let RunOutcome::Failed { failure, .. } = run.outcome().await.unwrap() else { panic!("{expected}") };
        assert!(failure.message.contains(expected), "{}", failure.message);
        assert_eq!(run.status().await.unwrap().attempts(), 1);
    }
}

#[tokio::test]
async fn a_task_with_effects_is_resumable_everywhere() {
    struct Charges;
    impl Task for Charges {
        const NAME: &'static str = "charges";
        type Metadata = u64;
        type ExecutionMetadata = u64;
        type Output = u64;
        type Error = AnyError;
        async fn execute(&self, ctx: &Context<u64, u64>) -> ExecutionResult<u64, AnyError> {
            let mut sum = 0;
            for n in 0..*ctx.metadata() {
                sum += ctx.effect(&format!("charge {n}"), |_| async move { Ok::<u64, AnyError>(n) }).await?;
                ctx.update(|x| *x = n);
            }
            Success::with_result(sum).for_error()
        }
    }
    interrupt_everywhere(Charges, 4).await;
}
