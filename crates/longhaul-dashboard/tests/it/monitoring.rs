//! What supervisors and monitors ask.

use longhaul_dashboard::Monitoring;

use crate::kit::{Answer, Scene, ask_with};

async fn get(app: &axum::Router, path: &str) -> Answer {
    ask_with(app, &format!("GET {path}"), &[], "").await
}

#[tokio::test]
async fn a_server_is_ready_unless_it_drains_or_stops_and_lives_all_the_same() {
    for scene in Scene::on_all_stores().await {
        let id = scene.server.server_id();
        let app: axum::Router = Monitoring::new(scene.client()).server(id).router();
        // A run that was executed: the first heartbeat has come.
        scene.failed("x").await;
        assert_eq!(get(&app, "/health/ready").await.status, 200);
        scene.client().server(id).pause().await.unwrap();
        let drains = get(&app, "/health/ready").await;
        assert_eq!((drains.status.as_u16(), drains.text.contains("drains")), (503, true), "{}", drains.text);
        assert_eq!(get(&app, "/health/live").await.status, 200);
        scene.client().server(id).resume().await.unwrap();
        assert_eq!(get(&app, "/health/ready").await.status, 200);
        scene.server.shutdown(std::time::Duration::from_secs(3600)).await;
        assert_eq!(get(&app, "/health/ready").await.status, 503);
        assert_eq!(get(&app, "/health/live").await.status, 200, "a restart would only hold it up");
    }
}

#[tokio::test]
async fn metrics_tell_the_runs_of_the_store_and_what_the_program_adds() {
    let scene = Scene::in_memory();
    scene.failed("x").await;
    let app: axum::Router = Monitoring::new(scene.client()).metrics(|| "app_orders 7\n".into()).router();
    let metrics = get(&app, "/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert!(
        metrics.text.contains("longhaul_store_runs{kind=\"fail\",queue=\"default\",state=\"failed\"} 1\n"),
        "{}",
        metrics.text
    );
    assert!(metrics.text.ends_with("app_orders 7\n"), "{}", metrics.text);
    let is_line = |line: &str| {
        line.starts_with('#') || line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<f64>().is_ok())
    };
    assert!(metrics.text.lines().all(is_line), "{}", metrics.text);
}
