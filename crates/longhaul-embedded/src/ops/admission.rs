//! What holds runs back, and why a run does not run.

use std::{collections::HashMap, time::Duration};

use longhaul_core::{
    Control, ControlChange, Controls, Explanation, RunId, Scope, ServerId, Timestamp,
    admission::{Backlog, BacklogGroup, DuePosition, Executing, LastTry, RunningCounts, Selection, Source},
    explain::explain,
    record::{write_bucket, write_control},
    store::GetError,
};

use crate::{
    committer::Committer,
    error::Fault,
    format::keys,
    state::{index::Index, record::Record},
};

/// Buckets that are idle are forgotten when there are so many: keys come and go.
const BUCKETS_MAX: usize = 1024;
/// A bucket that is idle by then is not written: no process dies and opens the store faster.
const RESTART: Duration = Duration::from_millis(20);
/// So many are looked at with each claim, and four for each that it draws from: more than come, and no claim pays for all.
const SWEPT: usize = 64;

impl Committer {
    pub(crate) fn control(&mut self, scope: &Scope, change: ControlChange) -> Result<Control, Fault> {
        let control = self.admission.controls.change(scope, change);
        self.index.backlogs.unthrottle_all();
        let key = keys::control(scope);
        self.room(1)?;
        if control.is_empty() {
            self.batch.remove(key);
        } else {
            let bytes = write_control(&key, &control);
            self.batch.put(key, bytes);
        }
        self.batch.needs_sync = true;
        Ok(control)
    }

    pub(crate) fn controls(&self) -> Controls {
        self.admission.controls.clone()
    }

    /// The runs of a selection are claimed: what they draw from the rates is kept with their claims.
    pub(crate) fn spend(&mut self, selection: Selection) -> Result<(), Fault> {
        let now = self.now;
        let lasting = selection.spent.iter().filter(|(_, starts)| starts.idle_at().since(now) > RESTART);
        for (bucket, starts) in lasting {
            self.room(1)?;
            self.batch.put(keys::bucket(bucket), write_bucket(starts));
        }
        let swept = SWEPT + 4 * selection.spent.len();
        self.admission.commit(selection);
        if self.admission.buckets.len() >= BUCKETS_MAX {
            for bucket in self.admission.forget_full(self.now, swept) {
                self.room(1)?;
                self.batch.remove(keys::bucket(&bucket));
            }
        }
        Ok(())
    }

    pub(crate) fn explain(&mut self, id: RunId) -> Result<Result<Explanation, GetError>, Fault> {
        let Some(run) = self.run_of(id)? else {
            return Ok(Err(GetError::NotFound(id)));
        };
        let source = self.due_runs();
        Ok(Ok(explain(self.now, &run, &self.admission, &self.servers.offers(), &source)))
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
    active: &'a HashMap<RunId, Box<Record>>,
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

    fn running(&self) -> &RunningCounts {
        &self.index.running_counts
    }

    fn isolated(&self) -> Vec<Executing> {
        self.index.isolated_running().filter_map(|id| Executing::of(&self.active.get(&id)?.run)).collect()
    }

    fn executing_on(&self, server: ServerId) -> Vec<Executing> {
        let executing = self.active.values().filter_map(|record| Executing::of(&record.run));
        executing.filter(|one| one.server == server).collect()
    }
}
