//! One look at a schedule: does what is due, and tells when to look again.

use longhaul_core::{
    Clock, RunId, ScheduleName, Store, StoreError, Timestamp,
    schedule::{InstantCount, LeftOut, Remark},
    store::{CancelError, ScheduleChange, ScheduleChangeError, ScheduleRow},
};

use crate::schedule::{HeldBack, Row, Step, forget_finished, schedule_actor};

/// A schedule as somebody saw it.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) revision: u64,
    row: Row,
}

/// What a look came to.
pub(super) struct Looked {
    /// The schedule as it is now.
    pub(super) seen: Seen,
    /// When to look again; `None`: when it changes.
    pub(super) next: Option<Timestamp>,
    /// And when this run is final.
    pub(super) waits_for: Option<RunId>,
}

impl Seen {
    /// `None`: it cannot be read, and is left to those who can.
    pub(super) fn of(row: &ScheduleRow) -> Option<Self> {
        match Row::decode(&row.value) {
            Ok(decoded) => Some(Self { revision: row.revision, row: decoded }),
            Err(reason) => {
                tracing::warn!(schedule = %row.name, %reason, "a schedule cannot be read, and is left alone");
                None
            }
        }
    }
}

/// `None`: somebody changed it meanwhile.
pub(super) async fn look(
    store: &dyn Store,
    clock: &dyn Clock,
    name: &ScheduleName,
    mut seen: Seen,
) -> Result<Option<Looked>, StoreError> {
    let timetable = match seen.row.timetable() {
        Ok(timetable) => timetable,
        Err(error) => {
            tracing::warn!(schedule = %name, %error, "a schedule is left to other servers");
            return Ok(Some(Looked { seen, next: None, waits_for: None }));
        }
    };
    // Each round does what can be done in one transaction.
    loop {
        let now = clock.now();
        let due = seen.row.next(&timetable).is_some_and(|next| next <= now);
        let mut held_back = None;
        if due || !seen.row.waiting.is_empty() {
            held_back = forget_finished(store, name, &mut seen.row).await?;
            // Each time, as whoever had the next one wait may not have come to it.
            for instance in seen.row.to_cancel() {
                cancel(store, name, instance.run(name)).await?;
            }
        }
        let Step { row, runs, left_out, remark } = seen.row.step(name, &timetable, now);
        tell(name, &row, left_out, held_back, remark);
        if row == seen.row {
            break;
        }
        let change = ScheduleChange { name: name.clone(), seen: Some(seen.revision), value: Some(row.encode()), runs };
        match store.schedule(change).await {
            Ok(changed) => seen = Seen { revision: changed.revision, row },
            Err(ScheduleChangeError::Conflict { .. }) => return Ok(None),
            Err(ScheduleChangeError::Store(error)) => return Err(error),
        }
    }
    let waits = seen.row.paused.is_none() && !seen.row.waiting.is_empty();
    let waits_for = waits.then(|| seen.row.unfinished.first()).flatten().map(|instance| instance.run(name));
    Ok(Some(Looked { next: seen.row.next(&timetable), seen, waits_for }))
}

async fn cancel(store: &dyn Store, name: &ScheduleName, run: RunId) -> Result<(), StoreError> {
    let reason = format!("the next run of the schedule `{name}` is due");
    match store.cancel(run, Some(reason.into()), schedule_actor(name)).await {
        Ok(_) | Err(CancelError::NotFound(_) | CancelError::Final { .. }) => Ok(()),
        Err(CancelError::Store(error)) => Err(error),
    }
}

fn tell(name: &ScheduleName, row: &Row, left_out: LeftOut, held_back: Option<HeldBack>, remark: Option<Remark>) {
    if left_out.missed != InstantCount::Exactly(0) {
        let missed = row.schedule.missed;
        tracing::warn!(schedule = %name, instants = %left_out.missed, policy = ?missed, "instants were missed");
    }
    if left_out.overlapped > 0 {
        let overlap = row.schedule.overlap;
        let held_back = held_back.map(|held_back| held_back.to_string());
        tracing::warn!(
            schedule = %name, instants = left_out.overlapped, policy = ?overlap, held_back,
            "instants were left out, as a run before is not finished"
        );
    }
    match remark {
        Some(Remark::ClockBehind(by)) => tracing::warn!(schedule = %name, ?by, "the clock is behind what was handled"),
        Some(Remark::ClockCorrected(by)) => {
            tracing::warn!(schedule = %name, ?by, "the clock was wrong before; the schedule goes on from now");
        }
        Some(Remark::Changed) => tracing::info!(schedule = %name, "a schedule begins anew, with another timing"),
        None => {}
    }
}
