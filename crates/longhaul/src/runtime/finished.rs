//! Attempts that ended, on their way to the store.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use longhaul_core::{StateKind, store::Settlement};
use tokio::sync::mpsc;

use crate::attempt::{Attempt, LimitKeyHold};

/// Attempts that wait to be settled. Beyond this many, an attempt that ends keeps its slot, so that a slow store is not
/// outrun.
const CAPACITY: usize = 1024;

/// An attempt that ended.
pub(crate) struct Finished {
    pub(crate) attempt: Arc<Attempt>,
    /// `None`: its claim is lost, so there is nothing to tell the store.
    pub(crate) settlement: Option<Settlement>,
    /// The state that the run came to, if the settlement was kept in a transaction of the user's.
    pub(crate) kept: Option<StateKind>,
    /// To be stored before the settlement is.
    pub(crate) hold: Option<LimitKeyHold>,
}

impl Finished {
    /// Its claim is lost.
    pub(super) fn lost(attempt: Arc<Attempt>) -> Self {
        Self { attempt, settlement: None, kept: None, hold: None }
    }
}

/// Attempts that ended and are to be settled. The receiver is shared, so that somebody else can settle if the settling
/// loop is not polled any more.
pub(super) struct SettleQueue {
    sender: mpsc::Sender<Finished>,
    receiver: Mutex<mpsc::Receiver<Finished>>,
}

impl Default for SettleQueue {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        Self { sender, receiver: Mutex::new(receiver) }
    }
}

impl SettleQueue {
    /// Waits for room.
    pub(super) async fn push(&self, finished: Finished) {
        let sent = self.sender.send(finished).await;
        assert!(sent.is_ok(), "the receiver is beside the sender");
    }

    /// Waits for some, and adds at most `limit` of them to `batch`.
    pub(super) fn poll_pop_many(&self, cx: &mut Context<'_>, batch: &mut Vec<Finished>, limit: usize) -> Poll<usize> {
        self.receiver().poll_recv_many(cx, batch, limit)
    }

    /// All that are there now.
    pub(super) fn take_all(&self) -> Vec<Finished> {
        let mut receiver = self.receiver();
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    fn receiver(&self) -> MutexGuard<'_, mpsc::Receiver<Finished>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
