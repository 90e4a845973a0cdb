//! Enqueues the runs of schedules at their instants. Every server does; the store takes each instant once.
//!
//! It sleeps until the next instant of all, a change of a schedule, or the end of a run that another waits for: ten
//! thousand schedules that are not due cost nothing.

mod agenda;
mod look;
mod reconcile;

use std::{sync::Arc, time::Duration};

use longhaul_core::{RunId, ScheduleName, StateKind, Store, StoreError, Timestamp};
use tokio::task::JoinSet;

use self::{
    agenda::{Agenda, Entry},
    look::{Looked, Seen},
};
use super::executor::Executor;
use crate::{
    backoff::ErrorBackoff,
    clock::{self, Jumps},
};

/// Schedules that are looked at together: their commits share an fsync, and none waits long for its turn.
const AT_ONCE: usize = 64;
/// In real time. That the system's clock was set, or the computer slept, is noticed within this.
const CLOCK_CHECK: Duration = Duration::from_secs(60);

/// A clock that went back by less is waited for.
const CLOCK_BACK: Duration = Duration::from_secs(1);

pub(super) async fn schedules(executor: Arc<Executor>, started: Timestamp) {
    let stopping = executor.life.stopping.clone();
    let mut max_wait = ErrorBackoff::default();
    loop {
        let failed = tokio::select! {
            Err(error) = follow(&executor, started, &mut max_wait) => error,
            () = stopping.cancelled() => return,
        };
        if !failed.is_transient() {
            // The loops that claim report it; there is nothing to enqueue into.
            tracing::error!(error = %failed, "schedules are not followed any more");
            return;
        }
        tracing::warn!(error = %failed, "schedules wait for the store");
        tokio::select! {
            () = max_wait.pause() => {}
            () = stopping.cancelled() => return,
        }
    }
}

/// Keeps what code declares, and then follows all schedules until the store fails. What a failure broke off is in the
/// store or not; either way it is found there when this begins again.
async fn follow(executor: &Executor, started: Timestamp, max_wait: &mut ErrorBackoff) -> Result<(), StoreError> {
    let Executor { store, clock, settings, .. } = executor;
    reconcile::reconcile(&**store, &settings.name, &settings.schedules, started).await?;
    executor.schedules_ready.cancel();
    let mut agenda = Agenda::default();
    let mut ends = JoinSet::new();
    let jumps = Jumps::of(&**clock);
    let mut latest = clock.now();
    let mut news = Box::pin(news(store.clone(), 0));
    loop {
        let next = agenda.next();
        tokio::select! {
            told = &mut news => {
                let (told, position) = told?;
                *max_wait = ErrorBackoff::default();
                for (name, seen) in told {
                    agenda.note(name, seen, clock.now());
                }
                news.set(self::news(store.clone(), position));
            }
            () = until(&**clock, next) => {}
            () = jumps.next() => {}
            () = clock::pause(CLOCK_CHECK) => {}
            Some(ended) = ends.join_next() => {
                let (name, run) = ended.expect("it is not aborted, and does not panic")?;
                agenda.ended(&name, run, clock.now());
            }
        }
        let now = clock.now();
        if latest.since(now) >= CLOCK_BACK {
            tracing::warn!(before = %latest, %now, "the clock went back; all schedules are looked at again");
            agenda.all_due(now);
            latest = now;
        }
        latest = latest.max(now);
        loop {
            let due = agenda.take_due(clock.now(), AT_ONCE);
            if due.is_empty() {
                break;
            }
            for (name, look) in look_at(executor, due).await? {
                if let Some(run) = agenda.looked(&name, look) {
                    ends.spawn(until_final(store.clone(), name, run));
                }
            }
        }
    }
}

async fn look_at(
    executor: &Executor,
    due: Vec<(ScheduleName, Entry)>,
) -> Result<Vec<(ScheduleName, Option<Looked>)>, StoreError> {
    let mut looks = JoinSet::new();
    for (name, entry) in due {
        let (store, clock) = (executor.store.clone(), executor.clock.clone());
        looks.spawn(async move {
            let looked = look::look(&*store, &*clock, &name, entry.seen).await;
            looked.map(|look| (name, look))
        });
    }
    looks.join_all().await.into_iter().collect()
}

type News = (Vec<(ScheduleName, Option<Seen>)>, u64);

/// What changed after `position`. `None` where a schedule is no more, or cannot be read.
async fn news(store: Arc<dyn Store>, position: u64) -> Result<News, StoreError> {
    let told = store.schedules(position).await?;
    let changed = told.changed.into_iter().map(|row| (row.name.clone(), Seen::of(&row)));
    let removed = told.removed.into_iter().map(|name| (name, None));
    Ok((changed.chain(removed).collect(), told.position))
}

/// Whether runs after it wait for one in this state: one that is parked may stay so for ever.
fn holds_back(state: StateKind) -> bool {
    !state.is_final() && state != StateKind::Incompatible
}

async fn until_final(
    store: Arc<dyn Store>,
    name: ScheduleName,
    run: RunId,
) -> Result<(ScheduleName, RunId), StoreError> {
    let mut revision = 0;
    loop {
        match store.changed(run, revision).await {
            Ok(snapshot) if holds_back(snapshot.run.state.kind()) => revision = snapshot.run.revision,
            Ok(_) | Err(longhaul_core::store::GetError::NotFound(_)) => return Ok((name, run)),
            Err(longhaul_core::store::GetError::Store(error)) => return Err(error),
        }
    }
}

async fn until(clock: &dyn longhaul_core::Clock, at: Option<Timestamp>) {
    match at {
        Some(at) => clock::sleep_until(clock, at).await,
        None => std::future::pending().await,
    }
}
