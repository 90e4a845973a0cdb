//! Fields that a schema marks: tags and titles of new runs, whoever enqueues them, and what is in none of them.

use std::time::Duration;

use longhaul::{
    AnyError, Context, EnqueueError, EnqueueJsonError, ExecutionResult, NewSchedule, Schedule, StateKind, Success,
    TITLE_TAG, Task, TaskOptions, Views, run::NewRun,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kit::{GRACE, Scene};

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-title" = "Export of {table} ({key})"))]
struct Export {
    #[schemars(extend("x-searchable" = true))]
    table: String,
    #[schemars(extend("x-searchable" = "customer"))]
    customer_id: u64,
    #[schemars(extend("x-searchable" = true, "writeOnly" = true))]
    key: String,
}

fn of(table: &str) -> Export {
    Export { table: table.into(), customer_id: 7, key: "1234".into() }
}

struct ExportTable;

impl Task for ExportTable {
    const NAME: &'static str = "export";
    const VERSION: u16 = 2;
    type Metadata = Export;
    type ExecutionMetadata = ();
    type Output = String;
    type Error = AnyError;
    async fn execute(&self, ctx: &Context<Export, ()>) -> ExecutionResult<String, AnyError> {
        Ok(Success(ctx.metadata().table.clone()))
    }
    fn options() -> TaskOptions {
        TaskOptions::default().queue("exports").priority(3).requires("eu").schema::<Self>()
    }
}

/// The same, whose values are nobody's business.
struct Hidden;

impl Task for Hidden {
    const NAME: &'static str = "hidden";
    type Metadata = Export;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;
    async fn execute(&self, _: &Context<Export, ()>) -> ExecutionResult<(), AnyError> {
        Ok(Success(()))
    }
    fn options() -> TaskOptions {
        TaskOptions::default().schema::<Self>().hide_values()
    }
}

/// Its limit is by a key that only code computes.
struct Keyed;

impl Task for Keyed {
    const NAME: &'static str = "keyed";
    type Metadata = Export;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;
    async fn execute(&self, _: &Context<Export, ()>) -> ExecutionResult<(), AnyError> {
        Ok(Success(()))
    }
    fn options() -> TaskOptions {
        TaskOptions::default().schema::<Self>().per_key_max(1)
    }
    fn limit_key(metadata: &Export) -> Option<String> {
        Some(metadata.table.clone())
    }
}

const MARKED: [&str; 3] = ["longhaul.title=Export of orders ([redacted])", "customer=7", "table=orders"];

fn tags(run: &NewRun) -> Vec<String> {
    run.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect()
}

#[tokio::test]
async fn whoever_enqueues_gives_the_tags_and_no_secret_is_in_them() {
    let scene = Scene::new();
    let client = scene.client().with_views(Views::new().task::<ExportTable>());
    let mut ids = vec![client.enqueue::<ExportTable>(of("orders")).await.unwrap().id()];
    ids.push(client.enqueue_all::<ExportTable>([of("orders")]).await.unwrap()[0].id());
    let json = json!({"table": "orders", "customer_id": 7, "key": "1234"});
    ids.push(client.enqueue_json("export", json).await.unwrap());
    let never = Schedule::once("2099-01-01T00:00:00Z".parse().unwrap());
    client.schedules().create::<ExportTable>("late", never.clone(), of("orders")).await.unwrap();
    ids.push(client.schedules().trigger("late").await.unwrap());
    for id in ids {
        let run = scene.snapshot(id).await.run;
        let tags: Vec<_> = run.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect();
        assert_eq!(tags[..3], MARKED, "{id}");
    }
    assert_eq!(client.find::<ExportTable>().with_tag("table", "orders").count().await.unwrap(), 4);
    let hidden = client.enqueue::<Hidden>(of("orders")).await.unwrap();
    assert!(scene.snapshot(hidden.id()).await.run.tags.is_empty(), "nobody may see its values");
}

#[tokio::test]
async fn what_is_said_of_a_run_goes_before_its_marks() {
    let client = Scene::new().client();
    let said = client.enqueue::<ExportTable>(of("orders")).tag(TITLE_TAG, "For Ann").tag("table", "mine").prepare();
    assert_eq!(tags(said.unwrap().new_run()), ["customer=7", "longhaul.title=For Ann", "table=mine"]);
    let many = (0..14).fold(client.enqueue::<ExportTable>(of("orders")), |run, n| run.tag(format!("t{n}"), n));
    assert_eq!(many.prepare().unwrap_err(), EnqueueError::TooManyTags(17), "three of them are given by marks");

    let first = client.enqueue::<ExportTable>(of("orders")).tag("why", "audit").await.unwrap();
    let like = first.enqueue_like(of("people")).await.unwrap().prepare().unwrap();
    let expected = ["longhaul.title=Export of people ([redacted])", "customer=7", "table=people", "why=audit"];
    assert_eq!(tags(like.new_run()), expected);
}

#[tokio::test]
async fn a_schedule_whose_metadata_changes_has_other_tags() {
    let client = Scene::new().client().with_views(Views::new().task::<ExportTable>());
    let schedules = client.schedules();
    let never = Schedule::once("2099-01-01T00:00:00Z".parse().unwrap());
    let new = NewSchedule::<ExportTable>::new("late", never, of("orders")).tag("why", "audit");
    schedules.create_with(new).await.unwrap();
    let of_next_run = async || {
        let run = client.snapshot(schedules.trigger("late").await.unwrap()).await.unwrap().run;
        client.select().kind("export").unwrap().cancel().await.unwrap();
        run.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect::<Vec<_>>()
    };
    assert_eq!(of_next_run().await[..4], [MARKED[0], MARKED[1], MARKED[2], "why=audit"]);
    schedules.change("late").metadata::<ExportTable>(of("people")).await.unwrap();
    let tags = of_next_run().await;
    assert!(tags.contains(&"table=people".into()) && tags.contains(&"why=audit".into()), "{tags:?}");
    let json = json!({"table": "carts", "customer_id": 8, "key": "1234"});
    schedules.change("late").metadata_json(json).await.unwrap();
    let tags = of_next_run().await;
    assert!(tags.contains(&"table=carts".into()) && !tags.contains(&"table=people".into()), "{tags:?}");
}

#[tokio::test]
async fn a_kind_with_a_form_is_enqueued_without_its_code_as_its_options_say() {
    let scene = Scene::new();
    let server = scene.builder().label("eu").task(ExportTable).task(Keyed).task(Hidden).start().unwrap();
    while scene.client().kinds().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let elsewhere = scene.another().client();
    let kinds = elsewhere.kinds().await.unwrap();
    let with_form: Vec<_> = kinds.iter().filter(|kind| kind.has_form()).map(|kind| kind.kind.as_str()).collect();
    assert_eq!(with_form, ["export"]);
    let views = elsewhere.views().clone().stored(kinds);

    let metadata = json!({"table": "orders", "customer_id": 7, "key": "1234"});
    let new = views.new_run("export", &metadata).unwrap();
    assert_eq!((new.queue.as_str(), new.priority.0, new.version), ("exports", 3, 2));
    assert_eq!(new.constraints.as_ref().unwrap().requires[0].as_str(), "eu");
    assert_eq!(tags(&new), MARKED);
    let id = new.id;
    elsewhere.store().insert(vec![new]).await.unwrap().remove(0).unwrap();
    let outcome = server.client().run::<ExportTable>(id).outcome().await.unwrap();
    assert_eq!(outcome.completed().as_deref(), Some("orders"));
    assert_eq!(scene.snapshot(id).await.run.state.kind(), StateKind::Completed);

    let wrong = json!({"table": 7, "customer_id": 7, "key": "1234"});
    let refused = views.new_run("export", &wrong).unwrap_err().to_string();
    assert!(refused.contains("`table`: a text is needed"), "{refused}");
    for kind in ["keyed", "hidden"] {
        let refused = views.new_run(kind, &Value::Null).unwrap_err();
        assert!(matches!(refused, EnqueueJsonError::UnknownKind { .. }), "{refused}");
    }
    server.shutdown(GRACE.max(Duration::from_secs(1))).await;
}
