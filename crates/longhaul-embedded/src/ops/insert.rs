//! New runs.

use longhaul_core::{
    Inserted, NewRun, StoredRun,
    family::admit_child,
    store::InsertError,
    stored::{duplicate, resolve_conflict},
};

use crate::{
    error::Fault,
    state::{State, record::Record, unique_keys::Holder},
};

/// How many keys whose time has passed each new one frees: more than are added, so that they do not pile up.
const KEYS_EXPIRED: usize = 4;

pub(crate) fn insert(store: &mut State, new: NewRun) -> Result<Result<Inserted, InsertError>, Fault> {
    if store.exists(new.id)? {
        let there = if new.parent().is_some() { store.recent_run_of(new.id)? } else { None };
        return Ok(Err(duplicate(&new, there.as_ref())));
    }
    if let Some(parent) = new.parent() {
        let there = store.recent_run_of(parent.id)?;
        if let Err(refused) = admit_child(parent, there.as_ref(), store.child_counts(parent.id)?) {
            return Ok(Err(refused.into()));
        }
    }
    if let Some(unique) = &new.constraints().unique {
        store.expire_keys(KEYS_EXPIRED)?;
        if let Some(holder) = store.key_holder(&new.kind, &unique.key)? {
            return share_key(store, holder, new);
        }
    }
    let mut record = Box::new(Record::from(StoredRun::enqueue(store.now, new)));
    if let Some(key) = record.run.order_key() {
        record.run.turn = Some(store.index.turns.place(store.now, key));
    }
    store.add(record, None)?;
    Ok(Ok(Inserted::New))
}

/// Another run has the key of a new one.
fn share_key(store: &mut State, holder: Holder, new: NewRun) -> Result<Result<Inserted, InsertError>, Fault> {
    let there = match holder {
        Holder::Removed { id, state } => return Ok(resolve_conflict(&new, (id, state), None)),
        Holder::There(there) => there,
    };
    match resolve_conflict(&new, (there.run.id, there.run.state.kind()), Some(&there.run)) {
        Ok(replaced @ Inserted::Replaced { .. }) => {
            store.change_taken(there, |now, run| Ok((replaced, run.replace(now, new))))
        }
        answer => {
            store.put_back(there);
            Ok(answer)
        }
    }
}
