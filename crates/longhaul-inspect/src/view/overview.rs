//! The first page: how it goes, and what needs a look.

use std::time::Duration;

use longhaul::{
    Queue, StateKind, Timestamp,
    store_api::{
        counts::MinuteCounts,
        store::{Filter, ListOrder, PageRequest},
    },
};
use serde::Serialize;

use super::{KindView, QueueView, RunRow, ServerView, StateCounts};
use crate::{InspectError, Inspector, serial, words};

/// How many minutes the chart shows.
const MINUTES: usize = 60;
/// How many runs each list of the page has.
const ROWS: usize = 8;
/// A run that is due for longer than this, while servers live, is worth a look.
const WAITED_LONG: Duration = Duration::from_secs(600);

/// The first page: how it goes, and what needs a look. All of it is kept by the store, and none is counted for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Overview {
    /// The time of the store.
    #[serde(serialize_with = "serial::time")]
    pub now: Timestamp,
    /// All runs by state.
    pub states: StateCounts,
    /// How many could start by the time.
    pub due: u64,
    /// Since when the one is due that has waited longest: of those in queues that are not paused, if there are any.
    #[serde(serialize_with = "serial::optional_time")]
    pub oldest: Option<Timestamp>,
    /// Its queue.
    pub oldest_queue: Option<Queue>,
    /// Whether that queue is paused.
    pub oldest_is_paused: bool,
    /// How many servers live, late ones included.
    pub servers: usize,
    /// What happened in each of the last 60 minutes, the oldest first, also in those in which nothing did.
    pub minutes: Vec<MinuteView>,
    /// What needs a look.
    pub warnings: Vec<Warning>,
    /// Some of those that run now, the newest first.
    pub running: Vec<RunRow>,
    /// Some of those that failed, the newest first.
    pub failed: Vec<RunRow>,
}

/// What happened in a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MinuteView {
    /// When it begins.
    #[serde(serialize_with = "serial::time")]
    pub starts: Timestamp,
    /// Runs that were enqueued.
    pub enqueued: u64,
    /// Attempts that were claimed.
    pub started: u64,
    /// Attempts that failed, and are tried again.
    pub retried: u64,
    /// Runs that completed.
    pub completed: u64,
    /// Runs that failed for good.
    pub failed: u64,
    /// Runs that were cancelled.
    pub cancelled: u64,
}

/// What needs a look. Its code stays the same; its text may be told better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Warning {
    /// `no_server`, `servers_drain`, `server_late`, `kind_without_server`, `incompatible_runs`, `queue_paused`, `kind_paused`,
    /// `waiting_long`.
    pub code: &'static str,
    /// The queue, the kind or the server that it is about.
    pub about: Option<String>,
    /// What is the matter, and what to do.
    pub text: String,
}

impl MinuteView {
    fn of(counts: &MinuteCounts) -> Self {
        let MinuteCounts { enqueued, started, retried, completed, failed, cancelled, .. } = *counts;
        Self { starts: counts.starts(), enqueued, started, retried, completed, failed, cancelled }
    }
}

impl Overview {
    /// How many ended in the hour before, by how: completed, failed, cancelled.
    pub fn ended_last_hour(&self) -> [u64; 3] {
        self.minutes.iter().fold([0; 3], |[completed, failed, cancelled], minute| {
            [completed + minute.completed, failed + minute.failed, cancelled + minute.cancelled]
        })
    }
}

impl Inspector {
    /// The first page.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn overview(&self) -> Result<Overview, InspectError> {
        let (now, statistics) = (self.now(), self.client().store().statistics().await?);
        let mut states = StateCounts::default();
        statistics.counts.rows().for_each(|row| states.add(&row));
        let (queues, servers, kinds) = (self.queues().await?, self.servers().await?, self.kinds().await?);
        let waiting = queues.iter().filter_map(|view| Some((view.control.paused.is_some(), view.oldest?, &view.queue)));
        let oldest = waiting.min();
        let minute = |ago: usize| MinuteCounts {
            minute: now.as_micros().div_euclid(60_000_000) - ago as i64,
            ..MinuteCounts::default()
        };
        let mut minutes: Vec<MinuteView> = (0..MINUTES).rev().map(|ago| MinuteView::of(&minute(ago))).collect();
        for told in statistics.throughput.minutes(now).map(MinuteView::of) {
            if let Some(there) = minutes.iter_mut().find(|minute| minute.starts == told.starts) {
                *there = told;
            }
        }
        Ok(Overview {
            now,
            due: queues.iter().map(|view| view.due).sum(),
            oldest: oldest.map(|(_, since, _)| since),
            oldest_queue: oldest.map(|(.., queue)| queue.clone()),
            oldest_is_paused: oldest.is_some_and(|(is_paused, ..)| is_paused),
            servers: servers.len(),
            minutes,
            warnings: warnings(now, &states, &queues, &servers, &kinds),
            running: self.newest(StateKind::Running).await?,
            failed: self.newest(StateKind::Failed).await?,
            states,
        })
    }

    /// One page of the store, however few it finds: the first page must not read far.
    async fn newest(&self, state: StateKind) -> Result<Vec<RunRow>, InspectError> {
        let filter = Filter { states: vec![state], ..Filter::default() };
        let request = PageRequest { filter, order: ListOrder::NewestFirst, after: None, limit: ROWS };
        let page = self.client().store().list_headers(request).await?;
        Ok(page.runs.into_iter().map(RunRow::from).collect())
    }
}

fn warnings(
    now: Timestamp,
    states: &StateCounts,
    queues: &[QueueView],
    servers: &[ServerView],
    kinds: &[KindView],
) -> Vec<Warning> {
    let mut all = Vec::new();
    let mut warn = |code, about: Option<&dyn ToString>, text: String| {
        all.push(Warning { code, about: about.map(ToString::to_string), text });
    };
    let runs = |count: u64| format!("{} {}", words::count(count), if count == 1 { "run" } else { "runs" });
    if servers.is_empty() && states.live() > 0 {
        let text = format!("No server lives, and {} are not finished: start one.", runs(states.live()));
        warn("no_server", None, text);
    }
    let is_due = queues.iter().any(|view| view.due > 0 && view.control.paused.is_none());
    if is_due && !servers.is_empty() && servers.iter().all(|server| server.draining.is_some()) {
        let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        let text = format!(
            "Runs are due, and no server claims any: {} drains. Resume it, or start another.",
            names.join(", ")
        );
        warn("servers_drain", None, text);
    }
    for server in servers.iter().filter(|server| server.is_late) {
        let (name, heard) = (&server.name, words::relative(now, server.last_beat));
        warn(
            "server_late",
            Some(name),
            format!("The server {name} was last heard {heard}: its process may hang or be gone."),
        );
    }
    for view in kinds {
        let (kind, waiting) = (&view.kind, view.states.waiting());
        if view.servers == 0 && waiting > 0 && !servers.is_empty() {
            let text =
                format!("No server executes {kind}, and {} of it wait: start one that has its code.", runs(waiting));
            warn("kind_without_server", Some(kind), text);
        }
        let parked = view.states.of(StateKind::Incompatible);
        if parked > 0 {
            let text = format!(
                "{} of {kind} cannot be read by the code that runs: deploy code that reads them.",
                runs(parked)
            );
            warn("incompatible_runs", Some(kind), text);
        }
        if view.control.paused.is_some() && waiting > 0 {
            warn("kind_paused", Some(kind), format!("The kind {kind} is paused, with {} waiting.", runs(waiting)));
        }
    }
    for view in queues {
        let queue = &view.queue;
        match (&view.control.paused, view.oldest) {
            (Some(_), _) if view.due > 0 => {
                warn("queue_paused", Some(queue), format!("The queue {queue} is paused, with {} due.", runs(view.due)));
            }
            (None, Some(oldest)) if now.since(oldest) > WAITED_LONG && !servers.is_empty() => {
                let waited = words::duration(now.since(oldest));
                let text = format!("A run in the queue {queue} is due for {waited}: its page says what holds it back.");
                warn("waiting_long", Some(queue), text);
            }
            _ => {}
        }
    }
    all
}
