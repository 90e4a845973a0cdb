//! Tells systemd how the server is: ready, alive, stopping. Behind the feature `systemd`; Unix only.
//!
//! ```ini
//! [Service]
//! Type=notify
//! ExecStart=/usr/local/bin/myapp
//! WatchdogSec=30
//! Restart=on-failure
//! ```
//!
//! With the feature, a server follows what systemd says in its environment; elsewhere nothing is sent. See `sd_notify(3)`.
//!
//! | message | when |
//! | --- | --- |
//! | `READY=1` | all services had their turn to start, and runs are claimed |
//! | `WATCHDOG=1` | at half of `WATCHDOG_USEC`, from the loop that claims; in a shutdown from that |
//! | `STOPPING=1` | a shutdown began |
//! | `EXTEND_TIMEOUT_USEC=…` | with it, and again and again until it is done, so that a grace may be longer than `TimeoutStopSec` |
//!
//! Only the server's own futures send them, so what blocks the runtime stops the watchdog, and systemd restarts the
//! service. A store that broke stops it as well: nothing is claimed any more.

use std::{ffi::OsString, fmt, os::unix::net::UnixDatagram, path::Path, pin::pin, sync::Arc, time::Duration};

use longhaul_core::Clock;

use crate::clock;

/// A shutdown asks for so much more time, again and again: if it hangs, systemd kills it this long after.
const EXTENSION: Duration = Duration::from_secs(15);
/// How often it asks in that time: two messages may be late.
const PER_EXTENSION: u32 = 3;

/// Where to tell systemd how the server is.
///
/// ```
/// use longhaul::{Longhaul, systemd::Systemd};
/// use std::time::Duration;
///
/// Longhaul::builder().systemd(Systemd::from_env()); // the default
/// Longhaul::builder().systemd(Systemd::off()); // the program tells it all by itself
/// Longhaul::builder().systemd(Systemd::at("/run/notify.sock").watchdog(Duration::from_secs(30)));
/// ```
#[derive(Clone)]
pub struct Systemd {
    socket: Option<Arc<Socket>>,
    watchdog: Option<Duration>,
}

#[derive(Debug)]
struct Socket {
    from: UnixDatagram,
    to: OsString,
}

impl fmt::Debug for Systemd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.socket.as_ref().map(|socket| &socket.to);
        f.debug_struct("Systemd").field("socket", &to).field("watchdog", &self.watchdog).finish()
    }
}

impl Default for Systemd {
    fn default() -> Self {
        Self::from_env()
    }
}

impl Systemd {
    /// As `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` say. Where they are missing, nothing is sent. What cannot
    /// be understood is reported as a warning, and left out.
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// To this socket: a path, or `@` and the name of an abstract socket (Linux only).
    pub fn at(socket: impl AsRef<Path>) -> Self {
        let to = socket.as_ref().as_os_str().to_owned();
        let bound = UnixDatagram::unbound().and_then(|from| {
            // A manager that does not read must not hold up who tells it.
            from.set_nonblocking(true)?;
            Ok(Socket { from, to })
        });
        let socket = bound.inspect_err(|error| tracing::warn!(%error, "no socket to notify systemd with"));
        Self { socket: socket.ok().map(Arc::new), watchdog: None }
    }

    /// Nothing is sent.
    pub fn off() -> Self {
        Self { socket: None, watchdog: None }
    }

    /// The watchdog is fed at half of this time.
    #[must_use]
    pub fn watchdog(mut self, within: Duration) -> Self {
        self.watchdog = Some(within);
        self
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let Some(socket) = variable("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else { return Self::off() };
        let systemd = Self::at(socket);
        let number = |name: &str| {
            let value = variable(name)?;
            let number = value.to_str().and_then(|value| value.parse::<u64>().ok()).filter(|number| *number > 0);
            if number.is_none() {
                tracing::warn!(?value, "{name} must be a number above 0; there is no watchdog");
            }
            Some(number)
        };
        // Without a pid, it is meant for whoever reads it.
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == Some(std::process::id().into()));
        match number("WATCHDOG_USEC").flatten().filter(|_| is_ours) {
            Some(micros) => systemd.watchdog(Duration::from_micros(micros)),
            None => systemd,
        }
    }

    pub(crate) fn ready(&self) {
        self.say("READY=1");
    }

    /// Feeds the watchdog for as long as `work` goes on, from within the future that polls it: when one is stuck, so is
    /// the other.
    pub(crate) async fn watched<F: Future>(&self, clock: &dyn Clock, work: F) -> F::Output {
        match self.watchdog {
            Some(within) => self.saying("WATCHDOG=1", within / 2, clock, work).await,
            None => work.await,
        }
    }

    /// The same for a shutdown, which asks for more time as well.
    pub(crate) async fn stopping<F: Future>(&self, clock: &dyn Clock, shutdown: F) -> F::Output {
        if self.socket.is_none() {
            return shutdown.await;
        }
        self.say("STOPPING=1");
        let extend = format!("EXTEND_TIMEOUT_USEC={}", EXTENSION.as_micros());
        let every = EXTENSION / PER_EXTENSION;
        match self.watchdog {
            Some(within) => {
                let both = format!("{extend}\nWATCHDOG=1");
                self.saying(&both, every.min(within / 2), clock, shutdown).await
            }
            None => self.saying(&extend, every, clock, shutdown).await,
        }
    }

    async fn saying<F: Future>(&self, what: &str, every: Duration, clock: &dyn Clock, work: F) -> F::Output {
        let mut work = pin!(work);
        loop {
            self.say(what);
            tokio::select! {
                biased;
                out = &mut work => return out,
                () = clock::elapse(clock, every) => {}
            }
        }
    }

    fn say(&self, what: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(what)
        {
            tracing::warn!(%error, to = ?socket.to, what, "systemd was not told");
        }
    }
}

impl Socket {
    fn send(&self, what: &str) -> std::io::Result<usize> {
        #[cfg(target_os = "linux")]
        if let Some(name) = std::os::unix::ffi::OsStrExt::as_bytes(&*self.to).strip_prefix(b"@") {
            use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
            return self.from.send_to_addr(what.as_bytes(), &SocketAddr::from_abstract_name(name)?);
        }
        self.from.send_to(what.as_bytes(), Path::new(&self.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> (Option<String>, Option<u64>) {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        let Systemd { socket, watchdog } = Systemd::from_variables(find);
        (socket.map(|socket| socket.to.to_string_lossy().into_owned()), watchdog.map(|within| within.as_secs()))
    }

    #[test]
    fn the_environment_says_where_and_how_often() {
        assert_eq!(from(&[]), (None, None));
        assert_eq!(from(&[("WATCHDOG_USEC", "30000000")]), (None, None));
        let at = ("NOTIFY_SOCKET", "/run/x");
        assert_eq!(from(&[at]), (Some("/run/x".into()), None));
        assert_eq!(from(&[at, ("WATCHDOG_USEC", "30000000")]), (Some("/run/x".into()), Some(30)));
    }

    #[test]
    fn a_watchdog_that_is_meant_for_another_process_is_left_to_it() {
        let ours = std::process::id().to_string();
        let with = |pid: &str| from(&[("NOTIFY_SOCKET", "@x"), ("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", pid)]).1;
        assert_eq!(with(&ours), Some(30));
        assert_eq!(with("1"), None);
    }

    #[test]
    fn what_cannot_be_understood_is_left_out() {
        for bad in ["", "0", "soon", "-5"] {
            assert_eq!(from(&[("NOTIFY_SOCKET", "@x"), ("WATCHDOG_USEC", bad)]).1, None, "{bad}");
        }
    }
}
