//! What is done, and what is kept of who did it.

use std::time::Duration;

use longhaul::{Control, Queue, RunId, Schedule, Scope, StateKind};
use longhaul_inspect::{
    By, InspectError, Inspector, NewRunRequest, RunAction, RunQuery, ScheduleAction, ScopeAction, api::Operation,
};
use serde_json::json;

use crate::kit::{Approve, Count, CountTo, Fail, on_each_store};

async fn history(inspector: &Inspector, id: RunId) -> Vec<String> {
    inspector.run(id).await.unwrap().history().lines().map(|line| line.to_string()).collect()
}

fn far() -> Duration {
    Duration::from_secs(3600)
}

#[tokio::test]
async fn each_action_keeps_who_did_it_and_why() {
    on_each_store(|scene| async {
        let inspector = &scene.inspector;
        let ann = By::new("ann").because("the disk is full");
        let late = || async { scene.client().enqueue::<Fail>("no".into()).after(far()).await.unwrap().id() };

        let id = late().await;
        let done = inspector.act(id, RunAction::Suspend, &ann).await.unwrap();
        assert_eq!(done.text, "suspended");
        inspector.act(id, RunAction::Cancel, &By::new("bob").because("a duplicate")).await.unwrap();
        let lines = history(inspector, id).await;
        assert_eq!(lines[1..], ["suspended by ann: the disk is full", "cancelled by bob: a duplicate"]);

        let id = late().await;
        inspector.act(id, RunAction::RunNow, &ann).await.unwrap();
        scene.reaches(id, StateKind::Failed).await;
        assert_eq!(history(inspector, id).await[1], "run now by ann");

        let retried =
            inspector.act(id, RunAction::Retry { from: longhaul::RetryFrom::Checkpoint }, &ann).await.unwrap();
        let next = retried.run.unwrap();
        assert_ne!(next, id);
        scene.reaches(next, StateKind::Failed).await;
        assert!(history(inspector, id).await.iter().any(|line| line.starts_with("retried by ann")));

        let deleted = inspector.act(next, RunAction::Delete, &ann).await.unwrap();
        assert_eq!(deleted.run, None);
        assert!(matches!(inspector.run(next).await, Err(InspectError::NotFound { .. })));
        scene
    })
    .await;
}

#[tokio::test]
async fn what_a_state_does_not_allow_is_refused_and_offered_to_nobody() {
    on_each_store(|scene| async {
        let run = scene.client().enqueue::<Count>(CountTo { to: 1, password: String::new() }).await.unwrap();
        run.outcome().await.unwrap();
        let detail = scene.inspector.run(run.id()).await.unwrap();
        for action in RunAction::ALL {
            let answer = scene.inspector.act(run.id(), action, &By::new("ann")).await;
            assert_eq!(answer.is_ok(), detail.actions.contains(&action), "{action:?}: {answer:?}");
        }
        scene
    })
    .await;
}

#[tokio::test]
async fn a_pause_keeps_who_and_why_and_ends_with_a_resume() {
    on_each_store(|scene| async {
        let (inspector, by) = (&scene.inspector, By::new("ann").because("the printer is out of paper"));
        let scope = Scope::Queue(Queue::new("numbers").unwrap());
        let control = inspector.act_on_scope(&scope, ScopeAction::Pause, &by).await.unwrap();
        let paused = control.paused.unwrap();
        assert_eq!((&*paused.by, paused.why.as_deref()), ("ann", Some("the printer is out of paper")));
        assert!(inspector.queues().await.unwrap()[0].control.paused.is_some());
        let control = inspector.act_on_scope(&scope, ScopeAction::Resume, &by).await.unwrap();
        assert_eq!(control, Control::default());

        let schedules = scene.client().schedules();
        schedules
            .create::<Fail>("hourly", Schedule::every(far()).starting(inspector.now().after(far())), "no".into())
            .await
            .unwrap();
        let name = longhaul::ScheduleName::new("hourly").unwrap();
        inspector.act_on_schedule(&name, ScheduleAction::Pause, &by).await.unwrap();
        let view = inspector.schedule(&name).await.unwrap();
        assert_eq!(view.info.paused().unwrap().why.as_deref(), Some("the printer is out of paper"));
        let triggered = inspector.act_on_schedule(&name, ScheduleAction::RunNow, &by).await.unwrap();
        scene.reaches(triggered.run.unwrap(), StateKind::Failed).await;
        inspector.act_on_schedule(&name, ScheduleAction::Delete, &by).await.unwrap();
        assert!(matches!(inspector.schedule(&name).await, Err(InspectError::NotFound { .. })));
        scene
    })
    .await;
}

#[tokio::test]
async fn all_that_match_are_acted_on_however_many_pages_they_are() {
    on_each_store(|scene| async {
        for n in 0..120 {
            scene.client().enqueue::<Fail>("no".into()).after(far()).tag("half", n % 2).await.unwrap();
        }
        let query = RunQuery::parse("state=pending&tag=half:1&limit=10").unwrap();
        let by = By::new("ann").because("all wrong");
        let selected = scene.inspector.act_on_matching(&query, RunAction::Cancel, &by).await.unwrap();
        assert_eq!((selected.matched, selected.done, selected.refused.len()), (60, 60, 0));
        let overview = scene.inspector.overview().await.unwrap();
        assert_eq!((overview.states.of(StateKind::Cancelled), overview.states.of(StateKind::Pending)), (60, 60));
        let one = &scene.inspector.runs(&RunQuery::parse("state=cancelled&limit=1").unwrap()).await.unwrap().runs[0];
        assert_eq!(history(&scene.inspector, one.id).await[1], "cancelled by ann: all wrong");
        scene
    })
    .await;
}

#[tokio::test]
async fn a_run_from_json_has_what_was_said_of_it_and_a_wrong_field_is_named() {
    on_each_store(|scene| async {
        let inspector = &scene.inspector;
        let mut request = NewRunRequest::new("count", json!({"to": 7, "password": "x"}));
        request.tags.insert("customer".into(), "9".into());
        request.priority = Some(5);
        let id = inspector.enqueue(&request, &By::new("ann")).await.unwrap();
        let detail = scene.reaches(id, StateKind::Completed).await;
        assert_eq!((detail.run().priority.0, &*detail.run().tags[0].value), (5, "9"));
        assert_eq!(history(inspector, id).await[0], "enqueued by ann");

        let wrong = NewRunRequest::new("count", json!({"to": "seven", "password": "x"}));
        let error = inspector.enqueue(&wrong, &By::new("ann")).await.unwrap_err();
        assert!(matches!(&error, InspectError::Invalid { field: Some(field), .. } if field == "metadata"), "{error:?}");
        let unknown = NewRunRequest::new("nothing", json!(null));
        assert!(matches!(inspector.enqueue(&unknown, &By::new("ann")).await, Err(InspectError::NotFound { .. })));
        request.queue = Some("no\nqueue".into());
        let error = inspector.enqueue(&request, &By::new("ann")).await.unwrap_err();
        assert!(matches!(&error, InspectError::Invalid { field: Some(field), .. } if field == "queue"), "{error:?}");
        scene
    })
    .await;
}

#[tokio::test]
async fn named_runs_are_acted_on_each_by_itself() {
    on_each_store(|scene| async {
        let waits = scene.client().enqueue::<Approve>(()).await.unwrap().id();
        scene.reaches(waits, StateKind::Suspended).await;
        let nobody = RunId::from_bytes([7; 16]);
        let selected = scene.inspector.act_on(&[waits, nobody], RunAction::Cancel, &By::new("ann")).await.unwrap();
        assert_eq!((selected.matched, selected.done, selected.refused[0].0), (2, 1, nobody));
        scene
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_drained_claims_nothing_until_it_is_resumed() {
    on_each_store(|scene| async {
        let ask = async |method: &str, path: &str| {
            let operation = Operation::parse(method, path).unwrap();
            scene.inspector.perform(&operation, "", b"{\"reason\": \"a new release\"}", "ann").await
        };
        let (_, servers) = ask("GET", "/servers").await;
        let id = servers[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(ask("POST", &format!("/servers/{id}/drain")).await.0, 200);
        let (_, servers) = ask("GET", "/servers").await;
        let draining = &servers[0]["draining"];
        assert_eq!((&draining["by"], &draining["why"]), (&json!("ann"), &json!("a new release")));

        let run = scene.client().enqueue::<Approve>(()).await.unwrap().id();
        // A claim that had come before would have taken it: this one comes after all of them.
        let server = scene.client().store().servers().await.unwrap()[0].beat.clone();
        let request = longhaul::store_api::store::ClaimRequest::new(server.server, server.kinds, 1);
        assert!(scene.client().store().claim(request).await.unwrap().is_empty());
        assert_eq!(scene.inspector.run(run).await.unwrap().run().state.kind(), StateKind::Pending);

        assert_eq!(ask("POST", &format!("/servers/{id}/resume")).await.0, 200);
        scene.reaches(run, StateKind::Suspended).await;
        let nobody = longhaul::ServerId::from_bytes([7; 16]);
        assert_eq!(ask("POST", &format!("/servers/{nobody}/drain")).await.0, 404);
        scene
    })
    .await;
}
