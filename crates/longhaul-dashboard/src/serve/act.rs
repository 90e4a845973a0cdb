//! Forms. Each ends with the page to look at.

use std::fmt::Write;

use axum::{
    http::{StatusCode, header::REFERER},
    response::Response,
};
use longhaul::{RunId, Scope, Selected};
use longhaul_inspect::{Done, InspectError, RunAction, RunQuery, ScheduleAction, ScopeAction, api::Operation, words};

use super::{Asked, enqueue, limit, read::time, schedule, show};
use crate::{form::Form, mount::segment, page::Tried, reply};

/// Of so many refused runs it is said why.
const TOLD_MAX: usize = 10;

pub(super) async fn act(asked: &Asked<'_>, body: &[u8]) -> Response {
    let form = Form::parse(body);
    match acted(asked, &form).await {
        Ok(response) => response,
        Err(error) => again(asked, &form, &error).await,
    }
}

/// The page with the form that was refused, and why. What was typed stays.
async fn again(asked: &Asked<'_>, form: &Form, error: &InspectError) -> Response {
    let (path, query) = page_with(asked, form);
    let field = match error {
        InspectError::Invalid { field, .. } => field.clone(),
        _ => None,
    };
    let separator = if query.is_empty() { "" } else { "?" };
    let tried = Tried {
        action: asked.mount.to(&asked.path),
        form: form.clone(),
        field,
        why: words::sentence(&error.to_string()),
        page: asked.mount.to(format_args!("{path}{separator}{query}")),
    };
    let again = Asked { path, query: Form::parse(query.as_bytes()), tried: Some(tried), ..*asked };
    match show::page(&again).await {
        Ok(mut page) if page.status() == StatusCode::OK => {
            *page.status_mut() = reply::status(error.status());
            page
        }
        // What it was about is gone, or the store is away.
        _ => asked.failed(error),
    }
}

/// The page that a form is on, with its query.
fn page_with(asked: &Asked<'_>, form: &Form) -> (String, String) {
    let page = match Operation::parse("POST", &asked.path) {
        Ok(Operation::Act(id, _)) => format!("/runs/{id}"),
        Ok(Operation::ActOnMatching(_)) => return ("/runs".into(), asked.query.without("done")),
        Ok(Operation::ActOnSchedule(name, _)) => of_one(asked, "/schedules", name.as_str()),
        Ok(Operation::ActOnInstant(name, _)) => format!("/schedules/{}", segment(name.as_str())),
        Ok(Operation::ActOnQueue(..)) => "/queues".into(),
        Ok(Operation::ActOnServer(..)) => "/servers".into(),
        Ok(Operation::ActOnKind(kind, _)) => page_of(asked, &Scope::Kind(kind)),
        Ok(Operation::ActOnLimitKey(of, _) | Operation::Limit(of)) => page_of(asked, &of),
        _ => return ("/runs".into(), form.get("query").unwrap_or_default().to_owned()),
    };
    (page, String::new())
}

/// The page with the buttons for a queue, a kind or a limit key.
fn page_of(asked: &Asked<'_>, of: &Scope) -> String {
    match of {
        Scope::Queue(_) => "/queues".into(),
        Scope::Kind(kind) => of_one(asked, "/kinds", kind.as_str()),
        Scope::LimitKey(kind, _) => format!("/kinds/{}", segment(kind.as_str())),
        Scope::Server(_) => "/servers".into(),
    }
}

/// The same buttons are in a list and on the page of one: the browser says where it was.
fn of_one(asked: &Asked<'_>, list: &str, name: &str) -> String {
    let one = format!("{list}/{}", segment(name));
    let from = asked.parts.headers.get(REFERER).and_then(|from| from.to_str().ok()).unwrap_or_default();
    let from = from.split(['?', '#']).next().unwrap_or_default();
    if from.ends_with(&asked.mount.to(&one)) { one } else { list.to_owned() }
}

async fn acted(asked: &Asked<'_>, form: &Form) -> Result<Response, InspectError> {
    let (inspector, path, by) = (asked.inspector(), &*asked.path, asked.by(form));
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
            told(asked, &selected, &query, action)
        }
        Operation::ActOnSchedule(name, action) => {
            let done = inspector.act_on_schedule(&name, action, &by).await?;
            match done.run {
                Some(run) => see(&format!("/runs/{run}"), "enqueue"),
                None if action == ScheduleAction::Delete => see("/schedules", action.as_str()),
                None => see(&of_one(asked, "/schedules", name.as_str()), action.as_str()),
            }
        }
        Operation::ActOnQueue(queue, action) => on_scope(asked, form, &Scope::Queue(queue), action).await,
        Operation::ActOnKind(kind, action) => on_scope(asked, form, &Scope::Kind(kind), action).await,
        Operation::ActOnLimitKey(of, action) => on_scope(asked, form, &of, action).await,
        Operation::ActOnServer(server, action) => on_scope(asked, form, &Scope::Server(server), action).await,
        Operation::Limit(scope) => {
            let request = limit::request(form)?;
            inspector.limit(&scope, request, &by).await?;
            see(&page_of(asked, &scope), "limit")
        }
        _ => Ok(asked.nowhere()),
    }
}

async fn on_scope(
    asked: &Asked<'_>,
    form: &Form,
    scope: &Scope,
    action: ScopeAction,
) -> Result<Response, InspectError> {
    let action = with_end(action, form)?;
    asked.inspector().act_on_scope(scope, action, &asked.by(form)).await?;
    let word = match (scope, action) {
        (Scope::Server(_), ScopeAction::Pause { .. }) => "drain",
        (_, action) => action.as_str(),
    };
    Ok(reply::see(&asked.mount.to(format_args!("{}?done={word}", page_of(asked, scope)))))
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
        return Err(InspectError::Invalid { field: None, why: "tick the runs that are meant first".into() });
    }
    let selected = asked.inspector().act_on(&ids, action, &asked.by(form)).await?;
    told(asked, &selected, &query, action)
}

/// Back to the list, or what was refused.
fn told(asked: &Asked<'_>, selected: &Selected, query: &RunQuery, action: RunAction) -> Result<Response, InspectError> {
    let Selected { matched, done, refused, .. } = selected;
    if done == matched {
        let separator = if query.to_string().is_empty() { "" } else { "&" };
        return Ok(reply::see(&asked.mount.to(format_args!("/runs?{query}{separator}done={}", action.as_str()))));
    }
    let mut text = format!("{}: done to {done} of {matched} runs", action.as_str());
    for (id, why) in refused.iter().take(TOLD_MAX) {
        // Most reasons begin with it. Writing to a string cannot fail.
        let which = if why.starts_with(&id.to_string()) { String::new() } else { format!("{id}: ") };
        let _ = write!(text, ". {which}{why}");
    }
    if refused.len() > TOLD_MAX {
        let _ = write!(text, ". And {} more", refused.len() - TOLD_MAX);
    }
    Err(InspectError::Refused { why: text })
}
