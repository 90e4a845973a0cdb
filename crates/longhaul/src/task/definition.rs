//! What names a task, apart from the code that executes it.

use std::fmt::Display;

use longhaul_core::envelope::OldValue;

use super::{Task, TaskOptions};
use crate::{
    context::Context,
    outcome::ExecutionResult,
    payload::{MigrateError, Payload},
};

/// The four types of a task, whether it is a [`Task`], a [`TaskDefinition`] or a [`TaskFn`](crate::TaskFn).
///
/// ```
/// use longhaul::{AnyError, RunHandle, TaskFn, TaskTypes};
///
/// /// Works for tasks and functions alike.
/// async fn name_of<T: TaskTypes>(run: &RunHandle<T>) -> String {
///     run.id().to_string()
/// }
/// # fn is_one<T: TaskTypes>() {}
/// # is_one::<TaskFn<u64, (), (), AnyError>>();
/// ```
pub trait TaskTypes: Send + Sync + 'static {
    /// What is asked.
    type Metadata: Payload;
    /// How far a run is.
    type ExecutionMetadata: Payload + Default;
    /// The result.
    type Output: Payload;
    /// What can go wrong.
    type Error: Payload + Display;
}

impl<T: TaskDefinition> TaskTypes for T {
    type Metadata = T::Metadata;
    type ExecutionMetadata = T::ExecutionMetadata;
    type Output = T::Output;
    type Error = T::Error;
}

/// A task without the code that executes it: its name, its types and its options. It is all that a client needs, so a
/// web server can enqueue and look at runs without the dependencies of the worker.
///
/// Every [`Task`] is one, so most programs never mention this trait. Where workers and clients are different programs,
/// implement it in a crate that both use, for a type without any content, and [`Execute`] in the worker:
///
/// ```
/// use longhaul::{AnyError, Context, Execute, ExecutionResult, Longhaul, Success, TaskDefinition, testing};
/// use serde::{Deserialize, Serialize};
///
/// // In the crate that both use.
/// #[derive(Serialize, Deserialize)]
/// pub struct Picture { pub path: String }
/// pub struct Resize;
///
/// impl TaskDefinition for Resize {
///     const NAME: &'static str = "resize";
///     type Metadata = Picture;
///     type ExecutionMetadata = ();
///     type Output = u64;
///     type Error = AnyError;
/// }
///
/// // In the worker, with the dependencies that only it has.
/// struct Resizer { quality: u64 }
///
/// impl Execute<Resize> for Resizer {
///     async fn execute(&self, ctx: &Context<Picture, ()>) -> ExecutionResult<u64, AnyError> {
///         Success::with_result(ctx.metadata().path.len() as u64 * self.quality).for_error()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Longhaul::builder().store(testing::memory_store()).execute::<Resize>(Resizer { quality: 2 }).start()?;
///
/// // In the web server.
/// let run = server.client().enqueue::<Resize>(Picture { path: "cat.png".into() }).await?;
/// assert_eq!(run.outcome().await?.completed(), Some(14));
/// # Ok(())
/// # }
/// ```
///
/// The items mean the same as those of [`Task`]. A bad name is an error of the compiler, at the first use of the type:
///
/// ```compile_fail,E0080
/// # use longhaul::{AnyError, Client, RunHandle, RunId, TaskDefinition};
/// struct Spaced;
///
/// impl TaskDefinition for Spaced {
///     const NAME: &'static str = "two words";
///     type Metadata = ();
///     type ExecutionMetadata = ();
///     type Output = ();
///     type Error = AnyError;
/// }
///
/// fn run(client: &Client, id: RunId) -> RunHandle<Spaced> {
///     client.run(id)
/// }
/// # fn main() { let _: fn(&Client, RunId) -> RunHandle<Spaced> = run; }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    label = "neither `Task` nor `TaskDefinition` is implemented for `{Self}`",
    note = "implement `longhaul::Task` for it, or `longhaul::TaskDefinition` if another crate executes it; a function is enqueued with `enqueue_fn`"
)]
pub trait TaskDefinition: Send + Sync + 'static {
    /// See [`Task::NAME`].
    const NAME: &'static str;
    /// See [`Task::ALIASES`].
    const ALIASES: &'static [&'static str] = &[];
    /// See [`Task::VERSION`].
    const VERSION: u16 = 1;

    /// What is asked. Never changes once a run is enqueued.
    type Metadata: Payload;
    /// How far a run is. Its default is where a fresh run begins.
    type ExecutionMetadata: Payload + Default;
    /// The result.
    type Output: Payload;
    /// What can go wrong. Its `Display` is what people read.
    type Error: Payload + Display;

    /// See [`Task::options`].
    fn options() -> TaskOptions {
        TaskOptions::default()
    }

    /// See [`Task::limit_key`].
    fn limit_key(metadata: &Self::Metadata) -> Option<String> {
        let _ = metadata;
        None
    }

    /// See [`Task::migrate`].
    fn migrate(old: OldValue<'_>) -> Result<Self::Metadata, MigrateError> {
        Err(MigrateError::missing("migrate", old.version(), Self::VERSION))
    }

    /// See [`Task::migrate_execution_metadata`].
    fn migrate_execution_metadata(old: OldValue<'_>) -> Result<Self::ExecutionMetadata, MigrateError> {
        Err(MigrateError::missing("migrate_execution_metadata", old.version(), Self::VERSION))
    }
}

// Without this the compiler would recommend `Task` alone.
#[diagnostic::do_not_recommend]
impl<T: Task> TaskDefinition for T {
    const NAME: &'static str = T::NAME;
    const ALIASES: &'static [&'static str] = T::ALIASES;
    const VERSION: u16 = T::VERSION;
    type Metadata = T::Metadata;
    type ExecutionMetadata = T::ExecutionMetadata;
    type Output = T::Output;
    type Error = T::Error;

    fn options() -> TaskOptions {
        T::options()
    }

    fn limit_key(metadata: &T::Metadata) -> Option<String> {
        T::limit_key(metadata)
    }

    fn migrate(old: OldValue<'_>) -> Result<T::Metadata, MigrateError> {
        T::migrate(old)
    }

    fn migrate_execution_metadata(old: OldValue<'_>) -> Result<T::ExecutionMetadata, MigrateError> {
        T::migrate_execution_metadata(old)
    }
}

/// What executes the runs of a [`TaskDefinition`] that stands elsewhere. Registered with
/// [`Builder::execute`](crate::Builder::execute); the value holds what the work needs, as that of a [`Task`] does.
///
/// ```
/// # use longhaul::{AnyError, TaskDefinition};
/// # struct Greet;
/// # impl TaskDefinition for Greet {
/// #     const NAME: &'static str = "greet";
/// #     type Metadata = String;
/// #     type ExecutionMetadata = ();
/// #     type Output = ();
/// #     type Error = AnyError;
/// # }
/// use longhaul::{Context, Execute, ExecutionResult, Success};
///
/// struct Greeter;
///
/// impl Execute<Greet> for Greeter {
///     async fn execute(&self, ctx: &Context<String, ()>) -> ExecutionResult<(), AnyError> {
///         println!("hello {}", ctx.metadata());
///         Success::with_empty_result().for_error()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not execute runs of `{D}`",
    label = "`Execute<{D}>` is not implemented for `{Self}`",
    note = "implement `longhaul::Execute<{D}>` for `{Self}`, or register a `Task` with `builder.task(…)`"
)]
pub trait Execute<D: TaskDefinition>: Send + Sync + 'static {
    /// Does the work. See [`Task::execute`].
    fn execute(
        &self,
        ctx: &Context<D::Metadata, D::ExecutionMetadata>,
    ) -> impl Future<Output = ExecutionResult<D::Output, D::Error>> + Send;
}

// So that a task can be registered like any other executor.
#[diagnostic::do_not_recommend]
impl<T: Task> Execute<T> for T {
    fn execute(
        &self,
        ctx: &Context<T::Metadata, T::ExecutionMetadata>,
    ) -> impl Future<Output = ExecutionResult<T::Output, T::Error>> + Send {
        Task::execute(self, ctx)
    }
}
