//! Forms, without a script.

use longhaul::{Scope, StateKind};
use longhaul_dashboard::{Options, Role};

use crate::kit::{Fail, Scene, ask, ask_with};

#[tokio::test]
async fn each_form_does_what_it_says_in_the_name_of_who_sent_it() {
    for scene in Scene::on_all_stores().await {
        // ann:open sesame
        let ann = &[("authorization", "Basic YW5uOm9wZW4gc2VzYW1l")][..];
        let app = scene.with(Options::new().basic("ann", "open sesame", Role::Administer));
        let id = scene.waiting("x").await;
        let page = ask_with(&app, &format!("GET /runs/{id}"), ann, "").await.text;
        assert!(page.contains(&format!("action=\"/runs/{id}/cancel\"")), "{page}");

        let cancelled = ask_with(&app, &format!("POST /runs/{id}/cancel"), ann, "reason=no+need").await;
        assert_eq!(cancelled.status, 303);
        assert_eq!(cancelled.header("location"), format!("/runs/{id}?done=cancel"));
        let page = ask_with(&app, &format!("GET {}", cancelled.header("location")), ann, "").await.text;
        assert!(page.contains("Cancelled by ann") && page.contains("no need"), "{page}");
        assert!(page.contains("role=\"status\""), "{page}");

        let again = ask_with(&app, &format!("POST /runs/{id}/cancel"), ann, "").await;
        assert_eq!(again.status, 409, "{}", again.text);
        for part in ["role=\"alert\"", "<h2>Timeline</h2>", &format!("data-address=\"/runs/{id}\"")] {
            assert!(again.text.contains(part), "it is said on the page of the run: {part}: {}", again.text);
        }

        let paused = ask_with(&app, "POST /queues/default/pause", ann, "reason=paper").await;
        assert_eq!(paused.header("location"), "/queues?done=pause");
        let controls = scene.client().controls().await.unwrap();
        let control = controls.get(&Scope::Queue(longhaul::Queue::default())).unwrap();
        assert_eq!(
            control.paused.as_ref().map(|paused| (&*paused.by, paused.why.as_deref())),
            Some(("ann", Some("paper")))
        );
        ask_with(&app, "POST /queues/default/resume", ann, "").await;

        let deleted = ask_with(&app, &format!("POST /runs/{id}/delete"), ann, "").await;
        assert_eq!(deleted.header("location"), "/runs?done=delete");
        assert_eq!(ask_with(&app, &format!("GET /runs/{id}"), ann, "").await.status, 404);
    }
}

#[tokio::test]
async fn a_run_is_enqueued_by_a_form_and_a_wrong_field_says_so_and_keeps_what_was_typed() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Act);
    let body = "kind=wait&metadata=%22hello%22&priority=3&tags=customer%3A7%2C+month%3A11&queue=&at=&title=For+Ann";
    let answer = ask(&app, "POST /runs", body).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let id = answer.header("location").trim_start_matches("/runs/").split('?').next().unwrap().parse().unwrap();
    let run = scene.client().snapshot(id).await.unwrap().run;
    assert_eq!((run.priority.0, run.tags.len()), (3, 3));
    let listed = ask(&app, "GET /runs", "").await.text;
    assert!(
        listed.contains(&format!("</a> <a class=\"title\" href=\"/runs/{id}\">For Ann</a>"))
            && !listed.contains("longhaul.title"),
        "{listed}"
    );
    let page = ask(&app, &format!("GET /runs/{id}"), "").await.text;
    assert!(page.contains("<h1>wait For Ann") && !page.contains("longhaul.title"), "{page}");

    for (body, field) in [
        ("kind=wait&metadata={", "metadata"),
        ("kind=wait&metadata=7", "metadata"),
        ("kind=wait&metadata=%22%5Bredacted%5D%22", "metadata"),
        ("kind=nothing&metadata=%22typed%22", "kind"),
        ("kind=wait&metadata=%22typed%22&priority=1000", "priority"),
        ("kind=wait&metadata=%22typed%22&at=soon", "at"),
        ("kind=wait&metadata=%22typed%22&tags=untagged", "tags"),
        ("kind=wait&metadata=%22typed%22&queue=a%00b", "queue"),
    ] {
        let answer = ask(&app, "POST /runs", body).await;
        assert!(answer.status.is_client_error(), "{body}: {}", answer.status);
        assert!(answer.text.contains(&format!("id=\"wrong-{field}\"")), "{body}: {}", answer.text);
        assert!(!body.contains("typed") || answer.text.contains("typed"), "{body}: {}", answer.text);
    }
    let like = ask(&app, &format!("GET /runs/new?like={id}"), "").await.text;
    assert!(
        like.contains("&quot;hello&quot;") && like.contains("customer:7") && like.contains("value=\"For Ann\""),
        "{like}"
    );
    let by_address = ask(&app, "GET /runs/new?kind=wait&metadata=%22there%22", "").await.text;
    assert!(by_address.contains("&quot;there&quot;"), "{by_address}");
}

#[tokio::test]
async fn many_runs_are_acted_on_by_ticks_or_by_filters() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Administer);
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(scene.waiting("x").await);
    }
    let body = format!("id={}&id={}&query=kind%3Dwait&reason=too+many", ids[0], ids[1]);
    let answer = ask(&app, "POST /runs/selected/cancel", &body).await;
    assert_eq!(answer.header("location"), "/runs?kind=wait&done=cancel");
    let list = ask(&app, &format!("GET {}", answer.header("location")), "").await;
    assert_eq!(list.status, 200, "{}", list.text);
    let client = scene.client();
    let state = async |id| client.snapshot(id).await.unwrap().run.state.kind();
    assert_eq!((state(ids[1]).await, state(ids[2]).await), (StateKind::Cancelled, StateKind::Suspended));

    let answer = ask(&app, "POST /runs/all/cancel?state=suspended", "").await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert_eq!((state(ids[2]).await, state(ids[3]).await), (StateKind::Cancelled, StateKind::Cancelled));

    let none = ask(&app, "POST /runs/selected/cancel", "query=kind%3Dwait&reason=dear").await;
    assert_eq!(none.status, 422);
    let address = "data-address=\"/runs?kind=wait\"";
    for part in ["Tick the runs that are meant first.", "value=\"dear\"", "<table class=\"runs\">", address] {
        assert!(none.text.contains(part), "{part}: {}", none.text);
    }
    let refused = ask(&app, "POST /runs/selected/cancel", &format!("id={}", ids[0])).await;
    assert!(refused.status == 409 && refused.text.contains("done to 0 of 1"), "{}", refused.text);
    let ticked = format!("name=\"id\" value=\"{}\" checked", ids[0]);
    assert!(refused.text.contains(&ticked), "what was ticked stays: {}", refused.text);
}

#[tokio::test]
async fn what_is_refused_is_said_where_it_was_asked_and_what_was_typed_stays() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Administer);
    let id = scene.waiting("x").await;
    let past = ask(&app, "POST /queues/default/pause", "reason=paper&until=2020-01-01T00:00").await;
    assert_eq!(past.status, 422);
    for part in [
        "<h1>Queues</h1>",
        "<details class=\"ask\" open>",
        "value=\"paper\"",
        "value=\"2020-01-01T00:00\" aria-invalid=\"true\"",
        "id=\"wrong-until\">This time has passed.",
        "data-address=\"/queues\"",
    ] {
        assert!(past.text.contains(part), "{part}: {}", past.text);
    }
    assert_eq!(past.text.matches("value=\"paper\"").count(), 1, "in the form that was sent: {}", past.text);

    let bad = ask(&app, "GET /runs?kind=wait&tag=customer&state=broken&order=oldest", "").await;
    assert_eq!(bad.status, 422);
    for part in [
        "value=\"customer\" aria-invalid=\"true\"",
        "id=\"wrong-tag\">A tag is written `key:value`.",
        "`state`: ",
        "<option selected>wait</option>",
        "value=\"oldest\" selected",
        ">Clear</a>",
    ] {
        assert!(bad.text.contains(part), "{part}: {}", bad.text);
    }
    assert!(!bad.text.contains(&id.to_string()), "not the runs of some of the filters: {}", bad.text);
    let unknown = ask(&app, "GET /runs?kind=nope&queue=nowhere", "").await.text;
    assert!(
        unknown.contains("<option selected>nope</option>") && unknown.contains("<option selected>nowhere</option>"),
        "{unknown}"
    );
    let both = ask(&app, "GET /runs?tag=a:1&tag=b:2", "").await.text;
    assert!(
        both.contains("value=\"a:1\"") && both.contains("<input type=\"hidden\" name=\"tag\" value=\"b:2\">"),
        "{both}"
    );

    // What it was about is gone: there is no page to say it on.
    let gone = ask(&app, "POST /runs/run_00000000000000000000000000/cancel", "").await;
    assert!(gone.status == 404 && gone.text.contains("<h1>Not found</h1>"), "{}", gone.text);
}

#[tokio::test]
async fn limits_are_set_and_given_back_on_pages() {
    for scene in Scene::on_all_stores().await {
        let app = scene.with_token(Role::Administer);
        scene.waiting("x").await;
        let body = "running=4&rate=10%2F1m&weight=2&ageing=10m&fair_by_key=true";
        let set = ask(&app, "POST /queues/default/limit", body).await;
        assert_eq!(set.header("location"), "/queues?done=limit", "{}", set.text);
        let page = ask(&app, "GET /queues?done=limit", "").await.text;
        for part in [
            "4 at once, 10 per 1 min, weight 2, one level per 10 min, keys take turns",
            "The limits hold from now on.",
            "name=\"running\" placeholder=\"4\" value=\"4\"",
            "name=\"rate\" placeholder=\"100/60s\" value=\"10/60s\"",
            "name=\"ageing\" placeholder=\"10m\" value=\"10m\"",
            "name=\"fair_by_key\" value=\"true\" checked",
            "Those of the code",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let reset = ask(&app, "POST /queues/default/limit", "running=4&reset=true").await;
        assert_eq!(reset.status, 303, "{}", reset.text);
        let controls = scene.client().controls().await.unwrap();
        let control = controls.get(&Scope::Queue(longhaul::Queue::default()));
        assert_eq!(control.and_then(|control| control.set), None);

        let set = ask(&app, "POST /kinds/wait/limit", "running=&per_key=1&rate_per_key=5%2Fh").await;
        assert_eq!(set.header("location"), "/kinds?done=limit", "{}", set.text);
        let page = ask(&app, "GET /kinds/wait", "").await.text;
        assert!(page.contains("1 per key, 5 per 1 h per key"), "{page}");
        for (path, body, field, why) in [
            ("/kinds/wait", "running=many", "running", "`many` is no number that is possible here."),
            ("/kinds/wait", "running=0", "running", "0 lets nothing start: pause it instead."),
            ("/kinds/wait", "rate=fast", "rate", "`fast` is no rate: write 100/60s, 10/1m or 5/h."),
            ("/queues/default", "weight=70000", "weight", "`70000` is no number that is possible here."),
            ("/queues/default", "ageing=9999d", "ageing", "from 1 ms to 366 days"),
        ] {
            let wrong = ask(&app, &format!("POST {path}/limit"), body).await;
            let said = wrong.text.split(&format!("id=\"wrong-{field}\">")).nth(1).unwrap_or_default();
            assert!(wrong.status == 422 && said.contains(why), "{body}: {}", wrong.text);
        }
        let viewer = scene.with_token(Role::Act);
        assert_eq!(ask(&viewer, "POST /queues/default/limit", "running=1").await.status, 403);
        assert!(!ask(&viewer, "GET /queues", "").await.text.contains("name=\"running\""));
    }
}

#[tokio::test]
async fn pills_count_what_the_other_filters_leave_and_many_are_told_by_state() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Administer);
    for _ in 0..2 {
        scene.waiting("x").await;
    }
    let failed = scene.client().enqueue::<Fail>("no".into()).await.unwrap();
    failed.outcome().await.unwrap();
    let pill = |page: &str, state: &str| {
        let pill =
            page.split(&format!("class=\"state {state}\"")).nth(1).unwrap().split("</a>").next().unwrap().to_owned();
        pill.split("class=\"muted\">").nth(1).map(|count| count.split('<').next().unwrap().to_owned())
    };
    let all = ask(&app, "GET /runs", "").await.text;
    assert_eq!((pill(&all, "suspended").as_deref(), pill(&all, "failed").as_deref()), (Some("2"), Some("1")));
    let of_kind = ask(&app, "GET /runs?kind=wait&state=suspended", "").await.text;
    assert_eq!((pill(&of_kind, "suspended").as_deref(), pill(&of_kind, "failed").as_deref()), (Some("2"), Some("0")));
    assert!(
        of_kind.contains("all 2 runs that match the filters, on whatever page they are (2 suspended)"),
        "{of_kind}"
    );
    assert!(all.contains("(2 suspended, 1 failed)"), "{all}");
    let tagged = ask(&app, "GET /runs?kind=wait&from=1d", "").await.text;
    assert_eq!(pill(&tagged, "suspended"), None, "nobody has counted these: {tagged}");
}

#[tokio::test]
async fn a_kind_with_a_schema_has_a_form_of_its_fields() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Act);
    let empty = ask(&app, "GET /runs/new?kind=charge&m.amount=70", "").await.text;
    for part in [
        "type=\"number\" name=\"m.amount\" value=\"70\" required",
        "max=\"1000\"",
        "In cents.",
        "<select name=\"m.currency\"",
        "eur – Of Europe.",
        "type=\"password\" name=\"m.number\"",
        "type=\"checkbox\" name=\"m.urgent\"",
    ] {
        assert!(empty.contains(part), "{part}: {empty}");
    }

    let body = "kind=charge&m.amount=70&m.currency=usd&m.number=4111-secret&m.note=&m.urgent=true";
    let answer = ask(&app, "POST /runs", body).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let id = answer.header("location").trim_start_matches("/runs/").split('?').next().unwrap().parse().unwrap();
    let snapshot = scene.client().snapshot(id).await.unwrap();
    let kept: serde_json::Value = serde_json::from_slice(snapshot.metadata.body()).unwrap();
    let expected = serde_json::json!({
        "amount": 70, "currency": "usd", "number": "4111-secret", "note": null, "urgent": true
    });
    assert_eq!(kept, expected);

    let page = ask(&app, &format!("GET /runs/{id}"), "").await.text;
    assert!(page.contains("[redacted]") && !page.contains("4111-secret"), "{page}");
    let like = ask(&app, &format!("GET /runs/new?like={id}"), "").await.text;
    assert!(like.contains("value=\"70\"") && like.contains("<option value=\"usd\" selected"), "{like}");
    assert!(!like.contains("4111-secret") && !like.contains("[redacted]"), "a secret is filled in anew: {like}");

    let wrong = ask(&app, "POST /runs", "kind=charge&m.amount=7000&m.currency=yen&m.note=kept").await;
    assert_eq!(wrong.status, 422);
    for part in
        ["id=\"wrong-m.amount\">At most 1000.", "id=\"wrong-m.currency\"", "id=\"wrong-m.number\"", "value=\"kept\""]
    {
        assert!(wrong.text.contains(part), "{part}: {}", wrong.text);
    }
    let json = ask(&app, "GET /runs/new?kind=charge&as=json", "").await.text;
    assert!(json.contains("<textarea"), "{json}");
}

#[tokio::test]
async fn a_pause_of_a_queue_or_a_kind_ends_when_the_form_says() {
    for scene in Scene::on_all_stores().await {
        let app = scene.with_token(Role::Administer);
        scene.waiting("x").await;
        for (path, scope) in [
            ("/queues/default", Scope::Queue(longhaul::Queue::default())),
            ("/kinds/wait", Scope::Kind(longhaul::Kind::new("wait").unwrap())),
        ] {
            let list = path.rsplit_once('/').unwrap().0;
            let page = ask(&app, &format!("GET {list}"), "").await.text;
            assert!(page.contains("name=\"until\" type=\"datetime-local\""), "{list}: {page}");
            let body = "reason=paper&until=2126-01-01T08:00";
            let answer = ask(&app, &format!("POST {path}/pause"), body).await;
            assert_eq!(answer.header("location"), format!("{list}?done=pause"), "{}", answer.text);
            let controls = scene.client().controls().await.unwrap();
            let until = controls.get(&scope).unwrap().paused.as_ref().unwrap().until;
            assert_eq!(until, Some("2126-01-01T08:00:00Z".parse().unwrap()), "{path}");
            let page = ask(&app, &format!("GET {list}"), "").await.text;
            assert!(page.contains(", ends <time datetime=\"2126-01-01T08:00:00Z\""), "{list}: {page}");
            for (until, why) in [
                ("2020-01-01T08:00", "This time has passed."),
                ("soon", "`soon` is no time: write one"),
                ("2h", "`2h` is no time"),
            ] {
                let refused = ask(&app, &format!("POST {path}/pause"), &format!("until={until}")).await;
                assert!(refused.status == 422 && refused.text.contains(why), "{until}: {}", refused.text);
            }
            ask(&app, &format!("POST {path}/resume"), "").await;
            ask(&app, &format!("POST {path}/pause"), "until=").await;
            let controls = scene.client().controls().await.unwrap();
            assert_eq!(controls.get(&scope).unwrap().paused.as_ref().unwrap().until, None, "{path}");
            ask(&app, &format!("POST {path}/resume"), "").await;
        }
    }
}

#[tokio::test]
async fn a_run_that_stops_its_order_key_has_a_button_that_dismisses_it() {
    for scene in Scene::on_all_stores().await {
        let app = scene.with_token(Role::Act);
        let client = scene.client();
        let first = client.enqueue::<Fail>("no".into()).ordered_by("account 7").await.unwrap();
        let second = client.enqueue::<Fail>("no".into()).ordered_by("account 7").await.unwrap();
        first.outcome().await.unwrap();
        let action = format!("action=\"/runs/{}/dismiss\"", first.id());
        let page = ask(&app, &format!("GET /runs/{}", first.id()), "").await.text;
        assert!(page.contains(&action), "{page}");
        assert_eq!(second.status().await.unwrap().state(), StateKind::Pending);
        let answer = ask(&app, &format!("POST /runs/{}/dismiss", first.id()), "").await;
        assert_eq!(answer.header("location"), format!("/runs/{}?done=dismiss", first.id()), "{}", answer.text);
        second.outcome().await.unwrap();
        let page = ask(&app, &format!("GET /runs/{}?done=dismiss", first.id()), "").await.text;
        assert!(page.contains("Dismissed: the runs behind it go on.") && !page.contains(&action), "{page}");
        let again = ask(&app, &format!("POST /runs/{}/dismiss", first.id()), "").await;
        assert_eq!(again.status, 409, "{}", again.text);
    }
}
