//! Counting work against a clock that may cut it off.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use crate::{Measured, Order, machine};

/// Hands out numbers to any number of callers until there are enough or the time is over.
#[derive(Debug)]
pub struct Pace {
    next: AtomicUsize,
    count: usize,
    started: Instant,
    cpu: Option<Duration>,
    server_cpu: Option<Duration>,
    limit: Duration,
}

impl Pace {
    /// Starts the clock.
    pub fn start(order: &Order) -> Self {
        Self {
            next: AtomicUsize::new(0),
            count: order.count,
            started: Instant::now(),
            cpu: machine::cpu_time(),
            server_cpu: machine::server_cpu_time(),
            limit: order.limit,
        }
    }

    /// The first of the next `n` numbers; none when all are given or the time is over.
    pub fn take(&self, n: usize) -> Option<u64> {
        if self.over() {
            return None;
        }
        let first = self.next.fetch_add(n, Ordering::Relaxed);
        (first < self.count).then_some(first as u64)
    }

    /// Whether the time is over.
    pub fn over(&self) -> bool {
        self.started.elapsed() >= self.limit
    }

    /// Stops the clock: `done` in the time since the start, as a rate.
    pub fn stop(&self, done: usize) -> Measured {
        let elapsed = self.started.elapsed();
        let mut measured = Measured::of(done as f64 / elapsed.as_secs_f64()).and("done", done as f64);
        let times =
            [("cpu_us", self.cpu, machine::cpu_time()), ("server_cpu_us", self.server_cpu, machine::server_cpu_time())];
        for (name, before, after) in times {
            if let (Some(before), Some(after)) = (before, after) {
                let micros = crate::stats::micros(after.saturating_sub(before)) / done.max(1) as f64;
                measured = measured.and(name, micros);
            }
        }
        measured.cut = done < self.count;
        measured
    }
}
