//! What holds runs back, and why a run does not run.

use std::time::Duration;

use longhaul_core::{
    Control, ControlChange, Controls, Explanation, RunId, Scope,
    admission::Selection,
    explain::{Situation, explain},
    store::GetError,
};

use crate::{committer::Committer, error::Fault, keys, record::write_control};

/// Buckets that are full again are forgotten when there are so many: keys come and go.
const BUCKETS_MAX: usize = 1024;
/// A bucket that is full again by then is not written: no process dies and opens the store faster.
const RESTART: Duration = Duration::from_millis(20);
/// So many are looked at with each claim, and four for each that it draws from: more than come, and no claim pays for all.
const SWEPT: usize = 64;

impl Committer {
    pub(super) fn control(&mut self, scope: &Scope, change: ControlChange) -> Result<Control, Fault> {
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

    pub(super) fn controls(&self) -> Controls {
        self.admission.controls.clone()
    }

    /// The runs of a selection are claimed: what they draw from the rates is kept with their claims.
    pub(super) fn spend(&mut self, selection: Selection) -> Result<(), Fault> {
        let now = self.now;
        let lasting = selection.spent.iter().filter(|(_, full_at)| full_at.since(now) > RESTART);
        for (bucket, full_at) in lasting {
            self.room(1)?;
            self.batch.put(keys::bucket(bucket), full_at.as_micros().to_be_bytes().to_vec());
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

    pub(super) fn explain(&mut self, id: RunId) -> Result<Result<Explanation, GetError>, Fault> {
        let Some(run) = self.run_of(id)? else {
            return Ok(Err(GetError::NotFound(id)));
        };
        let situation = Situation {
            admission: &self.admission,
            running_counts: &self.index.running_counts,
            floor: self.floor(self.index.backlogs.is_any_suspect_due()),
            servers: self.servers.offers(),
        };
        Ok(Ok(explain(self.now, &run, &situation)))
    }
}
