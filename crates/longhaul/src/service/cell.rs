//! What is known of each service.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use longhaul_core::{Clock, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{ServiceError, ServiceFailed, ServiceInfo, ServiceOptions, ServiceState};

/// What the services of one server share.
pub(super) struct Board {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) infos: watch::Sender<Vec<ServiceInfo>>,
    failed: OnceLock<ServiceFailed>,
    has_failed: CancellationToken,
}

/// One service.
pub(crate) struct Cell {
    index: usize,
    pub(super) board: Arc<Board>,
    pub(super) options: ServiceOptions,
    /// It was told to stop.
    pub(super) told: CancellationToken,
    /// Its time is up: it is dropped at its current await.
    pub(super) over: CancellationToken,
    /// Nothing of it is left.
    pub(super) ended: CancellationToken,
    was_dropped: AtomicBool,
}

impl Board {
    pub(super) fn new(clock: Arc<dyn Clock>, infos: Vec<ServiceInfo>) -> Self {
        let infos = watch::Sender::new(infos);
        Self { clock, infos, failed: OnceLock::new(), has_failed: CancellationToken::new() }
    }

    /// Waits until an essential service has failed for good. Cancel safe.
    pub(super) async fn failed(&self) -> ServiceFailed {
        self.has_failed.cancelled().await;
        self.failed.get().cloned().expect("it is set before the token is cancelled")
    }
}

impl Cell {
    pub(super) fn new(index: usize, board: Arc<Board>, options: ServiceOptions) -> Self {
        let [told, over, ended] = [(); 3].map(|()| CancellationToken::new());
        Self { index, board, options, told, over, ended, was_dropped: AtomicBool::new(false) }
    }

    pub(super) fn name(&self) -> Arc<str> {
        self.board.infos.borrow()[self.index].name.clone()
    }

    /// When its state last changed.
    pub(super) fn since(&self) -> Timestamp {
        self.board.infos.borrow()[self.index].since
    }

    pub(super) fn tell(&self, state: ServiceState) {
        let since = self.board.clock.now();
        self.board.infos.send_modify(|all| {
            let info = &mut all[self.index];
            if info.state != state {
                (info.state, info.since) = (state, since);
            }
        });
    }

    /// A service that has already ended keeps its final state.
    pub(super) fn tell_stopping(&self) {
        let since = self.board.clock.now();
        self.board.infos.send_if_modified(|all| {
            let info = &mut all[self.index];
            let lives = !matches!(info.state, ServiceState::Stopped | ServiceState::Failed { .. });
            if lives {
                (info.state, info.since) = (ServiceState::Stopping, since);
            }
            lives
        });
    }

    pub(super) fn count_restart(&self) {
        self.board.infos.send_modify(|all| all[self.index].restarts += 1);
    }

    /// Records an error.
    pub(super) fn note(&self, message: &str) {
        let error = ServiceError { message: message.into(), at: self.board.clock.now() };
        self.board.infos.send_modify(|all| all[self.index].last_error = Some(error));
    }

    /// It has failed and is not started again.
    pub(super) fn fail(&self, message: String) {
        tracing::error!(service = %self.name(), error = message, "a service has failed for good");
        if self.options.essential {
            let failed = ServiceFailed { name: self.name(), message: message.clone() };
            self.board.failed.get_or_init(|| failed);
            self.board.has_failed.cancel();
        }
        self.tell(ServiceState::Failed { message });
    }

    pub(super) fn drop_noted(&self) {
        self.was_dropped.store(true, Ordering::Release);
    }

    /// It had to be dropped.
    pub(super) fn was_dropped(&self) -> bool {
        self.was_dropped.load(Ordering::Acquire)
    }
}
