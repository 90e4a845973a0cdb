//! Pages.

use axum::response::Response;
use longhaul::{Kind, RunId, ScheduleName, TITLE_TAG, Tag, schema};
use longhaul_inspect::{InspectError, KindView, RESERVED_TAGS, Role, RunQuery};

use super::{Asked, items, schedule};
use crate::{
    form::Form,
    live,
    page::{self, start},
    reply,
};

/// What was done, for the line at the top: only words of ours, never text from the address.
fn done(word: &str) -> Option<&'static str> {
    Some(match word {
        "suspend" => "Suspended, or asked to suspend.",
        "proceed" => "It goes on.",
        "cancel" => "Cancelled, or asked to cancel.",
        "retry" => "Retried.",
        "dismiss" => "Dismissed: the runs behind it go on.",
        "run-now" => "It is due now.",
        "delete" => "Deleted.",
        "enqueue" => "Enqueued.",
        "started" => "This run does it to all that match, and shows how far it is.",
        "create" => "Created.",
        "change" => "Saved.",
        "skip" => "That instant is left out.",
        "move" => "Moved.",
        "restore" => "It comes again when the schedule has it.",
        "drain" => "It claims nothing more, and finishes what it has.",
        "limit" => "The limits hold from now on.",
        "pause" => "Paused.",
        "resume" => "Resumed.",
        _ => return None,
    })
}

pub(super) async fn show(asked: &Asked<'_>) -> Response {
    match page(asked).await {
        Ok(response) => response,
        Err(error) => asked.failed(&error),
    }
}

/// The page that the address of `asked` leads to.
pub(super) async fn page(asked: &Asked<'_>) -> Result<Response, InspectError> {
    let inspector = asked.inspector();
    let segments: Vec<&str> = asked.path.split('/').filter(|part| !part.is_empty()).collect();
    let view = asked.view(asked.query.get("done").and_then(done));
    let markup = match segments[..] {
        [] => page::overview::overview(&view, &inspector.overview().await?),
        ["events"] => return Ok(reply::stream(asked.shared.hub.stream())),
        ["runs"] => {
            let (query, wrong) = RunQuery::read(&asked.query.without("done"));
            // A list by some of the filters is not what was asked for, and what is done to all of it was not meant.
            let list = if wrong.is_empty() { Some(inspector.runs(&query).await?) } else { None };
            let (kinds, queues) = (inspector.kinds().await?, inspector.queues().await?);
            let choices = page::runs::Choices { kinds, queues, typed: &asked.query, wrong: &wrong };
            let status = if wrong.is_empty() { 200 } else { 422 };
            return Ok(reply::html(status, page::runs::runs(&view, &query, list.as_ref(), &choices)));
        }
        ["runs", "new"] => {
            if !asked.user.may(Role::Act) {
                return Ok(asked.forbidden(Role::Act));
            }
            let known = asked.known().await?;
            start::start(&view, &known, &prefilled(asked, &known.kinds).await?, &Vec::new())
        }
        ["runs", id] => {
            let Some(id) = run_id(id) else { return Ok(asked.nowhere()) };
            let attempt = asked.query.get("attempt").and_then(|attempt| attempt.parse().ok());
            let log = inspector.log(id, attempt, 0).await?;
            page::run::run(&view, &inspector.run(id).await?, &log)
        }
        ["runs", id, "events"] => {
            let Some(id) = run_id(id) else { return Ok(asked.nowhere()) };
            let seen = asked.query.get("seen").and_then(|seen| seen.parse().ok()).unwrap_or(0);
            return Ok(reply::stream(live::run(inspector.clone(), id, seen)));
        }
        ["schedules"] => page::schedules::schedules(&view, &inspector.schedules().await?),
        ["schedules", "new"] => {
            if !asked.user.may(Role::Administer) {
                return Ok(asked.forbidden(Role::Administer));
            }
            let (known, mut values) = (asked.known().await?, asked.query.clone());
            items::put_defaults(&mut values, &known.kinds);
            page::schedule::create(&view, &known, &values, &Vec::new())
        }
        ["schedules", name] => {
            let Ok(name) = ScheduleName::new(&decoded(name)) else { return Ok(asked.nowhere()) };
            let (known, schedule) = (asked.known().await?, inspector.schedule(&name).await?);
            let values = schedule::prefilled(asked.query.clone(), &schedule, &known);
            page::schedule::schedule(&view, &schedule, &known, &values, &Vec::new())
        }
        ["queues"] => page::queues::queues(&view, &inspector.queues().await?),
        ["servers"] => page::servers::servers(&view, &inspector.servers().await?),
        ["kinds"] => page::kinds::kinds(&view, &inspector.kinds().await?),
        ["kinds", name] => {
            let Ok(kind) = Kind::new(&decoded(name)) else { return Ok(asked.nowhere()) };
            page::kinds::kind(&view, &inspector.kind(&kind).await?)
        }
        _ => return Ok(asked.nowhere()),
    };
    Ok(reply::html(200, markup))
}

/// A name in a path.
fn decoded(name: &str) -> String {
    let form = Form::parse(format!("name={}", name.replace('+', "%2B").replace('&', "%26")).as_bytes());
    form.get("name").unwrap_or_default().to_owned()
}

fn run_id(text: &str) -> Option<RunId> {
    text.parse().ok()
}

/// What the fields of a new run hold at first: what the address says, over what another run was asked.
async fn prefilled(asked: &Asked<'_>, kinds: &[KindView]) -> Result<Form, InspectError> {
    let mut form = asked.query.clone();
    let Some(id) = asked.query.get("like").and_then(run_id) else {
        items::put_defaults(&mut form, kinds);
        return Ok(form);
    };
    let like = asked.inspector().run(id).await?;
    form.put_if_missing("kind", like.run().kind.as_str());
    form.put_if_missing("queue", like.run().queue.as_str());
    form.put_if_missing("priority", &like.run().priority.0.to_string());
    let mut marked = Vec::new();
    if let Some(value) = like.values.metadata.content.value() {
        let schema = kinds.iter().find(|kind| kind.kind == like.run().kind).and_then(|kind| kind.schema.as_ref());
        // What the new metadata says is no answer to what the old one said.
        marked = schema.map(|schema| schema::tags(&schema.metadata, value)).unwrap_or_default();
        items::put_value(&mut form, kinds, value);
    }
    // Where that run came from is not where this one comes from.
    let is_own = |tag: &Tag| tag.key.starts_with(RESERVED_TAGS) && *tag.key != *TITLE_TAG;
    let said = like.run().tags.iter().filter(|tag| !marked.contains(tag) && !is_own(tag));
    let (title, tags): (Vec<_>, Vec<_>) = said.partition(|tag| *tag.key == *TITLE_TAG);
    for tag in &title {
        form.put_if_missing("title", &tag.value);
    }
    let tags: Vec<_> = tags.iter().map(|tag| format!("{}:{}", tag.key, tag.value)).collect();
    form.put_if_missing("tags", &tags.join(", "));
    Ok(form)
}
