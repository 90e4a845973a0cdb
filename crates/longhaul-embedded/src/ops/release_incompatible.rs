//! Runs that wait for code that reads them.

use longhaul_core::{Event, RunId};

use crate::{error::Fault, state::State};

pub(crate) fn release_incompatible(store: &mut State, runs: &[RunId]) -> Result<usize, Fault> {
    let mut released = 0;
    for id in runs {
        if store.index.is_parked(*id)
            && let Some(record) = store.take(*id)?
        {
            released += usize::from(store.apply_event(record, &Event::ReleaseIncompatible)?.is_ok());
        }
    }
    Ok(released)
}
