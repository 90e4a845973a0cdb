//! Who may come in, and what they may do there.

use longhaul_dashboard::{Options, Role, User};

use crate::kit::{Scene, TOKEN, ask, ask_with};

const PATHS: [&str; 9] = [
    "GET /",
    "GET /runs",
    "GET /login",
    "GET /events",
    "GET /api/v1/overview",
    "POST /runs",
    "POST /login",
    "DELETE /api/v1/runs/x",
    "GET /nowhere",
];

#[tokio::test]
async fn a_dashboard_without_authentication_answers_403_to_everything() {
    let app = Scene::in_memory().with(Options::new());
    for line in PATHS {
        assert_eq!(ask(&app, line, "").await.status, 403, "{line}");
    }
}

#[tokio::test]
async fn nothing_is_shown_to_who_has_no_token_or_a_wrong_one() {
    let scene = Scene::in_memory();
    scene.failed("no space").await;
    let app = scene.with_token(Role::Administer);
    for headers in [
        &[][..],
        &[("authorization", "Bearer 0123456789abcdeX")],
        &[("authorization", "Basic !!")],
        &[("cookie", "longhaul_session=99999999999.00")],
        &[("cookie", "longhaul_session=")],
    ] {
        for line in PATHS.into_iter().filter(|line| !line.ends_with("/login")) {
            let answer = ask_with(&app, line, headers, "").await;
            assert_eq!(answer.status, 401, "{line} {headers:?}");
            assert!(!answer.text.contains("no space") && !answer.text.contains("fail"), "{}", answer.text);
        }
    }
    assert_eq!(ask(&app, "GET /", "").await.status, 200);
}

#[tokio::test]
async fn a_token_is_swapped_for_a_cookie_that_lets_in() {
    let app = Scene::in_memory().with_token(Role::View);
    let by_form = ask_with(&app, "POST /login", &[], &format!("token={TOKEN}")).await;
    let by_address = ask_with(&app, &format!("GET /runs?token={TOKEN}&state=failed"), &[], "").await;
    assert_eq!(by_address.header("location"), "/runs?state=failed", "the token is gone from the address");
    for answer in [by_form, by_address] {
        assert_eq!(answer.status, 303);
        let set = answer.header("set-cookie");
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Path=/;"), "{set}");
        assert!(!set.contains(TOKEN), "{set}");
        let cookie = set.split(';').next().unwrap();
        assert_eq!(ask_with(&app, "GET /", &[("cookie", cookie)], "").await.status, 200);
    }
    let wrong = ask_with(&app, "POST /login", &[], "token=not-the-right-one").await;
    assert_eq!((wrong.status.as_u16(), wrong.header("set-cookie")), (401, ""));
    let out = ask(&app, "POST /logout", "").await;
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{}", out.header("set-cookie"));
    let tls = ask_with(&app, "POST /login", &[("x-forwarded-proto", "https")], &format!("token={TOKEN}")).await;
    assert!(tls.header("set-cookie").ends_with("; Secure"));
}

#[tokio::test]
async fn a_name_and_a_password_let_in_and_the_browser_is_told_to_ask() {
    let app = Scene::in_memory().with(Options::new().basic("ann", "open: sesame", Role::Act));
    let stranger = ask_with(&app, "GET /", &[], "").await;
    assert_eq!(stranger.status, 401);
    assert!(stranger.header("www-authenticate").starts_with("Basic "));
    // ann:open: sesame
    let ann = ask_with(&app, "GET /", &[("authorization", "Basic YW5uOm9wZW46IHNlc2FtZQ==")], "").await;
    assert!(ann.status == 200 && ann.text.contains("ann") && ann.text.contains("may act"), "{}", ann.text);
    // ann:wrong
    let wrong = ask_with(&app, "GET /", &[("authorization", "Basic YW5uOndyb25n")], "").await;
    assert_eq!(wrong.status, 401);
}

#[tokio::test]
async fn the_apps_own_login_decides_by_the_request() {
    let options = Options::new().hook(|request| {
        let name = request.headers.get("x-user").map(|name| name.to_str().unwrap().to_owned());
        async move { name.map(|name| User::new(name, Role::View)) }
    });
    let app = Scene::in_memory().with(options);
    assert_eq!(ask_with(&app, "GET /", &[], "").await.status, 403);
    let ann = ask_with(&app, "GET /", &[("x-user", "ann")], "").await;
    assert!(ann.status == 200 && ann.text.contains("ann"));
}

#[tokio::test]
async fn a_role_may_do_what_it_may_and_is_offered_nothing_else() {
    let scene = Scene::in_memory();
    let id = scene.waiting("x").await;
    let lines = [
        ("/runs", "kind=wait&metadata=%22x%22", Role::Act),
        ("/runs/selected/retry", &format!("id={id}") as &str, Role::Act),
        ("/runs/all/suspend?state=running", "", Role::Act),
        ("/runs/selected/delete", &format!("id={id}"), Role::Administer),
        ("/queues/other/pause", "", Role::Administer),
        ("/kinds/other/pause", "", Role::Administer),
        (&format!("/runs/{id}/cancel"), "", Role::Act),
        (&format!("/runs/{id}/delete"), "", Role::Administer),
    ];
    for role in [Role::View, Role::Act, Role::Administer] {
        let app = scene.with_token(role);
        for (path, body, needed) in lines {
            let refused = role < needed;
            for line in [format!("POST {path}"), format!("POST /api/v1{path}")] {
                let answer = ask(&app, &line, body).await;
                assert!(!refused || answer.status == 403 || answer.status == 404, "{role} {line}: {}", answer.status);
                assert!(refused || answer.status != 403, "{role} {line}: {}", answer.text);
            }
        }
        if let Ok(page) = scene.client().snapshot(id).await {
            let text = ask(&app, &format!("GET /runs/{}", page.run.id), "").await.text;
            assert_eq!(text.contains("/delete\""), role == Role::Administer, "{role}: {text}");
        }
    }
    assert_eq!(ask(&scene.with_token(Role::View), "GET /runs/new", "").await.status, 403);
}
