//! Services: what runs beside the runs.

mod ending;
mod life;
mod order;
mod periodic;
#[cfg(all(feature = "systemd", unix))]
mod systemd;

use std::sync::Arc;

use longhaul::{AnyError, CancellationToken, Service, ServiceInfo, ServiceOptions, ServiceState, Services};
use tokio::sync::watch;

use crate::kit::Gate;

/// What happened, in the order in which it did.
#[derive(Clone)]
struct Log(Arc<watch::Sender<Vec<String>>>);

impl Log {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }

    fn add(&self, line: &str) {
        self.0.send_modify(|lines| lines.push(line.to_owned()));
    }

    fn all(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    async fn has(&self, line: &str) {
        self.0.subscribe().wait_for(|lines| lines.iter().any(|it| it == line)).await.unwrap();
    }
}

/// Writes down what is done to it.
struct Noted {
    name: &'static str,
    log: Log,
    options: ServiceOptions,
    /// Its `start` returns when this is open.
    may_start: Gate,
    /// Its `stop` returns when this is open.
    may_stop: Gate,
}

impl Noted {
    fn new(name: &'static str, log: &Log) -> Self {
        let (may_start, may_stop) = (Gate::default(), Gate::default());
        may_start.open();
        may_stop.open();
        Self { name, log: log.clone(), options: ServiceOptions::default(), may_start, may_stop }
    }

    fn add(&self, what: &str) {
        self.log.add(&format!("{} {what}", self.name));
    }
}

impl Service for Noted {
    fn name(&self) -> &str {
        self.name
    }

    fn options(&self) -> ServiceOptions {
        self.options.clone()
    }

    async fn start(&self) -> Result<(), AnyError> {
        self.add("starts");
        self.may_start.opened().await;
        self.add("started");
        Ok(())
    }

    async fn run(&self, token: CancellationToken) -> Result<(), AnyError> {
        token.cancelled().await;
        self.add("told");
        Ok(())
    }

    async fn stop(&self) -> Result<(), AnyError> {
        self.may_stop.opened().await;
        self.add("stopped");
        Ok(())
    }
}

/// The service as soon as it is so.
async fn is(services: &Services, name: &str, holds: impl Fn(&ServiceInfo) -> bool) -> ServiceInfo {
    services.until(|all| all.iter().any(|service| &*service.name == name && holds(service))).await;
    services.named(name).unwrap()
}

async fn runs(services: &Services, name: &str) -> ServiceInfo {
    is(services, name, |service| service.state == ServiceState::Running).await
}

/// Gives everything that could happen now the time to happen.
async fn let_others_go_on() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
