//! A dashboard at an address, over a server in a folder.

use std::net::Ipv4Addr;

use axum::{
    http::Uri,
    response::{Html, IntoResponse},
};
use longhaul::{AnyError, Context, ExecutionResult, Longhaul, Success, Task, TaskOptions};
use longhaul_dashboard::{Options, ProgressTokens, RunProgress, dashboard};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, sync::watch};

use crate::kit::{Deliver, Fail, Invite, Wait};

/// Exports rows, as far as the test lets it.
pub(crate) struct Export {
    goal: watch::Receiver<u64>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Wanted {
    /// Which table.
    table: String,
    /// How many rows it has.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) rows: u64,
    /// Whether the file is compressed.
    #[serde(default)]
    compressed: bool,
}

impl Wanted {
    pub(crate) fn of_rows(rows: u64) -> Self {
        Self { table: "orders".into(), rows, compressed: false }
    }
}

impl Task for Export {
    const NAME: &'static str = "export";
    type Metadata = Wanted;
    type ExecutionMetadata = u64;
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Wanted, u64>) -> ExecutionResult<u64, AnyError> {
        let (rows, mut goal) = (ctx.metadata().rows, self.goal.clone());
        loop {
            let done = (*goal.borrow_and_update()).min(rows);
            ctx.update(|at| *at = done);
            ctx.progress().step("writing rows").unit("rows").set(done, rows);
            ctx.checkpoint().await?;
            if done == rows {
                return Success::with_result(rows).for_error();
            }
            ctx.until_stopped(goal.changed()).await?.expect("the test lasts longer");
        }
    }

    fn options() -> TaskOptions {
        TaskOptions::default().schema::<Self>()
    }
}

pub(crate) fn tokens() -> ProgressTokens {
    ProgressTokens::new("a secret of the shop")
}

/// A page of the app, on which a customer waits. It has a policy, too.
async fn page(uri: Uri) -> impl IntoResponse {
    let element = format!(
        "<!DOCTYPE html><html lang=en><title>Export</title><link rel=icon href='data:,'><main><h1>Export</h1>\
         <run-progress src='/progress/{}'>It is worked on.</run-progress></main>\
         <script type=module src=/progress/run-progress.js></script></html>",
        uri.path().trim_start_matches('/')
    );
    ([("content-security-policy", "default-src 'self'; img-src data:")], Html(element))
}

pub(crate) struct Site {
    pub(crate) server: Longhaul,
    pub(crate) goal: watch::Sender<u64>,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

impl Site {
    pub(crate) async fn open(options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = longhaul::open_async(folder.path()).await.expect("it is free");
        let goal = watch::Sender::new(0);
        let server = Longhaul::builder().store(store).name("shop").label("eu");
        let server = server
            .task(Fail)
            .task(Wait)
            .task(Deliver)
            .task(Invite)
            .task(Export { goal: goal.subscribe() })
            .start()
            .expect("all is said");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let app = axum::Router::new()
            .nest("/admin/tasks", dashboard(server.client(), options))
            .nest("/progress", RunProgress::new(server.client(), tokens()).router())
            .fallback(page);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { server, goal, port, _folder: folder }
    }

    /// The address of a page.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("http://localhost:{}/admin/tasks{path}", self.port)
    }
}
