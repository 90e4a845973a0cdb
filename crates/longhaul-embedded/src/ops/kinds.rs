//! What is known of kinds without their code.

use longhaul_core::{record::write_kind, store::KindDescription};

use crate::{
    error::Fault,
    format::{chunked, keys},
    state::State,
};

/// The layout of a value in chunks has a revision, which a description does not need.
const NO_REVISION: u64 = 0;

pub(crate) fn describe_kinds(store: &mut State, kinds: Vec<KindDescription>) -> Result<(), Fault> {
    for described in kinds {
        let stored = store.kinds.get(&described.kind);
        if !described.replaces(stored) {
            continue;
        }
        let before = stored.map_or(0, |stored| chunked::chunks(write_kind(stored).len()));
        let values = chunked::write(NO_REVISION, &write_kind(&described));
        store.room(before.max(values.len()))?;
        for chunk in values.len()..before {
            store.files.batch.remove(keys::described(&described.kind, chunk as u32));
        }
        for (chunk, bytes) in values.into_iter().enumerate() {
            store.files.batch.put(keys::described(&described.kind, chunk as u32), bytes);
        }
        store.files.batch.needs_sync = true;
        store.kinds.insert(described.kind.clone(), described);
    }
    Ok(())
}

pub(crate) fn kinds(store: &State) -> Vec<KindDescription> {
    store.kinds.values().cloned().collect()
}
