//! New runs.

use longhaul_core::{
    ChildRefused, Event, Inserted, NewRun,
    constraints::{self, Conflict, conflict, conflict_with_removed},
    family::admit_child,
    store::InsertError,
};

use crate::{
    error::Fault,
    state::{State, record::Record, unique_keys::Holder},
};

/// How many keys whose time has passed each new one frees: more than are added, so that they do not pile up.
const KEYS_EXPIRED: usize = 4;

pub(crate) fn insert(store: &mut State, new: NewRun) -> Result<Result<Inserted, InsertError>, Fault> {
    let id = new.id;
    if store.exists(id)? {
        return duplicate(store, &new);
    }
    if let Some(parent) = new.parent() {
        let there = store.recent_run_of(parent.id)?;
        if let Err(refused) = admit_child(parent, there.as_ref(), store.child_counts(parent.id)?) {
            return Ok(Err(refused.into()));
        }
    }
    if let Some(unique) = &new.constraints().unique {
        store.expire_keys(KEYS_EXPIRED)?;
        match store.key_holder(&new.kind, &unique.key)? {
            None => {}
            Some(Holder::There(record)) => return resolve_conflict(store, record, new),
            Some(Holder::Removed { id, state }) => {
                return Ok(match conflict_with_removed(unique.on_conflict) {
                    Conflict::Return => Ok(Inserted::Existing { id, state }),
                    Conflict::Replace | Conflict::Refuse => {
                        Err(InsertError::Taken { key: unique.key.clone(), id, state })
                    }
                });
            }
        }
    }
    let mut record = Box::new(Record::enqueue(store.now, new));
    if let Some(key) = record.run.order_key() {
        record.run.turn = Some(store.index.turns.place(store.now, key));
    }
    store.add(record)?;
    Ok(Ok(Inserted::New))
}

/// Another run has the key of a new one.
/// The id is taken: by the same run, or, if it names a parent, by one that is not this child.
fn duplicate(store: &mut State, new: &NewRun) -> Result<Result<Inserted, InsertError>, Fault> {
    let duplicate = Err(InsertError::Duplicate(new.id));
    let Some(parent) = new.parent() else { return Ok(duplicate) };
    let there = store.recent_run_of(new.id)?;
    let is_this = there.as_ref().and_then(|run| run.parent()).is_some_and(|there| there.is_same_child(parent));
    Ok(if is_this { duplicate } else { Err(ChildRefused::Ambiguous { name: parent.name.clone() }.into()) })
}

fn resolve_conflict(
    store: &mut State,
    mut there: Box<Record>,
    new: NewRun,
) -> Result<Result<Inserted, InsertError>, Fault> {
    let unique = new.constraints().unique.clone().expect("it has a key");
    let (id, state) = (there.run.id, there.run.state.kind());
    match conflict(unique.on_conflict, &there.run) {
        Conflict::Replace => {
            let event: Event = constraints::replacement(store.now, &new);
            there.replace(new.metadata, new.execution_metadata);
            store.apply_event_of(new.by, there, &event)?.expect("it has not begun");
            Ok(Ok(Inserted::Replaced { id }))
        }
        Conflict::Return => {
            store.put_back(there);
            Ok(Ok(Inserted::Existing { id, state }))
        }
        Conflict::Refuse => {
            store.put_back(there);
            Ok(Err(InsertError::Taken { key: unique.key, id, state }))
        }
    }
}
