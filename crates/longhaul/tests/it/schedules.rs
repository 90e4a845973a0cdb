//! Schedules: what is enqueued when, by whom, and what survives.

mod by_code;
mod by_hand;
#[cfg(feature = "cron")]
mod cron;
mod firing;
mod instants;
mod missed;
mod overlap;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use longhaul::{
    AnyError, Client, Context, ExecutionResult, Found, Overlap, Schedule, ScheduleInfo, Success, Task, Timestamp,
};

use crate::kit::{Gate, START, Scene};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Ends when its gate is open, or it is told to stop.
#[derive(Clone, Default)]
struct Work {
    gate: Gate,
    running: Arc<AtomicUsize>,
    /// The most that ever ran at the same time.
    most: Arc<AtomicUsize>,
}

impl Work {
    fn at_once() -> Self {
        let work = Self::default();
        work.gate.open();
        work
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::Acquire)
    }
}

impl Task for Work {
    const NAME: &'static str = "scheduled";
    type Metadata = String;
    type ExecutionMetadata = ();
    type Output = String;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<String, ()>) -> ExecutionResult<String, AnyError> {
        let running = self.running.fetch_add(1, Ordering::AcqRel) + 1;
        self.most.fetch_max(running, Ordering::AcqRel);
        let opened = ctx.until_stopped(self.gate.opened()).await;
        self.running.fetch_sub(1, Ordering::AcqRel);
        opened?;
        Success::with_result(ctx.metadata().clone()).for_error()
    }
}

/// Runs of it may overlap, so that a test need not wait for one to end.
fn hourly() -> Schedule {
    Schedule::every(HOUR).overlap(Overlap::Allow)
}

/// The schedule as soon as `holds`.
async fn told(client: &Client, name: &str, holds: impl Fn(&ScheduleInfo) -> bool) -> ScheduleInfo {
    let mut position = 0;
    loop {
        position = client.store().schedules(position).await.unwrap().position;
        if let Ok(info) = client.schedules().get(name).await
            && holds(&info)
        {
            return info;
        }
    }
}

/// As soon as there is none of these.
async fn gone(client: &Client, names: &[&str]) {
    let mut position = 0;
    while client.schedules().list().await.unwrap().iter().any(|info| names.contains(&info.name().as_str())) {
        position = client.store().schedules(position).await.unwrap().position;
    }
}

/// As soon as all up to now was handled.
async fn caught_up(client: &Client, scene: &Scene, name: &str) -> ScheduleInfo {
    use longhaul::Clock;
    let now = scene.clock.now();
    told(client, name, |info| info.next().unwrap().is_none_or(|next| next > now)).await
}

/// All runs of a schedule, final or not, in the order of their instants.
async fn runs(client: &Client, name: &str) -> Vec<Found<Work>> {
    client.find::<Work>().with_tag(longhaul::SCHEDULE_TAG, name).all().await.unwrap()
}

/// Waits until all runs of a schedule that there are have ended.
async fn finished(client: &Client, name: &str) {
    for found in runs(client, name).await {
        let _ = found.run.outcome().await.unwrap();
    }
}

/// The instants that the runs of a schedule stand for, as hours since the start.
async fn hours(client: &Client, name: &str) -> Vec<f64> {
    let hour = |found: &Found<Work>| found.run.id().created().since(START).as_secs_f64() / 3600.0;
    runs(client, name).await.iter().map(hour).collect()
}

fn at(hours: u32) -> Timestamp {
    START.after(hours * HOUR)
}
