//! What has to be the same in a store and in the model, and what a store may say in its own words.

use std::fmt;

use longhaul_core::{
    Cause, Ended, Retention, Run, RunId, Snapshot, StateKind, Store, Timestamp, Transition,
    store::{ListOrder, PageRequest, SettleError, Settled},
};

pub(super) fn same<T: PartialEq + fmt::Debug>(what: impl fmt::Display, found: &T, expected: &T) {
    assert!(found == expected, "{what}\n   found: {found:?}\nexpected: {expected:?}");
}

/// The runs that are there, in pages that are not too large to follow each other: the same in both orders.
pub(super) async fn all(store: &dyn Store) -> Vec<Snapshot> {
    let all = listed(store, ListOrder::OldestFirst).await;
    let mut newest_first = listed(store, ListOrder::NewestFirst).await;
    newest_first.reverse();
    same("the newest first, turned round", &newest_first, &all);
    all
}

async fn listed(store: &dyn Store, order: ListOrder) -> Vec<Snapshot> {
    let mut request = PageRequest { limit: 3, order, ..PageRequest::default() };
    let mut all = Vec::new();
    loop {
        let page = store.list(request.clone()).await.expect("the store works");
        all.extend(page.runs);
        request.after = page.next;
        if request.after.is_none() {
            return all;
        }
    }
}

/// How many runs a sweep removes in all, and when the next is worth it.
pub(super) async fn sweep_all(store: &dyn Store, now: Timestamp, keep: Retention) -> (usize, Option<Timestamp>) {
    let mut removed = 0;
    loop {
        let swept = store.sweep(keep.into(), 100).await.expect("the store works");
        removed += swept.removed;
        if swept.next.is_none_or(|next| next > now) {
            return (removed, swept.next);
        }
    }
}

pub(super) fn ids(snapshots: &[Snapshot]) -> Vec<RunId> {
    snapshots.iter().map(|snapshot| snapshot.run.id).collect()
}

/// Without what a store may say in its own words.
pub(super) fn plain(mut snapshot: Snapshot) -> Snapshot {
    for entry in &mut snapshot.history.entries {
        if matches!(entry.what, Transition::Crashed | Transition::Quarantined) {
            entry.why = None;
        }
    }
    if let Some(Ended::Failed(failure)) = &mut snapshot.ended
        && failure.cause == Cause::Crash
    {
        failure.message = "".into();
    }
    Snapshot { run: plain_run(snapshot.run), ..snapshot }
}

pub(super) fn plain_run(run: Run) -> Run {
    // Nobody asks for the number of a checkpoint once its attempt is over; one that changed nothing may not be kept.
    let seq = if run.state.kind() == StateKind::Running { run.seq } else { 0 };
    Run { revision: 0, seq, ..run }
}

/// How long a store remembers that an attempt was settled is its own affair.
pub(super) fn plain_settled(answers: Vec<Result<Settled, SettleError>>) -> Vec<Result<Settled, Option<RunId>>> {
    let plain = |answer| match answer {
        Ok(Settled::Now(state)) => Ok(Settled::Now(state)),
        Ok(Settled::Already) | Err(SettleError::EpochLost { .. }) => Err(None),
        Err(SettleError::NotFound(id)) => Err(Some(id)),
    };
    answers.into_iter().map(plain).collect()
}
