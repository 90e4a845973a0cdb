//! The slots: as many loops as runs may execute at the same time. Each takes the next claimed run whose execution may
//! begin, executes it, and takes the next.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
};

use longhaul_core::store::Claimed;
use tokio::sync::Notify;

use super::{Executor, perform};

/// Claimed runs, in the order in which they shall start.
#[derive(Default)]
pub(super) struct Ready {
    waiting: Mutex<Waiting>,
    /// A run came that may begin.
    came: Notify,
    /// Runs that were claimed ahead shall be marked.
    wanted: Notify,
}

#[derive(Default)]
struct Waiting {
    /// The store knows that they begin.
    begun: VecDeque<Claimed>,
    /// They were claimed ahead, and are to be marked before they begin.
    ahead: VecDeque<Claimed>,
    /// So many slots found nothing to execute.
    idle: usize,
    /// So many runs are kept marked beyond those that a slot waits for.
    reserve: usize,
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("nothing panics while it is held")
    }

    /// Runs that were claimed just now.
    pub(super) fn push(&self, claimed: Vec<Claimed>) {
        let (begun, ahead): (Vec<_>, Vec<_>) = claimed.into_iter().partition(|claimed| claimed.run.begun);
        if !ahead.is_empty() {
            self.lock().ahead.extend(ahead);
            self.wanted.notify_one();
        }
        self.begin(begun);
    }

    /// Runs whose mark is kept.
    pub(super) fn begin(&self, begun: Vec<Claimed>) {
        let count = begun.len();
        self.lock().begun.extend(begun);
        for _ in 0..count {
            self.came.notify_one();
        }
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

    /// The next run that may begin. `idle`: the slot has waited for it.
    fn pop(&self, idle: bool) -> Option<Claimed> {
        let mut waiting = self.lock();
        let next = waiting.begun.pop_front();
        waiting.idle -= usize::from(idle);
        waiting.idle += usize::from(next.is_none());
        let is_low = next.is_none() || waiting.begun.len() < waiting.reserve.div_ceil(2);
        if is_low && !waiting.ahead.is_empty() {
            self.wanted.notify_one();
        }
        next
    }
}

/// None of these loops is waited for: a task that holds its thread would hold up the shutdown.
pub(super) fn open(executor: &Arc<Executor>) {
    for _ in 0..executor.settings.concurrency {
        tokio::spawn(slot(executor.clone()));
    }
}

async fn slot(executor: Arc<Executor>) {
    let mut idle = false;
    while !executor.stopping.is_cancelled() {
        // Listen first, look, and only then wait: what comes in between is seen or heard.
        let mut came = pin!(executor.ready.came.notified());
        came.as_mut().enable();
        let next = executor.ready.pop(idle);
        idle = next.is_none();
        if let Some(claimed) = next {
            execute(&executor, claimed).await;
        } else {
            tokio::select! {
                () = came => {}
                () = executor.stopping.cancelled() => {}
            }
        }
    }
}

async fn execute(executor: &Executor, claimed: Claimed) {
    let done = perform::run(executor, claimed).await;
    executor.attempt_ended(&done.attempt.queue);
    executor.settle(done).await;
}
