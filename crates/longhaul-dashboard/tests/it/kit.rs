//! A server, a dashboard over it, and somebody who asks.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, Response, StatusCode},
};
use longhaul::{
    AnyError, Client, Context, CopyStore, ExecutionResult, Failure, Longhaul, RunId, StateKind, Store, Suspended, Task,
    TaskOptions, testing,
};
use longhaul_dashboard::{Options, Role, dashboard};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

pub(crate) const TOKEN: &str = "0123456789abcdef";

/// Fails with what it was given.
pub(crate) struct Fail;

impl Task for Fail {
    const NAME: &'static str = "fail";
    type Metadata = String;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;
    async fn execute(&self, ctx: &Context<String, ()>) -> ExecutionResult<(), AnyError> {
        Failure::for_result().permanently().with_error(AnyError::msg(ctx.metadata()))
    }
}

/// Waits until it is proceeded, again and again.
pub(crate) struct Wait;

impl Task for Wait {
    const NAME: &'static str = "wait";
    type Metadata = String;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;
    async fn execute(&self, _: &Context<String, ()>) -> ExecutionResult<(), AnyError> {
        Suspended::for_result().for_error()
    }
}

/// Charges a card, with a form.
pub(crate) struct Charge;

#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Card {
    /// In cents.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) amount: u32,
    pub(crate) currency: Currency,
    #[schemars(extend("writeOnly" = true))]
    pub(crate) number: String,
    pub(crate) note: Option<String>,
    #[serde(default)]
    pub(crate) urgent: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Currency {
    /// Of Europe.
    Eur,
    /// Of America.
    Usd,
}

impl Task for Charge {
    const NAME: &'static str = "charge";
    type Metadata = Card;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;
    async fn execute(&self, _: &Context<Card, ()>) -> ExecutionResult<(), AnyError> {
        Suspended::for_result().for_error()
    }
    fn options() -> TaskOptions {
        TaskOptions::default().schema::<Self>()
    }
}

/// Delivers something, with a form that has everything.
pub(crate) struct Deliver;

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-title" = "Parcel {parcel} ({code})"))]
pub(crate) struct Delivery {
    #[schemars(extend("x-searchable" = true))]
    pub(crate) parcel: u32,
    pub(crate) to: Target,
    /// When somebody is there.
    #[serde(default)]
    pub(crate) days: Vec<Day>,
    #[serde(default)]
    pub(crate) notes: Vec<String>,
    pub(crate) within: Option<std::time::Duration>,
    #[schemars(extend("writeOnly" = true, "x-searchable" = true))]
    pub(crate) code: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Target {
    /// To a door.
    Door { street: String, floor: u8 },
    /// To a shop nearby. No text without a character is a shelf, which only the type knows.
    Shop { name: String, shelf: char },
    /// Back to who sent it.
    Sender,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Day {
    Monday,
    Tuesday,
}

impl Task for Deliver {
    const NAME: &'static str = "deliver";
    type Metadata = Delivery;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;
    async fn execute(&self, _: &Context<Delivery, ()>) -> ExecutionResult<(), AnyError> {
        Suspended::for_result().for_error()
    }
    fn options() -> TaskOptions {
        TaskOptions::default().schema::<Self>()
    }
}

/// Invites people, with a form that has a list of them.
pub(crate) struct Invite;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Invitation {
    pub(crate) subject: String,
    /// Who is invited.
    #[schemars(length(min = 1, max = 4))]
    pub(crate) people: Vec<Person>,
    /// How it is said.
    #[serde(default = "always")]
    pub(crate) politely: bool,
    #[serde(default)]
    pub(crate) notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Person {
    pub(crate) email: String,
    /// How many they bring.
    #[serde(default = "one")]
    #[schemars(range(max = 9))]
    pub(crate) guests: u32,
    #[serde(default)]
    pub(crate) speaks: bool,
    #[schemars(extend("writeOnly" = true))]
    pub(crate) code: Option<String>,
    #[serde(default)]
    pub(crate) gifts: Vec<Gift>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Gift {
    /// To read.
    Novel {
        title: String,
        pages: std::num::NonZeroU8,
        mark: char,
    },
    Flowers,
}

fn always() -> bool {
    true
}

fn one() -> u32 {
    1
}

impl Task for Invite {
    const NAME: &'static str = "invite";
    type Metadata = Invitation;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;
    async fn execute(&self, _: &Context<Invitation, ()>) -> ExecutionResult<(), AnyError> {
        Suspended::for_result().for_error()
    }
    fn options() -> TaskOptions {
        TaskOptions::default().schema::<Self>()
    }
}

pub(crate) struct Scene {
    pub(crate) server: Longhaul,
    /// The store, for what is copied into it.
    pub(crate) copy: Arc<dyn CopyStore>,
    _folder: Option<tempfile::TempDir>,
}

impl Scene {
    pub(crate) fn in_memory() -> Self {
        Self::on(Arc::new(testing::memory_store()), None)
    }

    pub(crate) async fn in_a_folder() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = longhaul::open_async(folder.path()).await.expect("it is free");
        Self::on(Arc::new(store), Some(folder))
    }

    /// `None` without a database: the test says so and goes on, except in CI.
    pub(crate) async fn in_postgres() -> Option<Self> {
        static SCHEMAS: AtomicU32 = AtomicU32::new(0);
        let Ok(url) = std::env::var("DATABASE_URL") else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "there is no PostgreSQL, and CI needs one");
            let what = "SKIPPED, a dashboard over PostgreSQL: use ./scripts/postgres run -- cargo test\n";
            // Not through the harness, which would keep it to itself.
            std::io::stderr().write_all(what.as_bytes()).expect("there is a standard error");
            return None;
        };
        let schema = format!("dashboard_{}_{}", std::process::id(), SCHEMAS.fetch_add(1, Ordering::Relaxed));
        let options = longhaul::postgres::Options::default().schema(&schema).connections(4);
        let store = longhaul::postgres::PostgresStore::connect_with(&url, options).await.expect("it is there");
        Some(Self::on(Arc::new(store), None))
    }

    /// One for each store that there is.
    pub(crate) async fn on_all_stores() -> Vec<Self> {
        [Self::in_memory(), Self::in_a_folder().await].into_iter().chain(Self::in_postgres().await).collect()
    }

    fn on<S: Store + CopyStore + 'static>(store: Arc<S>, folder: Option<tempfile::TempDir>) -> Self {
        let server = Longhaul::builder().shared_store(store.clone()).name("shop").task(Fail).task(Wait).task(Charge);
        let server = server.task(Deliver).task(Invite).start();
        Self { server: server.expect("all is said"), copy: store, _folder: folder }
    }

    pub(crate) fn client(&self) -> Client {
        self.server.client()
    }

    /// A dashboard that a token of this role opens.
    pub(crate) fn with_token(&self, role: Role) -> Router {
        self.with(Options::new().token(TOKEN, role))
    }

    pub(crate) fn with(&self, options: Options) -> Router {
        dashboard(self.client(), options)
    }

    pub(crate) async fn failed(&self, with: &str) -> RunId {
        let run = self.client().enqueue::<Fail>(with.into()).await.expect("enqueued");
        run.outcome().await.expect("it ends");
        run.id()
    }

    pub(crate) async fn waiting(&self, with: &str) -> RunId {
        let run = self.client().enqueue::<Wait>(with.into()).await.expect("enqueued");
        let mut watch = run.watch();
        while let Some(status) = watch.next().await.expect("it is there") {
            if status.state() == StateKind::Suspended {
                return run.id();
            }
        }
        panic!("it ended");
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

/// Asks with a line such as `GET /runs`, and headers as pairs.
pub(crate) async fn open(app: &Router, line: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    let (method, path) = line.split_once(' ').expect("a method and a path");
    let mut request = Request::builder().method(method).uri(path).header("accept", "text/html");
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "shop.example");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.clone().oneshot(request.body(Body::from(body.to_owned())).expect("a request")).await.expect("it answers")
}

pub(crate) async fn ask_with(app: &Router, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let (parts, body) = open(app, line, headers, body).await.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("a body");
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    Answer { status: parts.status, headers: parts.headers, text }
}

/// The same by who has the token.
pub(crate) async fn ask(app: &Router, line: &str, body: &str) -> Answer {
    ask_with(app, line, &[("authorization", &format!("Bearer {TOKEN}"))], body).await
}
