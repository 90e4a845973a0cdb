//! Runs that end because their deadline passed: suspensions, and runs that have not begun.

use longhaul_core::{Event, RunId};

use crate::{error::Fault, state::State};

/// Runs that one cycle ends: a commit or two. The next cycle follows at once.
const EXPIRED_MAX: usize = 256;

/// Ends runs whose deadline has passed.
pub(crate) fn expire_deadlines(store: &mut State) -> Result<(), Fault> {
    for id in store.index.deadlines.passed(store.now, EXPIRED_MAX) {
        expire(store, id)?;
    }
    Ok(())
}

/// Ends a run whose deadline has passed.
pub(super) fn expire(store: &mut State, id: RunId) -> Result<(), Fault> {
    match store.take(id) {
        Ok(Some(record)) => {
            store.apply_event(record, &Event::Expire)?.expect("the deadline is the run's, and has passed");
        }
        Ok(None) => unreachable!("what is in the index is in the file"),
        Err(Fault::Damage(damage)) => {
            tracing::error!(run.id = %id, %damage, "a run cannot be read: its deadline is passed over");
            store.index.deadlines.forget(id);
        }
        Err(fault) => return Err(fault),
    }
    Ok(())
}
