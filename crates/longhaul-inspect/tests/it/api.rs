//! The JSON API.

use longhaul::StateKind;
use longhaul_inspect::{Role, api::Operation};
use serde_json::{Value, json};

use crate::kit::{Approve, Count, CountTo, Fail, Scene, on_each_store};

async fn call(scene: &Scene, line: &str, body: &str) -> (u16, Value) {
    let (method, path) = line.split_once(' ').unwrap();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let operation = Operation::parse(method, path).unwrap();
    scene.inspector.perform(&operation, query, body.as_bytes(), "ann").await
}

#[tokio::test]
async fn every_page_has_its_json() {
    on_each_store(|scene| async {
        let id = scene.client().enqueue::<Approve>(()).await.unwrap().id();
        scene.reaches(id, StateKind::Suspended).await;
        for (line, pointer, expected) in [
            ("GET /overview", "/states/suspended", json!(1)),
            ("GET /runs?kind=approve", "/runs/0/state", json!("suspended")),
            (&format!("GET /runs/{id}"), "/explanation/reason", json!("suspended")),
            (&format!("GET /runs/{id}/log?from=0"), "/lines", json!([])),
            ("GET /schedules", "", json!([])),
            ("GET /queues", "/0/queue", json!("default")),
            ("GET /servers", "/0/name", json!("shop")),
            ("GET /kinds", "/0/kind", json!("approve")),
            ("GET /kinds/approve", "/states/suspended", json!(1)),
        ] {
            let (status, body) = call(&scene, line, "").await;
            assert_eq!((status, body.pointer(pointer)), (200, Some(&expected)), "{line}: {body}");
        }
        let (status, body) = call(&scene, &format!("POST /runs/{id}/cancel"), r#"{"reason": "no need"}"#).await;
        assert_eq!((status, &body["text"]), (200, &json!("cancelled")));
        let order = r#"{"ageing_seconds": 90.5, "fair_by_key": true}"#;
        let (status, body) = call(&scene, "POST /queues/default/limit", order).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!((&body["limits"]["ageing_seconds"], &body["limits"]["fair_by_key"]), (&json!(90.5), &json!(true)));
        let (_, body) = call(&scene, "GET /queues", "").await;
        assert_eq!(body[0]["control"]["set"]["fair_by_key"], json!(true), "{body}");
        let (status, body) = call(&scene, "POST /queues/default/limit", " null\n").await;
        assert_eq!((status, &body["set"]), (200, &json!(null)), "{body}");
        let server = scene.inspector.servers().await.unwrap()[0].id;
        let (status, body) = call(&scene, &format!("POST /servers/{server}/drain"), "").await;
        assert_eq!((status, &body["server"], &body["draining"]["by"]), (200, &json!(server), &json!("ann")), "{body}");
        let (_, body) = call(&scene, &format!("POST /servers/{server}/resume"), "").await;
        assert_eq!(body, json!({"server": server, "draining": null}));
        let (status, body) = call(&scene, "POST /runs", r#"{"kind": "approve", "metadata": null}"#).await;
        assert_eq!(status, 201, "{body}");
        scene
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_done_answers_a_code_and_a_status() {
    on_each_store(|scene| async {
        for (line, body, field) in [
            ("POST /runs/all/cancel", "", "all"),
            ("POST /runs/all/cancel?knd=", "", "knd"),
            ("POST /runs/all/cancel?kind=", "", "kind"),
            ("POST /runs/all/cancel?all=yes", "", "all"),
            ("POST /runs/all/delete?kind=count&limit=1", "", "limit"),
            ("POST /queues/default/pause", r#"{"at": "2127-01-01T00:00:00Z"}"#, "at"),
            ("POST /queues/default/pause", r#"{"page": true}"#, "page"),
            ("POST /runs/all/cancel?kind=count", r#"{"at": "2127-01-01T00:00:00Z"}"#, "at"),
            ("POST /runs/all/cancel?kind=count", r#"{"from": "start"}"#, "from"),
        ] {
            let (status, answer) = call(&scene, line, body).await;
            assert_eq!((status, answer["error"]["field"].as_str()), (422, Some(field)), "{line}: {answer}");
        }
        let (status, answer) = call(&scene, "POST /runs/all/cancel?all=true", "").await;
        assert_eq!((status, &answer["matched"]), (200, &json!(0)), "{answer}");
        for (line, field) in [
            ("POST /queues/a%20b/pause", "queue"),
            ("GET /schedules/", "name"),
            ("POST /kinds/count/keys/%FF/pause", "key"),
            ("GET /kinds/a%20b", "kind"),
        ] {
            let (method, path) = line.split_once(' ').unwrap();
            let error = Operation::parse(method, path).unwrap_err();
            assert_eq!((error.status(), error.code(), error.field()), (422, "invalid", Some(field)), "{line}: {error}");
        }
        let nobody = longhaul::RunId::from_bytes([7; 16]);
        for (line, body, status, code) in [
            (format!("GET /runs/{nobody}"), "", 404, "not_found"),
            (format!("POST /runs/{nobody}/cancel"), "", 404, "not_found"),
            (format!("POST /runs/{nobody}/cancel"), "{", 422, "invalid"),
            (format!("POST /runs/{nobody}/cancel"), r#"{"raeson": "x"}"#, 422, "invalid"),
            (format!("POST /runs/{nobody}/proceed"), r#"{"at": "soon"}"#, 422, "invalid"),
            (format!("GET /runs/{nobody}/log?attempt=x"), "", 422, "invalid"),
            ("GET /runs?state=broken".into(), "", 422, "invalid"),
            ("POST /runs".into(), r#"{"kind": "nothing"}"#, 404, "not_found"),
            ("POST /runs".into(), r#"{"kind": "count", "metadata": {"to": -1}}"#, 422, "invalid"),
            ("POST /runs".into(), r#"{"kind": "count", "colour": "red"}"#, 422, "invalid"),
            ("POST /runs/all/run-now?all=true".into(), "", 409, "refused"),
            ("POST /schedules/none/pause".into(), "", 404, "not_found"),
            ("GET /kinds/none".into(), "", 404, "not_found"),
            ("POST /queues/default/limit".into(), "[]", 422, "invalid"),
            ("POST /queues/default/limit".into(), r#"{"ageing_seconds": 0}"#, 422, "invalid"),
            ("POST /queues/default/limit".into(), r#"{"ageing_seconds": -1}"#, 422, "invalid"),
            ("POST /kinds/count/limit".into(), r#"{"ageing_seconds": 60}"#, 422, "invalid"),
            ("POST /kinds/count/limit".into(), r#"{"fair_by_key": true}"#, 422, "invalid"),
        ] {
            let (answered, value) = call(&scene, &line, body).await;
            assert_eq!((answered, value["error"]["code"].as_str()), (status, Some(code)), "{line} {body}: {value}");
        }
        scene
    })
    .await;
}

#[tokio::test]
async fn instants_of_a_schedule_are_left_out_moved_and_put_back() {
    on_each_store(|scene| async {
        let body = r#"{"name": "nightly", "kind": "fail", "metadata": "no", "cron": "0 2 * * *",
            "ending": "2126-01-01T00:00:00Z", "except": ["2126-12-25"]}"#;
        let (status, made) = call(&scene, "POST /schedules", body).await;
        assert_eq!((status, &made["when"]["except"]), (201, &json!(["2126-12-25"])), "{made}");
        assert_eq!(made["when"]["ending"], json!("2126-01-01T00:00:00Z"));
        let instants: Vec<String> = (0..5).map(|n| made["instants"][n]["at"].as_str().unwrap().to_owned()).collect();
        let at = |n: usize| &instants[n];
        let act = async |action: &str, body: Value| {
            call(&scene, &format!("POST /schedules/nightly/instants/{action}"), &body.to_string()).await
        };
        let (status, skipped) = act("skip", json!({ "instant": at(0), "reason": "the audit" })).await;
        assert_eq!((status, &skipped["instants"][0]["at"]), (200, &json!(at(1))), "{skipped}");
        let said = json!([{ "instant": at(0), "to": null, "by": "ann", "why": "the audit" }]);
        assert_eq!(skipped["exceptions"], said);
        let noon = at(2).replace("T02:", "T12:");
        let (status, moved) = act("move", json!({ "instant": at(1), "to": noon })).await;
        assert_eq!(status, 200, "{moved}");
        assert_eq!((&moved["instants"][0]["at"], &moved["instants"][1]["at"]), (&json!(at(2)), &json!(noon)));
        assert_eq!(
            (&moved["instants"][1]["moved_from"], &moved["instants"][0]["moved_from"]),
            (&json!(at(1)), &json!(null))
        );
        for (action, body, status, field, text) in [
            ("skip", json!({ "instant": at(3).replace("T02:", "T03:") }), 422, json!("instant"), "is no instant of it"),
            ("move", json!({ "instant": at(3) }), 422, json!("to"), "it is needed"),
            ("move", json!({ "instant": at(3), "to": "2020-01-01T00:00:00Z" }), 422, json!("to"), "which is past"),
            ("move", json!({ "instant": at(3), "to": at(4) }), 422, json!("to"), "another instant comes at"),
            ("restore", json!({ "instant": at(3) }), 409, json!(null), "is neither left out nor moved"),
            ("skip", json!({ "instant": at(3), "to": at(4) }), 422, json!("to"), "only an instant that is moved"),
        ] {
            let (answered, value) = act(action, body.clone()).await;
            let error = &value["error"];
            assert_eq!((answered, &error["field"]), (status, &field), "{action} {body}: {value}");
            assert!(error["text"].as_str().unwrap().contains(text), "{action} {body}: {value}");
        }
        let (_, back) = act("restore", json!({ "instant": noon })).await;
        assert_eq!(back["exceptions"], said);
        let (_, back) = act("restore", json!({ "instant": at(0) })).await;
        assert_eq!(back["instants"], made["instants"]);
        let (status, changed) = call(&scene, "POST /schedules/nightly", r#"{"except": []}"#).await;
        assert_eq!((status, &changed["when"]["except"]), (200, &json!([])));
        assert_eq!(changed["when"]["ending"], json!("2126-01-01T00:00:00Z"), "what is not said stays");
        let (status, changed) = call(&scene, "POST /schedules/nightly", r#"{"ending": null}"#).await;
        assert_eq!((status, &changed["when"]["ending"]), (200, &json!(null)), "{changed}");
        let begins = r#"{"starting": "2125-01-01T00:00:00Z", "ending": "2126-01-01T00:00:00Z"}"#;
        call(&scene, "POST /schedules/nightly", begins).await;
        let (_, changed) = call(&scene, "POST /schedules/nightly", r#"{"starting": null}"#).await;
        assert_eq!((&changed["when"]["starting"], &changed["when"]["cron"]), (&json!(null), &json!("0 2 * * *")));
        assert_eq!(changed["when"]["ending"], json!("2126-01-01T00:00:00Z"));
        let (status, refused) = call(&scene, "POST /schedules/nightly", r#"{"except": ["2026-02-30"]}"#).await;
        assert!(status == 422 && refused.to_string().contains("`2026-02-30` is no date"), "{refused}");
        scene
    })
    .await;
}

#[tokio::test]
async fn names_that_cannot_stand_in_an_address_are_refused_at_their_field() {
    on_each_store(|scene| async {
        let metadata = json!({"to": 1, "password": ""});
        let schedule = |name: &str| json!({"name": name, "kind": "count", "metadata": metadata, "every_seconds": 3600});
        let in_queue = |queue: &str| json!({"kind": "count", "queue": queue, "metadata": metadata});
        for (line, body, field) in [
            ("POST /schedules", schedule("."), "name"),
            ("POST /schedules", schedule(".."), "name"),
            ("POST /schedules", schedule("new"), "name"),
            ("POST /runs", in_queue(".."), "queue"),
        ] {
            let (status, answer) = call(&scene, line, &body.to_string()).await;
            assert_eq!((status, answer["error"]["field"].as_str()), (422, Some(field)), "{body}: {answer}");
        }
        for (line, body) in [("POST /schedules", schedule("...")), ("POST /runs", in_queue("new"))] {
            let (status, answer) = call(&scene, line, &body.to_string()).await;
            assert_eq!(status, 201, "{body}: {answer}");
        }
        scene
    })
    .await;
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_refused_with_those_that_are_there() {
    on_each_store(|scene| async {
        let id = scene.client().enqueue::<Approve>(()).await.unwrap().id();
        // A server registers its kinds before it claims.
        scene.reaches(id, StateKind::Suspended).await;
        for (line, body, text) in [
            ("POST /queues/mial/pause", "", "there is no queue `mial`; there are: default, numbers"),
            ("POST /queues/mial/resume", "", "there is no queue `mial`; there are: default, numbers"),
            ("POST /queues/mial/limit", r#"{"running": 1}"#, "there is no queue `mial`; there are: default, numbers"),
            (
                "POST /kinds/exprot/pause",
                "",
                "there is no kind `exprot`; there are: approve, count, fail, longhaul.bulk-action",
            ),
            (
                "POST /kinds/exprot/keys/7/pause",
                "",
                "there is no kind `exprot`; there are: approve, count, fail, longhaul.bulk-action",
            ),
        ] {
            let (status, answer) = call(&scene, line, body).await;
            let error = (answer["error"]["code"].as_str(), answer["error"]["text"].as_str());
            assert_eq!((status, error), (404, (Some("not_found"), Some(text))), "{line}");
        }
        // No run was in it yet: it is the queue of a kind that is registered.
        let (status, answer) = call(&scene, "POST /queues/numbers/pause", "").await;
        assert_eq!(status, 200, "{answer}");
        scene
    })
    .await;
}

#[tokio::test]
async fn tags_that_longhaul_gives_are_nobodys_to_give_and_a_wrong_field_is_named() {
    on_each_store(|scene| async {
        let run = |more: Value| {
            let mut run = json!({"kind": "count", "metadata": {"to": 1, "password": ""}});
            run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            run
        };
        let forged = json!({"tags": {"longhaul.schedule": "nightly"}});
        let mut nightly = run(forged.clone());
        (nightly["name"], nightly["every_seconds"]) = (json!("nightly"), json!(60));
        for (line, body, field, why) in [
            ("POST /runs", run(forged), Some("tags"), "longhaul's own"),
            ("POST /schedules", nightly, Some("tags"), "longhaul's own"),
            ("POST /runs", run(json!({"title": "x".repeat(300)})), Some("title"), "it has 300 bytes, of at most 256"),
            ("POST /runs", json!({"metadata": 1}), Some("kind"), "missing field `kind`"),
            ("POST /runs", run(json!({"quue": "a"})), Some("quue"), "unknown field `quue`"),
            ("POST /runs", run(json!({"priority": 1000})), Some("priority"), "expected i8"),
            ("POST /queues/default/limit", json!({"rate": {"max": "x"}}), Some("rate.max"), "expected u32"),
            ("POST /queues/default/limit", json!({"rate": {"count": 1}}), Some("rate.count"), "unknown field `count`"),
            ("GET /overview?x=1", json!({}), Some("x"), "no such parameter"),
            ("POST /runs", json!([]), None, "the body has to be a JSON object"),
        ] {
            let (status, answer) = call(&scene, line, &body.to_string()).await;
            let (said, text) =
                (answer["error"]["field"].as_str(), answer["error"]["text"].as_str().unwrap_or_default());
            assert_eq!((status, said), (422, field), "{body}: {answer}");
            assert!(text.contains(why) && !text.contains("line 1"), "{body}: {answer}");
        }
        scene
    })
    .await;
}

#[tokio::test]
async fn a_limit_key_is_paused_seen_and_resumed() {
    on_each_store(|scene| async {
        let (status, control) =
            call(&scene, "POST /kinds/count/keys/customer%207/pause", r#"{"reason": "too many requests"}"#).await;
        assert_eq!((status, &control["paused"]["by"]), (200, &json!("ann")), "{control}");
        let (_, kind) = call(&scene, "GET /kinds/count", "").await;
        assert_eq!(kind["paused_keys"][0]["key"], json!("customer 7"), "{kind}");
        assert_eq!(kind["paused_keys"][0]["paused"]["why"], json!("too many requests"));
        assert_eq!(kind["control"]["paused"], json!(null), "not the whole kind");
        let (status, _) = call(&scene, "POST /kinds/count/keys/customer%207/resume", "").await;
        assert_eq!(status, 200);
        let (_, kind) = call(&scene, "GET /kinds/count", "").await;
        assert_eq!(kind["paused_keys"], json!([]));
        scene
    })
    .await;
}

#[test]
fn each_operation_says_which_role_it_takes() {
    let id = longhaul::RunId::from_bytes([7; 16]);
    for (line, role) in [
        ("GET /overview".to_owned(), Role::View),
        ("POST /runs".into(), Role::Act),
        (format!("POST /runs/{id}/suspend"), Role::Act),
        (format!("POST /runs/{id}/delete"), Role::Administer),
        (format!("DELETE /runs/{id}"), Role::Administer),
        ("POST /runs/all/delete".into(), Role::Administer),
        ("POST /runs/all/retry".into(), Role::Act),
        ("POST /schedules/nightly/run-now".into(), Role::Act),
        ("POST /schedules/nightly/pause".into(), Role::Administer),
        ("POST /schedules/nightly/instants/skip".into(), Role::Administer),
        ("POST /queues/mail/pause".into(), Role::Administer),
        ("POST /kinds/count/resume".into(), Role::Administer),
    ] {
        let (method, path) = line.split_once(' ').unwrap();
        let operation = Operation::parse(method, path).unwrap();
        assert_eq!(operation.role(), role, "{line}");
        assert_eq!(operation.is_change(), method != "GET", "{line}");
    }
}

#[test]
fn tricks_in_a_path_lead_nowhere() {
    for path in [
        "/runs/..%2f..%2fetc%2fpasswd",
        "/runs/run_0/../../x",
        "/queues/%00/pause",
        "/queues/%ff%fe/pause",
        "/kinds/a%0ab",
        "/runs/all",
        "/runs/all/explode",
        "/",
        "",
        "/overview/more",
    ] {
        for method in ["GET", "POST", "DELETE", "PATCH", "x"] {
            assert!(Operation::parse(method, path).is_err(), "{method} {path}");
        }
    }
    let name = Operation::parse("GET", "/schedules/n%69ghtly").unwrap();
    assert_eq!(name, Operation::Schedule(longhaul::ScheduleName::new("nightly").unwrap()));
}

/// What stands behind a reference of a document.
fn behind<'a>(document: &'a Value, reference: &Value) -> &'a Value {
    let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#')).expect("it is of this document");
    document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

/// All references in a part of a document.
fn references<'a>(part: &'a Value, found: &mut Vec<&'a Value>) {
    match part {
        Value::Object(fields) => {
            found.extend(fields.get("$ref"));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_api_describes_all_of_its_paths_and_what_each_kind_is_asked() {
    on_each_store(|scene| async {
        let (status, document) = call(&scene, "GET /openapi.json", "").await;
        assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
        let mut found = Vec::new();
        references(&document, &mut found);
        for reference in found {
            assert!(behind(&document, reference).is_object(), "{reference}");
        }
        // Each path that is described is taken, with values in the place of what is in braces.
        let (mut described, id) = (0, longhaul::RunId::from_bytes([7; 16]));
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                described += 1;
                let mut path = path.clone();
                for parameter in operation["parameters"].as_array().unwrap().iter().filter(|one| one["in"] == "path") {
                    let name = parameter["name"].as_str().unwrap();
                    let server = longhaul::ServerId::from_bytes([7; 16]);
                    let value = match parameter["schema"]["enum"].get(0) {
                        Some(action) => action.as_str().unwrap().to_owned(),
                        None if path.starts_with("/servers") => server.to_string(),
                        None if name == "id" => id.to_string(),
                        None => "mail".into(),
                    };
                    path = path.replace(&format!("{{{name}}}"), &value);
                }
                let taken = Operation::parse(&method.to_uppercase(), &path);
                let taken = taken.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
                assert_eq!(taken.is_change(), method != "get", "{method} {path}");
            }
        }
        assert!(described >= 27, "only {described}");

        let body = &document["paths"]["/runs"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let kinds = behind(&document, body)["oneOf"].as_array().unwrap();
        let count = kinds.iter().find(|kind| kind["title"] == "count").expect("it is known");
        let metadata = behind(&document, &count["properties"]["metadata"]["$ref"]);
        assert_eq!(metadata["properties"]["to"]["type"], "integer");
        scene
    })
    .await;
}

#[tokio::test]
async fn a_schedule_shows_its_latest_runs_with_their_states() {
    on_each_store(|scene| async {
        let body = r#"{"name": "nightly", "kind": "fail", "metadata": "no", "cron": "0 2 * * *", "overlap": "allow"}"#;
        let (_, made) = call(&scene, "POST /schedules", body).await;
        assert_eq!(made["latest"], json!([]), "{made}");
        let mut runs = Vec::new();
        for _ in 0..12 {
            let (_, done) = call(&scene, "POST /schedules/nightly/run-now", "").await;
            let run = done["run"].as_str().unwrap().parse().unwrap();
            scene.reaches(run, StateKind::Failed).await;
            runs.push(run);
        }
        scene.client().store().delete(runs[5]).await.unwrap();
        call(&scene, "POST /queues/default/pause", "").await;
        let (_, done) = call(&scene, "POST /schedules/nightly/run-now", "").await;
        let waits = done["run"].clone();
        for (line, pointer) in [("GET /schedules/nightly", ""), ("GET /schedules", "/0")] {
            let (_, shown) = call(&scene, line, "").await;
            let latest = shown.pointer(pointer).unwrap()["latest"].as_array().unwrap().clone();
            let of = |latest: &Value| (latest["run"].clone(), latest["state"].clone(), latest["by_hand"].clone());
            let mut expected: Vec<_> = runs[3..].iter().map(|run| (json!(run), json!("failed"), json!(true))).collect();
            expected[2].1 = json!(null);
            expected.push((waits.clone(), json!("pending"), json!(true)));
            assert_eq!(latest.iter().map(of).collect::<Vec<_>>(), expected, "{line}");
        }
        scene
    })
    .await;
}

/// Where the answer to a request has a field that the description does not have, or lacks one that it has.
fn undescribed(document: &Value, line: &str, status: u16, answer: &Value) -> Vec<String> {
    let (method, path) = line.split_once(' ').unwrap();
    let path: Vec<&str> = path.split('?').next().unwrap().split('/').collect();
    let fits = |described: &str| {
        let described: Vec<&str> = described.split('/').collect();
        let same = |(described, asked): (&&str, &&str)| described == asked || described.starts_with('{');
        described.len() == path.len() && described.iter().zip(&path).all(same)
    };
    let paths = document["paths"].as_object().unwrap().iter();
    let mut found = paths.filter(|(described, of)| fits(described) && !of[method.to_lowercase()].is_null());
    // The one with the fewest parts that are captured.
    let (_, of) = found.by_ref().min_by_key(|(described, _)| described.matches('{').count()).expect(line);
    let schema = &of[method.to_lowercase()]["responses"][status.to_string()]["content"]["application/json"]["schema"];
    let mut whole = json!({"allOf": [schema], "components": document["components"]});
    close(&mut whole["components"]["schemas"]);
    longhaul::schema::check(&whole, answer).iter().map(|wrong| format!("{line}: {wrong}")).collect()
}

/// No object may have other fields than are described.
fn close(schemas: &mut Value) {
    for (name, schema) in schemas.as_object_mut().unwrap() {
        if name != "Explanation" && schema["required"].is_array() {
            schema["additionalProperties"] = json!(false);
        }
    }
}

#[tokio::test]
async fn every_answer_is_as_the_description_of_the_api_has_it() {
    on_each_store(|scene| async {
        let (_, document) = call(&scene, "GET /openapi.json", "").await;
        let waits = scene.client().enqueue::<Approve>(()).tag("customer", 7).await.unwrap().id();
        scene.reaches(waits, StateKind::Suspended).await;
        let fails = scene.client().enqueue::<Fail>("no".into()).await.unwrap().id();
        scene.reaches(fails, StateKind::Failed).await;
        let counts = scene.client().enqueue::<Count>(CountTo { to: 3, password: "x".into() }).await.unwrap().id();
        scene.reaches(counts, StateKind::Completed).await;
        let server = scene.inspector.servers().await.unwrap()[0].id;
        let nightly =
            r#"{"name": "nightly", "kind": "count", "metadata": {"to": 1, "password": ""}, "cron": "0 2 * * *"}"#;
        let mut wrong = Vec::new();
        let mut described = 0;
        for (line, body, status) in [
            ("POST /runs?dry_run=true", r#"{"kind": "count", "metadata": {"to": 3, "password": "x"}}"#, 200),
            ("POST /schedules?dry_run=true", nightly, 200),
            ("POST /runs?dry_run=true", r#"{"kind": "count", "metadata": {"to": -3, "password": "x"}}"#, 422),
            ("POST /runs?dry_run=true", r#"{"kind": "approve", "queue": "a b"}"#, 422),
            (
                "POST /schedules?dry_run=true",
                r#"{"name": "x", "kind": "approve", "every_seconds": 60, "zone": "UTC"}"#,
                422,
            ),
        ] {
            let (said, answer) = call(&scene, line, body).await;
            assert_eq!(said, status, "{line}: {answer}");
            assert!(!answer.to_string().contains("\"x\""), "a secret is not said: {answer}");
            if status == 200 {
                wrong.extend(undescribed(&document, line, status, &answer));
            }
        }
        assert_eq!(scene.client().select().kind("count").unwrap().count().await.unwrap(), 1, "nothing was enqueued");
        assert!(scene.client().schedules().list().await.unwrap().is_empty());
        for (line, body) in [
            ("POST /schedules".to_owned(), nightly),
            ("POST /schedules/nightly".into(), r#"{"priority": 3}"#),
            ("POST /queues/default/limit".into(), r#"{"running": 4, "rate": {"max": 1, "per_seconds": 60}}"#),
            ("POST /queues/default/pause".into(), r#"{"reason": "paper"}"#),
            ("POST /kinds/count/limit".into(), r#"{"per_key": 4}"#),
            ("POST /kinds/count/keys/7/pause".into(), ""),
            ("POST /runs".into(), r#"{"kind": "approve"}"#),
            ("POST /schedules/nightly/run-now".into(), ""),
            ("POST /schedules/nightly/pause".into(), ""),
            (format!("POST /servers/{server}/drain"), ""),
            ("GET /overview".into(), ""),
            ("GET /doctor".into(), ""),
            (format!("GET /ids/{}", &waits.to_string()[8..]), ""),
            ("GET /runs".into(), ""),
            ("GET /runs?tag=customer:7".into(), ""),
            (format!("GET /runs/{waits}"), ""),
            (format!("GET /runs/{fails}"), ""),
            (format!("GET /runs/{counts}"), ""),
            (format!("GET /runs/{counts}/log"), ""),
            (format!("POST /runs/{waits}/cancel"), ""),
            ("POST /runs/all/cancel?state=failed".into(), ""),
            ("POST /runs/all/cancel?state=failed".into(), r#"{"page": true}"#),
            (format!("DELETE /runs/{counts}"), ""),
            ("GET /schedules".into(), ""),
            ("GET /schedules/nightly".into(), ""),
            ("GET /queues".into(), ""),
            ("GET /servers".into(), ""),
            (format!("POST /servers/{server}/resume"), ""),
            ("GET /kinds".into(), ""),
            ("GET /kinds/count".into(), ""),
            ("DELETE /schedules/nightly".into(), ""),
        ] {
            let (status, answer) = call(&scene, &line, body).await;
            assert!(status < 300, "{line}: {answer}");
            wrong.extend(undescribed(&document, &line, status, &answer));
            described += 1;
        }
        assert_eq!((wrong, described), (vec![], 31));
        // It would be found out.
        let (_, queues) = call(&scene, "GET /queues", "").await;
        let mut other = queues.clone();
        other[0]["colour"] = json!("red");
        other[0].as_object_mut().unwrap().remove("due");
        assert_eq!(undescribed(&document, "GET /queues", 200, &other).len(), 2);
        scene
    })
    .await;
}
