//! One piece of work, from its entry until nothing of it is left.

use std::{collections::BTreeMap, sync::Arc};

use super::{BackgroundStatus, Inner, SpawnError, WorkFailure};
use crate::panics::{self, CatchPanic, Caught};

/// What is known of all work.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Nothing more is begun.
    pub(super) closed: bool,
    next: u64,
    pub(super) in_flight: BTreeMap<u64, Work>,
    ended: u64,
    failed: u64,
    last_failure: Option<WorkFailure>,
    /// What was dropped because the time was over.
    pub(super) dropped: Vec<Arc<str>>,
}

#[derive(Debug)]
pub(super) struct Work {
    pub(super) name: Arc<str>,
    pub(super) blocking: bool,
}

impl State {
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    pub(super) fn status(&self) -> BackgroundStatus {
        let mut running: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for work in self.in_flight.values() {
            *running.entry(work.name.clone()).or_default() += 1;
        }
        let last_failure = self.last_failure.clone();
        BackgroundStatus { running, ended: self.ended, failed: self.failed, last_failure }
    }

    fn refusal(&self, inner: &Inner, name: &Arc<str>, blocking: bool) -> Option<SpawnError> {
        let name = name.clone();
        let threads = || self.in_flight.values().filter(|work| work.blocking).count();
        if self.closed {
            Some(SpawnError::ShuttingDown { name })
        } else if self.in_flight.len() >= inner.limits.max {
            Some(SpawnError::Full { name, max: inner.limits.max })
        } else if blocking && threads() >= inner.limits.blocking_max {
            Some(SpawnError::FullOfThreads { name, max: inner.limits.blocking_max })
        } else {
            None
        }
    }
}

/// A place among what is in flight. It is given back when this is dropped, however that comes about.
pub(super) struct Entry {
    inner: Arc<Inner>,
    id: u64,
}

impl Entry {
    pub(super) fn enter(inner: &Arc<Inner>, name: Arc<str>, blocking: bool) -> Result<Self, SpawnError> {
        let mut refused = None;
        let mut id = 0;
        inner.state.send_if_modified(|state| {
            refused = state.refusal(inner, &name, blocking);
            if refused.is_none() {
                id = state.next;
                state.next += 1;
                state.in_flight.insert(id, Work { name, blocking });
            }
            refused.is_none()
        });
        match refused {
            Some(error) => Err(error),
            None => Ok(Self { inner: inner.clone(), id }),
        }
    }

    /// Polls the user's code until it ends, or the time is over.
    pub(super) async fn follow(self, mut user: CatchPanic<impl Future<Output = Option<String>>>) {
        let out = tokio::select! {
            biased;
            out = &mut user => Some(out),
            () = self.inner.over.cancelled() => None,
        };
        // What it holds is dropped here, and may panic as well.
        let dropped = panics::catch(|| drop(user));
        match (out, dropped) {
            (Some(out @ Err(_)), _) | (Some(out), Ok(())) => self.ended(out),
            (_, Err(caught)) => self.ended(Err(caught)),
            (None, Ok(())) => self.was_dropped(),
        }
    }

    /// Reports how it ended.
    pub(super) fn ended(self, out: Result<Option<String>, Caught>) {
        let message = match out {
            Ok(None) => return,
            Ok(Some(message)) => {
                tracing::error!(error = message, "work in the background failed");
                message
            }
            Err(caught) => {
                tracing::error!(panic = caught.message, details = caught.details, "work in the background panicked");
                format!("it panicked: {}", caught.message)
            }
        };
        self.inner.state.send_modify(|state| {
            state.failed += 1;
            let name = state.in_flight[&self.id].name.clone();
            state.last_failure = Some(WorkFailure { name, message });
        });
    }

    fn was_dropped(self) {
        self.inner.state.send_modify(|state| {
            let name = state.in_flight[&self.id].name.clone();
            state.dropped.push(name);
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.inner.state.send_modify(|state| {
            state.in_flight.remove(&self.id);
            state.ended += 1;
        });
    }
}
