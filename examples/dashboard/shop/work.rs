//! What stands in for real work.

use std::time::Duration;

use longhaul::{Context, Interruption, Payload};

/// The time that a call to another system takes, more or less. It ends at once when the attempt is to stop.
#[expect(clippy::disallowed_methods, reason = "there is no other system to wait for")]
pub(crate) async fn takes<M: Payload, X: Payload, E>(ctx: &Context<M, X>, millis: u64) -> Result<(), Interruption<E>> {
    let of = Duration::from_millis(fastrand::u64(millis / 2..=millis * 3 / 2));
    Ok(ctx.until_stopped(tokio::time::sleep(of)).await?)
}

/// Once in so many times.
pub(crate) fn once_in(times: u32) -> bool {
    fastrand::u32(..times) == 0
}
