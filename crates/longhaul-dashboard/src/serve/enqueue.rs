//! The form of a new run.

use axum::response::Response;
use longhaul_inspect::{InspectError, NewRunRequest};
use serde_json::Value;

use super::{
    Asked, items,
    read::{metadata, priority, refused, several, tags, time},
};
use crate::{
    form::Form,
    page::{fields::Wrong, start},
    reply,
};

pub(super) async fn enqueue(asked: &Asked<'_>, form: &Form) -> Result<Response, InspectError> {
    let known = asked.known().await?;
    if let Some(edited) = items::edited(form, &known.kinds) {
        return Ok(reply::html(200, start::start(&asked.view(None), &known, &edited, &Vec::new())));
    }
    let (status, wrong) = match metadata(&known.kinds, form).and_then(|metadata| request(form, metadata)) {
        Err(wrong) => (422, wrong),
        Ok(request) => match asked.inspector().enqueue(&request, &asked.by(form)).await {
            Ok(id) => return Ok(reply::see(&asked.mount.to(format_args!("/runs/{id}?done=enqueue")))),
            Err(error) => refused(error, &known.kinds, form)?,
        },
    };
    Ok(reply::html(status, start::start(&asked.view(None), &known, form, &wrong)))
}

/// The run that the fields ask for, or which of them is wrong.
fn request(form: &Form, metadata: Value) -> Result<NewRunRequest, Wrong> {
    let mut request = NewRunRequest::new(form.get("kind").unwrap_or_default(), metadata);
    request.title = form.get("title").map(str::to_owned);
    request.queue = form.get("queue").map(str::to_owned);
    request.priority = priority(form)?;
    request.at = time(form, "at")?;
    request.tags = tags(form)?;
    request.requires = several(form, "requires").map(str::to_owned).collect();
    Ok(request)
}
