//! One run an instant.

use longhaul::{NewSchedule, StateKind, store_api::store::Filter};
use longhaul_testkit::{Call, FaultPoint};

use super::*;
use crate::kit::{reaches, unavailable};

#[tokio::test]
async fn each_instant_gets_one_run_and_between_them_nothing_happens() {
    let scene = Scene::new();
    let server =
        scene.builder().task(Work::at_once()).schedule::<Work>("hourly", hourly(), "a".into()).start().unwrap();
    let client = server.client();
    for hour in 1..=5 {
        scene.asleep_until(at(hour)).await;
        scene.clock.advance(HOUR / 2);
        scene.clock.advance(HOUR / 2);
        told(&client, "hourly", |info| info.next().unwrap() == Some(at(hour + 1))).await;
    }
    // The start is a full hour as well.
    assert_eq!(hours(&client, "hourly").await, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let info = client.schedules().get("hourly").await.unwrap();
    assert_eq!((info.counts().enqueued, info.counts().missed, info.counts().overlapped), (6, 0, 0));
}

#[tokio::test]
async fn the_metadata_arrives_typed_with_all_that_was_said_of_the_runs() {
    let scene = Scene::new();
    let new = NewSchedule::<Work>::new("nightly", hourly(), "accounts".into())
        .queue("night")
        .priority(-5)
        .tag("why", "audit")
        .limit_key("a")
        .timeout(MINUTE)
        .requires("edit-server");
    let server = scene.builder().task(Work::at_once()).label("edit-server").schedule_with(new).start().unwrap();
    let client = server.client();
    let info = told(&client, "nightly", |info| info.counts().enqueued == 1).await;
    let run = client.run::<Work>(info.last_runs()[0]);
    let status = reaches(&run, StateKind::Completed).await;
    assert_eq!(
        (status.metadata().unwrap(), run.outcome().await.unwrap().completed()),
        ("accounts".into(), Some("accounts".into()))
    );
    let run = status.run();
    assert_eq!((run.queue.as_str(), run.priority.0, run.timeout), ("night", -5, Some(MINUTE)));
    assert_eq!(run.constraints().limit_key.as_ref().map(longhaul::Key::as_str), Some("a"));
    let tags: Vec<_> = run.tags.iter().map(|tag| (&*tag.key, &*tag.value)).collect();
    assert_eq!(tags, [("why", "audit"), ("longhaul.schedule", "nightly")]);
}

#[tokio::test]
async fn runs_that_require_a_label_are_left_to_servers_that_have_it() {
    let scene = Scene::new();
    let new = || NewSchedule::<Work>::new("hourly", hourly(), String::new()).requires("edit-server");
    let without = scene.leased().task(Work::at_once()).schedule_with(new()).start().unwrap();
    scene.begun().await;
    let info = told(&without.client(), "hourly", |info| info.counts().enqueued == 1).await;
    let run = without.client().run::<Work>(info.last_runs()[0]);
    let why = run.explain().await.unwrap().to_string();
    assert!(why.contains("edit-server"), "{why}");
    let with = scene.another();
    let _with = with.builder().label("edit-server").task(Work::at_once()).start().unwrap();
    reaches(&run, StateKind::Completed).await;
}

#[tokio::test]
async fn two_servers_on_one_store_enqueue_each_instant_once() {
    let first = Scene::new();
    let second = first.another();
    let start = |scene: &Scene| {
        let builder = scene.builder().task(Work::at_once());
        builder.schedule::<Work>("hourly", hourly(), String::new()).start().unwrap()
    };
    let servers = [start(&first), start(&second)];
    for hour in 1..=20 {
        first.asleep_until(at(hour)).await;
        second.asleep_until(at(hour)).await;
        first.clock.advance(HOUR);
    }
    let client = servers[0].client();
    let info = caught_up(&client, &first, "hourly").await;
    assert_eq!(hours(&client, "hourly").await, (0..=20).map(f64::from).collect::<Vec<_>>());
    assert_eq!(info.counts().enqueued, 21);
}

#[tokio::test]
async fn when_one_server_dies_the_other_goes_on() {
    let first = Scene::new();
    let second = first.another();
    let start = |scene: &Scene| {
        let builder = scene.builder().task(Work::at_once());
        builder.schedule::<Work>("hourly", hourly(), String::new()).start().unwrap()
    };
    let (dead, alive) = (start(&first), start(&second));
    second.asleep_until(at(1)).await;
    drop(dead);
    second.clock.advance(HOUR);
    caught_up(&alive.client(), &second, "hourly").await;
    assert_eq!(hours(&alive.client(), "hourly").await, [0.0, 1.0]);
}

#[tokio::test]
async fn a_schedule_survives_a_restart_and_its_instants_come_once() {
    let scene = Scene::new();
    let server = scene.builder().task(Work::at_once()).start().unwrap();
    server.client().schedules().create::<Work>("hourly", hourly(), "a".into()).await.unwrap();
    scene.asleep_until(at(1)).await;
    scene.kill(server);
    let server = scene.another();
    let server = server.builder().task(Work::at_once()).start().unwrap();
    scene.clock.advance(HOUR);
    caught_up(&server.client(), &scene, "hourly").await;
    assert_eq!(hours(&server.client(), "hourly").await, [0.0, 1.0]);
}

#[tokio::test]
async fn an_answer_that_was_lost_costs_no_second_run() {
    let scene = Scene::new();
    let server =
        scene.builder().task(Work::at_once()).schedule::<Work>("hourly", hourly(), "a".into()).start().unwrap();
    scene.asleep_until(at(1)).await;
    for when in [FaultPoint::BeforeEffect, FaultPoint::AfterEffect] {
        scene.faults.fail_next(Call::Schedule, when, unavailable());
        scene.clock.advance(HOUR);
        caught_up(&scene.client(), &scene, "hourly").await;
    }
    assert_eq!(hours(&server.client(), "hourly").await, [0.0, 1.0, 2.0]);
}

#[tokio::test]
async fn jitter_delays_a_run_and_not_the_instant() {
    let scene = Scene::new();
    let schedule = hourly().jitter(HOUR);
    let server = scene.builder().task(Work::default()).schedule::<Work>("late", schedule, "a".into()).start().unwrap();
    let info = told(&server.client(), "late", |info| info.counts().enqueued == 1).await;
    let run = &server.client().run::<Work>(info.last_runs()[0]).status().await.unwrap();
    let due = run.run().state.due().expect("it waits for its time");
    assert!(START < due && due < at(1), "{due}");
    assert_eq!(info.next().unwrap(), Some(at(1)));
}

#[tokio::test]
async fn a_clock_that_was_a_day_ahead_does_not_stop_a_schedule_for_a_day() {
    let scene = Scene::new();
    scene.clock.set(at(25));
    let server =
        scene.builder().task(Work::at_once()).schedule::<Work>("hourly", hourly(), "a".into()).start().unwrap();
    let client = server.client();
    scene.asleep_until(at(26)).await;
    scene.clock.set(at(1));
    told(&client, "hourly", |info| info.next().unwrap() == Some(at(2))).await;
    assert_eq!(hours(&client, "hourly").await, [1.0, 25.0]);
}

#[tokio::test]
async fn a_clock_that_stood_two_hours_ahead_for_a_moment_silences_no_schedule() {
    let scene = Scene::new();
    let every_minute = Schedule::every(MINUTE).overlap(Overlap::Allow);
    let server =
        scene.builder().task(Work::at_once()).schedule::<Work>("minutely", every_minute, "a".into()).start().unwrap();
    let client = server.client();
    let minute = |n: u32| START.after(n * MINUTE);
    let mut expected = Vec::new();
    for shown in [0, 1, 2, 122, 3, 4, 5] {
        scene.clock.set(minute(shown));
        expected.push(f64::from(shown) / 60.0);
        let count = expected.len() as u64;
        told(&client, "minutely", |info| info.counts().enqueued == count).await;
        let next = if shown == 122 { 123 } else { shown + 1 };
        scene.asleep_until(minute(next)).await;
    }
    expected.sort_by(f64::total_cmp);
    assert_eq!(hours(&client, "minutely").await, expected);
}

#[tokio::test]
async fn idle_schedules_call_neither_the_store_nor_the_clock() {
    let scene = Scene::new();
    let server = scene.builder().task(Work::at_once()).start().unwrap();
    let client = server.client();
    for n in 1..=100 {
        let once = Schedule::once(at(n));
        client.schedules().create::<Work>(&format!("once-{n}"), once, "a".into()).await.unwrap();
    }
    scene.asleep_until(at(1)).await;
    let counted = || scene.faults.count_of(Call::Schedule) + scene.faults.count_of(Call::Get);
    let before = counted();
    scene.clock.advance(59 * MINUTE);
    scene.clock.advance(MINUTE);
    caught_up(&client, &scene, "once-1").await;
    // The one that was due: a change, and no look at the others.
    assert_eq!(counted() - before, 1);
    assert_eq!(client.store().count(Filter::default()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_test_server_is_idle_only_when_all_instants_got_their_runs() {
    use longhaul::testing::TestServer;
    let queued = Schedule::every(HOUR).missed(longhaul::Missed::All(9)).overlap(Overlap::Queue);
    let server = TestServer::start(|b| b.task(Work::at_once()).schedule::<Work>("queued", queued, "a".into()));
    let client = server.client();
    server.advance(5 * HOUR);
    server.run_until_idle().await;
    assert_eq!(hours(&client, "queued").await, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    server.advance(2 * HOUR);
    server.run_until_idle().await;
    assert_eq!(runs(&client, "queued").await.len(), 8);
    client.schedules().pause("queued").acting_as("ann").await.unwrap();
    server.advance(5 * HOUR);
    server.run_until_idle().await;
    assert_eq!(runs(&client, "queued").await.len(), 8);
    server.shutdown().await;
}
