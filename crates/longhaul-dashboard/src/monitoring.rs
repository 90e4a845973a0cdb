//! What a supervisor and a monitor ask: does it live, is it ready, and how much is there?

mod text;

use std::{fmt, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::State, http::Request, response::Response, routing::get};
use longhaul::{Client, ServerId};
use longhaul_inspect::Inspector;
use serde_json::json;

use crate::{clock, reply};

/// A store that takes longer to answer is not ready.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Answers a supervisor and a monitor. It asks nobody who they are and tells the names of kinds and queues, so an app
/// mounts it on purpose, at an address that only those reach.
///
/// | path | what |
/// | --- | --- |
/// | `/health/live` | 200 as long as the process answers; 503 when its server has missed its heartbeats: restart it |
/// | `/health/ready` | 200 when the store answers, and the server neither stops nor drains: send it work |
/// | `/metrics` | the runs of the store by kind, queue and state, what is due, servers; in the text format of Prometheus |
///
/// ```
/// use longhaul_dashboard::Monitoring;
/// # fn mount(client: longhaul::Client) -> axum::Router {
/// axum::Router::new().merge(Monitoring::new(client).router())
/// # }
/// ```
pub struct Monitoring {
    inspector: Inspector,
    server: Option<ServerId>,
    more: Option<Box<dyn Fn() -> String + Send + Sync>>,
}

impl fmt::Debug for Monitoring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitoring").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Monitoring {
    /// Over what this client sees.
    pub fn new(client: Client) -> Self {
        Self { inspector: Inspector::new(client), server: None, more: None }
    }

    /// This process is that server ([`Longhaul::server_id`](longhaul::Longhaul::server_id)): its heartbeats and its draining
    /// count, too.
    #[must_use]
    pub fn server(mut self, server: ServerId) -> Self {
        self.server = Some(server);
        self
    }

    /// Puts the program's own metrics behind ours, in the same format: those that longhaul counts with its feature `metrics`,
    /// for example, as `PrometheusHandle::render` of the crate `metrics-exporter-prometheus` writes them.
    #[must_use]
    pub fn metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.more = Some(Box::new(render));
        self
    }

    /// To be mounted in an app.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        Router::new()
            .route("/health/live", get(serve))
            .route("/health/ready", get(serve))
            .route("/metrics", get(serve))
            .with_state(Arc::new(self))
    }

    /// `Err`: why not.
    async fn lives(&self) -> Result<(), String> {
        let Some(server) = self.server else { return Ok(()) };
        // A store that does not answer is no reason to restart this process.
        let Some(Ok(servers)) = in_time(self.inspector.servers()).await else { return Ok(()) };
        match servers.iter().find(|view| view.id == server) {
            Some(view) if view.is_late => Err(format!("{server} has missed its heartbeats")),
            Some(_) => Ok(()),
            None if self.inspector.client().stopping().is_cancelled() => Ok(()),
            None => Err(format!("{server} is not among the servers that live")),
        }
    }

    async fn is_ready(&self) -> Result<(), String> {
        if self.inspector.client().stopping().is_cancelled() {
            return Err("it stops".into());
        }
        let servers = in_time(self.inspector.servers()).await.ok_or("the store does not answer")?;
        let servers = servers.map_err(|error| error.to_string())?;
        let Some(server) = self.server else { return Ok(()) };
        match servers.iter().find(|view| view.id == server) {
            Some(view) if view.draining.is_some() => Err("it drains".into()),
            Some(_) => Ok(()),
            None => Err(format!("{server} is not among the servers that live")),
        }
    }
}

async fn in_time<T>(of: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        answer = of => Some(answer),
        () = clock::pause(ANSWER_WITHIN) => None,
    }
}

async fn serve(State(shared): State<Arc<Monitoring>>, request: Request<Body>) -> Response {
    let health = |is_well: Result<(), String>| match is_well {
        Ok(()) => reply::json(200, &json!({ "ok": true })),
        Err(why) => reply::json(503, &json!({ "ok": false, "why": why })),
    };
    reply::guarded(match request.uri().path() {
        "/health/live" => health(shared.lives().await),
        "/health/ready" => health(shared.is_ready().await),
        _ => match in_time(text::metrics(&shared.inspector)).await {
            Some(Ok(mut text)) => {
                if let Some(more) = &shared.more {
                    text += &more();
                }
                reply::metrics(text)
            }
            Some(Err(_)) | None => reply::text(503, "the store does not answer"),
        },
    })
}
