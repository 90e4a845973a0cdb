//! What is shown.

use std::time::Duration;

use longhaul::{Missed, Schedule, StateKind};
use longhaul_inspect::{By, Inspector, RunAction, RunQuery, ScopeAction};
use serde_json::json;

use crate::kit::{Approve, Count, CountTo, Fail, on_each_store, on_each_store_with};

fn count_to(to: u64) -> CountTo {
    CountTo { to, password: "secret".into() }
}

#[tokio::test]
async fn the_overview_counts_what_happened_and_warns_of_what_is_held_back() {
    on_each_store(|scene| async {
        let client = scene.client();
        client.enqueue::<Count>(count_to(3)).await.unwrap().outcome().await.unwrap();
        client.enqueue::<Fail>("no space".into()).await.unwrap().outcome().await.unwrap();
        let queue = longhaul::Scope::Queue(longhaul::Queue::new("numbers").unwrap());
        scene.inspector.act_on_scope(&queue, ScopeAction::Pause { until: None }, &By::new("ann")).await.unwrap();
        client.enqueue::<Count>(count_to(4)).await.unwrap();
        let nobody = client.enqueue_fn(longhaul::TaskFn::<(), (), (), longhaul::AnyError>::new("nobody"), ()).await;
        nobody.unwrap();

        let overview = scene.inspector.overview().await.unwrap();
        assert_eq!((overview.states.of(StateKind::Completed), overview.states.of(StateKind::Failed)), (1, 1));
        assert_eq!((overview.states.waiting(), overview.due, overview.servers), (2, 2, 1));
        assert_eq!(overview.ended_last_hour(), [1, 1, 0]);
        assert_eq!(overview.minutes.len(), 60);
        assert_eq!(overview.failed.len(), 1);
        let warned: Vec<_> = overview.warnings.iter().map(|warning| (warning.code, warning.about.as_deref())).collect();
        assert_eq!(warned, [("kind_without_server", Some("nobody")), ("queue_paused", Some("numbers"))]);
        // The oldest that is due and not held back by a pause is that of `nobody`.
        assert_eq!(
            (overview.oldest_queue.as_ref().map(longhaul::Queue::as_str), overview.oldest_is_paused),
            (Some("default"), false)
        );

        let server = longhaul::Scope::Server(scene.inspector.servers().await.unwrap()[0].id);
        scene.inspector.act_on_scope(&server, ScopeAction::Pause { until: None }, &By::new("ann")).await.unwrap();
        let warnings = scene.inspector.overview().await.unwrap().warnings;
        assert!(warnings.iter().any(|warning| warning.code == "servers_drain" && warning.text.contains("shop drains")));
        scene.inspector.act_on_scope(&server, ScopeAction::Resume, &By::new("ann")).await.unwrap();
        scene
    })
    .await;
}

#[tokio::test]
async fn a_list_is_filtered_and_paged_without_repeats() {
    on_each_store(|scene| async {
        let client = scene.client();
        let mut ids = Vec::new();
        for n in 0..7 {
            let run = client.enqueue::<Count>(count_to(n)).tag("parity", n % 2).await.unwrap();
            run.outcome().await.unwrap();
            ids.push(run.id());
        }
        client.enqueue::<Fail>("no space".into()).await.unwrap().outcome().await.unwrap();

        let mut query = RunQuery::parse("kind=count&state=completed&limit=3").unwrap();
        let mut seen = Vec::new();
        loop {
            let list = scene.inspector.runs(&query).await.unwrap();
            assert_eq!(list.total, Some(7));
            seen.extend(list.runs.iter().map(|row| row.id));
            let Some(next) = list.next else { break };
            query = query.page_after(Some(next));
        }
        ids.reverse();
        assert_eq!(seen, ids, "the newest first, each once");

        let list = scene.inspector.runs(&RunQuery::parse("tag=parity:1").unwrap()).await.unwrap();
        assert_eq!((list.runs.len(), list.total), (3, None));
        let list = scene.inspector.runs(&RunQuery::parse("before=1h").unwrap()).await.unwrap();
        assert_eq!(list.runs, []);
        scene
    })
    .await;
}

#[tokio::test]
async fn a_run_is_shown_with_its_values_its_attempts_and_why_it_does_not_run() {
    on_each_store(|scene| async {
        let run = scene.client().enqueue::<Approve>(()).await.unwrap();
        let detail = scene.reaches(run.id(), StateKind::Suspended).await;
        assert_eq!(detail.explanation.reason(), "suspended");
        assert!(detail.actions.contains(&RunAction::Proceed { at: None }));
        assert!(!detail.actions.contains(&RunAction::Retry { from: longhaul::RetryFrom::Checkpoint }));

        let by = By::new("ann");
        scene.inspector.act(run.id(), RunAction::Proceed { at: None }, &by).await.unwrap();
        let detail = scene.reaches(run.id(), StateKind::Completed).await;
        let attempts = detail.attempts();
        let ends: Vec<_> =
            attempts.iter().map(|one| (one.attempt, one.end.map(longhaul::run::Transition::as_str))).collect();
        assert_eq!(ends, [(1, Some("suspended")), (2, Some("completed"))]);
        let shown = serde_json::to_value(&detail).unwrap();
        assert_eq!(shown["values"]["execution_metadata"]["value"], json!(true));
        assert_eq!(shown["run"]["state"], "completed");
        assert_eq!(shown["attempts"][0]["end"], "suspended");
        let lines = shown["run"]["history"]["lines"].as_array().unwrap();
        assert!(lines.iter().any(|line| line["text"] == "proceeded by ann"), "{lines:?}");
        scene
    })
    .await;
}

#[tokio::test]
async fn a_field_that_its_schema_hides_is_in_no_answer() {
    on_each_store(|scene| async {
        let run = scene.client().enqueue::<Count>(count_to(3)).await.unwrap();
        run.outcome().await.unwrap();
        let detail = scene.inspector.run(run.id()).await.unwrap();
        let shown = serde_json::to_string(&detail).unwrap();
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!(detail.values.metadata.content.value(), Some(&json!({"to": 3, "password": "[redacted]"})));

        // A program without the code of the kind goes by what the store has of it.
        let elsewhere = Inspector::new(longhaul::Client::new(scene.client().store().clone()));
        let detail = elsewhere.run(run.id()).await.unwrap();
        assert_eq!(detail.values.metadata.content.value(), Some(&json!({"to": 3, "password": "[redacted]"})));
        scene
    })
    .await;
}

#[tokio::test]
async fn a_schedule_shows_its_next_five_instants_with_their_offsets() {
    let nightly = || Schedule::cron("0 2 * * *", "Europe/Berlin").missed(Missed::Skip);
    on_each_store_with(
        |builder| builder.schedule::<Fail>("nightly", nightly(), "no".into()),
        |scene| async {
            scene.server.schedules_ready().await;
            let hourly = Schedule::every(Duration::from_secs(3600));
            scene.client().schedules().create::<Fail>("hourly", hourly, "no".into()).await.unwrap();
            let views = scene.inspector.schedules().await.unwrap();
            assert_eq!(views.iter().map(|view| view.info.name().as_str()).collect::<Vec<_>>(), ["hourly", "nightly"]);
            let next = views[1].next.clone().unwrap();
            assert_eq!(next.len(), 5);
            for local in next {
                let text = local.to_string();
                assert!(text.contains(" 02:00:00 +0"), "{text}");
            }
            assert!(!views[1].actions().contains(&longhaul_inspect::ScheduleAction::Delete), "code declares it");
            assert!(views[0].actions().contains(&longhaul_inspect::ScheduleAction::Delete));
            scene
        },
    )
    .await;
}

#[tokio::test]
async fn queues_kinds_and_servers_are_shown_together_with_what_is_known_of_them() {
    on_each_store(|scene| async {
        scene.client().enqueue::<Count>(count_to(3)).await.unwrap().outcome().await.unwrap();
        let queues = scene.inspector.queues().await.unwrap();
        assert_eq!(queues.iter().map(|view| view.queue.as_str()).collect::<Vec<_>>(), ["numbers"]);
        assert_eq!(queues[0].states.of(StateKind::Completed), 1);
        let kinds = scene.inspector.kinds().await.unwrap();
        let known: Vec<_> = kinds.iter().map(|view| (view.kind.as_str(), view.servers, view.is_known)).collect();
        assert_eq!(
            known,
            [("approve", 1, true), ("count", 1, true), ("fail", 1, true), ("longhaul.bulk-action", 1, true)]
        );
        assert_eq!((kinds[1].codec.as_deref(), kinds[1].schema.is_some()), (Some("json"), true));
        let servers = scene.inspector.servers().await.unwrap();
        assert_eq!((servers.len(), servers[0].name.as_str(), servers[0].is_late), (1, "shop", false));
        assert_eq!(servers[0].kinds.len(), 4);
        scene
    })
    .await;
}
