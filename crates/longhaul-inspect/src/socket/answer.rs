//! One request and its answer.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use longhaul::CancellationToken;
use serde_json::{Value, json};

use crate::{
    Inspector,
    api::{ACTOR_HEADER, Operation, VERSION},
};

/// The most that a request may send, in bytes: above the largest metadata of a run.
pub const BODY_MAX: usize = 8 << 20;

/// Who does not say who it is.
const NOBODY: &str = "socket";

pub(super) async fn answer(
    inspector: &Inspector,
    stopping: &CancellationToken,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (status, value) = match answered(inspector, stopping, request).await {
        Ok(answer) | Err(answer) => answer,
    };
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).expect("operations answer statuses that exist");
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

type Answer = (u16, Value);

/// An `Err` is an answer too: one that came early.
async fn answered(
    inspector: &Inspector,
    stopping: &CancellationToken,
    request: Request<Incoming>,
) -> Result<Answer, Answer> {
    let (head, body) = request.into_parts();
    let path = path(head.uri.path())?;
    let Some(path) = path else { return Ok((200, about())) };
    let operation = Operation::parse(head.method.as_str(), path)
        .map_err(|error| refused(error.status(), error.code(), error.field(), &error.to_string()))?;
    let body = Limited::new(body, BODY_MAX).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            refusal(413, "too_large", &format!("a body has at most {BODY_MAX} bytes"))
        } else {
            refusal(400, "incomplete", "the body broke off")
        }
    })?;
    let (query, body) = (head.uri.query().unwrap_or_default(), body.to_bytes());
    let perform = inspector.perform(&operation, query, &body, actor(&head.headers));
    if head.method == Method::GET {
        // A read may wait for a change. A write is finished in any case.
        let answer = stopping.run_until_cancelled(perform).await;
        return answer.ok_or_else(|| refusal(503, "stopping", "the server is stopping"));
    }
    Ok(perform.await)
}

/// The path of an operation. `None`: that of the API itself.
fn path(path: &str) -> Result<Option<&str>, Answer> {
    let Some(rest) = path.strip_prefix("/api") else {
        return Err(refusal(404, "not_found", "the API is at /api/v1"));
    };
    match rest.strip_prefix('/').map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
        None if rest.is_empty() => Ok(None),
        Some((VERSION, path)) => Ok(Some(path)),
        Some(_) => {
            let version = env!("CARGO_PKG_VERSION");
            let text = format!(
                "the running program has longhaul {version}, which speaks {VERSION} of the API: use the command line \
                 of that version"
            );
            Err(refusal(404, "other_version", &text))
        }
        None => Err(refusal(404, "not_found", "the API is at /api/v1")),
    }
}

fn about() -> Value {
    json!({ "api": VERSION, "version": env!("CARGO_PKG_VERSION"), "pid": std::process::id() })
}

fn refusal(status: u16, code: &str, text: &str) -> Answer {
    refused(status, code, None, text)
}

fn refused(status: u16, code: &str, field: Option<&str>, text: &str) -> Answer {
    (status, json!({ "error": { "code": code, "field": field, "text": text } }))
}

fn actor(headers: &HeaderMap) -> &str {
    let said = headers.get(ACTOR_HEADER).and_then(|value| value.to_str().ok());
    said.filter(|actor| !actor.is_empty()).unwrap_or(NOBODY)
}
