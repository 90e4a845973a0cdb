//! The API as an `OpenAPI` 3.1 document: <https://spec.openapis.org/oas/v3.1.1.html>.

use longhaul::Views;
use serde_json::{Map, Value, json};

use super::{
    answers,
    routes::{Body, ROUTES, Route},
};
use crate::{InstantAction, RunAction, ScheduleAction, ScopeAction};

/// The document. Each kind that has a schema describes what its runs are asked.
pub(super) fn document(views: &Views) -> Value {
    let mut schemas = own_schemas();
    let runs = requests(views, &mut schemas, "NewRun");
    let schedules = requests(views, &mut schemas, "ScheduleOptions");
    schemas.insert("NewRunOfAnyKind".into(), runs);
    schemas.insert("NewScheduleOfAnyKind".into(), schedules);
    let mut paths = Map::new();
    for route in ROUTES {
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        operations[route.method.to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "longhaul", "version": super::VERSION },
        // Relative to the document, wherever an app has mounted it.
        "servers": [{ "url": format!("../{}", super::VERSION) }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(route: &Route) -> Value {
    let captured = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = captured.map(|name| {
        let schema = match name {
            "action" => json!({ "type": "string", "enum": actions(route.path) }),
            _ => json!({ "type": "string" }),
        };
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    });
    let in_query = route.query.iter().map(
        |(name, about)| json!({ "name": name, "in": "query", "description": about, "schema": { "type": "string" } }),
    );
    let body = match route.body {
        Body::None => None,
        Body::Action => Some(("Action", false)),
        Body::NewRun => Some(("NewRunOfAnyKind", true)),
        Body::NewSchedule if route.path == "/schedules" => Some(("NewScheduleOfAnyKind", true)),
        Body::NewSchedule => Some(("ScheduleOptions", true)),
        Body::Instant => Some(("Instant", true)),
        Body::Limits => Some(("Limits", true)),
    };
    let status = if matches!(route.path, "/runs" | "/schedules") && route.method == "POST" { "201" } else { "200" };
    let answer = |about: &str, schema: Value| json!({ "description": about, "content": { "application/json": { "schema": schema } } });
    let mut operation = json!({
        "summary": route.about,
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            status: answer("Done.", answers::schema(route.answer)),
            "default": answer("Why not.", json!({ "$ref": "#/components/schemas/Error" })),
        },
    });
    if let ("POST", Some(preview)) = (route.method, preview(route.path)) {
        operation["responses"]["200"] = answer("It was only checked: `dry_run`.", answers::schema(preview));
    }
    if route.path == "/runs/all/{action}" {
        operation["responses"]["202"] = answer("A run does it: `as_run`.", answers::schema("Enqueued"));
    }
    if let Some((schema, is_needed)) = body {
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        operation["requestBody"] =
            json!({ "required": is_needed, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

/// What a dry run answers.
fn preview(path: &str) -> Option<&'static str> {
    match path {
        "/runs" => Some("RunPreview"),
        "/schedules" => Some("SchedulePreview"),
        _ => None,
    }
}

/// The words of the actions that a path takes.
fn actions(path: &str) -> Vec<&'static str> {
    if path.starts_with("/runs") {
        RunAction::ALL.into_iter().map(RunAction::as_str).collect()
    } else if path.contains("/instants/") {
        InstantAction::ALL.into_iter().map(InstantAction::as_str).collect()
    } else if path.starts_with("/schedules") {
        ScheduleAction::ALL.into_iter().map(ScheduleAction::as_str).collect()
    } else {
        ScopeAction::ALL.map(ScopeAction::as_str).to_vec()
    }
}

/// A request for any of the kinds that are known: `of` has what all of them share.
fn requests(views: &Views, schemas: &mut Map<String, Value>, of: &str) -> Value {
    let all = views.kinds().map(|kind| {
        let metadata = match views.schema(kind.as_str()) {
            None => json!(true),
            Some(schema) => {
                // Of a component's name the specification allows fewer characters than of a kind's.
                let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
                let name = format!("{}-metadata", kind.as_str().chars().map(allowed).collect::<String>());
                let mut metadata = schema.metadata.clone();
                at_home(&mut metadata, &format!("#/components/schemas/{name}"));
                schemas.insert(name.clone(), metadata);
                json!({ "$ref": format!("#/components/schemas/{name}") })
            }
        };
        json!({
            "title": kind,
            "allOf": [{ "$ref": format!("#/components/schemas/{of}") }],
            "properties": { "kind": { "const": kind }, "metadata": metadata },
            "required": ["kind"],
        })
    });
    match all.collect::<Vec<_>>() {
        none if none.is_empty() => json!({ "$ref": format!("#/components/schemas/{of}") }),
        some => json!({ "oneOf": some }),
    }
}

/// References within a schema lead to where it is now.
fn at_home(schema: &mut Value, home: &str) {
    match schema {
        Value::Object(fields) => {
            fields.remove("$schema");
            for (key, value) in fields {
                match value {
                    Value::String(reference) if key == "$ref" && reference.starts_with('#') => {
                        *reference = format!("{home}{}", &reference[1..]);
                    }
                    other => at_home(other, home),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| at_home(item, home)),
        _ => {}
    }
}

fn own_schemas() -> Map<String, Value> {
    let text = json!({ "type": "string" });
    let time = json!({ "type": "string", "format": "date-time" });
    let bound = json!({ "type": ["string", "null"], "format": "date-time", "description": "`null`: none." });
    let tags = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let labels = json!({ "type": "array", "items": { "type": "string" } });
    let priority = json!({ "type": "integer", "minimum": -128, "maximum": 127 });
    let rate = json!({ "type": ["object", "null"], "properties": {
        "max": { "type": "integer", "minimum": 1 }, "per_seconds": { "type": "number", "exclusiveMinimum": 0 },
    }, "required": ["max", "per_seconds"] });
    let limit = json!({ "type": ["integer", "null"], "minimum": 0 });
    let schemas = json!({
        "Action": { "type": "object", "properties": {
            "reason": text,
            "at": { "type": "string", "format": "date-time", "description": "When a proceed is due." },
            "from": { "enum": ["checkpoint", "start"], "description": "From where a retry begins." },
            "as_run": { "type": "boolean", "description": "Whether a run does it to all that match; its id is answered." },
            "page": { "type": "boolean", "description": "Whether it is done to one page of those that match; `next` of the answer is the query of the rest." },
            "until": { "type": "string", "format": "date-time", "description": "When a pause of a queue or a kind ends by itself." },
        } },
        "NewRun": { "type": "object", "properties": {
            "kind": text, "metadata": true, "title": text, "queue": text, "priority": priority, "at": time, "tags": tags,
            "requires": labels,
        } },
        "ScheduleOptions": { "type": "object", "properties": {
            "name": text, "kind": text, "metadata": true,
            "every_seconds": { "type": "number" }, "cron": text, "zone": text, "once": time, "starting": bound,
            "ending": bound, "except": { "type": "array", "items": { "type": "string", "format": "date" } },
            "missed": { "oneOf": [
                { "enum": ["skip", "once"] },
                { "type": "object", "properties": { "all": { "type": "integer" } }, "required": ["all"] },
            ] },
            "overlap": { "enum": ["skip", "queue", "allow", "cancel_running"] },
            "queue": text, "priority": priority, "tags": tags, "requires": labels,
        } },
        "Instant": { "type": "object", "properties": {
            "instant": time, "to": time, "reason": text,
        }, "required": ["instant"] },
        "Limits": { "type": ["object", "null"], "properties": {
            "running": limit, "per_key": limit, "rate": rate, "rate_per_key": rate, "weight": limit,
            "ageing_seconds": { "type": ["number", "null"], "exclusiveMinimum": 0 },
            "fair_by_key": { "type": "boolean" },
        } },
    });
    let Value::Object(mut schemas) = schemas else { unreachable!("it is an object") };
    schemas.extend(answers::schemas());
    schemas
}
