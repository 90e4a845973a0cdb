//! What code declares, and what becomes of it when code, or an operator, changes it.

use longhaul::store_api::store::prelude::*;
use longhaul::{BuildError, Builder, Longhaul, NewSchedule, ScheduleOrigin, SchedulesError};

use super::*;

/// A server whose code declares these; `last` says that all of it was kept.
async fn deploy(scene: &Scene, declare: impl FnOnce(Builder) -> Builder, last: &str) -> Longhaul {
    let builder = declare(scene.builder().task(Work::at_once()));
    let server = builder.schedule::<Work>(last, Schedule::every(HOUR), "last".into()).start().unwrap();
    told(&scene.client(), last, |_| true).await;
    server
}

async fn names(scene: &Scene) -> Vec<String> {
    let listed = scene.client().schedules().list().await.unwrap();
    listed.iter().map(|info| info.name().to_string()).collect()
}

fn every(hours: u32) -> Schedule {
    Schedule::every(hours * HOUR)
}

#[tokio::test]
async fn code_adds_changes_and_removes_its_own_and_leaves_those_of_others() {
    let scene = Scene::new();
    let declare =
        |b: Builder| b.schedule::<Work>("a", every(2), "1".into()).schedule::<Work>("b", every(2), "1".into());
    let server = deploy(&scene, declare, "z1").await;
    let other = scene.another();
    let other = deploy(&other, |b| b.name("other"), "of-other").await;
    server.client().schedules().create::<Work>("by-client", every(9), "c".into()).await.unwrap();
    let info = server.client().schedules().get("a").await.unwrap();
    assert_eq!(info.made_by(), ScheduleOrigin::Code { server: "longhaul".into() });
    drop(other);
    scene.kill(server);

    let scene = scene.another();
    let server = deploy(&scene, |b| b.schedule::<Work>("a", every(3), "2".into()), "z2").await;
    let client = server.client();
    // What is gone is removed last.
    gone(&client, &["b", "z1"]).await;
    assert_eq!(names(&scene).await, ["a", "by-client", "of-other", "z2"]);
    let info = client.schedules().get("a").await.unwrap();
    assert_eq!((info.metadata::<Work>().unwrap().as_str(), info.schedule()), ("2", &every(3)));
    assert_eq!(info.changed(), None);
}

#[tokio::test]
async fn what_an_operator_changed_survives_restarts_and_changes_of_code_until_it_is_given_back() {
    let scene = Scene::new();
    let server = deploy(&scene, |b| b.schedule::<Work>("a", every(2), "1".into()), "z1").await;
    server.client().schedules().change("a").acting_as("ann").schedule(every(5)).await.unwrap();
    scene.kill(server);

    for (n, declared) in [every(2), every(3)].into_iter().enumerate() {
        let scene = scene.another();
        let server = deploy(&scene, |b| b.schedule::<Work>("a", declared, "2".into()), &format!("y{n}")).await;
        let info = server.client().schedules().get("a").await.unwrap();
        assert_eq!((info.schedule(), info.metadata::<Work>().unwrap().as_str()), (&every(5), "1"));
        assert_eq!(&*info.changed().unwrap().by, "ann");
        scene.kill(server);
    }

    scene.client().schedules().reset_to_declared("a").await.unwrap();
    let scene = scene.another();
    let server = deploy(&scene, |b| b.schedule::<Work>("a", every(3), "2".into()), "x").await;
    let info = server.client().schedules().get("a").await.unwrap();
    assert_eq!((info.schedule(), info.metadata::<Work>().unwrap().as_str(), info.changed()), (&every(3), "2", None));
}

#[tokio::test]
async fn a_pause_survives_a_change_of_code() {
    let scene = Scene::new();
    let server = deploy(&scene, |b| b.schedule::<Work>("a", every(2), "1".into()), "z1").await;
    server.client().schedules().pause("a").acting_as("ann").because("the disk is full").await.unwrap();
    scene.kill(server);
    let scene = scene.another();
    let server = deploy(&scene, |b| b.schedule::<Work>("a", every(3), "1".into()), "z2").await;
    let info = server.client().schedules().get("a").await.unwrap();
    assert_eq!((info.schedule(), &*info.paused().unwrap().by), (&every(3), "ann"));
}

#[tokio::test]
async fn it_begins_paused_only_the_first_time() {
    let scene = Scene::new();
    let new = || NewSchedule::<Work>::new("a", every(1), "1".into()).paused("not yet");
    let server = deploy(&scene, |b| b.schedule_with(new()), "z1").await;
    let info = server.client().schedules().get("a").await.unwrap();
    let paused = info.paused().unwrap();
    assert_eq!((&*paused.by, paused.why.as_deref(), info.counts().enqueued), ("code", Some("not yet"), 0));
    server.client().schedules().resume("a").await.unwrap();
    scene.kill(server);
    let scene = scene.another();
    let server = deploy(&scene, |b| b.schedule_with(new()), "z2").await;
    assert_eq!(server.client().schedules().get("a").await.unwrap().paused(), None);
}

#[tokio::test]
async fn the_same_declaration_writes_nothing_at_a_restart() {
    let scene = Scene::new();
    let declare = |b: Builder| b.schedule::<Work>("a", every(2), "1".into());
    let server = deploy(&scene, declare, "z").await;
    caught_up(&server.client(), &scene, "a").await;
    caught_up(&server.client(), &scene, "z").await;
    scene.kill(server);
    let before = scene.store.schedules(0).await.unwrap();
    let again = scene.another();
    let _server = deploy(&again, declare, "z").await;
    again.asleep_until(at(1)).await;
    assert_eq!(scene.store.schedules(0).await.unwrap(), before);
}

#[tokio::test]
async fn one_that_a_client_made_is_not_taken_over_by_code() {
    let scene = Scene::new();
    let client = scene.client();
    client.schedules().create::<Work>("a", every(9), "client".into()).await.unwrap();
    let server = deploy(&scene, |b| b.schedule::<Work>("a", every(2), "code".into()), "z").await;
    let info = server.client().schedules().get("a").await.unwrap();
    assert_eq!((info.made_by(), info.schedule()), (ScheduleOrigin::Client, &every(9)));
}

#[tokio::test]
async fn what_code_declares_cannot_be_deleted_but_paused() {
    let scene = Scene::new();
    let server = deploy(&scene, |b| b, "z").await;
    let refused = server.client().schedules().delete("z").await.unwrap_err();
    assert!(matches!(refused, SchedulesError::DeclaredInCode(_)), "{refused}");
    assert!(server.client().schedules().get("z").await.is_ok());
}

#[tokio::test]
async fn a_start_refuses_what_makes_no_sense() {
    let scene = Scene::new();
    let start = |declare: fn(Builder) -> Builder| declare(scene.builder()).start().unwrap_err();
    let refused =
        start(|b| b.task(Work::default()).schedule::<Work>("a", Schedule::every(Duration::ZERO), String::new()));
    assert!(matches!(&refused, BuildError::Schedule(SchedulesError::Timetable { .. })), "{refused}");
    let refused = start(|b| b.schedule::<Work>("a", every(1), String::new()));
    assert_eq!(
        refused.to_string(),
        "the schedule `a` enqueues runs of `scheduled`, which is not registered: call `.task(…)` with it"
    );
    let twice =
        |b: Builder| b.schedule::<Work>("a", every(1), String::new()).schedule::<Work>("a", every(2), String::new());
    let refused = twice(scene.builder().task(Work::default())).start().unwrap_err();
    assert!(matches!(&refused, BuildError::ScheduleTwice(name) if name.as_str() == "a"), "{refused}");
    let refused = start(|b| b.task(Work::default()).schedule::<Work>("a b", every(1), String::new()));
    assert!(matches!(&refused, BuildError::Schedule(SchedulesError::Name(_))), "{refused}");
    // In whatever order it is said.
    assert!(scene.builder().schedule::<Work>("a", every(1), String::new()).task(Work::default()).start().is_ok());
}

#[tokio::test]
async fn a_store_that_fails_at_the_start_delays_what_code_declares() {
    let scene = Scene::new();
    for call in [longhaul_testkit::Call::Schedules, longhaul_testkit::Call::Schedule] {
        scene.faults.fail_next(call, longhaul_testkit::FaultPoint::BeforeEffect, crate::kit::unavailable());
    }
    let _server = deploy(&scene, |b| b, "z").await;
    assert_eq!(names(&scene).await, ["z"]);
}
