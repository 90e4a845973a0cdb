//! Whose turn it is in queues whose limit keys take turns.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{DuePosition, LimitGroup};
use crate::{
    name::{Key, Queue},
    run::Priority,
    time::Timestamp,
};

/// Runs that have turns in common: those of one queue, limit key and priority. Runs without a limit key have theirs in
/// common too.
///
/// ```
/// use longhaul_core::{Key, Priority, Queue, admission::ServedKey};
///
/// let of = |key| ServedKey { queue: Queue::default(), priority: Priority(0), key };
/// assert_ne!(of(None), of(Some(Key::new("customer 7")?)));
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct ServedKey {
    /// Their queue.
    pub queue: Queue,
    /// Their priority.
    pub priority: Priority,
    /// Their limit key.
    pub key: Option<Key>,
}

impl ServedKey {
    pub(super) fn of(limit_group: &LimitGroup, priority: Priority) -> Self {
        Self { queue: limit_group.queue.clone(), priority, key: limit_group.key.clone() }
    }
}

/// When keys that take turns had their last turn. A run waits for its turn since it is due, or since the last turn of its
/// key, whichever is later: so a key that had its turn comes after all others that wait, and a new key comes after those
/// that wait already, but not after what they have behind their first run.
///
/// Of more than [`ServedKeys::MAX`] keys, those that had their turn longest ago are forgotten. What is lost with it is
/// small: such a key is one of the next anyway.
///
/// A clock that is set back leaves turns that lie in the future. Those that follow come after them, so that the keys keep
/// their order; a key that has had no turn yet comes before them once.
///
/// ```
/// use longhaul_core::{Priority, Queue, admission::{ServedKey, ServedKeys}, doc};
///
/// let key = ServedKey { queue: Queue::default(), priority: Priority(0), key: None };
/// let served = ServedKeys::new([(key.clone(), doc::NOW)]);
/// assert_eq!(served.get(&key), Some(doc::NOW));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ServedKeys {
    at: BTreeMap<ServedKey, Timestamp>,
    by_time: BTreeSet<(Timestamp, ServedKey)>,
}

impl ServedKeys {
    /// So many keys are remembered, below 20 MB of them.
    pub const MAX: usize = 65_536;

    /// Those that were kept.
    pub fn new(kept: impl IntoIterator<Item = (ServedKey, Timestamp)>) -> Self {
        let mut all = Self::default();
        for (key, at) in kept {
            all.note(key, at);
        }
        all
    }

    /// When it had its last turn, as far as that is known.
    pub fn get(&self, key: &ServedKey) -> Option<Timestamp> {
        self.at.get(key).copied()
    }

    pub(super) fn note(&mut self, key: ServedKey, at: Timestamp) {
        if let Some(before) = self.at.insert(key.clone(), at) {
            self.by_time.remove(&(before, key.clone()));
        }
        self.by_time.insert((at, key));
        while self.at.len() > Self::MAX {
            let (_, first) = self.by_time.pop_first().expect("each has its time");
            self.at.remove(&first);
        }
    }

    /// The last turn of all.
    fn latest(&self) -> Option<Timestamp> {
        self.by_time.last().map(|(at, _)| *at)
    }
}

/// The turns of one selection in the making.
pub(super) struct Turns<'a> {
    now: Timestamp,
    kept: &'a ServedKeys,
    /// Those that this selection gave.
    pub(super) given: BTreeMap<ServedKey, Timestamp>,
    last: Option<Timestamp>,
}

impl<'a> Turns<'a> {
    pub(super) fn new(now: Timestamp, kept: &'a ServedKeys) -> Self {
        Self { now, kept, given: BTreeMap::new(), last: None }
    }

    /// Since when a run waits for its turn. `key`: of what it has turns, if it has.
    pub(super) fn since(&self, key: Option<&ServedKey>, position: DuePosition) -> Timestamp {
        let served = key.and_then(|key| self.given.get(key).copied().or_else(|| self.kept.get(key)));
        served.map_or(position.due, |served| served.max(position.due))
    }

    /// It has its turn.
    pub(super) fn give(&mut self, key: &ServedKey) {
        let last = self.last.or_else(|| self.kept.latest());
        // All are apart, so that those of one claim come in their order again; and after whatever is due now.
        let at = last.map_or(self.now, |last| self.now.max(last)).after(Duration::from_micros(1));
        self.last = Some(at);
        self.given.insert(key.clone(), at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> ServedKey {
        ServedKey { queue: Queue::default(), priority: Priority(0), key: Some(Key::new(&format!("{n}")).unwrap()) }
    }

    #[test]
    fn of_too_many_keys_those_that_had_their_turn_longest_ago_are_forgotten() {
        let at = |n: usize| Timestamp::from_micros(n as i64);
        let mut served = ServedKeys::new((0..ServedKeys::MAX).map(|n| (key(n), at(n))));
        let now = at(ServedKeys::MAX);
        served.note(key(0), now);
        assert_eq!(served.get(&key(1)), Some(at(1)), "the same key again takes no other place");
        served.note(key(ServedKeys::MAX), now);
        assert_eq!((served.get(&key(1)), served.get(&key(0))), (None, Some(now)));
        assert_eq!((served.at.len(), served.by_time.len()), (ServedKeys::MAX, ServedKeys::MAX));
    }

    #[test]
    fn turns_are_apart_and_go_on_after_those_of_a_clock_that_was_set_back() {
        let (now, far) = (Timestamp::from_micros(5), Timestamp::from_micros(60_000_000));
        let served = ServedKeys::new([(key(1), Timestamp::from_micros(9)), (key(2), far)]);
        let mut turns = Turns::new(now, &served);
        let position = DuePosition::new(Priority(0), now, crate::RunId::from_bytes([1; 16]));
        assert_eq!(turns.since(Some(&key(2)), position), far);
        turns.give(&key(3));
        turns.give(&key(4));
        assert_eq!(turns.since(Some(&key(3)), position), Timestamp::from_micros(60_000_001));
        assert_eq!(turns.since(Some(&key(4)), position), Timestamp::from_micros(60_000_002));
        assert_eq!(turns.since(None, position), now);
    }
}
