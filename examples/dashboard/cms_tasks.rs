//! A content management system with a tab for its tasks. An administrator makes a task there: which kind, its properties, a
//! name, once or again and again, when first, and on which server. Log in, and open the tab.
//!
//! ```text
//! cargo run --release -p dashboard --example cms_tasks
//! ```
//!
//! Break it off and run it again: tasks that were made are still there, and go on.

use std::{error::Error, net::Ipv4Addr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, header},
    middleware::{Next, from_fn},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use longhaul::{AnyError, Context, ExecutionResult, Longhaul, Success, Task, TaskOptions};
use longhaul_dashboard::{Options, Role, User, dashboard};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const FOLDER: &str = "cms-tasks-data";

/// A site of the system.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Site {
    /// What customers see.
    Shop,
    /// What the press sees.
    Magazine,
}

/// Publishes pages that somebody has approved.
struct PublishPages;

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-title" = "Publish {site}"))]
struct Publish {
    /// Whose pages.
    #[schemars(extend("x-searchable" = true))]
    site: Site,
    /// Only these parts of the site, such as `news`; all without them.
    #[serde(default)]
    sections: Vec<String>,
    /// Whether the copies that caches keep are removed, too.
    #[serde(default)]
    purge_caches: bool,
}

impl Task for PublishPages {
    const NAME: &'static str = "publish-pages";
    type Metadata = Publish;
    type ExecutionMetadata = u64;
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Publish, u64>) -> ExecutionResult<u64, AnyError> {
        const PAGES: u64 = 40;
        while ctx.read(|published| *published) < PAGES {
            work(ctx).await?;
            let published = ctx.update(|published| {
                *published += 1;
                *published
            });
            ctx.progress().step("publishing").unit("pages").set(published, PAGES);
            ctx.checkpoint().await?;
        }
        Success::with_result(PAGES).for_error()
    }

    fn options() -> TaskOptions {
        TaskOptions::default().title("Publish pages").schema::<Self>()
    }
}

/// Sends what is new to readers.
struct SendDigest;

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-title" = "Digest of {site}"))]
struct Digest {
    #[schemars(extend("x-searchable" = true))]
    site: Site,
    /// Who gets it.
    to: Readers,
    /// What the mail server asks for. It is never shown.
    #[schemars(extend("writeOnly" = true))]
    smtp_password: String,
}

/// Who gets a digest.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "who", rename_all = "snake_case")]
enum Readers {
    /// All who have subscribed.
    Subscribers {
        /// In this language, as in `en`.
        language: String,
    },
    /// One address, to try it out.
    Address {
        /// Whose.
        address: String,
    },
}

impl Task for SendDigest {
    const NAME: &'static str = "send-digest";
    type Metadata = Digest;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Digest, ()>) -> ExecutionResult<(), AnyError> {
        work(ctx).await?;
        Success::with_result(()).for_error()
    }

    fn options() -> TaskOptions {
        TaskOptions::default().title("Send a digest").schema::<Self>()
    }
}

/// Pages are rendered and mails are sent, which takes its time.
#[expect(clippy::disallowed_methods, reason = "there is no site to publish")]
async fn work<M: longhaul::Payload, X: longhaul::Payload>(
    ctx: &Context<M, X>,
) -> Result<(), longhaul::Interruption<AnyError>> {
    Ok(ctx.until_stopped(tokio::time::sleep(Duration::from_millis(250))).await?)
}

/// The system's own login: whoever has the cookie is the administrator. A real one looks into its sessions.
#[derive(Clone)]
struct Administrator;

fn is_administrator(headers: &HeaderMap) -> bool {
    let cookies = headers.get(header::COOKIE).and_then(|cookies| cookies.to_str().ok());
    cookies.is_some_and(|cookies| cookies.split(';').any(|cookie| cookie.trim() == "cms=administrator"))
}

async fn who(mut request: Request, next: Next) -> Response {
    if is_administrator(request.headers()) {
        request.extensions_mut().insert(Administrator);
    }
    next.run(request).await
}

async fn admin(headers: HeaderMap) -> Html<&'static str> {
    Html(if is_administrator(&headers) {
        "<h1>Administration</h1><nav><a href=/admin>Pages</a> · <a href=/admin/tasks>Tasks</a></nav><p>40 pages wait.</p>"
    } else {
        "<h1>Administration</h1><form method=post action=/login><button>Log in as administrator</button></form>"
    })
}

async fn login() -> impl IntoResponse {
    ([(header::SET_COOKIE, "cms=administrator; Path=/; HttpOnly; SameSite=Strict")], Redirect::to("/admin"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(7073);
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    println!("Open http://{}/admin", listener.local_addr()?);

    // Two servers on one store. Each has its name as a label, so that a task can be made for one of them.
    let store: Arc<dyn longhaul::Store> = Arc::new(longhaul::open(FOLDER)?);
    let server = |name: &str| {
        Longhaul::builder().shared_store(store.clone()).name(name).label(name).task(PublishPages).task(SendDigest)
    };
    let second = server("web-2").start()?;
    let first = server("web-1")
        .service_fn_with_server("web", move |server, token| {
            let listener = listener.try_clone();
            async move {
                let options = Options::new().title("Tasks").hook(|request| {
                    let administrator = request.extensions.get::<Administrator>().cloned();
                    async move { administrator.map(|_| User::new("administrator", Role::Administer)) }
                });
                let app = Router::new()
                    .route("/admin", get(admin))
                    .route("/login", post(login))
                    .nest("/admin/tasks", dashboard(server.client(), options))
                    .layer(from_fn(who));
                let listener = tokio::net::TcpListener::from_std(listener?)?;
                axum::serve(listener, app).with_graceful_shutdown(token.cancelled_owned()).await?;
                Ok::<_, AnyError>(())
            }
        })
        .start()?;
    first.run_until_signal().await?;
    second.shutdown(Duration::from_secs(10)).await;
    Ok(())
}
