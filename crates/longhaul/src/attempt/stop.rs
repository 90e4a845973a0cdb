//! Why an attempt is told to stop.

use longhaul_core::{StoreError, Timestamp};

/// Why an attempt was told to stop.
///
/// ```
/// use longhaul::{Context, StopReason};
///
/// async fn goodbye(ctx: &Context<(), u64>) -> &'static str {
///     ctx.cancellation().cancelled().await;
///     match ctx.stop_reason() {
///         Some(StopReason::Shutdown) => "back in a minute",
///         Some(StopReason::Cancelled { .. }) => "not wanted any more",
///         _ => "told to stop",
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let (ctx, attempt) = longhaul::testing::context((), 0_u64).await;
/// # attempt.stop(StopReason::Shutdown);
/// # assert_eq!(goodbye(&ctx).await, "back in a minute");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The server shuts down. The run goes on in the next process.
    Shutdown,
    /// The run was cancelled.
    Cancelled {
        /// The reason, if one was given.
        reason: Option<Box<str>>,
    },
    /// An operator suspended the run: it waits for a proceed.
    Suspended {
        /// The reason, if one was given.
        reason: Option<Box<str>>,
    },
    /// The task waits for this time, and holds no slot meanwhile; see [`Context::sleep_until`](crate::Context::sleep_until).
    Sleeping {
        /// Until when.
        until: Timestamp,
    },
    /// The attempt took longer than the run's timeout.
    Timeout,
    /// The claim is lost: another attempt has the run, or it was deleted. Nothing that this attempt writes is kept.
    ClaimLost,
    /// The store takes no more writes. The run goes on once the store has been reopened.
    StoreBroken {
        /// The store's error.
        error: StoreError,
    },
    /// A value that was sent to the run is not of the type that the task asked for. The run is parked as incompatible
    /// until code that can read the value is deployed.
    Unreadable {
        /// What was wrong with it.
        why: Box<str>,
    },
    /// It is not known whether a transaction of the task was committed. Its end finds out whether the run was completed in
    /// it, and another attempt whether it had a checkpoint; see [`StagedChange`](crate::StagedChange).
    Uncommitted,
    /// A value of this attempt was refused, for instance because it is too large: the attempt fails with this.
    Refused {
        /// What was refused, and what to do.
        why: Box<str>,
    },
}
