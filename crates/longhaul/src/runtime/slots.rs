//! The slots: as many loops as runs may execute at the same time. Each takes the next claimed run, executes it, and
//! takes the next.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Arc, Mutex},
};

use longhaul_core::store::Claimed;
use tokio::sync::Notify;

use super::{Executor, perform};

/// Claimed runs, in the order in which they shall start.
#[derive(Default)]
pub(super) struct Ready {
    runs: Mutex<VecDeque<Claimed>>,
    came: Notify,
}

impl Ready {
    pub(super) fn push(&self, claimed: Vec<Claimed>) {
        let count = claimed.len();
        self.runs.lock().expect("nothing panics while it is held").extend(claimed);
        for _ in 0..count {
            self.came.notify_one();
        }
    }

    pub(super) fn pop(&self) -> Option<Claimed> {
        self.runs.lock().expect("nothing panics while it is held").pop_front()
    }
}

/// None of these loops is waited for: a task that holds its thread would hold up the shutdown.
pub(super) fn open(executor: &Arc<Executor>) {
    for _ in 0..executor.settings.concurrency {
        tokio::spawn(slot(executor.clone()));
    }
}

async fn slot(executor: Arc<Executor>) {
    while !executor.life.stopping.is_cancelled() {
        match executor.ready.pop() {
            Some(claimed) => execute(&executor, claimed).await,
            None => wait(&executor).await,
        }
    }
}

async fn execute(executor: &Executor, claimed: Claimed) {
    let done = perform::run(executor, claimed).await;
    executor.attempt_ended(&done.attempt.queue);
    executor.settle(done).await;
}

async fn wait(executor: &Executor) {
    let mut came = pin!(executor.ready.came.notified());
    // Listen first, look again, and only then wait: what comes in between is seen or heard.
    came.as_mut().enable();
    if executor.ready.runs.lock().expect("nothing panics while it is held").is_empty() {
        tokio::select! {
            () = came => {}
            () = executor.life.stopping.cancelled() => {}
        }
    }
}
