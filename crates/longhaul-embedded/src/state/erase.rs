//! What removes a run, and everything that is kept of it.

use std::ops::ControlFlow;

use longhaul_core::{Run, RunId};

use super::{
    State,
    index::Place,
    record::Record,
    stage::{OWN_KEYS, PIECES_MAX},
};
use crate::{
    engine::kv::Key,
    error::Fault,
    format::{keys, list, unique::UniqueKeyEntry},
};

impl State {
    /// Stages the removal of a run's record, and of all its values. `listed`: it stands in a list of final runs.
    pub(crate) fn erase(&mut self, record: &Record, listed: bool) -> Result<(), Fault> {
        let run = &record.run;
        if listed {
            self.unlist(record)?;
        }
        self.erase_values(run.id, record.layout.all_pieces(run.id), run.state.is_final(), Some(run))?;
        self.forget(run)
    }

    /// A run that was erased leaves the index, and its key is free.
    pub(crate) fn forget(&mut self, run: &Run) -> Result<(), Fault> {
        if self.index.turns.is_stopped_by(run.id)
            && let Some(key) = run.order_key()
        {
            self.room(1)?;
            self.files.batch.remove(keys::stopped(key));
        }
        if self.index.get(run.id).is_some() {
            self.room(1)?;
            self.child_moved(run, Some(run.state.kind()), None)?;
        }
        self.index.remove(self.now, run);
        self.index.turns.leave(run);
        if self.index.uniques.forget(run)
            && let Some(kept) = UniqueKeyEntry::of(run)
        {
            self.room(1)?;
            self.files.batch.remove(keys::unique(&kept.kind, &kept.key));
        }
        run.order_key().map_or(Ok(()), |key| self.pass_turn(key))
    }

    /// As [`erase`](Self::erase), if not much more is known of the run than where its pieces are. `run`: what it is, if it
    /// can be read.
    pub(crate) fn erase_values(
        &mut self,
        id: RunId,
        pieces: Vec<Key>,
        is_final: bool,
        run: Option<&Run>,
    ) -> Result<(), Fault> {
        self.family_removed(id)?;
        self.free_place(id)?;
        let mut obsolete = pieces;
        obsolete.extend(self.log_keys(id)?);
        let apart = obsolete.len() > PIECES_MAX;
        if apart {
            self.mark(id)?;
        }
        self.room(OWN_KEYS + if apart { 0 } else { obsolete.len() })?;
        match self.index.get(id).map(|entry| entry.place) {
            Some(Place::Page(page)) => self.files.batch.leave(page, id),
            Some(Place::Own) => self.files.batch.remove(keys::live(id)),
            None => debug_assert!(is_final, "a run that is not final is in the index"),
        }
        if is_final {
            self.files.batch.remove(keys::done(id));
            self.uncount(run);
            if let Some(run) = run {
                self.child_moved(run, run.counts_as(), None)?;
            }
        }
        self.written(id);
        if apart {
            return self.remove_pieces(id, &obsolete);
        }
        self.files.batch.remove_all(&obsolete);
        Ok(())
    }

    /// Takes a run out of the list of those that became final with it.
    fn unlist(&mut self, record: &Record) -> Result<(), Fault> {
        let run = &record.run;
        self.unlist_under(&keys::ended_at(run.state.kind(), &run.kind, run.since), run.id)
    }

    /// Takes a run out of the first list that has it, of those whose key begins with `prefix`.
    pub(crate) fn unlist_under(&mut self, prefix: &[u8], id: RunId) -> Result<(), Fault> {
        // The list may be in the making.
        self.commit()?;
        let mut found = None;
        self.files.kv.scan(prefix, prefix, &mut |key, value| match list::read_list(value) {
            Ok(list) if !list.ids.contains(&id) => ControlFlow::Continue(()),
            other => {
                found = Some((key.to_vec(), other));
                ControlFlow::Break(())
            }
        })?;
        if let Some((key, list)) = found {
            let mut list = list?;
            list.ids.retain(|other| *other != id);
            self.files.batch.remove(key.clone());
            if let Some(first) = list.ids.first() {
                self.files.batch.put(keys::ended_with(&key, *first), list.to_bytes());
            }
            if let Some(position) = list.position {
                self.files.batch.remove_end(position, id);
            }
        }
        Ok(())
    }

    /// The keys of all pieces of a run that are in the file, valid or not.
    pub(crate) fn piece_keys(&self, id: RunId) -> Result<Vec<Key>, Fault> {
        let (prefix, mut found) = (keys::chunks(id), Vec::new());
        self.files.kv.scan(&prefix, &prefix, &mut |key, _| {
            found.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// The keys of all pages of a run that is to be erased.
    pub(super) fn log_keys(&mut self, id: RunId) -> Result<Vec<Key>, Fault> {
        let prefix = keys::logs(id);
        // Pages in the making are not seen by a scan.
        if self.files.batch.puts_under(&prefix) {
            self.commit()?;
        }
        let mut found = Vec::new();
        self.files.kv.scan(&prefix, &prefix, &mut |key, _| {
            found.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }
}
