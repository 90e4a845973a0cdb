//! Whether the committer still works, and the error that callers get once it does not.

use std::{
    pin::{Pin, pin},
    sync::{Arc, OnceLock},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use longhaul_core::StoreError;
use tokio::sync::watch;

/// Shared by the committer, the watchdog, and all handles.
///
/// The verdict is set before anybody is answered because of it, and the first one stays.
pub(crate) struct Health {
    verdict: OnceLock<StoreError>,
    phase: watch::Sender<Phase>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It answers every command, if only with the verdict.
    Working,
    /// It is inside a call of the engine that does not come back: nobody waits for it now.
    Stuck,
    /// It has ended, and dropped the engine.
    Ended,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self { verdict: OnceLock::new(), phase: watch::Sender::new(Phase::Working) }
    }

    /// Why the store takes no more writes, if it does not.
    pub(crate) fn get(&self) -> Option<&StoreError> {
        self.verdict.get()
    }

    /// The store takes no more writes because of `error`, unless there is a verdict already. Returns the verdict.
    pub(crate) fn poison(&self, error: StoreError) -> &StoreError {
        self.verdict.get_or_init(|| error)
    }

    /// The committer does not come back: every caller who waits for it gets an error.
    pub(crate) fn give_up(&self, error: StoreError) {
        self.poison(error);
        self.phase.send_if_modified(|phase| {
            let working = *phase == Phase::Working;
            if working {
                *phase = Phase::Stuck;
            }
            working
        });
    }

    /// The committer has ended.
    pub(crate) fn end(&self) {
        self.phase.send_replace(Phase::Ended);
    }

    /// Waits until the committer has ended, or does not come back. Cancel safe.
    pub(crate) async fn until_left(&self) {
        let mut phase = self.phase.subscribe();
        // The sender is `self`, so the channel does not close meanwhile.
        _ = phase.wait_for(|phase| *phase != Phase::Working).await;
    }

    /// What `answer` comes to; `None`: the committer is gone, and has not answered.
    pub(crate) async fn unless_left<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let (mut answer, mut left) = (pin!(answer), pin!(self.until_left()));
        std::future::poll_fn(|context| {
            if let Poll::Ready(answer) = answer.as_mut().poll(context) {
                return Poll::Ready(Some(answer));
            }
            match left.as_mut().poll(context) {
                Poll::Pending => Poll::Pending,
                // It may have answered between the two looks, just before it ended.
                Poll::Ready(()) => Poll::Ready(match answer.as_mut().poll(context) {
                    Poll::Ready(answer) => Some(answer),
                    Poll::Pending => None,
                }),
            }
        })
        .await
    }
}

/// Blocks this thread until `future` is ready, in a runtime or outside of one.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct WakeThread(Thread);

    impl Wake for WakeThread {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let mut future: Pin<&mut _> = pin!(future);
    let waker = Waker::from(Arc::new(WakeThread(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}
