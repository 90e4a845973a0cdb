//! A slot: a loop that takes the next claimed run whose execution may begin, executes it, and takes the next. There are as
//! many as runs may execute at the same time.

use std::{pin::pin, sync::Arc};

use super::{executor::Executor, perform};

/// Starts the slots. A shutdown does not wait for them: a task that blocks its thread would hold it up.
pub(super) fn open(executor: &Arc<Executor>) {
    for _ in 0..executor.capacity.slots() {
        tokio::spawn(slot(executor.clone()));
    }
}

async fn slot(executor: Arc<Executor>) {
    while !executor.life.stopping.is_cancelled() {
        match executor.ready.pop() {
            Some(claimed) => {
                let finished = perform::run(&executor, claimed).await;
                executor.finish_attempt(finished).await;
            }
            None => wait(&executor).await,
        }
    }
}

/// Waits until there may be a run. It listens only while it waits: a slot that listened while it executes could be
/// notified instead of one that is free.
async fn wait(executor: &Executor) {
    let mut came = pin!(executor.ready.came.notified());
    // Listen first, look again, and only then wait: so no run is missed that comes in between.
    came.as_mut().enable();
    let Some(_idle) = executor.ready.idle() else { return };
    tokio::select! {
        () = came => {}
        () = executor.life.stopping.cancelled() => {}
    }
}
