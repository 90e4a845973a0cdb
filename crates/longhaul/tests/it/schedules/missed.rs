//! A program that was down for two weeks.

use longhaul::{Clock, Missed, Retention};

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Down for two weeks and five hours, and back. The first run was that of the start.
async fn two_weeks_down(missed: Missed, overlap: Overlap) -> (Scene, longhaul::Longhaul, Work, ScheduleInfo) {
    let scene = Scene::new();
    let work = Work::at_once();
    let schedule = Schedule::every(DAY).missed(missed).overlap(overlap);
    let start = |scene: &Scene, work: Work| {
        let builder = scene.builder().retention(Retention::forever()).task(work);
        builder.schedule::<Work>("daily", schedule.clone(), "a".into()).start().unwrap()
    };
    let server = start(&scene, work.clone());
    let client = server.client();
    told(&client, "daily", |info| info.counts().enqueued == 1).await;
    finished(&client, "daily").await;
    scene.kill(server);
    scene.clock.advance(14 * DAY + 5 * HOUR);
    let scene = scene.another();
    let server = start(&scene, work.clone());
    let info = caught_up(&server.client(), &scene, "daily").await;
    assert_eq!(info.next().unwrap(), Some(at(15 * 24)));
    (scene, server, work, info)
}

/// The days of its runs.
async fn days(client: &Client) -> Vec<f64> {
    hours(client, "daily").await.iter().map(|hours| hours / 24.0).collect()
}

#[tokio::test]
async fn missed_instants_are_left_out_with_skip_and_it_goes_on_with_the_next() {
    let (scene, server, _, info) = two_weeks_down(Missed::Skip, Overlap::Skip).await;
    assert_eq!((info.counts().missed, info.counts().enqueued), (14, 1));
    assert_eq!(days(&server.client()).await, [0.0]);
    scene.clock.set(at(15 * 24));
    caught_up(&server.client(), &scene, "daily").await;
    assert_eq!(days(&server.client()).await, [0.0, 15.0]);
}

#[tokio::test]
async fn one_run_makes_up_for_all_that_were_missed_with_once() {
    let (_scene, server, _, info) = two_weeks_down(Missed::Once, Overlap::Skip).await;
    assert_eq!((info.counts().missed, info.counts().enqueued), (13, 2));
    assert_eq!(days(&server.client()).await, [0.0, 14.0]);
}

#[tokio::test]
async fn the_newest_missed_instants_get_their_runs_with_all_one_after_the_other() {
    let (_scene, server, work, _) = two_weeks_down(Missed::All(3), Overlap::Skip).await;
    let client = server.client();
    let info = told(&client, "daily", |info| info.counts().enqueued == 4).await;
    assert_eq!((info.counts().missed, info.waiting()), (11, 0));
    finished(&client, "daily").await;
    assert_eq!(days(&client).await, [0.0, 12.0, 13.0, 14.0]);
    assert_eq!(work.most(), 1);
}

#[tokio::test]
async fn more_runs_than_one_transaction_takes_are_all_enqueued() {
    let (scene, server, _, _) = two_weeks_down(Missed::All(12), Overlap::Allow).await;
    let info = told(&server.client(), "daily", |info| info.counts().enqueued == 13).await;
    assert_eq!((info.counts().missed, info.waiting()), (2, 0));
    assert_eq!(days(&server.client()).await.len(), 13);
    // Eight, and four.
    assert_eq!(scene.faults.count_of(longhaul_testkit::Call::Schedule), 2);
}

#[tokio::test]
async fn an_instant_that_was_noticed_within_a_minute_was_not_missed() {
    let scene = Scene::new();
    let client = scene.builder().task(Work::at_once()).start().unwrap();
    let schedule = hourly().missed(Missed::Skip);
    client.client().schedules().create::<Work>("hourly", schedule, "a".into()).await.unwrap();
    caught_up(&client.client(), &scene, "hourly").await;
    scene.kill(client);
    scene.clock.set(at(1).after(MINUTE));
    let server = scene.another();
    let server = server.builder().task(Work::at_once()).start().unwrap();
    caught_up(&server.client(), &scene, "hourly").await;
    assert_eq!(hours(&server.client(), "hourly").await, [0.0, 1.0]);
    assert_eq!(scene.clock.now(), at(1).after(MINUTE));
}
