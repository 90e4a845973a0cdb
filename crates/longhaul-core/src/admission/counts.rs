//! How many run, by what limits go by.

use std::collections::{BTreeMap, HashMap};

use super::LimitGroup;
use crate::name::{Key, Kind, Queue};

/// How many run.
///
/// ```
/// use longhaul_core::{admission::{LimitGroup, RunningCounts}, doc};
///
/// let limit_group = LimitGroup::of(&doc::run());
/// let mut running_counts = RunningCounts::default();
/// running_counts.enter(&limit_group);
/// running_counts.enter(&limit_group);
/// running_counts.leave(&limit_group);
/// assert_eq!(running_counts, RunningCounts::of([&limit_group].into_iter()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RunningCounts {
    queues: BTreeMap<Queue, u32>,
    kinds: BTreeMap<Kind, OfKind>,
}

/// How many of a kind run.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
struct OfKind {
    all: u32,
    by_key: HashMap<Key, u32>,
}

impl RunningCounts {
    /// Counts these.
    pub fn of<'a>(running: impl Iterator<Item = &'a LimitGroup>) -> Self {
        let mut running_counts = Self::default();
        running.for_each(|limit_group| running_counts.enter(limit_group));
        running_counts
    }

    /// One more runs.
    pub fn enter(&mut self, limit_group: &LimitGroup) {
        match self.queues.get_mut(&limit_group.queue) {
            Some(count) => *count += 1,
            None => _ = self.queues.insert(limit_group.queue.clone(), 1),
        }
        match self.kinds.get_mut(&limit_group.kind) {
            Some(of_kind) => of_kind.enter(limit_group.key.as_ref()),
            None => self.kinds.entry(limit_group.kind.clone()).or_default().enter(limit_group.key.as_ref()),
        }
    }

    /// One that ran does not any more.
    pub fn leave(&mut self, limit_group: &LimitGroup) {
        const ENTERED: &str = "who leaves has entered";
        *self.queues.get_mut(&limit_group.queue).expect(ENTERED) -= 1;
        let of_kind = self.kinds.get_mut(&limit_group.kind).expect(ENTERED);
        of_kind.all -= 1;
        if let Some(key) = &limit_group.key {
            let left = of_kind.by_key.get_mut(key).expect(ENTERED);
            *left -= 1;
            // Keys come and go; queues and kinds are few.
            if *left == 0 {
                of_kind.by_key.remove(key);
            }
        }
    }

    pub(super) fn queue(&self, queue: &Queue) -> u32 {
        self.queues.get(queue).copied().unwrap_or(0)
    }

    pub(super) fn kind(&self, kind: &Kind) -> u32 {
        self.kinds.get(kind).map_or(0, |of_kind| of_kind.all)
    }

    pub(super) fn key(&self, kind: &Kind, key: &Key) -> u32 {
        self.kinds.get(kind).and_then(|of_kind| of_kind.by_key.get(key)).copied().unwrap_or(0)
    }
}

impl OfKind {
    fn enter(&mut self, key: Option<&Key>) {
        self.all += 1;
        let Some(key) = key else { return };
        match self.by_key.get_mut(key) {
            Some(count) => *count += 1,
            None => _ = self.by_key.insert(key.clone(), 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_which_nothing_runs_are_forgotten() {
        let one =
            LimitGroup { queue: Queue::default(), kind: Kind::new("a").unwrap(), key: Some(Key::new("x").unwrap()) };
        let mut running_counts = RunningCounts::of([one.clone(), one.clone()].iter());
        running_counts.leave(&one);
        assert_eq!(running_counts, RunningCounts::of([one.clone()].iter()));
        running_counts.leave(&one);
        assert!(running_counts.kinds.values().all(|of_kind| of_kind.by_key.is_empty()));
    }
}
