//! Who waits in this process, and for what.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use longhaul_core::{RunId, ServerId, store::ClaimRequest};
use tokio::sync::Notify;

use crate::topics::Topics;

/// What a call waits for.
#[derive(Clone, Debug)]
pub(crate) enum Interest {
    /// Runs that a server may claim.
    Claims(Arc<ClaimRequest>),
    /// Requests to stop what a server executes.
    StopRequests(ServerId),
    /// Changes of schedules after this one.
    Schedules(u64),
    /// Ends after this position.
    Ended(u64),
    /// A revision of a run after this one.
    Run(RunId, u64),
}

impl Interest {
    fn topic(&self) -> Topics {
        match self {
            Self::Claims(_) => Topics::CLAIMS,
            Self::StopRequests(_) => Topics::STOP_REQUESTS,
            Self::Schedules(_) => Topics::SCHEDULES,
            Self::Ended(_) => Topics::ENDED,
            Self::Run(..) => Topics::RUNS,
        }
    }
}

/// Calls that wait. Each looks at the database itself, and then waits until it is told to look again: by a change that was
/// made through this handle, or by the poller, who looks for all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    /// Runs may be due, or what held them back is over.
    pub(crate) claims: Notify,
    /// Runs were asked to stop.
    pub(crate) stops: Notify,
    pub(crate) schedules: Notify,
    pub(crate) ended: Notify,
    /// Somebody begins to wait.
    pub(crate) came: Notify,
    runs: Mutex<HashMap<RunId, (Arc<Notify>, usize)>>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    interests: HashMap<u64, Interest>,
}

impl Wake {
    fn runs(&self) -> MutexGuard<'_, HashMap<RunId, (Arc<Notify>, usize)>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Told when `id` changes, as long as the answer lives.
    pub(crate) fn watch(&self, id: RunId) -> Watch<'_> {
        let mut runs = self.runs();
        let (notify, watchers) = runs.entry(id).or_default();
        *watchers += 1;
        Watch { wake: self, id, notify: Arc::clone(notify) }
    }

    /// The poller looks for this too, as long as the answer lives.
    pub(crate) fn wait_for(&self, interest: Interest) -> Registered<'_> {
        let mut waiting = self.waiting();
        waiting.last += 1;
        let number = waiting.last;
        waiting.interests.insert(number, interest);
        self.came.notify_one();
        Registered { wake: self, number }
    }

    /// What calls wait for now.
    pub(crate) fn interests(&self) -> Vec<Interest> {
        self.waiting().interests.values().cloned().collect()
    }

    /// Whoever waits for this looks again.
    pub(crate) fn tell(&self, interest: &Interest) {
        match interest {
            Interest::Claims(_) => self.claims.notify_waiters(),
            Interest::StopRequests(_) => self.stops.notify_waiters(),
            Interest::Schedules(_) => self.schedules.notify_waiters(),
            Interest::Ended(_) => self.ended.notify_waiters(),
            Interest::Run(id, _) => self.changed([*id]),
        }
    }

    /// Whether a call waits for one of these topics.
    pub(crate) fn is_waiting_for(&self, topics: Topics) -> bool {
        self.waiting().interests.values().any(|interest| topics.has(interest.topic()))
    }

    /// These runs changed.
    pub(crate) fn changed(&self, ids: impl IntoIterator<Item = RunId>) {
        let runs = self.runs();
        if !runs.is_empty() {
            ids.into_iter().filter_map(|id| runs.get(&id)).for_each(|(notify, _)| notify.notify_waiters());
        }
    }

    /// The time jumped, or the store was closed: everyone looks again.
    pub(crate) fn all(&self) {
        for notify in [&self.claims, &self.stops, &self.schedules, &self.ended] {
            notify.notify_waiters();
        }
        self.runs().values().for_each(|(notify, _)| notify.notify_waiters());
        self.came.notify_one();
    }
}

/// Somebody waits for a change of a run.
pub(crate) struct Watch<'a> {
    wake: &'a Wake,
    id: RunId,
    pub(crate) notify: Arc<Notify>,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut runs = self.wake.runs();
        if let Some((_, watchers)) = runs.get_mut(&self.id) {
            *watchers -= 1;
            if *watchers == 0 {
                runs.remove(&self.id);
            }
        }
    }
}

/// A call that the poller looks for.
pub(crate) struct Registered<'a> {
    wake: &'a Wake,
    number: u64,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.wake.waiting().interests.remove(&self.number);
    }
}
