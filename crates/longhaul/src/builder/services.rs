//! Services of the server, and functions that are services.

use std::time::Duration;

use super::{BuildError, Builder};
use crate::{
    CancellationToken, ServerHandle,
    service::{Function, FunctionWithServer, NewService, Periodic, Refused, Service, ServiceOptions, ServiceReturn},
};

impl Builder {
    /// Adds a service, which lives as long as the server. See [`Service`] for the order in which services start and
    /// stop.
    pub fn service(mut self, service: impl Service) -> Self {
        let entered = NewService::of(service);
        self.enter_service(entered);
        self
    }

    /// A function as a service: it works until its token is cancelled. It is called again when it fails; see
    /// [`Restart::on_failure`](crate::Restart::on_failure).
    ///
    /// ```
    /// use longhaul::{AnyError, Longhaul};
    ///
    /// let builder = Longhaul::builder().service_fn("lines", |token| async move {
    ///     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    ///     while let Some(accepted) = token.run_until_cancelled(listener.accept()).await {
    ///         drop(accepted?); // … serve it …
    ///     }
    ///     Ok::<_, AnyError>(())
    /// });
    /// ```
    pub fn service_fn<F, Fut>(mut self, name: &str, run: F) -> Self
    where
        F: Fn(CancellationToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: ServiceReturn> + Send + 'static,
    {
        let entered = NewService::checked(name.into(), ServiceOptions::default(), Function(run));
        self.enter_service(entered);
        self
    }

    /// The same for a function that needs a handle on its server, such as a web server whose handlers enqueue runs and
    /// show them. The web server then starts and stops in the order of the services, within the same grace, and open
    /// streams of [`watch`](crate::RunHandle::watch) and [`progress`](crate::RunHandle::progress) end before the server
    /// waits for it.
    ///
    /// ```
    /// use longhaul::{AnyError, Longhaul};
    ///
    /// let builder = Longhaul::builder().service_fn_with_server("web", |server, token| async move {
    ///     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    ///     let client = server.client(); // … for the handlers …
    ///     // axum::serve(listener, router(client)).with_graceful_shutdown(token.cancelled_owned()).await?;
    ///     # drop((listener, client));
    ///     token.cancelled().await;
    ///     Ok::<_, AnyError>(())
    /// });
    /// ```
    pub fn service_fn_with_server<F, Fut>(mut self, name: &str, run: F) -> Self
    where
        F: Fn(ServerHandle, CancellationToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: ServiceReturn> + Send + 'static,
    {
        let entered = NewService::checked(name.into(), ServiceOptions::default(), FunctionWithServer::new(run));
        self.enter_service(entered);
        self
    }

    /// Calls a function periodically: first after `every` (at least 1 ms), and then each time that `every` has passed.
    /// It is a service, and shown as one.
    ///
    /// Calls never overlap: ticks during a call are skipped, and so are those that a sleeping machine missed; the next
    /// tick comes at its regular time. A call that fails or panics is logged, and the ticks go on. On a shutdown its
    /// token is cancelled; it gets 5 s of the grace to end.
    ///
    /// Nothing is stored, and each server has its own ticks. If only one server at a time may do the work, or if it
    /// must be caught up on after a downtime, use a [`schedule`](Self::schedule).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use longhaul::{ServiceState, testing::TestServer};
    /// use std::time::Duration;
    ///
    /// let (flushed, mut flushes) = tokio::sync::mpsc::channel(1);
    /// let minute = Duration::from_secs(60);
    /// let server = TestServer::start(|builder| {
    ///     builder.periodic("flush", minute, move |_token| {
    ///         let flushed = flushed.clone();
    ///         async move { flushed.send(()).await }
    ///     })
    /// });
    /// server.services().until(|all| all[0].state == ServiceState::Running).await;
    /// server.advance(minute);
    /// flushes.recv().await.unwrap();
    /// # server.shutdown().await;
    /// # }
    /// ```
    pub fn periodic<F, Fut>(mut self, name: &str, every: Duration, tick: F) -> Self
    where
        F: Fn(CancellationToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: ServiceReturn> + Send + 'static,
    {
        let entered = if every < Duration::from_millis(1) {
            Err(Refused { setting: "every", value: format!("{every:?}"), must: "at least 1 ms" })
        } else {
            NewService::checked(name.into(), ServiceOptions::default(), Periodic { every, tick })
        };
        self.enter_service(entered);
        self
    }

    fn enter_service(&mut self, entered: Result<NewService, Refused>) {
        let entered = match entered {
            Err(Refused { setting, value, must }) => Err(BuildError::Setting { setting, value, must }),
            Ok(new) if self.services.iter().any(|there| there.name == new.name) => {
                Err(BuildError::ServiceTwice(new.name))
            }
            Ok(new) => {
                self.services.push(new);
                Ok(())
            }
        };
        self.note(entered);
    }
}
