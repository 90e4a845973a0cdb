//! Turns: runs of one order key go one after the other.

use longhaul_core::{Event, Key, OrderTurn, Run, RunId, Timestamp};

use super::memory_state::MemoryState;

impl MemoryState {
    /// A new run comes behind those of its order key.
    pub(super) fn queue_up(&self, now: Timestamp, run: &mut Run) {
        if let Some(key) = run.order_key() {
            let last = self.of_key(key).filter_map(|run| run.turn).map(|turn| turn.position).max();
            run.turn = Some(OrderTurn::new(now, last, last.is_some()));
        }
    }

    /// A run that was there before, or was copied, has the turn only if no other one has it.
    pub(super) fn come_back(&self, run: &mut Run) {
        let is_taken = run.order_key().is_some_and(|key| self.of_key(key).any(Run::has_turn));
        if is_taken && run.has_turn() {
            run.yield_turn();
        }
    }

    /// If no run of this order key has the turn, the first of those that wait gets it.
    pub(super) fn pass_turn(&mut self, now: Timestamp, key: &Key) {
        if self.of_key(key).any(Run::has_turn) {
            return;
        }
        let next: Option<(u64, RunId)> = self.of_key(key).filter_map(|run| Some((run.turn?.position, run.id))).min();
        if let Some((_, id)) = next {
            self.apply(now, id, &Event::TakeTurn).expect("it is behind");
        }
    }

    /// The runs of an order key that have the turn or wait for it.
    fn of_key(&self, key: &Key) -> impl Iterator<Item = &Run> {
        self.runs().filter(move |run| run.order_key() == Some(key) && (run.has_turn() || run.is_behind()))
    }
}
