//! Functions as services, and what they may return.

use std::{fmt, sync::OnceLock};

use tokio_util::sync::CancellationToken;

use super::cell::{Cell, Erased, UserFuture};
use crate::{AnyError, ServerHandle};

/// What a function in the background may return: nothing, or a `Result<(), E>` whose error can be shown. The error is
/// reported with the name that the function was given.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = longhaul::doc::server();
/// use longhaul::AnyError;
///
/// server.spawn("greet", |_token| async { println!("hello") })?;
/// server.spawn("parse", |_token| async {
///     let _: u32 = "seven".parse()?;
///     Ok::<_, AnyError>(())
/// })?;
/// server.background().idle().await;
/// let failed = server.background().status().last_failure.unwrap();
/// assert_eq!((&*failed.name, failed.message.as_str()), ("parse", "invalid digit found in string"));
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "work in the background cannot return `{Self}`",
    label = "it returns `{Self}`",
    note = "nobody waits for what it returns: return nothing, or a `Result<(), E>` whose error implements `Display`"
)]
pub trait ServiceReturn: Send + 'static {
    /// What went wrong, if something did.
    fn failure(self) -> Option<String>;
}

impl ServiceReturn for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: fmt::Display + Send + 'static> ServiceReturn for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

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
