//! The turns of runs that go one after the other.

use longhaul_core::{Event, Key, Run, RunId};

use super::{
    State,
    stage::{OWN_KEYS, PIECES_MAX},
};
use crate::{error::Fault, format::keys};

impl State {
    /// Makes sure that what becomes of `run`, which is final, and the turn of the next one go into one batch. The next
    /// opening gives a turn that was lost between two batches.
    pub(super) fn make_room_for_next(&mut self, run: &Run) -> Result<(), Fault> {
        let next = run.order_key().and_then(|key| self.index.turns.first_waiting(key));
        if let Some(next) = next.filter(|_| !run.has_turn()) {
            self.free_place(next)?;
            self.room(PIECES_MAX + 2 * OWN_KEYS)?;
        }
        Ok(())
    }

    /// If no run of this order key has the turn, the first of those that wait gets it.
    pub(crate) fn pass_turn(&mut self, key: &Key) -> Result<(), Fault> {
        if self.index.turns.holder(key).is_some() {
            return Ok(());
        }
        let Some(next) = self.index.turns.first_waiting(key) else { return Ok(()) };
        match self.take(next) {
            Ok(Some(mut record)) => {
                record.apply_event(self.now, &Event::TakeTurn).expect("it is behind");
                self.keep(record)
            }
            Ok(None) => unreachable!("what is in the index is in the file"),
            Err(Fault::Damage(damage)) => {
                tracing::error!(run.id = %next, %damage, "a run cannot be read: those of its order key wait until it is removed");
                self.index.turns.hold(key, next);
                Ok(())
            }
            Err(fault) => Err(fault),
        }
    }

    /// What is in the file of a final run that stops its order key, or stops it no more. There is room for it.
    pub(super) fn stage_stop(&mut self, run: &Run) {
        let Some(key) = run.order_key().filter(|_| run.state.is_final()) else { return };
        if run.stops_key() {
            self.files.batch.put(keys::stopped(key), run.id.as_bytes().to_vec());
        } else if self.index.turns.is_stopped_by(run.id) {
            self.files.batch.remove(keys::stopped(key));
        }
    }

    /// A run that comes from another store has the turn only if no run has it here.
    pub(crate) fn come_back(&self, run: &mut Run) {
        if run.has_turn() && run.order_key().is_some_and(|key| self.index.turns.holder(key).is_some()) {
            run.yield_turn();
        }
    }

    /// A run that cannot be read was removed.
    pub(crate) fn forget_turn_of(&mut self, id: RunId) -> Result<(), Fault> {
        let Some(key) = self.index.turns.leave_unread(id) else { return Ok(()) };
        self.room(1)?;
        self.files.batch.remove(keys::stopped(&key));
        self.pass_turn(&key)
    }
}
