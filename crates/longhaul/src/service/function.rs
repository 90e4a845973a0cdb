//! Functions as services.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

use super::{
    ServiceReturn,
    cell::Cell,
    erased::{Erased, UserFuture},
};
use crate::{AnyError, ServerHandle};

/// A service that is one function.
pub(crate) struct Function<F>(pub(crate) F);

impl<F, Fut> Erased for Function<F>
where
    F: Fn(CancellationToken) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: ServiceReturn> + Send + 'static,
{
    fn start(&self) -> UserFuture<'_> {
        Box::pin(async { Ok(()) })
    }

    fn run<'a>(&'a self, token: CancellationToken, _: &'a Cell) -> UserFuture<'a> {
        Box::pin(async move { (self.0)(token).await.failure().map_or(Ok(()), |message| Err(AnyError::msg(message))) })
    }

    fn stop(&self) -> UserFuture<'_> {
        Box::pin(async { Ok(()) })
    }
}

/// The same, of one that is handed the server that it is a service of.
pub(crate) struct FunctionWithServer<F> {
    run: F,
    server: OnceLock<ServerHandle>,
}

impl<F> FunctionWithServer<F> {
    pub(crate) fn new(run: F) -> Self {
        Self { run, server: OnceLock::new() }
    }
}

impl<F, Fut> Erased for FunctionWithServer<F>
where
    F: Fn(ServerHandle, CancellationToken) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: ServiceReturn> + Send + 'static,
{
    fn enter(&self, server: &ServerHandle) {
        self.server.get_or_init(|| server.clone());
    }

    fn start(&self) -> UserFuture<'_> {
        Box::pin(async { Ok(()) })
    }

    fn run<'a>(&'a self, token: CancellationToken, _: &'a Cell) -> UserFuture<'a> {
        Box::pin(async move {
            let server = self.server.get().expect("it was entered before it started").clone();
            let failure = (self.run)(server, token).await.failure();
            failure.map_or(Ok(()), |message| Err(AnyError::msg(message)))
        })
    }

    fn stop(&self) -> UserFuture<'_> {
        Box::pin(async { Ok(()) })
    }
}
