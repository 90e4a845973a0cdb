//! Being told to end.

use std::fmt;

/// Ended by a second signal; 128 + SIGINT, as shells count.
const EXIT_CODE: i32 = 130;

/// Which signal it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM: a deploy, `kill`, the end of a container.
    Terminate,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// Waits for Ctrl-C or SIGTERM. From the first call on, this process no longer dies of them by itself.
///
/// Cancel safe. Share it with a web server: `axum::serve(…).with_graceful_shutdown(async { first().await; })`.
pub async fn first() -> Signal {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                _ = tokio::signal::ctrl_c() => Signal::Interrupt,
                _ = terminate.recv() => Signal::Terminate,
            },
            Err(error) => {
                tracing::warn!(%error, "cannot listen for SIGTERM");
                let _ = tokio::signal::ctrl_c().await;
                Signal::Interrupt
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
        Signal::Interrupt
    }
}

pub(crate) async fn exit_on_next() {
    let signal = first().await;
    tracing::warn!(%signal, "second signal: ending at once");
    std::process::exit(EXIT_CODE);
}
