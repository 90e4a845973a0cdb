//! What is shown, one page a file.

mod doctor;
mod kinds;
mod overview;
mod queues;
mod run;
mod runs;
mod schedules;
mod servers;

pub use doctor::Doctor;
pub use kinds::{IncompatibleRun, KindView, PausedKey};
pub use overview::{MinuteView, Overview, Warning};
pub use queues::QueueView;
pub use run::{AttemptView, RunDetail};
pub use runs::{RunList, RunRow};
pub use schedules::{LatestRun, ScheduleView};
pub use servers::ServerView;

use std::collections::BTreeMap;

use longhaul::{
    StateKind,
    store_api::{
        counts::{CountRow, RunCounts},
        store::Filter,
    },
};
use serde::{Serialize, Serializer};

/// How many runs there are in each state.
///
/// ```
/// use longhaul_inspect::StateCounts;
/// use longhaul::StateKind;
///
/// assert_eq!(StateCounts::default().of(StateKind::Running), 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateCounts(BTreeMap<StateKind, u64>);

impl StateCounts {
    /// In this state.
    pub fn of(&self, state: StateKind) -> u64 {
        self.0.get(&state).copied().unwrap_or(0)
    }

    /// In states that are not final.
    pub fn live(&self) -> u64 {
        self.0.iter().filter(|(state, _)| !state.is_final()).map(|(_, runs)| runs).sum()
    }

    /// Waiting for their turn: pending or retrying.
    pub fn waiting(&self) -> u64 {
        self.of(StateKind::Pending) + self.of(StateKind::Retrying)
    }

    /// Of several together.
    #[must_use]
    pub fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for (state, runs) in all.into_iter().flat_map(|counts| &counts.0) {
            *sum.0.entry(*state).or_default() += runs;
        }
        sum
    }

    /// How many match a filter in each state, whichever states it names; `None` where that is not counted.
    fn matching(counts: &RunCounts, filter: &Filter) -> Option<Self> {
        let of_state = |state| Filter { states: vec![state], ..filter.clone() };
        StateKind::ALL
            .into_iter()
            .map(|state| Some((state, counts.count(&of_state(state))?)))
            .collect::<Option<_>>()
            .map(Self)
    }

    fn add(&mut self, row: &CountRow) {
        // Several servers count apart, so a row may be below zero for a moment.
        *self.0.entry(row.state).or_default() += u64::try_from(row.runs).unwrap_or(0);
    }
}

/// An object with all states, also those without runs.
impl Serialize for StateCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(StateKind::ALL.iter().map(|state| (state.as_str(), self.of(*state))))
    }
}
