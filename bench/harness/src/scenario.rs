//! What is measured.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// One kind of work, the same for every contender. README.md says of each what exactly is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scenario {
    /// One caller enqueues run after run, each awaited until it is durable.
    Enqueue1,
    /// 64 callers at once do the same.
    Enqueue64,
    /// One caller enqueues [`BULK`] runs a call.
    Bulk,
    /// An executor of concurrency 16 works off waiting no-op runs, until the last is durably completed.
    Drain16,
    /// The same with concurrency 64.
    Drain64,
    /// From the call of enqueue to the first line of the task, on an idle system.
    StartLatency,
    /// One checkpoint of 300 bytes inside a running task, until it is durable.
    Checkpoint,
    /// 64 runs checkpoint at once.
    Checkpoint64,
    /// CPU time of an executor that has nothing to do.
    Idle,
    /// Opening a store with many final and waiting runs.
    Open,
    /// 64 callers enqueue and 16 executors drain, in a store with 1,000 final runs.
    Flat1k,
    /// The same with 1,000,000 final runs.
    Flat1m,
}

/// Runs in one call of [`Scenario::Bulk`].
pub const BULK: usize = 1_000;

/// Callers, and records a batch of the floor, where many share one sync.
pub const CALLERS: usize = 64;

/// Bytes of execution metadata in a checkpoint.
pub const CHECKPOINT_BYTES: usize = 300;

/// The pause before each sample of [`Scenario::StartLatency`]: long enough for every queue to fall asleep.
pub const PAUSE: Duration = Duration::from_millis(20);

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Runs, records or checkpoints a second; more is better.
    PerSecond,
    /// Microseconds, the median of many; less is better.
    Micros,
    /// Seconds; less is better.
    Seconds,
    /// Milliseconds of CPU time a second; less is better.
    CpuMillisPerSecond,
}

impl Scenario {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 12] = [
        Self::Enqueue1,
        Self::Enqueue64,
        Self::Bulk,
        Self::Drain16,
        Self::Drain64,
        Self::StartLatency,
        Self::Checkpoint,
        Self::Checkpoint64,
        Self::Idle,
        Self::Open,
        Self::Flat1k,
        Self::Flat1m,
    ];

    /// The name on the command line and in the results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enqueue1 => "enqueue-1",
            Self::Enqueue64 => "enqueue-64",
            Self::Bulk => "bulk",
            Self::Drain16 => "drain-16",
            Self::Drain64 => "drain-64",
            Self::StartLatency => "start-latency",
            Self::Checkpoint => "checkpoint",
            Self::Checkpoint64 => "checkpoint-64",
            Self::Idle => "idle",
            Self::Open => "open",
            Self::Flat1k => "flat-1k",
            Self::Flat1m => "flat-1m",
        }
    }

    /// One line for the head of a table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Enqueue1 => "enqueue, 1 caller, each run awaited until durable",
            Self::Enqueue64 => "enqueue, 64 callers at once, each awaits its own run",
            Self::Bulk => "bulk enqueue, 1,000 runs a call",
            Self::Drain16 => "drain waiting no-op runs, concurrency 16, until all are durably completed",
            Self::Drain64 => "drain waiting no-op runs, concurrency 64, until all are durably completed",
            Self::StartLatency => "call of enqueue to first line of the task, idle system (floor: one durable commit)",
            Self::Checkpoint => "one checkpoint of 300 bytes (floor: one durable commit)",
            Self::Checkpoint64 => "64 runs checkpoint at once",
            Self::Idle => "an executor with nothing to do",
            Self::Open => "open a store with many final and waiting runs",
            Self::Flat1k => "enqueue and drain with 1,000 final runs at rest",
            Self::Flat1m => "enqueue and drain with 1,000,000 final runs at rest",
        }
    }

    /// What the figure counts.
    pub fn unit(self) -> Unit {
        match self {
            Self::Enqueue1
            | Self::Enqueue64
            | Self::Bulk
            | Self::Drain16
            | Self::Drain64
            | Self::Checkpoint64
            | Self::Flat1k
            | Self::Flat1m => Unit::PerSecond,
            Self::StartLatency | Self::Checkpoint => Unit::Micros,
            Self::Idle => Unit::CpuMillisPerSecond,
            Self::Open => Unit::Seconds,
        }
    }

    /// Whether a store must be filled, by a process before, so that opening it is not helped by a warm cache.
    pub fn needs_fill(self) -> bool {
        matches!(self, Self::Open | Self::Flat1k | Self::Flat1m)
    }

    /// Whether it is so slow that only the first round has it.
    pub fn only_once(self) -> bool {
        matches!(self, Self::Open | Self::Flat1m)
    }

    /// How many callers or concurrent runs it has.
    pub fn width(self) -> usize {
        match self {
            Self::Enqueue1 | Self::Bulk | Self::Checkpoint => 1,
            Self::Drain16 | Self::StartLatency | Self::Idle | Self::Open | Self::Flat1k | Self::Flat1m => 16,
            Self::Enqueue64 | Self::Drain64 | Self::Checkpoint64 => CALLERS,
        }
    }
}

impl Unit {
    /// Which of two figures is the better one.
    pub fn is_better_when_more(self) -> bool {
        self == Self::PerSecond
    }

    /// As the head of a column.
    pub fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "per second, more is better",
            Self::Micros => "median µs, less is better",
            Self::Seconds => "seconds, less is better",
            Self::CpuMillisPerSecond => "ms of CPU a second, less is better",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == s).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.map(Self::name).into();
            format!("no scenario {s:?}; there are {}", known.join(", "))
        })
    }
}

impl TryFrom<String> for Scenario {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        s.parse()
    }
}

impl From<Scenario> for String {
    fn from(scenario: Scenario) -> Self {
        scenario.name().into()
    }
}
