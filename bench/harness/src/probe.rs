//! What the task of a contender does: it counts, each run once, and where asked, checkpoints.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Barrier, Notify, mpsc};

use crate::payload;

/// The body of every task. A contender's task calls [`start`](Self::start), or [`run`](Self::run) where it can
/// checkpoint, and returns.
#[derive(Clone)]
pub struct Probe(Arc<Inner>);

struct Inner {
    /// A bit for each run that has started.
    seen: Vec<AtomicU64>,
    started: AtomicUsize,
    repeats: AtomicUsize,
    awaited: AtomicUsize,
    enough: Notify,
    stamps: Option<mpsc::UnboundedSender<Instant>>,
    checkpoints: Option<Checkpoints>,
}

struct Checkpoints {
    each: usize,
    together: Barrier,
    samples: Mutex<Vec<Duration>>,
    span: Mutex<Option<(Instant, Instant)>>,
    finished: mpsc::UnboundedSender<()>,
}

impl Probe {
    /// A task that does nothing but count itself. The payloads of the runs are those of the first `runs` numbers.
    pub fn counting(runs: usize) -> Self {
        Self::of(runs, None, None)
    }

    /// A task that sends the time of its first line, when its run starts for the first time.
    pub fn stamping(runs: usize) -> (Self, mpsc::UnboundedReceiver<Instant>) {
        let (stamps, times) = mpsc::unbounded_channel();
        (Self::of(runs, Some(stamps), None), times)
    }

    /// A task that waits for the others, so that `runs` are at it together, then checkpoints `each` times.
    /// The receiver gets a word from each run that is through.
    pub fn checkpointing(runs: usize, each: usize) -> (Self, mpsc::UnboundedReceiver<()>) {
        let (finished, through) = mpsc::unbounded_channel();
        let checkpoints = Checkpoints {
            each,
            together: Barrier::new(runs),
            samples: Mutex::default(),
            span: Mutex::default(),
            finished,
        };
        (Self::of(runs, None, Some(checkpoints)), through)
    }

    fn of(runs: usize, stamps: Option<mpsc::UnboundedSender<Instant>>, checkpoints: Option<Checkpoints>) -> Self {
        Self(Arc::new(Inner {
            seen: (0..runs.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            started: AtomicUsize::new(0),
            repeats: AtomicUsize::new(0),
            awaited: AtomicUsize::new(usize::MAX),
            enough: Notify::new(),
            stamps,
            checkpoints,
        }))
    }

    /// The first line of a task, with [`Payload::seq`](crate::Payload::seq) of its run.
    pub fn start(&self, seq: u64) {
        if !self.is_first(seq) {
            self.0.repeats.fetch_add(1, Ordering::AcqRel);
            return;
        }
        if let Some(stamps) = &self.0.stamps {
            // Nobody listens any more once the samples are complete.
            let _ = stamps.send(Instant::now());
        }
        let started = self.0.started.fetch_add(1, Ordering::AcqRel) + 1;
        if started >= self.0.awaited.load(Ordering::Acquire) {
            self.0.enough.notify_one();
        }
    }

    /// Whether this run has not started before. Numbers that no run was given never are.
    fn is_first(&self, seq: u64) -> bool {
        let word = usize::try_from(seq / 64).ok().and_then(|at| self.0.seen.get(at));
        let bit = 1 << (seq % 64);
        word.is_some_and(|word| word.fetch_or(bit, Ordering::AcqRel) & bit == 0)
    }

    /// The whole of a task that can checkpoint: [`start`](Self::start), and then as ordered.
    pub async fn run<F, E>(&self, seq: u64, mut checkpoint: impl FnMut(Vec<u8>) -> F) -> Result<(), E>
    where
        F: Future<Output = Result<(), E>>,
    {
        self.start(seq);
        let Some(order) = &self.0.checkpoints else { return Ok(()) };
        order.together.wait().await;
        let begun = Instant::now();
        let mut samples = Vec::with_capacity(order.each);
        for n in 0..order.each {
            let bytes = payload::checkpoint(n as u64);
            let called = Instant::now();
            checkpoint(bytes).await?;
            samples.push(called.elapsed());
        }
        order.report(samples, begun, Instant::now());
        Ok(())
    }

    /// How many runs have started, each counted once.
    pub fn started(&self) -> usize {
        self.0.started.load(Ordering::Acquire)
    }

    /// How often a run started that had started before.
    pub fn repeats(&self) -> usize {
        self.0.repeats.load(Ordering::Acquire)
    }

    /// Waits until `count` runs have started. One waiter at a time.
    pub async fn until_started(&self, count: usize) {
        self.0.awaited.store(count, Ordering::Release);
        while self.started() < count {
            self.0.enough.notified().await;
        }
    }

    /// All checkpoints of all runs that are through: how long each took, and from the first to the last.
    pub fn checkpoints(&self) -> (Vec<Duration>, Duration) {
        let Some(order) = &self.0.checkpoints else { return (Vec::new(), Duration::ZERO) };
        let samples = order.samples.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let span = *order.span.lock().unwrap_or_else(PoisonError::into_inner);
        (samples, span.map_or(Duration::ZERO, |(first, last)| last - first))
    }
}

impl Checkpoints {
    fn report(&self, samples: Vec<Duration>, begun: Instant, ended: Instant) {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).extend(samples);
        {
            let mut span = self.span.lock().unwrap_or_else(PoisonError::into_inner);
            *span = Some(span.map_or((begun, ended), |(first, last)| (first.min(begun), last.max(ended))));
        }
        let _ = self.finished.send(());
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("started", &self.started()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_starts_again_is_a_repeat_and_sends_no_second_time() {
        let (probe, mut times) = Probe::stamping(100);
        for seq in [0, 63, 64, 99, 64, 64, 0] {
            probe.start(seq);
        }
        assert_eq!((probe.started(), probe.repeats()), (4, 3));
        let sent = std::iter::from_fn(|| times.try_recv().ok()).count();
        assert_eq!(sent, 4);
    }

    #[test]
    fn a_number_that_no_run_was_given_is_no_start() {
        let probe = Probe::counting(64);
        probe.start(64);
        probe.start(u64::MAX);
        assert_eq!((probe.started(), probe.repeats()), (0, 2));
    }
}
