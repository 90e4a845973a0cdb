//! Turns: runs of one order key go one after the other.

use longhaul_core::{Event, Key, OrderTurn, Run};

use super::memory_state::MemoryState;

impl MemoryState {
    /// The runs of an order key that have the turn or wait for it.
    fn of_key(&self, key: &Key) -> impl Iterator<Item = &Run> {
        self.runs().filter(move |run| run.order_key() == Some(key) && (run.has_turn() || run.is_behind()))
    }

    /// A new run comes behind those of its order key.
    pub(super) fn queue_up(&self, run: &mut Run) {
        if let Some(key) = run.order_key() {
            let last = self.of_key(key).filter_map(|run| run.turn).map(|turn| turn.position).max();
            run.turn = Some(OrderTurn::new(self.now, last, last.is_some()));
        }
    }

    /// Whether a run has the turn of this one's order key.
    pub(super) fn is_taken(&self, run: &Run) -> bool {
        run.order_key().is_some_and(|key| self.of_key(key).any(Run::has_turn))
    }

    /// If no run of this order key has the turn, the first of those that wait gets it.
    pub(super) fn pass_turn(&mut self, key: &Key) {
        let first = self.of_key(key).min_by_key(|run| (run.is_behind(), run.turn.map(|turn| turn.position), run.id));
        if let Some(next) = first.filter(|first| first.is_behind()).map(|run| run.id) {
            self.apply(next, &Event::TakeTurn).expect("it is behind");
        }
    }
}
