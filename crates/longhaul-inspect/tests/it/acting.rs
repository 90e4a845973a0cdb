//! What is done, and what is kept of who did it.

use std::time::Duration;

use longhaul::{Control, Queue, RetryFrom, RunId, Schedule, Scope, StateKind};
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

        let retried = inspector.act(id, RunAction::Retry { from: RetryFrom::Checkpoint }, &ann).await.unwrap();
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
        let control = inspector.act_on_scope(&scope, ScopeAction::Pause { until: None }, &by).await.unwrap();
        let paused = control.paused.unwrap();
        assert_eq!((&*paused.by, paused.why.as_deref()), ("ann", Some("the printer is out of paper")));
        assert!(inspector.queues().await.unwrap()[0].control.paused.is_some());
        let control = inspector.act_on_scope(&scope, ScopeAction::Resume, &by).await.unwrap();
        assert_eq!(control, Control::default());

        let until = inspector.now().after(far());
        let body = json!({"reason": "until tomorrow", "until": until.to_string()}).to_string();
        for path in ["/queues/numbers/pause", "/kinds/count/pause"] {
            let operation = Operation::parse("POST", path).unwrap();
            let (status, control) = inspector.perform(&operation, "", body.as_bytes(), "ann").await;
            assert_eq!((status, &control["paused"]["until"]), (200, &json!(until.to_string())), "{path}");
        }
        for (path, body) in [
            ("/queues/numbers/pause", r#"{"until": "2020-01-01T00:00:00Z"}"#),
            ("/queues/numbers/pause", r#"{"until": "soon"}"#),
            ("/queues/numbers/resume", r#"{"until": "2099-01-01T00:00:00Z"}"#),
        ] {
            let operation = Operation::parse("POST", path).unwrap();
            let (status, error) = inspector.perform(&operation, "", body.as_bytes(), "ann").await;
            assert_eq!((status, &error["error"]["field"]), (422, &json!("until")), "{path} {body}");
        }
        for scope in [&scope, &Scope::Kind(longhaul::Kind::new("count").unwrap())] {
            inspector.act_on_scope(scope, ScopeAction::Resume, &by).await.unwrap();
        }

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
async fn a_retry_of_all_leaves_completed_runs_alone_unless_they_are_asked_for() {
    on_each_store(|scene| async {
        let completed = scene.client().enqueue::<Count>(CountTo { to: 1, password: String::new() }).await.unwrap();
        completed.outcome().await.unwrap();
        scene.client().enqueue::<Fail>("no".into()).await.unwrap().outcome().await.unwrap();
        let (by, retry) = (By::new("ann"), RunAction::Retry { from: RetryFrom::Checkpoint });
        let retried = async |query: &str| {
            let query = RunQuery::parse(query).unwrap();
            scene.inspector.act_on_matching(&query, retry, &by).await.unwrap().done
        };
        assert_eq!(retried("kind=count").await, 0);
        assert_eq!(retried("").await, 1, "the one that failed");
        assert_eq!(retried("kind=count&state=completed").await, 1);
        let operation = Operation::parse("POST", "/runs/all/retry").unwrap();
        let (status, page) = scene.inspector.perform(&operation, "kind=count", br#"{"page": true}"#, "ann").await;
        assert_eq!((status, &page["matched"]), (200, &0.into()), "{page}");
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
        assert!(
            matches!(&error, InspectError::Invalid { field: Some(field), .. } if field == "metadata.to"),
            "{error:?}"
        );
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
async fn a_run_that_stops_its_order_key_is_dismissed_and_the_next_goes_on() {
    on_each_store(|scene| async {
        let (inspector, by) = (&scene.inspector, By::new("ann"));
        let first = scene.client().enqueue::<Fail>("no".into()).ordered_by("account 7").await.unwrap().id();
        let second = scene.client().enqueue::<Fail>("no".into()).ordered_by("account 7").await.unwrap().id();
        let detail = scene.reaches(first, StateKind::Failed).await;
        assert!(detail.actions.contains(&RunAction::Dismiss), "{:?}", detail.actions);
        let operation = Operation::parse("POST", &format!("/runs/{first}/dismiss")).unwrap();
        assert_eq!(inspector.perform(&operation, "", b"", "ann").await.0, 200);
        scene.reaches(second, StateKind::Failed).await;
        let lines = history(inspector, first).await;
        assert!(lines.iter().any(|line| line.starts_with("dismissed") && line.contains("ann")), "{lines:?}");
        let again = inspector.act(first, RunAction::Dismiss, &by).await;
        assert!(matches!(again, Err(InspectError::Refused { .. })), "{again:?}");
        let all = inspector.act_on_matching(&RunQuery::default(), RunAction::Dismiss, &by).await;
        assert!(matches!(all, Err(InspectError::Refused { .. })), "{all:?}");
        scene
    })
    .await;
}

#[tokio::test]
async fn a_kind_with_a_form_is_enqueued_and_scheduled_by_a_program_without_its_code() {
    on_each_store(|scene| async {
        // A server registers its kinds before it claims.
        let first = CountTo { to: 1, password: String::new() };
        scene.client().enqueue::<Count>(first).await.unwrap().outcome().await.unwrap();
        // The same store, and none of the tasks.
        let elsewhere = Inspector::new(longhaul::Client::new(scene.client().store().clone()));
        let kind = elsewhere.kind(&longhaul::Kind::new("count").unwrap()).await.unwrap();
        assert!(kind.can_start && !kind.is_known && kind.schema.is_some());
        let (by, metadata) = (By::new("ann"), json!({"to": 7, "password": "secret"}));
        let id = elsewhere.enqueue(&NewRunRequest::new("count", metadata.clone()), &by).await.unwrap();
        let detail = scene.reaches(id, StateKind::Completed).await;
        assert_eq!(detail.run().queue.as_str(), "numbers");
        assert_eq!(detail.values.result.as_ref().unwrap().content.value(), Some(&json!(7)));
        let shown = serde_json::to_string(&elsewhere.run(id).await.unwrap()).unwrap();
        assert!(!shown.contains("secret"), "{shown}");
        let wrong = NewRunRequest::new("count", json!({"to": -1, "password": "x"}));
        let error = elsewhere.enqueue(&wrong, &by).await.unwrap_err();
        assert!(
            matches!(&error, InspectError::Invalid { field: Some(field), .. } if field == "metadata.to"),
            "{error:?}"
        );
        let unknown = elsewhere.enqueue(&NewRunRequest::new("fail", json!("no")), &by).await;
        assert!(matches!(unknown, Err(InspectError::NotFound { .. })), "it has no form: {unknown:?}");

        let mut request = longhaul_inspect::ScheduleRequest::default();
        request.name = Some("nightly".into());
        request.kind = Some("count".into());
        request.metadata = Some(metadata);
        request.every_seconds = Some(3600.0);
        let view = elsewhere.create_schedule(&request, &by).await.unwrap();
        assert!(!serde_json::to_string(&view).unwrap().contains("secret"));
        let mut change = longhaul_inspect::ScheduleRequest::default();
        change.metadata = Some(json!({"to": 9, "password": "other"}));
        elsewhere.change_schedule(view.info.name(), &change, &by).await.unwrap();
        let kept = scene.client().schedules().get("nightly").await.unwrap().metadata::<Count>().unwrap();
        assert_eq!((kept.to, &*kept.password), (9, "other"));
        scene
    })
    .await;
}

#[tokio::test]
async fn bounds_of_a_schema_hold_with_and_without_the_code_for_runs_and_schedules() {
    on_each_store(|scene| async {
        let first = CountTo { to: 1, password: String::new() };
        scene.client().enqueue::<Count>(first).await.unwrap().outcome().await.unwrap();
        let elsewhere = Inspector::new(longhaul::Client::new(scene.client().store().clone()));
        let (by, too_much) = (By::new("ann"), json!({"to": 1_000_001, "password": "x"}));
        let mut request = longhaul_inspect::ScheduleRequest::default();
        request.name = Some("nightly".into());
        request.kind = Some("count".into());
        request.every_seconds = Some(3600.0);
        request.metadata = Some(json!({"to": 1_000_000, "password": "x"}));
        let nightly = elsewhere.create_schedule(&request, &by).await.unwrap();
        request.name = Some("hourly".into());
        request.metadata = Some(too_much.clone());
        let mut change = longhaul_inspect::ScheduleRequest::default();
        change.metadata = Some(too_much.clone());
        for inspector in [&scene.inspector, &elsewhere] {
            let refused = [
                inspector.enqueue(&NewRunRequest::new("count", too_much.clone()), &by).await.unwrap_err(),
                inspector.create_schedule(&request, &by).await.unwrap_err(),
                inspector.change_schedule(nightly.info.name(), &change, &by).await.unwrap_err(),
            ];
            let why = InspectError::Invalid { field: Some("metadata.to".into()), why: "at most 1000000".into() };
            assert_eq!(refused, [why.clone(), why.clone(), why]);
        }
        // The program that has the code says so too.
        let refused = scene.client().enqueue_json("count", too_much).await.unwrap_err().to_string();
        assert_eq!(refused, "the JSON is no metadata of `count`: `to`: at most 1000000");
        let kept = scene.client().schedules().get("nightly").await.unwrap().metadata::<Count>().unwrap();
        assert_eq!(kept.to, 1_000_000);
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
