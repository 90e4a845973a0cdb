//! What an endpoint shows of schedules, services and bulk operations is JSON in one form.

use longhaul::{CancellationToken, NewSchedule, Schedule, ServiceInfo, ServiceState};
use serde_json::json;

use crate::kit::{Count, CountUp, SECOND, Scene};

#[tokio::test]
async fn a_schedule_is_shown_with_its_next_instant_its_pause_and_in_words() {
    let client = Scene::new().client();
    let schedules = client.acting_as("ann").schedules();
    let hourly = Schedule::every(3600 * SECOND);
    let new =
        NewSchedule::<CountUp>::new("count", hourly, Count { to: 3 }).queue("slow").tag("team", 7).requires("gpu");
    let info = schedules.create_with(new).await.unwrap();
    let next = info.next().unwrap().unwrap();
    let mut expected = json!({
        "name": "count", "kind": "count-up", "queue": "slow", "priority": 0,
        "tags": [{ "key": "team", "value": "7" }], "requires": ["gpu"], "limit_key": null,
        "made_by": { "by": "client", "server": null, "text": "a client" }, "changed": null, "paused": null,
        "next": next.to_string(), "unfinished": [], "waiting": 0, "last_runs": [],
        "counts": { "enqueued": 0, "missed": 0, "overlapped": 0 }, "exceptions": [], "text": "every hour",
    });
    assert_eq!(serde_json::to_value(&info).unwrap(), expected);

    let info = schedules.pause("count").because("the disk is full").await.unwrap();
    let at = info.paused().unwrap().at.to_string();
    expected["next"] = json!(null);
    expected["paused"] = json!({ "at": at, "by": "ann", "why": "the disk is full", "until": null });
    assert_eq!(serde_json::to_value(&info).unwrap(), expected);
}

#[tokio::test]
async fn a_service_is_shown_with_its_state_as_a_word_and_a_sentence() {
    let service = |token: CancellationToken| async move { token.cancelled().await };
    let server = Scene::new().builder().service_fn("mails", service).start().unwrap();
    let running = |services: &[ServiceInfo]| services[0].state == ServiceState::Running;
    let info = server.services().until(running).await.remove(0);
    let expected = json!({
        "name": "mails", "state": "running", "since": info.since.to_string(), "restarts_at": null, "restarts": 0,
        "essential": false, "last_error": null, "text": "running",
    });
    assert_eq!(serde_json::to_value(&info).unwrap(), expected);
}

#[tokio::test]
async fn a_bulk_operation_is_shown_with_the_runs_that_refused_it() {
    let client = Scene::new().client();
    let run = client.enqueue::<CountUp>(Count { to: 3 }).await.unwrap();
    run.cancel().await.unwrap();
    let selected = client.select().cancel().await.unwrap();
    let expected = json!({
        "matched": 1, "done": 0,
        "refused": [{ "id": run.id().to_string(), "text": selected.refused[0].1 }],
    });
    assert_eq!(serde_json::to_value(&selected).unwrap(), expected);
}

#[tokio::test]
async fn who_and_why_are_said_before_a_request_is_awaited_and_nothing_happens_without() {
    let client = Scene::new().client().acting_as("ann");
    let run = client.enqueue::<CountUp>(Count { to: 3 }).await.unwrap();
    drop(run.cancel().because("it is not awaited"));
    run.suspend().await.unwrap();
    client.select().suspend().because("already so").await.unwrap();
    run.cancel().acting_as("bob").because("too late").await.unwrap();
    let told: Vec<_> = run.status().await.unwrap().history().lines().map(|line| line.to_string()).collect();
    assert_eq!(told, ["enqueued by ann", "suspended by ann", "cancelled by bob: too late"]);

    let paused = client.queue("mail").unwrap().pause().await.unwrap().paused.unwrap();
    assert_eq!((&*paused.by, paused.why), ("ann", None));
}
