//! What a retry by hand changes.

use std::sync::Arc;

use crate::{
    constraints::{Constraints, Unique, UniqueScope},
    decide::{Decision, IllegalEvent, decide},
    event::Event,
    id::RunId,
    order::OrderTurn,
    run::{NewRun, Run},
    state::StateKind,
    store::{Retried, Retry, RetryError, RetryFrom},
    stored::StoredRun,
    time::Timestamp,
};

/// What a retry changes, in one transaction.
///
/// ```
/// use longhaul_core::{Actor, RunId, StateKind, StoredRun, doc, lineage::succeed};
/// use longhaul_core::store::{Retry, RetryFrom};
///
/// let mut before = StoredRun::enqueue(doc::NOW, doc::new_run());
/// before.cancel(doc::NOW, None, Actor::UNKNOWN)?;
/// let retry = Retry { id: before.run.id, successor: RunId::from_bytes([7; 16]), from: RetryFrom::Checkpoint, by: Actor::UNKNOWN };
/// let succession = succeed(doc::NOW, &before, &retry).expect("it is final");
/// assert_eq!(succession.before.next.lineage.successor, Some(succession.successor.run.id));
/// assert_eq!(succession.successor.run.lineage.predecessor, Some(before.run.id));
/// assert_eq!(succession.check_key(Some((before.run.id, StateKind::Cancelled))), Ok(())); // it keeps the key
/// # Ok::<(), longhaul_core::store::CancelError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Succession {
    /// What becomes of the run that is retried.
    pub before: Decision,
    /// The new run.
    pub successor: StoredRun,
}

impl Succession {
    /// `holder` has the unique key of the new run, and is in this state; `None`: nobody has it, or it has none.
    ///
    /// # Errors
    /// It is another one than the run that is retried.
    pub fn check_key(&self, holder: Option<(RunId, StateKind)>) -> Result<(), RetryError> {
        match (&self.successor.run.constraints().unique, holder) {
            (Some(unique), Some((id, state))) if id != self.before.next.id => {
                Err(RetryError::Taken { key: unique.key.clone(), id, state })
            }
            _ => Ok(()),
        }
    }
}

/// What follows when `before` is retried. Pure, as [`decide`](crate::decide()) is.
///
/// The successor has all that the run was enqueued with, its [unique key](Unique) too: a store asks who has that key, and
/// hands it to [`Succession::check_key`]. A key that is taken [for a period](UniqueScope::For) is taken for what is left of
/// that period, so that a retry does not lengthen it.
///
/// # Errors
/// Nothing follows, and this is what the store answers: the run is not final, or was retried before.
///
/// ```
/// use longhaul_core::{Actor, RunId, StoredRun, doc, lineage::succeed};
/// use longhaul_core::store::{Retry, RetryError, RetryFrom};
///
/// let before = StoredRun::enqueue(doc::NOW, doc::new_run());
/// let retry = Retry { id: before.run.id, successor: RunId::from_bytes([7; 16]), from: RetryFrom::TheStart, by: Actor::UNKNOWN };
/// assert!(matches!(succeed(doc::NOW, &before, &retry), Err(Err(RetryError::NotFinal { .. }))));
/// ```
pub fn succeed(now: Timestamp, before: &StoredRun, retry: &Retry) -> Result<Succession, Result<Retried, RetryError>> {
    let decision = match decide(now, &before.run, &Event::Retry { successor: retry.successor }) {
        Ok(decision) => decision.asked_by(retry.by.clone()),
        Err(IllegalEvent::Retried { successor }) => return Err(Ok(Retried::Existing(successor))),
        Err(_) => return Err(Err(RetryError::NotFinal { id: before.run.id, state: before.run.state.kind() })),
    };
    let Run { id, kind, version, queue, priority, tags, policy, timeout, constraints, created, .. } =
        before.run.clone();
    let new = NewRun {
        id: retry.successor,
        kind,
        version,
        queue,
        priority,
        tags,
        policy,
        timeout,
        due: None,
        constraints: constraints
            .map(|constraints| inherited(now, id, created, constraints))
            .filter(|constraints| !constraints.is_empty()),
        metadata: before.metadata.clone(),
        execution_metadata: match retry.from {
            RetryFrom::Checkpoint => before.execution_metadata.clone(),
            RetryFrom::TheStart => before.initial.clone(),
        },
        by: retry.by.clone(),
    };
    let mut successor = StoredRun::enqueue(now, new);
    successor.run.lineage.predecessor = Some(id);
    // In place of a run that stopped its key it has the turn; otherwise it has it if a store finds nobody else.
    successor.run.turn =
        before.run.turn.map(|turn| OrderTurn { behind: !before.run.has_turn(), dismissed: false, ..turn });
    for first in &mut successor.history.entries {
        first.why = Some(format!("as a retry of {id}").into());
    }
    Ok(Succession { before: decision, successor })
}

/// The constraints of a successor that is enqueued at `now`, of the run `of` that was enqueued at `created`. It does not
/// expire: somebody wants it now.
fn inherited(now: Timestamp, of: RunId, created: Timestamp, constraints: Arc<Constraints>) -> Arc<Constraints> {
    let mut constraints = constraints;
    if constraints.expires.is_some() || constraints.after.is_some() {
        let constraints = Arc::make_mut(&mut constraints);
        (constraints.expires, constraints.after) = (None, None);
    }
    if let Some(batch) = constraints.batch {
        Arc::make_mut(&mut constraints).batch = Some(batch.inherited(of));
    }
    if let Some(Unique { scope: UniqueScope::For(period), .. }) = &constraints.unique {
        let left = UniqueScope::For(period.saturating_sub(now.since(created)));
        Arc::make_mut(&mut constraints).unique.iter_mut().for_each(|unique| unique.scope = left);
    }
    constraints
}
