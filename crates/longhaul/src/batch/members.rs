//! The members of a batch.

use longhaul_core::{ChildCounts, Key, Parent, RunId, StoreError, store::GetError};

use crate::{
    client::{Client, Find, OutcomeError, RunStatus, Select},
    context::Context,
    payload::Payload,
    task::TaskDefinition,
};

/// The members of a batch, as the callback sees them by [`Context::members`], and everybody else by
/// [`Batch::members`](crate::Batch::members).
///
/// ```
/// use longhaul::{AnyError, Context, ExecutionResult, StateKind, Success, doc::CountUp};
///
/// async fn report(ctx: &Context<(), ()>) -> ExecutionResult<u64, AnyError> {
///     let (completed, mut sum, mut next) = (ctx.members().find::<CountUp>().state(StateKind::Completed), 0, None);
///     loop {
///         let page = completed.page(next, 1000).await?;
///         for found in &page.runs {
///             sum += found.status.outcome_now()?.and_then(|outcome| outcome.completed()).unwrap_or(0);
///         }
///         next = page.next;
///         if next.is_none() {
///             return Success::with_result(sum).for_error();
///         }
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Members {
    client: Client,
    of: RunId,
}

impl Members {
    pub(super) fn of(client: Client, of: RunId) -> Self {
        Self { client, of }
    }

    /// Those of a callback, which may be a retry of another.
    pub(super) async fn of_callback(client: Client, callback: RunId) -> Result<Self, StoreError> {
        let of = match client.snapshot(callback).await {
            Ok(snapshot) => snapshot.run.constraints().batch.and_then(|batch| batch.of),
            Err(GetError::NotFound(_)) => None,
            Err(GetError::Store(error)) => return Err(error),
        };
        Ok(Self { client, of: of.unwrap_or(callback) })
    }

    pub(super) fn id(&self) -> RunId {
        self.of
    }

    /// How many there are, and how far they are. It costs the same for ten as for ten thousand. Of a member that was
    /// retried by hand the newest run counts.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn counts(&self) -> Result<ChildCounts, StoreError> {
        self.client.store().child_counts(self.of).await
    }

    /// The member of this name, as it is now; `None`: there is none. Of one that was retried by hand, the newest run.
    ///
    /// # Errors
    /// When the store fails, the member is of another kind, or its values cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn get<M: TaskDefinition>(&self, name: &str) -> Result<Option<RunStatus<M>>, OutcomeError> {
        // No member can have been added under what is no name.
        let Ok(name) = Key::new(name) else { return Ok(None) };
        let member = Parent { id: self.of, epoch: None, name, depth: 1 };
        self.client.latest(member.child_id()).await
    }

    /// Looks among the members of this task, as [`Client::find`] does among all runs: to read outcomes in pages.
    pub fn find<M: TaskDefinition>(&self) -> Find<M> {
        self.client.find::<M>().children_of(self.of)
    }

    /// Selects among the members, of whatever kind, as [`Client::select`] does among all runs.
    pub fn select(&self) -> Select {
        self.client.select().children_of(self.of)
    }
}

/// # Members
/// Of a [batch](Client::batch), as its callback sees them.
impl<M: Payload, X: Payload> Context<M, X> {
    /// The members of the batch that this run is the callback of; a retry by hand of a callback has those of the first. Of a
    /// run that is no callback, its children.
    pub fn members(&self) -> Members {
        Members { client: self.client(), of: self.attempt_handle().members_of }
    }
}
