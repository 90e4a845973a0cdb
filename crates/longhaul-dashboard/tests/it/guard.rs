//! Requests that other sites make, and hosts that are not ours.

use longhaul_dashboard::{Options, Role};

use crate::kit::{Scene, TOKEN, ask_with};

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let scene = Scene::in_memory();
    let id = scene.waiting("x").await;
    let app = scene.with_token(Role::Administer);
    let bearer = format!("Bearer {TOKEN}");
    let line = format!("POST /runs/{id}/proceed");
    for (headers, is_refused) in [
        (&[("sec-fetch-site", "cross-site")][..], true),
        (&[("sec-fetch-site", "same-site")], true),
        (&[("sec-fetch-site", "")], true),
        (&[("sec-fetch-site", "cross-site"), ("origin", "https://shop.example")], true),
        (&[("origin", "https://evil.example")], true),
        (&[("origin", "null")], true),
        (&[("origin", "https://shop.example:8443")], true),
        (&[("origin", "https://shop.example.evil.example")], true),
        (&[("sec-fetch-site", "same-origin")], false),
        (&[("sec-fetch-site", "none")], false),
        (&[("origin", "http://shop.example")], false),
        (&[], false),
    ] {
        let headers: Vec<_> = headers.iter().copied().chain([("authorization", &*bearer)]).collect();
        let answer = ask_with(&app, &line, &headers, "").await;
        assert_eq!(answer.status == 403, is_refused, "{headers:?}: {}", answer.status);
        let login = ask_with(&app, "POST /login", &headers, &format!("token={TOKEN}")).await;
        assert_eq!(login.status == 403, is_refused, "{headers:?}: nobody is logged in by another site");
        let api = ask_with(&app, &format!("POST /api/v1/runs/{id}/run-now"), &headers, "").await;
        assert_eq!(api.status == 403, is_refused, "{headers:?}");
        assert_eq!(ask_with(&app, "GET /", &headers, "").await.status, 200, "{headers:?}: a link from elsewhere works");
    }
}

#[tokio::test]
async fn a_dashboard_for_everybody_answers_on_this_computer_only() {
    let app = Scene::in_memory().with(Options::new().open_to_everyone(Role::Administer));
    for (host, status) in [
        ("localhost:7070", 200),
        ("127.0.0.1:7070", 200),
        ("[::1]:7070", 200),
        ("app.localhost", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example:7070", 403),
        ("", 403),
    ] {
        assert_eq!(ask_with(&app, "GET /", &[("host", host)], "").await.status, status, "{host}");
    }
}

#[tokio::test]
async fn hosts_that_are_named_are_the_only_ones() {
    let scene = Scene::in_memory();
    let app = scene.with(Options::new().open_to_everyone(Role::View).hosts(["Tasks.Example"]));
    for (host, status) in [("tasks.example", 200), ("TASKS.example:443", 200), ("localhost", 403)] {
        assert_eq!(ask_with(&app, "GET /", &[("host", host)], "").await.status, status, "{host}");
    }
}
