//! Trees of runs: what grows them, and what tells how they came out.
//!
//! A run above the leaves enqueues its children, waits for all of them, and, one level below the root, then for three
//! signals, one after the other. Leaves of one parent have an order key, and all leaves a limit.

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use longhaul::{
    AnyError, Backoff, Builder, Client, Context, EndedCursor, ExecutionResult, Longhaul, RetryPolicy, Success,
    Suspended, Task, TaskOptions, UniqueKey, store_api::history::Transition,
};
use serde::{Deserialize, Serialize};

use crate::say::say;

/// Runs from the root to a leaf.
const DEPTH: usize = 4;
/// Leaves that may be executed at the same time.
const LEAVES_MAX: u32 = 3;
/// Signals for each run below a root.
const SIGNALS: u64 = 3;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Place {
    /// From the root: "3.0.2".
    path: String,
    fanout: usize,
}

impl Place {
    fn depth(&self) -> usize {
        self.path.split('.').count()
    }
}

/// A run that has children.
pub(crate) struct Branch;

impl Task for Branch {
    const NAME: &'static str = "branch";
    type Metadata = Place;
    /// The signals that it took, in order.
    type ExecutionMetadata = Vec<u64>;
    type Output = u64;
    type Error = AnyError;

    fn options() -> TaskOptions {
        TaskOptions::default().retry(RetryPolicy::default().crashes(1000).backoff(Backoff::Fixed(Duration::ZERO)))
    }

    async fn execute(&self, ctx: &Context<Place, Vec<u64>>) -> ExecutionResult<u64, AnyError> {
        let here = ctx.metadata();
        say!("start {} {}", here.path, ctx.attempt().number);
        for nth in 0..here.fanout {
            let place = Place { path: format!("{}.{nth}", here.path), fanout: here.fanout };
            let name = nth.to_string();
            if place.depth() < DEPTH {
                ctx.enqueue_child::<Branch>(name, place).await?;
            } else {
                ctx.enqueue_child::<Leaf>(name, place).ordered_by(here.path.clone()).await?;
            }
        }
        if ctx.children().await?.open() > 0 {
            return Suspended::for_result().on_all_children().for_error();
        }
        if here.depth() == 2 && ctx.read(Vec::len) < SIGNALS as usize {
            if let Some(signal) = ctx.signal::<u64>("step")? {
                ctx.update(|taken| taken.push(signal));
            }
            // One for each wait: the next is taken by another attempt.
            if ctx.read(Vec::len) < SIGNALS as usize {
                return Suspended::for_result().on_signal("step").for_error();
            }
        }
        let mut leaves = 0;
        for nth in 0..here.fanout {
            let name = nth.to_string();
            leaves += if here.depth() + 1 < DEPTH {
                let child = ctx.child::<Branch>(&name).await?.expect("it was enqueued");
                child.outcome_now()?.expect("it is final").completed().unwrap_or(0)
            } else {
                let child = ctx.child::<Leaf>(&name).await?.expect("it was enqueued");
                child.outcome_now()?.expect("it is final").completed().unwrap_or(0)
            };
        }
        Success::with_result(leaves).for_error()
    }
}

/// One at the end.
pub(crate) struct Leaf;

static EXECUTING: AtomicUsize = AtomicUsize::new(0);
/// The leaves that are executed, by their parents.
static IN_ORDER: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

/// Counts a leaf as long as it is executed, and tells when there are too many.
struct Counted(String);

impl Counted {
    fn begin(path: &str) -> Self {
        let executing = EXECUTING.fetch_add(1, Ordering::AcqRel) + 1;
        if executing > LEAVES_MAX as usize {
            say!("wrong {executing} leaves are executed");
        }
        let parent = path.rsplit_once('.').expect("a leaf has a parent").0.to_owned();
        let mut in_order = IN_ORDER.lock().unwrap_or_else(PoisonError::into_inner);
        let of_parent = in_order.entry(parent.clone()).or_default();
        *of_parent += 1;
        if *of_parent > 1 {
            say!("wrong {path} is executed beside another of its order key");
        }
        Self(parent)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *IN_ORDER.lock().unwrap_or_else(PoisonError::into_inner).entry(self.0.clone()).or_default() -= 1;
        EXECUTING.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Task for Leaf {
    const NAME: &'static str = "leaf";
    type Metadata = Place;
    type ExecutionMetadata = u64;
    type Output = u64;
    type Error = AnyError;

    fn options() -> TaskOptions {
        Branch::options().running_max(LEAVES_MAX)
    }

    async fn execute(&self, ctx: &Context<Place, u64>) -> ExecutionResult<u64, AnyError> {
        let path = &ctx.metadata().path;
        let _counted = Counted::begin(path);
        say!("leaf {path} {}", ctx.attempt().number);
        ctx.update(|count| *count += 1);
        ctx.checkpoint().await?;
        Success::with_result(1).for_error()
    }
}

pub(crate) fn registered(builder: Builder) -> Builder {
    builder.task(Branch).task(Leaf)
}

/// Grows trees, of which at least `live` are not done, until it is killed.
pub(crate) async fn grow(server: Longhaul, live: usize, fanout: usize) -> Result<(), Box<dyn Error>> {
    let client = server.client();
    say!("growing");
    let sender = tokio::spawn(signal_all(client.clone()));
    let mut runs = Vec::new();
    for tree in 0.. {
        let key = UniqueKey::new(format!("tree {tree}")).for_period(Duration::from_secs(24 * 60 * 60));
        let root = Place { path: tree.to_string(), fanout };
        // What the process before enqueued is met by its key.
        let run = client.enqueue::<Branch>(root).unique(key).await?;
        if !run.status().await?.state().is_final() {
            runs.push(run);
        }
        if runs.len() == live {
            break;
        }
    }
    for run in runs {
        run.outcome().await?;
    }
    sender.abort();
    // All are done before the blow fell: more of them.
    say!("grown");
    std::future::pending().await
}

/// Sends each run below a root its signals, whatever it is doing; what was sent before is recognised.
async fn signal_all(client: Client) {
    let mut sent = std::collections::BTreeSet::new();
    loop {
        for found in client.find::<Branch>().live().all().await.unwrap_or_default() {
            let Ok(place) = found.status.metadata() else { continue };
            if place.depth() == 2 && !sent.contains(&place.path) {
                let mut all = true;
                for number in 1..=SIGNALS {
                    let signal = found.run.signal("step", number).idempotency_key(number.to_string());
                    all &= signal.await.is_ok();
                }
                if all {
                    sent.insert(place.path);
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Lets all trees grow to their end, and tells how each run came out.
pub(crate) async fn harvest(server: Longhaul) -> Result<(), Box<dyn Error>> {
    let client = server.client();
    let sender = tokio::spawn(signal_all(client.clone()));
    for found in client.find::<Branch>().all().await? {
        found.run.outcome().await?;
    }
    sender.abort();
    let branches = client.find::<Branch>().all().await?;
    for found in &branches {
        let (place, signals) = (found.status.metadata()?, found.status.execution_metadata()?);
        let history = found.status.history();
        let proceeded = history.entries.iter().filter(|entry| entry.what == Transition::Proceeded);
        let (by_children, by_signals): (Vec<_>, Vec<_>) = proceeded.partition(|entry| {
            entry.why.as_deref().is_some_and(|why| why.starts_with("all of its children are final"))
        });
        let (woken, heard) = (by_children.len(), by_signals.len());
        let leaves = found.run.outcome().await?.completed().unwrap_or(0);
        let children = found.run.children().await?;
        let signals: Vec<String> = signals.iter().map(u64::to_string).collect();
        say!(
            "branch {} {leaves} {woken} {heard} {} {} [{}] {}",
            place.path,
            children.total,
            children.completed,
            signals.join("-"),
            history.dropped
        );
    }
    let leaves = client.find::<Leaf>().all().await?;
    for found in &leaves {
        say!("final {} {} {}", found.status.metadata()?.path, found.status.state(), found.status.execution_metadata()?);
    }
    let mut ended = client.ended(EndedCursor::START);
    for _ in 0..branches.len() + leaves.len() {
        say!("ended {}", ended.next().await?.id);
    }
    server.shutdown(Duration::from_secs(5)).await;
    say!("harvested");
    Ok(())
}
