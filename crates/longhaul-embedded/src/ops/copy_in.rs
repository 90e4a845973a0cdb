//! What another store kept, on its way in.

use longhaul_core::{
    Control, Epoch,
    record::{write_bucket, write_log},
    store::{
        ScheduleChange,
        copy::{CopiedRun, CopyItem, RemovedKey},
    },
};

use super::{controls::write_control, kinds::describe_kinds, look_at_waits::look_at_waits, schedules::schedule};
use crate::{
    error::Fault,
    format::{keys, unique::UniqueKeyEntry},
    state::State,
};

/// Keeps items as they are. Answers how many were not there yet.
pub(crate) fn copy_in(store: &mut State, items: Vec<CopyItem>) -> Result<usize, Fault> {
    look_at_waits(store)?;
    let mut added = 0;
    for item in items {
        added += usize::from(one(store, item)?);
    }
    // What comes in waits as it waited: what it waits for may come later.
    store.index.waits.forget_news();
    store.files.batch.needs_sync = true;
    Ok(added)
}

fn one(store: &mut State, item: CopyItem) -> Result<bool, Fault> {
    match item {
        CopyItem::Control(scope, control) => {
            let is_new = store.admission.controls.get(&scope).is_none_or(Control::is_empty);
            if is_new {
                store.admission.controls.put(scope.clone(), control.clone());
                write_control(store, &scope, &control)?;
            }
            Ok(is_new)
        }
        CopyItem::Schedule(name, value) => {
            let change = ScheduleChange { name, seen: None, value: Some(value), runs: Vec::new() };
            Ok(schedule(store, change)?.is_ok())
        }
        CopyItem::Kind(kind) => {
            let is_new = !store.kinds.contains_key(&kind.kind);
            if is_new {
                describe_kinds(store, vec![kind])?;
            }
            Ok(is_new)
        }
        CopyItem::Starts(bucket, starts) => {
            let is_new = !store.admission.buckets.contains_key(&bucket);
            if is_new {
                store.room(1)?;
                store.files.batch.put(keys::bucket(&bucket), write_bucket(&starts));
                store.admission.buckets.insert(bucket, starts);
            }
            Ok(is_new)
        }
        CopyItem::RemovedEnds(position) => {
            let is_new = store.ends.remove(position);
            if is_new {
                store.ends.reach(position);
                store.room(1)?;
                store.files.batch.put(keys::REMOVED_ENDS.into(), position.to_be_bytes().into());
            }
            Ok(is_new)
        }
        CopyItem::Run(copied) => run(store, *copied),
        CopyItem::Key(RemovedKey { kind, key, run: id, state, until }) => {
            let is_new = store.index.uniques.holder(&kind, &key).is_none();
            if is_new {
                let entry = UniqueKeyEntry { kind, key, id, until, removed: Some(state) };
                store.room(1)?;
                store.files.batch.put(keys::unique(&entry.kind, &entry.key), entry.to_bytes());
                store.index.uniques.keep(entry);
            }
            Ok(is_new)
        }
    }
}

fn run(store: &mut State, copied: CopiedRun) -> Result<bool, Fault> {
    let CopiedRun { mut stored, end, log } = copied;
    let id = stored.run.id;
    if store.exists(id)? {
        return Ok(false);
    }
    stored.interrupt(store.now, "it was copied while it ran");
    store.come_back(&mut stored.run);
    // Its log first: a run that is there is whole.
    store.room(log.len())?;
    for (attempt, page) in log {
        let key = keys::log(id, Epoch(attempt), page.number);
        let value = write_log(&key, Epoch(attempt), page);
        store.files.batch.put(key, value);
    }
    store.add(Box::new(stored.into()), end)?;
    Ok(true)
}
