//! Values at rest: unknown kinds, old and new versions, shapes that changed, values that nobody can read.

use longhaul::{
    AnyError, Codec, Context, ExecutionResult, MigrateError, OldValue, RunId, RunOutcome, StateKind, Success, Task,
    TaskFn, TaskOptions,
};
use serde::{Deserialize, Serialize};

use crate::kit::{Count, CountUp, GRACE, Scene, WORK, done, happened, reaches};

/// A task as a release had it: its types, and what it does with them.
macro_rules! release {
    ($name:ident, $kind:literal, aliases $aliases:expr, version $version:literal, $metadata:ty, $cursor:ty,
     $result:expr $(, $($more:tt)*)?) => {
        struct $name;

        impl Task for $name {
            const NAME: &'static str = $kind;
            const ALIASES: &'static [&'static str] = $aliases;
            const VERSION: u16 = $version;
            type Metadata = $metadata;
            type ExecutionMetadata = $cursor;
            type Output = String;
            type Error = AnyError;

            async fn execute(&self, ctx: &Context<$metadata, $cursor>) -> ExecutionResult<String, AnyError> {
                let told: fn(&$metadata, &$cursor) -> String = $result;
                Success::with_result(ctx.read(|cursor| told(ctx.metadata(), cursor))).for_error()
            }

            $($($more)*)?
        }
    };
}

#[derive(Serialize, Deserialize)]
struct MailV1 {
    to: String,
}

#[derive(Serialize, Deserialize)]
struct MailV2 {
    to: Vec<String>,
    subject: String,
}

#[derive(Default, Serialize, Deserialize)]
struct SentV1(u32);

#[derive(Default, Serialize, Deserialize)]
struct SentV2 {
    sent: u64,
    failed: u64,
}

release!(SendV1, "send", aliases &[], version 1, MailV1, SentV1, |mail, sent| format!("{} {}", mail.to, sent.0));
release!(SendV2, "send", aliases &[], version 2, MailV2, SentV2,
    |mail, sent| format!("{:?} {:?} {} {}", mail.to, mail.subject, sent.sent, sent.failed),
    fn migrate(old: OldValue<'_>) -> Result<MailV2, MigrateError> {
        assert_eq!(old.version(), 1);
        let MailV1 { to } = old.decode()?;
        Ok(MailV2 { to: vec![to], subject: "none".into() })
    }
    fn migrate_execution_metadata(old: OldValue<'_>) -> Result<SentV2, MigrateError> {
        let SentV1(sent) = old.decode()?;
        Ok(SentV2 { sent: sent.into(), failed: 0 })
    }
);
release!(SendV2WithoutMigrate, "send", aliases &[], version 2, MailV2, SentV2, |_, _| String::new());
release!(SendChanged, "send", aliases &[], version 1, (u16, MailV1), SentV1, |_, _| String::new());
release!(Renamed, "send-mail", aliases &["send"], version 1, MailV1, SentV1, |mail, _| format!("renamed {}", mail.to));

fn to_anna() -> MailV1 {
    MailV1 { to: "anna".into() }
}

/// Enqueues a run as version 1 did, and lets `T` have it.
async fn stored_by_v1_met_by<T: Task<Output = String>>(task: T, state: StateKind) -> (Scene, RunId) {
    let scene = Scene::new();
    let run = scene.client().enqueue::<SendV1>(to_anna()).execution_metadata(SentV1(3)).await.unwrap();
    let server = scene.builder().task(task).start().unwrap();
    reaches(&run, state).await;
    server.shutdown(GRACE).await;
    (scene, run.id())
}

async fn result<T: Task<Output = String>>(scene: &Scene, id: RunId) -> String {
    scene.client().run::<T>(id).outcome().await.unwrap().completed().unwrap()
}

#[tokio::test]
async fn values_of_an_older_version_are_read_through_migrate() {
    let (scene, id) = stored_by_v1_met_by(SendV2, StateKind::Completed).await;
    assert_eq!(result::<SendV2>(&scene, id).await, r#"["anna"] "none" 3 0"#);
}

#[tokio::test]
async fn an_older_version_of_the_same_shape_needs_no_migrate() {
    release!(Same, "send", aliases &[], version 7, MailV1, SentV1, |mail, sent| format!("{} {}", mail.to, sent.0));
    let (scene, id) = stored_by_v1_met_by(Same, StateKind::Completed).await;
    assert_eq!(result::<Same>(&scene, id).await, "anna 3");
}

#[tokio::test]
async fn a_version_without_migrate_parks_the_run_and_says_what_to_write() {
    let (scene, id) = stored_by_v1_met_by(SendV2WithoutMigrate, StateKind::Incompatible).await;
    let status = scene.client().run::<SendV1>(id).status().await.unwrap();
    let why = status.last_error().unwrap();
    assert!(
        why.contains("version 1") && why.contains("version 2") && why.contains("implement `Task::migrate`"),
        "{why}"
    );
    let counts = status.run().counts;
    assert_eq!((counts.failures, counts.crashes), (0, 0), "nothing is burnt");
    assert_eq!(status.execution_metadata().unwrap().0, 3, "nothing is lost");
}

#[tokio::test]
async fn a_shape_that_changed_without_a_new_version_is_caught_and_not_misread() {
    let (scene, id) = stored_by_v1_met_by(SendChanged, StateKind::Incompatible).await;
    let status = scene.client().run::<SendV1>(id).status().await.unwrap();
    let why = status.last_error().unwrap();
    assert!(why.contains("changed without a new VERSION") && why.contains("raise VERSION to 2"), "{why}");
}

#[tokio::test]
async fn a_parked_run_is_executed_when_code_comes_up_that_can_read_it() {
    let (scene, id) = stored_by_v1_met_by(SendV2WithoutMigrate, StateKind::Incompatible).await;
    // The same code again gives it no new chance.
    let same = scene.builder().task(SendV2WithoutMigrate).task(CountUp).start().unwrap();
    same.client().enqueue::<CountUp>(Count { to: 1 }).await.unwrap().outcome().await.unwrap();
    same.shutdown(GRACE).await;
    let run = scene.client().run::<SendV1>(id);
    assert_eq!(run.status().await.unwrap().state(), StateKind::Incompatible);

    release!(Mended, "send", aliases &[], version 3, MailV2, SentV1, |mail, _| mail.subject.clone(),
        fn migrate(old: OldValue<'_>) -> Result<MailV2, MigrateError> {
            let MailV1 { to } = old.decode()?;
            Ok(MailV2 { to: vec![to], subject: "mended".into() })
        }
    );
    let _mended = scene.builder().task(Mended).start().unwrap();
    assert_eq!(result::<Mended>(&scene, id).await, "mended");
    let expected = ["enqueued", "claimed", "parked", "released", "claimed", "completed"];
    assert_eq!(happened(&run.status().await.unwrap()), expected);
}

#[tokio::test]
async fn a_parked_run_goes_on_when_the_migrate_that_was_missing_is_there_and_stays_untouched_before() {
    let scene = Scene::new();
    let run = scene.client().enqueue::<SendV1>(to_anna()).execution_metadata(SentV1(3)).await.unwrap();
    let deploy = async |works: bool| {
        let builder = scene.builder().task(CountUp);
        let server = if works { builder.task(SendV2) } else { builder.task(SendV2WithoutMigrate) };
        let server = server.start().unwrap();
        // What comes later is executed when all that is parked was looked at, or is about to be.
        server.client().enqueue::<CountUp>(Count { to: 1 }).await.unwrap().outcome().await.unwrap();
        server
    };
    let server = deploy(false).await;
    reaches(&run, StateKind::Incompatible).await;
    server.shutdown(GRACE).await;
    let parked = scene.snapshot(run.id()).await;
    for _ in 0..3 {
        deploy(false).await.shutdown(GRACE).await;
        assert_eq!(scene.snapshot(run.id()).await, parked, "nothing goes round in circles");
    }
    let why = scene.client().store().explain(run.id()).await.unwrap().to_string();
    assert!(why.contains("when a server starts whose code reads them") && why.contains("`migrate`"), "{why}");
    // Same types and version, so the same mark: only that `migrate` is there now.
    let _server = deploy(true).await;
    assert_eq!(result::<SendV2>(&scene, run.id()).await, r#"["anna"] "none" 3 0"#);
    let expected = ["enqueued", "claimed", "parked", "released", "claimed", "completed"];
    assert_eq!(happened(&run.status().await.unwrap()), expected);
}

#[tokio::test]
async fn one_run_that_cannot_be_read_stops_nobody_else() {
    let scene = Scene::new();
    let bad = scene.client().enqueue::<SendV1>(to_anna()).await.unwrap();
    let good = scene.client().enqueue::<CountUp>(Count { to: 2 }).await.unwrap();
    let _server = scene.builder().concurrency(1).task(SendChanged).task(CountUp).start().unwrap();
    assert_eq!(good.outcome().await.unwrap(), RunOutcome::Completed(2));
    assert_eq!(bad.status().await.unwrap().state(), StateKind::Incompatible);
}

#[tokio::test]
async fn a_migrate_that_panics_parks_the_run() {
    release!(Panics, "send", aliases &[], version 2, MailV2, SentV2, |_, _| String::new(),
        fn migrate(_: OldValue<'_>) -> Result<MailV2, MigrateError> {
            panic!("not written yet")
        }
    );
    let (scene, id) = stored_by_v1_met_by(Panics, StateKind::Incompatible).await;
    let status = scene.client().run::<SendV1>(id).status().await.unwrap();
    assert!(status.last_error().unwrap().contains("panicked: not written yet"));
}

#[tokio::test]
async fn a_renamed_task_finds_and_executes_what_is_stored_under_its_old_name() {
    let scene = Scene::new();
    let old = scene.client().enqueue::<SendV1>(to_anna()).after(crate::kit::SECOND).await.unwrap();
    assert_eq!(scene.client().find::<Renamed>().count().await.unwrap(), 1);
    let _server = scene.builder().task(Renamed).start().unwrap();
    scene.clock.advance(crate::kit::SECOND);
    assert_eq!(scene.client().run::<Renamed>(old.id()).outcome().await.unwrap().completed().unwrap(), "renamed anna");
    // New runs carry the new name, which the old code does not know.
    let new = scene.client().enqueue::<Renamed>(to_anna()).await.unwrap();
    assert_eq!(new.status().await.unwrap().run().kind.as_str(), "send-mail");
    let error = scene.client().run::<SendV1>(new.id()).status().await.unwrap_err();
    assert_eq!(error.to_string(), format!("{} is a run of `send-mail`, not of `send`", new.id()));
}

#[tokio::test]
async fn a_run_of_an_unknown_kind_is_left_alone() {
    let scene = Scene::new();
    let unknown = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    let server = scene.builder().task(CountUp).start().unwrap();
    server.client().enqueue::<CountUp>(Count { to: 2 }).await.unwrap().outcome().await.unwrap();
    let status = unknown.status().await.unwrap();
    assert_eq!((status.state(), status.attempts()), (StateKind::Pending, 0));
    server.shutdown(GRACE).await;
    let _knows = scene.builder().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    assert_eq!(unknown.outcome().await.unwrap(), RunOutcome::Completed(0));
}

#[tokio::test]
async fn a_run_of_a_newer_version_is_left_to_newer_code() {
    let scene = Scene::new();
    let mail = MailV2 { to: vec!["anna".into()], subject: "hello".into() };
    let newer = scene.client().enqueue::<SendV2>(mail).await.unwrap();
    let old = scene.builder().task(SendV1).start().unwrap();
    let older = old.client().enqueue::<SendV1>(to_anna()).await.unwrap();
    older.outcome().await.unwrap();
    let status = newer.status().await.unwrap();
    assert_eq!((status.state(), status.attempts()), (StateKind::Pending, 0));
    old.shutdown(GRACE).await;
    let _new = scene.builder().task(SendV2).start().unwrap();
    assert_eq!(newer.outcome().await.unwrap().completed().unwrap(), r#"["anna"] "hello" 0 0"#);
}

#[tokio::test]
async fn a_function_has_a_version_but_no_migrate() {
    const V1: TaskFn<u64, u64, u64, AnyError> = TaskFn::new("resize");
    const V2: TaskFn<String, u64, u64, AnyError> = TaskFn::new("resize").version(2);
    let scene = Scene::new();
    let run = scene.client().enqueue_fn(V1, 7).await.unwrap();
    let _server = scene.builder().task_fn(V2, |_| async { Success::with_result(1).for_error() }).start().unwrap();
    let why = reaches(&run, StateKind::Incompatible).await.last_error().unwrap();
    assert!(why.contains("a function has no `migrate`: implement `Task` on a struct"), "{why}");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Name(String),
}

#[tokio::test]
async fn a_value_that_bincode_cannot_read_back_is_refused_at_enqueue_with_the_remedy() {
    const IN_BINCODE: TaskFn<Id, (), Id, AnyError> = TaskFn::new("look-up");
    const IN_JSON: TaskFn<Id, (), Id, AnyError> =
        TaskFn::new("look-up").options(|| TaskOptions::default().codec(Codec::Json));
    let scene = Scene::new();
    let error = scene.client().enqueue_fn(IN_BINCODE, Id::Number(7)).await.unwrap_err().to_string();
    assert!(error.contains("the metadata cannot be kept") && error.contains("use the json codec"), "{error}");
    let server = scene
        .builder()
        .task_fn(IN_JSON, |ctx| async move {
            let Id::Number(number) = ctx.metadata() else { unreachable!("a number was enqueued") };
            Success::with_result(Id::Name(number.to_string())).for_error()
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(IN_JSON, Id::Number(7)).await.unwrap();
    assert_eq!(run.outcome().await.unwrap().completed(), Some(Id::Name("7".into())));
}

#[tokio::test]
async fn an_outcome_read_as_another_type_is_an_error_and_not_a_wrong_value() {
    const AS_TEXT: TaskFn<u64, u64, String, AnyError> = TaskFn::new("work");
    let scene = Scene::new();
    let _server = scene.builder().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    run.outcome().await.unwrap();
    let error = scene.client().run_fn(AS_TEXT, run.id()).outcome().await.unwrap_err().to_string();
    let expected = "the stored result cannot be read: it is no `alloc::string::String`, and a result is not migrated: read \
                    it with code that has the type that was stored";
    assert_eq!(error, expected);
}
