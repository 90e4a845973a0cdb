//! How many runs there are, and how many moved: kept beside the runs, so that nobody has to read them to know.
//!
//! A store calls [`Statistics::record`] where it applies a transition, in the same place as that, and nowhere else. A
//! store of one server keeps one [`Statistics`]. Where several servers write to one database, each keeps what it has
//! changed since its last write as a small [`RunCounts`] of its own, whose numbers may be negative, and writes it as rows
//! of its own; a sweep [merges](RunCounts::merge) such rows into one. So no row is written by two servers at once.

mod throughput;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use throughput::{MINUTES_KEPT, MinuteCounts, Throughput};

use crate::{
    name::{Kind, Queue},
    run::Run,
    state::StateKind,
    store::Filter,
    time::Timestamp,
};

/// Runs by state, kind and queue.
///
/// ```
/// use longhaul_core::{StateKind, counts::RunCounts, doc, store::Filter};
///
/// let mut counts = RunCounts::of([&doc::run(), &doc::running()]);
/// assert_eq!(counts.count(&Filter { states: vec![StateKind::Running], ..Filter::default() }), Some(1));
/// assert_eq!(counts.count(&Filter { not_retried: true, ..Filter::default() }), None); // it is not kept
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RunCounts {
    /// By kind, queue and state. Where all numbers are 0, there is nothing.
    rows: BTreeMap<Kind, BTreeMap<Queue, ByState>>,
}

type ByState = [i64; StateKind::ALL.len()];

/// So many runs of one kind are in one state in one queue.
///
/// ```
/// use longhaul_core::{counts::RunCounts, doc};
///
/// let counts = RunCounts::of([&doc::run()]);
/// assert_eq!(counts.rows().next().map(|row| row.runs), Some(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct CountRow {
    /// Their state.
    pub state: StateKind,
    /// Their kind.
    pub kind: Kind,
    /// Their queue.
    pub queue: Queue,
    /// How many there are. Not 0; negative only among the changes of one server.
    pub runs: i64,
}

impl RunCounts {
    /// The counts of these runs.
    pub fn of<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Self {
        let mut counts = Self::default();
        for run in runs {
            counts.add(run.state.kind(), &run.kind, &run.queue, 1);
        }
        counts
    }

    /// Changes one row.
    pub fn add(&mut self, state: StateKind, kind: &Kind, queue: &Queue, runs: i64) {
        // Names are copied only for the first run of a row.
        let Some(by_state) = self.rows.get_mut(kind).and_then(|queues| queues.get_mut(queue)) else {
            if runs != 0 {
                let queues = self.rows.entry(kind.clone()).or_default();
                queues.entry(queue.clone()).or_default()[state as usize] = runs;
            }
            return;
        };
        by_state[state as usize] += runs;
        if by_state[state as usize] == 0 && by_state.iter().all(|runs| *runs == 0) {
            self.remove(kind, queue);
        }
    }

    fn remove(&mut self, kind: &Kind, queue: &Queue) {
        if let Some(queues) = self.rows.get_mut(kind) {
            queues.remove(queue);
            if queues.is_empty() {
                self.rows.remove(kind);
            }
        }
    }

    /// Adds what another has counted. The order in which counts are merged makes no difference.
    pub fn merge(&mut self, other: &Self) {
        for row in other.rows() {
            self.add(row.state, &row.kind, &row.queue, row.runs);
        }
    }

    /// One row.
    pub fn get(&self, state: StateKind, kind: &Kind, queue: &Queue) -> i64 {
        self.rows.get(kind).and_then(|queues| queues.get(queue)).map_or(0, |by_state| by_state[state as usize])
    }

    /// All rows, by state, kind and queue.
    pub fn rows(&self) -> impl Iterator<Item = CountRow> {
        StateKind::ALL.into_iter().flat_map(|state| {
            self.cells().filter_map(move |(kind, queue, by_state)| {
                let runs = by_state[state as usize];
                (runs != 0).then(|| CountRow { state, kind: kind.clone(), queue: queue.clone(), runs })
            })
        })
    }

    fn cells(&self) -> impl Iterator<Item = (&Kind, &Queue, &ByState)> {
        self.rows.iter().flat_map(|(kind, queues)| queues.iter().map(move |(queue, by_state)| (kind, queue, by_state)))
    }

    /// The kinds that have runs.
    pub fn kinds(&self) -> BTreeSet<Kind> {
        self.rows.keys().cloned().collect()
    }

    /// How many runs match, if that is known without looking at them: the filter asks for nothing but states, kinds and
    /// queues.
    pub fn count(&self, filter: &Filter) -> Option<u64> {
        let Filter { kinds, states, queues, tags, from, before, due_before, parent, not_retried } = filter;
        let is_kept = tags.is_empty() && from.or(*before).or(*due_before).is_none() && parent.is_none() && !not_retried;
        let named = |(kind, queue, _): &(&Kind, &Queue, &ByState)| {
            (kinds.is_empty() || kinds.contains(kind)) && (queues.is_empty() || queues.contains(queue))
        };
        let asked = |state: &StateKind| states.is_empty() || states.contains(state);
        let matching = self.cells().filter(named).flat_map(|(_, _, by_state)| {
            StateKind::ALL.into_iter().filter(asked).map(|state| by_state[state as usize])
        });
        is_kept.then(|| matching.sum::<i64>().try_into().unwrap_or(0))
    }
}

/// All that a store keeps of its runs in numbers.
///
/// ```
/// use longhaul_core::{StateKind, counts::Statistics, doc};
///
/// let (mut statistics, run) = (Statistics::default(), doc::run());
/// statistics.record(doc::NOW, &run, None, Some(StateKind::Pending));
/// statistics.record(doc::NOW, &run, Some(StateKind::Pending), Some(StateKind::Running));
/// assert_eq!(statistics.counts.get(StateKind::Running, &run.kind, &run.queue), 1);
/// let minute = statistics.throughput.minutes(doc::NOW).last().cloned().unwrap();
/// assert_eq!((minute.enqueued, minute.started, minute.completed), (1, 1, 0));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Statistics {
    /// The runs that are there.
    pub counts: RunCounts,
    /// What happened in the last day.
    pub throughput: Throughput,
}

impl Statistics {
    /// A run went from one state to another. `from` is `None` for one that is new here, `to` for one that is removed.
    pub fn record(&mut self, now: Timestamp, run: &Run, from: Option<StateKind>, to: Option<StateKind>) {
        if from == to {
            return;
        }
        for (state, runs) in [(from, -1), (to, 1)] {
            if let Some(state) = state {
                self.counts.add(state, &run.kind, &run.queue, runs);
            }
        }
        self.throughput.record(now, from, to);
    }
}
