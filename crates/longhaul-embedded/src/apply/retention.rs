//! Final runs whose time is over.

use std::{collections::VecDeque, ops::ControlFlow};

use longhaul_core::{Retention, RunId, StateKind, Timestamp, store::Swept};

use crate::{
    batch,
    committer::{Committer, read_run},
    error::Fault,
    keys,
    kv::Key,
    record,
};

const FINAL: [StateKind; 3] = [StateKind::Completed, StateKind::Failed, StateKind::Cancelled];

/// The runs that ended in one state, oldest first, as far as they were read.
struct Line {
    state: StateKind,
    /// The list that is being worked off.
    key: Key,
    since: Timestamp,
    removable: Timestamp,
    ids: VecDeque<RunId>,
    touched: bool,
}

impl Committer {
    pub(super) fn sweep(&mut self, retention: Retention, max: usize) -> Result<Swept, Fault> {
        // The lists that are in the making count too.
        self.commit()?;
        let mut lines = Vec::new();
        for state in FINAL {
            lines.extend(self.next_line(&retention, state, &keys::ended_in(state))?);
        }
        let mut removed = 0;
        let next = loop {
            let Some(at) = (0..lines.len()).min_by_key(|at| (lines[*at].removable, lines[*at].ids.front().copied()))
            else {
                break None;
            };
            if lines[at].removable > self.now || removed == max {
                break Some(lines[at].removable);
            }
            let line = &mut lines[at];
            line.touched = true;
            if let Some(id) = line.ids.pop_front() {
                let (state, since) = (line.state, line.since);
                removed += usize::from(self.sweep_one(id, state, since)?);
            }
            if lines[at].ids.is_empty() {
                let line = lines.swap_remove(at);
                self.shorten(&line)?;
                let after = [&line.key[..], &[0]].concat();
                lines.extend(self.next_line(&retention, line.state, &after)?);
            }
        };
        for line in lines.into_iter().filter(|line| line.touched) {
            self.shorten(&line)?;
        }
        Ok(Swept { removed, next })
    }

    fn next_line(&mut self, retention: &Retention, state: StateKind, from: &[u8]) -> Result<Option<Line>, Fault> {
        let mut first = None;
        self.kv.scan(&keys::ended_in(state), from, &mut |key, value| {
            first = Some((key.to_vec(), value.to_vec()));
            ControlFlow::Break(())
        })?;
        let Some((key, value)) = first else { return Ok(None) };
        let since =
            keys::since_of(&key).ok_or_else(|| record::Damage::of("a list of final runs", "its key has no time"))?;
        let ids = batch::read_list(&value)?.into();
        let line = |removable| Line { state, key, since, removable, ids, touched: false };
        Ok(retention.removable_at(state, since).map(line))
    }

    /// Removes a run, if it is still the one that the list means.
    fn sweep_one(&mut self, id: RunId, state: StateKind, since: Timestamp) -> Result<bool, Fault> {
        let Some(bytes) = self.kv.get(&keys::done(id))? else { return Ok(false) };
        let run = read_run(&*self.kv, id, &bytes)?;
        if run.state.kind() != state || run.since != since {
            return Ok(false);
        }
        let layout = record::read(id, &bytes)?.layout();
        self.erase_values(id, &layout, true)?;
        Ok(true)
    }

    /// The list without those that were removed.
    fn shorten(&mut self, line: &Line) -> Result<(), Fault> {
        self.room(2)?;
        self.batch.remove(line.key.clone());
        if let Some(first) = line.ids.front() {
            let ids: Vec<RunId> = line.ids.iter().copied().collect();
            self.batch.put(keys::ended(line.state, line.since, *first), batch::list(&ids));
        }
        self.batch.needs_sync = true;
        Ok(())
    }
}
