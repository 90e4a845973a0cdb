//! Single instants that an operator leaves out, moves and puts back.

use longhaul::{ExceptionError, Longhaul, Missed, SchedulesError};

use super::*;

/// A server whose code declares a schedule that is due each hour; its first run was that of the start.
async fn start(scene: &Scene, missed: Missed) -> Longhaul {
    let declared = hourly().missed(missed);
    let server =
        scene.builder().task(Work::at_once()).schedule::<Work>("hourly", declared, "a".into()).start().unwrap();
    told(&server.client(), "hourly", |info| info.counts().enqueued == 1).await;
    server
}

#[tokio::test]
async fn an_instant_that_is_left_out_gets_no_run_and_the_schedule_goes_on() {
    let scene = Scene::new();
    let server = start(&scene, Missed::Once).await;
    let (client, schedules) = (server.client(), server.client().schedules());
    let info = schedules.skip_instant("hourly", at(1)).acting_as("ann").because("the audit").await.unwrap();
    assert_eq!((info.next().unwrap(), info.changed()), (Some(at(2)), None), "code may still change it");
    let exception = info.exceptions().iter().next().unwrap();
    assert_eq!((&*exception.by, exception.why.as_deref()), ("ann", Some("the audit")));
    for hour in 1..=7 {
        scene.clock.set(at(hour));
        caught_up(&client, &scene, "hourly").await;
    }
    assert_eq!(hours(&client, "hourly").await, [0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    let info = schedules.get("hourly").await.unwrap();
    assert_eq!((info.counts().missed, info.exceptions().is_empty()), (0, true), "it went by itself");
}

#[tokio::test]
async fn what_was_said_of_instants_outlives_a_restart_and_holds_for_those_that_are_made_up_for() {
    let scene = Scene::new();
    let server = start(&scene, Missed::All(9)).await;
    let schedules = server.client().schedules();
    schedules.skip_instant("hourly", at(2)).await.unwrap();
    schedules.move_instant("hourly", at(3), at(4).after(MINUTE)).await.unwrap();
    scene.kill(server);
    scene.clock.set(at(4));
    let scene = scene.another();
    let server = scene.builder().task(Work::at_once());
    let server = server.schedule::<Work>("hourly", hourly().missed(Missed::All(9)), "a".into()).start().unwrap();
    let client = server.client();
    told(&client, "hourly", |info| info.counts().enqueued == 3).await;
    assert_eq!(hours(&client, "hourly").await, [0.0, 1.0, 4.0]);
    scene.clock.set(at(4).after(MINUTE));
    let info = told(&client, "hourly", |info| info.counts().enqueued == 4).await;
    // Of the third hour, in the fourth.
    assert_eq!(hours(&client, "hourly").await, [0.0, 1.0, 3.0, 4.0]);
    assert_eq!((info.next().unwrap(), info.counts().missed), (Some(at(5)), 0));
}

#[tokio::test]
async fn an_instant_is_moved_shown_so_and_put_back() {
    let scene = Scene::new();
    let server = start(&scene, Missed::Once).await;
    let schedules = server.client().schedules();
    let info = schedules.move_instant("hourly", at(2), at(1).after(15 * MINUTE)).await.unwrap();
    let shown: Vec<_> = info.preview(3).unwrap().iter().map(|local| (local.at, local.moved_from)).collect();
    assert_eq!(shown, [(at(1), None), (at(1).after(15 * MINUTE), Some(at(2))), (at(3), None)]);
    scene.clock.set(at(1));
    caught_up(&server.client(), &scene, "hourly").await;
    scene.clock.set(at(1).after(15 * MINUTE));
    told(&server.client(), "hourly", |info| info.counts().enqueued == 3).await;
    let refused = schedules.restore_instant("hourly", at(2)).await.unwrap_err();
    assert!(refused.to_string().contains("was handled already: the next one is"), "{refused}");
    schedules.move_instant("hourly", at(4), at(4).after(MINUTE)).await.unwrap();
    let info = schedules.restore_instant("hourly", at(4).after(MINUTE)).await.unwrap();
    assert_eq!(info.preview(2).unwrap()[1].at, at(4));
}

#[tokio::test]
async fn a_word_about_an_instant_that_is_none_names_those_next_to_it() {
    let scene = Scene::new();
    let server = start(&scene, Missed::Once).await;
    let schedules = server.client().schedules();
    let refused = schedules.skip_instant("hourly", at(1).after(MINUTE)).await.unwrap_err();
    let expected = ExceptionError::NoInstant { at: at(1).after(MINUTE), before: Some(at(1)), after: Some(at(2)) };
    assert!(matches!(&refused, SchedulesError::Instant { error, .. } if *error == expected), "{refused}");
    let missing = schedules.skip_instant("nightly", at(1)).await.unwrap_err();
    assert!(matches!(missing, SchedulesError::NotFound(_)), "{missing}");
    assert!(schedules.get("hourly").await.unwrap().exceptions().is_empty());
}

#[tokio::test]
async fn a_schedule_fires_between_two_times_and_on_no_holiday() {
    let scene = Scene::new();
    let day = longhaul::Date::new(2026, 1, 2).unwrap();
    let schedule = hourly().missed(Missed::All(100)).between(at(22), at(49)).except([day]);
    let server = scene.builder().task(Work::at_once());
    let server = server.schedule::<Work>("hourly", schedule, "a".into()).start().unwrap();
    let client = server.client();
    scene.clock.set(at(90));
    caught_up(&client, &scene, "hourly").await;
    assert_eq!(hours(&client, "hourly").await, [22.0, 23.0, 48.0, 49.0]);
    assert_eq!(client.schedules().get("hourly").await.unwrap().next().unwrap(), None);
}
