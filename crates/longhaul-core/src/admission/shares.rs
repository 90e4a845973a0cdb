//! Which queue is next.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use super::place::{Place, QueueOrder};
use crate::name::Queue;

/// Stride scheduling: each queue has a pass, which grows with each of its claims by a stride that is the smaller the
/// larger its weight is; the lowest pass is next. (Waldspurger and Weihl, 1995.)
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Shares {
    /// The pass of the queue that was served last: one that was empty for a while starts here, and has saved nothing up.
    now: u64,
    passes: BTreeMap<Queue, u64>,
}

/// Divisible by all small weights; 2^64 / it is more claims than there will be.
const STRIDE: u64 = 720_720;

/// A queue with due runs.
pub(super) struct Waiting<'a> {
    pub(super) queue: &'a Queue,
    pub(super) room: usize,
    pub(super) weight: u16,
    pub(super) order: QueueOrder,
    /// The place of the first run of each of its lines that was looked at, and which line that is.
    pub(super) heads: BinaryHeap<Reverse<(Place, usize)>>,
}

impl Shares {
    /// The queue that is next.
    pub(super) fn next(&self, queues: &mut Vec<Waiting<'_>>) -> Option<usize> {
        queues.retain(|waiting| waiting.room > 0 && !waiting.heads.is_empty());
        if queues.len() < 2 {
            return queues.len().checked_sub(1);
        }
        let pass = |waiting: &Waiting<'_>| self.pass(waiting.queue);
        let head = |waiting: &Waiting<'_>| waiting.heads.peek().map(|Reverse((place, _))| place.position);
        (0..queues.len()).min_by_key(|at| (pass(&queues[*at]), head(&queues[*at])))
    }

    fn pass(&self, queue: &Queue) -> u64 {
        self.passes.get(queue).copied().unwrap_or(0).max(self.now)
    }

    pub(super) fn charge(&mut self, queue: &Queue, weight: u16) {
        self.now = self.pass(queue);
        let pass = self.now + STRIDE / u64::from(weight);
        match self.passes.get_mut(queue) {
            Some(kept) => *kept = pass,
            None => _ = self.passes.insert(queue.clone(), pass),
        }
    }
}
