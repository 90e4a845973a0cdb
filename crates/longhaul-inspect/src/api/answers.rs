//! What is answered, for the description of the API.
//!
//! A test holds each answer against this table, and each field of an answer has to be in it.

use serde_json::{Map, Value, json};

/// The objects that answers are made of. The type of a field is `text`, `time`, `integer`, `number`, `boolean`, `any`, a
/// name of another object, or a list of one of these in brackets; with `?` it may be `null`. A name with `?` may be
/// missing.
const OBJECTS: &[(&str, &[(&str, &str)])] = &[
    (
        "StateCounts",
        &[
            ("pending", "integer"),
            ("running", "integer"),
            ("retrying", "integer"),
            ("suspended", "integer"),
            ("completed", "integer"),
            ("failed", "integer"),
            ("cancelled", "integer"),
            ("incompatible", "integer"),
        ],
    ),
    (
        "Overview",
        &[
            ("now", "time"),
            ("states", "StateCounts"),
            ("due", "integer"),
            ("oldest", "time?"),
            ("oldest_queue", "text?"),
            ("oldest_is_paused", "boolean"),
            ("servers", "integer"),
            ("minutes", "[Minute]"),
            ("warnings", "[Warning]"),
            ("running", "[RunRow]"),
            ("failed", "[RunRow]"),
        ],
    ),
    (
        "Minute",
        &[
            ("starts", "time"),
            ("enqueued", "integer"),
            ("started", "integer"),
            ("retried", "integer"),
            ("completed", "integer"),
            ("failed", "integer"),
            ("cancelled", "integer"),
        ],
    ),
    ("Warning", &[("code", "text"), ("about", "text?"), ("text", "text")]),
    ("Doctor", &[("now", "time"), ("runs_read", "integer"), ("warnings", "[Warning]")]),
    ("FoundIds", &[("ids", "[text]"), ("searched", "integer"), ("is_complete", "boolean")]),
    (
        "RunList",
        &[
            ("runs", "[RunRow]"),
            ("damaged", "[Damaged]"),
            ("next", "text?"),
            ("total", "integer?"),
            ("states", "StateCounts?"),
        ],
    ),
    ("Damaged", &[("id", "text"), ("why", "text")]),
    (
        "RunRow",
        &[
            ("id", "text"),
            ("kind", "text"),
            ("version", "integer"),
            ("queue", "text"),
            ("priority", "integer"),
            ("tags", "[Tag]"),
            ("state", "text"),
            ("server", "text?"),
            ("due", "time?"),
            ("created", "time"),
            ("since", "time"),
            ("attempts", "integer"),
            ("counts", "Counts"),
            ("progress", "Progress?"),
            ("predecessor", "text?"),
            ("successor", "text?"),
            ("values_waiting", "integer"),
            ("revision", "integer"),
        ],
    ),
    ("Tag", &[("key", "text"), ("value", "text")]),
    (
        "Counts",
        &[
            ("failures", "integer"),
            ("crashes", "integer"),
            ("interruptions", "integer"),
            ("suspensions", "integer"),
            ("restarts_without_progress", "integer"),
        ],
    ),
    (
        "Progress",
        &[
            ("step", "text"),
            ("done", "integer"),
            ("total", "integer?"),
            ("unit", "text"),
            ("message", "text"),
            ("rate", "number?"),
            ("fraction", "number?"),
            ("left_seconds", "number?"),
        ],
    ),
    (
        "RunDetail",
        &[
            ("run", "Run"),
            ("values", "Values"),
            ("explanation", "Explanation"),
            ("children", "Children"),
            ("attempts", "[Attempt]"),
            ("actions", "[text]"),
            ("now", "time"),
        ],
    ),
    (
        "Run",
        &[
            ("id", "text"),
            ("kind", "text"),
            ("version", "integer"),
            ("queue", "text"),
            ("priority", "integer"),
            ("tags", "[Tag]"),
            ("unique_key", "text?"),
            ("limit_key", "text?"),
            ("requires", "[text]"),
            ("timeout_seconds", "number?"),
            ("created", "time"),
            ("state", "text"),
            ("since", "time"),
            ("due", "time?"),
            ("deadline", "time?"),
            ("expires", "time?"),
            ("values_waiting", "integer"),
            ("awaits", "[text]"),
            ("parent?", "text"),
            ("child_name?", "text"),
            ("awaits_runs?", "text"),
            ("server", "text?"),
            ("asked_to", "text?"),
            ("attempts", "integer"),
            ("predecessor", "text?"),
            ("successor", "text?"),
            ("counts", "Counts"),
            ("progress", "Progress?"),
            ("revision", "integer"),
            ("failure", "Failure?"),
            ("cancel_reason", "text?"),
            ("incompatible", "text?"),
            ("history", "History"),
        ],
    ),
    (
        "Failure",
        &[("cause", "text"), ("message", "text"), ("details", "text?"), ("attempt", "integer"), ("at", "time")],
    ),
    ("History", &[("lines", "[HistoryLine]"), ("dropped", "integer")]),
    (
        "HistoryLine",
        &[
            ("at", "time"),
            ("attempt", "integer"),
            ("what", "text"),
            ("why", "text?"),
            ("by", "text?"),
            ("server", "text?"),
            ("lasted_seconds", "number?"),
            ("text", "text"),
        ],
    ),
    (
        "Values",
        &[
            ("metadata", "ShownValue"),
            ("initial", "ShownValue?"),
            ("execution_metadata", "ShownValue?"),
            ("result", "ShownValue?"),
            ("error", "ShownValue?"),
        ],
    ),
    (
        "ShownValue",
        &[
            ("value", "any"),
            ("content", "text"),
            ("codec", "text"),
            ("version", "integer"),
            ("bytes", "integer"),
            ("text", "text?"),
        ],
    ),
    // What it is about stands beside these two, by its reason.
    ("Explanation", &[("reason", "text"), ("text", "text"), ("*", "any")]),
    ("Children", &[("total", "integer"), ("completed", "integer"), ("failed", "integer"), ("cancelled", "integer")]),
    (
        "Attempt",
        &[
            ("attempt", "integer"),
            ("server", "text"),
            ("started", "time"),
            ("ended", "time?"),
            ("end", "text?"),
            ("why", "text?"),
        ],
    ),
    (
        "Log",
        &[
            ("attempts", "[integer]"),
            ("attempt", "integer?"),
            ("first", "integer"),
            ("next", "integer"),
            ("lines", "[LogLine]"),
        ],
    ),
    ("LogLine", &[("at", "time"), ("level", "text"), ("target", "text"), ("text", "text")]),
    ("Enqueued", &[("run", "text")]),
    (
        "RunPreview",
        &[
            ("kind", "text"),
            ("queue", "text"),
            ("priority", "integer"),
            ("at", "time?"),
            ("tags", "[Tag]"),
            ("requires", "[text]"),
            ("metadata", "any"),
        ],
    ),
    ("SchedulePreview", &[("next", "time?")]),
    ("Done", &[("run", "text?"), ("text", "text")]),
    // With `as_run` it is `Enqueued`, and `next` is there with `page` only.
    ("Selected", &[("matched", "integer"), ("done", "integer"), ("refused", "[RefusedRun]"), ("next?", "text?")]),
    ("RefusedRun", &[("id", "text"), ("text", "text")]),
    (
        "Schedule",
        &[
            ("name", "text"),
            ("kind", "text"),
            ("queue", "text"),
            ("priority", "integer"),
            ("tags", "[Tag]"),
            ("requires", "[text]"),
            ("limit_key", "text?"),
            ("made_by", "MadeBy"),
            ("changed", "Changed?"),
            ("paused", "Paused?"),
            ("next", "time?"),
            ("unfinished", "[text]"),
            ("waiting", "integer"),
            ("last_runs", "[text]"),
            ("counts", "ScheduleCounts"),
            ("exceptions", "[Exception]"),
            ("text", "text"),
            ("when", "When"),
            ("metadata", "ShownValue"),
            ("instants", "[ScheduleInstant]"),
            ("latest", "[LatestRun]"),
            ("actions", "[text]"),
        ],
    ),
    ("MadeBy", &[("by", "text"), ("server", "text?"), ("text", "text")]),
    ("Changed", &[("at", "time"), ("by", "text")]),
    ("ScheduleCounts", &[("enqueued", "integer"), ("missed", "integer"), ("overlapped", "integer")]),
    ("Exception", &[("instant", "time"), ("to", "time?"), ("by", "text"), ("why", "text?")]),
    (
        "When",
        &[
            ("every_seconds", "number?"),
            ("cron", "text?"),
            ("zone", "text?"),
            ("once", "time?"),
            ("starting", "time?"),
            ("ending", "time?"),
            ("except", "[text]"),
            ("missed", "any"),
            ("overlap", "text"),
        ],
    ),
    ("ScheduleInstant", &[("at", "time"), ("offset_seconds", "integer"), ("moved_from", "time?"), ("text", "text")]),
    ("LatestRun", &[("run", "text"), ("at", "time"), ("by_hand", "boolean"), ("state", "text?")]),
    (
        "Queue",
        &[
            ("queue", "text"),
            ("states", "StateCounts"),
            ("due", "integer"),
            ("oldest", "time?"),
            ("control", "Control"),
        ],
    ),
    (
        "Control",
        &[("paused", "Paused?"), ("limits", "ShownLimits"), ("declared", "ShownLimits"), ("set", "ShownLimits?")],
    ),
    ("Paused", &[("at", "time"), ("by", "text"), ("why", "text?"), ("until", "time?")]),
    (
        "ShownLimits",
        &[
            ("running", "integer?"),
            ("per_key", "integer?"),
            ("rate", "Rate?"),
            ("rate_per_key", "Rate?"),
            ("weight", "integer?"),
            ("ageing_seconds", "number?"),
            ("fair_by_key", "boolean"),
        ],
    ),
    ("Rate", &[("max", "integer"), ("per_seconds", "number")]),
    (
        "Server",
        &[
            ("id", "text"),
            ("name", "text"),
            ("labels", "[text]"),
            ("kinds", "[ServerKind]"),
            ("last_beat", "time"),
            ("lives_until", "time"),
            ("is_late", "boolean"),
            ("draining", "Paused?"),
            ("running", "[ServerRun]"),
        ],
    ),
    ("ServerKind", &[("kind", "text"), ("version", "integer")]),
    ("ServerRun", &[("id", "text"), ("kind", "text"), ("queue", "text"), ("since", "time")]),
    ("Drain", &[("server", "text"), ("draining", "Paused?")]),
    (
        "Kind",
        &[
            ("kind", "text"),
            ("states", "StateCounts"),
            ("servers", "integer"),
            ("versions", "[integer]"),
            ("control", "Control"),
            ("paused_keys", "[PausedKey]"),
            ("is_known", "boolean"),
            ("can_start", "boolean"),
            ("codec", "text?"),
            ("schema", "KindSchema?"),
            ("searchable", "[text]"),
            ("incompatible", "[IncompatibleRun]"),
        ],
    ),
    ("PausedKey", &[("key", "text"), ("paused", "Paused")]),
    ("KindSchema", &[("metadata", "any"), ("execution_metadata", "any"), ("result", "any"), ("error", "any")]),
    ("IncompatibleRun", &[("id", "text"), ("version", "integer"), ("why", "text")]),
    ("Error", &[("error", "ErrorOf")]),
    ("ErrorOf", &[("code", "text"), ("field", "text?"), ("text", "text")]),
];

/// The schemas of all of them, by their names.
pub(super) fn schemas() -> Map<String, Value> {
    OBJECTS.iter().map(|(name, fields)| ((*name).to_owned(), object(fields))).collect()
}

fn object(fields: &[(&str, &str)]) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, of) in fields.iter().filter(|(name, _)| *name != "*") {
        let whole = name.strip_suffix('?');
        if whole.is_none() {
            required.push(*name);
        }
        properties.insert(whole.unwrap_or(name).to_owned(), schema(of));
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The schema of a type of the table.
pub(super) fn schema(of: &str) -> Value {
    if let Some(item) = of.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return json!({ "type": "array", "items": schema(item) });
    }
    let (base, is_nullable) = of.strip_suffix('?').map_or((of, false), |base| (base, true));
    let plain = |kind: &str| if is_nullable { json!({ "type": [kind, "null"] }) } else { json!({ "type": kind }) };
    match base {
        "any" => json!(true),
        "text" => plain("string"),
        "time" => {
            let mut time = plain("string");
            time["format"] = json!("date-time");
            time
        }
        "integer" | "number" | "boolean" => plain(base),
        name => {
            let target = json!({ "$ref": format!("#/components/schemas/{name}") });
            if is_nullable { json!({ "anyOf": [target, { "type": "null" }] }) } else { target }
        }
    }
}
