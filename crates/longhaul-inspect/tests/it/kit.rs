//! A shop with a few kinds, on each store.

use std::sync::Arc;

use longhaul::{
    AnyError, Builder, Client, Context, ExecutionResult, Failure, Longhaul, RunId, StateKind, Store, Success,
    Suspended, Task, TaskOptions, store_api::store::GetError, testing,
};
use longhaul_inspect::{BulkActions, Inspector, RunDetail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counts up, and is done.
pub(crate) struct Count;

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CountTo {
    /// Its type has room for more.
    #[schemars(range(max = 1_000_000))]
    pub(crate) to: u64,
    #[schemars(extend("writeOnly" = true))]
    pub(crate) password: String,
}

impl Task for Count {
    const NAME: &'static str = "count";
    type Metadata = CountTo;
    type ExecutionMetadata = u64;
    type Output = u64;
    type Error = AnyError;
    async fn execute(&self, ctx: &Context<CountTo, u64>) -> ExecutionResult<u64, AnyError> {
        ctx.progress().step("counting").set(ctx.metadata().to, ctx.metadata().to);
        ctx.update(|at| *at = ctx.metadata().to);
        Success::with_result(ctx.metadata().to).for_error()
    }
    fn options() -> TaskOptions {
        TaskOptions::default().queue("numbers").schema::<Self>()
    }
}

/// Fails for good, with what it was given.
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

/// Waits until somebody approves.
pub(crate) struct Approve;

impl Task for Approve {
    const NAME: &'static str = "approve";
    type Metadata = ();
    type ExecutionMetadata = bool;
    type Output = ();
    type Error = AnyError;
    async fn execute(&self, ctx: &Context<(), bool>) -> ExecutionResult<(), AnyError> {
        if ctx.read(|asked| *asked) {
            return Success::with_result(()).for_error();
        }
        ctx.update(|asked| *asked = true);
        Suspended::for_result().for_error()
    }
}

/// A server, and what inspects it. The folder is removed when it ends.
pub(crate) struct Scene {
    pub(crate) server: Longhaul,
    pub(crate) inspector: Inspector,
    folder: Option<tempfile::TempDir>,
}

impl Scene {
    async fn on(store: Arc<dyn Store>, folder: Option<tempfile::TempDir>, more: impl Fn(Builder) -> Builder) -> Self {
        let builder = Longhaul::builder().shared_store(store.clone()).name("shop").task(Count).task(Fail).task(Approve);
        let builder = builder.task(BulkActions::new(Client::new(store)));
        let server = more(builder).start().expect("all is said");
        let inspector = Inspector::new(server.client());
        // Its first heartbeat comes from a thread of its own.
        while inspector.servers().await.expect("the store answers").is_empty() {
            tokio::task::yield_now().await;
        }
        Self { server, inspector, folder }
    }

    pub(crate) fn client(&self) -> &Client {
        self.inspector.client()
    }

    /// The run as soon as it is in this state.
    pub(crate) async fn reaches(&self, id: RunId, state: StateKind) -> RunDetail {
        let mut seen = 0;
        loop {
            let snapshot = match self.inspector.changed(id, seen).await {
                Ok(snapshot) => snapshot,
                Err(GetError::NotFound(_)) => panic!("{id} is gone"),
                Err(GetError::Store(error)) => panic!("{error}"),
            };
            seen = snapshot.run.revision;
            if snapshot.run.state.kind() == state {
                return self.inspector.detail(snapshot).await.expect("it is there");
            }
        }
    }

    async fn end(self) {
        self.server.shutdown(std::time::Duration::from_secs(30)).await;
        drop(self.folder);
    }
}

/// The same on the store in memory and on a folder.
pub(crate) async fn on_each_store<F: Future<Output = Scene>>(play: impl Fn(Scene) -> F) {
    on_each_store_with(|builder| builder, play).await;
}

/// The same with more tasks or schedules.
pub(crate) async fn on_each_store_with<F: Future<Output = Scene>>(
    more: impl Fn(Builder) -> Builder,
    play: impl Fn(Scene) -> F,
) {
    play(Scene::on(Arc::new(testing::memory_store()), None, &more).await).await.end().await;
    let folder = tempfile::tempdir().expect("a folder");
    let store = longhaul::open_async(folder.path()).await.expect("it is free");
    play(Scene::on(Arc::new(store), Some(folder), &more).await).await.end().await;
}
