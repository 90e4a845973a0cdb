//! The progress of single runs, for those who have a token for one.

use std::time::Duration;

use axum::{Router, body::Body};
use futures_util::StreamExt;
use longhaul::RunId;
use longhaul_dashboard::{ProgressTokens, RunProgress};
use serde_json::{Value, json};

use crate::kit::{Scene, TOKEN, ask_with, open};

fn tokens() -> ProgressTokens {
    ProgressTokens::new("a secret of the shop")
}

fn mounted(scene: &Scene) -> Router {
    let progress = RunProgress::new(scene.client(), tokens()).origin("https://shop.example");
    Router::new().nest("/progress", progress.router())
}

fn token(scene: &Scene, run: RunId, lasts: Duration) -> String {
    tokens().issue(run, scene.client().store().clock().now(), lasts)
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_token_shows_the_progress_of_its_run_and_nothing_else() {
    for scene in Scene::on_all_stores().await {
        let app = mounted(&scene);
        let (mine, other) = (scene.failed("a secret error").await, scene.waiting("y").await);
        let good = token(&scene, mine, HOUR);
        let answer = ask_with(&app, &format!("GET /progress/{good}"), &[("origin", "https://shop.example")], "").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
        let told: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(told, json!({ "state": "failed", "is_final": true, "progress": null }));

        let (_, rest) = good.split_once('.').unwrap();
        let (ends, signature) = rest.split_once('.').unwrap();
        for bad in [
            format!("{other}.{rest}"),
            format!("{mine}.99999999999.{signature}"),
            format!("{mine}.{ends}.{}", "0".repeat(64)),
            token(&scene, mine, Duration::ZERO),
            ProgressTokens::new("another secret 1").issue(mine, scene.client().store().clock().now(), HOUR),
            mine.to_string(),
            TOKEN.into(),
            String::new(),
            "%00".into(),
            "../overview".into(),
        ] {
            for path in [format!("/progress/{bad}"), format!("/progress/{bad}/events")] {
                let (line, bearer) = (format!("GET {path}"), format!("Bearer {TOKEN}"));
                let answer = ask_with(&app, &line, &[("authorization", &bearer)], "").await;
                assert!(matches!(answer.status.as_u16(), 403 | 404), "{path}: {}", answer.status);
                assert!(!answer.text.contains("state"), "{path}: {}", answer.text);
            }
        }
        let elsewhere = [("origin", "https://evil.example")];
        let answer = ask_with(&app, &format!("GET /progress/{good}"), &elsewhere, "").await;
        assert_eq!(answer.header("access-control-allow-origin"), "");
        assert_eq!(answer.header("vary"), "origin");
        assert_eq!(ask_with(&app, &format!("POST /progress/{good}"), &[], "").await.status, 405);
    }
}

#[tokio::test]
async fn a_stream_tells_each_change_and_ends_with_the_run() {
    let scene = Scene::in_a_folder().await;
    let (app, run) = (mounted(&scene), scene.waiting("x").await);
    let response = open(&app, &format!("GET /progress/{}/events", token(&scene, run, HOUR)), &[], "").await;
    let mut stream = Body::into_data_stream(response.into_body());
    let mut next = async || -> Option<String> {
        loop {
            let text = String::from_utf8(stream.next().await?.expect("no error").to_vec()).expect("text");
            if !text.starts_with(':') {
                return Some(text);
            }
        }
    };
    let first = next().await.unwrap();
    assert!(first.starts_with("data: {") && first.contains("\"is_final\":false"), "{first}");
    scene.client().select().kind("wait").unwrap().cancel().await.unwrap();
    let last = next().await.unwrap();
    assert!(last.starts_with("event: ended\ndata: {") && last.contains("\"state\":\"cancelled\""), "{last}");
    assert_eq!(next().await, None);
}

#[tokio::test]
async fn open_streams_of_progress_hold_up_no_shutdown() {
    let scene = Scene::in_a_folder().await;
    let (app, run) = (mounted(&scene), scene.waiting("x").await);
    let response = open(&app, &format!("GET /progress/{}/events", token(&scene, run, HOUR)), &[], "").await;
    let mut stream = Body::into_data_stream(response.into_body());
    stream.next().await.expect("it tells how it is").expect("no error");
    let end = tokio::spawn(async move { while stream.next().await.is_some() {} });
    scene.server.shutdown(HOUR).await;
    end.await.expect("it ended");
}
