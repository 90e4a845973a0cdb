//! What a change of one run puts into the batch: all of it, or, if it is too large for a batch, first what nothing refers
//! to yet, then the record.

use longhaul_core::{Cause, Ended, Run, RunId, StoredRun};

use super::{State, Touch, index::Place, record::Record};
use crate::{
    engine::kv::Key,
    error::Fault,
    format::{
        keys, page,
        pieces::{Encoded, Layout, encode},
        unique::UniqueKeyEntry,
    },
};

/// Pieces that go into one batch with the record they belong to; more are written in batches of their own. It leaves
/// room for the other keys of a change, and is less than may be [applied between two flushes](crate::engine::kv::UNFLUSHED_MAX).
pub(super) const PIECES_MAX: usize = 96;
/// Keys that one run takes besides its pieces: record, old record, page, list, list of ends, that at the position of a
/// copied end, count, mark, unique key, stopped order key, counts of children of
/// its parent and its own, list of children. Whoever makes room for pieces makes it for these too: the record comes with them.
pub(super) const OWN_KEYS: usize = 14;

impl State {
    /// Stages a run that is new. `end`: the position of its end in another store, which it keeps.
    pub(crate) fn add(&mut self, record: Box<Record>, end: Option<u64>) -> Result<(), Fault> {
        let id = record.run.id;
        let Encoded { bytes, layout, pieces, .. } = encode(&record, &record.layout);
        self.forget_earlier(id);
        let apart = self.put_pieces(id, pieces)?;
        self.room(OWN_KEYS)?;
        if let Some(position) = end.filter(|_| record.run.state.is_final()) {
            self.files.batch.copy_end(&record.run, position);
        } else if record.run.state.is_final() {
            self.files.batch.list_final(&record.run);
        }
        self.add_record(record, bytes, layout, apart)
    }

    /// A run is new. One that had its id before is gone, and its claims must not pass for those of this one.
    fn forget_earlier(&mut self, id: RunId) {
        if id <= self.newest {
            self.claim_pages.forget_stale(id);
        }
    }

    /// Stages a final run that was retried, which was `was`, and its successor, in one batch.
    pub(crate) fn succeed(&mut self, was: &Run, mut before: Box<Record>, successor: Box<Record>) -> Result<(), Fault> {
        let new = encode(&successor, &successor.layout);
        let old = encode(&before, &before.layout);
        self.forget_earlier(successor.run.id);
        let records = 2 * OWN_KEYS + old.pieces.len() + old.obsolete.len();
        // Many pieces come first, in batches of their own: nothing refers to them before the records are there.
        if new.pieces.len() <= PIECES_MAX {
            self.room(new.pieces.len() + records)?;
        }
        let apart = self.put_pieces(successor.run.id, new.pieces)?;
        self.room(records)?;
        let id = before.run.id;
        for (key, value) in old.pieces {
            self.files.batch.put(key, value);
        }
        self.files.batch.remove_all(&old.obsolete);
        self.files.batch.put(keys::done(id), old.bytes);
        before.layout = old.layout;
        self.written(id);
        self.stage_stop(&before.run);
        self.index.turns.note(&before.run);
        if self.index.uniques.forget(was)
            && let Some(kept) = UniqueKeyEntry::of(was)
        {
            self.files.batch.remove(keys::unique(&kept.kind, &kept.key));
        }
        // The successor counts in its place.
        self.child_moved(was, Some(was.state.kind()), None)?;
        self.add_record(successor, new.bytes, new.layout, apart)
    }

    /// Stages the record of a run that is new, whose pieces are there. There is room for it.
    fn add_record(
        &mut self,
        mut record: Box<Record>,
        bytes: Vec<u8>,
        layout: Layout,
        apart: bool,
    ) -> Result<(), Fault> {
        let id = record.run.id;
        self.child_added(&record.run)?;
        self.newest = self.newest.max(id);
        let place = if record.run.state.is_final() {
            self.files.batch.put_new(keys::done(id), bytes);
            self.final_counts.moved(&record.run);
            self.index.statistics.record(self.now, &record.run, None, Some(record.run.state.kind()));
            self.keep_key(&record.run);
            self.stage_stop(&record.run);
            self.index.turns.note(&record.run);
            None
        } else if bytes.len() <= page::RECORD_MAX {
            Some(Place::Page(self.files.batch.settle_in(&record.run, &bytes, &mut self.files.pages_made)))
        } else {
            self.files.batch.put_new(keys::live(id), bytes);
            Some(Place::Own)
        };
        if apart {
            self.files.batch.remove(keys::mark(id));
        }
        record.layout = layout;
        self.written(id);
        if let Some(place) = place {
            self.index.put(self.now, &record.run, place);
            if self.claims_wait {
                self.files.batch.fresh.insert(id, record);
            }
        }
        Ok(())
    }

    /// Stages a run of this batch as its claim has left it, in place of how it was enqueued: one key then says that it is
    /// there and who has it, and a commit of one key costs less. Returns whether it did; otherwise a page of claims has to
    /// say it.
    pub(crate) fn enqueue_claimed(&mut self, record: &mut Record) -> bool {
        let id = record.run.id;
        let Some(Place::Page(page)) = self.index.get(id).map(|entry| entry.place) else { return false };
        let Encoded { bytes, layout, pieces, obsolete } = encode(record, &record.layout);
        if !pieces.is_empty() || !obsolete.is_empty() || !self.files.batch.take_off(page) {
            return false;
        }
        self.files.batch.put_new(keys::live(id), bytes);
        record.layout = layout;
        true
    }

    /// Stages what a run has become. A run that executes is kept in memory too.
    pub(crate) fn keep(&mut self, mut record: Box<Record>) -> Result<(), Fault> {
        let id = record.run.id;
        if record.run.state.is_final() {
            self.make_room_for_next(&record.run)?;
        }
        self.free_place(id)?;
        let Encoded { bytes, layout, pieces, obsolete } = encode(&record, &record.layout);
        let apart = if pieces.len() + obsolete.len() <= PIECES_MAX {
            self.room(OWN_KEYS + pieces.len() + obsolete.len())?;
            for (key, value) in pieces {
                self.files.batch.put(key, value);
            }
            self.files.batch.remove_all(&obsolete);
            None
        } else {
            self.mark(id)?;
            self.put_pieces(id, pieces)?;
            Some(obsolete)
        };
        self.room(OWN_KEYS)?;
        record.layout = layout;
        let before = self.index.get(id).map(|entry| entry.place);
        if let Some(Place::Page(page)) = before {
            self.files.batch.leave(page, id);
        }
        let run = &record.run;
        if run.state.is_final() {
            if before.is_some() {
                warn_of_failure(&record);
            }
            self.files.batch.put_new(keys::done(id), bytes);
            if before == Some(Place::Own) {
                self.files.batch.remove(keys::live(id));
            }
            self.stage_end(run)?;
            self.index.remove(self.now, run);
        } else {
            if before == Some(Place::Own) {
                self.files.batch.put(keys::live(id), bytes);
            } else {
                self.files.batch.put_new(keys::live(id), bytes);
            }
            self.index.put(self.now, run, Place::Own);
        }
        self.claim_pages.free(id);
        self.written(id);
        let ended_in = record.run.order_key().filter(|_| record.run.state.is_final()).cloned();
        if matches!(record.run.state, longhaul_core::State::Running { .. }) {
            self.active.insert(id, record);
        }
        if let Some(key) = ended_in {
            self.pass_turn(&key)?;
        }
        match apart {
            Some(obsolete) => self.remove_pieces(id, &obsolete),
            None => Ok(()),
        }
    }

    /// Stages what the end of a run says besides its record.
    fn stage_end(&mut self, run: &Run) -> Result<(), Fault> {
        self.files.batch.end(run);
        self.final_counts.ended(run);
        self.family_ended(run)?;
        if let Some(kept) = UniqueKeyEntry::of(run).filter(|kept| kept.until > self.now) {
            self.files.batch.put(keys::unique(&kept.kind, &kept.key), kept.to_bytes());
        }
        self.stage_stop(run);
        Ok(())
    }

    /// Stages what has changed of a final run, which stays where it is.
    pub(crate) fn keep_final(&mut self, mut record: Box<Record>) -> Result<(), Fault> {
        let id = record.run.id;
        self.make_room_for_next(&record.run)?;
        let Encoded { bytes, layout, pieces, obsolete } = encode(&record, &record.layout);
        self.room(OWN_KEYS + pieces.len() + obsolete.len())?;
        for (key, value) in pieces {
            self.files.batch.put(key, value);
        }
        self.files.batch.remove_all(&obsolete);
        self.files.batch.put(keys::done(id), bytes);
        record.layout = layout;
        self.stage_stop(&record.run);
        self.index.turns.note(&record.run);
        self.written(id);
        record.run.order_key().map_or(Ok(()), |key| self.pass_turn(key))
    }

    /// A final run is imported, and still has its unique key.
    fn keep_key(&mut self, run: &Run) {
        if let Some(kept) = UniqueKeyEntry::of(run).filter(|kept| kept.until > self.now) {
            self.files.batch.put(keys::unique(&kept.kind, &kept.key), kept.to_bytes());
            self.index.uniques.keep(kept);
        }
    }

    /// A run that is on a page of the batch in the making cannot leave it: the page must be in the file first.
    pub(super) fn free_place(&mut self, id: RunId) -> Result<(), Fault> {
        match self.index.get(id).map(|entry| entry.place) {
            Some(Place::Page(page)) if self.files.batch.is_new(page) => self.commit(),
            _ => Ok(()),
        }
    }

    /// Puts pieces, in batches of their own if there are many. Returns whether a mark says that they are there.
    fn put_pieces(&mut self, id: RunId, pieces: Vec<(Key, Vec<u8>)>) -> Result<bool, Fault> {
        let many = pieces.len() > PIECES_MAX;
        if many {
            self.mark(id)?;
        }
        let mut pieces = pieces.into_iter().peekable();
        while pieces.peek().is_some() {
            self.room(PIECES_MAX.min(pieces.len()) + OWN_KEYS)?;
            for (key, value) in pieces.by_ref().take(PIECES_MAX) {
                self.files.batch.put(key, value);
            }
        }
        Ok(many)
    }

    pub(super) fn remove_pieces(&mut self, id: RunId, obsolete: &[Key]) -> Result<(), Fault> {
        for keys in obsolete.chunks(PIECES_MAX) {
            self.room(keys.len() + 1)?;
            self.files.batch.remove_all(keys);
        }
        self.room(1)?;
        self.files.batch.remove(keys::mark(id));
        Ok(())
    }

    /// Says in the file that there may be pieces of this run that nothing refers to.
    pub(super) fn mark(&mut self, id: RunId) -> Result<(), Fault> {
        self.room(1)?;
        self.files.batch.put(keys::mark(id), Vec::new());
        Ok(())
    }

    pub(super) fn written(&mut self, id: RunId) {
        self.files.batch.needs_sync = true;
        self.touched.insert(id, Touch::Written(self.files.batch_number));
    }
}

/// Warns that a run failed for good without an attempt that could say so: its processes died, or its deadline passed while
/// it was suspended. Every other failure is logged by the server that executed the run.
fn warn_of_failure(record: &Record) {
    let StoredRun { run, ended: Some(Ended::Failed(failure)), .. } = &record.stored else { return };
    if matches!(failure.cause, Cause::Crash | Cause::Deadline) {
        tracing::warn!(
            run.id = %run.id, run.kind = %run.kind, run.attempt = run.attempts, reason = %failure.message,
            "a run failed for good: once the reason is mended, retry it by hand"
        );
    }
}
