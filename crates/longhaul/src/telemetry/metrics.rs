//! Numbers for the recorder of the `metrics` crate that the program has installed. Feature `metrics`.

use std::time::Duration;

use longhaul_core::{Inserted, Kind, NewRun, Queue, Timestamp};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// A recorder may be installed.
pub(crate) const ARE_ON: bool = true;

/// A number that longhaul reports.
///
/// ```
/// use longhaul::telemetry::metrics::{ALL, Measure};
///
/// for metric in ALL {
///     println!("{} ({:?}, {}) by {:?}: {}", metric.name, metric.measure, metric.unit, metric.labels, metric.what);
/// }
/// assert!(ALL.iter().any(|metric| metric.measure == Measure::Histogram && metric.unit == "seconds"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// How it changes.
    pub measure: Measure,
    /// What it is counted in.
    pub unit: &'static str,
    /// The labels that distinguish its values.
    pub labels: &'static [&'static str],
    /// What it means.
    pub what: &'static str,
}

/// How a number changes.
///
/// ```
/// use longhaul::telemetry::metrics::Measure;
///
/// assert_eq!(format!("{:?}", Measure::Gauge), "Gauge");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an exporter that does not know one should not compile")]
pub enum Measure {
    /// It only grows while the process lives.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Each measurement is recorded on its own.
    Histogram,
}

const OF_RUNS: &[&str] = &["kind", "queue"];

macro_rules! metrics {
    ($($(#[$doc:meta])* $id:ident = $name:literal, $measure:ident, $unit:literal, $labels:expr, $what:literal;)*) => {
        $(#[doc = concat!("See [`ALL`]: ", $what, ".")] pub const $id: &str = $name;)*

        /// All of them, as in the table of [`telemetry`](crate::telemetry).
        pub const ALL: &[Metric] = &[
            $(Metric { name: $id, measure: Measure::$measure, unit: $unit, labels: $labels, what: $what },)*
        ];
    };
}

metrics! {
    ENQUEUED = "longhaul_enqueued_total", Counter, "runs", OF_RUNS, "runs that this process enqueued, its schedules' among them";
    STARTED = "longhaul_attempts_started_total", Counter, "attempts", OF_RUNS, "attempts that started on this server";
    ENDED = "longhaul_attempts_ended_total", Counter, "attempts", &["kind", "queue", "how"], "attempts whose end is kept, by how they ended";
    LOST = "longhaul_attempts_lost_total", Counter, "attempts", OF_RUNS, "attempts whose end the store has not confirmed";
    RETRIES = "longhaul_retries_total", Counter, "attempts", OF_RUNS, "attempts after which the run is tried again";
    CRASHES = "longhaul_crashes_total", Counter, "attempts", OF_RUNS, "attempts that go on after a crash or a panic of the one before";
    CHECKPOINTS = "longhaul_checkpoints_total", Counter, "checkpoints", OF_RUNS, "saves of execution metadata during attempts, autosaves among them";
    RUNNING = "longhaul_running", Gauge, "attempts", OF_RUNS, "attempts that execute on this server";
    SLOTS = "longhaul_slots", Gauge, "attempts", &["server"], "attempts that the server of this name may execute at once";
    DUE = "longhaul_queue_due", Gauge, "runs", &["queue"], "runs of the store that are due and wait, looked at every 15 s";
    OLDEST = "longhaul_queue_oldest_seconds", Gauge, "seconds", &["queue"], "how long the one of them has been due that has waited longest";
    WAIT = "longhaul_wait_seconds", Histogram, "seconds", OF_RUNS, "from when a run was due to the start of its attempt";
    ATTEMPT = "longhaul_attempt_seconds", Histogram, "seconds", OF_RUNS, "from the start of an attempt to its end";
    CHECKPOINT = "longhaul_checkpoint_seconds", Histogram, "seconds", OF_RUNS, "how long a save took";
}

/// Describes the numbers to the recorder.
fn describe() {
    for metric in ALL {
        let unit = if metric.unit == "seconds" { Unit::Seconds } else { Unit::Count };
        match metric.measure {
            Measure::Counter => describe_counter!(metric.name, unit, metric.what),
            Measure::Gauge => describe_gauge!(metric.name, unit, metric.what),
            Measure::Histogram => describe_histogram!(metric.name, unit, metric.what),
        }
    }
}

/// The labels of a run.
fn of(kind: &Kind, queue: &Queue) -> [(&'static str, String); 2] {
    [("kind", kind.as_str().to_owned()), ("queue", queue.as_str().to_owned())]
}

/// Runs that a store is about to be asked to keep.
pub(crate) struct Enqueuing(Vec<(Kind, Queue)>);

impl Enqueuing {
    pub(crate) fn of(runs: &[NewRun]) -> Self {
        Self(runs.iter().map(|new| (new.kind.clone(), new.queue.clone())).collect())
    }

    pub(crate) fn answered<E>(self, answers: &[Result<Inserted, E>]) {
        for ((kind, queue), answer) in self.0.iter().zip(answers) {
            if matches!(answer, Ok(Inserted::New)) {
                counter!(ENQUEUED, &of(kind, queue)).increment(1);
            }
        }
    }
}

/// A save of an attempt, from its capture on.
#[derive(Clone, Copy)]
pub(crate) struct Saving(Timestamp);

impl Saving {
    pub(crate) fn started(now: Timestamp) -> Self {
        Self(now)
    }

    pub(crate) fn kept(self, kind: &Kind, queue: &Queue, now: Timestamp) {
        let labels = of(kind, queue);
        counter!(CHECKPOINTS, &labels).increment(1);
        histogram!(CHECKPOINT, &labels).record(now.since(self.0));
    }
}

/// The number of slots of a server has changed.
pub(crate) fn slots(server: &str, slots: usize) {
    describe();
    gauge!(SLOTS, "server" => server.to_owned()).set(slots as f64);
}

/// How many runs of a queue are due, and for how long the oldest of them has been.
pub(crate) fn depth(queue: &Queue, due: u64, oldest: Duration) {
    let labels = [("queue", queue.as_str().to_owned())];
    gauge!(DUE, &labels).set(due as f64);
    gauge!(OLDEST, &labels).set(oldest);
}

/// An attempt executes.
pub(crate) fn entered(kind: &Kind, queue: &Queue) {
    gauge!(RUNNING, &of(kind, queue)).increment(1);
}

/// The user's code of an attempt has ended, in whatever way.
pub(crate) fn left(kind: &Kind, queue: &Queue) {
    gauge!(RUNNING, &of(kind, queue)).decrement(1);
}

/// An attempt starts.
pub(crate) fn started(kind: &Kind, queue: &Queue, waited: Duration, after_crash: bool) {
    let labels = of(kind, queue);
    counter!(STARTED, &labels).increment(1);
    histogram!(WAIT, &labels).record(waited);
    if after_crash {
        counter!(CRASHES, &labels).increment(1);
    }
}

/// The store has kept how an attempt ended.
pub(crate) fn ended(kind: &Kind, queue: &Queue, how: &'static str, took: Duration, is_retried: bool) {
    let labels = of(kind, queue);
    let [kind, queue] = labels.clone();
    counter!(ENDED, &[kind, queue, ("how", how.to_owned())]).increment(1);
    histogram!(ATTEMPT, &labels).record(took);
    if is_retried {
        counter!(RETRIES, &labels).increment(1);
    }
}

/// An attempt ended, and the store has not confirmed how.
pub(crate) fn lost(kind: &Kind, queue: &Queue, took: Duration) {
    let labels = of(kind, queue);
    counter!(LOST, &labels).increment(1);
    histogram!(ATTEMPT, &labels).record(took);
}
