//! The progress of one run, for somebody who has no right to anything else: a customer who waits for an export.

mod token;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Method, Request,
        header::{ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN, VARY},
        request::Parts,
    },
    response::Response,
    routing::any,
};
use longhaul::{Client, GetError, Progress, RunId, StoreError, Timestamp, run::Snapshot};
use serde_json::{Value, json};

pub use token::ProgressTokens;

use crate::{clock, live, reply};

const SCRIPT: &str = include_str!("../assets/run-progress.js");

/// Shows the progress of single runs to whoever has a [token](ProgressTokens) for one. It is a part of an app of its own
/// beside the dashboard, without its logins.
///
/// | path | what |
/// | --- | --- |
/// | `/{token}` | the state and the progress, as JSON |
/// | `/{token}/events` | the same as an event stream: now, and with each change, until the run is final or the token ends |
/// | `/run-progress.js` | the element `<run-progress src="…/{token}">`, which shows it on a page |
///
/// Nothing else of the run is told: neither its kind nor its values nor an error. What a task writes into its progress (the
/// step, the message, the unit) is.
///
/// ```
/// use longhaul_dashboard::{ProgressTokens, RunProgress};
/// # fn mount(client: longhaul::Client) -> axum::Router {
/// let tokens = ProgressTokens::new("a long random secret");
/// axum::Router::new().nest("/progress", RunProgress::new(client, tokens).origin("https://shop.example").router())
/// # }
/// ```
#[derive(Debug)]
pub struct RunProgress {
    client: Client,
    tokens: ProgressTokens,
    origins: Vec<String>,
}

impl RunProgress {
    /// Of the runs that this client sees.
    pub fn new(client: Client, tokens: ProgressTokens) -> Self {
        Self { client, tokens, origins: Vec::new() }
    }

    /// Pages of this origin may ask too (CORS), such as `https://shop.example`; `*`: pages of any. Without it, only pages
    /// of the app's own.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// To be mounted in an app.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        Router::new().route("/{*path}", any(serve)).with_state(Arc::new(self))
    }

    /// What a page of another site is told of whether it may read the answer.
    fn allows(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.origins.iter().any(|origin| origin == "*") {
            return Some(HeaderValue::from_static("*"));
        }
        let asks = headers.get(ORIGIN)?;
        self.origins.iter().any(|origin| asks == origin).then(|| asks.clone())
    }
}

async fn serve(State(shared): State<Arc<RunProgress>>, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    let allows = shared.allows(&parts.headers);
    let mut response = reply::guarded(answer(&shared, &parts).await);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("origin"));
    if let Some(allows) = allows {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allows);
    }
    response
}

async fn answer(shared: &RunProgress, request: &Parts) -> Response {
    if request.method != Method::GET && request.method != Method::HEAD {
        return reply::text(405, "this is only to be read");
    }
    let path = request.uri.path().trim_start_matches('/');
    if path == "run-progress.js" {
        return reply::script(SCRIPT.as_bytes());
    }
    let (token, wants_events) = match path.strip_suffix("/events") {
        Some(token) => (token, true),
        None => (path, false),
    };
    let now = shared.client.store().clock().now();
    // Whether the run is there is nobody's business without a token.
    let Some((run, ends)) = shared.tokens.read(token, now) else {
        return reply::json(403, &json!({ "error": "this is no token, or it has ended" }));
    };
    if wants_events {
        return reply::stream(stream(shared.client.clone(), run, ends));
    }
    match shared.client.snapshot(run).await {
        Ok(snapshot) => reply::json(200, &shown(&snapshot)),
        Err(GetError::NotFound(_)) => reply::json(404, &json!({ "error": "the run was removed" })),
        Err(GetError::Store(_)) => reply::json(503, &json!({ "error": "try again" })),
    }
}

/// All that is told of a run.
fn shown(snapshot: &Snapshot) -> Value {
    let state = snapshot.run.state.kind();
    let progress: Option<&Progress> = snapshot.run.progress.as_ref();
    json!({ "state": state.as_str(), "is_final": state.is_final(), "progress": progress })
}

/// Where a stream is.
enum At {
    /// The revision that was told; 0: none.
    Seen(u64),
    Ended,
}

fn stream(client: Client, run: RunId, ends: Timestamp) -> Body {
    let stopping = client.stopping();
    live::events((client, stopping, At::Seen(0)), move |(client, stopping, at)| async move {
        let At::Seen(seen) = at else { return None };
        let left = ends.since(client.store().clock().now());
        if left.is_zero() {
            return Some((String::from("event: ended\ndata: 1\n\n"), (client, stopping, At::Ended)));
        }
        let changed = tokio::select! {
            biased;
            () = stopping.cancelled() => return None,
            changed = client.store().changed(run, seen) => Some(changed),
            () = clock::pause(live::KEEP_ALIVE.min(left)) => None,
        };
        match changed {
            Some(Ok(snapshot)) => {
                let at = if snapshot.run.state.kind().is_final() { At::Ended } else { At::Seen(snapshot.run.revision) };
                let event = if matches!(at, At::Ended) { "event: ended\n" } else { "" };
                Some((format!("{event}data: {}\n\n", shown(&snapshot)), (client, stopping, at)))
            }
            None | Some(Err(GetError::Store(StoreError::TimedOut { .. }))) => {
                Some((":\n\n".into(), (client, stopping, At::Seen(seen))))
            }
            Some(Err(GetError::NotFound(_))) => {
                Some(("event: ended\ndata: 1\n\n".into(), (client, stopping, At::Ended)))
            }
            // The browser connects again by itself.
            Some(Err(GetError::Store(_))) => None,
        }
    })
}
