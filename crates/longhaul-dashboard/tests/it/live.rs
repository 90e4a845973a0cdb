//! Event streams.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use longhaul_dashboard::Role;

use crate::kit::{Scene, TOKEN, ask, open};

async fn stream(app: &axum::Router, path: &str) -> BodyDataStream {
    let response = open(app, &format!("GET {path}"), &[("authorization", &format!("Bearer {TOKEN}"))], "").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    Body::into_data_stream(response.into_body())
}

async fn event(stream: &mut BodyDataStream, event: &str) {
    loop {
        let text = stream.next().await.expect("it goes on").expect("no error");
        if text.starts_with(format!("event: {event}\n").as_bytes()) {
            return;
        }
    }
}

#[tokio::test]
async fn the_page_of_a_run_is_told_of_each_change_and_of_its_end() {
    for scene in Scene::on_all_stores().await {
        let app = scene.with_token(Role::Administer);
        let id = scene.waiting("x").await;
        let seen = scene.client().snapshot(id).await.unwrap().run.revision;
        let mut stream = stream(&app, &format!("/runs/{id}/events?seen={seen}")).await;
        ask(&app, &format!("POST /runs/{id}/cancel"), "").await;
        event(&mut stream, "changed").await;
        ask(&app, &format!("POST /runs/{id}/delete"), "").await;
        event(&mut stream, "gone").await;
        assert!(stream.next().await.is_none(), "there is nothing more to tell");
    }
}

#[tokio::test]
async fn the_pages_of_many_runs_are_told_when_the_counts_change() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::View);
    let (mut first, mut second) = (stream(&app, "/events").await, stream(&app, "/events").await);
    scene.waiting("x").await;
    let client = scene.client();
    // The first look may come after the first run.
    let more = async {
        loop {
            client.enqueue::<crate::kit::Fail>("no".into()).await.unwrap().outcome().await.unwrap();
        }
    };
    tokio::select! {
        () = more => unreachable!("it goes on for ever"),
        () = async { event(&mut first, "changed").await; event(&mut second, "changed").await } => {}
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "who is told nothing must fail the test, not hang it")]
async fn pages_are_told_of_pauses_limits_and_schedules_that_change_elsewhere() {
    for what in ["pause", "limit", "schedule"] {
        for scene in Scene::on_all_stores().await {
            let app = scene.with_token(Role::View);
            scene.waiting("x").await;
            let client = scene.client();
            let schedules = client.schedules();
            let hourly = longhaul::Schedule::every(Duration::from_secs(3600));
            schedules.create::<crate::kit::Fail>("hourly", hourly, "no".into()).await.unwrap();
            let mut stream = stream(&app, "/events").await;
            // The first look may come after the first change. No run changes meanwhile.
            let changes = async {
                for number in 1.. {
                    match what {
                        "pause" => {
                            client.queue("default").unwrap().pause().because(number.to_string()).await.unwrap();
                        }
                        "limit" => {
                            let limits = longhaul::Limits { running: Some(number), ..longhaul::Limits::NONE };
                            client.kind_named("wait").unwrap().limit(limits).await.unwrap();
                        }
                        _ => {
                            schedules.pause("hourly").because(number.to_string()).await.unwrap();
                        }
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            tokio::select! {
                () = changes => unreachable!("it goes on for ever"),
                told = tokio::time::timeout(Duration::from_secs(60), event(&mut stream, "changed")) => {
                    told.unwrap_or_else(|_| panic!("nobody is told of a {what}"));
                }
            }
        }
    }
}

#[tokio::test]
async fn open_streams_hold_up_no_shutdown() {
    let scene = Scene::in_a_folder().await;
    let app = scene.with_token(Role::View);
    let id = scene.waiting("x").await;
    let mut streams = Vec::new();
    for at in 0..10 {
        let path = if at % 2 == 0 { "/events".to_owned() } else { format!("/runs/{id}/events?seen=1000000") };
        streams.push(stream(&app, &path).await);
    }
    let ends: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            tokio::spawn(async move {
                while let Some(text) = stream.next().await {
                    text.expect("no error");
                }
            })
        })
        .collect();
    // Far more than the test takes: who waits for it to pass has failed.
    scene.server.shutdown(Duration::from_secs(3600)).await;
    for end in ends {
        end.await.expect("it ended");
    }
}
