//! What a store knows of kinds without their code.

use longhaul::{BuildError, Codec, Longhaul, Task, TaskFn, TaskOptions};
use longhaul_testkit::Call;

use crate::kit::{Count, CountUp, GRACE, Scene};

/// A server that executes `task_fn`s of this name with these options, once it has registered them.
async fn registered(scene: &Scene, name: &'static str, options: fn() -> TaskOptions) -> Longhaul {
    let function = TaskFn::<String>::new(name).options(options);
    let server =
        scene.builder().task(CountUp).task_fn(function, |_| async { Ok(longhaul::Success(())) }).start().unwrap();
    // It registers its kinds before it claims.
    let run = server.client().enqueue::<CountUp>(Count { to: 1 }).await.unwrap();
    run.outcome().await.unwrap();
    server
}

#[tokio::test]
async fn a_kind_is_known_without_its_code_and_when_its_server_is_gone() {
    let scene = Scene::new();
    assert_eq!(scene.client().kinds().await.unwrap(), []);
    let server =
        registered(&scene, "greet", || TaskOptions::default().title("Greet somebody").codec(Codec::Json)).await;
    server.shutdown(GRACE).await;
    let kinds = scene.client().kinds().await.unwrap();
    assert_eq!(kinds.iter().map(|kind| kind.kind.as_str()).collect::<Vec<_>>(), [CountUp::NAME, "greet"]);
    let greet = &kinds[1];
    assert_eq!((greet.title.as_deref(), greet.codec, greet.version), (Some("Greet somebody"), Codec::Json, 1));
    assert!(greet.schema.is_none() && !greet.has_form(), "nobody can know what its form would have");
    let json = serde_json::to_value(greet).unwrap();
    assert_eq!((&json["kind"], &json["codec"]), (&"greet".into(), &"json".into()));
}

#[tokio::test]
async fn a_title_is_cut_and_hidden_values_are_known() {
    let scene = Scene::new();
    let server = registered(&scene, "secret", || TaskOptions::default().title("ü".repeat(200)).hide_values()).await;
    let kinds = scene.client().kinds().await.unwrap();
    assert_eq!(kinds[1].title.as_deref(), Some("ü".repeat(128).as_str()));
    assert!(kinds[1].hides_values);
    server.shutdown(GRACE).await;
}

#[tokio::test]
async fn a_second_start_of_the_same_code_writes_nothing_of_its_kinds() {
    let scene = Scene::new();
    for _ in 0..2 {
        let server = registered(&scene, "greet", TaskOptions::default).await;
        server.shutdown(GRACE).await;
    }
    assert_eq!(scene.faults.count_of(Call::DescribeKinds), 1);
    let server = registered(&scene, "greet", || TaskOptions::default().title("Greet")).await;
    server.shutdown(GRACE).await;
    assert_eq!(scene.faults.count_of(Call::DescribeKinds), 2);
}

mod named {
    use longhaul::{AnyError, Context, ExecutionResult, Success, Task};

    pub(super) struct Renamed;

    impl Task for Renamed {
        const NAME: &'static str = "z-report";
        const ALIASES: &'static [&'static str] = &["report"];
        const VERSION: u16 = 4;
        type Metadata = u64;
        type ExecutionMetadata = ();
        type Output = ();
        type Error = AnyError;
        async fn execute(&self, _: &Context<u64, ()>) -> ExecutionResult<(), AnyError> {
            Ok(Success(()))
        }
    }
}

#[tokio::test]
async fn a_former_name_of_a_kind_names_the_present_one() {
    let scene = Scene::new();
    let server = scene.builder().task(named::Renamed).start().unwrap();
    server.client().enqueue::<named::Renamed>(1).await.unwrap().outcome().await.unwrap();
    server.shutdown(GRACE).await;
    let kinds = scene.client().kinds().await.unwrap();
    let names: Vec<_> =
        kinds.iter().map(|kind| (kind.kind.as_str(), kind.renamed.as_ref().map(longhaul::Kind::as_str))).collect();
    assert_eq!(names, [("report", Some("z-report")), ("z-report", None)]);
    assert!(kinds.iter().all(|kind| kind.version == 4));
}

#[cfg(feature = "schema")]
mod schema {
    use longhaul::store_api::limits::KIND_SCHEMA_MAX;
    use schemars::{JsonSchema, Schema, SchemaGenerator};
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn the_schema_of_a_kind_is_stored_with_it() {
        let scene = Scene::new();
        let server = registered(&scene, "greet", TaskFn::<String>::options_with_schema).await;
        server.shutdown(GRACE).await;
        let kinds = scene.client().kinds().await.unwrap();
        let schema = kinds[1].schema.as_ref().expect("it was published");
        assert_eq!(schema.metadata["type"], "string");
        assert_eq!((kinds[1].codec, kinds[1].has_form()), (Codec::Json, true));
        assert!(!kinds[0].has_form());
    }

    #[derive(Serialize, Deserialize)]
    struct Large;

    impl JsonSchema for Large {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Large".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json!({ "description": "x".repeat(KIND_SCHEMA_MAX) }).try_into().unwrap()
        }
    }

    #[tokio::test]
    async fn a_schema_that_is_too_long_is_refused_at_the_start() {
        const LARGE: TaskFn<Large> = TaskFn::new("large").options(TaskFn::<Large>::options_with_schema);
        let builder = Scene::new().builder().task_fn(LARGE, |_| async { Ok(longhaul::Success(())) });
        let error = builder.start().unwrap_err();
        assert!(
            matches!(&error, BuildError::SchemaTooLong { kind, length } if kind.as_str() == "large" && *length > KIND_SCHEMA_MAX)
        );
        assert!(error.to_string().contains("at most 65536 are stored"), "{error}");
    }
}
