//! On the wall clock, when it changes.

use super::*;

/// The runs of a schedule over two days, as the clock moves in steps of half an hour.
async fn two_days_from(start: &str, schedule: Schedule) -> Vec<String> {
    let scene = Scene::new();
    scene.clock.set(start.parse().unwrap());
    let builder = scene.builder().task(Work::at_once());
    let server = builder.schedule::<Work>("nightly", schedule.overlap(Overlap::Allow), "a".into()).start().unwrap();
    let client = server.client();
    told(&client, "nightly", |_| true).await;
    for _ in 0..96 {
        scene.clock.advance(HOUR / 2);
        caught_up(&client, &scene, "nightly").await;
    }
    runs(&client, "nightly").await.iter().map(|found| found.run.id().created().to_string()).collect()
}

#[tokio::test]
async fn a_time_that_berlin_skips_in_spring_runs_at_the_end_of_the_gap() {
    let ran = two_days_from("2026-03-28T12:00:00Z", Schedule::cron("30 2 * * *", "Europe/Berlin")).await;
    assert_eq!(ran, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
}

#[tokio::test]
async fn a_time_that_berlin_has_twice_in_autumn_runs_once() {
    let ran = two_days_from("2026-10-24T12:00:00Z", Schedule::cron("30 2 * * *", "Europe/Berlin")).await;
    assert_eq!(ran, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
}

#[tokio::test]
async fn a_pattern_that_never_fires_is_refused_at_the_start() {
    let scene = Scene::new();
    let never = Schedule::cron("0 0 31 2 *", "UTC");
    let refused =
        scene.builder().task(Work::default()).schedule::<Work>("a", never, String::new()).start().unwrap_err();
    assert!(refused.to_string().contains("never fires"), "{refused}");
}
