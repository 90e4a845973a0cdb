//! What carries a continuation out.

use std::{pin::Pin, sync::Arc};

use longhaul_core::RunId;

use super::{Continuation, EnqueueThen, Follows};
use crate::{
    AnyError,
    builder::Builder,
    builders::{Cancellation, Success, Suspended},
    client::{OutcomeError, RunOutcome},
    context::Context,
    outcome::ExecutionResult,
    task::TaskDefinition,
};

impl Builder {
    /// Carries out this continuation: `mapping` is given what the run of `A` was asked and how it ended, whatever its end,
    /// and gives the metadata of the run of `T` that follows; `None`: nothing follows.
    ///
    /// It is a task of the continuation's name, and a run of it waits for the run of `A`. So a server without it leaves
    /// such runs alone, as those of every task that it does not have, and they wait for one that has it; a mapping that
    /// panics is retried. What it gave first holds, so it need not give the same twice. This server need have neither `A`
    /// nor `T`.
    ///
    /// ```
    /// use longhaul::{Continuation, Longhaul, RunOutcome, doc::{Count, CountUp}};
    ///
    /// const AGAIN: Continuation<CountUp, CountUp> = Continuation::new("again");
    ///
    /// let builder = Longhaul::builder().task(CountUp).then(AGAIN, |asked: Count, outcome| match outcome {
    ///     RunOutcome::Completed(_) => None,
    ///     RunOutcome::Failed { .. } | RunOutcome::Cancelled { .. } => Some(Count { to: asked.to / 2 }),
    /// });
    /// ```
    pub fn then<A: TaskDefinition, T: TaskDefinition>(
        self,
        continuation: Continuation<A, T>,
        mapping: impl Fn(A::Metadata, RunOutcome<A::Output, A::Error>) -> Option<T::Metadata> + Send + Sync + 'static,
    ) -> Self {
        self.task_fn(continuation.task(), carry_out(continuation, mapping))
    }
}

/// What executes the runs of a continuation.
pub(crate) fn carry_out<A: TaskDefinition, T: TaskDefinition>(
    _: Continuation<A, T>,
    mapping: impl Fn(A::Metadata, RunOutcome<A::Output, A::Error>) -> Option<T::Metadata> + Send + Sync + 'static,
) -> impl Fn(Context<Follows, ()>) -> Pin<Box<dyn Future<Output = Ended> + Send>> + Send + Sync + 'static {
    let mapping = Arc::new(mapping);
    move |ctx| {
        let mapping = mapping.clone();
        Box::pin(async move { follow::<A, T>(&ctx, &*mapping).await })
    }
}

/// How one ends: with the run that it enqueued.
type Ended = ExecutionResult<Option<RunId>, AnyError>;

async fn follow<A: TaskDefinition, T: TaskDefinition>(
    ctx: &Context<Follows, ()>,
    mapping: &(impl Fn(A::Metadata, RunOutcome<A::Output, A::Error>) -> Option<T::Metadata> + Sync),
) -> Ended {
    let Follows { of, next } = ctx.metadata();
    let status = match ctx.client().run::<A>(*of).status().await {
        Err(OutcomeError::NotFound(id)) => {
            let why = format!("{id}, which it was to follow, is not there");
            return Cancellation::for_result().because(why).with_empty_error();
        }
        status => status?,
    };
    let Some(outcome) = status.outcome_now()? else {
        // Somebody let it go on before.
        return Suspended::for_result().on_runs([*of]).for_error();
    };
    let Some(metadata) = mapping(status.metadata()?, outcome) else { return Success::with_result(None).for_error() };
    let child = ctx.enqueue_child::<T>("then", metadata);
    let run = match &**next {
        [] => child.await?,
        next => EnqueueThen::kept(child, next.to_vec()).await?,
    };
    Success::with_result(Some(run.id())).for_error()
}
