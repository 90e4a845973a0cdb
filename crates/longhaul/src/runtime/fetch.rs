//! Claims runs for free slots.

use std::{sync::Arc, time::Duration};

use longhaul_core::{Timestamp, limits::CLAIM_MAX, store::ClaimRequest};

use super::{declare, executor::Executor, incompatible, marks};
use crate::backoff::ErrorBackoff;

/// Runs that will end within this time are claimed ahead: several commits of the store, so that commits are shared by
/// many even if few runs execute at the same time. It is also how long a claimed run waits for its slot.
const LOOKAHEAD: Duration = Duration::from_millis(5);
/// Where the store takes longer, those that will end while it answers so often. A claim takes about one answer, and is
/// made when half of what was claimed ahead is used up: below two the slots would wait for each claim.
const ANSWERS_AHEAD: u32 = 4;
/// Runs that wait here could begin on another server.
const LOOKAHEAD_MAX: Duration = Duration::from_millis(50);
/// Where each slot ends so many runs within that time, a claim marks all that it takes: they begin within a few
/// milliseconds, and marks of their own cost more than these runs (20 µs of CPU each).
const TURNOVERS: usize = 2;
/// At most so many claims beyond the free slots: two commits full.
const AHEAD_MAX: usize = 512;

/// Claims as many runs as there are free slots, and as many more as will end soon, by the rate of late: so short runs
/// never wait for the store, and none is claimed early when runs are long. After a stop it gives back what no slot has
/// taken.
pub(super) async fn fetch(executor: Arc<Executor>) {
    tokio::join!(incompatible::release(&executor), claim_all(&executor), marks::mark(&executor));
    for claimed in executor.ready.take_all() {
        executor.finish_attempt(executor.returned(&claimed)).await;
    }
}

async fn claim_all(executor: &Executor) {
    let kinds: Arc<[_]> = executor.registry.support().into();
    if kinds.is_empty() || !declare_all(executor).await {
        return;
    }
    let mut incarnation = executor.attempts.incarnations();
    let mut max_wait = ErrorBackoff::default();
    let mut rate = Rate::new(executor);
    loop {
        let max = tokio::select! {
            // First: no claim begins after a stop.
            biased;
            () = executor.life.stopping.cancelled() => return,
            room = room(executor, rate.ahead) => room,
        };
        let server = *incarnation.borrow_and_update();
        let (labels, capacity) = (executor.settings.labels.clone(), executor.capacity.of_claim());
        let begin = rate.begin(executor, max);
        let all = ClaimRequest::new(server, kinds.clone(), max);
        let request = ClaimRequest { labels, capacity, begin, wait: true, ..all };
        let claimed = tokio::select! {
            biased;
            () = executor.life.stopping.cancelled() => return,
            claimed = executor.claiming.claim(executor.store.clone(), request) => claimed,
            // What was asked for is less than there is room for now.
            () = executor.capacity.queue_has_room() => continue,
            // The store gives back what it may have claimed for the dropped future.
            _ = incarnation.changed() => continue,
        };
        match claimed {
            Ok(runs) => {
                max_wait = ErrorBackoff::default();
                rate.measure(executor);
                executor.capacity.claimed(&runs);
                executor.attempts.claimed(runs.len());
                if executor.ready.push(runs) {
                    // A slot that waited begins before the next claim is made, which would keep it waiting.
                    tokio::task::yield_now().await;
                }
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "claiming pauses");
                tokio::select! {
                    () = max_wait.pause() => {}
                    () = executor.life.stopping.cancelled() => return,
                }
            }
            Err(error) => return executor.break_off(error),
        }
    }
}

/// Nothing is claimed before the limits are known to the store. Answers whether they are.
async fn declare_all(executor: &Executor) -> bool {
    let mut max_wait = ErrorBackoff::default();
    loop {
        let declared = tokio::select! {
            declared = declare::declare(executor) => declared,
            () = executor.life.stopping.cancelled() => return false,
        };
        match declared {
            Ok(()) => return true,
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "claiming waits until the limits are declared");
                tokio::select! {
                    () = max_wait.pause() => {}
                    () = executor.life.stopping.cancelled() => return false,
                }
            }
            Err(error) => {
                executor.break_off(error);
                return false;
            }
        }
    }
}

/// For how long runs are claimed ahead, of a store that took so long to answer.
fn lookahead(answer: Duration) -> Duration {
    answer.saturating_mul(ANSWERS_AHEAD).clamp(LOOKAHEAD, LOOKAHEAD_MAX)
}

/// How fast runs end.
struct Rate {
    since: Timestamp,
    ended: u64,
    /// How many are expected to end within the [`lookahead`].
    ahead: usize,
}

impl Rate {
    fn new(executor: &Executor) -> Self {
        Self { since: executor.clock.now(), ended: executor.capacity.ended(), ahead: 0 }
    }

    /// How many of `max` claimed runs are marked with their claim: those that a slot is free for, and all where runs are
    /// short.
    fn begin(&self, executor: &Executor, max: usize) -> usize {
        let concurrency = executor.capacity.slots();
        if self.ahead >= concurrency * TURNOVERS {
            return max;
        }
        concurrency.saturating_sub(executor.capacity.outstanding())
    }

    /// Over the time since the last call, which is that of one claim.
    fn measure(&mut self, executor: &Executor) {
        let (now, ended) = (executor.clock.now(), executor.capacity.ended());
        let elapsed = now.since(self.since).as_secs_f64();
        if elapsed > 0.0 {
            let lookahead = lookahead(executor.answer_time.last());
            let expected = (ended - self.ended) as f64 * lookahead.as_secs_f64() / elapsed;
            self.ahead = (expected as usize).min(AHEAD_MAX);
        }
        (self.since, self.ended) = (now, ended);
    }
}

/// Waits until there is a free slot, or half of what may be claimed ahead is used up; answers how many to claim.
async fn room(executor: &Executor, ahead: usize) -> usize {
    let concurrency = executor.capacity.slots();
    loop {
        let outstanding = executor.capacity.outstanding();
        let room = (concurrency + ahead).saturating_sub(outstanding).min(CLAIM_MAX);
        if room > 0 && (outstanding < concurrency || room >= ahead.div_ceil(2)) {
            return room;
        }
        executor.capacity.attempt_ended().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_store_is_asked_further_ahead_and_one_that_hangs_is_not_asked_for_everything() {
        let millis = Duration::from_millis;
        assert_eq!(lookahead(Duration::ZERO), millis(5), "before the first answer");
        assert_eq!(lookahead(millis(1)), millis(5));
        assert_eq!(lookahead(millis(8)), millis(32));
        assert_eq!(lookahead(Duration::MAX), millis(50));
    }
}
