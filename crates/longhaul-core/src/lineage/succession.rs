//! What a retry by hand changes.

use std::sync::Arc;

use crate::{
    constraints::{Constraints, Unique, UniqueScope},
    decide::{Decision, IllegalEvent, admit, decide},
    event::Event,
    history::{History, HistoryEntry},
    id::RunId,
    order::OrderTurn,
    run::{NewRun, Run, Snapshot},
    store::{Retry, RetryFrom},
    time::Timestamp,
};

/// What a retry changes, in one transaction.
///
/// ```
/// use longhaul_core::{Actor, Event, RunId, decide, doc, lineage::succeed, run::Snapshot, History};
/// use longhaul_core::store::{Retry, RetryFrom};
///
/// let failed = decide(doc::NOW, &doc::run(), &Event::Cancel { reason: None })?.next;
/// let before = Snapshot {
///     run: failed, metadata: doc::value(), initial: None, execution_metadata: None, ended: None, history: History::default(),
/// };
/// let retry = Retry { id: before.run.id, successor: RunId::from_bytes([7; 16]), from: RetryFrom::Checkpoint, by: Actor::UNKNOWN };
/// let succession = succeed(doc::NOW, &before, &retry)?;
/// assert_eq!(succession.before.next.lineage.successor, Some(succession.successor.run.id));
/// assert_eq!(succession.successor.run.lineage.predecessor, Some(before.run.id));
/// # Ok::<(), longhaul_core::IllegalEvent>(())
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
    pub successor: Snapshot,
}

/// What follows when the final run `before` is retried. Pure, as [`decide`](crate::decide()) is.
///
/// The successor has all that the run was enqueued with, its [unique key](Unique) too: a store asks who has that key, and
/// [`IllegalEvent`] is only about the run itself. A key that is taken [for a period](UniqueScope::For) is taken for what
/// is left of that period, so that a retry does not lengthen it.
///
/// ```
/// use longhaul_core::{Actor, RunId, doc, History, lineage::succeed, run::Snapshot};
/// use longhaul_core::store::{Retry, RetryFrom};
///
/// let before = Snapshot {
///     run: doc::run(), metadata: doc::value(), initial: None, execution_metadata: None, ended: None, history: History::default(),
/// };
/// let retry = Retry { id: before.run.id, successor: RunId::from_bytes([7; 16]), from: RetryFrom::TheStart, by: Actor::UNKNOWN };
/// assert!(succeed(doc::NOW, &before, &retry).is_err()); // it is not final
/// ```
pub fn succeed(now: Timestamp, before: &Snapshot, retry: &Retry) -> Result<Succession, IllegalEvent> {
    let decision = decide(now, &before.run, &Event::Retry { successor: retry.successor })?.asked_by(retry.by.clone());
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
    let (mut run, first) = admit(now, &new);
    run.lineage.predecessor = Some(id);
    // In place of a run that stopped its key it has the turn; otherwise a store that finds nobody else gives it the turn.
    run.turn = before.run.turn.map(|turn| OrderTurn { behind: !before.run.has_turn(), dismissed: false, ..turn });
    let first = HistoryEntry { why: Some(format!("as a retry of {id}").into()), ..first };
    let successor = Snapshot {
        run,
        metadata: new.metadata,
        initial: new.execution_metadata.clone(),
        execution_metadata: new.execution_metadata,
        ended: None,
        history: History::starting(first),
    };
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
