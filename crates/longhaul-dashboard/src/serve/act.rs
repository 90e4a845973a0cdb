//! Forms. Each ends with the page to look at.

use std::fmt::Write;

use axum::response::Response;
use longhaul::{RunId, Scope, Selected};
use longhaul_inspect::{
    Done, InspectError, KindView, NewRunRequest, REDACTED, RunAction, RunQuery, TimeBound, api::Operation,
    form::FieldError,
};

use serde_json::Value;

use super::{
    Asked,
    show::{by, nowhere},
};
use crate::{
    form::Form,
    page::start::{self, Wrong},
    reply,
};

pub(super) async fn act(asked: &Asked<'_>, body: &[u8]) -> Response {
    let form = Form::parse(body);
    match acted(asked, &form).await {
        Ok(response) => response,
        Err(error) => asked.failed(&error),
    }
}

async fn acted(asked: &Asked<'_>, form: &Form) -> Result<Response, InspectError> {
    let (inspector, path, by) = (asked.inspector(), asked.parts.uri.path(), by(asked, form));
    if let Some(word) = path.strip_prefix("/runs/selected/") {
        return selected(asked, form, word).await;
    }
    let Ok(operation) = Operation::parse("POST", path) else { return Ok(nowhere(asked)) };
    if !asked.user.may(operation.role()) {
        return Ok(asked.forbidden(operation.role()));
    }
    let see = |page: &str, word: &str| Ok(reply::see(&asked.mount.to(format_args!("{page}?done={word}"))));
    match operation {
        Operation::Enqueue => enqueue(asked, form).await,
        Operation::Act(id, action) => {
            let Done { run, .. } = inspector.act(id, action, &by).await?;
            match run {
                Some(run) => see(&format!("/runs/{run}"), action.as_str()),
                None => see("/runs", action.as_str()),
            }
        }
        Operation::ActOnMatching(action) => {
            let query = RunQuery::parse(asked.parts.uri.query().unwrap_or_default())?;
            let selected = inspector.act_on_matching(&query, action, &by).await?;
            Ok(told(asked, &selected, &query, action))
        }
        Operation::ActOnSchedule(name, action) => {
            let done = inspector.act_on_schedule(&name, action, &by).await?;
            match done.run {
                Some(run) => see(&format!("/runs/{run}"), "enqueue"),
                None => see("/schedules", action.as_str()),
            }
        }
        Operation::ActOnQueue(queue, action) => {
            inspector.act_on_scope(&Scope::Queue(queue), action, &by).await?;
            see("/queues", action.as_str())
        }
        Operation::ActOnKind(kind, action) => {
            inspector.act_on_scope(&Scope::Kind(kind), action, &by).await?;
            see("/kinds", action.as_str())
        }
        _ => Ok(nowhere(asked)),
    }
}

async fn selected(asked: &Asked<'_>, form: &Form, word: &str) -> Result<Response, InspectError> {
    let Some(action) = RunAction::parse(word) else { return Ok(nowhere(asked)) };
    if !asked.user.may(action.role()) {
        return Ok(asked.forbidden(action.role()));
    }
    let ids: Vec<RunId> = form.all("id").filter_map(|id| id.parse().ok()).collect();
    let query = RunQuery::parse(form.get("query").unwrap_or_default())?;
    if ids.is_empty() {
        return Ok(asked.error(422, "Nothing selected", "Tick the runs that are meant first."));
    }
    let selected = asked.inspector().act_on(&ids, action, &by(asked, form)).await?;
    Ok(told(asked, &selected, &query, action))
}

/// Back to the list, or to what was refused.
fn told(asked: &Asked<'_>, selected: &Selected, query: &RunQuery, action: RunAction) -> Response {
    let Selected { matched, done, refused, .. } = selected;
    if done == matched {
        let separator = if query.to_string().is_empty() { "" } else { "&" };
        return reply::see(&asked.mount.to(format_args!("/runs?{query}{separator}done={}", action.as_str())));
    }
    let mut text = format!("{done} of {matched} runs: done. ");
    for (id, why) in refused.iter().take(10) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{id}: {why}. ");
    }
    asked.error(409, "Not all of them", &text)
}

async fn enqueue(asked: &Asked<'_>, form: &Form) -> Result<Response, InspectError> {
    let kinds = asked.inspector().kinds().await?;
    let (status, wrong) = match metadata(&kinds, form).and_then(|metadata| request(form, metadata)) {
        Err(wrong) => (422, wrong),
        Ok(request) => match asked.inspector().enqueue(&request, &by(asked, form)).await {
            Ok(id) => return Ok(reply::see(&asked.mount.to(format_args!("/runs/{id}?done=enqueue")))),
            Err(error) => {
                let field = match &error {
                    InspectError::Invalid { field, .. } => field.as_deref().unwrap_or(""),
                    InspectError::NotFound { .. } => "kind",
                    InspectError::Refused { .. } => "",
                    _ => return Err(error),
                };
                (error.status(), vec![(field.to_owned(), error.to_string())])
            }
        },
    };
    Ok(reply::html(status, start::start(&asked.view(None), &kinds, form, &wrong)))
}

/// What the run is asked, from the fields of its schema or from JSON.
fn metadata(kinds: &[KindView], form: &Form) -> Result<Value, Wrong> {
    let Some(fields) = start::fields_of(kinds, form) else {
        let text = form.get("metadata").unwrap_or("null");
        return serde_json::from_str(text).map_err(|error| wrong("metadata", format!("This is no JSON: {error}.")));
    };
    let filled = |name: &str| form.get(&format!("{}{name}", start::PREFIX)).map(str::to_owned);
    let named = |error: FieldError| (format!("{}{}", start::PREFIX, error.field), error.why);
    longhaul_inspect::form::value(&fields, filled).map_err(|all| all.into_iter().map(named).collect())
}

fn wrong(field: &str, why: impl Into<String>) -> Wrong {
    vec![(field.to_owned(), why.into())]
}

/// The run that the fields ask for, or which of them is wrong.
fn request(form: &Form, metadata: Value) -> Result<NewRunRequest, Wrong> {
    if has_redacted(&metadata) {
        return Err(wrong(
            "metadata",
            format!("Something was redacted: write what it is in the place of `{REDACTED}`."),
        ));
    }
    let mut request = NewRunRequest::new(form.get("kind").unwrap_or_default(), metadata);
    request.queue = form.get("queue").map(str::to_owned);
    let priority = form.get("priority").map(str::parse).transpose();
    request.priority = priority.map_err(|_| wrong("priority", "A number from -128 to 127."))?;
    request.at = match form.get("at").map(str::parse).transpose().map_err(|why: String| wrong("at", why))? {
        Some(TimeBound::At(at)) => Some(at),
        Some(TimeBound::Ago(_)) => return Err(wrong("at", "A time, such as 2026-11-20T21:00.")),
        None => None,
    };
    for tag in form.get("tags").unwrap_or_default().split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        let (key, value) =
            tag.split_once(':').ok_or_else(|| wrong("tags", format!("`{tag}`: a tag is written key:value.")))?;
        request.tags.insert(key.trim().to_owned(), value.trim().to_owned());
    }
    Ok(request)
}

/// A run that is to be asked again what another was asked shows what was redacted so; it must not be asked that.
fn has_redacted(value: &Value) -> bool {
    match value {
        Value::String(text) => text == REDACTED,
        Value::Array(items) => items.iter().any(has_redacted),
        Value::Object(fields) => fields.values().any(has_redacted),
        _ => false,
    }
}
