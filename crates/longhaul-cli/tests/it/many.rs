//! What is done to all that match, by a run of the program.

use std::{sync::Arc, time::Duration};

use longhaul::{Client, Longhaul, Store, testing};
use longhaul_cli::Exit;
use longhaul_inspect::{BulkActions, Inspector};
use serde_json::json;

use crate::kit::{Approve, Ended, Fail, longhaul, tasks};

/// A server that executes such runs.
struct Scene {
    _server: Longhaul,
    inspector: Inspector,
}

impl Scene {
    async fn open() -> Self {
        let store: Arc<dyn Store> = Arc::new(testing::memory_store());
        let builder = tasks(Longhaul::builder().shared_store(store.clone()).name("shop"));
        let server = builder.task(BulkActions::new(Client::new(store))).start().unwrap();
        let inspector = Inspector::new(server.client());
        // Its first heartbeat comes from a thread of its own.
        while inspector.servers().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        Self { _server: server, inspector }
    }

    async fn late(&self, runs: usize) {
        for half in 0..runs {
            let late = self.inspector.client().enqueue::<Fail>("no".into()).after(Duration::from_secs(3600));
            late.tag("half", half % 2).await.unwrap();
        }
    }

    async fn types(&self, line: &str) -> Ended {
        longhaul(line, None, Some(&self.inspector)).await
    }

    async fn lists(&self, filters: &str) -> Vec<serde_json::Value> {
        let listed = self.types(&format!("runs ls -n 1000 -o json {filters}")).await.json();
        listed.as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_run_does_it_where_a_server_executes_such_runs_and_the_command_says_what_came_of_it() {
    let scene = Scene::open().await;
    scene.late(10).await;
    let ended = scene.types("runs cancel --kind fail --tag half:1 --reason duplicate --yes").await;
    assert_eq!((ended.exit, ended.out.as_str()), (Exit::Done, "cancel: 5 of 5\n"), "{}", ended.err);
    assert!(ended.err.contains("does it, and goes on without this command"), "{}", ended.err);
    let cancelled = scene.lists("--state cancelled").await;
    assert_eq!(cancelled.len(), 5);
    let shown = scene.types(&format!("runs show {}", cancelled[0]["id"].as_str().unwrap())).await;
    assert!(shown.out.contains("cancelled by ann: duplicate"), "{}", shown.out);
    let bulk = scene.lists("--kind longhaul.bulk-action").await;
    assert_eq!((bulk.len(), &bulk[0]["state"]), (1, &json!("completed")));

    // Again: no state allows it.
    let again = scene.types("runs cancel --kind fail --tag half:1 --yes -o json").await;
    assert_eq!(again.exit, Exit::Refused, "{}", again.err);
    let told: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((&told["matched"], &told["done"]), (&json!(5), &json!(0)));
    assert!(told["run"].as_str().is_some_and(|run| run.starts_with("run_")), "{told}");
    assert!(told["refused"][0]["text"].as_str().unwrap().contains("is cancelled"), "{told}");

    let dry = scene.types("runs cancel --kind fail --state pending --dry-run").await;
    assert_eq!(dry.out, "would cancel 5 runs (5 pending), as far as their states allow it\n");
    assert_eq!(scene.lists("--state pending").await.len(), 5, "a dry run does nothing");
}

#[tokio::test]
async fn what_no_run_does_is_done_from_here() {
    let scene = Scene::open().await;
    scene.late(3).await;
    assert_eq!(scene.types("runs cancel --kind fail --yes").await.exit, Exit::Done);
    let removed = scene.types("runs rm --kind fail --yes").await;
    assert_eq!((removed.exit, removed.out.as_str()), (Exit::Done, "delete: 3 of 3\n"), "{}", removed.err);
    let approve = scene.inspector.client().enqueue::<Approve>(()).await.unwrap().id();
    crate::kit::reaches(&scene.inspector, approve, longhaul::StateKind::Suspended).await;
    let later = scene.types("runs proceed --kind approve --at 2199-01-01T00:00:00Z --yes").await;
    assert_eq!(later.out, "proceed: 1 of 1\n", "{}", later.err);
    let bulk = scene.lists("--kind longhaul.bulk-action").await;
    assert_eq!(bulk.len(), 1, "neither a deletion nor a time is left to a run: {bulk:?}");
}

#[tokio::test]
async fn nobody_has_to_wait_for_it() {
    let scene = Scene::open().await;
    scene.late(2).await;
    let started = scene.types("runs suspend --kind fail --yes --no-wait").await;
    assert_eq!(started.exit, Exit::Done, "{}", started.err);
    let waited = scene.types(&format!("runs wait {}", started.out.trim())).await;
    assert_eq!(waited.exit, Exit::Done, "{}", waited.err);
    assert_eq!(scene.lists("--state suspended").await.len(), 2);
}
