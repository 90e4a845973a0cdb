use std::convert::Infallible;

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::sse::{Event, Sse},
    routing::{get, post},
};
use futures_util::{Stream, StreamExt as _};
use longhaul::{AnyError, Builder, Context, Longhaul, RunId, ServerHandle, Success, TaskFn};

const EXPORT: TaskFn<u64, (), (), AnyError> = TaskFn::new("export");

/// Enqueues a run, and answers its id.
async fn enqueue(State(server): State<ServerHandle>) -> Result<String, StatusCode> {
    let run = server.client().enqueue_fn(EXPORT, 100).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(run.id().to_string())
}

/// How far the run is, as long as it lasts, or until the server shuts down.
async fn progress(
    State(server): State<ServerHandle>,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, StatusCode> {
    let id: RunId = id.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let progress = server.client().run_fn(EXPORT, id).progress().stream();
    Ok(Sse::new(progress.map(|told| {
        Ok(match told {
            Ok(told) => Event::default().data(format!("{} of {:?}", told.done, told.total)),
            Err(error) => Event::default().event("error").data(error.to_string()),
        })
    })))
}

/// Whether requests should come here.
async fn ready(State(server): State<ServerHandle>) -> StatusCode {
    if server.stopping().is_cancelled() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

pub(super) fn builder(listener: std::net::TcpListener) -> Builder {
    Longhaul::builder()
        .task_fn(EXPORT, |ctx: Context<u64, ()>| async move {
            ctx.progress().set(1, *ctx.metadata());
            ctx.until_stopped(std::future::pending::<()>()).await?; // … export …
            Success::with_empty_result().for_error()
        })
        .service_fn_with_server("web", move |server, token| {
            let listener = listener.try_clone();
            async move {
                let listener = tokio::net::TcpListener::from_std(listener?)?;
                let router = Router::new()
                    .route("/exports", post(enqueue))
                    .route("/exports/{id}/progress", get(progress))
                    .route("/ready", get(ready))
                    .with_state(server);
                axum::serve(listener, router).with_graceful_shutdown(token.cancelled_owned()).await?;
                Ok::<_, AnyError>(())
            }
        })
}
