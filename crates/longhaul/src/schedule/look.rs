//! Which runs of a schedule are finished.

use longhaul_core::{ScheduleName, Store, StoreError, schedule::WAITING_MAX, store::GetError};

use super::row::Row;

/// Runs that are asked after each time, where it only matters that there are not too many.
const SOME: usize = 8;

/// Forgets the runs that are final, or gone.
///
/// Where one run must be finished before the next begins, all are asked after: that is one, as a rule. Where they may
/// overlap, a few at a time, so that an instant costs the same however many there are; but all, before one is left out
/// because there are too many.
pub(crate) async fn forget_finished(store: &dyn Store, name: &ScheduleName, row: &mut Row) -> Result<(), StoreError> {
    let many = row.unfinished.len() + row.waiting.len() >= WAITING_MAX as usize;
    let ask = if row.one_at_a_time() || many { row.unfinished.len() } else { row.unfinished.len().min(SOME) };
    let asked: Vec<_> = row.unfinished.drain(..ask).collect();
    for instance in asked {
        match store.get(instance.run(name)).await {
            Ok(snapshot) if snapshot.run.state.is_final() => {}
            Err(GetError::NotFound(_)) => {}
            // To the end, so that next time it is the turn of others.
            Ok(_) => row.unfinished.push(instance),
            Err(GetError::Store(error)) => return Err(error),
        }
    }
    Ok(())
}
