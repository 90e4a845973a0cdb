//! The batch on its way into the file.

use super::State;
use crate::{engine::kv::BATCH_KEYS_MAX, error::Fault, format::keys};

impl State {
    /// Makes sure that `keys` more fit into the batch.
    pub(crate) fn room(&mut self, keys: usize) -> Result<(), Fault> {
        assert!(keys <= BATCH_KEYS_MAX, "a change of {keys} keys fits into no batch");
        let staged = self.files.batch.keys() + self.final_counts.keys() + self.claim_pages.touched();
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
        if writes.is_empty() { Ok(()) } else { Ok(self.files.apply(writes, needs_sync)?) }
    }
}
