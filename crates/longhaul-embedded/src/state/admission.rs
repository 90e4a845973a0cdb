//! What admission asks of a store, and what it changes.

use std::time::Duration;

use longhaul_core::{
    Key, Timestamp,
    admission::{Backlog, BacklogGroup, DuePosition, Executing, LastTry, RunningCounts, Selection, Source},
    order::TurnHolder,
    record::write_bucket,
};

use super::{State, index::Index, record::Record, run_map::RunMap};
use crate::{error::Fault, format::keys};

/// From this many buckets on, idle ones are forgotten: keys come and go.
const BUCKETS_MAX: usize = 1024;
/// A bucket that is idle by then is not written: no process dies and opens the store faster.
const RESTART: Duration = Duration::from_millis(20);
/// How many buckets each claim looks at, besides four for each one that it draws from: more than are added, and no claim
/// pays for all.
const SWEPT: usize = 64;

impl State {
    /// The runs of a selection are claimed: what they draw from the rates is kept with their claims.
    pub(crate) fn spend(&mut self, selection: Selection) -> Result<(), Fault> {
        let now = self.now;
        let lasting = selection.spent.iter().filter(|(_, starts)| starts.idle_at().since(now) > RESTART);
        for (bucket, starts) in lasting {
            self.room(1)?;
            self.files.batch.put(keys::bucket(bucket), write_bucket(starts));
        }
        let swept = SWEPT + 4 * selection.spent.len();
        self.index.backlogs.note_turns(selection.served.iter());
        self.admission.commit(selection);
        if self.admission.buckets.len() >= BUCKETS_MAX {
            for bucket in self.admission.forget_full(self.now, swept) {
                self.room(1)?;
                self.files.batch.remove(keys::bucket(&bucket));
            }
        }
        Ok(())
    }

    /// What is due and what runs, for admission.
    pub(crate) fn due_runs(&self) -> DueRuns<'_> {
        DueRuns { now: self.now, index: &self.index, active: &self.active }
    }
}

/// What is due and what runs, as the index has it.
pub(crate) struct DueRuns<'a> {
    now: Timestamp,
    index: &'a Index,
    active: &'a RunMap<Box<Record>>,
}

impl Source for DueRuns<'_> {
    fn groups(
        &self,
        suspects: bool,
    ) -> impl Iterator<Item = BacklogGroup<'_, impl Iterator<Item = Backlog<'_, impl Iterator<Item = DuePosition>>>>>
    {
        self.index.backlogs.groups(suspects)
    }

    fn last_tries(&self) -> Vec<LastTry> {
        self.index.last_tries(self.now)
    }

    fn turn_holder(&self, key: &Key) -> Option<TurnHolder> {
        let holder = self.index.turns.holder(key)?;
        let state = self.index.get(holder.run).map_or(holder.state, |entry| entry.state);
        Some(TurnHolder { state, ..holder })
    }

    fn running(&self) -> &RunningCounts {
        &self.index.running_counts
    }

    fn executing(&self) -> impl Iterator<Item = Executing> {
        self.active.values().filter_map(|record| Executing::of(&record.run))
    }

    fn isolated(&self) -> Vec<Executing> {
        self.index.isolated_running().filter_map(|id| Executing::of(&self.active.get(&id)?.run)).collect()
    }
}
