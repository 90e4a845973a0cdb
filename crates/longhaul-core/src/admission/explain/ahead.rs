//! Which other runs come before a run that waits.

use std::{collections::HashMap, fmt};

use super::super::{
    Admission, DuePosition, Source,
    place::QueueOrder,
    served::{ServedKey, Turns},
};
use crate::{
    name::{Key, Kind, Label, Queue},
    run::{Priority, Run},
    time::Timestamp,
};

/// How many due runs of its queue come before a run. They are counted up to [`Ahead::COUNTED`].
///
/// ```
/// use longhaul_core::explain::Ahead;
///
/// let ahead = Ahead { of_higher_priority: 3, of_same_priority: 1, ..Ahead::default() };
/// assert_eq!(ahead.to_string(), "3 runs of a higher priority are ahead of it, and 1 of the same that was due before");
/// assert!(Ahead::default().is_first());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Ahead {
    /// Due runs of a higher priority.
    pub of_higher_priority: u64,
    /// Due runs of the same priority that were due before it. Where keys take turns, those of its own key.
    pub of_same_priority: u64,
    /// Due runs of a lower priority that have waited longer, by more than what the difference is worth. There are none
    /// unless the priority of the queue ages.
    pub of_lower_priority: u64,
    /// Due runs of the same priority and other keys whose turn comes before that of its own, as many of each as have a
    /// turn before it has. There are none unless keys take turns in the queue.
    pub of_other_keys: u64,
}

impl Ahead {
    /// So many are counted; more are told as "at least".
    pub const COUNTED: u64 = 1000;

    /// No other run comes first.
    pub const fn is_first(&self) -> bool {
        self.total() == 0
    }

    const fn total(&self) -> u64 {
        self.of_higher_priority + self.of_same_priority + self.of_lower_priority + self.of_other_keys
    }

    const fn is_full(&self) -> bool {
        self.total() >= Self::COUNTED
    }

    /// Those ahead of `run`, which is due at `due`, of what anybody `reads`.
    pub(super) fn of(
        now: Timestamp,
        (run, due): (&Run, Timestamp),
        admission: &Admission,
        source: &impl Source,
        reads: impl Fn(&Kind, u16, &[Label]) -> bool,
    ) -> Self {
        let (_, order) = admission.weight_and_order(&run.queue);
        let own = Own {
            queue: &run.queue,
            key: run.constraints().limit_key.as_ref(),
            position: DuePosition::new(run.priority, due, run.id),
            order,
            turns: Turns::new(now, &admission.served),
        };
        let mut ahead = Self::default();
        if order.fair {
            ahead.count_turns(&own, source, &reads);
        }
        ahead.count_places(&own, source, &reads);
        ahead
    }

    /// Counts those that come first by priority and time, as they are now; where keys take turns, those of other priorities.
    fn count_places(&mut self, own: &Own<'_>, source: &impl Source, reads: &impl Fn(&Kind, u16, &[Label]) -> bool) {
        let own_place = own.place(own.key, own.position);
        for group in source.groups(false) {
            let is_own = group.priority == own.position.priority();
            if group.queue != own.queue
                || !reads(group.kind, group.version, group.requires)
                || (is_own && own.order.fair)
            {
                continue;
            }
            for backlog in group.backlogs {
                let key = backlog.limit_group.key.as_ref();
                let mut any = false;
                for _ in backlog.positions.take_while(|position| own.place(key, *position) < own_place) {
                    any = true;
                    self.add(group.priority, own.position.priority());
                    if self.is_full() {
                        return;
                    }
                }
                // They come in the order of their first positions, or of the turns of their keys.
                if !any && !own.order.fair {
                    break;
                }
            }
        }
    }

    /// Where keys take turns: its own key has so many before it, and each other one as many turns.
    fn count_turns(&mut self, own: &Own<'_>, source: &impl Source, reads: &impl Fn(&Kind, u16, &[Label]) -> bool) {
        let mut heads: HashMap<Option<Key>, DuePosition> = HashMap::from([(own.key.cloned(), own.position)]);
        let groups = || {
            let of_own = |group: &super::super::BacklogGroup<'_, _>| {
                group.queue == own.queue && group.priority == own.position.priority()
            };
            source.groups(false).filter(of_own).filter(|group| reads(group.kind, group.version, group.requires))
        };
        for backlog in groups().flat_map(|group| group.backlogs) {
            let key = &backlog.limit_group.key;
            let mut positions = backlog.positions.peekable();
            let Some(first) = positions.peek().copied() else { continue };
            let head = heads.entry(key.clone()).or_insert(first);
            *head = first.min(*head);
            if key.as_ref() == own.key {
                let before = positions.take_while(|position| *position < own.position);
                self.of_same_priority += before.take(Self::COUNTED as usize).count() as u64;
            }
        }
        let own_next = own.place(own.key, heads[&own.key.cloned()]);
        let turns = self.of_same_priority;
        let mut left: HashMap<Option<Key>, u64> = heads
            .into_iter()
            .filter(|(key, _)| key.as_ref() != own.key)
            .map(|(key, head)| {
                let is_next = own.place(key.as_ref(), head) < own_next;
                (key, turns + u64::from(is_next))
            })
            .collect();
        for backlog in groups().flat_map(|group| group.backlogs) {
            if self.is_full() {
                return;
            }
            let Some(left) = left.get_mut(&backlog.limit_group.key) else { continue };
            let before = backlog.positions.take(*left as usize).count() as u64;
            *left -= before;
            self.of_other_keys += before;
        }
    }

    fn add(&mut self, other: Priority, own: Priority) {
        match other.cmp(&own) {
            std::cmp::Ordering::Greater => self.of_higher_priority += 1,
            std::cmp::Ordering::Equal => self.of_same_priority += 1,
            std::cmp::Ordering::Less => self.of_lower_priority += 1,
        }
    }
}

/// The run that is explained.
struct Own<'a> {
    queue: &'a Queue,
    key: Option<&'a Key>,
    position: DuePosition,
    order: QueueOrder,
    turns: Turns<'a>,
}

impl Own<'_> {
    /// The place of a run of its queue, as the turns of its key are now.
    fn place(&self, key: Option<&Key>, position: DuePosition) -> super::super::place::Place {
        let turn_of = self.order.fair.then(|| ServedKey {
            queue: self.queue.clone(),
            priority: position.priority(),
            key: key.cloned(),
        });
        self.order.place(position, self.turns.since(turn_of.as_ref(), position))
    }
}

impl fmt::Display for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |count: u64, one: &'static str, more: &'static str| (count, if count == 1 { one } else { more });
        let is_first = self.of_higher_priority == 0;
        let (same, same_more) = if is_first {
            ("that was due before", "that were due before")
        } else {
            ("of the same that was due before", "of the same that were due before")
        };
        let parts = [
            of(self.of_higher_priority, "of a higher priority", "of a higher priority"),
            of(self.of_same_priority, same, same_more),
            of(
                self.of_lower_priority,
                "of a lower priority that has waited longer",
                "of a lower priority that have waited longer",
            ),
            of(
                self.of_other_keys,
                "of another key that has its turn before",
                "of other keys that have their turns before",
            ),
        ];
        let mut parts = parts.iter().filter(|(count, _)| *count > 0);
        let Some((count, what)) = parts.next() else { return f.write_str("no other run is ahead of it") };
        let least = if self.is_full() { "at least " } else { "" };
        let (runs, are) = if *count == 1 { ("run", "is") } else { ("runs", "are") };
        write!(f, "{least}{count} {runs} {what} {are} ahead of it")?;
        for (count, what) in parts {
            write!(f, ", and {count} {what}")?;
        }
        Ok(())
    }
}
