//! Being told to end.

mod thread;

use std::{fmt, io, sync::Arc};

use tokio::sync::watch;

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
#[non_exhaustive]
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

/// Listens for Ctrl-C and SIGTERM, on a thread of its own: the first is handed to [`next`](Self::next), and the second
/// ends the process at once, with [`EXIT_CODE`], even while every thread of the runtime is blocked.
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
///
/// It is valid for the whole process, as signals are: each `Signals` that exists gets its first one. Once all of them
/// were dropped, one more ends the process at once, as it would have without them; only its exit code is [`EXIT_CODE`].
/// A program that wants to do something else with these signals listens by itself, and ends its server by
/// [`shutdown`](crate::Longhaul::shutdown).
#[derive(Debug)]
pub struct Signals {
    listener: Arc<Listener>,
    given: bool,
}

/// One `Signals`, as the thread sees it.
struct Listener {
    heard: watch::Sender<Heard>,
    at_exit: Option<AtExit>,
}

/// Called before the process ends.
type AtExit = Box<dyn Fn(Signal) + Send + Sync>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    /// It was told to end: the next signal ends the process.
    First(Signal),
    /// It ends already, for another reason.
    Ending,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.heard.borrow().fmt(f)
    }
}

impl Signals {
    /// Begins to listen. It can be called on any thread, outside of a runtime too.
    ///
    /// # Errors
    /// When the operating system does not allow it, or has no room for one more thread.
    pub fn listen() -> io::Result<Self> {
        Self::listen_with(None)
    }

    /// The same, and calls `at_exit` when the second signal has come, before the process ends: to restore a terminal, or
    /// to remove a file. It is called on the thread that listens, while all others may be doing anything; the process
    /// ends when it returns or panics.
    ///
    /// ```no_run
    /// use longhaul::signal::Signals;
    ///
    /// let signals = Signals::listen_with_exit_hook(|signal| eprintln!("{signal}: stopped at once"))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`listen`](Self::listen).
    pub fn listen_with_exit_hook(at_exit: impl Fn(Signal) + Send + Sync + 'static) -> io::Result<Self> {
        Self::listen_with(Some(Box::new(at_exit)))
    }

    fn listen_with(at_exit: Option<AtExit>) -> io::Result<Self> {
        let listener = Arc::new(Listener { heard: watch::Sender::new(Heard::Nothing), at_exit });
        thread::register(&listener)?;
        Ok(Self { listener, given: false })
    }

    /// The first signal. One that came while nobody was waiting is not lost. There is no second: after it was given,
    /// this is never ready again.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Signal {
        let mut heard = self.listener.heard.subscribe();
        let first = heard.wait_for(|heard| matches!(heard, Heard::First(_))).await.map(|heard| *heard);
        match first {
            Ok(Heard::First(signal)) if !self.given => {
                self.given = true;
                signal
            }
            _ => std::future::pending().await,
        }
    }

    /// The process ends anyway: from now on, one signal ends it at once.
    pub(crate) fn end_at_next(&self) {
        self.listener.heard.send_replace(Heard::Ending);
    }
}
