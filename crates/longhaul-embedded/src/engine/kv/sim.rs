//! A disk in memory whose power can be cut between any two calls.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{BATCH_KEYS_MAX, Each, Key, Kv, KvError, UNFLUSHED_MAX, Value, Writes};

/// Handles to one disk: the store has one, the test another.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimDisk(Arc<Mutex<Disk>>);

#[derive(Debug, Default)]
struct Disk {
    /// What survives a power cut.
    synced: BTreeMap<Key, Vec<u8>>,
    /// What was applied since, in order.
    log: Vec<BTreeMap<Key, Value>>,
    /// So much of the log survives the death of the process.
    flushed: usize,
    /// Batches, keys and bytes that were applied since the last flush.
    unflushed: (usize, usize, usize),
    /// What readers see.
    seen: BTreeMap<Key, Vec<u8>>,
    /// All calls that write, and how many were of which sort.
    pub(crate) calls: Calls,
    cut: Option<Cut>,
}

/// When the disk fails, for good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// So many calls that write are carried out.
    pub(crate) after: usize,
    /// The call that fails takes effect all the same.
    pub(crate) in_effect: bool,
}

/// How often what was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) apply: usize,
    pub(crate) flush: usize,
    pub(crate) sync: usize,
}

/// What ended the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Killed,
    PowerCut,
}

impl SimDisk {
    /// From now on.
    pub(crate) fn cut(&self, cut: Cut) {
        self.lock().cut = Some(cut);
    }

    pub(crate) fn calls(&self) -> Calls {
        self.lock().calls
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        self.lock().seen.keys().cloned().collect()
    }

    /// Changes a value behind the store's back.
    pub(crate) fn tamper(&self, key: &[u8], change: impl FnOnce(&mut Vec<u8>)) {
        change(self.lock().seen.get_mut(key).expect("there is such a key"));
    }

    pub(crate) fn forget(&self, key: &[u8]) {
        self.lock().seen.remove(key).expect("there is such a key");
    }

    /// Adds a value behind the store's back.
    pub(crate) fn insert(&self, key: Key, value: Vec<u8>) {
        assert!(self.lock().seen.insert(key, value).is_none(), "there is such a key");
    }

    /// The disk after `end`. Of what may have been lost, `luck` (0.0 to 1.0) says how much is there.
    pub(crate) fn after(&self, end: End, luck: f64) -> Self {
        let disk = self.lock();
        let safe = if end == End::Killed { disk.flushed } else { 0 };
        let doubtful = disk.log.len() - safe;
        let survives = safe + (luck * (doubtful + 1) as f64).floor().min(doubtful as f64) as usize;
        let mut seen = disk.synced.clone();
        for batch in &disk.log[..survives] {
            write(&mut seen, batch.clone());
        }
        Self(Arc::new(Mutex::new(Disk { synced: seen.clone(), seen, ..Disk::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(map: &mut BTreeMap<Key, Vec<u8>>, batch: BTreeMap<Key, Value>) {
    for (key, value) in batch {
        match value {
            Some(value) => _ = map.insert(key, value),
            None => _ = map.remove(&key),
        }
    }
}

impl Disk {
    fn call(&mut self, effect: impl FnOnce(&mut Self)) -> Result<(), KvError> {
        let failed = || Err(KvError::Io("the power is cut".into()));
        match &mut self.cut {
            None => {}
            Some(Cut { after: 0, in_effect: false }) => return failed(),
            Some(cut @ Cut { after: 0, .. }) => {
                cut.in_effect = false;
                effect(self);
                return failed();
            }
            Some(cut) => cut.after -= 1,
        }
        effect(self);
        Ok(())
    }
}

impl SimDisk {
    /// Of these, any number may survive a crash.
    fn write(&self, keys: usize, bytes: usize, parts: Vec<BTreeMap<Key, Value>>) -> Result<(), KvError> {
        self.lock().call(|disk| {
            let (batches, keys, all) = (disk.unflushed.0 + 1, disk.unflushed.1 + keys, disk.unflushed.2 + bytes);
            let bounded = batches == 1 || (keys <= BATCH_KEYS_MAX && all <= UNFLUSHED_MAX);
            assert!(bounded, "{batches} batches with {keys} keys and {all} bytes since the last flush");
            disk.unflushed = (batches, keys, all);
            disk.calls.apply += 1;
            for part in parts {
                write(&mut disk.seen, part.clone());
                disk.log.push(part);
            }
        })
    }
}

impl Kv for SimDisk {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.lock().seen.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], from: &[u8], each: &mut Each<'_>) -> Result<(), KvError> {
        // Copied, because `each` may read.
        let from = from.max(prefix).to_vec();
        let found: Vec<_> = {
            let disk = self.lock();
            let range = disk.seen.range(from..).take_while(|(key, _)| key.starts_with(prefix));
            range.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        _ = found.iter().try_for_each(|(key, value)| each(key, value));
        Ok(())
    }

    fn scan_back(&self, prefix: &[u8], before: &[u8], each: &mut Each<'_>) -> Result<(), KvError> {
        // Copied, because `each` may read.
        let found: Vec<_> = {
            let disk = self.lock();
            let range = disk.seen.range(prefix.to_vec()..before.to_vec()).rev();
            range.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        let with_prefix = found.iter().take_while(|(key, _)| key.starts_with(prefix));
        _ = { with_prefix }.try_for_each(|(key, value)| each(key, value));
        Ok(())
    }

    fn apply(&mut self, writes: Writes) -> Result<(), KvError> {
        let bytes = writes.bytes();
        let batch: BTreeMap<Key, Value> = writes.into_entries().collect();
        self.write(batch.len(), bytes, vec![batch])
    }

    fn apply_in_turn(&mut self, writes: Vec<(Key, Value)>) -> Result<(), KvError> {
        let bytes = writes.iter().filter_map(|(_, value)| value.as_ref()).map(Vec::len).sum();
        self.write(writes.len(), bytes, writes.into_iter().map(|write| BTreeMap::from([write])).collect())
    }

    fn flush(&mut self) -> Result<(), KvError> {
        self.lock().call(|disk| {
            disk.calls.flush += 1;
            disk.unflushed = (0, 0, 0);
            disk.flushed = disk.log.len();
        })
    }

    fn sync(&mut self) -> Result<(), KvError> {
        self.lock().call(|disk| {
            disk.calls.sync += 1;
            for batch in disk.log.drain(..disk.flushed) {
                write(&mut disk.synced, batch);
            }
            disk.flushed = 0;
        })
    }
}
