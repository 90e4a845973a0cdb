//! Claimed runs that wait for a slot.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
};

use longhaul_core::store::Claimed;
use tokio::sync::Notify;

/// Claimed runs, in the order in which they shall start.
#[derive(Default)]
pub(super) struct Ready {
    waiting: Mutex<Waiting>,
    /// A run came that may begin.
    pub(super) came: Notify,
    /// Runs that were claimed ahead shall be marked.
    wanted: Notify,
}

#[derive(Default)]
struct Waiting {
    /// The store knows that they begin.
    begun: VecDeque<Claimed>,
    /// They were claimed ahead, and are to be marked before they begin.
    ahead: VecDeque<Claimed>,
    /// So many slots wait for a run.
    idle: usize,
    /// The loop that marks runs was asked for more, and has not come for them yet.
    asked: bool,
    /// So many runs are kept marked beyond those that a slot waits for.
    reserve: usize,
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("nothing panics while it is held")
    }

    /// Runs that were claimed just now. Returns whether a slot waited for one.
    pub(super) fn push(&self, claimed: Vec<Claimed>) -> bool {
        let (begun, ahead): (Vec<_>, Vec<_>) = claimed.into_iter().partition(|claimed| claimed.run.begun);
        if !ahead.is_empty() {
            let mut waiting = self.lock();
            waiting.ahead.extend(ahead);
            self.ask(&mut waiting);
        }
        self.begin(begun)
    }

    /// Runs whose mark is kept. Returns whether a slot waited for one.
    pub(super) fn begin(&self, begun: Vec<Claimed>) -> bool {
        let mut waiting = self.lock();
        // Slots that execute look for themselves when they have ended.
        let waking = begun.len().min(waiting.idle);
        waiting.begun.extend(begun);
        drop(waiting);
        for _ in 0..waking {
            self.came.notify_one();
        }
        waking > 0
    }

    /// Those whose mark could not be kept.
    pub(super) fn put_back(&self, ahead: Vec<Claimed>) {
        let mut waiting = self.lock();
        ahead.into_iter().rev().for_each(|claimed| waiting.ahead.push_front(claimed));
    }

    /// The runs that are to be marked next: those that slots wait for, and `reserve` more. Waits until there is one.
    pub(super) async fn to_be_marked(&self, reserve: usize) -> Vec<Claimed> {
        loop {
            let wanted = self.wanted.notified();
            {
                let mut waiting = self.lock();
                waiting.reserve = reserve;
                waiting.asked = false;
                let (marked, wanted) = (waiting.begun.len(), waiting.idle + reserve);
                let is_low = marked < waiting.idle + reserve.div_ceil(2);
                let count = wanted.saturating_sub(marked).min(waiting.ahead.len());
                // Many at a time: each mark is a write of the store.
                if is_low && count > 0 {
                    return waiting.ahead.drain(..count).collect();
                }
            }
            wanted.await;
        }
    }

    /// Those that no slot has taken.
    pub(super) fn take_all(&self) -> Vec<Claimed> {
        let mut waiting = self.lock();
        let Waiting { begun, ahead, .. } = &mut *waiting;
        begun.drain(..).chain(ahead.drain(..)).collect()
    }

    /// The next run that may begin.
    pub(super) fn pop(&self) -> Option<Claimed> {
        let mut waiting = self.lock();
        let next = waiting.begun.pop_front();
        if next.is_some() && waiting.begun.len() < waiting.reserve.div_ceil(2) {
            self.ask(&mut waiting);
        }
        next
    }

    /// One more slot waits, until this is dropped; `None`: there is a run for it.
    pub(super) fn idle(&self) -> Option<Idle<'_>> {
        let mut waiting = self.lock();
        if !waiting.begun.is_empty() {
            return None;
        }
        waiting.idle += 1;
        self.ask(&mut waiting);
        Some(Idle(self))
    }

    /// Wakes the loop that marks runs, once until it has come.
    fn ask(&self, waiting: &mut Waiting) {
        if !waiting.ahead.is_empty() && !std::mem::replace(&mut waiting.asked, true) {
            self.wanted.notify_one();
        }
    }
}

/// A slot that waits.
pub(super) struct Idle<'a>(&'a Ready);

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.0.lock().idle -= 1;
    }
}
