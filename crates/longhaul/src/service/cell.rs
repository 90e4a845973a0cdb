//! All services of a server, and what is known of each.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use longhaul_core::{Clock, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Service, ServiceError, ServiceFailed, ServiceInfo, ServiceOptions, ServiceState, supervise};
use crate::{AnyError, ServerHandle};

/// The longest name of a service, in bytes; as long as other names may be.
const NAME_MAX: usize = 128;

pub(super) type UserFuture<'a> = Pin<Box<dyn Future<Output = Result<(), AnyError>> + Send + 'a>>;

/// A service whose type is forgotten.
pub(crate) trait Erased: Send + Sync + 'static {
    /// Called once, before all else.
    fn enter(&self, _server: &ServerHandle) {}

    fn start(&self) -> UserFuture<'_>;
    fn run<'a>(&'a self, token: CancellationToken, cell: &'a Cell) -> UserFuture<'a>;
    fn stop(&self) -> UserFuture<'_>;
}

// The calls are within the futures, so that a panic comes when they are polled, where it is caught.
impl<S: Service> Erased for S {
    fn start(&self) -> UserFuture<'_> {
        Box::pin(async { Service::start(self).await })
    }

    fn run<'a>(&'a self, token: CancellationToken, _: &'a Cell) -> UserFuture<'a> {
        Box::pin(async { Service::run(self, token).await })
    }

    fn stop(&self) -> UserFuture<'_> {
        Box::pin(async { Service::stop(self).await })
    }
}

/// A service that was registered.
pub(crate) struct NewService {
    pub(crate) name: Arc<str>,
    options: ServiceOptions,
    service: Box<dyn Erased>,
}

/// What is wrong with a service.
pub(crate) struct Refused {
    pub(crate) setting: &'static str,
    pub(crate) value: String,
    pub(crate) must: &'static str,
}

impl NewService {
    pub(crate) fn of<S: Service>(service: S) -> Result<Self, Refused> {
        let (name, options) = (service.name().into(), service.options());
        Self::checked(name, options, service)
    }

    pub(crate) fn checked(name: Arc<str>, options: ServiceOptions, service: impl Erased) -> Result<Self, Refused> {
        let refuse = |setting, value: String, must| Err(Refused { setting, value, must });
        if name.is_empty() || name.len() > NAME_MAX {
            let shown = longhaul_core::limits::cut(&name, 32);
            return refuse("the name of a service", format!("`{shown}`"), "1 to 128 bytes long");
        }
        let first = options.restart.first;
        if first < Duration::from_millis(1) {
            return refuse(
                "backoff",
                format!("{first:?}"),
                "at least 1 ms, so that what fails at once keeps no CPU busy",
            );
        }
        if options.restart.give_up_after == Some(0) {
            return refuse(
                "give_up_after",
                "0".into(),
                "at least 1; a service that is never started again has `never`",
            );
        }
        Ok(Self { name, options, service: Box::new(service) })
    }
}

/// The services of a server, with how each of them is. From [`Longhaul::services`](crate::Longhaul::services); clones
/// are cheap, and outlive the server, so that a page can show them while it shuts down.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::{Longhaul, ServiceState, testing};
/// use std::time::Duration;
///
/// let server = Longhaul::builder()
///     .store(testing::memory_store())
///     .service_fn("ticker", |token| async move { token.cancelled().await })
///     .start()?;
/// let services = server.services();
/// // What a readiness probe asks:
/// services.until(|all| all.iter().all(|service| service.state == ServiceState::Running)).await;
/// # server.shutdown(Duration::from_secs(5)).await;
/// # assert_eq!(services.named("ticker").unwrap().state, ServiceState::Stopped);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Services {
    pub(super) cells: Arc<[Arc<Cell>]>,
    board: Arc<Board>,
    /// Becomes cancelled when all have had their turn to start.
    started: CancellationToken,
    /// Becomes cancelled when their server has ended.
    stopped: CancellationToken,
}

/// What the services of one server share.
pub(super) struct Board {
    pub(super) clock: Arc<dyn Clock>,
    infos: watch::Sender<Vec<ServiceInfo>>,
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
    /// Its time is over: it is dropped where it stands.
    pub(super) over: CancellationToken,
    /// Nothing of it is left.
    pub(super) ended: CancellationToken,
    was_dropped: AtomicBool,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

impl Services {
    /// Starts them, one after the other, each on a future of its own. What they need of their server is made of them.
    pub(crate) fn start(
        new: Vec<NewService>,
        clock: Arc<dyn Clock>,
        stopped: CancellationToken,
        server: impl FnOnce(&Self) -> ServerHandle,
    ) -> Self {
        let info = |new: &NewService| ServiceInfo {
            name: new.name.clone(),
            state: ServiceState::Starting,
            since: clock.now(),
            restarts: 0,
            last_error: None,
            essential: new.options.essential,
        };
        let infos = watch::Sender::new(new.iter().map(info).collect());
        let board = Arc::new(Board { clock, infos, failed: OnceLock::new(), has_failed: CancellationToken::new() });
        let cell = |(index, options)| {
            let [told, over, ended] = [(); 3].map(|()| CancellationToken::new());
            let (board, was_dropped) = (board.clone(), AtomicBool::new(false));
            Arc::new(Cell { index, board, options, told, over, ended, was_dropped })
        };
        let (options, services): (Vec<_>, Vec<_>) = new.into_iter().map(|new| (new.options, new.service)).unzip();
        let cells: Arc<[Arc<Cell>]> = options.into_iter().enumerate().map(cell).collect();
        let turns: Vec<CancellationToken> = (0..=services.len()).map(|_| CancellationToken::new()).collect();
        turns[0].cancel();
        let all = Self { cells, board, started: turns[services.len()].clone(), stopped };
        let server = server(&all);
        for (nth, (cell, service)) in all.cells.iter().zip(services).enumerate() {
            service.enter(&server);
            let (before, started) = (turns[nth].clone(), turns[nth + 1].clone());
            tokio::spawn(supervise::supervise(cell.clone(), service, before, started));
        }
        all
    }

    /// All of them, in the order in which they were registered.
    pub fn all(&self) -> Vec<ServiceInfo> {
        self.board.infos.borrow().clone()
    }

    /// The one of this name.
    pub fn named(&self, name: &str) -> Option<ServiceInfo> {
        self.board.infos.borrow().iter().find(|service| &*service.name == name).cloned()
    }

    /// Waits until `holds` of all of them, in the order in which they were registered. States that lasted for a moment
    /// may be missed. When their server has ended, it answers how they are then, whether it holds or not: nothing changes
    /// any more.
    ///
    /// Cancel safe.
    pub async fn until(&self, mut holds: impl FnMut(&[ServiceInfo]) -> bool) -> Vec<ServiceInfo> {
        let mut infos = self.board.infos.subscribe();
        tokio::select! {
            biased;
            all = infos.wait_for(|all| holds(all)) => all.expect("the sender is held here").clone(),
            () = self.stopped.cancelled() => self.all(),
        }
    }

    /// Waits until all have had their turn to start. Cancel safe.
    pub(crate) async fn started(&self) {
        self.started.cancelled().await;
    }

    /// Waits until an essential one has failed for good. Cancel safe.
    pub(crate) async fn failed(&self) -> ServiceFailed {
        self.board.has_failed.cancelled().await;
        self.board.failed.get().cloned().expect("it is set before the token is cancelled")
    }
}

impl Cell {
    pub(super) fn name(&self) -> Arc<str> {
        self.board.infos.borrow()[self.index].name.clone()
    }

    /// Since when it is as it is.
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

    /// Of one that has ended, its end says more.
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

    /// Something went wrong.
    pub(super) fn note(&self, message: &str) {
        let error = ServiceError { message: message.into(), at: self.board.clock.now() };
        self.board.infos.send_modify(|all| all[self.index].last_error = Some(error));
    }

    /// It has failed, and is not started again.
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

    /// It did not end by itself.
    pub(super) fn was_dropped(&self) -> bool {
        self.was_dropped.load(Ordering::Acquire)
    }
}
