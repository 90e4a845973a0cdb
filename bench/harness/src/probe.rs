//! What the task of a contender does: it counts, and where asked, checkpoints.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
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
    started: AtomicUsize,
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
    /// A task that does nothing but count itself.
    pub fn counting() -> Self {
        Self::of(None, None)
    }

    /// A task that sends the time of its first line.
    pub fn stamping() -> (Self, mpsc::UnboundedReceiver<Instant>) {
        let (stamps, times) = mpsc::unbounded_channel();
        (Self::of(Some(stamps), None), times)
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
        (Self::of(None, Some(checkpoints)), through)
    }

    fn of(stamps: Option<mpsc::UnboundedSender<Instant>>, checkpoints: Option<Checkpoints>) -> Self {
        Self(Arc::new(Inner {
            started: AtomicUsize::new(0),
            awaited: AtomicUsize::new(usize::MAX),
            enough: Notify::new(),
            stamps,
            checkpoints,
        }))
    }

    /// The first line of a task.
    pub fn start(&self) {
        if let Some(stamps) = &self.0.stamps {
            // Nobody listens any more once the samples are complete.
            let _ = stamps.send(Instant::now());
        }
        let started = self.0.started.fetch_add(1, Ordering::AcqRel) + 1;
        if started >= self.0.awaited.load(Ordering::Acquire) {
            self.0.enough.notify_one();
        }
    }

    /// The whole of a task that can checkpoint: [`start`](Self::start), and then as ordered.
    pub async fn run<F, E>(&self, mut checkpoint: impl FnMut(Vec<u8>) -> F) -> Result<(), E>
    where
        F: Future<Output = Result<(), E>>,
    {
        self.start();
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

    /// How many runs have started.
    pub fn started(&self) -> usize {
        self.0.started.load(Ordering::Acquire)
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
