//! Being told to end.

use std::fmt;

/// Ended by a second signal; 128 + SIGINT, as shells count.
pub const EXIT_CODE: i32 = 130;

/// Which signal it was.
///
/// ```
/// use longhaul::signal::Signal;
///
/// assert_eq!(Signal::Terminate.to_string(), "SIGTERM");
/// ```
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

/// Hears of Ctrl-C and SIGTERM. Once one was made, this process no longer dies of them by itself, so whoever makes one
/// has to listen to it, for the second signal too.
///
/// ```no_run
/// # async fn main_of_a_server(server: longhaul::Longhaul) -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::signal::Signals;
///
/// let signals = Signals::listen()?; // first, so that none is missed while the server is put together
/// // …
/// server.run_until(signals).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the operating system does not allow it.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn listen() -> std::io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        }
        #[cfg(windows)]
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    /// The next signal. One that came while nobody was waiting is not lost.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Signal {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
        #[cfg(windows)]
        {
            self.interrupt.recv().await;
            Signal::Interrupt
        }
    }
}
