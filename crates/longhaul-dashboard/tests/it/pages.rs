//! What pages say, and what they never do.

use std::time::Duration;

use longhaul::Schedule;
use longhaul_dashboard::{Options, Role, dashboard};

use crate::kit::{Answer, Fail, Scene, TOKEN, ask, ask_with};

const PAGES: [&str; 9] = [
    "/",
    "/runs",
    "/runs?state=failed&kind=fail",
    "/schedules",
    "/queues",
    "/servers",
    "/kinds",
    "/kinds/fail",
    "/runs/new",
];

/// What a strict policy would refuse, and what would run something.
fn assert_clean(path: &str, answer: &Answer) {
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "no-store");
    let text = answer.text.to_lowercase();
    for bad in [" style=", "<style", " onclick=", " onload=", " onerror=", "javascript:", "http://", "https://"] {
        assert!(!text.contains(bad), "{path} has `{bad}`");
    }
    // The one script is ours, from a file.
    assert_eq!(text.matches("<script").count(), 1, "{path}");
    assert!(text.contains("<script type=\"module\" src="), "{path}");
}

async fn shop(scene: &Scene) {
    scene.failed("no space left").await;
    scene.waiting("x").await;
    let every = Schedule::every(Duration::from_secs(3600));
    scene.client().schedules().create::<Fail>("hourly", every, "no".into()).await.unwrap();
    scene.client().queue("mail").unwrap().pause().because("paper").await.unwrap();
}

#[tokio::test]
async fn every_page_is_there_and_keeps_its_own_policy() {
    for scene in Scene::on_all_stores().await {
        shop(&scene).await;
        let app = scene.with_token(Role::Administer);
        for path in PAGES {
            assert_clean(path, &ask(&app, &format!("GET {path}"), "").await);
        }
        let overview = ask(&app, "GET /", "").await.text;
        assert!(overview.contains("<svg role=\"img\"") && overview.contains("Suspended"), "{overview}");
        let schedules = ask(&app, "GET /schedules", "").await.text;
        assert!(
            schedules.contains("hourly") && schedules.contains("every hour") || schedules.contains("every 1 h"),
            "{schedules}"
        );
        let queues = ask(&app, "GET /queues", "").await.text;
        assert!(queues.contains("mail") && queues.contains("paper"), "{queues}");
    }
}

#[tokio::test]
async fn script_in_every_text_is_shown_as_text() {
    const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let scene = Scene::in_memory();
    let client = scene.client();
    let run =
        client.acting_as(EVIL).enqueue::<Fail>(EVIL.into()).tag(EVIL, EVIL).unique(EVIL).limit_key(EVIL).await.unwrap();
    run.outcome().await.unwrap();
    client.queue("mail").unwrap().pause().because(EVIL).acting_as(EVIL).await.unwrap();
    let every = Schedule::every(Duration::from_secs(3600));
    client.schedules().create::<Fail>("hourly", every, EVIL.into()).await.unwrap();
    client.schedules().pause("hourly").because(EVIL).await.unwrap();
    let app = scene.with(Options::new().token(TOKEN, Role::Administer).title(EVIL));
    let encoded = EVIL.bytes().fold(String::new(), |encoded, byte| encoded + &format!("%{byte:02X}"));
    let more = [
        format!("/runs/{}", run.id()),
        format!("/runs/new?kind={encoded}&metadata={encoded}&queue={encoded}&tags={encoded}&at={encoded}"),
        format!("/runs/new?like={}", run.id()),
        format!("/runs?tag={encoded}:{encoded}&done={encoded}"),
    ];
    for path in PAGES.iter().map(|path| (*path).to_owned()).chain(more) {
        let answer = ask(&app, &format!("GET {path}"), "").await;
        assert_eq!(answer.text.matches("<script").count(), 1, "{path}: {}", answer.text);
        assert!(!answer.text.contains("<img"), "{path}: {}", answer.text);
        assert!(!answer.text.contains("'><"), "{path}: {}", answer.text);
    }
    for (line, body) in [
        ("GET /nowhere/%3Cscript%3E", ""),
        ("GET /runs?state=%3Cscript%3E", ""),
        ("POST /runs", &*format!("kind={encoded}&metadata={encoded}")),
        ("POST /login", &format!("token={encoded}")),
    ] {
        let answer = ask(&app, line, body).await;
        assert!(answer.status.is_client_error(), "{line}");
        assert_eq!(answer.text.matches("<script").count(), 1, "{line}: {}", answer.text);
    }
}

#[tokio::test]
async fn all_links_lead_below_where_the_app_has_mounted_it() {
    let scene = Scene::in_memory();
    shop(&scene).await;
    let options = || Options::new().token(TOKEN, Role::Administer);
    let mounted = axum::Router::new().nest("/admin/tasks", scene.with(options()));
    let deep = axum::Router::new().nest("/a", axum::Router::new().nest("/b", scene.with(options())));
    // An app with a state of its own.
    let stateful: axum::Router<String> = axum::Router::new().nest("/of-app", dashboard(scene.client(), options()));
    let stateful = stateful.with_state("state".to_owned());
    let behind_proxy = scene.with(options().prefix("/shown/elsewhere/"));
    for (app, at, prefix) in [
        (mounted, "/admin/tasks", "/admin/tasks"),
        (deep, "/a/b", "/a/b"),
        (stateful, "/of-app", "/of-app"),
        (behind_proxy, "", "/shown/elsewhere"),
    ] {
        for path in PAGES {
            let path = if path == "/" && !at.is_empty() { "" } else { path };
            let answer = ask(&app, &format!("GET {at}{path}"), "").await;
            assert_clean(path, &answer);
            for attribute in [" href=\"", " action=\"", " src=\"", " data-events=\"", " formaction=\""] {
                for rest in answer.text.split(attribute).skip(1) {
                    let address = rest.split('"').next().unwrap();
                    let is_ours = address.starts_with(&format!("{prefix}/"))
                        || address == prefix
                        || ["#main", "data:,"].contains(&address);
                    assert!(is_ours, "{at}{path}: {address}");
                }
            }
        }
        let asset = ask(&app, &format!("GET {at}/runs"), "").await.text;
        let style = asset.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
        let style = style.strip_prefix(prefix).unwrap();
        let answer = ask(&app, &format!("GET {at}{style}"), "").await;
        assert!(answer.status == 200 && answer.header("cache-control").contains("immutable"));
        let cookie = ask_with(&app, &format!("POST {at}/login"), &[], &format!("token={TOKEN}")).await;
        assert!(cookie.header("set-cookie").contains(&format!("Path={prefix};")), "{}", cookie.header("set-cookie"));
        assert_eq!(cookie.header("location"), prefix, "axum finds the first page without a slash");
    }
}

#[tokio::test]
async fn the_json_api_is_below_the_same_address_and_takes_the_same_roles() {
    let scene = Scene::in_memory();
    let id = scene.failed("no space left").await;
    let app = scene.with_token(Role::Act);
    let answer = ask(&app, &format!("GET /api/v1/runs/{id}"), "").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let value: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(value["run"]["failure"]["message"], "no space left");
    let answer = ask(&app, &format!("DELETE /api/v1/runs/{id}"), "").await;
    assert!(answer.status == 403 && answer.text.contains("administer"), "{}", answer.text);
    let answer = ask(&app, "POST /api/v1/runs", r#"{"kind": "wait", "metadata": "x"}"#).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(ask(&app, "GET /api/v1/nowhere", "").await.status, 404);
    let other = ask(&app, "PUT /api/v1/runs", "").await;
    assert!(other.status == 405 && other.text.contains("\"method_not_allowed\""), "{}", other.text);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let app = Scene::in_memory().with_token(Role::Administer);
    let body = "x".repeat(5 << 20);
    for line in ["POST /runs", "POST /api/v1/runs", "POST /login"] {
        assert_eq!(ask(&app, line, &body).await.status, 413, "{line}");
    }
    let answer = ask(&app, "POST /api/v1/runs", &body).await;
    assert!(answer.text.contains("\"too_large\""), "{}", answer.text);
}

#[test]
fn what_a_browser_loads_is_small_and_the_script_short() {
    let (style, script) = (include_str!("../../assets/dashboard.css"), include_str!("../../assets/dashboard.js"));
    assert!(style.len() + script.len() < 60 << 10, "{} + {} bytes", style.len(), script.len());
    assert!(script.lines().count() < 300, "{} lines", script.lines().count());
}
