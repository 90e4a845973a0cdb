//! Values are shown, and made, without their types.

use std::{collections::HashMap, sync::Arc};

use longhaul::{
    AnyError, Client, Codec, Context, EnqueueJsonError, ExecutionResult, Failure, MigrateError, OldValue, RetryPolicy,
    ShownContent, ShownValue, StateKind, Success, Task, TaskFn, TaskOptions, Views, run::Snapshot, testing,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::kit::{Count, CountUp, Scene};

fn client() -> Client {
    Client::new(Arc::new(testing::memory_store()))
}

async fn snapshot(client: &Client) -> Snapshot {
    client.select().page(None, 1).await.unwrap().runs.remove(0)
}

fn value(shown: &ShownValue) -> &serde_json::Value {
    match &shown.content {
        ShownContent::Value(value) => value,
        other => panic!("{other:?}"),
    }
}

/// The same kind at three times, as three builds of a program have it.
mod export {
    use super::*;

    #[derive(Serialize, Deserialize)]
    pub(super) struct V1 {
        pub(super) table: String,
    }

    #[derive(Serialize, Deserialize)]
    pub(super) struct V2 {
        tables: Vec<String>,
    }

    macro_rules! build {
        ($name:ident, $version:literal, $metadata:ty, $codec:ident, $migrate:expr) => {
            pub(super) struct $name;
            impl Task for $name {
                const NAME: &'static str = "export";
                const VERSION: u16 = $version;
                type Metadata = $metadata;
                type ExecutionMetadata = u64;
                type Output = u64;
                type Error = AnyError;
                async fn execute(&self, _: &Context<$metadata, u64>) -> ExecutionResult<u64, AnyError> {
                    Ok(Success(1))
                }
                fn options() -> TaskOptions {
                    TaskOptions::default().codec(Codec::$codec)
                }
                fn migrate(old: OldValue<'_>) -> Result<$metadata, MigrateError> {
                    let migrate: fn(OldValue<'_>) -> Result<$metadata, MigrateError> = $migrate;
                    migrate(old)
                }
            }
        };
    }

    fn old(old: OldValue<'_>) -> Result<V2, MigrateError> {
        Ok(V2 { tables: vec![old.decode::<V1>()?.table] })
    }
    fn none<V>(_: OldValue<'_>) -> Result<V, MigrateError> {
        Err(MigrateError::new("nobody wrote it"))
    }

    build!(First, 1, V1, Bincode, none);
    build!(FirstAsJson, 1, V1, Json, none);
    build!(Second, 2, V2, Bincode, old);
    build!(Forgetful, 2, V2, Bincode, none);
}

#[tokio::test]
async fn values_of_each_codec_are_shown_as_the_task_reads_them() {
    for with_codec in [Codec::Bincode, Codec::Json] {
        let client = client();
        let orders = || export::V1 { table: "orders".into() };
        let prepared = match with_codec {
            Codec::Json => longhaul::new_run::<export::FirstAsJson>(orders())
                .execution_metadata(7)
                .prepare()
                .unwrap()
                .into_new_run(),
            _ => longhaul::new_run::<export::First>(orders()).execution_metadata(7).prepare().unwrap().into_new_run(),
        };
        client.store().insert(vec![prepared]).await.unwrap();
        let shown = Views::new().task::<export::First>().show(&snapshot(&client).await);
        assert_eq!((shown.metadata.codec, shown.metadata.version), (with_codec, 1));
        assert_eq!(value(&shown.metadata), &json!({ "table": "orders" }));
        assert_eq!(value(shown.initial.as_ref().unwrap()), &json!(7));
        assert_eq!((shown.result, shown.error), (None, None));
    }
}

#[tokio::test]
async fn a_value_of_an_older_version_is_migrated_before_it_is_shown_and_says_so() {
    let client = client();
    client.enqueue::<export::First>(export::V1 { table: "orders".into() }).await.unwrap();
    let metadata = Views::new().task::<export::Second>().show(&snapshot(&client).await).metadata;
    let migrated = ShownContent::Migrated { value: json!({ "tables": ["orders"] }), to: 2 };
    assert_eq!((metadata.version, &metadata.content), (1, &migrated));
    let shown = serde_json::to_value(&metadata).unwrap();
    assert_eq!((&shown["content"], &shown["text"]), (&json!("migrated"), &json!("shown as version 2")));
}

#[tokio::test]
async fn a_value_that_cannot_be_migrated_is_shown_as_it_is_stored_if_it_is_json_and_otherwise_with_its_size() {
    let views = Views::new().task::<export::Forgetful>();
    let bincode = client();
    bincode.enqueue::<export::First>(export::V1 { table: "orders".into() }).await.unwrap();
    let metadata = views.show(&snapshot(&bincode).await).metadata;
    assert!(matches!(&metadata.content, ShownContent::Unreadable { why } if why.contains("nobody wrote it")));
    assert_eq!((metadata.codec, metadata.version, metadata.bytes), (Codec::Bincode, 1, 7));
    assert!(metadata.to_string().starts_with("7 bytes as bincode, version 1: "), "{metadata}");

    let json = client();
    json.enqueue::<export::FirstAsJson>(export::V1 { table: "orders".into() }).await.unwrap();
    let metadata = views.show(&snapshot(&json).await).metadata;
    let ShownContent::AsStored { value, why } = &metadata.content else { panic!("{metadata:?}") };
    assert_eq!(value, &json!({ "table": "orders" }));
    assert!(why.contains("nobody wrote it"), "{why}");
}

#[tokio::test]
async fn a_value_of_a_newer_version_and_one_of_an_unknown_kind_are_not_readable_here() {
    let client = client();
    let newer = client.enqueue::<export::First>(export::V1 { table: "orders".into() }).prepare().unwrap();
    let mut newer = newer.into_new_run();
    let two = longhaul::new_run::<export::Second>(serde_json::from_value(json!({ "tables": [] })).unwrap());
    newer.metadata = two.prepare().unwrap().into_new_run().metadata;
    client.store().insert(vec![newer]).await.unwrap();
    let snapshot = snapshot(&client).await;
    let metadata = Views::new().task::<export::First>().show(&snapshot).metadata;
    assert!(matches!(metadata.content, ShownContent::Unreadable { .. }), "{metadata:?}");
    let metadata = Views::new().show(&snapshot).metadata;
    let why = "this program does not have the code of `export`".to_owned();
    assert_eq!(metadata.content, ShownContent::Unreadable { why });
}

#[tokio::test]
async fn the_result_and_the_typed_error_of_a_run_are_shown_by_the_clients_of_its_server() {
    const FAILS: TaskFn<u64, (), (), String> =
        TaskFn::new("fails").options(|| TaskOptions::default().retry(RetryPolicy::default().attempts(1)));
    let server = Scene::new()
        .builder()
        .task(CountUp)
        .task_fn(FAILS, |ctx| async move { Failure::for_result().with_error(format!("no {}", ctx.metadata())) })
        .start()
        .unwrap();
    let client = server.client();
    let done = client.enqueue::<CountUp>(Count { to: 3 }).await.unwrap();
    let failed = client.enqueue_fn(FAILS, 7).await.unwrap();
    done.outcome().await.unwrap();
    failed.outcome().await.unwrap();
    let shown = client.views().show(&client.snapshot(done.id()).await.unwrap());
    assert_eq!(value(shown.result.as_ref().unwrap()), &json!(3));
    let shown = client.views().show(&client.snapshot(failed.id()).await.unwrap());
    assert_eq!(value(shown.error.as_ref().unwrap()), &json!("no 7"));
    let kinds: Vec<_> = client.views().kinds().map(ToString::to_string).collect();
    assert_eq!(kinds, ["count-up", "fails"]);
}

#[tokio::test]
async fn values_that_a_task_hides_are_not_shown_and_their_size_is() {
    const SECRET: TaskFn<String> = TaskFn::new("secret").options(|| TaskOptions::default().hide_values());
    let client = client();
    client.enqueue_fn(SECRET, "the key".into()).execution_metadata(()).await.unwrap();
    let shown = Views::new().function(SECRET).show(&snapshot(&client).await);
    assert_eq!((&shown.metadata.content, shown.metadata.bytes), (&ShownContent::Hidden, 8));
    assert_eq!(shown.initial.as_ref().unwrap().content, ShownContent::Hidden);
    let shown = format!("{shown:?} {} {}", shown.metadata, serde_json::to_string(&shown).unwrap());
    assert!(!shown.contains("the key"), "{shown}");
}

#[tokio::test]
async fn a_value_that_json_cannot_hold_says_so() {
    const TABLE: TaskFn<HashMap<(u8, u8), u8>> = TaskFn::new("table");
    let client = client();
    client.enqueue_fn(TABLE, [((1, 2), 3)].into()).await.unwrap();
    let metadata = Views::new().function(TABLE).show(&snapshot(&client).await).metadata;
    assert!(
        matches!(&metadata.content, ShownContent::Unreadable { why } if why.contains("it is no JSON")),
        "{metadata}"
    );
}

#[tokio::test]
async fn a_run_is_enqueued_from_json_as_its_type_would_be_and_executed() {
    let scene = Scene::new();
    let server = scene.builder().task(CountUp).start().unwrap();
    let client = server.client().acting_as("ann");
    let id = client.enqueue_json("count-up", json!({ "to": 3 })).await.unwrap();
    let run = client.run::<CountUp>(id);
    assert_eq!(run.outcome().await.unwrap().completed(), Some(3));
    let typed = client.enqueue::<CountUp>(Count { to: 3 }).prepare().unwrap().into_new_run();
    let snapshot = client.snapshot(id).await.unwrap();
    assert_eq!(snapshot.metadata, typed.metadata);
    assert_eq!((snapshot.run.queue, snapshot.run.policy), (typed.queue, typed.policy));
    assert_eq!(snapshot.history.lines().next().unwrap().to_string(), "enqueued by ann");

    let refused = client.enqueue_json("count-up", json!({ "to": "three" })).await.unwrap_err();
    assert!(matches!(&refused, EnqueueJsonError::Json { what: "metadata", .. }));
    assert!(refused.to_string().contains("invalid type: string \"three\", expected u64"), "{refused}");
    let unknown = client.enqueue_json("count-down", json!({})).await.unwrap_err();
    assert!(longhaul::Error::from(unknown).is_invalid());
    assert_eq!(client.find::<CountUp>().state(StateKind::Completed).count().await, Ok(1));
}

#[tokio::test]
async fn execution_metadata_made_from_json_keeps_what_effects_came_to() {
    let client = client();
    client.enqueue::<export::First>(export::V1 { table: "orders".into() }).execution_metadata(7).await.unwrap();
    let mut snapshot = snapshot(&client).await;
    snapshot.execution_metadata = snapshot.initial.as_ref().map(|value| value.with_attachment(b"effects"));
    let views = Views::new().task::<export::First>();
    let edited = views.execution_metadata(&snapshot, &json!(8)).unwrap();
    assert_eq!((edited.attachment(), edited.decode::<u64>().unwrap()), (Some(&b"effects"[..]), 8));
    assert!(views.execution_metadata(&snapshot, &json!("eight")).is_err());
}

#[cfg(feature = "schema")]
mod schema {
    use super::*;

    /// One customer's report.
    #[derive(Serialize, Deserialize, schemars::JsonSchema)]
    struct Report {
        /// Which customer.
        customer: u32,
    }

    fn published() -> TaskOptions {
        TaskFn::<Report>::options_with_schema()
    }

    const REPORT: TaskFn<Report> = TaskFn::new("report").options(published);
    const AS_BINCODE: TaskFn<Report> = TaskFn::new("report").options(|| published().codec(Codec::Bincode));
    const HIDDEN: TaskFn<Report> = TaskFn::new("report").options(|| published().hide_values());

    #[tokio::test]
    async fn a_kind_with_a_schema_is_stored_as_json_and_shown_by_programs_without_its_code() {
        let client = client();
        client.enqueue_fn(REPORT, Report { customer: 7 }).await.unwrap();
        let metadata = Views::new().show(&snapshot(&client).await).metadata;
        let ShownContent::AsStored { value, .. } = &metadata.content else { panic!("{metadata:?}") };
        assert_eq!(value, &json!({ "customer": 7 }));
    }

    #[test]
    fn a_schema_describes_the_types_and_changes_the_codec_only_where_none_was_named_and_nothing_is_hidden() {
        let views = Views::new().function(REPORT);
        let schema = views.schema("report").unwrap();
        assert_eq!(schema.metadata["properties"]["customer"]["description"], "Which customer.");
        assert_eq!(schema.error["type"], "string");
        let codec = |function| Views::new().function(function).codec("report");
        assert_eq!(codec(REPORT), Some(Codec::Json));
        assert_eq!((codec(AS_BINCODE), codec(HIDDEN)), (Some(Codec::Bincode), Some(Codec::Bincode)));
        assert_eq!(codec(TaskFn::new("report")), Some(Codec::Bincode));
    }
}
