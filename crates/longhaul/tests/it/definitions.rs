//! What names a task stands apart from what executes it, and short tasks are short.

use longhaul::{
    AnyError, Context, EmptyMetadata, EmptyResult, Enqueued, Execute, ExecutionResult, MigrateError, RunOutcome,
    Success, Task, TaskDefinition, TaskFn, TaskOptions,
};

use crate::kit::Scene;

/// Without anything that its executor needs, and without `Clone` or `Debug`.
struct Resize;

impl TaskDefinition for Resize {
    const NAME: &'static str = "resize";
    const ALIASES: &'static [&'static str] = &["shrink"];
    const VERSION: u16 = 3;
    type Metadata = String;
    type ExecutionMetadata = u64;
    type Output = usize;
    type Error = AnyError;

    fn options() -> TaskOptions {
        TaskOptions::default().queue("pictures").per_key_max(1)
    }

    fn limit_key(metadata: &String) -> Option<String> {
        Some(metadata.clone())
    }
}

struct Resizer {
    quality: usize,
}

impl Execute<Resize> for Resizer {
    async fn execute(&self, ctx: &Context<String, u64>) -> ExecutionResult<usize, AnyError> {
        Ok(Success(ctx.metadata().len() * self.quality))
    }
}

#[tokio::test]
async fn runs_are_enqueued_by_a_definition_and_executed_by_a_value_that_no_client_knows() {
    let scene = Scene::new();
    let client = scene.client();
    let enqueued = client.enqueue::<Resize>("cat.png".into()).unique("cat").send().await.unwrap();
    assert!(matches!(enqueued.clone(), Enqueued::New(_)));
    let run = enqueued.run();
    let _server = scene.builder().execute::<Resize>(Resizer { quality: 3 }).start().unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(21));
    let status = run.status().await.unwrap();
    let run = status.run();
    assert_eq!((run.version, run.queue.as_str()), (3, "pictures"));
    assert_eq!(run.constraints().limit_key.as_ref().map(longhaul::Key::as_str), Some("cat.png"));
    assert_eq!(client.find::<Resize>().count().await, Ok(1));
}

#[test]
fn a_task_says_as_a_definition_what_it_says_as_a_task() {
    struct All;
    impl Task for All {
        const NAME: &'static str = "all";
        const ALIASES: &'static [&'static str] = &["every"];
        const VERSION: u16 = 7;
        type Metadata = u64;
        type ExecutionMetadata = u64;
        type Output = u64;
        type Error = AnyError;
        async fn execute(&self, _: &Context<u64, u64>) -> ExecutionResult<u64, AnyError> {
            Ok(Success(1))
        }
        fn options() -> TaskOptions {
            TaskOptions::default().priority(5)
        }
        fn limit_key(metadata: &u64) -> Option<String> {
            Some(metadata.to_string())
        }
        fn migrate(_: longhaul::OldValue<'_>) -> Result<u64, MigrateError> {
            Ok(40)
        }
        fn migrate_execution_metadata(_: longhaul::OldValue<'_>) -> Result<u64, MigrateError> {
            Ok(2)
        }
    }
    fn told<T: TaskDefinition<Metadata = u64, ExecutionMetadata = u64>>()
    -> (Vec<&'static str>, u16, Option<String>, u64) {
        let names = std::iter::once(T::NAME).chain(T::ALIASES.iter().copied()).collect();
        let any = longhaul::new_run_fn(TaskFn::<u64>::new("any"), 1).prepare().unwrap().into_new_run().metadata;
        let old = || longhaul::OldValue::new(&any);
        let migrated = T::migrate(old()).unwrap() + T::migrate_execution_metadata(old()).unwrap();
        (names, T::VERSION, T::limit_key(&7), migrated)
    }
    assert_eq!(told::<All>(), (vec!["all", "every"], 7, Some("7".into()), 42));
    assert_eq!(<All as TaskDefinition>::options(), TaskOptions::default().priority(5));
}

#[tokio::test]
async fn a_small_task_is_a_name_with_a_type_and_a_function() {
    const WELCOME: TaskFn<String> = TaskFn::new("welcome");
    const CLEAN_UP: TaskFn<EmptyMetadata> = TaskFn::new("clean-up");
    let server = Scene::new()
        .builder()
        .task_fn(WELCOME, |ctx| async move {
            let _: u32 = ctx.metadata().parse()?;
            Ok(Success(()))
        })
        .task_fn(CLEAN_UP, |_| async { Ok(Success(EmptyResult)) })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WELCOME, "7".into()).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(()));
    let run = server.client().enqueue_fn(CLEAN_UP, EmptyMetadata).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(EmptyResult));
}
