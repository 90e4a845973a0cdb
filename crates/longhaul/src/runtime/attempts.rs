//! What this server executes now: which attempts, under which incarnation, and what they are told.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use longhaul_core::{Epoch, RunId, ServerId, State, Timestamp, limits::CLAIM_MAX, store::StopSignal};
use tokio::sync::{Notify, watch};

use crate::{
    attempt::{Attempt, Capture, StopReason},
    ids::IdSource,
};

/// Stop signals that are remembered for attempts to come: as many as runs can be claimed ahead. One that is forgotten
/// comes with the answer to the attempt's first checkpoint.
const PENDING_STOPS_MAX: usize = CLAIM_MAX;

/// An attempt that executes, with its execution metadata.
#[derive(Clone)]
pub(super) struct RunningAttempt {
    pub(super) attempt: Arc<Attempt>,
    pub(super) values: Arc<dyn Capture>,
}

pub(super) struct Attempts {
    ids: IdSource,
    /// This incarnation of the server; another one once its lease was lost.
    server: watch::Sender<ServerId>,
    inner: Mutex<Inner>,
    /// Claims whose end the store was not told yet.
    unsettled: AtomicUsize,
    /// Notified when none of them is left.
    all_settled: Notify,
}

#[derive(Default)]
struct Inner {
    running: HashMap<(RunId, Epoch), RunningAttempt>,
    /// Stop signals to attempts that had not been registered when they came.
    pending_stops: VecDeque<StopSignal>,
}

impl Attempts {
    pub(super) fn new(ids: IdSource, now: Timestamp) -> Self {
        let server = watch::Sender::new(ids.server(now));
        Self { ids, server, inner: Mutex::default(), unsettled: AtomicUsize::new(0), all_settled: Notify::new() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics while it is held")
    }

    /// This incarnation.
    pub(super) fn server(&self) -> ServerId {
        *self.server.borrow()
    }

    pub(super) fn incarnations(&self) -> watch::Receiver<ServerId> {
        self.server.subscribe()
    }

    /// The claims of this incarnation are lost: its attempts end, and later claims are those of a new one.
    pub(super) fn fence(&self, now: Timestamp) {
        // Under the lock, so that an attempt of the new incarnation is not stopped with the others.
        let inner = self.inner();
        let lost = self.server.send_replace(self.ids.server(now));
        inner.running.values().for_each(|running| running.attempt.stop(StopReason::ClaimLost));
        drop(inner);
        tracing::warn!(server = %lost, "the lease is lost; its attempts end");
    }

    /// So many runs were claimed.
    pub(super) fn claimed(&self, runs: usize) {
        self.unsettled.fetch_add(runs, Ordering::AcqRel);
    }

    /// An attempt begins, under the claim that `state` shows. If that is not one of this incarnation, it is lost. Stop
    /// signals that came before the attempt are applied.
    pub(super) fn register(&self, running: RunningAttempt, state: &State) {
        let attempt = running.attempt.clone();
        let mut inner = self.inner();
        if *state != (State::Running { server: self.server() }) {
            attempt.stop(StopReason::ClaimLost);
        }
        inner.running.insert((attempt.id, attempt.epoch), running);
        let pending = &mut inner.pending_stops;
        if let Some(at) = pending.iter().position(|stop| (stop.id, stop.epoch) == (attempt.id, attempt.epoch)) {
            attempt.stop_as_requested(pending.remove(at).expect("it was found").request);
        }
    }

    /// Hands a stop signal to its attempt. The run may have been claimed ahead, its attempt still to begin.
    pub(super) fn deliver(&self, stop: StopSignal) {
        let mut inner = self.inner();
        if let Some(running) = inner.running.get(&(stop.id, stop.epoch)) {
            return running.attempt.stop_as_requested(stop.request);
        }
        if inner.pending_stops.len() == PENDING_STOPS_MAX {
            inner.pending_stops.pop_front();
        }
        inner.pending_stops.push_back(stop);
    }

    pub(super) fn stop_all(&self, reason: &StopReason) {
        self.inner().running.values().for_each(|running| running.attempt.stop(reason.clone()));
    }

    pub(super) fn running(&self) -> Vec<RunningAttempt> {
        self.inner().running.values().cloned().collect()
    }

    pub(super) fn running_where(&self, filter: impl Fn(&Attempt) -> bool) -> Vec<RunningAttempt> {
        self.inner().running.values().filter(|running| filter(&running.attempt)).cloned().collect()
    }

    pub(super) fn is_running(&self, run: RunId) -> bool {
        self.inner().running.keys().any(|(id, _)| *id == run)
    }

    /// The store was told its end, or will not be told.
    pub(super) fn release(&self, attempt: &Attempt) {
        if attempt.released.swap(true, Ordering::AcqRel) {
            return;
        }
        self.inner().running.remove(&(attempt.id, attempt.epoch));
        if self.unsettled.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.all_settled.notify_waiters();
        }
    }

    /// Waits until every claim was released.
    pub(super) async fn until_settled(&self) {
        loop {
            let settled = self.all_settled.notified();
            if self.unsettled.load(Ordering::Acquire) == 0 {
                return;
            }
            settled.await;
        }
    }
}
