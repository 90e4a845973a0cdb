//! The engine, the batch on its way into it, and how far what it was given has got.

use super::{State, batch::Batch, minutes::MINUTES};
use crate::{
    engine::kv::{BATCH_KEYS_MAX, Kv, KvError, UNFLUSHED_MAX, Writes},
    error::Fault,
    format::keys,
};

pub(crate) struct Files {
    pub(crate) kv: Box<dyn Kv>,
    /// The batch in the making.
    pub(crate) batch: Batch,
    /// Its number.
    pub(super) batch_number: u64,
    /// How many pages there ever were, as far as it is known: no two have one number.
    pub(super) pages_made: u64,
    /// The page that was read last: runs that were enqueued together are claimed together.
    pub(super) last_page: Option<(u64, Vec<u8>)>,
    /// Keys and bytes that were applied since the last flush.
    unflushed: (usize, usize),
    /// Something was applied since the last flush, and since the last sync.
    needs_flush: bool,
    needs_sync: bool,
}

impl Files {
    pub(super) fn new(kv: Box<dyn Kv>) -> Self {
        Self {
            kv,
            batch: Batch::default(),
            batch_number: 0,
            pages_made: 0,
            last_page: None,
            unflushed: (0, 0),
            needs_flush: false,
            needs_sync: false,
        }
    }

    /// Hands writes to the engine. Nothing is durable yet.
    fn apply(&mut self, writes: Writes, needs_sync: bool) -> Result<(), KvError> {
        let (keys, bytes) = (self.unflushed.0 + writes.len(), self.unflushed.1 + writes.bytes());
        if self.needs_flush && (keys > BATCH_KEYS_MAX || bytes > UNFLUSHED_MAX) {
            self.flush()?;
        }
        self.unflushed.0 += writes.len();
        self.unflushed.1 += writes.bytes();
        self.kv.apply(writes)?;
        self.needs_flush = true;
        self.needs_sync |= needs_sync;
        Ok(())
    }

    pub(crate) fn needs_flush(&self) -> bool {
        self.needs_flush
    }

    /// What was applied survives the death of the process.
    pub(crate) fn flush(&mut self) -> Result<(), KvError> {
        self.kv.flush()?;
        self.unflushed = (0, 0);
        self.needs_flush = false;
        Ok(())
    }

    /// What was flushed survives a power cut, if it was promised to, and if `power`.
    pub(crate) fn sync_if_promised(&mut self, power: bool) -> Result<(), KvError> {
        if self.needs_sync && power {
            self.kv.sync()?;
        }
        self.needs_sync = false;
        Ok(())
    }

    /// All that was applied is as durable as it gets.
    pub(super) fn make_durable(&mut self) -> Result<(), KvError> {
        self.flush()?;
        self.kv.sync()?;
        self.kv.attest()?;
        self.needs_sync = false;
        Ok(())
    }

    /// The batch in the making is not written.
    pub(super) fn drop_batch(&mut self) {
        self.batch = Batch::default();
    }

    /// The next page that is read is read from the file.
    pub(crate) fn forget_page(&mut self) {
        self.last_page = None;
    }
}

impl State {
    /// Makes sure that `keys` more fit into the batch.
    pub(crate) fn room(&mut self, keys: usize) -> Result<(), Fault> {
        assert!(keys <= BATCH_KEYS_MAX, "a change of {keys} keys fits into no batch");
        let staged = self.files.batch.keys() + self.final_counts.keys() + self.claim_pages.touched() + MINUTES;
        if staged + keys > BATCH_KEYS_MAX { self.commit() } else { Ok(()) }
    }

    /// Applies the batch in the making, and begins another. Nothing is durable yet.
    pub(crate) fn commit(&mut self) -> Result<(), Fault> {
        let batch = std::mem::take(&mut self.files.batch);
        self.files.batch_number += 1;
        let needs_sync = batch.needs_sync;
        let mut writes = batch.into_writes(&*self.files.kv, &mut self.ends, self.now)?;
        self.write_final_counts(&mut writes, self.ends.last());
        for (page, bytes) in self.claim_pages.take_touched() {
            writes.put(keys::claim_pages(page), bytes);
        }
        self.write_minutes(&mut writes);
        if writes.is_empty() { Ok(()) } else { Ok(self.files.apply(writes, needs_sync)?) }
    }
}
