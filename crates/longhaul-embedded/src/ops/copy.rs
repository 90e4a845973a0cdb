//! Runs on their way out to an export, and in from one.

use std::ops::ControlFlow;

use longhaul_core::{Ending, Event, RunId, StateKind, StoredRun, decide, record::run_line};

use crate::{
    committer::Committer,
    error::Fault,
    export::{Exported, Imported},
    format::{keys, pieces::Layout},
    state::record::Record,
};

/// Runs in one slice of an export.
const SLICE: usize = 200;

impl Committer {
    pub(crate) fn export(&mut self, after: Option<RunId>) -> Result<Exported, Fault> {
        let ids = self.ids_after(after)?;
        let mut exported = Exported { next: ids.last().copied().filter(|_| ids.len() == SLICE), ..Exported::default() };
        for id in ids {
            let record = match self.active.get(&id) {
                Some(record) => Ok(Some(record.clone())),
                None => self.load(id),
            };
            match record {
                Ok(record) => exported.lines.extend(record.map(|record| run_line(&record))),
                // An export is for when something is wrong: one damaged run must not cost the others.
                Err(Fault::Damage(damage)) => exported.damaged.push((id, damage.to_string())),
                Err(fault) => return Err(fault),
            }
        }
        Ok(exported)
    }

    /// The next runs by their ids, without reading them.
    fn ids_after(&self, after: Option<RunId>) -> Result<Vec<RunId>, Fault> {
        let mut ids: Vec<RunId> = self.index.after(after).map(|(id, _)| id).take(SLICE).collect();
        let live = ids.len();
        // The next key after that of `after`.
        let from = after.map_or_else(|| vec![keys::FINAL], |id| [&keys::done(id)[..], &[0]].concat());
        self.kv.scan(&[keys::FINAL], &from, &mut |key, _| {
            ids.extend(keys::id_of(key));
            if ids.len() - live == SLICE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        ids.sort_unstable();
        ids.truncate(SLICE);
        Ok(ids)
    }

    /// Adds runs that are not there yet. One that was executing when it was exported goes on as after a shutdown.
    pub(crate) fn import(&mut self, runs: Vec<StoredRun>) -> Result<Imported, Fault> {
        let mut imported = Imported::default();
        for stored in runs {
            let mut record = Box::new(Record { stored, layout: Layout::default() });
            if self.exists(record.run.id)? {
                imported.already += 1;
                continue;
            }
            if record.run.state.kind() == StateKind::Running {
                let ending = Ending::Interrupted { why: "it was exported while it ran".into() };
                let event = Event::Settle { epoch: record.run.epoch, ending };
                record
                    .apply_decision(decide(self.now, &record.run, &event))
                    .expect("a run that executes can be interrupted");
            }
            self.add(record)?;
            imported.added += 1;
        }
        Ok(imported)
    }
}
