//! Which run has a unique key.

use longhaul_core::{Key, Kind, RunId};

use crate::{
    error::Fault,
    state::{State, unique_keys::Holder},
};

pub(crate) fn find_by_key(store: &mut State, kind: &Kind, key: &Key) -> Result<Option<RunId>, Fault> {
    let Some(Holder::There(record)) = store.key_holder(kind, key)? else { return Ok(None) };
    let id = record.run.id;
    store.put_back(record);
    Ok(Some(id))
}
