//! What code declares, and what is kept of it.

use longhaul_core::{
    ScheduleName, Store, StoreError, Timestamp,
    store::{ScheduleChange, ScheduleChangeError, ScheduleRow},
};

use crate::schedule::{Declared, Origin, Row};

/// How often it is tried again when others changed the same schedules: servers that start together, and the runs of
/// instants in between.
const TRIES: u32 = 16;

/// Makes, changes and removes what code declares otherwise than before. What an operator changed is kept, and said.
pub(super) async fn reconcile(
    store: &dyn Store,
    server: &str,
    declared: &[Declared],
    now: Timestamp,
) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let rows = store.schedules(0).await?.changed;
        let mut conflict = false;
        for change in changes(&rows, server, declared, now) {
            match store.schedule(change).await {
                Ok(_) => {}
                Err(ScheduleChangeError::Conflict { .. }) => conflict = true,
                Err(ScheduleChangeError::Store(error)) => return Err(error),
            }
        }
        if !conflict {
            return Ok(());
        }
    }
    tracing::error!("the schedules that code declares were changed by others {TRIES} times while they were kept");
    Ok(())
}

fn changes(rows: &[ScheduleRow], server: &str, declared: &[Declared], now: Timestamp) -> Vec<ScheduleChange> {
    let there = |name: &ScheduleName| rows.iter().find(|row| row.name == *name);
    let kept = declared.iter().filter_map(|new| match there(&new.name) {
        None => {
            tracing::info!(schedule = %new.name, "made a schedule that code declares");
            let row = new.row(now, origin(server, new)).expect("it was checked before the start");
            Some(change(&new.name, None, Some(&row)))
        }
        Some(row) => keep(row, server, new, now),
    });
    let removed = rows.iter().filter(|row| {
        let gone = declared.iter().all(|new| new.name != row.name);
        gone && Row::decode(&row.value).is_ok_and(|row| declared_by(&row, server))
    });
    let removed = removed.map(|row| {
        tracing::info!(schedule = %row.name, "removed a schedule that code declares no more");
        change(&row.name, Some(row.revision), None)
    });
    kept.chain(removed).collect()
}

/// Changes one that is there, if code declares it otherwise than before.
fn keep(there: &ScheduleRow, server: &str, new: &Declared, now: Timestamp) -> Option<ScheduleChange> {
    let before = match Row::decode(&there.value) {
        Ok(row) => row,
        Err(reason) => {
            tracing::warn!(schedule = %new.name, %reason, "a schedule cannot be read, and is left alone");
            return None;
        }
    };
    let mut row = before.clone();
    match (&before.origin, &before.changed) {
        (Origin::Client, _) => {
            tracing::warn!(schedule = %new.name, "code declares a schedule that a client made before, which is kept");
        }
        (Origin::Code { .. }, Some(changed)) => {
            let otherwise = before.origin != origin(server, new);
            tracing::warn!(
                schedule = %new.name, by = %changed.by, at = %changed.at, code_changed = otherwise,
                "a schedule that code declares was changed at run time, which is kept"
            );
            row.origin = origin(server, new);
        }
        (Origin::Code { .. }, None) => {
            row.origin = origin(server, new);
            row.schedule = new.schedule.clone();
            row.runs = new.runs.clone();
            row.retime(&new.schedule.timetable().expect("it was checked before the start"), now);
        }
    }
    (row != before).then(|| {
        tracing::info!(schedule = %new.name, "code declares a schedule otherwise than before");
        change(&new.name, Some(there.revision), Some(&row))
    })
}

fn origin(server: &str, new: &Declared) -> Origin {
    Origin::Code { server: server.into(), digest: new.digest() }
}

fn declared_by(row: &Row, name: &str) -> bool {
    matches!(&row.origin, Origin::Code { server, .. } if **server == *name)
}

fn change(name: &ScheduleName, seen: Option<u64>, row: Option<&Row>) -> ScheduleChange {
    ScheduleChange { name: name.clone(), seen, value: row.map(Row::encode), runs: vec![] }
}
