//! Which runs of a schedule are finished.

use longhaul_core::{ScheduleName, Store, StoreError, schedule::WAITING_MAX, store::GetError};
#[cfg(feature = "testing")]
use longhaul_core::{Timestamp, store::ScheduleRow};

use super::row::Row;

/// Runs that are asked after each time, where it only matters that there are not too many.
const SOME: usize = 8;

/// Whether a server has something to do about a schedule at `now`.
#[cfg(feature = "testing")]
pub(crate) async fn is_behind(store: &dyn Store, row: &ScheduleRow, now: Timestamp) -> Result<bool, StoreError> {
    let Ok(mut decoded) = Row::decode(&row.value) else { return Ok(false) };
    let Ok(timetable) = decoded.schedule.timetable() else { return Ok(false) };
    if decoded.paused.is_some() {
        return Ok(false);
    }
    let due = decoded.next(&timetable).is_some_and(|next| next <= now);
    forget_finished(store, &row.name, &mut decoded).await?;
    let next_may_begin = decoded.unfinished.is_empty() || !decoded.to_cancel().is_empty();
    Ok(due || !decoded.waiting.is_empty() && next_may_begin)
}

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
