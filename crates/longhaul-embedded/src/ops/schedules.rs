//! Schedules: rows that are changed by the caller who saw them last, together with the runs that they bring.

use longhaul_core::store::{ScheduleChange, ScheduleChangeError, ScheduleChanged, ScheduleChanges};

use super::insert::insert;
use crate::{
    error::Fault,
    format::{chunked, keys},
    state::State,
};

pub(crate) fn schedule(
    store: &mut State,
    change: ScheduleChange,
) -> Result<Result<ScheduleChanged, ScheduleChangeError>, Fault> {
    let ScheduleChange { name, seen, value, runs } = change;
    let revision = match store.schedules.check(&name, seen) {
        Ok(revision) => revision,
        Err(conflict) => return Ok(Err(conflict)),
    };
    // Into a batch of its own, which has room for all of it: together or not at all.
    store.commit()?;
    let runs = runs.into_iter().map(|new| insert(store, new)).collect::<Result<_, Fault>>()?;
    let before = store.schedules.get(&name).map_or(0, |row| chunked::chunks(row.value.len()));
    let after = value.as_ref().map_or(0, |value| chunked::chunks(value.len()));
    store.room(before.max(after) + 1)?;
    for chunk in after..before {
        store.files.batch.remove(keys::schedule(&name, chunk as u32));
    }
    if let Some(value) = &value {
        for (chunk, bytes) in chunked::write(revision, value).into_iter().enumerate() {
            store.files.batch.put(keys::schedule(&name, chunk as u32), bytes);
        }
    }
    store.files.batch.put(keys::SCHEDULES.into(), revision.to_be_bytes().to_vec());
    store.files.batch.needs_sync = true;
    store.schedules.change(name, value);
    Ok(Ok(ScheduleChanged { revision, runs }))
}

/// What changed after `seen`; `None`: nothing.
pub(crate) fn schedules(store: &State, seen: u64) -> Option<ScheduleChanges> {
    store.schedules.after(seen)
}
