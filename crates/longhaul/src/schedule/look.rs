//! Which runs of a schedule are finished.

use longhaul_core::{ScheduleName, StateKind, Store, StoreError, schedule::WAITING_MAX, store::GetError};
#[cfg(feature = "testing")]
use longhaul_core::{Timestamp, store::ScheduleRow};

use super::{held_back::HeldBack, row::Row};

/// Runs that are asked after each time, where it only matters that there are not too many.
const SOME: usize = 8;

/// Whether a server has something to do about a schedule at `now`.
#[cfg(feature = "testing")]
pub(crate) async fn is_behind(store: &dyn Store, row: &ScheduleRow, now: Timestamp) -> Result<bool, StoreError> {
    let Ok(mut decoded) = Row::decode(&row.value) else { return Ok(false) };
    let Ok(timetable) = decoded.timetable() else { return Ok(false) };
    if decoded.paused.is_some() {
        return Ok(false);
    }
    let due = decoded.next(&timetable).is_some_and(|next| next <= now);
    forget_finished(store, &row.name, &mut decoded).await?;
    let next_may_begin = decoded.unfinished.is_empty() || !decoded.to_cancel().is_empty();
    Ok(due || !decoded.waiting.is_empty() && next_may_begin)
}

/// Forgets the runs that are final, gone, or parked as Incompatible: those wait for other code, which may never come,
/// and the schedule goes on without them. Answers the first of the others that was asked after.
///
/// Where one run must be finished before the next begins, all are asked after: that is one, as a rule. Where they may
/// overlap, a few at a time, so that an instant costs the same however many there are; but all, before one is left out
/// because there are too many.
pub(crate) async fn forget_finished(
    store: &dyn Store,
    name: &ScheduleName,
    row: &mut Row,
) -> Result<Option<HeldBack>, StoreError> {
    let many = row.unfinished.len() + row.waiting.len() >= WAITING_MAX as usize;
    let ask = if row.one_at_a_time() || many { row.unfinished.len() } else { row.unfinished.len().min(SOME) };
    let asked: Vec<_> = row.unfinished.drain(..ask).collect();
    let mut held_back = None;
    for instance in asked {
        let run = instance.run(name);
        let state = match store.get(run).await {
            Ok(snapshot) => snapshot.run.state.kind(),
            Err(GetError::NotFound(_)) => continue,
            Err(GetError::Store(error)) => return Err(error),
        };
        if state == StateKind::Incompatible {
            tracing::warn!(schedule = %name, %run, "a run is parked as incompatible: its schedule goes on without it");
        } else if !state.is_final() {
            held_back.get_or_insert(HeldBack { run, state });
            // To the end, so that next time it is the turn of others.
            row.unfinished.push(instance);
        }
    }
    Ok(held_back)
}
