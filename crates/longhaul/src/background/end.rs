//! The end of all work, in a shutdown.

use longhaul_core::{Clock, Timestamp};

use super::{Background, work::State};
use crate::{
    clock,
    service::{DROPPING, NotStopped},
};

impl Background {
    /// Refuses new work, and asks all work in flight to stop.
    pub(crate) fn close(&self) {
        self.inner.state.send_modify(|state| state.closed = true);
        self.inner.told.cancel();
    }

    /// Waits until all work has ended. At `deadline`, drops what has not. Returns the work that did not stop in time.
    pub(crate) async fn end(&self, clock: &dyn Clock, deadline: Timestamp) -> Vec<NotStopped> {
        tokio::select! {
            biased;
            () = self.idle() => {}
            () = clock::sleep_until(clock, deadline) => self.drop_all().await,
        }
        let state = self.inner.state.borrow();
        let dropped = state.dropped.iter().map(|name| NotStopped { name: name.clone(), blocked: false });
        let blocked = state.in_flight.values().map(|work| NotStopped { name: work.name.clone(), blocked: true });
        let mut unstopped: Vec<NotStopped> = dropped.chain(blocked).collect();
        unstopped.sort();
        for NotStopped { name, blocked } in &unstopped {
            tracing::error!(background = %name, blocked, "work in the background did not stop in time");
        }
        unstopped
    }

    /// Ends all work at once: without a grace, and without a report.
    pub(crate) fn abandon(&self) {
        self.close();
        self.inner.over.cancel();
    }

    async fn drop_all(&self) {
        self.inner.over.cancel();
        let only_threads = |state: &State| state.in_flight.values().all(|work| work.blocking);
        let mut state = self.inner.state.subscribe();
        let _ = clock::within(DROPPING, state.wait_for(only_threads)).await;
    }
}
