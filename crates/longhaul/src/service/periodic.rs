//! Work that is done again and again, at a fixed pace, in this process only.

use std::time::Duration;

use longhaul_core::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    ServiceReturn,
    cell::Cell,
    erased::{Erased, UserFuture},
};
use crate::{clock, panics::CatchPanic};

/// A function that is called at each tick. Never twice at once: the next tick is looked for when the call has ended.
pub(crate) struct Periodic<F> {
    pub(crate) every: Duration,
    pub(crate) tick: F,
}

impl<F, Fut> Erased for Periodic<F>
where
    F: Fn(CancellationToken) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: ServiceReturn> + Send + 'static,
{
    fn start(&self) -> UserFuture<'_> {
        Box::pin(async { Ok(()) })
    }

    fn run<'a>(&'a self, token: CancellationToken, cell: &'a Cell) -> UserFuture<'a> {
        Box::pin(async move {
            let clock = &*cell.board.clock;
            let mut due = cell.since().after(self.every);
            loop {
                tokio::select! {
                    biased;
                    () = token.cancelled() => return Ok(()),
                    () = clock::elapse(clock, due.since(clock.now())) => {}
                }
                let user = CatchPanic(Box::pin(async { (self.tick)(token.clone()).await.failure() }));
                let failure = user.await.unwrap_or_else(|caught| {
                    tracing::error!(panic = caught.message, details = caught.details, "a tick panicked");
                    Some(format!("a tick panicked: {}", caught.message))
                });
                if let Some(message) = failure {
                    tracing::warn!(error = message, "a tick failed; the next one comes at its time");
                    cell.note(&message);
                }
                due = next(due, self.every, clock.now());
            }
        })
    }

    fn stop(&self) -> UserFuture<'_> {
        Box::pin(async { Ok(()) })
    }
}

/// The first tick after `due` that was not missed yet. Ticks keep their distance from the first one, however long calls
/// take; only a clock that was set back by more than a period begins anew.
fn next(due: Timestamp, every: Duration, now: Timestamp) -> Timestamp {
    if now.after(every) < due {
        return now.after(every);
    }
    let late = now.since(due);
    let into = Duration::from_micros((late.as_micros() % every.as_micros().max(1)) as u64);
    now.max(due).after(every.saturating_sub(into))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.after(Duration::from_secs(seconds))
    }

    #[test]
    fn ticks_that_were_missed_are_skipped_and_the_others_keep_their_time() {
        let after = |now| next(at(100), EVERY, at(now));
        assert_eq!([100, 101, 109].map(after), [110, 110, 110].map(at));
        assert_eq!([110, 111, 155].map(after), [120, 120, 160].map(at));
    }

    #[test]
    fn a_clock_that_is_set_back_a_little_repeats_no_tick_and_by_more_stops_none() {
        let after = |now| next(at(100), EVERY, at(now));
        assert_eq!([99, 90].map(after), [110, 110].map(at));
        assert_eq!([89, 40].map(after), [99, 50].map(at));
    }
}
