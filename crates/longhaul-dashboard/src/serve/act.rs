//! Forms. Each ends with the page to look at.

use std::fmt::Write;

use axum::response::Response;
use longhaul::{RunId, Scope, Selected};
use longhaul_inspect::{Done, InspectError, RunAction, RunQuery, ScopeAction, api::Operation};

use super::{Asked, enqueue, read::time, schedule};
use crate::{form::Form, reply};

pub(super) async fn act(asked: &Asked<'_>, body: &[u8]) -> Response {
    let form = Form::parse(body);
    match acted(asked, &form).await {
        Ok(response) => response,
        Err(error) => asked.failed(&error),
    }
}

async fn acted(asked: &Asked<'_>, form: &Form) -> Result<Response, InspectError> {
    let (inspector, path, by) = (asked.inspector(), asked.parts.uri.path(), asked.by(form));
    if let Some(word) = path.strip_prefix("/runs/selected/") {
        return selected(asked, form, word).await;
    }
    let Ok(operation) = Operation::parse("POST", path) else { return Ok(asked.nowhere()) };
    if !asked.user.may(operation.role()) {
        return Ok(asked.forbidden(operation.role()));
    }
    let see = |page: &str, word: &str| Ok(reply::see(&asked.mount.to(format_args!("{page}?done={word}"))));
    match operation {
        Operation::Enqueue => enqueue::enqueue(asked, form).await,
        Operation::CreateSchedule => schedule::create(asked, form).await,
        Operation::ChangeSchedule(name) => schedule::change(asked, &name, form).await,
        Operation::ActOnInstant(name, action) => schedule::instant(asked, &name, action, form).await,
        Operation::Act(id, action) => {
            let Done { run, .. } = inspector.act(id, action, &by).await?;
            match run {
                Some(run) => see(&format!("/runs/{run}"), action.as_str()),
                None => see("/runs", action.as_str()),
            }
        }
        Operation::ActOnMatching(action) => {
            let query = RunQuery::parse(asked.parts.uri.query().unwrap_or_default())?;
            if let Some(run) = inspector.start_matching(&query, action, &by).await? {
                return see(&format!("/runs/{run}"), "started");
            }
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
            let action = with_end(action, form)?;
            inspector.act_on_scope(&Scope::Queue(queue), action, &by).await?;
            see("/queues", action.as_str())
        }
        Operation::ActOnServer(server, action) => {
            inspector.act_on_scope(&Scope::Server(server), action, &by).await?;
            see("/servers", if action == ScopeAction::Resume { "resume" } else { "drain" })
        }
        Operation::ActOnLimitKey(of, action) => {
            inspector.act_on_scope(&of, action, &by).await?;
            see("/kinds", action.as_str())
        }
        Operation::ActOnKind(kind, action) => {
            let action = with_end(action, form)?;
            inspector.act_on_scope(&Scope::Kind(kind), action, &by).await?;
            see("/kinds", action.as_str())
        }
        _ => Ok(asked.nowhere()),
    }
}

/// A pause may end by itself.
fn with_end(action: ScopeAction, form: &Form) -> Result<ScopeAction, InspectError> {
    let wrong = |wrong: Vec<(String, String)>| InspectError::Invalid {
        field: Some("until".into()),
        why: wrong.into_iter().map(|(_, why)| why).collect(),
    };
    Ok(match action {
        ScopeAction::Pause { .. } => ScopeAction::Pause { until: time(form, "until").map_err(wrong)? },
        other => other,
    })
}

async fn selected(asked: &Asked<'_>, form: &Form, word: &str) -> Result<Response, InspectError> {
    let Some(action) = RunAction::parse(word) else { return Ok(asked.nowhere()) };
    if !asked.user.may(action.role()) {
        return Ok(asked.forbidden(action.role()));
    }
    let ids: Vec<RunId> = form.all("id").filter_map(|id| id.parse().ok()).collect();
    let query = RunQuery::parse(form.get("query").unwrap_or_default())?;
    if ids.is_empty() {
        return Ok(asked.error(422, "Nothing selected", "Tick the runs that are meant first."));
    }
    let selected = asked.inspector().act_on(&ids, action, &asked.by(form)).await?;
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
