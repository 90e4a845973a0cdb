//! Pauses and limits of queues and kinds.

use longhaul_core::{Control, ControlChange, Controls, Scope, record};

use crate::{error::Fault, format::keys, state::State};

pub(crate) fn control(store: &mut State, scope: &Scope, change: ControlChange) -> Result<Control, Fault> {
    let control = store.admission.controls.change(scope, change);
    write_control(store, scope, &control)?;
    if !matches!(scope, Scope::LimitKey(..)) {
        return Ok(control.at(store.now));
    }
    forget_limit_keys(store)?;
    let kept = store.admission.controls.get(scope).cloned();
    Ok(kept.unwrap_or_default().at(store.now))
}

/// Removes the pauses of limit keys that have ended, and those that give way to others.
pub(super) fn forget_limit_keys(store: &mut State) -> Result<(), Fault> {
    for scope in store.admission.controls.forget_limit_keys(store.now) {
        store.room(1)?;
        store.files.batch.remove(keys::control(&scope));
    }
    Ok(())
}

/// Stages what a scope is controlled by now.
pub(super) fn write_control(store: &mut State, scope: &Scope, control: &Control) -> Result<(), Fault> {
    store.index.backlogs.unthrottle_all();
    if let Scope::Queue(queue) = scope
        && !control.limits().fair_by_key
    {
        store.index.backlogs.forget_turns(queue);
    }
    let key = keys::control(scope);
    store.room(1)?;
    if control.is_empty() {
        store.files.batch.remove(key);
    } else {
        let bytes = record::write_control(&key, control);
        store.files.batch.put(key, bytes);
    }
    store.files.batch.needs_sync = true;
    Ok(())
}

pub(crate) fn controls(store: &State) -> Controls {
    store.admission.controls.at(store.now)
}
