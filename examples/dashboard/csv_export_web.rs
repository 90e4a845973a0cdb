//! A customer asks for an export, watches it, and downloads the file. Break the program off and run it again: the page of
//! the export still works, and the export goes on where it was.
//!
//! ```text
//! cargo run --release -p dashboard --example csv_export_web
//! ```

use std::{error::Error, fmt::Write as _, io::Write as _, net::Ipv4Addr, path::PathBuf, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::header,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use longhaul::{AnyError, Client, Context, ExecutionResult, Longhaul, RunId, Success, Task};
use longhaul_dashboard::{ProgressTokens, RunProgress};

const FOLDER: &str = "csv-export-data";
const ROWS: u64 = 2000;
/// Rows between two checkpoints.
const PART: u64 = 50;

/// Writes orders into a file. How far it is, in rows and bytes, is its execution metadata.
struct Export;

fn file(run: RunId) -> PathBuf {
    PathBuf::from(FOLDER).join(format!("{run}.csv"))
}

impl Task for Export {
    const NAME: &'static str = "export";
    type Metadata = u64;
    type ExecutionMetadata = (u64, u64);
    type Output = ();
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u64, (u64, u64)>) -> ExecutionResult<(), AnyError> {
        let (rows, (mut done, mut bytes)) = (*ctx.metadata(), ctx.read(|at| *at));
        let mut out =
            std::fs::OpenOptions::new().create(true).write(true).truncate(false).open(file(ctx.attempt().run))?;
        // What was written after the last checkpoint is written again.
        out.set_len(bytes)?;
        std::io::Seek::seek(&mut out, std::io::SeekFrom::End(0))?;
        while done < rows {
            let mut part = String::new();
            for order in done..(done + PART).min(rows) {
                writeln!(part, "{order},customer-{},{}", order % 97, order * 13 % 20_000)?;
            }
            out.write_all(part.as_bytes())?;
            out.sync_data()?;
            (done, bytes) = ((done + PART).min(rows), bytes + part.len() as u64);
            ctx.update(|at| *at = (done, bytes));
            ctx.progress().step("writing orders").unit("orders").set(done, rows);
            ctx.checkpoint().await?;
            pause(ctx).await?;
        }
        Success::with_result(()).for_error()
    }
}

/// The orders come from somewhere, which takes its time.
#[expect(clippy::disallowed_methods, reason = "there is no database to wait for")]
async fn pause(ctx: &Context<u64, (u64, u64)>) -> Result<(), longhaul::Interruption<AnyError>> {
    Ok(ctx.until_stopped(tokio::time::sleep(Duration::from_millis(200))).await?)
}

#[derive(Clone)]
struct Shop {
    client: Client,
    tokens: ProgressTokens,
}

async fn home() -> Html<&'static str> {
    Html("<h1>Orders</h1><form method=post action=/exports><button>Export as CSV</button></form>")
}

async fn start(State(shop): State<Shop>) -> Result<Redirect, String> {
    let run = shop.client.enqueue::<Export>(ROWS).await.map_err(|error| error.to_string())?;
    // Whoever started it gets the token, and nobody else: an address with the id of a run would be anybody's.
    let token = shop.tokens.issue(run.id(), shop.client.store().clock().now(), Duration::from_secs(3600));
    Ok(Redirect::to(&format!("/exports/{token}")))
}

impl Shop {
    fn run(&self, token: &str) -> Result<RunId, String> {
        let run = self.tokens.run(token, self.client.store().clock().now());
        run.ok_or_else(|| "there is no such export, or its page has ended".into())
    }
}

async fn show(State(shop): State<Shop>, Path(token): Path<String>) -> Result<Html<String>, String> {
    shop.run(&token)?;
    Ok(Html(format!(
        "<h1>Your export</h1><run-progress src=/progress/{token}>It is worked on.</run-progress>\
         <p><a href=/exports/{token}/file>Download</a> (as soon as it is done)</p>\
         <script type=module src=/progress/run-progress.js></script>"
    )))
}

async fn download(State(shop): State<Shop>, Path(token): Path<String>) -> Result<Response, String> {
    let run = shop.run(&token)?;
    let snapshot = shop.client.snapshot(run).await.map_err(|error| error.to_string())?;
    if snapshot.run.state.kind() != longhaul::StateKind::Completed {
        return Err("it is not done yet".into());
    }
    let rows = std::fs::read(file(run)).map_err(|error| error.to_string())?;
    Ok(([(header::CONTENT_TYPE, "text/csv"), (header::CONTENT_DISPOSITION, "attachment")], rows).into_response())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(7072);
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    println!("Open http://{}/", listener.local_addr()?);
    let server = Longhaul::builder()
        .store(longhaul::open(FOLDER)?)
        .task(Export)
        .service_fn_with_server("web", move |server, token| {
            let listener = listener.try_clone();
            async move {
                let tokens = ProgressTokens::new("a secret that stays when the program restarts");
                let shop = Shop { client: server.client(), tokens: tokens.clone() };
                let app = Router::new()
                    .route("/", get(home))
                    .route("/exports", post(start))
                    .route("/exports/{token}", get(show))
                    .route("/exports/{token}/file", get(download))
                    .with_state(shop)
                    .nest("/progress", RunProgress::new(server.client(), tokens).router());
                let listener = tokio::net::TcpListener::from_std(listener?)?;
                axum::serve(listener, app).with_graceful_shutdown(token.cancelled_owned()).await?;
                Ok::<_, AnyError>(())
            }
        })
        .start()?;
    server.run_until_signal().await?;
    Ok(())
}
