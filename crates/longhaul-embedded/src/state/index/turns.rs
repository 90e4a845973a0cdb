//! Which run of each order key has the turn, and which wait for it.

use std::collections::{BTreeSet, HashMap, HashSet};

use longhaul_core::{Key, OrderTurn, Run, RunId, StateKind, Timestamp, order::TurnHolder};

/// The runs of one order key.
#[derive(Debug, Default)]
struct OfKey {
    holder: Option<(u64, TurnHolder)>,
    /// By position.
    waiting: BTreeSet<(u64, RunId)>,
}

/// Of order keys that are in use. What a run costs does not depend on how many wait for the same turn.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    keys: HashMap<Key, OfKey>,
    /// Final runs that have the turn: they stop their keys.
    stopped: HashSet<RunId>,
}

impl Turns {
    /// The place of a new run.
    pub(crate) fn place(&self, now: Timestamp, key: &Key) -> OrderTurn {
        let Some(there) = self.keys.get(key) else { return OrderTurn::new(now, None, false) };
        let waiting = there.waiting.last().map(|(position, _)| *position);
        let last = there.holder.map(|(position, _)| position).max(waiting);
        OrderTurn::new(now, last, last.is_some())
    }

    /// The run that has the turn.
    pub(crate) fn holder(&self, key: &Key) -> Option<TurnHolder> {
        Some(self.keys.get(key)?.holder?.1)
    }

    /// The first of those that wait.
    pub(crate) fn first_waiting(&self, key: &Key) -> Option<RunId> {
        Some(self.keys.get(key)?.waiting.first()?.1)
    }

    /// Whether this final run stops its key.
    pub(crate) fn is_stopped_by(&self, id: RunId) -> bool {
        self.stopped.contains(&id)
    }

    /// A run is new, or has changed.
    pub(crate) fn note(&mut self, run: &Run) {
        let (Some(key), Some(turn)) = (run.order_key(), run.turn) else { return };
        let (holds, waits) = (run.has_turn(), run.is_behind());
        if !holds && !waits {
            return self.leave(run);
        }
        let there = self.keys.entry(key.clone()).or_default();
        if waits {
            there.waiting.insert((turn.position, run.id));
        } else {
            there.waiting.remove(&(turn.position, run.id));
            there.holder = Some((turn.position, TurnHolder { run: run.id, state: run.state.kind() }));
            if run.state.is_final() {
                self.stopped.insert(run.id);
            }
        }
    }

    /// A run cannot be read: it has the turn until it is removed, so that none behind it passes.
    pub(crate) fn hold(&mut self, key: &Key, id: RunId) {
        let Some(there) = self.keys.get_mut(key) else { return };
        if let Some(first) = there.waiting.first().copied().filter(|(_, first)| *first == id) {
            there.waiting.remove(&first);
            there.holder = Some((first.0, TurnHolder { run: id, state: StateKind::Pending }));
        }
    }

    /// A run has no turn, and waits for none.
    pub(crate) fn leave(&mut self, run: &Run) {
        let (Some(key), Some(turn)) = (run.order_key(), run.turn) else { return };
        self.stopped.remove(&run.id);
        let Some(there) = self.keys.get_mut(key) else { return };
        there.waiting.remove(&(turn.position, run.id));
        there.holder = there.holder.filter(|(_, holder)| holder.run != run.id);
        if there.holder.is_none() && there.waiting.is_empty() {
            self.keys.remove(key);
        }
    }

    /// A run that cannot be read is gone. Answers the key that it had the turn of.
    pub(crate) fn leave_unread(&mut self, id: RunId) -> Option<Key> {
        self.stopped.remove(&id);
        let holds = |there: &OfKey| there.holder.is_some_and(|(_, holder)| holder.run == id);
        let key = self.keys.iter().find(|(_, there)| holds(there))?.0.clone();
        let there = self.keys.get_mut(&key).expect("it was just there");
        there.holder = None;
        if there.waiting.is_empty() {
            self.keys.remove(&key);
        }
        Some(key)
    }

    /// The keys that have runs which wait, and none that has the turn.
    pub(crate) fn without_holder(&self) -> Vec<Key> {
        let without = self.keys.iter().filter(|(_, there)| there.holder.is_none());
        without.map(|(key, _)| key.clone()).collect()
    }
}
