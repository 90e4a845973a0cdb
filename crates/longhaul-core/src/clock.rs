//! The port to time.

use std::{fmt, sync::Weak, time::Duration};

use crate::time::Timestamp;

/// What a clock calls when it jumped, so that all who wait look at the time again.
pub type OnJump = dyn Fn() + Send + Sync;

/// Where the time comes from. Only implementations of this trait read a clock; everything else is given the time, so that
/// tests can move it by hand.
///
/// ```
/// use longhaul_core::{Clock, Timestamp, clock::OnJump};
/// use std::{sync::Weak, time::Duration};
///
/// /// It is always noon.
/// #[derive(Debug)]
/// struct Noon;
///
/// impl Clock for Noon {
///     fn now(&self) -> Timestamp {
///         Timestamp::EPOCH.after(Duration::from_secs(12 * 60 * 60))
///     }
///     fn monotonic(&self) -> Duration {
///         Duration::ZERO
///     }
///     fn wait_for(&self, at: Timestamp) -> Option<Duration> {
///         Some(at.since(self.now()))
///     }
///     fn on_jump(&self, _: Weak<OnJump>) {}
/// }
/// assert_eq!(Noon.wait_for(Timestamp::EPOCH), Some(Duration::ZERO));
/// ```
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// How much time has passed since some moment in the past, which is the same for as long as the process runs. It never
    /// goes back, and setting the time does not move it: what must happen within a time goes by this.
    fn monotonic(&self) -> Duration;

    /// How long a waiter has to sleep, in real time, before it should look again whether `at` has come. `None`: this
    /// clock moves by hand only, so the waiter sleeps until it is called through [`on_jump`](Clock::on_jump).
    fn wait_for(&self, at: Timestamp) -> Option<Duration>;

    /// Asks to be called whenever the clock jumped. The system's clock never calls; a test's clock does on each move.
    /// The clock keeps no more than the `Weak`, so dropping the `Arc` ends it.
    fn on_jump(&self, wake: Weak<OnJump>);
}
