//! What users implement.

mod definition;
mod function;
#[cfg(feature = "schema")]
mod json_schema;
mod options;
mod schema;

use std::fmt::Display;

use longhaul_core::envelope::OldValue;

use crate::{
    context::Context,
    outcome::ExecutionResult,
    payload::{MigrateError, Payload},
};

pub(crate) use self::schema::Published;
pub use self::{
    definition::{Execute, TaskDefinition, TaskTypes},
    function::TaskFn,
    options::TaskOptions,
    schema::KindSchema,
};

/// A kind of background work, with four types: what is asked (`Metadata`), how far it is (`ExecutionMetadata`), and how
/// it ends (`Output`, `Error`).
///
/// The value that implements it holds what the work needs: a pool, a client, settings. One value serves all runs of the
/// kind, at the same time.
///
/// ```
/// use longhaul::{AnyError, Context, ExecutionResult, Success, Task};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Count { to: u64 }
/// #[derive(Serialize, Deserialize, Default)]
/// struct Cursor { at: u64 }
///
/// struct CountUp;
///
/// impl Task for CountUp {
///     const NAME: &'static str = "count-up";
///     type Metadata = Count;
///     type ExecutionMetadata = Cursor;
///     type Output = u64;
///     type Error = AnyError;
///
///     async fn execute(&self, ctx: &Context<Count, Cursor>) -> ExecutionResult<u64, AnyError> {
///         while ctx.read(|cursor| cursor.at) < ctx.metadata().to {
///             ctx.update(|cursor| cursor.at += 1);
///             ctx.checkpoint().await?; // after this, no crash goes back behind it
///         }
///         Success::with_result(ctx.read(|cursor| cursor.at)).for_error()
///     }
/// }
/// ```
///
/// A program that only enqueues does not need this code, nor what it depends on: [`TaskDefinition`] is the part of a
/// task that it needs, and every task is one.
///
/// # At least once
/// An attempt may be interrupted at any await, or between any two instructions when its process dies; the next one
/// begins with the execution metadata that was stored last. So the code between two checkpoints may run twice: make it
/// repeatable (the guide, "Resuming and idempotency").
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    label = "`Task` is not implemented for `{Self}`",
    note = "implement `longhaul::Task` for it, or register a function with `builder.task_fn(\"name\", |ctx| async move {{ … }})`"
)]
pub trait Task: Send + Sync + 'static {
    /// The kind: what a stored run is matched to this code by. It is stored with every run, so it must not change; when
    /// it has to, put the old name into [`ALIASES`](Task::ALIASES). 1 to 128 bytes of ASCII letters, digits and
    /// `- _ . : /`: another name does not compile.
    const NAME: &'static str;
    /// Former names, under which runs may still be stored.
    const ALIASES: &'static [&'static str] = &[];
    /// The version of the shapes of the metadata and the execution metadata. Raise it when one of them changes, and write
    /// [`migrate`](Task::migrate). A shape that changed without it is detected, and the run is parked as Incompatible
    /// instead of misread.
    const VERSION: u16 = 1;

    /// What is asked. Never changes once a run is enqueued.
    type Metadata: Payload;
    /// How far a run is. Its default is where a fresh run begins.
    type ExecutionMetadata: Payload + Default;
    /// The result.
    type Output: Payload;
    /// What can go wrong. Its `Display` is what people read.
    type Error: Payload + Display;

    /// Does the work: from the beginning, or from where the execution metadata says. Runs once per attempt.
    fn execute(
        &self,
        ctx: &Context<Self::Metadata, Self::ExecutionMetadata>,
    ) -> impl Future<Output = ExecutionResult<Self::Output, Self::Error>> + Send;

    /// How runs of this kind are treated, unless [`Enqueue`](crate::Enqueue) says otherwise.
    fn options() -> TaskOptions {
        TaskOptions::default()
    }

    /// The key by which runs of this kind share a limit: a tenant, an account. Runs with the same key are limited
    /// together by [`TaskOptions::per_key_max`] and [`TaskOptions::rate_per_key`].
    fn limit_key(metadata: &Self::Metadata) -> Option<String> {
        let _ = metadata;
        None
    }

    /// Reads metadata that was stored under an older [`VERSION`](Task::VERSION). Called only for values whose shape
    /// differs from the current one. When it fails, the run is parked as Incompatible; nothing is lost.
    fn migrate(old: OldValue<'_>) -> Result<Self::Metadata, MigrateError> {
        Err(MigrateError::missing("migrate", old.version(), Self::VERSION))
    }

    /// The same for execution metadata.
    fn migrate_execution_metadata(old: OldValue<'_>) -> Result<Self::ExecutionMetadata, MigrateError> {
        Err(MigrateError::missing("migrate_execution_metadata", old.version(), Self::VERSION))
    }
}
