//! Services whose types are erased, so that a server can hold all of them.

use std::pin::Pin;

use tokio_util::sync::CancellationToken;

use super::{Service, cell::Cell};
use crate::{AnyError, ServerHandle};

pub(super) type UserFuture<'a> = Pin<Box<dyn Future<Output = Result<(), AnyError>> + Send + 'a>>;

/// A service without its type.
pub(crate) trait Erased: Send + Sync + 'static {
    /// Called once, before everything else.
    fn enter(&self, _server: &ServerHandle) {}

    fn start(&self) -> UserFuture<'_>;
    fn run<'a>(&'a self, token: CancellationToken, cell: &'a Cell) -> UserFuture<'a>;
    fn stop(&self) -> UserFuture<'_>;
}

// The calls are inside the futures, so that a panic occurs when they are polled, where it is caught.
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
