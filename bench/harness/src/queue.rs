//! A task queue, and how every one of them is measured.

use std::{
    future::Future,
    marker::PhantomData,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{sync::mpsc::UnboundedReceiver, task::JoinSet, time};

use crate::{
    Contender, Measured, Order, Pace, Payload, Probe, Scenario, machine,
    scenario::{BULK, CALLERS, PAUSE},
    stats,
};

/// How often a queue is asked whether all is settled, once every run has started.
const ASK_AGAIN: Duration = Duration::from_millis(2);

/// How long an idle executor is watched.
const IDLE: Duration = Duration::from_secs(5);

/// A task queue that can be measured: one kind of task, whose body is a [`Probe`].
///
/// Futures return when the queue itself would let its user go on: what is durable then is in
/// [`DURABILITY`](Self::DURABILITY).
pub trait Queue: Send + Sync + Sized + 'static {
    /// The name on the command line and in the results.
    const NAME: &'static str;
    /// See [`Contender::durability`].
    const DURABILITY: &'static str;
    /// Whether it can enqueue many in one call.
    const BULK: bool;
    /// Whether a running task can save how far it is.
    const CHECKPOINTS: bool;
    /// Whether filling it with a million final runs is worth the time.
    const FILLS: bool;

    /// Opens or creates the store in `dir`.
    fn open(dir: &Path) -> impl Future<Output = Result<Self>> + Send;

    /// Enqueues one run.
    fn enqueue(&self, payload: Payload) -> impl Future<Output = Result<()>> + Send;

    /// Enqueues many in one call, where [`BULK`](Self::BULK).
    fn enqueue_all(&self, _payloads: Vec<Payload>) -> impl Future<Output = Result<()>> + Send {
        async { bail!("{} cannot enqueue in bulk", Self::NAME) }
    }

    /// Starts executing, with at most `concurrency` runs at once, until [`close`](Self::close). Called once.
    fn execute(&self, concurrency: usize, probe: Probe) -> impl Future<Output = Result<()>> + Send;

    /// Whether every run that was enqueued so far is completed, as durably as this queue ever makes it.
    fn settled(&self) -> impl Future<Output = Result<bool>> + Send;

    /// What it counted so far, such as bytes written: the figures get how much of it there was for each piece of work.
    fn counters(&self) -> impl Future<Output = Result<Vec<(&'static str, f64)>>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Stops executing and closes the store, so that another process can open it.
    fn close(&self) -> impl Future<Output = Result<()>> + Send;
}

/// A [`Queue`] as a [`Contender`].
#[derive(Clone, Copy, Debug)]
pub struct Measure<Q>(PhantomData<fn() -> Q>);

impl<Q> Measure<Q> {
    /// Measures `Q`.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<Q> Default for Measure<Q> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Q: Queue> Contender for Measure<Q> {
    fn name(&self) -> &'static str {
        Q::NAME
    }

    fn durability(&self) -> &'static str {
        Q::DURABILITY
    }

    fn scenarios(&self) -> Vec<Scenario> {
        let can = |scenario: &Scenario| match scenario {
            Scenario::Bulk => Q::BULK,
            Scenario::Checkpoint | Scenario::Checkpoint64 => Q::CHECKPOINTS,
            Scenario::Open | Scenario::Flat1k | Scenario::Flat1m => Q::FILLS,
            _ => true,
        };
        Scenario::ALL.into_iter().filter(can).collect()
    }

    fn fill(&self, order: &Order) -> Result<()> {
        block_on(async {
            let queue = Arc::new(Q::open(&order.dir).await?);
            add(&queue, 0, order.finals).await?;
            let probe = Probe::counting(order.finals);
            queue.execute(CALLERS, probe.clone()).await?;
            probe.until_started(order.finals).await;
            until_settled(&*queue).await?;
            queue.close().await?;
            drop(queue);
            if order.waiting > 0 {
                let queue = Arc::new(Q::open(&order.dir).await?);
                add(&queue, order.finals, order.waiting).await?;
                queue.close().await?;
            }
            Ok(())
        })
    }

    fn measure(&self, order: &Order) -> Result<Measured> {
        block_on(async {
            if order.scenario == Scenario::Open {
                return open::<Q>(&order.dir).await;
            }
            let queue = Arc::new(Q::open(&order.dir).await?);
            match order.scenario {
                Scenario::Enqueue1 | Scenario::Enqueue64 => enqueue(&queue, order).await,
                Scenario::Bulk => bulk(&*queue, order).await,
                Scenario::Drain16 | Scenario::Drain64 => {
                    add(&queue, 0, order.count).await?;
                    let before = queue.counters().await?;
                    drain(&*queue, order, &before, Pace::start(order)).await
                }
                Scenario::StartLatency => start_latency(&*queue, order).await,
                Scenario::Checkpoint | Scenario::Checkpoint64 => checkpoint(&*queue, order).await,
                Scenario::Idle => idle(&*queue, order).await,
                Scenario::Flat1k | Scenario::Flat1m => {
                    let before = queue.counters().await?;
                    let pace = Pace::start(order);
                    spread(&queue, 0, order.count).await?;
                    drain(&*queue, order, &before, pace).await
                }
                Scenario::Open => unreachable!("measured above, before a store is open"),
            }
        })
    }
}

/// The runtime that a user would have: a worker thread per CPU.
fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(future);
    // What still runs, runs in a process that ends now.
    runtime.shutdown_background();
    result
}

/// Adds what `queue` counted since `before`, for each piece that was done.
async fn counted<Q: Queue>(queue: &Q, before: &[(&'static str, f64)], mut measured: Measured) -> Result<Measured> {
    let done = measured.also.get("done").copied().unwrap_or(1.0).max(1.0);
    for (name, after) in queue.counters().await? {
        let before = before.iter().find(|(of, _)| *of == name).map_or(0.0, |(_, before)| *before);
        measured = measured.and(name, (after - before) / done);
    }
    Ok(measured)
}

async fn enqueue<Q: Queue>(queue: &Arc<Q>, order: &Order) -> Result<Measured> {
    let before = queue.counters().await?;
    let pace = Arc::new(Pace::start(order));
    let mut callers = JoinSet::new();
    for _ in 0..order.scenario.width() {
        let (queue, pace) = (Arc::clone(queue), Arc::clone(&pace));
        callers.spawn(async move {
            let mut samples = Vec::new();
            while let Some(seq) = pace.take(1) {
                let called = Instant::now();
                queue.enqueue(Payload::new(seq)).await?;
                samples.push(called.elapsed());
            }
            anyhow::Ok(samples)
        });
    }
    let mut samples = Vec::with_capacity(order.count);
    while let Some(done) = callers.join_next().await {
        samples.extend(done??);
    }
    let measured = pace.stop(samples.len()).and("p50_us", stats::latency(&samples).value);
    counted(&**queue, &before, measured).await
}

async fn bulk<Q: Queue>(queue: &Q, order: &Order) -> Result<Measured> {
    // Made beforehand: what is measured is the call.
    let calls = order.count.div_ceil(BULK);
    let ready: Vec<_> = (0..calls).map(|call| payloads(call * BULK, BULK)).collect();
    let before = queue.counters().await?;
    let pace = Pace::start(order);
    let mut done = 0;
    for call in ready {
        if pace.over() {
            break;
        }
        done += call.len();
        queue.enqueue_all(call).await?;
    }
    counted(queue, &before, pace.stop(done)).await
}

/// Works off `order.count` waiting runs, on the clock of `pace`.
async fn drain<Q: Queue>(queue: &Q, order: &Order, before: &[(&'static str, f64)], pace: Pace) -> Result<Measured> {
    let probe = Probe::counting(order.count);
    queue.execute(order.scenario.width(), probe.clone()).await?;
    let all = async {
        probe.until_started(order.count).await;
        until_settled(queue).await
    };
    let settled = time::timeout(order.limit, all).await.ok().transpose()?.is_some();
    // What has started is nearly what is completed: at most the concurrency and one batch less.
    let done = if settled { order.count } else { probe.started() };
    let mut measured = counted(queue, before, pace.stop(done)).await?;
    measured.cut = !settled;
    Ok(with_repeats(measured, &probe))
}

/// Adds how often a run was executed that had been executed before, if any was.
fn with_repeats(measured: Measured, probe: &Probe) -> Measured {
    match probe.repeats() {
        0 => measured,
        repeats => measured.and("repeats", repeats as f64),
    }
}

async fn start_latency<Q: Queue>(queue: &Q, order: &Order) -> Result<Measured> {
    // One run more than is measured.
    let (probe, mut starts) = Probe::stamping(order.count + 1);
    queue.execute(order.scenario.width(), probe.clone()).await?;
    // The first run warms up: connections, files, caches.
    sample_start(queue, 0, &mut starts, order.limit).await?;
    let pace = Pace::start(order);
    let mut samples = Vec::with_capacity(order.count);
    while let Some(seq) = pace.take(1) {
        time::sleep(PAUSE).await;
        samples.push(sample_start(queue, seq + 1, &mut starts, order.limit).await?);
    }
    let mut measured = stats::latency(&samples);
    measured.cut = samples.len() < order.count;
    Ok(with_repeats(measured, &probe))
}

async fn sample_start<Q: Queue>(
    queue: &Q,
    seq: u64,
    starts: &mut UnboundedReceiver<Instant>,
    limit: Duration,
) -> Result<Duration> {
    let payload = Payload::new(seq);
    let called = Instant::now();
    queue.enqueue(payload).await?;
    let started = time::timeout(limit, starts.recv()).await.context("the run does not start")?;
    Ok(started.context("the task is gone")? - called)
}

async fn checkpoint<Q: Queue>(queue: &Q, order: &Order) -> Result<Measured> {
    let runs = order.scenario.width();
    let (probe, mut through) = Probe::checkpointing(runs, order.count);
    queue.execute(runs, probe.clone()).await?;
    add_singly(queue, 0, runs).await?;
    for _ in 0..runs {
        time::timeout(order.limit, through.recv()).await.context("a run does not get through its checkpoints")?;
    }
    let (samples, span) = probe.checkpoints();
    let each = stats::latency(&samples);
    if runs == 1 {
        return Ok(each);
    }
    Ok(Measured::of(samples.len() as f64 / span.as_secs_f64()).and("p50_us", each.value))
}

async fn idle<Q: Queue>(queue: &Q, order: &Order) -> Result<Measured> {
    queue.execute(order.scenario.width(), Probe::counting(0)).await?;
    time::sleep(Duration::from_secs(1)).await;
    let before = machine::cpu_time().context("no CPU time on this system")?;
    time::sleep(IDLE).await;
    let after = machine::cpu_time().context("no CPU time on this system")?;
    Ok(Measured::of(after.saturating_sub(before).as_secs_f64() * 1_000.0 / IDLE.as_secs_f64()))
}

async fn open<Q: Queue>(dir: &Path) -> Result<Measured> {
    let disk = machine::disk_bytes(dir);
    let before = machine::resident_bytes().unwrap_or_default();
    let called = Instant::now();
    let queue = Q::open(dir).await?;
    let opened = called.elapsed();
    let after = machine::resident_bytes().unwrap_or_default();
    ensure!(!queue.settled().await?, "the store opened empty: the waiting runs are gone");
    Ok(Measured::of(opened.as_secs_f64())
        .and("rss_mb", after.saturating_sub(before) as f64 / 1e6)
        .and("disk_mb", disk as f64 / 1e6))
}

/// Puts `count` runs into the queue, not measured, as fast as it can.
async fn add<Q: Queue>(queue: &Arc<Q>, first: usize, count: usize) -> Result<()> {
    if !Q::BULK {
        return spread(queue, first, count).await;
    }
    for at in (0..count).step_by(BULK) {
        queue.enqueue_all(payloads(first + at, BULK.min(count - at))).await?;
    }
    Ok(())
}

/// The same, one run a call, by 64 callers.
async fn spread<Q: Queue>(queue: &Arc<Q>, first: usize, count: usize) -> Result<()> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let queue = Arc::clone(queue);
        callers.spawn(async move {
            for seq in (first + caller..first + count).step_by(CALLERS) {
                queue.enqueue(Payload::new(seq as u64)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    Ok(())
}

async fn add_singly<Q: Queue>(queue: &Q, first: usize, count: usize) -> Result<()> {
    for payload in payloads(first, count) {
        queue.enqueue(payload).await?;
    }
    Ok(())
}

async fn until_settled<Q: Queue>(queue: &Q) -> Result<()> {
    while !queue.settled().await? {
        time::sleep(ASK_AGAIN).await;
    }
    Ok(())
}

fn payloads(first: usize, count: usize) -> Vec<Payload> {
    (first..first + count).map(|seq| Payload::new(seq as u64)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Executes each run with an even number, and twice; it never says that all is settled.
    #[derive(Default)]
    struct Twice {
        waiting: Mutex<Vec<u64>>,
        probe: Mutex<Option<Probe>>,
    }

    impl Twice {
        fn go_on(&self) {
            let Some(probe) = &*self.probe.lock().expect("not poisoned") else { return };
            for seq in self.waiting.lock().expect("not poisoned").drain(..) {
                probe.start(seq);
                probe.start(seq);
            }
        }
    }

    impl Queue for Twice {
        const NAME: &'static str = "twice";
        const DURABILITY: &'static str = "none";
        const BULK: bool = false;
        const CHECKPOINTS: bool = false;
        const FILLS: bool = false;

        async fn open(_: &Path) -> Result<Self> {
            Ok(Self::default())
        }

        async fn enqueue(&self, payload: Payload) -> Result<()> {
            self.waiting.lock().expect("not poisoned").push(payload.seq);
            self.go_on();
            Ok(())
        }

        async fn execute(&self, _: usize, probe: Probe) -> Result<()> {
            *self.probe.lock().expect("not poisoned") = Some(probe);
            self.waiting.lock().expect("not poisoned").retain(|seq| seq % 2 == 0);
            self.go_on();
            Ok(())
        }

        async fn settled(&self) -> Result<bool> {
            Ok(false)
        }

        async fn close(&self) -> Result<()> {
            Ok(())
        }
    }

    fn measure(scenario: Scenario, count: usize, limit: Duration) -> Measured {
        let order = Order {
            contender: Twice::NAME.into(),
            scenario,
            count,
            finals: 0,
            waiting: 0,
            limit,
            dir: "nowhere".into(),
            answer: "nowhere".into(),
        };
        Measure::<Twice>::new().measure(&order).expect("measured")
    }

    #[test]
    fn the_latency_of_a_queue_that_repeats_is_that_of_the_run_just_enqueued() {
        let measured = measure(Scenario::StartLatency, 3, Duration::from_secs(60));
        assert!(measured.value > 0.0, "a run began before it was enqueued");
        // One more than is measured.
        assert!((measured.also["repeats"] - 4.0).abs() < f64::EPSILON, "{measured:?}");
    }

    #[test]
    fn a_drain_that_is_cut_off_counts_each_run_once() {
        let measured = measure(Scenario::Drain16, 10, Duration::ZERO);
        assert!(measured.cut);
        assert!((measured.also["done"] - 5.0).abs() < f64::EPSILON, "{measured:?}");
        assert!((measured.also["repeats"] - 5.0).abs() < f64::EPSILON, "{measured:?}");
    }

    #[test]
    fn a_drain_of_which_all_has_started_and_not_all_is_settled_is_cut_off() {
        let measured = measure(Scenario::Drain16, 1, Duration::ZERO);
        assert!(measured.cut);
        assert!((measured.also["done"] - 1.0).abs() < f64::EPSILON, "{measured:?}");
    }
}
