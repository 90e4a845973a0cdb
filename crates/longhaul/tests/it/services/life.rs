//! How a service lives on after it failed.

use std::{sync::Arc, time::Duration};

use longhaul::{
    AnyError, CancellationToken, Longhaul, Restart, Service, ServiceInfo, ServiceOptions, ServiceState, Timestamp,
};
use tokio::sync::{Mutex, mpsc};

use super::{Log, is, runs};
use crate::kit::{GRACE, SECOND, START, Scene};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Do {
    Return,
    Fail,
    Panic,
}

/// Does in `run` what it is told to.
struct Told {
    restart: Restart,
    log: Log,
    orders: Mutex<mpsc::UnboundedReceiver<Do>>,
}

impl Service for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn options(&self) -> ServiceOptions {
        ServiceOptions::default().restart(self.restart.clone())
    }

    async fn start(&self) -> Result<(), AnyError> {
        self.log.add("start");
        Ok(())
    }

    async fn run(&self, token: CancellationToken) -> Result<(), AnyError> {
        let mut orders = self.orders.lock().await;
        match token.run_until_cancelled(orders.recv()).await.flatten() {
            None | Some(Do::Return) => Ok(()),
            Some(Do::Fail) => Err(AnyError::msg("it broke")),
            Some(Do::Panic) => panic!("out of ideas"),
        }
    }

    async fn stop(&self) -> Result<(), AnyError> {
        self.log.add("stop");
        Ok(())
    }
}

struct Play {
    scene: Scene,
    server: Longhaul,
    orders: mpsc::UnboundedSender<Do>,
    log: Log,
}

impl Play {
    fn new(restart: Restart) -> Self {
        let (scene, log) = (Scene::new(), Log::new());
        let (orders, received) = mpsc::unbounded_channel();
        let told = Told { restart, log: log.clone(), orders: Mutex::new(received) };
        let server = scene.builder().service(told).start().unwrap();
        Self { scene, server, orders, log }
    }

    async fn running(&self) -> ServiceInfo {
        runs(&self.server.services(), "told").await
    }

    /// It does so; then it is not running.
    async fn does(&self, what: Do) -> ServiceInfo {
        self.running().await;
        self.orders.send(what).unwrap();
        is(&self.server.services(), "told", |told| {
            !matches!(told.state, ServiceState::Running | ServiceState::Starting)
        })
        .await
    }

    fn now(&self) -> Timestamp {
        longhaul::Clock::now(&self.scene.clock)
    }

    /// How long it waits after it did so.
    async fn waits_after(&self, what: Do) -> Duration {
        let until = match self.does(what).await.state {
            ServiceState::BackingOff { until } => until,
            other => panic!("{other}"),
        };
        let wait = until.since(self.now());
        self.scene.clock.advance(wait);
        self.running().await;
        wait
    }
}

#[tokio::test]
async fn a_service_that_panics_starts_again_after_a_wait_and_tells_why() {
    let play = Play::new(Restart::on_failure());
    let told = play.does(Do::Panic).await;
    assert_eq!(told.state, ServiceState::BackingOff { until: START.after(SECOND) });
    let error = told.last_error.unwrap();
    assert_eq!((error.message.as_str(), error.at), ("`run` panicked: out of ideas", START));
    assert_eq!(told.restarts, 0);

    play.scene.clock.advance(SECOND);
    let told = play.running().await;
    assert_eq!((told.restarts, told.since), (1, START.after(SECOND)));
}

#[tokio::test]
async fn a_service_that_fails_starts_again_and_one_that_returns_is_done() {
    let play = Play::new(Restart::on_failure());
    assert_eq!(play.waits_after(Do::Fail).await, SECOND);
    let told = play.does(Do::Return).await;
    assert_eq!((told.state, told.restarts), (ServiceState::Stopped, 1));
    assert_eq!(told.last_error.unwrap().message, "it broke");
}

#[tokio::test]
async fn a_service_that_has_to_be_there_starts_again_when_it_returns() {
    let play = Play::new(Restart::always());
    let told = play.does(Do::Return).await;
    assert_eq!(told.state, ServiceState::BackingOff { until: START.after(SECOND) });
    assert_eq!(told.last_error.unwrap().message, "it returned without being told to stop");
}

#[tokio::test]
async fn a_service_that_is_never_started_again_stays_as_it_ended() {
    for (what, message) in [(Do::Fail, "it broke"), (Do::Panic, "`run` panicked: out of ideas")] {
        let play = Play::new(Restart::never());
        let told = play.does(what).await;
        assert_eq!(told.state, ServiceState::Failed { message: message.into() });
        // It is not started again, and a shutdown does not take back that it failed.
        let services = play.server.services();
        assert!(play.server.shutdown(GRACE).await.services.is_empty());
        assert_eq!(services.named("told").unwrap().state, ServiceState::Failed { message: message.into() });
        assert_eq!(play.log.all(), ["start", "stop"]);
    }
    assert_eq!(Play::new(Restart::never()).does(Do::Return).await.state, ServiceState::Stopped);
}

#[tokio::test]
async fn waits_grow_up_to_the_longest_and_begin_anew_after_it_ran_well() {
    let restart = Restart::always().backoff(SECOND, 5 * SECOND).well_after(30 * SECOND);
    let play = Play::new(restart);
    for (what, seconds) in [(Do::Panic, 1), (Do::Return, 2), (Do::Fail, 4), (Do::Fail, 5), (Do::Fail, 5)] {
        assert_eq!(play.waits_after(what).await, seconds * SECOND);
    }
    play.scene.clock.advance(Duration::from_micros(29_999_999));
    assert_eq!(play.waits_after(Do::Fail).await, 5 * SECOND, "it did not run well for long enough");
    play.scene.clock.advance(30 * SECOND);
    assert_eq!(play.waits_after(Do::Fail).await, SECOND);
    assert_eq!(play.waits_after(Do::Fail).await, 2 * SECOND);
    assert_eq!(play.running().await.restarts, 8);
}

#[tokio::test]
async fn a_service_is_given_up_after_so_many_bad_ends_in_a_row() {
    let play = Play::new(Restart::on_failure().give_up_after(3).well_after(30 * SECOND));
    play.waits_after(Do::Fail).await;
    play.waits_after(Do::Fail).await;
    play.scene.clock.advance(30 * SECOND);
    play.waits_after(Do::Fail).await; // the first in a row again
    play.waits_after(Do::Fail).await;
    assert_eq!(play.does(Do::Fail).await.state, ServiceState::Failed { message: "it broke".into() });
}

#[tokio::test]
async fn each_start_is_followed_by_one_stop_however_it_ends() {
    let play = Play::new(Restart::always());
    for what in [Do::Panic, Do::Fail, Do::Return] {
        play.waits_after(what).await;
    }
    play.running().await;
    play.server.shutdown(GRACE).await;
    assert_eq!(play.log.all(), ["start", "stop"].repeat(4));
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_service_that_backs_off() {
    let play = Play::new(Restart::on_failure());
    play.does(Do::Fail).await;
    let services = play.server.services();
    assert!(play.server.shutdown(GRACE).await.services.is_empty());
    let told = services.named("told").unwrap();
    assert_eq!((told.state, told.restarts), (ServiceState::Stopped, 0));
}

/// Panics in what a service has to do beside its work.
struct Clumsy(&'static str, Arc<Log>);

impl Service for Clumsy {
    fn name(&self) -> &'static str {
        "clumsy"
    }

    // Not an `async fn`: it panics when it is called, before there is a future.
    fn start(&self) -> impl Future<Output = Result<(), AnyError>> + Send {
        assert!(self.0 != "start", "it slipped");
        async { Ok(()) }
    }

    fn stop(&self) -> impl Future<Output = Result<(), AnyError>> + Send {
        self.1.add("stop");
        assert!(self.0 != "stop", "it slipped");
        async { Ok(()) }
    }
}

#[tokio::test]
async fn panics_in_start_and_stop_are_failures_like_others() {
    let (scene, log) = (Scene::new(), Arc::new(Log::new()));
    let server = scene.builder().service(Clumsy("start", log.clone())).start().unwrap();
    let clumsy = is(&server.services(), "clumsy", |it| matches!(it.state, ServiceState::BackingOff { .. })).await;
    assert_eq!(clumsy.last_error.unwrap().message, "`start` panicked: it slipped");
    server.shutdown(GRACE).await;
    assert!(log.all().is_empty(), "what has not started is not stopped");

    let server = scene.builder().service(Clumsy("stop", log.clone())).start().unwrap();
    let services = server.services();
    runs(&services, "clumsy").await;
    assert!(server.shutdown(GRACE).await.services.is_empty());
    let clumsy = services.named("clumsy").unwrap();
    assert_eq!(clumsy.state, ServiceState::Stopped);
    assert_eq!(clumsy.last_error.unwrap().message, "`stop` panicked: it slipped");
}
