//! Which run has which unique key.

use std::collections::{BTreeSet, HashMap};

use longhaul_core::{Key, Kind, Run, RunId, Timestamp, UniqueScope};

#[derive(Debug, Default)]
pub(crate) struct Uniques {
    holders: HashMap<(Kind, Key), RunId>,
    /// Keys that are free again at a time, whatever becomes of their runs.
    until: BTreeSet<(Timestamp, Kind, Key, RunId)>,
}

/// A key that a final run has, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) kind: Kind,
    pub(crate) key: Key,
    pub(crate) id: RunId,
    pub(crate) until: Timestamp,
}

impl Kept {
    /// The key that this run has though it is final.
    pub(crate) fn of(run: &Run) -> Option<Self> {
        let unique = run.terms().unique.as_ref()?;
        match unique.scope {
            UniqueScope::For(period) => {
                let until = run.created.after(period);
                Some(Self { kind: run.kind.clone(), key: unique.key.clone(), id: run.id, until })
            }
            UniqueScope::Waiting | UniqueScope::NotFinal => None,
        }
    }

    /// Run and time; kind and key stand in the key.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [&self.id.as_bytes()[..], &self.until.as_micros().to_be_bytes()].concat()
    }

    pub(crate) fn from_bytes(kind: Kind, key: Key, bytes: &[u8]) -> Option<Self> {
        let (id, until) = bytes.split_first_chunk::<16>()?;
        let until = Timestamp::from_micros(i64::from_be_bytes(until.try_into().ok()?));
        Some(Self { kind, key, id: RunId::from_bytes(*id), until })
    }
}

impl Uniques {
    pub(crate) fn holder(&self, kind: &Kind, key: &Key) -> Option<RunId> {
        self.holders.get(&(kind.clone(), key.clone())).copied()
    }

    /// The run has its key, or has it no more.
    pub(super) fn note(&mut self, now: Timestamp, run: &Run) {
        let Some(unique) = &run.terms().unique else { return };
        if unique.holds(now, run) {
            self.holders.insert((run.kind.clone(), unique.key.clone()), run.id);
            if let Some(kept) = Kept::of(run) {
                self.until.insert((kept.until, kept.kind, kept.key, kept.id));
            }
        } else {
            self.forget(run);
        }
    }

    /// The run is gone. Answers whether it had its key.
    pub(crate) fn forget(&mut self, run: &Run) -> bool {
        let Some(unique) = &run.terms().unique else { return false };
        let entry = (run.kind.clone(), unique.key.clone());
        let had = self.holders.get(&entry) == Some(&run.id);
        if had {
            self.holders.remove(&entry);
        }
        had
    }

    /// A final run's key, as it is in the file.
    pub(crate) fn keep(&mut self, kept: Kept) {
        self.until.insert((kept.until, kept.kind.clone(), kept.key.clone(), kept.id));
        self.holders.insert((kept.kind, kept.key), kept.id);
    }

    /// Lets go of up to `max` keys whose time has passed, and answers them.
    pub(crate) fn expire(&mut self, now: Timestamp, max: usize) -> Vec<(Kind, Key)> {
        let mut expired = Vec::new();
        while expired.len() < max && self.until.first().is_some_and(|(until, ..)| *until <= now) {
            let (_, kind, key, id) = self.until.pop_first().expect("there is a first");
            let entry = (kind, key);
            // Another run may have the key by now.
            if self.holders.get(&entry) == Some(&id) {
                self.holders.remove(&entry);
                expired.push(entry);
            }
        }
        expired
    }
}
