//! The JSON API.

use longhaul::StateKind;
use longhaul_inspect::{Role, api::Operation};
use serde_json::{Value, json};

use crate::kit::{Approve, Scene, on_each_store};

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
        let (status, body) = call(&scene, "POST /runs", r#"{"kind": "approve", "metadata": null}"#).await;
        assert_eq!(status, 201, "{body}");
        scene
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_done_answers_a_code_and_a_status() {
    on_each_store(|scene| async {
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
            ("POST /runs/all/run-now".into(), "", 409, "refused"),
            ("POST /schedules/none/pause".into(), "", 404, "not_found"),
            ("GET /kinds/none".into(), "", 404, "not_found"),
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
