//! Which run has which unique key.

use std::{
    collections::{BTreeSet, HashMap, hash_map},
    hash::{BuildHasher, RandomState},
};

use longhaul_core::{Key, Kind, Run, RunId, StateKind, Timestamp};

use crate::format::unique::UniqueKeyEntry;

#[derive(Debug, Default)]
pub(crate) struct Uniques {
    holders: HashMap<Digest, RunId>,
    /// Later runs that have a key which is held: at an opening a run that had begun has its key until it is taken back,
    /// though another may have it by then; and an import may bring a run whose key another has.
    rivals: BTreeSet<(Digest, RunId)>,
    hashers: [RandomState; 2],
    /// Keys that are free again at a time, whatever becomes of their runs.
    until: BTreeSet<(Timestamp, Kind, Key, RunId)>,
    /// Runs that have a key though their retention removed them: the state that they were in, and until when.
    removed: HashMap<RunId, (StateKind, Timestamp)>,
}

/// Kind and key, as two hashes that nobody can foretell: a third of the room, and no text to be fetched from all over
/// the memory. That any two of a million keys share it is as likely as 1 to 10^26, which no disk promises for a bit.
type Digest = u128;

/// Whether this run keeps others of its kind and key out.
pub(super) fn keeps_key(now: Timestamp, run: &Run) -> bool {
    run.constraints().unique.as_ref().is_some_and(|unique| unique.holds(now, run))
}

impl Uniques {
    pub(crate) fn holder(&self, kind: &Kind, key: &Key) -> Option<RunId> {
        self.holders.get(&self.digest(kind, key)).copied()
    }

    fn digest(&self, kind: &Kind, key: &Key) -> Digest {
        let [high, low] = self.hashers.each_ref().map(|hasher| hasher.hash_one((kind, key)));
        Digest::from(high) << u64::BITS | Digest::from(low)
    }

    /// The run has its key, or has it no more: most changes of a run change nothing of that.
    pub(super) fn note(&mut self, run: &Run, kept: bool, keeps: bool) {
        if kept && !keeps {
            self.forget(run);
        }
        if keeps
            && !kept
            && let Some(unique) = &run.constraints().unique
        {
            self.hold(self.digest(&run.kind, &unique.key), run.id);
            if let Some(kept) = UniqueKeyEntry::of(run) {
                self.until.insert((kept.until, kept.kind, kept.key, kept.id));
            }
        }
    }

    fn hold(&mut self, key: Digest, id: RunId) {
        let holder = self.holders.entry(key).or_insert(id);
        if *holder != id {
            self.rivals.insert((key, id.max(*holder)));
            *holder = id.min(*holder);
        }
    }

    /// The run is gone, or its key free. Returns whether the run had the key.
    pub(crate) fn forget(&mut self, run: &Run) -> bool {
        let Some(unique) = &run.constraints().unique else { return false };
        // A run of the same id that comes later has a time of its own.
        if let Some(UniqueKeyEntry { kind, key, id, until, .. }) = UniqueKeyEntry::of(run) {
            self.until.remove(&(until, kind, key, id));
        }
        self.free(self.digest(&run.kind, &unique.key), run.id)
    }

    /// Frees a key, if this run has it: another run may have it by now.
    fn free(&mut self, key: Digest, id: RunId) -> bool {
        let hash_map::Entry::Occupied(mut holder) = self.holders.entry(key) else { return false };
        if *holder.get() != id {
            self.rivals.remove(&(key, id));
            return false;
        }
        let [first, last] = [0, 255].map(|byte| (key, RunId::from_bytes([byte; 16])));
        let next = self.rivals.range(first..=last).next().copied();
        if let Some((_, rival)) = next {
            holder.insert(rival);
            self.rivals.remove(&(key, rival));
        } else {
            holder.remove();
        }
        true
    }

    /// A final run's key, as it is in the file.
    pub(crate) fn keep(&mut self, kept: UniqueKeyEntry) {
        if let Some(state) = kept.removed {
            self.removed.insert(kept.id, (state, kept.until));
        }
        self.hold(self.digest(&kept.kind, &kept.key), kept.id);
        self.until.insert((kept.until, kept.kind, kept.key, kept.id));
    }

    /// The state in which a run was that is gone, and has its key at `now` all the same.
    pub(crate) fn removed(&self, now: Timestamp, id: RunId) -> Option<StateKind> {
        self.removed.get(&id).filter(|(_, until)| now < *until).map(|(state, _)| *state)
    }

    /// Frees up to `max` keys whose time has passed, and returns them.
    pub(crate) fn expire(&mut self, now: Timestamp, max: usize) -> Vec<(Kind, Key)> {
        let mut expired = Vec::new();
        while expired.len() < max && self.until.first().is_some_and(|(until, ..)| *until <= now) {
            let (_, kind, key, id) = self.until.pop_first().expect("there is a first");
            self.removed.remove(&id);
            if self.free(self.digest(&kind, &key), id) {
                expired.push((kind, key));
            }
        }
        expired
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use longhaul_core::{Constraints, OnConflict, State, Unique, UniqueScope, doc};

    use crate::state::index::{Index, Place};

    use super::*;

    fn run(scope: UniqueScope) -> Run {
        let unique = Unique { key: Key::new("account 7").unwrap(), scope, on_conflict: OnConflict::Refuse };
        Run {
            constraints: Some(Arc::new(Constraints { unique: Some(unique), ..Constraints::default() })),
            ..doc::run()
        }
    }

    /// Who has the key while the run waits, while it executes, and once it is final.
    fn holders(scope: UniqueScope) -> [Option<RunId>; 3] {
        let (mut index, waits) = (Index::default(), run(scope));
        let holder = |index: &Index| index.uniques.holder(&waits.kind, &Key::new("account 7").unwrap());
        index.put(doc::NOW, &waits, Place::Own);
        let waiting = holder(&index);
        let runs = Run { constraints: waits.constraints.clone(), ..doc::running() };
        index.put(doc::NOW, &runs, Place::Own);
        let running = holder(&index);
        index.remove(doc::NOW, &Run { state: State::Completed, ..runs });
        [waiting, running, holder(&index)]
    }

    #[test]
    fn a_key_is_let_go_of_as_soon_as_its_run_keeps_nobody_out() {
        let id = Some(doc::run().id);
        assert_eq!(holders(UniqueScope::Waiting), [id, None, None]);
        assert_eq!(holders(UniqueScope::NotFinal), [id, id, None]);
        assert_eq!(holders(UniqueScope::For(std::time::Duration::from_secs(9))), [id, id, id]);
    }

    #[test]
    fn the_bytes_of_a_key_that_is_kept_are_frozen() {
        let [kind, key] = ["demo", "account 7"];
        let (kind, key) = (Kind::new(kind).unwrap(), Key::new(key).unwrap());
        let there = UniqueKeyEntry {
            kind,
            key,
            id: RunId::from_bytes([7; 16]),
            until: Timestamp::from_micros(258),
            removed: None,
        };
        let mut bytes = [&[7; 16][..], &[0, 0, 0, 0, 0, 0, 1, 2]].concat();
        for removed in [None, Some(StateKind::Completed), Some(StateKind::Failed), Some(StateKind::Cancelled)] {
            let entry = UniqueKeyEntry { removed, ..there.clone() };
            bytes.truncate(24);
            bytes.extend(removed.map(|state| match state {
                StateKind::Completed => b'c',
                StateKind::Failed => b'f',
                _ => b'x',
            }));
            assert_eq!(entry.to_bytes(), bytes);
            let read = |bytes: &[u8]| UniqueKeyEntry::from_bytes(there.kind.clone(), there.key.clone(), bytes);
            assert_eq!(read(&bytes), Some(entry));
            assert_eq!(read(&[&bytes[..24], b"z"].concat()), None);
        }
    }

    #[test]
    fn of_two_that_have_a_key_the_older_is_named_and_the_other_is_not_forgotten() {
        let older = run(UniqueScope::NotFinal);
        let later = Run { id: RunId::from_bytes([255; 16]), ..older.clone() };
        for both in [[&older, &later], [&later, &older]] {
            let mut index = Index::default();
            for run in both {
                index.put(doc::NOW, run, Place::Own);
            }
            let holder = |index: &Index| index.uniques.holder(&older.kind, &Key::new("account 7").unwrap());
            assert_eq!(holder(&index), Some(older.id));
            let ends = |run: &Run| Run { state: State::Completed, ..run.clone() };
            index.remove(doc::NOW, &ends(&older));
            assert_eq!(holder(&index), Some(later.id));
            index.remove(doc::NOW, &ends(&later));
            assert_eq!(holder(&index), None);
        }
    }
}
