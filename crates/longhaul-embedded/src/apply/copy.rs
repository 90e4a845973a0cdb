//! Runs on their way out to an export, and in from one.

use longhaul_core::{
    Ending, Event, RunId, StateKind, decide,
    store::{Filter, PageRequest},
};

use crate::{
    committer::Committer,
    error::Fault,
    export::{Exported, Imported, line},
    record::Record,
};

/// Runs in one slice of an export.
const SLICE: usize = 200;

impl Committer {
    pub(super) fn export(&mut self, after: Option<RunId>) -> Result<Exported, Fault> {
        let page = self.list(&PageRequest { filter: Filter::default(), after, limit: SLICE })?;
        let mut lines = Vec::with_capacity(page.runs.len());
        for snapshot in page.runs {
            let id = snapshot.run.id;
            let record = match self.active.get(&id) {
                Some(record) => Some(record.clone()),
                None => self.load(id)?,
            };
            lines.extend(record.map(|record| line(&record)));
        }
        Ok(Exported { lines, next: page.next })
    }

    /// Adds runs that are not there yet. One that was executing when it was exported goes on as after a shutdown.
    pub(super) fn import(&mut self, records: Vec<Record>) -> Result<Imported, Fault> {
        let mut imported = Imported::default();
        for mut record in records {
            if self.exists(record.run.id)? {
                imported.already += 1;
                continue;
            }
            if record.run.state.kind() == StateKind::Running {
                let ending = Ending::Interrupted { why: "it was exported while it ran".into() };
                let event = Event::Settle { epoch: record.run.epoch, ending };
                record.absorb(decide(self.now, &record.run, &event)).expect("a run that executes can be interrupted");
            }
            self.add(Box::new(record))?;
            imported.added += 1;
        }
        Ok(imported)
    }
}
